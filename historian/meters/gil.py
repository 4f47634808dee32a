"""`GilWait`: how long a thread that is ready to run waits for the global interpreter lock."""

from __future__ import annotations

import sys
import time

from .._core import pause
from .threads import ThreadMeter
from .ticks import record_late

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from .._core import _Real
    from ..registry import Registry

__all__ = ["GilWait"]


class GilWait(ThreadMeter):
    """Records how long a thread waits for the GIL after its sleep has ended: ``gil.wait``.

    This is what a thread waits whose answer from a socket or a disk has arrived.  The thread sleeps in C, reads the
    clock there as soon as it is awake, and once more when it has the GIL.  So the lateness of the system's timers does
    not count, as it does in `Hiccups`.  It looks every `interval` seconds, in 0.0001..1.  A wait of several intervals
    hides looks that were due meanwhile: they are counted, too, as waits that are shorter by one interval each.

    This is a sample of regular moments, not a sum of the waits of all threads.  A wait lasts up to
    `sys.getswitchinterval` for each thread that computes, 5 ms by default, and as long as a C function runs that does
    not release the GIL.  If more threads are ready than there are processors, the time that the thread waits for a
    processor, after it woke up, is in it, too.

    Raises RuntimeError where Python runs without a GIL: there is nothing to wait for.

    >>> from historian import Registry
    >>> GilWait(registry=Registry(), interval=0.005)
    <GilWait gil.wait, stopped>
    """

    __module__ = "historian.meters"

    _name = "gil.wait"

    def __init__(self, interval: _Real = 0.01, *, registry: Registry | None = None, **labels: object) -> None:
        super().__init__(interval, registry, labels)

    def _prepare(self) -> None:
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            raise RuntimeError(
                "this Python runs without a GIL, so no thread waits for it: use Hiccups, which measures how late a "
                "thread runs for any other reason"
            )

    def _measure(self, ended: threading.Lock) -> None:
        clock, interval, due = time.perf_counter_ns, self._interval, self._due
        (recorder,) = self._recorders
        while True:
            woke = pause(max(0, due - clock()) / 1e9)
            now = clock()
            record_late(recorder, now - woke, interval)
            due += (max(0, now - due) // interval + 1) * interval
            if ended.acquire(blocking=False):
                break
        self._due = due
