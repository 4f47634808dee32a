"""`Watch`: the values that the recorders in a directory have counted between two looks."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..._live.changes import counted_since
from ...histogram import Histogram
from .._input.choice import EVERYTHING, Choice
from .._input.tally import together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...registry import CorruptFileError, Key, Registry

__all__ = ["Change", "Look", "Watch"]


class Change(NamedTuple):
    """The recent values of one recorder."""

    name: str
    total: Histogram  # since the recorder was created or cleared
    recent: Histogram  # since the previous look, or since the recorder was cleared, if that was later
    is_whole: bool  # False if the recorder was cleared since the previous look


class Look(NamedTuple):
    """All recorders at one time."""

    seconds: float  # since the previous look; NaN for the first look
    changes: list[Change]  # of recorders that hold values, in the order of their creation
    problems: dict[str, CorruptFileError]
    start: str = ""  # of an interval of a history; empty for the last seconds


class Before(NamedTuple):
    """The state of a recorder at the previous look."""

    file_id: bytes  # if it changes, the file has been replaced
    drains: int  # how often the recorder had been drained or cleared, from 0
    histogram: Histogram
    name: str  # of its group; empty if it is not chosen


class Watch:
    """Reads a directory of recorders again and again.  It changes nothing.

    With a choice, only the chosen recorders count, and those of one group and one unit are added up.
    """

    def __init__(self, registry: Registry, choice: Choice = EVERYTHING) -> None:
        self._registry = registry
        self._choice = choice
        self._before: dict[Key, Before] = {}
        self._looked_at = float("nan")  # monotonic clock, in seconds

    def look(self) -> Look:
        """Return the values recorded since the last look.  O(buckets of all files).

        Raises InputError if there are recorders, and the choice names a label or value that none of them has.  Raises
        InputError if a group is too many values.
        """
        now = time.monotonic()
        readings, problems = self._registry._readings()
        changes, before = [], {}
        for reading in readings:
            key, histogram = reading.header.key, reading.histogram
            earlier, group = self._before.get(key), self._choice.of_recorder(key)
            name = (earlier.name if earlier else "") or (self._choice.name_of(group) if group is not None else "")
            before[key] = Before(reading.file_id, reading.drains, histogram, name)
            if histogram.count and group is not None:
                changes.append(Change(name, histogram, *_since(earlier, before[key])))
        if self._looked_at != self._looked_at:  # only at first: later, recorders may go and come back
            self._choice.check()
        seconds, self._looked_at, self._before = now - self._looked_at, now, before
        return Look(seconds, _added_up(changes) if self._choice.by else changes, problems)


def _added_up(changes: list[Change]) -> list[Change]:
    """Return the changes, those with the same name and unit as one.  Raises InputError."""
    found: dict[tuple[str, str], Change] = {}
    for change in changes:
        key = (change.name, change.total.unit)
        if key in found:
            _, total, recent, is_whole = found[key]
            total = together(total, change.total, change.name)
            change = Change(change.name, total, recent + change.recent, is_whole and change.is_whole)
        found[key] = change
    return list(found.values())


def _since(before: Before | None, now: Before) -> tuple[Histogram, bool]:
    """Return the values counted between two looks, and whether none are missing."""
    if before is None or before.file_id != now.file_id:
        return now.histogram, True
    if before.drains == now.drains:
        recent = counted_since(before.histogram, now.histogram)
        if recent is not None:  # otherwise, another file has been written in its place
            return recent, True
    return now.histogram, False
