"""Chains: the time of stages that follow each other, as a sum, and the bracket that holds it.

Let g be the ratio of two neighbouring edges.  Take two values, the smaller one d buckets below the larger one.  Their
sum is ``1 + g**-d`` times the larger one, so it lies ``z(d) = log_g(1 + g**-d)`` buckets above it.  z lies between two
edges.  Two sums are computed on the grid of the buckets:

* lower: values at the lower edge of their bucket, sums at floor(z).  The true time is at least this long.
* upper: values at the upper edge, sums at ceil(z).  The true time is at most this long.

The true distribution always lies between them.  Each addition widens this bracket by one or two buckets, 1.1 % each.
Source of rounding a discrete convolution in both directions: Williamson & Downs, Probabilistic Arithmetic I,
International Journal of Approximate Reasoning 4 (1990), 89-158.

z depends on d only, and floor(z) falls from 64 to 0.  So a sum is at least m buckets above its larger part if d is
below a limit N(m).  Let A and B be the survivals of both parts, and a(k) and b(k) their masses.  The sum is above
bucket c if the larger part is, or if it is in bucket k = c - m + 1 and the other one less than N(m) below, for an m
from 1 to 64.  The probability of the latter is ``a(k) B(k - N) + b(k) A(k - N)``, minus that of the smaller part being
in bucket k.  These smaller parts add up to a product of survivals.  What is subtracted is at most as large as what
remains, so the far tail keeps its digits.

The value comes from `historian.tail.sums`, which is far more exact, but not far in the tail.  There, where less than
`NOISY` is still to come, it has the shape of the geometric mean of both sums of the values.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from ..buckets import BUCKETS_PER_OCTAVE, GROWTH
from . import sums
from .columns import COLUMNS, LOWER, UPPER, VALUE, edges
from .extremes import AT_LEAST, AT_MOST, BELOW_LEAST, BELOW_MOST
from .grid import POINTS, Fine, spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Stage", "add", "any_dependence", "total", "with_ends"]


class Stage(NamedTuple):
    """The survival of one stage, or of several: three rows at the edges of all columns, and the value between them."""

    rows: NDArray[np.float64]  # shape (3, COLUMNS)
    fine: Fine


def total(stages: Sequence[tuple[Stage, int]]) -> Stage:
    """Return the survival of the sum of independent stages, each with the number of times that it occurs.

    Horner's scheme, in binary, for all stages together: they share its doublings.  At each bit, those whose number has
    it are added in pairs, so that each goes through few roundings.  Source: Straus, American Mathematical Monthly 71
    (1964), 806-808.
    """
    result, known = None, dict[tuple[int, ...], Stage]()
    for bit in reversed(range(max(n for _, n in stages).bit_length())):
        if result is not None:
            result = add(result, result)
        chosen = tuple(k for k, (_, n) in enumerate(stages) if n >> bit & 1)
        if chosen:
            if chosen not in known:
                known[chosen] = _in_pairs([stages[k][0] for k in chosen])
            result = known[chosen] if result is None else add(result, known[chosen])
    assert result is not None
    return result


def _in_pairs(sums: list[Stage]) -> Stage:
    while len(sums) > 1:
        sums = [add(*sums[k : k + 2]) if k + 1 < len(sums) else sums[k] for k in range(0, len(sums), 2)]
    return sums[0]


def add(a: Stage, b: Stage) -> Stage:
    """Return the survival of the sum of two independent times with the survivals `a` and `b`.

    O(B) for B populated buckets; about 3 ms for a thousand, 20 ms if all are populated.
    """
    import numpy

    never_a, never_b = a.rows[:, -1], b.rows[:, -1]
    never = never_a + never_b - never_a * never_b
    of_a = a.rows[[LOWER, VALUE, VALUE, UPPER]]
    of_b = of_a if b is a else b.rows[[LOWER, VALUE, VALUE, UPPER]]
    lower, value_lower, value_upper, upper = _bracket(of_a, of_b)
    result = numpy.empty((3, COLUMNS))
    result[LOWER, :-1], result[UPPER, :-1], result[:, -1] = lower, upper, never
    for one, other in ((a, b), (b, a)):
        if one.rows[VALUE, 0] == 0:  # it takes no time
            result[VALUE] = other.rows[VALUE]
            return Stage(result, other.fine)
    value = _value(sums.add(a.fine, b.fine), numpy.sqrt(value_lower * value_upper), float(never[VALUE]))
    result[VALUE, : value.first] = value.row[0]
    result[VALUE, value.first : value.end + 1] = value.row[::POINTS]
    result[VALUE, value.end + 1 : -1] = value.row[-1]
    return Stage(result, value)


def _value(fine: Fine, tail: NDArray[np.float64], never: float) -> Fine:
    """Return a sum, with the part that is lost in noise replaced by a survival of that shape."""
    import numpy

    above = fine.row[::POINTS] - never
    last = max(int(numpy.count_nonzero(above > sums.NOISY)) - 1, 0)  # the last edge that is not lost
    first = fine.first + last
    known, shape = max(float(above[last]), 0.0), numpy.maximum(tail[first:] - never, 0.0)
    survival = numpy.empty(COLUMNS)
    survival[:first] = fine.row[max(last - 1, 0) * POINTS]
    survival[first:-1] = never + numpy.minimum(shape * (known / shape[0]) if shape[0] > 0 else 0.0, known)
    survival[-1] = never
    rest = spread(numpy.minimum.accumulate(survival))
    row = rest.on(fine.first, max(rest.end, fine.end))
    kept = int(numpy.count_nonzero(fine.row - never > sums.NOISY))  # also within the bucket that is lost at its end
    row[:kept] = fine.row[:kept]
    return Fine(fine.first, numpy.minimum.accumulate(row))


def with_ends(
    sf: NDArray[np.float64],
    extremes: tuple[float, float],
    ends: Sequence[tuple[NDArray[np.float64], int]],
    independent: bool,
) -> NDArray[np.float64]:
    """Return the survival of a sum, followed by those at the smallest and the largest sum and just below each.

    The sum reaches its largest value only if all parts reach theirs, and does not exceed it unless any part does.  The
    same holds for the smallest.  `ends` are these survivals of the parts, each with the number of its parts.
    """
    import numpy

    stages, numbers = numpy.stack([stage for stage, _ in ends]), numpy.array([float(n) for _, n in ends])[:, None, None]
    with numpy.errstate(divide="ignore"):
        every = (stages**numbers).prod(axis=0)
        some = -numpy.expm1((numbers * numpy.log1p(-stages)).sum(axis=0))
    if not independent:
        every[LOWER] = (1 - (numbers * (1 - stages)).sum(axis=0))[LOWER]
        some[UPPER] = (numbers * stages).sum(axis=0)[UPPER]
    result = numpy.empty((3, 4))
    result[:, [BELOW_LEAST, BELOW_MOST]] = every[:, [BELOW_LEAST, BELOW_MOST]]
    result[:, [AT_LEAST, AT_MOST]] = some[:, [AT_LEAST, AT_MOST]]
    # This leaves open the value and the lower bound at the smallest sum, and the upper bound just below the largest.
    first, last = edges().searchsorted(extremes)
    result[:UPPER, AT_LEAST] = sf[:UPPER, first]
    result[UPPER, BELOW_MOST] = sf[UPPER, last - 1] if last else 1.0
    return numpy.hstack([sf, result])


def _bracket(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the survivals of sums at all finite edges.  Of the four rows, two are lower ones, two are upper ones."""
    import numpy

    beyond_a, beyond_b = a[:, -2:-1], b[:, -2:-1]  # overflow plus anything is overflow
    result = (beyond_a + beyond_b - beyond_a * beyond_b).repeat(COLUMNS - 1, axis=1)
    mass_a, mass_b = (-numpy.diff(rows[:, :-1], prepend=1.0) for rows in (a, b))
    # In the lower rows, values of the zero bucket count as 0; its upper edge, 2**-32, is on the grid.
    result[:2] += mass_a[:2, :1] * (b[:2, :-1] - beyond_b[:2]) + mass_b[:2, :1] * (a[:2, :-1] - beyond_a[:2])
    mass_a[:2, 0] = mass_b[:2, 0] = 0.0
    populated = numpy.flatnonzero((mass_a + mass_b).any(axis=0))
    if populated.size:
        first, end = int(populated[0]), int(populated[-1]) + 1
        mass_a = mass_a[:, first:end]
        found = _bracket_on_grid(mass_a, mass_a if b is a else mass_b[:, first:end])[:, : COLUMNS - 1 - first]
        result[:, :first] += mass_a.sum(axis=1, keepdims=True) * mass_b.sum(axis=1, keepdims=True)
        result[:, first : first + found.shape[1]] += found
    return numpy.minimum(result, 1.0)


