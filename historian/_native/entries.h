/* Entries of recorders and their places in the index: added, and changed when a recorder is removed.
 *
 * Only those do this who have locked the file, and know its names: see names.h. Free places are used again, if the new
 * entry has as many chunks as the old one.
 */
#ifndef HISTORIAN_ENTRIES_H
#define HISTORIAN_ENTRIES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "file.h"
#include "kept.h"
#include "names.h"
#include "space.h"

#if !defined(_WIN32)
#include <time.h>

/* Return what `changes` is after a change: an even number that it has not been before. The clock gives it, not a
 * count: if the file is damaged, or an earlier copy of it is written over it, a count may come back to a number that a
 * process has seen. That process would not look, and might add a recorder that is there. */
static uint64_t historian_next_change(uint64_t changes) {
    struct timespec now = {0, 0};
    uint64_t next;
    if (clock_gettime(CLOCK_REALTIME, &now)) return changes + 2;
    next = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) & ~(uint64_t)1;
    return next > changes ? next : changes + 2; /* a clock may have been set back */
}

/* Change the word of a place, which is known. The caller has locked the file. */
static void historian_change_place(historian_space *space, historian_names *names, size_t index, uint64_t word) {
    uint64_t changes = historian_atomic_load(&space->file->changes); /* odd if a process was killed here */
    uint64_t next = historian_next_change(changes & ~(uint64_t)1);
    int is_latest = names->changes == changes && !(changes & 1);
    historian_atomic_store(&space->file->changes, changes | 1);
    historian_atomic_fence();
    historian_atomic_store(historian_file_index(space) + index, word);
    historian_atomic_fence();
    historian_atomic_store(&space->file->changes, next);
    if (is_latest) names->changes = next;
    historian_learn_place(space, names, index);
}

/* Make a removed recorder one that is there again, or the reverse. The caller has locked the file. */
static void historian_set_state(historian_space *space, historian_names *names, size_t index, uint64_t state) {
    uint64_t word = historian_read_place(space, index);
    if (historian_is_there(word) && historian_state(word) != state)
        historian_change_place(space, names, index, historian_place_word(word >> 32, state, word & 0xffffff));
}

/* Take chunks that follow each other, for an entry. Return the first one, or 0. The caller has locked the file. */
static uint64_t historian_take_entry(historian_space *space, int fd, uint64_t chunks, uint64_t owner) {
    if (chunks == 1) return historian_take_locked(space, fd, owner);
    for (int attempt = 0; attempt < HISTORIAN_LOCKED_ATTEMPTS; attempt++) {
        uint64_t first = 0, owned = 0;
        if (historian_take_unused(space, chunks, &first) != chunks) {
            /* What was taken is lost: less than an entry, once the disk is full. */
            errno = historian_grow(space, fd, chunks, HISTORIAN_GROW_PATIENCE);
            if (errno) return 0;
            if (historian_take_unused(space, chunks, &first) != chunks) continue; /* others have taken some of it */
        }
        while (owned < chunks && historian_own_chunk(space, first + owned, owner)) owned++;
        if (owned == chunks) return first;
    }
    errno = EIO;
    return 0;
}

/* Make the rows of an entry free. A process that is killed here leaves the rest for the next one. */
static void historian_free_rows(historian_space *space, historian_entry *entry, size_t index) {
    uint64_t number = historian_number(historian_atomic_load_acquire(&entry->rows)), here, lane;
    while (number) {
        historian_row *row = historian_next_row(space, index, &number, &lane);
        if (!row) break;
        here = historian_number(historian_atomic_load(&entry->rows));
        historian_empty_row(space, row, index, lane, 1);
        historian_atomic_store_release(&entry->rows, historian_reference(number));
        historian_free_chunk(space, here, historian_owner(HISTORIAN_KIND_ROW, index, lane, 0), 1);
    }
    historian_atomic_store_release(&entry->rows, 0);
    historian_free_row(space, historian_number(historian_atomic_load(&entry->drained) >> 32), index,
                       HISTORIAN_DRAINED_LANE, 1);
    historian_atomic_store_release(&entry->drained, 0);
}

