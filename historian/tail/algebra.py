"""Request trees: compute the time of a request from the times of its parts.

Every function takes distributions (`Histogram.dist`) and returns one, so calls can be nested.  The parts are assumed to
be independent.  Each function says in which direction the value is wrong if parts slow down together.  If the
dependence is unknown, ``dependence="positive"`` or ``"any"`` widens the bounds of every answer to all that is possible.
"""

from __future__ import annotations

import math
import warnings

from .._stats.checks import check_n, check_number, check_share
from .._stats.estimate import TailWarning
from . import chains, quorum
from .dist import AT_MOST, COLUMNS, LOWER, UPPER, VALUE, Dist, Load, edges, points, unknown
from .shares import DEPENDENCE

TYPE_CHECKING = False
if not TYPE_CHECKING:  # first, so that ruff takes `overload` for that of typing

    def overload(function):
        return function

else:
    from collections.abc import Iterable, Mapping
    from typing import Literal, overload

    _Dependence = Literal["independent", "positive", "any"]


__all__ = ["all_of", "choice", "first_of", "hedge", "k_of", "retry", "seq", "tied"]

OPTIMISTIC = "independence assumed: too low if parts slow down together"
PESSIMISTIC = "independence assumed: too high if parts slow down together"
UNSIGNED = "independence assumed: too low or too high if parts slow down together"


def seq(*parts: Dist, dependence: _Dependence = "independent") -> Dist:
    """Return the time of parts that follow each other: their sum.

    Equal parts, given as the same object, are added by doubling: ``seq(*[x] * 100)`` takes eight additions of up to
    25 ms each.  See `historian.tail.chains` for the method.  The value adds an error of at most 0.2 % to the bucket
    width of the parts.  The bounds always hold.  If parts slow down together, the value is usually too low far in the
    tail.  For "positive" and "any" dependence the bounds are Makarov's (Theory of Probability & Its Applications 26,
    1981); no better ones are known.  They take a second or two if all buckets are populated.

    Raises ValueError for no parts, or parts in different units.

    >>> from historian.tail.dist import from_sf
    >>> x = from_sf(lambda t: math.exp(-t))
    >>> print(f"{seq(x, x).ppf(0.99):.2f}")                 # 6.64 by the gamma distribution; not 2 * 4.61
    6.64
    """
    unit, count, confidence, why = _common(parts, UNSIGNED if dependence == "independent" else _checked(dependence))
    if not count:
        return unknown(unit)
    load = _loads((part._load, 1) for part in parts)
    times: dict[Dist, int] = {}  # in the order of the arguments
    for part in parts:
        times[part] = times.get(part, 0) + 1
    if len(parts) == 1:
        return parts[0]
    sums = [chains.repeat(part._sf, n) for part, n in times.items()]
    while len(sums) > 1:  # in pairs, so that each part goes through few roundings
        sums = [chains.add(*sums[k : k + 2]) if k + 1 < len(sums) else sums[k] for k in range(0, len(sums), 2)]
    total = sums[0]
    if dependence != "independent":
        total = chains.any_dependence(total, [part._sf for part in parts])
    least, most = (math.fsum(ends) for ends in zip(*(part._extremes for part in parts)))
    rows = chains.with_ends(total, (least, most), [part._ends for part in parts], dependence == "independent")
    return Dist(rows, extremes=(least, most), unit=unit, count=count, why=why, load=load, confidence=confidence)


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
    return _all_of(_numbers(n, x), dependence)


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
    parts = _numbers(n, x)
    unit, count, confidence, why = _common(parts, OPTIMISTIC if dependence == "independent" else _checked(dependence))
    if not count:
        return unknown(unit)
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    extremes = _extremes(parts, 1)
    kinds = [(part._with(extremes), float(m)) for part, m in parts.items()]
    sf = numpy.prod([one**m for one, m in kinds], axis=0)
    if dependence != "independent":
        sf[UPPER] = numpy.min([one[UPPER] for one, _ in kinds], axis=0)
    if dependence == "any":
        sf[LOWER] = 1 - sum(m * (1 - one[LOWER]) for one, m in kinds)
    load = _loads((part._load, m) for part, m in parts.items())
    return Dist(sf, extremes=extremes, unit=unit, count=count, why=why, load=load, confidence=confidence)


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
    parts = _numbers(n, x)
    total, k = sum(parts.values()), check_n(k, "k")
    if k > total:
        raise ValueError(f"k must be at most n, {total}, not {k}: a request cannot wait for more parts than it has")
    if k in (1, total):
        return _all_of(parts, dependence) if k == total else first_of(parts, dependence=dependence)
    import numpy

    unit, count, confidence, why = _common(parts, UNSIGNED if dependence == "independent" else _checked(dependence))
    if not count:
        return unknown(unit)
    slow = total - k + 1  # so many slow parts make the whole slow
    extremes = _extremes(parts, k)
    kinds = [(part._with(extremes), m) for part, m in parts.items()]
    sf = quorum.at_least(kinds, slow)
    if dependence != "independent":
        mean = numpy.sum([float(m) * one for one, m in kinds], axis=0)
        sf[LOWER] = numpy.minimum(sf[VALUE], numpy.maximum(0, (mean[LOWER] - float(slow - 1)) / float(k)))
        sf[UPPER] = numpy.maximum(sf[VALUE], numpy.minimum(1, mean[UPPER] / float(slow)))
    load = _loads((part._load, m) for part, m in parts.items())
    return Dist(sf, extremes=extremes, unit=unit, count=count, why=why, load=load, confidence=confidence)


