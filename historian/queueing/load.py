"""`Load`: what latency became in a simulation of servers under load, with the error of the simulation."""

from __future__ import annotations

import math
from functools import partial

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import collected, warn_beyond
from .._stats.checks import check_confidence
from .._stats.estimate import Estimate, quantile_name
from .._stats.student import student_quantile
from .._stats.windows import long_run_variance
from .._values.answers import is_many
from .._values.text import counted
from ..histogram import Histogram
from .measurement import BEYOND, Measured
from .policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View

    _Floats = NDArray[np.float64]

__all__ = ["METHOD", "Load", "LoadWarning", "percent"]

#: From this share of busy time on, over the last quarter of a simulation, servers count as saturated.  A queue that is
#: busier needs more than 1/(1 - 0.99)^2 = 10,000 service times to forget how it began, so no average says much.
SATURATED = 0.99

METHOD = "order statistics of the effective sample size"
BATCHES = "batch means"


class LoadWarning(UserWarning):
    """Warns that servers do not keep up with their load, or that further calls make it worse."""

    __module__ = "historian.queueing"


class Load:
    """What latency becomes under load, by `simulate`: response times, utilisation, added calls.

    All numbers are `historian.tail.Estimate`: their intervals are the error of the simulation.  They do not allow for
    the error of the service times, which are those of a sample, too.  If the servers do not keep up, there is no steady
    state: `is_stable` is false, and every time is infinite.

    >>> from historian import Histogram
    >>> from historian.queueing import simulate
    >>> service = Histogram.from_values([0.010] * 9_900 + [0.1] * 100)
    >>> load = simulate(service, servers=8, utilisation=0.7, requests=20_000)
    >>> load.is_stable, load.count
    (True, 17099)
    """

    __slots__ = ("_all", "_found", "_policy", "_response", "seed", "servers", "target", "unit")
    __module__ = "historian.queueing"

    servers: int  # from 1
    target: float  # utilisation by first calls alone, in (0, inf)
    seed: int
    unit: str  # label

    def __init__(
        self, found: tuple[Any, ...], policy: tuple[Any, ...], servers: int, target: float, seed: int, unit: str
    ) -> None:
        """Take what was measured: `simulate` creates it."""
        import numpy

        measured = Measured(*found)
        shares = [numpy.array(one, dtype=numpy.float64) for one in (measured.busy, measured.sent, measured.never)]
        self._found = measured._replace(busy=shares[0], sent=shares[1], never=shares[2])
        self._policy = Policy(*policy)
        self._all, self._response = (sum(part, Histogram()) for part in (measured.windows, measured.returned))
        self.servers, self.target, self.seed, self.unit = servers, target, seed, unit

    @property
    def policy(self) -> str:
        """When further calls are sent, in words."""
        return self._policy.text(self.unit)

    @property
    def count(self) -> int:
        """The number of requests that are counted: those after the start, in which queues fill."""
        return self._all.count

    @property
    def windows(self) -> tuple[Histogram, ...]:
        """The response times of 60 consecutive parts of the simulation, for ``histogram.ci(q, windows=...)``."""
        return self._found.returned

    @property
    def response(self) -> Histogram:
        """The response times, waiting and service, of the requests that got an answer.  O(buckets).

        If the servers do not keep up, these are times of a queue that grows: a longer simulation has longer ones.
        """
        return self._response

    @property
    def is_stable(self) -> bool:
        """Whether the servers keep up: over the last quarter they were busy for less than 99 % of the time."""
        return self.target < 1 and self._last_busy() < SATURATED

    @property
    def utilisation(self) -> Estimate:
        """The share of time for which servers were busy, including the added calls."""
        return self._mean_of(self._found.busy, 0.0, 1.0)

    @property
    def extra_load(self) -> Estimate:
        """The calls that hedges and retries added for each request, as `historian.tail.Dist.extra_load`.

        Of tied calls only one starts, so they add none.
        """
        return self._mean_of(self._found.sent, 0.0, math.inf)

    @property
    def never(self) -> Estimate:
        """The share of requests that got no answer before their last time-out."""
        return self._mean_of(self._found.never, 0.0, 1.0)

    def quantile(self, q: float, *, confidence: float = 0.95) -> Estimate:
        """Return the q-quantile of the response times of all requests; infinity if more never get an answer.

        The interval is that of ``response.ci(q, windows=windows)``: it allows for the dependence of successive requests
        by the differences between windows.  Infinity if the servers do not keep up.  Warns
        (`historian.tail.TailWarning`) if there are too few requests for a bound.  Raises ValueError for q outside 0..1.

        >>> from historian import Histogram
        >>> from historian.queueing import simulate
        >>> load = simulate(Histogram.from_values([0.010] * 100), servers=1, utilisation=0.5, requests=20_000)
        >>> print(load.quantile(0.99))                           # M/D/1; in theory 43.4 ms
        41.6 ms (38.8 to 45.7 ms)
        """
        if is_many(q):
            raise TypeError(f"q must be a number, not {q!r}: ask for each quantile by itself")
        if not self.is_stable:
            return self._none(confidence)
        found, text = collected(partial(self._all.ci, q, confidence=confidence, windows=self._found.windows))
        value, low, high = (one if one < BEYOND else math.inf for one in (float(found), found.lower, found.upper))
        if text and high == math.inf > value:
            few = counted(self.count, "request is", "requests are")
            warn_beyond(f"beyond the data: {few} too few for {quantile_name(q)}: pass more requests", stacklevel=2)
        return Estimate(value, low, high, self._why, unit=self.unit, confidence=confidence, method=METHOD)

    @property
    def mean(self) -> Estimate:
        """The mean response time of all requests; infinity if some get no answer, or the servers do not keep up."""
        if not self.is_stable:
            return self._none(0.95)
        if self._found.never.any():
            return Estimate(math.inf, math.inf, math.inf, self._why, unit=self.unit)
        import numpy

        return self._mean_of(numpy.array([one.mean for one in self._found.windows]), 0.0, math.inf, unit=self.unit)

    @property
    def _why(self) -> str:
        return f"simulation: {counted(self.count, 'request')} in {len(self._found.windows)} windows"

    def _last_busy(self) -> float:
        return float(self._found.busy[-(len(self._found.busy) // 4) :].mean())

    def _none(self, confidence: float) -> Estimate:
        check_confidence(confidence)
        return Estimate(math.inf, math.inf, math.inf, self._reason(), unit=self.unit)

    def _reason(self) -> str:
        """Say why there is no steady state."""
        if self.target >= 1:
            return f"no steady state: first calls alone are {percent(self.target)} of what the servers can do"
        before, after = self._found.waiting
        busy = f"busy for {100 * self._last_busy():.3g} % of the time"
        return f"no steady state: servers are {busy}, and requests in the queue went from {before:,} to {after:,}"

    def _mean_of(self, of_windows: _Floats, least: float, most: float, *, unit: str = "") -> Estimate:
        """Return the mean over windows, whose dependence its interval allows for, at 95 %."""
        mean = float(of_windows.mean())
        variance, freedom = long_run_variance((of_windows - mean).tolist())
        half = student_quantile(0.975, freedom) * math.sqrt(variance) / len(of_windows)
        bounds = max(least, min(mean, mean - half)), min(most, mean + half)
        return Estimate(mean, bounds[0], max(mean, bounds[1]), self._why, unit=unit, confidence=0.95, method=BATCHES)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, "unit"):  # set last
            raise AttributeError(f"a Load is immutable: cannot set {name}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Load is immutable: cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Lists, not arrays: pickles of numpy name modules that differ between its versions.
        found = self._found._asdict()
        found |= {name: found[name].tolist() for name in ("busy", "sent", "never")}
        return Load, (tuple(found.values()), tuple(self._policy), self.servers, self.target, self.seed, self.unit)

    def __repr__(self) -> str:
        if not self.is_stable:
            return f"<Load: {self.policy}; {self._reason()}>"
        p50, p99 = (collected(partial(self.quantile, q))[0] for q in (0.5, 0.99))
        return f"<Load: {self.policy}; utilisation {self.utilisation}, p50 {p50}, p99 {p99}>"

    def _view(self) -> View:
        from .views import load_view

        return load_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def percent(utilisation: float) -> str:
    """Return a utilisation as text; who passed 70 for 70 % sees what it means.

    >>> percent(1.2), percent(70.0)
    ('120 %', '7,000 %')
    """
    return f"{100 * utilisation:,.0f} %" if utilisation >= 10 else f"{100 * utilisation:.3g} %"
