/* The file of a directory: the recorders that many processes count in. Its layout, and how it is checked and read.
 *
 * docs/format.md describes it for readers in other languages. Offsets in bytes:
 *
 *     0        128       1024             3104    4096                 2,101,248
 *     +--------+---------+----------------+-------+--------------------+---------+---------+---------+- ...
 *     | header | state   | lanes, 65 of 4 | zeros | index: 2^18 words, | chunk 0 | chunk 1 | chunk 2 |
 *     | never  | used,   | words: chunks  |       | the entry of each  | never   |  536 bytes each   |
 *     | changes| reserved| not used yet   |       | recorder           | used    |         |         |
 *     +--------+---------+----------------+-------+--------------------+---------+---------+---------+- ...
 *
 * All else is in chunks, which have numbers. Each says in its first word what it is for, so a reference that has been
 * damaged is found out. A recorder:
 *
 *     index[i] --> entry, 1 or more chunks            row of a lane                chunks of the lane's octaves
 *                  +-----------------------+          +-----------------+          +--------+
 *                  | checksum, texts       |          | head            |     +--> | counts |
 *                  | rows -----------------|--------> | next -----------|--+  |    +--------+
 *                  | drained               |          | chunks: 96 u32 -|--|--+    +--------+
 *                  | coarse counters       |          +-----------------+  |  +--> | counts |
 *                  +------------|----------+          row of another lane  |       +--------+
 *                               |                     +-----------------+  |
 *                               v                     | head, next = 0  |<-+
 *                         a row of what               | chunks          |---> ...
 *                         has been drained            +-----------------+
 *
 * A lane belongs to one process at a time, without a GIL to one thread (see lease.h). It adds to its rows by loads and
 * stores. Lane 0 belongs to all processes: they add to its rows by atomic operations. Coarse counters are always there.
 * They count the records that find no space for a chunk, by atomic operations.
 *
 * Counts only grow. A drain saves how far they have grown, and this is subtracted from then on. So no process changes a
 * count while a writer adds to it, and a process that is killed, at any moment, leaves a correct file. A drain writes a
 * new row of drained counts, and then puts its number into the entry, with one store:
 *
 *     a drain              drained                      old row                  new row
 *     before it            number of old row, n drains  all up to drain n
 *     read                                              counters - old = result
 *     write                                             valid                    the counters as they were read
 *     reset                max and not_min of all rows become 0
 *     commit               number of new row, n + 1     its chunks become free   all up to drain n + 1
 *
 * Before that it prepares the old row: this gets a chunk of zeros for each octave that it has none for. So the chunks
 * of the old row are as many as those of the new one, and a drain only takes space while it prepares; see kept.h. A
 * process that is killed before the commit has drained nothing.
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
#include "total.h"

enum {
    HISTORIAN_FILE_VERSION = 2,
    HISTORIAN_FILE_LANES = 65,            /* lane 0 is shared */
    HISTORIAN_FILE_INDEX_WORDS = 1 << 18, /* the most recorders of a file: 262,144 */
    HISTORIAN_FILE_INDEX_AT = 4096,
    HISTORIAN_FILE_CHUNKS_AT = HISTORIAN_FILE_INDEX_AT + 8 * HISTORIAN_FILE_INDEX_WORDS,
    HISTORIAN_FILE_HEADER_NBYTES = 128
};

static const char HISTORIAN_FILE_MAGIC[] = "\x89HSTRN\r\n"; /* no text begins so; text mode changes the line end */

/* What a chunk is for: the highest byte of its first word. Below it: 8 bits the octave or 0, 8 bits the lane or 0, 40
 * bits the number of the recorder in the index. 0 for chunks that are not used. */
enum {
    HISTORIAN_KIND_ENTRY = 1,
    HISTORIAN_KIND_ROW = 2,
    HISTORIAN_KIND_COUNTERS = 3,
    HISTORIAN_KIND_FAR_DIGITS = 4,
    HISTORIAN_KIND_COARSE = 5 /* drained coarse counts */
};
/* What the place of a recorder in the index is. The numbers differ in four bits or more. */
enum {
    HISTORIAN_THERE = 0xa5,
    HISTORIAN_REMOVED = 0x5a, /* hidden while it holds nothing: some process has it open, and may go on counting */
    HISTORIAN_CLOSED = 0x3c,  /* as removed, but nobody can open it: somebody looks whether it may be freed */
    HISTORIAN_FREE = 0xc3     /* its entry is for the next recorder; all else is free, or is being freed */
};
enum { HISTORIAN_DRAINED_LANE = 255 }; /* the "lane" of the row of what has been drained */

