"""What notebooks and terminals show of a histogram, a distribution, a fan-out and an objective."""

from __future__ import annotations

import math
from functools import partial

from .._show.axis import Axis
from .._show.density import LOWEST, is_drawn, share_below, smallest
from .._show.exemplars import exemplar_tables
from .._show.interval import bar, interval_header, texts
from .._show.scale import Scale, middle, quantity
from .._show.summary import is_supported, min_count, unit_question
from .._show.view import Density, Table, View
from .._stats.beyond import collected
from .._values.decimals import share_of
from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Protocol

    from .._stats.estimate import Estimate
    from .._values.base import BaseHistogram

    class _Asked(Protocol):
        def quantile(self, q: float) -> Estimate: ...

    class _Fanout(_Asked, Protocol):
        leaf: Any
        n: int

    class _Dist(_Asked, Protocol):
        @property
        def min(self) -> float: ...
        @property
        def max(self) -> float: ...
        @property
        def unit(self) -> str: ...
        @property
        def count(self) -> float: ...
        @property
        def mean(self) -> Estimate: ...
        @property
        def never(self) -> Estimate: ...
        def _at(self, t: Any, *, smooth: bool | None = None) -> Any: ...

    class _Hedge(Protocol):
        @property
        def after(self) -> float: ...
        @property
        def prob(self) -> float: ...
        @property
        def dist(self) -> Any: ...

    class _Blame(Protocol):
        @property
        def causes(self) -> Sequence[Any]: ...
        @property
        def unit(self) -> str: ...

        tree: Any
        t: float
        slow: Estimate
        q: float

    class _Traced(_Asked, Protocol):
        @property
        def count(self) -> int: ...
        @property
        def unit(self) -> str: ...

    class _Traces(Protocol):
        names: tuple[str, ...]

        @property
        def count(self) -> int: ...
        @property
        def unit(self) -> str: ...
        def fanout(self, n: int) -> Any: ...
        def effective_n(self, t: float) -> Estimate: ...
        def spearman(self, a: str, b: str) -> Estimate: ...
        def tail_dependence(self, a: str, b: str, q: float) -> Estimate: ...

    class _Correlation(Protocol):
        @property
        def t(self) -> float: ...
        @property
        def unit(self) -> str: ...
        @property
        def share(self) -> float: ...
        @property
        def values(self) -> int: ...
        @property
        def windows(self) -> int: ...
        @property
        def lags(self) -> Iterable[Estimate]: ...
        @property
        def effective_values(self) -> Estimate: ...
        @property
        def used(self) -> float: ...
        @property
        def inflation(self) -> Estimate: ...

    class _LeafWindows(Protocol):
        names: tuple[str, ...]
        leaves: tuple[tuple[BaseHistogram, ...], ...]

    class _TailFit(_Asked, Protocol):
        histogram: BaseHistogram
        threshold: float
        confidence: float

        @property
        def _p_text(self) -> str: ...
        @property
        def above(self) -> int: ...
        @property
        def shape(self) -> Estimate: ...
        @property
        def doubt(self) -> str: ...
        def others(self) -> Sequence[_TailFit]: ...

    class _Slo(Protocol):
        threshold: float
        unit: str
        target: float
        within: Estimate

        @property
        def is_met(self) -> bool | None: ...
        @property
        def burn_rate(self) -> Estimate: ...
        @property
        def budget_left(self) -> Estimate: ...


__all__ = [
    "blame_view",
    "correlation_view",
    "dist_view",
    "fanout_view",
    "hedge_view",
    "histogram_view",
    "slo_view",
    "tail_fit_view",
    "traced_view",
    "traces_view",
    "windows_view",
]

CONFIDENCE = 0.95
#: The percentiles that are shown, by name; the first three are marked in pictures.
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
MARKED = 3
#: Powers of ten beyond the data for which a fit is shown: up to a thousand times as many values.
BEYOND = 3
#: Pairs of calls that are shown; and the quantile above which two calls are slow together.
PAIRS, SLOW = 15, 0.9


