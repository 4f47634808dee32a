/* The sum of the recorded values, exact: it is kept in whole numbers, so nothing is ever rounded.
 *
 * Every float64 is a whole number of units of 2^-1074. A value of a regular bucket is added to the pair of its octave,
 * (2^e, 2^(e+1)], in units of 2^(e-52): there its 53 bits are a whole number m, from 2^52 + 1 to 2^53. So one addition
 * is enough to record it, also for many threads at once:
 *
 *     pair[0]     the sum of all m, modulo 2^64
 *     pair[1]     how often its highest bit has changed: the sum divided by 2^63, rounded down
 *
 * The second number comes after the first one. If its lowest bit differs from the highest bit of the first one, it is
 * one too small. It is never two too small: only one in 1024 records changes the highest bit, and each record that
 * finds the second number too small corrects it. So 1024 threads would have to be in the middle of a record.
 *
 * All other values, and the sums of arrays, are added to `digits`: numbers to the base 2^32, with room above each.
 *
 *     digits   +------+------+------+- ... -+-------+       the sum of digits[k] * 2^(32 k), in units of 2^-1074
 *              |  0   |  1   |  2   |       |  67   |
 *              +------+------+------+- ... -+-------+
 */
#ifndef HISTORIAN_SUM_H
#define HISTORIAN_SUM_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "bucket.h"
#include "platform.h"

enum {
    HISTORIAN_SUM_OCTAVE_SHIFT = 6,                                     /* 64 buckets to the octave */
    HISTORIAN_SUM_OCTAVE_POSITION = HISTORIAN_FIRST_OCTAVE - 52 + 1074, /* bits below the unit of the first octave */
    HISTORIAN_SUM_DIGITS = 68 /* 2^63 values below 2^1024 are below 2^(63 + 1024 + 1074), and 32 * 68 is above that */
};
static_assert(1 << HISTORIAN_SUM_OCTAVE_SHIFT == HISTORIAN_BUCKETS_PER_OCTAVE, "an octave has 64 buckets");
static_assert(HISTORIAN_SUM_OCTAVE_POSITION == 990, "the unit of the first octave is 2^-84");
static_assert(32 * HISTORIAN_SUM_DIGITS >= 63 + 1024 + 1074, "the digits hold the sum of all that can be counted");

#define HISTORIAN_MANTISSA 0x000fffffffffffffULL

/* All zeros is 0. */
typedef struct {
    uint64_t octaves[HISTORIAN_OCTAVES][2];
    uint64_t digits[HISTORIAN_SUM_DIGITS];
} historian_sum;

/* ---- adding, while others may read ---- */

/* A value of a regular bucket, in units of 2^-52 times the lower end of its octave; in [2^52 + 1, 2^53]. */
HISTORIAN_INLINE uint64_t historian_mantissa(uint64_t bits) {
    return ((bits - 1) & HISTORIAN_MANTISSA) + (HISTORIAN_MANTISSA + 2);
}

/* Add a value of a regular bucket. No other thread adds to this pair. */
HISTORIAN_INLINE void historian_add_to_pair_exclusive(uint64_t *pair, uint64_t bits) {
    uint64_t before = historian_atomic_load(pair), after = before + historian_mantissa(bits);
    historian_atomic_store_release(pair, after);
    if (HISTORIAN_UNLIKELY((before ^ after) >> 63))
        historian_atomic_store_release(pair + 1, historian_atomic_load(pair + 1) + 1);
}

/* Whether the second number of a pair is one too small. */
HISTORIAN_INLINE uint64_t historian_is_behind(uint64_t sum, uint64_t changes) { return (changes ^ sum >> 63) & 1; }

/* Correct the second number of a pair, if it is too small. It only grows, so no thread corrects it twice. */
HISTORIAN_COLD void historian_correct_pair(uint64_t *pair) {
    uint64_t changes = historian_atomic_load_acquire(pair + 1); /* first, so that it is never found too large */
    while (historian_is_behind(historian_atomic_load_acquire(pair), changes)) {
        historian_atomic_fence(); /* a reader that sees the change sees the sum, too */
        if (historian_atomic_compare_exchange(pair + 1, &changes, changes + 1)) return;
        changes = historian_atomic_load_acquire(pair + 1);
    }
}

