"""The picture in how-to/load.md: the p99 against the utilisation, with and without hedges.

``python docs/pictures_load.py`` simulates the servers of that page, and writes load-light.svg and load-dark.svg beside
this file.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from pictures import BOTTOM, HEIGHT, LEFT, RIGHT, THEMES, TOP, Canvas

from historian import Histogram, queueing, tail
from historian._show.scale import quantity

HERE = Path(__file__).parent


def service() -> Histogram:
    """Return the service times of how-to/load.md: a median of 10 ms and a long tail."""
    return Histogram.from_values(0.010 * np.exp(1.5 * np.random.default_rng(1).normal(size=50_000)))


class LoadPicture(Canvas):
    """The p99 against the utilisation, without a hedge and with one after the p95, and what the formula says."""

    SERVERS, REQUESTS, HIGHEST = 8, 100_000, 0.9
    LOAD = tuple(percent / 100 for percent in range(5, 91, 5))
    SLOWEST, FASTEST = 3.0, 0.1  # seconds, at the top and at the bottom

    def __init__(self, loads: dict[str, list[queueing.Load]], alone: float, colors: dict[str, str]) -> None:
        super().__init__(colors)
        self._loads, self._alone = loads, alone

    @classmethod
    def simulated(cls, service: Histogram) -> dict[str, list[queueing.Load]]:
        """Simulate each utilisation without a hedge and with one."""
        found: dict[str, list[queueing.Load]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for color, after in (("one", None), ("many", service.quantile(0.95))):
                found[color] = [
                    queueing.simulate(service, cls.SERVERS, load, hedge_after=after, requests=cls.REQUESTS)
                    for load in cls.LOAD
                ]
        return found

    def x(self, load: float) -> float:
        """Return the column of a utilisation."""
        return LEFT + (RIGHT - LEFT) * load / self.HIGHEST

    def y(self, seconds: float) -> float:
        """Return the row of a latency."""
        return BOTTOM - (BOTTOM - TOP) * math.log(seconds / self.FASTEST) / math.log(self.SLOWEST / self.FASTEST)

    def svg(self) -> str:
        """Return the whole picture."""
        stable = [load for load in self._loads["many"] if load.is_stable]
        last = 100 * stable[-1].target
        title = ["A hedge after the p95 helps an idle pool,", f"and brings it down above {last:.0f} % load"]
        for row, line in zip((28, 54), title):
            self._text(16, row, line, "text", size=20, weight=600)
        self._grid()
        row = self.y(self._alone)
        self._parts.append(
            f'<line x1="{LEFT}" y1="{row:.1f}" x2="{RIGHT}" y2="{row:.1f}" stroke="{self._colors["faint"]}"'
            ' stroke-dasharray="6 5" stroke-width="2"/>'
        )
        self._text(RIGHT, row + 20, f"tail.hedge: {quantity(self._alone, 's')}", "faint", anchor="end")
        for color, loads in self._loads.items():
            known = [(load.target, load.response.quantile(0.99)) for load in loads if load.is_stable]
            self._path(color, [(self.x(at), self.y(min(p99, self.SLOWEST))) for at, p99 in known])
        plain = self._loads["one"][2]
        self._text(self.x(0.04), self.y(plain.response.quantile(0.99)) - 10, "no hedge", "one", size=18, weight=600)
        if len(stable) < len(self.LOAD):
            at = self.x(stable[-1].target)
            self._line(at, self.y(min(stable[-1].response.quantile(0.99), self.SLOWEST)), at, TOP, "many")
            self._text(at + 10, TOP + 18, "hedged: the queue", "many", size=18, weight=600)
            self._text(at + 10, TOP + 40, "grows without bound", "many", size=18, weight=600)
        count = f"p99 of {self.REQUESTS:,} simulated requests, {self.SERVERS} servers, one queue; hedges run on"
        self._text(16, HEIGHT - 14, count, "faint", size=14)
        return self._whole(" ".join(title))

    def _grid(self) -> None:
        for percent in range(0, 91, 10):
            self._text(self.x(percent / 100), BOTTOM + 24, f"{percent} %", "faint", anchor="middle")
            self._line(self.x(percent / 100), TOP, self.x(percent / 100), BOTTOM, "grid")
        for seconds in (0.1, 0.2, 0.5, 1.0, 2.0):
            self._line(LEFT, self.y(seconds), RIGHT, self.y(seconds), "grid")
            label = quantity(seconds, "s").replace(".00", "")
            self._text(LEFT - 8, self.y(seconds) + 5, label, "faint", anchor="end")
        self._text(16, TOP - 14, "p99 of the response time, against utilisation by first calls", "faint")


if __name__ == "__main__":
    times = service()
    loads = LoadPicture.simulated(times)
    alone = float(tail.hedge(times.dist(), times.quantile(0.95)).quantile(0.99))
    for theme, palette in THEMES.items():
        (HERE / f"load-{theme}.svg").write_text(LoadPicture(loads, alone, palette).svg(), encoding="utf-8")
