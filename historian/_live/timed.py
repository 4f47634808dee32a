"""What `Recorder.timed` makes of a callable: one wrapper for each kind, so that each is timed until it has ended.

Coroutine functions, generator functions and async generator functions become functions of the same kind.  Everything
else becomes an object of `_core`, which answers for what it wraps: its class, code and names are those of the function,
so that `isinstance` and `inspect` take it for one.  A real function instead costs twice as much: on Python 3.11 its
arguments are packed and unpacked, and its frame shows in every traceback.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
import sys
import types
import weakref

from .._core import TimedCallable, TimedFunction
from .awaited import follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from .._core import Counters

__all__ = ["timed"]

_RESUMED: tuple[type, ...] = (
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
    contextlib._GeneratorContextManager,
    contextlib._AsyncGeneratorContextManager,
)


def timed(function: Any, into: Counters, errors: Counters) -> Any:
    """Return `function` recording the time of each call in `into`, or in `errors` if the call raises."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(timed(function.__func__, into, errors))
    if isinstance(function, type):
        raise TypeError(f"cannot time the class {function.__qualname__}: decorate its methods")
    if not callable(function):
        hint = ": decorate its getter, below the property" if isinstance(function, property) else ""
        raise TypeError(f"cannot time {function!r}, which is not callable{hint}")
    into.start(), errors.start()  # raises now, not at the first call, if a unit is not one of time
    return _find_wrapper(function)(function, _Destination(into, errors))


class _Destination:
    """Where the time of a call is recorded.

    It is pickled with functions that are pickled by value.  A recorder in a file goes with it; one in memory stays, and
    the copy of the function records in one of its own.
    """

    __slots__ = ("errors", "into")

    def __init__(self, into: Counters, errors: Counters | None) -> None:
        self.into = into
        self.errors = errors if errors is not None else into

    def __reduce__(self) -> tuple[Any, ...]:
        return _Destination, _portable(self.into, self.errors)


def _portable(into: Any, errors: Any) -> tuple[Any, Any]:
    """Return what pickles as two recorders; None for the second if it is the first."""
    first, second = (to if to.path is not None else _OneLikeIt(to) for to in (into, errors))
    return first, second if errors is not into else None


