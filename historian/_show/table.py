"""Tables as plain text and as Markdown."""

from __future__ import annotations

import re

__all__ = ["in_markdown", "markdown_table", "table", "text_width", "without_heaps"]

MARKS = 4  # over and under one character, without a column of their own


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a table as plain text: first column aligned left, the others right, two spaces between columns.

    >>> print(table(["name", "p99"], [["lookup", "1.02"], ["scan", "14.1"]]))
    name     p99
    lookup  1.02
    scan    14.1
    """
    lines = [headers, *rows]
    widths = [max(text_width(line[k]) for line in lines) for k in range(len(headers))]
    padded = [
        [line[0] + _pad(line[0], widths[0]), *(_pad(cell, w) + cell for cell, w in zip(line[1:], widths[1:]))]
        for line in lines
    ]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def markdown_table(headers: list[str], rows: list[list[str]]) -> str:
    r"""Return a table as Markdown, aligned as in `table`.

    >>> print(markdown_table(["name", "p99"], [["a|b", "1.02"]]))
    | name | p99 |
    |:---|---:|
    | a\|b | 1.02 |
    """
    lines = ["| " + " | ".join(map(in_markdown, line)) + " |" for line in [headers, *rows]]
    return "\n".join([lines[0], "|:---" + "|---:" * (len(headers) - 1) + "|", *lines[1:]])


def in_markdown(text: str) -> str:
    r"""Return text that Markdown shows as it is.  An underscore within a word needs no escape.

    >>> print(in_markdown("a|b <i> db_query *x* __init__"))
    a\|b &lt;i> db_query \*x\* \_\_init\_\_
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"[\\|*`~\[\]]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def _pad(text: str, width: int) -> str:
    return " " * (width - text_width(text))


def text_width(text: str) -> int:
    """Return the number of columns that printable text takes on a terminal.

    Marks over or under a character take none, but each after the fourth counts as a column.  No language needs as many,
    and a text of a few columns could be as long and as high as one likes.
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    width = marks = 0
    for c in text:
        marks = marks + 1 if combining(c) else 0
        if marks:
            width += marks > MARKS
        else:
            width += 2 if east_asian_width(c) in "WF" else 1
    return width


def without_heaps(text: str) -> str:
    r"""Return text without each mark after the fourth over or under a character; a ``~`` stands for them.

    >>> without_heaps("e" + "\u0301" * 30) == "e" + "\u0301" * 4 + "~"
    True
    """
    if text.isascii():
        return text
    from unicodedata import combining

    kept, marks = [], 0
    for c in text:
        marks = marks + 1 if combining(c) else 0
        if marks <= MARKS:
            kept.append(c)
        elif marks == MARKS + 1:
            kept.append("~")
    return "".join(kept)
