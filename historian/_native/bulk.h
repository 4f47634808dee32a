/* Record an array of numbers at once: nothing is added unless every value is good.
 *
 * Values are processed in chunks: each is scanned (see bulk_scan.h), which gives the slots of its values. The scan
 * also counts them, one by one, in private tables. (A few values are counted directly, after all of them have been
 * checked.) The tables are added to the recorder's counters only after the last value has been checked.
 */
#ifndef HISTORIAN_BULK_H
#define HISTORIAN_BULK_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "bulk_load.h"
#include "bulk_scan.h"
#include "bulk_tables.h"
#include "chunks.h"
#include "counters.h"
#include "platform.h"

enum {
    HISTORIAN_AHEAD = 2 * HISTORIAN_CHUNK, /* for so many values ahead, memory is asked */
    HISTORIAN_SMALL = 1024                 /* up to so many values, tables cost more than they save */
};

/* Load a chunk of values from `first` on, as float64, each from memory that is read once. Return them: `copy`, or the
 * array itself, if the scan can read it in place. */
HISTORIAN_INLINE const double *historian_load_chunk(const historian_array *array, size_t first, size_t n,
                                                    double *copy) {
    const char *data = array->data + (ptrdiff_t)first * array->stride;
    if (array->load == historian_load_double && array->stride == (ptrdiff_t)sizeof(double) &&
        (uintptr_t)data % sizeof(double) == 0)
        return (const double *)data;
    historian_load_values(copy, array, first, n);
    return copy;
}

/* Scan the chunk of values from `first` on into slots. Return -1, or the position of the first bad value. */
HISTORIAN_INLINE ptrdiff_t historian_scan_chunk(const historian_array *array, size_t first, size_t n,
                                                historian_summary *summary, uint16_t *slots,
                                                historian_meanwhile meanwhile, double *bad_value) {
    double copy[HISTORIAN_CHUNK];
    size_t bad = 0;
    if (historian_scan(summary, slots, copy, historian_load_chunk(array, first, n, copy), n, meanwhile)) return -1;
    while (historian_bits(copy[bad] + 0.0) <= HISTORIAN_MAX_BITS) bad++;
    *bad_value = copy[bad];
    return (ptrdiff_t)(first + bad);
}

HISTORIAN_INLINE size_t historian_chunk_size(const historian_array *array, size_t first) {
    return array->n - first < HISTORIAN_CHUNK ? array->n - first : HISTORIAN_CHUNK;
}

/* Add sum and extremes, before any count (see historian_count_atomic). */
static void historian_add_summary(historian_counters *counters, historian_summary *summary) {
    size_t first = historian_digit_at(historian_position(~summary->not_min)); /* no digit below that of the smallest */
    size_t end = historian_end_of_sum(summary->max); /* of an array, hardly more than five digits are not 0 */
    historian_carry_digits(summary->digits, first, end);
    historian_add_digits(counters, summary->digits, first, end);
    historian_atomic_max(&counters->head->max, summary->max);
    historian_atomic_max(&counters->head->not_min, summary->not_min);
}

/* Find, for each octave of the values between two slots, where the count of slot 0 would be, if its chunk went on there
 * below. So the address of a count takes one addition. Return 0 if a chunk is missing, or if a value is not regular. */
static int historian_find_origins(const historian_counters *counters, size_t first, size_t last, uintptr_t *origins) {
    if (first - 1 >= HISTORIAN_BUCKETS || last - 1 >= HISTORIAN_BUCKETS) return 0;
    for (size_t octave = (first - 1) >> HISTORIAN_SUM_OCTAVE_SHIFT; octave <= (last - 1) >> HISTORIAN_SUM_OCTAVE_SHIFT;
         octave++) {
        const historian_chunk *chunk = historian_chunk_of(counters, octave);
        if (!chunk) return 0;
        origins[octave] = (uintptr_t)chunk->counts - sizeof(uint64_t) * (1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE);
    }
    return 1;
}

/* Record at most HISTORIAN_SMALL values. Return -1, or the position of the first bad one, or -2 if there is no memory;
 * then nothing has been added. */
