/* The bucket of a value: one look-up, one add, two shifts. buckets.py derives the formula and its table.
 *
 * A slot is a bucket's place in memory, in the order of values:
 *
 *     slot     0             1                   s                            6144             6145
 *            +-------------+-----------+- ... -+--------------------+- ... -+----------------+----------+
 *            | zero bucket | index     |       | index s - 2049     |       | index 4095     | overflow |
 *            | [0, 2^-32]  | -2048     |       | (2^(i/64),         |       | (.., 2^64]     | > 2^64   |
 *            |             |           |       |  2^((i + 1)/64)]   |       |                |          |
 *            +-------------+-----------+- ... -+--------------------+- ... -+----------------+----------+
 */
#ifndef HISTORIAN_BUCKET_H
#define HISTORIAN_BUCKET_H

#include <stdint.h>
#include <string.h>

#include "platform.h"

enum {
    HISTORIAN_BUCKETS_PER_OCTAVE = 64,
    HISTORIAN_FIRST_OCTAVE = -32, /* the octave from 2^-32 to 2^-31 */
    HISTORIAN_OCTAVES = 96,       /* from 2^-32 to 2^64 */
    HISTORIAN_BUCKETS = HISTORIAN_OCTAVES * HISTORIAN_BUCKETS_PER_OCTAVE,
    HISTORIAN_FIRST_INDEX = HISTORIAN_FIRST_OCTAVE * HISTORIAN_BUCKETS_PER_OCTAVE, /* the index of slot 1 */
    HISTORIAN_SLOTS = HISTORIAN_BUCKETS + 2,
    HISTORIAN_ZERO_SLOT = 0,
    HISTORIAN_OVERFLOW_SLOT = HISTORIAN_SLOTS - 1,
    /* For the index formula. */
    HISTORIAN_CELLS = 128,     /* equal parts of an octave, numbered by the top 7 bits of the mantissa */
    HISTORIAN_CELL_SHIFT = 45, /* the other bits of the mantissa: 52 - 7 */
    HISTORIAN_INDEX_SHIFT = 46 /* 52 - 6: above this bit, b + A is the index of the bucket */
};
static_assert(HISTORIAN_BUCKETS == 6144 && HISTORIAN_FIRST_INDEX == -2048, "files and blobs count in these buckets");
static_assert(HISTORIAN_SLOTS <= UINT16_MAX, "a slot is kept in 16 bits while an array is scanned");

#define HISTORIAN_MAX_BITS 0x7fefffffffffffffULL  /* bits of the largest finite float64 */
#define HISTORIAN_TINY_BITS 0x3df0000000000000ULL /* bits of 2^-32, the top of the zero bucket */

/* A[cell] of the index formula, minus the index of slot 1, shifted left by 46. tests/test_buckets.py checks this table
 * against integer arithmetic. */
