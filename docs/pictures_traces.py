"""The picture in how-to/traces.md: users who wait for n calls, if calls are independent, and as traces measured it.

``python docs/pictures_traces.py`` draws the answers to the traces of that page, and writes traces-light.svg and
traces-dark.svg beside this file.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pictures import BOTTOM, HEIGHT, LEFT, RIGHT, THEMES, TOP, Canvas

from historian import Histogram
from historian.tail import TailWarning, Traces

HERE = Path(__file__).parent
MOST = 100  # calls
T = 0.1  # seconds


def requests(rng: np.random.Generator, count: int, calls: int) -> NDArray[np.float64]:
    """Return the requests of the page: a pause of all calls, or a slow call."""
    slow = (rng.random((count, 1)) < 0.008) | (rng.random((count, calls)) < 0.002)
    return 0.010 * rng.lognormal(0, 0.3, (count, calls)) + np.where(slow, 0.5, 0)


class FanoutPicture(Canvas):
    """Shares of users who wait, over the number of calls, as SVG."""

    def __init__(self, traces: Traces, colors: dict[str, str]) -> None:
        super().__init__(colors)
        self._traces = traces

    def x(self, n: float) -> float:
        """Return the column of a number of calls."""
        return LEFT + (RIGHT - LEFT) * math.log(n) / math.log(MOST)

    def y(self, share: float) -> float:
        """Return the row of a share of users."""
        return BOTTOM - (BOTTOM - TOP) * share / 0.7

    def svg(self) -> str:
        """Return the whole picture."""
        width = len(self._traces.names)
        calls = sorted({*range(1, width + 1), *(round(MOST ** (k / 40)) for k in range(41))})
        leaf = Histogram.from_values(self._traces.values.ravel())
        independent = [float(leaf.fanout(n).p_wait(T)) for n in calls]
        measured = [self._traces.fanout(n).p_wait(T) for n in calls]
        title = ["Wait for all of n calls, 1 % of which are slow:", f"users who wait longer than {1000 * T:g} ms"]
        for row, text in zip((28, 54), title):
            self._text(16, row, text, "text", size=20, weight=600)
        self._frame()
        self._band([(n, one.lower, one.upper) for n, one in zip(calls, measured)])
        self._line_of(list(zip(calls, independent)), "one", "")
        self._line_of([(n, float(one)) for n, one in zip(calls, measured) if n <= width], "many", "")
        self._line_of([(n, float(one)) for n, one in zip(calls, measured) if n >= width], "many", "6 5")
        self._text(self.x(34), self.y(independent[-1]), "independent", "one", size=18, weight=600, anchor="end")
        self._text(RIGHT - 4, self.y(0.27), "measured", "many", size=18, weight=600, anchor="end")
        count = f"{self._traces.count:,} traced requests of {width} calls; beyond these: value and bounds"
        self._text(16, HEIGHT - 14, count, "faint", size=14)
        return self._whole(" ".join(title))

    def _frame(self) -> None:
        for n in (1, 2, 4, 8, 20, 50, 100):
            self._line(self.x(n), TOP, self.x(n), BOTTOM, "grid")
            self._text(self.x(n), BOTTOM + 24, f"{n}", "faint", anchor="middle")
        for share in (0.0, 0.2, 0.4, 0.6):
            self._line(LEFT, self.y(share), RIGHT, self.y(share), "grid")
            self._text(LEFT - 8, self.y(share) + 5, f"{100 * share:.0f} %", "faint", anchor="end")
        self._text(16, TOP - 14, "share of users who wait", "faint")

    def _band(self, bounds: list[tuple[int, float, float]]) -> None:
        ends = [(n, high) for n, _, high in bounds] + [(n, low) for n, low, _ in reversed(bounds)]
        points = " ".join(f"{self.x(n):.1f},{self.y(share):.1f}" for n, share in ends)
        self._parts.append(f'<polygon points="{points}" fill="{self._colors["many"]}" fill-opacity="0.15"/>')

    def _line_of(self, points: list[tuple[int, float]], color: str, dashes: str) -> None:
        path = " ".join(f"{'L' if k else 'M'}{self.x(n):.1f} {self.y(p):.1f}" for k, (n, p) in enumerate(points))
        look = f'fill="none" stroke="{self._colors[color]}" stroke-width="3"'
        self._parts.append(f'<path d="{path}" {look}{f" stroke-dasharray={dashes!r}" if dashes else ""}/>')


def traces() -> Traces:
    """Return the traces of the page."""
    return Traces(requests(np.random.default_rng(16), 20_000, 8))


if __name__ == "__main__":
    warnings.simplefilter("ignore", TailWarning)
    for theme, palette in THEMES.items():
        (HERE / f"traces-{theme}.svg").write_text(FanoutPicture(traces(), palette).svg(), encoding="utf-8")
