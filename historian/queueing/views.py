"""What notebooks and terminals show of a load, and of the fit of a law of scalability."""

from __future__ import annotations

import math
from functools import partial

from .._show.interval import interval_header, texts
from .._show.scale import Scale, middle
from .._show.view import Table, View
from .._stats.beyond import collected
from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.estimate import Estimate

    class _Load(Protocol):
        servers: int
        target: float
        unit: str

        @property
        def policy(self) -> str: ...
        @property
        def is_stable(self) -> bool: ...
        @property
        def utilisation(self) -> Estimate: ...
        @property
        def extra_load(self) -> Estimate: ...
        @property
        def never(self) -> Estimate: ...
        @property
        def mean(self) -> Estimate: ...
        @property
        def _why(self) -> str: ...
        def quantile(self, q: float) -> Estimate: ...
        def _reason(self) -> str: ...

    class _Fit(Protocol):
        concurrency: NDArray[np.float64]
        confidence: float

        @property
        def law(self) -> str: ...
        @property
        def rate(self) -> Estimate: ...
        @property
        def contention(self) -> Estimate: ...
        @property
        def coherency(self) -> Estimate: ...
        @property
        def peak(self) -> Estimate: ...
        @property
        def _why(self) -> str: ...


__all__ = ["load_view", "scalability_view"]

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


def load_view(load: _Load) -> View:
    """Return what is shown of a load: percentiles of the response time, and how busy the servers are."""
    title, facts = f"Load: {load.policy}", f"{counted(load.servers, 'server')} at {100 * load.target:.3g} %"
    header, plain = interval_header(0.95), Scale("", 1.0)
    asked = {"utilisation": load.utilisation, "extra load": load.extra_load}
    if load.never > 0:
        asked["never returns"] = load.never
    shares = Table(("", "share", header), [[name, *texts(one, plain)] for name, one in asked.items()])
    if not load.is_stable:
        return View(title, facts, tables=[shares], notes=[load._reason()])
    answers = {name: collected(partial(load.quantile, q))[0] for name, q in PERCENTILES.items()}
    scale = Scale.of(load.unit, middle([float(one) for one in answers.values() if one < math.inf]))
    rows = [[name, *texts(one, scale)] for name, one in {**answers, "mean": load.mean}.items()]
    tables = [Table(("", scale.unit or "response", header), rows), shares]
    return View(title, facts, tables=tables, notes=[load._why])


def scalability_view(fit: _Fit) -> View:
    """Return what is shown of a fit: its parameters, and the concurrency of the most throughput."""
    asked = {"rate of one": fit.rate, "contention": fit.contention, "coherency": fit.coherency, "peak": fit.peak}
    rows = [[name, *texts(one, Scale("", 1.0))] for name, one in asked.items()]
    facts = counted(len(fit.concurrency), "measurement")
    title = fit.law[:1].upper() + fit.law[1:]
    return View(title, facts, tables=[Table(("", "value", interval_header(fit.confidence)), rows)], notes=[fit._why])
