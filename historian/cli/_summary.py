"""The report of ``historian summarize``: count, percentiles, extremes and mean of each row."""

from __future__ import annotations

import math

from .._show.names import shortened
from .._show.profile import MAX_NAME_WIDTH
from .._show.scale import Scale, base_unit, middle
from .._show.summary import is_supported, min_count, unit_question
from .._values.text import printable
from ..histogram import Histogram
from ._input.sources import Row, Rows
from ._report import Report, Table, finite, numbers, plain, printed

__all__ = ["doubts", "summary"]


def summary(rows: Rows, percentiles: list[float], show: str | None) -> Report:
    """Return the report.  Table and csv end with the total if it is of several files; JSON always has it.

    Times are in one table, sizes in the next, and each other unit has a table of its own.  There is no total of
    histograms in different units.
    """
    units = {row.histogram.unit for row in rows.rows if row.histogram.count}
    total = rows.total() if len(units) <= 1 else None
    shown = list(rows.rows)
    if (
        total and len(shown) > 1 and not rows.by and not rows.named
    ):  # a group or a recorder may itself be called "total"
        shown.append(Row("total", rows.rows[0].key, total, False))
    names = shortened([printed(row.name) for row in shown], MAX_NAME_WIDTH)
    drawn = [row._replace(name=name) for row, name in zip(shown, names)]
    kinds: dict[str, list[Row]] = {} if shown else {"": []}
    for row in drawn:
        kinds.setdefault(base_unit(row.histogram.unit)[0], []).append(row)
    return Report(
        [_table(kind, percentiles, kind[0].histogram.unit if kind else rows.unit, show) for kind in kinds.values()],
        _notes(drawn, percentiles) + rows.notes(),
        [{"name": row.name, "unit": row.histogram.unit, **numbers(row.histogram, percentiles)} for row in shown],
        {
            "unit": rows.unit if total else None,
            "skipped": rows.skipped,
            "rows": [
                {
                    "name": row.name,
                    **_labels(row, rows),
                    "unit": row.histogram.unit,
                    **_numbers(row.histogram, percentiles),
                }
                for row in rows.rows
            ],
            "total": _numbers(total, percentiles) if total else None,
        },
    )


def doubts(rows: Rows) -> list[str]:
    """Return a question about each row whose unit looks wrong."""
    questions = ((printed(row.name), unit_question(row.histogram)) for row in rows.rows)
    return [f"{name}: {question}" for name, question in questions if question]


def _labels(row: Row, rows: Rows) -> dict[str, object]:
    return {"labels": dict(row.key.labels)} if rows.by or row.key.labels else {}


def _table(rows: list[Row], percentiles: list[float], unit: str, show: str | None) -> Table:
    factor = base_unit(unit)[1]
    shown = [_shown(row.histogram, percentiles, base_unit(row.histogram.unit)[1] / factor) for row in rows]
    scale = (
        Scale(show, 1.0)
        if show == unit and show
        else Scale.of(unit, middle([value for values in shown for value in values]))
    )
    headers = [
        f"name ({printable(scale.unit)})", "count", "min", *(f"p{plain(p)}" for p in percentiles), "max", "mean",
    ]  # fmt: skip
    cells = [[row.name, f"{row.histogram.count:,}", *map(scale.show, values)] for row, values in zip(rows, shown)]
    for header, counts in (
        ("zero", [row.histogram.zero_count for row in rows]),
        ("overflow", [row.histogram.overflow_count for row in rows]),
    ):
        if any(counts):
            headers.append(header)
            for line, count in zip(cells, counts):
                line.append(f"{count:,}")
    return Table(headers, cells)


def _shown(histogram: Histogram, percentiles: list[float], factor: float) -> list[float]:
    """Return minimum, percentiles, maximum and mean, times `factor`; NaN for a percentile with too few values."""
    values = [histogram.percentile(p) if _is_supported(histogram, p) else math.nan for p in percentiles]
    return [factor * value for value in (histogram.min, *values, histogram.max, histogram.mean)]


def _is_supported(histogram: Histogram, p: float) -> bool:
    return p == 100 or is_supported(histogram.count, p)


def _notes(rows: list[Row], percentiles: list[float]) -> list[str]:
    """Return notes below the table, one line each: missing percentiles, doubtful units, synthetic counts."""
    filled = [row for row in rows if row.histogram.count]
    notes = []
    missing = [p for p in percentiles if not all(_is_supported(row.histogram, p) for row in filled)]
    if missing:
        needs = (f"p{plain(p)} needs {min_count(p):,}" for p in missing)
        notes.append(f"-  too few values: {', '.join(needs)} (--format json shows them anyway)")
    for row in filled:
        question = unit_question(row.histogram)
        if question:
            notes.append(f"{row.name}: {question}")
        if row.histogram.synthetic:
            notes.append(f"{row.name}: partly synthetic: some counts are estimates")
    return notes


def _numbers(histogram: Histogram, percentiles: list[float]) -> dict[str, object]:
    mark = {"synthetic": True} if histogram.synthetic else {}
    return {
        **mark,
        "count": histogram.count,
        "zero_count": histogram.zero_count,
        "overflow_count": histogram.overflow_count,
        "min": finite(histogram.min),
        "percentiles": {plain(p): finite(histogram.percentile(p)) for p in percentiles},
        "max": finite(histogram.max),
        "mean": finite(histogram.mean),
        "sum": finite(histogram.sum),
    }
