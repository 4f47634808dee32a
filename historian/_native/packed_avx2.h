/* Read groups of counts (see packed.h) on processors with AVX2: the eight numbers of a group at the same time.
 *
 * To decode a count, one must know whether u > 2p, where p is the count before. In most groups this is false for every
 * count. Then each count is the last count of the group before plus the differences up to it. This code computes all
 * eight counts as if u > 2p were false, and then tests that it is. It stops at the first group that fails the test or
 * is unusual in another way. The code for all processors reads that group.
 */
#ifndef HISTORIAN_PACKED_AVX2_H
#define HISTORIAN_PACKED_AVX2_H

#include <immintrin.h>

#define HISTORIAN_AVX2 __attribute__((target("avx2")))

enum {
    HISTORIAN_AVX2_MAX_WIDTH = 25,     /* at any bit offset in a byte, four bytes hold this many bits */
    HISTORIAN_AVX2_MAX_COUNT = 1 << 28 /* this plus eight differences of 24 bits is far below 2^31 */
};

/* Return the eight numbers of `width` bits each that start at bit `bit`. */
HISTORIAN_AVX2 HISTORIAN_INLINE __m256i historian_take_eight(const uint8_t *bytes, size_t bit, unsigned width) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    const __m256i spread =
        _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c);
    size_t fifth = bit + 4 * (size_t)width;
    __m128i low = _mm_loadu_si128((const __m128i *)(bytes + (bit >> 3)));
    __m128i high = _mm_loadu_si128((const __m128i *)(bytes + (fifth >> 3)));
    __m256i from = _mm256_set_m128i(_mm_set1_epi32((int)(fifth & 7)), _mm_set1_epi32((int)(bit & 7)));
    __m256i at = _mm256_add_epi32(from, _mm256_mullo_epi16(lane, _mm256_set1_epi32((int)width)));
    /* Give each lane four bytes, starting with the byte in which its number begins. */
    __m256i first = _mm256_shuffle_epi8(_mm256_srli_epi32(at, 3), spread);
    __m256i words =
        _mm256_shuffle_epi8(_mm256_set_m128i(high, low), _mm256_add_epi32(first, _mm256_set1_epi32(0x03020100)));
    words = _mm256_srlv_epi32(words, _mm256_and_si256(at, _mm256_set1_epi32(7)));
    return _mm256_and_si256(words, _mm256_set1_epi32((1 << width) - 1));
}

/* Return in each lane the sum of the lanes from the first to this one. */
HISTORIAN_AVX2 HISTORIAN_INLINE __m256i historian_running_sums(__m256i x) {
    __m256i half;
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 8)); /* so far for each half of four lanes */
    half = _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(3));
    return _mm256_add_epi32(x, _mm256_blend_epi32(_mm256_setzero_si256(), half, 0xf0));
}

/* Read whole groups, at most `slots` slots, and stop at the first unusual one. Return the number of slots read. */
HISTORIAN_AVX2 static size_t historian_unpack_run_avx2(historian_packing *now, const uint8_t *bytes, size_t size,
                                                       size_t slots, uint64_t *counts) {
    const __m256i one = _mm256_set1_epi32(1), max_count = _mm256_set1_epi32(HISTORIAN_AVX2_MAX_COUNT);
    __m256i last = _mm256_set1_epi32((int)now->last), totals = _mm256_setzero_si256();
    uint64_t parts[4];
    size_t done = 0, bit = now->bit; /* locals: the compiler must assume that `counts` may overlap `*now` */
    unsigned width = now->width;
    if (now->gaps || now->last >= HISTORIAN_AVX2_MAX_COUNT) return 0;
    for (; done + HISTORIAN_GROUP <= slots && (bit >> 3) + HISTORIAN_GROUP_READ_NBYTES <= size;
         done += HISTORIAN_GROUP) {
        unsigned code = (unsigned)historian_take_bits(bytes, bit, 2, 0), next = width + (code & 1) - (code >> 1);
        __m256i u, differences, x, before, off, first, second;
        if (code == 3 || next - 1 >= HISTORIAN_AVX2_MAX_WIDTH) break;
        u = historian_take_eight(bytes, bit + 2, next);
        differences = _mm256_xor_si256(_mm256_srli_epi32(u, 1),
                                       _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(u, one)));
        x = _mm256_add_epi32(last, historian_running_sums(differences));
        before = _mm256_sub_epi32(x, differences);
        off = _mm256_cmpgt_epi32(u, _mm256_add_epi32(before, before));
        off = _mm256_or_si256(off, _mm256_or_si256(_mm256_cmpgt_epi32(one, x), _mm256_cmpgt_epi32(x, max_count)));
        /* In at least one number the highest bit must be 1. If not, a smaller width would have been written. */
        if (!_mm256_testz_si256(off, off) ||
            !_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_sll_epi32(u, _mm_cvtsi32_si128(32 - (int)next)))))
            break;
        first = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(x));
        second = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(x, 1));
        _mm256_storeu_si256((__m256i *)(counts + done), first);
        _mm256_storeu_si256((__m256i *)(counts + done + 4), second);
        totals = _mm256_add_epi64(totals, _mm256_add_epi64(first, second));
        last = _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(7));
        bit += 2 + HISTORIAN_GROUP * next;
        width = next;
    }
    now->bit = bit;
    now->width = width;
    _mm256_storeu_si256((__m256i *)parts, totals);
    now->total += parts[0] + parts[1] + parts[2] + parts[3];
    now->bad |= now->total;
    now->last = (uint32_t)_mm256_cvtsi256_si32(last);
    return done;
}

#endif
