/* Counters for each thread, for Pythons without a GIL: each thread that records much has its own lane.
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
 * Counts and sums in lanes only grow. As in files, a drain saves how far they have grown, and this is subtracted from
 * then on. So no other thread changes a count while its thread adds to it.
 *
 *     drained.counts    what all lanes together held at the last drain
 *     drained.sum       likewise, with that of the shared counters
 *     drained.max       the extremes before it. A thread that saw a larger maximum than its value just before a drain
 *                       reset that still has a count to add below it: so it is searched for up to there
 *
 * The counts and extremes of the shared counters are drained by exchanging them for 0.
 */
#ifndef HISTORIAN_LANES_H
#define HISTORIAN_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "atomics.h"
#include "bucket.h"
#include "counters.h"
#include "pages.h"
#include "sum_read.h"
#include "thread.h"

/* Records that a thread counts in the shared counters before it makes a lane, unless its lane is the first one. A lane
 * takes about 15 kB of memory, so a recorder that threads seldom use stays small. */
enum { HISTORIAN_LANE_AFTER = 1024 };

/* What lanes held at the last drain. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    historian_sum sum;     /* of all lanes and the shared counters together */
    uint64_t max, not_min; /* of all that was recorded before; as in historian_counters */
} historian_lanes_drained;

struct historian_lanes {
    void *lane[HISTORIAN_THREADS + 1];  /* historian_counters of each thread, or NULL; last, of those without number */
    uint64_t made;                      /* lanes that there are, or almost, in [0, HISTORIAN_THREADS] */
    uint64_t waited[HISTORIAN_THREADS]; /* records of each thread in the shared counters, until it has a lane */
    historian_lanes_drained *drained;   /* NULL before the first drain; guarded by historian_mutex */
};

/* What all counters of a recorder hold together. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS]; /* from `first` to `end` - 1; the others have no meaning */
    historian_sum sum;
    uint64_t max, not_min, max_bound, not_min_bound; /* since the last drain; as in historian_counters */
    size_t first, end;
} historian_lanes_total;

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

/* Free the lanes. If `mapped`, their memory belongs to leases and is not freed. No thread may use them any more. */
static void historian_free_lanes(historian_lanes *lanes, int mapped) {
    if (!lanes) return;
    for (size_t thread = 0; thread < HISTORIAN_THREADS && !mapped; thread++)
        historian_free_pages(historian_lane(lanes, thread), sizeof(historian_counters));
    historian_free_pages(lanes->drained, sizeof *lanes->drained);
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
    lane = (historian_counters *)historian_new_pages(sizeof *lane);
    if (!lane) {
        lanes->waited[thread] = 0;
        return NULL;
    }
    historian_atomic_add(&lanes->made, 1);
    historian_store_pointer(&lanes->lane[thread], lane);
    return lane;
}

/* Extend the bounds to the extremes of `counters`. Another thread may change these at the same time. */
HISTORIAN_INLINE void historian_widen(uint64_t *max, uint64_t *not_min, const historian_counters *counters) {
    uint64_t counters_max = historian_atomic_load(&counters->max);
    uint64_t counters_not_min = historian_atomic_load(&counters->not_min);
    *max = counters_max > *max ? counters_max : *max;
    *not_min = counters_not_min > *not_min ? counters_not_min : *not_min;
}

/* Find the range of slots that may have counts. A count outside it belongs to a record in flight. */
static void historian_find_bounds(const historian_lanes *lanes, const historian_counters *shared,
                                  historian_lanes_total *total) {
    uint64_t max = lanes->drained ? lanes->drained->max : 0, not_min = lanes->drained ? lanes->drained->not_min : 0;
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++) {
        const historian_counters *lane = historian_lane(lanes, thread);
        if (lane) historian_widen(&max, &not_min, lane);
    }
    historian_widen(&max, &not_min, shared);
    /* During a first record, only one of the two may be set yet. */
    total->first = not_min ? (size_t)historian_slot(~not_min) : 0;
    total->end = not_min ? (size_t)historian_slot(max) + 1 : 0;
    if (total->end <= total->first) total->first = total->end = 0;
}

