"""Correlation of series in time: of two series, and of one with itself some steps later, each with its interval.

Neighbours in a series are alike, so a correlation is known less well than the number of values tells.  The correlation
r of standardised series u and v is a mean of products.  To first order, it deviates by the mean of uv - r(u^2 + v^2)/2,
a series itself, whose long-run variance is that of r.  It holds for series that are not normal, too.  The interval is
that of Fisher's z, by Student's t.  It is never narrower than for as many independent values, and holds what `unseen`
says.

A series minus its own mean looks less like itself than it is.  Autocorrelations are corrected for this bias, as that of
an autoregression of order 1.

Source: Fisher, Metron 1 (1921), 3-32, for z; Hampel, Journal of the American Statistical Association 69 (1974),
383-393, for the influence of a value; Marriott & Pope, Biometrika 41 (1954), 390-402, for the bias.  The variance is
that of `historian._stats.windows`.
"""

from __future__ import annotations

import math

from .normal import normal_quantile
from .windows import half_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]
    _Three = tuple[float, float, float]

__all__ = ["LEAST", "NEAR", "autocorrelation", "correlation", "unseen"]

LEAST = 8  # pairs of values: fewer give no interval
NEAR = 1 - 1e-12  # Fisher's z of 1 is infinite


def correlation(a: _Floats, b: _Floats, confidence: float) -> _Three:
    """Return Pearson's correlation of two series of one length, and its bounds.  O(n log n).

    NaN in either series leaves a pair out.  The value is NaN if a series does not vary, and the bounds are -1 and 1 for
    fewer than eight pairs.
    """
    known = (a == a) & (b == b)
    return _correlation(a[known], b[known], confidence, 0.0)


def autocorrelation(series: _Floats, lags: int, confidence: float) -> list[_Three]:
    """Return the correlation of a series with itself 1 to `lags` places later, each with its bounds.

    NaN leaves a value out, at its place.  Bias of lag k: -((1 + r)(1 - r^k)/(1 - r) + 2 k r^k)/n, with r that of lag 1.
    """
    n = int((series == series).sum())
    first, found = 0.0, []
    for lag in range(1, lags + 1):
        bias = ((1 + first) * sum(first**j for j in range(lag)) + 2 * lag * first**lag) / max(n, 1)
        a, b = series[:-lag], series[lag:]
        known = (a == a) & (b == b)
        if lag == 1:  # solved for r: r - (1 + 3 r)/n is what is expected
            raw = _correlation(a[known], b[known], confidence, 0.0)[0]
            first = min(max((raw + 1 / n) / (1 - 3 / n), 0.0), 0.97) if n > LEAST and raw == raw else 0.0
            bias = (1 + 3 * first) / max(n, 1)
        found.append(_correlation(a[known], b[known], confidence, bias))
    return found


def _correlation(a: _Floats, b: _Floats, confidence: float, bias: float) -> _Three:
    """Return the correlation plus `bias`, which it lacks, and its bounds."""
    n = len(a)
    if n < 2 or (a == a[0]).all() or (b == b[0]).all():
        return math.nan, -1.0, 1.0
    u, v = a - a.mean(), b - b.mean()
    u, v = u / math.sqrt(u @ u / n), v / math.sqrt(v @ v / n)
    raw = float(u @ v) / n
    value = min(max(raw + bias, -1.0), 1.0)
    if n < LEAST:
        return value, -1.0, 1.0
    deviations = (u * v - raw * (u * u + v * v) / 2) / n  # they add up to 0
    independent = (1 - raw * raw) / math.sqrt(n)  # the standard error for normal values
    error = max(half_width(one.tolist(), confidence) for one in (deviations, -deviations))  # bursts up, and down
    error = max(error, independent * normal_quantile((1 + confidence) / 2))
    if abs(value) > NEAR:
        value = math.copysign(1.0, value)
        rest = unseen(value, n, confidence)
        return value, min(rest, value), max(rest, value)
    rest = unseen(value, n, confidence)
    z, width = math.atanh(value), error / (1 - value * value)
    return value, min(math.tanh(z - width), rest), max(math.tanh(z + width), rest)


def unseen(value: float, n: int, confidence: float) -> float:
    """Return the correlation that is nearest to 0 for what none of n pairs shows.

    If a share s of all pairs had the correlation `value`, and the others were independent, none of these would be among
    n pairs with the probability s^n.  With confidence 1 - a, s is at least (a/2)^(1/n) (Clopper & Pearson).  So pairs
    that are all alike do not make a correlation of 1 certain.

    >>> round(unseen(1.0, 8, 0.95), 3), round(unseen(1.0, 1_000, 0.95), 3)
    (0.631, 0.996)
    """
    rest: float = value * ((1 - confidence) / 2) ** (1 / n)
    return rest
