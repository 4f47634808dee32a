/* Space in the file of a directory: reserved before it is used, and handed out in chunks.
 *
 *     chunk    1                      used              reserved             end of the mapping
 *              +-----------------------+-----------------+---------------------+
 *              | in use, or in a batch | reserved: never | addresses only: not |
 *              | of a lane             | touched so far  | to be touched       |
 *              +-----------------------+-----------------+---------------------+
 *                       | free again --> free --> 0        a stack, for all, without a lock
 *                       | kept       --> kept --> 0        another one, for drains: see kept.h
 *
 * A lane takes a batch of chunks at a time, and the next process with this lane goes on with its rest. So chunks cost
 * no lock, and processes that come and go leave nothing behind. To reserve more takes none either, so nobody waits for
 * a process that is stopped, but where the file system cannot reserve space and zeros are written. If the disk is full,
 * there is no chunk: see historian_coarse.
 *
 * A process that is killed just after it has taken a chunk, before it has written down what for, loses it. Nothing is
 * written to the file then but zeros.
 */
#ifndef HISTORIAN_SPACE_H
#define HISTORIAN_SPACE_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "byte_locks.h"
#include "file.h"
#include "pages.h"
#include "thread.h"
#include "wire.h"

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HISTORIAN_BATCH = 32,              /* chunks that a lane takes at a time */
    HISTORIAN_FIRST_CHUNKS = 122,      /* chunks of a new file: 64 KiB */
    HISTORIAN_GROW_CHUNKS = 1956,      /* the most chunks that are reserved at a time: 1 MiB */
    HISTORIAN_TAKE_ATTEMPTS = 64,      /* chunks in use to skip, if it is damaged which are: while a record waits */
    HISTORIAN_LOCKED_ATTEMPTS = 65536, /* and while a drain or a new recorder waits */
    HISTORIAN_GROW_ATTEMPTS = 200,     /* attempts to lock the file for that, 50 us apart, while a record waits */
    HISTORIAN_GROW_PATIENCE = 2000,    /* and while a drain or a new recorder waits */
    HISTORIAN_MOST_PATIENCE = 65536    /* the most requests for space to refuse before the next attempt */
};

