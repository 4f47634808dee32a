/* A file that many processes count in: its layout, and how its blocks are read as one.
 *
 * A page of header, then blocks. Block 0 holds counters that any process adds to with atomic adds. Each further block is
 * leased by one process at a time, which adds to it with plain ones; the next process to lease it goes on where that one
 * ended. Counts only ever grow: to drain the file is to write down what they amount to, in a block of that role, and to
 * leave that out from then on. So nobody ever takes a count away beneath a writer, and whoever is killed, at whichever
 * instant, leaves a file that is right. docs/format.md describes it for readers in other languages.
 */
#ifndef HISTORIAN_FILE_H
#define HISTORIAN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cells.h"

#define HISTORIAN_FILE_HEADER_NBYTES 3072   /* bytes of header, which never change, written and checked by _file.py */
#define HISTORIAN_FILE_MAX_BLOCKS 67     /* at most: the shared one, 64 leases, two of what has been drained */
#define HISTORIAN_BLOCK_NBYTES 53248 /* 13 pages of 4096 bytes, so that each block can be mapped by itself */

enum { HISTORIAN_ROLE_NONE, HISTORIAN_ROLE_SHARED, HISTORIAN_ROLE_LEASED, HISTORIAN_ROLE_DRAINED_EVEN, HISTORIAN_ROLE_DRAINED_ODD };

typedef struct {
    uint8_t header[HISTORIAN_FILE_HEADER_NBYTES];
    uint64_t drains;                       /* how often the file has been drained, in [0, 2^63) */
    uint64_t reserved[7];                  /* 0 */
    uint64_t roles[HISTORIAN_FILE_MAX_BLOCKS]; /* one of the above; set once, when the space of the block has been reserved */
    uint8_t unused[4096 - HISTORIAN_FILE_HEADER_NBYTES - 8 * (8 + HISTORIAN_FILE_MAX_BLOCKS)];
} historian_file;

/* What had been counted at a drain, in a block that is even or odd as the number of that drain is: while one is written,
 * the other holds. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];            /* in all blocks together */
    uint64_t sums[HISTORIAN_FILE_MAX_BLOCKS][2];     /* `sum` and `compensation` of each block */
} historian_drained;

/* What all blocks hold together. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    uint64_t sums[HISTORIAN_FILE_MAX_BLOCKS][2]; /* `sum` and `compensation` of each block, 0 where it has no counters */
    uint64_t max, not_min;                   /* as in historian_counters, since the last drain */
    uint64_t drains;
    size_t blocks; /* how many there are, in [1, HISTORIAN_FILE_MAX_BLOCKS] */
} historian_total;

HISTORIAN_INLINE size_t historian_block_offset(size_t block) {
    return sizeof(historian_file) + block * HISTORIAN_BLOCK_NBYTES;
}

HISTORIAN_INLINE void *historian_file_block(const historian_file *file, size_t block) {
    return (char *)file + historian_block_offset(block);
}

HISTORIAN_INLINE int historian_counts_in(uint64_t role) { return role == HISTORIAN_ROLE_SHARED || role == HISTORIAN_ROLE_LEASED; }

/* Return the block that holds what had been drained as of that many drains, or NULL if the file is damaged. */
static const historian_drained *historian_find_drained(const historian_file *file, uint64_t drains, size_t blocks) {
    uint64_t role = drains & 1 ? HISTORIAN_ROLE_DRAINED_ODD : HISTORIAN_ROLE_DRAINED_EVEN;
    for (size_t block = 0; block < blocks; block++)
        if (historian_atomic_load(&file->roles[block]) == role) return (const historian_drained *)historian_file_block(file, block);
    return NULL;
}

/* Add up what the blocks hold, drained or not, without the extremes. Return 0 if a count is 2^63 or more. */
static int historian_add_file_blocks(const historian_file *file, historian_total *total) {
    uint64_t any = 0; /* a bit is set if it is in any count; none wraps before its highest bit has shown here */
    for (size_t block = 0; block < total->blocks; block++) {
        const historian_counters *counters = (const historian_counters *)historian_file_block(file, block);
        if (!historian_counts_in(historian_atomic_load_acquire(&file->roles[block]))) continue;
        for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) {
            uint64_t count = historian_atomic_load(&counters->counts[slot]);
            total->counts[slot] += count;
            any |= count | total->counts[slot];
        }
        historian_atomic_fence(); /* writers add the count last, so it is read first */
        total->sums[block][0] = historian_atomic_load(&counters->sum);
        total->sums[block][1] = historian_atomic_load(&counters->compensation);
    }
    return any >> 63 == 0;
}