def histogram_view(histogram: Any, title: str = "Histogram") -> View:
    """Return what is shown of a histogram: its density, its percentiles with their intervals, and warnings."""
    if not histogram.count:
        return View(title, "nothing recorded yet")
    facts = counted(histogram.count, "value") + (", some of them synthetic" if histogram.synthetic else "")
    scale = Scale.of(histogram.unit, middle([histogram.min, histogram.quantile(0.5), histogram.max]))
    shown = {name: p for name, p in PERCENTILES.items() if is_supported(histogram.count, p)}
    rows = [["min", scale.show(histogram.min), "exact" if histogram._knows_min() else "at least"]]
    for name, p in PERCENTILES.items():
        if name in shown:
            rows.append([name, *texts(_quiet(histogram.ci, share_of(p), CONFIDENCE), scale)])
        else:
            rows.append([name, "-", f"needs {counted(min_count(p), 'value')}"])
    rows.append(["max", scale.show(histogram.max), "exact" if histogram._knows_max() else "at most"])
    rows.append(["mean", scale.show(histogram.mean), ""])
    marks = [(name, histogram.percentile(p)) for name, p in shown.items()][:MARKED]
    marks.append(("max", histogram.max))
    table = Table(("", scale.unit or "value", interval_header(CONFIDENCE)), rows)
    notes = [*_beside(histogram), unit_question(histogram)]
    picture, tables = _histogram_picture(histogram, marks), [table, *exemplar_tables([("", histogram)])]
    return View(title, facts, picture, _caption(histogram.unit, marks), tables, notes)


def dist_view(dist: _Dist) -> View:
    """Return what is shown of a distribution: its density, and percentiles with their intervals."""
    if not dist.count:
        return View("Dist", "no data")
    known = "known exactly" if dist.count == math.inf else f"smallest sample: {counted(int(dist.count), 'value')}"
    answers = {name: _quiet(dist.quantile, share_of(p)) for name, p in PERCENTILES.items()}
    scale = Scale.of(dist.unit, middle([float(one) for one in answers.values() if one < math.inf]))
    header = interval_header(answers["p50"].confidence)
    rows = [[name, *texts(one, scale)] for name, one in {**answers, "mean": dist.mean}.items()]
    tables = [Table(("", scale.unit or "value", header), rows)]
    if dist.never > 0:
        tables.append(Table(("", "share", header), [["never returns", *texts(dist.never, Scale("", 1.0))]]))
    marks = [*((name, float(one)) for name, one in [*answers.items()][:MARKED]), ("max", dist.max)]
    marks = [(name, value) for name, value in marks if LOWEST < value < math.inf]
    picture = None
    if marks:
        ends = [dist.min, dist.max] if dist.count < math.inf else [_quiet(dist.quantile, q) for q in (1e-4, 0.9999)]
        axis = Axis.of([value for value in (*ends, *(at for _, at in marks)) if value > LOWEST], dist.unit)
        picture = Density(axis, lambda times: (1 - dist._at(times, smooth=True)[1]).tolist(), dist.count, marks)
    return View("Dist", known, picture, _caption(dist.unit, marks), tables, [answers["p50"].why])


def hedge_view(hedge: _Hedge) -> View:
    """Return what is shown of a hedge: when it starts, the percentiles with it, and the calls that it adds."""
    dist, header = hedge.dist, interval_header(CONFIDENCE)
    answers = {name: _quiet(dist.quantile, share_of(p)) for name, p in PERCENTILES.items()}
    scale = Scale.of(dist.unit, middle([float(one) for one in answers.values()]))
    rows = [[name, *texts(one, scale)] for name, one in answers.items()]
    costs = [["extra calls per call", *texts(dist.extra_load, Scale("", 1.0))]]
    facts = f"a second call after {quantity(hedge.after, dist.unit)} with a probability of {hedge.prob:.3g}"
    tables = [Table(("with it", scale.unit or "value", header), rows), Table(("", "value", header), costs)]
    return View("Hedge", facts if hedge.prob else "no second call", tables=tables, notes=[answers["p50"].why])


