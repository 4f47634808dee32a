/* Draining a recorder in a file: what has been drained is written down, and subtracted from then on; see file.h.
 *
 * Who drains the file at its path has locked it, so that nobody waits for nothing. But a file that was moved away cannot
 * be locked, and processes that have it open drain it, too. Then it may be moved back at any moment. So the commit finds
 * out whether another drain has come in between: if so, it changes nothing, and the caller reads again. */
#ifndef HISTORIAN_DRAIN_H
#define HISTORIAN_DRAIN_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "file.h"
#include "space.h"
#include "sum_read.h"
#include "total.h"

#if !defined(_WIN32)
/* Write the digits of a sum into a drained row. Return 0 if there is no space. */
static int historian_write_digits(historian_space *space, int fd, historian_row *row, uint64_t index,
                                  const uint64_t *digits) {
    historian_far_digits *far_digits = NULL;
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t owner = historian_owner(HISTORIAN_KIND_FAR_DIGITS, index, HISTORIAN_DRAINED_LANE, 0);
        if (!digits[k]) continue;
        if (k - HISTORIAN_NEAR_DIGIT >= HISTORIAN_NEAR_DIGITS && !far_digits) {
            uint64_t number = historian_take_locked(space, fd, owner);
            far_digits = (historian_far_digits *)historian_chunk_at(space, number, owner);
            if (!far_digits) return 0;
            historian_atomic_store(&row->head.far_digits, historian_reference(number));
        }
        if (k - HISTORIAN_NEAR_DIGIT < HISTORIAN_NEAR_DIGITS)
            historian_atomic_store(&row->head.sum[k - HISTORIAN_NEAR_DIGIT], digits[k]);
        else
            historian_atomic_store(&far_digits->digits[k < HISTORIAN_NEAR_DIGIT ? k : k - HISTORIAN_NEAR_DIGITS],
                                   digits[k]);
    }
    return 1;
}

/* Write coarse counts into a drained row. Return 0 if there is no space. */
static int historian_write_coarse(historian_space *space, int fd, historian_row *row, uint64_t index,
                                  const historian_total *all) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_COARSE, index, HISTORIAN_DRAINED_LANE, 0), any = 0;
    uint64_t number;
    historian_chunk *chunk;
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) any |= all->coarse[k];
    if (!any) return 1;
    number = historian_take_locked(space, fd, owner);
    chunk = (historian_chunk *)historian_chunk_at(space, number, owner);
    if (!chunk) return 0;
    historian_atomic_store(&row->coarse, historian_reference(number));
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) historian_atomic_store(&chunk->counts[k], all->coarse[k]);
    return 1;
}

/* Write all that has been drained into a new row, which nobody knows yet. Return 0 if there is no space. */
static int historian_write_drained(historian_space *space, int fd, historian_row *row, uint64_t index,
                                   const historian_total *all) {
    for (uint64_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        uint64_t owner = historian_owner(HISTORIAN_KIND_COUNTERS, index, HISTORIAN_DRAINED_LANE, octave), number;
        historian_chunk *chunk;
        if (!all->touched[octave]) continue;
        number = historian_take_locked(space, fd, owner);
        chunk = (historian_chunk *)historian_chunk_at(space, number, owner);
        if (!chunk) return 0;
        (void)historian_atomic_exchange32(&row->chunks[octave], 0, (uint32_t)historian_reference(number));
        for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k++)
            historian_atomic_store(&chunk->counts[k], all->counts[1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE + k]);
        historian_atomic_store(&chunk->sum[0], all->sum.octaves[octave][0]);
        historian_atomic_store(&chunk->sum[1], all->sum.octaves[octave][1]);
    }
    historian_atomic_store(&row->head.outliers[0], all->counts[HISTORIAN_ZERO_SLOT]);
    historian_atomic_store(&row->head.outliers[1], all->counts[HISTORIAN_OVERFLOW_SLOT]);
    historian_atomic_store(&row->head.inexact, all->inexact);
    return historian_write_digits(space, fd, row, index, all->sum.digits) &&
           historian_write_coarse(space, fd, row, index, all);
}

/* Add what was drained before to what is drained now. */
static void historian_add_drained(historian_total *before, const historian_total *taken) {
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) before->coarse[k] += taken->coarse[k];
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        before->touched[octave] |= taken->touched[octave];
        if (!taken->touched[octave]) continue;
        for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k++)
            before->counts[1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE + k] +=
                taken->counts[1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE + k];
        historian_read_pair(before->sum.octaves[octave], taken->sum.octaves[octave]);
    }
    before->counts[HISTORIAN_ZERO_SLOT] += taken->counts[HISTORIAN_ZERO_SLOT];
    before->counts[HISTORIAN_OVERFLOW_SLOT] += taken->counts[HISTORIAN_OVERFLOW_SLOT];
    before->inexact += taken->inexact;
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++)
        (void)historian_read_digit(before->sum.digits, k, taken->sum.digits[k]);
}

/* Give back extremes that were taken for a drain that another process was faster than. They may belong to what that one
 * has drained, so they are only bounds from now on. */
static void historian_give_back_extremes(historian_head *head, const historian_total *total) {
    historian_atomic_max(&head->max_bound, total->max > total->max_bound ? total->max : total->max_bound);
    historian_atomic_max(&head->not_min_bound,
                         total->not_min > total->not_min_bound ? total->not_min : total->not_min_bound);
}

/* Save that all records of `total` are drained, too; `total`, `drained` and `seen` are what historian_read_entry has
 * read. `fd` is a descriptor of the file, or negative if it cannot be made larger. Return 0, and change nothing, if
 * there is no space, or with `errno` EAGAIN if another process has drained since. */
static int historian_commit_drain(historian_space *space, int fd, historian_entry *entry, uint64_t index,
                                  historian_total *total, historian_total *drained, uint64_t seen) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, index, HISTORIAN_DRAINED_LANE, 0);
    uint64_t number = historian_take_locked(space, fd, owner);
    historian_row *row = (historian_row *)historian_chunk_at(space, number, owner);
    if (!row) return 0;
    historian_atomic_store(&row->head.next, (uint32_t)(seen + 1)); /* which drain it is of */
    historian_add_drained(drained, total);
    if (!historian_write_drained(space, fd, row, index, drained)) {
        historian_free_row(space, number, index, HISTORIAN_DRAINED_LANE);
        return 0;
    }
    total->max = total->not_min = total->max_bound = total->not_min_bound = 0;
    (void)historian_total_rows(total, space, entry, index, 1, 1);
    if (!historian_atomic_exchange_if(&entry->drained, seen,
                                      historian_reference(number) << 32 | (uint32_t)(seen + 1))) {
        historian_give_back_extremes(&entry->coarse.head, total);
        historian_free_row(space, number, index, HISTORIAN_DRAINED_LANE);
        errno = EAGAIN;
        return 0;
    }
    if (seen) historian_free_row(space, historian_number(seen >> 32), index, HISTORIAN_DRAINED_LANE);
    return 1;
}
#endif

#endif