def choice(shares: Mapping[Dist, float]) -> Dist:
    """Return the time of one of several parts, each taken with its share: a cache hit or a miss, for example.

    P(T > t) = sum w_j S_j(t), exact at the edges of buckets, whatever the dependence.  O(buckets).  Raises ValueError
    unless the shares are in 0..1 and add up to 1.
    """
    if not hasattr(shares, "items"):
        raise TypeError(f"shares must be a mapping of distributions to their shares, not {shares!r}")
    unit, count, confidence, why = _common(shares)
    shares = {part: check_share("shares", share) for part, share in shares.items()}
    total = math.fsum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"shares must add up to 1, not {total!r}")
    if not count:
        return unknown(unit)
    import numpy

    least, most = zip(*(part._extremes for part, share in shares.items() if share))
    extremes = min(least), max(most)
    sf = numpy.sum([share / total * part._with(extremes) for part, share in shares.items()], axis=0)
    load = _loads((part._load, share / total) for part, share in shares.items())
    return Dist(sf, extremes=extremes, unit=unit, count=count, why=why, load=load, confidence=confidence)


def hedge(x: Dist, after: float, prob: float = 1.0, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time of `x` with a hedge: a second call, started with probability `prob` after the time `after`.

    The call that is done first counts: P(T > t) = S(t) (1 - prob F(t - after)) from `after` on (Dean & Barroso, The
    Tail at Scale, 2013; with a probability: Kaler, He & Elnikety, Optimal Reissue Policies, SPAA 2017).  Its
    `extra_load` is prob S(after).  It is assumed that this load does not slow anything down.  The value is too low if
    both calls slow down together: it can then be as high as S.  O(buckets).  Raises ValueError for a negative, infinite
    or NaN `after`, and for prob outside 0..1.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
    >>> hedged = hedge(x, after=0.05)
    >>> print(hedged.sf(0.5), "for", hedged.extra_load, "more calls")
    0.000100 (0.0000663 to 0.000148) for 0.0100 (0.00814 to 0.0121) more calls
    """
    unit, count, confidence, why = _common([x], OPTIMISTIC if dependence == "independent" else _checked(dependence))
    after = check_number("after", after, 0)
    prob = check_share("prob", prob)
    if not count:
        return unknown(unit)
    import numpy

    least, most = x._extremes
    if prob and x._sf[VALUE, -1]:  # the second call may be done after the largest time of the first
        most += after
    first, times = x._with((least, most)), numpy.append(edges(), points((least, most)))
    later = x._at(times - after, smooth=True)
    sf = first * numpy.where(times < after, 1, 1 - prob + prob * later)
    if dependence != "independent":
        sf[UPPER] = first[UPPER]
    if dependence == "any":
        sf[LOWER] = numpy.where(times < after, first[LOWER], first[LOWER] - prob * (1 - later[LOWER]))
    started = x._at(numpy.float64(after)).tolist()
    load = _load_with(x._load, [prob * share for share in started])
    why = (*why, "the load that hedges add is ignored")
    return Dist(sf, extremes=(least, most), unit=unit, count=count, why=why, load=load, confidence=confidence)


def tied(queue: Dist, service: Dist, n: int = 2) -> Dist:
    """Return the time of a request that waits in `n` queues and leaves the others as soon as one server starts it.

    This is ``seq(first_of(n, queue), service)`` (Dean & Barroso, The Tail at Scale, 2013), with the same cost and
    errors.
    """
    return seq(first_of(n, queue), service)


def retry(x: Dist, timeout: float, retries: int, backoff: float = 0.0) -> Dist:
    """Return the time of `x` if it is cancelled at `timeout` and tried again `backoff` later, at most `retries` times.

    Attempt i begins at i (timeout + backoff) with probability p^i, p = S(timeout), and the times of attempts do not
    overlap.  The share p^(retries + 1) never returns (see `Dist.never`), so the distribution is improper, as in Haeri,
    Thompson et al., Mind Your Outcomes, Computers 11 (2022).  Its `extra_load` is p + p^2 + ... + p^retries.  The value
    is too low if slow attempts follow slow ones.  O(buckets).  Raises ValueError for a timeout that is not positive, a
    negative backoff, or retries below 0.
    """
    unit, count, confidence, why = _common([x], "independence assumed: too low if slow attempts follow slow ones")
    timeout = check_number("timeout", timeout, 0)
    backoff = check_number("backoff", backoff, 0)
    retries = check_n(retries, "retries", least=0)
    if timeout == 0:
        raise ValueError("timeout must be more than 0, not 0: no call is done by then")
    if not count:
        return unknown(unit)
    import numpy

    # A period beyond the last edge makes no difference, and a shorter one has more attempts than a float64 can count.
    period = min(max(timeout + backoff, 1e-280), 2.0**65)
    late = x._at(numpy.float64(timeout))
    least, most = x._extremes
    if late[VALUE]:
        most = min(most, timeout) + retries * (timeout + backoff)
    times = numpy.append(edges(), points((least, most)))
    attempt = numpy.clip(numpy.floor(times / period), 0, float(retries))
    elapsed = numpy.where(times < 0, times, numpy.maximum(times - attempt * period, 0))
    attempted = numpy.maximum(x._at(numpy.minimum(elapsed, timeout), smooth=True), late[:, None])
    sf = late[:, None] ** attempt * numpy.where(elapsed < timeout, attempted, late[:, None])
    if late[VALUE]:
        sf[:, COLUMNS + AT_MOST] = late ** float(retries + 1)
    load = _load_with(x._load, [_powers(p, retries) for p in late.tolist()])
    return Dist(sf, extremes=(least, most), unit=unit, count=count, why=why, load=load, confidence=confidence)


def _all_of(parts: Mapping[Dist, int], dependence: _Dependence) -> Dist:
    """Compute `all_of` for a function that the user called: warnings point at the user's line."""
    unit, count, confidence, why = _common(parts, PESSIMISTIC if dependence == "independent" else _checked(dependence))
    if not count:
        return unknown(unit)
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    for part, m in parts.items():
        if m > part.count:
            text = f"beyond the data: a request waits for all of {m:,} parts, but only {part.count:,.0f} were recorded"
            warnings.warn(text, TailWarning, stacklevel=3)
    extremes = _extremes(parts, sum(parts.values()))
    kinds = [(part._with(extremes), float(m)) for part, m in parts.items()]
    with numpy.errstate(divide="ignore"):
        sf = -numpy.expm1(sum(m * numpy.log1p(-one) for one, m in kinds))
    if dependence != "independent":
        sf[LOWER] = numpy.max([one[LOWER] for one, _ in kinds], axis=0)
    if dependence == "any":
        sf[UPPER] = sum(m * one[UPPER] for one, m in kinds)
    load = _loads((part._load, m) for part, m in parts.items())
    return Dist(sf, extremes=extremes, unit=unit, count=count, why=why, load=load, confidence=confidence)


def _extremes(parts: Mapping[Dist, int], k: int) -> tuple[float, float]:
    """Return the smallest and the largest time until `k` parts are done: the k-th of their extremes.

    A part that may never return has no largest time.  If that leaves fewer than k, the largest of all is used.
    """
    least = _kth([(part._extremes[0], m) for part, m in parts.items()], k)
    sure = [(part._extremes[1], m) for part, m in parts.items() if not part._sf[VALUE, -1]]
    return least, _kth(sure, k) if sum(m for _, m in sure) >= k else max(part._extremes[1] for part in parts)


def _kth(values: Iterable[tuple[float, int]], k: int) -> float:
    """Return the k-th smallest of values that occur several times each."""
    ordered = iter(sorted(values))
    value, times = next(ordered)
    while times < k:
        k -= times
        value, times = next(ordered)
    return value


def _powers(p: float, n: int) -> float:
    """Return p + p^2 + ... + p^n, p (1 - p^n)/(1 - p), for p in 0..1."""
    if p == 0 or p == 1:
        return p * n
    return p * math.expm1(n * math.log(p)) / math.expm1(math.log(p))


def _common(parts: Iterable[Dist], *why: str) -> tuple[str, float, float | None, tuple[str, ...]]:
    """Return the common unit, the smallest count, the lowest confidence and the reasons of all parts.

    Raises if the parts do not fit.
    """
    parts = list(parts)
    if not parts:
        raise ValueError("parts must hold at least one distribution, not none")
    for part in parts:
        if not isinstance(part, Dist):
            hint = ": pass its .dist()" if hasattr(part, "dist") else ""
            raise TypeError(f"parts must be distributions, not {part!r}{hint}")
        if part.unit != parts[0].unit:
            raise ValueError(f"parts must be in one unit, not {parts[0].unit!r} and {part.unit!r}")
    confidence = min((part._confidence for part in parts if part._confidence is not None), default=None)
    reasons = (*(why for part in parts for why in part._why), *why)
    return parts[0].unit, min(part.count for part in parts), confidence, reasons


def _checked(dependence: str) -> str:
    if dependence not in DEPENDENCE:
        raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
    return f"dependence: {dependence}"


def _numbers(n: int | Mapping[Dist, int], x: Dist | None) -> dict[Dist, int]:
    """Return a mapping of parts to their numbers, from either form of the arguments.

    Convert a number to a float before multiplying an array by it: numpy before 2.0 rejects integers beyond 64 bits.
    """
    if x is not None:
        return {x: check_n(n)}  # type: ignore[arg-type]  # raises for a mapping
    if not hasattr(n, "items"):
        raise TypeError(f"n must be a whole number followed by a distribution, or a mapping, not {n!r}")
    return {part: check_n(m) for part, m in n.items()}


def _load_with(load: Load, more: Iterable[float]) -> Load:
    """Return the load if every call is repeated `more` times: lower bound, value, upper bound."""
    *extra, plain = load
    least, value, most = (calls + (plain + calls) * times for calls, times in zip(extra, more))
    return least, value, most, plain


def _loads(parts: Iterable[tuple[Load, float]]) -> Load:
    """Return the load of the whole, from the loads of its parts and how often each part is called."""
    least, value, most, plain = zip(*((m * a, m * b, m * c, m * d) for (a, b, c, d), m in parts))
    return math.fsum(least), math.fsum(value), math.fsum(most), math.fsum(plain)
