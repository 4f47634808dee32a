"""What plotting libraries ask of a histogram: the PlottableHistogram protocol of UHI, with all bins of its range.

A histogram loads this module on first use, because it needs numpy.  The protocol is version 1.2 of the package `uhi`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import buckets
from .._core import FIRST_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .._core import Counts

    _Array = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
else:
    _Array = np.ndarray

__all__ = ["Axis", "CallableCounts", "Traits", "axis_of", "dense", "schema"]

_TO_INDEX = FIRST_INDEX - 1  # added to a slot, gives the index of its bucket


class CallableCounts(_Array):
    """The counts of populated buckets: an array, read-only.  Called, it returns those of all bins, as UHI asks."""

    _of: Counts | None

    def __array_finalize__(self, other: Any) -> None:
        self._of = None  # a part, or a result, belongs to no histogram

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        plain = np.asarray(array)
        return plain if plain.ndim else plain[()]  # a calculation gives a plain array

    def __call__(self) -> NDArray[np.float64]:
        if self._of is None:
            raise TypeError("a part of the counts cannot be called: call histogram.counts(), then take a part")
        return dense(self._of)

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    @classmethod
    def of(cls, counts: Counts) -> CallableCounts:
        """Return the counts of a histogram's slots."""
        found = np.array(counts.pairs()[1], dtype=np.int64).view(cls)
        found._of = counts
        found.flags.writeable = False
        return found


class Traits(NamedTuple):
    """What UHI asks of an axis: it has an end, and its bins are intervals."""

    circular: bool = False
    discrete: bool = False


class Axis:
    """The axis of a histogram, as UHI defines it: a sequence of bins, each with its lower and upper edge.

    `edges` is an array, `label` says what the values are.
    """

    __slots__ = ("edges", "label", "name")
    __hash__ = None  # type: ignore[assignment]  # a sequence of numbers

    traits = Traits()
    edges: NDArray[np.float64]  # ascending and finite, shape (bins + 1,), read-only
    label: str
    name: str

    def __init__(self, edges: NDArray[np.float64], label: str) -> None:
        edges.flags.writeable = False
        self.edges, self.label, self.name = edges, label, "value"

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __getitem__(self, index: int) -> tuple[float, float]:
        k = range(len(self))[index]
        return float(self.edges[k]), float(self.edges[k + 1])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        return np.array_equal(self.edges, other.edges)

    def __repr__(self) -> str:
        return f"<Axis of {len(self):,} bins from {self.edges[0]:g} to {self.edges[-1]:g}, {self.label}>"


def _range_of(counts: Counts) -> tuple[int, int]:
    """Return the indices of the first and the last populated bucket; without any, those of the zero bucket."""
    if not counts.total:
        return buckets.ZERO_INDEX, buckets.ZERO_INDEX
    return counts.first + _TO_INDEX, counts.last + _TO_INDEX


def axis_of(counts: Counts, most: float, unit: str) -> Axis:
    """Return the axis.  The upper edge of the overflow bucket is the maximum, so that every edge is finite."""
    first, last = _range_of(counts)
    edges = [buckets.lower(first), *(buckets.upper(k) for k in range(first, last + 1))]
    if last == buckets.OVERFLOW_INDEX:
        edges[-1] = most
    return Axis(np.array(edges), f"value ({unit})")


def dense(counts: Counts) -> NDArray[np.float64]:
    """Return the count of each bin of the axis."""
    first, last = _range_of(counts)
    found = np.zeros(last - first + 1)
    slots, numbers = counts.pairs()
    found[np.array(slots, dtype=np.int64) + (_TO_INDEX - first)] = numbers
    return found


def schema(axis: Axis, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return a histogram as data of UHI's schema 1, which boost-histogram and hist read."""
    no_flow = {"underflow": False, "overflow": False, "circular": False}
    return {
        "uhi_schema": 1,
        "metadata": {},
        "axes": [{"type": "variable", "edges": axis.edges, "metadata": {"label": axis.label}, **no_flow}],
        "storage": {"type": "double", "values": values},
    }
