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

enum { HISTORIAN_COUNTED_NAMES = 64 }; /* names whose recorders are counted: those of families, which ask for it */

typedef struct {
    uint64_t name; /* its hash; 0 for none */
    size_t recorders;
} historian_counted;

typedef struct {
    uint64_t *words;   /* of each place of the index, when it was last looked at */
    uint32_t *numbers; /* of the entry of each place; 0 if it is damaged or free */
    uint32_t *hashes;  /* of the key of each place that has a number */
    uint64_t *names;   /* hashes of the name in the key, without labels: 64 bits, so that they differ if names do */
    uint64_t *table;   /* open addressing: hash << 32 | index + 1, or 0 */
    size_t scanned;    /* places that are known */
    size_t room;       /* of `words`, `numbers`, `hashes` and `names` */
    size_t mask;       /* size of the table - 1; the table is at most half full */
    size_t free;       /* known places that are free */
    size_t removed;    /* known places whose recorder was removed, and that are not free yet */
    size_t vacant;     /* where to look for a free place first */
    size_t unfreed;    /* where to look for a removed one first */
    historian_counted counted[HISTORIAN_COUNTED_NAMES]; /* by hash of the name */
    uint64_t removals; /* how often a known place has become one of a removed recorder */
    uint64_t changes;  /* the word `changes` of the file, when all places were last looked at */
} historian_names;

static uint32_t historian_entry_checksum(const historian_entry *entry) {
    size_t from = offsetof(historian_entry, nbytes);
    return historian_crc32((const uint8_t *)entry + from, offsetof(historian_entry, text) - from + entry->nbytes);
}

/* Return NULL if the entry that a word of the index names is valid, else what is wrong. */
static const char *historian_check_word(const historian_space *space, size_t index, uint64_t word) {
    uint64_t number = word & 0xffffff;
    const historian_entry *entry;
    if (!historian_is_there(word) && historian_state(word) != HISTORIAN_FREE)
        return "its place in the index is damaged";
    entry =
        (const historian_entry *)historian_chunk_at(space, number, historian_owner(HISTORIAN_KIND_ENTRY, index, 0, 0));
    if (!entry || !historian_chunk_address(space, number + historian_entry_chunks(0) - 1))
        return "its place in the index is damaged";
    if (entry->nbytes > UINT16_MAX ||
        !historian_chunk_address(space, number + historian_entry_chunks(entry->nbytes) - 1))
        return "the length of its name is damaged";
    if (entry->key_nbytes > entry->nbytes || entry->index != index ||
        entry->checksum != historian_entry_checksum(entry))
        return "the checksum of its name is wrong";
    return NULL;
}

