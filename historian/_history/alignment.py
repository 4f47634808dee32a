"""Alignment: which intervals a step of time, a cut, or several machines have in common.

Nothing is split.  An interval belongs to a step as a whole, so counts stay exact and only times get coarser.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from .times import DAY, EPOCH, NS, duration_ns, duration_text, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from .times import _Duration

    #: Edges of intervals: their starts and their ends, ascending.
    _Edges: TypeAlias = tuple[Sequence[int], Sequence[int]]

__all__ = ["Bin", "Grid", "cut", "nesting", "resampled", "united", "zone_of"]

#: Steps that a message suggests, in nanoseconds, and those that a table of limited length has.
USUAL = tuple(
    map(
        duration_ns,
        ("1s", "2s", "5s", "10s", "15s", "30s", "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h")
        + ("1d", "1w"),
    )
)

#: Steps of so many intervals, at most, are suggested to add histories that do not nest.
MOST_COARSER = 10

WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05, the first Monday after the epoch


class Bin(NamedTuple):
    """A longer interval, and the intervals that it is made of."""

    start: int  # ns since 1970-01-01 00:00 UTC
    end: int
    members: Sequence[tuple[int, int]]  # of which source, and the place there


class Grid:
    """Steps of equal length, aligned to whole multiples of the step since 1970-01-01 00:00, whole weeks to Mondays.

    Without a zone they are those of UTC.  In a zone, a step of days begins and ends at midnight there: where clocks are
    changed, a day has 23 or 25 hours.  Shorter steps count from midnight; the last one ends with the day.
    """

    def __init__(self, step: _Duration, zone: Any = None) -> None:
        self.step = duration_ns(step, "step")
        self.zone = zone_of(zone)
        if self.zone is not None and self.step % DAY and DAY % self.step:
            raise ValueError(
                f"in a zone, a step must divide a day, or be whole days, such as '1h' or '1d', not {self.text}"
            )

    @property
    def text(self) -> str:
        """The step as text."""
        return repr(duration_text(self.step))

    def around(self, at: int) -> tuple[int, int]:
        """Return start and end of the step in which a time lies, in nanoseconds since 1970."""
        if self.zone is None:
            origin = 0 if self.step % WEEK else MONDAY
            start = at - (at - origin) % self.step
            return start, start + self.step
        day = _local(at, self.zone)
        days = self.step // DAY
        if days:
            origin = MONDAY // DAY if self.step % WEEK == 0 else 0
            number = day.toordinal() - EPOCH.toordinal()
            first = date.fromordinal(day.toordinal() - (number - origin) % days)
            return _midnight(first, self.zone), _midnight(first + timedelta(days), self.zone)
        start, end = _midnight(day, self.zone), _midnight(day + timedelta(1), self.zone)
        start += (at - start) // self.step * self.step
        return start, min(start + self.step, end)


def zone_of(zone: Any) -> tzinfo | None:
    """Return a zone of time, given as one or by its name, such as "Europe/Berlin"; None for UTC.

    Raises TypeError for anything else, and ValueError for a name that is not known here.
    """
    if zone is None or isinstance(zone, tzinfo):
        return zone
    if not isinstance(zone, str):
        raise TypeError(f"zone must be the name of a zone, such as 'Europe/Berlin', or a tzinfo, not {zone!r}")
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):  # not found is a KeyError; names of folders are other errors
        raise ValueError(
            f"zone {zone!r} is not known: write a name such as 'Europe/Berlin', and where the system has none of them "
            "run pip install tzdata"
        ) from None


def _local(at: int, zone: tzinfo) -> date:
    return (EPOCH + timedelta(seconds=at // NS)).astimezone(zone).date()


def _midnight(day: date, zone: tzinfo) -> int:
    """Return when a day begins in a zone; where a change of clocks skips midnight, that is the change."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone) - EPOCH
    return begin.days * DAY + begin.seconds * NS + begin.microseconds * 1000


def resampled(edges: _Edges, grid: Grid, *, keep: bool) -> list[Bin]:
    """Return the steps that hold intervals, with their intervals.  O(intervals).

    With `keep`, an interval that crosses the end of a step belongs to the step in which it begins.  Without it, raises
    ValueError, which says which steps nest.  Raises ValueError in any case for intervals longer than the step.
    """
    found: list[Bin] = []
    members: list[tuple[int, int]] = []
    end = -(2**64)
    for i, (start, last) in enumerate(zip(*edges)):
        if start >= end:
            first, end = grid.around(start)
            members = []
            found.append(Bin(first, end, members))
        if last > end:
            _check_crossing(edges, start, last, end, grid, keep)
        members.append((0, i))
    return found


