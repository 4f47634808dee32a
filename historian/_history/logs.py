"""Intervals of a log of HdrHistogram: its tags become keys, its times whole nanoseconds that do not overlap."""

from __future__ import annotations

from .._values.key import Key
from .intervals import Interval
from .times import check_time, time_ns, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["intervals_of"]

#: How far intervals may overlap because a log rounds their starts and their lengths to milliseconds, in nanoseconds.
ROUNDING = 2 * 10**6

SHORTEST = 10**6  # of an interval of length 0, in nanoseconds


def intervals_of(log: Iterable[Any], name: str, label: str) -> list[list[Interval]]:
    """Return the intervals of a log: those of each tag.  Raises as `History.from_log` does."""
    by_tag: dict[str | None, list[Any]] = {}
    for one in log:
        if not all(hasattr(one, part) for part in ("start", "end", "tag", "histogram")):
            raise TypeError(f"from_log() takes a log, as hdr.read_log() returns it, not {one!r} in an iterable")
        by_tag.setdefault(one.tag, []).append(one)
    return [
        _of_tag(Key(name) if tag is None else Key(name, **{label: tag}), found, tag) for tag, found in by_tag.items()
    ]


def _of_tag(key: Key, found: list[Any], tag: str | None) -> list[Interval]:
    """Return the intervals of one tag, each cut off where the next one begins, if that is a matter of rounding."""
    found.sort(key=lambda one: one.start)
    starts = [_time("start", one.start) for one in found]
    intervals = []
    for k, one in enumerate(found):
        start, end = starts[k], max(_time("end", one.end), starts[k] + SHORTEST)
        limit = starts[k + 1] if k + 1 < len(found) else end
        if limit <= start or end - limit > ROUNDING:
            of = "without a tag" if tag is None else f"with tag {tag!r}"
            raise ValueError(
                f"intervals {of} must not overlap, as those from {time_text(start)} to {time_text(end)} and from "
                f"{time_text(limit)} do: make a history of each log, and add the histories"
            )
        intervals.append(Interval(start, check_time(min(end, limit)), {key: one.histogram}))
    return intervals


def _time(name: str, seconds: float) -> int:
    """Return a time of a log in nanoseconds: to the microsecond, because a float of today's seconds has no more."""
    return time_ns(round(seconds, 6), name)
