/* Pages of memory from the system, private or of a file. They are zero, and not resident until first used.
 *
 * A recorder's counters span 96 kB, of which a typical distribution touches three or four pages of 4 kB. malloc would
 * return recycled memory. calloc must clear it, which makes all of it resident.
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
/* Linux: map all pages at once. This takes a fifth of the time of one page fault for each. */
#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif
/* Map the first `size` bytes of a file, either to read all of them soon, or to write. To write, `size` may be larger
 * than the file. Do not access the part beyond its end until the file has grown. On failure, set errno and return NULL.
 * After a fork, parent and child share the memory. */
static void *historian_map_file(int fd, size_t size, int writable) {
    void *pages = writable ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                           : mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    return pages == MAP_FAILED ? NULL : pages;
}
/* Extend the file with zeros to at least this size, and reserve its space on the disk. Then writing to a mapping of it
 * cannot fail. Return 0, or the error. */
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
    while (error == EINTR); /* on many versions of Linux, a signal interrupts tmpfs */
    return error;
#endif
}
#endif

#endif
