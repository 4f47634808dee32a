"""`Blobs`: the histograms in a column of binary values, read in its memory."""

from __future__ import annotations

from .. import _core
from .._values.arrow import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Blobs"]


class Blobs:
    """The blobs in a column, which may have chunks, by row.  They are not copied; one at a time is, when it is read."""

    def __init__(self, column: pa.Array | pa.ChunkedArray) -> None:
        import numpy as np
        import pyarrow as pa

        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        chunks = [_plain(chunk) for chunk in chunks if len(chunk)]
        self._native = _core.Blobs([_memory(chunk) for chunk in chunks])
        #: Which blobs are missing; None if all are there.
        self._missing: NDArray[np.bool_] | None = None
        if any(chunk.null_count for chunk in chunks):
            self._missing = np.concatenate([chunk.is_null().to_numpy(zero_copy_only=False) for chunk in chunks])

    def __len__(self) -> int:
        return len(self._native)

    def __iter__(self) -> Iterator[bytes | None]:
        """Yield the bytes in each row; None for those that are missing."""
        missing = self._missing
        return (None if missing is not None and missing[row] else self._native[row] for row in range(len(self)))

    def add_to(self, total: _core.Merged, rows: NDArray[Any], before: int = 0) -> tuple[int, str] | None:
        """Add the histograms in some rows to a sum, and return None; or the first row without a valid one, and why.

        O(bytes).  Raises ValueError for histograms of different units.  The numbers of rows in messages, and that which
        is returned, count from `before` on.
        """
        import numpy as np

        rows = np.ascontiguousarray(rows, np.int64)
        if self._missing is not None:
            missing = np.flatnonzero(self._missing[rows])
            if len(missing):
                fault = total.add_rows(self._native, rows[: missing[0]], before)
                return fault or (before + int(rows[missing[0]]), "it is missing")
        return total.add_rows(self._native, rows, before)


def _plain(chunk: pa.Array) -> pa.Array:
    """Return a chunk as an array of the type binary or large_binary.  Raises TypeError if it holds something else."""
    import pyarrow as pa

    values = plain(getattr(chunk, "storage", chunk))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type) or pa.types.is_fixed_size_binary(values.type):
        values = values.cast(pa.binary())
    if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        raise TypeError(f"histograms are in a column of binary values, not of {values.type}")
    return values


def _memory(values: pa.Array) -> tuple[int, int, bool, Any, Any]:
    """Return what the core needs to know of an array."""
    import pyarrow as pa

    _, offsets, data = values.buffers()
    return len(values), values.offset, pa.types.is_large_binary(values.type), offsets, b"" if data is None else data