/* The part of the header that never changes, but for its checksum. */
typedef struct {
    uint8_t magic[8];
    uint32_t version, chunk_nbytes;
    int32_t first_index; /* index of the first bucket of octave 0 */
    uint32_t octaves, buckets_per_octave, index_words, index_at, chunks_at;
    uint64_t created; /* ns since 1970-01-01 00:00 UTC */
    uint8_t id[16];   /* random */
    uint8_t zeros[60];
    uint32_t checksum; /* CRC-32 of the bytes before it */
} historian_file_header;

/* The first page. */
typedef struct {
    historian_file_header header;
    uint64_t used;      /* chunks that are in use or were given to lanes, those below */
    uint64_t reserved;  /* chunks whose space is reserved: those below */
    uint64_t free;      /* in its lower half: a chunk that is free again, which has the next one; or 0 */
    uint64_t recorders; /* places of the index that have ever been in use, those below */
    uint64_t changes;   /* another even number each time such a place changes, see entries.h; odd while one changes */
    uint64_t kept; /* free chunks that are kept for drains: their number << 32 | the first one, which has the next */
    uint8_t zeros[1024 - HISTORIAN_FILE_HEADER_NBYTES - 48];
    uint64_t lanes[HISTORIAN_FILE_LANES][4]; /* the next unused chunk of each, and the end of those; else 0 */
    uint8_t rest[4096 - 1024 - HISTORIAN_FILE_LANES * 32];
} historian_file;

typedef struct {
    historian_head head;
    uint32_t chunks[HISTORIAN_OCTAVES]; /* numbers of chunks; 0 if there is none */
    uint64_t coarse;                    /* of a drained row: the chunk of drained coarse counts; else 0 */
} historian_row;

typedef struct {
    uint64_t owner;
    uint64_t rows;      /* the first row; 0 if there is none */
    uint64_t drained;   /* reference to the row of what has been drained << 32; plus the number of drains modulo 2^32 */
    uint64_t seats;     /* which processes have the recorder open: see seats.h */
    uint64_t synthetic; /* HISTORIAN_SET once estimated values have been added */
    uint64_t claimed;   /* 1 once a process has taken out the counts, after the file was removed */
    historian_coarse coarse;
    uint32_t checksum;          /* CRC-32 of all bytes from here to the end of the text */
    uint32_t nbytes;            /* length of the text */
    uint64_t created;           /* ns since 1970-01-01 00:00 UTC */
    uint32_t key_nbytes, index; /* of the text: name and labels, the rest is the unit; the place in the index */
    uint8_t text[];             /* see docs/format.md */
} historian_entry;

static_assert(sizeof(historian_file_header) == HISTORIAN_FILE_HEADER_NBYTES, "layout of files");
static_assert(offsetof(historian_file, used) == 128, "layout of files");
static_assert(offsetof(historian_file, lanes) == 1024, "layout of files");
static_assert(sizeof(historian_file) == 4096, "layout of files");
static_assert(sizeof(historian_row) <= HISTORIAN_CHUNK_NBYTES, "a row is a chunk");
static_assert(offsetof(historian_entry, coarse) == 48, "layout of files");
static_assert(offsetof(historian_entry, text) == 408, "layout of files");

/* What `synthetic` of an entry is once it is set. Other numbers than this and 0 are damage. */
#define HISTORIAN_SET ((uint64_t)0xa5c396f00f693c5a)

enum { HISTORIAN_MOST_CHUNKS = 1 << 24 }; /* as many as references can tell apart */

/* A former mapping of a file. It stays: counters point into it. */
typedef struct historian_mapping {
    void *pages;
    size_t size;
    struct historian_mapping *next;
} historian_mapping;

