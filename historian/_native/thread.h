/* Numbers for the threads of this process, so that each thread can have its own entry in a table.
 *
 * A thread takes the smallest free number when it first needs one. It gives the number back when it ends:
 *
 *     bit of historian_threads    0    1    2    3   ...   63
 *                                 1    1    0    1          0      1: a thread has that number
 *
 * The next thread with the same number takes over its entries. Giving a number back has release order, taking one has
 * acquire order. So a thread sees all that earlier threads wrote to its entries, and is the only one that writes there.
 */
#ifndef HISTORIAN_THREAD_H
#define HISTORIAN_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "platform.h"
#if !defined(_WIN32)
#include <pthread.h>
#endif

enum { HISTORIAN_THREADS = 64 }; /* how many numbers there are: one for each bit of historian_threads */

#if defined(_MSC_VER) && !defined(__clang__)
#define HISTORIAN_THREAD_LOCAL static __declspec(thread)
#elif defined(__GLIBC__)
/* At a fixed offset from the thread pointer. So access takes one instruction; other thread-local variables of a library
 * take a call. glibc reserves space for such variables. */
#define HISTORIAN_THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
#else
#define HISTORIAN_THREAD_LOCAL static __thread
#endif

static uint64_t historian_threads;
HISTORIAN_THREAD_LOCAL size_t historian_thread = HISTORIAN_THREADS; /* or HISTORIAN_THREADS if it has none */

/* Functions that are called in a thread that ends, before it gives its number back, and in a child after a fork.
 * historian_mutex guards them. It is also held while they are called. */
static void (*historian_on_thread_end)(size_t thread);
static void (*historian_on_fork)(void);
/* Functions that are called before a fork, after it in the parent, and after it in the child. Likewise. */
static void (*historian_before_fork)(void), (*historian_after_fork)(void), (*historian_in_child)(void);

/* A mutex of the process. A thread that holds it must not call Python, because Python may wait for other threads. A
 * fork waits until the mutex is free. */
#if defined(_WIN32)
static SRWLOCK historian_mutex = SRWLOCK_INIT;
static void historian_lock(void) { AcquireSRWLockExclusive(&historian_mutex); }
static void historian_unlock(void) { ReleaseSRWLockExclusive(&historian_mutex); }
#else
static pthread_mutex_t historian_mutex = PTHREAD_MUTEX_INITIALIZER;
static void historian_lock(void) { (void)pthread_mutex_lock(&historian_mutex); }
static void historian_unlock(void) { (void)pthread_mutex_unlock(&historian_mutex); }
#endif

static void historian_give_thread(void) {
    size_t thread = historian_thread;
    if (thread == HISTORIAN_THREADS) return;
    historian_lock();
    if (historian_on_thread_end) historian_on_thread_end(thread);
    historian_unlock();
    historian_thread = HISTORIAN_THREADS;
    (void)historian_atomic_and(&historian_threads, ~(UINT64_C(1) << thread));
}

#if defined(_WIN32)
static INIT_ONCE historian_threads_once = INIT_ONCE_STATIC_INIT;
static DWORD historian_thread_key = FLS_OUT_OF_INDEXES;

static void NTAPI historian_thread_ends(void *unused) {
    (void)unused;
    historian_give_thread();
}

static BOOL CALLBACK historian_watch(INIT_ONCE *once, void *unused, void **unused_too) {
    (void)once, (void)unused, (void)unused_too;
    historian_thread_key = FlsAlloc(historian_thread_ends);
    return TRUE;
}

/* Arrange that this thread gives its number back when it ends. Return 0 on failure. */
static int historian_watch_thread(void) {
    (void)InitOnceExecuteOnce(&historian_threads_once, historian_watch, NULL, NULL);
    return historian_thread_key != FLS_OUT_OF_INDEXES && FlsSetValue(historian_thread_key, &historian_threads);
}

static int historian_watch_forks(void) { return 1; } /* there are no forks */
#else
static pthread_once_t historian_threads_once = PTHREAD_ONCE_INIT;
static pthread_key_t historian_thread_key;
static int historian_forks_watched, historian_threads_watched;

static void historian_thread_ends(void *unused) {
    (void)unused;
    historian_give_thread();
}

static void historian_forks(void) {
    historian_lock();
    if (historian_before_fork) historian_before_fork();
}

static void historian_has_forked(void) {
    if (historian_after_fork) historian_after_fork();
    historian_unlock();
}

/* Called in a child process, in which only this thread exists. */
static void historian_forked(void) {
    if (historian_on_fork) historian_on_fork();
    if (historian_in_child) historian_in_child();
    historian_atomic_store(&historian_threads,
                           historian_thread == HISTORIAN_THREADS ? 0 : UINT64_C(1) << historian_thread);
    historian_unlock();
}

static void historian_watch(void) {
    historian_forks_watched = pthread_atfork(historian_forks, historian_has_forked, historian_forked) == 0;
    historian_threads_watched =
        historian_forks_watched && pthread_key_create(&historian_thread_key, historian_thread_ends) == 0;
}

/* Register `historian_on_fork` to be called in child processes. Return 0 on failure. */
static int historian_watch_forks(void) {
    (void)pthread_once(&historian_threads_once, historian_watch);
    return historian_forks_watched;
}

/* Arrange that this thread gives its number back when it ends. Return 0 on failure. */
static int historian_watch_thread(void) {
    return historian_watch_forks() && historian_threads_watched &&
           pthread_setspecific(historian_thread_key, &historian_threads) == 0;
}
#endif

/* Return the number of this thread, or HISTORIAN_THREADS if no number is free. */
static size_t historian_take_thread(void) {
    uint64_t taken = historian_atomic_load(&historian_threads);
    if (historian_thread != HISTORIAN_THREADS || taken == UINT64_MAX || !historian_watch_thread())
        return historian_thread;
    while (taken != UINT64_MAX) {
        size_t thread = 0;
        while (taken >> thread & 1) thread++;
        taken = historian_atomic_or(&historian_threads, UINT64_C(1) << thread);
        if (!(taken >> thread & 1)) {
            historian_thread = thread;
            break;
        }
    }
    return historian_thread;
}

#endif
