/* Record the values of many distributions, which come mixed: with each value comes the number of its group.
 *
 * The counters of a group take some kilobytes, so those of thousands of groups do not fit into the processor's cache,
 * and each record would wait for memory several times. Then values are first put into the order of families, which are
 * 256 groups each: this takes one pass over a block of values.
 */
#ifndef HISTORIAN_GROUPED_H
#define HISTORIAN_GROUPED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "bulk_load.h"
#include "bulk_scan.h"
#include "counters.h"
#include "platform.h"

enum {
    HISTORIAN_FAMILY_SHIFT = 8,       /* of a group's number: that of its family is above */
    HISTORIAN_FEW_GROUPS = 2048,      /* up to so many, order costs more than it saves */
    HISTORIAN_GROUPED_BLOCK = 1 << 21 /* values that are put into order at a time */
};

typedef struct {
    double value;
    uint64_t group;
} historian_grouped;

/* Values that were not recorded. */
typedef struct {
    uint64_t bad;                  /* NaN, infinite, negative */
    uint64_t groupless;            /* the number of their group is below 0 */
    uint64_t stray;                /* there is no group of this number */
    size_t first_bad, first_stray; /* positions */
    double bad_value;
    uint64_t stray_group;
} historian_left_out;

/* Record values. Return 0 if there is no memory. */
static int historian_record_each(historian_counters *const *groups, const historian_grouped *values, size_t n) {
    int done = 1;
    for (size_t i = 0; i < n; i++) done &= historian_record_exclusive(groups[values[i].group], values[i].value);
    return done;
}

/* Record a block of values in the order of their families. `ordered` has room for as many, and `ends` for one number
 * more than there are families. Return 0 if there is no memory. */
static int historian_record_ordered(historian_counters *const *groups, size_t families, const historian_grouped *values,
                                    size_t n, historian_grouped *ordered, size_t *ends) {
    memset(ends, 0, (families + 1) * sizeof *ends);
    for (size_t i = 0; i < n; i++) ends[(values[i].group >> HISTORIAN_FAMILY_SHIFT) + 1]++;
    for (size_t family = 0; family < families; family++) ends[family + 1] += ends[family];
    for (size_t i = 0; i < n; i++) ordered[ends[values[i].group >> HISTORIAN_FAMILY_SHIFT]++] = values[i];
    return historian_record_each(groups, ordered, n);
}

/* Read values and the numbers of their groups, each once. Write those that can be recorded, at most HISTORIAN_CHUNK, and
 * return how many. */
static size_t historian_read_grouped(historian_grouped *out, const historian_array *array,
                                     const historian_occurrences *numbers, size_t first, size_t n_groups,
                                     historian_left_out *left_out) {
    double values[HISTORIAN_CHUNK];
    uint64_t groups[HISTORIAN_CHUNK];
    size_t n = array->n - first < HISTORIAN_CHUNK ? array->n - first : HISTORIAN_CHUNK, found = 0;
    array->load(values, array->data + (ptrdiff_t)first * array->stride, array->stride, n);
    numbers->load(groups, numbers->data + (ptrdiff_t)first * numbers->stride, numbers->stride, n);
    for (size_t i = 0; i < n; i++) {
        double value = values[i] + 0.0; /* -0.0 becomes 0.0 */
        out[found].value = value;
        out[found].group = groups[i];
        if (HISTORIAN_LIKELY(historian_bits(value) <= HISTORIAN_MAX_BITS && groups[i] < n_groups)) {
            found++;
        } else if (groups[i] >> 63) {
            left_out->groupless++;
        } else if (groups[i] >= n_groups) {
            if (!left_out->stray++) left_out->first_stray = first + i, left_out->stray_group = groups[i];
        } else if (!left_out->bad++) {
            left_out->first_bad = first + i, left_out->bad_value = values[i];
        }
    }
    return found;
}

/* Record all values that can be. Nobody else writes to these counters. `array` and `numbers` have the same length.
 * Return 0 if there is no memory; then some of them have been recorded. */
static int historian_record_grouped(historian_counters *const *groups, size_t n_groups, const historian_array *array,
                                    const historian_occurrences *numbers, historian_left_out *left_out) {
    size_t families = (n_groups >> HISTORIAN_FAMILY_SHIFT) + 1, found = 0;
    size_t block = n_groups <= HISTORIAN_FEW_GROUPS     ? HISTORIAN_CHUNK
                   : array->n < HISTORIAN_GROUPED_BLOCK ? array->n + HISTORIAN_CHUNK
                                                        : HISTORIAN_GROUPED_BLOCK;
    historian_grouped *values = (historian_grouped *)malloc(2 * block * sizeof *values);
    size_t *ends = (size_t *)malloc((families + 1) * sizeof *ends);
    int done = values && ends;
    memset(left_out, 0, sizeof *left_out);
    for (size_t first = 0; done && first < array->n; first += HISTORIAN_CHUNK) {
        found += historian_read_grouped(values + found, array, numbers, first, n_groups, left_out);
        if (found + HISTORIAN_CHUNK <= block && array->n - first > HISTORIAN_CHUNK) continue;
        done = n_groups <= HISTORIAN_FEW_GROUPS
                   ? historian_record_each(groups, values, found)
                   : historian_record_ordered(groups, families, values, found, values + block, ends);
        found = 0;
    }
    free(values);
    free(ends);
    return done;
}

#endif