/* A file that this process has mapped. */
typedef struct historian_space {
    historian_file *file;
    uint64_t size;   /* bytes of addresses; more than the file has, if it is mapped to write */
    uint64_t chunks; /* those below are within the file, as the kernel says */
    historian_mapping *former;
    uint64_t is_narrow; /* 1 if the process may not have enough addresses for the whole file */
    const char *path;
    uint64_t device, inode; /* they identify the file, even if another one now has its path */
    uint64_t patience;      /* requests for space to refuse before the next attempt to make the file larger */
    uint64_t refused;       /* what `patience` was set to after the last attempt */
    uint64_t spare;         /* a chunk that a thread took in vain; or 0 */
    uint64_t keep;          /* the most chunks that a drain has needed for a moment: see kept.h */
} historian_space;

HISTORIAN_INLINE size_t historian_chunk_offset(uint64_t number) {
    return HISTORIAN_FILE_CHUNKS_AT + (size_t)number * HISTORIAN_CHUNK_NBYTES;
}

/* Return how many whole chunks are within so many bytes. */
HISTORIAN_INLINE uint64_t historian_chunks_within(size_t size) {
    return size < HISTORIAN_FILE_CHUNKS_AT ? 0 : (size - HISTORIAN_FILE_CHUNKS_AT) / HISTORIAN_CHUNK_NBYTES;
}

HISTORIAN_INLINE uint64_t historian_owner(uint64_t kind, uint64_t index, uint64_t lane, uint64_t octave) {
    return kind << 56 | octave << 48 | lane << 40 | index;
}

HISTORIAN_INLINE uint64_t *historian_file_index(const historian_space *space) {
    return (uint64_t *)((char *)space->file + HISTORIAN_FILE_INDEX_AT);
}

HISTORIAN_INLINE uint64_t historian_xor_of_bytes(uint64_t word) {
    word ^= word >> 32;
    word ^= word >> 16;
    return (word ^ word >> 8) & 255;
}

/* A word of the index: generation << 32 | reference to the entry, whose check is also one of the generation, and says
 * in which state the place is. */
HISTORIAN_INLINE uint64_t historian_place_word(uint64_t generation, uint64_t state, uint64_t number) {
    uint64_t word = generation << 32 | number;
    return word | (state ^ historian_xor_of_bytes(word)) << 24;
}
HISTORIAN_INLINE uint64_t historian_state(uint64_t word) { return historian_xor_of_bytes(word); }

/* A reference to a chunk is its number, below 2^24, and a check of it above. So no change of one bit gives another
 * reference, or 0, which means that there is none. */
HISTORIAN_INLINE uint64_t historian_reference(uint64_t number) {
    return number ? historian_place_word(0, HISTORIAN_THERE, number) : 0;
}

/* Return whether there is a recorder, which may have been removed. */
HISTORIAN_INLINE int historian_is_there(uint64_t word) {
    uint64_t state = historian_state(word);
    return (word & 0xffffff) != 0 &&
           (state == HISTORIAN_THERE || state == HISTORIAN_REMOVED || state == HISTORIAN_CLOSED);
}

/* A place as others know it: generation << 18 | index. A recorder that is created where another one was has the next
 * generation. */
HISTORIAN_INLINE size_t historian_index_of(uint64_t place) { return place & (HISTORIAN_FILE_INDEX_WORDS - 1); }
HISTORIAN_INLINE uint64_t historian_place_of(uint64_t word, size_t index) {
    return (word >> 32) * HISTORIAN_FILE_INDEX_WORDS + index;
}

HISTORIAN_INLINE uint64_t historian_read_place(const historian_space *space, size_t index) {
    return historian_atomic_load_acquire(historian_file_index(space) + index);
}

/* Return whether the word of the index is still that of the recorder that had this place. */
HISTORIAN_INLINE int historian_is_same(uint64_t word, uint64_t place) {
    return historian_is_there(word) && word >> 32 == (uint32_t)(place / HISTORIAN_FILE_INDEX_WORDS);
}

/* Return the number in a reference; 0 if it is 0, a number that no chunk has if it is damaged. */
HISTORIAN_INLINE uint64_t historian_number(uint64_t reference) {
    uint64_t number = reference & 0xffffff;
    return reference == historian_reference(number) ? number : UINT64_MAX;
}

