"""`Recording`: a thread that writes down what the recorders of a registry have counted in each interval of time."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from contextlib import suppress

from ._files.directory import RegistryWarning
from ._history.memory import MemoryLog
from ._history.opening import open_log, step_of
from ._history.session import Session
from ._live.recorder import DISABLED
from ._values.text import printable
from .history import History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

    from ._history.times import _Duration
    from ._live.snapshots import Snapshot

__all__ = ["Recording"]

#: Recordings of this process.  A forked process gets to know that they are those of its parent.
_running: weakref.WeakSet[Recording] = weakref.WeakSet()


class Recording:
    """Writes the history of a registry, until it is stopped or the program ends: see `Registry.history`.

    It is a context manager.  A thread looks at the recorders at each whole multiple of the step; recording values costs
    nothing more.  If a look cannot be written, since the disk is full, say, a `RegistryWarning` says so once, `problem`
    has the error, and the next interval has what this one would have had.

    A forked process has no such thread: its recording is stopped, and does not touch the file of its parent.

    >>> from historian import Registry
    >>> registry = Registry()
    >>> with registry.history(every="1h") as recording:
    ...     registry.recorder("lookup").record(0.25)
    >>> recording.history.total().count
    1
    """

    __module__ = "historian"

    def __init__(
        self,
        read: Callable[[], Snapshot],
        every: _Duration = 10.0,
        path: str | os.PathLike[str] | None = None,
        keep: _Duration | None = None,
    ) -> None:
        step = step_of(every)
        self._log = open_log(None, step, None) if DISABLED else open_log(path, step, keep)  # nothing is written then
        self._path = None if path is None else os.path.abspath(os.fsdecode(os.fspath(path)))
        self._problem: Exception | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()  # of the one that looks
        self._stopping = threading.Lock()  # of the one that stops it
        _running.add(self)  # before anything can fork
        try:
            self._session = Session(read, self._log, step)
            self._thread = threading.Thread(target=self._run, name="historian history", daemon=True)
            if not DISABLED:
                self._thread.start()
        except BaseException:
            _running.discard(self)
            self._log.close()
            raise
        atexit.register(_stop, weakref.ref(self))

    @property
    def path(self) -> str | None:
        """Absolute path of the file or folder; None if it is kept in memory."""
        return self._path

    @property
    def problem(self) -> Exception | None:
        """Why the last interval could not be written, or old ones not be replaced; None if all is well."""
        return self._problem or getattr(self._log, "fault", None)

    @property
    def is_running(self) -> bool:
        """Whether it goes on: false once it is stopped, and in a forked process."""
        return not self._ended.is_set()

    @property
    def history(self) -> History:
        """What has been written so far.  O(intervals): histograms are read when they are asked for.

        Raises OSError if the file cannot be read.
        """
        if isinstance(self._log, MemoryLog):
            with self._lock:
                return History._of(self._log.source())
        assert self._path is not None
        return History.open(self._path)

    def stop(self) -> None:
        """Write what has been counted since the last look, and end.  Stopping again does nothing.

        Raises OSError if that interval cannot be written.  The recording has ended then, too.
        """
        with self._stopping:
            if self._ended.is_set():
                return
            self._ended.set()
            if not DISABLED:
                self._thread.join()
            try:
                with self._lock:
                    self._session.look(final=True)
            finally:
                _running.discard(self)
                self._log.close()

    def __enter__(self) -> Self:
        if self._ended.is_set():
            raise RuntimeError("this recording has been stopped: start another one with registry.history()")
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._ended.wait(self._session.wait()):
            with self._lock:
                self._look()

    def _look(self) -> None:
        try:
            self._session.look()
            self._problem = None
        except (OSError, ValueError, OverflowError) as error:  # the file cannot be written, or not hold it
            first, self._problem = self._problem is None, error
            if first:
                with suppress(RegistryWarning):  # if warnings are errors, `problem` tells: the thread goes on
                    warn_of_failure(self._path, error)

    def _leave(self) -> None:
        """Have nothing more to do with it, in a forked process."""
        self._lock, self._stopping = threading.Lock(), threading.Lock()  # threads that are not there may have them
        self._ended = threading.Event()
        self._ended.set()
        self._log.leave()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Recording cannot be pickled: pickle its .history, or open its .path in the other process")

    def __repr__(self) -> str:
        where = f"in {self._path!r}" if self._path is not None else "in memory"
        return f"<Recording {where}{'' if self.is_running else ', stopped'}>"


def warn_of_failure(path: str | None, error: Exception) -> None:
    """Warn that an interval could not be written."""
    from warnings import warn

    why = getattr(error, "strerror", None) or error
    what = printable(f"{path or 'a history'}: an interval could not be written: {why}")
    warn(f"{what}; the next one will have its values", RegistryWarning, stacklevel=1)


def _stop(recording: weakref.ref[Recording]) -> None:
    found = recording()
    if found is not None and found.is_running:
        found.stop()


def _after_fork() -> None:
    for found in list(_running):
        found._leave()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
