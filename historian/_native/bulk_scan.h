/* Check a chunk of values, and find their sum, their extremes and their slots.
 *
 * The compiler vectorises the sum, the checks and the bucket formula, except for processors with AVX-512. Each value is
 * read once, and copied: see bulk_load.h.
 */
#ifndef HISTORIAN_BULK_SCAN_H
#define HISTORIAN_BULK_SCAN_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
 * Each lane adds up its values in float64, and what rounding takes away in its compensation. Let v be the smallest
 * value that is not 0, and u the unit of its last bit: v is below 2^53 u. All values, sums and rounding errors are
 * whole multiples of u. A sum s has at most 512 rounding errors, each at most 2^-53 s, so its compensation is at most
 * 2^-44 s. If the largest value is below 2^29 v, s is below 2^38 v, which is below 2^91 u, and the compensation is
 * below 2^47 u. So it is a whole number that 53 bits hold: nothing is lost. Otherwise, the values are added up as whole
 * numbers. This takes several times as long.
 */

/* Return a + b, rounded. `*rounded` is the rounding error, which is a float64, too (Knuth's two-sum). */
HISTORIAN_INLINE double historian_two_sum(double a, double b, double *rounded) {
    double sum = a + b, b_taken = sum - a, a_taken = sum - b_taken;
    *rounded = (a - a_taken) + (b - b_taken);
    return sum;
}

enum {
    HISTORIAN_EXACT_OCTAVES = 28, /* at most so many between the largest and the smallest value */
    HISTORIAN_EXACT_MIN = 128,    /* least exponent, as its bits, so that nothing is subnormal */
    HISTORIAN_EXACT_MAX = 2000,   /* largest exponent, so that nothing is infinite */
    HISTORIAN_BIAS_OCTAVES = 40   /* 2^-40 of a sum is above its compensation, and the two together are below 2^53 u */
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

/* Add the sum of a chunk, from the sums of its lanes if they are exact, or else from its values. */
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

/* Add sum and extremes of a chunk. Return 0, and change nothing, if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_add_to_summary(historian_summary *summary, const double *sums,
                                              const double *compensations, size_t lanes, uint64_t max, uint64_t not_min,
                                              const double *values, size_t n) {
    uint64_t least = ~not_min;
    if (max > HISTORIAN_MAX_BITS) return 0; /* the bits of a bad value are above those of any good one */
    summary->max = max > summary->max ? max : summary->max;
    summary->not_min = not_min > summary->not_min ? not_min : summary->not_min;
    if (HISTORIAN_UNLIKELY(!least)) least = historian_find_least(values, n);
    if (HISTORIAN_LIKELY((max >> 52) - (least >> 52) <= HISTORIAN_EXACT_OCTAVES && least >> 52 >= HISTORIAN_EXACT_MIN &&
                         max >> 52 <= HISTORIAN_EXACT_MAX)) {
        historian_add_lanes(summary->digits, sums, compensations, lanes);
    } else if (max) {
        for (size_t i = 0; i < n; i++) historian_add_value(summary->digits, historian_bits(values[i] + 0.0));
        historian_carry_digits(summary->digits, 0, historian_end_of_sum(summary->max));
    }
    return 1;
}

/* ---- reading once ---- */

/* Copy n values, a multiple of HISTORIAN_LANES, and add them up in lanes. `volatile` has the compiler read each value
 * exactly once, though it is read into registers of `nbytes`. `copy` may be `values`. */
#if defined(__GNUC__)
#define HISTORIAN_ADD_UP(name, target, nbytes)                                                                   \
    typedef double historian_vector_##name __attribute__((vector_size(nbytes), aligned(8), may_alias));          \
    target HISTORIAN_INLINE void historian_add_up_##name(double *sums, double *compensations, double *copy,      \
                                                         const double *values, size_t n) {                       \
        enum { LANES = (nbytes) / sizeof(double), VECTORS = HISTORIAN_LANES / LANES };                           \
        historian_vector_##name sum[VECTORS] = {{0}}, compensation[VECTORS] = {{0}};                             \
        for (size_t i = 0; i < n; i += HISTORIAN_LANES)                                                          \
            for (size_t k = 0; k < VECTORS; k++) {                                                               \
                historian_vector_##name b = *(const volatile historian_vector_##name *)(values + i + k * LANES); \
                historian_vector_##name a = sum[k], both = a + b, b_taken = both - a, a_taken = both - b_taken;  \
                *(historian_vector_##name *)(copy + i + k * LANES) = b;                                          \
                compensation[k] += (a - a_taken) + (b - b_taken); /* as in historian_two_sum */                  \
                sum[k] = both;                                                                                   \
            }                                                                                                    \
        memcpy(sums, sum, sizeof sum);                                                                           \
        memcpy(compensations, compensation, sizeof compensation);                                                \
    }
#else
#define HISTORIAN_ADD_UP(name, target, nbytes)                                                       \
    HISTORIAN_INLINE void historian_add_up_##name(double *sums, double *compensations, double *copy, \
                                                  const double *values, size_t n) {                  \
        for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) sums[lane] = compensations[lane] = 0;  \
        for (size_t i = 0; i < n; i += HISTORIAN_LANES)                                              \
            for (size_t lane = 0; lane < HISTORIAN_LANES; lane++) {                                  \
                double rounded, value = *(const volatile double *)(values + i + lane);               \
                copy[i + lane] = value;                                                              \
                sums[lane] = historian_two_sum(sums[lane], value, &rounded);                         \
                compensations[lane] += rounded;                                                      \
            }                                                                                        \
    }
