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

static void *shared;                                      /* counters that threads share */
static historian_counters *drained;                       /* what has been drained */
static historian_private all = {NULL, &shared, &drained}; /* all of these, and lanes */
static int64_t stop;                                      /* set once all threads that record have ended */

/* What all drains have taken out, in sixteenths. */
static uint64_t drained_counts[HISTORIAN_SLOTS], drained_sixteenths;
static pthread_mutex_t drained_mutex = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what, unsigned long long found, unsigned long long expected) {
    printf("%s: %llu, not %llu\n", what, found, expected);
    exit(1);
}

/* As counters.pxi does it. */
static void record(double value) {
    historian_counters *lane = historian_own_lane(all.lanes);
    if (!lane) lane = historian_ask_for_lane(all.lanes, 1);
    if (lane)
        (void)historian_record_exclusive(lane, value);
    else
        (void)historian_record_atomic((historian_counters *)shared, value);
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
static uint64_t total_sixteenths(const historian_total *total) {
    uint32_t digits[HISTORIAN_SUM_DIGITS] = {0};
    historian_sum sum = total->sum;
    size_t n = historian_write_sum(&sum, digits);
    for (size_t k = 0; k < n; k++)
        if (k < 33 ? digits[k] != 0 : k > 34 && digits[k] != 0) fail("a digit", digits[k], 0);
    return ((uint64_t)digits[34] << 32 | digits[33]) >> 14;
}

static uint64_t count_at(const historian_total *total, double value) {
    return total->counts[historian_slot(historian_bits(value))];
}

static void take(void) {
    historian_totals *totals = historian_take_totals();
    if (!totals || !historian_read_lanes(&all, &totals->all, &totals->drained, 1)) fail("no memory", 0, 0);
    (void)pthread_mutex_lock(&drained_mutex);
    for (size_t slot = 0; slot < HISTORIAN_SLOTS; slot++) drained_counts[slot] += totals->all.counts[slot];
    drained_sixteenths += total_sixteenths(&totals->all);
    (void)pthread_mutex_unlock(&drained_mutex);
    historian_give_totals(totals);
}

/* A thread has added to the sum, and a drain comes before it adds the count: both are in the next drain. */
static void check_late_count(void) {
    void *none = NULL;
    historian_counters *taken = NULL;
    historian_private own = {historian_new_lanes(), &none, &taken};
    historian_totals *totals = historian_take_totals();
    historian_counters *lane = own.lanes && totals ? historian_ask_for_lane(own.lanes, 1) : NULL;
    uint64_t bits = historian_bits(8.0), bucket = historian_bucket(bits);
    historian_chunk *chunk;
    if (!lane || !historian_record_exclusive(lane, 8.0)) fail("no lane", 0, 1);
    chunk = historian_chunk_of(lane, bucket / HISTORIAN_BUCKETS_PER_OCTAVE);
    if (!historian_read_lanes(&own, &totals->all, &totals->drained, 1)) fail("no memory", 0, 0);
    historian_add_to_pair_exclusive(chunk->sum, bits);
    if (!historian_read_lanes(&own, &totals->all, &totals->drained, 1)) fail("no memory", 0, 0);
    if (total_sixteenths(&totals->all)) fail("an early sum", total_sixteenths(&totals->all), 0);
    if (historian_total_records(&totals->all)) fail("an early count", historian_total_records(&totals->all), 0);
    historian_add_count(&chunk->counts[bucket % HISTORIAN_BUCKETS_PER_OCTAVE], 1, 1);
    (void)historian_record_exclusive(lane, 1.0);
    if (!historian_read_lanes(&own, &totals->all, &totals->drained, 1)) fail("no memory", 0, 0);
    if (count_at(&totals->all, 8.0) != 1) fail("a late count", count_at(&totals->all, 8.0), 1);
    if (total_sixteenths(&totals->all) != 9 * 16) fail("the sum with it", total_sixteenths(&totals->all), 9 * 16);
    historian_free_lanes(own.lanes, 0);
    historian_free_counters(taken);
    historian_give_totals(totals);
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
    while (!historian_atomic_load_acquire((uint64_t *)&stop)) {
        historian_totals *totals = historian_take_totals();
        uint64_t count;
        if (!totals) fail("no memory", 0, 0);
        (void)historian_read_lanes(&all, &totals->all, &totals->drained, 0);
        count = historian_total_records(&totals->all);
        if (count > (uint64_t)WAVES * THREADS * RECORDS) fail("a snapshot's count", count, 0);
        historian_give_totals(totals);
        (void)usleep(50);
    }
    return unused;
}

/* A child is alone, with the number it had, and has none of its parent's other threads' numbers. Some of those may hold
 * drained_mutex at the fork, so the child must not wait for it. */
static void check_fork(void) {
    int status = 0;
    historian_totals *totals = historian_take_totals();
    pid_t child = totals ? fork() : -1;
    if (child == 0) {
        uint64_t own = historian_thread == HISTORIAN_THREADS ? 0 : UINT64_C(1) << historian_thread;
        if (historian_threads != own) _exit(2);
        record(1.0);
        if (!historian_read_lanes(&all, &totals->all, &totals->drained, 1)) _exit(3);
        _exit(historian_total_records(&totals->all) ? 0 : 4);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) fail("a child's status", (unsigned)status, 0);
    historian_give_totals(totals);
}

int main(void) {
    pthread_t writers[THREADS], drainers[DRAINERS], looker;
    uint64_t expected_sixteenths = 0, count = 0;
    all.lanes = historian_new_lanes();
    shared = historian_new_counters(0);
    if (!all.lanes || !shared) return 1;
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
    historian_free_lanes(all.lanes, 0);
    historian_free_counters((historian_counters *)shared);
    historian_free_counters(drained);
    return 0;
}
