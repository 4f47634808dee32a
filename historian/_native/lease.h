/* A lease: the lane of a file to which only this process writes until it ends. Without the GIL it is one thread.
 *
 * The kernel records who has which lease: a lock on byte k of the file leases lane k.
 *
 *     process A                          file                                      process B
 *     all its recorders  -loads, stores->  rows of lane 1, byte 1 locked by A
 *                                          rows of lane 2, byte 2 locked by B  <-loads, stores-  all its recorders
 *                                          rows of lane 3, not locked: their counts stay, the next process goes on
 *     65th process       ----atomic---->  rows of lane 0, shared               <---atomic------  66th process
 *
 * The lock belongs to an open file description, which exists as long as a mapping of it:
 *
 *     open --- lock byte k --- map a page --- close .............. unmap, exit or kill
 *                  |<------ the lock is held: by the descriptor, then by the mapping ->|
 *
 * So a lease needs no open descriptor: a program may close all descriptors. A process that ends, in any way, gives its
 * lane back after its last write. A child process does not inherit the mapping (MADV_DONTFORK), and so not the lock;
 * it leases another lane. historian_mutex is held during these steps, so no fork happens between them.
 *
 * Linux only. Elsewhere there are no leases: every process counts in lane 0, by atomic operations.
 */
#ifndef HISTORIAN_LEASE_H
#define HISTORIAN_LEASE_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomics.h"
#include "chunks.h"
#include "counters.h"
#include "file.h"
#include "pages.h"
#include "space.h"
#include "thread.h"

typedef struct historian_lease {
    uint64_t lane; /* 0 if there is no lease */
    void *pages;   /* the mapping that keeps the lock, `size` bytes */
    size_t size;
    size_t thread;                /* number of the thread that writes; 0 for all threads that share the GIL */
    historian_counters *counters; /* all that count in the lane */
    size_t patience;              /* records until the next attempt to lease */
    size_t asked_after;           /* the last value that `patience` was set to */
    struct historian_lease *next, *previous;
} historian_lease;

#if !defined(_WIN32)
/* ---- counters of a row in a file ---- */

static uint64_t historian_find_row(const historian_counters *counters, historian_entry *entry) {
    historian_space *space = (historian_space *)counters->file;
    uint64_t number = historian_number(historian_atomic_load_acquire(&entry->rows)), here, lane;
    for (int rows = 0; number && rows < HISTORIAN_FILE_LANES; rows++) {
        here = number;
        if (!historian_next_row(space, counters->index, &number, &lane)) {
            if (!historian_look_beyond(space)) return 0;
        } else if (lane == counters->lane) {
            return here;
        }
    }
    return 0;
}

/* Find the row of the counters' lane, or add one to the entry. Return 0 if there is no space. */
static int historian_attach_row(historian_counters *counters) {
    historian_space *space = (historian_space *)counters->file;
    historian_entry *entry = (historian_entry *)historian_chunk_address(space, counters->entry);
    uint64_t owner = historian_owner(HISTORIAN_KIND_ROW, counters->index, counters->lane, 0), added = 0, number;
    historian_row *row;
    for (;;) {
        uint64_t rows = historian_atomic_load_acquire(&entry->rows);
        number = historian_find_row(counters, entry);
        if (number) break;
        if (!added) added = historian_take_number(space, counters->lane, owner);
        if (!added) return 0;
        historian_atomic_store(&((historian_row *)historian_chunk_address(space, added))->head.next, rows);
        if (historian_atomic_exchange_if(&entry->rows, rows, historian_reference(added))) {
            number = added;
            break;
        }
    }
    if (added && added != number) historian_give_number(space, added);
    row = (historian_row *)historian_chunk_at(space, number, owner);
    if (!row) return 0;
    historian_store_pointer((void **)&counters->head, &row->head);
    counters->exclusive = counters->lane != 0;
    return 1;
}

