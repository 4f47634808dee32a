"""`compare`: two histograms side by side, by ratios; `Comparison`: its result."""

from __future__ import annotations

import math

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import warn_beyond
from .._stats.checks import check_bool, check_confidence, check_share
from .._stats.estimate import Estimate, no_data, quantile_name
from .._values.answers import is_many
from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX, index
from .anytime import ratio_bounds
from .arguments import check_anytime, check_looks, check_pair, checked_blocks, checked_names
from .distances import DIGITS, STEP, kolmogorov_smirnov, sampled, superiority, wasserstein
from .ratios import TOO_FEW, Grid, RatioOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from ..histogram import Histogram
    from .bootstrap import Blocks
else:

    def overload(function):
        return function


__all__ = ["Comparison", "compare"]


INVENTED = "no sample: some values are synthetic"  # why there is no interval

MAX_LOG_RATIO = 100 * math.log(2)  # a larger ratio involves a value beyond all buckets


def compare(
    a: Histogram,
    b: Histogram,
    *,
    confidence: float = 0.95,
    names: tuple[str, str] = ("A", "B"),
    looks: int = 1,
) -> Comparison:
    """Compare two histograms of independent values by the ratios of their quantiles, `b` over `a`.

    Ratios hold on other machines, too.  Tables and sentences use `names`.  The printed result is a table that ends with
    a sentence.  If both can run in turns, `historian.interleave` measures and compares in one step.  If one of them is
    empty, every answer is "no data".

    Pass `looks` if you compare again and again while the data grow, and act as soon as something differs: the number of
    times that you will look, or more.  All intervals of all looks then hold together with the confidence.  They are
    wider: for 50 looks 1.7 times, for 10,000 looks 2.3 times.  Raises ValueError for different units, for a confidence
    that is not between 0 and 1, and for looks outside 1..1,000,000.

    >>> import historian
    >>> a = historian.Histogram.from_values([0.010 + 0.00001 * k for k in range(10_000)])
    >>> b = historian.Histogram.from_values([0.008 + 0.000008 * k for k in range(10_000)])
    >>> comparison = historian.compare(a, b)
    >>> print(comparison.sentence(0.5))
    median of B over A: 4:5, 95 % interval 0.78 to 0.82
    >>> print(comparison.ratio(0.99))
    0.797 (0.788 to 0.805)
    """
    return Comparison(a, b, confidence=confidence, names=names, looks=looks)