#endif

/* ---- the scan of a chunk ---- */

/* Copy and add up the values after the last whole number of lanes. Find extremes and slots of all values of the copy,
 * and add to the summary. Return 0 if a value is NaN, infinite or negative. */
HISTORIAN_INLINE int historian_scan_copy(historian_summary *summary, uint16_t *slots, double *copy,
                                         const double *values, size_t n, double *sums, double *compensations) {
    uint64_t max = 0, not_min = 0;
    for (size_t i = n - n % HISTORIAN_LANES; i < n; i++) {
        double rounded, value = *(const volatile double *)(values + i);
        copy[i] = value;
        sums[0] = historian_two_sum(sums[0], value, &rounded);
        compensations[0] += rounded;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(copy[i] + 0.0); /* -0.0 becomes 0.0 */
        uint64_t bucket = historian_bucket(bits);
        max = bits > max ? bits : max;
        not_min = ~bits > not_min ? ~bits : not_min;
        bucket = bucket < HISTORIAN_BUCKETS ? bucket : HISTORIAN_BUCKETS;
        slots[i] = (uint16_t)(bits <= HISTORIAN_TINY_BITS ? HISTORIAN_ZERO_SLOT : bucket + 1);
    }
    return historian_add_to_summary(summary, sums, compensations, HISTORIAN_LANES, max, not_min, copy, n);
}

/* Add a chunk of n values to the summary, and write their slots. The values may change at any moment; what is added is
 * what has been written to `copy`, which may be `values`. Return 0 if one of these is NaN, infinite or negative. There
 * is one such function for each width of register. The widest one that this processor has is used. */
typedef int (*historian_scanner)(historian_summary *, uint16_t *slots, double *copy, const double *values, size_t n);

#define HISTORIAN_SCAN(name, target, nbytes)                                                                     \
    HISTORIAN_ADD_UP(name, target, nbytes)                                                                       \
    target HISTORIAN_INLINE int historian_scan_##name(historian_summary *summary, uint16_t *slots, double *copy, \
                                                      const double *values, size_t n) {                          \
        double sums[HISTORIAN_LANES], compensations[HISTORIAN_LANES];                                            \
        historian_add_up_##name(sums, compensations, copy, values, n - n % HISTORIAN_LANES);                     \
        return historian_scan_copy(summary, slots, copy, values, n, sums, compensations);                        \
    }
HISTORIAN_SCAN(baseline, , 16)

static historian_scanner historian_scan = historian_scan_baseline;

#if defined(__x86_64__) && defined(__GNUC__)
#include "bulk_avx512.h"

HISTORIAN_SCAN(avx2, __attribute__((target("avx2"))), 32)

static int historian_scan_avx512(historian_summary *summary, uint16_t *slots, double *copy, const double *values,
                                 size_t n) {
    size_t whole = n - n % 16;
    if (whole) {
        double sums[16], compensations[16];
        uint64_t max, min;
        historian_scan16_avx512(sums, compensations, &max, &min, slots, copy, values, whole);
        if (!historian_add_to_summary(summary, sums, compensations, 16, max, ~min, copy, whole)) return 0;
    }
    return whole == n || historian_scan_baseline(summary, slots + whole, copy + whole, values + whole, n - whole);
}

/* Choose the widest that the processor has and `widest` allows: "baseline", "avx2" or any other. Return its name. */
static const char *historian_choose_scan(const char *widest) {
    int avx2 = __builtin_cpu_supports("avx2") && strcmp(widest, "baseline") != 0;
    int avx512 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl") && avx2 && strcmp(widest, "avx2") != 0;
    if (avx512) historian_prepare_avx512();
    historian_scan = avx512 ? historian_scan_avx512 : avx2 ? historian_scan_avx2 : historian_scan_baseline;
    return avx512 ? "avx512" : avx2 ? "avx2" : "baseline";
}
#else
static const char *historian_choose_scan(const char *widest) {
    (void)widest;
    return "baseline";
}
#endif

#endif
