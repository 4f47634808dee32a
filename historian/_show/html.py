"""A `View` as HTML, for notebooks: readable without any style sheet, and in light and dark themes.

Text has the colour of the text around.  The two colours of curves follow the theme of Jupyter, VS Code, Colab and the
common documentation sites, else the reader's preference.  Each of them can be told from white and from black.  The
style sheet is in an SVG of its own, because HTML allows it there, but not in the body.
"""

from __future__ import annotations

from .svg import density, interval, spark
from .view import Density, Interval, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .view import Cell, Table, View

__all__ = ["html"]

CELL, LINE = 80, 400  # columns of text in a cell, and in a title or note, at most

LIGHT, DARK = "{--hsn-1:#1f6fb5;--hsn-2:#a8641e}", "{--hsn-1:#58a6e8;--hsn-2:#d99a4e}"

#: What says that a page is light or dark, whatever the reader prefers: "#" stands for the word.
THEMES = ("[data-theme=#]", "[theme=#]", ".vscode-#")


def _themed(theme: str, is_light: str, colours: str) -> str:
    places = [f'[data-jp-theme-light="{is_light}"]', *(one.replace("#", theme) for one in THEMES)]
    return ",".join(f"{place} .hsn" for place in places) + colours


STYLE = (
    f".hsn{LIGHT}@media (prefers-color-scheme:dark){{.hsn{DARK}}}"
    + _themed("light", "true", LIGHT)
    + _themed("dark", "false", DARK)
    + ".hsn{line-height:1.4}"
    ".hsn .hsn-x{overflow-x:auto}"
    ".hsn .hsn-p{display:flex;flex-wrap:wrap;gap:.5em 2em;align-items:flex-start}"
    ".hsn .hsn-p>div{min-width:0;max-width:100%}"
    ".hsn .hsn-p>.hsn-w{flex:1 1 310px;max-width:560px}"
    ".hsn table{border-collapse:collapse;margin:.3em 0 .7em;border:0;font-variant-numeric:tabular-nums}"
    ".hsn td,.hsn th{padding:1px 0 1px .9em;border:0;text-align:right;white-space:nowrap;background:none}"
    ".hsn td:first-child,.hsn th:first-child{padding-left:0;text-align:left}"
    ".hsn th{font-weight:inherit}.hsn thead th,.hsn .hsn-f{opacity:.75}"
    ".hsn tbody th{min-width:4.5em}.hsn th wbr{white-space:normal}"
    ".hsn p{margin:.2em 0;max-width:62em;overflow-wrap:anywhere}"
    ".hsn svg{overflow:visible;vertical-align:middle}.hsn svg text{font-size:11px;fill:currentColor}"
    ".hsn .hsn-a{fill:var(--hsn-1);fill-opacity:.45;stroke:var(--hsn-1);stroke-width:1.2px}"
    ".hsn .hsn-b{fill:var(--hsn-2);fill-opacity:.3;stroke:var(--hsn-2);stroke-width:1px}"
    ".hsn path{vector-effect:non-scaling-stroke}"
    ".hsn .hsn-m{stroke-opacity:.6;stroke-dasharray:2 2}"
    ".hsn .hsn-l{stroke:var(--hsn-1);stroke-width:1.5px}.hsn .hsn-c{fill:var(--hsn-1)}"
)


def html(view: View) -> str:
    """Return a view as HTML that is valid inside a page, and as XML.  At most 30 kB if the view has at most 25 rows."""
    parts = [
        '<div class="hsn">',
        f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><style>{STYLE}</style></svg>',
        f"<p><strong>{_breakable(_escaped(view.title, LINE))}</strong> "
        f'<span class="hsn-f">{_escaped(view.facts, LINE)}</span></p>',
        '<div class="hsn-p">',
    ]
    if view.picture is not None:
        parts.append(_picture(view.picture, view.caption))
    if view.tables:
        parts.append(f'<div class="hsn-x">{"".join(map(_table, view.tables))}</div>')
    parts.append("</div>")
    parts += [f"<p>{_escaped(note, LINE)}</p>" for note in view.notes if note]
    return "\n".join([*parts, "</div>"])


def _picture(picture: Density, caption: str) -> str:
    """Return a picture, with a legend if it has two curves."""
    legend = ""
    if picture.behind:
        box = '<svg width="12" height="10" aria-hidden="true"><path class="hsn-b" d="M0 0H12V10H0Z"/></svg>'
        legend = f'<p class="hsn-f">{box} {_escaped(picture.behind_name, LINE)}</p>'
    return f'<div class="hsn-w">{density(picture, _escaped(caption, LINE))}{legend}</div>'


def _table(table: Table) -> str:
    """Return a table; the first cell of each row is its header."""
    head = "".join(f'<th scope="col">{_escaped(header, CELL)}</th>' for header in table.headers)
    rows = "\n".join(
        f'<tr><th scope="row">{_name(row[0])}</th>{"".join(f"<td>{_cell(cell)}</td>" for cell in row[1:])}</tr>'
        for row in table.rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Interval):
        return interval(cell, "interval")
    return spark(cell, "density") if isinstance(cell, Density) else _escaped(cell, CELL)


def _name(cell: Cell) -> str:
    """Return the first cell of a row.  Its lines may end between words, and as those of a title."""
    return _breakable(_cell(cell)).replace(" ", " <wbr/>") if isinstance(cell, str) else _cell(cell)


def _breakable(name: str) -> str:
    """Return an escaped name whose lines may end before the labels of a key, and between them."""
    return name.replace("{", "{<wbr/>").replace(",", ",<wbr/>")


def _escaped(text: str, width: int) -> str:
    """Return text that HTML shows as it is, of at most `width` columns."""
    from html import escape

    return escape(plain(text, width))
