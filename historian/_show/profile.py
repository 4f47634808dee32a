"""`Profile`: a table of many histograms, the largest total time first."""

from __future__ import annotations

from typing import Generic

from .._values.held import Held
from .._values.key import Key
from .._values.text import printable, shown
from .names import shortened
from .scale import Scale, base_unit, middle
from .summary import is_supported, min_count, supported_percentile, unit_question
from .table import html_table, table, text_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from .._values.base import BaseHistogram

    _Named = tuple[str, BaseHistogram]

__all__ = ["MAX_NAME_WIDTH", "PERCENTILES", "Profile", "fitted", "notes_on", "short_names", "tables"]

#: Percentiles shown between the minimum and the maximum, by column header.
PERCENTILES: dict[str, float] = {"median": 50, "90": 90, "99": 99, "99.9": 99.9, "99.99": 99.99}

MAX_NAME_WIDTH = 80  # columns of names where nothing else limits them
NAME_WIDTH = 24  # columns of numbers are left out until names have this width, or the width that they need
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

    def _rows(self) -> list[_Named]:
        return short_names(
            (str(name) if isinstance(name, Key) else shown(str(name)), histogram)
            for name, histogram in self.histograms.items()
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        if not self.histograms:
            return "<p>nothing recorded yet</p>"
        from html import escape

        rows = self._rows()
        parts = [html_table(headers, cells) for headers, cells in tables(rows)]
        return "\n".join(parts + [f"<p>{escape(note)}</p>" for note in (*notes_on(rows), *self.notes)])


def short_names(rows: Iterable[_Named]) -> list[_Named]:
    """Return rows whose names have at most MAX_NAME_WIDTH columns; different names stay different."""
    found = list(rows)
    names = shortened([name for name, _ in found], MAX_NAME_WIDTH)
    return [(name, histogram) for name, (_, histogram) in zip(names, found)]


def tables(
    rows: Iterable[_Named], percentiles: Mapping[str, float] = PERCENTILES, unit: str | None = None
) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield (headers, cells) for each kind of unit: times, sizes, then the others by name.

    Each of the `rows` is a printed name and a histogram; names may be equal.  `percentiles` holds the percentiles to
    show, by column header.  All values are shown in `unit`, by default in one that suits them.
    """
    kinds: dict[str, list[_Named]] = {}
    for name, histogram in rows:
        kinds.setdefault(base_unit(histogram.unit)[0], []).append((name, histogram))
    for kind in sorted(kinds, key=lambda kind: (kind != "ns", kind != "B", kind)):
        yield _tabulate(kind, kinds[kind], percentiles, unit)


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


def fitted(headers: list[str], rows: list[list[str]], width: int) -> tuple[list[str], list[list[str]]]:
    """Return a table of at most `width` columns, if numbers leave room for names: shortened, but all different.

    If names would have less than NAME_WIDTH columns, columns of numbers are left out, as LEFT_OUT says.  Numbers are
    never cut.
    """
    lines = [headers, *rows]
    widths = [max(text_width(line[k]) for line in lines) for k in range(len(headers))]
    kept = list(range(len(headers)))

    def room() -> int:
        return width - sum(widths[k] + 2 for k in kept[1:])

    for header in LEFT_OUT:
        if room() < min(widths[0], NAME_WIDTH) and header in headers:
            kept.remove(headers.index(header))
    names = shortened([row[0] for row in rows], max(room(), text_width(headers[0])))
    cells = [[name, *(row[k] for k in kept[1:])] for name, row in zip(names, rows)]
    return [headers[k] for k in kept], cells


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
