"""A scan of a series for a step: windows of all sizes, each split in two at each place.

A window of L values, x_1 to x_L, is split after the k-th.  S_k is the sum of the first k, and

    D_k = S_k - (k/L) S_L,    V_k = sum (S_t - (t/k) S_k)^2 over the first k values, the same over the others, over L.

D_k shows a step, V_k the noise within each part: a step does not add to it.  The statistic is the largest D_k^2/V_k.
Whatever the variance of the noise is, it divides out, also that of noise that is dependent for a time short against L.
V_k of a short window is small by chance now and then.  So V_k is at least what the windows of this size have on
average, each one split where its own step is largest.

The windows of level j have n/2^j values, and begin at each quarter of that.  The largest statistic of a level has the
distribution in `NULL` if there is no step, and a value of each level counts as one of so many tries (Bonferroni).

Source: Shao & Zhang, Journal of the American Statistical Association 105 (2010), 1228-1240, for the statistic; Zhao,
Jiang & Shao, Journal of the Royal Statistical Society B 84 (2022), 1699-1725, for windows; Kovacs, Li, Buhlmann & Munk,
Biometrika 110 (2023), 249-256, for levels.  `NULL` is simulated: see ``benchmarks/accuracy_changes.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LEAST", "Found", "best", "largest", "levels", "p_value"]

#: Values in the shortest window: with fewer, a split leaves too few on each side to know their noise.
LEAST = 16

#: Levels that are looked at.  The shortest windows then have the 128th part of all values.
MOST_LEVELS = 8

#: Probabilities at which the statistic is known, of each level.
CHANCES = (0.1, 0.01, 0.001)

#: For each level, the statistic that is exceeded with these probabilities if there is no step.
NULL = (
    (24.0, 60.0, 102.0),
    (24.5, 45.0, 66.0),
    (29.0, 45.0, 64.0),
    (34.0, 48.0, 62.0),
    (39.0, 56.0, 72.0),
    (43.0, 58.0, 70.0),
    (49.5, 66.0, 81.0),
    (55.0, 70.0, 86.0),
)


class Level(NamedTuple):
    """Windows of one size."""

    size: int  # values in each, at least `LEAST`
    starts: NDArray[np.intp]  # position of the first value of each, ascending


class Found(NamedTuple):
    """The step that is the least likely to be chance."""

    chance: float  # probability that a series without a step has any as large
    place: int  # position of the first value after it
    window: tuple[int, int]  # positions where the window begins and ends


def levels(n: int) -> list[Level]:
    """Return the windows of a series of `n` values, the longest first; none for less than `LEAST`.

    >>> [(level.size, level.starts.tolist()) for level in levels(40)]
    [(40, [0]), (20, [0, 5, 10, 15, 20])]
    """
    import numpy

    found = []
    for j in range(MOST_LEVELS):
        size = round(n / 2**j)
        if size < LEAST:
            break
        places = numpy.linspace(0, n - size, 4 * (2**j - 1) + 1)
        found.append(Level(size, numpy.unique(places.round().astype(numpy.intp))))
    return found


def largest(series: NDArray[np.float64], level: Level) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the largest statistic of the windows of a level, and where it is: the window's number times size, plus k.

    `series` has values on its last axis, and may hold many series.  O(values).
    """
    import numpy

    totals = numpy.zeros((*series.shape[:-1], series.shape[-1] + 1))
    numpy.cumsum(series, axis=-1, out=totals[..., 1:])
    sums = totals[..., level.starts[:, None] + numpy.arange(level.size + 1)]
    share = numpy.arange(level.size + 1) / level.size
    sums = sums - sums[..., :1]
    sums = sums - share * sums[..., -1:]
    steps = sums[..., 1:-1] ** 2
    noise = (_within(sums) + _within(sums[..., ::-1])[..., ::-1])[..., 1:-1] / level.size
    usual = (share**2 + (1 - share) ** 2)[1:-1] / 6  # of noise, for independent values of variance 1, over the size
    at = steps.argmax(axis=-1)[..., None]
    rate = (numpy.take_along_axis(noise, at, -1)[..., 0] / usual[at[..., 0]]).mean(axis=-1)
    least = numpy.maximum(rate[..., None, None] * usual, 1e-300)
    found = (steps / numpy.maximum(noise, least)).reshape(*series.shape[:-1], -1)
    where = found.argmax(axis=-1)
    return numpy.take_along_axis(found, where[..., None], -1)[..., 0], where


def _within(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each k, the sum of (S_t - (t/k) S_k)^2 over t up to k.  `sums` begin with 0."""
    import numpy

    t = numpy.arange(sums.shape[-1], dtype=numpy.float64)
    slope = sums / numpy.maximum(t, 1)
    squares, mixed = (sums**2).cumsum(axis=-1), (t * sums).cumsum(axis=-1)
    found: NDArray[np.float64] = squares - 2 * slope * mixed + slope**2 * (t**2).cumsum()
    return numpy.maximum(found, 0)


def best(series: NDArray[np.float64], inflation: Callable[[int], float]) -> Found | None:
    """Return the step in a series that is the least likely to be chance; None if no window is long enough.

    `inflation` returns how many times larger dependence makes the statistic of windows of a size; infinity if they are
    too short for it.  O(values * levels).
    """
    tries = []
    for j, level in enumerate(levels(len(series))):
        times = inflation(level.size)
        if times < math.inf:
            statistic, where = largest(series, level)
            window, k = divmod(int(where), level.size - 1)
            start = int(level.starts[window])
            chance = p_value(float(statistic) / times, j)
            tries.append(Found(chance, start + k + 1, (start, start + level.size)))
    if not tries:
        return None
    found = min(tries)
    return found._replace(chance=min(1.0, found.chance * len(tries)))


def p_value(statistic: float, level: int, null: Sequence[Sequence[float]] = NULL) -> float:
    """Return the probability that the largest statistic of a level is at least this large if there is no step.

    Its logarithm is interpolated; beyond the table it goes on in a straight line, which is too much rather than too
    little: the tail falls faster.

    >>> p_value(60.0, 0), round(p_value(81.0, 0), 4)
    (0.01, 0.0032)
    """
    a, b, c = null[level]
    if statistic < b:
        return min(1.0, CHANCES[0] * 10 ** -((statistic - a) / (b - a)))
    return CHANCES[1] * float(10 ** -((statistic - b) / (c - b)))
