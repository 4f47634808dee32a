/* Chunks for those who have locked the file of a directory: they take them, make them free, and keep some for drains.
 *
 * A drain writes a new row of what has been drained, and then the chunks of the old row are free. So for a moment both
 * are there. On a full file system this must not fail. So some free chunks are kept for this, in a stack of their own,
 * which only those use who have locked the file:
 *
 *                     kept                            drained row           other chunks
 *     before          x x x x                         A A A
 *     keep            x x x x x                       A A A               one more for a new octave: may fail
 *     prepare         x x x x                         A A A a
 *     write                                           A A A a             new row B B B B
 *     commit          x x x x                         B B B B
 *
 * To prepare changes nothing that is counted. A drain of many recorders first keeps all chunks that it will need, then
 * prepares all recorders. Then it cannot fail. A recorder that is drained to be freed at once needs nothing but kept chunks, and gives back more.
 */
#ifndef HISTORIAN_KEPT_H
#define HISTORIAN_KEPT_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "file.h"
#include "space.h"

#if !defined(_WIN32)
enum {
    HISTORIAN_MOST_KEPT = HISTORIAN_OCTAVES + 3, /* a row, all octaves, far digits, coarse counts */
    HISTORIAN_KEPT_SHARE = 8,                    /* a small file keeps one chunk of so many */
    HISTORIAN_KEPT_STEP = 4                      /* unused chunks to keep when a recorder is added */
};

/* Return how many chunks are kept: the upper half of the word `kept`. Its lower half has the number of the first one. */
HISTORIAN_INLINE uint64_t historian_count_kept(const historian_space *space) {
    return historian_atomic_load(&space->file->kept) >> 32;
}

/* Return how many should be. */
HISTORIAN_INLINE uint64_t historian_target_kept(const historian_space *space) {
    uint64_t share = historian_atomic_load(&space->file->reserved) / HISTORIAN_KEPT_SHARE;
    if (share < space->keep) share = space->keep;
    return share < HISTORIAN_MOST_KEPT ? share : HISTORIAN_MOST_KEPT;
}

/* Keep a chunk that nobody uses; its first word is 0. */
static void historian_keep_chunk(historian_space *space, uint64_t number) {
    historian_chunk *chunk = (historian_chunk *)historian_chunk_at(space, number, 0);
    uint64_t kept = historian_atomic_load(&space->file->kept);
    if (!chunk) return;
    historian_atomic_store(&chunk->sum[0], (uint32_t)kept);
    historian_atomic_store_release(&space->file->kept, ((kept >> 32) + 1) << 32 | number);
}

/* Take a kept chunk. Return its number, or 0 if there is none. It holds zeros but for its owner. */
static uint64_t historian_take_kept(historian_space *space, uint64_t owner) {
    uint64_t kept = historian_atomic_load(&space->file->kept), number = (uint32_t)kept, next, count = kept >> 32;
    const historian_chunk *chunk = (const historian_chunk *)historian_chunk_at(space, number, 0);
    if (!chunk && number && historian_look_beyond(space))
        chunk = (const historian_chunk *)historian_chunk_at(space, number, 0);
    next = chunk ? (uint32_t)historian_atomic_load(&chunk->sum[0]) : 0;
    if (count < 2) count = 2; /* damaged, if there is a next one */
    historian_atomic_store_release(&space->file->kept, next ? (count - 1) << 32 | next : 0);
    return chunk && historian_own_chunk(space, number, owner) ? number : 0;
}

/* Make a chunk free, if it is for this. If too few are kept, keep it, if the file is locked. */
static void historian_free_chunk(historian_space *space, uint64_t number, uint64_t owner, int is_locked) {
    historian_chunk *chunk = (historian_chunk *)historian_chunk_at(space, number, owner);
    uint64_t head;
    if (!chunk || !owner || !historian_atomic_exchange_if(&chunk->owner, owner, 0)) return;
    if (is_locked && historian_count_kept(space) < historian_target_kept(space)) {
        historian_keep_chunk(space, number);
        return;
    }
    do {
        head = historian_atomic_load(&space->file->free);
        historian_atomic_store(&chunk->sum[0], (uint32_t)head);
    } while (!historian_atomic_exchange_if(&space->file->free, head, historian_free_word(head, number)));
}

