"""Ticks: moments at regular intervals at which something should run.  How late each of them was is recorded.

A tick that is late hides the next ones.  If a loop is blocked for a second, and should have run every 10 ms, it is late
once, by a second; but 99 more callbacks should have run in that second, and would have been late by 990 ms, 980 ms and
so on.  To count the first one alone is coordinated omission.  When each tick was due is known here, so all are counted,
and none of the values is an estimate.
"""

from __future__ import annotations

import math

from .._core import Counts
from .._values.checks import check_positive
from .._values.omission import waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real
    from .._live.recorder import Recorder

__all__ = ["check_interval", "record_late"]

#: Ticks that are recorded one by one.  If more are late, they are counted by bucket, which takes longer for few.
FEW = 16

SHORTEST, LONGEST = 0.0001, 1.0  # seconds


def check_interval(interval: _Real) -> int:
    """Return the ns of an interval in seconds.  Raises ValueError unless it is in 0.0001..1, and TypeError."""
    seconds = check_positive("interval", interval)
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"interval must be in {SHORTEST}..{LONGEST:g} seconds, not {seconds!r}: the default of 0.01 suits most"
        )
    return round(seconds * 1e9)


def record_late(recorder: Recorder, late: int, interval: int) -> int:
    """Record that a tick was `late` by so many ns, and those that were due since; return how many there were.

    These are the values late, late - interval, late - 2 * interval, ..., down to the last one that is not negative.
    A tick that came early was not late: 0.  O(buckets), however many ticks there were.
    """
    if late < FEW * interval:
        late = max(late, 0)
        number = late // interval + 1
        for _ in range(number):
            recorder.record(late / 1e9)
            late -= interval
        return number
    longest, each = late / 1e9, interval / 1e9
    slots, counts, total, smallest = waits(longest, each)
    number = sum(counts)
    recorder._take_room(number)
    recorder._add(Counts.of(slots, counts), total, smallest, longest)
    recorder.record(max(0.0, math.fsum([longest, -number * each])))
    return number + 1
