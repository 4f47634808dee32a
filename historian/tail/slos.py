"""Objectives and Apdex scores for arrays of thresholds and targets."""

from __future__ import annotations

from .._stats.arrays import common, each_estimate, shares, spread, thresholds
from .._stats.binomial_arrays import share_bounds
from .._stats.checks import check_confidence
from .._stats.estimates import Estimates, broadcast, estimates_of, one_or_each, shortened, unknown_of
from .._values.answers import read_only
from . import slo as single
from .intervals import shares_above
from .sampling import METHOD, sampled, windows_of
from .slo import APDEX_METHOD, Slo, score_of, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.estimate import Estimate
    from .._values.base import BaseHistogram
    from .._values.timed import _Windows

    _Floats = NDArray[np.float64]

__all__ = ["Slos", "apdex", "slo"]


class Slos:
    """A histogram compared with many objectives: arrays of thresholds and targets.  See `Slo`, and `Histogram.slo`.

    All arrays have one shape and are read-only.  An index gives a `Slo`, or `Slos` for a part.

    >>> from historian import Histogram
    >>> slos = Histogram.from_values([0.1] * 9_900 + [2.0] * 100).slo(1.0, target=[0.9, 0.999])
    >>> slos.is_met, slos.burn_rate.value.round(3)
    (array([True, False], dtype=object), array([ 0.1, 10. ]))
    >>> print(slos[0])
    objective: 90 % within 1.00 s: met
    within: 0.9900 (0.9879 to 0.9919)
    burn rate: 0.100 (0.0814 to 0.121)
    error budget left: 0.900 (0.879 to 0.919)
    """

    __slots__ = ("edges", "target", "threshold", "unit", "within")
    __module__ = "historian.tail"

    threshold: _Floats  # in `unit`, in [0, inf)
    unit: str  # label
    target: _Floats  # shares of calls, in [0, 1]
    within: Estimates  # shares of calls at or below the threshold
    edges: tuple[_Floats, _Floats]  # the shares if all calls in a threshold's bucket are above it, and if none is

    def __init__(self, within: Estimates, edges: Any, threshold: Any, unit: str, target: Any) -> None:
        self.within, self.unit = within, unit
        self.threshold, self.target = read_only(threshold, "float64"), read_only(target, "float64")
        self.edges = read_only(edges[0], "float64"), read_only(edges[1], "float64")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all arrays."""
        return self.within.shape

    @property
    def is_met(self) -> NDArray[np.object_]:
        """Whether each objective is met: True, False, or None if the data do not decide.  An array of objects."""
        import numpy

        found = numpy.empty(self.within.size, dtype=object)
        found[:] = [one.is_met for one in self._all()]
        return found.reshape(self.shape)

    @property
    def burn_rate(self) -> Estimates:
        """The share of too slow calls, divided by the share that the objective allows: see `Slo.burn_rate`."""
        return self._each(lambda one: one.burn_rate)

    @property
    def budget_left(self) -> Estimates:
        """The share of each error budget that is left: see `Slo.budget_left`."""
        return self._each(lambda one: one.budget_left)

    def _each(self, question: Callable[[Slo], Estimate]) -> Estimates:
        return estimates_of([question(one) for one in self._all()], self.shape, "")

    def _all(self) -> Iterator[Slo]:
        import numpy

        return (self[index] for index in numpy.ndindex(self.shape))

    def __len__(self) -> int:
        return len(self.within)

    def __getitem__(self, index: Any) -> Any:
        within, edges = self.within[index], (self.edges[0][index], self.edges[1][index])
        threshold, target = self.threshold[index], self.target[index]
        if isinstance(within, Estimates):
            return Slos(within, edges, threshold, self.unit, target)
        return Slo(within, (float(edges[0]), float(edges[1])), float(threshold), self.unit, float(target))

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Slos, (self.within, self.edges, self.threshold, self.unit, self.target)

    def __str__(self) -> str:
        return shortened([str(one).partition("\n")[0] + f", within: {one.within}" for one in self._all()])

    def __repr__(self) -> str:
        return f"<Slos, shape {self.shape}\n{self}>"


def slo(histogram: BaseHistogram, t: Any, target: Any, confidence: float, windows: _Windows | None) -> Slos:
    """Answer `Histogram.slo` for arrays."""
    import numpy

    t, target, confidence = thresholds("t", t), shares("target", target), check_confidence(confidence)
    shape = common(t=t, target=target)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        within, edges = unknown_of(t.shape, 0.0, 1.0), (numpy.zeros(shape), numpy.ones(shape))
    else:
        within = _within(histogram, t, confidence, parts)
        count, above = histogram.count, [histogram._above(one) for one in spread(shape, t)[0]]
        least, most = ([(count - pair[end]) / count for pair in above] for end in (0, 1))
        edges = numpy.array(most).reshape(shape), numpy.array(least).reshape(shape)
    return Slos(
        broadcast(within, shape), edges, numpy.broadcast_to(t, shape), histogram.unit, numpy.broadcast_to(target, shape)
    )


def _within(
    histogram: BaseHistogram, t: _Floats, confidence: float, windows: Sequence[BaseHistogram] | None
) -> Estimates:
    """Return the share of calls within each threshold."""
    import numpy

    if windows is not None or histogram.synthetic:

        def question(one: float) -> Estimate:
            return single.slo(histogram, one, 1.0, confidence, windows).within

        return each_estimate(question, t, shape=t.shape, stacklevel=4)
    count, above = histogram.count, [histogram._above(one) for one in t.ravel().tolist()]
    _, lower, upper = shares_above(histogram, t, confidence)
    value = numpy.array([(count - one) / count for one, _ in above]).reshape(t.shape)
    low, high = numpy.minimum(1 - upper, value), numpy.maximum(1 - lower, value)
    why = one_or_each(["; ".join([sampled(histogram), *width(*pair)]) for pair in above], t.shape)
    return Estimates(value, low, high, why, confidence=confidence, method=METHOD)


def apdex(histogram: BaseHistogram, t: Any, confidence: float, windows: _Windows | None = None) -> Estimates:
    """Answer `Histogram.apdex` for an array."""
    import numpy

    t, confidence = thresholds("t", t), check_confidence(confidence)
    parts = None if windows is None else windows_of(histogram, windows)
    if not histogram.count:
        return unknown_of(t.shape, 0.0, 1.0)
    if parts is not None or histogram.synthetic:

        def question(one: float) -> Estimate:
            return single.apdex(histogram, one, confidence, parts)

        return each_estimate(question, t, shape=t.shape, stacklevel=3)
    count, asked = histogram.count, t.ravel().tolist()
    near, far = ([histogram._above(scale * one) for one in asked] for scale in (1, 4))
    # The best possible score, which is that of `sf`, and the worst.
    best, worst = (
        numpy.array([score_of(count, of_t[end], of_4t[end]) for of_t, of_4t in zip(near, far)]).reshape(-1, 2).T
        for end in (0, 1)
    )
    counts = [(score * size, (1 - score) * size) for score, size in (worst, best)]
    lower, upper = share_bounds(counts[0], counts[1], confidence)
    value = best[0]
    low, high = numpy.minimum(lower, value), numpy.maximum(upper, value)
    value, low, high = (one.reshape(t.shape) for one in (value, low, high))
    reasons = ["; ".join([sampled(histogram), *width(*of_t), *width(*of_4t)][:2]) for of_t, of_4t in zip(near, far)]
    return Estimates(value, low, high, one_or_each(reasons, t.shape), confidence=confidence, method=APDEX_METHOD)