HISTORIAN_INLINE void historian_add_to_pair_atomic(uint64_t *pair, uint64_t bits) {
    uint64_t mantissa = historian_mantissa(bits), changes = historian_atomic_load(pair + 1);
    uint64_t after = historian_atomic_add(pair, mantissa) + mantissa;
    if (HISTORIAN_UNLIKELY(historian_is_behind(after, changes))) historian_correct_pair(pair);
}

/* ---- digits that nobody else uses ---- */

HISTORIAN_INLINE size_t historian_digit_at(size_t position) { return position >> 5; }

/* Add x * 2^position. No digit overflows before 2^30 of these are added. */
HISTORIAN_INLINE void historian_add_at(uint64_t *digits, size_t position, uint64_t x) {
    uint64_t *digit = digits + historian_digit_at(position);
    unsigned shift = (unsigned)position & 31;
    uint64_t low = (x & UINT32_MAX) << shift, high = (x >> 32) << shift;
    digit[0] += low & UINT32_MAX;
    digit[1] += (low >> 32) + (high & UINT32_MAX);
    digit[2] += high >> 32;
}

/* Return how many bits the unit of a value's last bit is above 2^-1074. */
HISTORIAN_INLINE size_t historian_position(uint64_t bits) {
    size_t exponent = (size_t)(bits >> 52) & 0x7ff;
    return exponent ? exponent - 1 : 0;
}

/* Add a finite value that is not negative, by its bits. For any bits, writes only to the digits. */
HISTORIAN_INLINE void historian_add_value(uint64_t *digits, uint64_t bits) {
    size_t position = historian_position(bits);
    uint64_t normal = (uint64_t)((bits >> 52 & 0x7ff) != 0) << 52;
    historian_add_at(digits, position, (bits & HISTORIAN_MANTISSA) | normal);
}

/* Add a finite value that is not negative, by its bits, `times` times; `times` is below 2^63. No digit overflows before
 * 2^28 of these are added. */
HISTORIAN_INLINE void historian_add_value_times(uint64_t *digits, uint64_t bits, uint64_t times) {
    size_t position = historian_position(bits);
    uint64_t normal = (uint64_t)((bits >> 52 & 0x7ff) != 0) << 52, mantissa = (bits & HISTORIAN_MANTISSA) | normal;
    uint64_t low = mantissa & UINT32_MAX, high = mantissa >> 32;
    uint64_t times_low = times & UINT32_MAX, times_high = times >> 32;
    historian_add_at(digits, position, low * times_low);
    historian_add_at(digits, position + 32, high * times_low);
    if (HISTORIAN_LIKELY(!times_high)) return;
    historian_add_at(digits, position + 32, low * times_high);
    historian_add_at(digits, position + 64, high * times_high);
}
static_assert((0x7fe - 1 + 64) / 32 + 2 < HISTORIAN_SUM_DIGITS, "the digits have room for the largest value");

/* Return after which digit the sum of fewer than 2^63 values ends, given the bits of the largest one. */
HISTORIAN_INLINE size_t historian_end_of_sum(uint64_t max) {
    return historian_digit_at(historian_position(max) + 53 + 63 - 1) + 1;
}
static_assert((0x7fe - 1 + 53 + 63 - 1) / 32 + 1 <= HISTORIAN_SUM_DIGITS, "the digits have room for any sum");

/* Bring digits `first` to `end` - 1 below 2^32. Those after them are 0, and so is what the last one carries. */
HISTORIAN_INLINE void historian_carry_digits(uint64_t *digits, size_t first, size_t end) {
    uint64_t carry = 0;
    for (; first < end; first++) {
        uint64_t digit = digits[first] + carry;
        digits[first] = digit & UINT32_MAX;
        carry = digit >> 32;
    }
}

#endif