static uint64_t historian_hash(const uint8_t *bytes, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u ^ n; /* FNV-1a, eight bytes at a time; then its bits are mixed */
    for (; n >= 8; n -= 8, bytes += 8) hash = (hash ^ historian_load_le(bytes)) * 0x100000001b3u ^ hash >> 29;
    while (n--) hash = (hash ^ *bytes++) * 0x100000001b3u;
    return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
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

/* Take an entry out of the table; those behind it move up. */
static void historian_forget_name(historian_names *names, size_t index) {
    uint64_t mine = (uint64_t)names->hashes[index] << 32 | (index + 1);
    size_t hole = names->hashes[index] & names->mask, next;
    while (names->table[hole] && names->table[hole] != mine) hole = (hole + 1) & names->mask;
    if (!names->table[hole]) return;
    for (next = (hole + 1) & names->mask; names->table[next]; next = (next + 1) & names->mask) {
        size_t home = (size_t)(names->table[next] >> 32) & names->mask;
        if (((next - home) & names->mask) < ((next - hole) & names->mask)) continue;
        names->table[hole] = names->table[next];
        hole = next;
    }
    names->table[hole] = 0;
}

/* Make room for one more place. Return 0 if there is no memory. */
static int historian_make_room(historian_names *names) {
    size_t room = names->room ? 2 * names->room : 256;
    uint64_t *table, *old = names->table, *words, *each;
    uint32_t *numbers, *hashes;
    if (names->scanned < names->room) return 1;
    words = (uint64_t *)realloc(names->words, room * sizeof *words);
    if (words) names->words = words;
    numbers = (uint32_t *)realloc(names->numbers, room * sizeof *numbers);
    if (numbers) names->numbers = numbers;
    hashes = (uint32_t *)realloc(names->hashes, room * sizeof *hashes);
    if (hashes) names->hashes = hashes;
    each = (uint64_t *)realloc(names->names, room * sizeof *each);
    if (each) names->names = each;
    if (!words || !numbers || !hashes || !each) return 0;
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
    free(names->words);
    free(names->numbers);
    free(names->hashes);
    free(names->names);
    free(names->table);
    memset(names, 0, sizeof *names);
}

/* Return the length of the name at the beginning of an entry's key, with its own length before it. */
static size_t historian_name_nbytes(const historian_entry *entry) {
    size_t nbytes =
        entry->key_nbytes < 2 ? entry->key_nbytes : (size_t)2 + entry->text[0] + (size_t)256 * entry->text[1];
    return nbytes < entry->key_nbytes ? nbytes : entry->key_nbytes;
}

/* Remember the word of a place, and count those that are free or removed. */
static void historian_remember_word(historian_names *names, size_t index, uint64_t word) {
    uint64_t before = historian_state(names->words[index]), now = historian_state(word);
    int was_removed = before == HISTORIAN_REMOVED || before == HISTORIAN_CLOSED;
    int is_removed = now == HISTORIAN_REMOVED || now == HISTORIAN_CLOSED;
    names->free += (now == HISTORIAN_FREE) - (size_t)(before == HISTORIAN_FREE);
    names->removed += (size_t)(is_removed - was_removed);
    names->removals += is_removed && !was_removed;
    names->words[index] = word;
}

/* Return where the recorders of a name are counted, if they are. */
static historian_counted *historian_counted_of(historian_names *names, uint64_t name) {
    return &names->counted[name % HISTORIAN_COUNTED_NAMES];
}

/* Return whether the recorder of a known place counts for its name: one that was removed does not. */
static int historian_counts(const historian_names *names, size_t index) {
    return names->numbers[index] && historian_state(names->words[index]) == HISTORIAN_THERE;
}

/* Count the recorder of a known place: 1 to count it, -1 before it changes. */
static void historian_count_place(historian_names *names, size_t index, int one) {
    historian_counted *counted = historian_counted_of(names, names->names[index]);
    if (historian_counts(names, index) && counted->name == names->names[index]) counted->recorders += (size_t)one;
}

/* Learn what is at a place of the index now, but do not count it. */
static void historian_learn_uncounted(historian_space *space, historian_names *names, size_t index) {
    const uint64_t *at = historian_file_index(space) + index;
    uint64_t word = historian_atomic_load_acquire(at), before = names->words[index];
    if (names->numbers[index]) {
        if (historian_is_there(word) && word >> 32 == before >> 32) { /* the same recorder, in another state */
            historian_remember_word(names, index, word);
            return;
        }
        historian_forget_name(names, index);
        names->numbers[index] = 0;
    }
    for (;;) {
        const char *wrong = historian_is_there(word) ? historian_check_word(space, index, word) : historian_gone;
        historian_remember_word(names, index, word);
        if (wrong && historian_is_there(word) && historian_look_beyond(space))
            wrong = historian_check_word(space, index, word);
        if (!wrong) {
            const historian_entry *entry = (const historian_entry *)historian_chunk_address(space, word & 0xffffff);
            names->hashes[index] = (uint32_t)(historian_hash(entry->text, entry->key_nbytes) >> 32);
            names->names[index] = historian_hash(entry->text, historian_name_nbytes(entry));
        }
        historian_atomic_fence();
        if (historian_atomic_load(at) == word) { /* else another one was created there meanwhile */
            if (wrong) return;
            names->numbers[index] = (uint32_t)(word & 0xffffff);
            historian_insert_name(names, names->hashes[index], index);
            return;
        }
        word = historian_atomic_load_acquire(at);
    }
}

/* Learn what is at a place of the index now. */
static void historian_learn_place(historian_space *space, historian_names *names, size_t index) {
    historian_count_place(names, index, -1);
    historian_learn_uncounted(space, names, index);
    historian_count_place(names, index, 1);
}

/* Learn the entries that other processes have added, and where they have removed some. Return 0 if there is no memory,
 * or too few addresses. */
static int historian_scan_names(historian_space *space, historian_names *names) {
    uint64_t changes = historian_atomic_load_acquire(&space->file->changes);
    uint64_t recorders = historian_atomic_load_acquire(&space->file->recorders);
    if (recorders > HISTORIAN_FILE_INDEX_WORDS) recorders = 0; /* damaged: those that follow each other are found */
    if (changes != names->changes || changes & 1) {            /* odd: a process changes one, or was killed meanwhile */
        const uint64_t *words = historian_file_index(space);
        for (size_t index = 0; index < names->scanned; index++)
            if (historian_atomic_load(words + index) != names->words[index]) historian_learn_place(space, names, index);
        names->changes = changes;
    }
    while (names->scanned < HISTORIAN_FILE_INDEX_WORDS) {
        size_t index = names->scanned;
        if (index > recorders && index % 512 == 0 && !historian_is_backed(historian_file_index(space) + index, 8))
            break; /* never reserved: the number of recorders is damaged */
        if (index >= recorders && !historian_read_place(space, index)) break;
        if (!historian_make_room(names)) return 0;
        names->numbers[index] = 0;
        names->words[index] = 0;
        names->names[index] = 0;
        names->scanned = index + 1;
        historian_learn_place(space, names, index);
        if (historian_is_there(names->words[index]) && !names->numbers[index] &&
            historian_atomic_load(&space->is_narrow)) { /* it may be where nothing can be mapped */
            historian_remember_word(names, index, 0);
            names->scanned = index;
            return 0;
        }
    }
    return 1;
}

/* Return the entry of a recorder, or NULL and what is wrong: historian_gone if it was removed. */
static historian_entry *historian_find_entry(historian_space *space, historian_names *names, uint64_t place,
                                             const char **wrong) {
    size_t index = historian_index_of(place);
    historian_entry *entry;
    *wrong = "its entry was damaged";
    if (index >= names->scanned && !historian_scan_names(space, names)) {
        *wrong = NULL;
        return NULL;
    }
    if (index >= names->scanned) return NULL;
    if (historian_read_place(space, index) != names->words[index]) historian_learn_place(space, names, index);
    entry = historian_entry_of(space, names, index);
    if (entry && historian_is_same(names->words[index], place)) return entry;
    if (entry || historian_state(names->words[index]) == HISTORIAN_FREE)
        *wrong = historian_gone;
    else if (historian_check_word(space, index, names->words[index]))
        *wrong = historian_check_word(space, index, names->words[index]);
    return NULL;
}

/* Return the index of the recorder with this name and labels, which may have been removed, or -1. */
static ptrdiff_t historian_find_name(const historian_space *space, const historian_names *names, const uint8_t *key,
                                     size_t n) {
    uint32_t hash = (uint32_t)(historian_hash(key, n) >> 32);
    if (!names->table) return -1;
    for (size_t at = hash & names->mask; names->table[at]; at = (at + 1) & names->mask) {
        size_t index = (size_t)(names->table[at] & UINT32_MAX) - 1;
        const historian_entry *entry = historian_entry_of(space, names, index);
        if (names->table[at] >> 32 == hash && entry && entry->key_nbytes == n &&
            historian_chunk_address(space, names->numbers[index] + historian_entry_chunks(n) - 1) &&
            memcmp(entry->text, key, n) == 0)
            return (ptrdiff_t)index;
    }
    return -1;
}

/* Return how many known recorders have this name, with any labels; those that were removed do not count. */
static size_t historian_count_names(historian_names *names, const uint8_t *text, size_t n) {
    uint64_t name = historian_hash(text, n);
    historian_counted *counted = historian_counted_of(names, name);
    if (counted->name != name) {
        counted->name = name;
        counted->recorders = 0;
        for (size_t index = 0; index < names->scanned; index++) historian_count_place(names, index, 1);
    }
    return counted->recorders;
}

#endif
