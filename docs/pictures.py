"""What pictures are drawn with, and that in README.md: one look-up, and a user who waits for a hundred of them.

``python docs/pictures.py`` runs ``historian demo``, reads what its processes recorded, and writes tail-light.svg and
tail-dark.svg beside this file.  Everything shown is measured in that run.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path

from historian import Histogram, Key, Registry
from historian._show.scale import quantity

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

    def _path(self, color: str, points: list[tuple[float, float]], width: int = 3) -> None:
        path = " ".join(f"{'L' if k else 'M'}{x:.1f} {y:.1f}" for k, (x, y) in enumerate(points))
        self._parts.append(f'<path d="{path}" fill="none" stroke="{self._colors[color]}" stroke-width="{width}"/>')

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


if __name__ == "__main__":
    measured = measure()
    for theme, palette in THEMES.items():
        (HERE / f"tail-{theme}.svg").write_text(Picture(measured, palette).svg(), encoding="utf-8")
