"""Loops that time calls in windows: of functions, and of coroutine functions."""

from __future__ import annotations

import gc
from contextlib import contextmanager

from ._measured import WINDOWS, of_times
from ._options import CALLS, SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator
    from typing import Any

    from ...histogram import Histogram
    from ._options import Options

__all__ = ["Plan", "small_heap", "timed", "timed_async"]

WARM_UP = 0.1  # share of the seconds that a warm-up takes, at most; one call in any case


class Plan:
    """When a window ends, and when the measurement does.  The garbage collector runs between windows, never in them.

    A collection of all objects comes first.  Those that stay are not looked at again until the end: a test session has
    so many that each collection would take longer than the calls.
    """

    def __init__(self, options: Options, clock: Callable[[], int], between: Callable[[list[int]], None]) -> None:
        self.clock, self._between = clock, between
        self._calls = CALLS if options.calls is None else options.calls
        self._nanoseconds = 1e9 * (SECONDS if options.seconds is None else options.seconds)
        self._warm_up = options.warm_up
        self._spent = 0
        self._left = self._calls
        self._collects = gc.isenabled()
        self.windows: list[Histogram] = []

    def warm_up(self) -> Iterator[None]:
        """Yield once for each call of the warm-up."""
        start = self.clock()
        for _ in range(self._warm_up):
            yield
            if self.clock() - start > WARM_UP * self._nanoseconds:
                break

    def next_window(self) -> Generator[tuple[int, float, list[int]], None, None]:
        """Yield for each window the number of its calls and the ns that it lasts, at most, and the list of its times.

        The window must be appended to before the next one.
        """
        size = -(-self._calls // WINDOWS)
        with small_heap():
            while self._left > 0 and self._spent < self._nanoseconds:
                times: list[int] = []
                gc.disable()
                try:
                    yield min(size, self._left), self._nanoseconds / WINDOWS, times
                finally:
                    (gc.enable if self._collects else gc.disable)()  # a function may have called either
                gc.collect()
                self._left -= len(times)
                self._spent += sum(times)
                self.windows.append(of_times(times))
                self._between(times)


@contextmanager
def small_heap() -> Iterator[None]:
    """Have garbage collections leave out all objects that are there before."""
    gc.collect()
    if gc.get_freeze_count():  # a test has done it, and thawing would undo that
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def timed(function: Callable[[], Any], plan: Plan) -> list[Histogram]:
    """Return the times of the calls of a function in each window.  Its exceptions propagate."""
    clock = plan.clock
    for _ in plan.warm_up():
        function()
    windows = plan.next_window()
    try:
        for most, nanoseconds, times in windows:
            add, end = times.append, clock() + nanoseconds
            for _ in range(most):
                start = clock()
                function()
                stop = clock()
                add(stop - start)
                if stop >= end:
                    break
    finally:
        windows.close()  # restores the garbage collector if the function raises
    return plan.windows


async def timed_async(function: Callable[[], Awaitable[Any]], plan: Plan) -> list[Histogram]:
    """Return the times of the calls of a coroutine function, each until it is done; see `timed`."""
    clock = plan.clock
    for _ in plan.warm_up():
        await function()
    windows = plan.next_window()
    try:
        for most, nanoseconds, times in windows:
            add, end = times.append, clock() + nanoseconds
            for _ in range(most):
                start = clock()
                await function()
                stop = clock()
                add(stop - start)
                if stop >= end:
                    break
    finally:
        windows.close()
    return plan.windows
