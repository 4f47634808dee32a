"""The questions of a fan-out for arrays: of numbers of calls, of times, of shares, broadcast as numpy does.

What is slow for one number, the intervals of shares and ranks, is computed for all at once.  The rest is computed by
the same functions as for one number, so that the values are the same.
"""

from __future__ import annotations

import math

from .._stats.arrays import common, each_estimate, each_number, shares, spread, times, wholes
from .._stats.beyond import warn_once
from .._stats.checks import check_confidence
from .._stats.estimate import Estimate
from .._stats.estimates import Estimates, unknown_of
from .._values.text import counted
from .intervals import quantile_intervals, shares_above
from .sampling import ANYTIME, METHOD, SCOPE_METHODS, sampled, single, windows_of
from .shares import DEPENDENCE, ROUNDING, any_of, leaf_tail, tail_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from .._values.base import BaseHistogram
    from .._values.timed import _Windows

    _Floats = NDArray[np.float64]
    _Fan: TypeAlias = Callable[..., Any]  # returns the fan-out of a number of calls, and of known shares if given

__all__ = [
    "bounds",
    "effective_n",
    "extrapolate",
    "leaf_percentile",
    "max_n",
    "quantile",
    "sensitivity",
]


def bounds(
    fan: _Fan,
    leaf: BaseHistogram,
    n: Any,
    t: Any,
    dependence: str,
    windows: _Windows | None,
    confidence: float,
    scope: str = "",
) -> Estimates:
    """Answer `Fanout.bounds`, and `p_wait`, which has no windows and assumes independent calls, and has a scope."""
    import numpy

    if dependence not in DEPENDENCE:
        raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
    n, t, confidence = wholes("n", n), times("t", t), check_confidence(confidence)
    shape = common(n=n, t=t)
    parts = None if windows is None else windows_of(leaf, windows)
    if not leaf.count:
        return unknown_of(shape, 0.0, 1.0)
    if parts is not None or leaf.synthetic or scope == ANYTIME:

        def question(calls: int, time: float) -> Any:
            if scope == ANYTIME:
                return fan(calls).p_wait(time, confidence, anytime=True)
            return fan(calls).bounds(time, dependence, parts, confidence)

        return each_estimate(question, n, t, shape=shape, stacklevel=3)
    calls, value, lower, upper = spread(shape, n, *shares_above(leaf, t, single(leaf, confidence, scope)))
    wait, low, high = (numpy.array(list(map(any_of, share, calls))) for share in (value, lower, upper))
    if dependence != "independent":  # the bounds of independent calls stay inside
        low = numpy.minimum(low, lower)
    if dependence == "any":
        high = numpy.maximum(high, [min(1.0, number * share) for number, share in zip(calls, upper)])
    assumed = "independent calls assumed" if dependence == "independent" else f"dependence: {dependence}"
    _warn_beyond(leaf, calls, stacklevel=4)
    wait, low, high = (one.reshape(shape) for one in (wait, numpy.minimum(low, wait), numpy.maximum(high, wait)))
    why = f"{sampled(leaf)}; bucket width; {assumed}" + (f"; {scope}" if scope else "")
    return Estimates(wait, low, high, why, confidence=confidence, method=SCOPE_METHODS.get(scope, METHOD))


def sensitivity(fan: _Fan, leaf: BaseHistogram, n: Any, t: Any, correlation: Any, confidence: float) -> Estimates:
    """Answer `Fanout.sensitivity`."""
    n, t, correlation = wholes("n", n), times("t", t), shares("correlation", correlation)
    confidence = check_confidence(confidence)
    shape = common(n=n, t=t, correlation=correlation)
    if not leaf.count:
        return unknown_of(shape, 0.0, 1.0)
    known = _known(leaf, t, confidence)

    def question(calls: int, time: float, given: float) -> Any:
        return fan(calls, known).sensitivity(time, given, confidence)

    return each_estimate(question, n, t, correlation, shape=shape, stacklevel=3)


