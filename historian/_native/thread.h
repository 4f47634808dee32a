/* Numbers for the threads of this process, so that each can have a place of its own in a table.
 *
 * A thread takes the least number that is free when it first needs one, keeps it, and gives it back when it ends:
 *
 *     bit of historian_threads    0    1    2    3   ...   63
 *                                 1    1    0    1          0      1: a thread has that number
 *
 * What is kept by number passes from one thread to the next: giving back releases, taking acquires. So a thread sees
 * all that those before it have written there, and is alone in writing to it.
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

enum { HISTORIAN_THREADS = 64 }; /* numbers; a bit of historian_threads to each */

#if defined(_MSC_VER) && !defined(__clang__)
#define HISTORIAN_THREAD_LOCAL static __declspec(thread)
#elif defined(__GLIBC__)
/* At a fixed distance from the thread's pointer: one instruction, where a library's variables take a call. glibc keeps
 * room for the few bytes. */
#define HISTORIAN_THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
#else
#define HISTORIAN_THREAD_LOCAL static __thread
#endif

static uint64_t historian_threads;
HISTORIAN_THREAD_LOCAL size_t historian_thread = HISTORIAN_THREADS; /* the number; HISTORIAN_THREADS: none */

/* What is called in a thread that ends, before it gives its number back; and in a child after a fork. Guarded by
 * historian_mutex, which is held when they are called, too. */
static void (*historian_on_thread_end)(size_t thread);
static void (*historian_on_fork)(void);

/* A mutex of the process. Whoever holds it must not call Python, which may wait for other threads. A fork waits until
 * nobody does. */
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

/* Have this thread give its number back when it ends. Return 0 if that cannot be. */
static int historian_watch_thread(void) {
    (void)InitOnceExecuteOnce(&historian_threads_once, historian_watch, NULL, NULL);
    return historian_thread_key != FLS_OUT_OF_INDEXES && FlsSetValue(historian_thread_key, &historian_threads);
}

static int historian_watch_forks(void) { return 1; } /* there are none */
#else
static pthread_once_t historian_threads_once = PTHREAD_ONCE_INIT;
static pthread_key_t historian_thread_key;
static int historian_forks_watched, historian_threads_watched;

static void historian_thread_ends(void *unused) {
    (void)unused;
    historian_give_thread();
}

/* In a child: no thread is left but this one. */
static void historian_forked(void) {
    if (historian_on_fork) historian_on_fork();
    historian_atomic_store(&historian_threads,
                           historian_thread == HISTORIAN_THREADS ? 0 : UINT64_C(1) << historian_thread);
    historian_unlock();
}

static void historian_watch(void) {
    historian_forks_watched = pthread_atfork(historian_lock, historian_unlock, historian_forked) == 0;
    historian_threads_watched =
        historian_forks_watched && pthread_key_create(&historian_thread_key, historian_thread_ends) == 0;
}

/* Have `historian_on_fork` called in children. Return 0 if that cannot be. */
static int historian_watch_forks(void) {
    (void)pthread_once(&historian_threads_once, historian_watch);
    return historian_forks_watched;
}

/* Have this thread give its number back when it ends. Return 0 if that cannot be. */
static int historian_watch_thread(void) {
    return historian_watch_forks() && historian_threads_watched &&
           pthread_setspecific(historian_thread_key, &historian_threads) == 0;
}
#endif

/* Return the number of this thread, or HISTORIAN_THREADS if there is none to be had now. */
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
