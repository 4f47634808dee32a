"""Logs of HdrHistogram, ``.hlog`` files: a histogram for each interval of time, as lines of text.

::

    #[Histogram log format version 1.3]
    #[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC 2015]
    #[BaseTime: 1441812279.474 (seconds since epoch)]
    "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
    0.127,1.007,2.769,HISTFAAAAEV42pNp...
    Tag=A,1.134,0.999,0.442,HISTFAAAAEJ42pNp...
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import BinaryIO

from ..._values.units import check_unit
from ...histogram import Histogram
from ._convert import conversion, to_histogram
from ._encoding import decoded
from ._histogram import HdrHistogram, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import overload

    from ..._values.key import Key
    from ...history import History

__all__ = ["Interval", "Log", "LogWarning", "Reader", "is_log", "read_log"]

#: Maximum length of a line in bytes.  A histogram of 3 digits takes at most some 100 kB.
MAX_LINE_NBYTES = 1 << 24

#: Seconds in a year: time stamps so much earlier than the start time are relative to it.
YEAR = 365 * 24 * 3600.0

LEGEND = b'"StartTimestamp"'

_NUMBER = rb"[-+]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?"
_NEXT = rb"(?:[ ]*,[ ]*|[ ]+)"
_LINE = re.compile(
    rb"(?:Tag=([^,\s]*),)?[ ]*(%(n)s)%(next)s(%(n)s)%(next)s(%(n)s)%(next)s(\S+)\s*" % {b"n": _NUMBER, b"next": _NEXT}
)
_TIME = re.compile(rb"#\[(StartTime|BaseTime):[ ]*(" + _NUMBER + rb")")
_HEAD = re.compile(
    rb'#\[(?:Histogram log format version|StartTime:|BaseTime:)|"StartTimestamp"|(?:Tag=[^,\s]*,)?'
    rb"[ ]*(?:%(n)s%(next)s){3}(?:HIST|DHIS)" % {b"n": _NUMBER, b"next": _NEXT}
)


class LogWarning(UserWarning):
    """A log holds no intervals: load generators leave such a log if they did nothing, or were killed."""

    __module__ = "historian.formats.hdr"


class Interval:
    """A histogram of what was recorded from `start` to `end`: a line of a log.

    It is immutable.  `read_log` returns intervals, and `write_log` takes them.
    """

    __slots__ = ("_encoded", "end", "histogram", "relative_error", "start", "tag")
    __module__ = "historian.formats.hdr"

    start: float  # seconds: since 1970-01-01 00:00 UTC, if the log says when it began
    end: float
    tag: str | None
    histogram: Histogram
    relative_error: float  # see `HdrHistogram.relative_error`; 0 unless it was read from a log
    _encoded: bytes | None  # as it was in the log

    def __init__(self, start: float, end: float, histogram: Histogram, tag: str | None = None) -> None:
        """Create an interval, for `write_log`."""
        self._set(start, end, histogram, tag, 0.0, None)

    def _set(self, *values: object) -> None:
        for name, value in zip(("start", "end", "histogram", "tag", "relative_error", "_encoded"), values):
            object.__setattr__(self, name, value)

    @classmethod
    def _read(
        cls, start: float, end: float, histogram: Histogram, tag: str | None, error: float, encoded: bytes
    ) -> Interval:
        made = cls.__new__(cls)
        made._set(start, end, histogram, tag, error, encoded)
        return made

    @property
    def hdr(self) -> HdrHistogram | None:
        """The histogram as the log has it, decoded on each call; None unless it was read from a log."""
        return None if self._encoded is None else decode(self._encoded)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Interval is immutable: {name!r} cannot be set")

    def __reduce__(self) -> tuple[object, ...]:
        if self._encoded is None:
            return Interval, (self.start, self.end, self.histogram, self.tag)
        return Interval._read, (self.start, self.end, self.histogram, self.tag, self.relative_error, self._encoded)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return self.start, self.end, self.tag, self.histogram

    def __repr__(self) -> str:
        tag = "" if self.tag is None else f" {self.tag!r}"
        return f"<Interval{tag} from {self.start:.3f} to {self.end:.3f} s: {self.histogram!r}>"


class Log(Sequence[Interval]):
    """The intervals of a log, in the order of its lines, and what its comments say.  An empty log has none.

    ``historian.merge(interval.histogram for interval in log)`` is the histogram of all of it.
    """

    __slots__ = ("_base", "_intervals", "base_time", "comments", "start_time")
    __module__ = "historian.formats.hdr"

    start_time: float | None  # seconds since 1970-01-01 00:00 UTC; None if the log does not say
    base_time: float | None  # what is added to the time stamps; None if the log does not say
    comments: tuple[str, ...]  # all other comments, without the first #

    def __init__(
        self,
        intervals: Sequence[Interval] = (),
        *,
        start_time: float | None = None,
        base_time: float | None = None,
        comments: Sequence[str] = (),
    ) -> None:
        self._intervals = tuple(intervals)
        self._base = base_time or 0.0  # what is subtracted from times when they are written
        self.start_time = start_time
        self.base_time = base_time
        self.comments = tuple(comments)

    @classmethod
    def of(cls, history: History, *, tags: Callable[[Key], str | None] | None = None) -> Log:
        """Return a `History` as a log, for `write_log`: a line for each interval and key that has values.

        The key ``Key("latency")`` has no tag, and ``Key("latency", tag="A")`` has the tag "A", as `History.from_log`
        reads them; any other label raises ValueError.  `tags` is a function that gives the tag of a key, or None, such
        as ``tags=lambda key: dict(key.labels)["route"]``.  Keys with the same tag must be merged before: a log has one
        histogram for each tag and interval.  Times are written in whole milliseconds.

        >>> from historian import Histogram, History, Interval, Key
        >>> held = {Key("get", tag="users"): Histogram.from_values([0.25])}
        >>> Log.of(History([Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", held)]))[0].tag
        'users'
        """
        keys = history.keys
        found = {key: _tag(key) if tags is None else tags(key) for key in keys}
        names = sorted({key.name for key in keys})
        if tags is None and len(names) > 1:
            raise ValueError(
                f"a log has tags, and no names such as {names[0]!r} and {names[1]!r}: select() one, or pass tags="
            )
        if len(set(found.values())) < len(keys):
            raise ValueError(f"{len(keys):,} keys have only {len(set(found.values())):,} tags: pass tags= that differ")
        lines = [
            Interval(interval.start / 1e9, interval.end / 1e9, histogram, found[key])
            for interval in history
            for key, histogram in sorted(interval.histograms.items())
        ]
        return cls(lines, start_time=lines[0].start if lines else None)

    @property
    def tags(self) -> tuple[str | None, ...]:
        """The tags of the intervals, each once, in the order in which they first appeared."""
        return tuple(dict.fromkeys(interval.tag for interval in self._intervals))

    @property
    def relative_error(self) -> float:
        """The largest `relative_error` of an interval, which holds for all of them merged."""
        return max((interval.relative_error for interval in self._intervals), default=0.0)

    def __len__(self) -> int:
        return len(self._intervals)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Interval: ...
        @overload
        def __getitem__(self, index: slice) -> Sequence[Interval]: ...

    def __getitem__(self, index: int | slice) -> Interval | Sequence[Interval]:
        return self._intervals[index]

    def __repr__(self) -> str:
        if not self._intervals:
            return "<Log of 0 intervals>"
        seconds = self._intervals[-1].end - self._intervals[0].start
        return f"<Log of {len(self):,} interval{'s' * (len(self) > 1)} in {seconds:,.1f} s>"


class Reader:
    """Iterates over the intervals in a stream of text, in the memory of one of them.

    `start_time`, `base_time` and `comments` are what was found so far.  `on_error` gets the number of a line that is
    not valid, and the reason; the others follow.  Without it, ValueError is raised.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        values: str,
        unit: str | None = None,
        on_error: Callable[[int, str], None] | None = None,
    ) -> None:
        self._on_error = on_error
        self._stream = stream
        self._name = name
        self._conversion = conversion(check_unit(values), unit)
        self.unit = self._conversion[2]
        self.start_time: float | None = None
        self.base_time: float | None = None
        self.base: float | None = None  # what is added to time stamps
        self.comments: list[str] = []
        self.number = 0  # of the last line, from 1

    def __iter__(self) -> Iterator[Interval]:
        while line := self._stream.readline(MAX_LINE_NBYTES + 1):
            self.number += 1
            if len(line) > MAX_LINE_NBYTES:
                raise ValueError(f"{self._name}, line {self.number}: longer than {MAX_LINE_NBYTES:,} bytes")
            if line.startswith(b"\xef\xbb\xbf") and self.number == 1:
                line = line[3:]
            if line.startswith(b"#"):
                self._comment(line)
            elif line.strip() and not line.startswith(LEGEND):
                try:
                    found = self._interval(line)
                except ValueError as error:
                    if self._on_error is None:
                        raise ValueError(f"{self._name}, line {self.number}: {error}") from None
                    self._on_error(self.number, str(error))
                else:
                    yield found

    def _comment(self, line: bytes) -> None:
        found = _TIME.match(line)
        if found is None:
            self.comments.append(line[1:].rstrip(b"\r\n").decode(errors="backslashreplace"))
        elif found[1] == b"StartTime":
            self.start_time = float(found[2])
        else:
            self.base_time = self.base = float(found[2])

    def _interval(self, line: bytes) -> Interval:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"not an interval, which is time, length, maximum and base64: {_shown(line)}")
        tag, stamp, length, _, encoded = found.groups()
        try:
            histogram, error = to_histogram(decoded(encoded), *self._conversion)
        except ValueError as refused:
            raise ValueError(f"column {found.start(5) + 1}, {refused}") from None
        start = self._absolute(float(stamp))
        name = None if tag is None else tag.decode(errors="backslashreplace")
        if float(length) < 0:
            raise ValueError(f"an interval of {float(length)!r} s")
        return Interval._read(start, start + float(length), histogram, name, error, encoded)

    def _absolute(self, stamp: float) -> float:
        """Return the time of a time stamp, by the rules of Java's reader."""
        if self.base is None:
            start = self.start_time
            self.base = start if start is not None and stamp < start - YEAR else 0.0
        return stamp + self.base


def _tag(key: Key) -> str | None:
    """Return the tag of a key that `History.from_log` would give it back.  Raises ValueError for other labels."""
    labels = dict(key.labels)
    tag = labels.pop("tag", None)
    if labels:
        raise ValueError(
            f"a log has tags, and no labels such as those of {key}: pass tags=, a function from keys to tags"
        )
    return tag


def is_log(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a log: among its first lines is one that only a log has."""
    return any(_HEAD.match(line) for line in head[:8192].removeprefix(b"\xef\xbb\xbf").splitlines()[:40])


def read_log(source: str | os.PathLike[str] | BinaryIO, *, values: str, unit: str | None = None) -> Log:
    """Return the intervals of a ``.hlog`` file, a path or a stream of bytes.

    `values` is the unit of the recorded values: "ns" for most programs, "us" or "ms" for some.  Histograms are in
    `unit`: by default in seconds if `values` is a time, and else in `values`.  `HdrHistogram.histogram` says what this
    conversion loses, and `Log.relative_error` bounds it.

    Time stamps are absolute, as Java reads them: the base time is added, or, if the log has none, the start time, if
    the first time stamp is more than a year before it.  Without either they stay as they are.

    A log that holds only its header is an empty sequence, and `LogWarning` says so.

    O(bytes).  Raises OSError.  Raises ValueError, with the number of the line and the offset in its base64, for a line
    that is not valid.  Java takes such a line for the end.
    """
    if hasattr(source, "readline"):
        return _read(source, "log", values, unit)  # type: ignore[arg-type, unused-ignore]
    with open(os.fspath(source), "rb") as stream:  # type: ignore[arg-type, unused-ignore]
        return _read(stream, os.fsdecode(source), values, unit)  # type: ignore[arg-type, unused-ignore]


def _read(stream: BinaryIO, name: str, values: str, unit: str | None) -> Log:
    reader = Reader(stream, name, values, unit)
    intervals = list(reader)
    if not intervals:
        from warnings import warn

        warn(LogWarning(f"{name}: it holds no intervals, only a header"), stacklevel=3)
    log = Log(intervals, start_time=reader.start_time, base_time=reader.base_time, comments=reader.comments)
    log._base = reader.base or 0.0
    return log


def _shown(line: bytes) -> str:
    return repr(line[:60].decode(errors="backslashreplace").rstrip())


read_log.__module__ = "historian.formats.hdr"
