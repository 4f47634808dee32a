/* Counters for each thread, where no GIL keeps the others out: each thread that counts much has a lane of its own.
 *
 *     thread 0  --loads, stores-->  lane 0     exclusive counters: nobody else ever writes to their counts and sums
 *     thread 1  --loads, stores-->  lane 1
 *     thread 7  ----- atomic ---->  shared     atomic counters: threads that count little, or have no number
 *                                      |
 *     a snapshot                       +--->   adds up all of them, and subtracts what has been drained
 *
 * Lanes are kept by the number of the thread (see thread.h). A thread makes its lane, and counts in it without looking
 * at what others do; a thread that gets the number later counts on in the same lane. So a lane goes with the recorder
 * only, and the end of a thread touches none.
 *
 * Counts and sums in lanes only ever grow. As in files, to drain is to write down how far they have grown, and to
 * subtract that from then on: nobody takes a count away while its thread adds to it.
 *
 *     drained.counts    what all lanes together held at the last drain
 *     drained.sums      what each of them held
 *     drained.max       the extremes before it. A thread that saw a larger maximum than its value just before a drain
 *                       reset that still has a count to add below it: so it is searched for up to there
 *
 * The shared counters are drained by exchanging them for 0.
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
#include "thread.h"

/* Records that a thread counts in the shared counters before it makes a lane, unless it would be the first one. A lane
 * takes some 15 kB of memory, so what threads seldom touch stays small. */
enum { HISTORIAN_LANE_AFTER = 1024 };

/* What lanes held at the last drain. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];
    double sums[HISTORIAN_THREADS][2]; /* sum and compensation of each lane */
    uint64_t max, not_min;             /* of all that was recorded before; as in historian_counters */
} historian_lanes_drained;

struct historian_lanes {
    void *lane[HISTORIAN_THREADS + 1];  /* historian_counters of each thread, or NULL; last, of those without number */
    uint64_t made;                      /* lanes that there are, or almost, in [0, HISTORIAN_THREADS] */
    uint64_t waited[HISTORIAN_THREADS]; /* records of each thread in the shared counters, until it has a lane */
    historian_lanes_drained *drained;   /* NULL before the first drain; guarded by historian_mutex */
};

/* What recorders held together. */
typedef struct {
    uint64_t counts[HISTORIAN_SLOTS];       /* those from `first` to before `end`; the others mean nothing */
    double sums[4 * HISTORIAN_THREADS + 2]; /* their exact total is the sum */
    uint64_t max, not_min;                  /* since the last drain; as in historian_counters */
    size_t first, end, n_sums;
} historian_lanes_total;

/* Return the lane of this thread, or NULL. Nobody else changes that. */
HISTORIAN_INLINE historian_counters *historian_own_lane(const historian_lanes *lanes) {
    return (historian_counters *)lanes->lane[historian_thread];
}

/* Where it is kept, for what maps it from a file. */
HISTORIAN_INLINE historian_counters **historian_own_place(historian_lanes *lanes) {
    return (historian_counters **)&lanes->lane[historian_thread];
}

HISTORIAN_INLINE historian_counters *historian_lane(const historian_lanes *lanes, size_t thread) {
    return (historian_counters *)historian_load_pointer(&lanes->lane[thread]);
}

static historian_lanes *historian_new_lanes(void) { return (historian_lanes *)calloc(1, sizeof(historian_lanes)); }

/* Free the lanes, which are in private memory, or, if `mapped`, somebody else's. Nobody else may use them any more. */
static void historian_free_lanes(historian_lanes *lanes, int mapped) {
    if (!lanes) return;
    for (size_t thread = 0; thread < HISTORIAN_THREADS && !mapped; thread++)
        historian_free_pages(historian_lane(lanes, thread), sizeof(historian_counters));
    historian_free_pages(lanes->drained, sizeof *lanes->drained);
    free(lanes);
}

/* Return the lane of this thread in private memory, to write `n` records to, or NULL: it is not to have one yet, or
 * there is none to be had. Then they go to the shared counters. */
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

