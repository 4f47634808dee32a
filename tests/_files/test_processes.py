"""Recorders that many processes count in: forked, spawned, killed, replaced, drained under load."""

import contextlib
import mmap
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
import traceback
import warnings

import drill
import numpy as np
import pool_workers
import pytest
from layout import ENOUGH, chunks_used, file_of, rows_of

from historian import Histogram, Key, Registry, buckets, merge
from historian._files.locking import locked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="recorders in a directory need a POSIX system")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "latencies"


class Child:
    """A forked process that runs `work()` when `go` is called; `join` returns its result."""

    def __init__(self, work):
        gate, self.gate = os.pipe()
        self.result, result = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # CPython 3.12 warns if a process with threads forks
            self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self.gate)
                os.read(gate, 1)
                os.write(result, pickle.dumps(work()))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(gate)
        os.close(result)

    def go(self):
        os.write(self.gate, b"x")  # closing it is not enough: children forked later have it too
        os.close(self.gate)
        return self

    def join(self):
        with open(self.result, "rb") as file:
            result = file.read()
        assert os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == 0, "the child has failed"
        return pickle.loads(result)


def together(*works):
    """Run each function in a process of its own, all at the same time, and return their results."""
    children = [Child(work) for work in works]
    for child in children:
        child.go()
    return [child.join() for child in children]


# ---- fork ----


def test_parent_and_child_count_together(directory):
    rec = Registry(directory).recorder("q")
    rec.record_many([1.0] * ENOUGH)  # now the parent has a lane

    def count():
        for _ in range(10_000):
            rec.record(2.0)
        rec.record_many([3.0] * 1000)

    children = [Child(count).go() for _ in range(3)]
    for _ in range(10_000):
        rec.record(4.0)
    for child in children:
        child.join()
    h = rec.snapshot()
    assert dict(zip(np.round(h.upper, 1), h.counts)) == {1.0: ENOUGH, 2.0: 30_000, 3.0: 3000, 4.0: 10_000}
    assert (h.sum, h.min, h.max) == (ENOUGH + 60_000 + 9000 + 40_000, 1.0, 4.0)
    assert rows_of(rec) <= 1 + 4