def quantile(fan: _Fan, leaf: BaseHistogram, n: Any, q: Any, confidence: float) -> Estimates:
    """Answer `Fanout.quantile`."""
    n, q, confidence = wholes("n", n), shares("q", q), check_confidence(confidence)
    shape = common(n=n, q=q)
    if not leaf.count:
        return unknown_of(shape, 0.0, math.inf, unit=leaf.unit)
    if leaf.synthetic:

        def question(calls: int, share: float) -> Any:
            return fan(calls).quantile(share, confidence)

        return each_estimate(question, n, q, shape=shape, unit=leaf.unit, stacklevel=3)
    tail = each_number(tail_of, q, shape=q.shape)
    ranks, values, count = [], [], leaf.count
    calls, asked, tails = spread(shape, n, q, tail)
    for number, share, tail in zip(calls, asked, tails):
        if number == 1:
            ranks.append(share)
            values.append(leaf.quantile(share))
        else:
            of_leaf = leaf_tail(tail, number)
            ranks.append(1 - of_leaf)
            values.append(leaf._value_at(max(1, count - math.floor(count * of_leaf * (1 + ROUNDING)))))
    whys = ["" if number == 1 else "independent calls assumed" for number in calls]
    return quantile_intervals(leaf, ranks, values, confidence, shape, whys, stacklevel=4)


def extrapolate(fan: _Fan, leaf: BaseHistogram, n: Any, t: Any, m: Any, p_m: Any, confidence: float) -> Estimates:
    """Answer `Fanout.extrapolate`."""
    n, t, m, measured = wholes("n", n), times("t", t), wholes("m", m), shares("p_m", p_m)
    known = _known(leaf, t, check_confidence(confidence))

    def question(calls: int, time: float, group: int, share: float) -> Any:
        return fan(calls, known).extrapolate(time, group, share, confidence)

    shape = common(n=n, t=t, m=m, p_m=measured)
    return each_estimate(question, n, t, m, _estimates(p_m, measured), shape=shape, stacklevel=3)


def effective_n(fan: _Fan, leaf: BaseHistogram, n: Any, t: Any, p: Any, confidence: float) -> Estimates:
    """Answer `Fanout.effective_n`."""
    n, t, measured = wholes("n", n), times("t", t), shares("p", p)
    known = _known(leaf, t, check_confidence(confidence))

    def question(calls: int, time: float, share: float) -> Any:
        return fan(calls, known).effective_n(time, share, confidence)

    shape = common(n=n, t=t, p=measured)
    return each_estimate(question, n, t, _estimates(p, measured), shape=shape, stacklevel=3)


def leaf_percentile(fan: _Fan, n: Any, q: Any) -> _Floats:
    """Answer `Fanout.leaf_percentile`."""
    n, q = wholes("n", n), shares("q", q)
    return each_number(lambda calls, share: fan(calls).leaf_percentile(share), n, q, shape=common(n=n, q=q))


def max_n(fan: _Fan, leaf: BaseHistogram, t: Any, p: Any, confidence: float | None) -> _Floats:
    """Answer `Fanout.max_n`."""
    t, p = times("t", t), shares("p", p)
    one = fan(1, None if confidence is None else _known(leaf, t, check_confidence(confidence)))
    return each_number(lambda time, share: one.max_n(time, share, confidence), t, p, shape=common(t=t, p=p))


def _known(leaf: BaseHistogram, t: _Floats, confidence: float) -> dict[float, tuple[float, float, float]] | None:
    """Return the shares above each time, with their bounds; None if they are computed one by one."""
    if not leaf.count or leaf.synthetic:
        return None
    found = (one.ravel().tolist() for one in shares_above(leaf, t, confidence))
    return dict(zip(t.ravel().tolist(), zip(*found)))


def _estimates(given: Any, measured: _Floats) -> Any:
    """Return the numbers as they were read, but each `Estimate` among those that were given as it is."""
    import numpy

    objects = given if isinstance(given, Estimates) else numpy.asarray(given, dtype=object)
    found = measured.astype(object)
    for index in numpy.ndindex(found.shape):
        if isinstance(objects[index], Estimate):
            found[index] = objects[index]
    return found


def _warn_beyond(leaf: BaseHistogram, calls: list[int], stacklevel: int) -> None:
    beyond = [number for number in calls if number > leaf.count]
    if beyond:
        few = counted(leaf.count, "was recorded", "were recorded")
        text = f"beyond the data: users wait for {beyond[0]:,} calls, but only {few}"
        warn_once(len(calls), len(beyond), text, stacklevel)
