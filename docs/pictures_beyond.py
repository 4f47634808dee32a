"""The picture in how-to/extrapolate.md: the calls of a day, and a model of the slower ones that a month will bring.

``python docs/pictures_beyond.py`` fits the page's example, and writes beyond-light.svg and beyond-dark.svg beside this
file.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from pictures import BOTTOM, HEIGHT, LEFT, RIGHT, THEMES, TOP, Canvas

from historian import Histogram
from historian.tail import TailFit

HERE = Path(__file__).parent
N, MONTH = 100_000, 3_000_000  # calls


def day() -> Histogram:
    """Return the calls of the page's example: a power law with the exponent 4."""
    return Histogram.from_values(0.050 * (1 + np.random.default_rng(7).pareto(4, N)))


class BeyondPicture(Canvas):
    """The share of calls that takes longer: as recorded, and beyond by the model with its intervals, as SVG."""

    FIRST, LAST = 0.05, 10.0  # seconds
    LOWEST = -7  # power of ten of the share at the bottom

    def __init__(self, colors: dict[str, str]) -> None:
        super().__init__(colors)

    def x(self, seconds: float) -> float:
        """Return the column of a latency."""
        return LEFT + (RIGHT - LEFT) * math.log(seconds / self.FIRST) / math.log(self.LAST / self.FIRST)

    def y(self, share: float) -> float:
        """Return the row of a share of calls."""
        return TOP + (BOTTOM - TOP) * math.log10(share) / self.LOWEST

    def svg(self) -> str:
        """Return the whole picture."""
        h = day()
        fit = h.tail_fit()
        slowest = fit.quantile(1 - 1 / MONTH)
        title = [
            "From one day to the slowest call of a month:",
            f"{slowest:.2g} s, or {slowest.lower:.2g} to {slowest.upper:.2g} s: never its value alone",
        ]
        for row, text in zip((28, 54), title):
            self._text(16, row, text, "text", size=20, weight=600)
        self._grid()
        self._model(fit)
        times = [t for t in h.upper.tolist() if t < h.max]
        self._path("one", [(self.x(t), self.y(share)) for t, share in zip(times, h.sf(times).tolist())])
        self._text(self.x(0.075), self.y(2e-5), f"{N:,} calls", "one", size=18, weight=600)
        self._text(self.x(0.075), self.y(2e-5) + 22, f"the slowest: {h.max:.2f} s", "one", size=16)
        self._text(RIGHT - 4, self.y(5e-4), "extrapolated,", "many", size=18, weight=600, anchor="end")
        self._text(RIGHT - 4, self.y(5e-4) + 22, "with 95 % intervals", "many", size=16, anchor="end")
        below = f"seconds; generalised Pareto above {fit.threshold:.2f} s, from the {fit.above} calls there"
        self._text(16, HEIGHT - 14, below, "faint", size=14)
        return self._whole(" ".join(title))

    def _grid(self) -> None:
        for seconds in (0.1, 0.3, 1.0, 3.0, 10.0):
            column = self.x(seconds)
            self._line(column, TOP, column, BOTTOM, "grid")
            self._text(column, BOTTOM + 24, f"{seconds:g}", "faint", anchor="end" if seconds == 10 else "middle")
        for exponent in range(self.LOWEST, 1, 1):
            row = self.y(10.0**exponent)
            self._line(LEFT, row, RIGHT, row, "grid")
            if exponent > -3 or exponent == -5 or exponent == self.LOWEST:
                text = f"{10.0 ** (exponent + 2):g} %" if exponent > -3 else f"10⁻{'⁵' if exponent == -5 else '⁷'}"
                self._text(LEFT - 8, row + 5, text, "faint", anchor="end")
        self._text(16, TOP - 14, "share that takes longer", "faint")

    def _model(self, fit: TailFit) -> None:
        shares = np.geomspace(0.9 * fit.above / N, 10.0**self.LOWEST, 40)
        found = fit.quantile(1 - shares)
        for times, width in ((found.value, 3), (found.lower, 1), (found.upper, 1)):
            points = [(self.x(t), self.y(s)) for t, s in zip(times.tolist(), shares.tolist()) if t <= self.LAST]
            self._path("many", points, width)


if __name__ == "__main__":
    for theme, palette in THEMES.items():
        (HERE / f"beyond-{theme}.svg").write_text(BeyondPicture(palette).svg(), encoding="utf-8")
