/* Draining a recorder in a file: what has been drained is written down, and subtracted from then on; see file.h.
 * Before that, space is taken, which may fail; see kept.h.
 *
 * Who drains the file at its path has locked it. But a file that was moved away cannot be locked, and processes that
 * have it open drain it, too. Then it may be moved back at any moment. So the commit finds out whether another drain
 * has come in between: if so, it changes nothing, and the caller reads again. */
#ifndef HISTORIAN_DRAIN_H
#define HISTORIAN_DRAIN_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "file.h"
#include "kept.h"
#include "space.h"
#include "sum_read.h"
#include "total.h"

#if !defined(_WIN32)
/* What to do if there is no space for what a drain adds to the drained row. */
enum {
    HISTORIAN_DRAIN = 0,
    HISTORIAN_DRAIN_PREPARED = 1, /* it was prepared: leave what has come since then for the next drain */
    HISTORIAN_DRAIN_TO_FREE = 2   /* nobody else has the recorder open, and it is freed at once: use kept chunks */
};
enum { HISTORIAN_DRAIN_SPARE = 8 }; /* chunks to keep for what is recorded while many recorders are drained */

/* Take a chunk for a drained row: a kept one, if the file is locked. */
static uint64_t historian_take_for_drain(historian_space *space, int fd, uint64_t owner) {
    uint64_t number = fd >= 0 ? historian_take_kept(space, owner) : 0;
    return number ? number : historian_take_locked(space, fd, owner);
}

/* ---- preparing ---- */

static int historian_has_coarse(const historian_total *total) {
    uint64_t any = 0;
    for (size_t k = 0; k < HISTORIAN_COARSE; k++) any |= total->coarse[k];
    return any != 0;
}

/* Return whether the sum of both has far digits. */
static int historian_sums_to_far_digits(const historian_total *total, const historian_total *drained) {
    uint64_t digits[HISTORIAN_SUM_DIGITS], any = 0;
    memcpy(digits, drained->sum.digits, sizeof digits);
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) (void)historian_read_digit(digits, k, total->sum.digits[k]);
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++)
        if (k - HISTORIAN_NEAR_DIGIT >= HISTORIAN_NEAR_DIGITS) any |= digits[k];
    return any != 0;
}

/* Return how many chunks a row has that holds both. */
static uint64_t historian_chunks_of_both(const historian_total *total, const historian_total *drained) {
    uint64_t chunks = 1;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        chunks += total->touched[octave] | drained->touched[octave];
    return chunks + (uint64_t)historian_sums_to_far_digits(total, drained) +
           (uint64_t)(historian_has_coarse(total) || historian_has_coarse(drained));
}

/* Return the row of what has been drained, or NULL if there is none. */
static historian_row *historian_drained_row(const historian_space *space, const historian_entry *entry,
                                            uint64_t index) {
    return (historian_row *)historian_chunk_at(space, historian_number(historian_atomic_load(&entry->drained) >> 32),
                                               historian_owner(HISTORIAN_KIND_ROW, index, HISTORIAN_DRAINED_LANE, 0));
}

/* Return how many chunks the drained row lacks for `total`. */
static uint64_t historian_missing_chunks(const historian_space *space, const historian_entry *entry, uint64_t index,
                                         const historian_total *total, const historian_total *drained) {
    const historian_row *row = historian_drained_row(space, entry, index);
    uint64_t missing = row == NULL;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        missing += total->touched[octave] && !(row && historian_atomic_load32(&row->chunks[octave]));
    missing += !(row && historian_atomic_load(&row->head.far_digits)) && historian_sums_to_far_digits(total, drained);
    return missing + (!(row && historian_atomic_load(&row->coarse)) && historian_has_coarse(total));
}

/* Return a reference to a new chunk of zeros, or 0. */
static uint64_t historian_prepare_chunk(historian_space *space, int fd, uint64_t kind, uint64_t index,
                                        uint64_t octave) {
    return historian_reference(
        historian_take_for_drain(space, fd, historian_owner(kind, index, HISTORIAN_DRAINED_LANE, octave)));
}

/* Give the drained row a chunk of zeros for each part of `total` that it has none for. Return 0 if there is no space.
 */
static int historian_prepare_row(historian_space *space, int fd, historian_entry *entry, uint64_t index,
                                 const historian_total *total, const historian_total *drained) {
    historian_row *row;
    uint64_t reference;
    if (!historian_atomic_load(&entry->drained)) { /* after 0 drains */
        reference = historian_prepare_chunk(space, fd, HISTORIAN_KIND_ROW, index, 0);
        if (!reference) return 0;
        historian_atomic_store_release(&entry->drained, reference << 32);
    }
    row = historian_drained_row(space, entry, index);
    if (!row) return 0;
    for (uint64_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        if (!total->touched[octave] || historian_atomic_load32(&row->chunks[octave])) continue;
        reference = historian_prepare_chunk(space, fd, HISTORIAN_KIND_COUNTERS, index, octave);
        if (!reference) return 0;
        (void)historian_atomic_exchange32(&row->chunks[octave], 0, (uint32_t)reference);
    }
    if (!historian_atomic_load(&row->head.far_digits) && historian_sums_to_far_digits(total, drained)) {
        reference = historian_prepare_chunk(space, fd, HISTORIAN_KIND_FAR_DIGITS, index, 0);
        if (!reference) return 0;
        historian_atomic_store_release(&row->head.far_digits, reference);
    }
    if (!historian_atomic_load(&row->coarse) && historian_has_coarse(total)) {
        reference = historian_prepare_chunk(space, fd, HISTORIAN_KIND_COARSE, index, 0);
        if (!reference) return 0;
        historian_atomic_store_release(&row->coarse, reference);
    }
    return 1;
}

