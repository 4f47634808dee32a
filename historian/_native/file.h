/* A file that many processes count in: its layout, and how its blocks are read as one.
 *
 * docs/format.md describes it for readers in other languages. A page, then up to 67 blocks, with offsets in bytes:
 *
 *     0                     3072     3080      3088        3096    3136      3672    4096           57,344      110,592
 *     +---------------------+--------+---------+-----------+-------+---------+-------+--------------+-----------+- ...
 *     | header: magic,      | drains | claimed | synthetic | zeros | roles   | zeros | block 0      | block 1   |
 *     | layout, name, labels| u64    | u64     | u64       |       | 67 u64  |       | always       | leased or |
 *     | never changed       |        |         |           |       |         |       | shared       | drained   |
 *     +---------------------+--------+---------+-----------+-------+---------+-------+--------------+-----------+- ...
 *
 * A block is shared, leased or drained, as its role says. A shared or a leased one holds historian_counters:
 *
 *     0     8         16     24       40      64              2144    2176                         51,344     53,248
 *     +-----+---------+------+--------+-------+---------------+-------+----------------------------+----------+
 *     | max | not_min | used | bounds | zeros | historian_sum | zeros | counts, 6146 u64           | not used |
 *     +-----+---------+------+--------+-------+---------------+-------+----------------------------+----------+
 *
 * All processes add to the shared block, by atomic operations. One process at a time leases one of the others (see
 * lease.h) and adds to it by loads and stores; the next process that leases it continues where that one ended.
 *
 * Counts only grow. A drain saves how far they have grown, and this is subtracted from then on. So no process changes a
 * count while a writer adds to it, and a process that is killed, at any moment, leaves a correct file. Two blocks hold
 * what has been drained, historian_drained, in turn. The parity of `drains` says which one is valid:
 *
 *     0                                                49,168                        51,248                53,248
 *     +------------------------------------------------+-----------------------------+---------------------+
 *     | counts, 6146 u64: of all counters together     | historian_sum, likewise     | not used            |
 *     +------------------------------------------------+-----------------------------+---------------------+
 *
 *     a drain              drains   block "even"                  block "odd"
 *     before it                 4   valid: all up to drain 4      old: all up to drain 3
 *     read                      4   counters - "even" = result
 *     write                     4   valid                         written: the counters as they were read
 *     reset                     4   the extremes of all counters, and the bounds, become 0
 *     commit                    5   old                           valid: all up to drain 5
 *
 * A process that is killed before the commit has drained nothing.
 */
#ifndef HISTORIAN_FILE_H
#define HISTORIAN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "counters.h"
#include "platform.h"
#include "sum_read.h"

enum {
    HISTORIAN_FILE_PAGE_NBYTES = 4096,   /* the least page of all systems; block 0 begins here */
    HISTORIAN_FILE_HEADER_NBYTES = 3072, /* of that page; written and checked by Python */
    HISTORIAN_FILE_MAX_LEASES = 64,      /* leased blocks */
    HISTORIAN_FILE_MAX_BLOCKS = 1 + HISTORIAN_FILE_MAX_LEASES + 2, /* with the shared one and two drained ones */
    HISTORIAN_BLOCK_NBYTES = 13 * HISTORIAN_FILE_PAGE_NBYTES       /* whole pages: a block can be mapped by itself */
};

/* The role of a block; the numbers stand in files. */
enum {
    HISTORIAN_ROLE_NONE = 0, /* there is no such block yet, nor any behind it */
    HISTORIAN_ROLE_SHARED = 1,
    HISTORIAN_ROLE_LEASED = 2,
    HISTORIAN_ROLE_DRAINED_EVEN = 3,
    HISTORIAN_ROLE_DRAINED_ODD = 4
};

/* The first page. */
typedef struct {
    uint8_t header[HISTORIAN_FILE_HEADER_NBYTES];
    uint64_t drains;                           /* how often the file has been drained, in [0, 2^63 - 1) */
    uint64_t claimed;                          /* 1 once a process has taken out the counts of a removed file */
    uint64_t synthetic;                        /* 1 once estimated values have been added */
    uint64_t reserved[5];                      /* 0; the roles begin at a cache line of 64 bytes */
    uint64_t roles[HISTORIAN_FILE_MAX_BLOCKS]; /* set once, when the space of the block has been reserved */
    uint8_t unused[HISTORIAN_FILE_PAGE_NBYTES - HISTORIAN_FILE_HEADER_NBYTES - 8 * (8 + HISTORIAN_FILE_MAX_BLOCKS)];
} historian_file;

