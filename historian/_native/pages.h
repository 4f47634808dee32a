/* Memory from the system, page by page: zero when first touched, and resident only from then on. Private, or a file's.
 *
 * A recorder's counters span 96 kB, of which a typical distribution touches three or four pages of 4 kB. malloc would
 * hand out recycled memory, which calloc must clear, and so touch, as a whole.
 */
#ifndef HISTORIAN_PAGES_H
#define HISTORIAN_PAGES_H

#include <errno.h>
#include <stddef.h>

#include "platform.h"

#if defined(_WIN32)
/* Return `size` zero bytes, or NULL. */
static void *historian_new_pages(size_t size) {
    return VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
}
static void historian_free_pages(void *pages, size_t size) {
    (void)size;
    if (pages) VirtualFree(pages, 0, MEM_RELEASE);
}
static void *historian_map_file(int fd, size_t size, int writable) {
    (void)fd, (void)size, (void)writable;
    errno = ENOSYS;
    return NULL;
}
static int historian_reserve(int fd, size_t offset, size_t size) {
    (void)fd, (void)offset, (void)size;
    return ENOSYS;
}
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
/* Return `size` zero bytes, or NULL. After a fork, parent and child each have their own. */
static void *historian_new_pages(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
#ifdef MADV_NOHUGEPAGE
    (void)madvise(pages, size, MADV_NOHUGEPAGE); /* a huge page would make 2 MB resident at the first touch */
#endif
    return pages;
}
static void historian_free_pages(void *pages, size_t size) {
    if (pages) (void)munmap(pages, size);
}
/* Linux: map all pages at once, at a fifth of the price of one after the other as they are touched. */
#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif
/* Map the first `size` bytes of a file: to read them all, soon, or to write. Then they may be more than the file
 * has: what lies beyond must not be touched until it has grown there. Return NULL, with errno set, if that fails.
 * After a fork, parent and child share the memory. */
static void *historian_map_file(int fd, size_t size, int writable) {
    void *pages = writable ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                           : mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    return pages == MAP_FAILED ? NULL : pages;
}
/* Make the file at least that large, with zeros, and have its space on the disk set aside, so that writing to a
 * mapping of it cannot fail. Return 0, or the error. */
static int historian_reserve(int fd, size_t offset, size_t size) {
#if defined(__APPLE__)
    static const char zeros[4096];
    for (size_t done = 0; done < size; done += sizeof zeros)
        if (pwrite(fd, zeros, sizeof zeros, (off_t)(offset + done)) != (ssize_t)sizeof zeros)
            return errno ? errno : ENOSPC;
    return 0;
#else
    int error;
    do error = posix_fallocate(fd, (off_t)offset, (off_t)size);
    while (error == EINTR); /* in many a Linux a signal has tmpfs give up */
    return error;
#endif
}
#endif

#endif
