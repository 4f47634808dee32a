"""`Frame`: the screen of ``historian top`` at one time, as lines of text of a given width."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from ..._show.names import cut, shortened
from ..._show.scale import Scale, base_unit, middle
from ..._show.summary import is_supported, supported_percentile
from ..._show.table import text_width
from ..._values.text import printable
from .._report import printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .watch import Change, Look

__all__ = ["SORTS", "Frame", "Line"]

NAME_WIDTH = 24  # columns of numbers are left out until names have this width, or the width that they need
MIN_NAME_WIDTH = 7  # minimum width of names: a window of 40 columns, minus three numbers of 9 and their spaces
LEFT_OUT = ("count", "90", "99.9", "median", "sum/s")  # columns to leave out in a narrow window, in this order
ONE = Scale("", 1.0)
MANY_NAMES = 50_000  # whose widths are remembered
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Line(NamedTuple):
    """A line of text and its kind."""

    text: str
    kind: str = ""  # "title", "header", "idle", "note", or empty for an ordinary line


class Row(NamedTuple):
    """The numbers of one recorder since the previous look; NaN where there are no values."""

    name: str
    rate: float  # records per second
    percentiles: dict[str, float]  # in the base unit, by column
    p99: float  # in the base unit, to sort by
    max: float  # in the base unit
    sum: float  # per second, in the base unit
    total: int  # all records, not only those since the previous look
    is_whole: bool  # see `Change`


#: Sort orders and their keys: largest numbers first, names from A to Z.
SORTS: dict[str, Callable[[Row], float]] = {
    "rate": lambda row: -row.rate,
    "p99": lambda row: -row.p99,
    "max": lambda row: -row.max,
    "sum": lambda row: -row.sum,
    "name": lambda row: 0.0,
}


class Frame:
    """Lays out looks as lines.  It keeps the units of the previous frame while they suit, so columns are stable."""

    def __init__(self, directory: str, percentiles: Sequence[float] = PERCENTILES) -> None:
        self._directory = directory
        self._percentiles = {"median" if p == 50 else f"{p:.9g}": p for p in percentiles}  # by column
        self._scales: dict[str, Scale] = {}  # by base unit and kind of column
        self._widths: dict[str, int] = {}  # columns that the names of the previous frame take
        self._names: dict[str, tuple[tuple[frozenset[str], int], dict[str, str]]] = {}  # by base unit: see `_shortened`

    def lines(self, look: Look, sort: str, width: int) -> list[Line]:
        """Return the lines of a frame.  No line is wider than `width` if that is 40 or more."""
        kinds: dict[str, list[Row]] = {}
        for change in look.changes:
            kinds.setdefault(base_unit(change.total.unit)[0], []).append(_row(change, look.seconds, self._percentiles))
        lines = [self._title(look, sort, width)]
        for kind in sorted(kinds, key=lambda kind: (kind != "ns", kind != "B", kind)):
            lines += [Line(""), *self._table(kind, _sorted(kinds[kind], sort), width)]
        if not kinds:
            lines += [Line(""), Line("nothing was recorded then" if look.start else "nothing recorded yet")]
        notes = _notes(look)
        return lines + [Line("")] * bool(notes) + [Line(cut(note, width), "note") for note in notes]

    def _title(self, look: Look, sort: str, width: int) -> Line:
        if math.isnan(look.seconds):
            right = look.start or "all so far"
        else:
            rate = _show(ONE, sum(change.recent.count for change in look.changes) / look.seconds)
            right = f"{rate}/s in {'' if look.start else 'the last '}{look.seconds:.1f} s"
        right = f"{right}  by {sort}  {'from ' + look.start if look.start else time.strftime('%H:%M:%S')}"
        left = cut(printable(self._directory), width - len(right) - 2)
        return Line(cut(left + " " * (width - text_width(left) - len(right)) + right, width), "title")

    def _table(self, kind: str, rows: list[Row], width: int) -> list[Line]:
        values = [value for row in rows for value in (*row.percentiles.values(), row.max)]
        scale = self._scale(kind, "values", middle(values))
        total = self._scale(kind, "sum", max((row.sum for row in rows if row.sum == row.sum), default=math.nan))
        columns = {
            "rate/s": _column(ONE, [row.rate for row in rows]),
            **{name: _column(scale, [row.percentiles[name] for row in rows]) for name in self._percentiles},
            "max": _column(scale, [row.max for row in rows]),
            "sum/s": _column(total, [row.sum for row in rows]),
            "count": [f"{row.total:,}" for row in rows],
        }
        if not all(row.is_whole for row in rows):
            columns["rate/s"] = [text if row.is_whole else f"{text}+" for text, row in zip(columns["rate/s"], rows)]
        headers = {name: name for name in columns}
        if any(row.sum > 0 for row in rows):
            headers["sum/s"] = f"sum/s ({printable(total.unit)})"
        widths = {name: max(7, len(headers[name]), *map(len, cells)) for name, cells in columns.items()}
        shows = any(value == value for value in values)
        first = f"operation ({printable(scale.unit)})" if shows else "operation"
        longest = max(text_width(first), *(self._width_of(row.name) for row in rows))
        for name in dict.fromkeys([*LEFT_OUT, *self._percentiles]):
            if (
                name in columns
                and name != "99"
                and width - sum(widths.values()) - 2 * len(widths) < min(longest, NAME_WIDTH)
            ):
                del columns[name], widths[name]
        # Cut names and their header, but never numbers: a cut number would be a wrong number.
        room = min(longest, max(MIN_NAME_WIDTH, width - sum(widths.values()) - 2 * len(widths)))

        names = [cut(first, room), *self._shortened(kind, [row.name for row in rows], room)]
        padded = [[name + " " * (room - text_width(name)) for name in names]]
        padded += [[text.rjust(widths[name]) for text in (headers[name], *texts)] for name, texts in columns.items()]
        header, *lines = ["  ".join(cells).rstrip() for cells in zip(*padded)]
        if room + sum(widths.values()) + 2 * len(widths) > width:
            header, *lines = [cut(line, width) for line in (header, *lines)]
        kinds = ["idle" if row.rate == 0 else "" for row in rows]
        return [Line(header, "header"), *map(Line, lines, kinds)]

    def _width_of(self, name: str) -> int:
        """Return the columns that a name takes.  It is asked again in each frame, so it is remembered."""
        found = self._widths.get(name)
        if found is None:
            if len(self._widths) > MANY_NAMES:
                self._widths.clear()
            found = self._widths[name] = text_width(printed(name))
        return found

    def _shortened(self, kind: str, names: list[str], room: int) -> list[str]:
        """Return the names of a table's rows, at most `room` columns wide; computed again when they change."""
        sought = (frozenset(names), room)
        before, found = self._names.get(kind, (None, {}))
        if before != sought:
            ordered = sorted(sought[0])
            found = dict(zip(ordered, shortened(list(map(printed, ordered)), room)))
            self._names[kind] = (sought, found)
        return [found[name] for name in names]

    def _scale(self, kind: str, what: str, typical: float) -> Scale:
        """Return the scale for a kind of values: the last frame's, while it shows `typical` with 1 to 4 digits."""
        kept = self._scales.get(f"{kind} {what}")
        if kept is not None and (typical != typical or 0.5 <= typical * kept.factor < 2000):
            return kept
        scale = Scale.of(kind, typical)
        if typical > 0:
            self._scales[f"{kind} {what}"] = scale
        return scale