/* All records that have been drained from the file up to and including one drain. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS]; /* in all blocks together */
    historian_sum sum;                /* likewise */
} historian_drained;

static_assert(HISTORIAN_FILE_MAX_BLOCKS == 67, "layout of files");
static_assert(HISTORIAN_BLOCK_NBYTES == 53248, "layout of files");
static_assert(offsetof(historian_file, drains) == 3072, "layout of files");
static_assert(offsetof(historian_file, synthetic) == 3088, "layout of files");
static_assert(offsetof(historian_file, roles) == 3136, "layout of files");
static_assert(sizeof(historian_file) == 4096, "layout of files");
static_assert(offsetof(historian_drained, counts) == 0, "layout of files");
static_assert(offsetof(historian_drained, sum) == 49168, "layout of files");
static_assert(sizeof(historian_drained) == 51248, "layout of files");
static_assert(sizeof(historian_drained) <= HISTORIAN_BLOCK_NBYTES, "what has been drained fits into a block");
static_assert(sizeof(historian_counters) <= HISTORIAN_BLOCK_NBYTES, "counters fit into a block");

/* What all blocks hold together. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    historian_sum sum;
    uint64_t max, not_min, max_bound, not_min_bound; /* as in historian_counters, since the last drain */
    uint64_t drains;
    size_t blocks; /* how many there are, in [1, HISTORIAN_FILE_MAX_BLOCKS] */
} historian_total;

HISTORIAN_INLINE size_t historian_block_offset(size_t block) {
    return sizeof(historian_file) + block * HISTORIAN_BLOCK_NBYTES;
}

HISTORIAN_INLINE void *historian_file_block(const historian_file *file, size_t block) {
    return (char *)(uintptr_t)file + historian_block_offset(block);
}

HISTORIAN_INLINE int historian_counts_in(uint64_t role) {
    return role == HISTORIAN_ROLE_SHARED || role == HISTORIAN_ROLE_LEASED;
}

/* Return the block that contains what the first `drains` drains have drained, or NULL if the file is damaged. */
static const historian_drained *historian_find_drained(const historian_file *file, uint64_t drains, size_t blocks) {
    uint64_t role = drains & 1 ? HISTORIAN_ROLE_DRAINED_ODD : HISTORIAN_ROLE_DRAINED_EVEN;
    for (size_t block = 0; block < blocks; block++)
        if (historian_atomic_load(&file->roles[block]) == role)
            return (const historian_drained *)historian_file_block(file, block);
    return NULL;
}

/* Add up what the blocks hold, drained or not, without the extremes. Return 0 if a count is 2^63 or more, or
 * a sum is too large for that many values. */
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
        /* All that can be counted reaches 17 bits into the last digit. What is carried out of it would be lost. */
        if (historian_atomic_load(&counters->sum.digits[HISTORIAN_SUM_DIGITS - 1]) >> 32) any |= (uint64_t)1 << 63;
        historian_read_sum(&total->sum, &counters->sum);
    }
    return any >> 63 == 0;
}

/* Count the blocks that the file lists, or return 0 if its list is not a possible one: the first block is shared, no
 * other one is; at most two are drained, an even and an odd one; no block comes after the end of the list. */
static size_t historian_listed_blocks(const historian_file *file) {
    /* Blocks are added in order. So if another process has just added a block after the end of the list, those before
     * it are listed by now: read the list again. That cannot happen more often than there are blocks. */
    for (size_t tries = 0; tries <= HISTORIAN_FILE_MAX_BLOCKS; tries++) {
        size_t number[HISTORIAN_ROLE_DRAINED_ODD + 1] = {0}, blocks = 0, rest;
        for (; blocks < HISTORIAN_FILE_MAX_BLOCKS; blocks++) {
            uint64_t role = historian_atomic_load_acquire(&file->roles[blocks]);
            if (role == HISTORIAN_ROLE_NONE) break;
            if (role > HISTORIAN_ROLE_DRAINED_ODD || (role == HISTORIAN_ROLE_SHARED) != (blocks == 0)) return 0;
            number[role]++;
        }
        if (number[HISTORIAN_ROLE_LEASED] > HISTORIAN_FILE_MAX_LEASES || number[HISTORIAN_ROLE_DRAINED_EVEN] > 1 ||
            number[HISTORIAN_ROLE_DRAINED_ODD] > 1)
            return 0;
        for (rest = blocks; rest < HISTORIAN_FILE_MAX_BLOCKS; rest++)
            if (historian_atomic_load_acquire(&file->roles[rest]) != HISTORIAN_ROLE_NONE) break;
        if (rest == HISTORIAN_FILE_MAX_BLOCKS) return blocks;
        if (historian_atomic_load_acquire(&file->roles[blocks]) == HISTORIAN_ROLE_NONE) return 0;
    }
    return 0;
}

