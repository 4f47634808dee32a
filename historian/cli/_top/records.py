"""Frames of ``historian top`` for programs: a line of JSON, rows of csv, or a table in Markdown for each frame."""

from __future__ import annotations

import csv
import io
import json
import math
import time

from ..._show.names import shortened
from ..._show.profile import MAX_NAME_WIDTH
from ..._show.scale import Scale, base_unit, quantity
from ..._show.table import markdown_table
from .._report import finite, plain, printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .watch import Change, Look

__all__ = ["Records"]

_ONE = Scale("", 1.0)


class Records:
    """Turns looks into text; values are in the unit of each recorder."""

    def __init__(self, form: str, percentiles: Sequence[float]) -> None:
        self._form = form  # "json", "csv" or "markdown"
        self._percentiles = percentiles
        self._begun = False  # whether the header of csv has been returned

    def text(self, look: Look, sort: str) -> str:
        """Return the text of a frame; its rows are in the order `sort`."""
        changes = sorted(look.changes, key=lambda change: _order(change, sort))
        rows = [self._row(change, look.seconds) for change in changes]
        if self._form == "markdown":
            return self._markdown(rows) + "\n\n"
        now = look.start or time.strftime("%Y-%m-%dT%H:%M:%S%z")
        if self._form == "json":
            return json.dumps({"time": now, "seconds": finite(look.seconds), "rows": rows}, allow_nan=False) + "\n"
        text = io.StringIO()
        names = ["time", "name", "unit", "rate", *self._names(), "max", "sum_per_second", "count"]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        if not self._begun:
            writer.writeheader()
            self._begun = True
        writer.writerows({"time": now, **row} for row in rows)
        return text.getvalue()

    def _names(self) -> list[str]:
        return [f"p{plain(p)}" for p in self._percentiles]

    def _row(self, change: Change, seconds: float) -> dict[str, object]:
        recent, total = change.recent, change.total
        highest = min(recent.max, total.max)  # the maximum of a difference of histograms is only a bucket edge
        values = [min(recent.percentile(p), highest) for p in self._percentiles]
        return {
            "name": change.name,
            "unit": total.unit,
            "rate": finite(recent.count / seconds) if recent.count else 0.0,
            **{name: finite(value) for name, value in zip(self._names(), values)},
            "max": finite(highest),
            "sum_per_second": finite(recent.sum / seconds) if recent.count else 0.0,
            "count": total.count,
        }

    def _markdown(self, rows: list[dict[str, object]]) -> str:
        def shown(row: dict[str, object], name: str, end: str = "") -> str:
            value = row[name]
            return quantity(value, f"{row['unit']}") + end if isinstance(value, float) and value else "-"

        names = shortened([printed(str(row["name"])) for row in rows], MAX_NAME_WIDTH)
        cells = [
            [
                name,
                _ONE.show(float(str(row["rate"] or 0))),
                *(shown(row, name) for name in [*self._names(), "max"]),
                shown(row, "sum_per_second", "/s"),
                f"{row['count']:,}",
            ]
            for row, name in zip(rows, names)
        ]
        return markdown_table(["name", "rate/s", *self._names(), "max", "sum", "count"], cells)


def _order(change: Change, sort: str) -> tuple[float, str]:
    """Return the key of a change: largest numbers first, changes without values last, then by name."""
    recent = change.recent
    factor = base_unit(recent.unit)[1]
    numbers = {
        "rate": float(recent.count),
        "p99": factor * recent.percentile(99),
        "max": factor * recent.max,
        "sum": factor * recent.sum,
        "name": 0.0,
    }
    value = numbers[sort]
    return (-value if value == value else math.inf), change.name
