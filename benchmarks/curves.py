"""Questions about arrays: a fan-out curve of 1,000 points with intervals, beside a loop over its points."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from historian import Histogram
from historian.tail import TailWarning

from .data import latencies
from .figures import absolute, row
from .timing import interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

POINTS = 1_000
TARGET = 20  # ms
CURVES = "Curves of 1,000 points"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    h = Histogram.from_values(latencies(20_000))
    n, q = np.arange(1, POINTS + 1), np.linspace(0.001, 0.999, POINTS)
    t, fan, dist = h.quantile(np.linspace(0.5, 0.9999, POINTS)), h.fanout(100), h.dist()
    slow = float(h.quantile(0.999))
    questions = {
        "fanout(n).p_wait(t), over n": (
            lambda: h.fanout(n).p_wait(slow),
            lambda: [h.fanout(k).p_wait(slow) for k in ns],
        ),
        "fanout(n).quantile(q), over n": (
            lambda: h.fanout(n).quantile(0.99),
            lambda: [h.fanout(k).quantile(0.99) for k in ns],
        ),
        "fanout(100).p_wait(t), over t": (lambda: fan.p_wait(t), lambda: [fan.p_wait(one) for one in ts]),
        "fanout(100).quantile(q), over q": (lambda: fan.quantile(q), lambda: [fan.quantile(one) for one in qs]),
        "ci(q), over q": (lambda: h.ci(q), lambda: [h.ci(one) for one in qs]),
        "dist().sf(t), over t": (lambda: dist.sf(t), lambda: [dist.sf(one) for one in ts]),
        "dist().quantile(q), over q": (lambda: dist.quantile(q), lambda: [dist.quantile(one) for one in qs]),
        "slo(t, target), over t": (lambda: h.slo(t, 0.99), lambda: [h.slo(one, 0.99) for one in ts]),
        "apdex(t), over t": (lambda: h.apdex(t), lambda: [h.apdex(one) for one in ts]),
    }
    ns, qs, ts = n.tolist(), q.tolist(), t.tolist()
    cases = [
        once(f"{what}|{how}", call)
        for what, calls in questions.items()
        for how, call in zip(("one call", "a loop"), calls)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        timed = interleave(cases, rounds=15)
    for what in questions:
        if what.startswith("fanout"):
            results.add(
                absolute(f"{POINTS:,} points with intervals: {what}", TARGET, timed[f"{what}|one call"], "ms", 1e6)
            )
    for name, case in timed.items():
        what, how = name.split("|")
        results.add(row(CURVES, f"historian, {how}", what, case, unit="ms", per_unit=1e6))
