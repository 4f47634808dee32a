"""`table`: the profile of all recorders as a page shows it: sorted, filtered, the first rows."""

from __future__ import annotations

import math
from itertools import islice
from typing import NamedTuple

from .._show.profile import notes_on
from .._show.scale import Scale, base_unit, middle
from .._show.summary import supported_percentile
from .._values.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..histogram import Histogram
    from ._names import Name
    from ._watch import Look

__all__ = ["MAX_ROWS", "PERIODS", "SORTS", "Wanted", "table"]

PERCENTILES: dict[str, float] = {"median": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
SORTS = ("sum", "name", "rate", *PERCENTILES, "max", "count")
PERIODS = ("all", "now")
MAX_ROWS = 2_000
MOST_NOTES = 10
MOST_NOTED = 100  # rows of each kind of unit, among which notes are sought
COUNT = Scale("", 1.0)


class Wanted(NamedTuple):
    """What a page shows of the table."""

    sort: str = "sum"  # of SORTS
    reverse: bool = False  # the smallest numbers first, or names from Z to A
    contains: str = ""  # in names, whatever the case
    rows: int = 100  # of each kind of unit, at most
    period: str = "all"  # "now": what was counted since the previous look


class _Row(NamedTuple):
    name: Name
    total: Histogram
    shown: Histogram | None  # of the period; None if it counted nothing
    rate: float  # per second; NaN if it is not known
    factor: float  # from the recorder's unit to the base unit
    sum: float  # of the period, in the base unit


def table(look: Look, wanted: Wanted) -> dict[str, Any]:
    """Return the tables, one for each kind of unit, for JSON.  O(recorders) and O(rows) percentiles."""
    sought = wanted.contains.lower()
    kinds: dict[str, list[_Row]] = {}
    number = 0
    for key, total in look.totals.items():
        if not total.count:
            continue
        number += 1
        name = look.names[key]
        if sought and sought not in name.sought:
            continue
        recent = look.recent.get(key)
        rate = recent.count / look.seconds if recent is not None else look.seconds * 0.0
        shown = total if wanted.period == "all" else recent
        kind, factor = base_unit(total.unit)
        added_up = shown.sum * factor if shown is not None else 0.0
        kinds.setdefault(kind, []).append(_Row(name, total, shown, rate, factor, added_up))
    tables = {
        kind: _sorted(kinds[kind], wanted)[: wanted.rows]
        for kind in sorted(kinds, key=lambda kind: (kind != "ns", kind != "B", kind))
    }
    return {
        "number": look.number,
        "time": look.time,
        "recorders": number,
        "found": sum(map(len, kinds.values())),
        "tables": [_table(kind, shown, kinds[kind], wanted) for kind, shown in tables.items()],
        "notes": _notes(tables.values()),
    }


def _table(kind: str, shown: list[_Row], rows: list[_Row], wanted: Wanted) -> dict[str, Any]:
    """Return the table of some rows; shares are those of the sum of all."""
    everything = math.fsum(row.sum for row in rows if row.sum < math.inf)
    values = [_values(row) for row in shown]
    # Units are chosen for all values so far, whatever the period: they stay the same from one second to the next.
    typical = [one for line in values for one in line]
    if wanted.period != "all":
        typical = [row.total.percentile(p) * row.factor for row in shown for p in (50.0, 99.0)]
    scale, total = Scale.of(kind, middle(typical)), Scale.of(kind, max(row.sum for row in rows))
    texts, rates = _Texts(scale), _Texts(COUNT)
    columns = [
        ["name", f"operation ({printable(scale.unit)})"],
        ["rate", "rate/s"],
        *([name, name] for name in PERCENTILES),
        ["max", "max"],
        ["count", "count"],
        ["sum", f"sum ({printable(total.unit)})"],
    ]
    found = []
    for row, line in zip(shown, values):
        count = row.shown.count if row.shown is not None else 0
        cells = [row.name.short, rates[row.rate], *(texts[one] for one in line), f"{count:,}", total.show(row.sum)]
        share = round(row.sum / everything, 4) if 0 < everything < math.inf else 0.0
        found.append({"id": row.name.id, "share": share, "cells": cells})
    return {"columns": columns, "rows": found}


class _Texts(dict[float, str]):
    """Values as text.  Thousands of percentiles are the representatives of a few hundred buckets."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self._scale = scale

    def __missing__(self, value: float) -> str:
        text = self[value] = self._scale.show(value)
        return text


def _values(row: _Row) -> list[float]:
    """Return the percentiles and the maximum in the base unit; NaN for those that are not known."""
    shown = row.shown
    if shown is None:
        return [math.nan] * (len(PERCENTILES) + 1)
    return [row.factor * one for one in (*(supported_percentile(shown, p) for p in PERCENTILES.values()), shown.max)]


def _sorted(rows: list[_Row], wanted: Wanted) -> list[_Row]:
    """Return the rows in order: the largest numbers first; those without a number come last, by name."""
    if wanted.sort == "name":
        return sorted(rows, key=lambda row: row.name.whole, reverse=wanted.reverse)
    sign = 1.0 if wanted.reverse else -1.0

    def order(row: _Row) -> tuple[bool, float, str]:
        value = _number(row, wanted.sort)
        return value != value, sign * value if value == value else 0.0, row.name.whole

    return sorted(rows, key=order)


def _number(row: _Row, sort: str) -> float:
    if sort in ("sum", "rate"):
        return row.sum if sort == "sum" else row.rate
    if row.shown is None:
        return 0.0 if sort == "count" else math.nan
    if sort == "count":
        return float(row.shown.count)
    return row.factor * (row.shown.max if sort == "max" else supported_percentile(row.shown, PERCENTILES[sort]))


def _notes(tables: Iterable[list[_Row]]) -> list[str]:
    rows = [row for shown in tables for row in islice(shown, MOST_NOTED)]
    named = [(row.name.short, row.shown) for row in rows if row.shown is not None]
    return list(islice(notes_on(named, PERCENTILES), MOST_NOTES))
