"""The lag of an event loop: exact with a loop and a clock of the test, and on real loops, of asyncio and uvloop."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from historian import Registry
from historian.meters import EventLoopLag, event_loop

MS = 1_000_000
DEADLINE = 60  # seconds until a test gives up, not a threshold


class Clock:
    """A clock that stands still until the test moves it."""

    ns = 5_000 * MS

    def perf_counter_ns(self) -> int:
        return self.ns


class Loop:
    """An event loop that calls back when the test has moved the clock, and says so."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.due, self.callback = clock, 0, None

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, callback: Callable[..., None], *args: Any) -> None:
        callback(*args)

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> None:
        assert delay >= 0
        self.due, self.callback = self.clock.ns + round(delay * 1e9), lambda: callback(*args)  # type: ignore[assignment]

    def run(self, late: int = 0) -> None:
        """Call back when it is due, or so many ns later."""
        self.clock.ns = max(self.clock.ns, self.due) + late
        assert self.callback is not None
        self.callback()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(event_loop, "time", clock)
    return clock


def test_each_tick_that_a_stall_hides_is_counted(clock: Clock) -> None:
    registry = Registry()
    loop = Loop(clock)
    meter = EventLoopLag(0.01, loop=loop, registry=registry).start()  # type: ignore[arg-type]
    loop.run()
    loop.run(late=0)
    assert registry.recorder("event_loop.lag").drain().max == 0  # on time, twice
    loop.run(late=1_000 * MS)  # blocked for a second after the tick was due: 1,000, 990, ..., 0 ms
    found = registry.recorder("event_loop.lag").drain()
    assert (found.count, found.max, found.min) == (101, 1.0, 0.0)
    assert found.sf(0.105) == pytest.approx(90 / 101)  # 110, 120, ..., 1,000 ms
    loop.run()
    assert registry.recorder("event_loop.lag").drain().max == 0
    meter.stop()


def test_ticks_keep_to_their_times(clock: Clock) -> None:
    loop = Loop(clock)
    EventLoopLag(0.01, loop=loop, registry=Registry()).start()  # type: ignore[arg-type]
    began = clock.ns
    due = []
    for late in (0, 3 * MS, 25 * MS, -MS, 9 * MS):  # the fourth comes early
        due.append((loop.due - began) // MS)
        loop.run(late=late)
    # 25 ms after 30: those of 40 and 50 are late, too, and the next one is due at 60.
    assert due == [10, 20, 30, 60, 70]


def test_a_tick_that_is_late_when_the_meter_stops_is_counted() -> None:
    registry = Registry()

    async def main() -> float:
        with EventLoopLag(0.01, registry=registry):
            began = time.perf_counter()
            while time.perf_counter() < began + 0.1:
                pass
            return time.perf_counter() - began  # and never gives the loop a chance

    took = asyncio.run(main())
    found = registry.snapshot().total()
    assert found.count >= 9  # of the ticks after 10, 20, ..., 90 ms
    assert found.max >= 0.089
    assert took >= 0.1


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    if request.param == "asyncio":
        return asyncio.new_event_loop
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed: pip install uvloop")
    found: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return found


def run(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Any) -> Any:
    loop = new_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(main, DEADLINE))
    finally:
        loop.close()


def test_a_real_loop_that_is_blocked(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    registry = Registry()
    recorder = registry.recorder("event_loop.lag")

    async def main() -> None:
        with EventLoopLag(0.01, registry=registry):
            while recorder.snapshot().count < 3:
                await asyncio.sleep(0.001)
            before = recorder.snapshot().count
            time.sleep(0.3)  # blocks: this is what is measured
            while recorder.snapshot().count == before:
                await asyncio.sleep(0)
            assert recorder.snapshot().count - before >= 29  # one for each 10 ms in 0.3 s
        count = recorder.snapshot().count
        await asyncio.sleep(0.03)
        assert recorder.snapshot().count == count  # stopped

    run(new_loop, main())
    found = registry.snapshot().total()
    assert found.max >= 0.289
    assert found.sf(0.14) * found.count >= 14  # half of those ticks were late by more than half of the time


def test_a_loop_in_another_thread(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    registry = Registry()
    loop = new_loop()
    background = EventLoopLag(0.001, loop=loop, registry=registry)
    recorder = registry.recorder("event_loop.lag")
    background.start()  # before the loop runs
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    end = time.monotonic() + DEADLINE
    while recorder.snapshot().count < 5:
        assert time.monotonic() < end
    background.stop()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert not background.is_running


def test_starting_twice_and_without_a_loop() -> None:
    registry = Registry()
    meter = EventLoopLag(registry=registry)
    with pytest.raises(RuntimeError, match="start EventLoopLag in a coroutine, or create it with loop=loop"):
        meter.start()
    assert not meter.is_running

    async def main() -> None:
        with meter:
            with pytest.raises(RuntimeError, match="is running already"):
                meter.start()
            with pytest.raises(RuntimeError, match="would count the same again"):
                EventLoopLag(registry=registry).start()
            other = asyncio.new_event_loop()  # another loop counts in the same recorder
            EventLoopLag(registry=registry, loop=other).start().stop()
            other.close()
            with pytest.raises(RuntimeError, match="the event loop is closed: create EventLoopLag with another one"):
                EventLoopLag(registry=registry, loop=other).start()

    asyncio.run(main())


def test_a_loop_that_was_closed_without_a_stop() -> None:
    registry = Registry()
    meter = EventLoopLag(registry=registry)

    async def main() -> None:
        meter.start()

    for _ in range(2):
        asyncio.run(main())  # the second time in another loop: the first one is closed
    EventLoopLag(registry=Registry(), loop=asyncio.new_event_loop()).start()._loop.close()  # type: ignore[union-attr]
    meter.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_in_a_forked_child_it_is_off() -> None:
    registry = Registry()
    meter = EventLoopLag(0.001, registry=registry)
    recorder = registry.recorder("event_loop.lag")

    async def child() -> bool:
        with EventLoopLag(0.001, registry=registry):
            before = recorder.snapshot().count
            while recorder.snapshot().count < before + 3:
                await asyncio.sleep(0.001)
        return True

    async def main() -> None:
        with meter:
            await asyncio.sleep(0.005)
            pid = os.fork()
            if pid == 0:
                off = not meter.is_running
                asyncio.events._set_running_loop(None)
                loop = asyncio.new_event_loop()
                os._exit(0 if off and loop.run_until_complete(asyncio.wait_for(child(), DEADLINE)) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert meter.is_running
            before = recorder.snapshot().count
            while recorder.snapshot().count < before + 3:
                await asyncio.sleep(0.001)

    asyncio.run(main())
