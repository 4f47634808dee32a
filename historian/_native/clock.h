/* Nanoseconds on the clock of time.perf_counter_ns(), so that its readings and ours can be mixed.
 *
 * On Linux this is CLOCK_MONOTONIC. A reading takes 24 ns. If the kernel derives the clock from the processor's time
 * stamp counter, most of that time is spent in a fence, which waits for all earlier instructions. We read the counter
 * without a fence. An anchor converts it to ns. The anchor is one reading of both clocks, at most a millisecond old.
 * The counter may stop or jump (suspend, migration, a corrected rate). The error is at most that millisecond: if the
 * counter is further from the anchor, we read the clock and set a new anchor.
 */
#ifndef HISTORIAN_CLOCK_H
#define HISTORIAN_CLOCK_H

#include <Python.h>
#include <stdint.h>

#include "atomics.h"
#include "cpython.h"

#if defined(__linux__)
#include <time.h>

static inline int64_t historian_monotonic(void) {
    struct timespec now; /* CPython reads the same clock */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
#else
static inline int64_t historian_monotonic(void) {
#if PY_VERSION_HEX >= 0x030D0000
    PyTime_t now;
    (void)PyTime_PerfCounterRaw(&now);
    return now;
#else
    return _PyTime_GetPerfCounter();
#endif
}
#endif

/* All threads share the anchor. The GIL protects it. If there is no GIL, or one for each interpreter, a sequence lock
 * protects it. */
#if defined(__linux__) && defined(__x86_64__)
#define HISTORIAN_HAS_TICKS 1
#define HISTORIAN_LOCKS_ANCHOR (HISTORIAN_ISOLATED || !HISTORIAN_HAS_GIL)
#include <x86intrin.h>

#define HISTORIAN_ANCHOR_NS 1000000           /* an anchor is used for 1 ms */
#define HISTORIAN_CALIBRATION_NS 10000000     /* the rate is first measured over 10 ms, to 1e-5 ... */
#define HISTORIAN_RECALIBRATION_NS 1000000000 /* ... then over 1 to 2 s, to 1e-7 */

static struct {
    uint64_t version;     /* odd while the other fields change, otherwise even; each change adds 2 */
    uint64_t ticks;       /* counter at the anchor */
    uint64_t ns;          /* clock at the anchor */
    uint64_t window;      /* ticks that the anchor is used for, less than 2^32; 0 while the rate is unknown */
    uint64_t ns_per_tick; /* times 2^32 */
    uint64_t first_ticks; /* an older reading of both clocks; the rate is measured from it */
    int64_t first_ns;
    uint64_t next_ticks; /* the reading that will replace it */
    int64_t next_ns;
    int usable; /* whether the kernel trusts the counter */
} historian_anchor;

/* Read both clocks at the same moment. Return 0 if too much time passed between the readings. */
static int historian_read_both(int64_t *ns, uint64_t *ticks) {
    for (int attempt = 0; attempt < 5; attempt++) {
        uint64_t before = __rdtsc();
        *ns = historian_monotonic();
        *ticks = __rdtsc();
        if (*ticks - before < 4096) return 1; /* one or two microseconds */
    }
    return 0;
}

/* Begin to change the anchor. Return 0 if another thread is changing it. */
static int historian_begin_anchor(void) {
#if HISTORIAN_LOCKS_ANCHOR
    uint64_t version = historian_atomic_load_acquire(&historian_anchor.version);
    if ((version & 1) || !historian_atomic_compare_exchange(&historian_anchor.version, &version, version + 1)) return 0;
    historian_atomic_fence();
#endif
    return 1;
}

static void historian_end_anchor(void) {
#if HISTORIAN_LOCKS_ANCHOR
    historian_atomic_store_release(&historian_anchor.version, historian_anchor.version + 1);
#endif
}

/* Read the clock and set a new anchor, between historian_begin_anchor and historian_end_anchor. */
static int64_t historian_move_anchor(void) {
    int64_t ns, measured;
    uint64_t ticks;
    double rate, known = (double)historian_anchor.ns_per_tick / 4294967296.0;
    if (!historian_read_both(&ns, &ticks)) return ns;
    measured = ns - historian_anchor.first_ns;
    rate = (double)measured / (double)(ticks - historian_anchor.first_ticks);
    historian_atomic_store(&historian_anchor.ns, (uint64_t)ns);
    historian_atomic_store(&historian_anchor.ticks, ticks);
    if (measured < HISTORIAN_CALIBRATION_NS) return ns; /* too soon for a new rate: keep the old one */
    if (!(rate > 0.01 && rate < 100) || (known > 0 && !(rate > 0.999 * known && rate < 1.001 * known))) {
        /* The counter is not plausible (below 10 MHz or above 100 GHz), or it has jumped: measure again from here. */
        historian_anchor.first_ns = historian_anchor.next_ns = ns;
        historian_anchor.first_ticks = historian_anchor.next_ticks = ticks;
        historian_atomic_store(&historian_anchor.window, 0);
        historian_atomic_store(&historian_anchor.ns_per_tick, 0);
        return ns;
    }
    historian_atomic_store(&historian_anchor.ns_per_tick, (uint64_t)(rate * 4294967296.0));
    historian_atomic_store(&historian_anchor.window, (uint64_t)(HISTORIAN_ANCHOR_NS / rate));
    if (ns - historian_anchor.next_ns >= HISTORIAN_RECALIBRATION_NS) {
        historian_anchor.first_ns = historian_anchor.next_ns;
        historian_anchor.first_ticks = historian_anchor.next_ticks;
        historian_anchor.next_ns = ns;
        historian_anchor.next_ticks = ticks;
    }
    return ns;
}

static int64_t historian_reanchor(void) {
    int64_t ns;
    if (!historian_anchor.usable || !historian_begin_anchor()) return historian_monotonic();
    ns = historian_move_anchor();
    historian_end_anchor();
    return ns;
}

/* Return the time in ns. The caller holds the GIL of its interpreter, unless Python has none. */
static inline int64_t historian_now(void) {
#if HISTORIAN_LOCKS_ANCHOR
    uint64_t version = historian_atomic_load_acquire(&historian_anchor.version);
#endif
    uint64_t ticks = __rdtsc() - historian_atomic_load(&historian_anchor.ticks);
    /* If the counter went back, the difference is a huge number, far outside the window. */
    if (HISTORIAN_LIKELY(ticks < historian_atomic_load(&historian_anchor.window))) {
        uint64_t ns = historian_atomic_load(&historian_anchor.ns) +
                      (ticks * historian_atomic_load(&historian_anchor.ns_per_tick) >> 32);
#if HISTORIAN_LOCKS_ANCHOR
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* no instruction: this processor keeps its loads in order */
        if (HISTORIAN_UNLIKELY((version & 1) || historian_atomic_load(&historian_anchor.version) != version))
            return historian_monotonic();
#endif
        return (int64_t)ns;
    }
    return historian_reanchor();
}

/* Each interpreter must call this before any other function here. After one that succeeds, the others have
 * no effect. */
static inline void historian_use_ticks(int usable) {
    if (!usable || historian_anchor.usable || !historian_begin_anchor()) return;
    historian_anchor.usable = historian_read_both(&historian_anchor.first_ns, &historian_anchor.first_ticks);
    historian_anchor.next_ns = historian_anchor.first_ns;
    historian_anchor.next_ticks = historian_anchor.first_ticks;
    historian_end_anchor();
}
#else
#define HISTORIAN_HAS_TICKS 0
static inline int64_t historian_now(void) { return historian_monotonic(); }
static inline void historian_use_ticks(int usable) { (void)usable; }
#endif

#endif