class Comparison:
    """Two histograms compared, by `compare` or `historian.interleave`: ratios, B over A, with intervals.

    ``print(comparison)`` shows a table, and a sentence to quote.  Raises ValueError as `compare` does, for too few
    pairs of blocks (fewer than 8 for a confidence of 95 %, and one more for each doubling of the looks), and for blocks
    that do not add up to `a` and `b`.
    """

    __slots__ = ("_blocks", "_grids", "_ratios", "_shown", "a", "b", "blocks", "confidence", "looks", "names")
    __module__ = "historian"

    a: Histogram
    b: Histogram  # in the unit of `a`
    blocks: tuple[tuple[Histogram, Histogram], ...]  # pairs, in the order of time; empty if values are independent
    confidence: float  # of all intervals, in (0, 1)
    names: tuple[str, str]
    looks: int  # times that the growing data are looked at, in [1, 1e6]; the confidence is that of all together

    def __init__(
        self,
        a: Histogram,
        b: Histogram,
        *,
        blocks: Iterable[tuple[Histogram, Histogram]] = (),
        confidence: float = 0.95,
        names: tuple[str, str] = ("A", "B"),
        looks: int = 1,
    ) -> None:
        confidence = check_confidence(confidence)
        check_pair(a, b)
        self.looks, self.names = check_looks(looks), checked_names(names)
        self.a, self.b, self.confidence = a, b, confidence
        self.blocks = checked_blocks(a, b, blocks, confidence, self.looks)
        self._ratios: dict[float, RatioOf] = {}  # by quantile, as asked for
        self._grids: tuple[Grid, Grid] | None = None  # when first needed
        self._blocks: Blocks | None = None
        self._shown: View | None = None

    @overload
    def ratio(self, q: _Scalar, *, anytime: bool = False) -> Estimate: ...
    @overload
    def ratio(self, q: _Numbers, *, anytime: bool = False) -> Estimates: ...
    def ratio(self, q: Any, *, anytime: bool = False) -> Estimate | Estimates:
        """Return the q-quantile of B over that of A, with its interval; for an array-like, `Estimates` of its shape.

        The interval allows for sampling, and is never narrower than the two buckets.  With blocks, it allows for
        everything that changed from block to block.  Without, it assumes independent values: values in bursts make it
        too narrow.  Synthetic values (`Histogram.corrected`) give no interval, except in blocks.  Each interval has the
        confidence by itself; those of a printed table are wider, because they hold together.  About 0.5 ms each; with
        blocks 15 ms for the first.  Warns (`historian.tail.TailWarning`) if there are too few samples for a bound.  A
        missing bound is 0 or infinity.

        With ``anytime=True``, the intervals of all looks at growing histograms hold together, however many looks they
        are and whenever you stop: `looks` need not be known.  See `Histogram.ci`.  A few ms.

        Raises ValueError for q outside 0..1, if that quantile of A lies in the zero bucket, and for ``anytime=True``
        with blocks or synthetic values.  Raises TypeError unless `anytime` is a bool.
        """
        if check_bool("anytime", anytime):
            check_anytime(self.a, self.b, self.blocks)
        if not is_many(q):
            return self._ratio(check_share("q", q), anytime)
        from .._stats.arrays import each_estimate, shares

        asked = shares("q", q)
        return each_estimate(lambda one: self._ratio(one, anytime), asked, shape=asked.shape, stacklevel=2)

    @property
    def is_empty(self) -> bool:
        """Whether one of the two histograms holds no values, so that there is no data to compare."""
        return not (self.a.count and self.b.count)

    @property
    def superiority(self) -> Estimate:
        """The probability that a value of B is below a value of A, with its interval; a tie counts half.  O(buckets).

        Without blocks, the interval uses the variance of DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988).
        """
        if self.is_empty:
            return no_data(0.0, 1.0)

        def within(drawn: Blocks) -> tuple[Any, Any]:
            strictly, ties = drawn.below()
            return strictly, strictly + ties

        return self._resampled(superiority(*self._both(), self._at_a_look()), within, 1.0)

    @property
    def kolmogorov_smirnov(self) -> Estimate:
        """The largest difference between the two shares of values at or below the same value, 0..1.  O(buckets).

        Without blocks, the interval uses the band of Dvoretzky, Kiefer & Wolfowitz for each histogram.
        """
        if self.is_empty:
            return no_data(0.0, 1.0)
        plain = kolmogorov_smirnov(*self._both(), self._at_a_look())

        def within(drawn: Blocks) -> tuple[Any, Any]:
            at_edges, most = drawn.largest_difference()
            return 2 * float(plain) - at_edges, most

        return self._resampled(plain, within, 1.0)

    @property
    def wasserstein(self) -> Estimate:
        """The mean distance by which the values of A must move to become those of B, on the natural logarithm.

        Its exponential is a factor, which is 1 for equal histograms.  O(buckets).  Without blocks, the interval uses
        the variance of the dual of Kantorovich & Rubinstein.
        """
        if self.is_empty:
            return no_data(0.0, math.inf)
        plain = wasserstein(*self._both(), self._at_a_look())

        def within(drawn: Blocks) -> tuple[Any, Any]:
            shift = drawn.mean_shift()
            return 2 * float(plain) - shift - STEP, shift + STEP

        return self._resampled(plain, within, math.inf if plain.upper < math.inf else 0.0)

    @property
    def decided(self) -> bool:
        """Whether the ratio of any quantile in the printed table is known to be above or below 1.

        The intervals are those of the table, which hold together.
        """
        from .report import differs

        return differs(self)

    @overload
    def precision(self, q: _Scalar = 0.5) -> float: ...
    @overload
    def precision(self, q: _Numbers) -> NDArray[np.float64]: ...
    def precision(self, q: Any = 0.5) -> float | NDArray[np.float64]:
        """Return how far the ratio of the q-quantiles may be from its value, at most, as a share: 0.02 is 2 %.

        It is infinity if a bound is missing.  It is never below 1.09 %, the width of a bucket.  An array-like gives an
        array of its shape.
        """
        if not is_many(q):
            return self._precision(check_share("q", q))
        from .._stats.arrays import each_number, shares

        asked = shares("q", q)
        return each_number(self._precision, asked, shape=asked.shape)

    def _precision(self, q: float) -> float:
        estimate = self.bounded(q, self.confidence)
        if estimate is None:  # also without values, or if A is about 0
            return math.inf
        return max(estimate.upper / estimate, estimate / estimate.lower) - 1

    def sentence(self, q: float = 0.99) -> str:
        """Return one sentence about the q-quantile, with a ratio of whole numbers that lies within the interval."""
        from .report import sentence

        return sentence(self, check_share("q", q))

    def __str__(self) -> str:
        from .report import text

        return text(self)

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        named = partial(Comparison, blocks=self.blocks, confidence=self.confidence, names=self.names, looks=self.looks)
        return named, (self.a, self.b)

    def _view(self) -> View:
        if self._shown is None:  # resampled blocks take 20 ms
            from .report import view

            self._shown = view(self)
        return self._shown

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def _ratio(self, q: float, anytime: bool) -> Estimate:
        estimate = self.quiet_ratio(q, anytime=anytime)
        if not math.isnan(estimate) and (estimate.lower == 0 or estimate.upper == math.inf):
            counts = f"{self.a.count:,} and {self.b.count:,}"
            text = f"beyond the data: the ratio at {quantile_name(q)} has no interval: {self.missing(q)} ({counts})"
            warn_beyond(text, stacklevel=3)
        return estimate

    def each_of(self, quantiles: Iterable[float]) -> float:
        """Return the confidence for the ratio of each of these quantiles, so that all intervals hold together.

        The probability that any of them misses is at most the sum of their probabilities (Bonferroni), so each gets an
        equal part.  A ratio without bounds is not shown, so it does not count.
        """
        asked = set(quantiles)
        self._prepare(q for q in asked if not self.is_empty and index(self.a.quantile(q)) != ZERO_INDEX)
        rows = sum(self.bounded(q, self.confidence) is not None for q in asked)
        return 1 - (1 - self.confidence) / max(1, rows)

    def _prepare(self, quantiles: Iterable[float]) -> None:
        """Compute the distributions of some ratios, unless they are there.  Together they take less time."""
        missing = [q for q in quantiles if q not in self._ratios]
        if missing:
            self._ratios.update(zip(missing, RatioOf.each(*self._both(), missing)))

    def bounded(self, q: float, confidence: float) -> Estimate | None:
        """Return the ratio of the q-quantiles if it has bounds on both sides, else None."""
        if self.is_empty or index(self.a.quantile(q)) == ZERO_INDEX:
            return None
        estimate = self.quiet_ratio(q, confidence)
        return estimate if estimate.lower > 0 and estimate.upper < math.inf else None

    def quiet_ratio(self, q: float, confidence: float | None = None, *, anytime: bool = False) -> Estimate:
        """Return `ratio` for one number, without a warning, by default with the confidence of the comparison.

        The value is a ratio of representatives, not of interpolated quantiles.  For lognormal values, the latter would
        be closer to the truth from 100,000 values on (0.28 % instead of 0.5 % for the median); with fewer values,
        sampling hides the difference.  For whole milliseconds they would be worse: alike values in one bucket have the
        ratio 1 here, and up to 0.6 % more or less there.  Either lies inside the interval.
        """
        confidence = self.confidence if confidence is None else confidence
        if self.is_empty:
            return no_data(0.0, math.inf)
        low, high = self.a.quantile(q), self.b.quantile(q)
        slots = index(low), index(high)
        if slots[0] == ZERO_INDEX:
            name = self.names[0]
            raise ValueError(
                f"{quantile_name(q)} of {name} must be above 2**-32 to have a ratio, not {low!r}: "
                "ask for a larger q or record in a smaller unit"
            )
        lower, upper, why, method = self._bounds(q, confidence, anytime)
        value = high / low
        step = slots[1] - slots[0]
        known = ZERO_INDEX not in slots and OVERFLOW_INDEX not in slots
        least, most = (GROWTH ** (step - 1), GROWTH ** (step + 1)) if known else (value, value)
        if least <= lower and upper <= most:
            why += ", which is larger than the noise"
        if lower == 0 or upper == math.inf:
            why += f"; {self.missing(q)}"
        why += "; at every look at growing data" if anytime else self._at_all_looks()
        bounds = min(lower, value, least), max(upper, value, most)
        return Estimate(value, *bounds, why, confidence=confidence, method=method)

    def _bounds(self, q: float, confidence: float, anytime: bool) -> tuple[float, float, str, str]:
        """Return the bounds of the ratio of the q-quantiles, the reasons for their distance, and the method."""
        why = f"{sampled(self.a.count, self.b.count)}; bucket width"
        if anytime:
            return *ratio_bounds(self.a, self.b, q, confidence), why, "confidence sequence"
        if self._is_invented:
            return 0.0, math.inf, "bucket width", ""
        self._prepare([q])
        at_a_look = self._at_a_look(confidence)
        lower, upper = self._ratios[q].bounds(at_a_look)
        if self.blocks:
            return *self._between_blocks(q, lower, upper, at_a_look), "block bootstrap"
        return lower, upper, why, "order statistics"

    def missing(self, q: float) -> str:
        """Return, in a few words, why the ratio of the q-quantiles has no interval, if it has none."""
        if self.is_empty:
            return "no data"
        slots = index(self.a.quantile(q)), index(self.b.quantile(q))
        for name, slot in zip(self.names, slots):
            if slot == ZERO_INDEX:
                return f"{name} is about 0"
        if OVERFLOW_INDEX in slots:
            return "values beyond the buckets"
        if self._is_invented:
            return INVENTED
        return TOO_FEW if 0 < q < 1 else "no interval for an extreme"

    def _between_blocks(self, q: float, lower: float, upper: float, confidence: float) -> tuple[float, float, str]:
        """Return the bounds by resampled blocks, and why; a side stays open if it is for independent values."""
        low, high, wider = self._drawn().ratio_interval(q, confidence)
        is_open = lower == 0 or low < -MAX_LOG_RATIO, upper == math.inf or high > MAX_LOG_RATIO
        return 0.0 if is_open[0] else math.exp(low), math.inf if is_open[1] else math.exp(high), self._between(wider)

    def _between(self, wider: float) -> str:
        """Return the reason "blocks", which says if an interval is wider because neighbours are alike."""
        alike = f", {wider:.2g} times wider because neighbours are alike" if wider > 1 else ""
        return f"{len(self.blocks)} blocks of each, resampled{alike}; bucket width"

    def _both(self) -> tuple[Grid, Grid]:
        if self._grids is None:
            self._grids = Grid.of(self.a), Grid.of(self.b)
        return self._grids

    def _drawn(self) -> Blocks:
        from .bootstrap import Blocks

        if self._blocks is None:
            self._blocks = Blocks(self.blocks)
        return self._blocks

    def _resampled(self, plain: Estimate, within: Callable[[Blocks], tuple[Any, Any]], most: float) -> Estimate:
        """Return an estimate with the interval that resampled blocks give, if there are blocks.

        `within` returns the bounds of the answer for the sums of each draw.  A distance of resampled counts is too
        large: on average, its bias is as large as that of the distance of the counts themselves.  For this reason
        `within` reflects the lower bound of a distance.  `most` is the largest possible answer, 0 if there is no upper
        bound.  The interval of a share is never narrower than the one for independent values.
        """
        how: dict[str, Any] = {"confidence": self.confidence, "method": plain.method}
        if self._is_invented:
            return Estimate(plain, 0.0, most or math.inf, INVENTED)
        if not self.blocks:
            return Estimate(plain, plain.lower, plain.upper, plain.why + self._at_all_looks(), **how)
        blocks = self._drawn()
        low, high, wider = blocks.interval(*within(blocks), self._at_a_look())
        if most == 1:  # a share that is 1 in each block is 1 in every draw: the interval would have no width
            low, high = min(low, plain.lower), max(high, plain.upper)
        why = self._between(wider) + self._at_all_looks()
        value, how["method"] = float(plain), "block bootstrap"
        lower, upper = max(0.0, min(round(low, DIGITS), value)), max(min(round(high, DIGITS), most), value)
        return Estimate(value, lower, upper if most else math.inf, why, **how)

    @property
    def _is_invented(self) -> bool:
        """Whether values were invented by a correction and count as sampled; blocks would be corrected one by one."""
        return not self.blocks and (self.a.synthetic or self.b.synthetic)

    def _at_a_look(self, confidence: float | None = None) -> float:
        """Return the confidence of an interval at a single look, so that those of all looks have the given one.

        As for the rows of a table, each look gets an equal part of the probability of a miss (Bonferroni).  This holds
        whatever the looks have in common.
        """
        confidence = self.confidence if confidence is None else confidence
        return confidence if self.looks == 1 else 1 - (1 - confidence) / self.looks

    def _at_all_looks(self) -> str:
        """Return what to add to the reasons of an estimate."""
        return f"; at all {self.looks:,} looks together" if self.looks > 1 else ""
