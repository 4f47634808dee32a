"""Checks of arguments.  Each raises ValueError or TypeError with the argument's name, its value and its limits."""

from __future__ import annotations

import math

from .._core import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real

__all__ = ["check_positive"]


def check_positive(name: str, given: _Real) -> float:
    """Return `given` as a float if it is a positive, finite number; else raise."""
    try:
        value = number(given)
    except TypeError:
        raise TypeError(f"{name} must be a number, not {given!r}") from None
    except ValueError:
        value = math.nan
    if not value > 0:
        raise ValueError(f"{name} must be positive and finite, not {given!r}")
    return value
