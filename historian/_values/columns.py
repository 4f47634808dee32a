"""Histograms as the columns of a data frame: a dictionary of lists and arrays, which every library of them takes."""

from __future__ import annotations

from .key import Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from typing import Any

    from .base import BaseHistogram

__all__ = ["PERCENTILES", "columns", "columns_of_numbers", "unused"]

PERCENTILES = (50, 90, 99, 99.9, 99.99)


def columns(rows: Iterable[tuple[Any, BaseHistogram]], percentiles: Iterable[float] = PERCENTILES) -> dict[str, Any]:
    """Answer `Snapshot.to_frame` and `Profile.to_frame`: each row has a `Key` or a name, and a histogram."""
    keys, found = [], []
    for key, histogram in rows:
        keys.append((key.name, dict(key.labels)) if isinstance(key, Key) else (_text(key), {}))
        found.append(histogram)
    frame: dict[str, Any] = {"name": [name for name, _ in keys]}
    numbers = columns_of_numbers(found, percentiles)
    for label in sorted({label for _, labels in keys for label in labels}):
        column = unused(label, {**frame, **numbers})
        frame[column] = [labels.get(label, "") for _, labels in keys]
    return {**frame, **numbers}


def columns_of_numbers(found: Sequence[BaseHistogram], percentiles: Iterable[float] = PERCENTILES) -> dict[str, Any]:
    """Return the columns that follow the names, with a row for each histogram."""
    import numpy

    numbers: dict[str, Any] = {"unit": [one.unit for one in found]}
    numbers["count"] = numpy.array([one.count for one in found], dtype=numpy.int64)
    for name in ("sum", "mean", "min"):
        numbers[name] = numpy.array([getattr(one, name) for one in found], dtype=numpy.float64)
    asked = list(percentiles)
    values = numpy.array([one.percentile(asked) for one in found], dtype=numpy.float64).reshape(len(found), len(asked))
    numbers |= {f"p{p:.12g}": values[:, k].copy() for k, p in enumerate(asked)}
    numbers["max"] = numpy.array([one.max for one in found], dtype=numpy.float64)
    return numbers


def unused(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: this one, with ``label_`` before it as often as needed."""
    while name in taken:
        name = f"label_{name}"
    return name


def _text(name: object) -> str:
    """Return a name as valid Unicode, which Arrow and polars insist on; those of keys are."""
    return str(name).encode(errors="backslashreplace").decode()
