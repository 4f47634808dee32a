"""Request trees: compute the time of a request from the times of its parts.

Every function takes distributions (`Histogram.dist`) and returns one, so calls can be nested.  The parts are assumed to
be independent.  Each function says in which direction the value is wrong if parts slow down together.  If the
dependence is unknown, ``dependence="positive"`` or ``"any"`` widens the bounds of every answer to all that is possible.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from fractions import Fraction
from itertools import compress

from .._stats.checks import check_n
from .._stats.estimate import Estimate, TailWarning
from .._values.text import counted
from . import chains, quorum
from .columns import LOWER, UPPER, VALUE
from .dist import Dist, Load, unknown
from .formula import on_finer_grid, survivals, unfolded
from .parts import OPTIMISTIC, PESSIMISTIC, UNSIGNED, checked, common, extremes_of, loads_of, numbers_of
from .tree import Node, operation
from .weights import Weights, check_weights

TYPE_CHECKING = False
if not TYPE_CHECKING:  # first, so that ruff takes `overload` for that of typing

    def overload(function):
        return function

else:
    from collections.abc import Iterable, Mapping
    from typing import overload

    import numpy as np
    from numpy.typing import NDArray

    from .grid import Fine
    from .parts import _Dependence

__all__ = ["all_of", "choice", "first_of", "k_of", "seq"]


def seq(*parts: Dist, dependence: _Dependence = "independent") -> Dist:
    """Return the time of parts that follow each other: their sum.

    The sum is computed when an answer needs it.  A part that is itself a sum counts as its stages, so a nested sum is
    the same as a flat one.  Equal stages, given as the same object, are added by doubling: ``seq(*[x] * 100)`` takes
    eight additions of 3 ms each.  See `historian.tail.chains` and `historian.tail.sums` for the method.  The value adds
    an error of at most 0.2 % to the bucket width of the stages, also if other operations lie between the sums.  The
    bounds always hold.  If parts slow down together, the value is usually too low far in the tail.  For "positive" and
    "any" dependence the bounds are Makarov's (Theory of Probability & Its Applications 26, 1981); no better ones are
    known.  They take a second or two if all buckets are populated.

    Raises ValueError for no parts, or parts in different units.

    >>> from historian.tail.dist import from_sf
    >>> x = from_sf(lambda t: math.exp(-t))
    >>> print(f"{seq(x, x).ppf(0.99):.2f}")                 # 6.64 by the gamma distribution; not 2 * 4.61
    6.64
    """
    known = common(parts, UNSIGNED if dependence == "independent" else checked(dependence))
    if not known.values:
        return unknown(known.unit)
    load = loads_of((part._load, 1) for part in parts)
    if len(parts) == 1:
        return parts[0]
    stages: dict[Dist, int] = {}  # in the order of the arguments
    for part in parts:
        for stage, n in (part._stages or {part: 1}).items():
            stages[stage] = stages.get(stage, 0) + n
    least, most = (_sum((stage._extremes[end], n) for stage, n in stages.items()) for end in (0, 1))
    if dependence == "independent":

        def survival() -> tuple[NDArray[np.float64], Fine | None]:
            total = _added(stages)
            ends = [(stage._ends, n) for stage, n in stages.items()]
            rows = chains.with_ends(total.rows, (least, most), ends, independent=True)
            return rows, total.fine if _is_sum(stages) else None

        tree = Node("seq", tuple(stages.items()), {})
        return known.dist(survival, extremes=(least, most), load=load, stages=stages, tree=tree)
    total, tree = _added(stages), Node("seq", tuple(Counter(parts).items()), {"dependence": dependence})
    rows = chains.any_dependence(total.rows, [part._sf for part in parts])
    rows = chains.with_ends(rows, (least, most), [(part._ends, 1) for part in parts], independent=False)
    return known.dist(rows, extremes=(least, most), load=load, fine=total.fine, tree=tree)


def _added(stages: Mapping[Dist, int]) -> chains.Stage:
    """Return the sum of independent stages."""
    return chains.total([(chains.Stage(stage._sf, stage._finer()), n) for stage, n in stages.items()])


def _is_sum(stages: Mapping[Dist, int]) -> bool:
    """Return whether more than one stage takes time: else the sum is one of the stages."""
    longer = [(stage, n) for stage, n in stages.items() if stage._sf[VALUE, 0]]
    return [n for _, n in longer] != [1] or longer[0][0]._is_fine


def _sum(times: Iterable[tuple[float, int]]) -> float:
    """Return the sum of times that occur several times each, correctly rounded."""
    times = list(times)
    if any(math.isinf(time) for time, _ in times):
        return math.inf
    return float(sum(Fraction(time) * n for time, n in times))


@overload
def all_of(n: int, x: Dist, *, dependence: _Dependence = "independent") -> Dist: ...
@overload
def all_of(n: Mapping[Dist, int], x: None = None, *, dependence: _Dependence = "independent") -> Dist: ...
def all_of(n: int | Mapping[Dist, int], x: Dist | None = None, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time of waiting for all of `n` parts like `x`, or of a mapping of parts to their numbers.

    P(T > t) = 1 - prod (1 - S_j(t))^n_j, exact at the edges of buckets (Dean & Barroso, The Tail at Scale, 2013).  If
    parts slow down together, this is an upper bound, and the largest S_j is a lower bound.  For any dependence,
    sum n_j S_j is an upper bound (Boole).  O(buckets).  Warns (`TailWarning`) if a part occurs more often than values
    of it were recorded.  Raises ValueError for n below 1, no parts, or parts in different units.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
    >>> print(all_of(100, x).sf(0.5))
    0.634 (0.559 to 0.705)
    """
    return _all_of(numbers_of(n, x), dependence)


