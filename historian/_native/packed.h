/* The encoding of the counts in a blob. Neighbouring counts are similar, so each is written as its difference from the
 * one before.
 *
 * docs/format.md describes the bits. This header is C99 and does not use Python. For any input, it reads only the given
 * bytes and writes only to `counts`. The time is in proportion to the number of slots.
 */
#ifndef HISTORIAN_PACKED_H
#define HISTORIAN_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform.h"

#if defined(_MSC_VER) && !defined(__clang__)
HISTORIAN_INLINE unsigned historian_trailing_zeros(uint64_t x) {
    unsigned long at;
    if (_BitScanForward(&at, (uint32_t)x)) return at;
    _BitScanForward(&at, (uint32_t)(x >> 32));
    return at + 32;
}

HISTORIAN_INLINE unsigned historian_bit_length(uint64_t x) {
    unsigned long at;
    if (_BitScanReverse(&at, (uint32_t)(x >> 32))) return at + 33;
    return _BitScanReverse(&at, (uint32_t)x) ? at + 1 : 0;
}
#else
/* x must not be 0. */
HISTORIAN_INLINE unsigned historian_trailing_zeros(uint64_t x) { return (unsigned)__builtin_ctzll(x); }

HISTORIAN_INLINE unsigned historian_bit_length(uint64_t x) { return x ? 64 - (unsigned)__builtin_clzll(x) : 0; }
#endif

enum {
    HISTORIAN_GROUP = 8, /* slots in a group; all its numbers have the same width */
    /* A group has at most 1 + 8 bits for which slots are populated, 9 for the width and 8 * 64 for the numbers. That is
     * 530 bits, which lie in at most 68 bytes. One read takes 9 bytes. */
    HISTORIAN_GROUP_NBYTES = 68,
    HISTORIAN_GROUP_READ_NBYTES = HISTORIAN_GROUP_NBYTES + 9,
    HISTORIAN_MAX_NARROW = 57 /* at any bit offset in a byte, 8 bytes hold this many bits */
};

/* The largest number of bytes for the counts of `slots` slots, plus the bytes that the writer touches after them. */
#define HISTORIAN_PACKED_NBYTES(slots) (((slots) / HISTORIAN_GROUP + 1) * (size_t)HISTORIAN_GROUP_NBYTES + 16)

HISTORIAN_INLINE uint64_t historian_load_le(const uint8_t *at) {
    uint64_t x;
    memcpy(&x, at, sizeof x); /* platform.h refuses big-endian processors */
    return x;
}

/* Return the `width` bits that start at bit `bit`, the lowest first. If `wide` is 0, `width` is at most
 * HISTORIAN_MAX_NARROW. If not, it is 1 to 64. */
HISTORIAN_INLINE uint64_t historian_take_bits(const uint8_t *bytes, size_t bit, unsigned width, int wide) {
    const uint8_t *at = bytes + (bit >> 3);
    unsigned skip = bit & 7;
    uint64_t x = historian_load_le(at) >> skip;
    if (!wide) return x & (((uint64_t)1 << width) - 1);
    if (skip) x |= (uint64_t)at[8] << (64 - skip);
    return x & (~(uint64_t)0 >> (64 - width));
}

/* Write `x` as `width` bits that start at bit `bit`. `x` must fit, and the bytes must be zero from there on. Return the
 * bit after the last one written. */
HISTORIAN_INLINE size_t historian_put_bits(uint8_t *bytes, size_t bit, unsigned width, uint64_t x) {
    uint8_t *at = bytes + (bit >> 3);
    unsigned skip = bit & 7;
    uint64_t low = x << skip;
    for (int i = 0; i < 8; i++) at[i] |= (uint8_t)(low >> (8 * i));
    if (skip) at[8] |= (uint8_t)(x >> (64 - skip));
    return bit + width;
}

/* Encode x as a number that is small if x is near to p: p, p - 1, p + 1, p - 2, ... become 0, 1, 2, 3, ... An x above
 * 2p is not changed. */
HISTORIAN_INLINE uint64_t historian_nearness(uint64_t x, uint64_t p) {
    return x > 2 * p ? x : x >= p ? 2 * (x - p) : 2 * (p - x) - 1;
}
/* The inverse: decode u. */
HISTORIAN_INLINE uint64_t historian_of_nearness(uint64_t u, uint64_t p) {
    uint64_t near_p = p + ((u >> 1) ^ (0 - (u & 1))); /* + u/2 if u is even, - (u+1)/2 if it is odd */
    return u > 2 * p ? u : near_p;
}

