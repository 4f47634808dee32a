/* Which processes have a recorder open: only if none has, its space may be used again.
 *
 * A process takes a *seat* of a file when it first opens a recorder there, as it leases a lane: by a lock that ends
 * with the process. The entry of a recorder has a bit for each seat:
 *
 *     process A, seat 1    byte 66 locked by A                       entry of recorder x    seats 0 1 1 0 ...
 *     process B, seat 2    byte 67 locked by B                       entry of recorder y    seats 0 1 0 0 ...
 *     seat 3               byte 68 not locked: its bits mean nothing; who takes the seat clears them
 *
 * To open a recorder is to set the bit, and then to look whether it is still there. To free one is to close its place,
 * and then to look whether a bit is set, of a seat that somebody has. Either way, one of the two sees the other.
 * Entries are used for entries only, so a bit that was set too late has changed nothing else, and it is cleared again.
 *
 * A child process goes on in the recorders that its parent has open, so before a fork all of them get bit 0, which says
 * that a process without a seat may have it open. It means something as long as anybody has locked byte 65, which many
 * may do at once. Before the fork, the parent locks it by a mapping that the child inherits; after it, the parent drops
 * its own. Processes that find no free seat do the same, and keep the lock.
 *
 * Linux only. Elsewhere nobody knows which processes there are, and no recorder is freed.
 */
#ifndef HISTORIAN_SEATS_H
#define HISTORIAN_SEATS_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "file.h"
#include "pages.h"
#include "space.h"
#include "thread.h"

enum {
    HISTORIAN_SEATS = 63,          /* 1 to 62; the bit 63 says that a recorder is never freed */
    HISTORIAN_SHARED_BYTE = 65,    /* seat k has the byte after it, number k */
    HISTORIAN_SEAT_PATIENCE = 4096 /* recorders to open before the next attempt to take a seat */
};
#define HISTORIAN_SHARED_BIT ((uint64_t)1)
#define HISTORIAN_PINNED_BIT ((uint64_t)1 << 63)
#define HISTORIAN_IS_MARKED ((uint32_t)1 << 31) /* in `held`: the recorder has bit 0 */

typedef struct historian_holds {
    historian_space *space;
    uint32_t *held;     /* how often this process has the recorder of each place of the index open */
    size_t room;        /* of `held` */
    uint64_t seat;      /* 0 if there is none */
    void *seat_pages;   /* the mapping that keeps its lock */
    void *shared_pages; /* the mapping that keeps a lock of byte 65, or NULL; child processes inherit it */
    size_t page;        /* size of each mapping */
    int keeps_shared;   /* whether this process needs `shared_pages` itself */
    int is_known;       /* whether forks know of it */
    size_t patience;    /* recorders to open until the next attempt to take a seat */
    uint64_t forks;     /* how often this process is a child: what was held before is not in `held` */
    struct historian_holds *next, *previous;
} historian_holds;

#if !defined(_WIN32)
static historian_holds *historian_all_holds; /* of all files; guarded by historian_mutex, as all that follows */

static historian_entry *historian_held_entry(const historian_space *space, size_t index) {
    uint64_t word = historian_read_place(space, index);
    return (historian_entry *)historian_chunk_at(space, word & 0xffffff,
                                                 historian_owner(HISTORIAN_KIND_ENTRY, index, 0, 0));
}

/* Likewise; NULL also if the file has been cut short, where to look would kill the process. */
static historian_entry *historian_backed_entry(const historian_space *space, size_t index) {
    const void *chunk;
    if (!historian_is_backed(historian_file_index(space) + index, 8)) return NULL;
    chunk = historian_chunk_address(space, historian_read_place(space, index) & 0xffffff);
    return chunk && historian_is_backed(chunk, HISTORIAN_CHUNK_NBYTES) ? historian_held_entry(space, index) : NULL;
}

#if defined(__linux__)
#include <sys/mman.h>

/* Return a mapping that keeps the locks of an open file until it is unmapped, or NULL. */
static void *historian_keep_locks(int fd, size_t size, int in_children) {
    void *pages = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED) return NULL;
    if (in_children || !madvise(pages, size, MADV_DONTFORK)) return pages;
    historian_free_pages(pages, size);
    return NULL;
}

