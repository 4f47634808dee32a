/* What counters hold together: rows are added up, and what has been drained is subtracted.
 *
 * Writers add the sum and the extremes first and the count last. So the counts of a chunk are read before its sum, and
 * the extremes at the end.
 */
#ifndef HISTORIAN_TOTAL_H
#define HISTORIAN_TOTAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "counters.h"
#include "platform.h"
#include "sum.h"
#include "sum_read.h"

/* All zeros is the empty state; see historian_clear_total. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    uint64_t coarse[HISTORIAN_COARSE]; /* as in historian_coarse; not in `counts` */
    historian_sum sum;                 /* exact, unless `inexact` */
    uint64_t max, not_min;             /* as in historian_head */
    uint64_t max_bound, not_min_bound; /* likewise */
    uint64_t records;                  /* how many there are; set at the end of reading a file */
    uint64_t any;     /* a bit is set if it is in any count; no count wraps before its highest bit has shown here */
    uint64_t inexact; /* as in historian_head */
    uint64_t is_wide; /* 1 if a digit of 2^32 or more has been added */
    uint64_t is_odd;  /* 1 if a part of the sum is larger than any values can make it */
    uint8_t touched[HISTORIAN_OCTAVES]; /* 1 if there may be counts or a sum in that octave */
} historian_total;

/* The second number of a pair is at most this: below 2^63 values of at most 2^53 units, divided by 2^63. */
#define HISTORIAN_MOST_CHANGES ((uint64_t)1 << 53)

/* Return whether one of eight bytes is not 0: most octaves have no counts, and are passed over eight at a time. */
HISTORIAN_INLINE int historian_any_of_eight(const uint8_t *bytes) {
    uint64_t all;
    memcpy(&all, bytes, sizeof all);
    return all != 0;
}

static_assert(HISTORIAN_OCTAVES % 8 == 0, "octaves are passed over eight at a time");

/* Make a total empty again. Only what has been touched is cleared. */
static void historian_clear_total(historian_total *total) {
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        if (octave % 8 == 0 && !historian_any_of_eight(total->touched + octave)) {
            octave += 7;
            continue;
        }
        if (!total->touched[octave]) continue;
        memset(total->counts + 1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE, 0, 8 * (size_t)HISTORIAN_BUCKETS_PER_OCTAVE);
        total->sum.octaves[octave][0] = total->sum.octaves[octave][1] = 0;
    }
    total->counts[HISTORIAN_ZERO_SLOT] = total->counts[HISTORIAN_OVERFLOW_SLOT] = 0;
    memset(total->coarse, 0, sizeof total->coarse);
    memset(total->sum.digits, 0, sizeof total->sum.digits);
    memset(total->touched, 0, sizeof total->touched);
    total->max = total->not_min = total->max_bound = total->not_min_bound = total->any = total->inexact = 0;
    total->is_wide = total->is_odd = 0;
}

HISTORIAN_INLINE void historian_total_count(historian_total *total, uint64_t *sum, uint64_t count) {
    *sum += count;
    total->any |= count | *sum;
}

/* Add a chunk of an octave. Others may add to the chunk. */
static void historian_total_chunk(historian_total *total, size_t octave, const historian_chunk *chunk) {
    uint64_t *counts = total->counts + 1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE;
    if (total->touched[octave]) {
        for (size_t bucket = 0; bucket < HISTORIAN_BUCKETS_PER_OCTAVE; bucket++)
            historian_total_count(total, counts + bucket, historian_atomic_load(&chunk->counts[bucket]));
    } else { /* as is usual: these counts are 0 so far */
        uint64_t any = 0;
        const uint64_t *from = chunk->counts;
        for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k += 4) { /* compilers do not unroll loops of such loads */
            any |= counts[k] = historian_atomic_load(from + k);
            any |= counts[k + 1] = historian_atomic_load(from + k + 1);
            any |= counts[k + 2] = historian_atomic_load(from + k + 2);
            any |= counts[k + 3] = historian_atomic_load(from + k + 3);
        }
        total->any |= any;
        total->touched[octave] = 1;
    }
    historian_atomic_fence(); /* the sum is read after the counts */
    if (HISTORIAN_UNLIKELY(historian_atomic_load(chunk->sum + 1) > HISTORIAN_MOST_CHANGES)) total->is_odd = 1;
    historian_read_pair(total->sum.octaves[octave], chunk->sum);
}

