"""`Table`: a file of columns, of parquet or Arrow, and where its numbers and keys are."""

from __future__ import annotations

import datetime
import json
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from ..._values.arrow import coded, numbers
from .choice import METRICS, Mixture
from .columns import position
from .packed import DamagedError
from .table_files import FILE, OLD, PARQUET, partition_of
from .tally import InputError, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .layout import Layout
    from .tally import Tally

__all__ = ["Part", "Table", "guarded", "text_of"]

#: Rows of a batch: few enough to stay in the processor's cache.
BATCH = 1 << 16

#: Rows of a part of a file, at least; a part is read by one thread.
PART = 1 << 18

#: Parts of an Arrow file at most: its batches tell their sizes only when they are read.
MAX_PARTS = 64

#: Bytes that are read at once of each column of parquet.
BUFFER_NBYTES = 1 << 17

#: Characters of an error of pyarrow that a message shows.
SHOWN = 200


class Part(NamedTuple):
    """A part of a file that one thread reads."""

    pieces: range  # row groups of parquet, or batches of an Arrow file
    first: int | None  # number of the first row, from 0; None if that is not known
    share: float  # of the file, from 0 to 1


class Table:
    """A file of columns that was opened: its metadata have been read.

    Raises InputError for columns that are not there or have another type, DamagedError for a file that is damaged, and
    OSError.
    """

    def __init__(self, path: str, name: str, kind: str, layout: Layout, stream: BinaryIO | None = None) -> None:
        self.name, self.kind, self.layout = name, kind, layout
        self._path, self._stream = path, stream
        self._metadata: Any = None  # of parquet
        options = {
            "--field": layout.field, "--pattern": layout.pattern, "--from": layout.generator,
            "--no-header": layout.header is False,
        }  # fmt: skip
        for option in (option for option, given in options.items() if given):
            raise InputError(f"{name}: {option} does not apply to {kind}: name the column of numbers with --column")
        try:
            import pyarrow  # noqa: F401

            from ...engines import _type
        except ModuleNotFoundError as error:
            if error.name != "pyarrow":
                raise
            raise InputError(
                f"{name}: reading {kind} needs pyarrow: run pip install 'latency-historian[arrow]'"
            ) from None
        _type.register()
        if kind == OLD:
            raise InputError(f"{name}: cannot read {kind}: write it again, as version 2")
        with guarded(name, kind):
            self.schema, self.rows, self.pieces = self._open()
        self._choose()

    def _choose(self) -> None:
        """Find the columns of the numbers and of the keys."""
        names, layout = self.schema.names, self.layout
        types = {field.name: field.type for field in self.schema}
        wanted = layout.column or _only_histograms(types)
        self.value: str = names[position(names, wanted, "--column", self.name)]
        keys = dict.fromkeys((*layout.choice.where, *layout.choice.by))
        told: dict[str, str | None] = {} if "name" in names else {"name": layout.choice.file_name(self.name)}
        told.update((key, value) for key, value in partition_of(self.name).items() if key not in names)
        self.constants: dict[str, str | None] = {key: told[key] for key in keys if key in told}
        self.keys: dict[str, str] = {}  # columns by key
        known = [*names, *(key for key in told if key != "name")]
        for key in (key for key in keys if key not in told):
            found = known[position(known, key, "--where" if key in layout.choice.where else "--by", self.name)]
            if found in told:
                self.constants[key] = told[found]
            else:
                self.keys[key] = found
        layout.choice.known.update(dict.fromkeys([*names, *told]))
        metric = next((name for name in names if name.lower() in METRICS and _is_text(types[name])), None)
        self.metric = None if metric == self.value or metric in self.keys.values() else metric
        self.mixture = Mixture(self.metric, self.name) if self.metric else None
        self.holds_histograms = _is_binary(types[self.value])
        self.is_duration = str(types[self.value]).startswith("duration")
        self._check(types)

    def _check(self, types: dict[str, Any]) -> None:
        """Raise InputError if a column has a type that cannot be read."""
        import pyarrow as pa

        column = self.value
        try:
            if not self.holds_histograms:
                numbers(pa.nulls(0, types[column]), 1.0)
            for column in self.labels:
                coded(pa.nulls(0, types[column]))
        except (TypeError, pa.ArrowException):
            what = "numbers, durations or histograms" if column == self.value else "texts, numbers or times"
            raise InputError(
                f"{self.name}: column {clipped(column)} holds {types[column]}, but {what} are needed"
            ) from None

    @property
    def labels(self) -> list[str]:
        """The columns that tell the group of a row."""
        return [*self.keys.values(), *([self.metric] if self.metric else [])]

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys([self.value, *self.labels]))

    def _open(self) -> tuple[Any, int | None, int]:
        """Return the schema, the number of rows if it is known, and the number of row groups or batches."""
        import pyarrow as pa

        if self.kind == PARQUET:
            import pyarrow.parquet as pq

            with pq.ParquetFile(self._source()) as file:
                self._metadata = file.metadata
                return file.schema_arrow, file.metadata.num_rows, file.num_row_groups
        if self.kind == FILE and self._stream is None:
            with pa.OSFile(self._path) as source, pa.ipc.open_file(source) as reader:
                return reader.schema, None, reader.num_record_batches
        if self._stream is not None:
            if self.kind == FILE:
                self._stream.read(8)  # the magic and its padding; then comes a stream, and the footer
            self._reader = pa.ipc.open_stream(self._stream)
            return self._reader.schema, None, 1
        with pa.OSFile(self._path) as source, pa.ipc.open_stream(source) as reader:
            return reader.schema, None, 1

    def _source(self) -> Any:
        import pyarrow as pa

        return pa.OSFile(self._path) if self._stream is None else pa.PythonFile(self._stream, "r")

    def parts(self) -> Iterator[Part]:
        """Yield the parts of the file, in their order."""
        if self._stream is not None:
            yield Part(range(self.pieces), 0, 1.0)
            return
        if self._metadata is None:
            size = max(1, -(-self.pieces // MAX_PARTS))
            for start in range(0, self.pieces, size):
                pieces = range(start, min(start + size, self.pieces))
                yield Part(pieces, 0 if start == 0 else None, len(pieces) / self.pieces)
            return
        start = first = rows = 0
        for piece in range(self.pieces):
            rows += self._metadata.row_group(piece).num_rows
            if rows >= PART or piece == self.pieces - 1:
                yield Part(range(start, piece + 1), first, rows / (self.rows or 1))
                start, first, rows = piece + 1, first + rows, 0

    def batches(self, part: Part) -> Iterator[Any]:
        """Yield the batches of a part, with few rows each.  Only the columns that are needed are read."""
        with guarded(self.name, self.kind):
            for batch in self._batches(part):
                if self.kind != PARQUET:  # memory as it was written: what is damaged would be read beyond its end
                    batch.select(self.columns).validate(full=True)
                for start in range(0, batch.num_rows, BATCH):
                    yield batch.slice(start, BATCH)

    def _batches(self, part: Part) -> Iterator[Any]:
        import pyarrow as pa

        if self.kind == PARQUET:
            import pyarrow.parquet as pq

            texts = [name for name in self.labels if _is_text(self.schema.field(name).type)]
            with pq.ParquetFile(
                self._source(), metadata=self._metadata, read_dictionary=texts, pre_buffer=False,
                buffer_size=BUFFER_NBYTES, page_checksum_verification=True,
            ) as file:  # fmt: skip
                yield from file.iter_batches(BATCH, list(part.pieces), self.columns, use_threads=False)
            return
        fields = [self.schema.get_field_index(name) for name in self.columns]
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        if self._stream is not None:
            yield from self._reader
        elif self.kind == FILE:
            with pa.OSFile(self._path) as source, pa.ipc.open_file(source, options=options) as reader:
                for piece in part.pieces:
                    yield reader.get_batch(piece)
        else:
            with pa.OSFile(self._path) as source, pa.ipc.open_stream(source, options=options) as stream:
                yield from stream

    def row(self, part: Part, row: int) -> str:
        """Return the place of a row of a part for a message: its number from 1."""
        if part.first is not None:
            return f"row {part.first + row + 1:,}"
        before = sum(batch.num_rows for batch in self._batches(Part(range(part.pieces.start), 0, 0.0)))
        return f"row {before + row + 1:,}"

    def fault(self, column: Any, row: int, ns_per_unit: float | None, tally: Tally) -> str:
        """Return what is wrong with the number in a row of a column."""
        if column[row].is_valid:
            value = float(numbers(column.slice(row, 1), ns_per_unit)[0])
            try:
                tally.checked(value, repr(value))
            except ValueError as error:
                return f"{error}, in column {clipped(self.value)}"
        return f"the cell in column {clipped(self.value)} is null"


def _only_histograms(types: dict[str, Any]) -> str:
    """Return the name of the column of histograms if there is one; else an empty text."""
    found = [name for name, kind in types.items() if getattr(kind, "extension_name", "") == "historian.histogram"]
    return found[0] if len(found) == 1 else ""


def _is_binary(kind: Any) -> bool:
    return str(getattr(kind, "storage_type", kind)) in ("binary", "large_binary", "binary_view")


def _is_text(kind: Any) -> bool:
    return str(getattr(kind, "value_type", kind)) in ("string", "large_string", "string_view")


def text_of(value: object) -> str | None:
    """Return the value of a key as text: as in JSON, and times as in ISO 8601; None for what is missing.

    >>> text_of("a"), text_of(200), text_of(True), text_of(None)
    ('a', '200', 'true', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


@contextmanager
def guarded(name: str, kind: str) -> Iterator[None]:
    """Raise what pyarrow says about a damaged file as DamagedError."""
    import pyarrow as pa

    try:
        yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        short = f"{reason[:SHOWN]}..." if len(reason) > SHOWN else reason
        raise DamagedError(name, f"not {kind}, or cut short or damaged: {short}") from None