/* Set words to 0. Readers who come too late may still look at them: they find out, and read again. */
HISTORIAN_INLINE void historian_clear_words(void *words, size_t nbytes) {
    for (size_t k = 0; k < nbytes / sizeof(uint64_t); k++) historian_atomic_store((uint64_t *)words + k, 0);
}

/* Return the address of a chunk, whatever it is for; NULL if it is not within the file. */
HISTORIAN_INLINE void *historian_chunk_address(const historian_space *space, uint64_t number) {
    /* The number of chunks is read first: the mapping may be replaced by a larger one. */
    if (HISTORIAN_UNLIKELY(number - 1 >= historian_atomic_load_acquire(&space->chunks) - 1)) return NULL;
    return (char *)space->file + historian_chunk_offset(number);
}

/* Return a chunk that is for this; else NULL: the number, or what it refers to, is damaged. */
HISTORIAN_INLINE void *historian_chunk_at(const historian_space *space, uint64_t number, uint64_t owner) {
    uint64_t *chunk = (uint64_t *)historian_chunk_address(space, number);
    return chunk && historian_atomic_load_acquire(chunk) == owner ? chunk : NULL;
}

/* ---- reading a recorder ---- */

/* Return how many chunks an entry with such a text takes. */
HISTORIAN_INLINE uint64_t historian_entry_chunks(size_t nbytes) {
    return (offsetof(historian_entry, text) + nbytes + HISTORIAN_CHUNK_NBYTES - 1) / HISTORIAN_CHUNK_NBYTES;
}

static const char historian_bad_row[] = "a row of its counters is damaged";
static const char historian_bad_sum[] = "a part of its sum is damaged";
static const char historian_bad_chunk[] = "a chunk of its counters is damaged";

/* Add a row. Return NULL, or what is wrong. */
static const char *historian_total_row(historian_total *total, const historian_space *space, const historian_row *row,
                                       uint64_t index, uint64_t lane) {
    uint64_t far_number = historian_number(historian_atomic_load_acquire(&row->head.far_digits));
    const historian_far_digits *far_digits = NULL;
    for (uint64_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        uint64_t number = historian_number(historian_atomic_load32(&row->chunks[octave]));
        const historian_chunk *chunk;
        if (!number) continue;
        chunk = (const historian_chunk *)historian_chunk_at(
            space, number, historian_owner(HISTORIAN_KIND_COUNTERS, index, lane, octave));
        if (!chunk) return historian_bad_chunk;
        historian_total_chunk(total, octave, chunk);
    }
    if (far_number) {
        far_digits = (const historian_far_digits *)historian_chunk_at(
            space, far_number, historian_owner(HISTORIAN_KIND_FAR_DIGITS, index, lane, 0));
        if (!far_digits) return historian_bad_chunk;
    }
    historian_total_head(total, &row->head, far_digits);
    return NULL;
}

/* Call it with each row of an entry, from the first one: return the row and its lane, and set `number` to the next. */
static historian_row *historian_next_row(const historian_space *space, uint64_t index, uint64_t *number,
                                         uint64_t *lane) {
    historian_row *row = (historian_row *)historian_chunk_address(space, *number);
    uint64_t owner = row ? historian_atomic_load_acquire(&row->head.owner) : 0;
    *lane = owner >> 40 & 255;
    if (!row || owner != historian_owner(HISTORIAN_KIND_ROW, index, *lane, 0) || *lane >= HISTORIAN_FILE_LANES)
        return NULL;
    *number = historian_number(historian_atomic_load_acquire(&row->head.next));
    return row;
}

/* Read what has been drained. Return NULL, or what is wrong. */
static const char *historian_total_drained(historian_total *total, const historian_space *space, uint64_t index,
                                           uint64_t seen) {
    const historian_row *row = (const historian_row *)historian_chunk_at(
        space, historian_number(seen >> 32), historian_owner(HISTORIAN_KIND_ROW, index, HISTORIAN_DRAINED_LANE, 0));
    const char *wrong;
    if (!row || historian_atomic_load(&row->head.next) != (uint32_t)seen) return historian_bad_row;
    if (historian_atomic_load(&row->coarse)) {
        const historian_chunk *chunk = (const historian_chunk *)historian_chunk_at(
            space, historian_number(historian_atomic_load(&row->coarse)),
            historian_owner(HISTORIAN_KIND_COARSE, index, HISTORIAN_DRAINED_LANE, 0));
        if (!chunk) return historian_bad_chunk;
        for (size_t k = 0; k < HISTORIAN_COARSE; k++) total->coarse[k] = historian_atomic_load(&chunk->counts[k]);
    }
    wrong = historian_total_row(total, space, row, index, HISTORIAN_DRAINED_LANE);
    return wrong ? wrong : total->is_wide || total->is_odd ? historian_bad_sum : NULL;
}

