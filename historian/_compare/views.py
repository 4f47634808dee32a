"""What notebooks and terminals show of a plan: what was asked for, what was found, and its interval."""

from __future__ import annotations

from .._show.interval import interval_header, texts
from .._show.scale import Scale
from .._show.view import Table, View
from .._stats.estimate import NO_DATA, Estimate, nines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class _Plan(Protocol):
        @property
        def count(self) -> float: ...
        @property
        def change(self) -> float: ...
        @property
        def power(self) -> float: ...
        @property
        def q(self) -> float: ...
        @property
        def confidence(self) -> float: ...
        @property
        def unit(self) -> str: ...


__all__ = ["percentile_name", "plan_view"]


def percentile_name(q: float) -> str:
    """Return how a text names the q-quantile: as a percentile.

    >>> percentile_name(0.5), percentile_name(0.999)
    ('the median', 'p99.9')
    """
    return "the median" if q == 0.5 else f"p{100 * q:.9g}"


def plan_view(plan: _Plan) -> View:
    """Return what is shown of a plan: the count, the change and the power; the answer has an interval."""
    answer = next(one for one in (plan.count, plan.change, plan.power) if isinstance(one, Estimate))
    if answer.why == NO_DATA:
        return View("Plan", NO_DATA)
    count = f"{plan.unit} in each histogram" if plan.unit == "values" else plan.unit
    given = (
        (count, plan.count, f"{plan.count:,}", Scale(plan.unit, 1.0)),
        (f"change of {percentile_name(plan.q)} to see", plan.change, f"{plan.change:.9g}", Scale("", 1.0)),
        ("probability to see it", plan.power, nines(plan.power), Scale("", 1.0)),
    )
    rows = [
        [name, *(texts(value, scale) if isinstance(value, Estimate) else (written, "as asked"))]
        for name, value, written, scale in given
    ]
    facts = f"by a comparison at {100 * plan.confidence:.9g} %"
    return View(
        "Plan", facts, tables=[Table(("", "value", interval_header(answer.confidence)), rows)], notes=[answer.why]
    )
