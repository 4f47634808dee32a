"""`Recorder`: counts values as they are measured.  Its snapshots are histograms, which answer questions."""

from __future__ import annotations

import os
import time

from .._core import Counters, Counts, Muted, give_back, number
from .._files.directory import ATTEMPTS, is_trusted, trust_directory
from .._files.draining import drain, remove_recorder
from .._files.errors import checked
from .._files.file import read_counters
from .._show.shown import in_html, in_rich, in_terminal
from .._values.key import Key
from .._values.units import NS_PER_UNIT, check_unit
from ..histogram import Histogram
from .exemplars import exemplar_of, exemplars_of, labels_of, with_exemplars
from .moved import combined, follow_path
from .opened import recorder_in_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar, overload

    from typing_extensions import Self

    from .._core import DirectoryFile, _Real, _Taken
    from .._files.file import _Counted
    from .._files.header import Header
    from .._show.view import View
    from .._values.exemplar import Exemplar
    from .exemplars import _Pairs

    # `timed` returns the type that it takes.  This keeps parameters, overloads, type variables and the kind, such as
    # coroutine function or class method.  ParamSpec would keep less: only the first overload.
    _F = TypeVar("_F", bound=Callable[..., Any] | classmethod[Any, ..., Any] | staticmethod[..., Any])
else:

    def overload(function):
        return function


__all__ = ["DISABLED", "Recorder", "check_room", "check_same_unit"]

#: Maximum count that a recorder may have after values were added in bulk.  A count is below 2**63 everywhere.  Single
#: records are not checked, which would make them slow, so 2**56 of them have room: 2,283 years of a million per second.
MAX_ADDED = 2**63 - 2**56
UNCHECKED = 2**32  # values that `record_corrected` may add before the count is read again

_of_reading = Histogram._from_reading  # to look this up takes a few percent of a snapshot

#: True if HISTORIAN_DISABLE=1 was set at import.  Then recording and timing do nothing.
DISABLED = os.environ.get("HISTORIAN_DISABLE") == "1"

if TYPE_CHECKING:
    _Base = Counters  # `Muted` has the same methods
else:
    _Base = Muted if DISABLED else Counters


