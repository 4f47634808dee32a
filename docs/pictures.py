"""The pictures in README.md and in how-to/load.md.

``python docs/pictures.py tail`` runs ``historian demo``, reads what its processes recorded, and writes tail-light.svg
and tail-dark.svg beside this file: one look-up, and a user who waits for a hundred of them.  Everything shown is
measured in that run.  ``python docs/pictures.py load`` simulates servers with and without hedges, and writes
load-light.svg and load-dark.svg: the p99 against the utilisation.  Without an argument, it draws both.
"""The picture in README.md: one look-up, and a user who waits for a hundred of them; and that of looking often.

``python docs/pictures.py`` runs ``historian demo``, reads what its processes recorded, and writes tail-light.svg and
tail-dark.svg beside this file.  Everything shown is measured in that run.  ``python docs/pictures.py often`` simulates
growing data, and writes often-light.svg and often-dark.svg: how many medians an interval has missed at any look so far.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from historian import Histogram, Key, Registry, queueing, tail
from historian._show.scale import quantity
from historian._stats.binomial import rank_interval
from historian._stats.sequences import rank_sequence

HERE = Path(__file__).parent
WIDTH, HEIGHT = 600, 420  # pixels: a phone shows two thirds of this size, so texts are large
LEFT, RIGHT, TOP, BOTTOM = 76, 580, 100, 346  # of the axes
N = 100  # calls that a user waits for
LOWEST = 1e-4  # share of requests at the bottom of the picture

THEMES = {
    "light": {"text": "#1f2328", "faint": "#59636e", "grid": "#d1d9e0", "one": "#0969da", "many": "#cf222e"},
    "dark": {"text": "#f0f6fc", "faint": "#9198a1", "grid": "#3d444d", "one": "#4493f8", "many": "#ff7b72"},
}


def measure() -> Histogram:
    """Run the demo and return the latencies of its look-ups."""
    with tempfile.TemporaryDirectory() as folder:
        directory = str(Path(folder, "demo"))
        command = [sys.executable, "-m", "historian", "demo", "--seconds", "8", "--dir", directory]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        return Registry(directory).snapshot()[Key("look-up")]


class Canvas:
    """Lines and texts, as SVG."""

    def __init__(self, colors: dict[str, str]) -> None:
        self._colors, self._parts = colors, list[str]()

    def _whole(self, title: str) -> str:
        body = "\n".join(self._parts)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
        return f'{head} font-family="system-ui, sans-serif">\n<title>{title}</title>\n{body}\n</svg>\n'

    def _path(self, color: str, points: list[tuple[float, float]]) -> None:
        path = " ".join(f"{'L' if k else 'M'}{x:.1f} {y:.1f}" for k, (x, y) in enumerate(points))
        self._parts.append(f'<path d="{path}" fill="none" stroke="{self._colors[color]}" stroke-width="3"/>')

    def _line(self, x1: float, y1: float, x2: float, y2: float, color: str) -> None:
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._parts.append(f'<line {ends} stroke="{self._colors[color]}"/>')

    def _text(
        self, x: float, y: float, text: str, color: str, *, size: int = 16, weight: int = 400, anchor: str = "start"
    ) -> None:
        look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{self._colors[color]}"'
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {look}>{text}</text>')


