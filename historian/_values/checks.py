"""Checks of arguments.  Each raises ValueError or TypeError with the argument's name, its value and its limits."""

from __future__ import annotations

import math

from .._core import real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real

__all__ = ["check_positive", "is_bool"]


def is_bool(x: object) -> bool:
    """Return whether `x` is True or False, also of numpy: as an argument that should be a number, it is a mistake."""
    return isinstance(x, bool) or getattr(getattr(x, "dtype", None), "kind", "") == "b"


def check_positive(name: str, given: _Real) -> float:
    """Return `given` as a float if it is a positive, finite number; else raise."""
    value = None if is_bool(given) else real(given)
    if value is None:
        raise TypeError(f"{name} must be a number, not {given!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {given!r}")
    return value