/* Return a free place whose entry has so many chunks, or -1. The caller has locked the file. */
static ptrdiff_t historian_find_vacant(const historian_space *space, historian_names *names, uint64_t chunks) {
    for (size_t seen = 0; names->free && seen < names->scanned; seen++) {
        size_t index = (names->vacant + seen) % names->scanned;
        uint64_t word = names->words[index];
        if (historian_state(word) != HISTORIAN_FREE || word != historian_read_place(space, index)) continue;
        /* If a process was killed while it wrote the entry, its length is not known. */
        if (historian_check_word(space, index, word) ||
            historian_entry_chunks(
                ((const historian_entry *)historian_chunk_address(space, word & 0xffffff))->nbytes) != chunks)
            continue;
        names->vacant = index + 1;
        return (ptrdiff_t)index;
    }
    return -1;
}

static void historian_write_entry(historian_entry *entry, size_t index, const uint8_t *text, size_t nbytes,
                                  size_t key_nbytes, uint64_t created) {
    memcpy(entry->text, text, nbytes);
    entry->nbytes = (uint32_t)nbytes;
    entry->key_nbytes = (uint32_t)key_nbytes;
    entry->index = (uint32_t)index;
    entry->created = created;
    entry->checksum = historian_entry_checksum(entry);
}

/* Create a recorder at a free place. Return its index. The caller has locked the file. */
static ptrdiff_t historian_reuse_place(historian_space *space, historian_names *names, size_t index,
                                       const uint8_t *text, size_t nbytes, size_t key_nbytes, uint64_t created) {
    uint64_t word = names->words[index];
    historian_entry *entry = (historian_entry *)historian_chunk_address(space, word & 0xffffff);
    if (!entry) return -1;
    historian_free_rows(space, entry, index); /* what is left of them, if a process was killed */
    historian_atomic_store(&entry->seats, 0);
    historian_atomic_store(&entry->synthetic, 0);
    historian_atomic_store(&entry->claimed, 0);
    historian_clear_words(&entry->coarse, sizeof entry->coarse);
    historian_write_entry(entry, index, text, nbytes, key_nbytes, created);
    historian_change_place(space, names, index,
                           historian_place_word((word >> 32) + 1, HISTORIAN_THERE, word & 0xffffff));
    return (ptrdiff_t)index;
}

/* Add a recorder. The caller has locked the file, scanned it, and not found the name. Return its index, or -1 and set
 * errno. */
static ptrdiff_t historian_add_name(historian_space *space, historian_names *names, int fd, const uint8_t *text,
                                    size_t nbytes, size_t key_nbytes, uint64_t created) {
    ptrdiff_t vacant = historian_find_vacant(space, names, historian_entry_chunks(nbytes));
    size_t index = names->scanned;
    uint64_t *place = historian_file_index(space) + index, number;
    uint64_t owner = historian_owner(HISTORIAN_KIND_ENTRY, index, 0, 0);
    historian_entry *entry;
    if (vacant >= 0) return historian_reuse_place(space, names, (size_t)vacant, text, nbytes, key_nbytes, created);
    if (index + 1 >= HISTORIAN_FILE_INDEX_WORDS) {
        errno = ENOSPC;
        return -1;
    }
    if ((index + 1) % 512 == 0) { /* the page of the next place, which others look at */
        errno = historian_reserve(fd, HISTORIAN_FILE_INDEX_AT + 8 * (index + 1), 4096);
        if (errno) return -1;
    }
    number = historian_take_entry(space, fd, historian_entry_chunks(nbytes), owner);
    entry = (historian_entry *)historian_chunk_address(space, number);
    if (!entry) return -1;
    for (uint64_t more = 1; more < historian_entry_chunks(nbytes); more++)
        historian_atomic_store((uint64_t *)historian_chunk_address(space, number + more), 0);
    historian_write_entry(entry, index, text, nbytes, key_nbytes, created);
    historian_keep_unused(space);
    historian_atomic_store_release(place, historian_place_word(0, HISTORIAN_THERE, number));
    historian_atomic_store_release(&space->file->recorders, index + 1);
    if (!historian_scan_names(space, names)) {
        errno = ENOMEM;
        return -1;
    }
    return (ptrdiff_t)index;
}
#endif

#endif
