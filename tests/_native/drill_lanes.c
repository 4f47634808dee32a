/* Threads begin, end, record, drain and read, without a GIL: is each record in exactly one result, and each sum exact?
 *
 * Run by test_lanes.py, as it is and under the thread sanitizer. Prints what is wrong and returns 1, or returns 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lanes.h"

enum {
    WAVES = 6,
    THREADS = HISTORIAN_THREADS + 6, /* some have to do without a lane */
    RECORDS = 12000,                 /* of each thread: some in the shared counters, then in its lane */
    DRAINERS = 2
};

static historian_lanes *lanes;
static historian_counters shared;
static int64_t stop; /* set once all threads that record have ended */

/* What all drains have taken out, in sixteenths. */
static uint64_t drained_counts[HISTORIAN_SLOTS], drained_sixteenths;
static pthread_mutex_t drained_mutex = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what, unsigned long long found, unsigned long long expected) {
    printf("%s: %llu, not %llu\n", what, found, expected);
    exit(1);
}

/* As counters.pxi does it. */
static void record(double value) {
    historian_counters *lane = historian_own_lane(lanes);
    if (!lane) lane = historian_ask_for_lane(lanes, 1);
    if (lane)
        (void)historian_record_exclusive(lane, value);
    else
        (void)historian_record_atomic(&shared, value);
}

static double value_of(int i) { return (double)(1 << i % 12) / 16; }

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* closed until all threads of a wave live */

static void *write_some(void *unused) {
    for (int i = 0; i < RECORDS; i++) {
        record(value_of(i));
        if (i) continue;
        (void)pthread_mutex_lock(&gate);
        (void)pthread_mutex_unlock(&gate);
    }
    return unused;
}

/* In units of 2^-1074, 1/16 is digit 33, bit 14; all values lie between that and digit 34. */
static uint64_t total_sixteenths(const historian_lanes_total *total) {
    uint32_t digits[HISTORIAN_SUM_DIGITS] = {0};
    historian_sum sum = total->sum;
    size_t n = historian_write_sum(&sum, digits);
    for (size_t k = 0; k < n; k++)
        if (k < 33 ? digits[k] != 0 : k > 34 && digits[k] != 0) fail("a digit", digits[k], 0);
    return ((uint64_t)digits[34] << 32 | digits[33]) >> 14;
}

static void take(void) {
    historian_lanes_total *total = (historian_lanes_total *)malloc(sizeof *total);
    if (!total || !historian_read_lanes(lanes, &shared, total, 1)) fail("no memory", 0, 0);
    (void)pthread_mutex_lock(&drained_mutex);
    for (size_t slot = total->first; slot < total->end; slot++) drained_counts[slot] += total->counts[slot];
    drained_sixteenths += total_sixteenths(total);
    (void)pthread_mutex_unlock(&drained_mutex);
    free(total);
}

/* A thread has seen that its value is below the maximum. A drain resets that before it counts: then nothing but what
 * had been drained tells where to look for the count. */
static void check_late_count(void) {
    historian_lanes *own = historian_new_lanes();
    historian_lanes_total *total = (historian_lanes_total *)malloc(sizeof *total);
    historian_counters *lane = own && total ? historian_ask_for_lane(own, 1) : NULL;
    size_t slot = historian_slot(historian_bits(8.0));
    if (!lane) fail("no lane", 0, 1);
    (void)historian_record_exclusive(lane, 8.0);
    if (!historian_read_lanes(own, &shared, total, 1)) fail("no memory", 0, 0);
    historian_add_to_octave_exclusive(&lane->sum, historian_bucket(historian_bits(8.0)), historian_bits(8.0));
    historian_atomic_store_release(&lane->counts[slot], historian_atomic_load(&lane->counts[slot]) + 1);
    (void)historian_record_exclusive(lane, 1.0);
    if (!historian_read_lanes(own, &shared, total, 1)) fail("no memory", 0, 0);
    if (slot >= total->end || total->counts[slot] != 1) fail("a late count", 0, 1);
    if (total_sixteenths(total) != 9 * 16) fail("the sum with it", total_sixteenths(total), 9 * 16);
    historian_free_lanes(own, 0);
    free(total);
    historian_give_thread();
}

