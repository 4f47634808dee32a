"""Checks of arguments.  Each raises ValueError or TypeError with the argument's name, its value and its limits."""

from __future__ import annotations

import math

from .._core import real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real

__all__ = ["check_positive"]


def check_positive(name: str, given: _Real) -> float:
    """Return `given` as a float if it is a positive, finite number; else raise."""
    value = real(given)
    if value is None:
        raise TypeError(f"{name} must be a number, not {given!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {given!r}")
    return value
