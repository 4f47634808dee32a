"""The picture in how-to/blame.md: which share of the slow pages each of two services has to do with.

``python docs/pictures_blame.py`` asks `Dist.blame`, and writes blame-light.svg and blame-dark.svg beside this file.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

from pictures import BOTTOM, HEIGHT, RIGHT, THEMES, TOP, Canvas

from historian import Histogram
from historian.tail import Blame, all_of, seq

HERE = Path(__file__).parent
LEFT = 120  # of the axis
BAR = 30  # pixels, the height of one


def recorded(median: float, spread: float, count: int = 20_000) -> Histogram:
    """Return the latencies of a service of the page: lognormal, without chance."""
    ranks = ((i + 0.5) / count for i in range(count))
    return Histogram.from_values([median * math.exp(spread * NormalDist().inv_cdf(q)) for q in ranks])


def measure() -> Blame:
    """Return what the page says of its p99."""
    search, orders = recorded(0.004, 1.0).dist(), recorded(0.060, 0.4).dist()
    return seq(all_of(20, search), orders).blame(0.99, names={search: "search", orders: "orders"})


class BlamePicture(Canvas):
    """Bars with intervals, as SVG."""

    def __init__(self, blame: Blame, colors: dict[str, str]) -> None:
        super().__init__(colors)
        self._blame = blame

    def x(self, share: float) -> float:
        """Return the column of a share."""
        return LEFT + (RIGHT - LEFT) * share

    def svg(self) -> str:
        """Return the whole picture."""
        title = "Which service makes pages slow?"
        self._text(16, 30, title, "text", size=20, weight=600)
        self._text(16, 58, "share of the slow pages, with 95 % interval", "faint")
        for percent in range(0, 101, 20):
            self._line(self.x(percent / 100), TOP, self.x(percent / 100), BOTTOM, "grid")
            anchor = "end" if percent == 100 else "middle"
            self._text(self.x(percent / 100), BOTTOM + 24, f"{percent} %", "faint", anchor=anchor)
        for k, asked in enumerate(("slowest", "necessary", "saved")):
            top = TOP + 10 + k * (BOTTOM - TOP) / 3
            self._text(LEFT - 10, top + BAR + 5, asked, "text", anchor="end")
            for row, (cause, color) in enumerate(zip(self._blame, ("one", "many"))):
                self._bar(top + row * BAR, getattr(cause, asked), color, cause.name)
        self._text(16, HEIGHT - 14, "a page: 20 searches at once, then orders; 20,000 values of each", "faint", size=14)
        return self._whole(title)

    def _bar(self, top: float, share: float, color: str, name: str) -> None:
        width = self.x(share) - LEFT
        fill = f'fill="{self._colors[color]}" fill-opacity="0.35"'
        self._parts.append(f'<rect x="{LEFT}" y="{top:.1f}" width="{width:.1f}" height="{BAR - 4}" {fill}/>')
        middle = top + BAR / 2 - 2
        self._path(color, [(self.x(bound), middle) for bound in (share.lower, share.upper)])  # type: ignore[attr-defined]
        self._text(LEFT + 8, middle + 5, name, "text", size=14)


if __name__ == "__main__":
    found = measure()
    for theme, palette in THEMES.items():
        (HERE / f"blame-{theme}.svg").write_text(BlamePicture(found, palette).svg(), encoding="utf-8")
