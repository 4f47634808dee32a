/* Processes count in a thousand recorders of one file, are killed at any moment, and are drained meanwhile: is each
 * record that has returned in exactly one result? Then the same without space for more chunks.
 *
 * Run by test_file_drill.py: `drill_file PATH KILLS`. Prints what is wrong and returns 1, or returns 0.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bulk.h"
#include "drain.h"
#include "drill.h"
#include "entries.h"
#include "lease.h"
#include "names.h"

enum { RECORDERS = 1000, OCTAVES = 11, WORKERS = 3, NAME = 16 };

/* What survives a kill: how many records of each recorder have returned. */
static uint64_t (*book)[RECORDERS];
static uint64_t taken[RECORDERS];
static const char *path;
static historian_totals *totals;

static double value_of(uint64_t k) { return (double)(UINT64_C(1) << k % OCTAVES) / 4; } /* in the octave below it */

static void open_space(historian_space *space, historian_names *names) {
    memset(names, 0, sizeof *names);
    drill_map(space, path);
    if (!historian_scan_names(space, names)) fail("names", 0, 1);
}

static void create(historian_space *space, historian_names *names, int i) {
    char name[NAME];
    int fd = open(path, O_RDWR);
    (void)snprintf(name, sizeof name, "recorder %04d", i);
    if (fd < 0 || flock(fd, LOCK_EX)) fail("lock", 0, 1);
    if (historian_add_name(space, names, fd, (uint8_t *)name, NAME, NAME - 1, 1) != i) fail("create", 0, 1);
    (void)close(fd);
}

/* Record for ever, or `rounds` records, in a lane of its own or in the shared one. */
static void work(uint64_t *returned, int shared, uint64_t rounds) {
    historian_space space;
    historian_names names;
    historian_lease lease;
    historian_counters *counters = calloc(RECORDERS, sizeof *counters), *place;
    memset(&lease, 0, sizeof lease);
    open_space(&space, &names);
    if (!shared) historian_take_lease(&lease, 0, &space);
    if (!shared && !lease.lane) fail("lane", 0, 1);
    for (uint64_t round = 0; !rounds || round < rounds; round++) {
        size_t i = random_number() % RECORDERS;
        if (!counters[i].take) {
            historian_attach(&counters[i], &space, names.numbers[i], i, lease.lane);
            historian_join_lease(&lease, &counters[i], &place);
        }
        if (shared)
            (void)historian_record_atomic(&counters[i], value_of(random_number()));
        else
            (void)historian_record_exclusive(&counters[i], value_of(random_number()));
        historian_atomic_store_release(&returned[i], returned[i] + 1);
    }
    for (size_t i = 0; i < RECORDERS; i++) historian_leave_lease(&lease, &counters[i]);
    historian_end_lease(&lease);
    historian_free_names(&names);
    historian_free_pages(space.file, space.size);
    free(counters);
}

/* Read a recorder, or drain it. Return how many records there are. */
static uint64_t look(historian_space *space, historian_names *names, size_t i, int take) {
    historian_entry *entry = historian_entry_of(space, names, i);
    uint64_t seen, records;
    const char *wrong;
    int fd = take ? open(path, O_RDWR) : -1;
    if (take && (fd < 0 || flock(fd, LOCK_EX))) fail("lock", 0, 1);
    do wrong = entry ? historian_read_entry(space, entry, i, &totals->all, &totals->drained, &seen) : "no entry";
    while (wrong && historian_look_beyond(space));
    if (wrong) {
        printf("recorder %zu: %s\n", i, wrong);
        exit(1);
    }
    records = historian_total_records(&totals->all);
    if (take && records &&
        !(historian_prepare_drain(space, fd, entry, i, &totals->all, &totals->drained, HISTORIAN_DRAIN) &&
          historian_commit_drain(space, fd, entry, i, &totals->all, &totals->drained, seen)))
        fail("space to drain", 0, 1);
    if (fd >= 0) (void)close(fd);
    return records;
}

/* Compare all recorders with the book: `more` records at most may be in flight, or have been when they were killed. */
static void compare(historian_space *space, historian_names *names, uint64_t more, int take) {
    uint64_t surplus = 0;
    for (size_t i = 0; i < RECORDERS; i++) {
        uint64_t returned = 0, found;
        for (int worker = 0; worker < WORKERS; worker++) returned += book[worker][i];
        found = look(space, names, i, take);
        if (found + taken[i] < returned) fail("records lost", found + taken[i], returned);
        surplus += found + taken[i] - returned;
        if (take) taken[i] += found;
    }
    if (surplus > more) fail("records that were never made", surplus, more);
}

static pid_t start(int worker, int shared) {
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a drill that has failed */
        random_state = (uint64_t)getpid() * 0x9e3779b97f4a7c15u + 1;
        work(book[worker], shared, 0);
        _exit(0);
    }
    if (child < 0) fail("fork", 0, 1);
    return child;
}

static void check_kills(historian_space *space, historian_names *names, uint64_t kills) {
    for (uint64_t killed = 0; killed < kills; killed += WORKERS) {
        pid_t children[WORKERS];
        for (int worker = 0; worker < WORKERS; worker++) children[worker] = start(worker, worker == 2 && killed % 2);
        (void)usleep((useconds_t)(random_number() % 4000));
        if (killed % 4 == 0) /* while they record: each record is in one drain at most */
            for (size_t i = 0; i < RECORDERS / 8; i++) taken[i] += look(space, names, i, 1);
        for (int worker = 0; worker < WORKERS; worker++) (void)kill(children[worker], SIGKILL);
        for (int worker = 0; worker < WORKERS; worker++) (void)waitpid(children[worker], NULL, 0);
        compare(space, names, killed + WORKERS, killed % 5 == 0);
    }
}

/* Without space for another chunk, the records of new octaves are coarse. */
static void check_full(historian_space *space, historian_names *names) {
    struct rlimit limit;
    uint64_t before = 0, after = 0;
    int status = 0;
    pid_t child;
    for (size_t i = 0; i < RECORDERS; i++) before += look(space, names, i, 0);
    child = fork();
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        limit.rlim_cur = limit.rlim_max = 0;
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        space->file->used = space->file->reserved; /* nothing is left */
        memset(space->file->lanes, 0, sizeof space->file->lanes);
        work(book[0], 0, 50000);
        work(book[0], 1, 50000);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status) fail("a full disk: status", (unsigned)status, 0);
    for (size_t i = 0; i < RECORDERS; i++) after += look(space, names, i, 0);
    if (after != before + 100000) fail("records on a full disk", after - before, 100000);
}

int main(int argc, char **argv) {
    historian_space space;
    historian_names names;
    int fd;
    if (argc != 3) return 2;
    path = argv[1];
    historian_make_crc_tables();
    totals = historian_take_totals();
    book = mmap(NULL, sizeof(*book) * WORKERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!totals || book == MAP_FAILED || fd < 0 || historian_write_header(fd, 1, (const uint8_t *)"0123456789abcdef"))
        fail("start", 0, 1);
    (void)close(fd);
    open_space(&space, &names);
    for (int i = 0; i < RECORDERS; i++) create(&space, &names, i);
    check_kills(&space, &names, (uint64_t)atoi(argv[2]));
    check_full(&space, &names);
    historian_free_names(&names);
    historian_free_pages(space.file, space.size);
    free(totals);
    return 0;
}
