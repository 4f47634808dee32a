"""`tree`: the parts of a request, with p50 and p99 of each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._show.names import cut
from .._show.scale import quantity
from .._stats.estimate import TailWarning
from .._values.text import printable
from ._axes import panel
from ._causes import Part, Request
from ._look import COLORS, note, plain, text_color

TYPE_CHECKING = False
if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from ._causes import Time

__all__ = ["tree"]

MIN_ROWS = 3  # of a picture; fewer would make the bars thick
MAX_NAME_WIDTH = 22  # columns

#: What the bars show.
OWN = "p50 and p99 of each part by itself,\nnot its share of the tail"
CAUSED = (
    "tail: of the requests as slow as p99 or slower,\nthe share that the part makes slow by taking longer than its p50"
)


def tree(request: Mapping[Any, Part], *, ax: Axes | None = None) -> list[Artist]:
    r"""Draw the parts of a request as a tree, from left to right, with p50 and p99 of each, and what causes the tail.

    `request` maps the name of the whole to a pair: the operation that computes its time, which is called with the
    distributions of its parts, and a mapping of these parts.  A part is such a pair, too, or a distribution
    (`Histogram.dist`), or a histogram.

    The bar of a part is the share of the tail that it causes: of the requests as slow as the p99 of the whole or
    slower, those that would be faster if the part never took longer than its own p50.  Several parts may cause the
    same slow request together, or none of them alone, so shares need not add up to 100 %.

    Instead of an operation, a pair may hold a distribution or histogram that was measured.  How it comes from its parts
    is not known then.  So the bars of its whole request compare the p99 of the parts, on one linear scale, and the
    picture says so.

    Give axes of your own an inch of height for each leaf.  Returns the bars and texts.  About 20 ms, and 10 to
    20 ms for each part.  Raises TypeError for a part that is not a
    distribution, and ValueError if the units differ.

    >>> from historian import Histogram, plot
    >>> from historian.tail import all_of, seq
    >>> auth, look_up = (Histogram.from_values([t] * 990 + [9 * t] * 10).dist() for t in (0.002, 0.005))
    >>> fan = (lambda x: all_of(10, x), {"look-up": look_up})
    >>> page = {"page": (seq, {"auth": auth, "10 look-ups": fan})}
    >>> [artist.get_text() for artist in plot.tree(page) if hasattr(artist, "get_text")][:4:2]
    ['page', 'auth']
    """
    nodes = _nodes(request)
    units = list(dict.fromkeys(node.time.unit for node in nodes))
    if len(units) > 1:
        raise ValueError(f"parts must be in one unit, not {units[0]!r} and {units[1]!r}: convert with scaled()")
    rows = max(max((node.row for node in nodes), default=0.0) + 1, MIN_ROWS)
    depth = max((node.depth for node in nodes), default=0) + 1
    is_caused = not any(math.isnan(node.caused) for node in nodes)
    on = panel(ax, size=(max(1.9 * depth, 4.8), (0.95 if is_caused else 0.75) * rows + 0.3))
    on.ax.set_axis_off()
    on.ax.set(xlim=(-0.02, depth), ylim=(rows - 0.4, -0.6))
    if not nodes:
        return note(on.ax, "no data")
    longest = max((node.p99 for node in nodes if 0 < node.p99 < float("inf")), default=1.0)
    artists: list[Artist] = []
    for node in nodes:
        artists += _draw(on.ax, node, longest)
    caption = on.ax.text(0.0, 0.0, "", transform=on.ax.transAxes, va="top", fontsize="small", alpha=0.8)
    plain(caption, CAUSED if is_caused else OWN)
    return [*artists, caption]


class _Node(NamedTuple):
    name: str
    time: Time
    depth: int  # of the tree, from 0
    row: float
    parent: tuple[int, float] | None  # depth and row
    p50: float
    p99: float
    caused: float  # the share of the tail, 0..1; NaN if it is not known for each part of the picture
    is_leaf: bool


def _nodes(parts: Mapping[Any, Part]) -> list[_Node]:
    """Return the nodes of a tree, a parent before its parts.  A leaf has a row of its own, a parent the middle one."""
    whole = [Request.of(name, part) for name, part in parts.items()]
    caused = [share for one in whole for share in one.causes()]
    if any(map(math.isnan, caused)):  # bars with two meanings cannot be compared
        caused = [math.nan] * len(caused)
    found: list[_Node] = []
    next_row = 0

    def visit(parts: Iterable[Request], depth: int) -> list[int]:
        nonlocal next_row
        places = []
        for part in parts:
            place = len(found)
            places.append(place)
            known = (*_quantiles(part.time), caused[place], not part.parts)
            found.append(_Node(part.name, part.time, depth, 0.0, None, *known))
            below = visit(part.parts, depth + 1)
            row = sum(found[k].row for k in (below[0], below[-1])) / 2 if below else float(next_row)
            next_row += not below
            found[place] = found[place]._replace(row=row)
            for k in below:
                found[k] = found[k]._replace(parent=(depth, row))
        return places

    visit(whole, 0)
    return found


def _quantiles(time: Time) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return float(time.quantile(0.5)), float(time.quantile(0.99))


def _percent(share: float) -> str:
    """Return a share in whole percents.

    >>> _percent(0.634), _percent(0.001), _percent(0.0), _percent(0.9999)
    ('63 %', 'under 1 %', '0 %', '100 %')
    """
    return "under 1 %" if 1e-9 < share < 0.01 else f"{100 * share:.0f} %"


def _draw(ax: Axes, node: _Node, longest: float) -> list[Artist]:
    color = text_color(ax)
    drawn: list[Artist] = []
    if node.parent is not None:
        x, row = node.parent[0] + 0.8, node.parent[1]
        way = ([x, x + 0.1, x + 0.1, node.depth], [row, row, node.row, node.row])
        drawn += ax.plot(*way, color=color, linewidth=0.8, alpha=0.5)
    is_caused = not math.isnan(node.caused)
    share = node.caused if is_caused else min(node.p99 / longest, 1.0) if node.p99 > 0 else 0.0
    look: dict[str, Any] = {"height": 0.14, "left": node.depth, "linewidth": 0}
    drawn += ax.barh(node.row, 0.8, color=color, alpha=0.12, **look)
    drawn += ax.barh(node.row, 0.8 * share, color=COLORS[0] if node.is_leaf else COLORS[1], **look)
    unit = node.time.unit
    texts = [(cut(printable(node.name), MAX_NAME_WIDTH), -0.12, "bottom", "medium")]
    quantiles = f"p50 {quantity(node.p50, unit)}\np99 {quantity(node.p99, unit)}" if node.time.count else "no data"
    if is_caused and node.parent is not None:
        quantiles += f"\ntail {_percent(share)}"
    texts.append((quantiles, 0.12, "top", "small"))
    for content, shift, side, size in texts:
        text = ax.text(node.depth, node.row + shift, "", va=side, fontsize=size, color=color)
        plain(text, content)
        drawn.append(text)
    return drawn
