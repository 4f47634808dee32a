"""`Reference`: a workload that never changes, which runs beside what is measured, to tell how fast the machine is."""

from __future__ import annotations

import statistics
import time

from ._measured import of_times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...histogram import Histogram

__all__ = ["Reference", "work"]

SHARE = 0.25  # of the time of what is measured
LONGEST = 5_000_000  # ns of a call of the reference, so that slow functions do not take twice as long
TRIALS = 5  # calls to find out how long the work takes
MOST_LOOPS = 1_000_000


class Reference:
    """Calls of a fixed workload between the windows of a measurement; each takes about as long as a call of it.

    A call that takes as long meets the same disturbances: it is as likely to be preempted, and slows down as much with
    the processor.  How much work this is, `loops`, is found in the first run and kept by the baseline.
    """

    def __init__(self, loops: int = 0, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Do `loops` units of work in a call; with 0, as many as take the time of the first calls to follow."""
        self.loops: int = loops
        self._clock = clock
        self._times: list[int] = []
        self._owed = 0.0  # ns that it may still run

    def follow(self, times: Sequence[int]) -> None:
        """Run for a quarter of these times, in ns; at least once after the first window."""
        if not times:
            return
        if not self.loops:
            self.loops = self._fitting(statistics.median(times))
        self._owed += SHARE * sum(times)
        clock, loops, add = self._clock, self.loops, self._times.append
        while self._owed > 0:
            start = clock()
            work(loops)
            taken = clock() - start
            add(taken)
            self._owed -= max(taken, 1)

    def again(self) -> Reference:
        """Return one that does the same work, without any times."""
        return Reference(self.loops, self._clock)

    @property
    def histogram(self) -> Histogram:
        """The histogram of all calls of the reference, in seconds."""
        return of_times(self._times)

    def _fitting(self, nanoseconds: float) -> int:
        """Return the number of loops that take about so many ns."""
        best = 1e18
        for _ in range(TRIALS):
            start = self._clock()
            work(10)
            best = min(best, self._clock() - start)
        return max(1, min(MOST_LOOPS, round(10 * min(nanoseconds, LONGEST) / max(best, 1.0))))


def work(loops: int) -> int:
    """Do a fixed amount of what Python programs do: numbers, texts, lists, dictionaries.  About 1 us each.

    Changing it makes all saved baselines worthless.
    """
    found: dict[str, int] = {}
    total = 0
    for k in range(loops):
        text = str(k % 97)
        found[text] = found.get(text, 0) + k
        total += len([text, k, total]) + found[text] % 7
    return total
