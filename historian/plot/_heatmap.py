"""`heatmap`: how the values changed over time."""

from __future__ import annotations

from collections.abc import Mapping

from .._values.base import BaseHistogram
from .._values.timed import is_timed
from ._axes import name_axis, panel, share_axis, value_axis
from ._density import bin_text, bins, width_of
from ._inputs import checked, unit_of
from ._look import finite, note, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._values.timed import _Timed, _Windows
    from ._axes import Panel

__all__ = ["heatmap"]

LINES = ("-", (0, (4, 1.5)), (0, (1, 1)))


def heatmap(
    histograms: Mapping[Any, BaseHistogram] | _Windows,
    times: Sequence[Any] | None = None,
    *,
    ax: Axes | None = None,
    percentiles: Sequence[float] = (50, 99),
) -> list[Artist]:
    """Draw how the values changed over time: a column for each histogram, the lighter the more values.

    Pass a `History`, whose gaps stay empty; or the histograms of consecutive intervals, and `times`: the start of each
    interval, or one more for the end of the last, as numbers of seconds, `datetime` or ``datetime64``.  Without an end,
    the last interval is as long as the one before it.  A mapping from starts to histograms has its times.  By default,
    intervals are numbered from 0.  The colour is the share of the column's values in a bin, as in `density`, on a
    logarithmic scale.  So an interval with few values is as bright as one with many.  Cells without values are left
    out.  A line for each of the `percentiles` goes through the columns.

    Returns the cells, a `QuadMesh`, and the lines.  1,000 intervals take 100 ms.  Raises as the functions of
    `historian.plot` do, and ValueError if there are not as many times as histograms, or if they do not ascend.

    >>> from historian import Histogram
    >>> minutes = [Histogram.from_values([0.010, 0.011]), Histogram.from_values([0.010, 0.5])]
    >>> cells, p50, p99 = heatmap(minutes, times=[0, 60, 120])
    >>> p99.get_ydata()
    array([0.011, 0.5  , 0.5  ])
    """
    is_history = is_timed(histograms)
    if times is not None and (is_history or isinstance(histograms, Mapping)):
        raise ValueError("times must not be given for a history, nor for a mapping, whose keys are the times")
    held: Any = histograms
    if is_history:
        times, held = _without_gaps(held)
    elif isinstance(histograms, Mapping):
        times, held = list(histograms), histograms.values()
    found = [checked(one) for one in held]
    edges = _edges_of_time(times, len(found))
    unit = unit_of(found)
    on = panel(ax)
    value_axis(on.ax.yaxis, unit)
    name_axis(on.ax.xaxis, "time (UTC)" if is_history else "interval" if times is None else _time_label(edges))
    filled = [one for one in found if one.zero_count + one.overflow_count < one.count]
    if not filled:
        return note(on.ax, "no data")
    width = width_of(filled)
    shares, values = _cells(found, width)
    artists: list[Artist] = [_mesh(on, edges, values, shares, f"share of values, bins of {bin_text(width)}")]
    on.limit_y(float(values[0]), float(values[-1]))
    if _is_date(edges):
        from matplotlib import dates

        on.ax.set_xlim(edges[0], edges[-1])
        locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
        on.ax.xaxis.set_major_locator(locator)
        on.ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        on.limit_x(float(edges[0]), float(edges[-1]), is_log=False)
    return artists + _lines(on.ax, found, edges, percentiles)


def _without_gaps(history: _Timed) -> tuple[Any, list[BaseHistogram]]:
    """Return the edges of a history's intervals, and their histograms: empty ones for the gaps between them."""
    import numpy

    starts, ends, held = history.starts, history.ends, list(history.histograms)
    gaps = numpy.flatnonzero(starts[1:] > ends[:-1]) + 1
    for k in reversed(gaps.tolist()):
        held.insert(k, BaseHistogram())
    edges = numpy.insert(starts, gaps, ends[gaps - 1])
    return numpy.append(edges, ends[-1:]), held


def _edges_of_time(times: Sequence[Any] | None, count: int) -> NDArray[Any]:
    import numpy

    if times is None:
        return numpy.arange(count + 1)
    edges = numpy.asarray(times)
    if edges.dtype == object:
        edges = edges.astype("datetime64[us]")
    if edges.ndim != 1 or len(edges) - count not in (0, 1):
        raise ValueError(f"times must be the starts of {count:,} histograms, or one more, not {edges.size:,} numbers")
    if len(edges) > 1 and not bool((edges[1:] > edges[:-1]).all()):
        raise ValueError("times must ascend")
    if len(edges) == count:
        alone = numpy.timedelta64(1, "m") if _is_date(edges) else edges.dtype.type(1)
        edges = numpy.append(edges, edges[-1:] + (edges[-1] - edges[-2] if count > 1 else alone))
    return edges


def _is_date(edges: NDArray[Any]) -> bool:
    return edges.dtype.kind == "M"


def _time_label(edges: NDArray[Any]) -> str:
    return "time" if _is_date(edges) else "time (s)"


def _cells(found: list[BaseHistogram], width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares, shape (bins, intervals), NaN where there are no values, and the edges of the bins."""
    import numpy

    columns: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = []
    for k, histogram in enumerate(found):
        if histogram.zero_count + histogram.overflow_count < histogram.count:
            columns.append((k, *bins(histogram, width)))
    low = min(edges[0] for _, _, edges in columns)
    high = max(edges[-1] for _, _, edges in columns)
    count = round(numpy.log2(high / low) * 64 / width)
    shares = numpy.full((count, len(found)), numpy.nan)
    values: NDArray[np.float64] = low * 2.0 ** (numpy.arange(count + 1) * width / 64)
    for k, share, edges in columns:
        start = round(numpy.log2(edges[0] / low) * 64 / width)
        shares[start : start + len(share), k] = numpy.where(share > 0, share, numpy.nan)
    return shares, values


def _mesh(
    on: Panel, edges: NDArray[Any], values: NDArray[np.float64], shares: NDArray[np.float64], label: str
) -> Artist:
    import numpy
    from matplotlib.colors import LogNorm

    most = float(numpy.nanmax(shares))
    norm = LogNorm(min(float(numpy.nanmin(shares)), most / 10), most)
    mesh = on.ax.pcolormesh(edges, values, shares, norm=norm, cmap="viridis", rasterized=shares.size > 20_000)
    figure = on.ax.get_figure(root=False)
    if figure is not None:
        bar = figure.colorbar(mesh, ax=on.ax, pad=0.02)
        share_axis(bar.ax.yaxis, label)
    return mesh


def _lines(ax: Axes, found: list[BaseHistogram], edges: NDArray[Any], percentiles: Sequence[float]) -> list[Artist]:
    """Draw each percentile as a line of steps."""
    import numpy
    from matplotlib.patheffects import withStroke

    drawn: list[Artist] = []
    labels: list[str] = []
    for k, p in enumerate(percentiles):
        each = numpy.array([one.percentile(p) for one in found])
        if not finite(each):
            continue
        (line,) = ax.plot(
            edges, numpy.append(each, each[-1]), drawstyle="steps-post", color="white", linewidth=1.4,
            linestyle=LINES[k % len(LINES)], path_effects=[withStroke(linewidth=3, foreground="black")],
        )  # fmt: skip
        drawn.append(line)
        labels.append(f"p{p:.12g}")
    if drawn:
        box = ax.legend(drawn, ["-"] * len(drawn), fontsize="small", loc="upper left", framealpha=0.6)
        for text, label in zip(box.get_texts(), labels):
            plain(text, label)
    return drawn
