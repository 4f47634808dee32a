/* The live counters of one distribution: their layout in memory, and how one value is recorded into them.
 *
 * A distribution fills a few of the 96 octaves. So counters come in chunks, one for each octave, that are taken when
 * the first value of that octave arrives. A row says where the chunks are:
 *
 *     historian_counters, of this process                 chunks: 536 bytes each, in private memory or in a file
 *     +------+-----------------------------------+        +-------+---------+------------+
 *     | head | chunks of octaves 0 1 2 3 ... 95  |   +--> | owner | sum, 2  | counts, 64 |   values in (1/64, 1/32]
 *     |  |   |           -  - - *-|-*-  - -  -   |   |    +-------+---------+------------+
 *     +--|---+------------------|-|--------------+   |    +-------+---------+------------+
 *        |                      | +------------------|--> | owner | sum, 2  | counts, 64 |   values in (1/32, 1/16]
 *        |                      +--------------------+    +-------+---------+------------+
 *        |      +-------+------+--------+-----+---------+------------------+-----------+---------+
 *        +----> | owner | next | digits | max | not_min | zero, overflow   | sum, 8    | inexact |
 *               +-------+------+--------+-----+---------+------------------+-----------+---------+
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

enum {
    HISTORIAN_CHUNK_WORDS = 67,
    HISTORIAN_CHUNK_NBYTES = 8 * HISTORIAN_CHUNK_WORDS,
    HISTORIAN_COARSE_OCTAVES = 4, /* octaves that a coarse counter counts together: values up to a factor of 16 */
    HISTORIAN_COARSE = HISTORIAN_OCTAVES / HISTORIAN_COARSE_OCTAVES,
    HISTORIAN_COARSE_BUCKETS = HISTORIAN_BUCKETS / HISTORIAN_COARSE,
    HISTORIAN_NEAR_DIGIT = 30, /* digit 30 begins at 2^-114, below the last bit of the least regular value, 2^-84 */
    HISTORIAN_NEAR_DIGITS = 8  /* digit 37 ends at 2^142, above the sum of 2^63 values of 2^64 */
};
static_assert(32 * HISTORIAN_NEAR_DIGIT <= HISTORIAN_SUM_OCTAVE_POSITION, "the last bit of regular values is near");
static_assert(32 * (HISTORIAN_NEAR_DIGIT + HISTORIAN_NEAR_DIGITS) >= 63 + 64 + 1074, "the sum of regular values is");

/* The counters of one octave. All zeros is the empty state. */
typedef struct {
    uint64_t owner;                                /* in a file: what the chunk is for, see file.h; else 0 */
    uint64_t sum[2];                               /* of the values recorded one by one: the pair of sum.h */
    uint64_t counts[HISTORIAN_BUCKETS_PER_OCTAVE]; /* records in each bucket, in [0, 2^63) */
} historian_chunk;

/* What belongs to no octave. All zeros is the empty state. Values are never negative, and the bits of non-negative
 * floats are ordered as the floats are. */
typedef struct {
    uint64_t owner;                      /* as in historian_chunk */
    uint64_t next;                       /* in a file: the next row of the same recorder; else 0 */
    uint64_t far_digits;                 /* in a file: the chunk of the digits that are not in `sum`; else 0 */
    uint64_t max;                        /* bits of the largest value; 0 while there is none */
    uint64_t not_min;                    /* complement of the bits of the smallest value; 0 while there is none */
    uint64_t outliers[2];                /* records in the zero bucket and in the overflow bucket */
    uint64_t sum[HISTORIAN_NEAR_DIGITS]; /* digits 30 to 37 of the sum of arrays and of outliers, see sum.h */
    uint64_t inexact;                    /* additions that the sum lacks, since there was no memory for them */
    uint64_t max_bound;                  /* as `max`: bound of values that came without their exact maximum */
    uint64_t not_min_bound;              /* as `not_min`: likewise for the minimum */
} historian_head;

/* Digits 0 to 29 and 38 to 67. Hardly any recorder needs them. */
typedef struct {
    uint64_t owner;
    uint64_t digits[HISTORIAN_SUM_DIGITS - HISTORIAN_NEAR_DIGITS];
    uint64_t reserved[6]; /* 0 */
} historian_far_digits;

/* Counters that are always there, in a file: for records that find no space for a chunk. */
typedef struct {
    historian_head head;
    uint64_t counts[HISTORIAN_COARSE]; /* records in octaves 0 to 3, 4 to 7 and so on, in [0, 2^63) */
} historian_coarse;

/* How threads find the counters of one row, in memory of this process. */
typedef struct historian_counters historian_counters;
struct historian_counters {
    historian_chunk *chunks[HISTORIAN_OCTAVES]; /* NULL until a value of that octave is recorded */
    historian_head *head;
    historian_far_digits *far_digits; /* NULL until needed */
    historian_coarse *coarse;         /* NULL in private memory */
    /* Record a value that has no chunk, or is exceptional, given its bits; as historian_record_atomic. */
    int (*record_other)(historian_counters *counters, uint64_t bits);
    /* Find or make the chunk of an octave, or the far digits if it is HISTORIAN_OCTAVES. NULL if there is no memory. */
    void *(*take)(historian_counters *counters, size_t octave);
    uint64_t exclusive;                  /* 1 if only one thread at a time writes to the row */
    historian_counters **place;          /* where threads find these counters while they may count here; see lease.h */
    historian_counters *next, *previous; /* others of the same lease */
    historian_counters *owned;           /* the next one of the same recorder */
    void *file;                          /* the historian_space of the file; NULL in private memory */
    uint64_t entry, index, lane;         /* the recorder in that file, and its row */
    size_t thread;                       /* number of the thread that writes; 0 for all threads that share the GIL */
};

