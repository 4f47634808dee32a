"""Read the result of a query of ``historian sql``, saved as csv: counts of buckets, a row for each group and bucket."""

from __future__ import annotations

from typing import BinaryIO

from ..._values.key import Key
from ..._values.text import counted
from ...engines._results import Found, positions_of
from ...engines._statements import BUCKET, COLUMNS, COUNT, UNIT
from .columns import rows_of
from .layout import Layout
from .lines import BOM
from .tally import InputError, Tally

__all__ = ["RESULT", "is_result", "read_result"]

RESULT = "the result of a query"


def is_result(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is the result of such a query: its first line tells."""
    first = head.removeprefix(BOM).lstrip().split(b"\n", 1)[0].lower()
    return all(name.encode() in first for name in (BUCKET, COUNT, UNIT)) and not first.startswith((b"{", b"["))


def read_result(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Add a histogram for each group that counts.  Values that have no bucket are bad input."""
    rows = rows_of(stream, name, tally)
    _, first = next(rows)
    names = [cell.strip() for cell in first]
    choice = layout.choice
    choice.known.update(dict.fromkeys(own for own in names if own.lower() not in COLUMNS))
    try:
        where = positions_of(names, COLUMNS)
        keys = {key: positions_of(names, [key])[0] for key in (*choice.where, *choice.by) if key in names}
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    found, last = Found(), ""
    for last, row in rows:
        if len(row) != len(names):
            tally.bad(last, f"it has {len(row)} of {len(names)} columns")
            continue
        values = {key: row[position] for key, position in keys.items()}
        group: Key | None = layout.otherwise if choice.is_all else choice.group(values.get, layout.otherwise)
        if group is None:
            continue
        try:
            found.add(group, [row[position] for position in where])
        except ValueError as error:
            tally.bad(last, str(error))
    for group, histogram in found.histograms().items():
        tally.add_histogram(histogram, name, group)
    if found.invalid:
        what = f"{found.invalid:,} of {counted(found.count, 'value is', 'values are')}"
        tally.bad(name, f"{what} missing, NaN, infinite or negative")
    tally.found = tally.found or bool(last)
