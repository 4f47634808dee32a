"""The reported results: figures with a target, rows beside those of the peers, growth with its exponent."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .timing import Case

AT_MOST, AT_LEAST = "at most", "at least"


@dataclass(frozen=True)
class Figure:
    """A figure with a target."""

    measure: str
    best: float  # of the fastest tenth of the rounds
    median: float  # of the figures of each round
    spread: float  # of the figures of each round: (third quartile - first) / median
    unit: str  # "x" for a ratio
    target: float
    sense: str = AT_MOST

    @property
    def verdict(self) -> str:
        """``reached`` if best and median reach the target, ``missed`` if neither does, else the one that does."""
        best, median = (self._reaches(value) for value in (self.best, self.median))
        if best and median:
            return "reached"
        return "best only" if best else "median only" if median else "missed"

    def _reaches(self, value: float) -> bool:
        return value >= self.target if self.sense == AT_LEAST else value <= self.target

    def __str__(self) -> str:
        mark = "" if self.verdict == "reached" else f"   {self.verdict.upper()}"
        return (
            f"{self.measure:<66} {self.best:>8.3g} {self.unit:<2} {self.median:>8.3g} {self.unit:<2}"
            f" {self.spread:>6.0%}  {self.sense} {self.target:.3g}{mark}"
        )


@dataclass(frozen=True)
class Row:
    """A line of a table: the cost of one operation in one library."""

    table: str
    who: str  # the library, or its variant
    what: str
    best: float
    median: float
    spread: float
    unit: str
    errors: tuple[float, ...] | None = None  # relative, of p50, p99 and p99.9, after that work; None: not applicable

    def __str__(self) -> str:
        errors = "" if self.errors is None else "   " + " ".join(f"{error:.2%}" for error in self.errors)
        return (
            f"{self.who:<34} {self.what:<38} {self.best:>9.3g} {self.unit:<2} {self.median:>9.3g} {self.unit:<2}"
            f" {self.spread:>5.0%}{errors}"
        )


@dataclass(frozen=True)
class Growth:
    """How a cost grows with a size: cost = constant * size ** exponent, fitted on a log-log scale."""

    measure: str
    size_of: str  # what the size counts
    sizes: tuple[float, ...]
    costs: tuple[float, ...]  # best of the rounds
    unit: str

    @property
    def exponent(self) -> float:
        """The exponent over all sizes."""
        return power_law(self.sizes, self.costs)[0]

    @property
    def last_exponent(self) -> float:
        """The exponent between the two largest sizes, where a constant part matters least."""
        return power_law(self.sizes[-2:], self.costs[-2:])[0]

    def __str__(self) -> str:
        return (
            f"{self.measure:<40} {self.size_of:<22} {self.sizes[0]:>8.3g} to {self.sizes[-1]:<8.3g}"
            f" {self.costs[0]:>9.3g} to {self.costs[-1]:<9.3g} {self.unit:<3}"
            f" exponent {self.exponent:>6.2f}, at the end {self.last_exponent:>6.2f}"
        )


def power_law(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Return (exponent, constant) of the least-squares line through (log size, log cost)."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    exponent, intercept = statistics.linear_regression(x, y)
    return exponent, math.exp(intercept)


def spread(samples: Sequence[float]) -> float:
    """Return the distance between the quartiles over the median; 0 for fewer than two samples."""
    if len(samples) < 2:
        return 0.0
    first, _, third = statistics.quantiles(samples, n=4)
    middle = statistics.median(samples)
    return (third - first) / abs(middle) if middle else math.inf


def fast_rounds(*cases: Case) -> list[int]:
    """Return the indices of the fastest tenth of the rounds, by the total time of all `cases`.

    The best round of a single case may come from a moment in which the processor was faster for that case only.
    """
    totals = [sum(samples) for samples in zip(*(case.samples for case in cases))]
    return sorted(range(len(totals)), key=totals.__getitem__)[: max(1, len(totals) // 10)]


def less(case: Case, base: Case | None) -> list[float]:
    """Return the time of `case` in each round, minus that of `base`."""
    return [a - b for a, b in zip(case.samples, base.samples)] if base else list(case.samples)


def ratio(
    measure: str,
    target: float,
    over: Case,
    under: Case,
    base: Case | None = None,
    *,
    sense: str = AT_MOST,
) -> Figure:
    """Return the figure of one case over another, each minus `base` (the bare loop)."""
    each_over, each_under = less(over, base), less(under, base)
    fast = fast_rounds(over, under, *([base] if base else []))
    best = statistics.median(each_over[i] for i in fast) / statistics.median(each_under[i] for i in fast)
    each = [a / b for a, b in zip(each_over, each_under)]
    return Figure(measure, best, statistics.median(each), spread(each), "x", target, sense)


def absolute(measure: str, target: float, case: Case, unit: str, per_unit: float, base: Case | None = None) -> Figure:
    """Return the figure of a case in a unit of `per_unit` ns, minus `base` if given."""
    each = [value / per_unit for value in less(case, base)]
    best = statistics.median(each[i] for i in fast_rounds(case, *([base] if base else [])))
    return Figure(measure, best, statistics.median(each), spread(each), unit, target)


def row(
    table: str,
    who: str,
    what: str,
    case: Case,
    *,
    base: Case | None = None,
    unit: str = "ns",
    per_unit: float = 1,
    errors: tuple[float, ...] | None = None,
) -> Row:
    """Return the row of a case in a unit of `per_unit` ns, minus `base` if given."""
    figure = absolute(what, math.inf, case, unit, per_unit, base)
    return Row(table, who, what, figure.best, figure.median, figure.spread, unit, errors)
