/* The live counters of one distribution: their layout in memory, and how one value is recorded into them.
 *
 * There are three ways to count. It depends on who may write to the counters at the same time which one is right:
 *
 *     exclusive            one thread at a time: loads and stores. The rounding errors of the sum are kept.
 *     atomic               any thread of any process: atomic operations. The rounding errors of the sum are lost.
 *     atomic_compensated   like atomic, but one more atomic operation keeps the rounding errors of the sum.
 *
 * This header does not use Python, so native code can record without the GIL.
 */
#ifndef HISTORIAN_COUNTERS_H
#define HISTORIAN_COUNTERS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "bucket.h"
#include "platform.h"

/* All zeros is the empty state, so fresh memory from the kernel, or a fresh file, needs no set-up.
 * Values are never negative, and the bits of non-negative floats are ordered as the floats are. */
typedef struct {
    uint64_t sum;                     /* bits of a float64 in [0, inf]; inf only if the true sum is beyond float64 */
    uint64_t compensation;            /* bits of a float64, to be added to the sum; no meaning if that is inf */
    uint64_t max;                     /* bits of the largest value; 0 while there is none */
    uint64_t not_min;                 /* complement of the bits of the smallest value; 0 while there is none */
    uint64_t used;                    /* 1 after the first record, for ever; while 0, a snapshot skips the counts */
    uint64_t reserved[3];             /* 0; the counts begin at a cache line of 64 bytes */
    uint64_t counts[HISTORIAN_SLOTS]; /* records in each slot, in [0, 2^63) */
} historian_counters;

typedef struct historian_lanes historian_lanes; /* counters of each thread: see lanes.h */

/* Files hold counters as they are: see docs/format.md. */
static_assert(offsetof(historian_counters, sum) == 0, "layout of files");
static_assert(offsetof(historian_counters, compensation) == 8, "layout of files");
static_assert(offsetof(historian_counters, max) == 16, "layout of files");
static_assert(offsetof(historian_counters, not_min) == 24, "layout of files");
static_assert(offsetof(historian_counters, used) == 32, "layout of files");
static_assert(offsetof(historian_counters, counts) == 64, "layout of files");
static_assert(sizeof(historian_counters) == 64 + 8 * HISTORIAN_SLOTS, "layout of files");

/* ---- sums ---- */

/* Return a + b, rounded. `*rounded` is the rounding error, which is a float64, too (Knuth's two-sum). */
HISTORIAN_INLINE double historian_two_sum(double a, double b, double *rounded) {
    double sum = a + b, b_taken = sum - a, a_taken = sum - b_taken;
    *rounded = (a - a_taken) + (b - b_taken);
    return sum;
}

/* Add to a sum. Return the rounding error. */
HISTORIAN_INLINE double historian_atomic_add_double(uint64_t *p, double value) {
    uint64_t seen = historian_atomic_load(p);
    double rounded, sum;
    do sum = historian_two_sum(historian_double(seen), value, &rounded);
    while (!historian_atomic_compare_exchange(p, &seen, historian_bits(sum)));
    return rounded;
}

HISTORIAN_INLINE void historian_add_sum_atomic(historian_counters *counters, double sum) {
    (void)historian_atomic_add_double(&counters->sum, sum);
}

/* In a file, whose sums grow for ever, rounding errors matter. `compensation` is the rounding error of `sum` so far. */
HISTORIAN_INLINE void historian_add_sum_atomic_compensated(historian_counters *counters, double sum,
                                                           double compensation) {
    compensation += historian_atomic_add_double(&counters->sum, sum);
    if (compensation != 0 && !isnan(compensation)) /* NaN: the sum is infinite */
        (void)historian_atomic_add_double(&counters->compensation, compensation);
}

/* Add a rounding error to the compensation. */
HISTORIAN_INLINE void historian_add_compensation_exclusive(historian_counters *counters, double rounded) {
    double compensation = historian_double(historian_atomic_load(&counters->compensation));
    historian_atomic_store(&counters->compensation, historian_bits(compensation + rounded));
}

HISTORIAN_INLINE void historian_add_sum_exclusive(historian_counters *counters, double value) {
    double sum = historian_double(historian_atomic_load(&counters->sum)), total = sum + value, rounded;
    /* Dekker's two-sum: cheaper than Knuth's if it is known which one is larger. It is nearly always the sum. */
    rounded = HISTORIAN_UNLIKELY(sum < value) ? sum - (total - value) : value - (total - sum);
    historian_atomic_store(&counters->sum, historian_bits(total));
    historian_add_compensation_exclusive(counters, rounded);
}

/* ---- record ---- */

/* Count one value that is in the sum already, from any thread of any process. The count is added last, with release
 * order: a reader that sees the count sees its share of the sum, too. */
HISTORIAN_INLINE void historian_count_atomic_summed(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(!historian_atomic_load(&counters->used))) historian_atomic_store(&counters->used, 1);
    historian_atomic_max(&counters->max, bits);
    historian_atomic_max(&counters->not_min, ~bits);
    historian_atomic_add(&counters->counts[slot], 1);
}

HISTORIAN_INLINE void historian_count_atomic(historian_counters *counters, uint64_t slot, uint64_t bits) {
    historian_add_sum_atomic(counters, historian_double(bits));
    historian_count_atomic_summed(counters, slot, bits);
}

HISTORIAN_INLINE void historian_count_atomic_compensated(historian_counters *counters, uint64_t slot, uint64_t bits) {
    historian_add_sum_atomic_compensated(counters, historian_double(bits), 0);
    historian_count_atomic_summed(counters, slot, bits);
}

/* No other thread writes to the counters now, but others may read them. An atomic read-modify-write costs about as much
 * as the rest of a call from Python; a load and a store cost very little. */
HISTORIAN_INLINE void historian_count_exclusive(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(bits > historian_atomic_load(&counters->max))) historian_atomic_store(&counters->max, bits);
    if (HISTORIAN_UNLIKELY(~bits > historian_atomic_load(&counters->not_min)))
        historian_atomic_store(&counters->not_min, ~bits);
    historian_add_sum_exclusive(counters, historian_double(bits));
    historian_atomic_store_release(&counters->counts[slot], historian_atomic_load(&counters->counts[slot]) + 1);
}

/* Record one value. Return 1, or 0 and change nothing if it is NaN, infinite or negative. */
#define HISTORIAN_RECORD(kind)                                                                 \
    HISTORIAN_INLINE int historian_record_##kind(historian_counters *counters, double value) { \
        uint64_t bits = historian_bits(value), bucket = historian_bucket(bits);                \
        if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) {                                 \
            bits = historian_bits(value + 0.0); /* -0.0 becomes 0.0 */                         \
            if (bits > HISTORIAN_MAX_BITS) return 0;                                           \
            historian_count_##kind(counters, historian_slot(bits), bits);                      \
            return 1;                                                                          \
        }                                                                                      \
        historian_count_##kind(counters, bucket + 1, bits);                                    \
        return 1;                                                                              \
    }
HISTORIAN_RECORD(atomic)
HISTORIAN_RECORD(atomic_compensated)
HISTORIAN_RECORD(exclusive)

#endif
