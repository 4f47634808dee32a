/* A library for LD_PRELOAD that has one system call fail, or stop the process, so that tests see what comes of it.
 *
 *     failing_arm("flock", 2, EIO)     the second flock() from now on fails with EIO
 *     failing_for_good(1)              from then on, all that follow fail, too; 0: they do not
 *     failing_arm("flock", 2, 0)       after the second flock(), the process stops: SIGSTOP
 *     failing_calls()                  how many there were since then, that one included
 *     failing_add(3)                   there were 3 more, in a child process
 *     failing_arm("", 0, 0)            nothing fails any more
 *
 * Only calls for files in the directory `failing_in` count: with a path in it, relative to a descriptor, or with a
 * descriptor. Anonymous memory does not count. What fails has done nothing, but for close().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char armed[32], folder[4096];
static int nth, error_number, calls, for_good;

void failing_in(const char *path) { snprintf(folder, sizeof folder, "%s", path); }
void failing_arm(const char *name, int n, int error) {
    nth = n;
    error_number = error;
    calls = 0;
    snprintf(armed, sizeof armed, "%s", name);
}
void failing_for_good(int whether) { for_good = whether; }
int failing_calls(void) { return calls; }
void failing_add(int more) { calls += more; } /* those of a child process */

static int concerns(int at, const char *path) {
    return path[0] == '/' ? strncmp(path, folder, strlen(folder)) == 0 : at != AT_FDCWD;
}

/* Whether this call fails. With error 0, `*stops` is set instead. */
static int fails(const char *name, int *stops) {
    *stops = 0;
    if (!nth || strcmp(name, armed) != 0) return 0;
    calls++;
    if (for_good ? calls < nth : calls != nth) return 0;
    errno = error_number;
    *stops = error_number == 0;
    return error_number != 0;
}

static int concerns_command(int command) {
    return command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_DUPFD_CLOEXEC;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* Define a function that is replaced: its type, name, parameters, whether it counts, and how to call the real one. */
#define FAILING(type, failed, call, name, parameters, condition, arguments) \
    type name parameters {                                                  \
        int stops = 0;                                                      \
        type result;                                                        \
        if ((condition) && fails(call, &stops)) return failed;              \
        result = REAL(name) arguments;                                      \
        if (stops) raise(SIGSTOP);                                          \
        return result;                                                      \
    }

#define MODE                     \
    va_list list;                \
    mode_t mode;                 \
    va_start(list, flags);       \
    mode = va_arg(list, mode_t); \
    va_end(list);

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...) {                               \
        int stops = 0, result;                                                 \
        MODE if (concerns(AT_FDCWD, path) && fails("open", &stops)) return -1; \
        result = REAL(name)(path, flags, mode);                                \
        if (stops) raise(SIGSTOP);                                             \
        return result;                                                         \
    }
#define OPENAT(name)                                                     \
    int name(int at, const char *path, int flags, ...) {                 \
        int stops = 0, result;                                           \
        MODE if (concerns(at, path) && fails("open", &stops)) return -1; \
        result = REAL(name)(at, path, flags, mode);                      \
        if (stops) raise(SIGSTOP);                                       \
        return result;                                                   \
    }
#define FCNTL(name)                                                         \
    int name(int fd, int command, ...) {                                    \
        int stops = 0, result;                                              \
        va_list list;                                                       \
        void *argument;                                                     \
        va_start(list, command);                                            \
        argument = va_arg(list, void *);                                    \
        va_end(list);                                                       \
        if (concerns_command(command) && fails("fcntl", &stops)) return -1; \
        result = REAL(name)(fd, command, argument);                         \
        if (stops) raise(SIGSTOP);                                          \
        return result;                                                      \
    }

/* A close that fails has closed the descriptor all the same, as on Linux. */
int close(int fd) {
    int stops = 0, error = fd > 2 && fails("close", &stops) ? errno : 0, result = REAL(close)(fd);
    if (stops) raise(SIGSTOP);
    if (!error) return result;
    errno = error;
    return -1;
}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FCNTL(fcntl)
FCNTL(fcntl64)
FAILING(int, -1, "flock", flock, (int fd, int how), 1, (fd, how))
FAILING(int, -1, "fallocate", fallocate, (int fd, int mode, off_t at, off_t n), 1, (fd, mode, at, n))
FAILING(int, -1, "fallocate", fallocate64, (int fd, int mode, off64_t at, off64_t n), 1, (fd, mode, at, n))
FAILING(void *, MAP_FAILED, "mmap", mmap, (void *p, size_t n, int protection, int flags, int fd, off_t at), fd >= 0,
        (p, n, protection, flags, fd, at))
FAILING(void *, MAP_FAILED, "mmap", mmap64, (void *p, size_t n, int protection, int flags, int fd, off64_t at), fd >= 0,
        (p, n, protection, flags, fd, at))
FAILING(int, -1, "madvise", madvise, (void *p, size_t n, int advice), advice == MADV_DONTFORK || advice == 22,
        (p, n, advice))
FAILING(ssize_t, -1, "write", pwrite, (int fd, const void *data, size_t n, off_t at), 1, (fd, data, n, at))
FAILING(ssize_t, -1, "write", pwrite64, (int fd, const void *data, size_t n, off64_t at), 1, (fd, data, n, at))
FAILING(ssize_t, -1, "write", write, (int fd, const void *data, size_t n), fd > 2, (fd, data, n))
FAILING(ssize_t, -1, "read", pread, (int fd, void *data, size_t n, off_t at), 1, (fd, data, n, at))
FAILING(ssize_t, -1, "read", pread64, (int fd, void *data, size_t n, off64_t at), 1, (fd, data, n, at))
FAILING(void *, MAP_FAILED, "mremap", mremap, (void *p, size_t n, size_t more, int flags, ...), 1, (p, n, more, flags))
FAILING(int, -1, "unlink", unlinkat, (int at, const char *path, int flags), concerns(at, path), (at, path, flags))
FAILING(int, -1, "fsync", fsync, (int fd), 1, (fd))
FAILING(int, -1, "fchmod", fchmod, (int fd, mode_t mode), 1, (fd, mode))
FAILING(int, -1, "mkdir", mkdir, (const char *path, mode_t mode), concerns(AT_FDCWD, path), (path, mode))
FAILING(int, -1, "link", linkat, (int from, const char *a, int to, const char *b, int flags), 1,
        (from, a, to, b, flags))
FAILING(int, -1, "rename", renameat, (int from, const char *a, int to, const char *b), 1, (from, a, to, b))
FAILING(int, -1, "fstat", fstat, (int fd, struct stat *status), 1, (fd, status))
FAILING(int, -1, "fstat", fstat64, (int fd, struct stat64 *status), 1, (fd, status))
FAILING(int, -1, "stat", stat, (const char *path, struct stat *status), concerns(AT_FDCWD, path), (path, status))
FAILING(int, -1, "stat", stat64, (const char *path, struct stat64 *status), concerns(AT_FDCWD, path), (path, status))
FAILING(int, -1, "stat", lstat, (const char *path, struct stat *status), concerns(AT_FDCWD, path), (path, status))
FAILING(int, -1, "stat", lstat64, (const char *path, struct stat64 *status), concerns(AT_FDCWD, path), (path, status))
FAILING(int, -1, "stat", fstatat, (int at, const char *path, struct stat *status, int flags), concerns(at, path),
        (at, path, status, flags))
FAILING(int, -1, "stat", fstatat64, (int at, const char *path, struct stat64 *status, int flags), concerns(at, path),
        (at, path, status, flags))
