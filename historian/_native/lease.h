/* A lease: a block of a file to which only this process writes until it ends. Without the GIL it is one thread.
 *
 * The kernel records who has which lease: a lock on byte k of the file leases block k.
 *
 *     process A                          file                              process B
 *     its first 4096 records  --atomic->  block 0, shared       <-atomic--  its first 4096 records
 *     all others  -----loads, stores--->  block 1, byte 1 locked by A
 *                                         block 2, byte 2 locked by B  <---loads, stores-----  all others
 *                                         block 3, not locked: its counts stay; the next process may lease it
 *
 * The lock belongs to an open file description, which exists as long as a mapping of it:
 *
 *     open --- lock byte k --- map block k --- close .............. unmap, exit or kill
 *                  |<------ the lock is held: by the descriptor, then by the mapping ->|
 *
 * So a lease needs no open descriptor: a program may close all descriptors. A process that ends, in any way, gives its
 * blocks back after its last write. A child process does not inherit the mapping (MADV_DONTFORK), and so not the lock;
 * it leases another block. historian_mutex is held during these steps, so no fork happens between them.
 *
 * Linux only. Elsewhere there are no leases: every process counts in the shared block, by atomic operations.
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
#include "counters.h"
#include "file.h"
#include "pages.h"
#include "thread.h"

typedef struct historian_lease {
    historian_counters **exclusive; /* where threads find the counters of the block; NULL if there is no lease */
    historian_counters *parked;     /* the counters of the block once its file has been removed: no thread looks here */
    void *pages;                    /* the mapping of it, `size` bytes */
    size_t size;
    size_t thread;      /* number of the thread that writes; 0 for all threads that share the GIL */
    size_t patience;    /* number of records until the next attempt to lease */
    size_t asked_after; /* the last value that `patience` was set to */
    struct historian_lease *next, *previous;
} historian_lease;

#if defined(__linux__)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

static historian_lease *historian_leases[HISTORIAN_THREADS]; /* of each thread; guarded by historian_mutex */

/* Clear a lease. The caller unmaps the block. */
static void historian_clear_lease(historian_lease *lease) {
    *lease->exclusive = NULL;
    lease->exclusive = NULL;
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
    (void)munmap(lease->pages, lease->size);
    historian_clear_lease(lease);
}

static void historian_end_lease(historian_lease *lease) {
    historian_lock();
    if (lease->exclusive) historian_drop_lease(lease);
    historian_unlock();
}

/* Called in a thread that ends. Its blocks become free. The caller holds the mutex. */
static void historian_end_leases(size_t thread) {
    while (historian_leases[thread]) historian_drop_lease(historian_leases[thread]);
}

static int historian_lock_byte(int fd, size_t byte) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)byte;
    lock.l_len = 1;
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Add a block to the file, and lock it. Return its number, or 0 on failure. */
static size_t historian_add_block(int fd, historian_file *file) {
    size_t block;
    if (flock(fd, LOCK_EX | LOCK_NB)) return 0; /* another process is changing it */
    block = historian_listed_blocks(file);      /* 0 if the file is damaged */
    if (block && block < HISTORIAN_FILE_MAX_BLOCKS &&
        historian_reserve(fd, historian_block_offset(block), HISTORIAN_BLOCK_NBYTES) == 0 &&
        historian_lock_byte(fd, block))
        historian_atomic_store_release(&file->roles[block], HISTORIAN_ROLE_LEASED);
    else
        block = 0;
    (void)flock(fd, LOCK_UN);
    return block;
}

/* Lock a free block; if there is none, add one to the file, which has `size` bytes. Return its number, or 0 on failure.
 */
static size_t historian_lock_block(int fd, historian_file *file, size_t size) {
    size_t blocks = historian_count_blocks(file, size), leases = 0;
    for (size_t block = 1; block < blocks; block++) {
        if (historian_atomic_load_acquire(&file->roles[block]) != HISTORIAN_ROLE_LEASED) continue;
        leases++;
        if (historian_lock_byte(fd, block))
            return historian_fill_holes(fd, historian_block_offset(block), HISTORIAN_BLOCK_NBYTES) == 0 ? block : 0;
    }
    if (!blocks || leases == HISTORIAN_FILE_MAX_LEASES) return 0;
    return historian_add_block(fd, file);
}

/* Map the block of the file that has just been locked. Return its counters, or NULL. */
static historian_counters *historian_map_block(historian_lease *lease, int fd, size_t block) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t offset = historian_block_offset(block) % page; /* pages may be larger than those of the file */
    size_t size = offset + HISTORIAN_BLOCK_NBYTES;
    void *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(historian_block_offset(block) - offset));
    if (pages == MAP_FAILED) return NULL;
    if (madvise(pages, size, MADV_DONTFORK)) {
        (void)munmap(pages, size);
        return NULL;
    }
    lease->pages = pages;
    lease->size = size;
    return (historian_counters *)((char *)pages + offset);
}

/* Lease a block for the thread with number `thread`. The file is mapped at `file`, and lies at `path` unless it was
 * replaced. `*exclusive` then points to the counters of the block. If there is no free block, nothing changes. */
static void historian_take_lease(historian_lease *lease, historian_counters **exclusive, size_t thread,
                                 historian_file *file, const char *path, uint64_t device, uint64_t inode) {
    historian_counters *counters = NULL;
    struct stat status;
    int fd;
    if (!historian_watch_forks()) return;
    historian_lock();
    historian_on_fork = historian_forget_leases;
    historian_on_thread_end = historian_end_leases;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        if (fstat(fd, &status) == 0 && (uint64_t)status.st_dev == device && (uint64_t)status.st_ino == inode) {
            size_t block = historian_lock_block(fd, file, (size_t)status.st_size);
            if (block) counters = historian_map_block(lease, fd, block);
            if (counters) historian_correct_sum(&counters->sum); /* the last process may have been killed */
        }
        (void)close(fd); /* the mapping keeps the lock; without a mapping, the lock ends here */
    }
    if (counters) {
        lease->exclusive = exclusive;
        lease->thread = thread;
        lease->next = historian_leases[thread];
        lease->previous = NULL;
        if (lease->next) lease->next->previous = lease;
        historian_leases[thread] = lease;
        *exclusive = counters;
    }
    historian_unlock();
}

/* Stop counting in the block of a file that was removed, but keep it: a thread may be about to count there. */
static void historian_park_lease(historian_lease *lease) {
    historian_lock();
    if (lease->exclusive) {
        lease->parked = *lease->exclusive;
        historian_store_pointer((void **)lease->exclusive, NULL);
        lease->exclusive = &lease->parked;
    }
    historian_unlock();
}
#else
static void historian_take_lease(historian_lease *lease, historian_counters **exclusive, size_t thread,
                                 historian_file *file, const char *path, uint64_t device, uint64_t inode) {
    (void)lease, (void)exclusive, (void)thread, (void)file, (void)path, (void)device, (void)inode;
}
static void historian_end_lease(historian_lease *lease) { (void)lease; }
static void historian_park_lease(historian_lease *lease) { (void)lease; }
#endif

#endif