/* What a group needs to know of the groups before it. */
typedef struct {
    uint64_t last;  /* the last count that was not 0, in [1, 2^63); 1 at the start */
    uint64_t total; /* the sum of all counts so far */
    uint64_t bad;   /* the top bit is 1 if any count or total was 2^63 or more */
    size_t bit;     /* the first bit of the next group */
    unsigned width; /* bits of each number in the last group with numbers, in [0, 64] */
    int gaps;       /* whether the group before has an empty slot; 1 at the start */
} historian_packing;

/* Read the numbers of a group in which all of the `n` slots have one. Return the bitwise or of the numbers. */
HISTORIAN_INLINE uint64_t historian_unpack_full(historian_packing *now, const uint8_t *bytes, size_t n, int wide,
                                                uint64_t *counts) {
    uint64_t any = 0, x = now->last, total = now->total, bad = now->bad;
    int gaps = 0;
    for (size_t j = 0; j < n; j++) {
        uint64_t u = historian_take_bits(bytes, now->bit + j * now->width, now->width, wide);
        counts[j] = x = historian_of_nearness(u, x); /* each needs the count before it: this takes most of the time */
        any |= u;
        total += x;
        bad |= x | total;
        gaps |= !x;
    }
    now->bit += n * now->width;
    now->total = total;
    now->bad = bad;
    now->gaps = gaps;
    while (n && !counts[n - 1]) n--;
    if (n) now->last = counts[n - 1];
    return any;
}

/* Read the numbers of a group in which only the slots in `mask` are populated. Return the bitwise or of the numbers. */
HISTORIAN_INLINE uint64_t historian_unpack_some(historian_packing *now, const uint8_t *bytes, unsigned mask, int wide,
                                                uint64_t *counts) {
    uint64_t any = 0;
    for (; mask; mask &= mask - 1) {
        uint64_t u = historian_take_bits(bytes, now->bit, now->width, wide);
        uint64_t less = historian_of_nearness(u, now->last - 1); /* a populated slot holds at least 1 */
        any |= u;
        counts[historian_trailing_zeros(mask)] = now->last = less + 1;
        now->total += less + 1;
        now->bad |= less | now->total;
        now->bit += now->width;
    }
    return any;
}

/* Read one group of `n` slots. Return 0 if historian_pack never writes these bits. */
HISTORIAN_INLINE int historian_unpack_group(historian_packing *now, const uint8_t *bytes, size_t n, uint64_t *counts) {
    unsigned full = (1u << n) - 1, mask = full, code, width;
    uint64_t any;
    int sparse = now->gaps;
    if (sparse) {
        memset(counts, 0, n * sizeof *counts);
        if (!historian_take_bits(bytes, now->bit++, 1, 0)) return 1;
        mask = (unsigned)historian_take_bits(bytes, now->bit, (unsigned)n, 0);
        if (!mask) return 0;
        now->bit += n;
        now->gaps = mask != full;
    }
    code = (unsigned)historian_take_bits(bytes, now->bit, 9, 0);
    now->bit += 2;
    if ((code & 3) == 3) {
        width = code >> 2;
        now->bit += 7;
        if (width + 1 >= now->width && width <= now->width + 1) return 0; /* there is a shorter code for this width */
        now->width = width;
    } else {
        now->width += (code & 1) - (code >> 1 & 1);
    }
    if (now->width > 64) return 0;
    if (now->width > HISTORIAN_MAX_NARROW)
        any = sparse ? historian_unpack_some(now, bytes, mask, 1, counts)
                     : historian_unpack_full(now, bytes, n, 1, counts);
    else if (sparse)
        any = historian_unpack_some(now, bytes, mask, 0, counts);
    else if (n == HISTORIAN_GROUP)
        any = historian_unpack_full(now, bytes, HISTORIAN_GROUP, 0, counts);
    else
        any = historian_unpack_full(now, bytes, n, 0, counts);
    return historian_bit_length(any) == now->width; /* otherwise a smaller width would do */
}

/* Reads the most frequent kind of groups faster. NULL if this processor cannot do that. */
static size_t (*historian_unpack_run)(historian_packing *now, const uint8_t *bytes, size_t size, size_t slots,
                                      uint64_t *counts);