static ptrdiff_t historian_record_small(historian_counters *counters, const historian_array *array, double *bad_value) {
    uint16_t slots[HISTORIAN_SMALL];
    uintptr_t origins[HISTORIAN_OCTAVES];
    historian_summary summary = {0, 0, {0}};
    size_t all = array->n;
    int has_chunks;
    for (size_t first = 0; first < array->n; first += HISTORIAN_CHUNK) {
        size_t n = historian_chunk_size(array, first);
        ptrdiff_t bad =
            historian_scan_chunk(array, first, n, &summary, slots + first, (historian_meanwhile){0}, bad_value);
        if (bad >= 0) return bad;
    }
    if (array->n == 0) return -1;
    has_chunks =
        historian_find_origins(counters, historian_slot(~summary.not_min), historian_slot(summary.max), origins);
    for (size_t i = 0; !has_chunks && i < all; i++)
        if (!historian_has_space(counters, slots[i])) return -2;
    historian_add_summary(counters, &summary);
    if (has_chunks && counters->exclusive)
        for (size_t i = 0; i < all; i++) {
            size_t slot = slots[i];
            uintptr_t origin = origins[(slot - 1) >> HISTORIAN_SUM_OCTAVE_SHIFT];
            historian_add_count((uint64_t *)(origin + slot * sizeof(uint64_t)), 1, 1);
        }
    else
        for (size_t i = 0; i < all; i++) historian_add_to_slot(counters, slots[i], 1);
    return -1;
}

/* Count any number of values in private tables. Return -1, or the position of the first bad one. Needs no lock. */
static ptrdiff_t historian_tally(historian_tables *tables, const historian_array *array, double *bad_value) {
    uint16_t slots[HISTORIAN_CHUNK];
    for (size_t first = 0; first < array->n; first += HISTORIAN_CHUNK) {
        size_t n = historian_chunk_size(array, first);
        uintptr_t ahead = (uintptr_t)array->data + (first + HISTORIAN_AHEAD) * (uintptr_t)array->stride;
        historian_meanwhile meanwhile = {tables->counts, ahead, array->stride};
        ptrdiff_t bad = historian_scan_chunk(array, first, n, &tables->summary, slots, meanwhile, bad_value);
        if (bad >= 0) return bad;
    }
    return -1;
}

/* Return whether there is space for the counts of all slots from `slot` to `end` - 1. */
static int historian_has_space_for(historian_counters *counters, const historian_tables *tables, size_t slot,
                                   size_t end) {
    for (; slot < end; slot++)
        for (size_t table = 0; table < HISTORIAN_TABLES; table++)
            if (tables->counts[table][slot] && !historian_has_space(counters, slot)) return 0;
    return 1;
}

/* Add what the tables hold to the counters, if there are any, and leave the tables empty. Return 0, and add nothing, if
 * there is no memory. */
static int historian_fold(historian_counters *counters, historian_tables *tables) {
    size_t slot, end;
    int done;
    if (!counters) {
        memset(tables, 0, sizeof *tables);
        return 1;
    }
    if (!tables->summary.not_min) return 1;
    slot = historian_slot(~tables->summary.not_min);
    end = historian_slot(tables->summary.max) + 1;
    done = historian_has_space_for(counters, tables, slot, end);
    if (done) historian_add_summary(counters, &tables->summary);
    for (; slot < end; slot++) {
        uint64_t count = 0;
        for (size_t table = 0; table < HISTORIAN_TABLES; table++) {
            count += tables->counts[table][slot];
            tables->counts[table][slot] = 0;
        }
        if (count && done) historian_add_to_slot(counters, slot, count);
    }
    memset(&tables->summary, 0, sizeof tables->summary);
    return done;
}

/* The tables take 192 kB, and it takes time to clear fresh memory. So one set is kept for the next call. */
static uint64_t historian_spare_tables;

static historian_tables *historian_take_tables(void) {
    historian_tables *tables = (historian_tables *)(uintptr_t)historian_atomic_exchange(&historian_spare_tables, 0);
    return tables ? tables : (historian_tables *)calloc(1, sizeof *tables);
}

static void historian_give_tables(historian_tables *tables) {
    free((void *)(uintptr_t)historian_atomic_exchange(&historian_spare_tables, (uint64_t)(uintptr_t)tables));
}

#endif