def fanout_view(fanout: _Fanout) -> View:
    """Return what is shown of a fan-out: the density of the wait over that of a call, and both percentiles."""
    leaf, n = fanout.leaf, fanout.n
    calls = f"{n:,}" if n < 10**9 else f"{n:.3g}"
    title = f"Fan-out: wait for all of {calls} calls"
    if not leaf.count:
        return View(title, "no data")
    waits = {name: _quiet(fanout.quantile, share_of(p)) for name, p in PERCENTILES.items()}
    single = {name: _quiet(leaf.ci, share_of(p), CONFIDENCE) for name, p in PERCENTILES.items()}
    scale = Scale.of(leaf.unit, middle([float(one) for one in (*waits.values(), *single.values())]))
    rows = [[name, *texts(wait, scale), *texts(single[name], scale)] for name, wait in waits.items()]
    unit = f" ({scale.unit})" if scale.unit else ""
    header = interval_header(CONFIDENCE)
    headers = ("", f"all {calls}{unit}", header, f"one call{unit}", f"{header} ")
    marks = [*((name, float(wait)) for name, wait in [*waits.items()][:MARKED]), ("max", leaf.max)]
    picture = _histogram_picture(leaf, marks)
    if picture is not None:
        one = picture.below

        def below(times: Sequence[float]) -> list[float]:
            return [math.exp(n * math.log(share)) if share else 0.0 for share in one(times)]

        picture = picture._replace(below=below, behind=one, behind_name="one call")
    notes = ["independent calls assumed: for calls that slow down together, see bounds(t, 'positive')"]
    if any(wait.upper == math.inf for wait in waits.values()):
        notes.insert(0, "beyond the data: there are too few values for an upper bound")
    table = Table(headers, rows, headers[:2:-1])
    facts = f"from {counted(leaf.count, 'recorded call')}"
    return View(title, facts, picture, _caption(leaf.unit, marks), [table], notes)


def blame_view(blame: _Blame) -> View:
    """Return what is shown of an attribution: the shares of each leaf, and the quantile without its slow calls."""
    if not blame.causes:
        return View("Blame", "no data")
    name, now = _percentile(blame.q), float(_quiet(blame.tree.quantile, blame.q))
    slow = f"slow: more than {quantity(blame.t, blame.unit)}, {100 * blame.slow:.3g} % of all requests"
    then = [float(_quiet(cause.becomes.quantile, blame.q)) for cause in blame.causes]
    scale = Scale.of(blame.unit, middle([one for one in (now, *then) if one < math.inf] or [blame.t]))
    asked = ("slowest", "necessary", "saved")
    rows = [
        [cause.name, *(_percents(getattr(cause, one)) for one in asked), scale.show(one), _tried(cause, blame.unit)]
        for cause, one in zip(blame.causes, then)
    ]
    headers = ("", *asked, f"{name} then" + (f" ({scale.unit})" if scale.unit else ""), "then")
    notes = [
        f"share of the slow requests, with {interval_header(blame.slow.confidence)}: the longest call is of this leaf; "
        "not slow if it took no time; not slow with what stands under then",
        "necessary and saved need not add up to 100 %: a slow request may need several leaves, or none of them alone",
        "independent calls assumed",
    ]
    table = Table(headers, rows, (headers[5], headers[1], headers[4]))
    return View("Blame", f"{name} {quantity(now, blame.unit)}; {slow}", tables=[table], notes=notes)


def _percents(share: Estimate) -> str:
    """Return a share and its interval in percent, the bounds rounded outwards.

    >>> from historian.tail import Estimate
    >>> _percents(Estimate(0.40312, 0.2424, 0.5381)), _percents(Estimate(0.0, 0.0, 0.0141))
    ('40.3 % (24.2 to 53.9)', '0.0 % (0.0 to 1.5)')
    """
    low, high = math.floor(1000 * share.lower + 1e-6) / 10, math.ceil(1000 * share.upper - 1e-6) / 10
    return f"{100 * share:.1f} % ({low:.1f} to {high:.1f})"


def _percentile(q: float) -> str:
    """Return the name of a quantile.

    >>> _percentile(0.99), _percentile(0.98765432)
    ('p99', 'p98.8')
    """
    p = 100 * q
    return f"p{p:.9g}" if p == round(p, 6) and len(f"{p:.9g}") < 8 else f"p{p:.3g}"


def _tried(cause: Any, unit: str) -> str:
    """Return which other distribution is tried: a time, or one with its own median."""
    least, most = cause.instead.min, cause.instead.max
    return f"at {quantity(least, unit)}" if least == most else "as given"


