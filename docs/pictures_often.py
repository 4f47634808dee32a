"""The picture in how-to/looking-often.md: how many medians an interval has missed at any look so far.

``python docs/pictures_often.py`` simulates growing data, and writes often-light.svg and often-dark.svg beside
this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pictures import BOTTOM, HEIGHT, LEFT, RIGHT, THEMES, TOP, Canvas

from historian._stats.binomial import rank_interval
from historian._stats.sequences import rank_sequence

HERE = Path(__file__).parent


class OftenPicture(Canvas):
    """The share of simulated runs in which an interval has missed the median at any look so far, as SVG."""

    LOOKS, RUNS, EACH, MOST = 1_000, 2_000, 100, 0.6  # MOST: the share at the top

    def __init__(self, colors: dict[str, str]) -> None:
        super().__init__(colors)

    def x(self, looks: float) -> float:
        """Return the column of a number of looks."""
        return LEFT + (RIGHT - LEFT) * math.log(looks) / math.log(self.LOOKS)

    def y(self, share: float) -> float:
        """Return the row of a share of runs."""
        return BOTTOM - (BOTTOM - TOP) * share / self.MOST

    def missed(self, ranks: Callable[[float, int, float], tuple[int, int]]) -> list[float]:
        """Return the share of runs that have missed it, by the number of looks."""
        sizes = self.EACH * np.arange(1, self.LOOKS + 1)
        through = np.random.default_rng(1).binomial(self.EACH, 0.5, (self.RUNS, self.LOOKS)).cumsum(axis=1)
        low, high = np.array([ranks(0.5, n, 0.95) for n in sizes.tolist()]).T
        ever = np.maximum.accumulate((through < low) | (through >= high), axis=1)
        shares: list[float] = ever.mean(axis=0).tolist()
        return shares

    def svg(self) -> str:
        """Return the whole picture."""
        single, anytime = self.missed(rank_interval), self.missed(rank_sequence)
        ever = f"{100 * single[-1]:.0f} % of them mislead within 1,000 looks"
        title = ["Look at a 95 % interval again and again:", ever]
        for row, text in zip((28, 54), title):
            self._text(16, row, text, "text", size=20, weight=600)
        self._text(16, TOP - 14, "misled so far", "faint")
        for exponent in range(4):
            column = self.x(10.0**exponent)
            self._line(column, TOP, column, BOTTOM, "grid")
            self._text(column, BOTTOM + 24, f"{10**exponent:,}", "faint", anchor="end" if exponent == 3 else "middle")
        for percent in (0, 5, 20, 40, 60):
            self._line(LEFT, self.y(percent / 100), RIGHT, self.y(percent / 100), "grid")
            self._text(LEFT - 8, self.y(percent / 100) + 5, f"{percent} %", "faint", anchor="end")
        for color, shares, text in (("many", single, "ci(0.5)"), ("one", anytime, "ci(0.5, anytime=True)")):
            points = [(self.x(k), self.y(share)) for k, share in enumerate(shares, 1)]
            self._path(color, points)
            self._text(RIGHT - 4, points[-1][1] - 12, text, color, size=18, weight=600, anchor="end")
        below = f"looks, with {self.EACH} values more at each; {self.RUNS:,} simulated runs"
        self._text(16, HEIGHT - 14, below, "faint", size=14)
        return self._whole(" ".join(title))


if __name__ == "__main__":
    for theme, palette in THEMES.items():
        (HERE / f"often-{theme}.svg").write_text(OftenPicture(palette).svg(), encoding="utf-8")
