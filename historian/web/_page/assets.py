"""`assets`: the files of the live page, by path: a fixed list.  No other file can be asked for.

uPlot draws the charts: https://github.com/leeoniya/uPlot, MIT license, in the folder as ``uPlot-LICENSE.txt``.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

__all__ = ["Asset", "assets"]

_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"

#: For each path, the name of the file and the type of its content.
FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", _STYLE),
    "/page.js": ("page.js", _SCRIPT),
    "/charts.js": ("charts.js", _SCRIPT),
    "/heat.js": ("heat.js", _SCRIPT),
    "/table.js": ("table.js", _SCRIPT),
    "/units.js": ("units.js", _SCRIPT),
    "/wait.js": ("wait.js", _SCRIPT),
    "/uPlot.js": ("uPlot.iife.min.js", _SCRIPT),
    "/uPlot.css": ("uPlot.min.css", _STYLE),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}


class Asset(NamedTuple):
    """A file."""

    content_type: str
    body: bytes


def assets() -> dict[str, Asset]:
    """Return all files by path.  Raises OSError if the package is not complete."""
    folder = files(__package__) / "static"
    return {path: Asset(kind, (folder / name).read_bytes()) for path, (name, kind) in FILES.items()}
