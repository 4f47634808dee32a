"""`ThreadMeter`: a meter that measures in a thread of its own, which ends before a fork and goes on after it."""

from __future__ import annotations

import threading
import time

from .meter import Meter
from .ticks import check_interval

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real
    from ..registry import Registry

__all__ = ["ThreadMeter"]


class ThreadMeter(Meter):
    """A meter with a thread.

    The thread is a daemon.  It ends before a fork, so that no lock is held by a thread that the child does not have.
    Afterwards, the parent and the child start one each.
    """

    __module__ = "historian.meters"

    def __init__(self, interval: _Real, registry: Registry | None, labels: dict[str, object]) -> None:
        self._interval = check_interval(interval)  # ns
        self._due = 0  # when the next tick should come, in ns of time.perf_counter_ns()
        self._thread: threading.Thread | None = None
        self._ended = threading.Lock()  # released to end the thread
        super().__init__(registry, labels)

    def _measure(self, ended: threading.Lock) -> None:
        """Measure, in the thread, until `ended` can be acquired."""
        raise NotImplementedError

    def _begin(self) -> None:
        self._due = time.perf_counter_ns() + self._interval
        self._go_on()

    def _go_on(self) -> None:
        self._ended = threading.Lock()
        self._ended.acquire()
        self._thread = threading.Thread(
            target=self._measure, args=(self._ended,), name=f"historian {self._name}", daemon=True
        )
        self._thread.start()

    def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.release()
            thread.join()

    def _before_fork(self) -> None:
        self._end()

    def _after_fork(self, *, is_child: bool) -> None:
        # The parent keeps to its schedule: ticks that were due while it forked were late.
        if is_child:
            self._begin()
        else:
            self._go_on()
