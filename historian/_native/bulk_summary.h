/* Sum and extremes of an array: those of its chunks, one after the other. The sum is exact. */
#ifndef HISTORIAN_BULK_SUMMARY_H
#define HISTORIAN_BULK_SUMMARY_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "platform.h"
#include "sum.h"

enum {
    HISTORIAN_CHUNK = 512, /* values to a chunk: 4 kB as float64 */
    HISTORIAN_LANES = 8    /* partial sums: as many float64 as the widest register holds */
};

/* Sum and extremes of the values so far; private until all values have been checked. */
typedef struct {
    uint64_t max;                          /* as in historian_counters */
    uint64_t not_min;                      /* likewise */
    uint64_t digits[HISTORIAN_SUM_DIGITS]; /* the exact sum, as in historian_sum */
} historian_summary;

/* ---- the sum of a chunk, exact ----
 *
 * Let v be the smallest value that is not 0, and u the unit of its last bit: v is below 2^53 u. All that follows are
 * whole multiples of u. Values are added up in the first of three ways that loses nothing:
 *
 * 1. In halves. The upper half of a value is the value without the last 26 bits of its mantissa, so a multiple of
 *    2^26 u; the lower half is the rest. Let v be at least 2^e, so u is 2^(e - 52), and the largest value below
 *    2^(e + 18). Then the sum of 512 upper halves is below 2^(e + 27) = 2^53 (2^26 u). A lower half is below 2^-26
 *    times its value, so the sum of 512 of them is below 2^(e + 1) = 2^53 u. Both are whole numbers that 53 bits hold.
 * 2. In lanes. Each lane adds up its values in float64, and what rounding takes away in its compensation. A sum s has
 *    at most 512 rounding errors, each at most 2^-53 s, so its compensation is at most 2^-44 s. If the largest value
 *    is below 2^29 v, s is below 2^38 v, which is below 2^91 u, and the compensation is below 2^47 u. So it is a whole
 *    number that 53 bits hold.
 * 3. As whole numbers. This takes several times as long.
 */

/* Return a + b, rounded. `*rounded` is the rounding error, which is a float64, too (Knuth's two-sum). */
HISTORIAN_INLINE double historian_two_sum(double a, double b, double *rounded) {
    double sum = a + b, b_taken = sum - a, a_taken = sum - b_taken;
    *rounded = (a - a_taken) + (b - b_taken);
    return sum;
}

enum {
    HISTORIAN_HALVES_OCTAVES = 17, /* at most so many between the largest and the smallest value, for halves */
    HISTORIAN_LANES_OCTAVES = 28,  /* likewise, for lanes */
    HISTORIAN_EXACT_MIN = 128,     /* least exponent, as its bits, so that nothing is subnormal */
    HISTORIAN_EXACT_MAX = 2000,    /* largest exponent, so that nothing is infinite */
    HISTORIAN_BIAS_OCTAVES = 40    /* 2^-40 of a sum is above its compensation, and the two together are below 2^53 u */
};

/* Return the bits of the smallest of good values that is not 0, or those of infinity. */
HISTORIAN_INLINE uint64_t historian_find_least(const double *values, size_t n) {
    double least[HISTORIAN_LANES], all = INFINITY;
    for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) least[lane] = INFINITY;
    for (size_t i = 0; i + HISTORIAN_LANES <= n; i += HISTORIAN_LANES)
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) {
            double value = values[i + lane] > 0 ? values[i + lane] : INFINITY;
            least[lane] = value < least[lane] ? value : least[lane];
        }
    for (size_t i = n - n % HISTORIAN_LANES; i < n; i++)
        if (values[i] > 0 && values[i] < all) all = values[i];
    for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) all = least[lane] < all ? least[lane] : all;
    return historian_bits(all);
}

/* Add the sum of a chunk from the sums of its lanes, which lost nothing. */
HISTORIAN_INLINE void historian_add_lanes(uint64_t *digits, const double *sums, const double *compensations,
                                          size_t lanes) {
    double sum = sums[0], compensation = compensations[0], bias;
    for (size_t lane = 1; lane < lanes; lane++) {
        double rounded;
        sum = historian_two_sum(sum, sums[lane], &rounded);
        compensation += compensations[lane] + rounded;
    }
    /* The compensation may be negative. So a power of two is moved from the sum to it, also without rounding. */
    bias = historian_double((historian_bits(sum) & ~HISTORIAN_MANTISSA) - ((uint64_t)HISTORIAN_BIAS_OCTAVES << 52));
    historian_add_value(digits, historian_bits(sum - bias));
    historian_add_value(digits, historian_bits(compensation + bias));
}

/* Return whether values from the bits `least` to the bits `max` are not further apart than so many octaves, and are
 * neither too small nor too large. */
HISTORIAN_INLINE int historian_is_within(uint64_t least, uint64_t max, uint64_t octaves) {
    return (max >> 52) - (least >> 52) <= octaves && least >> 52 >= HISTORIAN_EXACT_MIN &&
           max >> 52 <= HISTORIAN_EXACT_MAX;
}

/* Add the sum of a chunk of good values, as whole numbers. */
static void historian_add_wholes(historian_summary *summary, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++) historian_add_value(summary->digits, historian_bits(values[i] + 0.0));
    historian_carry_digits(summary->digits, 0, historian_end_of_sum(summary->max));
}

/* Add the sum of a chunk of good values, which nobody else changes, in lanes if that is exact. The compiler vectorises
 * this. */
static void historian_add_chunk(historian_summary *summary, uint64_t least, uint64_t max, const double *values,
                                size_t n) {
    double sums[HISTORIAN_LANES] = {0}, compensations[HISTORIAN_LANES] = {0}, rounded;
    size_t whole = n - n % HISTORIAN_LANES;
    if (!max) return;
    if (!historian_is_within(least, max, HISTORIAN_LANES_OCTAVES)) {
        historian_add_wholes(summary, values, n);
        return;
    }
    for (size_t i = 0; i < whole; i += HISTORIAN_LANES)
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) {
            sums[lane] = historian_two_sum(sums[lane], values[i + lane], &rounded);
            compensations[lane] += rounded;
        }
    for (size_t i = whole; i < n; i++) {
        sums[0] = historian_two_sum(sums[0], values[i], &rounded);
        compensations[0] += rounded;
    }
    historian_add_lanes(summary->digits, sums, compensations, HISTORIAN_LANES);
}

/* Add extremes of a chunk of good values. Return the bits of the smallest one that is not 0. */
HISTORIAN_INLINE uint64_t historian_add_extremes(historian_summary *summary, uint64_t min, uint64_t max,
                                                 const double *values, size_t n) {
    summary->max = max > summary->max ? max : summary->max;
    summary->not_min = ~min > summary->not_min ? ~min : summary->not_min;
    return HISTORIAN_LIKELY(min) ? min : historian_find_least(values, n);
}

#endif
