"""The parts of a request: what an operation checks, and what it takes over from them besides their survival."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._stats.checks import check_n
from .._stats.estimate import Estimate, joint_method
from .columns import VALUE
from .dist import EDGES_METHOD, Dist, Load
from .shares import DEPENDENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Literal, TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from .grid import Fine
    from .tree import Node

    _Dependence: TypeAlias = Literal["independent", "positive", "any"]  # noqa: PYI047 - others import it

__all__ = [
    "OPTIMISTIC",
    "PESSIMISTIC",
    "UNSIGNED",
    "Common",
    "checked",
    "common",
    "extremes_of",
    "load_with",
    "loads_of",
    "numbers_of",
]

OPTIMISTIC = "independence assumed: too low if parts slow down together"
PESSIMISTIC = "independence assumed: too high if parts slow down together"
UNSIGNED = "independence assumed: too low or too high if parts slow down together"


def extremes_of(parts: Mapping[Dist, int], k: int) -> tuple[float, float]:
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


class Common(NamedTuple):
    """What a request takes over from all its parts."""

    unit: str
    values: float  # in the smallest sample
    confidence: float | None  # the lowest; None if all bounds are certain
    method: str  # of the intervals
    why: tuple[str, ...]

    def with_reason(self, reason: str, about: Iterable[Estimate] = ()) -> Common:
        """Return the same with one more reason, and the confidences and methods of what it is about."""
        known = [(self.confidence, self.method), *((one.confidence, one.method) for one in about)]
        confidence, method = _joined(known)
        return self._replace(why=(*self.why, reason), confidence=confidence, method=method)

    def dist(
        self,
        sf: NDArray[np.float64] | Callable[[], tuple[NDArray[np.float64], Fine | None]],
        *,
        extremes: tuple[float, float],
        load: Load,
        fine: Fine | Callable[[], Fine] | None = None,
        stages: dict[Dist, int] | None = None,
        tree: Node,
    ) -> Dist:
        """Return the distribution of the request."""
        unit, count, confidence, method, why = self
        known: Any = {"unit": unit, "count": count, "confidence": confidence, "method": method, "why": why}
        return Dist(sf, extremes=extremes, load=load, fine=fine, stages=stages, tree=tree, **known)


def common(parts: Iterable[Dist], *why: str) -> Common:
    """Return what all parts have in common, and the reasons of the request; raise if the parts do not fit."""
    parts = list(parts)
    if not parts:
        raise ValueError("parts must hold at least one distribution, not none")
    for part in parts:
        if not isinstance(part, Dist):
            hint = ": pass its .dist()" if hasattr(part, "dist") else ""
            raise TypeError(f"parts must be distributions, not {part!r}{hint}")
        if part.unit != parts[0].unit:
            raise ValueError(f"parts must be in one unit, not {parts[0].unit!r} and {part.unit!r}")
    reasons = (*(why for part in parts for why in part._why), *why)
    confidence, method = _joined([(part._confidence, part._method) for part in parts])
    return Common(parts[0].unit, min(part.count for part in parts), confidence, method, reasons)


def _joined(known: Iterable[tuple[float | None, str]]) -> tuple[float | None, str]:
    """Return the lowest confidence, and the methods, of those that are not certain."""
    sampled = [(confidence, method) for confidence, method in known if confidence is not None]
    if not sampled:
        return None, EDGES_METHOD
    return min(confidence for confidence, _ in sampled), joint_method(*(method for _, method in sampled))


def checked(dependence: str) -> str:
    """Return the reason that names the dependence, or raise if it is unknown."""
    if dependence not in DEPENDENCE:
        raise ValueError(f"dependence must be 'independent', 'positive' or 'any', not {dependence!r}")
    return f"dependence: {dependence}"


def numbers_of(n: int | Mapping[Dist, int], x: Dist | None) -> dict[Dist, int]:
    """Return a mapping of parts to their numbers, from either form of the arguments.

    Convert a number to a float before multiplying an array by it: numpy before 2.0 rejects integers beyond 64 bits.
    """
    if x is not None:
        return {x: check_n(n)}  # type: ignore[arg-type]  # raises for a mapping
    if not hasattr(n, "items"):
        raise TypeError(f"n must be a whole number followed by a distribution, or a mapping, not {n!r}")
    return {part: check_n(m) for part, m in n.items()}


def load_with(load: Load, more: Iterable[float]) -> Load:
    """Return the load if every call is repeated `more` times: lower bound, value, upper bound."""
    *extra, plain = load
    least, value, most = (calls + (plain + calls) * times for calls, times in zip(extra, more))
    return least, value, most, plain


def loads_of(parts: Iterable[tuple[Load, float]]) -> Load:
    """Return the load of the whole, from the loads of its parts and how often each part is called."""
    least, value, most, plain = zip(*((m * a, m * b, m * c, m * d) for (a, b, c, d), m in parts))
    return math.fsum(least), math.fsum(value), math.fsum(most), math.fsum(plain)
