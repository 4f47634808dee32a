"""Interpolation between two edges: where the mass of a bucket is assumed to lie, since the counts do not say.

Monotone cubic interpolation of the survival function over the logarithm of time.  For a smooth distribution its error
is one order smaller than that of a straight line.  For a bucket between empty ones, the slope at both edges is 0.

Source: Fritsch & Butland, A Method for Constructing Local Monotone Piecewise Cubic Interpolants, SIAM Journal on
Scientific and Statistical Computing 5 (1984), 300-304: the slope at an edge is the harmonic mean of the slopes on both
sides.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["mass_below"]


def mass_below(x: Any, mass: Any, before: Any, after: Any) -> Any:
    """Return the part of a bucket's mass that lies below x; x = 0 is the lower edge, x = 1 the upper edge.

    `before` and `after` are the masses of the two neighbouring buckets.  All arguments are numbers or arrays.  The
    result rises with x from 0 to `mass`.
    """
    left, right = _slope(before, mass), _slope(mass, after)
    return (mass * (3 - 2 * x) * x + left * (1 - x) ** 2 - right * (1 - x) * x) * x


def _slope(a: Any, b: Any) -> Any:
    """Return the harmonic mean; 0 if either is 0."""
    return 2 * a * b / (a + b + 5e-324)  # plus the smallest float, so that 0/0 is 0