/* Return how many blocks the file has, or 0 if no file of `size` bytes can have those. */
static size_t historian_count_blocks(const historian_file *file, size_t size) {
    size_t blocks = 0;
    while (blocks < HISTORIAN_FILE_MAX_BLOCKS) {
        uint64_t role = historian_atomic_load_acquire(&file->roles[blocks]);
        if (role == HISTORIAN_ROLE_NONE) break;
        if (role > HISTORIAN_ROLE_DRAINED_ODD || (role == HISTORIAN_ROLE_SHARED) != (blocks == 0)) return 0;
        if (historian_block_offset(++blocks) > size) return 0;
    }
    return blocks;
}

/* Gather the extremes of all blocks; with `take`, set them back to none. */
static void historian_gather_extremes(historian_file *file, size_t blocks, historian_total *total, int take) {
    for (size_t block = 0; block < blocks; block++) {
        historian_counters *counters = (historian_counters *)historian_file_block(file, block);
        uint64_t max, not_min;
        if (!historian_counts_in(historian_atomic_load(&file->roles[block]))) continue;
        max = take ? historian_atomic_exchange(&counters->max, 0) : historian_atomic_load(&counters->max);
        not_min = take ? historian_atomic_exchange(&counters->not_min, 0) : historian_atomic_load(&counters->not_min);
        if (max > total->max) total->max = max;
        if (not_min > total->not_min) total->not_min = not_min;
    }
}

/* Read a file, of which `size` bytes are mapped: `total` gets what has not been drained, and `drained` what has. Return
 * NULL, or what is wrong if the file is damaged or has grown beyond those bytes. */
static const char *historian_read_file(const historian_file *file, size_t size, historian_total *total,
                                       historian_drained *drained) {
    uint64_t sum = 0, any = 0;
    do { /* again, if somebody has drained it meanwhile */
        const historian_drained *found;
        memset(total, 0, sizeof *total);
        total->drains = historian_atomic_load_acquire(&file->drains);
        total->blocks = historian_count_blocks(file, size); /* anew: that drain may have been the first */
        if (total->blocks == 0) return "it lists blocks that it does not have";
        if (total->drains) {
            found = historian_find_drained(file, total->drains, total->blocks);
            if (!found) return "it lacks the block of what has been taken out";
            memcpy(drained, found, sizeof *drained);
        }
        historian_atomic_fence();
        if (!historian_add_file_blocks(file, total)) return "a count is 2**63 or more";
        historian_gather_extremes((historian_file *)file, total->blocks, total, 0);
        historian_atomic_fence();
    } while (historian_atomic_load(&file->drains) != total->drains);
    if (!total->drains) memset(drained, 0, sizeof *drained);
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) {
        if (total->counts[slot] < drained->counts[slot]) return "more has been taken out of a bucket than was put in";
        total->counts[slot] -= drained->counts[slot];
        any |= sum += total->counts[slot];
    }
    return any >> 63 ? "there are 2**63 records or more" : NULL;
}

/* Set down that all that `total` says has been taken out, beside what was drained before. The caller alone drains. */
static int historian_commit_drain(historian_file *file, historian_total *total, historian_drained *drained) {
    historian_drained *next =
        (historian_drained *)historian_find_drained(file, total->drains + 1, HISTORIAN_FILE_MAX_BLOCKS);
    if (!next) return 0;
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) next->counts[slot] = total->counts[slot] + drained->counts[slot];
    memcpy(next->sums, total->sums, sizeof next->sums);
    total->max = total->not_min = 0;
    historian_gather_extremes(file, HISTORIAN_FILE_MAX_BLOCKS, total, 1);
    historian_atomic_store_release(&file->drains, total->drains + 1);
    return 1;
}

#endif
