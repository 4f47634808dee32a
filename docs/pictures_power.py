"""The picture in how-to/plan-a-test.md: how surely a number of values sees a change of p99.

``python docs/pictures_power.py`` asks `historian.plan`, and writes power-light.svg and power-dark.svg beside this file.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from pictures import BOTTOM, HEIGHT, LEFT, RIGHT, THEMES, TOP, Canvas

from historian import Histogram, plan

HERE = Path(__file__).parent
LEAST, MOST = 500, 100_000  # values
CHANGES = (1.2, 1.1, 1.05)
COUNTS = [round(LEAST * (MOST / LEAST) ** (k / 24)) for k in range(25)]


def measure() -> dict[float, list[float]]:
    """Return the power of each count, by change."""
    pilot = Histogram.from_values(np.random.default_rng(1).lognormal(-4, 0.6, 1_000_000))
    return {change: [float(plan(pilot, change, count=n).power) for n in COUNTS] for change in CHANGES}


class PowerPicture(Canvas):
    """Curves of power against count, as SVG."""

    def __init__(self, powers: dict[float, list[float]], colors: dict[str, str]) -> None:
        super().__init__(colors)
        self._powers = powers

    def x(self, count: float) -> float:
        """Return the column of a number of values."""
        return LEFT + (RIGHT - LEFT) * math.log(count / LEAST) / math.log(MOST / LEAST)

    def y(self, power: float) -> float:
        """Return the row of a power."""
        return BOTTOM + (TOP - BOTTOM) * power

    def svg(self) -> str:
        """Return the whole picture."""
        title = "How surely is a slower p99 seen?"
        self._text(16, 30, title, "text", size=20, weight=600)
        self._text(16, 58, "probability to see the change", "faint")
        for power in (0, 0.2, 0.4, 0.6, 0.8, 1):
            self._line(LEFT, self.y(power), RIGHT, self.y(power), "many" if power == 0.8 else "grid")
            self._text(LEFT - 8, self.y(power) + 5, f"{100 * power:.0f} %", "faint", anchor="end", size=14)
        for count in (500, 1_000, 10_000, 100_000):
            self._line(self.x(count), TOP, self.x(count), BOTTOM, "grid")
            anchor = "end" if count == MOST else "middle"
            self._text(self.x(count), BOTTOM + 22, f"{count:,}", "faint", anchor=anchor, size=14)
        for change, powers in self._powers.items():
            points = [(self.x(n), self.y(power)) for n, power in zip(COUNTS, powers)]
            self._path("one", points)
            column = float(np.interp(0.5, powers, [x for x, _ in points]))
            label = f"{100 * (change - 1):.0f} %"
            self._text(column - 10, self.y(0.53), label, "one", size=18, weight=600, anchor="end")
        below = "values in each of the two histograms; lognormal, sigma 0.6; axis logarithmic"
        self._text(16, HEIGHT - 14, below, "faint", size=14)
        return self._whole(title)


if __name__ == "__main__":
    found = measure()
    for theme, palette in THEMES.items():
        (HERE / f"power-{theme}.svg").write_text(PowerPicture(found, palette).svg(), encoding="utf-8")
