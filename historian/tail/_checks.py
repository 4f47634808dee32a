"""Checks of arguments: each raises ValueError or TypeError that names the argument, its value and its limits."""

from __future__ import annotations

import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..histogram import Histogram

__all__ = ["check_confidence", "check_histogram", "check_n", "check_number", "check_share"]


def check_histogram(histogram: Histogram) -> None:
    if not histogram.count:
        raise ValueError("the histogram is empty: nothing can be said about its tail")


def check_share(name: str, share: float) -> None:
    """Raise unless `share` is a number from 0 to 1."""
    if not isinstance(share, (float, int)):
        raise TypeError(f"{name} must be a number, not {share!r}")
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be in 0..1, not {share!r}")


def check_confidence(confidence: float) -> None:
    if not isinstance(confidence, (float, int)):
        raise TypeError(f"confidence must be a number, not {confidence!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95, not {confidence!r}")


def check_n(n: int, name: str = "n", least: int = 1) -> int:
    """Return `n` as an int if it is a whole number from `least` on; else raise."""
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {n!r}") from None
    if n < least:
        raise ValueError(f"{name} must be at least {least}, not {n}")
    return n


def check_number(name: str, value: float, least: float) -> None:
    """Raise unless `value` is a finite number from `least` on."""
    if not isinstance(value, (float, int)):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not least <= value <= 1.7976931348623157e308:
        raise ValueError(f"{name} must be a finite number from {least:g} on, not {value!r}")
