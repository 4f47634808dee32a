"""`write_log`: write intervals as a log of HdrHistogram, format 1.3."""

from __future__ import annotations

import io
import os
import re
import time

from ..._files.replace import replace
from ..._values.units import check_unit
from ...histogram import Histogram
from ._histogram import HdrHistogram
from ._log import Interval, Log
from ._percentiles import fixed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

__all__ = ["log_text", "write_log"]

LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
VERSION = "[Histogram log format version "

#: What Java divides a maximum by: nanoseconds to milliseconds.
MAX_RATIO = 1e6

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: Seconds that a time stamp must be below: readers take no more digits.
MAX_STAMP = 1e17

#: Years from 1970 to 9999, in seconds.
MAX_TIME = 253402300799.0


def write_log(
    path: str | os.PathLike[str],
    intervals: Iterable[Interval],
    *,
    values: str,
    digits: int = 3,
    start_time: float | None = None,
    base_time: float | None = None,
    comments: Iterable[str] | None = None,
) -> None:
    """Write a ``.hlog`` file, which is replaced in one step when it is complete.

    `values` is the unit that the log's whole numbers stand for, such as "ns": see `HdrHistogram.of`, which says what is
    lost.  An interval that was read from a log keeps its own counts, to the bit.  `start_time` is the time of the
    header, in seconds since 1970-01-01 00:00 UTC.  Time stamps are relative to `base_time`, if it is not None.  If
    `intervals` is a `Log`, both times and the comments are its own, unless they are given.

    Interval_Max is the maximum divided by 1e6, as Java writes it.  O(indices).  Raises OSError.  Raises ValueError for
    a tag with a comma or a blank, for a comment of several lines, and for values that `HdrHistogram.of` refuses.  Then
    nothing has changed.
    """
    replace(path, log_text(_with_header(intervals, start_time, base_time, comments), values, digits).encode())


write_log.__module__ = "historian.formats.hdr"


def _with_header(
    intervals: Iterable[Interval], start_time: float | None, base_time: float | None, comments: Iterable[str] | None
) -> Log:
    """Return intervals as a log.  What is not given is that of the log that they are, if they are one."""
    if isinstance(intervals, Log):
        start_time = intervals.start_time if start_time is None else start_time
        base_time = (intervals._base or None) if base_time is None else base_time
        comments = intervals.comments if comments is None else comments
    return Log(tuple(intervals), start_time=start_time, base_time=base_time, comments=tuple(comments or ()))


def log_text(log: Log, values: str, digits: int = 3) -> str:
    """Return what `write_log` writes."""
    check_unit(values)
    base_time = (log._base or None) if log.base_time is None else log.base_time
    out = io.StringIO()
    _header(out, log.start_time, base_time, log.comments)
    for interval in log:
        if not isinstance(interval, Interval):
            raise TypeError(f"intervals must be hdr.Interval, not {type(interval).__name__}")
        out.write(_line(interval, values, digits, base_time or 0.0))
    return out.getvalue()


def _header(out: TextIO, start_time: float | None, base_time: float | None, comments: Iterable[str]) -> None:
    for comment in comments:
        if comment.startswith(VERSION):
            continue
        if "\n" in comment or "\r" in comment:
            raise ValueError(f"a comment must be one line, not {comment!r}")
        if comment.startswith(("[StartTime:", "[BaseTime:")):
            raise ValueError(f"pass start_time= or base_time= instead of the comment {comment!r}")
        out.write(f"#{comment}\n")
    out.write(f"#{VERSION}1.3]\n")
    if start_time is not None:
        seconds = _time("start_time", start_time)
        out.write(f"#[StartTime: {fixed(seconds, 3)} (seconds since epoch), {_date(seconds)}]\n")
    if base_time is not None:
        out.write(f"#[BaseTime: {fixed(_time('base_time', base_time), 3)} (seconds since epoch)]\n")
    out.write(LEGEND)


def _line(interval: Interval, values: str, digits: int, base: float) -> str:
    counts = interval.hdr
    if counts is None:
        if not isinstance(interval.histogram, Histogram):
            raise TypeError(f"the histogram of {interval!r} must be a Histogram")
        counts = HdrHistogram.of(interval.histogram, values=values, digits=digits)
    tag = interval.tag
    if tag is not None and re.search(r"[,\s]", tag):
        raise ValueError(f"a tag must not have commas and blanks: {tag!r}")
    start, length = interval.start - base, interval.end - interval.start
    if not (abs(start) < MAX_STAMP and 0 <= length < MAX_STAMP):
        raise ValueError(f"an interval must end after its start, and both must be below 1e17 s: {interval!r}")
    numbers = f"{fixed(start, 3)},{fixed(length, 3)},{fixed(counts.max / MAX_RATIO, 3)}"
    return f"{'' if tag is None else f'Tag={tag},'}{numbers},{counts.to_base64()}\n"


def _time(name: str, seconds: float) -> float:
    if not 0 <= seconds <= MAX_TIME:
        raise ValueError(f"{name} must be seconds since 1970-01-01 00:00 UTC, not {seconds!r}")
    return float(seconds)


def _date(seconds: float) -> str:
    """Return a time as Java prints it, in UTC and in English, whatever the locale.

    >>> _date(1441812279.474)
    'Wed Sep 09 15:24:39 UTC 2015'
    """
    at = time.gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]} {_MONTHS[at.tm_mon - 1]} {at.tm_mday:02} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} UTC {at.tm_year}"
    )
