"""`Bound`: a number that is known as an interval, and is compared by the bound that makes an assertion sure."""

from __future__ import annotations

import math

from ..._show.scale import quantity
from ..._stats.checks import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from ..._stats.estimate import Estimate

__all__ = ["Bound", "explained"]


class Bound:
    """A measured number, which `<` compares by its upper confidence bound, and `>` by its lower one.

    So ``assert latency(f).p99 < 0.005`` passes only if the measurement shows that the p99 is below 5 ms, and
    ``assert latency(f).p99 > 0.001`` only if it shows that it is above 1 ms.  ``not (p99 < 0.005)`` does not mean that
    it is larger: there may be too few calls to tell.

    Raises ValueError if there are too few calls for the bound; the message says how many it takes.  Raises TypeError
    for ``==``, because an interval is not a number, and for two bounds: use `Latency.compare`, since two functions that
    run one after the other are not measured under the same conditions.

    >>> from historian.meters.pytest import Latency
    >>> p50 = Latency().options(calls=500)(len, "abc").p50
    >>> p50 < 0.5, p50 > 0.5, p50.lower <= float(p50) <= p50.upper
    (True, False, True)
    """

    __slots__ = ("estimate", "few", "name")
    __module__ = "historian.meters.pytest"
    __array_ufunc__ = None  # numpy's numbers leave the comparison to this class
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # without ==, sets and dictionaries make no sense

    estimate: Estimate  # the number, its interval and the reasons for it
    name: str  # such as "p99 of lookup"
    few: str  # what an open side needs, as the message of its error

    def __init__(self, estimate: Estimate, name: str, few: str) -> None:
        self.estimate, self.name, self.few = estimate, name, few

    @property
    def lower(self) -> float:
        """The lower confidence bound; 0 if there are too few calls for one."""
        return self.estimate.lower

    @property
    def upper(self) -> float:
        """The upper confidence bound; infinity if there are too few calls for one."""
        return self.estimate.upper

    def __float__(self) -> float:
        return float(self.estimate)

    def __lt__(self, limit: Any) -> bool:
        __tracebackhide__ = True
        most = self._limit(limit, "<")
        return self._known(self.upper) < most

    def __le__(self, limit: Any) -> bool:
        __tracebackhide__ = True
        most = self._limit(limit, "<=")
        return self._known(self.upper) <= most

    def __gt__(self, limit: Any) -> bool:
        __tracebackhide__ = True
        least = self._limit(limit, ">")
        return self._known(self.lower) > least

    def __ge__(self, limit: Any) -> bool:
        __tracebackhide__ = True
        least = self._limit(limit, ">=")
        return self._known(self.lower) >= least

    def __eq__(self, other: object) -> bool:
        __tracebackhide__ = True
        if other is self:
            return True
        raise TypeError(f"{self.name} is known as an interval: compare it by < or >, or use float(...)")

    def _limit(self, limit: Any, how: str) -> float:
        __tracebackhide__ = True
        if isinstance(limit, Bound):
            raise TypeError(f"{self.name} {how} {limit.name}: both are intervals; use latency.compare(a, b)")
        found = number("limit", limit)
        if math.isnan(found):
            raise ValueError(f"limit must be a number, not {limit!r}")
        return found

    def _known(self, bound: float) -> float:
        __tracebackhide__ = True
        if math.isinf(bound) or (bound == 0 and self.estimate > 0):
            raise ValueError(self.few)
        return bound

    def __str__(self) -> str:
        return f"{self.name}: {self.estimate}"

    def __repr__(self) -> str:
        how = f", {100 * self.estimate.confidence:.9g} %" if self.estimate.confidence is not None else ""
        return f"<{self}{how}>"


def explained(bound: Bound, sign: str, limit: float) -> list[str]:
    """Return the lines that say why ``bound sign limit`` is not shown, for the report of a failed assertion.

    pytest shows at most eight lines.
    """
    estimate, unit = bound.estimate, bound.estimate.unit
    shown = quantity(limit, unit).rstrip()
    is_below = sign in ("<", "<=")
    if estimate.upper < limit if is_below else estimate.lower > limit:
        verdict = f"it is {'below' if is_below else 'above'} {shown}: the whole interval is"
    elif estimate.lower > limit if is_below else estimate.upper < limit:
        verdict = f"it is {'above' if is_below else 'below'} {shown}: the whole interval is"
    elif estimate > limit if is_below else estimate < limit:
        verdict = f"it is probably {'above' if is_below else 'below'} {shown}, but the interval holds both"
    else:
        verdict = f"it is probably {'below' if is_below else 'above'} {shown}, but not surely: more calls narrow this"
    confidence = f"{100 * estimate.confidence:.9g} % confidence" if estimate.confidence is not None else ""
    return [f"{bound.name} {sign} {shown}", str(estimate), verdict, f"{confidence}: {estimate.why}"]
