/* Counters in private memory for each thread, without a GIL: each thread that records much has its own lane.
 *
 *     thread 0  --loads, stores-->  lane 0     exclusive counters: no other thread writes to their counts and sums
 *     thread 1  --loads, stores-->  lane 1
 *     thread 7  ----- atomic ---->  shared     atomic counters: for threads that record little, or have no number
 *                                      |
 *     a snapshot                       +--->   adds up all of them, and subtracts what has been drained
 *
 * The number of a thread (see thread.h) says which lane it has. A thread makes its lane and counts in it without any
 * synchronisation. A later thread with the same number continues in the same lane. So a lane exists as long as its
 * recorder, and the end of a thread changes no lane.
 *
 * Counts and sums only grow. As in files, a drain saves how far they have grown; this is subtracted from then on. So
 * no other thread changes a count while its thread adds to it.
 */
#ifndef HISTORIAN_LANES_H
#define HISTORIAN_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "chunks.h"
#include "counters.h"
#include "pages.h"
#include "sum_read.h"
#include "thread.h"
#include "total.h"

/* Records that a thread counts in the shared counters before it makes a lane, unless its lane is the first one. A lane
 * takes about 6 kB of memory, so a recorder that threads seldom use stays small. */
enum { HISTORIAN_LANE_AFTER = 1024 };

struct historian_lanes {
    void *lane[HISTORIAN_THREADS + 1];  /* historian_counters of each thread, or NULL; last, of those without number */
    uint64_t made;                      /* lanes that there are, or almost, in [0, HISTORIAN_THREADS] */
    uint64_t waited[HISTORIAN_THREADS]; /* records of each thread in the shared counters, until it has a lane */
};

/* Return the lane of this thread, or NULL. Only this thread changes it. */
HISTORIAN_INLINE historian_counters *historian_own_lane(const historian_lanes *lanes) {
    return (historian_counters *)lanes->lane[historian_thread];
}

/* Return where the pointer to it is stored: a lease sets it. */
HISTORIAN_INLINE historian_counters **historian_own_place(historian_lanes *lanes) {
    return (historian_counters **)&lanes->lane[historian_thread];
}

HISTORIAN_INLINE historian_counters *historian_lane(const historian_lanes *lanes, size_t thread) {
    return (historian_counters *)historian_load_pointer(&lanes->lane[thread]);
}

static historian_lanes *historian_new_lanes(void) { return (historian_lanes *)calloc(1, sizeof(historian_lanes)); }

/* Free the lanes. If `mapped`, their counters belong to the recorder. No thread may use them any more. */
static void historian_free_lanes(historian_lanes *lanes, int mapped) {
    if (!lanes) return;
    for (size_t thread = 0; thread < HISTORIAN_THREADS && !mapped; thread++)
        historian_free_counters(historian_lane(lanes, thread));
    free(lanes);
}

/* Return the lane of this thread in private memory, to which it will write `n` records. Return NULL if the thread has
 * recorded too little for a lane, or if numbers or memory are used up. Then use the shared counters. */
static historian_counters *historian_ask_for_lane(historian_lanes *lanes, size_t n) {
    size_t thread = historian_take_thread();
    historian_counters *lane = historian_own_lane(lanes); /* of a thread that had the number before */
    if (lane || thread == HISTORIAN_THREADS) return lane;
    if (historian_atomic_load(&lanes->made)) {
        lanes->waited[thread] += n < HISTORIAN_LANE_AFTER ? n : HISTORIAN_LANE_AFTER;
        if (lanes->waited[thread] < HISTORIAN_LANE_AFTER) return NULL;
    }
    lane = historian_new_counters(1);
    if (!lane) {
        lanes->waited[thread] = 0;
        return NULL;
    }
    historian_atomic_add(&lanes->made, 1);
    historian_store_pointer(&lanes->lane[thread], lane);
    return lane;
}

/* All counters of a recorder in private memory that threads may use at the same time. Pointers that any thread may set
 * are read and set where they are, with historian_mutex held: two threads may drain at the same time. */
