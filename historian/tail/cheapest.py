"""The hedge that costs least: `cheapest_hedge` for a target, `best_hedge` for a budget; `Hedge`: their result.

A hedge after d with probability r leaves the share S(t) (1 - r F(t - d)) beyond t, and adds r S(d) calls to each one.
To leave p, r must be (1 - p/S(t))/F(t - d).  So among all delays, the cheapest one has the least S(d)/F(t - d), and
F(t - d) of at least 1 - p/S(t), because r is at most 1.  The delays are edges of buckets, at which S(d) is exact.

Source: Kaler, He & Elnikety, Optimal Reissue Policies for Reducing Tail Latency (SPAA 2017), the policy SingleR.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.checks import check_number, check_share
from .._stats.estimate import quantile_name
from .columns import COLUMNS, VALUE, column_of, edges
from .dist import Dist
from .hedging import hedge
from .parts import common
from .shares import tail_of
from .views import hedge_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._show.view import View

__all__ = ["Hedge", "best_hedge", "cheapest_hedge"]


class Hedge(NamedTuple):
    """When to start a second call, and what that brings and costs."""

    after: float  # time after which to start it, at least 0
    prob: float  # probability to start it then, in [0, 1]; 0 if no hedge is needed
    dist: Dist  # the time with this hedge; its `extra_load` is the cost

    def _view(self) -> View:
        return hedge_view(self)

    def _repr_html_(self) -> str:
        return in_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        in_terminal(self, printer, cycle)

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


Hedge.__module__ = "historian.tail"  # set here, because a NamedTuple cannot set it in its body


def cheapest_hedge(x: Dist, t: float, p: float) -> Hedge:
    """Return the hedge of least extra load with which a share of at most `p` takes longer than `t`.

    What it brings, ``hedge.dist.sf(t)``, and costs, ``hedge.dist.extra_load``, are estimates with intervals.  They are
    of the values that chose the hedge: check it with later ones.  As in `hedge`, both calls are independent, and the
    load slows nothing down.  All times in the bucket of t count as at or below `t`, as in `Dist.sf`.  `after` is 0 or
    an edge of a bucket: see `best_hedge`.  O(buckets).
    Raises ValueError if `t` is not positive and finite, if `p` is outside 0..1, without data, and if no hedge is
    enough: one that starts at once leaves S(t)^2.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_700 + [0.050] * 200 + [1.0] * 100).dist()
    >>> found = cheapest_hedge(x, 0.1, p=0.001)         # 1 % take longer now
    >>> print(found.dist.sf(0.1), "for", found.dist.extra_load, "more calls")
    0.00100 (0.000801 to 0.00147) for 0.00909 (0.00740 to 0.0110) more calls
    """
    common([x])
    t, p = check_number("t", t, 0), check_share("p", p)
    column = column_of(t)
    if not t or column >= COLUMNS - 1:
        raise ValueError(f"t must be more than 0 and at most 2**64, not {t!r}")
    _with_data(x)
    found = _cheapest(x, column, p)
    if found is None:
        least = float(x._sf[VALUE, column]) ** 2
        raise ValueError(
            f"p must be at least {_rounded_up(least)}, which a hedge leaves that starts at once, not {p!r}"
        )
    return _hedge(x, *found[1:])


def best_hedge(x: Dist, q: float, load: float) -> Hedge:
    """Return the hedge with the smallest q-quantile among those that add a share of at most `load` to the calls.

    The quantile is ``hedge.dist.ppf(q)``.  Otherwise as `cheapest_hedge`.  O(buckets * log buckets).

    The answer lies on the edges of buckets, which are 1.1 % apart: `after` is one of them, or 0, and so is the
    quantile.  At an edge, the share of slower values is a count.  Between two edges nothing is known of it: a bucket
    tells its values to 0.55 % (see `historian.buckets`).  So a finer grid would find a quantile up to about 1 %
    smaller, if the values are as it supposes them to be, and spend what is left of the load.

    >>> import math
    >>> from historian.tail.dist import from_sf
    >>> x = from_sf(lambda t: math.exp(-t))             # p99 is 4.61 s without a hedge
    >>> for load in (0.01, 0.1, 1.0):
    ...     print(load, "more calls:", best_hedge(x, 0.99, load).dist.ppf(0.99))
    0.01 more calls: 4.41 s (4.36 to 4.46 s)
    0.1 more calls: 3.47 s (3.44 to 3.51 s)
    1.0 more calls: 2.33 s (2.30 to 2.35 s)
    """
    common([x])
    q, load = check_share("q", q), check_number("load", load, 0)
    _with_data(x)
    p = tail_of(q)
    low, high = (
        column_of(x.min) - 1,
        min(column_of(float(x._quantile(p, quantile_name(q))) if q < 1 else x.max), COLUMNS - 2),
    )
    while high - low > 1:  # no hedge that is cheap enough reaches `low`; one reaches `high`, perhaps with prob 0
        middle = (low + high) // 2
        found = _cheapest(x, middle, p)
        low, high = (low, middle) if found is not None and found[0] <= load else (middle, high)
    found = _cheapest(x, high, p)
    return _hedge(x, *(found[1:] if found is not None and found[0] <= load else (float(edges()[high]), 0.0)))


def _cheapest(x: Dist, column: int, p: float) -> tuple[float, float, float] | None:
    """Return the extra load, the delay and the probability of the cheapest hedge that leaves p beyond an edge."""
    import numpy

    end, tail = float(edges()[column]), float(x._sf[VALUE, column])
    if tail <= p:
        return 0.0, end, 0.0
    delays = numpy.append(0.0, edges()[max(0, column_of(x.min) - 1) : column])
    needed = 1 - p / tail
    started = x._at(delays)[VALUE]
    done = 1 - x._at(end - delays, smooth=True)[VALUE]
    enough = done >= needed
    if not enough.any():
        return None
    probs = needed / done[enough]
    loads = probs * started[enough]
    best = len(loads) - 1 - int(loads[::-1].argmin())  # the latest of them
    return float(loads[best]), float(delays[enough][best]), min(1.0, float(probs[best]) * (1 + 1e-14))


def _hedge(x: Dist, after: float, prob: float) -> Hedge:
    return Hedge(after, prob, hedge(x, after, prob) if prob else x)


def _rounded_up(share: float) -> str:
    """Return a share as text with three digits, rounded up.

    >>> _rounded_up(0.000104012), _rounded_up(0.25), _rounded_up(0.9999)
    ('0.000105', '0.251', '1')
    """
    import decimal

    found = decimal.Context(prec=3, rounding=decimal.ROUND_CEILING).create_decimal_from_float(share * (1 + 1e-12))
    return f"{float(found):.3g}"


def _with_data(x: Dist) -> None:
    if not x.count or math.isinf(x.min):
        raise ValueError("x must hold values to plan a hedge, but it has no data")
