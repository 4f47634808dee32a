/* The encoding of the counts in a blob. Neighbouring counts are similar, so each is written as its difference from the
 * one before.
 *
 * docs/format.md says what the bits mean. C99, without Python. For any input, this reads only the given bytes, writes
 * only to `counts`, and takes time in proportion to the slots.
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
/* Of x > 0. */
HISTORIAN_INLINE unsigned historian_trailing_zeros(uint64_t x) { return (unsigned)__builtin_ctzll(x); }

HISTORIAN_INLINE unsigned historian_bit_length(uint64_t x) { return x ? 64 - (unsigned)__builtin_clzll(x) : 0; }
#endif

enum {
    HISTORIAN_GROUP = 8, /* slots that are written with one width */
    /* A group takes at most 1 + 8 bits of what is populated, 9 of the width and 8 * 64: from any bit of a byte, 68
     * bytes. Bits are read from 9 bytes at once. */
    HISTORIAN_GROUP_NBYTES = 68,
    HISTORIAN_GROUP_READ_NBYTES = HISTORIAN_GROUP_NBYTES + 9,
    HISTORIAN_MAX_NARROW = 57 /* bits that 8 bytes hold from any bit of the first on */
};

/* Bytes that the counts of so many slots take at most, with what the writer touches beyond them. */
#define HISTORIAN_PACKED_NBYTES(slots) (((slots) / HISTORIAN_GROUP + 1) * (size_t)HISTORIAN_GROUP_NBYTES + 16)

HISTORIAN_INLINE uint64_t historian_load_le(const uint8_t *at) {
    uint64_t x;
    memcpy(&x, at, sizeof x); /* platform.h refuses big-endian processors */
    return x;
}

/* Return `width` bits from bit `bit` on; the first is the lowest. Up to HISTORIAN_MAX_NARROW of them, unless `wide`. */
HISTORIAN_INLINE uint64_t historian_take_bits(const uint8_t *bytes, size_t bit, unsigned width, int wide) {
    const uint8_t *at = bytes + (bit >> 3);
    unsigned skip = bit & 7;
    uint64_t x = historian_load_le(at) >> skip;
    if (!wide) return x & (((uint64_t)1 << width) - 1);
    if (skip) x |= (uint64_t)at[8] << (64 - skip);
    return x & (~(uint64_t)0 >> (64 - width));
}

/* Write `width` bits, of which `x` has no more, into bytes that are zero from bit `bit` on; return the bit after
 * them. */
HISTORIAN_INLINE size_t historian_put_bits(uint8_t *bytes, size_t bit, unsigned width, uint64_t x) {
    uint8_t *at = bytes + (bit >> 3);
    unsigned skip = bit & 7;
    uint64_t low = x << skip;
    for (int i = 0; i < 8; i++) at[i] |= (uint8_t)(low >> (8 * i));
    if (skip) at[8] |= (uint8_t)(x >> (64 - skip));
    return bit + width;
}

/* A whole number as one from 0 on, and back: the nearer to `p`, the less; what is above 2p stays what it is. */
HISTORIAN_INLINE uint64_t historian_nearness(uint64_t x, uint64_t p) {
    return x > 2 * p ? x : x >= p ? 2 * (x - p) : 2 * (p - x) - 1;
}
HISTORIAN_INLINE uint64_t historian_of_nearness(uint64_t u, uint64_t p) {
    uint64_t near_p = p + ((u >> 1) ^ (0 - (u & 1))); /* + u/2 if u is even, - (u+1)/2 if it is odd */
    return u > 2 * p ? u : near_p;
}

/* The state that one group hands to the next. */
typedef struct {
    uint64_t last;  /* count of the nearest populated slot so far, in [1, 2^63); 1 before the first */
    uint64_t total; /* of all counts so far */
    uint64_t bad;   /* its top bit is set once a count or a total has been 2^63 or more */
    size_t bit;     /* where the next group begins */
    unsigned width; /* bits of each number of the last group that had any, in [0, 64] */
    int gaps;       /* whether the group before had an empty slot; 1 before the first */
} historian_packing;

/* Read `n` counts from bit `bit` on. Return all numbers that were read, or-ed together. */
HISTORIAN_INLINE uint64_t historian_unpack_full(historian_packing *now, const uint8_t *bytes, size_t n, int wide,
                                                uint64_t *counts) {
    uint64_t any = 0, x = now->last, total = now->total, bad = now->bad;
    int gaps = 0;
    for (size_t j = 0; j < n; j++) {
        uint64_t u = historian_take_bits(bytes, now->bit + j * now->width, now->width, wide);
        counts[j] = x = historian_of_nearness(u, x); /* each waits for the one before: this is what takes the time */
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

/* The same for the slots of `mask` alone; the others are empty. */
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

/* Read one group of `n` slots. Return 0 if historian_pack would not write these bits. */
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
        if (width + 1 >= now->width && width <= now->width + 1) return 0; /* this width has a shorter code */
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

/* Reads groups of the most frequent kind, if this processor can do it faster; otherwise NULL. */
static size_t (*historian_unpack_run)(historian_packing *now, const uint8_t *bytes, size_t size, size_t slots,
                                      uint64_t *counts);

#if defined(__x86_64__) && defined(__GNUC__)
#include "packed_avx2.h"
#endif

/* Choose the widest registers that the processor has and `widest` allows: "baseline" or anything else. */
static void historian_choose_unpack(const char *widest) {
    (void)widest;
#ifdef HISTORIAN_PACKED_AVX2_H
    historian_unpack_run =
        __builtin_cpu_supports("avx2") && strcmp(widest, "baseline") != 0 ? historian_unpack_run_avx2 : NULL;
#endif
}

/* Read the counts of `slots` > 0 slots, the first and the last populated, from `size` bytes, and their total.
 * Return 0 unless the bytes are exactly those that historian_pack writes for some counts with a total below 2^63. */
static int historian_unpack(const uint8_t *bytes, size_t size, size_t slots, uint64_t *counts, uint64_t *total) {
    /* A copy of the last bytes, followed by zeros: reads may go beyond the end. */
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

/* Write the counts of `slots` slots into HISTORIAN_PACKED_NBYTES(slots) bytes, all zero; return how many were
 * needed. */
static size_t historian_pack(const uint64_t *counts, size_t slots, uint8_t *bytes) {
    historian_packing now = {1, 0, 0, 0, 0, 1};
    for (size_t slot = 0; slot < slots; slot += HISTORIAN_GROUP)
        historian_pack_group(&now, bytes, slots - slot < HISTORIAN_GROUP ? slots - slot : HISTORIAN_GROUP,
                             counts + slot);
    return (now.bit + 7) >> 3;
}

#endif