/* Leave out of `total` what the drained row has no chunks for. */
static void historian_leave_unprepared(const historian_space *space, const historian_entry *entry, uint64_t index,
                                       historian_total *total) {
    const historian_row *row = historian_drained_row(space, entry, index);
    if (!row) historian_clear_total(total);
    for (size_t octave = 0; row && octave < HISTORIAN_OCTAVES; octave++) {
        if (!total->touched[octave] || historian_atomic_load32(&row->chunks[octave])) continue;
        memset(total->counts + 1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE, 0, 8 * (size_t)HISTORIAN_BUCKETS_PER_OCTAVE);
        total->sum.octaves[octave][0] = total->sum.octaves[octave][1] = 0;
        total->touched[octave] = 0;
    }
    for (size_t k = 0; row && !historian_atomic_load(&row->head.far_digits) && k < HISTORIAN_SUM_DIGITS; k++)
        if (k - HISTORIAN_NEAR_DIGIT >= HISTORIAN_NEAR_DIGITS) total->sum.digits[k] = 0;
    if (row && !historian_atomic_load(&row->coarse)) memset(total->coarse, 0, sizeof total->coarse);
    total->records = historian_total_records(total);
}

/* Take the space that a drain of `total` needs; `how` says what to do if there is none. Return 0, and set errno, if it
 * cannot be drained. Nothing that is counted changes. The caller has locked the file, and has read the recorder. */
static int historian_prepare_drain(historian_space *space, int fd, historian_entry *entry, uint64_t index,
                                   historian_total *total, const historian_total *drained, int how) {
    uint64_t chunks = historian_chunks_of_both(total, drained);
    uint64_t missing = historian_missing_chunks(space, entry, index, total, drained);
    if (space->keep < chunks) space->keep = chunks; /* as many as are freed afterwards */
    if (historian_keep(space, fd, missing, chunks) && historian_prepare_row(space, fd, entry, index, total, drained))
        return 1;
    if (how == HISTORIAN_DRAIN_PREPARED) {
        historian_leave_unprepared(space, entry, index, total);
        return 1;
    }
    return how == HISTORIAN_DRAIN_TO_FREE && historian_count_kept(space) >= chunks;
}

/* ---- draining ---- */

/* Write the digits of a sum into a drained row. Return 0 if there is no space. */
static int historian_write_digits(historian_space *space, int fd, historian_row *row, uint64_t index,
                                  const uint64_t *digits) {
    historian_far_digits *far_digits = NULL;
    for (size_t k = 0; k < HISTORIAN_SUM_DIGITS; k++) {
        uint64_t owner = historian_owner(HISTORIAN_KIND_FAR_DIGITS, index, HISTORIAN_DRAINED_LANE, 0);
        if (!digits[k]) continue;
        if (k - HISTORIAN_NEAR_DIGIT >= HISTORIAN_NEAR_DIGITS && !far_digits) {
            uint64_t number = historian_take_for_drain(space, fd, owner);
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
    uint64_t owner = historian_owner(HISTORIAN_KIND_COARSE, index, HISTORIAN_DRAINED_LANE, 0), number;
    historian_chunk *chunk;
    if (!historian_has_coarse(all)) return 1;
    number = historian_take_for_drain(space, fd, owner);
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
        number = historian_take_for_drain(space, fd, owner);
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
 * read. The caller has locked the file, `fd`, and has called historian_prepare_drain; or `fd` is negative, since the
 * file is not at its path. Return 0, and change nothing, if there is no space, or with `errno` EAGAIN if another
 * process has drained since. */
static int historian_commit_drain(historian_space *space, int fd, historian_entry *entry, uint64_t index,
                                  historian_total *total, historian_total *drained, uint64_t seen) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, index, HISTORIAN_DRAINED_LANE, 0);
    uint64_t now = historian_atomic_load(&entry->drained), number;
    historian_row *row;
    if (now != seen && (seen || (uint32_t)now)) { /* to prepare the first drain has changed it, too */
        errno = EAGAIN;
        return 0;
    }
    seen = now;
    number = historian_take_for_drain(space, fd, owner);
    row = (historian_row *)historian_chunk_at(space, number, owner);
    if (!row) return 0;
    historian_atomic_store(&row->head.next, (uint32_t)(seen + 1)); /* which drain it is of */
    historian_add_drained(drained, total);
    if (!historian_write_drained(space, fd, row, index, drained)) {
        historian_free_row(space, number, index, HISTORIAN_DRAINED_LANE, fd >= 0);
        return 0;
    }
    total->max = total->not_min = total->max_bound = total->not_min_bound = 0;
    (void)historian_total_rows(total, space, entry, index, 1, 1);
    if (!historian_atomic_exchange_if(&entry->drained, seen,
                                      historian_reference(number) << 32 | (uint32_t)(seen + 1))) {
        historian_give_back_extremes(&entry->coarse.head, total);
        historian_free_row(space, number, index, HISTORIAN_DRAINED_LANE, fd >= 0);
        errno = EAGAIN;
        return 0;
    }
    if (seen) historian_free_row(space, historian_number(seen >> 32), index, HISTORIAN_DRAINED_LANE, fd >= 0);
    return 1;
}
#endif

#endif
