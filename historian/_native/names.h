/* The recorders of a directory by name: the entries of its file, and a hash table of them in this process' memory.
 *
 * An entry is written completely before its number is put into the index, with one store. So a process that is killed
 * while it creates a recorder leaves nothing half-made. Each process reads the entries that are new to it, and checks
 * each once. What is in an entry cannot hide another one.
 */
#ifndef HISTORIAN_NAMES_H
#define HISTORIAN_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "file.h"
#include "space.h"
#include "wire.h"

typedef struct {
    uint32_t *numbers; /* of the entry of each place of the index; 0 if it is damaged or removed */
    uint64_t *table;   /* open addressing: hash << 32 | place + 1, or 0 */
    size_t scanned;    /* places that are known */
    size_t room;       /* of `numbers` */
    size_t mask;       /* size of the table - 1; the table is at most half full */
} historian_names;

static uint32_t historian_entry_checksum(const historian_entry *entry) {
    size_t from = offsetof(historian_entry, nbytes);
    return historian_crc32((const uint8_t *)entry + from, offsetof(historian_entry, text) - from + entry->nbytes);
}

/* Return NULL if the entry of a place of the index is valid, and set `*number`; else what is wrong. */
static const char *historian_check_entry(const historian_space *space, size_t index, uint64_t *number) {
    const historian_entry *entry;
    *number = historian_atomic_load_acquire(historian_file_index(space) + index);
    if (*number >= UINT32_MAX) return "its place in the index is damaged";
    entry =
        (const historian_entry *)historian_chunk_at(space, *number, historian_owner(HISTORIAN_KIND_ENTRY, index, 0, 0));
    if (!entry || !historian_chunk_address(space, *number + historian_entry_chunks(0) - 1))
        return "its place in the index is damaged";
    if (entry->nbytes > UINT16_MAX ||
        !historian_chunk_address(space, *number + historian_entry_chunks(entry->nbytes) - 1))
        return "the length of its name is damaged";
    if (entry->key_nbytes > entry->nbytes || entry->index != index ||
        entry->checksum != historian_entry_checksum(entry))
        return "the checksum of its name is wrong";
    return NULL;
}

static uint32_t historian_hash(const uint8_t *bytes, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u ^ n; /* FNV-1a, eight bytes at a time; then its bits are mixed */
    for (; n >= 8; n -= 8, bytes += 8) hash = (hash ^ historian_load_le(bytes)) * 0x100000001b3u ^ hash >> 29;
    while (n--) hash = (hash ^ *bytes++) * 0x100000001b3u;
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32);
}

/* Return the entry of a place that is known and valid. */
HISTORIAN_INLINE historian_entry *historian_entry_of(const historian_space *space, const historian_names *names,
                                                     size_t index) {
    if (index >= names->scanned || !names->numbers[index]) return NULL;
    return (historian_entry *)historian_chunk_address(space, names->numbers[index]);
}

static void historian_insert_name(historian_names *names, uint32_t hash, size_t index) {
    size_t at = hash & names->mask;
    while (names->table[at]) at = (at + 1) & names->mask;
    names->table[at] = (uint64_t)hash << 32 | (index + 1);
}

/* Make room for one more place. Return 0 if there is no memory. */
static int historian_make_room(historian_names *names) {
    size_t room = names->room ? 2 * names->room : 256;
    uint64_t *table, *old = names->table;
    uint32_t *numbers;
    if (names->scanned < names->room) return 1;
    numbers = (uint32_t *)realloc(names->numbers, room * sizeof *numbers);
    if (!numbers) return 0;
    names->numbers = numbers;
    table = (uint64_t *)calloc(2 * room, sizeof *table);
    if (!table) return 0;
    names->table = table;
    for (size_t at = 0; old && at <= names->mask; at++) {
        size_t to = (size_t)(old[at] >> 32) & (2 * room - 1);
        if (!old[at]) continue;
        while (table[to]) to = (to + 1) & (2 * room - 1);
        table[to] = old[at];
    }
    free(old);
    names->mask = 2 * room - 1;
    names->room = room;
    return 1;
}

