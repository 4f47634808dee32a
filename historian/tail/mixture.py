"""The value for more calls than were traced: calls of a request are slow at a common rate, which differs by request.

Calls in random order that go on without end are independent, given such a rate (de Finetti).  So the number of slow
calls of a request is binomial with this rate, and the shares of the rates are those that make the traced numbers most
likely (Laird, Nonparametric maximum likelihood estimation of a mixing distribution, Journal of the American Statistical
Association 73, 1978, 805-811).  They are found by the EM algorithm, on a grid of rates around the mean one, sped up by
extrapolation (Varadhan & Roland, Scandinavian Journal of Statistics 35, 2008, 335-353).

W calls tell W moments of the rates.  The further beyond W, the more the result depends on the others, so it is a value
within bounds, not a measurement.  A simulation shows how far it is off: see docs/how-to/traces.md.
"""

from __future__ import annotations

import math
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["waits_of_mixture"]

CYCLES = 300  # of three steps of EM each: more change the share of 32 calls by less than 1 %

PER_OCTAVE = 6  # rates of the grid in each factor of two
OCTAVES = (6, 34)  # below the mean rate, and at most above it: at 1, the grid ends


def waits_of_mixture(above: NDArray[np.int64], count: int, n: float) -> float:
    """Return the share of users of n calls who wait, given in how many of `count` requests 1, 2, ... calls are slow.

    O(calls), about 20 ms; for another n, a tenth of a millisecond.

    >>> import numpy
    >>> round(waits_of_mixture(numpy.array([500, 500]), 10_000, 100), 4)  # the calls of a request are slow together
    0.05
    >>> round(waits_of_mixture(numpy.array([1_900, 100]), 10_000, 4), 2)  # a tenth, independent: 1 - 0.9**4 = 0.34
    0.34
    """
    import numpy

    rates, shares = _mixture(tuple(above.tolist()), count)
    waits = numpy.ones(len(rates))
    waits[:-1] = -numpy.expm1(n * numpy.log1p(-rates[:-1]))
    return float(shares @ waits)


def _fitted(above: tuple[int, ...], count: int) -> tuple[_Floats, _Floats]:
    """Return rates, ascending, the last of them 1, and the shares of the requests that have each of them."""
    import numpy

    width, total = len(above), float(sum(above))
    numbers = -numpy.diff(numpy.concatenate([[count], above, [0]])) / count  # shares of requests with 0, 1, ... slow
    rates = _rates(total / width / count)
    k = numpy.flatnonzero(numbers)
    logarithms = [math.lgamma(width + 1) - math.lgamma(j + 1) - math.lgamma(width - j + 1) for j in k.tolist()]
    likely = numpy.exp(logarithms) * rates[:, None] ** k * (1 - rates[:, None]) ** (width - k)
    return rates, _most_likely(likely, numbers[k])


_mixture = lru_cache(maxsize=256)(_fitted)  # the fit depends on the time, not on n: all numbers of calls share it


def _rates(mean: float) -> _Floats:
    """Return a grid of rates in 0..1 that holds 0, the mean rate and 1."""
    import numpy

    steps = numpy.arange(-OCTAVES[0] * PER_OCTAVE, OCTAVES[1] * PER_OCTAVE) / PER_OCTAVE
    found = mean * numpy.exp2(steps)
    return numpy.concatenate([[0.0], found[found < 0.999], [1.0]])


def _most_likely(likely: _Floats, numbers: _Floats) -> _Floats:
    """Return the shares of the rates for which the numbers are most likely; `likely` has a row for each rate."""
    import numpy

    def step(shares: _Floats) -> _Floats:
        moved: _Floats = shares * (likely @ (numbers / (shares @ likely)))
        return moved

    shares = numpy.full(len(likely), 1 / len(likely))
    for _ in range(CYCLES):
        first = step(shares)
        second = step(first)
        change, bend = first - shares, second - 2 * first + shares
        size = math.sqrt(bend @ bend)
        if size < 1e-15:
            return second
        length = max(1.0, math.sqrt(change @ change) / size)
        tried = (shares + 2 * length * change + length**2 * bend).clip(1e-18)
        tried = step(tried / tried.sum())
        better = numbers @ numpy.log(tried @ likely) >= numbers @ numpy.log(second @ likely)
        shares = tried if better else second
    return shares
