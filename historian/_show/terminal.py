"""A `View` as text of limited width, for plain terminals."""

from __future__ import annotations

from . import blocks
from .fit import fitted
from .names import cut
from .table import table as plain_table
from .view import Density, Interval, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .view import Cell, Table, View

__all__ = ["cells", "is_drawable", "shown_by", "text"]

PICTURE, CELL, LINE = 72, 80, 400  # columns, at most: of a picture, of a cell, of a title or note


def shown_by(value: Any, printer: Any) -> str:
    """Return the text that IPython's `printer` shows: a view, or the `repr` of a part of something else."""
    import shutil

    if len(getattr(printer, "stack", ())) > 1:
        return repr(value)
    width = min(getattr(printer, "max_width", 79), shutil.get_terminal_size().columns - 1)
    return text(value._view(), max(width, 24), pictures=is_drawable(getattr(printer, "output", None)))


def text(view: View, width: int, *, pictures: bool = True) -> str:
    """Return a view as lines of at most `width` columns."""
    parts = ["\n".join(_wrapped(f"{plain(view.title, LINE)}: {plain(view.facts, LINE)}", width))]
    if view.picture is not None and pictures:
        parts.append("\n".join(blocks.density(view.picture, min(width, PICTURE))))
    for table in view.tables:
        lines = plain_table(*cells(table, width, pictures=pictures)).splitlines()
        parts.append("\n".join(cut(line, width) for line in lines))
    notes = [line for note in view.notes for line in _wrapped(plain(note, LINE), width)]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def cells(table: Table, width: int, *, pictures: bool = True) -> tuple[list[str], list[list[str]]]:
    """Return the headers and rows of a table as text that fits into `width` columns."""
    drawn = [k for k in range(len(table.headers)) if any(not isinstance(row[k], str) for row in table.rows)]
    kept = [k for k in range(len(table.headers)) if pictures or k not in drawn]
    headers = [plain(table.headers[k], CELL) for k in kept]
    rows = [[_cell(row[k]) for k in kept] for row in table.rows]
    return fitted(headers, rows, width, [plain(header, CELL) for header in table.spare])


def is_drawable(stream: Any) -> bool:
    """Return whether a stream takes block characters; standard output, for one without an encoding."""
    import sys

    encoding = getattr(stream, "encoding", None) or getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        (blocks.BLOCKS + "●├┄┤┬┼│").encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cell(cell: Cell) -> str:
    if isinstance(cell, Interval):
        return blocks.interval(cell)
    return blocks.spark(cell) if isinstance(cell, Density) else plain(cell, CELL)


def _wrapped(note: str, width: int) -> Iterator[str]:
    """Yield the lines of a note, none of them longer than `width` columns."""
    from textwrap import wrap

    return (cut(line, width) for line in wrap(note, width))
