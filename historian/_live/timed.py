"""The wrappers that `Recorder.timed` returns: one for each kind of callable, which times a call until it has ended.

A callable becomes an object of `_core`.  Its class, code and names are those of the function, so `isinstance` and
`inspect` treat it as a function.  The same is true of the generators and coroutines that it returns.  A real function
as wrapper would take twice the time on Python 3.11, because it packs and unpacks the arguments, and its frame would
appear in every traceback.  Only async generator functions become such functions, and objects whose ``__call__`` is a
function of one of these kinds: others ask the result, not its ``__call__``, which kind it is.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
import sys
import types
import weakref

from .._core import TimedCallable, TimedFunction, follow_steps
from .awaited import follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from .._core import Counters

__all__ = ["timed"]

_RESUMED: tuple[type, ...] = (
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
        if inspect.isasyncgenfunction(candidate):
            return _time_async_generator
        if _makes_steps(candidate):
            return _time_steps if candidate is function else _time_steps_of_instance
    return _time_call


def _makes_steps(function: Any) -> bool:
    """Return whether a call makes a generator or a coroutine, and runs none of the function yet."""
    return inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function)


def _time_steps(function: Any, to: _Destination) -> Any:
    return _time_call(function, to, makes=True)


def _time_steps_of_instance(function: Any, to: _Destination) -> Any:
    call = TimedCallable(function, to.into, to.errors, _resume, _by_value, True)
    wrapper = _wrap_steps(type(function).__call__, call)
    code = getattr(type(function).__call__, "__code__", None)
    awaitable = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
    return _look_like(function, types.coroutine(wrapper) if awaitable else wrapper)


def _time_call(function: Any, to: _Destination, makes: bool = False) -> Any:
    kind = TimedFunction if _becomes_method(function) else TimedCallable
    wrapper = kind(function, to.into, to.errors, _resume, _by_value, makes)
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
        code = _constant_like(function).__code__
        timed_function = _time_call(function, to, _makes_steps(function))
        constants = tuple(timed_function if constant == 1j else constant for constant in code.co_consts)
        flags = code.co_flags | copy.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE
        free = copy.__code__.co_freevars
        copy.__code__ = code.replace(co_consts=constants, co_name=function.__name__, co_freevars=free, co_flags=flags)
    return _CopyHook(copy, function, to)


def _constant_like(function: Any) -> Any:
    """Return the function below of the same kind as `function`."""
    if inspect.iscoroutinefunction(function):
        return _await_constant
    if inspect.isgeneratorfunction(function):
        return _yield_constant
    return _call_constant


# `_time_copy` replaces the constant in these functions.  A variable is impossible: the copy has the closure of the
# function inside.


def _call_constant(*args: Any, **kwargs: Any) -> Any:
    function: Any = 1j
    return function(*args, **kwargs)


async def _await_constant(*args: Any, **kwargs: Any) -> Any:
    function: Any = 1j
    return await function(*args, **kwargs)


def _yield_constant(*args: Any, **kwargs: Any) -> Any:
    function: Any = 1j
    return (yield from function(*args, **kwargs))


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
    if kind is types.AsyncGeneratorType:
        return _wrap_async_generator(lambda: result, to)()
    manager: Any = object.__new__(kind)
    vars(manager).update(vars(result))
    # A manager that is used as a decorator calls `func` for a new generator.
    if kind is contextlib._GeneratorContextManager:
        manager.gen = follow_steps(result.gen, into, errors)
        manager.func = _time_steps(result.func, to)
    else:
        manager.gen = _wrap_async_generator(lambda: result.gen, to)()
        manager.func = _wrap_async_generator(result.func, to)
    return manager


def _time_async_generator(function: Any, to: _Destination) -> Any:
    return _look_like(function, _wrap_async_generator(function, to))


def _look_like(function: Any, wrapper: Any) -> Any:
    """Return `wrapper` with the names of `function` and its globals, in which doctest looks for its module."""
    scope = getattr(function, "__globals__", None)
    if scope is not None:
        wrapper = types.FunctionType(wrapper.__code__, scope, wrapper.__name__, None, wrapper.__closure__)
    return functools.update_wrapper(wrapper, function)


def _wrap_steps(function: Any, timed: Any) -> Any:
    """Return a function of the kind of `function`, a coroutine function or a generator function, that calls `timed`."""

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return await timed(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from timed(*args, **kwargs))

    return coroutine if inspect.iscoroutinefunction(function) else generator


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
