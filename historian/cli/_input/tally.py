"""`Tally`: counts the numbers that were read, with one histogram for each group, and counts bad input."""

from __future__ import annotations

import math
import re

from ..._core import Counters
from ..._show.scale import base_unit
from ..._values.base import make
from ..._values.key import Key
from ...histogram import Histogram
from .cumulative import Cumulative
from .durations import nanoseconds_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...formats._lines import Source

__all__ = ["ALL", "InputError", "Tally", "clipped", "has_digit_groups", "relabelled", "together", "too_many", "unclear"]

#: Maximum number of groups.  Counters take 96 KiB, so 1,000 groups take 94 MiB.  A column of identifiers is a mistake.
MAX_GROUPS = 1_000

#: Characters of bad input that a message shows.
SHOWN = 60


#: The group of numbers that have no name and no labels.
ALL = Key("")


class InputError(Exception):
    """The input is not valid; the message says where and why, in one line."""


class Tally:
    """Counts numbers and histograms by group, in the order in which the groups first appeared.

    Every number is multiplied by `scale`, which is positive and finite.  `unit` is the unit of the numbers; None means
    that of the histograms read with them, or seconds.  With `show`, all is converted to that unit: numbers before they
    are counted, which costs no accuracy, and histograms by `Histogram.scaled`; if `mixed`, histograms that cannot be
    converted stay as they are, unless that is all of them.  Without it, all must be in one unit,
    unless `mixed`, which may be "recorders" for those only; numbers beside histograms in several units need a `unit`.
    Bad input raises InputError.  With `skip_bad` it is counted in `skipped` instead, and `first` is the message for the
    first bad input.

    >>> tally = Tally(unit="ms", show="s")
    >>> tally.add([250.0, 750.0])
    >>> [(histogram.sum, histogram.unit) for histogram in tally.histograms().values()]
    [(1.0, 's')]
    """

    def __init__(
        self,
        unit: str | None = None,
        *,
        show: str | None = None,
        scale: float = 1.0,
        skip_bad: bool = False,
        mixed: bool | str = False,
    ) -> None:
        self._unit = unit
        self._show = show
        self._scales_numbers = scale != 1.0
        self._scale = scale  # of numbers; with the conversion to `show` once it is known that there are numbers
        self._is_converting = show is not None  # whether that conversion is still to come
        self.other: tuple[str, str] | None = None  # a histogram that is not in seconds: its unit, and where it was
        self.skips_bad = skip_bad
        self._mixed = mixed
        self._common: tuple[str, str] | None = None  # unit of the first histogram that has values, and where it was
        self._several: tuple[str, str] | None = None  # the first one in another unit, if units are mixed
        self._left: tuple[str, str] | None = (
            None  # the first one that cannot be converted to `show`, if units are mixed
        )
        self._counters: dict[Key, Counters] = {}  # of numbers, since the last `settle`
        self._numbers: dict[Key, Histogram] = {}  # before that; their unit is not known before the end
        self._histograms: dict[Key, Histogram] = {}
        self._order: dict[Key, None] = {}
        self.found = False  # whether anything was read: a number, a histogram, a directory of recorders
        self._cumulative = Cumulative()
        self._sources: dict[Key, Source] = {}  # see `source_of`
        self.skipped = 0  # pieces of bad input: lines, rows, elements of an array, files
        self.first = ""
        self.notes: dict[str, None] = {}  # what readers of the numbers should know
        self._told_by = ""  # the file of a load generator that told the unit
        self._untold = ""  # a file of numbers whose unit nothing told
        self.are_apart = False  # whether what was read is of several things, which are compared each with itself
        self.converted = False  # whether the buckets of a histogram were scaled
        self.said: dict[str, str] = {}  # messages about the input, each once, by kind

    def add(self, values: list[float] | NDArray[np.float64], group: Key = ALL, counts: list[int] | None = None) -> None:
        """Count the numbers, each as often as `counts` says.  O(len).

        Raises ValueError if one is NaN, infinite or negative; then none is counted.
        """
        counters = self._counters.get(group) or self._make(group)
        if len(values):
            self.found = True
            self._convert()
        if self._scale != 1.0:
            values = [v * self._scale for v in values] if isinstance(values, list) else values * self._scale
        counters.record_many(values, counts=counts)

    def begin(self, *, are_times: bool, where: str) -> tuple[float, float | None]:
        """Prepare for numbers that come by `add_numbers`, after `found` was set.

        Return what they are to be multiplied by, and the nanoseconds in their unit if they are times that know theirs.
        Raises InputError if their unit is not one of time, or cannot be converted.
        """
        nanoseconds = None
        if are_times:
            self._unit = self._unit or "s"
            base, nanoseconds = base_unit(self._unit)
            if base != "ns":
                raise InputError(
                    f"{where}: its numbers are times, not in {self._unit!r}: pass a unit of time to --unit"
                )
        self._convert()
        return self._scale, nanoseconds

    def add_numbers(self, numbers: Histogram, group: Key) -> None:
        """Add numbers that were counted by others, after `begin`.  Their unit is that of the numbers, whatever it says.

        Raises InputError if they are too many, or of too many groups.
        """
        if group not in self._numbers and len(self._numbers) >= MAX_GROUPS and group.labels:
            raise too_many(group)
        before = self._numbers.get(group)
        self._numbers[group] = numbers if before is None else together(before, numbers, "the numbers")
        self._order[group] = None

    def note(self, text: str) -> None:
        """Remember what readers of the numbers should know."""
        self.notes[text] = None

    def of_generator(self, unit: str, where: str) -> None:
        """Take the numbers of a file to be in the unit of the load generator that wrote it, unless an option says so.

        Raises InputError if other numbers are in another unit, or may be.
        """
        if self._unit is None and not self._untold:
            self._unit, self._told_by = unit, where
        elif self._untold or (self._told_by and self._unit != unit):
            other = self._untold or self._told_by
            raise InputError(
                f"{where}: its numbers are in {unit!r}, those of {other} may not be: read them apart, or pass --unit"
            )

    def of_no_generator(self, where: str) -> None:
        """Note a file whose numbers are in a unit that only an option tells.  Raises InputError as `of_generator`."""
        if self._told_by:
            raise InputError(
                f"{where}: the unit of its numbers is not clear, since those of {self._told_by} are in {self._unit!r}: "
                "read them apart, or pass --unit"
            )
        if self._unit is None:
            self._untold = self._untold or where

    def add_histogram(self, histogram: Histogram, where: str, group: Key = ALL, *, recorder: bool = False) -> None:
        """Add a histogram.  O(buckets).  Raises InputError if it is in another unit, and cannot be converted."""
        if self._scales_numbers:
            raise InputError(f"{where}: --scale cannot change the values of a histogram: pass --show to convert units")
        self.found = True
        if self.other is None and histogram.count and histogram.unit != "s":
            self.other = histogram.unit, where
        may_mix = bool(self._mixed) and (self._mixed != "recorders" or recorder)
        if self._show is not None and may_mix and not _is_convertible(histogram.unit, self._show):
            self._left = self._left or (histogram.unit, where)
        elif self._show is not None and histogram.unit != self._show:
            if histogram.count:
                factor = _conversion(histogram.unit, self._show, where)
                try:
                    histogram = histogram.scaled(factor, self._show)
                except ValueError as error:
                    raise InputError(f"{where}: {error}") from None
                self.converted = True
            else:
                histogram = Histogram.from_values([], unit=self._show)
        elif not may_mix and self._show is None:
            histogram = self._in_common_unit(histogram, where)
        elif histogram.count:
            self._common = self._common or (histogram.unit, where)
            if self._several is None and histogram.unit != self._common[0]:
                self._several = histogram.unit, where
        before = self._histograms.get(group)
        self._histograms[group] = histogram if before is None else together(before, histogram, where)
        self._order[group] = None

    def add_recorder(self, key: Key, histogram: Histogram, where: str, group: Key, source: Source | None) -> None:
        """Add what a recorder held.  Of several with one source, only the latest counts; `histograms` adds them."""
        if source is None:
            self.add_histogram(histogram, where, group, recorder=True)
        else:
            self._order[group] = None
            self._cumulative.add(key, histogram, where, group, source)

    def source_of(self, group: Key) -> Source | None:
        """Return the source of a group that `histograms` returned, if it holds one recorder and nothing else."""
        return self._sources.get(group)

    def _convert(self) -> None:
        """Let the scale convert numbers to the unit `show`, too.  Raises InputError if it cannot."""
        if self._is_converting and self._show is not None:
            self._is_converting = False
            self._scale *= _conversion(self._unit or "s", self._show, "the numbers")

    def _in_common_unit(self, histogram: Histogram, where: str) -> Histogram:
        unit, by = self._common or (self._unit, "--unit")
        if unit is None or unit == histogram.unit:
            self._common = (histogram.unit, where) if histogram.count and self._common is None else self._common
            return histogram
        if not histogram.count:
            return Histogram.from_values([], unit=unit)
        others = "as --unit says" if by == "--unit" else f"as those of {by}"
        remedy = f"to convert, pass --show {unit}"
        if base_unit(unit)[0] != base_unit(histogram.unit)[0]:
            remedy = "read them apart, or choose recorders with --where"
        raise InputError(f"{where}: its values are in {histogram.unit!r}, not in {unit!r} {others}: {remedy}")

    def units(self, usual: str, where: str, *, is_known: bool = False) -> tuple[str, str]:
        """Return the unit of values in a format of others, and the one to convert them to, which costs no accuracy.

        Such a format does not say its unit.  `usual` is what the programs that write it use, unless ``--unit`` tells.
        A message says that this was assumed, unless it `is_known` which program wrote it.
        """
        if self._unit is not None and not self._told_by:
            values = target = self._unit
        else:
            values, target = usual, self._unit or (self._common[0] if self._common is not None else "s")
            target = target if _is_convertible(values, target) else "s"
            if not is_known:
                self.said.setdefault(
                    usual, f"{where}: its values are taken for {usual}, as is usual; if not, pass --unit"
                )
        if self._show is not None and _is_convertible(values, self._show):
            target = self._show
        return values, target

    @property
    def told_unit(self) -> str | None:
        """What ``--unit`` says; None if it is not given."""
        return None if self._told_by else self._unit

    def touch(self, group: Key) -> None:
        """Create a group, even if nothing is added to it."""
        self._order[group] = None

    def settle(self) -> None:
        """Turn the counters, which take much memory, into histograms."""
        for group, counters in self._counters.items():
            found = Histogram._from_reading(counters._read(), "s")
            self._numbers[group] = self._numbers[group] + found if group in self._numbers else found
        self._counters.clear()

    def _make(self, group: Key) -> Counters:
        if len(self._counters) == MAX_GROUPS:
            raise too_many(group)
        counters = self._counters[group] = Counters()
        self._order[group] = None
        return counters

    @property
    def is_assumed(self) -> bool:
        """Whether nothing told the unit."""
        return not (self._show or self._unit or self._common)

    @property
    def has_guessed(self) -> bool:
        """Whether numbers were converted to `show` from seconds, though nothing told that they were seconds."""
        return self._show is not None and self._unit is None and not self._is_converting

    @property
    def unit(self) -> str:
        """The unit of the numbers, and of all histograms unless they are mixed."""
        return self._show or self._unit or (self._common[0] if self._common else "s")

    def histograms(self) -> dict[Key, Histogram]:
        """Return the histogram of each group.  Raises InputError if a group holds numbers in different units."""
        self.settle()
        mixed = {*self._histograms, *self._numbers}
        alone = self._cumulative.sources() if self._show is None else {}
        self._sources = {group: source for group, source in alone.items() if group not in mixed}
        for histogram, where, group in self._cumulative.taken():
            self.add_histogram(histogram, where, group, recorder=True)
        counted = any(one.count for one in self._numbers.values())
        if counted and self.has_guessed and self.other is not None:
            raise unclear(*self.other)
        if counted and self._several is not None and self._common is not None and not (self._show or self._unit):
            raise unclear(*self._several, others=self._common[0])
        if (
            self._left is not None
            and not counted
            and not any(one.unit == self.unit for one in self._histograms.values())
        ):
            _conversion(self._left[0], self.unit, self._left[1])  # nothing is in that unit: refuse
        found = dict.fromkeys(self._order, Histogram.from_values([], unit=self.unit))
        found.update(self._histograms)
        for group, numbers in self._numbers.items():
            found[group] = together(found[group], relabelled(numbers, self.unit), "the numbers")
        return found

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
            value = self._duration(text)
        return self.checked(value, text)

    def _duration(self, text: str) -> float:
        """Return a duration that is written with its units, in the unit of the numbers.  Raises ValueError."""
        nanoseconds = nanoseconds_in(text)
        if nanoseconds is None:
            hint = ": write it without commas between its digits" if has_digit_groups(text) else ""
            if not hint and re.fullmatch(r"[0-9.]+,[0-9]+", text):
                hint = ": write a point before its decimals, not a comma"
            raise ValueError(f"{clipped(text)} is not a number{hint}") from None
        if self._unit is None:
            self._unit = "s"
        base, factor = base_unit(self._unit)
        if base != "ns":
            raise ValueError(f"{clipped(text)} is a time, but the numbers are in {self._unit!r}")
        return nanoseconds / factor

    def checked(self, value: float, text: str) -> float:
        """Return `value`, which was read from `text`.  Raises ValueError, with the reason, if `add` would refuse it."""
        self._convert()
        if value < 0:
            raise ValueError(f"{clipped(text)} is negative")
        if not math.isfinite(value):
            raise ValueError(f"{clipped(text)} is not finite")
        if not math.isfinite(value * self._scale):
            raise ValueError(f"{clipped(text)} times {self._scale!r} is not finite")
        return value

    def bad(self, where: str, why: str, count: int = 1) -> None:
        """Raise InputError for bad input, or count it: so many pieces, of which this is the first."""
        if not self.skips_bad:
            raise InputError(f"{where}: {why}")
        self.first = self.first or f"{where}: {why}"
        self.skipped += count


