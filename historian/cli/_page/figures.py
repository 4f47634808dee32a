"""Pictures as bytes: SVG whose colours follow the reader's theme, and PNG."""

from __future__ import annotations

import io
import re
import warnings

from ..._values.text import printable
from ...plot._axes import require_matplotlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["THEMES", "as_png", "as_svg", "inline_svg"]

#: Text and paper of each theme.  The contrast of text is at least 15:1.
THEMES = {"light": ("#1f2328", "#ffffff"), "dark": ("#f0f6fc", "#0d1117")}

#: Stand for text and paper until the SVG is written.  Nothing else is drawn in these colours.
INK, PAPER = "#010203", "#fdfeff"

STYLE = (
    f"svg{{color:{THEMES['light'][0]}}}.paper{{fill:{THEMES['light'][1]}}}@media (prefers-color-scheme:dark)"
    f"{{svg{{color:{THEMES['dark'][0]}}}.paper{{fill:{THEMES['dark'][1]}}}}}"
)

SIZE = (7.0, 4.4)  # inches, of a picture by itself
INLINE_SIZE = (4.6, 3.3)  # of one of several in a page: a phone is 4 inches wide

DPI = 150  # of a PNG


def as_png(draw: Callable[..., object]) -> bytes:
    """Return the picture that ``draw(ax=...)`` draws, on white, as PNG."""
    return _drawn(draw, "png", {}, SIZE)


def as_svg(draw: Callable[..., object], title: str) -> bytes:
    """Return the picture as a file of SVG, in light or dark colours as the reader prefers."""
    root = f'<svg color="{THEMES["light"][0]}" role="img"'
    inside = f"<title>{_escaped(title)}</title>\n<style>{STYLE}</style>"
    text = _themed(draw, SIZE).replace("<svg", root, 1)
    return re.sub(r"(<svg[^>]*>)", lambda match: f"{match[1]}\n{inside}", text, count=1).encode()


def inline_svg(draw: Callable[..., object], title: str, number: int) -> str:
    """Return the picture as an element of a page, whose style has the colours.  `number` makes its ids unique."""
    text = _themed(draw, INLINE_SIZE)
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>p{number}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", text).replace("xlink:href", "href")
    return text.replace("<svg", f'<svg role="img" aria-label="{_escaped(title)}"', 1)


def _themed(draw: Callable[..., object], size: tuple[float, float]) -> str:
    """Return SVG with the colour of the text around it, and the class "paper" for what has its background."""
    ink = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    look: dict[Any, Any] = {**dict.fromkeys(ink, INK), "figure.facecolor": PAPER, "axes.facecolor": PAPER}
    look |= {"legend.facecolor": PAPER, "legend.edgecolor": "#808080"}
    text = _drawn(draw, "svg", look, size).decode()
    text = re.sub(
        rf'style="fill: {PAPER}(?:; )?([^"]*)"', rf'class="paper" fill="{THEMES["light"][1]}" style="\1"', text
    )
    return text.replace(INK, "currentColor")


def _drawn(draw: Callable[..., object], form: str, look: dict[Any, Any], size: tuple[float, float]) -> bytes:
    require_matplotlib()
    from matplotlib import rc_context, style
    from matplotlib.figure import Figure

    out = io.BytesIO()
    # Always the same picture, whatever the user's configuration; text stays text, in the reader's font.
    fixed: dict[Any, Any] = {"svg.hashsalt": "historian", "svg.fonttype": "none"}
    with warnings.catch_warnings(), style.context("default"), rc_context({**fixed, **look}):
        warnings.filterwarnings("ignore", "Glyph")  # matplotlib's font lacks it; that of the reader may have it
        figure = Figure(figsize=size, layout="constrained")
        draw(ax=figure.add_subplot())
        figure.savefig(
            out, format=form, dpi=DPI if form == "png" else 72, metadata={"Date": None} if form == "svg" else {}
        )
    return out.getvalue()


def _escaped(text: str) -> str:
    from html import escape

    return escape(printable(text))
