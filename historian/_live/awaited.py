"""Results whose work goes on after the call: `Recorder.timed` times them from the call to the end of the work.

A future says when it is done, so it gets a callback and is returned as it is.  Another awaitable is done when the
``await`` ends, so the caller gets a stand-in that forwards everything to it and notices this.  Other results may
compute later, too, such as the iterator that `map` returns.  Nothing tells when they have ended, and a `TimedWarning`
says so.
"""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Awaitable, Coroutine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from .._core import Counters

__all__ = ["TimedWarning", "follow"]


class TimedWarning(UserWarning):
    """A function under `Recorder.timed` returned a result that computes later, and whose end cannot be noticed."""

    __module__ = "historian"


def follow(result: Any, into: Counters, errors: Counters, began: int) -> Any:
    """Return `result`, or a stand-in for it, with its work timed from `began` on; None if the work is done.

    Warns once for each recorder and class if the work is still to come, but its end cannot be noticed.
    """
    kind = type(result)
    if kind in _finished:
        return None
    if callable(getattr(kind, "add_done_callback", None)):
        return _follow_future(result, into, errors, began)
    if isinstance(result, Awaitable):
        return _stand_in(kind)(result, into, errors, began)
    remedy = _remedy(kind)
    if remedy:
        _warn_once(into, kind, remedy)
    else:
        _finished.add(kind)
    return None


def _follow_future(future: Any, into: Counters, errors: Counters, began: int) -> Any:
    def record(*_: object) -> None:
        (errors if _has_failed(future) else into).stop(began)

    done = getattr(future, "done", None)
    if callable(done) and done() is True:
        record()  # now, because a callback would wait for the event loop
        return future
    future.add_done_callback(record)
    return future


def _has_failed(future: Any) -> bool:
    if hasattr(future, "cancelled") and future.cancelled() is True:
        return True
    # Not exception(): after this call, asyncio would not report an exception that the program never retrieves.
    if hasattr(future, "_exception"):
        error = future._exception
    else:
        error = future.exception() if hasattr(future, "exception") else None
    return isinstance(error, BaseException) and not _exits_well(error)


def _exits_well(error: BaseException) -> bool:
    """Return whether an exception is a `SystemExit` of status 0."""
    if not isinstance(error, SystemExit):
        return False
    return error.code is None or (isinstance(error.code, int) and error.code == 0)


class _StandIn:
    """Stands in for an awaitable.  Records when it has been awaited, or when its ``async with`` block has ended."""

    __slots__ = ("__weakref__", "_historian")

    def __init__(self, awaitable: Any, into: Counters, errors: Counters, began: int) -> None:
        steps: Any = None
        object.__setattr__(self, "_historian", [awaitable, into, errors, began, steps])

    @property  # type: ignore[misc]  # it is read-only here
    def __class__(self) -> Any:
        return type(self._historian[0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._historian[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._historian[0], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._historian[0], name)


def _record(mine: Any, error: BaseException | None) -> None:
    """Record once, however often the object is awaited."""
    _, into, errors, began, _ = mine
    if began is not None:
        mine[3] = None
        failed = error is not None and not isinstance(error, GeneratorExit) and not _exits_well(error)
        (errors if failed else into).stop(began)


def _await(self: Any) -> Generator[Any, Any, Any]:
    mine = self._historian
    try:
        result = yield from mine[0].__await__()
    except BaseException as error:
        _record(mine, error)
        raise
    _record(mine, None)
    return result


async def _enter(self: Any) -> Any:
    mine = self._historian
    try:
        return await mine[0].__aenter__()
    except BaseException as error:
        _record(mine, error)
        raise


async def _exit(self: Any, kind: Any, value: BaseException | None, traceback: Any) -> Any:
    mine = self._historian
    try:
        return await mine[0].__aexit__(kind, value, traceback)
    except BaseException as error:
        value = error
        raise
    finally:
        _record(mine, value)


def _step(name: str) -> Callable[..., Any]:
    """Return the method `send`, `throw` or `close` of a coroutine, which drives the awaitable."""

    def step(self: Any, *args: Any) -> Any:
        mine = self._historian
        if mine[4] is None:
            mine[4] = _await(self)
        return getattr(mine[4], name)(*args)

    return step


def _forward(name: str) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._historian[0], name)(*args, **kwargs)

    return forward


#: Special methods that are not forwarded: the stand-in has its own, or they must not run twice.
_OWN = frozenset(dir(type("", (), {}))) - {"__eq__", "__hash__", "__str__", "__repr__"} | {"__getattr__", "__del__"}

_stand_ins: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()


def _stand_in(kind: type) -> Any:
    """Return the class of stand-ins for a class of awaitables.  It has the special methods that `kind` has."""
    known = _stand_ins.get(kind)
    if known is not None:
        return known
    names: dict[str, Any] = {
        name: _forward(name)
        for name in dir(kind)
        if name.startswith("__") and name.endswith("__") and name not in _OWN and callable(getattr(kind, name, None))
    }
    names["__await__"] = _await
    if hasattr(kind, "__aenter__"):
        names.update(__aenter__=_enter, __aexit__=_exit)
    if issubclass(kind, Coroutine):
        names.update({name: _step(name) for name in ("send", "throw", "close")})
    new = type(kind.__name__, (_StandIn,), {**names, "__slots__": (), "__module__": kind.__module__})
    _stand_ins[kind] = new
    return new


def _remedy(kind: type) -> str:
    """Return what to do if objects of this class compute later; "" if they do not."""
    if hasattr(kind, "__anext__"):
        return "" if hasattr(kind, "__aenter__") else "decorate an async generator that iterates over it"
    if hasattr(kind, "__next__") and not hasattr(kind, "__length_hint__") and not hasattr(kind, "__len__"):
        # Files and cursors can be iterated over, too, but that is not all that can be done with them.  The iterators of
        # multiprocessing have `next` as another name of `__next__`.
        is_all = kind.__module__ == "itertools" or all(name.startswith("_") or name == "next" for name in dir(kind))
        return "decorate a generator that iterates over it, or return a list" if is_all else ""
    pool = sys.modules.get("multiprocessing.pool")
    if pool is not None and issubclass(kind, pool.ApplyResult):
        return "call its .get() in the function, or submit to a concurrent.futures.ProcessPoolExecutor"
    return ""


_finished: weakref.WeakSet[type] = weakref.WeakSet()  # classes of results whose work is done

_warned: set[tuple[str, str]] = set()  # names of recorder and class


def _warn_once(into: Any, kind: type, remedy: str) -> None:
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if (into.name, name) in _warned:
        return
    _warned.add((into.name, name))
    text = (
        f"{into!r} times the call only, not the work of the {name} that it returned, which is still to come: {remedy}"
    )
    warnings.warn(text, TimedWarning, stacklevel=4)
