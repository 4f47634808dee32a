/* Processes create, open, close and remove a thousand recorders of one file, record into them, and are killed at any
 * moment: is each record that has returned in exactly one result, and is the space used again?
 *
 * Run by test_file_drill.py: `drill_remove PATH KILLS`. Prints what is wrong and returns 1, or returns 0. With 0 kills,
 * threads do the same for a while, so that the thread sanitizer sees what they do to each other.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drain.h"
#include "drill.h"
#include "entries.h"
#include "lease.h"
#include "names.h"
#include "remove.h"
#include "seats.h"

enum { RECORDERS = 1000, OCTAVES = 11, WORKERS = 3, NAME = 16, LOST_CHUNKS = 24, STEPS = 4000 };

/* What survives a kill. Who drains writes down first what will have been taken: it holds then if the drain is done. */
typedef struct {
    uint64_t returned[WORKERS][RECORDERS]; /* records that have returned */
    uint64_t taken[RECORDERS];             /* records in the results of drains */
    uint64_t is_draining, recorder, place, drains, will_be_taken;
    uint64_t removals, frees, creations;
} drill_book;

typedef struct {
    historian_space space;
    historian_names names;
    historian_holds holds;
    historian_lease lease;
    historian_counters *open[RECORDERS];
    uint64_t places[RECORDERS];
} drill_process;

static drill_book *book;
static const char *path;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* tells the sanitizer of the locks of the file */

static void open_space(drill_process *process) {
    memset(process, 0, sizeof *process);
    drill_map(&process->space, path);
    process->holds.space = &process->space;
}

static const uint8_t *name_of(size_t i) {
    static __thread char name[NAME];
    (void)snprintf(name, sizeof name, "recorder %04zu", i);
    return (const uint8_t *)name;
}

/* Complete what a process has written down that was killed while it drained: it has drained, or it has not. */
static int lock_file(drill_process *process) {
    int fd = open(path, O_RDWR);
    if (fd < 0 || flock(fd, LOCK_EX)) fail("lock", 0, 1);
    (void)pthread_mutex_lock(&mutex);
    if (!historian_scan_names(&process->space, &process->names)) fail("names", 0, 1);
    if (book->is_draining) {
        const char *wrong;
        historian_entry *entry = historian_find_entry(&process->space, &process->names, book->place, &wrong);
        if (!entry) fail("a recorder that was being drained", book->place, 0);
        if ((uint32_t)entry->drained != (uint32_t)book->drains) book->taken[book->recorder] = book->will_be_taken;
        historian_atomic_store_release(&book->is_draining, 0);
    }
    return fd;
}

static void unlock_file(int fd) {
    (void)pthread_mutex_unlock(&mutex);
    (void)close(fd);
}

static uint64_t read_place(drill_process *process, uint64_t place, historian_totals *totals, uint64_t *seen) {
    const char *wrong;
    historian_entry *entry = historian_find_entry(&process->space, &process->names, place, &wrong);
    if (!entry) {
        printf("place %llu: %s\n", (unsigned long long)place, wrong);
        exit(1);
    }
    do wrong = historian_read_entry(&process->space, entry, place, &totals->all, &totals->drained, seen);
    while (wrong && historian_look_beyond(&process->space));
    if (wrong) {
        printf("place %llu: %s\n", (unsigned long long)place, wrong);
        exit(1);
    }
    return historian_total_records(&totals->all);
}

/* Return the place of a recorder that is there, or 2^63. */
static uint64_t find(drill_process *process, size_t i) {
    ptrdiff_t index = historian_find_name(&process->space, &process->names, name_of(i), NAME - 1);
    return index < 0 ? (uint64_t)1 << 63 : historian_place_of(process->names.words[index], (size_t)index);
}

static uint64_t create(drill_process *process, size_t i) {
    int fd = lock_file(process);
    ptrdiff_t index;
    uint64_t place;
    historian_sweep(&process->space, &process->names, fd);
    index = historian_find_name(&process->space, &process->names, name_of(i), NAME - 1);
    if (index >= 0)
        historian_set_state(&process->space, &process->names, (size_t)index, HISTORIAN_THERE);
    else
        index = historian_add_name(&process->space, &process->names, fd, name_of(i), NAME, NAME - 1, 1);
    if (index < 0) fail("create", 0, 1);
    (void)historian_atomic_add(&book->creations, 1);
    place = historian_place_of(process->names.words[index], (size_t)index);
    unlock_file(fd);
    return place;
}