class _OneLikeIt:
    """Pickles as a new recorder with the name and the unit of another, which is in memory."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder

    def __reduce__(self) -> tuple[Any, ...]:
        kind: Any = type(self.recorder)
        return functools.partial(kind, unit=self.recorder.unit), (self.recorder.name,)


def _find_wrapper(function: Any) -> Callable[[Any, _Destination], Any]:
    for candidate in (function, type(function).__call__):  # the second is for instances with a __call__
        if inspect.iscoroutinefunction(candidate):
            return _time_coroutine
        if inspect.isasyncgenfunction(candidate):
            return _time_async_generator
        if inspect.isgeneratorfunction(candidate):
            return _time_generator
    return _time_call


def _time_call(function: Any, to: _Destination) -> Any:
    kind = TimedFunction if _becomes_method(function) else TimedCallable
    wrapper = kind(function, to.into, to.errors, _resume, _by_value)
    if isinstance(function, types.FunctionType):
        vars(wrapper).update(vars(function), __timed__=_Luggage(wrapper, function, to))
    wrapper.__wrapped__ = function
    return wrapper


class _Luggage:
    """Makes a copy that cloudpickle takes of a timed function a timed function.

    It copies what pickle refuses to: functions of ``__main__``, and those within others.  What it knows of a function
    is code, closure, defaults and `__dict__`, so the copy of a timed function is one of the function inside.  This lies
    in the `__dict__`; where it is unpickled, it gets hold of the copy and replaces its code.
    """

    __slots__ = ("function", "to", "wrapper")

    def __init__(self, wrapper: Any, function: Any, to: _Destination) -> None:
        self.wrapper = weakref.ref(wrapper)  # without a cycle, it goes as soon as nobody needs it
        self.function = function
        self.to = to

    def __reduce__(self) -> tuple[Any, ...]:
        wrapper = self.wrapper()
        return (type(None), ()) if wrapper is None else (_unpack, (wrapper, self.function, self.to))


def _unpack(copy: Any, function: Any, to: _Destination) -> _Luggage:
    if type(copy) is types.FunctionType:  # and not what pickle has found by name
        timed_function = _time_call(function, to)
        code = _call_constant.__code__
        constants = tuple(timed_function if constant == 1j else constant for constant in code.co_consts)
        free = copy.__code__.co_freevars
        copy.__code__ = code.replace(co_consts=constants, co_name=function.__name__, co_freevars=free)
    return _Luggage(copy, function, to)


def _call_constant(*args: Any, **kwargs: Any) -> Any:
    function: Any = 1j  # a constant, as the copy has the closure of the function inside; replaced by what to call
    return function(*args, **kwargs)


def _becomes_method(function: Any) -> bool:
    """Return whether `function` takes the instance as its first argument if it is found in a class."""
    if isinstance(function, types.MethodType):
        return False
    if isinstance(function, functools.partial):
        return sys.version_info >= (3, 14)  # 3.13 only warns
    return hasattr(type(function), "__get__")


def _by_value(function: Any, into: Counters, errors: Counters) -> tuple[Any, ...]:
    portable_into, portable_errors = _portable(into, errors)
    return operator.methodcaller("timed", function, errors=portable_errors), (portable_into,)  # all of it is public


def _resume(result: Any, into: Counters, errors: Counters, began: int) -> Any:
    """Return what a call handed back with its work still to come, timed until it ends; None if the work is done."""
    kind = type(result)
    if kind not in _RESUMED:
        return follow(result, into, errors, began)
    to = _Destination(into, errors)
    if kind is types.CoroutineType:
        return _wrap_coroutine(lambda: result, to)()
    if kind is types.GeneratorType:
        return _keep_awaitable(result.gi_code, _wrap_generator(lambda: result, to))()
    if kind is types.AsyncGeneratorType:
        return _wrap_async_generator(lambda: result, to)()
    wrap = _wrap_generator if kind is contextlib._GeneratorContextManager else _wrap_async_generator
    manager: Any = object.__new__(kind)
    vars(manager).update(vars(result))
    manager.gen = wrap(lambda: result.gen, to)()
    manager.func = wrap(result.func, to)  # makes the generator of each call, where the manager is used as a decorator
    return manager


def _time_coroutine(function: Any, to: _Destination) -> Any:
    return _look_like(function, _wrap_coroutine(function, to))


def _time_generator(function: Any, to: _Destination) -> Any:
    wrapper = _look_like(function, _wrap_generator(function, to))
    return _keep_awaitable(getattr(function, "__code__", None), wrapper)


def _keep_awaitable(code: Any, wrapper: Any) -> Any:
    awaitable = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return types.coroutine(wrapper) if awaitable else wrapper


def _time_async_generator(function: Any, to: _Destination) -> Any:
    return _look_like(function, _wrap_async_generator(function, to))


def _look_like(function: Any, wrapper: Any) -> Any:
    """Return `wrapper` with the names of `function` and its globals, by which doctest tells whose function it is."""
    scope = getattr(function, "__globals__", None)
    if scope is not None:
        wrapper = types.FunctionType(wrapper.__code__, scope, wrapper.__name__, None, wrapper.__closure__)
    return functools.update_wrapper(wrapper, function)


def _wrap_coroutine(function: Any, to: _Destination) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with to.into.time(to.errors):
            return await function(*args, **kwargs)

    return wrapper


def _wrap_generator(function: Any, to: _Destination) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with to.into.time(to.errors):
            return (yield from function(*args, **kwargs))

    return wrapper


def _wrap_async_generator(function: Any, to: _Destination) -> Any:
    ended, closed, anything = StopAsyncIteration, GeneratorExit, BaseException  # the globals are those of `function`

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        # What `yield from` does for a generator, spelled out: the language has no such thing for async ones.
        with to.into.time(to.errors):
            generator = function(*args, **kwargs)
            step = generator.__anext__()
            while True:
                try:
                    item = await step
                except ended:
                    return
                try:
                    sent = yield item
                except closed:
                    await generator.aclose()
                    raise
                except anything as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)

    return wrapper
