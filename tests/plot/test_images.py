"""Each picture looks as it did.  ``--mpl-generate-path="$PWD/tests/plot/baseline"`` draws them again.

Texts are left out, since fonts differ between versions of matplotlib: the tests of artists look at them.
"""

from typing import Any

import numpy
import pytest

from historian import Histogram, History, Interval, compare, plot, queueing
from historian.tail import Dist, all_of, seq

pytest.importorskip("pytest_mpl")
pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.text import Text

look_alike = pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", savefig_kwargs={"dpi": 50}, tolerance=8, deterministic=True
)


def lognormal(median: float, sigma: float, count: int) -> numpy.ndarray[Any, Any]:
    """Return values at equal distances of rank, so that nothing is random."""
    from statistics import NormalDist

    ranks = (numpy.arange(count) + 0.5) / count
    return median * numpy.exp(sigma * numpy.array([NormalDist().inv_cdf(rank) for rank in ranks.tolist()]))


CACHE = Histogram.from_values(numpy.concatenate([lognormal(0.0004, 0.3, 4_500), lognormal(0.02, 0.5, 500)]))
SLOW = Histogram.from_values(lognormal(0.01, 0.8, 20_000))
FEW = Histogram.from_values([0.01, 0.011, 0.02, 0.5])
HISTORY = History(  # with a gap, with an interval of no values, and with one of few
    Interval(at * 60 * 10**9, (at + 1) * 60 * 10**9, {"x": one})
    for at, one in enumerate([SLOW, SLOW.scaled(2, "s"), None, Histogram(), CACHE, FEW, SLOW.scaled(0.5, "s")])
    if one is not None
)
FIT = queueing.fit_usl([1, 2, 4, 8, 16, 32, 64], [995, 1_960, 3_700, 6_690, 10_500, 13_600, 13_100])
FAN = all_of(100, SLOW.dist())


def hundred(x: Dist) -> Dist:
    """Return the time of waiting for a hundred calls."""
    return all_of(100, x)


PICTURES: dict[str, Any] = {
    "percentiles": lambda ax: plot.percentiles(CACHE, ax=ax),
    "percentiles-overlaid": lambda ax: plot.percentiles({"a": CACHE, "b": SLOW, "c": FEW}, ax=ax),
    "density": lambda ax: plot.density(CACHE, ax=ax),
    "survival": lambda ax: plot.survival([CACHE, SLOW], ax=ax),
    "fanout-quantile": lambda ax: plot.fanout(SLOW, ax=ax),
    "fanout-p-wait": lambda ax: plot.fanout(CACHE, t=0.05, ax=ax),
    "heatmap": lambda ax: plot.heatmap([CACHE, SLOW, Histogram(), FEW], [0, 1, 2, 3, 5], ax=ax),
    "heatmap-of-a-history": lambda ax: plot.heatmap(HISTORY, ax=ax),
    "over-time": lambda ax: plot.over_time(HISTORY, percentiles=(50, 99), ax=ax),
    "over-time-of-routes": lambda ax: plot.over_time({"a": HISTORY.percentile(90), "b": HISTORY.percentile(50)}, ax=ax),
    "scalability": lambda ax: plot.scalability(FIT, ax=ax),
    "shift": lambda ax: plot.shift(compare(CACHE, SLOW), ax=ax),
    "tree": lambda ax: plot.tree({"page": (seq(CACHE.dist(), FAN), {"auth": CACHE, "fan": (FAN, {"x": SLOW})})}, ax=ax),
    "tree-causes": lambda ax: plot.tree({"page": (seq, {"auth": CACHE, "fan": (hundred, {"x": SLOW})})}, ax=ax),
}


@look_alike
@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> Figure:
    figure = Figure(figsize=(4, 3))
    PICTURES[name](figure.add_axes((0.05, 0.05, 0.8, 0.9)))
    for ax in figure.axes:
        if ax.get_legend() is not None:
            ax.get_legend().remove()
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, place: "")
    for text in figure.findobj(Text):
        text.set_visible(False)
    return figure
