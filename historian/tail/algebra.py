"""Request trees: what the times of parts make of the time of the whole.

Every function takes distributions (`Histogram.dist`) and returns one, so that they nest.  The parts are taken to be
independent, and each function says which way that errs if they slow down together; where the dependence is unknown,
``dependence="positive"`` or ``"any"`` widens the bounds of every answer to what is then possible.
"""

from __future__ import annotations

import math
import warnings

from .._stats.checks import check_n, check_number, check_share
from .._stats.estimate import TailWarning
from . import chains, quorum
from .dist import LOWER, UPPER, VALUE, Dist, Load, edges
from .shares import DEPENDENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, overload

    _Dependence = Literal["independent", "positive", "any"]
else:

    def overload(function):
        return function


__all__ = ["all_of", "choice", "first_of", "hedge", "k_of", "retry", "seq", "tied"]

OPTIMISTIC = "independence assumed: too low if parts slow down together"
PESSIMISTIC = "independence assumed: too high if parts slow down together"
UNSIGNED = "independence assumed: either way if parts slow down together"


def seq(*parts: Dist, dependence: _Dependence = "independent") -> Dist:
    """Return the time of parts that follow each other: their sum.

    Equal parts, given as the same object, are added by doubling: ``seq(*[x] * 100)`` takes eight additions of up to
    25 ms each.  See `historian.tail.chains` for the method; the value is within 0.2 % beyond the bucket width of the
    parts, and the bounds hold always.  Independence usually errs to the optimistic side far in the tail.  Of "positive"
    and "any" dependence nothing better is known than Makarov's bounds (Theory of Probability & Its Applications 26,
    1981), which are given for both, and cost a second or two if all buckets are populated.

    Raises ValueError for no parts, or parts in different units.

    >>> from historian.tail.dist import from_sf
    >>> x = from_sf(lambda t: math.exp(-t))
    >>> print(f"{seq(x, x).ppf(0.99):.2f}")                 # 6.64 by the gamma distribution; not 2 * 4.61
    6.64
    """
    unit, count, why = _common(parts, UNSIGNED if dependence == "independent" else _checked(dependence))
    load = _loads((part._load, 1) for part in parts)
    times: dict[Dist, int] = {}  # in the order in which they came
    for part in parts:
        times[part] = times.get(part, 0) + 1
    if len(parts) == 1:
        return parts[0]
    sums = [chains.repeat(part._sf, n) for part, n in times.items()]
    while len(sums) > 1:  # pairs, so that few roundings meet in any one path
        sums = [chains.add(*sums[k : k + 2]) if k + 1 < len(sums) else sums[k] for k in range(0, len(sums), 2)]
    total = sums[0]
    if dependence != "independent":
        total = chains.whatever_dependence(total, [part._sf for part in parts])
    return Dist(total, unit=unit, count=count, why=why, load=load)


