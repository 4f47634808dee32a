"""A page of HTML in one file: no scripts, no links to other files, light or dark as the reader prefers."""

from __future__ import annotations

from html import escape

from ... import __version__
from ..._show.table import without_heaps
from ..._values.text import printable
from .figures import THEMES, inline_svg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Page"]

#: Nothing may be loaded, and no script may run, whatever names the page shows.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

CSS = f"""\
:root {{ color-scheme: light dark; --ink: {THEMES["light"][0]}; --paper: {THEMES["light"][1]}; --line: #d1d9e0; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: {THEMES["dark"][0]}; --paper: {THEMES["dark"][1]}; --line: #3d444d; }}
}}
body {{ color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 64rem; padding: 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.table {{ overflow-x: auto; overflow-wrap: normal; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }}
th, td {{ border-bottom: 1px solid var(--line); padding: 0.2rem 0.6rem; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
td:first-child {{ min-width: min(16rem, 55vw); overflow-wrap: anywhere; white-space: normal; }}
.pictures {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ flex: 1 1 22rem; margin: 0; max-width: 30rem; min-width: 0; }}
figcaption {{ font-weight: 600; }}
svg {{ color: var(--ink); display: block; height: auto; width: 100%; }} .paper {{ fill: var(--paper); }}
.warnings {{ border-left: 4px solid #d55e00; padding-left: 1rem; }}
p {{ margin: 0.5rem 0; }} .result {{ font-weight: 600; }}
footer {{ font-size: 0.85rem; margin-top: 2rem; opacity: 0.8; }}
"""


class Page:
    """Collects the parts of a page.  All texts are escaped."""

    def __init__(self, title: str) -> None:
        self._title = _escaped(title)
        self._parts = [f"<h1>{self._title}</h1>"]
        self._pictures: list[str] = []
        self._number = 0  # of pictures so far

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._settle()
        self._parts.append(f"<h2>{_escaped(text)}</h2>")

    def lines(self, lines: Sequence[str], kind: str = "") -> None:
        """Add paragraphs, with a class of the style if `kind` is given."""
        self._settle()
        mark = f' class="{kind}"' if kind else ""
        self._parts += [f"<p{mark}>{_escaped(line)}</p>" for line in lines if line]

    def warnings(self, lines: Sequence[str]) -> None:
        """Add a list of warnings, unless it is empty."""
        self._settle()
        if lines:
            items = "".join(f"<li>{_escaped(line)}</li>" for line in lines)
            self._parts.append(f'<ul class="warnings">{items}</ul>')

    def table(self, headers: list[str], rows: list[list[str]]) -> None:
        """Add a table; on a narrow screen it scrolls by itself."""
        self._settle()
        self._parts.append(f'<div class="table">{_table(headers, rows)}</div>')

    def picture(self, draw: Callable[..., object], title: str) -> None:
        """Add a picture.  Those that follow each other stand side by side if there is room."""
        self._number += 1
        svg = inline_svg(draw, title, self._number)
        self._pictures.append(f"<figure><figcaption>{_escaped(title)}</figcaption>{svg}</figure>")

    def text(self) -> str:
        """Return the page."""
        self._settle()
        head = [
            '<!DOCTYPE html>\n<html lang="en">\n<head>',
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{self._title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>",
        ]
        foot = f"<footer>made by historian {escape(__version__)}</footer>\n</body>\n</html>\n"
        return "\n".join([*head, *self._parts, foot])

    def _settle(self) -> None:
        if self._pictures:
            self._parts.append(f'<div class="pictures">{"".join(self._pictures)}</div>')
            self._pictures = []


def _table(headers: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = "\n".join(f"<tr>{''.join(map(_cell, range(len(row)), row))}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _cell(column: int, text: str) -> str:
    """Return a cell.  The first one is a name: its lines may end before the labels of a key, and between them."""
    shown = _escaped(text)
    return f"<td>{shown if column else shown.replace('{', '{<wbr>').replace(',', ',<wbr>')}</td>"


def _escaped(text: str) -> str:
    return escape(without_heaps(printable(text)))