/* Take a chunk: one that is free again, or an unused one. Return its number, or 0. */
static uint64_t historian_take_locked(historian_space *space, int fd, uint64_t owner) {
    for (int attempt = 0; attempt < HISTORIAN_LOCKED_ATTEMPTS; attempt++) {
        uint64_t number = historian_take_free(space);
        if (!number && !historian_take_unused(space, 1, &number)) {
            errno = historian_grow(space, fd, 1, HISTORIAN_GROW_PATIENCE);
            if (errno) return 0;
            if (!historian_take_unused(space, 1, &number)) continue; /* others have taken all of it */
        }
        if (historian_own_chunk(space, number, owner)) return number;
    }
    errno = EIO;
    return 0;
}

/* Make the chunks of a row free. */
static void historian_empty_row(historian_space *space, const historian_row *row, uint64_t index, uint64_t lane,
                                int is_locked) {
    for (uint64_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        if (row->chunks[octave])
            historian_free_chunk(space, historian_number(row->chunks[octave]),
                                 historian_owner(HISTORIAN_KIND_COUNTERS, index, lane, octave), is_locked);
    historian_free_chunk(space, historian_number(row->head.far_digits),
                         historian_owner(HISTORIAN_KIND_FAR_DIGITS, index, lane, 0), is_locked);
    historian_free_chunk(space, historian_number(row->coarse), historian_owner(HISTORIAN_KIND_COARSE, index, lane, 0),
                         is_locked);
}

/* Make a row and its chunks free. */
static void historian_free_row(historian_space *space, uint64_t number, uint64_t index, uint64_t lane, int is_locked) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, index, lane, 0);
    const historian_row *row = (const historian_row *)historian_chunk_at(space, number, owner);
    if (!row) return;
    historian_empty_row(space, row, index, lane, is_locked);
    historian_free_chunk(space, number, owner, is_locked);
}

/* Make kept chunks free that are more than should be kept. */
static void historian_keep_fewer(historian_space *space) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, 0, HISTORIAN_DRAINED_LANE, 0);
    while (historian_count_kept(space) > historian_target_kept(space)) {
        uint64_t number = historian_take_kept(space, owner);
        if (!number) return;
        historian_free_chunk(space, number, owner, 1);
    }
}

/* Return how many chunks are free again, `n` if there are more. */
static uint64_t historian_count_free(historian_space *space, uint64_t n) {
    uint64_t number = (uint32_t)historian_atomic_load_acquire(&space->file->free), count = 0;
    while (number && count < n) {
        const historian_chunk *chunk = (const historian_chunk *)historian_chunk_at(space, number, 0);
        if (!chunk && historian_look_beyond(space)) continue;
        if (!chunk) break;
        number = (uint32_t)historian_atomic_load(&chunk->sum[0]);
        count++;
    }
    return count;
}

/* Keep chunks for a drain: `chunks` that are given back, and `missing` ones that are not. Afterwards there are at least as
 * many as before, or as should be. Return 0, and set errno, if there is no space: then no more are kept than before, and
 * unused chunks, which follow each other, stay unused. */
static int historian_keep(historian_space *space, int fd, uint64_t missing, uint64_t chunks) {
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, 0, HISTORIAN_DRAINED_LANE, 0);
    uint64_t count = historian_count_kept(space), target = historian_target_kept(space);
    uint64_t before = count < target ? count : target, n = missing + (chunks > before ? chunks : before);
    uint64_t more = count < n ? n - count : 0;
    uint64_t unused = more - historian_count_free(space, more);
    errno = unused ? historian_grow(space, fd, unused, HISTORIAN_GROW_PATIENCE) : 0;
    if (errno) return 0;
    for (; count < n; count++) {
        uint64_t number = historian_take_locked(space, fd, owner);
        if (!number) { /* others have taken some */
            int error = errno;
            historian_keep_fewer(space);
            errno = error;
            return 0;
        }
        historian_atomic_store_release((uint64_t *)historian_chunk_address(space, number), 0);
        historian_keep_chunk(space, number);
    }
    return 1;
}

/* Have as many kept as should be: of the unused ones, if there are any; the file does not grow for this. */
static void historian_keep_unused(historian_space *space) {
    historian_keep_fewer(space); /* if a process was killed while it prepared a drain */
    for (int k = 0; k < HISTORIAN_KEPT_STEP && historian_count_kept(space) < historian_target_kept(space); k++) {
        uint64_t number;
        if (!historian_take_unused(space, 1, &number)) return;
        historian_keep_chunk(space, number);
    }
}
#endif

#endif
