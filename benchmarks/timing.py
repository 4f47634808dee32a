"""How times are taken: whole rounds interleaved, so that a machine that slows down slows every case alike.

A round times every case once, one after the other.  The fastest rounds estimate the cost without interference; the
median and the spread of all of them say how much interference there was.
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
    """One thing to time: `run()` returns the ns that one operation took, averaged over many."""

    name: str
    run: Callable[[], float]
    samples: list[float] = field(default_factory=list)  # ns per operation, one a round

    @property
    def best(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


def loop(name: str, statement: str, *, over: Sequence[Any] | None = None, repeat: int = 50_000, **names: Any) -> Case:
    """Return the case of a statement run by a ``for`` loop, everything it names a local variable.

    It runs `repeat` times, or once for each ``value`` of the sequence `over`.  Use ``loop("loop", "pass")``, with the
    same `over`, to take the loop itself off.
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


def once(name: str, function: Callable[[], object], per: float = 1) -> Case:
    """Return the case of one call, for what takes long enough; the time is divided by `per` operations."""

    def run() -> float:
        began = time.perf_counter_ns()
        function()
        return (time.perf_counter_ns() - began) / per

    return Case(name, run)


def interleave(cases: Iterable[Case], rounds: int = ROUNDS) -> dict[str, Case]:
    """Time all cases in turn, `rounds` times over, the garbage collector held still; return them by name."""
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
    """Return how often to repeat a call so that all together take about `wanted_ns`."""
    function()
    began = time.perf_counter_ns()
    function()
    return max(1, int(wanted_ns / max(time.perf_counter_ns() - began, 50)))
