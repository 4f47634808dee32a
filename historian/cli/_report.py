"""`Report`: results of a command as a table, as JSON, as csv and as Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import NamedTuple

from .._show.names import shortened
from .._show.profile import MAX_NAME_WIDTH
from .._show.table import in_markdown, markdown_table, table
from .._values.text import printable, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..histogram import Histogram

__all__ = ["Report", "Table", "finite", "numbers", "plain", "printed", "report"]


class Table(NamedTuple):
    """A table for people."""

    headers: list[str]
    cells: list[list[str]]
    title: str = ""  # in the line above; empty for none
    notes: Sequence[str] = ()  # lines below; empty ones separate them


class Report(NamedTuple):
    """All that a command prints, for people and for programs."""

    tables: list[Table]
    notes: list[str]  # lines below all tables
    records: Sequence[dict[str, object]]  # rows of csv, in full precision; all with the same keys
    document: object  # of JSON, in full precision


def report(result: Report, form: str) -> str:
    """Return a report as text in one of `historian.cli._options.FORMATS`."""
    if form == "json":
        return json.dumps(result.document, indent=2, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(result.records)
    draw = markdown_table if form == "markdown" else table
    parts = []
    titles = shortened([printed(one.title) if one.title else "" for one in result.tables], MAX_NAME_WIDTH)
    for (headers, cells, _, notes), title in zip(result.tables, titles):
        heading = f"**{in_markdown(title)}**\n\n" if form == "markdown" else f"{title}\n"
        parts += [(heading if title else "") + draw(headers, cells), *_lines(notes, form)]
    return "\n\n".join(parts + _lines(result.notes, form)) + "\n"


def _lines(notes: Sequence[str], form: str) -> list[str]:
    """Return notes as paragraphs: one for all, in Markdown one for each."""
    lines = [printable(note) for note in notes]
    if form == "markdown":
        return [in_markdown(note) for note in lines if note]
    return ["\n".join(lines)] if lines else []


def _csv(records: Sequence[dict[str, object]]) -> str:
    """Return csv with a header; None becomes an empty cell."""
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return text.getvalue()


def finite(value: float) -> float | None:
    """Return a value for JSON or csv: None if it is not finite."""
    return value if math.isfinite(value) else None


def numbers(histogram: Histogram, percentiles: Sequence[float]) -> dict[str, object]:
    """Return the numbers of a row of csv."""
    return {
        "count": histogram.count,
        "zero_count": histogram.zero_count,
        "overflow_count": histogram.overflow_count,
        "min": finite(histogram.min),
        **{f"p{plain(p)}": finite(histogram.percentile(p)) for p in percentiles},
        "max": finite(histogram.max),
        "mean": finite(histogram.mean),
        "sum": finite(histogram.sum),
    }


def plain(p: float) -> str:
    """Return a percentile as text, without a needless ".0".

    >>> plain(50.0), plain(99.99)
    ('50', '99.99')
    """
    return str(int(p)) if p.is_integer() else repr(p)


def printed(name: str) -> str:
    r"""Return the name of a row for a table; a name that begins with a quotation mark has been quoted already.

    >>> print(printed("GET /users"), printed("a\nb"), printed('"a,b"'))
    GET /users "a\nb" "a,b"
    """
    return name if name.startswith('"') and name.isprintable() else shown(name)
