"""`plan`: how many values or blocks it takes to see a change, and what a number of them sees; `Plan`: its result."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import warn_beyond
from .._stats.checks import check_confidence, check_n, check_number, check_share
from .._stats.estimate import NO_DATA, Estimate, nines, no_data
from .._stats.normal import normal_quantile
from .._values.text import shortened
from ..buckets import GROWTH
from .trials import APART, Margins, Turns, Values
from .views import percentile_name, plan_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from .._show.view import View
    from ..histogram import Histogram
    from .comparison import Comparison

    _Trials: TypeAlias = Values | Turns

__all__ = ["Plan", "plan"]

POWER = 0.8  # the usual one: Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), 2.4

TRIALS = 4_000  # in the last rounds: their chance moves a power of 80 % by 0.6 points
FEWER = 200  # in the rounds before, which only look for the neighbourhood
ROUNDS, LAST_ROUNDS = 25, 6  # at most
STRIDE, LAST_STRIDE = 4.0, 1.1  # times that a round moves the change, or the root of the count, at most
NEAR, NEARER = 1.1, 1.04  # times that a round may still move them to be the last one

LEAST_CHANGE = float(GROWTH) ** APART  # 2.2 %: a ratio of less is never told from 1
MOST_CHANGE = 1e3

HOW: dict[str, Any] = {"confidence": 0.95, "method": "simulation"}


class Plan(NamedTuple):
    """What it takes to see a change, by `plan`.  One of `count`, `change` and `power` is an `Estimate`: the answer.

    ``print(plan)`` shows it as a sentence, a notebook as a table.
    """

    count: float  # type: ignore[assignment]  # values in each of two histograms, or pairs of blocks; at least 2
    change: float  # the ratio of the quantiles, B over A, in (0, inf)
    power: float  # the probability to see it, in (0, 1)
    q: float  # the quantile, in (0, 1)
    confidence: float  # of the comparison, in (0, 1)
    unit: str  # of the count: "values" or "pairs of blocks"

    def seconds(self, rate: float) -> Estimate:
        """Return how long the test takes at `rate` values a second on each side, or pairs of blocks a second.

        Raises ValueError for a rate that is not positive and finite.
        """
        rate = check_number("rate", rate, 0)
        if not rate:
            raise ValueError("rate must be more than 0, not 0: pass the values per second of one side")
        count = self.count
        if not isinstance(count, Estimate):
            return Estimate(count / rate, count / rate, count / rate, "", unit="s")
        if count.why == NO_DATA:
            return no_data(0.0, math.inf, unit="s")
        return Estimate(count / rate, count.lower / rate, count.upper / rate, count.why, unit="s", **HOW)

    def __str__(self) -> str:
        if any(isinstance(one, Estimate) and one.why == NO_DATA for one in self[:3]):
            return NO_DATA
        side = "in each histogram" if self.unit == "values" else "in turns"
        change = self.change if isinstance(self.change, Estimate) else f"{self.change:.3g}"
        power = self.power if isinstance(self.power, Estimate) else nines(self.power)
        seen = f"a change of {percentile_name(self.q)} by a factor of {change} with a probability of {power}"
        return f"{_in_words(self.count, self.unit)} {side} see {seen}"

    def _view(self) -> View:
        return plan_view(self)

    def _repr_html_(self) -> str:
        return in_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        in_terminal(self, printer, cycle)

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


Plan.__module__ = "historian"  # set here, because a NamedTuple cannot set it in its body


def plan(
    pilot: Histogram | Comparison,
    change: float | None = None,
    q: float = 0.99,
    *,
    count: int | None = None,
    power: float | None = None,
    confidence: float = 0.95,
    seed: int = 1,
) -> Plan:
    """Return how many values it takes to see a change of the q-quantile; or how surely, or which change, a number sees.

    Pass two of `change`, `count` and `power`; the third one is the answer, an `Estimate`.  `power` is 0.8 by default.

    - ``plan(pilot, 1.1)``: the number of values that see a change of 10 % with a probability of 80 %.
    - ``plan(pilot, 1.1, count=5_000)``: the probability that 5,000 values see it.
    - ``plan(pilot, count=5_000)``: the smallest change that 5,000 values see with a probability of 80 %.

    `change` is the ratio of the quantiles, B over A: 1.1 if B is slower by 10 %, 1/1.1 if it is faster.  It is seen if
    the interval of `Comparison.ratio` lies above 1, or below.  All values are assumed to be slower by the same factor.
    If the change is less than six ticks of the pilot's clock, the answer depends on where values lie between ticks,
    which is not known: its interval is open then, with a `historian.tail.TailWarning`.

    `pilot` is measured before, in the way of the test.  If it is a histogram, the test compares two histograms of so
    many independent values.  Values in bursts take more of them: then measure in turns.  If the pilot is a comparison
    with blocks, such as that of `historian.interleave`, the test has so many pairs of blocks, as long as those of the
    pilot.  It does not matter how A and B differ in the pilot.  If neighbouring blocks of it are alike, as by a burst
    that outlasts a block, the plan allows for it.  Fewer than 100 pairs do not tell how alike they are: then the
    interval has no bound on this side, with a `TailWarning`.

    The interval of the answer, at 95 %, has the chance of the pilot and of the simulation.  The same seed gives the
    same answer.  About 4 s for values, 20 ms for blocks, 1 s if their neighbours are alike.  An empty pilot gives "no
    data".  Raises ValueError for fewer than 10 values of the pilot on either side of the quantile, for a change within
    2.2 %, the width of two buckets, for a count of more than 1e9 values or 1e6 pairs of blocks, and if no count, or no
    change, has this power.

    >>> import random
    >>> from historian import Histogram
    >>> draw = random.Random(1).lognormvariate
    >>> pilot = Histogram.from_values([draw(-4, 0.6) for _ in range(20_000)])
    >>> print(plan(pilot, 1.2, 0.9, count=500))
    500 values in each histogram see a change of p90 by a factor of 1.2 with a probability of 0.737 (0.677 to 0.788)
    """
    confidence, q = check_confidence(confidence), _inner("q", q)
    if count is None and change is None:
        raise ValueError("pass a change, such as 1.1, or a count, such as 10_000, or both")
    if not (count is None or change is None or power is None):
        raise ValueError("pass two of change, count and power: the third one is the answer")
    wanted = POWER if power is None else _inner("power", power)
    if wanted <= (1 - confidence) / 2:
        raise ValueError(f"power must be above {(1 - confidence) / 2:g}, the share of false alarms, not {power!r}")
    changed = math.nan if change is None else _checked_change(change)
    trials, unit = _trials(pilot, q, confidence)
    counted = 0 if count is None else _checked_count(count, trials)
    if change is None:
        found = _change_for(trials, counted, wanted, seed) if trials else no_data(0.0, math.inf)
        planned = Plan(counted, found, wanted, q, confidence, unit)
    elif count is None:
        found = _count_for(trials, changed, wanted, seed) if trials else no_data(2.0, math.inf, unit=unit)
        planned = Plan(found, changed, wanted, q, confidence, unit)
    else:
        found = _power_of(trials, counted, changed, seed) if trials else no_data(0.0, 1.0)
        planned = Plan(counted, changed, found, q, confidence, unit)
    doubt = trials.doubt(getattr(planned.change, "lower", changed)) if trials else ""
    if trials and doubt:
        warn_beyond(f"beyond the data: {doubt}: {trials.remedy}", stacklevel=2)
    return planned


def _trials(pilot: Histogram | Comparison, q: float, confidence: float) -> tuple[_Trials | None, str]:
    """Return what simulates the test, None for an empty pilot; and what is counted."""
    from ..histogram import Histogram
    from .comparison import Comparison

    if isinstance(pilot, Comparison):
        if not pilot.blocks:
            raise ValueError("pilot must be a comparison with blocks, by interleave, or a histogram, such as its a")
        return Turns(pilot, q, confidence), "pairs of blocks"
    if not isinstance(pilot, Histogram):
        hint = ": pass its .snapshot()" if hasattr(pilot, "snapshot") else ""
        raise TypeError(f"pilot must be a histogram or a comparison, not {shortened(repr(pilot), 60)}{hint}")
    if pilot.synthetic:
        raise ValueError(
            "pilot must hold measured values, not synthetic ones: pass the histogram before its correction"
        )
    return Values(pilot, q, confidence) if pilot.count else None, "values"


def _count_for(trials: _Trials, change: float, power: float, seed: int) -> Estimate:
    """Return the number of values or blocks that sees a change with this power."""

    def at(count: float, number: int, turn: int) -> Margins:
        return trials.margins(count, change, number, (seed, turn))

    limits = trials.enough, trials.most
    start = min(max(trials.guess(change, 2 + max(0.0, normal_quantile(power))), limits[0]), limits[1])
    margins, count = _solved(at, start, limits, power, 2)
    if count >= trials.most:
        raise ValueError(
            f"change by {change:.9g} is not seen with {trials.most:,} {trials.unit}: ask for a larger one; the "
            "quantile moves too little, or only within a tick of the clock"
        )
    less, more = _reach(trials, margins, change)
    here = max(margins.times(power), 1e-9)
    low, high = (max(trials.enough, count * (margins.times(power, one) / here) ** 2) for one in (more, less))
    whole = [
        math.ceil(one * (1 - 1e-9)) if one < math.inf else one for one in (count, min(low, count), max(high, count))
    ]
    return Estimate(whole[0], whole[1], whole[2], _why(trials, change), unit=trials.unit, **HOW)


def _change_for(trials: _Trials, count: int, power: float, seed: int) -> Estimate:
    """Return the smallest change, above 1, that is seen with this power."""

    def at(logarithm: float, number: int, turn: int) -> Margins:
        return trials.margins(count, math.exp(logarithm), number, (seed, turn))

    if count < trials.enough:
        raise ValueError(f"count must be at least {trials.enough:,} to see any change of this quantile, not {count:,}")
    limits = math.log(LEAST_CHANGE), math.log(MOST_CHANGE)
    margins, logarithm = _solved(at, math.log(1.1), limits, power, 1)
    if logarithm >= limits[1]:
        raise ValueError(f"count must be larger than {count:,} to see any change of this quantile")
    less, more = _reach(trials, margins, math.exp(logarithm))
    value, low, high = (
        math.exp(max(limits[0], logarithm / one)) if one * 700 > logarithm else math.inf for one in (1.0, more, less)
    )
    if trials.doubt(low) and not trials.doubt(value):  # an even smaller one may be seen
        low = LEAST_CHANGE
    return Estimate(value, low, high, _why(trials, low), **HOW)


def _power_of(trials: _Trials, count: int, change: float, seed: int) -> Estimate:
    """Return the probability that a change is seen."""
    margins = trials.margins(count, change, TRIALS, (seed, ROUNDS))
    less, more = _reach(trials, margins, change)
    value = margins.power()
    low, high = min(value, margins.power(less)), max(value, margins.power(min(more, 1e9)))
    return Estimate(value, low, high, _why(trials, change), **HOW)


def _reach(trials: _Trials, margins: Margins, change: float) -> tuple[float, float]:
    """Return how many times smaller, and larger, `Margins.grows` may be, by chance of the pilot and of the trials.

    The spread of a margin is about 1, so that the quantile of TRIALS margins for a power near 0.8 has the standard
    error 1.43/sqrt(TRIALS).
    """
    chance = 1.96 * 1.43 / math.sqrt(TRIALS) / max(margins.grows, 0.1)
    low, high = trials.known(change)
    less = math.exp(-math.hypot(math.log(low), chance)) if low else 0.0
    return less, math.exp(min(700.0, math.hypot(math.log(high), chance)))


def _solved(
    at: Callable[[float, int, int], Margins],
    size: float,
    limits: tuple[float, float],
    power: float,
    exponent: int,
) -> tuple[Margins, float]:
    """Return the size, of a count or of the logarithm of a change, for a power, and margins near it.

    `at` returns the margins for a size, for a number of trials.  They have a part that grows with
    size^(1/exponent).  So each round says about which size it takes; if a round is of another opinion than those
    before, the search goes on halfway between the two.
    """
    short, enough = 0.0, math.inf

    def moved(margins: Margins, stride: float) -> float:
        found = size * min(max(margins.times(power), 1 / stride), stride) ** exponent
        return min(max(found, limits[0]), limits[1])

    for turn in range(ROUNDS):
        margins = at(size, FEWER, turn)
        short, enough = (max(short, size), enough) if margins.times(power) > 1 else (short, min(enough, size))
        before, size = size, moved(margins, STRIDE)
        if 0 < short < enough < math.inf and not short <= size <= enough:
            size = math.sqrt(short * enough)
        if abs(math.log(size / before)) <= exponent * math.log(NEAR):
            break
    for turn in range(ROUNDS, ROUNDS + LAST_ROUNDS):
        margins = at(size, TRIALS, turn)
        before, size = size, moved(margins, LAST_STRIDE)
        if abs(math.log(size / before)) <= exponent * math.log(NEARER):
            break
    return margins, size


def _why(trials: _Trials, change: float) -> str:
    doubt = trials.doubt(change)
    return f"chance of the pilot and of {TRIALS:,} trials; {trials.assumes}" + (f"; {doubt}" if doubt else "")


def _in_words(count: float, unit: str) -> str:
    """Return a count in three digits, with its interval."""
    if not isinstance(count, Estimate):
        return f"{count:,} {unit}"
    value, low, high = (f"{float(f'{one:.3g}'):,.0f}" for one in (count.value, count.lower, count.upper))
    bounds = f"{low} to {high}" if count.upper < math.inf else f"from {low}, no upper bound"
    return f"{value} {unit} ({bounds})"


def _inner(name: str, share: float) -> float:
    """Return a share if it is between 0 and 1; else raise."""
    found = check_share(name, share)
    if not 0 < found < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {share!r}")
    return found


def _checked_count(count: int, trials: _Trials | None) -> int:
    found = check_n(count, "count", least=trials.least if trials else 2)
    if trials and found > trials.most:
        raise ValueError(f"count must be at most {trials.most:,} {trials.unit}, not {shortened(f'{found:,}', 40)}")
    return found


def _checked_change(change: float) -> float:
    found = check_number("change", change, 0)
    if not 1 / MOST_CHANGE <= found <= MOST_CHANGE:
        raise ValueError(f"change must be a ratio from {1 / MOST_CHANGE:g} to {MOST_CHANGE:g}, not {change!r}")
    if 1 / LEAST_CHANGE * (1 + 1e-9) < found < LEAST_CHANGE * (1 - 1e-9):
        raise ValueError(
            f"change must be {LEAST_CHANGE:.4f} or more, or {1 / LEAST_CHANGE:.4f} or less, not {change!r}: no "
            "comparison tells less than the width of two buckets from 1; 10 % slower is 1.1"
        )
    return found
