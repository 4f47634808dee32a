"""`Profile`: a table of many histograms, the largest total time first."""

from __future__ import annotations

from typing import Generic

from .._values.held import Held
from .._values.key import Key
from .._values.text import counted, printable, shown
from .axis import Axis
from .density import is_drawn, share_below, smallest
from .exemplars import exemplar_tables
from .names import shortened
from .scale import Scale, base_unit, middle
from .shown import in_html, in_rich, in_terminal
from .summary import is_supported, min_count, supported_percentile, unit_question
from .table import table
from .view import Density, Table, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from .._values.base import BaseHistogram

    _Named = tuple[str, BaseHistogram]
    _Row = tuple[Any, BaseHistogram]

__all__ = ["LEFT_OUT", "MAX_NAME_WIDTH", "PERCENTILES", "Profile", "notes_on", "short_names", "tables"]

#: Percentiles shown between the minimum and the maximum, by column header.
PERCENTILES: dict[str, float] = {"median": 50, "90": 90, "99": 99, "99.9": 99.9, "99.99": 99.99}

MAX_NAME_WIDTH = 80  # columns of names where nothing else limits them
SHOWN = 20  # rows of all tables in a notebook, at most; a kind of unit more has one row more
SHOWN_WIDTH = 48  # columns of names there, at most
MOST_NOTES = 10
LEFT_OUT = ("min", "99.99", "90", "99.9")  # columns to leave out of a narrow table, in this order


class Profile(Generic[Held]):
    """Histograms by name or `Key`, shown as tables: by `print`, in IPython, and as HTML in a notebook.

    The first table has all histograms of times, in whichever unit they were recorded.  The next has the histograms of
    sizes.  Each other unit has a table of its own.  A table shows all values in one unit and all sums in one unit; the
    header names both.  It is sorted by sum, largest first.  Empty histograms are left out.  Each histogram has a row of
    its own.  Names of more than 80 columns are shortened, and different names stay different.

    A percentile is shown if at least one value is above it.  Otherwise it would be equal to the maximum, which has its
    own column; then '-' is shown.

    >>> from historian import Histogram
    >>> print(Profile({"scan": Histogram.from_values([0.25] * 200), "empty": Histogram()}))
    operation (ms)  min  median   90   99  99.9  99.99  max  count  sum (s)
    scan            250     250  250  250     -      -  250    200     50.0
    <BLANKLINE>
    -  too few values: 99 needs 100, 99.9 needs 1,000, 99.99 needs 10,000
    """

    __slots__ = ("histograms", "notes")
    __module__ = "historian"

    histograms: dict[Any, Held]  # by name or Key; none of them empty
    notes: list[str]  # lines below the tables

    def __init__(self, histograms: Mapping[str, Held] | Mapping[Key, Held], notes: Iterable[str] = ()) -> None:
        if not hasattr(histograms, "items"):
            raise TypeError(f"a profile takes histograms by name, not {histograms!r}")
        self.histograms = {name: histogram for name, histogram in histograms.items() if histogram.count}
        self.notes = [printable(note) for note in notes]

    def __str__(self) -> str:
        if not self.histograms:
            return "nothing recorded yet"
        rows = self._rows()
        parts = [table(headers, cells) for headers, cells in tables(rows)]
        notes = [*notes_on(rows), *self.notes]
        return "\n\n".join(parts + (["\n".join(notes)] if notes else []))

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return Profile, (self.histograms, self.notes)

    def to_frame(self, percentiles: Iterable[float] = (50, 90, 99, 99.9, 99.99)) -> dict[str, Any]:
        """Return the rows of all tables, in their order, as columns for a data frame: see `Snapshot.to_frame`.

        Names are whole, and values are numbers in the unit of their row.  Each percentile is there, also if few values
        support it.  O(histograms).

        >>> from historian import Histogram
        >>> frame = Profile({"scan": Histogram.from_values([0.5]), "sort": Histogram.from_values([2.0])}).to_frame([50])
        >>> frame["name"], frame["p50"], list(frame)
        (['sort', 'scan'], array([2. , 0.5]), ['name', 'unit', 'count', 'sum', 'mean', 'min', 'p50', 'max'])
        """
        from .._values.columns import columns

        kinds = _kinds(self.histograms.items()).values()
        return columns([row for rows in kinds for row in _by_sum(rows)], percentiles)

    def _rows(self) -> list[_Named]:
        return short_names((_text(name), histogram) for name, histogram in self.histograms.items())

    def _view(self) -> View:
        """Return what is shown: the largest of each kind of unit, each with its density on a common axis."""
        if not self.histograms:
            return View("Profile", "nothing recorded yet")
        title = f"Profile of {counted(len(self.histograms), 'histogram')}"
        facts = counted(sum(histogram.count for histogram in self.histograms.values()), "value")
        kinds = {kind: _by_sum(rows)[:SHOWN] for kind, rows in _kinds(self.histograms.items()).items()}
        found: list[Table] = []
        rows: list[_Named] = []
        for kind, named in _room_for(kinds, SHOWN):
            rows += (part := short_names(((_text(name), histogram) for name, histogram in named), SHOWN_WIDTH))
            headers, cells = _tabulate(kind, part, PERCENTILES, None)
            pictures = _densities(kind, [histogram for _, histogram in part])
            lines = [[*line, picture] for line, picture in zip(cells, pictures)]
            spare = *LEFT_OUT[:3], "density", *LEFT_OUT[3:], headers[-1], "count"
            found.append(Table([*headers, "density"], lines, spare))
        found += exemplar_tables(rows)
        left_out = len(self.histograms) - len(rows)
        notes = [*notes_on(rows), *self.notes]
        if len(notes) > MOST_NOTES:
            notes = [*notes[:MOST_NOTES], f"... ({len(notes) - MOST_NOTES:,} more notes)"]
        if left_out:
            notes.insert(0, f"the largest sums; {left_out:,} more: print(profile) shows all")
        return View(title, facts, tables=found, notes=notes)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def _text(name: Any) -> str:
    return str(name) if isinstance(name, Key) else shown(str(name))