static void historian_free_names(historian_names *names) {
    free(names->numbers);
    free(names->table);
    memset(names, 0, sizeof *names);
}

/* Learn the entries that other processes have added. Return 0 if there is no memory, or too few addresses. */
static int historian_scan_names(historian_space *space, historian_names *names) {
    uint64_t recorders = historian_atomic_load_acquire(&space->file->recorders), number;
    if (recorders > HISTORIAN_FILE_INDEX_WORDS) recorders = 0; /* damaged: those that follow each other are found */
    while (names->scanned < HISTORIAN_FILE_INDEX_WORDS) {
        size_t index = names->scanned;
        const historian_entry *entry;
        int is_wrong;
        /* A page that was never reserved may be reached if the number of recorders is damaged. */
        if (index > recorders && index % 512 == 0 && !historian_is_backed(historian_file_index(space) + index, 8))
            break;
        if (index >= recorders && !historian_atomic_load_acquire(historian_file_index(space) + index)) break;
        if (!historian_make_room(names)) return 0;
        is_wrong = historian_check_entry(space, index, &number) &&
                   !(historian_look_beyond(space) && !historian_check_entry(space, index, &number));
        if (is_wrong && historian_atomic_load(&space->is_narrow)) return 0; /* it may be where nothing can be mapped */
        names->numbers[index] = 0;
        names->scanned = index + 1;
        if (is_wrong) continue;
        entry = (const historian_entry *)historian_chunk_address(space, number);
        names->numbers[index] = (uint32_t)number;
        historian_insert_name(names, historian_hash(entry->text, entry->key_nbytes), index);
    }
    return 1;
}

/* Return the place of the recorder with this name and labels, or -1. */
static ptrdiff_t historian_find_name(const historian_space *space, const historian_names *names, const uint8_t *key,
                                     size_t n) {
    uint32_t hash = historian_hash(key, n);
    if (!names->table) return -1;
    for (size_t at = hash & names->mask; names->table[at]; at = (at + 1) & names->mask) {
        size_t index = (size_t)(names->table[at] & UINT32_MAX) - 1;
        const historian_entry *entry = historian_entry_of(space, names, index);
        if (names->table[at] >> 32 == hash && entry && entry->key_nbytes == n &&
            historian_chunk_address(space, names->numbers[index] + historian_entry_chunks(n) - 1) &&
            memcmp(entry->text, key, n) == 0 && historian_atomic_load(&entry->removed) != HISTORIAN_SET)
            return (ptrdiff_t)index;
    }
    return -1;
}

#if !defined(_WIN32)
/* Take chunks that follow each other, for an entry. Return the first one, or 0. The caller has locked the file. */
static uint64_t historian_take_entry(historian_space *space, int fd, uint64_t chunks, uint64_t owner) {
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

/* Add a recorder. The caller has locked the file, scanned it, and not found the name. Return its place, or -1 and set
 * errno. */
static ptrdiff_t historian_add_name(historian_space *space, historian_names *names, int fd, const uint8_t *text,
                                    size_t nbytes, size_t key_nbytes, uint64_t created) {
    size_t index = names->scanned;
    uint64_t *place = historian_file_index(space) + index, number;
    uint64_t owner = historian_owner(HISTORIAN_KIND_ENTRY, index, 0, 0);
    historian_entry *entry;
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
    memcpy(entry->text, text, nbytes);
    entry->nbytes = (uint32_t)nbytes;
    entry->key_nbytes = (uint32_t)key_nbytes;
    entry->index = (uint32_t)index;
    entry->created = created;
    entry->checksum = historian_entry_checksum(entry);
    historian_atomic_store_release(place, number);
    historian_atomic_store_release(&space->file->recorders, index + 1);
    if (!historian_scan_names(space, names)) {
        errno = ENOMEM;
        return -1;
    }
    return (ptrdiff_t)index;
}
#endif

#endif
