"""Exemplars in a table: the slowest values that lead to a trace."""

from __future__ import annotations

import time

from .scale import base_unit, quantity
from .view import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._values.base import BaseHistogram
    from .._values.exemplar import Exemplar

__all__ = ["exemplar_tables"]

SHOWN = 5  # rows


def exemplar_tables(named: Iterable[tuple[str, BaseHistogram]]) -> list[Table]:
    """Return a table of the largest values with labels, times first; none if there are no such values.

    Each of `named` is a name that is shown, or "" if there is one histogram only.
    """
    found: list[tuple[bool, float, str, str, Exemplar]] = []
    for name, histogram in named:
        if histogram.exemplars:
            kind, factor = base_unit(histogram.unit)
            found += [(kind != "ns", -factor * one.value, name, histogram.unit, one) for one in histogram.exemplars]
    if not found:
        return []
    found.sort(key=lambda row: row[:3])
    rows = []
    for _, _, name, unit, one in found[:SHOWN]:
        labels = " ".join(f"{label}={text}" for label, text in one.labels.items())
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one.timestamp))
        rows.append([quantity(one.value, unit), *([name] if name else []), labels, at])
    title = "largest traces" if found[0][0] else "slowest traces"
    headers = [title, *(["operation"] if found[0][2] else []), "labels", "recorded (UTC)"]
    return [Table(headers, rows, [headers[-1], "operation"])]