def _bracket_on_grid(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the survivals of sums of two values on the grid, from their masses, longer by one octave."""
    import numpy

    size, octave, limits = a.shape[1], BUCKETS_PER_OCTAVE, _limits()
    far = limits[0]
    masses, others = (a[None], b[None]) if a is b else (numpy.stack([a, b]), numpy.stack([b, a]))
    above = numpy.zeros((*others.shape[:-1], far + size + octave + 1))  # those of `others`, from the place -far on
    numpy.cumsum(others[..., ::-1], axis=-1, out=above[..., far : far + size][..., ::-1])
    above[..., :far] = above[..., far : far + 1]
    found, product = numpy.zeros((*masses.shape[:-1], size + octave)), numpy.empty(masses.shape)
    for m, limit in enumerate(limits):
        numpy.multiply(masses, above[..., far - limit + 1 : far - limit + 1 + size], out=product)
        found[..., m : m + size] += product
    found[:, 2:, octave - 1 : octave - 1 + size] -= product[
        :, 2:
    ]  # not for the last m: in upper rows, m is one more ...
    found[:, 2:, 1:] = found[:, 2:, :-1].copy()
    found[:, 2:, 0] = 0.0
    whole = above[..., far : far + 1]
    found[:, 2:, :size] += masses[:, 2:] * whole[:, 2:]  # ... and a sum is always at least one above its larger part
    every = above[0] * above[-1]
    larger = (above[..., far + 1 :] * whole[::-1])[..., : size + octave]
    total = 2 * (found[0] + larger[0]) if a is b else found[0] + found[1] + larger[0] + larger[1]
    total -= every[:, far - octave + 1 : far + size + 1]
    result: NDArray[np.float64] = numpy.maximum(total, 0.0)
    return result


def _find_limits() -> list[int]:
    """Return the smallest distance d for which floor(z(d)) is below m, for m from 1 to 64: see the top of this module.

    z is less than one bucket from the distance on at which g**-d < g - 1.
    """
    last = math.ceil(-BUCKETS_PER_OCTAVE * math.log2(GROWTH - 1))
    floors = [math.floor(BUCKETS_PER_OCTAVE * math.log2(1 + 2 ** (-d / BUCKETS_PER_OCTAVE))) for d in range(1, last)]
    return [1 + sum(floor >= m for floor in floors) for m in range(1, BUCKETS_PER_OCTAVE + 1)]


_limits = functools.lru_cache(maxsize=1)(_find_limits)  # not a decorator: stubtest cannot check its result


def any_dependence(sf: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the survival of a sum, with bounds that hold for any dependence between its parts.

    For every u, P(X + Y > t) is at most S_X(u) + S_Y(t - u), and at least S_X(u) + S_Y(t - u) - 1.  The bounds use the
    best u (Makarov, Theory of Probability & Its Applications 26, 1981, 803-806).  O(B^2 log B) for two parts.
    """
    import numpy

    low, high = parts[0][LOWER], parts[0][UPPER]
    for part in parts[1:]:
        low, high = _makarov(low, part[LOWER], upper=False), _makarov(high, part[UPPER], upper=True)
    return numpy.stack([numpy.minimum(low, sf[VALUE]), sf[VALUE], numpy.maximum(high, sf[VALUE])])


def _makarov(x: NDArray[np.float64], y: NDArray[np.float64], *, upper: bool) -> NDArray[np.float64]:
    """Return the least upper bound, or the greatest lower bound, of the survival of a sum at every edge."""
    import numpy

    edge = edges()[:-1]
    steps = numpy.flatnonzero(numpy.diff(x[:-1], prepend=1.0))
    best = numpy.full(COLUMNS, 1.0 if upper else 0.0)
    if upper:  # survival at u itself, and at the last edge before t - u; u = 0 and t - u = 0 exceed nothing
        for j in steps.tolist():
            place = edge.searchsorted(edge[j:] - edge[j], side="right")
            shares = x[j] + numpy.where(place > 0, y[place - 1], 1.0)
            best[j:-1] = numpy.minimum(best[j:-1], shares)
        best[-1] = min(1.0, x[-1] + y[-1])
    else:  # survival just below the step, and at the first edge from t - u on
        for j in steps.tolist():
            before = x[j - 1] if j else 1.0
            place = edge.searchsorted(edge - edge[j - 1] if j else edge, side="left")
            best[:-1] = numpy.maximum(best[:-1], before + y[place] - 1)
        best[-1] = max(x[-1], y[-1])
    return best
