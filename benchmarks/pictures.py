"""Pictures: `historian.plot` with a new figure for each, and with the time that matplotlib takes to render it."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from historian import Histogram, compare, plot
from historian.tail import TailWarning, all_of, seq

from .data import latencies
from .figures import absolute, row
from .timing import interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

PICTURES = "Pictures"
TARGET = 150  # ms, without rendering
CURVE_TARGET = 20  # ms, of a fan-out curve of 1,000 points with its band, in axes that are there
POINTS = 1_000


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    try:
        import matplotlib
    except ImportError:
        results.skip("historian.plot", "matplotlib is not installed")
        return
    matplotlib.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        pictures(results)
        curve(results)


def pictures(results: Results) -> None:
    """Measure each picture, in a new figure of pyplot, without and with rendering."""
    h, other = (Histogram.from_values(latencies(20_000, seed=seed)) for seed in (1, 2))
    comparison = compare(h, other)
    minutes = [Histogram.from_values(latencies(1_000, seed=seed)) for seed in range(60)]
    tree = {"page": (seq, {"session": h, "fan": (partial(all_of, 100), {"look-up": other})})}
    draws: dict[str, Any] = {
        "percentiles": partial(plot.percentiles, h),
        "density": h.plot,
        "survival": partial(plot.survival, h),
        "fanout": partial(plot.fanout, h),
        "heatmap, 60 intervals": partial(plot.heatmap, minutes),
        "shift": partial(plot.shift, comparison),
        "tree": partial(plot.tree, tree),
    }
    cases = [once(f"{what}|draw", partial(drawn, draw)) for what, draw in draws.items()]
    cases += [once(f"{what}|render", partial(drawn, draw, render=True)) for what, draw in draws.items()]
    timed = interleave(cases, rounds=9)
    for what in draws:
        results.add(absolute(f"plot.{what}", TARGET, timed[f"{what}|draw"], "ms", 1e6))
        results.add(row(PICTURES, "historian", f"{what}, not rendered", timed[f"{what}|draw"], unit="ms", per_unit=1e6))
        results.add(row(PICTURES, "historian", f"{what}, rendered", timed[f"{what}|render"], unit="ms", per_unit=1e6))


def curve(results: Results) -> None:
    """Measure a fan-out curve of 1,000 points with its band, in axes that are there."""
    import matplotlib.pyplot as plt

    h, n = Histogram.from_values(latencies(20_000)), np.arange(1, POINTS + 1)
    slow = float(h.quantile(0.999))

    def draw(**question: Any) -> None:
        ax.clear()
        plot.fanout(h, n, ax=ax, **question)

    ax = plt.figure().add_subplot()
    cases = [once("clear", ax.clear), once("quantile", partial(draw, q=0.99)), once("p_wait", partial(draw, t=slow))]
    timed = interleave(cases, rounds=15)
    for what in ("quantile", "p_wait"):
        measure = f"plot.fanout, {what} of 1,000 points with its band"
        results.add(absolute(measure, CURVE_TARGET, timed[what], "ms", 1e6, timed["clear"]))
    plt.close("all")


def drawn(draw: Any, *, render: bool = False) -> None:
    """Draw into a new figure; render it if asked."""
    import matplotlib.pyplot as plt

    figure = draw()[0].axes.figure
    if render:
        figure.canvas.draw()
    plt.close(figure)
