"""The coverage of the interval of a ratio of two periods of time, whose minutes differ, and resemble their neighbours.

The logarithm of the speed of a minute is an autoregression, with a standard deviation of 10 %.  Both periods are alike,
so the true ratio is 1.  A minute has 500 lognormal values (sigma 0.7).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from historian import Comparison, Histogram, merge
from historian._compare.periods import paired
from historian.tail import TailWarning

from .accuracy import Finding

#: Minutes of a period, and the correlation of a minute with the next one.
SITUATIONS = ((8, 0.0), (15, 0.0), (30, 0.0), (60, 0.0), (60, 0.5), (240, 0.5), (120, 0.8), (240, 0.8), (60, 0.9))
QUANTILES = (0.5, 0.99)
SPREAD = 0.1
CALLS = 500
#: Correlated minutes may have a lower coverage than 95 %, and values taken for independent ones do have.
LEAST = 0.93


def period(rng: np.random.Generator, minutes: int, correlation: float) -> list[Histogram]:
    """Return the histograms of the minutes of a period."""
    speed, found = rng.normal(), []
    for _ in range(minutes):
        found.append(Histogram.from_values(np.exp(SPREAD * speed) * rng.lognormal(0, 0.7, CALLS)))
        speed = correlation * speed + np.sqrt(1 - correlation**2) * rng.normal()
    return found


def periods(data_sets: int = 500) -> Iterator[Finding]:
    """Count how often the interval of a ratio holds 1, with minutes as blocks, and with values as independent ones."""
    for minutes, correlation in SITUATIONS:
        rng = np.random.default_rng(minutes)
        hits = {(how, q): 0 for how in ("minutes", "independent values") for q in QUANTILES}
        for _ in range(data_sets):
            a, b = period(rng, minutes, correlation), period(rng, minutes, correlation)
            for how, blocks in (("minutes", paired(a, b)), ("independent values", ())):
                comparison = Comparison(merge(a), merge(b), blocks=blocks)
                for q in QUANTILES:
                    hits[how, q] += _holds_one(comparison, q)
        for (how, q), hit in hits.items():
            least = LEAST if how == "minutes" and not correlation else 0.0
            what = f"periods of {minutes} minutes, correlation {correlation:g}, as {how}: ratio of p{100 * q:g}"
            yield Finding(f"covers: {what}", least, 1.0, hit / data_sets, ".1%")


def _holds_one(comparison: Comparison, q: float) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        ratio = comparison.ratio(q)
    return ratio.lower <= 1 <= ratio.upper