def slo_view(slo: _Slo) -> View:
    """Return what is shown of an objective: whether it is met, and the answers with their intervals."""
    title = f"Objective: {100 * slo.target:.9g} % within {quantity(slo.threshold, slo.unit)}"
    if math.isnan(slo.within):
        return View(title, "no data")
    facts = {True: "met", False: "missed", None: "open, the data do not decide"}[slo.is_met]
    asked = {"within": (slo.within, slo.target)}
    if slo.target < 1:
        asked |= {"burn rate": (slo.burn_rate, 1.0), "budget left": (slo.budget_left, 0.0)}
    rows = [[name, *texts(one, Scale("", 1.0)), bar([one], one, limit)] for name, (one, limit) in asked.items()]
    notes = [slo.within.why, *([] if slo.target < 1 else ["error budget: none"])]
    headers = ("", "value", interval_header(slo.within.confidence), "line: limit")
    return View(title, facts, tables=[Table(headers, rows, headers[-1:])], notes=notes)


def traced_view(traced: _Traced, title: str = "Traced requests") -> View:
    """Return what is shown of the latency of traced requests: percentiles with their intervals."""
    if not traced.count:
        return View(title, "no data")
    answers = {name: _quiet(traced.quantile, share_of(p)) for name, p in PERCENTILES.items()}
    scale = Scale.of(traced.unit, middle([float(one) for one in answers.values()]))
    rows = [[name, *texts(one, scale)] for name, one in answers.items()]
    table = Table(("", scale.unit or "value", interval_header(CONFIDENCE)), rows)
    facts = f"from {counted(traced.count, 'traced request')}"
    return View(title, facts, tables=[table], notes=[answers["p50"].why])


def traces_view(traces: _Traces) -> View:
    """Return what is shown of traces: how many independent calls they are like, and how pairs of calls depend."""
    if not traces.count:
        return View("Traces", "no data")
    width = len(traces.names)
    single = {name: _quiet(traces.fanout(1).quantile, share_of(p)) for name, p in PERCENTILES.items()}
    scale = Scale.of(traces.unit, middle([float(one) for one in single.values()]))
    rows = [
        [name, scale.show(float(one)), *texts(traces.effective_n(float(one)), Scale("", 1.0))]
        for name, one in single.items()
    ]
    header = interval_header(CONFIDENCE)
    unit = f" ({scale.unit})" if scale.unit else ""
    tables = [Table(("", f"one call{unit}", "effective calls", header), rows)]
    pairs = [(a, b) for k, a in enumerate(traces.names) for b in traces.names[k + 1 :]]
    if len(pairs) <= PAIRS:
        slow = f"both above p{100 * SLOW:g}"
        rows = [
            [f"{a}, {b}", *texts(traces.spearman(a, b), one), *texts(traces.tail_dependence(a, b, SLOW), one)]
            for (a, b), one in zip(pairs, [Scale("", 1.0)] * len(pairs))
        ]
        tables.append(Table(("", "Spearman", header, slow, f"{header} "), rows, (f"{header} ", header)))
    notes = [f"effective calls: {width} if independent, 1 if slow together"]
    if len(pairs) <= PAIRS:
        notes.append(f"both above p{100 * SLOW:g}: {1 - SLOW:.2g} if independent, 1 if slow together")
    facts = f"{counted(traces.count, 'request')} of {counted(width, 'call')}"
    return View("Traces", facts, tables=tables, notes=notes)


