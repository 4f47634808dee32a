"""Counters of each thread, as they are without a GIL: threads come and go, beyond the number of lanes, and fork."""

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from layout import file_of, rows_of

import historian
from historian import Key, Recorder, Registry
from historian._core import FREE_THREADED

DRILL = Path(__file__).parent / "drill_lanes.c"
without_gil = pytest.mark.skipif(not FREE_THREADED, reason="this core relies on the GIL: see HISTORIAN_FREE_THREADED")
LANES = 64
ENOUGH = 5000  # records after which a thread has counters of its own


def native_threads():
    """Return how many threads the kernel knows; 0 where it does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        return 0


def together(*works):
    """Run each work in a thread of its own, all alive until the last one has done its work; return once they are gone.

    Before 3.13, join() returns before a thread has given back what it leased: that happens in the very last of it.
    """
    barrier = threading.Barrier(len(works))
    before = native_threads()

    def run(work):
        try:
            return work()
        finally:
            barrier.wait()

    with ThreadPoolExecutor(len(works)) as pool:
        results = list(pool.map(run, works))
    while native_threads() > before:
        time.sleep(0.001)
    return results


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("cc"), reason="needs cc, and threads of POSIX")
@pytest.mark.parametrize("sanitizer", [None, "thread"])
def test_drill(tmp_path, sanitizer):
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["cc", "-std=gnu11", "-O2", "-g", "-I", str(Path(historian.__file__).parent / "_native")]
    command += [f"-fsanitize={sanitizer}"] if sanitizer else []
    binary = str(tmp_path / "drill")
    built = subprocess.run(
        [*command, str(DRILL), "-o", binary, "-pthread", "-lm"], env=env, capture_output=True, text=True
    )
    if sanitizer and built.returncode:
        pytest.skip(f"cc has no sanitizer of that name here: {sanitizer}")
    assert built.returncode == 0, built.stderr
    # The sanitizer cannot place its shadow memory under address space layout randomization.
    run = ["setarch", "-R", binary] if sanitizer and shutil.which("setarch") else [binary]
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=240)
    if sanitizer and "unexpected memory mapping" in done.stderr:
        pytest.skip("the sanitizer cannot run here")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sums_of_a_thread_are_exact():
    rec = Recorder()
    for _ in range(10_000):
        rec.record(0.1)
    assert rec.snapshot().sum == float(Fraction(0.1) * 10_000) == 1000.0


def test_sums_of_eight_threads_are_exact():
    rec = Recorder()

    def work():
        for _ in range(300_000):
            rec.record(0.1)

    together(*[work] * 8)
    assert rec.snapshot().sum == float(Fraction(0.1) * 2_400_000) == 240_000.0


def test_sums_of_drains_add_up_to_the_exact_one():
    rec = Recorder()
    for rounds in range(1, 20):
        for _ in range(100):
            rec.record(0.1)
        h = rec.drain()
        assert (h.count, h.sum) == (100, float(Fraction(0.1) * 100)), rounds
        assert (h.min, h.max) == (0.1, 0.1)
    assert rec.drain() == rec.snapshot() == historian.Histogram()


def test_a_sum_beyond_float64_is_drained_once():
    rec = Recorder()
    rec.record_many([1e308, 1e308])
    rec.record(1e308)
    assert rec.snapshot().sum == float("inf")
    assert rec.drain().sum == float("inf")
    rec.record(2.0)
    assert rec.drain().sum == 2.0


def test_extremes_are_those_since_the_last_drain():
    rec = Recorder()
    rec.record_many([1.0, 1e-3, 1e3])
    rec.drain()
    rec.record(5.0)
    assert (rec.snapshot().min, rec.snapshot().max) == (5.0, 5.0)
    rec.record(0.5)
    h = rec.drain()
    assert (h.count, h.min, h.max) == (2, 0.5, 5.0)


def test_more_threads_than_lanes():
    rec = Recorder()

    def work():
        for _ in range(ENOUGH):
            rec.record(0.1)
        rec.record_many([0.1] * ENOUGH)

    together(*[work] * (LANES + 6))
    h = rec.drain()
    assert h.count == (LANES + 6) * 2 * ENOUGH
    assert h.sum == float(Fraction(0.1) * h.count)
    assert rec.drain().count == 0


def test_threads_that_come_after_others_count_on_where_those_ended():
    rec, seen = Recorder(), []

    def work():
        for _ in range(ENOUGH):
            rec.record(0.1)

    for i in range(1, 101):
        together(work)
        seen.append(rec.snapshot().sum == float(Fraction(0.1) * ENOUGH * i))
    assert all(seen) and rec.drain().count == 100 * ENOUGH


def test_a_recorder_that_ends_before_its_threads():
    done, gone = threading.Barrier(2), threading.Barrier(2)
    recorders = [Recorder() for _ in range(20)]

    def work():
        for rec in recorders:
            rec.record_many([1.0] * ENOUGH)
        done.wait()
        gone.wait()

    thread = threading.Thread(target=work)
    thread.start()
    done.wait()
    assert {rec.snapshot().count for rec in recorders} == {ENOUGH}
    recorders.clear()
    gone.wait()
    thread.join()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="blocks are leased on Linux only")
class TestFiles:
    @without_gil
    def test_each_thread_has_a_block_while_it_lives(self, tmp_path):
        rec = Registry(tmp_path / "latencies").recorder("q")
        for rounds in range(1, 4):  # those of later rounds have the blocks of the first
            together(*[lambda: rec.record_many([0.1] * ENOUGH)] * 5)
            assert rows_of(rec) == 5
            assert rec.snapshot().count == rounds * 5 * ENOUGH
            assert rec.snapshot().sum == float(Fraction(0.1) * rounds * 5 * ENOUGH)

    @without_gil
    def test_a_thread_that_ends_leaves_its_block_to_other_processes(self, tmp_path):
        rec = Registry(tmp_path / "latencies").recorder("q")
        together(*[lambda: rec.record_many([0.1] * ENOUGH)] * 3)
        code = "import sys, historian; historian.Registry(sys.argv[1]).recorder('q').record_many([0.1] * 5000)"
        subprocess.run([sys.executable, "-c", code, os.path.dirname(rec.path)], check=True)
        assert rows_of(rec) == 3
        assert rec.snapshot().count == 4 * ENOUGH

    def test_more_threads_than_blocks(self, tmp_path):
        rec = Registry(tmp_path / "latencies").recorder("q")

        def work():
            for _ in range(ENOUGH):
                rec.record(0.1)
            rec.record_many([0.1] * ENOUGH)

        together(*[work] * (LANES + 6))
        assert rows_of(rec) <= 1 + LANES
        h = rec.drain()
        assert (h.count, h.sum) == ((LANES + 6) * 2 * ENOUGH, float(Fraction(0.1) * (LANES + 6) * 2 * ENOUGH))

    def test_a_recorder_that_ends_before_its_threads(self, tmp_path):
        registries, keys = [Registry(tmp_path / "latencies")], []
        done, gone = threading.Barrier(2), threading.Barrier(2)

        def work():
            for i in range(10):
                rec = registries[0].recorder("q", i=i)
                rec.record_many([1.0] * ENOUGH)
                keys.append(Key("q", i=i))
            del rec
            done.wait()
            gone.wait()

        thread = threading.Thread(target=work)
        thread.start()
        done.wait()
        registries.clear()
        gone.wait()
        thread.join()
        assert {Recorder.open(file_of(tmp_path / "latencies"), key).snapshot().count for key in keys} == {ENOUGH}
