"""`Meter`: what all meters share: start, stop, a block, and what becomes of those that run when a process forks."""

from __future__ import annotations

import atexit
import os
import threading

from .._live.recorder import DISABLED
from .._values.key import Key
from ..registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from .._live.recorder import Recorder

__all__ = ["Meter"]

#: Meters that run, by what they count where: see `Meter._identity`.
_running: dict[tuple[object, ...], Meter] = {}

#: Held while a meter starts or stops, and while the process forks.  It is for re-entry by signal handlers.
_lock = threading.RLock()

_has_hooks = False


class Meter:
    """A meter that is started explicitly, and stopped: the base of all in `historian.meters`.

    ``with meter:`` starts it and stops it.  `start` and `stop` can be called from any thread.
    """

    __module__ = "historian.meters"

    _name = ""  # of its recorders

    def __init__(self, registry: Registry | None, labels: dict[str, object]) -> None:
        if registry is None:
            from ..registry import default_registry as registry
        if not isinstance(registry, Registry):
            raise TypeError(f"registry must be a Registry, not {type(registry).__name__}")
        self._registry, self._labels = registry, labels
        self._is_running = False
        self._recorders = self._find_recorders()

    def _find_recorders(self) -> tuple[Recorder, ...]:
        """Return the recorders, which are created if necessary.  Raises ValueError if they have another unit."""
        return (self._registry.recorder(self._name, labels=self._labels),)

    @property
    def is_running(self) -> bool:
        """Whether it has been started, and not been stopped since."""
        return self._is_running

    def start(self) -> Self:
        """Start to measure; return the meter.

        Raises RuntimeError if it is running, or if another one counts the same in the same recorder.  With
        ``HISTORIAN_DISABLE=1``, this does nothing.
        """
        if DISABLED:
            return self
        with _lock:
            for meter in [meter for meter in _running.values() if not meter._is_alive()]:
                meter.stop()  # its loop was closed, or its executor is gone
            if not self._is_running:
                self._prepare()
            identity = self._identity()
            other = _running.get(identity)
            if other is not None:
                raise RuntimeError(
                    f"{self!r} is running already: stop() it first"
                    if other is self
                    else f"{other!r} is running already, and {self!r} would count the same again: stop() the other "
                    "one first, or give this one a label or a registry of its own"
                )
            _hook()
            self._begin()
            self._is_running = True
            _running[identity] = self
        return self

    def stop(self) -> None:
        """Stop to measure, and restore everything.  Does nothing if the meter is not running."""
        with _lock:
            if self._is_running:
                self._is_running = False
                for identity in [identity for identity, meter in _running.items() if meter is self]:
                    del _running[identity]
                self._end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self._is_running else "stopped"
        return f"<{type(self).__name__} {Key(self._name, **self._labels)}, {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"{self!r} belongs to this process and cannot be pickled or copied: create one in each process")

    # What a meter defines.

    def _identity(self) -> tuple[object, ...]:
        """Return what it counts where: of two meters with equal ones, only one can run."""
        return type(self), *self._recorders

    def _is_alive(self) -> bool:
        """Return whether a meter that was started still measures."""
        return True

    def _prepare(self) -> None:
        """Find what is to be measured.  Raises RuntimeError if there is nothing."""

    def _begin(self) -> None:
        """Begin to measure.  The caller holds the lock."""
        raise NotImplementedError

    def _end(self) -> None:
        """Restore everything."""
        raise NotImplementedError

    def _before_fork(self) -> None:
        """Prepare for a fork: end the thread."""

    def _after_fork(self, *, is_child: bool) -> None:
        """Go on after a fork, or after one that failed."""


def _hook() -> None:
    """Have the interpreter tell of forks and of its exit, once."""
    global _has_hooks
    if _has_hooks:
        return
    _has_hooks = True
    atexit.register(_stop_all)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before_fork,
            after_in_parent=lambda: _after_fork(is_child=False),
            after_in_child=lambda: _after_fork(is_child=True),
        )


def _stop_all() -> None:
    for meter in list(_running.values()):
        meter.stop()


def _before_fork() -> None:
    _lock.acquire()
    for meter in list(_running.values()):
        meter._before_fork()


def _after_fork(*, is_child: bool) -> None:
    try:
        for meter in list(_running.values()):
            meter._after_fork(is_child=is_child)
    finally:
        _lock.release()