def _kinds(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    """Return the rows by kind of unit: times, sizes, then the others by name."""
    kinds: dict[str, list[_Row]] = {}
    for name, histogram in rows:
        kinds.setdefault(base_unit(histogram.unit)[0], []).append((name, histogram))
    return {kind: kinds[kind] for kind in sorted(kinds, key=lambda kind: (kind != "ns", kind != "B", kind))}


def _by_sum(rows: Iterable[_Row]) -> list[_Row]:
    """Return the rows of one kind of unit, the largest sum first."""
    return sorted(rows, key=lambda row: -row[1].sum * base_unit(row[1].unit)[1])


def _room_for(kinds: Mapping[str, list[_Row]], room: int) -> Iterator[tuple[str, list[_Row]]]:
    """Yield the kinds with as many of their first rows as there is room for, one at least, until there is none."""
    for later, (kind, rows) in enumerate(kinds.items(), 1):
        if room <= 0:
            return
        kept = rows[: max(1, room - 2 * (len(kinds) - later))]
        room -= len(kept)
        yield kind, kept


def _densities(kind: str, histograms: list[BaseHistogram]) -> list[Density | str]:
    """Return the density of each histogram on a common axis, in the base unit; "" if there is none to draw."""
    factors = [base_unit(histogram.unit)[1] for histogram in histograms]
    ends = [(smallest(h) * factor, h.max * factor) for h, factor in zip(histograms, factors) if is_drawn(h)]
    if not ends:
        return ["" for _ in histograms]
    axis = Axis.of([end for pair in ends for end in pair], kind)
    return [
        Density(axis, share_below(h, factor), h.count) if is_drawn(h) else "" for h, factor in zip(histograms, factors)
    ]


def short_names(rows: Iterable[_Named], width: int = MAX_NAME_WIDTH) -> list[_Named]:
    """Return rows whose names have at most `width` columns; different names stay different."""
    found = list(rows)
    names = shortened([name for name, _ in found], width)
    return [(name, histogram) for name, (_, histogram) in zip(names, found)]


def tables(
    rows: Iterable[_Named], percentiles: Mapping[str, float] = PERCENTILES, unit: str | None = None
) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield (headers, cells) for each kind of unit: times, sizes, then the others by name.

    Each of the `rows` is a printed name and a histogram; names may be equal.  `percentiles` holds the percentiles to
    show, by column header.  All values are shown in `unit`, by default in one that suits them.
    """
    for kind, named in _kinds(rows).items():
        yield _tabulate(kind, named, percentiles, unit)


def notes_on(rows: Iterable[_Named], percentiles: Mapping[str, float] = PERCENTILES) -> Iterator[str]:
    """Yield the notes below the tables: missing percentiles, doubtful units, values in the overflow bucket."""
    found = list(rows)
    if not all(is_supported(h.count, p) for _, h in found for p in percentiles.values() if p < 100):
        needs = ", ".join(f"{name} needs {min_count(p):,}" for name, p in percentiles.items() if 99 <= p < 100)
        yield f"-  too few values: {needs}" if needs else "-  too few values"
    for name, histogram in found:
        question = unit_question(histogram)
        if question:
            yield f"{name}: {question}"
        if histogram.overflow_count:
            plural = "" if histogram.overflow_count == 1 else "s"
            yield f"{name}: {histogram.overflow_count:,} value{plural} above 2**64, shown as the maximum"


def _tabulate(
    kind: str, rows: list[_Named], percentiles: Mapping[str, float], unit: str | None
) -> tuple[list[str], list[list[str]]]:
    """Return (headers, cells) for histograms whose units can be converted to each other."""
    measured = [(name, h.sum * base_unit(h.unit)[1], _in_base_unit(h, percentiles), f"{h.count:,}") for name, h in rows]
    measured.sort(key=lambda row: (-row[1], row[0]))
    scale = Scale.of(kind, middle([value for row in measured for value in row[2]]))
    if unit is not None and base_unit(unit)[0] == kind:
        scale = Scale(unit, 1 / base_unit(unit)[1])
    total = Scale.of(kind, measured[0][1])
    headers = [
        f"operation ({printable(scale.unit)})",
        "min",
        *percentiles,
        "max",
        "count",
        f"sum ({printable(total.unit)})",
    ]
    cells = [[name, *map(scale.show, values), count, total.show(one)] for name, one, values, count in measured]
    return headers, cells


def _in_base_unit(histogram: BaseHistogram, percentiles: Mapping[str, float]) -> list[float]:
    """Return minimum, percentiles and maximum in the base unit; NaN for a percentile with too few values."""
    factor = base_unit(histogram.unit)[1]
    values = (histogram.percentile(p) if p == 100 else supported_percentile(histogram, p) for p in percentiles.values())
    return [factor * value for value in (histogram.min, *values, histogram.max)]