def _check_crossing(edges: _Edges, start: int, end: int, edge: int, grid: Grid, keep: bool) -> None:
    """Raise ValueError for an interval that crosses the end of a step, unless it may."""
    is_longer = end - start > grid.step
    if keep and not is_longer:
        return
    steps = nesting([edges], at_least=end - start)
    remedies = [f"{_listed(steps)} nest{' in UTC' if grid.zone else ''}"] if steps else []
    if not is_longer:
        remedies.append("pass partial='keep' to count it with the step in which it begins")
    elif not steps:
        remedies.append(f"take a step of {duration_text(end - start)!r} or more, with partial='keep'")
    remedy = "; or ".join(remedies)
    raise ValueError(
        f"step {grid.text} does not fit: the interval from {time_text(start)} to {time_text(end)} crosses "
        f"{time_text(edge)}; {remedy}"
    )


def nesting(all_edges: Sequence[_Edges], at_least: int = 1) -> list[int]:
    """Return the usual steps in UTC, in nanoseconds, that no interval crosses.  O(intervals)."""

    def nests(step: int) -> bool:
        origin = 0 if step % WEEK else MONDAY
        return all(start - (start - origin) % step + step >= end for edges in all_edges for start, end in zip(*edges))

    return [step for step in USUAL if step >= at_least and nests(step)]


def _listed(steps: Sequence[int]) -> str:
    shown = ", ".join(repr(duration_text(step)) for step in steps[:4])
    return f"steps of {shown}{' and more' if len(steps) > 4 else ''}"


def cut(edges: _Edges, start: int | None, end: int | None, partial: str) -> tuple[int, int]:
    """Return the places of the first interval from `start` on, and of that after the last one up to `end`.

    None is an open side.  An interval with an edge inside raises ValueError, which names its edges; with "drop" it is
    left out, with "keep" it belongs to the result.  O(log intervals).
    """
    starts, ends = edges
    first = 0 if start is None else bisect_left(starts, start)
    stop = len(starts) if end is None else bisect_right(ends, end)
    before = start is not None and first > 0 and ends[first - 1] > start
    after = end is not None and stop < len(starts) and starts[stop] < end
    if partial == "raise" and (before or after):
        at, inside = (first - 1, start) if before else (stop, end)
        assert inside is not None
        raise ValueError(
            f"{time_text(inside)} is inside the interval from {time_text(starts[at])} to {time_text(ends[at])}: "
            "pass one of its edges, or partial='drop' to leave it out, or partial='keep' to have it"
        )
    if partial == "keep":
        first, stop = first - before, stop + after
    return first, max(first, stop)


def united(all_edges: Sequence[_Edges]) -> list[Bin]:
    """Return the intervals of several sources together: where they overlap, the coarser edges win.

    O(n log n).  Raises ValueError, which says how to resample, where intervals overlap and none holds the others.
    """
    if all_edges and all(edges == all_edges[0] for edges in all_edges[1:]):  # as those of machines mostly are
        together = range(len(all_edges))
        return [Bin(*edge, [(source, i) for source in together]) for i, edge in enumerate(zip(*all_edges[0]))]
    order = sorted(
        (start, -end, source, i) for source, edges in enumerate(all_edges) for i, (start, end) in enumerate(zip(*edges))
    )
    found: list[Bin] = []
    members: list[tuple[int, int]] = []
    for start, negative_end, source, i in order:
        end = -negative_end
        if not found or start >= found[-1].end:
            members = []
            found.append(Bin(start, end, members))
        elif end > found[-1].end:
            _refuse_overlap(all_edges, found[-1], start, end)
        members.append((source, i))
    return found


def _refuse_overlap(all_edges: Sequence[_Edges], holder: Bin, start: int, end: int) -> None:
    longest = max(holder.end - holder.start, end - start)
    steps = nesting(all_edges, at_least=longest)
    if steps and steps[0] <= MOST_COARSER * longest:
        step, option = duration_text(steps[0]), ""
    else:  # an interval that crosses an edge is then counted up to a tenth of a step off
        step = duration_text(next((step for step in USUAL if step >= MOST_COARSER * longest), longest))
        option = ", partial='keep'"
    remedy = f"add a.resample({step!r}{option}) and b.resample({step!r}{option})"
    raise ValueError(
        f"intervals must nest to be added, but that from {time_text(holder.start)} to {time_text(holder.end)} and that "
        f"from {time_text(start)} to {time_text(end)} cross: {remedy}"
    )
