"""`merged`: add up many histograms, each given as a histogram or as its bytes."""

from __future__ import annotations

from .._core import Merged
from .base import BaseHistogram
from .exemplar import MAX_EXEMPLARS, latest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from .._core import Counts
    from .exemplar import Exemplar

__all__ = ["MergeWarning", "merged"]

MOST_PENDING = 16 * MAX_EXEMPLARS  # exemplars that are put aside until the latest of each octave are chosen


class MergeWarning(UserWarning):
    """Invalid bytes were left out of a merge: `skipped` of `total` items, the first at `position`."""

    __module__ = "historian"

    def __init__(self, skipped: int, total: int, position: int, reason: str) -> None:
        super().__init__(skipped, total, position, reason)
        self.skipped = skipped  # from 1 to `total`
        self.total = total  # histograms and bytes that were passed in
        self.position = position  # of the first skipped item, counted from 0
        self.reason = reason  # what is wrong with that item

    def __str__(self) -> str:
        return f"skipped {self.skipped:,} of {self.total:,}; the first, at position {self.position}: {self.reason}"


def merged(
    histograms: Iterable[BaseHistogram | bytes | bytearray | memoryview],
    on_error: Literal["raise", "skip"] = "raise",
    *,
    stacklevel: int = 2,
) -> tuple[Counts, str, int, float, float, bool, int, tuple[Exemplar, ...]]:
    """Merge for `historian.merge`; return the arguments of `make`.  A warning names the caller at `stacklevel`."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    total = Merged()
    exemplars: list[Exemplar] = []
    skipped, first, position = 0, (0, ""), -1
    for position, item in enumerate(histograms):
        reason = total.add_bytes(item, position) if type(item) is bytes else _add(total, item, position, exemplars)
        if reason is None:
            continue
        if on_error == "raise":
            raise ValueError(f"position {position} is not a histogram: {reason}; pass on_error='skip' to leave it out")
        first = first if skipped else (position, reason)
        skipped += 1
    if skipped:
        from warnings import warn

        warn(MergeWarning(skipped, position + 1, *first), stacklevel=stacklevel)
    return *total.result(), latest(exemplars) if exemplars else ()


def _add(total: Merged, item: object, position: int, exemplars: list[Exemplar]) -> str | None:
    """Add a histogram or its bytes.  Return None, or for invalid bytes what is wrong with them."""
    if isinstance(item, BaseHistogram):
        counts, low, high = item._counts, item._min, item._max
        total.add(counts, item._unit, item._sum, low, high, item._synthetic, item._bounds, position)
        if item._exemplars:
            exemplars += item._exemplars
            if len(exemplars) > MOST_PENDING:
                exemplars[:] = latest(exemplars)
        return None
    if isinstance(item, (bytes, bytearray, memoryview)):
        return total.add_bytes(item, position)
    hint = ": pass its .snapshot()" if hasattr(item, "snapshot") else ""
    raise TypeError(f"merge() takes an iterable of histograms or their bytes, not of {type(item).__name__}{hint}")
