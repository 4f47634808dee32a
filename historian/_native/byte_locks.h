/* Locks of single bytes of a directory's file: of leases and seats, and of who makes it larger.
 *
 * They belong to an open file, not to a process, and end with it: so nothing that a process has locked stays locked
 * when it is killed.
 */
#ifndef HISTORIAN_BYTE_LOCKS_H
#define HISTORIAN_BYTE_LOCKS_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <string.h>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__linux__) && !defined(F_OFD_SETLK)
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

#if defined(__linux__)
/* Lock or unlock a byte of an open file; locks of other descriptors of this process count, too. Return whether it could
 * be done at once. */
static int historian_set_lock(int fd, size_t byte, int type) {
    struct flock what;
    memset(&what, 0, sizeof what);
    what.l_type = (short)type;
    what.l_whence = SEEK_SET;
    what.l_start = (off_t)byte;
    what.l_len = 1;
    return fcntl(fd, F_OFD_SETLK, &what) == 0;
}

static int historian_lock_byte(int fd, size_t byte, int lock) {
    return historian_set_lock(fd, byte, lock ? F_WRLCK : F_UNLCK);
}

/* Return whether another open file has locked a byte, or may have. */
static int historian_is_locked(int fd, size_t byte) {
    struct flock what;
    memset(&what, 0, sizeof what);
    what.l_type = F_WRLCK;
    what.l_whence = SEEK_SET;
    what.l_start = (off_t)byte;
    what.l_len = 1;
    return fcntl(fd, F_OFD_GETLK, &what) != 0 || what.l_type != F_UNLCK;
}
#else
/* Without leases there are only few who make the file larger: they lock all of it. */
static int historian_lock_byte(int fd, size_t byte, int lock) {
    (void)fd, (void)byte, (void)lock;
    return 1;
}

static int historian_is_locked(int fd, size_t byte) {
    (void)fd, (void)byte;
    return 1;
}
#endif
#endif

#endif
