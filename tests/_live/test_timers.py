"""Timers: with, async with, start and stop, compared with time.perf_counter_ns()."""

import asyncio
import copy
import copyreg
import gc
import math
import pickle
import re
import threading
import time
import weakref

import pytest

import historian
from historian import Recorder, Timer, _core


def wait(seconds=0.002):
    """Spend time by the tested clock itself, so that no comparison depends on the load of the machine."""
    end = time.perf_counter_ns() + int(seconds * 1e9)
    while time.perf_counter_ns() < end:
        pass


def test_with():
    rec = Recorder()
    before = time.perf_counter_ns()
    with rec.time() as timer:
        wait()
    after = time.perf_counter_ns()
    h = rec.snapshot()
    assert h.count == 1
    assert 0.002 - 1e-6 <= timer.elapsed <= (after - before) / 1e9 + 1e-6
    assert h.min == h.max == timer.elapsed


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_units(unit, per_second):
    rec, seconds = Recorder(unit=unit), Recorder()
    with seconds.time() as outer, rec.time() as timer:
        wait()
    assert 0.002 - 1e-6 <= timer.elapsed / per_second <= outer.elapsed + 1e-6
    token = rec.start()
    wait()
    rec.stop(token)
    assert rec.snapshot().count == 2 and rec.snapshot().min >= 0.0019 * per_second


def test_elapsed_before_during_and_after():
    rec = Recorder(unit="ns")
    timer = rec.time()
    assert math.isnan(timer.elapsed)
    with timer:
        first = timer.elapsed
        wait(1e-5)
        second = timer.elapsed
        assert 0 <= first < second
    after = timer.elapsed
    assert after >= second and timer.elapsed == after
    with pytest.raises(AttributeError):
        timer.elapsed = 1.0


def test_nested_recursive_and_one_after_the_other():
    rec = Recorder()

    def recurse(depth):
        with rec.time() as timer:
            if depth:
                assert recurse(depth - 1) <= timer.elapsed + 1e-6
        return timer.elapsed

    recurse(9)
    assert rec.snapshot().count == 10
    timer = rec.time()
    for _ in range(3):
        with timer:
            pass
    assert rec.snapshot().count == 13


def test_one_timer_cannot_time_two_blocks_at_once():
    timer = Recorder().time()
    with timer, pytest.raises(RuntimeError, match=r"call time\(\) again"), timer:
        pass


def test_a_timer_that_is_not_running_cannot_end():
    rec = Recorder()
    timer = rec.time()
    with pytest.raises(RuntimeError, match="not running"):
        timer.__exit__(None, None, None)
    with timer:
        pass
    with pytest.raises(RuntimeError, match="not running"):
        timer.__exit__(None, None, None)
    assert rec.snapshot().count == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_repr_says_the_state_and_the_time(unit):
    timer = Recorder(unit=unit).time()
    assert repr(timer) == "<Timer: not started>"
    with timer:
        wait()
        running = re.fullmatch(rf"<Timer: running, (\S+) {unit} so far>", repr(timer))
        assert running
        assert 0 < float(running[1]) <= timer.elapsed * 1.001  # four digits are shown
    assert repr(timer) == f"<Timer: {timer.elapsed:.4g} {unit}>"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_timer_cannot_be_pickled(protocol):
    timer = Recorder().time()
    with pytest.raises(TypeError, match=r"cannot be pickled or copied: use timer\.elapsed"):
        pickle.dumps(timer, protocol)
    with pytest.raises(TypeError, match=r"cannot be pickled or copied: use timer\.elapsed"):
        copy.copy(timer)


def test_the_core_has_no_pickles_that_name_private_fields():
    assert [name for name in dir(_core) if "pyx" in name] == []
    for cls in (Recorder, Timer, _core.Counts, _core.DirectoryFile, _core.Merged, _core.TimedFunction):
        assert [name for name in dir(cls) if "cython" in name or name == "__setstate__"] == []
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(_core.Counts.of([1], [1]), protocol)


def test_only_recorders_make_timers():
    timer = Recorder().time()
    assert type(timer) is historian.Timer
    assert (Timer.__module__, Timer.__qualname__) == ("historian", "Timer")
    assert pickle.loads(pickle.dumps(Timer)) is Timer
    with pytest.raises(TypeError, match=r"made by recorder\.time\(\)"):
        Timer()
    for make in (Timer.__new__, object.__new__):  # one without a recorder would have nothing to record in
        with pytest.raises(TypeError, match="not safe"):
            make(Timer)


@pytest.mark.parametrize("slots", [(), ("timer",)])
def test_a_recorder_that_keeps_its_timer_is_collected(slots):
    kept = type("Kept", (Recorder,), {"__slots__": slots} if slots else {})()
    kept.timer = kept.time()
    with kept.timer:
        pass
    gone = weakref.ref(kept)
    del kept
    gc.collect()
    assert gone() is None


def test_threads_each_have_their_own():
    rec = Recorder()

    def work():
        for _ in range(200):
            with rec.time():
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rec.snapshot().count == 1600


