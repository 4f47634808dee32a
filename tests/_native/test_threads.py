"""Nothing is lost under threads: with the GIL, without it, and while others read or drain."""

import threading
import time
from functools import partial
from itertools import pairwise

import numpy as np

from historian import Histogram, Recorder


def run(*targets):
    failures = []

    def guarded(target):
        try:
            target()
        except BaseException as error:  # shown below, in the main thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_one_hundred_million_records_by_eight_threads():
    rec = Recorder()
    data = np.random.default_rng(11).lognormal(0, 1, 250_000)

    def work():
        for _ in range(50):
            rec.record_many(data)

    run(*[work] * 8)
    h, once = rec.snapshot(), Histogram.from_values(data)
    assert h.count == 100_000_000
    assert h.indices.tolist() == once.indices.tolist()
    assert h.counts.tolist() == (400 * once.counts).tolist()
    assert (h.min, h.max) == (once.min, once.max)
    assert h._sum == 400 * once._sum


def test_every_way_to_record_at_once():
    rec = Recorder(unit="ns")
    many = np.full(5_000, 3.0)

    @rec.timed
    def timed():
        pass

    def record():
        for _ in range(20_000):
            rec.record(1.0)

    def record_int():
        for _ in range(20_000):
            rec.record(2)

    def record_many():
        for _ in range(100):
            rec.record_many(many)

    def corrected():
        for _ in range(200):
            rec.record_corrected(40.0, 10.0)  # 40, 30, 20, 10

    def timers():
        for _ in range(3_000):
            with rec.time():
                pass
            rec.stop(rec.start())
            timed()

    run(record, record_int, record_many, corrected, timers, record, record_many)
    assert rec.snapshot().count == 3 * 20_000 + 2 * 500_000 + 800 + 3 * 3_000


def test_every_record_is_in_exactly_one_drain():
    rec = Recorder()
    data = np.random.default_rng(2).lognormal(0, 2, 3_000)
    drained, writing = [], threading.Event()

    def write_many():
        for _ in range(300):
            rec.record_many(data)

    def write_one():
        for value in data.tolist() * 10:
            rec.record(value)

    def drain():
        while not writing.is_set():
            drained.append(rec.drain())

    drainers = [threading.Thread(target=drain) for _ in range(2)]
    for thread in drainers:
        thread.start()
    run(write_many, write_many, write_one, write_one)
    writing.set()
    for thread in drainers:
        thread.join()
    drained.append(rec.drain())
    everything, once = sum(drained, Histogram()), Histogram.from_values(data)
    assert everything.count == 620 * once.count
    assert everything.counts.tolist() == (620 * once.counts).tolist()
    assert everything._sum == 620 * once._sum
    assert rec.snapshot().count == 0
    for part in drained:
        if part.count:
            # Extremes may lag by a record in flight, but never contradict the buckets.
            assert part.lower[0] <= part.min <= part.upper[0] and part.lower[-1] <= part.max <= part.upper[-1]


def test_the_first_records_of_a_recorder_at_once():
    """Each thread finds no counters and no lanes; what one of them makes, all must use."""
    recorders = [Recorder() for _ in range(500)]
    barrier = threading.Barrier(4)

    def work(many):
        for rec in recorders:
            barrier.wait()
            rec.record_many([1.0] * 2_000) if many else rec.record(1.0)  # so many need a lane

    run(*(partial(work, thread % 2 == 0) for thread in range(4)))
    assert {rec.snapshot().count for rec in recorders} == {2 * 2_000 + 2}


def test_the_first_drains_of_a_recorder_at_once():
    """What one of them has drained, the others must see, though nothing had been drained when they began."""
    values = [2.0**k for k in range(-30, 60)]  # many octaves, so that a drain takes some time
    recorders = [Recorder() for _ in range(50)]
    drained = [[] for _ in recorders]
    turns = [0] * 4

    def drain(number):
        for turn, (rec, found) in enumerate(zip(recorders, drained, strict=True), 1):
            rec.record_many(values)
            turns[number] = turn
            while min(turns) < turn:
                time.sleep(0)
            found.append(rec.drain())
            found.append(rec.drain())

    run(*[partial(drain, number) for number in range(4)])
    assert [sum(h.count for h in found) for found in drained] == [360] * 50
    assert [rec.snapshot().count for rec in recorders] == [0] * 50


def test_snapshots_only_grow():
    rec = Recorder()
    data = np.random.default_rng(2).lognormal(0, 2, 3_000)
    done = threading.Event()
    snapshots = []

    def write():
        for _ in range(200):
            rec.record_many(data)
        done.set()

    def read():
        while not done.is_set():
            snapshots.append(rec.snapshot())

    run(write, read)
    for earlier, later in pairwise(snapshots):
        assert (later - earlier).count == later.count - earlier.count  # raises if any bucket went down


def test_one_bad_value_among_threads_adds_nothing():
    rec = Recorder()
    bad = np.ones(50_000)
    bad[-1] = -1

    def work():
        for _ in range(20):
            try:
                rec.record_many(bad)
            except ValueError:
                continue
            raise AssertionError("a bad value was taken")

    run(*[work] * 4)
    assert rec.snapshot().count == 0


def test_an_array_that_changes_while_it_is_recorded():
    # The caller's mistake, but no more than that: each call records all of it or raises.
    rec, data, done, recorded = Recorder(), np.ones(20_000), threading.Event(), []

    def change():
        while not done.is_set():
            data[-1] = -1.0
            data[-1] = 1.0

    def write():
        for _ in range(500):
            try:
                rec.record_many(data)
            except ValueError:
                continue
            recorded.append(data.size)
        done.set()

    run(change, write)
    assert rec.snapshot().count == sum(recorded)
