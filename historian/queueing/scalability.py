"""`fit_usl` and `fit_amdahl`: how throughput grows with concurrency; `Scalability`: their result."""

from __future__ import annotations

import math

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.checks import check_confidence
from .._stats.estimate import Estimate
from .._stats.student import student_quantile
from .._values.answers import is_many
from .._values.text import counted
from .fitting import Region, best, logarithm, region
from .laws import usl

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from typing import Any, NoReturn, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar

    _Floats = NDArray[np.float64]

__all__ = ["Scalability", "fit_amdahl", "fit_usl"]

METHOD = "profile likelihood"

CONTENTION, COHERENCY = 1, 2  # numbers of parameters besides the rate


def fit_usl(concurrency: _Numbers, throughput: _Numbers, *, confidence: float = 0.95) -> Scalability:
    """Fit the universal scalability law (see `usl`) to measured throughputs, one for each concurrency.

    Least squares of the logarithm of throughput, with contention in 0..1 and coherency from 0 on.  The intervals assume
    independent errors of about the same ratio at every concurrency.  They are those of profile likelihood, which need
    not be symmetric, and keep to the bounds of the parameters: see `docs/how-to/load.md` for how often they hold the
    truth.  A fit takes 30 ms.  Raises ValueError for arrays of different lengths, numbers that are not positive and
    finite, fewer than 5 measurements, and fewer than 4 different concurrencies.

    Source: Gunther, Guerrilla Capacity Planning (2007), chapter 5.

    >>> n = [1, 2, 4, 8, 16, 32, 64]
    >>> fit = fit_usl(n, [995, 1_960, 3_700, 6_690, 10_500, 13_600, 13_100])
    >>> print(fit.contention)
    0.0255 (0.0229 to 0.0280)
    >>> print(fit.peak)
    41.3 (39.8 to 43.0)
    """
    return _fit(concurrency, throughput, COHERENCY, confidence)


def fit_amdahl(concurrency: _Numbers, throughput: _Numbers, *, confidence: float = 0.95) -> Scalability:
    """Fit Amdahl's law to measured throughputs: `fit_usl` without coherency, so that more workers never hurt.

    `Scalability.contention` is the serial share.  Raises ValueError as `fit_usl` does, and for fewer than 4
    measurements or 3 different concurrencies.

    >>> fit = fit_amdahl([1, 2, 4, 8, 16], [100.2, 189.9, 349, 591, 915])
    >>> print(fit.contention)
    0.0501 (0.0486 to 0.0516)
    >>> print(fit.limit)                                     # rate/contention
    2,000 (1,950 to 2,050)
    """
    return _fit(concurrency, throughput, CONTENTION, confidence)


def _fit(concurrency: Any, throughput: Any, names: int, confidence: float) -> Scalability:
    import numpy

    n, x = _positive("concurrency", concurrency), _positive("throughput", throughput)
    if n.shape != x.shape:
        raise ValueError(f"concurrency and throughput must be of one length, not {n.size:,} and {x.size:,}")
    different = len(numpy.unique(n))
    if n.size < names + 3:
        raise ValueError(f"{names + 3} measurements or more are needed for intervals, not {n.size}")
    if different < names + 2:
        raise ValueError(f"{names + 2} different concurrencies or more are needed, not {different}")
    return Scalability(n, x, names, check_confidence(confidence))


def _positive(name: str, given: Any) -> _Floats:
    from .._stats.arrays import thresholds

    array = thresholds(name, given)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    if array.size and not array.min() > 0:
        raise ValueError(f"{name} must be positive, not {float(array.min())!r}")
    return array


