"""A `View` for the library rich, which is imported only here, when rich asks."""

from __future__ import annotations

from . import blocks
from .terminal import LINE, PICTURE, cells, is_drawable
from .view import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .view import Table, View

__all__ = ["Renderable"]


class Renderable:
    """What rich prints for a view, within the width that it has.  No text is taken for markup."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        view, width = self._view, options.max_width
        pictures = is_drawable(console)
        yield Text.assemble((plain(view.title, LINE), "bold"), "  ", (plain(view.facts, LINE), "dim"))
        if view.picture is not None and pictures:
            for line in blocks.density(view.picture, min(width, PICTURE)):
                yield Text(line, style="cyan" if set(line) & set(blocks.BLOCKS[1:]) else "dim", no_wrap=True)
        for table in view.tables:
            yield _table(table, width, pictures)
        for note in filter(None, view.notes):
            yield Text(plain(note, LINE), style="dim")


def _table(table: Table, width: int, pictures: bool) -> Any:
    from rich.table import Table as RichTable
    from rich.text import Text

    headers, rows = cells(table, width, pictures=pictures)
    # Rich takes the spaces at the end of a cell away before it aligns it right, and so would move a picture.
    left = {header for k, header in enumerate(table.headers) if not all(isinstance(row[k], str) for row in table.rows)}
    found = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for k, header in enumerate(headers):
        side: Any = "left" if k == 0 or header in left else "right"
        found.add_column(Text(header), justify=side, no_wrap=True, overflow="ellipsis", style="bold" if k == 0 else "")
    for row in rows:
        found.add_row(*(Text(cell) for cell in row))
    return found
