"""`merge`: one histogram of many, which may be histograms or their bytes."""

from __future__ import annotations

from .._core import Merged
from .base import Histogram, make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

__all__ = ["MergeWarning", "merge"]


class MergeWarning(UserWarning):
    """Bytes that are no histogram were left out of a merge; `skipped` of `total`, the first at `position`."""

    def __init__(self, skipped: int, total: int, position: int, reason: str) -> None:
        super().__init__(skipped, total, position, reason)
        self.skipped = skipped  # from 1 to `total`
        self.total = total  # histograms and bytes that were handed in
        self.position = position  # of the first that was skipped, counted from 0
        self.reason = reason  # what is wrong with that one

    def __str__(self) -> str:
        return f"skipped {self.skipped:,} of {self.total:,}; the first, at position {self.position}: {self.reason}"


def merge(
    histograms: Iterable[Histogram | bytes | bytearray | memoryview], *, on_error: Literal["raise", "skip"] = "raise"
) -> Histogram:
    """Return the histogram of all values of all `histograms`; empty for none.

    What came from other processes is merged as it came: bytes (of `Histogram.to_bytes`) are added up without making
    an object of each.  O(total buckets); an iterator of millions needs no more memory than one.

    Bytes that are no histogram raise ValueError with their position in the iterable, counted from 0, and what is wrong
    with them; with ``on_error="skip"`` they are left out, and at the end a `MergeWarning` tells how many there were.
    In either case: ValueError if units differ, TypeError for what is neither a histogram nor bytes, OverflowError if
    the count would reach 2**63.

    >>> merge([Histogram.from_values([1.0]), Histogram.from_values([3.0]).to_bytes()]).sum
    4.0
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    merged = Merged()
    skipped, first, position = 0, (0, ""), -1
    for position, item in enumerate(histograms):
        try:
            reason = merged.add_bytes(item) if type(item) is bytes else _add(merged, item)
        except (ValueError, OverflowError) as error:
            raise type(error)(f"{error} (at position {position})") from None
        if reason is None:
            continue
        if on_error == "raise":
            raise ValueError(f"position {position} holds no histogram: {reason}; on_error='skip' leaves such out")
        first = first if skipped else (position, reason)
        skipped += 1
    if skipped:
        from warnings import warn

        warn(MergeWarning(skipped, position + 1, *first), stacklevel=2)
    return make(*merged.result())


def _add(merged: Merged, item: object) -> str | None:
    """Add a histogram or bytes.  Return what is wrong with bytes that are no histogram, else None."""
    if isinstance(item, Histogram):
        merged.add(item._counts, item._unit, item._sum, item._min, item._max, item._synthetic)
        return None
    if isinstance(item, (bytes, bytearray, memoryview)):
        return merged.add_bytes(item)
    hint = ": pass its .snapshot()" if hasattr(item, "snapshot") else ""
    raise TypeError(f"merge() takes an iterable of histograms or their bytes, not of {type(item).__name__}{hint}")
