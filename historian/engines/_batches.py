"""Streams of batches: the histograms of their rows, and the sums of their histograms, in bounded memory."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

from ..histogram import Histogram
from ._columns import merged
from ._recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeVar

    import pyarrow as pa

    _B = TypeVar("_B")

__all__ = ["ahead", "names_of", "quantiles", "recorded", "share", "summed"]

#: Rows of blobs in a batch: about 60 MB.
BLOBS = 1 << 17
#: Rows of values in a batch: few enough to stay in the processor's cache.
ROWS = 1 << 16


def names_of(by: str | Sequence[str]) -> list[str]:
    """Return the names of the columns of labels as a list."""
    return [by] if isinstance(by, str) else list(by)


def ahead(batches: Iterable[_B]) -> Iterator[_B]:
    """Yield all batches, while a thread waits for the next one: the engine works while this one is recorded."""
    iterator = iter(batches)
    with ThreadPoolExecutor(1, "historian-batches") as thread:
        coming = thread.submit(next, iterator, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, iterator, None)
            yield batch


def recorded(
    batches: Iterable[pa.RecordBatch],
    value: str,
    by: Sequence[str],
    unit: str,
    invalid: str,
    *,
    keeps_keys: bool = False,
) -> Recording:
    """Record the values of all batches by group.  Takes the memory of one batch and of the groups.

    Raises the errors of `historian.group`; an invalid value raises when its batch has come.
    """
    recording = Recording(value, by, unit, invalid, keeps_keys=keeps_keys)
    for batch in batches:
        recording.add(batch)
        recording.check()
    recording.flush()
    recording.check()
    return recording


def summed(batches: Iterable[pa.RecordBatch | pa.Table], by: Sequence[str]) -> pa.Table | None:
    """Return the sums of the histograms of all batches, as `merged` does; None if there is no batch.

    O(rows).  Takes the memory of one batch, and of twice as many blobs as there are groups.  Raises the errors of
    `merged`.
    """
    import pyarrow as pa

    parts: list[pa.Table] = []
    rows = start = kept = 0  # rows of the parts, rows that came before, rows after the parts were last merged
    for batch in batches:
        try:
            part = merged(batch, by)
        except ValueError as error:
            raise ValueError(f"{error} (rows are counted from row {start:,} on)" if start else str(error)) from None
        start += batch.num_rows
        parts.append(part)
        rows += part.num_rows
        if rows > max(2 * kept, BLOBS):
            parts = [merged(pa.concat_tables(parts), by)]
            kept = rows = parts[0].num_rows
    return merged(pa.concat_tables(parts), by) if parts else None


def quantiles(blobs: Iterable[bytes | None], shares: Iterable[float | None]) -> list[float | None]:
    """Return a quantile of each histogram; None for one that is missing or empty.

    Raises ValueError if one is damaged.
    """
    return [None if blob is None or q is None else _quantile(blob, q) for blob, q in zip(blobs, shares)]


def _quantile(blob: bytes, q: float) -> float | None:
    found = Histogram.from_bytes(blob).quantile(q)
    return None if math.isnan(found) else found


def share(q: float) -> float:
    """Return q.  Raises ValueError unless it is from 0 to 1."""
    if not 0 <= q <= 1:
        raise ValueError(f"q must be from 0 to 1, not {q!r}")
    return float(q)
