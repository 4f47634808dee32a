"""`Latency`: what the fixture is: it measures functions, coroutine functions, blocks of code, and pairs."""

from __future__ import annotations

import time
from functools import partial

from ._loop import Plan, small_heap, timed, timed_async
from ._measured import Block, Measured
from ._options import Options
from ._trial import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, ParamSpec

    from ..._compare.stopping import _Until
    from ._compared import Compared
    from ._watch import Watch

    _P = ParamSpec("_P")

__all__ = ["Latency", "name_of"]

TURNS = 60  # of each function in a comparison: 30 blocks of two


class Latency:
    """The fixture ``latency``: measures, and returns what a test asserts on.

    A function runs at most 10,000 times and for about a second.  The first 10 calls do not count.  The garbage
    collector runs between calls, never within one.  The time to read the clock is part of each call.  Change this by
    ``@pytest.mark.latency(calls=..., seconds=...)`` for a test, a class or a module, or by `options`.

    >>> from historian.meters.pytest import Latency
    >>> latency = Latency().options(calls=1_000)
    >>> assert latency(sorted, [3, 1, 2]).p99 < 0.1
    """

    __slots__ = ("_clock", "_options", "_watch")
    __module__ = "historian.meters.pytest"

    def __init__(
        self,
        options: Options | None = None,
        *,
        watch: Watch | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """Measure by `clock`, which returns whole ns.  `watch` keeps what a test measures."""
        self._options = Options() if options is None else options
        self._watch, self._clock = watch, clock

    def options(self, **changes: Any) -> Latency:
        """Return a fixture with other options: calls, seconds, warm_up, confidence, tolerance, name.

        ``calls`` and ``seconds`` are upper limits: the measurement ends at the first that is reached.  ``warm_up`` is
        the number of calls that do not count.  ``confidence`` is that of the interval between both bounds, 0.95.
        ``tolerance`` is by how much a baseline may be exceeded, 0.25 for 25 %.  ``name`` is shown in reports, by
        default the name of the function.  Raises TypeError and ValueError for anything else.
        """
        return Latency(self._options.changed(changes), watch=self._watch, clock=self._clock)

    def __call__(self, function: Callable[_P, Any], /, *args: _P.args, **kwargs: _P.kwargs) -> Measured:
        """Call a function with these arguments again and again, and return the times of its calls.

        Exceptions of the function propagate.  Raises TypeError for an object that is not callable, and for coroutine
        and generator functions, whose call does not run their body.
        """
        from ..._compare.interleave import check_callable

        if _is_coroutine_function(function):
            raise TypeError(f"{name_of(function)} is a coroutine function: use await latency.async_(...)")
        check_callable(function)
        __tracebackhide__ = True
        call, trial = _bound_to(function, args, kwargs), self._trial(function)
        while trial.goes_on:
            trial.add(timed(call, Plan(self._options, self._clock, trial.between)))
        return trial.result()

    async def async_(self, function: Callable[_P, Awaitable[Any]], /, *args: _P.args, **kwargs: _P.kwargs) -> Measured:
        """Await a coroutine function with these arguments again and again, and return the times of its calls.

        It runs in the event loop of the test: that of pytest-asyncio, anyio, or any other.
        """
        if not callable(function):
            raise TypeError(f"function must be callable, not {function!r}: pass the function, not its coroutine")
        __tracebackhide__ = True
        call, trial = _bound_to(function, args, kwargs), self._trial(function)
        while trial.goes_on:
            trial.add(await timed_async(call, Plan(self._options, self._clock, trial.between)))
        return trial.result()

    def block(self, name: str = "block") -> Block:
        """Return what measures a block of code: ``with block:`` in a loop of the test, then ask it.

        No block is left out as a warm-up, and calls and seconds are those of the loop.
        """
        name = self._options.name or name
        trial = Trial(name, self._options) if self._watch is None else self._watch.trial(name, self._options)
        block = Block(name, self._options.confidence, self._clock, trial.after)
        trial.block = block
        return block

    def compare(
        self,
        a: Callable[[], Any],
        b: Callable[[], Any],
        /,
        *,
        names: tuple[str, str] | None = None,
        until: _Until | None = None,
    ) -> Compared:
        """Run two functions without arguments in turns, and return the ratios of their quantiles, B over A.

        See `historian.interleave`, which also explains `until`.  ``seconds`` is about the time of all calls, 2 s;
        ``calls`` is the number of calls of each.  Confidence is that of each ratio.
        """
        from ..._compare.interleave import interleave
        from ._compared import Compared

        options = self._options
        with small_heap():  # it collects before each turn
            found = interleave(
                a,
                b,
                calls=None if options.calls is None else -(-options.calls // TURNS),
                seconds=options.seconds,
                until=until,
                names=_two_names(a, b) if names is None else names,
                confidence=options.confidence,
                clock=self._clock,
            )
        compared = Compared(found)
        if self._watch is not None:
            self._watch.add_pair(compared)
        return compared

    def _trial(self, function: Any) -> Trial:
        name = self._options.name or name_of(function)
        return Trial(name, self._options) if self._watch is None else self._watch.trial(name, self._options)


def name_of(function: Any) -> str:
    """Return the name of a function, without the names of those around it.

    >>> name_of(len), name_of(partial(sorted, [])), name_of(lambda: 0), name_of([].append)
    ('len', 'sorted', 'lambda', 'append')
    """
    while isinstance(function, partial):
        function = function.func
    found = getattr(function, "__name__", "") or type(function).__name__
    return "lambda" if found == "<lambda>" else str(found)


def _two_names(a: Any, b: Any) -> tuple[str, str]:
    names = name_of(a), name_of(b)
    return names if names[0] != names[1] else ("A", "B")


def _bound_to(function: Callable[..., Any], args: Any, kwargs: Any) -> Callable[[], Any]:
    return partial(function, *args, **kwargs) if args or kwargs else function


def _is_coroutine_function(function: Any) -> bool:
    from inspect import iscoroutinefunction

    while isinstance(function, partial):
        function = function.func
    return iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)