class Scalability:
    """How throughput grows with concurrency, by `fit_usl` or `fit_amdahl`: parameters and answers, with intervals."""

    __slots__ = ("_at", "_names", "_rate", "_region", "concurrency", "confidence", "throughput")
    __module__ = "historian.queueing"

    concurrency: NDArray[np.float64]  # as measured, read-only, shape (measurements,)
    throughput: NDArray[np.float64]  # the same shape, positive
    confidence: float  # of each interval by itself, in (0, 1)
    _names: int  # parameters besides the rate: `CONTENTION` or `COHERENCY`
    _at: tuple[float, float]  # contention and coherency of the best fit
    _rate: float  # logarithm of the rate of the best fit
    _region: Region

    def __init__(self, concurrency: Any, throughput: Any, names: int, confidence: float) -> None:
        import numpy

        n, x = (numpy.array(one, dtype=numpy.float64) for one in (concurrency, throughput))
        for name, kept in (("concurrency", n), ("throughput", x)):
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)
        y = numpy.log(x)
        at = best(n, y, names)
        quantile = student_quantile((1 + confidence) / 2, len(n) - names - 1)
        rate = float((y - logarithm(n, numpy.float64(at[0]), numpy.float64(at[1]))).mean())
        found = region(n, y, at, names, quantile)
        fields = {"_at": at, "_rate": rate, "_region": found, "_names": names, "confidence": confidence}
        for name, field in fields.items():
            object.__setattr__(self, name, field)

    @property
    def law(self) -> str:
        """The name of the law that was fitted."""
        return "universal scalability law" if self._names == COHERENCY else "Amdahl's law"

    @property
    def rate(self) -> Estimate:
        """The throughput of one worker."""
        known = self._region
        return self._estimate(math.exp(self._rate), math.exp(known.low.min()), math.exp(known.high.max()))

    @property
    def contention(self) -> Estimate:
        """The share of work that only one worker can do at a time, in 0..1."""
        return self._over(self._at[0], self._region.contention)

    @property
    def coherency(self) -> Estimate:
        """What each pair of workers costs to agree, from 0 on; exactly 0 for Amdahl's law."""
        if self._names == CONTENTION:
            return Estimate(0.0, 0.0, 0.0, "Amdahl's law has none")
        return self._over(self._at[1], self._region.coherency)

    @property
    def peak(self) -> Estimate:
        """The concurrency of the most throughput, sqrt((1 - contention)/coherency); infinity without coherency.

        At least 1: below it, the law means nothing.
        """
        import numpy

        with numpy.errstate(divide="ignore", invalid="ignore"):
            all_of_them = numpy.sqrt((1 - self._region.contention) / self._region.coherency)
        all_of_them = numpy.where(self._region.coherency > 0, all_of_them, math.inf).clip(1)
        share, loss = self._at
        return self._over(max(1.0, math.sqrt((1 - share) / loss)) if loss else math.inf, all_of_them)

    @property
    def limit(self) -> Estimate:
        """The throughput that no number of workers exceeds without coherency: rate/contention (Amdahl)."""
        import numpy

        known = self._region
        with numpy.errstate(divide="ignore"):
            ends = numpy.exp(known.low) / known.contention, numpy.exp(known.high) / known.contention
        value = math.exp(self._rate) / self._at[0] if self._at[0] else math.inf
        return self._estimate(value, float(ends[0].min()), float(ends[1].max()))

    @overload
    def at(self, n: _Scalar) -> Estimate: ...
    @overload
    def at(self, n: _Numbers) -> Estimates: ...
    def at(self, n: Any) -> Estimate | Estimates:
        """Return the fitted throughput at concurrency `n`, a number or an array-like, with the interval of the curve.

        A measurement there differs from it by its own error, too.  O(1), 0.3 ms each.  Raises ValueError for a
        concurrency below 1.
        """
        import numpy

        from .._stats.arrays import thresholds

        numbers = thresholds("n", n)
        if numbers.size and not numbers.min() >= 1:
            raise ValueError(f"n must be at least 1, not {float(numbers.min()):g}: the law begins at one worker")
        value = usl(numbers, *self._at, math.exp(self._rate))
        ends = numpy.array([self._ends(one) for one in numbers.ravel().tolist()]).reshape(-1, 2)
        low, high = (numpy.minimum(ends[:, 0].reshape(numbers.shape), value), ends[:, 1].reshape(numbers.shape))
        high = numpy.maximum(high, value)
        if not is_many(n):
            return self._estimate(float(value), float(low), float(high))
        from .._stats.estimates import Estimates

        return Estimates(value, low, high, self._why, confidence=self.confidence, method=METHOD)

    @property
    def _why(self) -> str:
        return f"errors of {counted(len(self.concurrency), 'measurement')}, about alike in ratio"

    def _ends(self, n: float) -> tuple[float, float]:
        import numpy

        known = self._region
        speedup = logarithm(numpy.array([n]), known.contention, known.coherency)[:, 0]
        return math.exp((known.low + speedup).min()), math.exp((known.high + speedup).max())

    def _over(self, value: float, found: _Floats) -> Estimate:
        return self._estimate(value, float(found.min()), float(found.max()))

    def _estimate(self, value: float, low: float, high: float) -> Estimate:
        bounds = min(low, value), max(high, value)
        return Estimate(value, *bounds, self._why, confidence=self.confidence, method=METHOD)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Scalability is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Scalability is immutable: cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Lists, not arrays: pickles of numpy name modules that differ between its versions.
        return Scalability, (self.concurrency.tolist(), self.throughput.tolist(), self._names, self.confidence)

    def __repr__(self) -> str:
        return f"<Scalability: {self.law}, contention {self.contention}, coherency {self.coherency}, peak {self.peak}>"

    def _view(self) -> View:
        from .views import scalability_view

        return scalability_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)