/* Clear what an earlier process with this seat has left. */
static void historian_clear_seat(const historian_space *space, uint64_t seat) {
    uint64_t recorders = historian_atomic_load_acquire(&space->file->recorders), bit = (uint64_t)1 << seat;
    if (recorders > HISTORIAN_FILE_INDEX_WORDS) recorders = 0;
    for (size_t index = 0; index < HISTORIAN_FILE_INDEX_WORDS; index++) {
        historian_entry *entry;
        if (index >= recorders && !historian_read_place(space, index)) return;
        entry = historian_held_entry(space, index);
        if (entry && historian_atomic_load(&entry->seats) & bit) (void)historian_atomic_and(&entry->seats, ~bit);
    }
}

static void historian_take_seat(historian_holds *holds) {
    uint64_t seat = 1;
    int fd = historian_open_again(holds->space);
    if (fd < 0) return;
    while (seat < HISTORIAN_SEATS && !historian_lock_byte(fd, HISTORIAN_SHARED_BYTE + seat, 1)) seat++;
    if (seat < HISTORIAN_SEATS) {
        holds->seat_pages = historian_keep_locks(fd, holds->page, 0);
        if (holds->seat_pages) {
            (void)historian_look_at_size(holds->space, fd);
            historian_clear_seat(holds->space, seat);
            holds->seat = seat;
        }
    }
    (void)close(fd);
}

/* Lock byte 65, for this process and its children. Return the bit that says so; another one if it is not possible. */
static uint64_t historian_share(historian_holds *holds) {
    int fd = holds->shared_pages ? -1 : historian_open_again(holds->space);
    if (fd >= 0) {
        if (historian_set_lock(fd, HISTORIAN_SHARED_BYTE, F_RDLCK))
            holds->shared_pages = historian_keep_locks(fd, holds->page, 1);
        (void)close(fd);
    }
    return holds->shared_pages ? HISTORIAN_SHARED_BIT : HISTORIAN_PINNED_BIT;
}
#else
static void historian_take_seat(historian_holds *holds) { (void)holds; }
static uint64_t historian_share(historian_holds *holds) {
    (void)holds;
    return HISTORIAN_PINNED_BIT;
}
#endif

/* Called before a fork: what is open will be open in the child. */
static void historian_share_holds(void) {
    for (historian_holds *holds = historian_all_holds; holds; holds = holds->next) {
        uint64_t bit = 0;
        for (size_t index = 0; index < holds->room; index++) {
            historian_entry *entry;
            if (!holds->held[index]) continue;
            if (!bit) bit = historian_share(holds);
            if (bit == HISTORIAN_SHARED_BIT && holds->held[index] & HISTORIAN_IS_MARKED) continue;
            entry = historian_held_entry(holds->space, index);
            if (entry) (void)historian_atomic_or(&entry->seats, bit);
            holds->held[index] |= HISTORIAN_IS_MARKED;
        }
    }
}

/* Called in the parent after a fork. */
static void historian_unshare_holds(void) {
    for (historian_holds *holds = historian_all_holds; holds; holds = holds->next)
        if (!holds->keeps_shared) {
            historian_free_pages(holds->shared_pages, holds->page);
            holds->shared_pages = NULL;
        }
}

/* Called in a child after a fork. It has no seat yet. */
static void historian_inherit_holds(void) {
    for (historian_holds *holds = historian_all_holds; holds; holds = holds->next) {
        holds->seat = 0;
        holds->seat_pages = NULL;
        holds->keeps_shared = holds->shared_pages != NULL;
        holds->patience = 0;
        holds->forks++;
        if (holds->room) memset(holds->held, 0, holds->room * sizeof *holds->held);
    }
}