def test_a_fork_while_threads_record(directory):
    rec = Registry(directory).recorder("q")
    stop, counted = threading.Event(), [0, 0]

    # Arguments, not cells of a closure: without the GIL each cell has a lock. A thread may hold it at the fork, and the
    # child, in which that thread does not live, would wait for it for ever.
    def count(i, rec=rec, stop=stop, counted=counted):
        while not stop.is_set():
            rec.record(1.0)
            counted[i] += 1

    threads = [threading.Thread(target=count, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()

    def child(rec=rec):
        for _ in range(ENOUGH):
            rec.record(1.0)

    try:
        for _ in range(10):
            Child(child).go().join()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert rec.snapshot().count == sum(counted) + 10 * ENOUGH


def test_children_of_children(directory):
    rec = Registry(directory).recorder("q")

    def count(depth):
        rec.record_many([1.0] * ENOUGH)
        if depth:
            together(lambda: count(depth - 1), lambda: count(depth - 1))
        rec.record_many([1.0] * 100)

    together(lambda: count(3))
    assert rec.snapshot().count == (1 + 2 + 4 + 8) * (ENOUGH + 100)


def test_a_child_does_not_keep_the_lane_of_a_parent_that_ends(directory):
    rec = Registry(directory).recorder("q")
    gate, opened = os.pipe()

    def leave_a_child():
        rec.record_many([1.0] * ENOUGH)
        if os.fork() == 0:
            os.dup2(gate, 0)
            os.closerange(3, 1024)  # no process waits for it
            os.read(0, 1)
            os._exit(0)

    together(leave_a_child)
    rows = rows_of(rec)
    try:
        together(lambda: rec.record_many([1.0] * ENOUGH))
    finally:
        os.write(opened, b"x")
        os.close(gate)
        os.close(opened)
    assert rows_of(rec) == rows and rec.snapshot().count == 2 * ENOUGH


def test_more_processes_than_lanes(directory):
    rec = Registry(directory).recorder("q")
    ready, report = os.pipe()
    gate, held = os.pipe()

    def count():
        os.close(held)
        rec.record_many([1.0] * ENOUGH)
        os.write(report, b"x")
        os.read(gate, 1)  # every process lives until all have counted
        for _ in range(200):
            rec.record(1.0)

    children = [Child(count) for _ in range(70)]
    for child in children:
        child.go()
        assert os.read(ready, 1) == b"x"
    os.close(held)
    for child in children:
        child.join()
    for fd in (ready, report, gate):
        os.close(fd)
    assert rec.snapshot().count == 70 * (ENOUGH + 200)
    assert rows_of(rec) == 1 + 64


def test_a_process_that_closes_every_descriptor(directory):
    rec = Registry(directory).recorder("q")

    def count():
        rec.record_many([1.0] * ENOUGH)
        for fd in range(3, 256):
            with contextlib.suppress(OSError):
                if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # except the pipe to the parent
                    os.close(fd)
        rec.record_many([1.0] * ENOUGH)
        other = Child(lambda: rec.record_many([1.0] * ENOUGH)).go()  # takes another lane
        rec.record_many([1.0] * ENOUGH)
        other.join()

    together(count)
    assert rec.snapshot().count == 4 * ENOUGH


def test_programs_started_by_a_process_hold_nothing(directory):
    rec = Registry(directory).recorder("q")
    gate, held = os.pipe()
    ready, report = os.pipe()
    code = "import os; os.write(1, b'x'); os.read(0, 1)"

    def count():
        os.close(held)
        rec.record_many([1.0] * ENOUGH)
        subprocess.Popen([sys.executable, "-S", "-c", code], stdin=gate, stdout=report, close_fds=False)

    for _ in range(3):
        Child(count).go().join()
        assert os.read(ready, 1) == b"x"  # it outlives the process that held a lane
    assert rows_of(rec) <= 2
    for fd in (held, gate, ready, report):
        os.close(fd)
    assert rec.snapshot().count == 3 * ENOUGH


# ---- creation ----


def test_processes_that_create_the_same_recorders(directory):
    together(*[lambda: create(directory)] * 12)
    assert os.listdir(directory) == ["recorders"]
    assert {h.count for h in Registry(directory).snapshot().values()} == {12}


def create(directory):
    registry = Registry(directory)
    for i in range(20):
        registry.recorder("made", i=i).record(1.0)


def test_processes_that_ask_for_different_units(directory):
    def ask(unit):
        try:
            Registry(directory).recorder("q", unit=unit).record(1.0)
        except ValueError as error:
            return str(error)
        return unit

    units = ("s", "ms", "us", "ns")
    answers = together(*[lambda unit=unit: ask(unit) for unit in units])
    [winner] = set(answers) & set(units)
    message = "recorder q exists with unit {!r}, not {!r}: use one unit"
    others = sorted(message.format(winner, unit) for unit in units if unit != winner)
    assert sorted(set(answers) - {winner}) == others
    assert Registry(directory).snapshot() == {Key("q"): Histogram.from_values([1.0], unit=winner)}


def test_many_short_lived_processes_leave_one_file(directory):
    for rounds in range(150):
        together(*[lambda: Registry(directory).recorder("q").record_many([1.0] * ENOUGH)] * 2)
        if rounds == 20:
            used = chunks_used(file_of(directory))
    assert os.listdir(directory) == ["recorders"]
    rec = Registry(directory).recorder("q")
    assert rec.snapshot().count == 300 * ENOUGH
    assert rows_of(rec) <= 2 and chunks_used(rec.path) <= used + 32  # lanes of ended processes are used again


# ---- drain ----


def test_each_record_is_in_exactly_one_drain(directory):
    rec = Registry(directory).recorder("q")
    values = [float(2**i) for i in range(16)]

    taken = mmap.mmap(-1, 2)  # one byte for each process that drains

    def write():
        rounds = 0
        while bytes(taken) != b"\1\1":
            rounds += 1
            for value in values:
                rec.record(value)
            rec.record_many(values)
        return rounds

    def take(i):
        drained = []
        while len(drained) < 50:  # drains that are not empty: a writer was recording before each
            if (h := rec.drain()).count:
                drained.append(h)
            os.sched_yield()
        taken[i] = 1
        return drained

    first, some, second, others, third = together(write, lambda: take(0), write, lambda: take(1), write)
    rest = rec.drain()
    assert rec.snapshot() == rec.drain() == Histogram()
    everything = merge([*some, *others, rest])
    assert everything.counts.tolist() == [2 * (first + second + third)] * 16
    assert everything.sum == 2 * (first + second + third) * sum(values)
    # For a record in flight during a drain, only the edges of its bucket are known as extremes.
    assert buckets.index(values[0]) - 1 <= buckets.index(everything.min) <= buckets.index(values[0])
    assert everything.max == values[-1] == buckets.upper(buckets.index(values[-1]))


def test_a_reader_finds_what_drains_have_left(directory):
    # There is never more than one record.  A reader that counts more has mixed two moments.
    rec = Registry(directory).recorder("q")
    stop, has_drained = mmap.mmap(-1, 1), mmap.mmap(-1, 1)

    def record_and_drain():
        while stop[0] == 0:
            rec.record(1.0)
            assert rec.drain().count == 1
            has_drained[0] = 1

    child = Child(record_and_drain).go()
    try:
        seen, end = set(), time.monotonic() + 60
        while has_drained[0] == 0 and time.monotonic() < end:  # on a busy machine, the child may begin late
            seen.add(rec.snapshot().count)
        seen.update(rec.snapshot().count for _ in range(5000))
    finally:
        stop[0] = 1
        child.join()
    assert has_drained[0] and seen <= {0, 1}


def test_a_child_forked_during_a_drain_does_not_block_other_drains(directory):
    fcntl = pytest.importorskip("fcntl")
    rec = Registry(directory).recorder("q")
    with locked(rec._file):
        child = Child(lambda: None)  # as another thread may do; the child has the descriptor until it ends
    try:
        with open(rec.path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.go().join()


# ---- pickling ----


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_recorders_can_be_sent_to_processes(directory, method):
    rec = Registry(directory).recorder("q", unit="ms", table="users")
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        seen = pool.starmap(pool_workers.record_times, [(rec, 100)] * 4)
    assert all(count >= 100 for count in seen) and max(seen) == 400
    assert rec.snapshot() == Histogram.from_values([1.0] * 400, unit="ms")


# ---- kill -9 ----


def test_kill_drill(directory):
    found = drill.drill(directory, 20)
    assert found.kills == 20 and found.acknowledged > 1000
    assert (found.lost, found.surplus, found.unreadable, found.strays) == (0, 0, [], set())
    for h in Registry(directory).snapshot().values():
        assert h.count == 0 or 0 <= h.min <= h.max <= 60  # no call takes 60 s


def test_killed_while_draining(directory):
    registry = Registry(directory)
    for _ in range(8):
        drill.drill(directory, 1, ("drain",))
        assert registry.problems() == {}
        rec = registry.recorder("drill")
        assert rec.snapshot().count <= 1  # all other records have been drained
        rec.record(1.0)
        h = rec.drain()
        # At each kill a record may have been in flight: its value is in the sum, but it is not counted.
        assert 1 <= h.count <= 2 and 0 <= h.sum - h.count <= 8
    assert os.listdir(directory) == ["recorders"]
    assert rows_of(rec) <= 2  # of each of the two processes that run at a time


def test_the_lane_of_a_killed_process_is_used_again(directory):
    assert drill.drill(directory, 10, ("record",)).recorded > 1000
    assert rows_of(Registry(directory).recorder("drill")) == 1