@overload
def all_of(n: int, x: Dist, *, dependence: _Dependence = "independent") -> Dist: ...
@overload
def all_of(n: Mapping[Dist, int], x: None = None, *, dependence: _Dependence = "independent") -> Dist: ...
def all_of(n: int | Mapping[Dist, int], x: Dist | None = None, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time of waiting for all of `n` parts like `x`, or of a mapping of parts to their numbers.

    P(T > t) = 1 - prod (1 - S_j(t))^n_j, exact at the edges of buckets (Dean & Barroso, The Tail at Scale, 2013).  If
    parts slow down together it is an upper bound, and S_j a lower one; of any dependence, sum n_j S_j is an upper one
    (Boole).  O(buckets).  Warns (`TailWarning`) of more parts of a kind than values of it were recorded.  Raises
    ValueError for n below 1, no parts, parts in different units.

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

    P(T > t) = prod S_j(t)^n_j.  Optimistic if parts slow down together: then up to the least S_j; of any dependence
    down to 1 - sum n_j (1 - S_j) (Frechet).  All n are started, and counted as load.  O(buckets).  Raises ValueError
    for n below 1, no parts, parts in different units.
    """
    parts = _numbers(n, x)
    unit, count, why = _common(parts, OPTIMISTIC if dependence == "independent" else _checked(dependence))
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    sf = numpy.prod([part._sf ** float(m) for part, m in parts.items()], axis=0)
    if dependence != "independent":
        sf[UPPER] = numpy.min([part._sf[UPPER] for part in parts], axis=0)
    if dependence == "any":
        sf[LOWER] = 1 - sum(float(m) * (1 - part._sf[LOWER]) for part, m in parts.items())
    return Dist(sf, unit=unit, count=count, why=why, load=_loads((part._load, m) for part, m in parts.items()))


@overload
def k_of(k: int, n: int, x: Dist, *, dependence: _Dependence = "independent") -> Dist: ...
@overload
def k_of(k: int, n: Mapping[Dist, int], x: None = None, *, dependence: _Dependence = "independent") -> Dist: ...
def k_of(
    k: int, n: int | Mapping[Dist, int], x: Dist | None = None, *, dependence: _Dependence = "independent"
) -> Dist:
    """Return the time until `k` of `n` parts like `x` are done, or of a mapping of parts to their numbers: a quorum.

    P(T > t) = I_S(n - k + 1, k), the incomplete beta function (David & Nagaraja, Order Statistics, 2003, 2.1), exact at
    the edges of buckets; relative error 1e-8 up to n = 1e6.  All and one of n are `all_of` and `first_of`.  For others
    dependence may err to either side: "positive" and "any" give the bounds of Markov's inequality on the number of slow
    parts, between (n S - m + 1)/(n - m + 1) and n S/m with m = n - k + 1.  Unequal parts: O((n - k)^2 buckets), up to
    999.  Raises ValueError unless 1 <= k <= n.
    """
    parts = _numbers(n, x)
    total, k = sum(parts.values()), check_n(k, "k")
    if k > total:
        raise ValueError(f"k must be at most n, {total}, not {k}: no more parts are waited for than there are")
    if k in (1, total):
        return _all_of(parts, dependence) if k == total else first_of(parts, dependence=dependence)
    import numpy

    unit, count, why = _common(parts, UNSIGNED if dependence == "independent" else _checked(dependence))
    slow = total - k + 1  # as many slow parts make the whole slow
    sf = quorum.at_least([(part._sf, m) for part, m in parts.items()], slow)
    if dependence != "independent":
        mean = numpy.sum([float(m) * part._sf for part, m in parts.items()], axis=0)
        sf[LOWER] = numpy.minimum(sf[VALUE], numpy.maximum(0, (mean[LOWER] - float(slow - 1)) / float(k)))
        sf[UPPER] = numpy.maximum(sf[VALUE], numpy.minimum(1, mean[UPPER] / float(slow)))
    return Dist(sf, unit=unit, count=count, why=why, load=_loads((part._load, m) for part, m in parts.items()))


def choice(shares: Mapping[Dist, float]) -> Dist:
    """Return the time of one part, taken with the share that the mapping gives: hit and miss, for example.

    P(T > t) = sum w_j S_j(t), exact at the edges of buckets; nothing is assumed.  O(buckets).  Raises ValueError unless
    the shares are in 0..1 and add up to 1.
    """
    if not hasattr(shares, "items"):
        raise TypeError(f"shares must be a mapping of distributions to their shares, not {shares!r}")
    unit, count, why = _common(shares)
    shares = {part: check_share("shares", share) for part, share in shares.items()}
    total = math.fsum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"shares must add up to 1, not {total!r}")
    import numpy

    sf = numpy.sum([share / total * part._sf for part, share in shares.items()], axis=0)
    load = _loads((part._load, share / total) for part, share in shares.items())
    return Dist(sf, unit=unit, count=count, why=why, load=load)


def hedge(x: Dist, after: float, prob: float = 1.0, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time of `x` if, once it has taken `after`, with probability `prob` another one like it is started.

    The first to be done counts: P(T > t) = S(t) (1 - prob F(t - after)) from `after` on (Dean & Barroso, The Tail at
    Scale, 2013; with a probability: Kaler, He & Elnikety, Optimal Reissue Policies, SPAA 2017).  Its `extra_load` is
    prob S(after); that this load slows nothing down is assumed.  Optimistic if both slow down together: then up to S.
    O(buckets).  Raises ValueError for a negative, infinite or NaN `after`, and for prob outside 0..1.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
    >>> hedged = hedge(x, after=0.05)
    >>> print(hedged.sf(0.5), "for", hedged.extra_load, "more calls")
    0.000100 (0.0000663 to 0.000148) for 0.0100 (0.00814 to 0.0121) more calls
    """
    unit, count, why = _common([x], OPTIMISTIC if dependence == "independent" else _checked(dependence))
    after = check_number("after", after, 0)
    prob = check_share("prob", prob)
    import numpy

    later = x._at(edges() - after)
    sf = x._sf * numpy.where(edges() < after, 1, 1 - prob + prob * later)
    if dependence != "independent":
        sf[UPPER] = x._sf[UPPER]
    if dependence == "any":
        sf[LOWER] = numpy.where(edges() < after, x._sf[LOWER], x._sf[LOWER] - prob * (1 - later[LOWER]))
    started = x._at(numpy.float64(after)).tolist()
    load = _load_with(x._load, [prob * share for share in started])
    return Dist(sf, unit=unit, count=count, why=(*why, "that hedges add load is left out"), load=load)


def tied(queue: Dist, service: Dist, n: int = 2) -> Dist:
    """Return the time of a request put into `n` queues, and taken out of the others once one begins to serve it.

    ``seq(first_of(n, queue), service)`` (Dean & Barroso, The Tail at Scale, 2013).  Costs and raises as those do.
    """
    return seq(first_of(n, queue), service)


def retry(x: Dist, timeout: float, retries: int, backoff: float = 0.0) -> Dist:
    """Return the time of `x` if it is given up at `timeout` and begun anew `backoff` later, at most `retries` times.

    Attempt i begins at i (timeout + backoff) with probability p^i, p = S(timeout), and the times of attempts do not
    overlap; the share p^(retries + 1) never returns (see `Dist.never`).  An improper distribution, as in Haeri,
    Thompson et al., Mind Your Outcomes, Computers 11 (2022).  Its `extra_load` is p + p^2 + ... + p^retries.
    Optimistic if slow attempts follow slow ones.  O(buckets).  Raises ValueError for a timeout that is not positive, a
    negative backoff, retries below 0.
    """
    unit, count, why = _common([x], "independence assumed: too low if slow attempts follow slow ones")
    timeout = check_number("timeout", timeout, 0)
    backoff = check_number("backoff", backoff, 0)
    retries = check_n(retries, "retries", least=0)
    if timeout == 0:
        raise ValueError("timeout must be more than 0: nothing is done by then")
    import numpy

    # Beyond the last edge all periods are alike; and a shorter one would have more attempts than a float64 can count.
    edge, period = edges(), min(max(timeout + backoff, 1e-280), 2.0**65)
    attempt = numpy.minimum(numpy.floor(edge / period), float(retries))
    elapsed = numpy.maximum(edge - attempt * period, 0)
    late = x._at(numpy.float64(timeout))
    sf = late[:, None] ** attempt * x._at(numpy.minimum(elapsed, timeout))
    load = _load_with(x._load, [_powers(p, retries) for p in late.tolist()])
    return Dist(sf, unit=unit, count=count, why=why, load=load)


def _all_of(parts: Mapping[Dist, int], dependence: _Dependence) -> Dist:
    """Answer `all_of`, called by what the user has called."""
    unit, count, why = _common(parts, PESSIMISTIC if dependence == "independent" else _checked(dependence))
    if list(parts.values()) == [1]:
        return next(iter(parts))
    import numpy

    for part, m in parts.items():
        if m > part.count:
            text = f"beyond the data: all of {m:,} parts are waited for, but only {part.count:,.0f} were recorded"
            warnings.warn(text, TailWarning, stacklevel=3)
    with numpy.errstate(divide="ignore"):
        sf = -numpy.expm1(sum(float(m) * numpy.log1p(-part._sf) for part, m in parts.items()))
    if dependence != "independent":
        sf[LOWER] = numpy.max([part._sf[LOWER] for part in parts], axis=0)
    if dependence == "any":
        sf[UPPER] = sum(float(m) * part._sf[UPPER] for part, m in parts.items())
    return Dist(sf, unit=unit, count=count, why=why, load=_loads((part._load, m) for part, m in parts.items()))


def _powers(p: float, n: int) -> float:
    """Return p + p^2 + ... + p^n, p (1 - p^n)/(1 - p), for p in 0..1."""
    if p == 0 or p == 1:
        return p * n
    return p * math.expm1(n * math.log(p)) / math.expm1(math.log(p))


def _common(parts: Iterable[Dist], *why: str) -> tuple[str, float, tuple[str, ...]]:
    """Return the unit of all parts, the least sample, and the reasons of all; raise if they do not fit together."""
    parts = list(parts)
    if not parts:
        raise ValueError("parts must be at least one distribution, not none")
    for part in parts:
        if not isinstance(part, Dist):
            hint = ": pass its .dist()" if hasattr(part, "dist") else ""
            raise TypeError(f"parts must be distributions, not {part!r}{hint}")
        if part.unit != parts[0].unit:
            raise ValueError(f"parts must be in one unit, not {parts[0].unit!r} and {part.unit!r}")
    return parts[0].unit, min(part.count for part in parts), (*(why for part in parts for why in part._why), *why)


def _checked(dependence: str) -> str:
    if dependence not in DEPENDENCE:
        raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
    return f"dependence: {dependence}"


def _numbers(n: int | Mapping[Dist, int], x: Dist | None) -> dict[Dist, int]:
    """Return a mapping of parts to their numbers, of either spelling.

    Where arrays are multiplied by one, it is made a float first: numpy before 2.0 takes none beyond 64 bits.
    """
    if x is not None:
        return {x: check_n(n)}  # type: ignore[arg-type]  # raises for a mapping
    if not hasattr(n, "items"):
        raise TypeError(f"n must be a whole number followed by a distribution, or a mapping, not {n!r}")
    return {part: check_n(m) for part, m in n.items()}


def _load_with(load: Load, more: Iterable[float]) -> Load:
    """Return the load if all is called `more` times again: least, value, most."""
    *extra, plain = load
    least, value, most = (calls + (plain + calls) * times for calls, times in zip(extra, more))
    return least, value, most, plain


def _loads(parts: Iterable[tuple[Load, float]]) -> Load:
    """Return the calls of a whole, of those of its parts and how often each is made."""
    least, value, most, plain = zip(*((m * a, m * b, m * c, m * d) for (a, b, c, d), m in parts))
    return math.fsum(least), math.fsum(value), math.fsum(most), math.fsum(plain)
