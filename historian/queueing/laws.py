"""`littles_law`, `amdahl` and `usl`: laws of systems as a whole."""

from __future__ import annotations

import math

from .._stats.checks import check_number, check_share
from .._stats.estimate import Estimate, joint_method
from .._values.answers import is_many
from .._values.checks import check_positive

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._values.answers import _Numbers, _Scalar

__all__ = ["amdahl", "littles_law", "usl"]


def littles_law(
    *, in_flight: float | None = None, rate: float | None = None, time: float | None = None, unit: str = ""
) -> Estimate | float:
    """Return the third of three means, of which two are given: in_flight = rate x time (Little's law, L = lambda W).

    `in_flight` is the mean number of requests in a system, `rate` that of requests that come and go per unit of time,
    and `time` the mean time that one stays.  It holds for every system that is stable, whatever the distributions.  If
    one of the two is a `historian.tail.Estimate`, so is the result: its bounds are those of both, so the confidence is
    at least c1 + c2 - 1 for two of confidence c1 and c2 (Bonferroni).  `unit` is the label of the result.  Raises
    TypeError unless two are given, and ValueError for a number that is negative, infinite or NaN, or a division by 0.
    A mean is infinite if the system is not stable, and NaN without data.  A bound may be infinite.

    Source: Little, A Proof for the Queuing Formula L = lambda W, Operations Research 9 (1961), 383-387.

    >>> littles_law(rate=560.0, time=0.0125)                 # connections that a pool needs on average
    7.0
    """
    given = {name: one for name, one in (("in_flight", in_flight), ("rate", rate), ("time", time)) if one is not None}
    if len(given) != 2:
        raise TypeError(f"pass two of in_flight, rate and time, not {len(given)}")
    for name, one in given.items():
        check_number(name, one, 0)
    (name, first), (other, second) = given.items()
    is_product = in_flight is None
    if not is_product and not second:
        raise ValueError(f"{other} must be positive, not {second!r}: a division by it gives the result")
    value = float(first) * float(second) if is_product else float(first) / float(second)
    known = [one for one in (first, second) if isinstance(one, Estimate)]
    if not known:
        return value
    (low, high), (least, most) = _bounds(first), _bounds(second)
    ends = (low * least, _most(high, most)) if is_product else (low / most, high / least if least > 0 else math.inf)
    levels = [one.confidence for one in known if one.confidence is not None]
    joint = 1 - sum(1 - level for level in levels)
    why = "; ".join(dict.fromkeys(one.why for one in known if one.why))
    confidence = joint if levels and joint > 0 else None
    method = joint_method(*(one.method for one in known))
    return Estimate(value, *ends, why, unit=unit, confidence=confidence, method=method)


def _most(high: float, most: float) -> float:
    """Return the product of two upper bounds: 0 if one of them is, even if nothing bounds the other."""
    return high * most if high and most else 0.0


def _bounds(given: float) -> tuple[float, float]:
    return (max(0.0, given.lower), given.upper) if isinstance(given, Estimate) else (float(given), float(given))


@overload
def amdahl(n: _Scalar, serial: float) -> float: ...
@overload
def amdahl(n: _Numbers, serial: float) -> NDArray[np.float64]: ...
def amdahl(n: Any, serial: float) -> Any:
    """Return the speed-up of `n` workers on work of which the share `serial` cannot be divided: n/(1 + serial (n - 1)).

    `n` is a number from 0 on, or an array-like.  Never more than 1/serial.  Raises ValueError for a share outside 0..1.

    Source: Amdahl, Validity of the Single Processor Approach, AFIPS Conference Proceedings 30 (1967), 483-485.

    >>> round(amdahl(8, serial=0.05), 2), amdahl(10**9, serial=0.05)
    (5.93, 19.999999620000008)
    """
    return usl(n, check_share("serial", serial))


@overload
def usl(n: _Scalar, contention: float, coherency: float = 0.0, rate: float = 1.0) -> float: ...
@overload
def usl(n: _Numbers, contention: float, coherency: float = 0.0, rate: float = 1.0) -> NDArray[np.float64]: ...
def usl(n: Any, contention: float, coherency: float = 0.0, rate: float = 1.0) -> Any:
    """Return the throughput of `n` workers: rate n/(1 + contention (n - 1) + coherency n (n - 1)).

    `contention` is the share of work that only one can do at a time, `coherency` what each pair costs to agree, and
    `rate` the throughput of one worker.  Without coherency, it is Amdahl's law.  `n` is a number from 0 on, or an
    array-like.  Raises ValueError for a contention outside 0..1, a negative coherency, and a rate that is not positive.

    Source: Gunther, Guerrilla Capacity Planning (2007), chapters 4 to 6: the universal scalability law.

    >>> round(usl(32, contention=0.02, coherency=0.0005), 2)
    15.12
    """
    contention, coherency = check_share("contention", contention), check_number("coherency", coherency, 0)
    rate = check_positive("rate", rate)
    if not is_many(n):
        n = check_number("n", n, 0)
        return rate * n / (1 + contention * max(n - 1, 0.0) + coherency * n * max(n - 1, 0.0))
    from .._stats.arrays import thresholds

    n = thresholds("n", n)
    return rate * n / (1 + contention * (n - 1).clip(0) + coherency * n * (n - 1).clip(0))