HISTORIAN_INLINE void historian_total_digit(historian_total *total, size_t k, uint64_t digit) {
    uint64_t most = k == HISTORIAN_SUM_DIGITS - 1 ? UINT32_MAX : ((uint64_t)3 << 62) - 1;
    if (HISTORIAN_UNLIKELY(digit > UINT32_MAX)) total->is_wide = 1;
    if (HISTORIAN_UNLIKELY(digit > most)) total->is_odd = 1;
    if (HISTORIAN_UNLIKELY(historian_read_digit(total->sum.digits, k, digit))) total->is_odd = 1;
}

/* Return whether so many values can have such a sum. */
static int historian_has_possible_sum(const historian_total *total) {
    if (total->is_odd) return 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        if (total->touched[octave] && total->sum.octaves[octave][1] > HISTORIAN_MOST_CHANGES) return 0;
    return 1;
}

/* Add what belongs to no octave, without the extremes. */
static void historian_total_head(historian_total *total, const historian_head *head,
                                 const historian_far_digits *far_digits) {
    historian_total_count(total, &total->counts[HISTORIAN_ZERO_SLOT], historian_atomic_load(&head->outliers[0]));
    historian_total_count(total, &total->counts[HISTORIAN_OVERFLOW_SLOT], historian_atomic_load(&head->outliers[1]));
    historian_atomic_fence();
    for (size_t k = 0; k < HISTORIAN_NEAR_DIGITS; k++)
        historian_total_digit(total, HISTORIAN_NEAR_DIGIT + k, historian_atomic_load(&head->sum[k]));
    for (size_t k = 0; far_digits && k < HISTORIAN_SUM_DIGITS - HISTORIAN_NEAR_DIGITS; k++)
        historian_total_digit(total, k < HISTORIAN_NEAR_DIGIT ? k : k + HISTORIAN_NEAR_DIGITS,
                              historian_atomic_load(&far_digits->digits[k]));
    total->inexact += historian_atomic_load(&head->inexact);
}

HISTORIAN_INLINE void historian_total_extreme(uint64_t *extreme, uint64_t *found, int take) {
    uint64_t seen = take ? historian_atomic_exchange(found, 0) : historian_atomic_load(found);
    *extreme = seen > *extreme ? seen : *extreme;
}

/* Widen the extremes and their bounds by those of a head. With `take`, reset these. */
static void historian_total_extremes(historian_total *total, historian_head *head, int take) {
    historian_total_extreme(&total->max, &head->max, take);
    historian_total_extreme(&total->not_min, &head->not_min, take);
    historian_total_extreme(&total->max_bound, &head->max_bound, take);
    historian_total_extreme(&total->not_min_bound, &head->not_min_bound, take);
}

/* Add counters of this process. */
static void historian_total_counters(historian_total *total, const historian_counters *counters) {
    if (!counters) return;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        const historian_chunk *chunk = historian_chunk_of(counters, octave);
        if (chunk) historian_total_chunk(total, octave, chunk);
    }
    historian_total_head(total, counters->head,
                         (const historian_far_digits *)historian_load_pointer((void *const *)&counters->far_digits));
}

static const char historian_bad_difference[] = "its sum is less than what was drained of it";

/* Subtract what has been drained. Return NULL, or what is wrong. */
static const char *historian_subtract_total(historian_total *total, const historian_total *drained) {
    static const char wrong[] = "a bucket has more drained records than records";
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) {
        if (total->coarse[k] < drained->coarse[k]) return wrong;
        total->coarse[k] -= drained->coarse[k];
    }
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        for (size_t slot = 1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE, k = 0;
             drained->touched[octave] && k < HISTORIAN_BUCKETS_PER_OCTAVE; k++) {
            if (total->counts[slot + k] < drained->counts[slot + k]) return wrong;
            total->counts[slot + k] -= drained->counts[slot + k];
        }
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot += HISTORIAN_OVERFLOW_SLOT) {
        if (total->counts[slot] < drained->counts[slot]) return wrong;
        total->counts[slot] -= drained->counts[slot];
    }
    if (!historian_subtract_sum(&total->sum, &drained->sum)) return historian_bad_difference;
    total->inexact -= drained->inexact;
    return NULL;
}

/* Return how many records there are: 2^63 or more, if the sum has ever been so many. */
static uint64_t historian_total_records(const historian_total *total) {
    uint64_t records = 0, any = 0;
    any |= records += total->counts[HISTORIAN_ZERO_SLOT];
    any |= records += total->counts[HISTORIAN_OVERFLOW_SLOT];
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) any |= records += total->coarse[k];
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        const uint64_t *counts = total->counts + 1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE;
        uint64_t more = 0; /* compilers vectorise its loop */
        if (octave % 8 == 0 && !historian_any_of_eight(total->touched + octave)) {
            octave += 7;
            continue;
        }
        if (!total->touched[octave]) continue;
        if (total->any >> 50) /* else 64 counts cannot wrap */
            for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k++) any |= more += counts[k];
        else
            for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k++) more += counts[k];
        any |= more | (records += more);
    }
    return any >> 63 ? UINT64_MAX : records;
}

