"""The parts of the incomplete beta function, for both floats and numpy arrays: nothing here calls a library.

With n = a + b and y = 1 - x, the density of Beta(a, b) on the log-odds u = log(x/y) is x^a y^b / B(a, b), its *front*.
As a function of u it is analytic and log-concave, also in its tails:

    front(u - s)/front(u) = exp(-g(s)),    g(s) = a s + n log(1 + x (e^-s - 1)),

So the lower tail is I_x(a, b) = front(u) * integral of exp(-g(s)) over s > 0.  This needs no subtraction.
(DLMF 8.17.1, with t = x e^-s / (y + x e^-s).)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _Number = Any  # a float, or an array of float64

__all__ = [
    "CLOSE",
    "CUMULANTS",
    "ENOUGH",
    "FAR",
    "GAUSSIAN",
    "LOG_SQRT_2PI",
    "NODES",
    "SMALL",
    "excess",
    "exponent_coefficients",
    "horner",
    "log1p_series",
    "steps",
    "stirling",
    "sum_error",
]

LOG_SQRT_2PI = 0.9189385332046728  # log(2 pi)/2

#: The integral ends where its integrand has fallen to exp(-36), 2e-16.
ENOUGH = 36.0

#: For a and b from this on, the integrand is smooth enough for the nodes below.  A recurrence raises smaller ones.
SMALL = 10.0

#: A fifth-order step of this size, in standard deviations of the log-odds, has an error of 1e-14 of them.
CLOSE = 1.5e-3

#: A step longer than this is a Newton step, which converges from any start.
FAR = 0.3

#: From this variance of the binomial number on (n x y), the exponent g(s) is a short series in s.
GAUSSIAN = 1e4

# Gauss and Legendre's rule of 28 nodes on [-1, 1] (DLMF 3.5(v)): the positive nodes, and their weights.  Computed to 50
# digits by Newton's method on the Legendre polynomial.  With this rule, the integrals have an error of 1e-14.
_HALF = (
    (0.05507928988403427, 0.1100470130164752),
    (0.16456928213338076, 0.10871119225829413),
    (0.2720616276351781, 0.10605576592284642),
    (0.3762515160890787, 0.10211296757806076),
    (0.4758742249551183, 0.09693065799792992),
    (0.5697204718114017, 0.09057174439303284),
    (0.656651094038865, 0.08311341722890121),
    (0.7356108780136318, 0.07464621423456878),
    (0.8056413709171791, 0.0652729239669996),
    (0.8658925225743951, 0.05510734567571675),
    (0.9156330263921321, 0.04427293475900423),
    (0.9542592806289382, 0.03290142778230438),
    (0.9813031653708727, 0.02113211259277126),
    (0.9964424975739544, 0.009124282593094517),
)

#: The same rule on [0, 1]: nodes, ascending, and weights.
NODES = (
    *(((1 - node) / 2, weight / 2) for node, weight in reversed(_HALF)),
    *(((1 + node) / 2, weight / 2) for node, weight in _HALF),
)

#: The cumulants of one trial that succeeds with probability x, from the second to the eleventh, divided by v = x y.
#: Each is a polynomial of v, ascending; odd orders have the factor y - x.  (Each cumulant is x y times the derivative
#: of the previous one.)
CUMULANTS = (
    (1.0,),
    (1.0,),
    (1.0, -6.0),
    (1.0, -12.0),
    (1.0, -30.0, 120.0),
    (1.0, -60.0, 360.0),
    (1.0, -126.0, 1680.0, -5040.0),
    (1.0, -252.0, 5040.0, -20160.0),
    (1.0, -510.0, 17640.0, -151200.0, 362880.0),
    (1.0, -1020.0, 52920.0, -604800.0, 1814400.0),
)

# Stirling's series, DLMF 5.11.1: B_2k / (2k (2k - 1)), k from 1 on.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)

# log(1 + t) = 2 atanh(r), r = t/(2 + t): 1/3, 1/5, 1/7, ... (DLMF 4.6.4)
_ATANH = tuple(1 / k for k in range(3, 31, 2))

_SPLITTER = 134217729.0  # 2**27 + 1


def horner(coefficients: tuple[float, ...], x: _Number) -> _Number:
    """Return the value at `x` of the polynomial with these coefficients, ascending."""
    total = coefficients[-1] + 0.0 * x
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def stirling(z: _Number) -> _Number:
    """Return log Gamma(z) - (z - 1/2) log z + z - log(2 pi)/2, for z from 10 on; absolute error 1e-16 (DLMF 5.11.1)."""
    w = 1 / z
    return w * horner(_STIRLING, w * w)


def log1p_series(t: _Number) -> _Number:
    """Return log(1 + t) - t, for t from -0.4 to 0.6, where a subtraction would lose digits."""
    r = t / (2 + t)
    square = r * r
    return r * (2 * square * horner(_ATANH, square) - t)


def excess(x: _Number, a: _Number, b: _Number) -> _Number:
    """Return (a + b) x - a, correct to the last digits even if a + b has more digits than a float64.

    Source: Dekker, Numerische Mathematik 18 (1971), 224-242: a product with its rounding error.
    """
    n = a + b
    product = n * x
    n_high, x_high = _high(n), _high(x)
    n_low, x_low = n - n_high, x - x_high
    rest = ((n_high * x_high - product) + n_high * x_low + n_low * x_high) + n_low * x_low
    return (product - a) + (rest + sum_error(a, b, n) * x)


def sum_error(a: _Number, b: _Number, n: _Number) -> _Number:
    """Return a + b - n, n being the rounded sum (Knuth, The Art of Computer Programming 2, 4.2.2)."""
    shadow = n - a
    return (a - (n - shadow)) + (b - shadow)


def steps(miss: _Number, first: _Number, slope: _Number, variance: _Number, lean: _Number) -> tuple[_Number, _Number]:
    """Return the change of the log-odds u for which log I falls by `miss`: by Newton's step, and to fifth order.

    Let w = front/I, which is `first`.  The derivatives of log I by u are w, w' = w (slope - w), and so on.  They follow
    from (log front)' = slope = a - n x, slope' = -variance = -n x y, and variance' = variance * lean, lean = y - x.
    The inverse of a power series: Abramowitz & Stegun, 3.6.25.
    """
    less = slope - first
    third = less * (less - first) - variance  # divided by w, as the other derivatives
    fourth = less * (third - variance - 2 * first * less) - (variance + first * less) * (less - first) - variance * lean
    c2, c3, c4 = less / 2, third / 6, fourth / 24
    r = -miss / first
    return r, r * (1 - r * (c2 - r * (2 * c2 * c2 - c3 + r * (5 * c2 * (c3 - c2 * c2) - c4))))


def _high(z: _Number) -> _Number:
    """Return the upper half of the digits of a float64."""
    scaled = _SPLITTER * z
    return scaled - (scaled - z)


def exponent_coefficients(x: _Number, y: _Number, n: _Number, length: _Number) -> list[Any]:
    """Return the coefficients of s^2, s^3, ... in g, with s in units of `length`.

    log(1 + x(e^-s - 1)) is the cumulant-generating function of one trial: see `CUMULANTS`.  For n x y from 1e4 on and
    all s in the integral, the last term is below 1e-15.
    """
    v = x * y
    lean = y - x
    scale = n * v * length * length / 2
    found = []
    for order, coefficients in enumerate(CUMULANTS, 2):
        cumulant = horner(coefficients, v) if order > 3 else 1.0
        found.append(scale * cumulant * lean if order % 2 else scale * cumulant)
        scale = -scale * length / (order + 1)
    return found