static void open_recorder(drill_process *process, size_t i, int shared) {
    historian_counters *counters = calloc(1, sizeof *counters), **unused = malloc(sizeof *unused);
    historian_entry *entry = NULL;
    while (!entry) {
        uint64_t place;
        if (!historian_scan_names(&process->space, &process->names)) fail("names", 0, 1);
        place = find(process, i);
        if (place >> 63 || historian_state(process->names.words[historian_index_of(place)]) != HISTORIAN_THERE)
            place = create(process, i);
        process->places[i] = place;
        entry = historian_hold(&process->holds, place);
    }
    historian_attach(
        counters, &process->space,
        ((uint64_t)(uintptr_t)entry - (uint64_t)(uintptr_t)process->space.file - HISTORIAN_FILE_CHUNKS_AT) /
            HISTORIAN_CHUNK_NBYTES,
        historian_index_of(process->places[i]), shared ? 0 : process->lease.lane);
    if (!shared) historian_join_lease(&process->lease, counters, unused);
    process->open[i] = counters;
}

static void close_recorder(drill_process *process, size_t i) {
    historian_counters *counters = process->open[i];
    historian_counters **place;
    if (!counters) return;
    place = counters->place;
    historian_leave_lease(&process->lease, counters);
    historian_release(&process->holds, process->places[i], process->holds.forks);
    free(place);
    free(counters);
    process->open[i] = NULL;
}

static void remove_recorder(drill_process *process, size_t i) {
    historian_totals *totals = historian_take_totals();
    int fd = lock_file(process);
    uint64_t place = find(process, i), seen, records;
    historian_entry *entry;
    const char *wrong;
    if (!(place >> 63)) {
        records = read_place(process, place, totals, &seen);
        entry = historian_find_entry(&process->space, &process->names, place, &wrong);
        book->recorder = i;
        book->place = place;
        book->drains = (uint32_t)seen;
        book->will_be_taken = book->taken[i] + records;
        historian_atomic_store_release(&book->is_draining, 1);
        if (records && !(historian_prepare_drain(&process->space, fd, entry, historian_index_of(place), &totals->all,
                                                 &totals->drained, HISTORIAN_DRAIN) &&
                         historian_commit_drain(&process->space, fd, entry, historian_index_of(place), &totals->all,
                                                &totals->drained, seen)))
            fail("space to drain", 0, 1);
        book->taken[i] = book->will_be_taken;
        historian_atomic_store_release(&book->is_draining, 0);
        historian_set_state(&process->space, &process->names, historian_index_of(place), HISTORIAN_REMOVED);
        book->removals++;
        close_recorder(process, i);
        book->frees +=
            (uint64_t)historian_free_recorder(&process->space, &process->names, fd, historian_index_of(place));
    }
    unlock_file(fd);
    historian_give_totals(totals);
}

static void step(drill_process *process, uint64_t *returned, int shared) {
    size_t i = random_number() % RECORDERS;
    unsigned what = (unsigned)(random_number() >> 20 & 255);
    double value = (double)(UINT64_C(1) << random_number() % OCTAVES) / 4;
    if (what < 6) {
        remove_recorder(process, i);
    } else if (what < 12) {
        close_recorder(process, i);
    } else {
        if (!process->open[i]) open_recorder(process, i, shared);
        if (shared)
            (void)historian_record_atomic(process->open[i], value);
        else
            (void)historian_record_exclusive(process->open[i], value);
        historian_atomic_store_release(&returned[i], returned[i] + 1);
    }
}

static void take_lane(drill_process *process, size_t thread) {
    historian_take_lease(&process->lease, thread, &process->space);
    if (!process->lease.lane) fail("lane", 0, 1);
}

static void work(uint64_t *returned, int shared) {
    drill_process *process = calloc(1, sizeof *process);
    open_space(process);
    if (!shared) take_lane(process, 0);
    for (;;) step(process, returned, shared);
}

/* Compare all recorders with the book: `more` records at most may be in flight, or have been when they were killed. */
static void compare(drill_process *process, uint64_t more) {
    historian_totals *totals = historian_take_totals();
    uint64_t surplus = 0, seen;
    int fd = lock_file(process);
    for (size_t i = 0; i < RECORDERS; i++) {
        uint64_t returned = 0, found, place = find(process, i);
        for (int worker = 0; worker < WORKERS; worker++) returned += book->returned[worker][i];
        found = book->taken[i] + (place >> 63 ? 0 : read_place(process, place, totals, &seen));
        if (found < returned) fail("records lost", found, returned);
        surplus += found - returned;
    }
    if (surplus > more) fail("records that were never made", surplus, more);
    unlock_file(fd);
    historian_give_totals(totals);
}

/* ---- the same in threads ---- */

static historian_space shared_space;
static uint64_t threads_left = WORKERS;

static void *run_thread(void *number) {
    drill_process *process = calloc(1, sizeof *process);
    size_t worker = (size_t)(uintptr_t)number;
    process->space = shared_space;
    process->holds.space = &process->space;
    random_state = worker + 1;
    if (worker) take_lane(process, worker);
    for (int k = 0; k < STEPS; k++) step(process, book->returned[worker], worker == 0);
    for (size_t i = 0; i < RECORDERS; i++) close_recorder(process, i);
    historian_end_lease(&process->lease);
    historian_end_holds(&process->holds);
    historian_free_names(&process->names);
    free(process);
    (void)historian_atomic_add(&threads_left, UINT64_MAX);
    return NULL;
}

