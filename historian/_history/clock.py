"""`Clock`: the time of intervals, which never goes back, whatever is done to the clock of the machine."""

from __future__ import annotations

import time
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "Moment", "elapsed_ns"]

#: A clock that is this far ahead of the time was set, or the machine slept.  Less is how clocks are corrected.
JUMP_NS = 1_000_000_000
#: After the clock was set back, time passes slower by this part, until both agree.
SLOWER = 10


class Moment(NamedTuple):
    """A reading of `Clock`."""

    time: int  # nanoseconds since 1970-01-01 00:00 UTC
    jump: int  # nanoseconds by which it is ahead of the last reading and the time that passed since; 0 below a second


class Clock:
    """Time in nanoseconds since 1970-01-01 00:00 UTC, from the machine's clock and from one that nobody sets.

    - It never goes back, and no reading is below `at_least`.
    - If the machine's clock was set forward, so is this one, and the reading says by how much.
    - If the machine's clock was set back, this one goes on from where it is, slower by a tenth, until both agree.
    - It knows no time zone, so daylight saving time changes nothing.

    >>> wall, monotonic = [1_000_000_000_000], [0]
    >>> clock = Clock(wall=lambda: wall[0], monotonic=lambda: monotonic[0])
    >>> wall[0] -= 60_000_000_000                         # set back by a minute
    >>> monotonic[0] += 10_000_000_000                    # ten seconds pass
    >>> clock.read()
    Moment(time=1009000000000, jump=0)
    """

    def __init__(
        self,
        at_least: int = 0,
        *,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] | None = None,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic or elapsed_ns
        self._time = max(at_least, wall())
        self._at = self._monotonic()

    def read(self) -> Moment:
        """Return the time now."""
        at, wall = self._monotonic(), self._wall()
        passed = max(0, at - self._at)
        expected = self._time + passed
        if wall >= expected:
            jump = wall - expected
            now = wall
        else:
            jump = 0
            now = expected - min(expected - wall, passed // SLOWER)
        self._at, self._time = at, now
        return Moment(now, jump if jump >= JUMP_NS else 0)


def elapsed_ns() -> int:
    """Return nanoseconds of a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux: there, CLOCK_MONOTONIC stands still meanwhile
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()