/* Return how many blocks the file has, or 0 if no file of `size` bytes can have those. Nothing beyond these blocks may
 * be used: it may lie beyond the end of the file. */
static size_t historian_count_blocks(const historian_file *file, size_t size) {
    size_t blocks = historian_listed_blocks(file);
    return historian_block_offset(blocks) <= size ? blocks : 0;
}

/* Read the extremes of all blocks. With `take`, reset them. */
static void historian_gather_extremes(historian_file *file, size_t blocks, historian_total *total, int take) {
    for (size_t block = 0; block < blocks; block++) {
        historian_counters *counters = (historian_counters *)historian_file_block(file, block);
        uint64_t max, not_min;
        if (!historian_counts_in(historian_atomic_load(&file->roles[block]))) continue;
        max = take ? historian_atomic_exchange(&counters->max, 0) : historian_atomic_load(&counters->max);
        not_min = take ? historian_atomic_exchange(&counters->not_min, 0) : historian_atomic_load(&counters->not_min);
        if (max > total->max) total->max = max;
        if (not_min > total->not_min) total->not_min = not_min;
        if (block > 0) continue; /* only atomic counters have bounds */
        total->max_bound =
            take ? historian_atomic_exchange(&counters->max_bound, 0) : historian_atomic_load(&counters->max_bound);
        total->not_min_bound = take ? historian_atomic_exchange(&counters->not_min_bound, 0)
                                    : historian_atomic_load(&counters->not_min_bound);
    }
}

/* Read a file, of which `size` bytes are mapped: `total` gets what has not been drained, and `drained` what has. Return
 * NULL, or what is wrong if the file is damaged or has grown beyond those bytes. */
static const char *historian_read_file(const historian_file *file, size_t size, historian_total *total,
                                       historian_drained *drained) {
    uint64_t sum = 0, any = 0;
    do { /* again, if another process has drained it in the meantime */
        const historian_drained *found;
        memset(total, 0, sizeof *total);
        total->drains = historian_atomic_load_acquire(&file->drains);
        total->blocks = historian_count_blocks(file, size); /* again: that drain may have been the first one */
        if (total->blocks == 0) return "it lists blocks that it does not contain";
        if (total->drains >= INT64_MAX) return "its number of drains is 2**63 - 1 or more"; /* a drain adds 1 */
        if (total->drains) {
            found = historian_find_drained(file, total->drains, total->blocks);
            if (!found) return "the block with its drained counts is missing";
            memcpy(drained, found, sizeof *drained);
        }
        historian_atomic_fence();
        if (!historian_add_file_blocks(file, total)) return "a count is 2**63 or more, or its sum is too large";
        historian_gather_extremes((historian_file *)file, total->blocks, total, 0);
        historian_atomic_fence();
    } while (historian_atomic_load(&file->drains) != total->drains);
    if (!total->drains) memset(drained, 0, sizeof *drained);
    historian_subtract_sum(&total->sum, &drained->sum);
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) {
        if (total->counts[slot] < drained->counts[slot]) return "a bucket has more drained records than records";
        total->counts[slot] -= drained->counts[slot];
        any |= sum += total->counts[slot];
    }
    return any >> 63 ? "there are 2**63 records or more" : NULL;
}

/* Save that all records of `total` are drained, too. The caller is the only one that drains or adds blocks. */
static int historian_commit_drain(historian_file *file, historian_total *total, historian_drained *drained) {
    historian_drained *next = (historian_drained *)historian_find_drained(file, total->drains + 1, total->blocks);
    if (!next) return 0;
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++)
        next->counts[slot] = total->counts[slot] + drained->counts[slot];
    historian_read_sum(&drained->sum, &total->sum);
    next->sum = drained->sum;
    total->max = total->not_min = 0;
    historian_gather_extremes(file, total->blocks, total, 1);
    historian_atomic_store_release(&file->drains, total->drains + 1);
    return 1;
}

#endif
