"""`fitted`: a table of limited width; what does not fit is left out or shortened."""

from __future__ import annotations

from .names import cut, shortened
from .table import text_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fitted"]

LEAST = 8  # columns of a header that is cut
NAME_WIDTH = 24  # columns of numbers are left out until names have this width, or a third of a narrow terminal


def fitted(
    headers: Sequence[str], rows: Sequence[Sequence[str]], width: int, spare: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Return a table of at most `width` columns, if numbers leave room for names: shortened, but all different.

    If names would have less than 24 columns, or a third of the width, columns of numbers are left out: those whose
    headers are `spare`, in this order.  Then headers are cut.  Numbers are never cut.
    """
    lines = [headers, *rows]
    widths = [max(text_width(line[k]) for line in lines) for k in range(len(headers))]
    kept = list(range(len(headers)))

    def room() -> int:
        return width - sum(widths[k] + 2 for k in kept[1:])

    for header in spare:
        if room() < min(widths[0], NAME_WIDTH, max(width // 3, text_width(headers[0]))) and header in headers:
            kept.remove(headers.index(header))
    if room() < min(widths[0], text_width(headers[0]) or LEAST):  # a long unit
        numbers = [max((text_width(row[k]) for row in rows), default=0) for k in range(len(headers))]
        headers = [headers[0], *(cut(header, max(w, LEAST)) for header, w in zip(headers[1:], numbers[1:]))]
        widths = [widths[0], *(max(text_width(header), w) for header, w in zip(headers[1:], numbers[1:]))]
    names = shortened([row[0] for row in rows], max(room(), text_width(headers[0])))
    cells = [[name, *(row[k] for k in kept[1:])] for name, row in zip(names, rows)]
    return [headers[k] for k in kept], cells