#if defined(__x86_64__) && defined(__GNUC__)
#include "packed_avx2.h"
#endif

/* Use the fastest code that this processor can run. If `widest` is "baseline", use the code for all processors. */
static void historian_choose_unpack(const char *widest) {
    (void)widest;
#ifdef HISTORIAN_PACKED_AVX2_H
    historian_unpack_run =
        __builtin_cpu_supports("avx2") && strcmp(widest, "baseline") != 0 ? historian_unpack_run_avx2 : NULL;
#endif
}

/* Read the counts of `slots` slots, and their total, from `size` bytes. `slots` is not 0. Return 0 if the first or the
 * last count is 0, if the total is 2^63 or more, or if historian_pack does not write exactly these bytes. */
static int historian_unpack(const uint8_t *bytes, size_t size, size_t slots, uint64_t *counts, uint64_t *total) {
    /* A copy of the last bytes, followed by zeros, because a read may go beyond the end. */
    uint8_t end[2 * HISTORIAN_GROUP_READ_NBYTES];
    historian_packing now = {1, 0, 0, 0, 0, 1};
    for (size_t slot = 0; slot < slots; slot += HISTORIAN_GROUP) {
        size_t at, n;
        if (!now.gaps && historian_unpack_run)
            slot += historian_unpack_run(&now, bytes, size, slots - slot, counts + slot);
        at = now.bit >> 3;
        n = slots - slot < HISTORIAN_GROUP ? slots - slot : HISTORIAN_GROUP;
        if (!n) break;
        if (at + HISTORIAN_GROUP_READ_NBYTES > size && bytes != end) {
            size -= at;
            memset(end, 0, sizeof end);
            memcpy(end, bytes + at, size);
            bytes = end;
            now.bit &= 7;
        }
        if (!historian_unpack_group(&now, bytes, n, counts + slot) || now.bit > 8 * size) return 0;
    }
    *total = now.total;
    if (now.bad >> 63 || !counts[0] || !counts[slots - 1] || 8 * size - now.bit > 7) return 0;
    return now.bit == 8 * size || bytes[now.bit >> 3] >> (now.bit & 7) == 0;
}

/* Write one group of `n` counts. */
static void historian_pack_group(historian_packing *now, uint8_t *bytes, size_t n, const uint64_t *counts) {
    uint64_t written[HISTORIAN_GROUP], any = 0, last = now->last;
    unsigned mask = 0, width;
    size_t numbers = 0;
    for (size_t j = 0; j < n; j++) {
        if (counts[j]) mask |= 1u << j;
        if (now->gaps && !counts[j]) continue;
        any |= written[numbers++] =
            now->gaps ? historian_nearness(counts[j] - 1, last - 1) : historian_nearness(counts[j], last);
        last = counts[j];
    }
    if (now->gaps) {
        now->bit = historian_put_bits(bytes, now->bit, 1, mask != 0);
        if (!mask) return;
        now->bit = historian_put_bits(bytes, now->bit, (unsigned)n, mask);
    }
    width = historian_bit_length(any);
    if (width + 1 < now->width || width > now->width + 1)
        now->bit = historian_put_bits(bytes, now->bit, 9, 3 | width << 2);
    else
        now->bit = historian_put_bits(bytes, now->bit, 2, width > now->width ? 1 : width < now->width ? 2 : 0);
    for (size_t j = 0; j < numbers; j++) now->bit = historian_put_bits(bytes, now->bit, width, written[j]);
    now->width = width;
    for (size_t j = 0; j < n; j++)
        if (counts[j]) now->last = counts[j];
    now->gaps = mask != (1u << n) - 1;
}

/* Write the counts of `slots` slots. `bytes` has HISTORIAN_PACKED_NBYTES(slots) bytes, all zero. Return the number of
 * bytes that the counts take. */
static size_t historian_pack(const uint64_t *counts, size_t slots, uint8_t *bytes) {
    historian_packing now = {1, 0, 0, 0, 0, 1};
    for (size_t slot = 0; slot < slots; slot += HISTORIAN_GROUP)
        historian_pack_group(&now, bytes, slots - slot < HISTORIAN_GROUP ? slots - slot : HISTORIAN_GROUP,
                             counts + slot);
    return (now.bit + 7) >> 3;
}

#endif
