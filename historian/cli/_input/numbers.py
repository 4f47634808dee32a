"""Read numbers from files into a `Tally`, in bounded memory: plain text, csv, JSON lines, .npy, .hist."""

from __future__ import annotations

import csv
import json
import math
import re
from typing import BinaryIO, NamedTuple

from .hist import SUFFIX, read_hist
from .lines import Lines, chunks
from .tally import InputError, Tally, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Layout", "read"]

#: Numbers in a batch, where they are read one by one: so many that the cost of a batch is negligible.
BATCH = 1 << 15

_COMMENT = re.compile(rb"#[^\n]*")


class Layout(NamedTuple):
    """Where the numbers are in csv and JSON lines; empty strings for other files."""

    column: str = ""  # of csv
    by: str = ""  # column of csv whose values name the groups
    field: str = ""  # of JSON lines: keys joined by dots


def read(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count all numbers in a binary stream.  `name` is its file name, which tells the format and appears in messages.

    O(size) time; memory does not grow with the size.  Raises InputError for bad input (unless the tally skips it),
    OSError if the stream cannot be read.
    """
    lowered = name.lower()
    if lowered.endswith(".npy"):
        from .npy import read_npy

        read_npy(stream, name, tally)
    elif lowered.endswith(SUFFIX):
        read_hist(stream, name, tally)
    elif layout.field:
        read_json_lines(stream, name, layout.field, tally)
    elif layout.column or lowered.endswith((".csv", ".tsv")):
        read_csv(stream, name, layout, tally)
    else:
        read_text(stream, name, tally)


# ---- plain text --------------------------------------------------------------------------------------


def read_text(stream: BinaryIO, name: str, tally: Tally) -> None:
    """Count the numbers in plain text, one or more per line.  Blank lines and comments after ``#`` are skipped."""
    line = 1
    for chunk in chunks(stream):
        text = _COMMENT.sub(b"", chunk) if b"#" in chunk else chunk
        try:
            if b"_" in text:
                raise ValueError
            tally.add(list(map(float, text.split())))
        except ValueError:
            _read_line_by_line(text, name, line, tally)
        line += chunk.count(b"\n")


def _read_line_by_line(text: bytes, name: str, first: int, tally: Tally) -> None:
    """Count the numbers in the good lines of `text`; `first` is the number of its first line."""
    values: list[float] = []
    for line, raw in enumerate(text.split(b"\n"), first):
        word = ""
        try:
            numbers = []
            for word in raw.decode().split():
                numbers.append(tally.number(word))
            values += numbers
        except UnicodeDecodeError:
            tally.bad(f"{name}:{line}", f"{clipped(raw.decode(errors='backslashreplace').strip())} is not UTF-8 text")
        except ValueError as error:
            tally.bad(f"{name}:{line}", f"{error}{_context(raw.decode().strip(), word)}")
    tally.add(values)


def _context(line: str, word: str) -> str:
    """Return the end of a message about a bad `word`: its line, if it has more words, and a likely remedy."""
    whole = "" if line == word else f", in {clipped(line)}"
    if line.startswith("{"):
        return f"{whole}; for JSON lines, name the field with --field"
    return f"{whole}; for csv, name the column with --column" if "," in line else whole


# ---- csv ---------------------------------------------------------------------------------------------


def read_csv(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count the numbers in one column of csv with a header; of tab-separated values if the name ends in ``.tsv``."""
    rows = _rows(stream, name, tally)
    header = next(rows, None)
    if header is None:
        raise InputError(f"{name}: no header line: the first line must name the columns")
    names = [cell.strip() for cell in header[1]]
    column = _position(names, layout.column, "--column", name)
    by = _position(names, layout.by, "--by", name) if layout.by else None
    waiting: dict[str, list[float]] = {}  # not counted yet, by group
    number_waiting = 0
    for where, row in rows:
        try:
            value = tally.number(row[column].strip()) if row[column].strip() else _refuse_empty(names[column])
            group = "" if by is None else row[by].strip()
        except IndexError:
            tally.bad(where, f"{clipped(','.join(row))} has {len(row)} of {len(names)} columns")
        except ValueError as error:
            tally.bad(where, str(error))
        else:
            waiting.setdefault(group, []).append(value)
            number_waiting += 1
            if number_waiting == BATCH:
                _add_all(waiting, tally)
                number_waiting = 0
    _add_all(waiting, tally)


def _rows(stream: BinaryIO, name: str, tally: Tally) -> Iterator[tuple[str, list[str]]]:
    """Yield every row that is not blank, after the file name and the number of its last line."""
    lines = Lines(stream)
    reader = csv.reader(lines, delimiter="\t" if name.lower().endswith(".tsv") else ",", strict=True)
    while True:
        row: list[str] = []
        try:
            row = next(reader)
            fault = lines.take_fault()
        except StopIteration:
            return
        except csv.Error as error:
            fault = lines.take_fault() or f"not csv: {error}"
        where = f"{name}:{lines.number}"
        if fault:
            tally.bad(where, f"{fault}: {clipped(','.join(row))}" if row else fault)
        elif row:
            yield where, row


def _position(names: list[str], wanted: str, option: str, file: str) -> int:
    """Return the position of a column.  Raises InputError, with a list of columns, unless exactly one has this name."""
    if names.count(wanted) == 1:
        return names.index(wanted)
    listed = ", ".join(map(clipped, names[:20])) + (", ..." if len(names) > 20 else "")
    if not wanted:
        raise InputError(f"{file}: which column? Name it with {option}: {listed}")
    problem = "no column" if wanted not in names else f"{names.count(wanted)} columns"
    raise InputError(f"{file}: {problem} {clipped(wanted)} for {option}; the columns are {listed}")


def _refuse_empty(column: str) -> float:
    raise ValueError(f"{clipped('')} is not a number: the cell in column {clipped(column)} is empty")


def _add_all(waiting: dict[str, list[float]], tally: Tally) -> None:
    for group, values in waiting.items():
        tally.add(values, group)
    waiting.clear()


# ---- JSON lines --------------------------------------------------------------------------------------


def read_json_lines(stream: BinaryIO, name: str, field: str, tally: Tally) -> None:
    """Count the numbers in one field of JSON objects, one object per line.  Blank lines are skipped."""
    lines = Lines(stream)
    values: list[float] = []
    for line in lines:
        fault = lines.take_fault()
        text = line.strip()
        try:
            if fault:
                raise ValueError(f"{fault}: {clipped(text)}" if text else fault)
            if text:
                values.append(_field(text, field, tally))
        except ValueError as error:
            tally.bad(f"{name}:{lines.number}", str(error))
        if len(values) == BATCH:
            tally.add(values)
            values = []
    tally.add(values)


def _field(text: str, field: str, tally: Tally) -> float:
    """Return the number in a field of a JSON object.  Raises ValueError, with the reason, if there is none."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{clipped(text)} is not JSON: {error}") from None
    value = _find(value, field, text)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return tally.checked(_as_float(value), str(value))
        except ValueError as error:
            raise ValueError(f"{error}, in {clipped(text)}") from None
    raise ValueError(f"{clipped(json.dumps(value))} in field {clipped(field)} is not a number, in {clipped(text)}")


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond float64
        return math.inf if value > 0 else -math.inf


def _find(value: object, field: str, text: str) -> object:
    """Return the value of a field: ``a.b`` is the key "b" in the object "a", or the key "a.b" itself."""
    path = field
    while isinstance(value, dict):
        if path in value:
            return value[path]
        key, dot, path = path.partition(".")
        if not dot or key not in value:
            break
        value = value[key]
    raise ValueError(f"no field {clipped(field)} in {clipped(text)}")
