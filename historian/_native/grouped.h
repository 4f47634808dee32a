/* Record the values of many groups, which come mixed: with each value comes the number of its group.
 *
 * The counters of a group take some kilobytes, so those of thousands of groups do not fit into the processor's cache,
 * and each record would wait for memory several times. Then values are first put into the order of families, which are
 * 256 groups each. This takes one pass over a block of values:
 *
 *     a block, as it came    7:0.2  900:0.1  3:0.5  311:0.2  901:0.3  12:0.4 ...     group:value
 *     in order of families   7:0.2  3:0.5  12:0.4 | 311:0.2 | ... | 900:0.1  901:0.3
 *                            groups 0 to 255        256 to 511      768 to 1023
 */
#ifndef HISTORIAN_GROUPED_H
#define HISTORIAN_GROUPED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "bulk.h"
#include "bulk_load.h"
#include "bulk_scan.h"
#include "chunks.h"
#include "counters.h"
#include "platform.h"

enum {
    HISTORIAN_FAMILY_SHIFT = 8,       /* of a group's number: that of its family is above */
    HISTORIAN_FEW_GROUPS = 2048,      /* up to so many, order costs more than it saves */
    HISTORIAN_GROUPED_BLOCK = 1 << 21 /* values that are recorded at a time, and put into order if groups are many */
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

/* The counters of groups, in private memory. All zeros is the empty state. */
typedef struct {
    historian_counters **counters; /* of each group; NULL until its first value */
    size_t n_groups;
    historian_left_out left_out;
    /* Memory for a block of values, while there is a call. */
    historian_grouped *values; /* the block, and room for the same values in order behind it */
    size_t block, found;       /* how many values it has room for, and how many there are */
    size_t *ends;              /* where each family ends, and one number more */
} historian_groups;

/* Make room for groups up to a number. Return 0, and change nothing, if there is no memory. */
static int historian_grow_groups(historian_groups *groups, size_t n_groups) {
    historian_counters **counters;
    if (n_groups <= groups->n_groups) return 1;
    if (n_groups > SIZE_MAX / sizeof *counters) return 0;
    counters = (historian_counters **)realloc((void *)groups->counters, n_groups * sizeof *counters);
    if (!counters) return 0;
    memset((void *)(counters + groups->n_groups), 0, (n_groups - groups->n_groups) * sizeof *counters);
    groups->counters = counters;
    groups->n_groups = n_groups;
    return 1;
}

static void historian_free_groups(historian_groups *groups) {
    for (size_t k = 0; k < groups->n_groups; k++) historian_free_counters(groups->counters[k]);
    free((void *)groups->counters);
}

HISTORIAN_INLINE size_t historian_families(const historian_groups *groups) {
    return (groups->n_groups >> HISTORIAN_FAMILY_SHIFT) + 1;
}

/* Take memory to record n values. Return 0 if there is none; historian_end_grouped must be called all the same. */
static int historian_begin_grouped(historian_groups *groups, size_t n) {
    size_t room = HISTORIAN_CHUNK;
    if (groups->n_groups > HISTORIAN_FEW_GROUPS) room = HISTORIAN_GROUPED_BLOCK;
    groups->block = n < room ? n + HISTORIAN_CHUNK : room;
    groups->values = (historian_grouped *)malloc(2 * groups->block * sizeof *groups->values);
    groups->ends = (size_t *)malloc((historian_families(groups) + 1) * sizeof *groups->ends);
    memset(&groups->left_out, 0, sizeof groups->left_out);
    return groups->values && groups->ends;
}

static void historian_end_grouped(historian_groups *groups) {
    free(groups->values);
    free(groups->ends);
    groups->values = NULL;
    groups->ends = NULL;
}

/* Record values. Return 0 if there is no memory. */
static int historian_record_each(historian_groups *groups, const historian_grouped *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        historian_counters **counters = &groups->counters[values[i].group];
        if (HISTORIAN_UNLIKELY(!*counters)) *counters = historian_new_counters(1);
        if (HISTORIAN_UNLIKELY(!*counters || !historian_record_exclusive(*counters, values[i].value))) return 0;
    }
    return 1;
}

/* Record the block in the order of its families. Return 0 if there is no memory. */
static int historian_record_ordered(historian_groups *groups) {
    size_t families = historian_families(groups), *ends = groups->ends;
    const historian_grouped *values = groups->values;
    historian_grouped *ordered = groups->values + groups->block;
    memset(ends, 0, (families + 1) * sizeof *ends);
    for (size_t i = 0; i < groups->found; i++) ends[(values[i].group >> HISTORIAN_FAMILY_SHIFT) + 1]++;
    for (size_t family = 0; family < families; family++) ends[family + 1] += ends[family];
    for (size_t i = 0; i < groups->found; i++) ordered[ends[values[i].group >> HISTORIAN_FAMILY_SHIFT]++] = values[i];
    return historian_record_each(groups, ordered, groups->found);
}

/* Say why a value is not recorded. */
HISTORIAN_COLD void historian_leave_out(historian_groups *groups, size_t position, double value, uint64_t group) {
    historian_left_out *left_out = &groups->left_out;
    if (group >> 63) {
        left_out->groupless++;
    } else if (group >= groups->n_groups) {
        if (!left_out->stray++) left_out->first_stray = position, left_out->stray_group = group;
    } else if (!left_out->bad++) {
        left_out->first_bad = position, left_out->bad_value = value;
    }
}

/* Add at most HISTORIAN_CHUNK values to the block, those that can be recorded. Values and numbers are read once. */
static void historian_read_grouped(historian_groups *groups, const historian_array *array,
                                   const historian_occurrences *numbers, size_t first) {
    double values[HISTORIAN_CHUNK];
    uint64_t of[HISTORIAN_CHUNK];
    size_t n = historian_chunk_size(array, first);
    historian_grouped *out = groups->values + groups->found;
    historian_load_values(values, array, first, n);
    numbers->load(of, numbers->data + (ptrdiff_t)first * numbers->stride, numbers->stride, n);
    for (size_t i = 0; i < n; i++) {
        double value = values[i] + 0.0; /* -0.0 becomes 0.0 */
        out->value = value;
        out->group = of[i];
        if (HISTORIAN_LIKELY(historian_bits(value) <= HISTORIAN_MAX_BITS && of[i] < groups->n_groups))
            out++;
        else
            historian_leave_out(groups, first + i, values[i], of[i]);
    }
    groups->found = (size_t)(out - groups->values);
}

/* Record a block of values from `first` on. Return 0 if there is no memory; then some of them have been recorded.
 * `array` and `numbers` have the same length. */
static int historian_record_grouped(historian_groups *groups, const historian_array *array,
                                    const historian_occurrences *numbers, size_t first) {
    int few = groups->n_groups <= HISTORIAN_FEW_GROUPS, done = 1;
    size_t end = array->n - first < HISTORIAN_GROUPED_BLOCK ? array->n : first + HISTORIAN_GROUPED_BLOCK;
    groups->found = 0;
    for (; done && first < end; first += HISTORIAN_CHUNK) {
        historian_read_grouped(groups, array, numbers, first);
        if (!few) continue;
        done = historian_record_each(groups, groups->values, groups->found);
        groups->found = 0;
    }
    return done && (few || historian_record_ordered(groups));
}

#endif
