/* Chunks of counters: taken when they are first needed, and filled with what the record path of counters.h leaves to
 * this header: first values of an octave, values in no octave, sums of arrays, records that find no memory.
 */
#ifndef HISTORIAN_CHUNKS_H
#define HISTORIAN_CHUNKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "counters.h"
#include "platform.h"
#include "sum.h"

/* ---- the sum of arrays and of outliers ---- */

/* Return where digit k is, or NULL if that chunk is missing. */
HISTORIAN_INLINE uint64_t *historian_digit(historian_head *head, historian_far_digits *far_digits, size_t k) {
    if (k - HISTORIAN_NEAR_DIGIT < HISTORIAN_NEAR_DIGITS) return &head->sum[k - HISTORIAN_NEAR_DIGIT];
    if (!far_digits || k >= HISTORIAN_SUM_DIGITS) return NULL;
    return &far_digits->digits[k < HISTORIAN_NEAR_DIGIT ? k : k - HISTORIAN_NEAR_DIGITS];
}

/* Add less than 2^32 to digit k, to which other threads may add. A digit that has reached 2^63 is carried into the next
 * one, unless another thread has done so. This happens once in 2^31 additions to a digit. Between the two steps, and
 * for ever if the process is killed there, the sum lacks 2^63 units of the digit. */
static void historian_add_to_digit(historian_head *head, historian_far_digits *far_digits, size_t k, uint64_t x) {
    const uint64_t top = (uint64_t)1 << 63;
    for (;; k++, x = top >> 32) {
        uint64_t *digit = historian_digit(head, far_digits, k), seen;
        if (!digit) {
            (void)historian_atomic_add(&head->inexact, 1);
            return;
        }
        seen = historian_atomic_add(digit, x) + x;
        do {
            if (!(seen & top)) return;
        } while (!historian_atomic_compare_exchange(digit, &seen, seen - top));
    }
}

/* Return whether one of digits `first` to `end` - 1 is not 0 and not near. */
static int historian_has_far_digits(const uint64_t *digits, size_t first, size_t end) {
    for (; first < end; first++)
        if (digits[first] && first - HISTORIAN_NEAR_DIGIT >= HISTORIAN_NEAR_DIGITS) return 1;
    return 0;
}

/* Add digits of 32 bits, from `first` to `end` - 1. */
static void historian_add_digits(historian_counters *counters, const uint64_t *digits, size_t first, size_t end) {
    historian_far_digits *far_digits = (historian_far_digits *)historian_load_pointer((void **)&counters->far_digits);
    if (!far_digits && historian_has_far_digits(digits, first, end))
        far_digits = (historian_far_digits *)counters->take(counters, HISTORIAN_OCTAVES);
    for (; first < end; first++)
        if (digits[first]) historian_add_to_digit(counters->head, far_digits, first, digits[first]);
}

/* Write a finite value that is not negative as digits of 32 bits. Return the first one; two more may not be 0. */
static size_t historian_digits_of(uint64_t *digits, uint64_t bits) {
    size_t first = historian_digit_at(historian_position(bits));
    memset(digits, 0, HISTORIAN_SUM_DIGITS * sizeof *digits);
    historian_add_value(digits, bits);
    historian_carry_digits(digits, first, first + 3);
    return first;
}

/* ---- records for which there is no chunk ---- */

/* Record a value of an octave for which there is no space: any thread of any process may do this. */
HISTORIAN_COLD int historian_record_coarse(historian_coarse *coarse, uint64_t bucket, uint64_t bits) {
    uint64_t digits[HISTORIAN_SUM_DIGITS];
    size_t first = historian_digits_of(digits, bits);
    for (size_t k = first; k < first + 3; k++)
        if (digits[k]) historian_add_to_digit(&coarse->head, NULL, k, digits[k]);
    historian_atomic_max(&coarse->head.max, bits);
    historian_atomic_max(&coarse->head.not_min, ~bits);
    (void)historian_atomic_add(&coarse->counts[bucket / HISTORIAN_COARSE_BUCKETS], 1);
    return 1;
}

/* Add to one counter: with a plain add if the caller alone writes to it, with an atomic one if others do, too. */
HISTORIAN_INLINE void historian_add_count(uint64_t *counter, uint64_t count, uint64_t exclusive) {
    if (exclusive)
        historian_atomic_store_release(counter, historian_atomic_load(counter) + count);
    else
        (void)historian_atomic_add(counter, count);
}

/* Record a value of the zero bucket or of the overflow bucket. */
HISTORIAN_COLD int historian_record_outlier(historian_counters *counters, uint64_t bits) {
    uint64_t digits[HISTORIAN_SUM_DIGITS];
    size_t first = historian_digits_of(digits, bits);
    if (bits) historian_add_digits(counters, digits, first, first + 3);
    historian_atomic_max(&counters->head->max, bits);
    historian_atomic_max(&counters->head->not_min, ~bits);
    historian_add_count(&counters->head->outliers[bits > HISTORIAN_TINY_BITS], 1, counters->exclusive);
    return 1;
}

