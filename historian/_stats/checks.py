"""Checks of arguments.  Each raises ValueError or TypeError with the argument's name, its value and its limits."""

from __future__ import annotations

import math
import operator

from .._core import real
from .._values.checks import is_bool
from .._values.floats import as_written

__all__ = ["check_bool", "check_confidence", "check_n", "check_number", "check_share", "number"]


#: The largest whole number allowed, so that products with it do not exceed float64.
MAX_INTEGER = 10**100


def check_bool(name: str, given: bool) -> bool:
    """Return `given` as a bool if it is True or False, also of numpy; else raise: "no" would count as True."""
    if not is_bool(given) or getattr(given, "shape", ()) != ():
        raise TypeError(f"{name} must be True or False, not {given!r}")
    return bool(given)


def check_share(name: str, share: float) -> float:
    """Return `share`, as the decimal that was written, as a float if it is a number from 0 to 1; else raise."""
    value = number(name, as_written(share))
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in 0..1, not {share!r}")
    return value


def check_confidence(confidence: float) -> float:
    """Return `confidence` as a float if it is a number between 0 and 1; else raise.

    It must not be so close to 0 or 1 that (1 + confidence)/2 rounds to 1/2 or 1.
    """
    value = number("confidence", as_written(confidence))
    if not 0.5 < (1 + value) / 2 < 1:  # quantiles are computed for this share
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95, not {confidence!r}")
    return value


def check_n(n: int, name: str = "n", least: int = 1) -> int:
    """Return `n` as an int if it is a whole number from `least` to 1e100; else raise."""
    if is_bool(n) or not hasattr(type(n), "__index__") or getattr(n, "shape", ()) != ():
        raise TypeError(f"{name} must be a whole number, not {n!r}")
    n = operator.index(n)  # what a class of the caller raises passes
    if n < least:
        raise ValueError(f"{name} must be at least {least:,}, not {n:,}")
    if n > MAX_INTEGER:
        raise ValueError(f"{name} must be at most 1e100, not a number of {int(n.bit_length() * 0.30103) + 1:,} digits")
    return n


def check_number(name: str, given: float, least: float) -> float:
    """Return `given` as a float if it is a finite number from `least` on; else raise."""
    value = number(name, given)
    if not least <= value <= 1.7976931348623157e308:
        raise ValueError(f"{name} must be a finite number from {least:g} on, not {given!r}")
    return value


def number(name: str, value: float) -> float:
    """Return `value` as a float if it is a number, also of numpy or the fractions module; else raise."""
    if type(value) is float:  # most are
        return value
    is_time = getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M")  # numpy converts nanoseconds to a float
    is_other = is_time or is_bool(value) or isinstance(value, (str, bytes)) or getattr(value, "shape", None)
    if is_other or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, not {value!r}")
    found = real(value)
    if found is None:
        raise TypeError(f"{name} must be a number, not {value!r}")
    if math.isinf(found) and isinstance(value, int):
        raise ValueError(f"{name} must be in -1.8e308..1.8e308, the range of float64")
    return found
