"""How neighbours in a series are alike, and how much larger this makes the statistic of `historian._compare.scan`.

The model is an autoregression plus independent noise: with correlation rho^j between values j apart, times the part c
of the variance that is not independent.  Bursts that begin and end at random have this correlation, too.  All pairs of
rho and c on a grid are compared by the likelihood of the cosines of the series (Whittle).  Those that are about as
likely as the best one may be true.  Of these, the one counts that inflates the statistic most.

A step looks like dependence.  So up to three steps, the largest, are removed before.  What this takes from the cosines
of the longest periods is not looked at.

Source: Whittle, Arkiv for Matematik 2 (1953), 423-434, for the likelihood.
"""

from __future__ import annotations

import functools
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Dependence"]

#: The grid: correlation of neighbours without noise, and the part of the variance that is not noise.
RHO = (0.3, 0.5, 0.65, 0.75, 0.82, 0.87, 0.91, 0.94, 0.96, 0.98)
PART = (0.03, 0.06, 0.1, 0.15, 0.22, 0.32, 0.45, 0.6, 0.8, 1.0)
MODELS = ((0.0, 0.0), *((rho, part) for rho in RHO for part in PART))

#: Steps that are removed; twice as many cosines are not looked at.
STEPS = 3

#: A model may be true if the logarithm of its likelihood is at most this much less than that of the best one.
LESS = 1.5

#: A window is too short if the most likely model makes its statistic more than so many times larger.
TOO_MUCH = 1.2


class Dependence:
    """The models that may be true of a series."""

    def __init__(self, series: NDArray[np.float64]) -> None:
        """Compare all models.  O(values * models)."""
        import numpy

        n = len(series)
        rest = _without_steps(series)
        if abs(rest).max() < 1e-9:  # nothing but steps: there is no noise that could be dependent
            self._best, self._may_be = 0, numpy.arange(len(MODELS)) == 0
            return
        cosines = abs(numpy.fft.rfft(numpy.concatenate([rest, rest[::-1]]))[1:n]) ** 2
        cosines = numpy.maximum(cosines[2 * STEPS :], 1e-300)
        spectra = _spectra(n)[:, 2 * STEPS :]
        likelihood = -numpy.log(spectra).sum(axis=1) - cosines.size * numpy.log((cosines / spectra).mean(axis=1))
        self._best = int(likelihood.argmax())
        self._may_be = likelihood >= likelihood.max() - LESS

    def inflation(self, size: int) -> float:
        """Return how many times larger the statistic of windows of this size is; infinity if they are too short."""
        found = _inflations(size)
        return math.inf if found[self._best] > TOO_MUCH else max(1.0, float(found[self._may_be].max()))


def _spectra(n: int) -> NDArray[np.float64]:
    """Return the variance of each of n - 1 cosines, by model."""
    import numpy

    rho, part = numpy.array(MODELS).T[..., None]
    angles = numpy.pi / n * numpy.arange(1, n)
    found: NDArray[np.float64] = 1 - part + part * (1 - rho**2) / (1 - 2 * rho * numpy.cos(angles) + rho**2)
    return found


def _find_inflations(size: int) -> NDArray[np.float64]:
    """Return, by model, E[D^2]/E[V] of a window split in the middle, relative to independent values."""
    import numpy

    rho, part = numpy.array(MODELS).T[..., None]
    t = numpy.arange(size + 1)
    alike = t * (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**t) / (1 - rho) ** 2
    sums = (1 - part) * t + part * alike  # variance of the sum of t values
    half = size // 2
    together = (sums[:, half] + sums[:, size] - sums[:, size - half]) / 2  # covariance of the sums of half, and of all
    step = sums[:, half] - 2 * half / size * together + (half / size) ** 2 * sums[:, size]
    k = t[1 : half + 1]
    of_half = (sums[:, k] + sums[:, [half]] - sums[:, half - k]) / 2
    noise = (sums[:, k] - 2 * k / half * of_half + (k / half) ** 2 * sums[:, [half]]).sum(axis=1)
    found: NDArray[np.float64] = step / noise
    found /= found[0]
    return found


_inflations = functools.lru_cache(maxsize=64)(_find_inflations)  # not a decorator: stubtest cannot check its result


def _without_steps(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a series after the removal of the steps that reduce its squares most, one after the other."""
    n = len(series)
    least = max(4, n // 20)
    parts = [(0, n)]
    for _ in range(STEPS):
        gain, place, part = max((*_step(series, part, least), part) for part in parts)
        if gain <= 0:
            break
        parts.remove(part)
        parts += [(part[0], place), (place, part[1])]
    rest: NDArray[np.float64] = series.copy()
    for start, end in parts:
        rest[start:end] -= rest[start:end].mean()
    return rest


def _step(series: NDArray[np.float64], part: tuple[int, int], least: int) -> tuple[float, int]:
    """Return by how much the best step in a part reduces the squares, and its place; 0 if the part is too short."""
    import numpy

    start, end = part
    size = end - start
    if size < 2 * least:
        return 0.0, start
    sums = series[start:end].cumsum()
    k = numpy.arange(least, size - least + 1)
    gains = (sums[k - 1] - k / size * sums[-1]) ** 2 * size / (k * (size - k))
    at = int(gains.argmax())
    return float(gains[at]), start + int(k[at])