/* Find the slots from the first touched octave to the last one; what follows trims empty slots. */
static void historian_total_range(const historian_total *total, size_t *first, size_t *end) {
    size_t low = 0, high = HISTORIAN_OCTAVES;
    while (low < high && !total->touched[low]) low++;
    while (low < high && !total->touched[high - 1]) high--;
    *first = low < high ? 1 + low * HISTORIAN_BUCKETS_PER_OCTAVE : HISTORIAN_OVERFLOW_SLOT;
    *end = low < high ? 1 + high * HISTORIAN_BUCKETS_PER_OCTAVE : 1;
    if (total->counts[HISTORIAN_ZERO_SLOT]) *first = HISTORIAN_ZERO_SLOT;
    if (total->counts[HISTORIAN_OVERFLOW_SLOT]) *end = HISTORIAN_SLOTS;
    if (*first >= *end) *first = *end = 0;
}

/* Write the sums of the first 1 to `n` counts. Others may add to the counts. */
static void historian_running_totals(const uint64_t *counts, size_t n, uint64_t *totals) {
    uint64_t total = 0;
    for (; n >= 4; n -= 4, counts += 4, totals += 4) {
        totals[0] = total += historian_atomic_load(counts);
        totals[1] = total += historian_atomic_load(counts + 1);
        totals[2] = total += historian_atomic_load(counts + 2);
        totals[3] = total += historian_atomic_load(counts + 3);
    }
    for (; n; n--) *totals++ = total += historian_atomic_load(counts++);
}

/* Return the slot of an extreme, or `unknown` if there is none, or if only a bound of it is known. */
HISTORIAN_INLINE size_t historian_slot_of_extreme(uint64_t found, uint64_t bound, uint64_t bits, size_t unknown) {
    return found && bound <= found && bits <= HISTORIAN_MAX_BITS ? historian_slot(bits) : unknown;
}

/* Spread a coarse count, which is not 0, evenly over slots `first` to `last`, but not beyond the extremes. A slot of an
 * extreme gets a count, so that the extreme stays exact. */
static void historian_spread(historian_total *total, uint64_t count, size_t first, size_t last) {
    size_t low = historian_slot_of_extreme(total->not_min, total->not_min_bound, ~total->not_min, 0);
    size_t high = historian_slot_of_extreme(total->max, total->max_bound, total->max, HISTORIAN_SLOTS);
    uint64_t *counts = total->counts, slots, more;
    if (low <= last && high >= first && low <= high) {
        if (low >= first) {
            first = low;
            if (!counts[low]) counts[low]++, count--;
        }
        if (high <= last) {
            last = high;
            if (count && !counts[high]) counts[high]++, count--;
        }
    }
    slots = last - first + 1;
    more = count % slots;
    for (uint64_t k = 0; k < slots; k++)
        counts[first + k] += count / slots + ((k + 1) * more / slots - k * more / slots);
}

/* Spread coarse counts over the buckets that they stand for. Return whether there are any. */
static int historian_spread_coarse(historian_total *total) {
    uint64_t any = 0;
    for (size_t coarse = 0; coarse < HISTORIAN_COARSE; coarse++) {
        uint64_t count = total->coarse[coarse];
        size_t first = 1 + coarse * HISTORIAN_COARSE_BUCKETS;
        if (!count) continue;
        historian_spread(total, count, first, first + HISTORIAN_COARSE_BUCKETS - 1);
        memset(total->touched + coarse * HISTORIAN_COARSE_OCTAVES, 1, HISTORIAN_COARSE_OCTAVES);
        total->coarse[coarse] = 0;
        any |= count;
    }
    return any != 0;
}

/* Two totals, of what there is and of what has been drained. They take 106 kB: one pair is kept for the next call. */
typedef struct {
    historian_total all, drained;
} historian_totals;

static uint64_t historian_spare_totals;

static historian_totals *historian_take_totals(void) {
    historian_totals *totals = (historian_totals *)(uintptr_t)historian_atomic_exchange(&historian_spare_totals, 0);
    return totals ? totals : (historian_totals *)calloc(1, sizeof *totals);
}

static void historian_give_totals(historian_totals *totals) {
    free((void *)(uintptr_t)historian_atomic_exchange(&historian_spare_totals, (uint64_t)(uintptr_t)totals));
}

#endif
