"""`EventLoopLag`: how late the callbacks of an event loop run."""

from __future__ import annotations

import asyncio
import time

from .meter import Meter
from .ticks import check_interval, record_late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real
    from ..registry import Registry

__all__ = ["EventLoopLag"]


class EventLoopLag(Meter):
    """Records how late an event loop runs a callback: ``event_loop.lag``.

    A callback is due every `interval` seconds, in 0.0001..1.  What is recorded is the time from then until it runs.
    While something blocks the loop, more callbacks come due: each of them is counted, with the time by which it is
    late.  So a loop that is blocked for one second adds 100 values of 10 ms to 1 s, and not a single one: there is no
    coordinated omission.  The share of values above t is the share of time at which a callback that comes due would
    wait longer than t.

    Call `start` in a coroutine, or it raises RuntimeError.  Or pass a `loop`, which may run in another thread, or
    later.  Any loop of asyncio's interface will do, such as that of uvloop.  In the thread of the loop, `stop` also
    counts what is late at that moment.  A loop that is idle is late, too, by up to 1 ms: asyncio on Linux, and uvloop,
    wait in whole milliseconds.

    In a forked child, the meter is off: the loop does not run there.  Start one in the loop that the child creates.

    >>> import asyncio, time
    >>> from historian import Registry
    >>> registry = Registry()
    >>> async def main():
    ...     with EventLoopLag(registry=registry):
    ...         await asyncio.sleep(0)
    ...         time.sleep(0.1)  # blocks
    ...         await asyncio.sleep(0)
    >>> asyncio.run(main())
    >>> lag = registry.recorder("event_loop.lag").snapshot()
    >>> lag.count >= 9, lag.max >= 0.089
    (True, True)
    """

    __module__ = "historian.meters"

    _name = "event_loop.lag"

    def __init__(
        self,
        interval: _Real = 0.01,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        registry: Registry | None = None,
        **labels: object,
    ) -> None:
        self._interval = check_interval(interval)  # ns
        self._given, self._loop, self._ticks = loop, loop, _Ticks()
        super().__init__(registry, labels)

    def _prepare(self) -> None:
        self._loop = self._given or _running_loop()
        if self._loop is None:
            raise RuntimeError(
                "there is no running event loop: start EventLoopLag in a coroutine, or create it with loop=loop"
            )
        if self._loop.is_closed():
            raise RuntimeError("the event loop is closed: create EventLoopLag with another one")

    def _identity(self) -> tuple[object, ...]:
        return *super()._identity(), self._loop

    def _is_alive(self) -> bool:
        return self._loop is not None and not self._loop.is_closed()

    def _begin(self) -> None:
        assert self._loop is not None
        self._ticks = _Ticks()
        if self._loop is _running_loop():
            self._first(self._ticks)
        else:
            self._loop.call_soon_threadsafe(self._first, self._ticks)

    def _end(self) -> None:
        ticks, loop = self._ticks, self._loop
        if loop is not None and loop is _running_loop() and ticks.handle is not None:
            ticks.handle.cancel()
            if time.perf_counter_ns() >= ticks.due:
                self._record(ticks)
        ticks.is_on = False  # elsewhere, the next tick does nothing: handles are not for other threads

    def _after_fork(self, *, is_child: bool) -> None:
        if is_child:
            self._ticks.is_on = False
            self._ticks.handle = None
            self.stop()

    def _first(self, ticks: _Ticks) -> None:
        ticks.due = time.perf_counter_ns()
        self._schedule(ticks)

    def _schedule(self, ticks: _Ticks) -> None:
        """Schedule the next tick: at a multiple of the interval, however late the last one was."""
        if ticks.is_on and self._loop is not None:
            ticks.due += self._interval
            wait = max(0, ticks.due - time.perf_counter_ns()) / 1e9
            ticks.handle = self._loop.call_later(wait, self._tick, ticks)

    def _tick(self, ticks: _Ticks) -> None:
        if ticks.is_on:
            self._record(ticks)
            self._schedule(ticks)

    def _record(self, ticks: _Ticks) -> None:
        number = record_late(self._recorders[0], time.perf_counter_ns() - ticks.due, self._interval)
        ticks.due += (number - 1) * self._interval


class _Ticks:
    """The ticks from one start to its stop."""

    def __init__(self) -> None:
        self.is_on = True
        self.due = 0  # when the next tick should come, in ns of time.perf_counter_ns()
        self.handle: asyncio.TimerHandle | None = None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