/* Make this process known to forks, and take a seat if it is time to. Return the bit for what it opens. */
static uint64_t historian_bit_of(historian_holds *holds) {
    if (!holds->is_known) {
        historian_before_fork = historian_share_holds;
        historian_after_fork = historian_unshare_holds;
        historian_in_child = historian_inherit_holds;
        holds->page = (size_t)sysconf(_SC_PAGESIZE);
        holds->next = historian_all_holds;
        holds->previous = NULL;
        if (holds->next) holds->next->previous = holds;
        historian_all_holds = holds;
        holds->is_known = 1;
    }
    if (!holds->seat && holds->patience)
        holds->patience--;
    else if (!holds->seat) {
        historian_take_seat(holds);
        holds->patience = HISTORIAN_SEAT_PATIENCE;
    }
    if (holds->seat) return (uint64_t)1 << holds->seat;
    holds->keeps_shared = 1;
    return historian_share(holds);
}

/* Make room for a place. Return 0 if there is no memory. */
static int historian_make_holds(historian_holds *holds, size_t index) {
    size_t room = holds->room ? holds->room : 64;
    uint32_t *held;
    while (room <= index) room *= 2;
    if (room == holds->room) return 1;
    held = (uint32_t *)realloc(holds->held, room * sizeof *held);
    if (!held) return 0;
    memset(held + holds->room, 0, (room - holds->room) * sizeof *held);
    holds->held = held;
    holds->room = room;
    return 1;
}

/* Open the recorder of a place. Return the address of its entry, or NULL and set errno if it has been removed, or if
 * there is no memory. */
static historian_entry *historian_hold(historian_holds *holds, uint64_t place) {
    const historian_space *space = holds->space;
    size_t index = historian_index_of(place);
    historian_entry *entry = NULL;
    int can_fork = historian_watch_forks();
    historian_lock();
    errno = ENOMEM;
    if (historian_make_holds(holds, index)) {
        uint64_t bit = can_fork ? historian_bit_of(holds) : HISTORIAN_PINNED_BIT, word;
        errno = ENOENT;
        entry = historian_held_entry(space, index);
        if (entry) (void)historian_atomic_or(&entry->seats, bit);
        historian_atomic_fence();
        word = historian_read_place(space, index);
        if (entry && historian_is_same(word, place) && historian_state(word) != HISTORIAN_CLOSED) {
            if (bit == HISTORIAN_SHARED_BIT) holds->held[index] |= HISTORIAN_IS_MARKED;
            holds->held[index]++;
        } else {
            if (entry && bit == (uint64_t)1 << holds->seat && !holds->held[index])
                (void)historian_atomic_and(&entry->seats, ~bit);
            entry = NULL;
        }
    }
    historian_unlock();
    return entry;
}

/* Close a recorder, which was opened when `holds->forks` was `forks`. */
static void historian_release(historian_holds *holds, uint64_t place, uint64_t forks) {
    size_t index = historian_index_of(place);
    historian_lock();
    if (holds->forks == forks && index < holds->room && holds->held[index] & ~HISTORIAN_IS_MARKED) {
        holds->held[index]--;
        if (!(holds->held[index] & ~HISTORIAN_IS_MARKED)) {
            historian_entry *entry = historian_backed_entry(holds->space, index);
            holds->held[index] = 0;
            if (entry && holds->seat) (void)historian_atomic_and(&entry->seats, ~((uint64_t)1 << holds->seat));
        }
    }
    historian_unlock();
}

static void historian_end_holds(historian_holds *holds) {
    historian_lock();
    if (holds->is_known) {
        if (holds->next) holds->next->previous = holds->previous;
        if (holds->previous)
            holds->previous->next = holds->next;
        else
            historian_all_holds = holds->next;
    }
    historian_free_pages(holds->seat_pages, holds->page);
    historian_free_pages(holds->shared_pages, holds->page);
    free(holds->held);
    memset(holds, 0, sizeof *holds);
    historian_unlock();
}

/* Return whether a process may have the recorder open, other than those of the seats `but`. */
static int historian_is_held(const historian_entry *entry, int fd, uint64_t but) {
    uint64_t seats = historian_atomic_load(&entry->seats) & ~but;
    if (seats & HISTORIAN_PINNED_BIT) return 1;
    for (uint64_t seat = 0; seat < HISTORIAN_SEATS; seat++)
        if (seats >> seat & 1 && historian_is_locked(fd, HISTORIAN_SHARED_BYTE + seat)) return 1;
    return 0;
}
#endif

#endif
