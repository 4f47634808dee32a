"""`interleave`: time callables in turns, A B B A or B A A B in each block, and compare them."""

from __future__ import annotations

import gc
import time
from typing import NamedTuple

from .._stats.checks import check_confidence, check_n, check_number
from .arguments import check_blocks, least_blocks
from .comparison import Comparison
from .comparisons import Comparisons
from .stopping import is_answered, looks_at, rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Literal, overload

    from ..histogram import Histogram
else:

    def overload(function):
        return function


__all__ = ["check_callable", "interleave"]

BLOCKS, SECONDS = 30, 2.0
MOST_BLOCKS, MOST_SECONDS = 300, 20.0  # if `until` may end the measurement earlier
MOST_CALLS = 1_000_000  # in a turn


@overload
def interleave(
    f: Callable[[], Any],
    g: Callable[[], Any],
    /,
    *,
    blocks: int | None = None,
    calls: int | None = None,
    seconds: float | None = None,
    until: Literal["decided"] | float | Callable[[Comparison], bool] | None = None,
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
    blocks: int | None = None,
    calls: int | None = None,
    seconds: float | None = None,
    until: Literal["decided"] | float | Callable[[Comparison], bool] | None = None,
    warm_up: int = 2,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int | None = None,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[Comparison]: ...
def interleave(
    *callables: Callable[[], Any],
    blocks: int | None = None,
    calls: int | None = None,
    seconds: float | None = None,
    until: Literal["decided"] | float | Callable[[Comparison], bool] | None = None,
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

    There are 30 `blocks`.  A turn is `calls` calls of one callable.  Without `calls`, the last block of the warm-up
    determines a number for which all blocks together take about `seconds`, 2 of them.  The first `warm_up` blocks, at
    least one, are discarded.  The garbage collector runs before each turn, never within it.  `seed` makes the random
    order repeatable.  `clock` returns whole nanoseconds; the time to read it is part of each call's time.

    With `until`, the measurement ends as soon as a question is answered, after at most `blocks` (300) and about
    `seconds` (20).  ``until="decided"`` asks whether any ratio in the table is known to be above or below 1.  A number
    asks for a precision: ``until=0.02`` is reached if the ratio of the medians is known within 2 %.  A callable takes
    the comparison so far, and returns whether to stop.  The question is asked at a few numbers of blocks, each about
    1.3 times the one before.  All intervals of all these looks hold together with the confidence, so it does not matter
    which rule stops the measurement.  For this they are wider: see `Comparison.looks`.

    Returns a `Comparison` of values in seconds.  For more than two callables, returns `Comparisons`: a list that
    compares each of the others with the first; `until` then waits for all answers.  An exception of a callable
    propagates, and the garbage collector is restored.  Raises ValueError for fewer than two callables, and for too few
    blocks (fewer than 8 for a confidence of 95 %).  Raises TypeError for an object that is not callable, and for
    coroutine and generator functions.

    >>> import historian
    >>> comparison = historian.interleave(lambda: sum(range(1000)), lambda: sum(range(2000)), calls=10)
    >>> comparison.a.count, len(comparison.blocks)
    (600, 30)
    """
    confidence = check_confidence(confidence)
    schedule = Schedule.of(blocks, calls, seconds, until, warm_up, confidence)
    if len(callables) < 2:
        raise ValueError(f"pass at least two callables to compare, not {len(callables)}")
    for one in callables:
        check_callable(one)
    labels = _labels(names, len(callables))
    question = rule(until) if until is not None else None
    orders, collects = _orders(len(callables), seed), gc.isenabled()
    measured: list[list[Histogram]] = []
    try:
        for _ in range(schedule.warm_up):
            last = _block(callables, next(orders), schedule.calls or 1, clock)
        schedule = schedule.after(sum(map(sum, last)) / 1e9)
        looks = looks_at(schedule.blocks, confidence) if question else [schedule.blocks]
        for number in looks:
            while len(measured) < number:
                times = _block(callables, next(orders), schedule.calls or 1, clock)
                measured.append(list(map(_histogram, times)))
            (gc.enable if collects else gc.disable)()
            found = _compared(measured, labels, confidence, len(looks))
            if question and is_answered(question, found):
                break
    finally:
        (gc.enable if collects else gc.disable)()  # a callable may have called either
    return found[0] if len(found) == 1 else Comparisons(found)


class Schedule(NamedTuple):
    """How long to measure: the checked arguments of `interleave`."""

    blocks: int  # in [1, inf)
    calls: int | None  # in a turn, in [1, inf); None until the warm-up has shown how many there is time for
    seconds: float  # about so many for all blocks, in [0, inf)
    warm_up: int  # blocks, in [1, inf)
    least: int | None  # blocks that are measured even if there is no time for them; None if it is all of them

    @classmethod
    def of(
        cls,
        blocks: int | None,
        calls: int | None,
        seconds: float | None,
        until: object,
        warm_up: int,
        confidence: float,
    ) -> Schedule:
        """Return a schedule if all arguments are valid; else raise."""
        blocks = check_n(blocks, "blocks") if blocks is not None else BLOCKS if until is None else MOST_BLOCKS
        check_blocks(blocks, confidence)
        seconds = seconds if seconds is not None else SECONDS if until is None else MOST_SECONDS
        return cls(
            blocks=blocks,
            calls=calls if calls is None else check_n(calls, "calls"),
            seconds=check_number("seconds", seconds, 0),
            warm_up=check_n(warm_up, "warm_up"),
            least=None if until is None else least_blocks(confidence),
        )

    def after(self, block: float) -> Schedule:
        """Return the schedule for the seconds that a block of the warm-up took with `calls` calls or else one."""
        fit = self.seconds / max(block, 1e-9)  # such blocks
        blocks = self.blocks if self.least is None else max(self.least, min(self.blocks, int(fit)))
        return self._replace(blocks=blocks, calls=self.calls or max(1, min(MOST_CALLS, int(fit / blocks))))


def _compared(
    measured: Sequence[Sequence[Histogram]], labels: Sequence[str], confidence: float, looks: int
) -> list[Comparison]:
    """Compare the histograms of the blocks of each callable with those of the first."""
    from ..histogram import merge

    first, *others = zip(*measured)
    whole = merge(first)
    return [
        Comparison(
            whole,
            merge(run),
            blocks=zip(first, run),
            confidence=confidence,
            names=(labels[0], label),
            looks=looks,
        )
        for run, label in zip(others, labels[1:])
    ]


def check_callable(function: Any) -> None:
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


def _orders(callables: int, seed: int | None) -> Iterator[list[int]]:
    """Yield the turns of each block: the positions of the callables in a random order, then in the reverse order.

    The two turns of each callable have the same mean position.  So a linear drift adds the same to all of them.
    """
    from random import Random

    shuffled = Random(seed)
    while True:
        order = shuffled.sample(range(callables), callables)
        yield order + order[::-1]


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
