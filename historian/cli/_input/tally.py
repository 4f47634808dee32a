"""`Tally`: counts the numbers that were read, with one histogram for each group, and counts bad input."""

from __future__ import annotations

import math

from ..._core import Counters
from ...histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["InputError", "Tally", "clipped"]

#: Maximum number of groups.  Counters take 96 KiB, so 1,000 groups take 94 MiB.  A column of identifiers is a mistake.
MAX_GROUPS = 1_000

#: Characters of bad input that a message shows.
SHOWN = 60


class InputError(Exception):
    """The input is not valid; the message says where and why, in one line."""


class Tally:
    """Counts numbers by group, in the order in which the groups first appeared.

    Every number is multiplied by `scale`, which is positive and finite.  Bad input raises InputError.  With `skip_bad`
    it is counted in `skipped` instead, and `first` is the message for the first bad input.

    >>> tally = Tally("s", scale=0.001)
    >>> tally.add([250.0, 750.0])
    >>> tally.histograms()[""].sum
    1.0
    """

    def __init__(self, unit: str, *, scale: float = 1.0, skip_bad: bool = False) -> None:
        self._unit = unit
        self._scale = scale
        self._skip_bad = skip_bad
        self._groups: dict[str, Counters] = {}
        self.skipped = 0  # pieces of bad input: lines, rows, elements of an array
        self.first = ""
        self._synthetic = False  # whether an added histogram is synthetic

    def add(self, values: list[float] | NDArray[np.float64], group: str = "") -> None:
        """Count the numbers.  O(len).  Raises ValueError if one is NaN, infinite or negative; then none is counted."""
        counters = self._groups.get(group) or self._make(group)
        if self._scale != 1.0:
            values = [v * self._scale for v in values] if isinstance(values, list) else values * self._scale
        counters.record_many(values)

    def add_histogram(self, histogram: Histogram, where: str) -> None:
        """Add a histogram.  O(buckets).  Raises InputError if it is in another unit."""
        if histogram.unit != self._unit:
            raise InputError(f"{where}: its values are in {histogram.unit!r} and cannot be converted to {self._unit!r}")
        counters = self._groups.get("") or self._make("")
        counters._add(histogram._counts, histogram._sum, histogram.min, histogram.max)
        self._synthetic |= histogram.synthetic

    def _make(self, group: str) -> Counters:
        if len(self._groups) == MAX_GROUPS:
            raise InputError(
                f"more than {MAX_GROUPS:,} groups; {clipped(group)} would be one more: is --by a column of identifiers?"
            )
        counters = self._groups[group] = Counters()
        return counters

    def number(self, text: str) -> float:
        """Return the number in `text`, before scaling.

        Raises ValueError, with a message for the user, if `text` is not a number or `add` would refuse the number.
        Python's digit groups (``1_000``) and the digits of other scripts are refused: other programs do not write them.
        """
        try:
            if "_" in text or not text.isascii():
                raise ValueError
            value = float(text)
        except ValueError:
            raise ValueError(f"{clipped(text)} is not a number") from None
        return self.checked(value, text)

    def checked(self, value: float, text: str) -> float:
        """Return `value`, which was read from `text`.  Raises ValueError, with the reason, if `add` would refuse it."""
        if value < 0:
            raise ValueError(f"{clipped(text)} is negative")
        if not math.isfinite(value):
            raise ValueError(f"{clipped(text)} is not finite")
        if not math.isfinite(value * self._scale):
            raise ValueError(f"{clipped(text)} times {self._scale!r} is not finite")
        return value

    def bad(self, where: str, why: str) -> None:
        """Raise InputError for bad input, or count it."""
        if not self._skip_bad:
            raise InputError(f"{where}: {why}")
        self.first = self.first or f"{where}: {why}"
        self.skipped += 1

    def histograms(self) -> dict[str, Histogram]:
        """Return the histogram of each group."""
        return {
            group: Histogram._from_reading(found._read(), self._unit, self._synthetic)
            for group, found in self._groups.items()
        }


def clipped(text: str) -> str:
    r"""Return text as a Python literal on one line, shortened if it is long: safe to show on a terminal.

    >>> clipped("12 ms\n"), len(clipped("x" * 1000))
    ("'12 ms\\n'", 65)
    """
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}..."