/* Read all recorders while threads record into them and remove them. */
static void read_all(drill_process *process) {
    historian_totals *totals = historian_take_totals();
    uint64_t seen;
    if (!historian_scan_names(&process->space, &process->names)) fail("names", 0, 1);
    for (size_t index = 0; index < process->names.scanned; index++) {
        uint64_t word = historian_read_place(&process->space, index), place = historian_place_of(word, index);
        const char *wrong = NULL;
        historian_entry *entry = historian_find_entry(&process->space, &process->names, place, &wrong);
        if (entry) do
                wrong = historian_read_entry(&process->space, entry, place, &totals->all, &totals->drained, &seen);
            while (wrong && wrong != historian_gone && historian_look_beyond(&process->space));
        if (wrong && wrong != historian_gone) {
            printf("place %zu: %s\n", index, wrong);
            exit(1);
        }
    }
    historian_give_totals(totals);
}

static void check_threads(drill_process *process) {
    pthread_t threads[WORKERS];
    shared_space = process->space;
    for (size_t worker = 0; worker < WORKERS; worker++)
        if (pthread_create(&threads[worker], NULL, run_thread, (void *)(uintptr_t)worker)) fail("thread", 0, 1);
    while (historian_atomic_load(&threads_left)) read_all(process);
    for (int worker = 0; worker < WORKERS; worker++) (void)pthread_join(threads[worker], NULL);
}

static pid_t start(int worker, int shared) {
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a drill that has failed */
        random_state = (uint64_t)getpid() * 0x9e3779b97f4a7c15u + 1;
        work(book->returned[worker], shared);
    }
    if (child < 0) fail("fork", 0, 1);
    return child;
}

/* Remove all, now that nobody has them open: every chunk is free, an entry or in the batch of a lane, but for a few
 * that processes had just taken or given when they were killed. */
static void check_space(drill_process *process, uint64_t kills) {
    const historian_file *file = process->space.file;
    uint64_t found = 1, kept = 0, number, chunks;
    for (size_t i = 0; i < RECORDERS; i++) remove_recorder(process, i);
    (void)historian_look_beyond(&process->space);
    chunks = file->used;
    for (int lane = 0; lane < HISTORIAN_FILE_LANES; lane++) found += file->lanes[lane][1] - file->lanes[lane][0];
    for (size_t index = 0; index < process->names.scanned; index++, found++)
        if (historian_state(process->names.words[index]) != HISTORIAN_FREE)
            fail("a place that is not free: its state", historian_state(process->names.words[index]), HISTORIAN_FREE);
    for (number = (uint32_t)file->free; number; found++) {
        const historian_chunk *chunk = historian_chunk_at(&process->space, number, 0);
        if (!chunk || found > chunks) fail("a free chunk", number, 0);
        number = chunk->sum[0];
    }
    for (number = (uint32_t)file->kept; number; found++, kept++) {
        const historian_chunk *chunk = historian_chunk_at(&process->space, number, 0);
        if (!chunk || found > chunks) fail("a kept chunk", number, 0);
        number = chunk->sum[0];
    }
    if (kept != file->kept >> 32 || kept < OCTAVES + 1) fail("kept chunks", kept, file->kept >> 32);
    if (found > chunks || found + LOST_CHUNKS * kills < chunks) fail("chunks", found, chunks);
}

int main(int argc, char **argv) {
    drill_process *process = calloc(1, sizeof *process);
    uint64_t kills, killed = 0;
    int fd;
    if (argc != 3) return 2;
    path = argv[1];
    kills = (uint64_t)atoi(argv[2]);
    historian_make_crc_tables();
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (book == MAP_FAILED || fd < 0 || historian_write_header(fd, 1, (const uint8_t *)"0123456789abcdef"))
        fail("start", 0, 1);
    (void)close(fd);
    open_space(process);
    for (; killed < kills; killed += WORKERS) {
        pid_t children[WORKERS];
        for (int worker = 0; worker < WORKERS; worker++) children[worker] = start(worker, worker == 2 && killed % 2);
        (void)usleep((useconds_t)(random_number() % 8000));
        for (int worker = 0; worker < WORKERS; worker++) (void)kill(children[worker], SIGKILL);
        for (int worker = 0; worker < WORKERS; worker++) (void)waitpid(children[worker], NULL, 0);
        compare(process, killed + WORKERS);
    }
    if (!kills) {
        check_threads(process);
        compare(process, 0);
    }
    check_space(process, killed);
    if (getenv("DRILL_SAYS"))
        printf("%llu removals, %llu freed at once, %llu creations, %zu places, %llu chunks\n",
               (unsigned long long)book->removals, (unsigned long long)book->frees, (unsigned long long)book->creations,
               process->names.scanned, (unsigned long long)process->space.file->used);
    historian_end_holds(&process->holds);
    historian_free_names(&process->names);
    historian_free_pages(process->space.file, process->space.size);
    free(process);
    return 0;
}
