"""Units: the labels of recorded values, and the units that timers can convert to."""

from __future__ import annotations

__all__ = ["NS_PER_UNIT", "check_unit", "fault_of_unit"]

#: Nanoseconds in each unit that timers can convert to.
NS_PER_UNIT = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}

#: Maximum length of a unit in bytes of UTF-8; blobs store the length in one byte.
MAX_UNIT_NBYTES = 255


def check_unit(unit: object) -> str:
    """Return `unit` if it is a valid label.  Raises TypeError or ValueError if it is not."""
    if type(unit) is str and unit in NS_PER_UNIT:
        return unit
    if not isinstance(unit, str):
        raise TypeError(f"unit must be a string such as 's' or 'bytes', not {type(unit).__name__}")
    fault = fault_of_unit(unit)
    if fault is not None:
        raise ValueError(fault)
    return unit


def fault_of_unit(unit: str) -> str | None:
    """Return why a string is not a valid label; None if it is."""
    if unit in NS_PER_UNIT:
        return None
    if not unit or not unit.isprintable():
        return f"unit must be a printable label such as 's' or 'bytes', not {unit!r}"
    if len(unit.encode()) > MAX_UNIT_NBYTES:
        return f"unit must have at most {MAX_UNIT_NBYTES} bytes, not {len(unit.encode())}: {unit[:40]!r}..."
    return None