/* Open the file that is mapped, if it is still at its path. Return a descriptor, or -1. */
static int historian_open_again(const historian_space *space) {
    struct stat status;
    int fd = open(space->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return -1;
    if (fstat(fd, &status) == 0 && (uint64_t)status.st_dev == space->device && (uint64_t)status.st_ino == space->inode)
        return fd;
    (void)close(fd);
    return -1;
}

/* Lock byte 0, for those who write zeros to reserve space. The holder may be stopped: so do not wait for long. */
static int historian_lock_growth(int fd, int attempts) {
    const struct timespec pause = {0, 50000};
    for (int attempt = 0; attempt < attempts; attempt++) {
        if (historian_lock_byte(fd, 0, 1)) return 1;
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

/* Map at least so many bytes of the file. Counters go on in the former mapping, so it stays. Return whether all of them
 * are mapped. */
static int historian_widen(historian_space *space, size_t size) {
    historian_mapping *former;
    void *pages = NULL;
    historian_lock(); /* another thread may do the same */
    former = size > space->size ? (historian_mapping *)malloc(sizeof *former) : NULL;
    if (former) {
        size_t more = 2 * size > historian_most_addresses() ? 2 * size : historian_most_addresses();
        pages = historian_map_again(space->file, more);
        if (!pages) pages = historian_map_again(space->file, more = size + size / 4);
        if (!pages) pages = historian_map_again(space->file, more = size);
        former->pages = space->file;
        former->size = space->size;
        former->next = space->former;
        if (pages) {
            space->former = former;
            historian_store_pointer((void **)&space->file, pages);
            historian_atomic_store_release(&space->size, more);
        } else {
            free(former);
        }
    }
    historian_atomic_store(&space->is_narrow, size > space->size);
    historian_unlock();
    return size <= historian_atomic_load(&space->size);
}

/* Ask the kernel how large the file is. Return whether that was possible. */
static int historian_look_at_size(historian_space *space, int fd) {
    struct stat status;
    if (fstat(fd, &status)) return 0;
    if ((uint64_t)status.st_size > historian_atomic_load(&space->size))
        (void)historian_widen(space, (size_t)status.st_size);
    if ((uint64_t)status.st_size > historian_atomic_load(&space->size))
        status.st_size = (off_t)historian_atomic_load(&space->size);
    historian_atomic_max(&space->chunks, historian_chunks_within((size_t)status.st_size));
    return 1;
}

/* Likewise, without a descriptor: the file was removed, or the process may not open any. See whether it can be read up
 * to `reserved`. */
static void historian_look_at_pages(historian_space *space) {
    uint64_t reserved = historian_atomic_load_acquire(&space->file->reserved), known = space->chunks;
    size_t from = historian_chunk_offset(known);
    if (reserved <= known || reserved > HISTORIAN_MOST_CHUNKS) return;
    if (historian_chunk_offset(reserved) > historian_atomic_load(&space->size) &&
        !historian_widen(space, historian_chunk_offset(reserved)))
        return;
    if (historian_is_backed((char *)space->file + from, historian_chunk_offset(reserved) - from))
        historian_atomic_max(&space->chunks, reserved);
}

/* Other processes may have made the file larger since this process asked for its size: ask again. Return whether it is.
 * A chunk that is beyond the known size is not damaged. */
static int historian_look_beyond(historian_space *space) {
    uint64_t known = historian_atomic_load(&space->chunks);
    int fd;
    if (!*space->path || historian_atomic_load_acquire(&space->file->reserved) <= known) return 0;
    fd = historian_open_again(space);
    if (fd < 0 || !historian_look_at_size(space, fd)) historian_look_at_pages(space);
    if (fd >= 0) (void)close(fd);
    return historian_atomic_load(&space->chunks) > known;
}

/* Reserve space for at least `n` more chunks than are used. Return 0 or the error: EOPNOTSUPP where zeros must be
 * written, which only the holder of the lock does. Without the lock, others may do the same at the same time. Then all
 * reserve the same space, and the first one counts: to reserve space again changes nothing. */
static int historian_reserve_more(historian_space *space, int fd, uint64_t n, int is_locked) {
    uint64_t steps[] = {HISTORIAN_GROW_CHUNKS, HISTORIAN_FIRST_CHUNKS, HISTORIAN_BATCH, 4, 0};
    int error = ENOSPC;
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        uint64_t reserved = historian_atomic_load_acquire(&space->file->reserved), more;
        uint64_t used = historian_atomic_load(&space->file->used);
        size_t at = historian_chunk_offset(reserved), size;
        if (!historian_look_at_size(space, fd)) return errno;
        if (reserved > space->chunks) return historian_atomic_load(&space->is_narrow) ? ENOMEM : ENOSPC;
        if (used > reserved) return ENOSPC; /* damaged */
        if (reserved - used >= n) return 0;
        more = steps[step];
        if (step == 0) more = reserved / 4 < more ? reserved / 4 : more; /* a small file stays small */
        if (step == 0 && more < steps[1]) more = steps[1];
        more += n - (reserved - used);
        size = (size_t)more * HISTORIAN_CHUNK_NBYTES;
        if (reserved + more > HISTORIAN_MOST_CHUNKS) continue;
        if (at + size > historian_atomic_load(&space->size) && !historian_widen(space, at + size)) {
            error = ENOMEM;
            continue;
        }
        error = is_locked ? historian_write_zeros(fd, at, size) : historian_allocate(fd, at, size);
        if (error == EOPNOTSUPP) return error;
        if (error) continue;
        (void)historian_look_at_size(space, fd);
        (void)historian_atomic_exchange_if(&space->file->reserved, reserved, reserved + more);
        return 0; /* if another process was first, it has reserved some */
    }
    return error;
}

/* Make the file larger. Return 0, or the error. */
static int historian_grow(historian_space *space, int fd, uint64_t n, int attempts) {
    int error = historian_reserve_more(space, fd, n, 0);
    if (error != EOPNOTSUPP) return error;
    if (!historian_lock_growth(fd, attempts)) return ETIMEDOUT;
    error = historian_reserve_more(space, fd, n, 1);
    (void)historian_lock_byte(fd, 0, 0);
    return error;
}

/* Take up to `n` chunks that were never used. Return how many, 0 if there is no space; `*first` is the first one. */
static uint64_t historian_take_unused(historian_space *space, uint64_t n, uint64_t *first) {
    uint64_t used = historian_atomic_load(&space->file->used);
    for (;;) {
        uint64_t reserved = historian_atomic_load_acquire(&space->file->reserved), end = space->chunks;
        uint64_t next = used ? used : 1, more = (reserved < end ? reserved : end) - next; /* 0 is damage */
        if (next > end || next > reserved || more == 0) return 0;
        if (more > n) more = n;
        *first = next;
        if (historian_atomic_compare_exchange(&space->file->used, &used, next + more)) return more;
    }
}

/* Take chunks, and make the file larger if necessary. While there is no space, most requests are refused at once. */
static uint64_t historian_take_or_grow(historian_space *space, uint64_t n, uint64_t *first) {
    uint64_t taken = historian_take_unused(space, n, first);
    int fd;
    if (taken) return taken;
    if (historian_atomic_load(&space->patience)) {
        historian_atomic_store(&space->patience, historian_atomic_load(&space->patience) - 1);
        return 0;
    }
    fd = historian_open_again(space);
    if (fd >= 0) {
#if !defined(__linux__)
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
#endif
            /* More than once, since others may have taken all of it. */
            for (int attempt = 0; attempt < 4 && !taken && !historian_grow(space, fd, n, HISTORIAN_GROW_ATTEMPTS);
                 attempt++)
                taken = historian_take_unused(space, n, first);
        (void)close(fd);
    }
    if (taken) {
        historian_atomic_store(&space->refused, 0);
        return taken;
    }
    {
        uint64_t refused = 2 * historian_atomic_load(&space->refused) + 64;
        if (refused > HISTORIAN_MOST_PATIENCE) refused = HISTORIAN_MOST_PATIENCE;
        historian_atomic_store(&space->refused, refused);
        historian_atomic_store(&space->patience, refused);
    }
    return 0;
}

/* Make a chunk that nobody uses the caller's, and fill it with zeros. Return 0 if it is in use: what says which are is
 * damaged. */
static int historian_own_chunk(const historian_space *space, uint64_t number, uint64_t owner) {
    uint64_t *chunk = (uint64_t *)historian_chunk_address(space, number);
    if (!chunk || !historian_atomic_exchange_if(chunk, 0, owner)) return 0;
    historian_clear_words(chunk + 1, HISTORIAN_CHUNK_NBYTES - sizeof *chunk);
    return 1;
}

/* ---- chunks that are free again ---- */

/* The word `free` has the number of the first one in its lower half. Its upper half changes at each step: so nobody
 * who has been slow takes it for the same as before. */
HISTORIAN_INLINE uint64_t historian_free_word(uint64_t before, uint64_t number) {
    return ((before >> 32) + 1) << 32 | (uint32_t)number;
}

/* Take a free chunk from the stack. Return its number, or 0 if there is none. */
static uint64_t historian_take_free(historian_space *space) {
    uint64_t head = historian_atomic_load_acquire(&space->file->free);
    for (int attempt = 0; attempt < HISTORIAN_TAKE_ATTEMPTS && (uint32_t)head; attempt++) {
        uint64_t number = (uint32_t)head, next;
        const historian_chunk *chunk = (const historian_chunk *)historian_chunk_at(space, number, 0);
        if (!chunk) { /* another thread was first, it is beyond the known size, or the stack is damaged */
            uint64_t again = historian_atomic_load_acquire(&space->file->free);
            if (again == head && !historian_look_beyond(space)) return 0;
            head = again;
            continue;
        }
        next = historian_atomic_load(&chunk->sum[0]); /* wrong if another thread takes it now, which changes `free` */
        if (historian_atomic_exchange_if(&space->file->free, head, historian_free_word(head, next))) return number;
        head = historian_atomic_load_acquire(&space->file->free);
    }
    return 0;
}

/* Take the next chunk of a lane's batch, or of a new batch. Return its number, or 0 if there is no space. */
static uint64_t historian_take_of_batch(historian_space *space, uint64_t *batch) {
    uint64_t number = historian_atomic_load(batch), taken;
    if (!historian_chunk_address(space, number) && number) (void)historian_look_beyond(space);
    if (!historian_chunk_address(space, number) || number >= historian_atomic_load(batch + 1)) {
        taken = historian_take_or_grow(space, HISTORIAN_BATCH, &number);
        if (!taken) return 0;
        historian_atomic_store(batch, number + taken); /* until the end is known, the batch is empty */
        historian_atomic_store_release(batch + 1, number + taken);
    }
    historian_atomic_store_release(batch, number + 1);
    return number;
}

/* Take a chunk for a lane of the caller, or for lane 0. Return its number, or 0. It holds zeros but for its owner. */
static uint64_t historian_take_number(historian_space *space, uint64_t lane, uint64_t owner) {
    for (int attempt = 0; attempt < HISTORIAN_TAKE_ATTEMPTS; attempt++) {
        uint64_t number = historian_atomic_exchange(&space->spare, 0);
        if (!number) number = historian_take_free(space);
        if (!number && lane) number = historian_take_of_batch(space, space->file->lanes[lane]);
        if (!number && (lane || !historian_take_or_grow(space, 1, &number))) return 0;
        if (historian_own_chunk(space, number, owner)) return number;
    }
    return 0;
}

/* Keep a chunk for the next that needs one, since nobody knows it. */
static void historian_give_number(historian_space *space, uint64_t number) {
    historian_atomic_store_release((uint64_t *)historian_chunk_address(space, number), 0);
    historian_atomic_store(&space->spare, number);
}

/* ---- the file as a whole ---- */

/* Make a new file: write its header, and reserve the first page of its index and space for chunks. Return 0, or the
 * error. */
static int historian_write_header(int fd, uint64_t created, const uint8_t *id) {
    historian_file *file = (historian_file *)calloc(1, sizeof *file);
    int error = ENOMEM;
    if (!file) return error;
    memcpy(file->header.magic, HISTORIAN_FILE_MAGIC, sizeof file->header.magic);
    file->header.version = HISTORIAN_FILE_VERSION;
    file->header.chunk_nbytes = HISTORIAN_CHUNK_NBYTES;
    file->header.first_index = HISTORIAN_FIRST_INDEX;
    file->header.octaves = HISTORIAN_OCTAVES;
    file->header.buckets_per_octave = HISTORIAN_BUCKETS_PER_OCTAVE;
    file->header.index_words = HISTORIAN_FILE_INDEX_WORDS;
    file->header.index_at = HISTORIAN_FILE_INDEX_AT;
    file->header.chunks_at = HISTORIAN_FILE_CHUNKS_AT;
    file->header.created = created;
    memcpy(file->header.id, id, sizeof file->header.id);
    file->header.checksum = historian_crc32((const uint8_t *)&file->header, offsetof(historian_file_header, checksum));
    file->used = 1; /* chunk 0 is never used */
    error = historian_reserve(fd, 0, HISTORIAN_FILE_INDEX_AT + 4096);
    file->reserved = HISTORIAN_FIRST_CHUNKS;
    if (!error) error = historian_reserve(fd, HISTORIAN_FILE_CHUNKS_AT, file->reserved * HISTORIAN_CHUNK_NBYTES);
    if (!error) error = historian_write(fd, file, 0, sizeof *file);
    free(file);
    return error;
}

/* Map a file, of `size` bytes: to write, with addresses for it to grow. Return how many bytes are mapped. */
static size_t historian_map_space(int fd, size_t size, int writable, void **pages) {
    size_t most = writable ? historian_most_addresses() : size;
    for (;; most /= 2) {
        if (most < size) most = size;
        *pages = historian_map_file(fd, most, writable);
        if (*pages || most == size) return most;
    }
}

static void historian_unmap_space(historian_space *space) {
    historian_free_pages(space->file, space->size);
    while (space->former) {
        historian_mapping *former = space->former;
        space->former = former->next;
        historian_free_pages(former->pages, former->size);
        free(former);
    }
}

/* Whether all of a mapped file that is in use can be read: see historian_is_backed. */
static int historian_can_be_read(const historian_space *space) {
    const char *pages = (const char *)space->file;
    uint64_t recorders, reserved;
    if (!historian_is_backed(pages, HISTORIAN_FILE_INDEX_AT + 8)) return 0;
    recorders = historian_atomic_load_acquire(&space->file->recorders);
    reserved = historian_atomic_load_acquire(&space->file->reserved);
    if (recorders >= HISTORIAN_FILE_INDEX_WORDS || reserved > historian_chunks_within(space->size))
        return 1; /* damaged */
    return historian_is_backed(pages + HISTORIAN_FILE_INDEX_AT, 8 * (size_t)(recorders + 1)) &&
           historian_is_backed(pages + HISTORIAN_FILE_CHUNKS_AT, (size_t)reserved * HISTORIAN_CHUNK_NBYTES);
}

#endif

#endif