@overload
def first_of(n: int, x: Dist, *, dependence: _Dependence = "independent") -> Dist: ...
@overload
def first_of(n: Mapping[Dist, int], x: None = None, *, dependence: _Dependence = "independent") -> Dist: ...
def first_of(n: int | Mapping[Dist, int], x: Dist | None = None, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time until the first of `n` parts like `x` is done, or of a mapping of parts to their numbers.

    P(T > t) = prod S_j(t)^n_j.  This is too low if parts slow down together: it can then be as high as the smallest
    S_j.  For any dependence it is at least 1 - sum n_j (1 - S_j) (Frechet).  All n parts are started, and all count as
    load.  O(buckets).  Raises ValueError for n below 1, no parts, or parts in different units.
    """
    parts = numbers_of(n, x)
    known = common(parts, OPTIMISTIC if dependence == "independent" else checked(dependence))
    if not known.values:
        return unknown(known.unit)
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    extremes, numbers = extremes_of(parts, 1), [float(m) for m in parts.values()]

    def formula(kinds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = numpy.prod([one**m for one, m in zip(kinds, numbers)], axis=0)
        return result

    kinds, at = survivals(list(parts), extremes)
    sf, fine = formula(kinds), on_finer_grid(formula, list(parts))
    if dependence != "independent":
        sf[UPPER] = numpy.min([one[UPPER] for one in kinds], axis=0)
    if dependence == "any":
        sf[LOWER] = 1 - sum(m * (1 - one[LOWER]) for one, m in zip(kinds, numbers))
    load = loads_of((part._load, m) for part, m in parts.items())
    tree = Node("first_of", tuple(parts.items()), {"dependence": dependence})
    return known.dist(unfolded(sf, at), extremes=extremes, load=load, fine=fine, tree=tree)


@overload
def k_of(k: int, n: int, x: Dist, *, dependence: _Dependence = "independent") -> Dist: ...
@overload
def k_of(k: int, n: Mapping[Dist, int], x: None = None, *, dependence: _Dependence = "independent") -> Dist: ...
def k_of(
    k: int, n: int | Mapping[Dist, int], x: Dist | None = None, *, dependence: _Dependence = "independent"
) -> Dist:
    """Return the time until `k` of `n` parts like `x` are done, or of a mapping of parts to their numbers: a quorum.

    P(T > t) = I_S(n - k + 1, k), the incomplete beta function (David & Nagaraja, Order Statistics, 2003, 2.1), exact at
    the edges of buckets; relative error 1e-12.  k = n is `all_of`, and k = 1 is `first_of`.  For other k, the value
    may be too low or too high if parts slow down together.  "positive" and "any" then give the bounds of
    Markov's inequality on the number of slow parts: from (n S - m + 1)/(n - m + 1) to n S/m, with m = n - k + 1.
    Unequal parts: O((n - k)^2 buckets), up to 999.  Raises ValueError unless 1 <= k <= n.
    """
    parts = numbers_of(n, x)
    total, k = sum(parts.values()), check_n(k, "k")
    if k > total:
        raise ValueError(f"k must be at most n, {total}, not {k}: a request cannot wait for more parts than it has")
    if k in (1, total):
        return _all_of(parts, dependence) if k == total else first_of(parts, dependence=dependence)
    import numpy

    known = common(parts, UNSIGNED if dependence == "independent" else checked(dependence))
    if not known.values:
        return unknown(known.unit)
    slow = total - k + 1  # so many slow parts make the whole slow
    extremes = extremes_of(parts, k)

    def formula(kinds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return quorum.at_least(list(zip(kinds, parts.values())), slow)

    kinds, at = survivals(list(parts), extremes)
    sf = formula(kinds)
    fine = on_finer_grid(formula, list(parts))
    if dependence != "independent":
        mean = numpy.sum([float(m) * one for one, m in zip(kinds, parts.values())], axis=0)
        sf[LOWER] = numpy.minimum(sf[VALUE], numpy.maximum(0, (mean[LOWER] - float(slow - 1)) / float(k)))
        sf[UPPER] = numpy.maximum(sf[VALUE], numpy.minimum(1, mean[UPPER] / float(slow)))
    load = loads_of((part._load, m) for part, m in parts.items())
    tree = Node("k_of", tuple(parts.items()), {"k": k, "dependence": dependence})
    return known.dist(unfolded(sf, at), extremes=extremes, load=load, fine=fine, tree=tree)


def choice(shares: Mapping[Dist, float]) -> Dist:
    """Return the time of one of several parts, each taken with its share: a cache hit or a miss, for example.

    P(T > t) = sum w_j S_j(t), exact at the edges of buckets, whatever the dependence.  A part with the share 0 is left
    out.  A share may be an `Estimate`.  Then the bounds are the extremes over all shares that lie in their intervals
    and add up to 1.  Shares that are plain numbers keep their ratios and take what the others leave.  See
    `historian.tail.weights`.  O(buckets).  Raises ValueError unless the shares are in 0..1 and add up to 1.

    >>> from historian import Histogram
    >>> from historian.tail import Estimate
    >>> hit, miss = (Histogram.from_values([t] * 1_000).dist(confidence=None) for t in (0.001, 0.100))
    >>> rate = Estimate(0.9, 0.88, 0.92)
    >>> print(choice({hit: rate, miss: 1 - rate}).sf(0.05))
    0.100 (0.0800 to 0.120)
    """
    if not hasattr(shares, "items"):
        raise TypeError(f"shares must be a mapping of distributions to their shares, not {shares!r}")
    common(shares)
    weights = check_weights(list(shares.values()))
    parts, weights = list(compress(shares, (high > 0 for high in weights.upper))), weights.without_zeros()
    known = common(parts)
    if not known.values:
        return unknown(known.unit)
    if len(parts) == 1:
        return parts[0]
    taken = list(compress(parts, weights.values))
    taken = [part for part in taken if part._sf[VALUE, -1] < 1] or taken  # those that ever return
    extremes = min(part._extremes[0] for part in taken), max(part._extremes[1] for part in taken)
    kinds, at = survivals(parts, extremes)
    sf, load = weights.mean(kinds), loads_of((part._load, share) for part, share in zip(parts, weights.values))
    if not weights.are_certain:
        sf[LOWER] = weights.extreme([one[LOWER] for one in kinds], most=False)
        sf[UPPER] = weights.extreme([one[UPPER] for one in kinds], most=True)
        load = _load_of_any(weights, [part._load for part in parts], load)
        estimates = [share for share in shares.values() if isinstance(share, Estimate)]
        known = known.with_reason("shares: anywhere in their intervals", estimates)
    fine = on_finer_grid(weights.mean, parts)
    tree = Node("choice", tuple((part, shares[part]) for part in parts), {})
    return known.dist(unfolded(sf, at), extremes=extremes, load=load, fine=fine, tree=tree)


def _all_of(parts: Mapping[Dist, int], dependence: _Dependence) -> Dist:
    """Compute `all_of` for a function that the user called: warnings point at the user's line."""
    known = common(parts, PESSIMISTIC if dependence == "independent" else checked(dependence))
    if not known.values:
        return unknown(known.unit)
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    for part, m in parts.items():
        if m > part.count:
            few = counted(part.count, "was recorded", "were recorded")
            text = f"beyond the data: a request waits for all of {m:,} parts, but only {few}"
            warnings.warn(text, TailWarning, stacklevel=3)
    extremes, numbers = extremes_of(parts, sum(parts.values())), [float(m) for m in parts.values()]

    def formula(kinds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        with numpy.errstate(divide="ignore"):
            result: NDArray[np.float64] = -numpy.expm1(sum(m * numpy.log1p(-one) for one, m in zip(kinds, numbers)))
        return result

    kinds, at = survivals(list(parts), extremes)
    sf, fine = formula(kinds), on_finer_grid(formula, list(parts))
    if dependence != "independent":
        sf[LOWER] = numpy.max([one[LOWER] for one in kinds], axis=0)
    if dependence == "any":
        sf[UPPER] = sum(m * one[UPPER] for one, m in zip(kinds, numbers))
    load = loads_of((part._load, m) for part, m in parts.items())
    tree = Node("all_of", tuple(parts.items()), {"dependence": dependence})
    return known.dist(unfolded(sf, at), extremes=extremes, load=load, fine=fine, tree=tree)


def _load_of_any(weights: Weights, loads: list[Load], load: Load) -> Load:
    """Return the load of a mixture, with bounds for all shares that are possible."""
    _, value, _, plain = load
    lower, _, upper, others = zip(*loads)
    least = weights.extreme_ratio(lower, others, most=False) * plain
    most = weights.extreme_ratio(upper, others, most=True) * plain
    return min(least, value), value, max(most, value), plain


for _function in (seq, all_of, k_of, first_of, choice):
    operation(_function)