def together(before: Histogram, histogram: Histogram, where: str) -> Histogram:
    """Return two histograms of one group as one.  Raises InputError if they are in different units."""
    try:
        return before + histogram
    except OverflowError as error:
        raise InputError(f"{where}: {error}") from None
    except ValueError:
        same = base_unit(before.unit)[0] == base_unit(histogram.unit)[0]
        remedy = (
            f"to convert, pass --show {before.unit}"
            if same
            else ("choose some with --where, or group them --by name, too")
        )
        raise InputError(
            f"{where}: its values are in {histogram.unit!r}, and others of its group in {before.unit!r}: {remedy}"
        ) from None


def too_many(group: Key) -> InputError:
    """Return the error for one group more than there may be."""
    shown = ", ".join(value for _, value in group.labels)
    return InputError(
        f"more than {MAX_GROUPS:,} groups; {clipped(shown)} would be one more: is --by a column of identifiers?"
    )


def unclear(unit: str, where: str, others: str = "s") -> InputError:
    """Return the error for numbers that are read with histograms, and may be in either of two units."""
    return InputError(
        f"the unit of the numbers is not clear, since the values of {where} are in {unit!r}: pass --unit {others} or "
        f"--unit {unit}"
    )


def relabelled(histogram: Histogram, unit: str) -> Histogram:
    """Return the histogram with another label; its values stay."""
    low, high, marks = histogram.min, histogram.max, (histogram._synthetic, histogram._bounds)
    return make(Histogram, histogram._counts, unit, histogram._sum, low, high, *marks, histogram.exemplars)