def _row(change: Change, seconds: float, percentiles: dict[str, float]) -> Row:
    recent, total = change.recent, change.total
    factor = base_unit(total.unit)[1]
    highest = min(recent.max, total.max)  # the maximum of a difference of histograms is only a bucket edge
    count = recent.count
    if not count:
        nothing = dict.fromkeys(percentiles, math.nan)
        return Row(change.name, 0.0, nothing, math.nan, math.nan, 0.0, total.count, change.is_whole)
    found = dict.fromkeys(percentiles, math.nan)
    for name, p in percentiles.items():
        if is_supported(count, p):
            found[name] = factor * min(recent.percentile(p), highest)
    p99 = found["99"] if percentiles.get("99") == 99 else factor * min(supported_percentile(recent, 99), highest)
    rate, per_second = count / seconds, recent.sum * factor / seconds
    return Row(change.name, rate, found, p99, factor * highest, per_second, total.count, change.is_whole)


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    """Return the rows in the order `sort`; rows without a number to sort by come last."""

    def key(row: Row) -> tuple[bool, float, float, str]:
        value = SORTS[sort](row)
        return value != value, 0.0 if value != value else value, -row.rate if sort == "p99" else 0.0, row.name

    return sorted(rows, key=key)


def _column(scale: Scale, values: list[float]) -> list[str]:
    """Return the texts of a column.  Thousands of recorders have few different values."""
    texts = {value: _show(scale, value) for value in set(values)}
    return [texts[value] for value in values]


def _show(scale: Scale, value: float) -> str:
    """Return a value as `Scale.show` does, but at most 9 columns wide.

    >>> _show(ONE, 123_456_789), _show(ONE, 9e12)
    ('1.23e+08', '9.00e+12')
    """
    text = scale.show(value)
    return text if len(text) <= 9 else f"{value * scale.factor:.2e}"


def _notes(look: Look) -> list[str]:
    notes = []
    if not all(change.is_whole for change in look.changes):
        notes.append("+  cleared or drained since the last frame: earlier values are not shown")
    if look.problems:
        files = "1 file" if len(look.problems) == 1 else f"{len(look.problems):,} files"
        notes.append(f"{files} cannot be read: run `historian profile` for the reasons")
    return notes