def tail_fit_view(fit: _TailFit) -> View:
    """Return what is shown of an extrapolation: the slowest of more values, and the fits at other thresholds."""
    histogram, unit = fit.histogram, fit.histogram.unit
    if not histogram.count:
        return View("Tail fit", "no data")
    sizes = [size for size in (histogram.count * 10**k for k in range(BEYOND + 1)) if 1 - 1 / size < 1]
    slowest = [_quiet(fit.quantile, 1 - 1 / size) for size in sizes]
    scale = Scale.of(unit, middle([float(one) for one in slowest]))
    rows = [[f"{size:,}", *texts(one, scale)] for size, one in zip(sizes, slowest)]
    header = interval_header(fit.confidence)
    largest = f"exceeded by one ({scale.unit})" if scale.unit else "exceeded by one"
    tables = [Table(("of so many values", largest, header), rows)]
    rows = [
        [scale.show(one.threshold), f"{one.above:,}", *texts(one.shape, Scale("", 1.0)), one._p_text]
        for one in sorted({one.threshold: one for one in (fit, *fit.others())}.values(), key=lambda one: one.threshold)
    ]
    tables.append(Table(("threshold", "values above", "shape", header, "p-value"), rows))
    notes = [slowest[0].why, f"largest recorded value: {quantity(histogram.max, unit)}"]
    notes.append("if the model is right, the shapes agree within their intervals, and no p-value is small")
    above = f"{fit.above:,} of {counted(histogram.count, 'value')}"
    facts = f"generalised Pareto above {quantity(fit.threshold, unit)}: {above}"
    return View("Tail fit", facts, tables=tables, notes=notes)


def correlation_view(correlation: _Correlation) -> View:
    """Return what is shown of how intervals of time depend on each other: the correlation by lag, and what it costs."""
    if not correlation.values:
        return View("Correlation in time", "no data")
    header, plain = interval_header(CONFIDENCE), Scale("", 1.0)
    size = correlation.effective_values
    if size.confidence is not None:
        header = interval_header(size.confidence)
    lags = [[f"{k + 1}", *texts(one, plain)] for k, one in enumerate(correlation.lags)]
    rows = [
        ["effective values", "-" if size != size else f"{size:,.0f}", _between(size)],
        ["inflation of the variance", *texts(correlation.inflation, plain)],
        ["values that windows= counts", f"{correlation.used:,.0f}", ""],
    ]
    facts = (
        f"{100 * correlation.share:.3g} % of {counted(correlation.values, 'value')} above "
        f"{quantity(correlation.t, correlation.unit)}, in {counted(correlation.windows, 'window')}"
    )
    tables = [Table(("windows apart", "correlation", header), lags), Table(("", "value", header), rows)]
    notes = ["0 if windows do not depend on each other; effective values: independent ones that would tell as much"]
    return View("Correlation in time", facts, tables=tables, notes=notes)


def _between(size: Estimate) -> str:
    return "no data" if size != size else f"{math.floor(size.lower):,} to {math.ceil(size.upper):,}"


def windows_view(windows: _LeafWindows) -> View:
    """Return what is shown of leaves in windows of time: their values."""
    rows = [
        [name, f"{sum(one.count for one in leaf):,}", f"{sum(one.count > 0 for one in leaf):,}"]
        for name, leaf in zip(windows.names, windows.leaves)
    ]
    facts = f"{counted(len(rows), 'leaf', 'leaves')}, {counted(len(windows.leaves[0]), 'window')} each"
    return View("Windows", facts, tables=[Table(("", "values", "windows with values"), rows)])


def _quiet(question: Callable[..., Estimate], *arguments: float) -> Estimate:
    """Return an answer without its warning: an open side is shown."""
    return collected(partial(question, *arguments))[0]


def _histogram_picture(histogram: BaseHistogram, marks: Iterable[tuple[str, float]]) -> Density | None:
    """Return the density of a histogram, or None if all values are in the zero bucket."""
    if not is_drawn(histogram):
        return None
    axis = Axis.of([smallest(histogram), histogram.max], histogram.unit)
    return Density(axis, share_below(histogram), histogram.count, [mark for mark in marks if mark[1] > LOWEST])


def _beside(histogram: BaseHistogram) -> list[str]:
    """Return notes on values outside of the buckets."""
    found = []
    if histogram.zero_count:
        missing = ", not in the picture" if is_drawn(histogram) else ""
        found.append(f"{counted(histogram.zero_count, 'value')} at most 2**-32{missing}")
    if histogram.overflow_count:
        found.append(f"{counted(histogram.overflow_count, 'value')} above 2**64")
    return found


def _caption(unit: str, marks: Iterable[tuple[str, float]]) -> str:
    """Return what a picture shows, for those who do not see it."""
    return f"density on a logarithmic axis: {', '.join(f'{name} {quantity(value, unit)}' for name, value in marks)}"