def _is_convertible(unit: str, show: str) -> bool:
    return base_unit(unit)[0] == base_unit(show)[0]


def _conversion(unit: str, show: str, where: str) -> float:
    """Return the factor from one unit to another.  Raises InputError if there is none."""
    (base, factor), (other, divisor) = base_unit(unit), base_unit(show)
    if base != other:
        raise InputError(f"{where}: values in {unit!r} cannot be converted to {show!r}")
    return factor / divisor


def has_digit_groups(text: str) -> bool:
    """Return whether a text is a number with commas between groups of digits.

    >>> has_digit_groups("1,234.5"), has_digit_groups("1,2")
    (True, False)
    """
    return re.fullmatch(r"\s*[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?\s*", text) is not None


def clipped(text: str) -> str:
    r"""Return text as a Python literal on one line, shortened if it is long: safe to show on a terminal.

    Bytes that are not UTF-8, decoded with "surrogateescape", are shown as such.

    >>> print(clipped("12 ms\n"), clipped(b"\xff".decode(errors="surrogateescape")), len(clipped("x" * 1000)))
    '12 ms\n' '\xff' 65
    """
    shown = repr(text[:SHOWN])
    if not text.isascii():
        shown = re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", shown)
    return shown if len(text) <= SHOWN else f"{shown}..."
