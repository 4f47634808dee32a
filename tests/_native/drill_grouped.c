/* Drill of grouped.h: each group counts what a recorder of its own would, also if the memory ends at any allocation.
 *
 * Usage: drill_grouped
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static long allocations_left = -1; /* the one after these fails; -1: none does */

static int fails(void) {
    if (allocations_left < 0) return 0;
    return allocations_left-- == 0;
}

static void *drill_malloc(size_t size) { return fails() ? NULL : malloc(size); }
static void *drill_calloc(size_t n, size_t size) { return fails() ? NULL : calloc(n, size); }
static void *drill_realloc(void *memory, size_t size) { return fails() ? NULL : realloc(memory, size); }

#define malloc drill_malloc
#define calloc drill_calloc
#define realloc drill_realloc
#include "drill.h"
#include "grouped.h"
#include "lanes.h"
#include "total.h"

enum { VALUES = 20000 };

static double values[VALUES];
static int32_t numbers[VALUES];
static historian_total total, expected;

/* Values of all kinds, good and bad; numbers of groups from -1 on. */
static void make(size_t n_groups) {
    static const double odd[] = {0.0, -0.0, 5e-324, 1e-12, 1.0, 2.0, 1e300, -1.0, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < VALUES; i++) {
        uint64_t random = random_number();
        values[i] =
            random % 8 ? exp((double)(random >> 40) * 1e-6 - 8) : odd[(random >> 8) % (sizeof odd / sizeof *odd)];
        numbers[i] = (int32_t)(random_number() % (n_groups + 1)) - 1;
    }
}

/* Record n values from `first` on; return 0 if there is no memory. */
static int record(historian_groups *groups, size_t n_groups, size_t first, size_t n) {
    historian_array array = {historian_load_double, (const char *)(values + first), sizeof(double), n};
    historian_occurrences of = {historian_load_int32_count, (const char *)(numbers + first), sizeof(int32_t)};
    int done = historian_grow_groups(groups, n_groups) && historian_begin_grouped(groups, n);
    for (size_t at = 0; done && at < n; at += HISTORIAN_GROUPED_BLOCK)
        done = historian_record_grouped(groups, &array, &of, at);
    historian_end_grouped(groups);
    return done;
}

/* Check one group against counters of its own. */
static void check(historian_groups *groups, size_t group) {
    historian_counters *own = historian_new_counters(1);
    for (size_t i = 0; i < VALUES; i++)
        if (numbers[i] == (int32_t)group) (void)historian_record_exclusive(own, values[i]);
    historian_clear_total(&expected);
    historian_read_exclusive(own, &expected, 0);
    historian_clear_total(&total);
    historian_read_exclusive(groups->counters[group], &total, 0);
    if (memcmp(total.counts, expected.counts, sizeof total.counts) != 0) fail("counts of group", group, 0);
    if (total.max != expected.max || total.not_min != expected.not_min) fail("extremes of group", group, 0);
    if (memcmp(&total.sum, &expected.sum, sizeof total.sum) != 0) fail("sum of group", group, 0);
    historian_free_counters(own);
}

static void check_all(size_t n_groups) {
    historian_groups groups;
    size_t bad = 0, groupless = 0, half = VALUES / 2;
    uint64_t found_bad, found_groupless;
    memset(&groups, 0, sizeof groups);
    make(n_groups);
    for (size_t i = 0; i < VALUES; i++) {
        groupless += numbers[i] < 0;
        bad += numbers[i] >= 0 && !(values[i] >= 0 && values[i] < INFINITY);
    }
    if (!record(&groups, n_groups / 2 + 1, 0, 0)) fail("no values", 0, 1);
    if (!record(&groups, n_groups, 0, half)) fail("record", 0, 1);
    found_bad = groups.left_out.bad, found_groupless = groups.left_out.groupless;
    if (!record(&groups, n_groups, half, VALUES - half)) fail("record again", 0, 1);
    if (found_bad + groups.left_out.bad != bad) fail("bad", found_bad + groups.left_out.bad, bad);
    if (found_groupless + groups.left_out.groupless != groupless)
        fail("groupless", found_groupless + groups.left_out.groupless, groupless);
    for (size_t group = 0; group < n_groups; group += n_groups / 7 + 1) check(&groups, group);
    historian_free_groups(&groups);
}

/* Let each allocation fail in turn. Nothing is lost or freed twice, and what is recorded later is right. */
static void check_memory(size_t n_groups) {
    for (long left = 0;; left += left < 40 ? 1 : 1 + left / 3) {
        historian_groups groups;
        int done;
        memset(&groups, 0, sizeof groups);
        allocations_left = left;
        done = record(&groups, n_groups, 0, VALUES);
        allocations_left = -1;
        historian_free_groups(&groups);
        if (done) return;
    }
}

int main(void) {
    static const size_t sizes[] = {1, 2, 300, HISTORIAN_FEW_GROUPS, HISTORIAN_FEW_GROUPS + 1, 5000};
    random_state = 0x9e3779b97f4a7c15;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        check_all(sizes[k]);
        check_memory(sizes[k]);
    }
    return 0;
}
