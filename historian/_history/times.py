"""Times and durations: what users write for them, as whole nanoseconds.

A time is a number of nanoseconds since 1970-01-01 00:00 UTC, without leap seconds, as that of `time.time_ns`.  Both are
whole numbers of Python, so that no step is rounded.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from .._stats.checks import number
from .._values.decimals import written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    import numpy as np

    _Time: TypeAlias = datetime | np.datetime64 | str | float
    _Duration: TypeAlias = timedelta | np.timedelta64 | str | float

__all__ = ["DAY", "NS", "check_time", "duration_ns", "duration_text", "time_ns", "time_text"]

#: Nanoseconds in a second, and in a day of 24 hours.
NS = 10**9
DAY = 86_400 * NS

#: The units of durations in nanoseconds, the longest first.  All of them have a fixed length.
UNITS = {"w": 7 * DAY, "d": DAY, "h": 3_600 * NS, "m": 60 * NS, "s": NS, "ms": 10**6, "us": 10**3, "ns": 1}

#: Times must be below it, in nanoseconds from 1970: those from 1677 to 2262, which numpy's ``datetime64[ns]`` holds.
LIMIT = 2**63

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(w|d|h|ms|m|s|us|ns)(?![a-z])\s*", re.ASCII)

_EXAMPLES = "such as '2026-01-31T12:00Z', datetime.now(timezone.utc), a datetime64 in UTC, or seconds since 1970"
_LENGTHS = "such as '10s', '1m', '1h', '1d', a timedelta, or a number of seconds"


# ---- times ----


def time_ns(value: _Time, name: str = "a time") -> int:
    """Return a time in nanoseconds since 1970-01-01 00:00 UTC.

    It is a `datetime` with an offset, a ``datetime64`` of numpy, which is in UTC, a text of ISO 8601 with an offset, or
    a number of seconds since 1970-01-01 00:00 UTC, as `time.time` returns.  Floats are read as the decimals that were
    written: 0.1 s are 100 ms.  `name` is what errors call it.

    Raises TypeError for anything else.  Raises ValueError for local time, which says how to write it, for NaN and NaT,
    and for times before 1678 and after 2261.  O(1).

    >>> time_ns("2026-11-27T05:30Z"), time_ns("2026-11-27T06:30:00.5+01:00")
    (1795757400000000000, 1795757400500000000)
    >>> time_ns(1795757400.1)
    1795757400100000000
    """
    if isinstance(value, str):
        return _of_text(value, name)
    if isinstance(value, datetime):
        return _of_datetime(value, name)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "M":
        return check_time(_of_numpy(value, name, 0), name)
    if isinstance(value, (date, bytes)) or kind == "m" or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a time, {_EXAMPLES}, not {value!r}")
    return check_time(_seconds(name, value), name)


def check_time(ns: int, name: str = "a time") -> int:
    """Return nanoseconds since 1970 if numpy's ``datetime64[ns]`` can hold them; raise ValueError if it cannot."""
    if not -LIMIT < ns < LIMIT:
        hint = f": write numpy.datetime64({ns // NS}, 'ns')" if abs(ns) < LIMIT * NS and ns % NS == 0 else ""
        raise ValueError(f"{name} must be in the years 1678 to 2261, not {ns / NS:.6g} s from 1970{hint}")
    return ns


def _of_text(text: str, name: str) -> int:
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{name} must be a time, {_EXAMPLES}, not {text!r}")
    day, minutes, seconds, fraction, offset = found.groups()
    if offset is None:
        full = text.strip() if minutes else f"{day}T00:00"
        raise ValueError(f"{name} must have an offset: write {full + 'Z'!r} for UTC, or {full + '+01:00'!r}: {text!r}")
    offset = "+00:00" if offset in "Zz" else offset if ":" in offset else f"{offset[:3]}:{offset[3:] or '00'}"
    try:
        at = datetime.fromisoformat(f"{day}T{minutes or '00:00'}:{seconds or '00'}{offset}")
    except ValueError as error:
        raise ValueError(f"{name} is no time, {error}: {text!r}") from None
    return check_time(_since(at, EPOCH) + int((fraction or "").ljust(9, "0")), name)


def _of_datetime(at: datetime, name: str) -> int:
    if at.utcoffset() is None:
        raise ValueError(
            f"{name} must have an offset: pass tzinfo=timezone.utc, or call .astimezone() on local time: {at!r}"
        )
    return check_time(_since(at, EPOCH) + getattr(at, "nanosecond", 0), name)  # a Timestamp of pandas has nanoseconds


def _since(at: datetime, start: datetime) -> int:
    return _of_timedelta(at - start)