static void *drain(void *unused) {
    while (!historian_atomic_load_acquire((uint64_t *)&stop)) {
        take();
        (void)usleep(50);
    }
    return unused;
}

/* Nothing may be there that was never recorded: as many as all threads record, at most, in the slots of the values. */
static void *look(void *unused) {
    historian_lanes_total *total = (historian_lanes_total *)malloc(sizeof *total);
    while (total && !historian_atomic_load_acquire((uint64_t *)&stop)) {
        uint64_t count = 0;
        (void)historian_read_lanes(lanes, &shared, total, 0);
        for (size_t slot = total->first; slot < total->end; slot++) count += total->counts[slot];
        if (count > (uint64_t)WAVES * THREADS * RECORDS) fail("a snapshot's count", count, 0);
        (void)usleep(50);
    }
    free(total);
    return unused;
}

/* A child is alone, with the number it had, and has none of its parent's other threads' numbers. Some of those may hold
 * drained_mutex at the fork, so the child must not wait for it. */
static void check_fork(void) {
    int status = 0;
    historian_lanes_total *total = (historian_lanes_total *)malloc(sizeof *total);
    pid_t child = total ? fork() : -1;
    if (child == 0) {
        uint64_t own = historian_thread == HISTORIAN_THREADS ? 0 : UINT64_C(1) << historian_thread;
        if (historian_threads != own) _exit(2);
        record(1.0);
        _exit(historian_read_lanes(lanes, &shared, total, 1) && total->first < total->end ? 0 : 3);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("a child's status", (unsigned)status, 0);
    free(total);
}

int main(void) {
    pthread_t writers[THREADS], drainers[DRAINERS], looker;
    uint64_t expected_sixteenths = 0, count = 0;
    lanes = historian_new_lanes();
    if (!lanes) return 1;
    check_late_count();
    for (int i = 0; i < DRAINERS; i++) (void)pthread_create(&drainers[i], NULL, drain, NULL);
    (void)pthread_create(&looker, NULL, look, NULL);
    for (int wave = 0; wave < WAVES; wave++) {
        (void)pthread_mutex_lock(&gate);
        for (int i = 0; i < THREADS; i++) (void)pthread_create(&writers[i], NULL, write_some, NULL);
        (void)pthread_mutex_unlock(&gate);
        if (wave == WAVES / 2) check_fork();
        for (int i = 0; i < THREADS; i++) (void)pthread_join(writers[i], NULL);
        if (historian_atomic_load(&historian_threads)) fail("numbers not given back", historian_threads, 0);
    }
    historian_atomic_store_release((uint64_t *)&stop, 1);
    for (int i = 0; i < DRAINERS; i++) (void)pthread_join(drainers[i], NULL);
    (void)pthread_join(looker, NULL);
    take(); /* the rest */
    for (int i = 0; i < RECORDS; i++) expected_sixteenths += (uint64_t)(value_of(i) * 16) * (uint64_t)WAVES * THREADS;
    for (int k = 0; k < 12; k++) {
        uint64_t found = drained_counts[historian_slot(historian_bits(value_of(k)))];
        if (found != (uint64_t)WAVES * THREADS * RECORDS / 12) fail("a bucket", found, WAVES * THREADS * RECORDS / 12);
    }
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) count += drained_counts[slot];
    if (count != (uint64_t)WAVES * THREADS * RECORDS) fail("the count", count, WAVES * THREADS * RECORDS);
    if (drained_sixteenths != expected_sixteenths) fail("the sum", drained_sixteenths, expected_sixteenths);
    historian_free_lanes(lanes, 0);
    return 0;
}
