/* Files in memory: mapped, and made larger before they are used. */
#ifndef HISTORIAN_PAGES_H
#define HISTORIAN_PAGES_H

#include <errno.h>
#include <stddef.h>

#include "platform.h"

#if defined(_WIN32)
static void historian_free_pages(void *pages, size_t size) { (void)pages, (void)size; }
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
static void historian_free_pages(void *pages, size_t size) {
    if (pages) (void)munmap(pages, size);
}
/* Map the first `size` bytes of a file to read, or to write. `size` may be larger than the file: do not access the part
 * beyond its end until the file has grown. On failure, set errno and return NULL. After a fork, parent and child share
 * the memory. */
static void *historian_map_file(int fd, size_t size, int writable) {
    void *pages = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
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