typedef struct {
    historian_lanes *lanes;       /* NULL with a GIL */
    void **atomic;                /* historian_counters; NULL until needed */
    historian_counters **drained; /* what was drained of the lanes and the atomic ones; NULL until then */
} historian_private;

/* Add up all counters, or only their extremes. With `take`, reset these. */
static void historian_total_lanes(historian_total *total, const historian_private *all, int extremes, int take) {
    for (size_t thread = 0; thread <= HISTORIAN_THREADS; thread++) {
        historian_counters *counters = (historian_counters *)historian_load_pointer(
            thread < HISTORIAN_THREADS && all->lanes ? &all->lanes->lane[thread] : all->atomic);
        if (!all->lanes && thread < HISTORIAN_THREADS) continue;
        if (counters && extremes)
            historian_total_extremes(total, counters->head, take);
        else
            historian_total_counters(total, counters);
    }
}

/* Save that all records of `total` are drained, too, in the counters there. Return 0 if there is no memory. */
static int historian_save_drained(historian_counters **place, const historian_total *total) {
    uint64_t digits[HISTORIAN_SUM_DIGITS];
    historian_counters *drained = *place ? *place : historian_new_counters(1);
    *place = drained;
    if (!drained) return 0;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        if (total->touched[octave] && !historian_get_chunk(drained, octave)) return 0;
    if (historian_has_far_digits(total->sum.digits, 0, HISTORIAN_SUM_DIGITS) &&
        !historian_take_private(drained, HISTORIAN_OCTAVES))
        return 0;
    memcpy(digits, total->sum.digits, sizeof digits);
    historian_add_digits(drained, digits, 0, HISTORIAN_SUM_DIGITS);
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++) {
        historian_chunk *chunk = drained->chunks[octave];
        if (!total->touched[octave]) continue;
        historian_read_pair(chunk->sum, total->sum.octaves[octave]);
        for (size_t k = 0; k < HISTORIAN_BUCKETS_PER_OCTAVE; k++)
            chunk->counts[k] += total->counts[1 + octave * HISTORIAN_BUCKETS_PER_OCTAVE + k];
    }
    drained->head->outliers[0] += total->counts[HISTORIAN_ZERO_SLOT];
    drained->head->outliers[1] += total->counts[HISTORIAN_OVERFLOW_SLOT];
    return 1;
}

/* Read the lanes and the atomic counters. With `take`, drain them. `drained` is for this function. Return 0, and drain
 * nothing, if there is no memory to save what has been drained. */
static int historian_read_lanes(const historian_private *all, historian_total *total, historian_total *drained,
                                int take) {
    int done = 1;
    historian_clear_total(total);
    historian_clear_total(drained);
    (void)historian_watch_forks();
    historian_lock();
    historian_total_counters(drained, *all->drained);
    historian_total_lanes(total, all, 0, 0);
    (void)historian_subtract_total(total, drained);
    if (historian_total_records(total)) {
        done = !take || historian_save_drained(all->drained, total);
        if (done) historian_total_lanes(total, all, 1, take);
    } else {
        historian_clear_total(total); /* the sum of a record in flight stays for the next drain */
    }
    historian_unlock();
    return done;
}

/* Read counters to which no other thread writes at the same time. With `take`, make them empty. */
static void historian_read_exclusive(historian_counters *counters, historian_total *total, int take) {
    if (!counters || !counters->head->not_min) return;
    historian_total_counters(total, counters);
    historian_total_extremes(total, counters->head, 0);
    if (!take) return;
    for (size_t octave = 0; octave < HISTORIAN_OCTAVES; octave++)
        if (counters->chunks[octave]) memset(counters->chunks[octave], 0, sizeof *counters->chunks[octave]);
    if (counters->far_digits) memset(counters->far_digits, 0, sizeof *counters->far_digits);
    memset(counters->head, 0, sizeof *counters->head);
}

#endif