/* Have the bounds include the extremes of counters, which another thread may just be moving. */
HISTORIAN_INLINE void historian_widen(uint64_t *max, uint64_t *not_min, const historian_counters *counters) {
    uint64_t counters_max = historian_atomic_load(&counters->max);
    uint64_t counters_not_min = historian_atomic_load(&counters->not_min);
    *max = counters_max > *max ? counters_max : *max;
    *not_min = counters_not_min > *not_min ? counters_not_min : *not_min;
}

/* Find the slots that anything may have been counted in. A count outside comes from a record in flight. */
static void historian_find_bounds(const historian_lanes *lanes, const historian_counters *shared,
                                  historian_lanes_total *total) {
    uint64_t max = lanes->drained ? lanes->drained->max : 0, not_min = lanes->drained ? lanes->drained->not_min : 0;
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++) {
        const historian_counters *lane = historian_lane(lanes, thread);
        if (lane) historian_widen(&max, &not_min, lane);
    }
    historian_widen(&max, &not_min, shared);
    /* Only one of the two may be there yet. */
    total->first = not_min ? (size_t)historian_slot(~not_min) : 0;
    total->end = not_min ? (size_t)historian_slot(max) + 1 : 0;
    if (total->end <= total->first) total->first = total->end = 0;
}

static void historian_add_a_sum(historian_lanes_total *total, double sum) {
    if (sum != 0) total->sums[total->n_sums++] = sum;
}

/* Add what has been added to the sum of a lane since the last drain; with `take`, that is now. */
static void historian_read_lane_sum(historian_counters *lane, double *drained, historian_lanes_total *total, int take) {
    double sum = historian_double(historian_atomic_load(&lane->sum));
    double compensation = historian_double(historian_atomic_load(&lane->compensation));
    if (isinf(sum) || isnan(compensation)) {
        /* Beyond float64, where no compensation means anything. It can only begin anew; should its thread just be
         * adding to it, at the next drain. */
        historian_add_a_sum(total, sum);
        if (take) {
            historian_atomic_store(&lane->sum, 0);
            historian_atomic_store(&lane->compensation, 0);
            drained[0] = drained[1] = 0;
        }
        return;
    }
    historian_add_a_sum(total, sum);
    historian_add_a_sum(total, compensation);
    if (drained) {
        historian_add_a_sum(total, -drained[0]);
        historian_add_a_sum(total, -drained[1]);
    }
    if (take) {
        drained[0] = sum;
        drained[1] = compensation;
    }
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

/* Add up the counts of all lanes less what has been drained, and those of the shared counters. With `take`, that is
 * drained now. Return whether there are any. */
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

/* The sum of the shared counters, and all extremes, taken after the counts. */
static void historian_read_lane_sums(historian_lanes *lanes, historian_counters *shared, historian_lanes_total *total,
                                     int take) {
    double sum, compensation;
    for (size_t thread = 0; thread < HISTORIAN_THREADS; thread++) {
        historian_counters *lane = historian_lane(lanes, thread);
        if (!lane) continue;
        historian_read_lane_sum(lane, lanes->drained ? lanes->drained->sums[thread] : NULL, total, take);
        historian_read_extremes(lane, total, take);
    }
    sum = historian_double(historian_read_extreme(&shared->sum, take));
    compensation = historian_double(historian_read_extreme(&shared->compensation, take));
    historian_add_a_sum(total, sum);
    if (!isinf(sum) && !isnan(compensation)) historian_add_a_sum(total, compensation);
    historian_read_extremes(shared, total, take);
}

/* Read all that the lanes and the shared counters hold; with `take`, also take it out. Return 0, having changed
 * nothing, if there is no memory for keeping the books. */
static int historian_read_lanes(historian_lanes *lanes, historian_counters *shared, historian_lanes_total *total,
                                int take) {
    int done = 1;
    total->max = total->not_min = 0;
    total->n_sums = 0;
    (void)historian_watch_forks();
    historian_lock();
    if (take && !lanes->drained) {
        lanes->drained = (historian_lanes_drained *)historian_new_pages(sizeof *lanes->drained);
        done = lanes->drained != NULL;
    }
    if (done) {
        historian_find_bounds(lanes, shared, total);
        /* A sum whose count has yet to come stays for the next drain. */
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
