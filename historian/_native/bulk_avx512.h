/* The scan of a chunk (see bulk_scan.h) for processors with AVX-512: sixteen values at a time, without a gather.
 *
 * The bucket formula is (b + A[cell]) >> 46 with b = bits - 1, in 64 bits. The upper 32 bits of b and A nearly always
 * give the same result. The lower 32 bits matter only if their sum carries. A carry changes the bucket only if the 14
 * bits that (upper(b) + upper(A)) >> 14 shifts out are all ones. About one value in 16,384 has such bits. A group that
 * contains one is computed again by the exact formula.
 *
 * So sixteen buckets fit into the 32-bit lanes of one register. The upper halves of A, 128 numbers, fit into eight
 * registers. Four permutations of two registers each, and three blends, look up sixteen of them.
 */
#ifndef HISTORIAN_AVX512_H
#define HISTORIAN_AVX512_H

#include <immintrin.h>

#include "bucket.h"
#include "bulk_plain.h"
#include "bulk_summary.h"
#include "platform.h"

#define HISTORIAN_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

static uint32_t historian_upper_offsets[HISTORIAN_CELLS]; /* A >> 32 */

/* Fill the table. Interpreters that do this at the same time write the same values. */
static void historian_prepare_avx512(void) {
    for (int cell = 0; cell < HISTORIAN_CELLS; cell++)
        historian_upper_offsets[cell] = (uint32_t)(historian_offsets[cell] >> 32);
}

/* Return A[cell] >> 32 for sixteen cells. Only the low seven bits of each of `cells` are used. */
HISTORIAN_AVX512 HISTORIAN_INLINE __m512i historian_look_up_avx512(const __m512i *table, __m512i cells) {
    __mmask16 bit5 = _mm512_test_epi32_mask(cells, _mm512_set1_epi32(32));
    __mmask16 bit6 = _mm512_test_epi32_mask(cells, _mm512_set1_epi32(64));
    __m512i first = _mm512_mask_blend_epi32(bit5, _mm512_permutex2var_epi32(table[0], cells, table[1]),
                                            _mm512_permutex2var_epi32(table[2], cells, table[3]));
    __m512i second = _mm512_mask_blend_epi32(bit5, _mm512_permutex2var_epi32(table[4], cells, table[5]),
                                             _mm512_permutex2var_epi32(table[6], cells, table[7]));
    return _mm512_mask_blend_epi32(bit6, first, second);
}

typedef double historian_eight __attribute__((vector_size(64), aligned(8), may_alias));

/* Load eight values that another thread may change. `volatile`: each is read exactly once. */
HISTORIAN_AVX512 HISTORIAN_INLINE __m512d historian_load_avx512(const double *values) {
    historian_eight loaded = *(const volatile historian_eight *)values;
    return (__m512d)loaded;
}

/* Return a + b in each lane, as historian_two_sum does, and add the rounding error to the lane's compensation. */
HISTORIAN_AVX512 HISTORIAN_INLINE __m512d historian_two_sum_avx512(__m512d a, __m512d b, __m512d *compensation) {
    __m512d sum = _mm512_add_pd(a, b), b_taken = _mm512_sub_pd(sum, a), a_taken = _mm512_sub_pd(sum, b_taken);
    *compensation = _mm512_add_pd(*compensation, _mm512_add_pd(_mm512_sub_pd(a, a_taken), _mm512_sub_pd(b, b_taken)));
    return sum;
}

/* Scan n values, a multiple of sixteen. Write the sum of each lane, its rounding error, the extremes and
 * the slots. */