typedef struct historian_lanes historian_lanes; /* counters of each thread: see lanes.h */

/* Files hold these as they are: see docs/format.md. */
static_assert(sizeof(historian_chunk) == HISTORIAN_CHUNK_NBYTES, "layout of files");
static_assert(sizeof(historian_far_digits) == HISTORIAN_CHUNK_NBYTES, "layout of files");
static_assert(sizeof(historian_head) == 144, "layout of files");
static_assert(sizeof(historian_coarse) == 336, "layout of files");

/* ---- record ---- */

/* Return the chunk of an octave, or NULL. */
HISTORIAN_INLINE historian_chunk *historian_chunk_of(const historian_counters *counters, size_t octave) {
    return (historian_chunk *)historian_load_pointer((void *const *)&counters->chunks[octave]);
}

/* Count a value of a regular bucket, from any thread of any process. The count is added last, with release order: a
 * reader that sees the count sees its share of the sum, too. */
HISTORIAN_INLINE void historian_count_atomic(historian_head *head, historian_chunk *chunk, uint64_t bucket,
                                             uint64_t bits) {
    historian_add_to_pair_atomic(chunk->sum, bits);
    historian_atomic_max(&head->max, bits);
    historian_atomic_max(&head->not_min, ~bits);
    (void)historian_atomic_add(&chunk->counts[bucket % HISTORIAN_BUCKETS_PER_OCTAVE], 1);
}

/* No other thread writes to the counters now, but others may read them. An atomic read-modify-write costs about as much
 * as the rest of a call from Python; a load and a store cost very little. */
HISTORIAN_INLINE void historian_count_exclusive(historian_head *head, historian_chunk *chunk, uint64_t bucket,
                                                uint64_t bits) {
    uint64_t *count = &chunk->counts[bucket % HISTORIAN_BUCKETS_PER_OCTAVE];
    historian_add_to_pair_exclusive(chunk->sum, bits);
    if (HISTORIAN_UNLIKELY(bits > historian_atomic_load(&head->max))) historian_atomic_store(&head->max, bits);
    if (HISTORIAN_UNLIKELY(~bits > historian_atomic_load(&head->not_min)))
        historian_atomic_store(&head->not_min, ~bits);
    historian_atomic_store_release(count, historian_atomic_load(count) + 1);
}

/* Record one value of an octave that has a chunk. Return 1, or 0 and change nothing if there is none, or if the value
 * is exceptional. It calls nothing, so a function that ends with it needs no frame. */
HISTORIAN_INLINE int historian_record_known(historian_counters *counters, double value) {
    uint64_t bits = historian_bits(value), bucket = historian_bucket(bits);
    historian_chunk *chunk;
    if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) return 0;
    chunk = historian_chunk_of(counters, bucket >> HISTORIAN_SUM_OCTAVE_SHIFT);
    if (HISTORIAN_UNLIKELY(!chunk)) return 0;
    historian_count_exclusive(counters->head, chunk, bucket, bits);
    return 1;
}

/* Record one value. Return 1, or 0 and change nothing if it is NaN, infinite or negative, or if there is no memory. */
#define HISTORIAN_RECORD(kind)                                                                              \
    HISTORIAN_INLINE int historian_record_##kind(historian_counters *counters, double value) {              \
        uint64_t bits = historian_bits(value), bucket = historian_bucket(bits);                             \
        historian_chunk *chunk;                                                                             \
        if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) return counters->record_other(counters, bits); \
        chunk = historian_chunk_of(counters, bucket >> HISTORIAN_SUM_OCTAVE_SHIFT);                         \
        if (HISTORIAN_UNLIKELY(!chunk)) return counters->record_other(counters, bits);                      \
        historian_count_##kind(counters->head, chunk, bucket, bits);                                        \
        return 1;                                                                                           \
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

/* Extend a head by the extremes of values that will be counted there, in slots from `first` to `last`; `min`
 * and `max` are bits. An extreme that is only a bound extends that bound. `max` then becomes the smallest float of the
 * bucket, and `min` the largest. So the largest value lies between `max` and `max_bound`, if that is above `max`. */
static void historian_extend_atomic(historian_head *head, size_t first, size_t last, uint64_t min, uint64_t max,
                                    int min_is_bound, int max_is_bound) {
    if (max_is_bound) {
        historian_atomic_max(&head->max_bound, max);
        max = last == HISTORIAN_ZERO_SLOT ? 0 : historian_bits_below(last) + 1;
    }
    if (min_is_bound) {
        historian_atomic_max(&head->not_min_bound, ~min);
        min = historian_bits_below(first + 1);
    }
    historian_atomic_max(&head->max, max);
    historian_atomic_max(&head->not_min, ~min);
}

#endif