def _of_timedelta(length: timedelta) -> int:
    return length.days * DAY + length.seconds * NS + length.microseconds * 1000


def _of_numpy(value: Any, name: str, since: int) -> int:
    """Return a ``datetime64`` or ``timedelta64`` in nanoseconds, exactly."""
    import numpy

    if getattr(value, "shape", ()) != ():
        raise TypeError(f"{name} must be one time, not an array of {value.size:,}")
    if numpy.isnat(value):
        raise ValueError(f"{name} must be a time, not NaT")
    unit, multiple = numpy.datetime_data(value.dtype)
    if unit in ("Y", "M", "generic") and value.dtype.kind == "m":
        raise ValueError(f"{name} must be a duration of a fixed length, {_LENGTHS}, not {value!r}")
    if unit in ("Y", "M"):
        value, unit, multiple = value.astype("datetime64[D]"), "D", 1
    nanoseconds = {"W": 7 * DAY, "D": DAY, "h": UNITS["h"], "m": UNITS["m"], "s": NS, "ms": 10**6, "us": 10**3, "ns": 1}
    if unit not in nanoseconds:
        raise ValueError(f"{name} must be in whole nanoseconds, not in {unit}: use .astype('{value.dtype.kind}8[ns]')")
    return since + int(value.astype("int64")) * multiple * nanoseconds[unit]


def _seconds(name: str, value: Any) -> int:
    """Return a number of seconds in nanoseconds: a whole number exactly, a float as the decimal that was written."""
    found = number(name, value)
    if not abs(found) < float("inf"):
        raise ValueError(f"{name} must be a finite number of seconds, not {value!r}")
    if hasattr(type(value), "__index__"):
        return int(value) * NS
    return int((written(found) * NS).to_integral_value())


def time_text(ns: int) -> str:
    """Return a time as text that `time_ns` reads, as short as possible.  O(1).

    >>> time_text(1795757400 * NS), time_text(1795757400 * NS + 500_000_000)
    ('2026-11-27T05:30Z', '2026-11-27T05:30:00.5Z')
    """
    seconds, rest = divmod(ns, NS)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if rest:
        return f"{text}.{rest:09d}".rstrip("0") + "Z"
    return text.removesuffix(":00") + "Z"


# ---- durations ----


def duration_ns(value: _Duration, name: str = "a duration") -> int:
    """Return a duration in nanoseconds, more than 0.

    It is a text of numbers and units, "10s", "1.5h", "1h30m", with the units w, d, h, m, s, ms, us and ns; a
    `timedelta`; a ``timedelta64`` of numpy; or a number of seconds.  A day has 24 hours.  `name` is what errors call
    it.  O(1).  Raises TypeError for anything else, and ValueError for what is not a positive number of nanoseconds.

    >>> duration_ns("1m"), duration_ns(0.1), duration_ns("1h30m") == duration_ns("1.5h")
    (60000000000, 100000000, True)
    """
    if isinstance(value, str):
        found = _of_units(value, name)
    elif isinstance(value, timedelta):
        found = _of_timedelta(value) + getattr(value, "nanoseconds", 0)  # one of pandas has nanoseconds
    elif getattr(getattr(value, "dtype", None), "kind", "") == "m":
        found = _of_numpy(value, name, 0)
    elif hasattr(value, "__float__") and not isinstance(value, bytes):
        found = _seconds(name, value)
    else:
        raise TypeError(f"{name} must be a duration, {_LENGTHS}, not {value!r}")
    if found <= 0:
        raise ValueError(f"{name} must be at least 1 ns, not {value!r}")
    if found >= LIMIT:
        raise ValueError(f"{name} must be below 292 years, not {value!r}")
    return found


def _of_units(text: str, name: str) -> int:
    total, at = Decimal(0), 0
    while found := _PART.match(text, at):
        total += Decimal(found[1]) * UNITS[found[2]]
        at = found.end()
    if at < len(text) or not text:
        raise ValueError(f"{name} must be a duration, {_LENGTHS}, not {text!r}; units are {', '.join(UNITS)}")
    if total != int(total):
        raise ValueError(f"{name} must be a whole number of nanoseconds, not {text!r}")
    return int(total)


def duration_text(ns: int) -> str:
    """Return a duration as text that `duration_ns` reads: a whole number of one unit, the longest.  O(1).

    >>> duration_text(90 * NS), duration_text(3600 * NS), duration_text(7 * DAY), duration_text(1_500_000)
    ('90s', '1h', '7d', '1500us')
    """
    units = {unit: size for unit, size in UNITS.items() if unit != "w"}
    unit = next(unit for unit, size in units.items() if ns % size == 0)
    return f"{ns // units[unit]}{unit}"