static uint64_t historian_read_extreme(uint64_t *p, int take) {
    return take ? historian_atomic_exchange(p, 0) : historian_atomic_load(p);
}

static void historian_read_extremes(historian_counters *counters, historian_lanes_total *total, int take) {
    uint64_t max = historian_read_extreme(&counters->max, take);
    uint64_t not_min = historian_read_extreme(&counters->not_min, take);
    total->max = max > total->max ? max : total->max;
    total->not_min = not_min > total->not_min ? not_min : total->not_min;
}

/* Add up the counts of all lanes, minus the drained ones, and of the shared counters. With `take`, drain them. Return
 * whether there are any. */
static int historian_read_lane_counts(historian_lanes *lanes, historian_counters *shared, historian_lanes_total *total,
                                      int take) {
    uint64_t any = 0;
    memset(total->counts + total->first, 0, (total->end - total->first) * sizeof *total->counts);
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++) {
        const historian_counters *lane = historian_lane(lanes, thread);
        if (!lane) continue;
        for (size_t slot = total->first; slot < total->end; slot++)
            total->counts[slot] += historian_atomic_load(&lane->counts[slot]);
    }
    for (size_t slot = total->first; slot < total->end; slot++) {
        uint64_t counted = total->counts[slot];
        if (lanes->drained) total->counts[slot] -= lanes->drained->counts[slot];
        if (take && counted) lanes->drained->counts[slot] = counted;
        if (historian_atomic_load(&shared->counts[slot]))
            total->counts[slot] += take ? historian_atomic_exchange(&shared->counts[slot], 0)
                                        : historian_atomic_load(&shared->counts[slot]);
        any |= total->counts[slot];
    }
    historian_atomic_fence(); /* writers add the count last, so it is read first */
    return any != 0;
}

/* Read all sums and extremes, after the counts. */
static void historian_read_lane_sums(historian_lanes *lanes, historian_counters *shared, historian_lanes_total *total,
                                     int take) {
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++) {
        historian_counters *lane = historian_lane(lanes, thread);
        if (!lane) continue;
        historian_read_sum(&total->sum, &lane->sum);
        historian_read_extremes(lane, total, take);
    }
    historian_read_sum(&total->sum, &shared->sum);
    if (lanes->drained) historian_subtract_sum(&total->sum, &lanes->drained->sum);
    if (take) historian_read_sum(&lanes->drained->sum, &total->sum);
    historian_read_extremes(shared, total, take);
    total->max_bound = historian_read_extreme(&shared->max_bound, take);
    total->not_min_bound = historian_read_extreme(&shared->not_min_bound, take);
}

/* Read all lanes and the shared counters. With `take`, drain them. Return 0, and change nothing, if there is no memory
 * to save what has been drained. */
static int historian_read_lanes(historian_lanes *lanes, historian_counters *shared, historian_lanes_total *total,
                                int take) {
    int done = 1;
    total->max = total->not_min = 0;
    memset(&total->sum, 0, sizeof total->sum);
    (void)historian_watch_forks();
    historian_lock();
    if (take && !lanes->drained) {
        lanes->drained = (historian_lanes_drained *)historian_new_pages(sizeof *lanes->drained);
        done = lanes->drained != NULL;
    }
    if (done) {
        historian_find_bounds(lanes, shared, total);
        /* Without counts, the sum of a record in flight stays for the next drain. */
        if (historian_read_lane_counts(lanes, shared, total, take)) {
            historian_read_lane_sums(lanes, shared, total, take);
            if (take) {
                historian_lanes_drained *drained = lanes->drained;
                drained->max = total->max > drained->max ? total->max : drained->max;
                drained->not_min = total->not_min > drained->not_min ? total->not_min : drained->not_min;
            }
        }
    }
    historian_unlock();
    return done;
}

#endif
