/* The live counters of one distribution: their layout in memory, and how one value is recorded into them.
 *
 * There are two ways to count. It depends on who may write to the counters at the same time which one is right:
 *
 *     exclusive     one thread at a time: loads and stores
 *     atomic        any thread of any process: atomic operations
 *
 * This header does not use Python, so native code can record without the GIL.
 */
#ifndef HISTORIAN_COUNTERS_H
#define HISTORIAN_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "bucket.h"
#include "platform.h"
#include "sum.h"

/* All zeros is the empty state, so fresh memory from the kernel, or a fresh file, needs no set-up.
 * Values are never negative, and the bits of non-negative floats are ordered as the floats are. */
typedef struct {
    uint64_t max;                     /* bits of the largest value; 0 while there is none */
    uint64_t not_min;                 /* complement of the bits of the smallest value; 0 while there is none */
    uint64_t used;                    /* 1 after the first record, for ever; while 0, a snapshot skips the counts */
    uint64_t max_bound;               /* likewise, an upper bound of values that came without their exact maximum */
    uint64_t not_min_bound;           /* likewise, a lower bound of values that came without their exact minimum */
    uint64_t reserved[3];             /* 0; the sum begins at a cache line of 64 bytes */
    historian_sum sum;                /* of all values, exact */
    uint64_t reserved_after[4];       /* 0; the counts begin at a cache line, too */
    uint64_t counts[HISTORIAN_SLOTS]; /* records in each slot, in [0, 2^63) */
} historian_counters;

typedef struct historian_lanes historian_lanes; /* counters of each thread: see lanes.h */

/* Files hold counters as they are: see docs/format.md. */
static_assert(offsetof(historian_counters, max) == 0, "layout of files");
static_assert(offsetof(historian_counters, not_min) == 8, "layout of files");
static_assert(offsetof(historian_counters, used) == 16, "layout of files");
static_assert(offsetof(historian_counters, max_bound) == 24, "layout of files");
static_assert(offsetof(historian_counters, not_min_bound) == 32, "layout of files");
static_assert(offsetof(historian_counters, sum) == 64, "layout of files");
static_assert(offsetof(historian_counters, counts) == 2176, "layout of files");
static_assert(offsetof(historian_sum, octaves) == 0, "layout of files");
static_assert(offsetof(historian_sum, digits) == 1536, "layout of files");
static_assert(sizeof(historian_sum) == 2080, "layout of files");
static_assert(sizeof(historian_counters) == 2176 + 8 * HISTORIAN_SLOTS, "layout of files");

/* ---- record ---- */

/* Count one value that is in the sum already, from any thread of any process. The count is added last, with release
 * order: a reader that sees the count sees its share of the sum, too. */
HISTORIAN_INLINE void historian_count_atomic(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(!historian_atomic_load(&counters->used))) historian_atomic_store(&counters->used, 1);
    historian_atomic_max(&counters->max, bits);
    historian_atomic_max(&counters->not_min, ~bits);
    (void)historian_atomic_add(&counters->counts[slot], 1);
}

/* No other thread writes to the counters now, but others may read them. An atomic read-modify-write costs about as much
 * as the rest of a call from Python; a load and a store cost very little. */
HISTORIAN_INLINE void historian_count_exclusive(historian_counters *counters, uint64_t slot, uint64_t bits) {
    if (HISTORIAN_UNLIKELY(bits > historian_atomic_load(&counters->max))) historian_atomic_store(&counters->max, bits);
    if (HISTORIAN_UNLIKELY(~bits > historian_atomic_load(&counters->not_min)))
        historian_atomic_store(&counters->not_min, ~bits);
    historian_atomic_store_release(&counters->counts[slot], historian_atomic_load(&counters->counts[slot]) + 1);
}

/* Record one value. Return 1, or 0 and change nothing if it is NaN, infinite or negative. */
#define HISTORIAN_RECORD(kind)                                                                 \
    HISTORIAN_INLINE int historian_record_##kind(historian_counters *counters, double value) { \
        uint64_t bits = historian_bits(value), bucket = historian_bucket(bits);                \
        if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) {                                 \
            bits = historian_bits(value + 0.0); /* -0.0 becomes 0.0 */                         \
            if (bits > HISTORIAN_MAX_BITS) return 0;                                           \
            if (bits) historian_add_outlier(&counters->sum, bits);                             \
            historian_count_##kind(counters, historian_slot(bits), bits);                      \
            return 1;                                                                          \
        }                                                                                      \
        historian_add_to_octave_##kind(&counters->sum, bucket, bits);                          \
        historian_count_##kind(counters, bucket + 1, bits);                                    \
        return 1;                                                                              \
    }
HISTORIAN_RECORD(atomic)
HISTORIAN_RECORD(exclusive)

/* ---- values that were counted elsewhere ---- */

/* Return the bits of the largest float below the bucket of a slot, which is not the first; found by bisection. */
static uint64_t historian_bits_below(size_t slot) {
    uint64_t below = 0, end = HISTORIAN_MAX_BITS + 1;
    while (end - below > 1) {
        uint64_t middle = below + (end - below) / 2;
        if (historian_slot(middle) < slot)
            below = middle;
        else
            end = middle;
    }
    return below;
}

/* Extend atomic counters by the extremes of values that will be counted there, in slots from `first` to `last`; `min`
 * and `max` are bits. An extreme that is only a bound extends that bound. `max` then becomes the smallest float of the
 * bucket, and `min` the largest. So the largest value lies between `max` and `max_bound`, if that is above `max`. */
static void historian_extend_atomic(historian_counters *counters, size_t first, size_t last, uint64_t min, uint64_t max,
                                    int min_is_bound, int max_is_bound) {
    if (max_is_bound) {
        historian_atomic_max(&counters->max_bound, max);
        max = last == HISTORIAN_ZERO_SLOT ? 0 : historian_bits_below(last) + 1;
    }
    if (min_is_bound) {
        historian_atomic_max(&counters->not_min_bound, ~min);
        min = historian_bits_below(first + 1);
    }
    historian_atomic_max(&counters->max, max);
    historian_atomic_max(&counters->not_min, ~min);
}

#endif
