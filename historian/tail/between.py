"""Between two edges: how the mass of a bucket is taken to be spread, since it is not known.

Monotone cubic interpolation of the survival on the logarithm of time, which for a smooth distribution is closer by an
order than a straight line, and for a bucket between empty ones has no slope at its edges.  Source: Fritsch & Butland, A
Method for Constructing Local Monotone Piecewise Cubic Interpolants, SIAM Journal on Scientific and Statistical
Computing 5 (1984), 300-304: the slope at an edge is the harmonic mean of those on both sides.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["mass_below"]


def mass_below(x: Any, mass: Any, before: Any, after: Any) -> Any:
    """Return how much of the mass of a bucket lies below x, from 0, its lower edge, to 1, its upper one.

    `before` and `after` are the masses of the buckets beside it.  Numbers or arrays; from 0 to `mass`, rising with x.
    """
    left, right = _slope(before, mass), _slope(mass, after)
    return (mass * (3 - 2 * x) * x + left * (1 - x) ** 2 - right * (1 - x) * x) * x


def _slope(a: Any, b: Any) -> Any:
    """Return the harmonic mean, 0 if either is 0."""
    return 2 * a * b / (a + b + 5e-324)  # the least float, so that 0/0 is 0
