"""Read the numbers in one column of a table: values separated by commas, tabs, semicolons or vertical bars."""

from __future__ import annotations

import csv
from itertools import chain
from typing import BinaryIO, NamedTuple

from ..._values.key import Key
from .._near import did_you_mean, listed
from .batch import Batch
from .choice import METRICS, Choice, Mixture
from .lines import Lines
from .stream import bare
from .tally import InputError, Tally, clipped, has_digit_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Layout

__all__ = ["position", "read_csv", "rows_of"]


class _Columns(NamedTuple):
    """The names of the columns, and the positions of those that are needed, from 0."""

    names: list[str]
    value: int
    keys: dict[str, int]  # of --where and --by
    metric: int | None  # tells several metrics apart
    least: int  # number of columns that a row must have
    file: str  # the value of ``name`` if there is no such column

    def value_of(self, row: list[str], key: str) -> str:
        return row[self.keys[key]].strip() if key in self.keys else self.file


def read_csv(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count the numbers in one column; the name (``.tsv``) or the first line tells what separates the values."""
    rows = rows_of(stream, name, tally)
    first = next(rows, None)
    while first is not None and first[1][0].startswith("#") and not _names(first[1], layout.column):
        first = next(rows, None)
    if first is None:
        if layout.header is False:
            return
        raise InputError(f"{name}: no header line: the first line must name the columns")
    columns = _columns_of(first[1], layout, name)
    if layout.header is False:
        rows = chain([first], rows)
    mixture = Mixture(columns.names[columns.metric], name) if columns.metric is not None else None
    batch = Batch(tally)
    for where, row in rows:
        try:
            found = _read_row(row, columns, layout, tally, mixture)
        except ValueError as error:
            tally.bad(where, str(error))
        else:
            if found is not None:
                batch.add(*found)
    batch.flush()


def _read_row(
    row: list[str], columns: _Columns, layout: Layout, tally: Tally, mixture: Mixture | None
) -> tuple[Key, float] | None:
    """Return group and number of a row, or None if the row does not count."""
    if len(row) != len(columns.names) and not columns.least <= len(row) < len(columns.names):
        raise ValueError(_wrong_length(row, columns))
    choice: Choice = layout.choice
    text = row[columns.value].strip()
    group = layout.otherwise
    if not choice.is_all:
        chosen = choice.group(lambda key: columns.value_of(row, key), group)
        if chosen is None:
            return None
        group = chosen
    value = tally.number(text) if text else _refuse_empty(columns.names[columns.value])
    if mixture is not None and columns.metric is not None:
        mixture.add(row[columns.metric].strip())
    return group, value


def rows_of(stream: BinaryIO, name: str, tally: Tally) -> Iterator[tuple[str, list[str]]]:
    """Yield every row that is not blank, after the file name and the number of its last line."""
    lines = Lines(stream)
    first = next(lines, "")
    delimiter = "\t" if bare(name).endswith(".tsv") else next((c for c in ",\t;|" if c in first), ",")
    reader = csv.reader(chain([first] if first else [], lines), delimiter=delimiter, strict=True)
    while True:
        row: list[str] = []
        try:
            row = next(reader)
            fault = lines.take_fault()
        except StopIteration:
            return
        except csv.Error as error:
            fault = lines.take_fault() or _fault_of(error)
        where = f"{name}:{lines.number}"
        if fault:
            tally.bad(where, f"{fault}: {clipped(','.join(row))}" if row else fault)
        elif row:
            yield where, row


def _fault_of(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"not csv: a value of more than {csv.field_size_limit():,} characters: is a quote missing?"
    return f"not csv: {error}"


def _columns_of(first: list[str], layout: Layout, file: str) -> _Columns:
    """Return the columns of a table whose first row is `first`."""
    cells = [cell.strip() for cell in first]
    names = cells if layout.header is not False else [str(k) for k in range(1, len(cells) + 1)]
    wanted = layout.column or ("1" if layout.header is False and len(cells) == 1 else "")
    if not wanted and layout.header is None and any(map(_is_number, cells)):
        raise InputError(_no_names(file, next(filter(_is_number, cells))))
    value = position(names, wanted, "--column", file)
    choice = layout.choice
    of_file = {"name"} if "name" not in map(str.lower, names) else set()
    keys = {key: position(names, key, "--where", file) for key in choice.where if key not in of_file}
    keys |= {key: position(names, key, "--by", file) for key in choice.by if key not in of_file}
    choice.known.update(dict.fromkeys(names))
    if layout.header is None:
        for at in (value, *keys.values()):
            if _is_number(names[at]):
                raise InputError(_no_names(file, names[at]))
    lowered = [name.lower() for name in names]
    metric = next((lowered.index(one) for one in METRICS if one in lowered), None)
    if metric == value or metric in keys.values():
        metric = None
    # Without names, all rows should be alike: "1,234.5" above "950.5" are not two columns and one.
    least = len(names) if layout.header is False else 1 + max(value, *keys.values(), metric or 0)
    return _Columns(names, value, keys, metric, least, choice.file_name(file))


def _names(row: list[str], column: str) -> bool:
    """Return whether a row that looks like a comment names the columns."""
    return column in [cell.strip() for cell in row]


def _no_names(file: str, cell: str) -> str:
    return (
        f"{file}: its first line should name the columns, but {clipped(cell)} is a number: pass --no-header if it "
        "holds data (columns then have numbers, from 1), --header if that is a name"
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def position(names: list[str], wanted: str, option: str, file: str) -> int:
    """Return the position of a column, given by its name, or by its number from 1 if there is no such name."""
    if names.count(wanted) == 1:
        return names.index(wanted)
    is_number = wanted not in names and wanted.isascii() and wanted.isdigit()
    if is_number and 1 <= int(wanted[:9]) <= len(names):
        return int(wanted) - 1
    there = listed(names)
    if not wanted:
        raise InputError(f"{file}: which column? Name it with {option}: {there}")
    problem = "no column" if wanted not in names else f"{names.count(wanted)} columns"
    hint = did_you_mean(wanted, names) if wanted not in names else ""
    if is_number:
        hint = "; their numbers are from 1" + (f" to {len(names)}" if len(names) > 1 else "")
    raise InputError(f"{file}: {problem} {clipped(wanted)} for {option}; the columns are {there}{hint}")


def _wrong_length(row: list[str], columns: _Columns) -> str:
    """Return what is wrong with a row that does not have as many columns as the first one."""
    names, line = len(columns.names), ",".join(row)
    if len(row) < names:
        return f"{clipped(line)} has {len(row)} of {names} columns"
    hint = "is a value with the separator not in quotes?"
    if has_digit_groups(line):
        hint = "write numbers without commas between their digits"
    return f"{clipped(line)} has {len(row)} columns, but the first line has {names}: {hint}"


def _refuse_empty(column: str) -> float:
    raise ValueError(f"{clipped('')} is not a number: the cell in column {clipped(column)} is empty")
