"""`Watch`: what the recorders in a directory have counted between one look and the next."""

from __future__ import annotations

import time
from typing import NamedTuple

from ...histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...registry import CorruptFileError, Key, Registry

__all__ = ["Change", "Look", "Watch"]


class Change(NamedTuple):
    """What one recorder has counted lately."""

    name: str
    total: Histogram  # since it was made or cleared
    lately: Histogram  # since the look before, or since it was cleared, if that came later
    is_whole: bool  # False if it was cleared since the look before


class Look(NamedTuple):
    """All recorders at a time."""

    seconds: float  # since the look before; NaN for the first one
    changes: list[Change]  # of recorders that hold anything, by file name
    problems: dict[str, CorruptFileError]


class Before(NamedTuple):
    """What is remembered of a recorder until the next look."""

    inode: int  # of its file: another one is another recorder
    drains: int  # how often it had been drained or cleared
    histogram: Histogram


class Watch:
    """A directory of recorders, looked at again and again.  It only reads."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._before: dict[Key, Before] = {}
        self._looked_at = float("nan")  # seconds

    def look(self) -> Look:
        """Return what has happened since the last look.  O(buckets of all files)."""
        now = time.monotonic()
        try:
            readings, problems = self._registry._readings()
        except FileNotFoundError:  # the directory was removed; whoever records next makes it anew
            readings, problems = [], {}
        changes, before = [], {}
        for reading in readings:
            key = reading.header.key
            histogram = Histogram._from_reading(reading.counted, reading.header.unit)
            before[key] = Before(reading.inode, reading.drains, histogram)
            if histogram.count:
                changes.append(Change(str(key), histogram, *_since(self._before.get(key), before[key])))
        seconds, self._looked_at, self._before = now - self._looked_at, now, before
        return Look(seconds, changes, problems)


def _since(before: Before | None, now: Before) -> tuple[Histogram, bool]:
    """Return what was counted between two looks, and whether that is all of it."""
    if before is None or before.inode != now.inode:
        return now.histogram, True
    if before.drains == now.drains:
        try:
            return now.histogram - before.histogram, True
        except ValueError:  # counts never shrink: somebody has written a file anew, in its place
            pass
    return now.histogram, False
