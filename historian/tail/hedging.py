"""Second calls: hedges, tied requests and retries.  They are functions of one distribution, as in `algebra`."""

from __future__ import annotations

import math

from .._stats.checks import check_n, check_number, check_share
from .algebra import first_of, seq
from .columns import COLUMNS, LOWER, UPPER, VALUE, column_of, edges
from .dist import Dist, unknown
from .extremes import AT_MOST, points
from .grid import Fine, interpolate
from .grid import times as finer_times
from .parts import OPTIMISTIC, checked, common, load_with
from .tree import Node, operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from .parts import _Dependence

    _Survival: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]

__all__ = ["hedge", "retry", "tied"]


def hedge(x: Dist, after: float, prob: float = 1.0, *, dependence: _Dependence = "independent") -> Dist:
    """Return the time of `x` with a hedge: a second call, started with probability `prob` after the time `after`.

    The call that is done first counts: P(T > t) = S(t) (1 - prob F(t - after)) from `after` on (Dean & Barroso, The
    Tail at Scale, 2013; with a probability: Kaler, He & Elnikety, Optimal Reissue Policies, SPAA 2017).  Its
    `extra_load` is prob S(after).  It is assumed that this load does not slow anything down: for servers that are busy,
    see `historian.queueing.advise`.  The value is too low if
    both calls slow down together: it can then be as high as S.  O(buckets).  Raises ValueError for a negative, infinite
    or NaN `after`, and for prob outside 0..1.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
    >>> hedged = hedge(x, after=0.05)
    >>> print(hedged.sf(0.5), "for", hedged.extra_load, "more calls")
    0.000100 (0.0000663 to 0.000148) for 0.0100 (0.00814 to 0.0121) more calls
    """
    known = common([x], OPTIMISTIC if dependence == "independent" else checked(dependence))
    after = check_number("after", after, 0)
    prob = check_share("prob", prob)
    if not known.values:
        return unknown(known.unit)
    import numpy

    least, most = x._extremes
    if prob and x._sf[VALUE, -1]:  # the second call may be done after the largest time of the first
        most += after
    first, times = x._with((least, most)), numpy.append(edges(), points((least, most)))
    later = x._at(times - after, smooth=True)
    sf = first * numpy.where(times < after, 1, 1 - prob + prob * later)

    def on_finer() -> Fine:
        finer = x._finer()
        end = min(column_of(edges()[finer.end] + after), COLUMNS - 2) if finer.row[-1] else finer.end
        times = finer_times(finer.first, end)
        later = numpy.where(times < after, 1, interpolate(finer, times - after))
        return Fine(finer.first, finer.on(finer.first, end) * (1 - prob + prob * later))

    if dependence != "independent":
        sf[UPPER] = first[UPPER]
    if dependence == "any":
        sf[LOWER] = numpy.where(times < after, first[LOWER], first[LOWER] - prob * (1 - later[LOWER]))
    started = x._at(numpy.float64(after)).tolist()
    load = load_with(x._load, [prob * share for share in started])
    known = known.with_reason("the load that hedges add is ignored")
    fine = on_finer if x._is_fine else None
    tree = Node("hedge", ((x, 1),), {"after": after, "prob": prob, "dependence": dependence})
    return known.dist(sf, extremes=(least, most), load=load, fine=fine, tree=tree)


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
    known = common([x], "independence assumed: too low if slow attempts follow slow ones")
    timeout = check_number("timeout", timeout, 0)
    backoff = check_number("backoff", backoff, 0)
    retries = check_n(retries, "retries", least=0)
    if timeout == 0:
        raise ValueError("timeout must be more than 0, not 0: no call is done by then")
    if not known.values:
        return unknown(known.unit)
    import numpy

    # A period beyond the last edge makes no difference, and a shorter one has more attempts than a float64 can count.
    period = min(max(timeout + backoff, 1e-280), 2.0**65)
    late = x._at(numpy.float64(timeout))
    least, most = x._extremes
    if late[VALUE] == 1:  # no attempt returns in time
        least = most = math.inf
    elif late[VALUE]:
        most = min(most, timeout) + retries * (timeout + backoff)

    def formula(times: NDArray[np.float64], late: NDArray[np.float64], at: _Survival) -> NDArray[np.float64]:
        with numpy.errstate(over="ignore"):  # of times that are as good as infinite
            attempt = numpy.clip(numpy.floor(times / period), 0, float(retries))
        elapsed = numpy.where(times < 0, times, numpy.maximum(times - attempt * period, 0))
        attempted = numpy.maximum(at(numpy.minimum(elapsed, timeout)), late)
        result: NDArray[np.float64] = late**attempt * numpy.where(elapsed < timeout, attempted, late)
        return result

    def on_finer() -> Fine:
        finer, end = x._finer(), min(column_of(most), COLUMNS - 2)
        times = finer_times(min(finer.first, end), end)
        return Fine(min(finer.first, end), formula(times, late[VALUE], lambda t: interpolate(finer, t)))

    times = numpy.append(edges(), points((least, most)))
    sf = formula(times, late[:, None], lambda t: x._at(t, smooth=True))
    if late[VALUE]:
        sf[:, COLUMNS + AT_MOST] = late ** float(retries + 1)
    load = load_with(x._load, [_powers(p, retries) for p in late.tolist()])
    fine = on_finer if x._is_fine else None
    tree = Node("retry", ((x, 1),), {"timeout": timeout, "retries": retries, "backoff": backoff})
    return known.dist(sf, extremes=(least, most), load=load, fine=fine, tree=tree)


def _powers(p: float, n: int) -> float:
    """Return p + p^2 + ... + p^n, p (1 - p^n)/(1 - p), for p in 0..1."""
    if p == 0 or p == 1:
        return p * n
    return p * math.expm1(n * math.log(p)) / math.expm1(math.log(p))


for _function in (hedge, retry):
    operation(_function)
