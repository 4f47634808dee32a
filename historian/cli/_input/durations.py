"""Durations that are written with their units, such as ``12.5ms``, ``1m2.5s`` or ``PT0.5S``."""

from __future__ import annotations

import re

__all__ = ["nanoseconds_in"]

#: Nanoseconds in each unit of Go's and Rust's durations, and of many logs.
UNITS = {
    "ns": 1, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3, "ms": 10**6, "s": 10**9, "sec": 10**9, "m": 60 * 10**9,
    "min": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip

DAY_TO_SECOND = (86400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9)  # likewise, of the parts of ISO 8601

MAX_LENGTH = 100  # characters of a duration

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PART = re.compile(rf"({_NUMBER})\s*(ns|us|\u00b5s|\u03bcs|ms|sec|s|min|m|h)")
_PARTS = re.compile(rf"(?:{_PART.pattern}\s*)+")
_ISO = re.compile(rf"P(?:({_NUMBER})D)?(?:T(?=[0-9.])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?")


def nanoseconds_in(text: str) -> float | None:
    """Return the nanoseconds in a duration with units, or of ISO 8601 from days on; None for any other text.

    >>> nanoseconds_in("12.5ms"), nanoseconds_in("1m2s"), nanoseconds_in("PT1M0.5S"), nanoseconds_in("12")
    (12500000.0, 62000000000.0, 60500000000.0, None)
    """
    from decimal import Decimal

    if len(text) > MAX_LENGTH:
        return None
    if _PARTS.fullmatch(text):
        return float(sum(Decimal(number) * UNITS[unit] for number, unit in _PART.findall(text)))
    found = _ISO.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    return float(sum(Decimal(n) * ns for n, ns in zip(found.groups(), DAY_TO_SECOND) if n))
