/* A block of a file that this process alone writes to, until it dies.
 *
 * The kernel keeps the books: a lock on byte k of the file leases block k.
 *
 *     process A                          file                              process B
 *     its first 4096 records  --atomic->  block 0, shared       <-atomic--  its first 4096 records
 *     all others  -----loads, stores--->  block 1, byte 1 locked by A
 *                                         block 2, byte 2 locked by B  <---loads, stores-----  all others
 *                                         block 3, not locked: its counts stay; the next process may lease it
 *
 * The lock is one of an open file description, and that lives as long as a mapping of it does:
 *
 *     open --- lock byte k --- map block k --- close .............. unmap, exit or kill
 *                  |<------ the lock is held: by the descriptor, then by the mapping ->|
 *
 * So a lease takes up no descriptor, a program that closes all of them loses nothing, and a process that dies, in
 * whichever way, gives its blocks back after its last write. A child does not inherit the mapping (MADV_DONTFORK), nor
 * with it the lock; it leases another block.
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

typedef struct historian_lease {
    historian_counters **exclusive; /* where whoever counts looks for the block; NULL while there is no lease */
    void *pages;                    /* the mapping of it, `size` bytes */
    size_t size;
    struct historian_lease *next, *previous;
} historian_lease;

#if defined(__linux__)
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

static historian_lease
    *historian_leases; /* of this process, all its interpreters, each of which may have its own GIL */
static pthread_mutex_t historian_leases_mutex =
    PTHREAD_MUTEX_INITIALIZER; /* of that list; held while a process forks */

static void historian_lock_leases(void) { (void)pthread_mutex_lock(&historian_leases_mutex); }
static void historian_unlock_leases(void) { (void)pthread_mutex_unlock(&historian_leases_mutex); }

/* In a child: its parent's leases stay with the parent. */
static void historian_forget_leases(void) {
    historian_lease *lease = historian_leases;
    historian_leases = NULL;
    while (lease) {
        historian_lease *next = lease->next;
        *lease->exclusive = NULL;
        memset(lease, 0, sizeof *lease);
        lease = next;
    }
    historian_unlock_leases();
}

static pthread_once_t historian_forks_once = PTHREAD_ONCE_INIT;
static int historian_forks_error; /* 0 if children forget leases */

static void historian_watch_forks(void) {
    historian_forks_error = pthread_atfork(historian_lock_leases, historian_unlock_leases, historian_forget_leases);
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

/* Lock a block that nobody has, adding one to the file if there is none. Return it, or 0. */
static size_t historian_lock_block(int fd, historian_file *file) {
    size_t block, leases = 0;
    for (block = 0; block < HISTORIAN_FILE_MAX_BLOCKS; block++) {
        uint64_t role = historian_atomic_load_acquire(&file->roles[block]);
        if (role == HISTORIAN_ROLE_NONE) break;
        leases += role == HISTORIAN_ROLE_LEASED;
        if (role == HISTORIAN_ROLE_LEASED && historian_lock_byte(fd, block)) return block;
    }
    if (leases == HISTORIAN_FILE_MAX_LEASES || flock(fd, LOCK_EX | LOCK_NB))
        return 0; /* full, or it is being changed */
    while (block < HISTORIAN_FILE_MAX_BLOCKS &&
           historian_atomic_load_acquire(&file->roles[block]) != HISTORIAN_ROLE_NONE)
        block++;
    if (block < HISTORIAN_FILE_MAX_BLOCKS &&
        historian_reserve(fd, historian_block_offset(block), HISTORIAN_BLOCK_NBYTES) == 0 &&
        historian_lock_byte(fd, block))
        historian_atomic_store_release(&file->roles[block], HISTORIAN_ROLE_LEASED);
    else
        block = 0;
    (void)flock(fd, LOCK_UN);
    return block;
}

/* Lease a block of the file, which is mapped at `file` and, unless it has been replaced, is found at `path`.
 * `exclusive` points to its counters from then on. If it cannot be had, nothing changes. */
static void historian_take_lease(historian_lease *lease, historian_counters **exclusive, historian_file *file,
                                 const char *path, uint64_t device, uint64_t inode) {
    size_t block, offset, page = (size_t)sysconf(_SC_PAGESIZE);
    struct stat status;
    void *pages = MAP_FAILED;
    int fd;
    if (pthread_once(&historian_forks_once, historian_watch_forks) || historian_forks_error) return;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (fstat(fd, &status) == 0 && (uint64_t)status.st_dev == device && (uint64_t)status.st_ino == inode) {
        block = historian_lock_block(fd, file);
        offset = historian_block_offset(block) % page; /* pages may be larger than those of the file */
        lease->size = offset + HISTORIAN_BLOCK_NBYTES;
        if (block) {
            pages = mmap(NULL, lease->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                         (off_t)(historian_block_offset(block) - offset));
            if (pages != MAP_FAILED && madvise(pages, lease->size, MADV_DONTFORK)) {
                (void)munmap(pages, lease->size);
                pages = MAP_FAILED;
            }
        }
    }
    (void)close(fd); /* the mapping keeps the lock; without one it goes now */
    if (pages == MAP_FAILED) return;
    lease->pages = pages;
    lease->exclusive = exclusive;
    lease->previous = NULL;
    historian_lock_leases();
    lease->next = historian_leases;
    if (historian_leases) historian_leases->previous = lease;
    historian_leases = lease;
    historian_unlock_leases();
    *exclusive = (historian_counters *)((char *)pages + offset);
}

static void historian_end_lease(historian_lease *lease) {
    if (!lease->exclusive) return;
    *lease->exclusive = NULL;
    historian_lock_leases();
    if (lease->next) lease->next->previous = lease->previous;
    if (lease->previous)
        lease->previous->next = lease->next;
    else
        historian_leases = lease->next;
    historian_unlock_leases();
    (void)munmap(lease->pages, lease->size);
    memset(lease, 0, sizeof *lease);
}
/* Stop counting in the block, but keep it: a thread may be about to count there. `place` takes the place of `exclusive`. */
static void historian_park_lease(historian_lease *lease, historian_counters **place) {
    historian_lock_leases(); /* a child that is forked meanwhile sets *exclusive */
    if (lease->exclusive) {
        *place = *lease->exclusive;
        *lease->exclusive = NULL;
        lease->exclusive = place;
    }
    historian_unlock_leases();
}
#else
static void historian_take_lease(historian_lease *lease, historian_counters **exclusive, historian_file *file,
                                 const char *path, uint64_t device, uint64_t inode) {
    (void)lease, (void)exclusive, (void)file, (void)path, (void)device, (void)inode;
}
static void historian_end_lease(historian_lease *lease) { (void)lease; }
static void historian_park_lease(historian_lease *lease, historian_counters **place) { (void)lease, (void)place; }
#endif

#endif
