"""What `Recorder.timed` makes of a callable: one wrapper for each kind, so that each is timed until it has ended."""

from __future__ import annotations

import functools
import inspect
import types

from .._core import TimedFunction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from .._core import Counters

__all__ = ["timed"]


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
    return functools.update_wrapper(_find_wrapper(function)(function, into, errors), function)


def _find_wrapper(function: Any) -> Callable[[Any, Counters, Counters], Any]:
    for candidate in (function, type(function).__call__):  # the second is for instances with a __call__
        if inspect.iscoroutinefunction(candidate):
            return _wrap_coroutine
        if inspect.isasyncgenfunction(candidate):
            return _wrap_async_generator
        if inspect.isgeneratorfunction(candidate):
            return _wrap_generator
    return _wrap_call


def _wrap_call(function: Any, into: Counters, errors: Counters) -> Any:
    return TimedFunction(function, into, errors, _resume)


def _resume(result: Any, into: Counters, errors: Counters) -> Any:
    """Return the coroutine, generator or async generator that a plain call handed back, timed until it ends."""
    wrap: Any = _wrap_async_generator
    if isinstance(result, types.CoroutineType):
        wrap = _wrap_coroutine
    elif isinstance(result, types.GeneratorType):
        wrap = _wrap_generator
    return wrap(lambda: result, into, errors)()


def _wrap_coroutine(function: Any, into: Counters, errors: Counters) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with into.time(errors):
            return await function(*args, **kwargs)

    return wrapper


def _wrap_generator(function: Any, into: Counters, errors: Counters) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with into.time(errors):
            return (yield from function(*args, **kwargs))

    code = getattr(function, "__code__", None)
    awaitable = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return types.coroutine(wrapper) if awaitable else wrapper


def _wrap_async_generator(function: Any, into: Counters, errors: Counters) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        # What `yield from` does for a generator, spelled out: the language has no such thing for async ones.
        with into.time(errors):
            generator = function(*args, **kwargs)
            step = generator.__anext__()
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)

    return wrapper
