"""`over_time`: percentiles of a history, or other series, over time, each with its band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._show.scale import TIME
from .._values.timed import is_timed
from ._axes import name_axis, number_axis, panel, value_axis
from ._look import band, finite, legend, note, style_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol, TypeAlias

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .._values.timed import _Timed

    class _Series(Protocol):
        """The parts of a `TimeSeries` that are drawn."""

        @property
        def name(self) -> str: ...
        @property
        def unit(self) -> str: ...
        @property
        def confidence(self) -> float | None: ...
        @property
        def starts(self) -> NDArray[np.datetime64]: ...
        @property
        def ends(self) -> NDArray[np.datetime64]: ...
        @property
        def values(self) -> NDArray[np.float64]: ...
        @property
        def lower(self) -> NDArray[np.float64]: ...
        @property
        def upper(self) -> NDArray[np.float64]: ...

    _Drawn: TypeAlias = _Timed | _Series | Mapping[Any, _Series] | Iterable[_Series]

__all__ = ["over_time"]

MANY = 200  # points of a line: that of more is thinner


def over_time(
    history: _Drawn, *, percentiles: float | Sequence[float] = (50, 99), ax: Axes | None = None
) -> list[Artist]:
    """Draw percentiles of a `History` over time, with their bounds as bands; or any `TimeSeries`.

    Pass a history and the `percentiles` to draw; or a series such as ``history.rate()``, a list of them, or a mapping
    of names to series, such as the p99 of each route.  A line is a step for each interval, with gaps where there is no
    interval and no value.  Where there are too few values for a bound, the band is hatched, and goes on to the edge of
    the picture.  The axis of values is logarithmic.  Times are UTC.

    Returns the line and the parts of its band for each series.  About 50 ms for 1,000 intervals.  Raises as the
    functions of `historian.plot` do, and ValueError if units differ.

    >>> from historian import Histogram, History, Interval
    >>> slow = Histogram.from_values([0.010] * 990 + [0.25] * 10)
    >>> history = History([Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", {"get": slow})])
    >>> line, *bands = over_time(history, percentiles=100)
    >>> line.get_ydata().tolist()
    [0.25, 0.25, nan]
    """
    found = _series_of(history, percentiles)
    units = list(dict.fromkeys(one.unit for _, one in found))
    if len(units) > 1:
        raise ValueError(f"series must be in one unit, not {units[0]!r} and {units[1]!r}: draw them apart")
    on = panel(ax)
    unit = units[0] if units else "s"
    if unit == "1/s":
        number_axis(on.ax.yaxis, "calls per second")
    else:
        value_axis(on.ax.yaxis, unit, "" if unit in TIME else "value")
    name_axis(on.ax.xaxis, "time (UTC)")
    filled = [(name, one) for name, one in found if finite(one.values)]
    if not filled:
        return note(on.ax, "no data")
    lines: list[Artist] = []
    bands: list[Artist] = []
    artists: list[Artist] = []
    values: list[float] = []
    first = len(on.ax.lines)
    for k, (_, one) in enumerate(filled):
        style = style_of(first + k)
        at, value, lower, upper = _steps(one)
        thin = {"linewidth": 1.2} if len(value) > MANY else {}
        (line,) = on.ax.plot(at, value, **{**style.curve, **thin}, scalex=False, scaley=False)
        drawn = [] if one.confidence is None else _band(on.ax, at, value, lower, upper, style.color)
        lines.append(line)
        bands += drawn
        artists += [line, *drawn]
        values += [*finite(value), *finite(lower), *finite(upper)]
    _limit_times(on.ax, [one for _, one in filled], is_fresh=on.is_fresh)
    on.limit_y(min(values), max(values))
    legend(on.ax, lines, [name for name, _ in filled], bands, filled[0][1].confidence, loc="best")
    return artists


def _series_of(history: Any, percentiles: Any) -> list[tuple[str, _Series]]:
    """Return the series to draw, with their names."""
    if is_timed(history):
        asked = percentiles if isinstance(percentiles, Iterable) else [percentiles]
        found: list[_Series] = [history.percentile(p) for p in asked]  # type: ignore[attr-defined]
        return [(one.name, one) for one in found]
    if isinstance(history, Mapping):
        return [(str(name), _checked(one)) for name, one in history.items()]
    if hasattr(type(history), "confidence"):
        return [(history.name, history)]
    if not isinstance(history, Iterable) or isinstance(history, (str, bytes)):
        _checked(history)
    return [(one.name, one) for one in map(_checked, history)]


def _checked(series: Any) -> _Series:
    if not all(hasattr(series, name) for name in ("starts", "ends", "values", "lower", "upper", "confidence")):
        raise TypeError(f"pass a history, or series such as history.percentile(99), not {type(series).__name__}")
    found: _Series = series
    return found


def _steps(series: _Series) -> tuple[NDArray[Any], ...]:
    """Return times, values and bounds of a line of steps: two points for each interval, and a NaN after it."""
    import numpy

    count = len(series.values)
    at = numpy.column_stack([series.starts, series.ends, series.ends]).ravel()
    columns = [numpy.repeat(one, 3) for one in (series.values, series.lower, series.upper)]
    follows = numpy.append(series.starts[1:] == series.ends[:-1], False)
    for one in columns:
        one[2::3][~follows] = numpy.nan
    keep = numpy.ones(3 * count, dtype=bool)
    keep[2::3] = ~follows
    return at[keep], *(one[keep] for one in columns)


def _band(ax: Axes, at: Any, value: Any, lower: Any, upper: Any, color: str) -> list[Artist]:
    """Draw the bounds where there is a value."""
    import numpy
    from matplotlib.dates import date2num

    known = numpy.flatnonzero(~numpy.isnan(value))
    x = numpy.asarray(date2num(at), dtype=numpy.float64)  # type: ignore[no-untyped-call]
    drawn: list[Artist] = []
    for run in numpy.split(known, numpy.flatnonzero(numpy.diff(known) > 1) + 1):
        if len(run):
            drawn += band(ax, x[run], lower[run], upper[run], color)
    return drawn


def _limit_times(ax: Axes, series: Sequence[_Series], *, is_fresh: bool) -> None:
    """Show the times of all series, and what is shown already."""
    from matplotlib import dates

    low = dates.date2num(min(one.starts[0] for one in series))  # type: ignore[no-untyped-call]
    high = dates.date2num(max(one.ends[-1] for one in series))  # type: ignore[no-untyped-call]
    if not is_fresh:
        least, most = sorted(ax.get_xlim())
        low, high = min(low, least), max(high, most)
    ax.set_xlim(low, high)
    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
