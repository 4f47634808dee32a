/* The sum of the recorded values, exact: it is kept in whole numbers, so nothing is ever rounded.
 *
 * Every float64 is a whole number of units of 2^-1074. A value of a regular bucket is added to two words of its octave,
 * (2^e, 2^(e+1)], in units of 2^(e-52): there its 53 bits are a whole number m, from 2^52 + 1 to 2^53.
 *
 *                  high                  low
 *     m    +-----------------+-----------------------+      octaves[e + 32][0] += low
 *          |     22 bits     |        32 bits        |      octaves[e + 32][1] += high
 *          +-----------------+-----------------------+
 *
 * The two words have no effect on each other, so any number of threads may add at once. One thread alone carries what
 * does not fit into 32 bits from the first word into the second one; many threads carry once in 2^31 records. The
 * second word counts modulo 2^64: up to 2^43 values, 8.8e12, of one octave are added up correctly.
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

/* Add a value of a regular bucket. No other thread adds to these words. */
HISTORIAN_INLINE void historian_add_to_octave_exclusive(historian_sum *sum, uint64_t bucket, uint64_t bits) {
    uint64_t *octave = sum->octaves[bucket >> HISTORIAN_SUM_OCTAVE_SHIFT];
    uint64_t both = historian_atomic_load(octave) + historian_mantissa(bits);
    historian_atomic_store(octave, (uint32_t)both);
    /* Last, with release order. A reader reads this word first, so it never finds too much. */
    historian_atomic_store_release(octave + 1, historian_atomic_load(octave + 1) + (both >> 32));
}

/* A word has reached 2^63: carry that into the next one, unless another thread has done so. */
HISTORIAN_COLD void historian_carry(uint64_t *word) {
    const uint64_t top = (uint64_t)1 << 63;
    uint64_t seen = historian_atomic_load(word);
    while (seen & top)
        if (historian_atomic_compare_exchange(word, &seen, seen - top)) {
            (void)historian_atomic_add(word + 1, top >> 32);
            return;
        }
}

/* Add less than 2^32 to a word, to which other threads may add. */
HISTORIAN_INLINE void historian_add_to_word(uint64_t *word, uint64_t x) {
    if (HISTORIAN_UNLIKELY((historian_atomic_add(word, x) + x) >> 63)) historian_carry(word);
}

HISTORIAN_INLINE void historian_add_to_octave_atomic(historian_sum *sum, uint64_t bucket, uint64_t bits) {
    uint64_t *octave = sum->octaves[bucket >> HISTORIAN_SUM_OCTAVE_SHIFT], mantissa = historian_mantissa(bits);
    historian_add_to_word(octave, (uint32_t)mantissa);
    (void)historian_atomic_add(octave + 1, mantissa >> 32);
}

/* Add digits of 32 bits, from `first` to `end` - 1. */
HISTORIAN_INLINE void historian_add_digits(historian_sum *sum, const uint64_t *digits, size_t first, size_t end) {
    for (; first < end; first++)
        if (digits[first]) historian_add_to_word(&sum->digits[first], digits[first]);
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

/* Bring all digits from `first` on below 2^32. */
HISTORIAN_INLINE void historian_carry_digits(uint64_t *digits, size_t first) {
    uint64_t carry = 0;
    for (; first < HISTORIAN_SUM_DIGITS; first++) {
        uint64_t digit = digits[first] + carry;
        digits[first] = digit & UINT32_MAX;
        carry = digit >> 32;
    }
}

/* Add a value of the zero bucket or of the overflow bucket to a sum in use. */
HISTORIAN_COLD void historian_add_outlier(historian_sum *sum, uint64_t bits) {
    uint64_t digits[HISTORIAN_SUM_DIGITS] = {0};
    size_t first = historian_digit_at(historian_position(bits));
    historian_add_value(digits, bits);
    historian_carry_digits(digits, first);
    historian_add_digits(sum, digits, first, first + 3);
}

#endif
