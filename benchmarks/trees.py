"""Request trees: chains, quorums, mixtures, the distributions they begin with; corrections and printed comparisons."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING

import numpy as np

from historian import Comparison, Histogram, merge
from historian.tail import TailWarning, all_of, hedge, k_of, seq

from .data import latencies
from .figures import absolute, row
from .timing import interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

MILLION = 1_000_000
TREES = "Request trees"
BLOCKS = 100

#: The questions that have a target, with this target in ms.
TARGETS = {
    "p99 of a chain of 10 chains of 10 calls": 100,
    "500 of 500 + 500 unequal calls": 150,
    "sensitivity of a fan-out of 1e6": 5,
    "dist() of 6,144 populated buckets": 5,
    "corrected() of 53 octaves, the most that there can be": 20,
    f"a comparison of {BLOCKS} blocks of 50 + 50 values, printed": 60,
}


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    h, other = (Histogram.from_values(latencies(MILLION, seed)) for seed in (1, 2))
    wide = Histogram.from_values(2.0 ** np.random.default_rng(3).uniform(-32, 64, 100_000))
    widest = Histogram.from_values(2.0 ** np.arange(-31.99, 20.9, 1 / 64))
    x, y, fan = h.dist(), other.dist(), h.fanout(MILLION)
    chain = seq(x, y)
    chain.ppf(0.99)  # chains are computed when they are asked
    pairs = [tuple(Histogram.from_values(latencies(50, 2 * k + i)) for i in (0, 1)) for k in range(BLOCKS)]
    sides = [merge([pair[i] for pair in pairs]) for i in (0, 1)]
    compared = f"a comparison of {BLOCKS} blocks of 50 + 50 values, printed"
    cases = [
        once(
            "p99 of a chain of 10 chains of 10 calls",
            lambda: seq(*[seq(*[x] * 10)] * 5, *[seq(*[y] * 10)] * 5).ppf(0.99),
        ),
        once("p99 of the same, with a hedge around each", lambda: _hedged(x).ppf(0.99)),
        once("p99 of seq(x, y)", lambda: seq(x, y).ppf(0.99)),
        once("500 of 500 + 500 unequal calls", lambda: k_of(500, {x: 500, y: 500})),
        once("all_of(100, x)", lambda: all_of(100, x)),
        once("all_of(100, seq(x, y))", lambda: all_of(100, chain)),
        once("sensitivity of a fan-out of 1e6", lambda: fan.sensitivity(0.05, 0.1)),
        once("dist() of 1e6 latencies", h.dist),
        once("dist() of 6,144 populated buckets", wide.dist),
        once("corrected() of 53 octaves, the most that there can be", lambda: widest.corrected(2.0**-32)),
        once(compared, lambda: str(Comparison(*sides, blocks=pairs))),
        once("mean", lambda: x.mean),
        once("sf(t)", lambda: x.sf(0.01)),
        once("ppf(q)", lambda: x.ppf(0.99)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        timed = interleave(cases, rounds=15)
    for what, target in TARGETS.items():
        results.add(absolute(f"{what}, with interval", target, timed[what], "ms", 1e6))
    for what, case in timed.items():
        results.add(row(TREES, "historian", what, case, unit="ms", per_unit=1e6))


def _hedged(x):
    return functools.reduce(lambda total, _: seq(hedge(total, after=1.0), x), range(9), x)