/* Return the address of a chunk of the row, and remember it; NULL if it is damaged. */
static void *historian_know_chunk(historian_counters *counters, size_t octave, uint64_t number) {
    int is_far = octave == HISTORIAN_OCTAVES;
    uint64_t kind = is_far ? HISTORIAN_KIND_FAR_DIGITS : HISTORIAN_KIND_COUNTERS;
    uint64_t owner = historian_owner(kind, counters->index, counters->lane, is_far ? 0 : octave);
    historian_space *space = (historian_space *)counters->file;
    void *chunk = historian_chunk_at(space, number, owner);
    if (!chunk && historian_look_beyond(space)) chunk = historian_chunk_at(space, number, owner);
    if (!chunk) return NULL;
    if (is_far) {
        historian_store_pointer((void **)&counters->far_digits, chunk);
        return chunk;
    }
    historian_correct_pair(((historian_chunk *)chunk)->sum); /* the last process may have been killed */
    historian_store_pointer((void **)&counters->chunks[octave], chunk);
    return chunk;
}

/* Return the number of the chunk of an octave, or of the far digits; 0 if there is none. */
static uint64_t historian_number_in_row(const historian_row *row, size_t octave) {
    return historian_number(octave == HISTORIAN_OCTAVES ? historian_atomic_load_acquire(&row->head.far_digits)
                                                        : historian_atomic_load32(&row->chunks[octave]));
}

/* What `take` of counters in a file is. */
static void *historian_take_mapped(historian_counters *counters, size_t octave) {
    historian_space *space = (historian_space *)counters->file;
    int is_far = octave == HISTORIAN_OCTAVES;
    historian_row *row;
    uint64_t number;
    if (counters->head == &counters->coarse->head && !historian_attach_row(counters)) return NULL;
    row = (historian_row *)counters->head;
    number = historian_number_in_row(row, octave);
    if (!number) {
        number = historian_take_number(space, counters->lane,
                                       historian_owner(is_far ? HISTORIAN_KIND_FAR_DIGITS : HISTORIAN_KIND_COUNTERS,
                                                       counters->index, counters->lane, is_far ? 0 : octave));
        if (!number) return NULL;
        if (is_far ? !historian_atomic_exchange_if(&row->head.far_digits, 0, historian_reference(number))
                   : !historian_atomic_exchange32(&row->chunks[octave], 0, (uint32_t)historian_reference(number))) {
            historian_give_number(space, number); /* another thread was first: for the next one */
            number = historian_number_in_row(row, octave);
        }
    }
    return historian_know_chunk(counters, octave, number);
}

/* Make counters count in the row of a lane, which is the caller's, or 0. */
static void historian_attach(historian_counters *counters, historian_space *space, uint64_t number, uint64_t index,
                             uint64_t lane) {
    historian_entry *entry = (historian_entry *)historian_chunk_address(space, number);
    memset((void *)counters->chunks, 0, sizeof counters->chunks);
    counters->far_digits = NULL;
    counters->coarse = &entry->coarse;
    counters->head = &entry->coarse.head;
    counters->exclusive = 0;
    counters->record_other = historian_record_rest;
    counters->take = historian_take_mapped;
    counters->file = space;
    counters->entry = number;
    counters->index = index;
    counters->lane = lane;
    if (historian_find_row(counters, entry) && historian_attach_row(counters)) {
        historian_row *row = (historian_row *)counters->head;
        for (size_t octave = 0; octave <= HISTORIAN_OCTAVES; octave++) {
            uint64_t chunk = historian_number_in_row(row, octave);
            if (chunk) (void)historian_know_chunk(counters, octave, chunk);
        }
    }
}

/* ---- leases ---- */

static historian_lease *historian_leases[HISTORIAN_THREADS]; /* of each thread; guarded by historian_mutex */

