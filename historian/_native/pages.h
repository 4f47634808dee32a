/* Files in memory: mapped, and made larger before they are used. */
#ifndef HISTORIAN_PAGES_H
#define HISTORIAN_PAGES_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

#if defined(_WIN32)
static void historian_free_pages(void *pages, size_t size) { (void)pages, (void)size; }
static void *historian_map_file(int fd, size_t size, int writable) {
    (void)fd, (void)size, (void)writable;
    errno = ENOSYS;
    return NULL;
}
static int historian_fill_holes(int fd, size_t offset, size_t size) {
    (void)fd, (void)offset, (void)size;
    return ENOSYS;
}
static int historian_is_backed(const void *part, size_t size) {
    (void)part, (void)size;
    return 1;
}
static void *historian_copy_file(int fd, size_t size) { return historian_map_file(fd, size, 0); }
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>
#if defined(__linux__)
/* As the C library declares them, if _GNU_SOURCE was defined before its first header. */
int fallocate(int fd, int mode, off_t offset, off_t size);
void *mremap(void *pages, size_t size, size_t new_size, int flags, ...);
#endif

/* Return `size` zero bytes, or NULL. After a fork, parent and child each have their own. */
static void *historian_new_pages(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
    return pages;
}
static void historian_free_pages(void *pages, size_t size) {
    if (pages) (void)munmap(pages, size);
}
/* Map the first `size` bytes of a file. `size` may be larger than the file. Do not access the part beyond its end until
 * the file has grown. On failure, set errno and return NULL. After a fork, parent and child share the memory. */
static void *historian_map_file(int fd, size_t size, int writable) {
    void *pages = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    return pages == MAP_FAILED ? NULL : pages;
}
/* Map a mapped file once more, with more addresses; its path may be gone. The old mapping stays. On failure, return
 * NULL. */
static void *historian_map_again(void *pages, size_t size) {
#if defined(__linux__)
    const int may_move = 1; /* MREMAP_MAYMOVE */
    void *more = mremap(pages, 0, size, may_move);
    return more == MAP_FAILED ? NULL : more;
#else
    (void)pages, (void)size;
    return NULL;
#endif
}
/* Return how many bytes of addresses may be mapped for a file to grow: less where the process may have few. */
static size_t historian_most_addresses(void) {
    const size_t most = (size_t)1 << 30;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 8 >= most) return most;
    return (size_t)limit.rlim_cur / 8;
}
/* Write all bytes. Return 0, or the error. */
static int historian_write(int fd, const void *data, size_t offset, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(fd, (const char *)data + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : ENOSPC;
        done += (size_t)n;
    }
    return 0;
}
static int historian_write_zeros(int fd, size_t offset, size_t size) {
    static const char zeros[4096];
    int error = 0;
    for (size_t done = 0, n; done < size && !error; done += n) {
        n = size - done < sizeof zeros ? size - done : sizeof zeros;
        error = historian_write(fd, zeros, offset + done, n);
    }
    return error;
}
/* Reserve space on the disk. Where the file system cannot do that, return EOPNOTSUPP. posix_fallocate() of glibc would
 * write zeros then, also over what another process writes at the same time. */
static int historian_allocate(int fd, size_t offset, size_t size) {
#if defined(__linux__)
    int done;
    do done = fallocate(fd, 0, (off_t)offset, (off_t)size);
    while (done && errno == EINTR); /* on many versions of Linux, a signal interrupts tmpfs */
    if (!done) return 0;
    return errno == ENOSYS ? EOPNOTSUPP : errno;
#else
    (void)fd, (void)offset, (void)size;
    return EOPNOTSUPP;
#endif
}
/* Extend the file with zeros to at least this size, and reserve its space on the disk. Then writing to a mapping of it
 * cannot fail. Nobody uses this part of the file yet. Return 0, or the error. */
static int historian_reserve(int fd, size_t offset, size_t size) {
    int error = historian_allocate(fd, offset, size);
    return error == EOPNOTSUPP ? historian_write_zeros(fd, offset, size) : error;
}
/* Reserve the space of a part of the file that is in use: a copy of a file may have holes, and on a full disk, writing
 * to a mapped hole kills the process. Where the file system cannot do that, the file is taken as it is. Return 0, or
 * the error. */
static int historian_fill_holes(int fd, size_t offset, size_t size) {
    int error = historian_allocate(fd, offset, size);
    return error == EOPNOTSUPP ? 0 : error;
}
/* Return a private copy of the first `size` bytes of a file, zeros after its end. On failure, set errno and return
 * NULL. */
static void *historian_copy_file(int fd, size_t size) {
    char *pages = (char *)historian_new_pages(size);
    size_t done = 0;
    while (pages && done < size) {
        ssize_t n = pread(fd, pages + done, size - done, (off_t)done);
        if (n == 0) break;
        if (n > 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            int error = errno;
            historian_free_pages(pages, size);
            errno = error;
            return NULL;
        }
    }
    return pages;
}
#if defined(__linux__) && !defined(MADV_POPULATE_READ)
#define MADV_POPULATE_READ 22 /* since Linux 5.14 */
#endif
/* Whether this part of a mapped file can be read. It cannot if it is beyond the end of the file, if the disk fails, or
 * if it is a hole and the tmpfs is full, where even reading takes space. To read it would kill the process. */
static int historian_is_backed(const void *part, size_t size) {
#if defined(__linux__)
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)part + size, at = (uintptr_t)part & ~(uintptr_t)(page - 1);
    int done;
    do done = madvise((void *)at, end - at, MADV_POPULATE_READ);
    while (done && (errno == EINTR || errno == EAGAIN));
    if (done == 0 || errno != EINVAL) return done == 0;
    for (; at < end; at += page)
        /* The kernel reads the new signal mask, or fails, before it finds that there is no operation ~0. */
        if (syscall(SYS_rt_sigprocmask, ~0, at, NULL, 8) == 0 || errno != EINVAL) return 0;
    return 1;
#else
    (void)part, (void)size;
    return 1;
#endif
}
#endif

#endif
