"""The wrappers that `Recorder.timed` returns: one for each kind of callable, which times a call until it has ended.

Coroutine functions, generator functions and async generator functions become functions of the same kind.  Every other
callable becomes an object of `_core`.  Its class, code and names are those of the function, so `isinstance` and
`inspect` treat it as a function.  A real function as wrapper would take twice the time on Python 3.11, because it packs
and unpacks the arguments, and its frame would appear in every traceback.
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
    into.start(), errors.start()  # raises here, not at the first call, if a unit is not a unit of time
    return _find_wrapper(function)(function, _Destination(into, errors))


class _Destination:
    """The recorders of a timed function.

    It is pickled with functions that are pickled by value.  The copy of the function records in the same file.  If the
    recorder is in memory, the copy gets a new recorder.
    """

    __slots__ = ("errors", "into")

    def __init__(self, into: Counters, errors: Counters | None) -> None:
        self.into = into
        self.errors = errors if errors is not None else into

    def __reduce__(self) -> tuple[Any, ...]:
        return _Destination, _portable(self.into, self.errors)


def _portable(into: Any, errors: Any) -> tuple[Any, Any]:
    """Return two objects that pickle as the recorders of a copy; the second is None if both are the same recorder."""
    first, second = (to if to.path is not None else _EmptyRecorder(to) for to in (into, errors))
    return first, second if errors is not into else None


class _EmptyRecorder:
    """Pickles as a new recorder with the name and the unit of `recorder`, which is in memory."""

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
    if isinstance(function, (types.FunctionType, TimedCallable)):
        vars(wrapper).update(vars(function))
    if isinstance(function, types.FunctionType):
        vars(wrapper)["__timed__"] = _CopyHook(wrapper, function, to)
    wrapper.__wrapped__ = function
    return wrapper


class _CopyHook:
    """Turns the copy that cloudpickle makes of a timed function into a timed function.

    cloudpickle copies functions that pickle refuses: those of ``__main__`` and local ones.  It copies code, closure,
    defaults and `__dict__`.  For a timed function, all of these are those of the function inside, so the copy would not
    be timed.  This object is in the `__dict__`.  When it is unpickled, it replaces the code of the copy.
    """

    __slots__ = ("function", "to", "wrapper")

    def __init__(self, wrapper: Any, function: Any, to: _Destination) -> None:
        self.wrapper = weakref.ref(wrapper)  # not a cycle, so that the wrapper is freed as soon as it is not used
        self.function = function
        self.to = to

    def __reduce__(self) -> tuple[Any, ...]:
        wrapper = self.wrapper()
        return (type(None), ()) if wrapper is None else (_time_copy, (wrapper, self.function, self.to))


def _time_copy(copy: Any, function: Any, to: _Destination) -> _CopyHook:
    if type(copy) is types.FunctionType:  # otherwise pickle has found the timed function by its name
        timed_function = _time_call(function, to)
        code = _call_constant.__code__
        constants = tuple(timed_function if constant == 1j else constant for constant in code.co_consts)
        free = copy.__code__.co_freevars
        copy.__code__ = code.replace(co_consts=constants, co_name=function.__name__, co_freevars=free)
    return _CopyHook(copy, function, to)


def _call_constant(*args: Any, **kwargs: Any) -> Any:
    # `_time_copy` replaces this constant.  A variable is impossible: the copy has the closure of the function inside.
    function: Any = 1j
    return function(*args, **kwargs)


def _becomes_method(function: Any) -> bool:
    """Return whether `function`, as an attribute of a class, receives the instance as its first argument."""
    if isinstance(function, types.MethodType):
        return False
    if isinstance(function, functools.partial):
        return sys.version_info >= (3, 14)  # 3.13 only warns
    return hasattr(type(function), "__get__")


def _by_value(function: Any, into: Counters, errors: Counters) -> tuple[Any, ...]:
    portable_into, portable_errors = _portable(into, errors)
    return operator.methodcaller("timed", function, errors=portable_errors), (portable_into,)  # public names only


def _resume(result: Any, into: Counters, errors: Counters, began: int) -> Any:
    """Return the result of a call, timed until its work has ended; None if the work is done already."""
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
    manager.func = wrap(result.func, to)  # a manager that is used as a decorator calls this for a new generator
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
    """Return `wrapper` with the names of `function` and its globals, in which doctest looks for its module."""
    scope = getattr(function, "__globals__", None)
    if scope is not None:
        wrapper = types.FunctionType(wrapper.__code__, scope, wrapper.__name__, None, wrapper.__closure__)
    return functools.update_wrapper(wrapper, function)


def _wrap_coroutine(function: Any, to: _Destination) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)  # before the timer: if the arguments do not fit, nothing has run
        with to.into.time(to.errors):
            return await coroutine

    return wrapper


def _wrap_generator(function: Any, to: _Destination) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        with to.into.time(to.errors):
            return (yield from generator)

    return wrapper


def _wrap_async_generator(function: Any, to: _Destination) -> Any:
    # Local names, because `_look_like` gives the wrapper the globals of `function`.
    ended, closed, anything = StopAsyncIteration, GeneratorExit, BaseException

    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        # What `yield from` does for a generator.  Python has no such statement for async generators.
        with to.into.time(to.errors):
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