/* Forget all that count in a lane: their threads ask again. The caller holds the mutex. */
static void historian_clear_lease(historian_lease *lease) {
    while (lease->counters) {
        historian_counters *counters = lease->counters;
        lease->counters = counters->next;
        if (counters->place) historian_store_pointer((void **)counters->place, NULL);
        counters->place = NULL;
        counters->next = counters->previous = NULL;
    }
    lease->lane = 0;
    lease->pages = NULL;
    lease->size = 0;
    lease->next = lease->previous = NULL;
}

/* Called in a child process, with the mutex held. The leases of the parent stay with the parent. */
static void historian_forget_leases(void) {
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++)
        while (historian_leases[thread]) {
            historian_lease *lease = historian_leases[thread];
            historian_leases[thread] = lease->next;
            historian_clear_lease(lease);
        }
}

/* The caller holds the mutex. */
static void historian_drop_lease(historian_lease *lease) {
    if (lease->next) lease->next->previous = lease->previous;
    if (lease->previous)
        lease->previous->next = lease->next;
    else
        historian_leases[lease->thread] = lease->next;
    historian_free_pages(lease->pages, lease->size);
    historian_clear_lease(lease);
}

static void historian_end_lease(historian_lease *lease) {
    historian_lock();
    if (lease->lane) historian_drop_lease(lease);
    historian_unlock();
}

/* Called in a thread that ends. Its lanes become free. The caller holds the mutex. */
static void historian_end_leases(size_t thread) {
    while (historian_leases[thread]) historian_drop_lease(historian_leases[thread]);
}

#if defined(__linux__)
#include <sys/mman.h>

/* Lock a free lane, and keep the lock. Return 0 if there is none. The caller holds the mutex. */
static int historian_lock_lane(historian_lease *lease, int fd) {
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t lane = 1;
    void *pages;
    while (lane < HISTORIAN_FILE_LANES && !historian_lock_byte(fd, lane, 1)) lane++;
    if (lane == HISTORIAN_FILE_LANES) return 0;
    pages = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED) return 0;
    if (madvise(pages, size, MADV_DONTFORK)) {
        historian_free_pages(pages, size);
        return 0;
    }
    lease->pages = pages;
    lease->size = size;
    lease->lane = lane;
    return 1;
}

/* Lease a lane for the thread with number `thread`, if one is free. */
static void historian_take_lease(historian_lease *lease, size_t thread, historian_space *space) {
    int fd;
    if (!historian_watch_forks()) return;
    historian_lock();
    historian_on_fork = historian_forget_leases;
    historian_on_thread_end = historian_end_leases;
    fd = historian_open_again(space);
    if (fd >= 0) {
        if (historian_lock_lane(lease, fd)) {
            lease->thread = thread;
            lease->next = historian_leases[thread];
            lease->previous = NULL;
            if (lease->next) lease->next->previous = lease;
            historian_leases[thread] = lease;
        }
        (void)close(fd); /* the mapping keeps the lock; without a mapping, the lock ends here */
    }
    historian_unlock();
}
#else
static void historian_take_lease(historian_lease *lease, size_t thread, historian_space *space) {
    (void)lease, (void)thread, (void)space;
}
#endif

/* Count in the lane from now on: `*place` points to the counters until the lease ends. */
static void historian_join_lease(historian_lease *lease, historian_counters *counters, historian_counters **place) {
    historian_lock();
    counters->place = place;
    counters->previous = NULL;
    counters->next = lease->counters;
    if (counters->next) counters->next->previous = counters;
    lease->counters = counters;
    historian_store_pointer((void **)place, counters);
    historian_unlock();
}

/* Stop counting in the lane. The counters stay valid: a thread may be about to count there. `lease` is where they have
 * joined. */
static void historian_leave_lease(historian_lease *lease, historian_counters *counters) {
    historian_lock();
    if (counters->place) {
        if (counters->next) counters->next->previous = counters->previous;
        if (counters->previous)
            counters->previous->next = counters->next;
        else
            lease->counters = counters->next;
        historian_store_pointer((void **)counters->place, NULL);
        counters->place = NULL;
        counters->next = counters->previous = NULL;
    }
    historian_unlock();
}
#endif

#endif
