"""`ThreadPoolQueue`: how long calls wait for a thread of an executor."""

from __future__ import annotations

import concurrent.futures
import weakref

from .meter import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._live.recorder import Recorder
    from ..registry import Registry

__all__ = ["ThreadPoolQueue"]


class ThreadPoolQueue(Meter):
    """Records how long each call waits between `submit` and a thread that runs it: ``thread_pool.queue``.

    `executor` is a `concurrent.futures.ThreadPoolExecutor`.  Its `submit` is replaced, on this object alone, by one
    that takes the time; `map` and `loop.run_in_executor` use it.  For asyncio's own executor, create one and pass it to
    `loop.set_default_executor`.  A call that is cancelled while it waits, or still waits when the meter stops, is not
    recorded.  Two executors count in one recorder, unless they have labels: ``ThreadPoolQueue(executor, pool="io")``.

    Raises TypeError for other executors: those of processes and of interpreters pickle the call, so it would start with
    a clock that is not theirs.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from historian import Registry
    >>> registry = Registry()
    >>> with ThreadPoolExecutor(1) as executor, ThreadPoolQueue(executor, registry=registry, pool="io"):
    ...     executor.submit(sum, [1, 2]).result()
    3
    >>> registry.snapshot().select("thread_pool.queue", pool="io").total().count
    1
    """

    __module__ = "historian.meters"

    _name = "thread_pool.queue"

    def __init__(
        self, executor: concurrent.futures.ThreadPoolExecutor, *, registry: Registry | None = None, **labels: object
    ) -> None:
        other = getattr(concurrent.futures, "InterpreterPoolExecutor", ())  # a subclass, from 3.14 on
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor) or isinstance(executor, other):
            raise TypeError(
                f"executor must be a ThreadPoolExecutor, not {type(executor).__name__}: for calls in other processes, "
                "pass recorder.start() with the call, and stop(token) there, on the same machine"
            )
        self._executor = weakref.ref(executor)  # a meter that is never stopped does not keep its threads
        self._submit: _Submit | None = None
        super().__init__(registry, labels)

    def _identity(self) -> tuple[object, ...]:
        return *super()._identity(), self._executor  # references are equal if they are to the same object

    def _is_alive(self) -> bool:
        return self._executor() is not None

    def _prepare(self) -> None:
        if self._executor() is None:
            raise RuntimeError(f"the executor of {self!r} is gone: keep a reference to it while it is measured")

    def _begin(self) -> None:
        executor = self._executor()
        assert executor is not None
        self._submit = _Submit(executor, self._recorders[0])
        vars(executor)["submit"] = self._submit

    def _end(self) -> None:
        executor, submit = self._executor(), self._submit
        if submit is None:
            return
        self._submit, former = None, submit.former
        submit.is_on = False  # also if somebody has wrapped it since
        if executor is not None and vars(executor).get("submit") is submit:
            del vars(executor)["submit"]
            if former is not None:
                vars(executor)["submit"] = former


class _Submit:
    """The `submit` of an executor that is measured."""

    def __init__(self, executor: concurrent.futures.ThreadPoolExecutor, recorder: Recorder) -> None:
        self.executor = weakref.ref(executor)  # not a cycle: its threads end when nothing refers to it any more
        self.former: Callable[..., concurrent.futures.Future[Any]] | None = vars(executor).get(
            "submit"
        )  # of somebody who did the same
        self.recorder = recorder
        self.is_on = True

    def __call__(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        call = _Queued(self, fn) if self.is_on and callable(fn) else fn
        if self.former is not None:
            return self.former(call, *args, **kwargs)
        executor = self.executor()
        assert executor is not None  # the caller has it
        return type(executor).submit(executor, call, *args, **kwargs)


class _Queued:
    """A call that waits: when a thread runs it, the wait is over."""

    __slots__ = ("fn", "since", "submit")

    def __init__(self, submit: _Submit, fn: Callable[..., Any]) -> None:
        self.submit, self.fn = submit, fn
        self.since = submit.recorder.start()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.submit.is_on:
            self.submit.recorder.stop(self.since)
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.fn)
