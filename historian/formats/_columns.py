"""Histograms as the columns of a data frame: a dictionary of lists and arrays, which every library of them takes."""

from __future__ import annotations

from .._values.key import Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .._values.base import BaseHistogram

__all__ = ["PERCENTILES", "columns"]

PERCENTILES = (50, 90, 99, 99.9, 99.99)


def columns(histograms: Mapping[Any, BaseHistogram], percentiles: Iterable[float] = PERCENTILES) -> dict[str, Any]:
    """Answer `Snapshot.to_frame`; the mapping may also have names instead of keys."""
    import numpy

    keys = [name if isinstance(name, Key) else Key(str(name)) for name in histograms]
    found = list(histograms.values())
    frame: dict[str, Any] = {"name": [key.name for key in keys]}
    numbers: dict[str, Any] = {"unit": [one.unit for one in found]}
    numbers["count"] = numpy.array([one.count for one in found], dtype=numpy.int64)
    for name in ("sum", "mean", "min"):
        numbers[name] = numpy.array([getattr(one, name) for one in found], dtype=numpy.float64)
    asked = list(percentiles)
    values = numpy.array([one.percentile(asked) for one in found], dtype=numpy.float64).reshape(len(found), len(asked))
    numbers |= {f"p{p:.12g}": values[:, k].copy() for k, p in enumerate(asked)}
    numbers["max"] = numpy.array([one.max for one in found], dtype=numpy.float64)
    for label in sorted({label for key in keys for label, _ in key.labels}):
        column = label
        while column in frame or column in numbers:
            column = f"label_{column}"
        frame[column] = [dict(key.labels).get(label, "") for key in keys]
    return {**frame, **numbers}