def test_exceptions_pass_and_are_recorded():
    rec, errors = Recorder(), Recorder(unit="ms")
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught, rec.time():
        raise mine
    assert caught.value is mine
    assert rec.snapshot().count == 1
    with pytest.raises(KeyError), rec.time(errors=errors) as timer:
        wait()
        raise mine
    assert (rec.snapshot().count, errors.snapshot().count) == (1, 1)
    assert errors.snapshot().max == pytest.approx(timer.elapsed * 1e3)
    with rec.time(errors):
        pass
    assert (rec.snapshot().count, errors.snapshot().count) == (2, 1)


def test_async_with():
    rec, errors = Recorder(), Recorder()

    async def one(delay):
        async with rec.time() as timer:
            await asyncio.sleep(delay)
        return timer.elapsed

    async def many():
        elapsed = await asyncio.gather(*(one(0.01) for _ in range(5)))
        with pytest.raises(ValueError, match="mine"):
            async with rec.time(errors):
                await asyncio.sleep(0)
                raise ValueError("mine")
        return elapsed

    assert min(asyncio.run(many())) >= 0.009
    assert (rec.snapshot().count, errors.snapshot().count) == (5, 1)
    assert rec.snapshot().min >= 0.009


def test_a_cancelled_block_is_an_error():
    rec, errors = Recorder(), Recorder()

    async def body():
        async with rec.time(errors):
            await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(body())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (rec.snapshot().count, errors.snapshot().count) == (0, 1)


def test_start_and_stop():
    rec = Recorder()
    before = time.perf_counter_ns()
    token = rec.start()
    after = time.perf_counter_ns()
    assert isinstance(token, int)
    assert before - 1000 <= token <= after + 1000
    wait()
    assert rec.stop(token) is None
    assert rec.snapshot().min >= 0.0019


def test_intended_start():
    rec = Recorder()
    intended = time.perf_counter_ns() - 5_000_000_000
    rec.stop(intended)
    assert 5.0 <= rec.snapshot().max + 1e-6 <= (time.perf_counter_ns() - intended) / 1e9 + 2e-6
    rec.stop(time.perf_counter_ns())  # the clocks may differ by a few nanoseconds, which must not be an error
    assert rec.snapshot().count == 2


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (-1, ValueError),
        (2**62, ValueError),
        (2**70, (ValueError, OverflowError)),
        (1.0, TypeError),
        (None, TypeError),
        ("1", TypeError),
    ],
)
def test_no_tokens(token, error):
    rec = Recorder()
    with pytest.raises(error):
        rec.stop(token)
    with pytest.raises(ValueError, match="later than now"):
        rec.stop(time.perf_counter_ns() + 10**9)
    assert rec.snapshot().count == 0


def test_other_units_cannot_be_timed():
    sizes, rec = Recorder(unit="bytes"), Recorder()
    for use in (sizes.time, sizes.start, lambda: sizes.stop(0), lambda: rec.time(errors=sizes)):
        with pytest.raises(ValueError, match="unit is 's', 'ms', 'us' or 'ns'"):
            use()
    for function in (len, lambda: None):
        with pytest.raises(ValueError, match="unit"):
            sizes.timed(function)
        with pytest.raises(ValueError, match="unit"):
            rec.timed(errors=sizes)(function)
    assert sizes.snapshot().count == 0


@pytest.mark.parametrize("errors", [1, "x", object()])
def test_errors_must_be_a_recorder(errors):
    with pytest.raises(TypeError):
        Recorder().time(errors=errors)


def test_the_clock_is_the_monotonic_one():
    # A reading of this clock lies between two readings of time.perf_counter_ns(), except for the inaccuracy of a
    # clock that is read without a fence.  The test lasts long enough for many anchors.
    rec = Recorder(unit="ns")
    worst, end = 0, time.perf_counter_ns() + 200_000_000
    while True:
        before = time.perf_counter_ns()
        ours = rec.start()
        after = time.perf_counter_ns()
        worst = max(worst, before - ours, ours - after)
        if after > end:
            break
    assert worst < 1000


def test_time_is_no_decorator():
    rec = Recorder()
    with pytest.raises(TypeError, match=r"it is no decorator: write @rec\.timed, without time\(\)"):

        @rec.time()
        def f():
            pass

    with pytest.raises(TypeError, match=r"errors must be a Recorder, not function: to decorate it, write @rec\.timed"):

        @rec.time
        def g():
            pass

    with pytest.raises(TypeError, match=r"errors must be a Recorder, not str$"):
        rec.time("errors")
    assert rec.snapshot().count == 0


@pytest.mark.parametrize("make", ["kind()", "kind.__new__(kind)", "object.__new__(kind)", "copyreg.__newobj__(kind)"])
def test_a_timer_without_a_recorder_cannot_be_made(make):
    with pytest.raises(TypeError, match=r"made by recorder\.time\(\)|not safe"):
        eval(make, {"kind": type(Recorder().time()), "copyreg": copyreg})


def test_a_timer_without_a_recorder_does_not_begin():
    """Its class can be changed in some versions of Python, from 3.12 on."""
    kind = type(Recorder().time())
    before = kind.__init__
    try:
        kind.__init__ = lambda self: None
    except TypeError:
        return
    try:
        timer = kind()
    finally:
        kind.__init__ = before
    assert math.isnan(timer.elapsed) and repr(timer) == "<Timer: not started>"
    with pytest.raises(TypeError, match=r"made by recorder\.time\(\)"), timer:
        pass
