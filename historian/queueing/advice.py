"""`advise`: whether a hedge helps at a utilisation, and after what time; `Advice`: its result."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import NamedTuple

from .._show.scale import Scale, middle, quantity
from .._show.shown import in_html, in_rich, in_terminal
from .._show.table import table
from .._stats.arrays import shares, thresholds
from .._stats.beyond import collected
from .._stats.checks import check_n, check_share
from .._stats.estimate import Estimate
from .._stats.student import student_quantile
from .._stats.windows import long_run_variance
from .._values.checks import check_positive
from .load import LoadWarning, percent
from .measurement import END, START
from .policy import checked_policy
from .service import check_service
from .simulation import simulated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._values.answers import _Numbers
    from .._values.base import BaseHistogram
    from ..histogram import Histogram
    from .load import Load

__all__ = ["Advice", "Option", "advise"]

AFTER = (0.5, 0.9, 0.95, 0.99)  # quantiles of the service times, as delays

BATCHES = 20  # of three windows each
BEYOND_EACH = 5  # requests beyond the quantile, of each batch on average: with 2, 91 % of 95 % intervals held the truth

BURST = 16  # at most one in so many requests comes in the burst, so that servers have time to recover

METHOD = "paired batches"


class Option(NamedTuple):
    """One of the policies that `advise` compares."""

    after: float | None  # time until the hedge, in the unit of the service times; None without a hedge
    load: Load
    response: Estimate  # the quantile of the response time
    ratio: Estimate  # to that without a hedge; infinity if the servers do not keep up
    alone: Estimate  # the quantile that `historian.tail.hedge` states, which leaves the load out
    recovers: bool  # whether the servers keep up again after a burst that made calls wait for three delays

    def __repr__(self) -> str:
        if not self.load.is_stable:
            return f"<Option: {self.load.policy}: the servers do not keep up>"
        burst = "" if self.recovers else "; one burst brings the servers down for good"
        return f"<Option: {self.load.policy}: response {self.response}, times {self.ratio}{burst}>"


Option.__module__ = "historian.queueing"  # set here, because a NamedTuple cannot set it in its body


class Advice(NamedTuple):
    """What a hedge does to a quantile of the response time at a utilisation, by `advise`.  Prints as a table."""

    q: float  # in (0, 1)
    utilisation: float  # by first calls alone, positive
    options: tuple[Option, ...]  # the first is without a hedge
    best: float | None  # the delay that helps most, of those that help with 95 % confidence and recover; None if none

    @property
    def sentence(self) -> str:
        """The advice as a sentence."""
        name, at = f"p{100 * self.q:.9g}", f"at {percent(self.utilisation)} load"
        plain, *others = self.options
        if not plain.load.is_stable:
            return f"{at}, no hedge: the servers do not keep up with the first calls"
        worse = [one for one in others if not one.load.is_stable or one.ratio.lower > 1]
        collapsed = [one for one in others if not one.load.is_stable]
        if self.best is None:
            much = "every hedge makes it worse" if len(worse) == len(others) else "no hedge helps for certain"
            many = f"; with {len(collapsed)} of {len(others)} the queue grows without bound" if collapsed else ""
            down = sum(one.load.is_stable and not one.recovers for one in others)
            some = f"; with {down} of {len(others)} one burst brings the servers down for good" if down else ""
            return f"{at}, do not hedge: {much}{many}{some}"
        best = next(one for one in others if one.after == self.best)
        after, low, high = quantity(self.best, plain.load.unit), best.ratio.lower, best.ratio.upper
        return f"{at}, hedge after {after}: {name} times {best.ratio:.2f} ({low:.2f} to {high:.2f})"

    def __str__(self) -> str:
        headers, rows = self._rows()
        return f"{table(headers, rows)}\n{self.sentence}"

    def __repr__(self) -> str:
        return f"<Advice: {self.sentence}>"

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        unit = self.options[0].load.unit
        known = [float(one.response) for one in self.options if one.response < math.inf]
        scale = Scale.of(unit, middle(known or [float(self.options[0].alone)]))
        name = f"p{100 * self.q:.9g}"
        headers = [
            "hedge after",
            f"{name} alone ({scale.unit})",
            f"{name} under load",
            "times",
            "utilisation",
            "a burst",
        ]
        rows = []
        for one in self.options:
            after = "never" if one.after is None else quantity(one.after, unit)
            under = scale.show(one.response) if one.load.is_stable else "grows"
            times = f"{one.ratio:.2f}" if one.ratio < math.inf else "-"
            rows.append([after, scale.show(one.alone), under, times, f"{one.load.utilisation.value:.2f}"])
            rows[-1].append("passes" if one.recovers else "stays")
        return headers, rows

    def _view(self) -> View:
        from .._show.view import Table, View

        headers, rows = self._rows()
        notes = [self.options[0].load._why]
        return View("Hedges under load", self.sentence, tables=[Table(headers, rows)], notes=notes)

    def _repr_html_(self) -> str:
        return in_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        in_terminal(self, printer, cycle)

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


Advice.__module__ = "historian.queueing"


def advise(
    service: BaseHistogram,
    servers: int,
    utilisation: float,
    *,
    delays: _Numbers | None = None,
    q: float = 0.99,
    cancel: Literal["never", "queued", "running"] = "never",
    queues: Literal["shared", "each"] = "shared",
    requests: int = 100_000,
    seed: int = 1,
) -> Advice:
    """Compare the q-quantile of the response time without a hedge with that for hedges after `delays`.

    The arguments are those of `simulate`; `delays` are times, by default the p50, p90, p95 and p99 of the service
    times.  All simulations have the same arrivals and the same service times of first calls (common random numbers), so
    that a ratio is known better than both of its quantiles.  Its 95 % interval is that of sectioning: the ratio of all
    requests, with the variance of its logarithm between 20 consecutive batches (Asmussen & Glynn, Stochastic
    Simulation, 2007, III.5, and V.6 for common random numbers).

    A pool may run well for long, and go down for good after one burst: calls wait, so that all are hedged, and there
    is twice the work (Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021).  So each hedge is also
    simulated after a burst that makes calls wait for three delays, and not recommended if the servers do not recover.

    Warns (`LoadWarning`) if no hedge helps for certain, or if the servers do not keep up.  A simulation of 100,000
    requests takes about two seconds for each delay.  Raises as `simulate` does, and ValueError for q that is not
    between 0 and 1, without delays, and for fewer requests than leave five beyond the quantile in each batch: 11,696
    for a p99.

    >>> from historian import Histogram
    >>> service = Histogram.from_values([0.010] * 9_500 + [0.1] * 500)
    >>> print(advise(service, servers=8, utilisation=0.3, delays=[0.02], requests=20_000))
    hedge after  p99 alone (ms)  p99 under load  times  utilisation  a burst
    never                   100             100   1.00         0.30   passes
    20.0 ms                30.2            30.1   0.30         0.32   passes
    at 30 % load, hedge after 20.0 ms: p99 times 0.30 (0.30 to 0.30)
    """
    service, servers, q = check_service(service), check_n(servers, "servers"), check_share("q", q)
    if q in (0, 1):
        raise ValueError(f"q must be between 0 and 1, such as 0.99, not {q!r}")
    times = service.quantile(shares("q", AFTER)) if delays is None else thresholds("delays", delays).ravel()
    if not times.size:
        raise ValueError("delays must hold a time at least, such as the service times' p95: none was given")
    least = math.ceil(BEYOND_EACH * BATCHES / ((1 - START - END) * min(q, 1 - q)))
    if check_n(requests, "requests") < least:
        raise ValueError(f"requests must be at least {least:,} for p{100 * q:.9g}, not {requests:,}: pass more")
    utilisation = check_positive("utilisation", utilisation)
    options: list[Option] = []
    for after in [None, *sorted(set(times.tolist()))]:
        policy = checked_policy(servers, after, None, 0, 0.0, False, cancel, queues)
        load = simulated(service, servers, utilisation, policy, requests, seed)
        response = collected(partial(load.quantile, q))[0]
        ratio = _ratio(load, options[0].load if options else load, q)
        recovers = load.is_stable
        if recovers and after is not None:
            wait = math.ceil(3 * after * servers / service.mean)  # requests that all servers need so long for
            burst = min(max(wait, servers), requests // BURST)
            recovers = simulated(service, servers, utilisation, policy, requests, seed, burst).is_stable
        options.append(Option(after, load, response, ratio, _alone(service, after, q), recovers))
    helpful = [one for one in options[1:] if one.recovers and one.ratio.upper < 1]
    best = min(helpful, key=lambda one: one.ratio, default=None)
    advice = Advice(q, utilisation, tuple(options), None if best is None else best.after)
    if best is None:
        warnings.warn(advice.sentence, LoadWarning, stacklevel=2)
    return advice


def _alone(service: BaseHistogram, after: float | None, q: float) -> Estimate:
    from ..tail.hedging import hedge
    from ..tail.leaf import from_histogram

    dist = from_histogram(service, 0.95)
    return collected(partial((dist if after is None else hedge(dist, after)).quantile, q))[0]


def _ratio(load: Load, plain: Load, q: float) -> Estimate:
    """Return the ratio of two quantiles, from paired batches."""
    if not (load.is_stable and plain.is_stable):
        why = load._reason() if not load.is_stable else plain._reason()
        return Estimate(math.inf, math.inf, math.inf, why)
    whole = load.response.quantile(q) / plain.response.quantile(q)
    differences = _logarithms(load.windows, q) - _logarithms(plain.windows, q)
    variance, freedom = long_run_variance((differences - differences.mean()).tolist())
    half = student_quantile(0.975, freedom) * math.sqrt(variance) / len(differences)
    bounds = whole * math.exp(-half), whole * math.exp(min(half, 700.0))
    return Estimate(whole, *bounds, load._why, confidence=0.95, method=METHOD)


def _logarithms(windows: tuple[Histogram, ...], q: float) -> NDArray[np.float64]:
    """Return the logarithm of the q-quantile of each batch: some windows joined."""
    import numpy

    from ..histogram import merge

    joined = len(windows) // BATCHES
    batches = (merge(windows[k : k + joined]) for k in range(0, len(windows), joined))
    found: NDArray[np.float64] = numpy.log([batch.quantile(q) for batch in batches])
    return found
