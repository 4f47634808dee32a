"""Situations of accuracy_coverage.py: kinds of data, of which the truth is known.

Each has a share of 1 - S(t) at or below t, with S known exactly:

- independent: 10,000 exponential values
- bursty: 100 windows of 100 values; a fifth of the time, in bursts of two windows on average, they are ten times larger
- long bursts: the same with bursts of ten windows on average, in 400 windows of 50 values
- uneven: 60 windows, whose values have different means; every other one is empty, and one holds half of all values
- drifting: 40 windows of 250 exponential values, whose mean grows evenly from 0.5 to 1.5
- discrete: 10,000 values of a clock that ticks in whole milliseconds
- heavy-tailed: 10,000 Pareto values with exponent 1.2, which have no variance
- tiny: 20 exponential values in five windows
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import buckets

CALLS = 10  # of a fan-out

_Values = NDArray[np.float64]


class Situation(NamedTuple):
    """A kind of data, and the truth about it."""

    draw: Callable[[np.random.Generator], Iterable[_Values]]  # the values of each window, in the order of time
    sf: Callable[[float], float]  # the true share above t, for all time
    quantile: Callable[[float], float]
    t: float  # an objective
    mean: float
    waits: float | None = None  # the true share of users who wait for CALLS calls, independent within a window


def in_bursts(
    rng: np.random.Generator, sets: int, windows: int, length: float, often: float, steps: int = 4
) -> NDArray[np.bool_]:
    """Return whether each step of each window is in a burst: (sets, windows, steps), of mean length in windows."""
    ends = 1 / (length * steps)
    begins = ends * often / (1 - often)
    now, states = rng.random(sets) < often, np.empty((sets, windows * steps), dtype=bool)
    for k in range(windows * steps):
        states[:, k] = now
        now = np.where(now, rng.random(sets) > ends, rng.random(sets) < begins)
    return states.reshape(sets, windows, steps)


def bursty(rng: np.random.Generator) -> _Values:
    """Return exponential values that are ten times larger in bursts."""
    slow = in_bursts(rng, 1, 100, 2.0, 0.2)[0]
    return rng.exponential(1.0, (100, 100)) * np.where(slow, 10.0, 1.0).repeat(25, axis=1)


def in_long_bursts(rng: np.random.Generator) -> _Values:
    """Return exponential values that are ten times larger in long bursts."""
    slow = in_bursts(rng, 1, 400, 10.0, 0.2, steps=1)[0]
    return rng.exponential(1.0, (400, 50)) * np.where(slow, 10.0, 1.0)


SHAPE = 4.0  # of the gamma distribution of the windows' rates: P(T > t) = (1 + t/SHAPE)^-SHAPE


def uneven(rng: np.random.Generator) -> Iterator[_Values]:
    """Yield exponential values of windows of very different sizes."""
    giant = 2 * int(rng.integers(30))
    for k in range(60):
        size = 0 if k % 2 else 2_900 if k == giant else 100
        yield rng.exponential(SHAPE / rng.gamma(SHAPE), size)


def waits_in_bursts(t: float, length: float = 2.0, steps: int = 4) -> float:
    """Return the mean over windows of the probability that any of CALLS calls is above t, by a long simulation."""
    slow = in_bursts(np.random.default_rng(99), 200, 2_000, length, 0.2, steps).mean(axis=-1)
    shares = slow * math.exp(-t / 10) + (1 - slow) * math.exp(-t)
    return float((1 - (1 - shares) ** CALLS).mean())


def waits_in_gamma(t: float) -> float:
    """Return the mean of 1 - (1 - exp(-t r))^CALLS over rates r of the gamma distribution, term by term."""
    signs = ((-1) ** (k + 1) * math.comb(CALLS, k) for k in range(1, CALLS + 1))
    return math.fsum(sign * (1 + k * t / SHAPE) ** -SHAPE for k, sign in enumerate(signs, 1))


def inverse(sf: Callable[[float], float]) -> Callable[[float], float]:
    """Return the quantiles of a survival function, by bisection."""

    def quantile(q: float) -> float:
        low, high = 1e-9, 1e9
        for _ in range(200):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if sf(middle) > 1 - q else (low, middle)
        return high

    return quantile


def situations() -> dict[str, Situation]:
    """Return the situations by name."""
    scales = np.linspace(0.5, 1.5, 40)

    def decay(t: float) -> float:
        return math.exp(-t)

    def in_drift(t: float) -> float:
        return float(np.exp(-t / scales).mean())

    def in_mixture(t: float) -> float:
        return 0.8 * math.exp(-t) + 0.2 * math.exp(-t / 10)

    ratio = math.exp(-1 / 20)  # of neighbouring ticks, in ms: geometric, with a mean of 20

    def of_ticks(t: float) -> float:
        return ratio ** math.floor(t + 1e-9)

    t = buckets.upper(buckets.index(2.3))
    exponential = Situation(lambda rng: rng.exponential(1.0, (40, 250)), decay, lambda q: -math.log1p(-q), t, 1.0)
    slow = buckets.upper(buckets.index(8.0))
    return {
        "independent": exponential,
        "bursty": Situation(bursty, in_mixture, inverse(in_mixture), slow, 2.8, waits_in_bursts(slow)),
        "long bursts": Situation(
            in_long_bursts, in_mixture, inverse(in_mixture), slow, 2.8, waits_in_bursts(slow, 10.0, 1)
        ),
        "drifting": Situation(
            lambda rng: rng.exponential(scales[:, None], (40, 250)), in_drift, inverse(in_drift), t, 1.0
        ),
        "discrete": Situation(
            lambda rng: rng.geometric(1 - ratio, (40, 250)).astype(float),
            of_ticks,
            lambda q: float(math.ceil(math.log(1 - q) / math.log(ratio))),
            46.0,
            1 / (1 - ratio),
        ),
        "heavy-tailed": Situation(
            lambda rng: 1 + rng.pareto(1.2, (40, 250)),
            lambda t: min(1.0, t**-1.2),
            lambda q: (1 - q) ** (-1 / 1.2),
            buckets.upper(buckets.index(6.8)),
            6.0,
        ),
        "uneven": Situation(
            uneven,
            lambda t: (1 + t / SHAPE) ** -SHAPE,
            lambda q: SHAPE * ((1 - q) ** (-1 / SHAPE) - 1),
            t,
            SHAPE / (SHAPE - 1),
            waits_in_gamma(t),
        ),
        "tiny": exponential._replace(draw=lambda rng: rng.exponential(1.0, (5, 4))),
    }
