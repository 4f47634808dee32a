"""What notebooks and terminals show of a history and of a series: facts on one line, and a table by rows of time."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import NamedTuple

from .._show.axis import Axis
from .._show.density import is_drawn, share_below, smallest
from .._show.interval import bar, interval_header, texts
from .._show.profile import notes_on
from .._show.scale import Scale, middle, quantity
from .._show.summary import supported_percentile
from .._show.view import Density, Table, View
from .._values.text import counted, printable
from .alignment import USUAL, Grid, resampled
from .merging import all_keys
from .sources import Part, joined
from .times import EPOCH, NS, duration_text, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import Cell
    from .._stats.estimate import Estimate
    from ..histogram import Histogram
    from .intervals import Source

    class _Forecast(Protocol):
        """The parts of a `Forecast` that are shown."""

        threshold: float
        unit: str
        target: float
        start: float
        now: float
        end: float
        spent: float
        spent_at_end: Estimate
        lasts: Estimate

        def _until(self, seconds: float) -> str: ...

    class _History(Protocol):
        _source: Source

    class _Series(Protocol):
        """The parts of a `TimeSeries` that are shown."""

        name: str
        unit: str
        confidence: float | None
        starts: NDArray[np.datetime64]
        ends: NDArray[np.datetime64]
        values: NDArray[np.float64]
        lower: NDArray[np.float64]
        upper: NDArray[np.float64]

        def __len__(self) -> int: ...


__all__ = ["forecast_view", "history_facts", "history_view", "printed", "series_facts", "series_view"]

SHOWN = 24  # rows
EDGE = 10  # of a longer series, the first and the last rows
NOTES = 4
WIDTH = 120  # columns of what is printed

#: Histograms that are merged for a table, at most, about 0.2 s: what takes longer is for the user to ask.
MOST_MERGED = 100_000

PERCENTILES = {"median": 50.0, "90": 90.0, "99": 99.0, "99.9": 99.9}
SPARE = ("99.9", "density", "90", "count", "per s")  # columns to leave out of a narrow table, in this order


class _Row(NamedTuple):
    """What a table shows of an interval."""

    start: int  # ns since 1970
    end: int
    histogram: Histogram | None  # of all keys; None if they are in different units
    size: int  # number of values


def printed(view: View) -> str:
    """Return what `print` shows: the tables, without pictures, which not every stream can take."""
    from .._show.terminal import text

    return text(view, WIDTH, pictures=False)


# ---- a history ----


def history_facts(history: _History) -> str:
    """Return how many intervals a history has, how long they are, and from when to when, without reading any."""
    starts, ends = history._source.starts, history._source.ends
    if not len(starts):
        return "0 intervals"
    lengths = [end - start for start, end in zip(starts, ends)]
    longest = max(lengths)
    of = ""
    if all(length == longest for length in lengths[1:-1]):  # the first and the last one are often cut off
        of = f" of {'' if min(lengths) == longest else 'up to '}{duration_text(longest)}"
    return f"{counted(len(starts), 'interval')}{of} from {_short(starts[0])} to {_short(ends[-1])}"


def _short(at: int) -> str:
    """Return a time as text, to the millisecond."""
    return time_text(at - at % 10**6)


def history_view(history: _History) -> View:
    """Return what is shown of a history: a row for each interval, or for each of at most 24 longer steps."""
    title = f"History of {history_facts(history)}"
    if not len(history._source.starts):
        return View("History", "0 intervals")
    source, which = _shown(history._source)
    held = [source.load(i) for i in range(len(source.starts))]
    keys = {key for one in held for key in one}
    units = sorted({histogram.unit for one in held for histogram in one.values()})
    counts = [sum(histogram.count for histogram in one.values()) for one in held]
    notes = []
    if len(units) > 1:
        notes.append(f"keys are in {', '.join(map(repr, units))}: see the values of those of one unit by select()")
    totals = [all_keys(one) if len(units) < 2 else None for one in held]
    rows = [_Row(*row) for row in zip(source.starts, source.ends, totals, counts)]
    facts = f"{counted(len(keys), 'key')}, {counted(sum(counts), 'value')}{which}"
    known = [(_time_texts([row.start])[0], row.histogram) for row in rows if row.histogram is not None and row.size]
    return View(title, facts, tables=[_table(rows)], notes=[*notes, *notes_on(known, PERCENTILES)][:NOTES])


def _shown(source: Source) -> tuple[Source, str]:
    """Return a source of at most 24 intervals, and which they are: all, longer ones, or the last ones."""
    starts, ends = source.starts, source.ends
    count = len(starts)
    if count <= SHOWN:
        return source, ""
    longest = max(end - start for start, end in zip(starts, ends))
    if count * max(1, len(source.load(count - 1))) <= MOST_MERGED:
        for step in USUAL:
            if step >= longest and (ends[-1] - starts[0]) // step < SHOWN:
                bins = resampled((starts, ends), Grid(timedelta(microseconds=step / 1000)), keep=True)
                return joined([source], bins), f", in steps of {duration_text(step)}"
    return Part(source, count - SHOWN, count), f" in the last {SHOWN} intervals, which are shown"


def _table(rows: Sequence[_Row]) -> Table:
    """Return a table with a row for each interval, in one unit, with densities on one axis."""
    held = [row.histogram for row in rows]
    filled = [one for one in held if one is not None and one.count]
    columns: list[list[Cell]] = []
    headers = ["from (UTC)"]
    if filled:
        unit = filled[0].unit
        scale = Scale.of(unit, middle([one.percentile(p) for one in filled for p in PERCENTILES.values()]))
        asked = [*((name, p) for name, p in PERCENTILES.items()), ("max", 100.0)]
        for name, p in asked:
            first = f"{name} ({printable(scale.unit)})" if name == "median" else name
            headers.append(first)
            columns.append(["-" if one is None else scale.show(_asked(one, p)) for one in held])
    headers += ["count", "per s"]
    columns.append([f"{row.size:,}" for row in rows])
    columns.append([Scale("", 1.0).show(row.size / ((row.end - row.start) / NS)) for row in rows])
    drawn = [one for one in filled if is_drawn(one)]
    if drawn:
        axis = Axis.of([end for one in drawn for end in (smallest(one), one.max)], drawn[0].unit)
        headers.append("density")
        columns.append(
            [Density(axis, share_below(one), one.count) if one and one.count and is_drawn(one) else "" for one in held]
        )
    lines = list(zip(_time_texts([row.start for row in rows]), *columns))
    return Table(headers, lines, SPARE)


def _asked(histogram: Histogram, p: float) -> float:
    return histogram.max if p == 100 else supported_percentile(histogram, p)


def _time_texts(times: Sequence[int]) -> list[str]:
    """Return times in UTC for a table, all with as many digits as the times after the first one need.

    >>> _time_texts([0, 90 * NS]), _time_texts([60 * NS])
    (['1970-01-01 00:00:00', '1970-01-01 00:01:30'], ['1970-01-01 00:01'])
    """
    whole = [EPOCH + timedelta(seconds=at // NS) for at in times]
    others = times[1:] or times
    if any(at % NS for at in others):
        return [f"{one:%Y-%m-%d %H:%M:%S}.{at % NS // 10**6:03d}" for one, at in zip(whole, times)]
    precise = any(at % (60 * NS) for at in others)
    return [format(one, "%Y-%m-%d %H:%M:%S" if precise else "%Y-%m-%d %H:%M") for one in whole]


# ---- a series ----


def series_facts(series: _Series) -> str:
    """Return what a series is of, from when to when, and its range."""
    if not len(series):
        return f"{series.name}: 0 intervals"
    values = [value for value in series.values.tolist() if not math.isnan(value)]
    start, end = (_short(int(one.astype("int64"))) for one in (series.starts[0], series.ends[-1]))
    held = f"{series.name} of {counted(len(series), 'interval')} from {start} to {end}"
    if not values:
        return f"{held}: no data"
    return f"{held}: {_quantity(min(values), series.unit)} to {_quantity(max(values), series.unit)}"


def _quantity(value: float, unit: str) -> str:
    return f"{Scale('', 1.0).show(value)}/s" if unit == "1/s" else quantity(value, unit)


def forecast_view(forecast: _Forecast) -> View:
    """Return what is shown of a forecast: the share of the budget that is spent, now and at the end, and until when."""
    objective = f"{100 * forecast.target:.9g} % within {quantity(forecast.threshold, forecast.unit)}"
    title, at_end = f"Error budget: {objective}", forecast.spent_at_end
    if math.isnan(forecast.spent):
        return View(title, "no data")
    plain, lasts = Scale("", 1.0), forecast.lasts
    facts = f"{time_text(round(forecast.start * NS))} to {time_text(round(forecast.end * NS))}"
    bounds = [forecast._until(one) for one in (lasts.lower, lasts.upper)]
    rows: list[list[Cell]] = [
        ["spent now", plain.show(forecast.spent), "", ""],
        ["spent at the end", *texts(at_end, plain), bar([at_end], at_end, 1.0)],
        ["lasts until", forecast._until(lasts), f"{bounds[0]} to {bounds[1]}" if bounds[0] != bounds[1] else "", ""],
    ]
    header = interval_header(at_end.confidence)
    return View(
        title, facts, tables=[Table(("", "value", header, "line: all"), rows, ("line: all",))], notes=[at_end.why]
    )


def series_view(series: _Series) -> View:
    """Return what is shown of a series: the value and the bounds of each interval, or of the first and last ones."""
    facts = series_facts(series)
    starts = series.starts.astype("int64").tolist()
    numbers = zip(starts, series.values.tolist(), series.lower.tolist(), series.upper.tolist())
    points = [(start, _Bounded(value, lower, upper, series.unit)) for start, value, lower, upper in numbers]
    known = [one for _, one in points if not math.isnan(one.value)]
    if not known:
        return View("TimeSeries", facts)
    scale = Scale.of(series.unit, middle([one.value for one in known]))
    shown = points if len(points) <= SHOWN else [*points[:EDGE], *points[-EDGE:]]
    rows: list[list[Cell]] = []
    together = [one for one in known if math.isfinite(one.upper)] or known
    for at, (_, one) in zip(_time_texts([start for start, _ in shown]), shown):
        value, bounds = texts(one, scale)
        rows.append([at, value, *([bounds, bar(together, one)] if series.confidence is not None else [])])
    if len(shown) < len(points):
        rows.insert(EDGE, ["...", f"{len(points) - len(shown):,} more", *[""] * (len(rows[0]) - 2)])
    headers = ["from (UTC)", f"{series.name} ({printable(scale.unit)})" if scale.unit else series.name]
    headers += [interval_header(series.confidence), " "] if series.confidence is not None else []
    return View("TimeSeries", facts, tables=[Table(headers, rows, (" ",))])


class _Bounded(NamedTuple):
    """A value with bounds and a unit, for texts."""

    value: float
    lower: float
    upper: float
    unit: str
