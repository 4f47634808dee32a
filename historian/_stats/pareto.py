"""The generalised Pareto distribution, fitted to the counts of buckets above a threshold.

Above a high threshold u, the values of nearly every distribution become generalised Pareto (Balkema & de Haan 1974;
Pickands, Annals of Statistics 3, 1975, 119-131):

    P(X > t) = phi S(t - u),    S(x) = (1 + shape x/scale)^(-1/shape),    exp(-x/scale) for shape 0,

where phi is the share of values above u.  A shape of 0 is a tail like that of an exponential; 1/shape is the exponent
of a power law; below 0, the tail ends at u - scale/shape.

Counts of buckets are known, not values.  So the likelihood is that of counts, which loses nothing to rounding: a
multinomial with the probability phi (S(lower - u) - S(upper - u)) of each bucket, and 1 - phi below u.  It is computed
as the logarithm of its ratio to that of a distribution that fits each bucket exactly, so that large counts keep their
digits.

Source: Davison & Smith, Models for Exceedances over High Thresholds, J. R. Stat. Soc. B 52 (1990), 393-442; Coles, An
Introduction to Statistical Modeling of Extreme Values (2001), 4.3 and 2.6.6 (profile likelihood).
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    _Floats: TypeAlias = NDArray[np.float64]
    _Bounds: TypeAlias = tuple[float, float]
    _Likelihood: TypeAlias = Callable[[_Floats], _Floats]  # of points, shape (points, parameters)

__all__ = ["Exceedances", "excess_of", "highest", "interval", "maximum"]

#: Shapes that are allowed.  Below -1/2, errors do not shrink as usual (Smith, Biometrika 72, 1985, 67-90): a tail that
#: ends so suddenly is not modelled.  From 1 on, there is no mean.
SHAPES = (-0.5, 5.0)
STARTS = (-0.4, -0.1, 0.1, 0.3, 0.6, 1.0, 2.0)  # shapes to start from

STEP = 0.3  # between stretched shapes to start from, near 0
NEARLY_0 = 1e-9  # a shape so close to 0 makes no difference


class Exceedances:
    """Counts of the buckets above a threshold, and the likelihood of what could have caused them."""

    lower: _Floats  # of each bucket, less the threshold
    upper: _Floats  # likewise
    counts: _Floats  # in each bucket, from 1
    above: float  # number of values above the threshold
    size: float  # number of all values

    def __init__(self, lower: _Floats, upper: _Floats, counts: _Floats, threshold: float, size: int) -> None:
        """Take the edges and counts of the populated buckets above `threshold`, of `size` values in all."""
        import numpy

        self.lower, self.upper, self.counts = lower - threshold, upper - threshold, counts
        # Most buckets share an edge with the next one.
        self._edges, where = numpy.unique(numpy.concatenate([self.lower, self.upper]), return_inverse=True)
        self._low, self._high = where[: len(lower)], where[len(lower) :]
        self.above, self.size = float(counts.sum()), float(size)

    def log_likelihood(self, shape: _Floats, scale: _Floats, phi: _Floats) -> _Floats:
        """Return it for each of several points, shape (points,); 0 would be a perfect fit.  O(points * buckets)."""
        import numpy

        scale = numpy.maximum(scale, 1e-300)
        survival = _log_survival(self._edges / scale[:, None], shape[:, None])
        low, high = survival[:, self._low], survival[:, self._high]
        with numpy.errstate(divide="ignore", invalid="ignore"):
            cells = low + numpy.log(-numpy.expm1(numpy.minimum(high - low, 0.0)))
            cells += numpy.log(phi)[:, None] - numpy.log(self.counts / self.size)
            found = (self.counts * cells).sum(axis=1)
            if self.size > self.above:
                below = self.size - self.above
                found += below * (numpy.log1p(-phi) - math.log(below / self.size))
        is_allowed = (shape > SHAPES[0]) & (shape < SHAPES[1]) & (phi < 1)
        return numpy.where(is_allowed & ~numpy.isnan(found), found, -math.inf)

    def of_shape_and_scale(self, points: _Floats) -> _Floats:
        """Return the likelihood of shapes and logarithms of scales, shape (points, 2)."""
        import numpy

        phi = numpy.full(len(points), self.above / self.size)
        return self.log_likelihood(points[:, 0], numpy.exp(points[:, 1]), phi)

    def of_quantile(self, log_excess: float, log_tail: float) -> _Likelihood:
        """Return the likelihood of shapes and log-odds of phi, if a share of all is an excess above u or more.

        Both are given by their logarithms.  Shapes are multiplied by `stretch`.
        """
        import numpy

        by = self.stretch(log_tail)

        def found(points: _Floats) -> _Floats:
            shape, phi = points[:, 0] / by, 1 / (1 + numpy.exp(-points[:, 1]))
            with numpy.errstate(over="ignore", divide="ignore", invalid="ignore"):
                # For a phi below the tail, the excess would be negative.
                reached = _excess(numpy.maximum(numpy.log(phi) - log_tail, 0.0), shape)
                log_scale = log_excess - numpy.log(reached)
            return self.log_likelihood(shape, numpy.exp(numpy.clip(log_scale, -690.0, 690.0)), phi)

        return found

    def of_near_quantile(self, log_excess: float, log_tail: float) -> _Likelihood:
        """Return the same of shapes and logarithms of scales: for a share that is not much smaller than phi.

        Then phi follows from both, and hardly depends on them.
        """
        import numpy

        def found(points: _Floats) -> _Floats:
            x = numpy.exp(numpy.clip(log_excess - points[:, 1], -690.0, 690.0))
            log_phi = log_tail - _log_survival(x, points[:, 0])
            return self.log_likelihood(points[:, 0], numpy.exp(points[:, 1]), numpy.exp(numpy.minimum(log_phi, 1.0)))

        return found

    def stretch(self, log_tail: float) -> float:
        """Return by how much an error of the shape is smaller than usual, for a given quantile far in the tail.

        The scale, which follows from the quantile and the shape, depends on a shape near 0 as exp(-shape * L/2), with L
        the logarithm of the ratio of both shares.
        """
        return math.hypot(1.0, (math.log(self.above / self.size) - log_tail) / 2)

    def starts(self) -> _Floats:
        """Return shapes and logarithms of scales to start from: the scales have about the same median."""
        import numpy

        half = int(numpy.searchsorted(self.counts.cumsum(), self.above / 2))
        middle = math.log(max(float(self.lower[half] + self.upper[half]) / 2, 1e-300))
        shapes = numpy.array(STARTS)
        return numpy.column_stack([shapes, middle - numpy.log(_excess(numpy.full(len(STARTS), math.log(2)), shapes))])

    def starts_of_quantile(self, log_tail: float) -> _Floats:
        """Return stretched shapes, closer to each other near 0, and the log-odds of the share above the threshold."""
        import numpy

        by, odds = self.stretch(log_tail), math.log(self.above / (self.size - self.above))
        low, high = (math.asinh(0.99 * end * by) for end in SHAPES)
        shapes = numpy.sinh(numpy.linspace(low, high, 2 + math.ceil((high - low) / STEP)))
        return numpy.column_stack([shapes, numpy.full(len(shapes), odds)])


def excess_of(tail: float, phi: float, shape: float, scale: float) -> float:
    """Return the excess over the threshold that a share `tail` of all values reaches."""
    import numpy

    return scale * float(_excess(numpy.array([math.log(phi / tail)]), numpy.array([shape]))[0])


def _excess(log_ratio: _Floats, shape: _Floats) -> _Floats:
    """Return the excess at which S is exp(-log_ratio), in scales."""
    import numpy

    is_0 = abs(shape) < NEARLY_0
    safe = numpy.where(is_0, 1.0, shape)
    return numpy.where(is_0, log_ratio, numpy.expm1(safe * log_ratio) / safe)


def _log_survival(x: _Floats, shape: _Floats) -> _Floats:
    """Return log S of excesses in scales; -infinity beyond the end of a tail."""
    import numpy

    is_0 = abs(shape) < NEARLY_0
    safe = numpy.where(is_0, 1.0, shape)
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = -numpy.log1p(numpy.maximum(safe * x, -1.0)) / safe
    return numpy.where(is_0, -x, numpy.where(safe * x <= -1, -math.inf, found))


# ---- the largest likelihood ----

ROUNDS = 60  # of Newton's method, which takes about 6
FARTHEST = 1_000.0  # no logarithm of a float is as far from another one as twice this
PARTS = (1.0, 0.5, 0.25, 0.06, 0.004)  # of a step, to try


def maximum(function: _Likelihood, starts: _Floats, spread: float) -> tuple[_Floats, float]:
    """Return where a likelihood of one or two parameters is largest, and how large it is there.

    Newton's method from the best of `starts`, shape (points, parameters), with derivatives from differences over a
    tenth of `spread`, the size of an error of a parameter.  Of each step, some parts are tried.
    """
    import numpy

    first = function(starts)
    here, value = starts[first.argmax()], float(first.max())
    size, h = starts.shape[1], spread / 10
    if value == -math.inf:
        return here, value
    stencil = _stencil(size) * h
    for _ in range(ROUNDS):
        step = _newton(function(here + stencil), value, size, h)
        length = float(abs(step).max())
        step *= min(1.0, 1.0 / length) if length else 1.0
        trials = here + step * numpy.array(PARTS)[:, None]
        values = function(trials)
        best = int(values.argmax())
        if not values[best] > value + 1e-10:
            break
        here, value = trials[best], float(values[best])
        if length < 1e-3 * spread:
            break
    return here, value


def _stencil(size: int) -> _Floats:
    """Return the points around 0 whose values give first and second derivatives."""
    import numpy

    if size == 1:
        return numpy.array([[1.0], [-1.0]])
    return numpy.array([[1.0, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]])


def _newton(around: _Floats, value: float, size: int, h: float) -> _Floats:
    """Return a step uphill: that of Newton where the function is concave, else along the gradient."""
    import numpy

    if not numpy.isfinite(around).all():
        around = numpy.where(numpy.isfinite(around), around, value - 1e3 * h)
    gradient = (around[0 : 2 * size : 2] - around[1 : 2 * size : 2]) / (2 * h)
    second = (around[0 : 2 * size : 2] + around[1 : 2 * size : 2] - 2 * value) / h**2
    hessian = numpy.diag(second)
    if size == 2:
        mixed = (around[4] + around[5] - around[0] - around[1] - around[2] - around[3] + 2 * value) / (2 * h**2)
        hessian = hessian + numpy.array([[0.0, mixed], [mixed, 0.0]])
    roots, turned = numpy.linalg.eigh(-hessian)
    along = turned.T @ gradient
    step: _Floats = turned @ (along / numpy.maximum(abs(roots), 1e-6 * abs(roots).max() + 1e-300))
    return step


def interval(profile: Callable[[float], float], best: float, largest: float, step: float, z: float) -> _Bounds:
    """Return the two numbers, below and above `best`, at which a profile likelihood is z standard deviations down.

    `largest` is the likelihood at `best`.  The deviance, twice the fall, is there z^2 (Wilks 1938).  Its root is nearly
    linear, so that about 6 profiles a side are enough.  The search begins `step` away.  A side that does not fall so
    far within `FARTHEST` is infinite.
    """

    def fall(direction: float) -> float:
        def root(distance: float) -> float:
            return _root(profile(best + direction * distance), largest)

        return direction * _reached(root, z, step)

    return best + fall(-1.0), best + fall(1.0)


def highest(profile: Callable[[float], float], top: float, largest: float, step: float, z: float) -> float:
    """Return the highest number, below the impossible `top`, at which a profile is at most z standard deviations down.

    It is that of `interval`, if the largest likelihood is at -infinity.  Minus infinity if there is none.
    """
    return top - _reached(lambda down: max(0.0, 2 * z - _root(profile(top - down), largest)), z, step)


def _root(likelihood: float, largest: float) -> float:
    """Return the root of the deviance."""
    return math.sqrt(max(0.0, 2 * (largest - likelihood)))


def _reached(root: Callable[[float], float], z: float, step: float) -> float:
    """Return the distance at which `root`, which is 0 at 0 and grows, is z."""
    inner, outer, low, high = 0.0, step, 0.0, root(step)
    while high < z:
        inner, low, outer = outer, high, 2 * outer
        if outer > FARTHEST:
            return math.inf
        high = root(outer)
    for turn in range(60):
        part = (z - low) / (high - low) if high < math.inf and turn % 3 < 2 else 0.5
        middle = inner + (outer - inner) * part
        found = root(middle)
        if abs(found - z) < 1e-3 or outer - inner < 1e-6 * outer:
            return middle
        if found < z:
            inner, low = middle, found
        else:
            outer, high = middle, found
    return outer
