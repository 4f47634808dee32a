"""`Hiccups`: how late a thread runs that only sleeps, as jHiccup measures it for Java."""

from __future__ import annotations

import sys
import time

from .threads import ThreadMeter
from .ticks import record_late

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from .._core import _Real
    from ..registry import Registry

__all__ = ["Hiccups"]


class Hiccups(ThreadMeter):
    """Records how late a thread runs that has nothing to do but to sleep until its next tick: ``hiccup``.

    Whatever delays this thread delays each thread of the program: the scheduler of the system, other programs, a
    virtual machine that is stopped, swapping, a garbage collection, and other threads of this program that hold the
    GIL.  So a p99 of the program that is not above that of its hiccups is not the fault of the code that was timed.

    The thread should run every `interval` seconds, in 0.0001..1.  If it is late by several intervals, the ticks that it
    missed are counted, too, each with the time by which it was late: no coordinated omission.  On an idle Linux machine
    a tick is about 0.1 ms late, which is the precision of the system's timers.

    >>> from historian import Registry
    >>> registry = Registry()
    >>> with Hiccups(registry=registry):
    ...     work = sum(range(1_000_000))
    >>> [str(key) for key in registry.snapshot()]
    ['hiccup']

    Source: Tene, jHiccup (2012).
    """

    __module__ = "historian.meters"

    _name = "hiccup"

    def __init__(self, interval: _Real = 0.01, *, registry: Registry | None = None, **labels: object) -> None:
        super().__init__(interval, registry, labels)

    def _measure(self, ended: threading.Lock) -> None:
        clock, interval, due = time.perf_counter_ns, self._interval, self._due
        (recorder,) = self._recorders
        has_ended = False
        while not has_ended:
            has_ended = _wait(ended, (due - clock()) / 1e9)
            late = clock() - due
            if late >= 0 or not has_ended:  # one that was woken to end is not early
                due += record_late(recorder, late, interval) * interval
        self._due = due


def _wait(ended: threading.Lock, seconds: float) -> bool:
    """Sleep so long at most; return whether `ended` was acquired."""
    if seconds <= 0:
        return ended.acquire(blocking=False)
    if sys.platform == "win32":  # where a lock is waited for in steps of 16 ms, and a sleep can be shorter
        time.sleep(seconds)
        return ended.acquire(blocking=False)
    return ended.acquire(timeout=seconds)