class Recorder(_Base):
    """Counts values as they are measured, from any thread, without a lock: `record`, `time`, then `snapshot`.

    `unit` is the label of the values.  Timers convert to it if it is ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.  A
    recorder takes 0.6 kB when it is created.  Its first value adds 1 kB, and each octave of its values 0.5 kB; most
    latencies lie in nine octaves.  Without the GIL, each thread that records much takes as much again.  A recorder has
    identity: it has no ``==``.  It can be pickled only if it counts in a directory (`Registry`); its snapshots can
    always be pickled.

    Every record is in exactly one bucket, always, and in the sum without rounding (see `Histogram.sum`).  While a
    record of native code without the GIL is in flight, `sum`, `min` and `max` may include it before the counts do.

    >>> latency = Recorder("db.query")
    >>> with latency.time() as timer:
    ...     rows = sorted(range(1000))
    >>> latency.snapshot().count
    1
    """

    __slots__ = ("__weakref__", "_drains", "_header", "_keeps", "_name", "_room", "_start", "_synthetic", "_unit")
    __module__ = "historian"

    _drains: int  # of private memory, from 0
    _header: Header | None  # its key, unit and time of creation in a directory; None in memory
    _keeps: bool  # whether there may be exemplars; the core sets it
    _name: str | None  # None for the text of the key in `_header`
    _room: int  # values that can be added before the count must be read, from 0 to UNCHECKED
    _start: float  # when it was created, or drained in private memory: seconds since 1970-01-01 00:00 UTC
    _synthetic: bool  # whether some of the values in private memory are estimates
    _unit: str

    def __new__(cls, name: str = "", *, unit: str = "s") -> Self:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        return cls._of(name, check_unit(unit))

    @classmethod
    def _of(
        cls,
        name: str | None,
        unit: str,
        file: DirectoryFile | None = None,
        place: int = 0,
        header: Header | None = None,
    ) -> Self:
        self = super().__new__(cls, NS_PER_UNIT.get(unit, 0.0), file, place)
        self._name = name
        self._unit = unit
        self._header = header
        self._drains = self._room = 0
        self._start = time.time()
        self._synthetic = self._keeps = False
        return self

    @classmethod
    def open(cls, path: str | os.PathLike[str], key: Key, *, trust: bool = False) -> Recorder:
        """Return a recorder of a registry's directory, by `Recorder.path` and its key.

        In one process, the same path and key give the same object while that object exists.  Raises FileNotFoundError
        if there is no such recorder, `CorruptFileError` if the file is not valid, and OSError.  Raises
        PermissionError if other users may write to the directory, unless `trust` is true: see `Registry`.
        """
        path = os.path.abspath(os.fsdecode(path))
        if trust:
            trust_directory(os.path.dirname(path))
        return checked(recorder_in_file(Recorder, path, key))

    @property
    def name(self) -> str:
        """Name of the recorder in tables; may be empty."""
        header = self._header
        if self._name is None and header is not None:
            self._name = str(header.key)
        return self._name or ""

    @property
    def unit(self) -> str:
        """Label of the unit of all values."""
        return self._unit

    @property
    def path(self) -> str | None:
        """Path of the directory's file, from which the counters are mapped; None if they are in private memory."""
        return self._file.path if self._file is not None else None

    def record_corrected(self, value: _Real, expected_interval: _Real) -> None:
        """Record `value`, and the waits that coordinated omission hides behind it.

        A load generator should send one request each `expected_interval` E.  While it waits `value` for one answer, it
        does not send them.  As HdrHistogram does, this method adds the waits of those requests: value - E, value - 2E
        and so on, down to E.  They are an estimate: it assumes evenly spaced requests and a stall that the generator
        did not cause.  If the generator knows when a request should have been sent, use ``stop(intended_start)``, which
        measures the wait instead.

        From then on, snapshots of this recorder are marked as `synthetic`, as the results of `Histogram.corrected` are.
        They do not tell which values were measured, so their intervals cannot allow for sampling: the bounds are then
        all that is possible.  `Histogram.corrected`, which makes the same correction afterwards, keeps the intervals.

        O(buckets between E and value), however many values are added.  Raises ValueError if `value` cannot be recorded
        or `expected_interval` is not positive and finite, and OverflowError if the count would be too close to 2**63.
        Then nothing is recorded.
        """
        if DISABLED:
            return
        from .._values import omission as _omission
        from .._values.checks import check_positive

        value, interval = number(value), check_positive("expected_interval", expected_interval)
        if value < 2 * interval:
            self.record(value)
            return
        slots, counts, total, smallest = _omission.waits(value, interval)
        self._take_room(sum(counts))
        self._add_estimates(Counts.of(slots, counts), total, smallest, value)

    def _take_room(self, added: int, /) -> None:
        """Raise OverflowError if so many values would be too many.  The count is read only now and then."""
        if added > self._room:
            held = self.snapshot().count
            check_room(self.name, held, added)
            # 1,024 processes may do the same at the same time.
            self._room = min(UNCHECKED, (MAX_ADDED - held - added) >> 10) + added
        self._room -= added

    def _labels_of(self, exemplar: object, is_later: bool, /) -> _Pairs | bool | None:
        return labels_of(exemplar, is_later)

    def _exemplar_of(self, value: float, labels: _Pairs | bool | None, /) -> Exemplar | None:
        return exemplar_of(value, labels)

    def snapshot(self) -> Histogram:
        """Return the histogram of all values recorded so far.  O(buckets in use).

        If its file was removed or replaced, the recorder counts in the file that is at its path now, which is created
        if necessary.  The snapshot holds the values of both files.
        """
        kept = exemplars_of(self) if self._keeps else None  # before the counts: then all are counted
        if self._file is not None:
            follow_path(self)
        file, place, left = self._files
        if file is None:
            found = _of_reading(self._read(), self._unit, self._synthetic)
        else:
            found = self._histogram([read_counters(file, place), *(one.read() for one in left)])
        return found if kept is None else found._with(kept)

    def _histogram(self, readings: Iterable[_Counted | OSError | ValueError | None]) -> Histogram:
        """Return the sum of what has been read from the file and those that have been left.  Raises their errors."""
        found = combined([checked(one) for one in readings])
        assert found is not None
        return Histogram._from_reading(found[0], self._unit, found[1])

    def drain(self) -> Histogram:
        """Return the histogram of all values recorded since the last drain, and reset the recorder to empty.

        Each record is in the result of exactly one drain.  O(buckets in use).  In a directory, this includes the
        records of all processes, even if several processes drain.  The values of a file that was removed go to the
        process that drains first.  Raises OSError if such a file cannot be created again, or if the disk is full.

        If an exception comes in between, of a signal handler or any other, the values are counted again.  So they are
        in the result of the next drain.
        """
        taken: list[_Taken] = []
        try:
            return self._drained(taken)
        except BaseException:
            give_back(taken)
            raise

    def _drained(self, taken: list[_Taken]) -> Histogram:
        """Drain.  What is taken out is also added to `taken`, until the caller has the result: see `give_back`."""
        if self._file is None:
            self._start = time.time()
            self._drains += 1  # before the values are taken: see `Registry._read_private`
            kept = self._take_exemplars(os.getpid(), taken) if self._keeps else None
            self._drain(taken)
            return with_exemplars(Histogram._from_reading(taken[-1][2], self._unit, self._synthetic), kept)
        return self._drain_file(drain, taken)

    def _remove(self, taken: list[_Taken]) -> Histogram:
        """Do as `_drained` does, and hide the recorder in its directory while it holds nothing: both or none of it."""
        return self._drained(taken) if self._file is None else self._drain_file(remove_recorder, taken)

    def _drain_file(
        self,
        drain: Callable[[DirectoryFile, int, list[_Taken]], _Counted | OSError | ValueError],
        taken: list[_Taken],
    ) -> Histogram:
        """Drain the file that is at the path, also if it is removed again at this moment; then those it has left."""
        for one in self._files[2]:
            checked(one.read())  # if one is damaged, this raises before anything is drained
        kept = self._take_exemplars(os.getpid(), taken) if self._keeps else None
        for _ in range(ATTEMPTS):
            follow_path(self)
            file, place, _ = self._files
            assert file is not None
            now = drain(file, place, taken)
            if not isinstance(now, FileNotFoundError):
                break
        return with_exemplars(self._histogram([checked(now), *(one.drain(taken) for one in self._files[2])]), kept)

    @overload
    def timed(self, function: _F, /, *, errors: Recorder | None = None) -> _F: ...
    @overload
    def timed(self, function: None = None, /, *, errors: Recorder | None = None) -> Callable[[_F], _F]: ...
    def timed(self, function: Any = None, /, *, errors: Recorder | None = None) -> Any:
        """Decorate a callable so that the time of each call is recorded.

        For functions, methods (also under ``classmethod`` and ``staticmethod``), coroutine functions (until they
        return), generators and async generators (from the first ``next`` until they are exhausted or closed), functions
        above ``@contextmanager`` or ``@asynccontextmanager`` (from the start of the block to its end), and other
        callables.  If a function returns another object with an ``__exit__``, such as a file, the call alone is timed.

        If a call returns work that is still to come, that is timed, too.  A coroutine or generator made elsewhere is
        timed until it ends.  A task, the future of `asyncio.gather` or of an executor, or another future is timed from
        the call until it is done; another awaitable from the call until it has been awaited.  Nothing tells when other
        results have ended, such as the iterator that `map` returns: a `TimedWarning` says so once, and the call alone
        is timed.

        Calls left by an exception, and futures that fail or are cancelled, are recorded in `errors`, if that is given,
        else here.  `SystemExit` with status 0 is not an error.  If the arguments of a coroutine function or a generator
        function do not fit, the call raises TypeError, and nothing is recorded; of an async generator, the first step
        does.  With ``HISTORIAN_DISABLE=1`` the function is returned as it is.

        The result looks like the function: it is one for `isinstance` and `inspect`, with its names, docstring,
        signature, source and attributes, and the original as ``__wrapped__``.  It pickles by its name, if that name
        finds it.  cloudpickle and dill copy other functions, such as local ones.  A copy records in the same file.  If
        the recorder is in memory, the copy gets a new recorder.  The generators and coroutines that it makes are that,
        too, for `isinstance`, `inspect` and `asyncio`, and add no frame to a traceback; ``type()`` tells them apart.

        Raises TypeError for an object that has no duration of its own, such as a class or a property.  Raises
        ValueError if the unit is not a unit of time.

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
        from functools import partial

        if self._file is not None:
            key = self._header.key if self._header is not None else Key(self.name)
            trust = is_trusted(os.path.dirname(self._file.path))
            return partial(Recorder.open, trust=True) if trust else Recorder.open, (self._file.path, key)
        if DISABLED:
            return partial(Recorder, unit=self._unit), (self.name,)
        raise TypeError(
            f"{self!r} is in this process' memory and cannot be pickled or copied: use a recorder of "
            "Registry(directory), which processes share, or create one recorder in each process, return "
            "recorder.snapshot() and merge the snapshots"
        )

    def __repr__(self) -> str:
        return f"Recorder({self.name!r}, unit={self._unit!r})"

    def _view(self) -> View:
        from ..tail.views import histogram_view

        return histogram_view(self.snapshot(), f"Recorder {self.name}".rstrip())

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


def check_room(name: str, held: int, added: int) -> None:
    """Raise OverflowError if a recorder that holds `held` values has no room for `added` more."""
    if held + added > MAX_ADDED:
        raise OverflowError(
            f"recorder {name!r} would hold {held + added:,} values: it may hold {MAX_ADDED:,} at most, so that no "
            "count reaches 2**63"
        )


def check_same_unit(found: Recorder, unit: str) -> None:
    """Raise ValueError if a recorder has another unit."""
    if found.unit != unit:
        from .._show.names import cut

        name = cut(found.name, 200)
        raise ValueError(f"recorder {name} exists with unit {found.unit!r}, not {unit!r}: use one unit")
