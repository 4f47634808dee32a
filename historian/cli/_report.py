"""`Report`: the output of ``historian summarize`` as a table, as JSON and as csv."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import NamedTuple

from .._show.scale import Scale, middle
from .._show.summary import is_supported, min_count, unit_question
from .._show.table import table
from .._values.text import printable
from ..histogram import Histogram

__all__ = ["FORMATS", "Report", "Row"]


class Row(NamedTuple):
    """A file or group, and the histogram of its numbers."""

    name: str
    histogram: Histogram


class Report(NamedTuple):
    """All data to print; every histogram is in `unit`."""

    rows: list[Row]
    total: Histogram
    shows_total: bool  # whether table and csv end with the total; JSON always has it
    unit: str
    percentiles: list[float]  # each in [0, 100], without duplicates
    skipped: int  # bad lines, rows and array elements

    def all_rows(self) -> list[Row]:
        """Return the rows of the table and of csv."""
        return self.rows + [Row("total", self.total)] if self.shows_total else self.rows


def _table(report: Report) -> str:
    """Return an aligned table, followed by notes."""
    rows, percentiles = report.all_rows(), report.percentiles
    shown = [_shown(row.histogram, percentiles) for row in rows]
    scale = Scale.of(report.unit, middle([value for values in shown for value in values]))
    headers = [f"name ({scale.unit})", "count", "min", *(f"p{_plain(p)}" for p in percentiles), "max", "mean"]
    cells = [
        [printable(row.name), f"{row.histogram.count:,}", *map(scale.show, values)] for row, values in zip(rows, shown)
    ]
    for header, counts in (
        ("zero", [row.histogram.zero_count for row in rows]),
        ("overflow", [row.histogram.overflow_count for row in rows]),
    ):
        if any(counts):
            headers.append(header)
            for line, count in zip(cells, counts):
                line.append(f"{count:,}")
    notes = _notes(rows, percentiles)
    return "\n".join([table(headers, cells), *([""] if notes else []), *notes]) + "\n"


def _shown(histogram: Histogram, percentiles: list[float]) -> list[float]:
    """Return minimum, percentiles, maximum and mean; NaN for a percentile with too few values."""
    values = [histogram.percentile(p) if _is_supported(histogram, p) else math.nan for p in percentiles]
    return [histogram.min, *values, histogram.max, histogram.mean]


def _is_supported(histogram: Histogram, p: float) -> bool:
    return p == 100 or is_supported(histogram.count, p)


def _notes(rows: list[Row], percentiles: list[float]) -> list[str]:
    """Return notes below the table, one line each: missing percentiles, doubtful units, synthetic counts."""
    filled = [row for row in rows if row.histogram.count]
    notes = []
    missing = [p for p in percentiles if not all(_is_supported(row.histogram, p) for row in filled)]
    if missing:
        needs = (f"p{_plain(p)} needs {min_count(p):,}" for p in missing)
        notes.append(f"-  too few values: {', '.join(needs)} (--format json shows them anyway)")
    for row in filled:
        question = unit_question(row.histogram)
        if question:
            notes.append(printable(f"{row.name}: {question}"))
        if row.histogram.synthetic:
            notes.append(printable(f"{row.name}: partly synthetic (corrected for coordinated omission)"))
    return notes


def _json(report: Report) -> str:
    """Return one JSON document: a summary for each row, and for the total."""
    document = {
        "unit": report.unit,
        "skipped": report.skipped,
        "rows": [{"name": row.name, **_summary(row.histogram, report.percentiles)} for row in report.rows],
        "total": _summary(report.total, report.percentiles),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _summary(histogram: Histogram, percentiles: list[float]) -> dict[str, object]:
    mark = {"synthetic": True} if histogram.synthetic else {}
    return {
        **mark,
        "count": histogram.count,
        "zero_count": histogram.zero_count,
        "overflow_count": histogram.overflow_count,
        "min": _finite(histogram.min),
        "percentiles": {_plain(p): _finite(histogram.percentile(p)) for p in percentiles},
        "max": _finite(histogram.max),
        "mean": _finite(histogram.mean),
        "sum": _finite(histogram.sum),
    }


def _csv(report: Report) -> str:
    """Return csv with a header; a value that is not finite becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quantiles = [f"p{_plain(p)}" for p in report.percentiles]
    writer.writerow(["name", "unit", "count", "zero_count", "overflow_count", "min", *quantiles, "max", "mean", "sum"])
    for name, h in report.all_rows():
        values = [h.min, *(h.percentile(p) for p in report.percentiles), h.max, h.mean, h.sum]
        writer.writerow([name, report.unit, h.count, h.zero_count, h.overflow_count, *map(_finite, values)])
    return text.getvalue()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(p: float) -> str:
    """Return a percentile as text, without a needless ".0".

    >>> _plain(50.0), _plain(99.99)
    ('50', '99.99')
    """
    return str(int(p)) if p.is_integer() else repr(p)


#: Functions that turn a report into text, by name of the format.
FORMATS = {"table": _table, "json": _json, "csv": _csv}