/* clang-format off */
static const uint64_t historian_offsets[HISTORIAN_CELLS] = {
    0xc210000000000000ULL, 0xc2101365c1887f9fULL, 0xc210264f2cea7a8cULL, 0xc210200000000000ULL,
    0xc21038bae78a6438ULL, 0xc2104aa7930676f1ULL, 0xc210400000000000ULL, 0xc2105c13cd2c2e5eULL,
    0xc2106cfe2feda4afULL, 0xc210600000000000ULL, 0xc2107d655156d220ULL, 0xc2108d47c382ae85ULL,
    0xc210800000000000ULL, 0xc2109ca41490348bULL, 0xc210ab78ce974656ULL, 0xc210a00000000000ULL,
    0xc210b9c4779d732aULL, 0xc210c785918a9dc8ULL, 0xc210c00000000000ULL, 0xc210d4ba9a1d8323ULL,
    0xc210e1620ae0211fULL, 0xc210e00000000000ULL, 0xc210ed7a591bfcf5ULL, 0xc210e00000000000ULL,
    0xc210f901f5ce48ebULL, 0xc21103f74d9be901ULL, 0xc211000000000000ULL, 0xc2110e58c8c55635ULL,
    0xc211000000000000ULL, 0xc2111824cb1a6009ULL, 0xc2112159b3edcbdeULL, 0xc211200000000000ULL,
    0xc21129f5de08d1d6ULL, 0xc211200000000000ULL, 0xc21131f79f9e76d3ULL, 0xc211200000000000ULL,
    0xc211395d4a3ec330ULL, 0xc21140252ac9d5d9ULL, 0xc211400000000000ULL, 0xc211464d8962d359ULL,
    0xc211400000000000ULL, 0xc2114bd4a962b07eULL, 0xc211400000000000ULL, 0xc21150b8c94ad826ULL,
    0xc211400000000000ULL, 0xc21154f822b7abd7ULL, 0xc211400000000000ULL, 0xc2115890ea52deb8ULL,
    0xc211400000000000ULL, 0xc2115b814fc5aa7bULL, 0xc211400000000000ULL, 0xc2115dc77daadddbULL,
    0xc211400000000000ULL, 0xc2115f619980c433ULL, 0xc211604dc39ae5d1ULL, 0xc211600000000000ULL,
    0xc211608a1713a08cULL, 0xc211600000000000ULL, 0xc2116014a9bd9837ULL, 0xc211600000000000ULL,
    0xc211400000000000ULL, 0xc2115eeb8c14fe79ULL, 0xc211400000000000ULL, 0xc2115d0cc930b19eULL,
    0xc211400000000000ULL, 0xc2115a7666b331edULL, 0xc211400000000000ULL, 0xc211572664bb6d13ULL,
    0xc211400000000000ULL, 0xc211531abdd55f25ULL, 0xc211400000000000ULL, 0xc2114e5166ea88caULL,
    0xc211400000000000ULL, 0xc21148c84f323a1bULL, 0xc211400000000000ULL, 0xc211427d6021b1b0ULL,
    0xc211400000000000ULL, 0xc211200000000000ULL, 0xc2113b6e7d5c0f70ULL, 0xc211200000000000ULL,
    0xc211339984a21a9bULL, 0xc211200000000000ULL, 0xc2112afc4dc1daa3ULL, 0xc211200000000000ULL,
    0xc2112194aa860241ULL, 0xc211200000000000ULL, 0xc211000000000000ULL, 0xc211176066a52c53ULL,
    0xc211000000000000ULL, 0xc2110c5d47b0ea05ULL, 0xc211000000000000ULL, 0xc21100890d04a1b9ULL,
    0xc211000000000000ULL, 0xc210e00000000000ULL, 0xc210f3e16fb43e2eULL, 0xc210e00000000000ULL,
    0xc210e664227aad64ULL, 0xc210e00000000000ULL, 0xc210c00000000000ULL, 0xc210d80ed1a82eb5ULL,
    0xc210c00000000000ULL, 0xc210c8df23106f97ULL, 0xc210c00000000000ULL, 0xc210a00000000000ULL,
    0xc210b8d2b5f87684ULL, 0xc210a00000000000ULL, 0xc210a7e723045b79ULL, 0xc210a00000000000ULL,
    0xc210800000000000ULL, 0xc2109619fc24cd7bULL, 0xc210800000000000ULL, 0xc2108368cc8464a1ULL,
    0xc210800000000000ULL, 0xc210600000000000ULL, 0xc2106fd11874c00aULL, 0xc210600000000000ULL,
    0xc210400000000000ULL, 0xc2105b505d5b6f26ULL, 0xc210400000000000ULL, 0xc21045e4119ea5d9ULL,
    0xc210400000000000ULL, 0xc210200000000000ULL, 0xc2102f89a491bac0ULL, 0xc210200000000000ULL,
    0xc210000000000000ULL, 0xc210183e7e616f28ULL, 0xc210000000000000ULL, 0xc20fe00000000000ULL};
/* clang-format on */

HISTORIAN_INLINE uint64_t historian_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

HISTORIAN_INLINE double historian_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Return the bucket of a value, given its bits. Slot 1 is bucket 0. The result is HISTORIAN_BUCKETS or more for every
 * exceptional value: zero, tiny, huge, negative, infinite or NaN. */
HISTORIAN_INLINE uint64_t historian_bucket(uint64_t bits) {
    uint64_t b = bits - 1;
    return (b + historian_offsets[(b >> HISTORIAN_CELL_SHIFT) & (HISTORIAN_CELLS - 1)]) >> HISTORIAN_INDEX_SHIFT;
}

/* Return the slot of a value, given its bits. The value must be finite and not negative. */
HISTORIAN_INLINE uint64_t historian_slot(uint64_t bits) {
    uint64_t bucket = historian_bucket(bits);
    if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS))
        return bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : HISTORIAN_OVERFLOW_SLOT;
    return bucket + 1;
}

#endif