/* Return the chunk of an octave; take one if there is none. NULL if there is no memory. */
HISTORIAN_INLINE historian_chunk *historian_get_chunk(historian_counters *counters, size_t octave) {
    historian_chunk *chunk = historian_chunk_of(counters, octave);
    return HISTORIAN_LIKELY(chunk != NULL) ? chunk : (historian_chunk *)counters->take(counters, octave);
}

/* What `record_other` of all counters is. */
HISTORIAN_COLD int historian_record_rest(historian_counters *counters, uint64_t bits) {
    historian_chunk *chunk;
    uint64_t bucket;
    bits = historian_bits(historian_double(bits) + 0.0); /* -0.0 becomes 0.0 */
    if (bits > HISTORIAN_MAX_BITS) return 0;
    bucket = historian_bucket(bits);
    if (bucket >= HISTORIAN_BUCKETS) return historian_record_outlier(counters, bits);
    chunk = historian_get_chunk(counters, bucket >> HISTORIAN_SUM_OCTAVE_SHIFT);
    if (!chunk) return counters->coarse ? historian_record_coarse(counters->coarse, bucket, bits) : 0;
    if (counters->exclusive)
        historian_count_exclusive(counters->head, chunk, bucket, bits);
    else
        historian_count_atomic(counters->head, chunk, bucket, bits);
    return 1;
}

/* ---- counters in private memory ---- */

/* Bytes left free behind them, without a GIL. The heap may put the counters of two threads side by side: if they were
 * in one cache line, each record would wait for that of the other thread. */
#if defined(Py_GIL_DISABLED) || defined(HISTORIAN_FREE_THREADED)
enum { HISTORIAN_APART = 64 };
#else
enum { HISTORIAN_APART = 0 };
#endif

/* Take the chunk of an octave from the heap. Another thread may do so at the same time: then one of the two is used. */
static void *historian_take_private(historian_counters *counters, size_t octave) {
    void **place = octave < HISTORIAN_OCTAVES ? (void **)&counters->chunks[octave] : (void **)&counters->far_digits;
    void *chunk = historian_load_pointer(place), *seen = NULL;
    if (chunk) return chunk;
    chunk = calloc(1, HISTORIAN_CHUNK_NBYTES + HISTORIAN_APART);
    if (!chunk || historian_exchange_pointer(place, &seen, chunk)) return chunk;
    free(chunk);
    return seen;
}

/* Return new counters in private memory, or NULL. */
static historian_counters *historian_new_counters(int exclusive) {
    const size_t size = sizeof(historian_counters) + sizeof(historian_head) + HISTORIAN_APART;
    historian_counters *counters = (historian_counters *)calloc(1, size);
    if (!counters) return NULL;
    counters->head = (historian_head *)(counters + 1);
    counters->record_other = historian_record_rest;
    counters->take = historian_take_private;
    counters->exclusive = (uint64_t)exclusive;
    return counters;
}

static void historian_free_counters(historian_counters *counters) {
    if (!counters) return;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES && !counters->file; octave++) free(counters->chunks[octave]);
    if (!counters->file) free(counters->far_digits);
    free(counters);
}

/* ---- counts of arrays ---- */

/* Return whether a count of this slot can be added: there is a chunk, or one is taken, or the count may be coarse. */
HISTORIAN_INLINE int historian_has_space(historian_counters *counters, size_t slot) {
    size_t octave = (slot - 1) >> HISTORIAN_SUM_OCTAVE_SHIFT;
    return slot - 1 >= HISTORIAN_BUCKETS || historian_get_chunk(counters, octave) || counters->coarse;
}

/* Add to the count of a slot. The sum and the extremes have been added already. */
HISTORIAN_INLINE void historian_add_to_slot(historian_counters *counters, size_t slot, uint64_t count) {
    size_t bucket = slot - 1, octave = bucket >> HISTORIAN_SUM_OCTAVE_SHIFT;
    historian_chunk *chunk;
    if (HISTORIAN_UNLIKELY(bucket >= HISTORIAN_BUCKETS)) {
        historian_add_count(&counters->head->outliers[slot != HISTORIAN_ZERO_SLOT], count, counters->exclusive);
        return;
    }
    chunk = historian_chunk_of(counters, octave);
    if (HISTORIAN_LIKELY(chunk != NULL))
        historian_add_count(&chunk->counts[bucket % HISTORIAN_BUCKETS_PER_OCTAVE], count, counters->exclusive);
    else if (counters->coarse)
        (void)historian_atomic_add(&counters->coarse->counts[bucket / HISTORIAN_COARSE_BUCKETS], count);
}

#endif
