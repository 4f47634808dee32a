/* Atomic operations on 64-bit numbers and pointers. Other threads, and other processes that map the same file, may use
 * them at the same time.
 *
 * Adds have release order, because counts are added last. Exchanges, and operations on bits, have acquire and release
 * order, because they hand data from one thread to another. All others are relaxed unless their name says otherwise.
 */
#ifndef HISTORIAN_ATOMICS_H
#define HISTORIAN_ATOMICS_H

#include <stdint.h>

#include "platform.h"

#if defined(_MSC_VER) && !defined(__clang__)
HISTORIAN_INLINE uint64_t historian_atomic_load(const uint64_t *p) { return *(const volatile uint64_t *)p; }

HISTORIAN_INLINE void historian_atomic_store(uint64_t *p, uint64_t n) { *(volatile uint64_t *)p = n; }

HISTORIAN_INLINE void historian_atomic_fence(void) { MemoryBarrier(); }

HISTORIAN_INLINE uint64_t historian_atomic_load_acquire(const uint64_t *p) {
    uint64_t n = historian_atomic_load(p);
    historian_atomic_fence();
    return n;
}

HISTORIAN_INLINE void historian_atomic_store_release(uint64_t *p, uint64_t n) {
#if defined(_M_IX86) || defined(_M_X64)
    _ReadWriteBarrier(); /* this processor keeps its stores in order; the compiler must, too */
#else
    historian_atomic_fence();
#endif
    historian_atomic_store(p, n);
}

/* Return the previous value. */
HISTORIAN_INLINE uint64_t historian_atomic_add(uint64_t *p, uint64_t n) {
    return (uint64_t)_InterlockedExchangeAdd64((volatile __int64 *)p, (__int64)n);
}

HISTORIAN_INLINE uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n) {
    return (uint64_t)_InterlockedExchange64((volatile __int64 *)p, (__int64)n);
}

/* Set bits (or), or clear all other bits (and). Return the previous value. */
HISTORIAN_INLINE uint64_t historian_atomic_or(uint64_t *p, uint64_t n) {
    return (uint64_t)_InterlockedOr64((volatile __int64 *)p, (__int64)n);
}

HISTORIAN_INLINE uint64_t historian_atomic_and(uint64_t *p, uint64_t n) {
    return (uint64_t)_InterlockedAnd64((volatile __int64 *)p, (__int64)n);
}

HISTORIAN_INLINE uint32_t historian_atomic_load32(const uint32_t *p) {
    uint32_t n = *(const volatile uint32_t *)p;
    historian_atomic_fence();
    return n;
}

HISTORIAN_INLINE int historian_atomic_exchange32(uint32_t *p, uint32_t expected, uint32_t desired) {
    return (uint32_t)_InterlockedCompareExchange((volatile long *)p, (long)desired, (long)expected) == expected;
}

HISTORIAN_INLINE int historian_atomic_exchange_if(uint64_t *p, uint64_t expected, uint64_t desired) {
    return (uint64_t)_InterlockedCompareExchange64((volatile __int64 *)p, (__int64)desired, (__int64)expected) ==
           expected;
}

HISTORIAN_INLINE int historian_atomic_compare_exchange(uint64_t *p, uint64_t *expected, uint64_t desired) {
    uint64_t seen =
        (uint64_t)_InterlockedCompareExchange64((volatile __int64 *)p, (__int64)desired, (__int64)*expected);
    int done = seen == *expected;
    *expected = seen;
    return done;
}
#else
HISTORIAN_INLINE uint64_t historian_atomic_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

HISTORIAN_INLINE void historian_atomic_store(uint64_t *p, uint64_t n) { __atomic_store_n(p, n, __ATOMIC_RELAXED); }

HISTORIAN_INLINE void historian_atomic_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

HISTORIAN_INLINE uint64_t historian_atomic_load_acquire(const uint64_t *p) {
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

HISTORIAN_INLINE void historian_atomic_store_release(uint64_t *p, uint64_t n) {
    __atomic_store_n(p, n, __ATOMIC_RELEASE);
}

/* Return the previous value. */
HISTORIAN_INLINE uint64_t historian_atomic_add(uint64_t *p, uint64_t n) {
    return __atomic_fetch_add(p, n, __ATOMIC_RELEASE);
}

HISTORIAN_INLINE uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n) {
    return __atomic_exchange_n(p, n, __ATOMIC_ACQ_REL);
}

/* Set bits (or), or clear all other bits (and). Return the previous value. */
HISTORIAN_INLINE uint64_t historian_atomic_or(uint64_t *p, uint64_t n) {
    return __atomic_fetch_or(p, n, __ATOMIC_ACQ_REL);
}

HISTORIAN_INLINE uint64_t historian_atomic_and(uint64_t *p, uint64_t n) {
    return __atomic_fetch_and(p, n, __ATOMIC_ACQ_REL);
}

/* Read a reference, with acquire order: what it refers to was written before it. */
HISTORIAN_INLINE uint32_t historian_atomic_load32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

/* Store `desired` if `*p == expected`, with release order. Return whether it was. */
HISTORIAN_INLINE int historian_atomic_exchange32(uint32_t *p, uint32_t expected, uint32_t desired) {
    return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Likewise for 64 bits. */
HISTORIAN_INLINE int historian_atomic_exchange_if(uint64_t *p, uint64_t expected, uint64_t desired) {
    return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Store `desired` if `*p == *expected`. Otherwise store the current value in `*expected` and return 0. This may also
 * fail without a reason, so call it in a loop. */
HISTORIAN_INLINE int historian_atomic_compare_exchange(uint64_t *p, uint64_t *expected, uint64_t desired) {
    return __atomic_compare_exchange_n(p, expected, desired, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
#endif

/* ---- pointers: a thread that has loaded one sees the data that it points to ---- */

#if defined(_MSC_VER) && !defined(__clang__)
HISTORIAN_INLINE void *historian_load_pointer(void *const *p) {
    void *pointer = *(void *const volatile *)p;
    historian_atomic_fence();
    return pointer;
}

HISTORIAN_INLINE void historian_store_pointer(void **p, void *pointer) {
    historian_atomic_fence();
    *(void *volatile *)p = pointer;
}

HISTORIAN_INLINE int historian_exchange_pointer(void **p, void **expected, void *desired) {
    void *seen = _InterlockedCompareExchangePointer((void *volatile *)p, desired, *expected);
    int done = seen == *expected;
    *expected = seen;
    return done;
}
#else
HISTORIAN_INLINE void *historian_load_pointer(void *const *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

HISTORIAN_INLINE void historian_store_pointer(void **p, void *pointer) {
    __atomic_store_n(p, pointer, __ATOMIC_RELEASE);
}

/* Store `desired` if `*p == *expected`. Otherwise store the current pointer in `*expected` and return 0. */
HISTORIAN_INLINE int historian_exchange_pointer(void **p, void **expected, void *desired) {
    return __atomic_compare_exchange_n(p, expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
#endif

/* ---- extremes ---- */

/* Make `*p` at least `n`. */
HISTORIAN_INLINE void historian_atomic_max(uint64_t *p, uint64_t n) {
    uint64_t seen = historian_atomic_load(p);
    while (HISTORIAN_UNLIKELY(n > seen) && !historian_atomic_compare_exchange(p, &seen, n)) {
    }
}

#endif
