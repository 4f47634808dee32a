"""Measurement of times: rounds are interleaved, so that a machine that slows down slows down every case.

A round times every case once, one after the other.  The fastest rounds estimate the cost without interference.  The
median and the spread of all rounds show how much interference there was.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROUNDS = 50


@dataclass
class Case:
    """A case to time: `run()` returns the ns per operation, averaged over many operations."""

    name: str
    run: Callable[[], float]
    samples: list[float] = field(default_factory=list)  # ns per operation, one a round

    @property
    def best(self) -> float:
        """The fastest round, in ns per operation."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The median of all rounds, in ns per operation."""
        return statistics.median(self.samples)


def loop(name: str, statement: str, *, over: Sequence[Any] | None = None, repeat: int = 50_000, **names: Any) -> Case:
    """Return the case of a statement in a ``for`` loop; every name in it is a local variable.

    It runs `repeat` times, or once for each ``value`` of the sequence `over`.  Use ``loop("loop", "pass")``, with the
    same `over`, to subtract the loop itself.
    """
    count = repeat if over is None else len(over)
    values = "_repeat(None, _n)" if over is None else "_over"
    arguments = "".join(f", {key}={key}" for key in names)
    source = (
        f"def run(_clock=_clock, _repeat=_repeat, _over=_over, _n=_n{arguments}):\n"
        f"    _values = {values}\n"
        "    _began = _clock()\n"
        f"    for {'_' if over is None else 'value'} in _values:\n"
        f"        {statement}\n"
        "    return (_clock() - _began) / _n\n"
    )
    scope: dict[str, Any] = {"_clock": time.perf_counter_ns, "_repeat": itertools.repeat, "_over": over, "_n": count}
    scope.update(names)
    exec(source, scope)
    return Case(name, scope["run"])


def once(
    name: str, function: Callable[[], object], per: float = 1, clock: Callable[[], int] = time.perf_counter_ns
) -> Case:
    """Return the case of one call that takes long enough to be timed alone; its time is divided by `per` operations.

    With ``time.process_time_ns`` as the clock, other processes matter less.
    """

    def run() -> float:
        began = clock()
        function()
        return (clock() - began) / per

    return Case(name, run)


def interleave(cases: Iterable[Case], rounds: int = ROUNDS) -> dict[str, Case]:
    """Time all cases in turn, `rounds` times, with the garbage collector off; return them by name."""
    cases = list(cases)
    for case in cases:
        case.run()  # warm up
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for case in cases:
                case.samples.append(case.run())
    finally:
        if enabled:
            gc.enable()
    return {case.name: case for case in cases}


def repeats(function: Callable[[], object], wanted_ns: float = 2e6) -> int:
    """Return how often to repeat a call so that all repetitions take about `wanted_ns`."""
    function()
    began = time.perf_counter_ns()
    function()
    return max(1, int(wanted_ns / max(time.perf_counter_ns() - began, 50)))
