"""`Recorder`: live, shared, written to from anywhere; ask questions of its snapshots."""

from __future__ import annotations

import os

from .._core import CounterFile, Counters, Counts, Muted, number
from .._files.file import drain, open_file, open_or_create, read_counters
from .._files.header import Header
from .._values.units import NS_PER_UNIT, check_unit
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any, TypeVar, overload

    from typing_extensions import Self

    from .._core import _Real

    # The same type goes in and comes out, so that all of it stays: parameters, overloads, type variables, and whether
    # it is a coroutine function, a class method and so on.  ParamSpec would keep less: of overloads, the first alone.
    _F = TypeVar("_F", bound=Callable[..., Any] | classmethod[Any, ..., Any] | staticmethod[..., Any])
else:

    def overload(function):
        return function


__all__ = ["Recorder", "recorder_in_file"]

#: HISTORIAN_DISABLE=1 at import: recording and timing do nothing.
DISABLED = os.environ.get("HISTORIAN_DISABLE") == "1"

if TYPE_CHECKING:
    _Base = Counters  # whose methods `Muted` has, too
else:
    _Base = Muted if DISABLED else Counters


class Recorder(_Base):
    """Counts values as they happen, from any thread, without a lock: `record`, `time`, then `snapshot`.

    `unit` labels the values; timers convert to it if it is ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.  Memory: 96 KiB of
    address space (3.4 MiB in a file), of which only the pages of buckets in use become resident.  A recorder has
    identity: it has no ``==``, and pickles only if it counts in a file (`Registry`); its snapshots do.

    Every record is in exactly one bucket, always.  The sum is exact up to one rounding at the end; of what native code
    records without the GIL it is rounded at each record.  While such a record is in flight, `sum`, `min` and `max` may
    lag behind the counts by it.

    >>> latency = Recorder("db.query")
    >>> with latency.time() as timer:
    ...     rows = sorted(range(1000))
    >>> latency.snapshot().count
    1
    """

    __slots__ = ("__weakref__", "_name", "_unit")
    __module__ = "historian"

    _name: str
    _unit: str

    def __new__(cls, name: str = "", *, unit: str = "s") -> Self:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        return cls._of(name, check_unit(unit), None)

    @classmethod
    def _of(cls, name: str, unit: str, file: CounterFile | None) -> Self:
        self = super().__new__(cls, NS_PER_UNIT.get(unit, 0.0), file)
        self._name = name
        self._unit = unit
        return self

    @classmethod
    def open(cls, path: str) -> Recorder:
        """Return the recorder that counts in a file of a registry's directory: that of `Recorder.path`.

        In one process it is one object, for as long as anybody holds it.  Raises FileNotFoundError if there is no such
        file, `CorruptFileError` if it is not a recorder's, and OSError.
        """
        return recorder_in_file(path)

    @property
    def name(self) -> str:
        """What the recorder is called in tables; may be empty."""
        return self._name

    @property
    def unit(self) -> str:
        """Label of the unit that all values are in."""
        return self._unit

    @property
    def path(self) -> str | None:
        """File that the counters are mapped from; None if they are in private memory."""
        return self._file.path if self._file is not None else None

    def record_corrected(self, value: _Real, expected_interval: _Real) -> None:
        """Record `value` and what coordinated omission hid behind it.

        A load generator that waited `value` for one answer failed to send a request each `expected_interval` meanwhile.
        As HdrHistogram does, this adds those requests' waits: value - E, value - 2E, ... down to E.  It is an estimate,
        which assumes evenly spaced requests and a stall from outside; where the generator knows when a request should
        have been sent, ``stop(intended_start)`` measures instead of guessing.

        To correct afterwards there is `Histogram.corrected`, whose result is marked `synthetic`; the snapshots of this
        recorder are not, so use one of the two.

        O(buckets between E and value), however many values are added.  Raises ValueError unless `value` can be recorded
        and `expected_interval` is positive and finite; then nothing is recorded.
        """
        if DISABLED:
            return
        from .._values import omission as _omission

        value, interval = number(value), _omission.check_interval(expected_interval)
        if value < 2 * interval:
            self.record(value)
            return
        slots, counts, total, smallest = _omission.waits(value, interval)
        self._add(Counts.of(slots, counts), total, smallest, value)

    def snapshot(self) -> Histogram:
        """Return all that has been recorded so far.  O(buckets in use)."""
        reading = self._read() if self._file is None else read_counters(self._file)
        return Histogram._from_reading(reading, self._unit)

    def drain(self) -> Histogram:
        """Return all that has been recorded since the last drain, and take it out: each record is in exactly one drain.

        O(buckets in use).  In a file the records of all processes are taken out, each by one of those that drain.  Then
        OSError is raised if the file has been removed, or if the very first drain finds the disk full.
        """
        reading = self._read(drain=True) if self._file is None else drain(self._file)
        return Histogram._from_reading(reading, self._unit)

    @overload
    def timed(self, function: _F, /, *, errors: Recorder | None = None) -> _F: ...
    @overload
    def timed(self, function: None = None, /, *, errors: Recorder | None = None) -> Callable[[_F], _F]: ...
    def timed(self, function: Any = None, /, *, errors: Recorder | None = None) -> Any:
        """Decorate a callable so that the time of each call is recorded.

        For functions, methods (also under ``classmethod`` and ``staticmethod``), coroutine functions (until they
        return), generators and async generators (from the first ``next`` until they are exhausted or closed), and other
        callables.  A call that hands back a coroutine or generator made elsewhere is timed until that ends.  Name,
        docstring, signature and kind stay; so does pickling by name.  Calls left by an exception are recorded too: in
        `errors`, if that is given, else here.  With ``HISTORIAN_DISABLE=1`` the function is returned as it is.

        Raises TypeError for what has no meaningful time of its own, such as a class or a property, and ValueError if
        the unit is not one of time.

        >>> latency = Recorder("work")
        >>> @latency.timed
        ... def work(n):
        ...     return sum(range(n))
        >>> work(10), latency.snapshot().count
        (45, 1)
        """
        if DISABLED:
            return function if function is not None else lambda function: function
        from .timed import timed

        if errors is not None and not isinstance(errors, Recorder):
            raise TypeError(f"errors must be a Recorder, not {type(errors).__name__}")
        if function is None:
            return lambda function: timed(function, self, errors if errors is not None else self)
        return timed(function, self, errors if errors is not None else self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is not None:
            return Recorder.open, (self._file.path,)
        if DISABLED:
            from functools import partial

            return partial(Recorder, unit=self._unit), (self._name,)
        raise TypeError(
            f"{self!r} counts in this process' memory and cannot be pickled or copied: take one of "
            "Registry(directory), which processes share, or record in each process into a recorder of its own, return "
            "recorder.snapshot(), and merge the snapshots"
        )

    def __repr__(self) -> str:
        return f"Recorder({self._name!r}, unit={self._unit!r})"


_in_files: MutableMapping[str, Recorder] | None = None  # by path, as long as anybody holds them


def recorder_in_file(path: str, new: Header | None = None) -> Recorder:
    """Return the recorder that counts in the file of that path, which is made with the header `new`, if given.

    In one process it is one object, for as long as anybody holds it.  Raises what `open_or_create` and `open_file` do.
    """
    global _in_files
    if _in_files is None:
        from weakref import WeakValueDictionary

        _in_files = WeakValueDictionary()
    found = _in_files.get(path)
    if found is not None and found._file is not None and _is_at(found._file, path):
        return found
    file, header = open_or_create(path, new) if new is not None else open_file(path)
    if found is None:
        return _in_files.setdefault(path, Recorder._of(str(header.key), header.unit, file))
    found = _in_files[path] = Recorder._of(str(header.key), header.unit, file)  # the file has been replaced
    return found


def _is_at(file: CounterFile, path: str) -> bool:
    try:
        return file.is_at(os.stat(path))
    except FileNotFoundError:
        return False
