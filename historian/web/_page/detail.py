"""`detail`: one recorder as a page shows it: its percentiles with their intervals, and how it changed over time."""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from ..._core import SLOTS
from ..._show.scale import SIZE, TIME, base_unit, quantity
from ..._show.summary import is_supported
from ..._stats.beyond import collected
from ..._values.slots import TO_INDEX
from ...buckets import BUCKETS_PER_OCTAVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..._values.exemplar import Exemplar
    from ...histogram import Histogram
    from .history import Interval

__all__ = ["BIN", "Detail", "detail"]

BIN = 8  # buckets of a cell in the heat map: 8 cells to the octave, each 9 % wide
PERCENTILES = (50.0, 90.0, 99.0)
MAX_EXEMPLARS = 12  # that are shown
ASKED = {"median": 0.5, "p99": 0.99, "p99.9": 0.999}


class Detail(NamedTuple):
    """A recorder, and what it has counted in intervals of time."""

    total: Histogram
    intervals: list[Interval]


def detail(found: Detail) -> dict[str, Any]:
    """Return a recorder for JSON.  O(buckets of all intervals)."""
    total = found.total
    return {
        "unit": total.unit,
        "steps": _steps(total.unit),
        "bin": BIN / BUCKETS_PER_OCTAVE,  # octaves
        "facts": _facts(total),
        "exemplars": _exemplars(total.exemplars, total.unit),
        "columns": [_column(one) for one in found.intervals],
    }


def _facts(total: Histogram) -> list[list[str]]:
    """Return names, values and intervals of confidence: three texts each."""
    if not total.count:
        return [["count", "0", ""]]
    facts = [["count", f"{total.count:,}", ""]]
    for name, q in ASKED.items():
        estimate, _ = collected(lambda q=q: total.ci(q))  # type: ignore[misc]
        value, _, interval = str(estimate).partition(" (")
        facts.append([name, value, interval.removesuffix(")")])
    facts.append(["max", quantity(total.max, total.unit), ""])
    return facts


def _exemplars(found: Iterable[Exemplar], unit: str) -> list[dict[str, Any]]:
    """Return the latest exemplars, newest first: each with its value as text, and its labels as pairs."""
    latest = sorted(found, key=attrgetter("timestamp"), reverse=True)[:MAX_EXEMPLARS]
    return [
        {"time": one.timestamp, "value": quantity(one.value, unit), "labels": list(one.labels.items())}
        for one in latest
    ]


def _column(interval: Interval) -> dict[str, Any]:
    """Return an interval of time: its percentiles in the recorder's unit, and the cells of the heat map.

    A percentile is null if too few values support it.  Cells are pairs: number and count.  Cell k is from 2^(k/8) to
    2^((k+1)/8).
    """
    found: dict[str, Any] = {"number": interval.number, "begin": interval.begin, "end": interval.end}
    histogram = interval.histogram
    if histogram is None:
        return {**found, "count": 0, "values": [None] * (len(PERCENTILES) + 1), "cells": []}
    values = [histogram.percentile(p) if is_supported(histogram.count, p) else None for p in PERCENTILES]
    return {
        **found,
        "count": histogram.count,
        "values": [*values, histogram.max],
        "cells": _cells(histogram),
        "zero": histogram.zero_count,
        "overflow": histogram.overflow_count,
    }


def _cells(histogram: Histogram) -> list[int]:
    cells: dict[int, int] = {}
    for slot, count in zip(*histogram._counts.pairs()):
        if 0 < slot < SLOTS - 1:  # not the zero bucket, nor the overflow bucket
            cell = (slot + TO_INDEX) // BIN
            cells[cell] = cells.get(cell, 0) + count
    return [number for pair in cells.items() for number in pair]


def _steps(unit: str) -> list[list[Any]]:
    """Return the units to show values in: name, factor, and the smallest value in the recorder's unit that has it."""
    base, factor = base_unit(unit)
    family = {"ns": TIME, "B": SIZE}.get(base)
    if family is None:
        return [[unit, 1.0, 0.0]]
    return [[name, factor / one, least / factor] for name, (one, least) in family.items()]
