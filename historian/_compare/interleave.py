"""`interleave`: time callables in turns, A B B A or B A A B in each block, and compare them."""

from __future__ import annotations

import gc
import time

from .._stats.checks import check_confidence, check_n, check_number
from .comparison import Comparison, check_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, overload

    from ..histogram import Histogram
else:

    def overload(function):
        return function


__all__ = ["interleave"]


@overload
def interleave(
    f: Callable[[], Any],
    g: Callable[[], Any],
    /,
    *,
    blocks: int = 30,
    calls: int | None = None,
    seconds: float = 2.0,
    warm_up: int = 2,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Comparison: ...
@overload
def interleave(
    f: Callable[[], Any],
    g: Callable[[], Any],
    h: Callable[[], Any],
    /,
    *more: Callable[[], Any],
    blocks: int = 30,
    calls: int | None = None,
    seconds: float = 2.0,
    warm_up: int = 2,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[Comparison]: ...
def interleave(
    *callables: Callable[[], Any],
    blocks: int = 30,
    calls: int | None = None,
    seconds: float = 2.0,
    warm_up: int = 2,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Any:
    """Run callables without arguments in turns, compare the times of their calls, B over A.

    The speed of the machine changes while they run.  In each block, every callable has two turns: first in a random
    order, then in the reverse order, such as A B B A.  So a machine that warms up or slows down affects all callables
    alike.  A disturbance that comes again and again meets them in a random order, so it becomes noise.  The differences
    that remain between blocks give the intervals, by resampling of the blocks.

    A turn is `calls` calls of one callable.  Without `calls`, the last block of the warm-up determines a number for
    which all blocks together take about `seconds`.  The first `warm_up` blocks, at least one, are discarded.  The
    garbage collector runs before each turn, never within it.  `seed` makes the random order repeatable.  `clock`
    returns whole nanoseconds; the time to read it is part of each call's time.

    Returns a `Comparison` of values in seconds.  For more than two callables, returns a list that compares each of the
    others with the first.  An exception of a callable propagates, and the garbage collector is restored.  Raises
    ValueError for fewer than two callables, and for too few blocks (fewer than 8 for a confidence of 95 %).  Raises
    TypeError for an object that is not callable, and for coroutine and generator functions.

    >>> import historian
    >>> comparison = historian.interleave(lambda: sum(range(1000)), lambda: sum(range(2000)), calls=10)
    >>> comparison.a.count, len(comparison.blocks)
    (600, 30)
    """
    blocks, calls = _checked(callables, blocks, calls, seconds, warm_up, confidence)
    labels = _labels(names, len(callables))
    orders = _orders(len(callables), warm_up + blocks, seed)
    runs = _run(callables, orders, warm_up, calls, seconds, clock)
    from ..histogram import merge

    wholes = [merge(run) for run in runs]
    found = []
    for whole, run, label in list(zip(wholes, runs, labels))[1:]:
        names = labels[0], label
        found.append(Comparison(wholes[0], whole, blocks=zip(runs[0], run), confidence=confidence, names=names))
    return found[0] if len(found) == 1 else found


def _checked(
    callables: Sequence[Any], blocks: int, calls: int | None, seconds: float, warm_up: int, confidence: float
) -> tuple[int, int | None]:
    """Return blocks and calls as ints if all arguments are valid; else raise."""
    if len(callables) < 2:
        raise ValueError(f"pass at least two callables to compare, not {len(callables)}")
    for one in callables:
        _check_callable(one)
    check_confidence(confidence)
    check_number("seconds", seconds, 0)
    check_n(warm_up, "warm_up")
    blocks = check_n(blocks, "blocks")
    check_blocks(blocks, confidence)
    return blocks, calls if calls is None else check_n(calls, "calls")


def _check_callable(function: Any) -> None:
    """Raise TypeError for an object that is not callable, and for a function whose call does not run its body."""
    from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

    if not callable(function):
        raise TypeError(f"each argument must be callable without arguments, not {function!r}: wrap it in a lambda")
    for is_one, hint in (
        (iscoroutinefunction, "lambda: asyncio.run(f())"),
        (isasyncgenfunction, "a function that runs it to its end"),
        (isgeneratorfunction, "lambda: list(f())"),
    ):
        if is_one(function) or is_one(type(function).__call__):
            raise TypeError(f"a call of {function!r} does not run its body: pass {hint}")


def _labels(names: Sequence[str] | None, number: int) -> Sequence[str]:
    if names is None:
        return [chr(ord("A") + k) if k < 26 else f"#{k + 1}" for k in range(number)]
    labels = list(names)
    if len(labels) != number:
        raise ValueError(f"names must have one name for each of the {number} callables, not {len(labels)}")
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"names must be strings, not {label!r}")
    return labels


def _orders(callables: int, blocks: int, seed: int | None) -> list[list[int]]:
    """Return the turns of each block: the positions of the callables in a random order, then in the reverse order.

    The two turns of each callable have the same mean position.  So a linear drift adds the same to all of them.
    """
    from random import Random

    shuffled = Random(seed)
    there = [shuffled.sample(range(callables), callables) for _ in range(blocks)]
    return [order + order[::-1] for order in there]


def _run(
    callables: Sequence[Callable[[], Any]],
    orders: Sequence[Sequence[int]],
    warm_up: int,
    calls: int | None,
    seconds: float,
    clock: Callable[[], int],
) -> list[list[Histogram]]:
    """Return the histograms of the blocks of each callable, without those of the warm-up."""
    warming, measured = orders[:warm_up], orders[warm_up:]
    collects = gc.isenabled()
    try:
        for order in warming:
            last = _block(callables, order, calls or 1, clock)
        if calls is None:
            once = sum(sum(times) for times in last) / 1e9  # one call in each turn
            calls = max(1, min(1_000_000, int(seconds / len(measured) / max(once, 1e-9))))
        blocks = [[_histogram(times) for times in _block(callables, order, calls, clock)] for order in measured]
    finally:
        (gc.enable if collects else gc.disable)()  # a callable may have called either
    return [list(run) for run in zip(*blocks)]


def _block(
    callables: Sequence[Callable[[], Any]], order: Sequence[int], calls: int, clock: Callable[[], int]
) -> list[list[int]]:
    """Return the nanoseconds of the calls of each callable in one block, whose turns are in this order."""
    found: list[list[int]] = [[] for _ in callables]
    for position in order:
        function = callables[position]
        times = [0] * calls  # allocated before the measurement
        gc.collect()
        gc.disable()
        for k in range(calls):
            start = clock()
            function()
            times[k] = clock() - start
        found[position] += times
    return found


def _histogram(times: list[int]) -> Histogram:
    from ..histogram import Histogram

    return Histogram.from_values([nanoseconds / 1e9 for nanoseconds in times])