/* Add up all rows of an entry, drained or not. With `extremes`, only read these, and reset them with `take`. Return
 * NULL, or what is wrong. */
static const char *historian_total_rows(historian_total *total, const historian_space *space, historian_entry *entry,
                                        uint64_t index, int extremes, int take) {
    uint64_t number = historian_number(historian_atomic_load_acquire(&entry->rows)), lane;
    for (int rows = 0; number; rows++) {
        historian_row *row = historian_next_row(space, index, &number, &lane);
        const char *wrong = NULL;
        if (!row || rows == HISTORIAN_FILE_LANES) return historian_bad_row;
        if (extremes)
            historian_total_extremes(total, &row->head, take);
        else
            wrong = historian_total_row(total, space, row, index, lane);
        if (wrong) return wrong;
    }
    if (extremes) {
        historian_total_extremes(total, &entry->coarse.head, take);
        return NULL;
    }
    for (size_t k = 0; k < HISTORIAN_COARSE; k++)
        historian_total_count(total, &total->coarse[k], historian_atomic_load(&entry->coarse.counts[k]));
    historian_atomic_fence();
    historian_total_head(total, &entry->coarse.head, NULL);
    if (total->any >> 63) return "a count is 2**63 or more";
    return historian_has_possible_sum(total) ? NULL : historian_bad_sum;
}

static const char historian_bad_mark[] = "a mark of its entry is damaged";

HISTORIAN_INLINE int historian_is_mark(uint64_t word) { return word == 0 || word == HISTORIAN_SET; }

static const char historian_gone[] = "it was removed";

/* As historian_read_entry; a digit may be just carried. */
static const char *historian_read_once(const historian_space *space, historian_entry *entry, uint64_t place,
                                       historian_total *total, historian_total *drained, uint64_t *seen) {
    const uint64_t index = historian_index_of(place), *at = historian_file_index(space) + index;
    uint64_t word;
    const char *wrong;
    do { /* again, if another process has drained or removed it in the meantime */
        word = historian_atomic_load_acquire(at);
        if (!historian_is_same(word, place)) return historian_gone;
        historian_clear_total(total);
        historian_clear_total(drained);
        *seen = historian_atomic_load_acquire(&entry->drained);
        wrong = *seen ? historian_total_drained(drained, space, index, *seen) : NULL;
        historian_atomic_fence();
        if (!wrong) wrong = historian_total_rows(total, space, entry, index, 0, 0);
        if (!wrong) wrong = historian_total_rows(total, space, entry, index, 1, 0);
        historian_atomic_fence();
    } while (historian_atomic_load(&entry->drained) != *seen || historian_atomic_load(at) != word);
    if (!wrong && !historian_is_mark(historian_atomic_load(&entry->synthetic))) wrong = historian_bad_mark;
    if (!wrong && *seen) wrong = historian_subtract_total(total, drained);
    total->records = wrong ? 0 : historian_total_records(total);
    if (total->records >> 63) wrong = "there are 2**63 records or more";
    return wrong;
}

/* Read the recorder of a place: `total` gets what has not been drained, `drained` what has, and `*seen` the word
 * `drained` of the entry. Return NULL, or what is wrong; historian_gone if another recorder has its place, or none. */
static const char *historian_read_entry(const historian_space *space, historian_entry *entry, uint64_t place,
                                        historian_total *total, historian_total *drained, uint64_t *seen) {
    const char *wrong = historian_bad_difference;
    for (int attempt = 0; attempt < 100 && wrong == historian_bad_difference; attempt++)
        wrong = historian_read_once(space, entry, place, total, drained, seen);
    return wrong;
}

#endif
