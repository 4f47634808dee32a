/* Record values with the numbers of times that they occurred.
 *
 * As for values alone (see bulk.h), all are counted in private tables first, from a copy of what is in the caller's
 * memory, and are added to the recorder's counters only if all of them are good.
 */
#ifndef HISTORIAN_BULK_COUNTS_H
#define HISTORIAN_BULK_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "bulk.h"
#include "bulk_load.h"
#include "counters.h"
#include "sum.h"

/* Why values are not recorded. */
enum {
    HISTORIAN_BAD_VALUE,       /* it is NaN, infinite or negative */
    HISTORIAN_BAD_OCCURRENCES, /* a count is negative, or 2^63 or more */
    HISTORIAN_TOO_OFTEN        /* the counts add up to 2^63 or more */
};

typedef struct {
    int kind;
    size_t position;
    double value;   /* what was read there */
    uint64_t count; /* likewise, from memory that may hold a negative number */
} historian_refusal;

/* Add a value that occurred `times` times to the summary. */
HISTORIAN_INLINE void historian_add_times(historian_summary *summary, uint64_t bits, uint64_t times) {
    summary->max = bits > summary->max ? bits : summary->max;
    summary->not_min = ~bits > summary->not_min ? ~bits : summary->not_min;
    historian_add_value_times(summary->digits, bits, times);
}

/* Count a chunk of n values, given as copies. Return -1, or the position of the first that is refused. */
HISTORIAN_INLINE ptrdiff_t historian_tally_chunk(historian_tables *tables, const double *values, const uint64_t *counts,
                                                 size_t n, uint64_t *total, int *kind) {
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = historian_bits(values[i] + 0.0); /* -0.0 becomes 0.0 */
        *kind = bits > HISTORIAN_MAX_BITS    ? HISTORIAN_BAD_VALUE
                : counts[i] >> 63            ? HISTORIAN_BAD_OCCURRENCES
                : (*total + counts[i]) >> 63 ? HISTORIAN_TOO_OFTEN
                                             : -1;
        if (HISTORIAN_UNLIKELY(*kind >= 0)) return (ptrdiff_t)i;
        if (!counts[i]) continue; /* it has not occurred, so it is no extreme */
        *total += counts[i];
        tables->counts[0][historian_slot(bits)] += counts[i];
        historian_add_times(&tables->summary, bits, counts[i]);
    }
    historian_carry_digits(tables->summary.digits, 0, HISTORIAN_SUM_DIGITS);
    return -1;
}

/* Count values in private tables, each as often as it occurred; `total` gets the sum of the counts. Return 1, or 0 and
 * why, with the position of the first that is refused. Needs no lock. */
static int historian_tally_counts(historian_tables *tables, const historian_array *array,
                                  const historian_occurrences *occurrences, uint64_t *total,
                                  historian_refusal *refusal) {
    double values[HISTORIAN_CHUNK];
    uint64_t counts[HISTORIAN_CHUNK];
    *total = 0;
    for (size_t first = 0; first < array->n; first += HISTORIAN_CHUNK) {
        size_t n = historian_chunk_size(array, first);
        ptrdiff_t bad;
        historian_load_values(values, array, first, n);
        occurrences->load(counts, occurrences->data + (ptrdiff_t)first * occurrences->stride, occurrences->stride, n);
        HISTORIAN_FORGET(values); /* the compiler must not read the originals again */
        HISTORIAN_FORGET(counts);
        bad = historian_tally_chunk(tables, values, counts, n, total, &refusal->kind);
        if (bad < 0) continue;
        refusal->position = first + (size_t)bad;
        refusal->value = values[bad];
        refusal->count = counts[bad];
        return 0;
    }
    return 1;
}

/* Record one good value `times` times, which is not 0, nor 2^63 or more. Return 0, and add nothing, if there is no
 * memory. */
static int historian_record_times(historian_counters *counters, double value, uint64_t times) {
    historian_summary summary = {0, 0, {0}};
    uint64_t bits = historian_bits(value + 0.0);
    if (!historian_has_space(counters, historian_slot(bits))) return 0;
    historian_add_times(&summary, bits, times);
    historian_add_summary(counters, &summary);
    historian_add_to_slot(counters, historian_slot(bits), times);
    return 1;
}

#endif
