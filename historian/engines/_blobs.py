"""`Blobs`: the histograms in a column of binary values, as views of its memory."""

from __future__ import annotations

from .._values.arrow import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Blobs"]


class Blobs:
    """The blobs in a column, which may have chunks, by row.  They are not copied; 24 bytes for each say where it is."""

    def __init__(self, column: pa.Array | pa.ChunkedArray) -> None:
        import numpy as np
        import pyarrow as pa

        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        self._views: list[memoryview] = []  # of the chunks
        parts = [self._read(chunk) for chunk in chunks if len(chunk)]
        empty = np.empty(0, np.int64)
        self._starts: NDArray[Any] = np.concatenate([start for start, _, _ in parts] or [empty])
        self._ends: NDArray[Any] = np.concatenate([end for _, end, _ in parts] or [empty])  # -1 for a missing blob
        self._chunks: NDArray[Any] = np.repeat(np.arange(len(parts)), [length for _, _, length in parts])

    def _read(self, chunk: pa.Array) -> tuple[NDArray[Any], NDArray[Any], int]:
        """Note the memory of a chunk; return where its blobs start and end, and how many they are."""
        import numpy as np
        import pyarrow as pa

        values = plain(getattr(chunk, "storage", chunk))
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_null(values.type) or pa.types.is_fixed_size_binary(values.type):
            values = values.cast(pa.binary())
        if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
            raise TypeError(f"histograms are in a column of binary values, not of {values.type}")
        _, offsets, data = values.buffers()
        width = np.int32 if pa.types.is_binary(values.type) else np.int64
        bounds = np.frombuffer(offsets, width)[values.offset : values.offset + len(values) + 1].astype(np.int64)
        ends = bounds[1:].copy()
        if values.null_count:
            ends[values.is_null().to_numpy(zero_copy_only=False)] = -1
        self._views.append(memoryview(data if data is not None else b""))
        return bounds[:-1], ends, len(values)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[memoryview | None]:
        return self.at(range(len(self)))

    def at(self, rows: Iterable[int]) -> Iterator[memoryview | None]:
        """Yield the blobs in some rows; None for those that are missing."""
        import numpy as np

        index = np.asarray(rows, np.int64)
        views = self._views
        where = zip(self._chunks[index].tolist(), self._starts[index].tolist(), self._ends[index].tolist())
        return (views[chunk][start:end] if end >= 0 else None for chunk, start, end in where)