HISTORIAN_AVX512 static void historian_scan16_avx512(double *sums, double *compensation, uint64_t *max, uint64_t *min,
                                                     uint16_t *slots, double *copy, const double *values, size_t n) {
    const __m512i ones = _mm512_set1_epi32(0x3fff), one = _mm512_set1_epi64(1), unit = _mm512_set1_epi32(1);
    /* A value belongs to the zero bucket if the upper half of b is below that of 2^-32. If the value is 0, b has
     * wrapped around to all ones; adding 1 to its upper half makes that 0. */
    const __m512i tiny = _mm512_set1_epi32((int)(HISTORIAN_TINY_BITS >> 32) + 1);
    const __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    __m512i table[8], max_bits = _mm512_setzero_si512(), min_bits = _mm512_set1_epi64(-1);
    __m512d sum_a = _mm512_setzero_pd(), sum_b = sum_a, compensation_a = sum_a, compensation_b = sum_a;
    for (size_t k = 0; k < 8; k++) table[k] = _mm512_loadu_si512(historian_upper_offsets + 16 * k);
    for (size_t i = 0; i < n; i += 16) {
        __m512d value_a = _mm512_add_pd(historian_load_avx512(values + i), _mm512_setzero_pd()); /* -0.0 becomes 0.0 */
        __m512d value_b = _mm512_add_pd(historian_load_avx512(values + i + 8), _mm512_setzero_pd());
        __m512i a = _mm512_castpd_si512(value_a), b = _mm512_castpd_si512(value_b), upper, sum, slot;
        _mm512_storeu_pd(copy + i, value_a);
        _mm512_storeu_pd(copy + i + 8, value_b);
        sum_a = historian_two_sum_avx512(sum_a, value_a, &compensation_a);
        sum_b = historian_two_sum_avx512(sum_b, value_b, &compensation_b);
        max_bits = _mm512_max_epu64(max_bits, _mm512_max_epu64(a, b));
        min_bits = _mm512_min_epu64(min_bits, _mm512_min_epu64(a, b));
        upper = _mm512_permutex2var_epi32(_mm512_sub_epi64(a, one), odd, _mm512_sub_epi64(b, one));
        sum = _mm512_add_epi32(upper, historian_look_up_avx512(table, _mm512_srli_epi32(upper, 13)));
        if (HISTORIAN_UNLIKELY(_mm512_cmpeq_epi32_mask(_mm512_and_si512(sum, ones), ones))) {
            for (size_t k = i; k < i + 16; k++) slots[k] = (uint16_t)historian_slot(historian_bits(copy[k]));
            continue;
        }
        slot = _mm512_min_epu32(_mm512_srli_epi32(sum, 14), _mm512_set1_epi32(HISTORIAN_BUCKETS));
        slot = _mm512_maskz_add_epi32(_mm512_cmpge_epu32_mask(_mm512_add_epi32(upper, unit), tiny), slot, unit);
        _mm256_storeu_si256((__m256i *)(slots + i), _mm512_cvtepi32_epi16(slot));
    }
    *max = _mm512_reduce_max_epu64(max_bits);
    *min = _mm512_reduce_min_epu64(min_bits);
    _mm512_storeu_pd(sums, sum_a);
    _mm512_storeu_pd(sums + 8, sum_b);
    _mm512_storeu_pd(compensation, compensation_a);
    _mm512_storeu_pd(compensation + 8, compensation_b);
}

static int historian_scan_avx512(historian_summary *summary, uint16_t *slots, double *copy, const double *values,
                                 size_t n) {
    size_t whole = n - n % 16;
    if (whole) {
        double sums[16], compensations[16];
        uint64_t max, min, least;
        historian_scan16_avx512(sums, compensations, &max, &min, slots, copy, values, whole);
        if (max > HISTORIAN_MAX_BITS) return 0; /* the bits of a bad value are above those of any good one */
        least = historian_add_extremes(summary, min, max, copy, whole);
        if (HISTORIAN_LIKELY(historian_is_within(least, max, HISTORIAN_LANES_OCTAVES)))
            historian_add_lanes(summary->digits, sums, compensations, 16);
        else if (max)
            historian_add_wholes(summary, copy, whole);
    }
    return whole == n || historian_scan_plain(summary, slots + whole, copy + whole, values + whole, n - whole);
}

#endif
