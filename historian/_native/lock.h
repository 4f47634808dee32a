/* The lock of a directory's file, by flock: a process that adds, drains or removes recorders holds it. */
#ifndef HISTORIAN_LOCK_H
#define HISTORIAN_LOCK_H

#include <errno.h>
#include <stdint.h>

#include "file.h"
#include "platform.h"
#include "space.h"

#if defined(_WIN32)
#include <io.h>
#if !defined(ESTALE)
#define ESTALE ENOENT
#endif

static int historian_open_to_lock(const historian_space *space, int *fd) {
    (void)space, (void)fd;
    return ENOSYS;
}
static int historian_try_lock(int fd) {
    (void)fd;
    return ENOSYS;
}
static void historian_release_lock(int fd) { (void)fd; }
static void historian_pause(double seconds) { Sleep((DWORD)(seconds * 1e3)); }
static void historian_close(int fd) {
    if (fd >= 0) (void)_close(fd);
}
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Open the file at the path again, because a lock belongs to an open file. Return 0, or the error: ESTALE if it is
 * another file. */
static int historian_open_to_lock(const historian_space *space, int *fd) {
    struct stat status;
    int error;
    do {
        *fd = open(space->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    } while (*fd < 0 && errno == EINTR);
    if (*fd < 0) return errno;
    error = fstat(*fd, &status) ? errno : 0;
    if (!error && ((uint64_t)status.st_dev != space->device || (uint64_t)status.st_ino != space->inode)) error = ESTALE;
    if (error) (void)close(*fd);
    return error;
}

/* Return 0, or the error: EAGAIN if another process has locked it. */
static int historian_try_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) ? errno : 0; }

/* Unlock the file, and close it. If a child process has inherited the descriptor, to close it here does not unlock. */
static void historian_release_lock(int fd) {
    (void)flock(fd, LOCK_UN);
    (void)close(fd);
}

static void historian_close(int fd) {
    if (fd >= 0) (void)close(fd);
}

static void historian_pause(double seconds) {
    struct timespec pause;
    pause.tv_sec = (time_t)seconds;
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    (void)nanosleep(&pause, NULL);
}
#endif

#endif