class Picture(Canvas):
    """Two survival curves on logarithmic axes, as SVG."""

    def __init__(self, h: Histogram, colors: dict[str, str]) -> None:
        super().__init__(colors)
        self._h = h
        self._low = math.floor(math.log10(h.percentile(1)))
        self._high = math.ceil(math.log10(h.max))

    def x(self, seconds: float) -> float:
        """Return the column of a latency."""
        return LEFT + (RIGHT - LEFT) * (math.log10(seconds) - self._low) / (self._high - self._low)

    def y(self, share: float) -> float:
        """Return the row of a share of requests."""
        return TOP + (BOTTOM - TOP) * math.log10(max(share, LOWEST)) / math.log10(LOWEST)

    def svg(self) -> str:
        """Return the whole picture."""
        p99 = self._h.percentile(99)
        wait = self._h.fanout(N).p_wait(p99)
        title = [
            f"1 look-up in {N} takes over {quantity(p99, 's')}:",
            f"{100 * wait:.0f} % of users who need {N} wait longer",
        ]
        for row, line in zip((28, 54), title):
            self._text(16, row, line, "text", size=20, weight=600)
        self._grid()
        self._curve("many", [self._h.fanout(N).p_wait(t) for t in self._latencies()])
        self._curve("one", [self._h.sf(t) for t in self._latencies()])
        self._mark(p99, float(wait), "many", f"{100 * wait:.0f} % of users", above=True)
        self._mark(p99, self._h.sf(p99), "one", f"{100 * self._h.sf(p99):.2g} % of look-ups", above=False)
        count = f"{self._h.count:,} look-ups in SQLite, by 4 processes, one of them killed; axes logarithmic"
        self._text(16, HEIGHT - 14, count, "faint", size=14)
        return self._whole(" ".join(title))

    def _latencies(self) -> list[float]:
        return [t for t in self._h.upper.tolist() if 10.0**self._low <= t < self._h.max]

    def _grid(self) -> None:
        for exponent in range(self._low, self._high + 1):
            column = self.x(10.0**exponent)
            self._line(column, TOP, column, BOTTOM, "grid")
            self._text(
                column,
                BOTTOM + 24,
                quantity(10.0**exponent, "s").replace(".00", "").replace(".0 ", " "),
                "faint",
                anchor="middle",
            )
        for exponent in range(round(math.log10(LOWEST)), 1):
            row = self.y(10.0**exponent)
            self._line(LEFT, row, RIGHT, row, "grid")
            self._text(LEFT - 8, row + 5, f"{10.0 ** (exponent + 2):g} %", "faint", anchor="end")
        self._text(16, TOP - 14, "share that takes longer", "faint")

    def _curve(self, color: str, shares: list[float]) -> None:
        points = [(self.x(t), self.y(share)) for t, share in zip(self._latencies(), shares) if share > LOWEST]
        self._path(color, points)

    def _mark(self, t: float, share: float, color: str, text: str, *, above: bool) -> None:
        x, y = self.x(t), self.y(share)
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{self._colors[color]}"/>')
        self._text(x + (12 if above else -12), y + (-10 if above else 20), text, color, size=18, weight=600,
                   anchor="start" if above else "end")  # fmt: skip


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


class Often(Picture):
    """The share of simulated runs in which an interval has missed the median at any look so far, as SVG."""

    LOOKS, RUNS, EACH, MOST = 1_000, 2_000, 100, 0.6  # MOST: the share at the top

    def __init__(self, colors: dict[str, str]) -> None:
        self._colors, self._parts = colors, list[str]()
        self._low, self._high = 0, 3  # powers of ten of the number of looks

    def y(self, share: float) -> float:
        """Return the row of a share of runs."""
        return BOTTOM - (BOTTOM - TOP) * share / self.MOST

    def missed(self, ranks: Callable[[float, int, float], tuple[int, int]]) -> list[float]:
        """Return the share of runs that have missed it, by the number of looks."""
        import numpy as np

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
            path = " ".join(f"{'L' if k else 'M'}{x:.1f} {y:.1f}" for k, (x, y) in enumerate(points))
            self._parts.append(f'<path d="{path}" fill="none" stroke="{self._colors[color]}" stroke-width="3"/>')
            self._text(RIGHT - 4, points[-1][1] - 12, text, color, size=18, weight=600, anchor="end")
        below = f"looks, with {self.EACH} values more at each; {self.RUNS:,} simulated runs"
        self._text(16, HEIGHT - 14, below, "faint", size=14)
        body = "\n".join(self._parts)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
        return f'{head} font-family="system-ui, sans-serif">\n<title>{" ".join(title)}</title>\n{body}\n</svg>\n'


if __name__ == "__main__":
    drawn = sys.argv[1:] or ["tail", "load"]
    if "tail" in drawn:
        measured = measure()
        for theme, palette in THEMES.items():
            (HERE / f"tail-{theme}.svg").write_text(Picture(measured, palette).svg(), encoding="utf-8")
    if "load" in drawn:
        times = service()
        loads = LoadPicture.simulated(times)
        alone = float(tail.hedge(times.dist(), times.quantile(0.95)).quantile(0.99))
        for theme, palette in THEMES.items():
            (HERE / f"load-{theme}.svg").write_text(LoadPicture(loads, alone, palette).svg(), encoding="utf-8")
    if sys.argv[1:] == ["often"]:
        for theme, palette in THEMES.items():
            (HERE / f"often-{theme}.svg").write_text(Often(palette).svg(), encoding="utf-8")
    else:
        measured = measure()
        for theme, palette in THEMES.items():
            (HERE / f"tail-{theme}.svg").write_text(Picture(measured, palette).svg(), encoding="utf-8")
