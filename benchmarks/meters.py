"""Meters, and functions that ``historian run`` times: the processor time that each adds to the program it measures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time
import types
from typing import TYPE_CHECKING, Any

from historian import Registry, meters
from historian.cli._program.monitored import Monitored, is_available
from historian.cli._program.target import Targets, target_of

from .figures import absolute, ratio, row
from .timing import ROUNDS, Case, interleave, loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figures import Row
    from .peers import Peer
    from .results import Results

TABLE = "Meters"
CALLS_TABLE = "Timed calls of historian run"
IDLE = 0.5  # seconds of a round in which the program does nothing
PERCENT = IDLE * 1e7  # ns of processor time that are a percent of a core meanwhile
CALLS = 1_000  # of a round: short, since one that is interrupted costs a round
SUBMITS = 500
TICKS = 0.01  # seconds: the interval that is the default


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    registry = Registry()
    made: dict[str, Callable[[], meters.Meter]] = {"Hiccups": lambda: meters.Hiccups(registry=registry)}
    try:
        with meters.GilWait(registry=Registry()):
            made["GilWait"] = lambda: meters.GilWait(registry=registry)
    except RuntimeError as error:
        results.skip("GilWait", str(error))
    busy_and_idle(results, made)
    event_loop(results)
    collections(results)
    executor(results)
    timed_calls(results)


def processor_time(name: str, function: Callable[[], object], meter: Callable[[], Any] | None, per: float = 1) -> Case:
    """Return the case of a function while a meter runs: processor time of all threads."""

    def run() -> float:
        started = meter().start() if meter is not None else None
        began = time.process_time_ns()
        function()
        used = time.process_time_ns() - began
        if started is not None:
            started.stop()
        return used / per

    return Case(name, run)


def add(results: Results, name: str, cases: dict[str, Case], target: float) -> None:
    """Add the ratio of a program with a meter to the same one without."""
    over, under = cases[name], cases["none"]
    results.add(ratio(f"{name}: processor time of a busy program, with / without", target, over, under))


# ---- meters with a thread, and the event loop ----


def work() -> None:
    """Compute for about 50 ms: five ticks."""
    total = 0
    for n in range(1_000_000):
        total += n & 7


def busy_and_idle(results: Results, made: dict[str, Callable[[], meters.Meter]]) -> None:
    """Measure meters that have a thread: beside a thread that computes, and in a program that does nothing."""
    busy = [processor_time("none", work, None), *(processor_time(name, work, made[name]) for name in made)]
    cases = interleave(busy, rounds=2 * ROUNDS)
    for name in made:
        add(results, name, cases, 1.03)

    def rest() -> None:
        time.sleep(IDLE)

    floor = "a thread that sleeps again and again"
    idle = [processor_time("none", rest, None), processor_time(floor, rest, Sleeper)]
    cases = interleave([*idle, *(processor_time(name, rest, made[name]) for name in made)], rounds=10)
    results.add(of_a_core(floor, cases))
    for name in made:
        results.add(absolute(f"{name}: of a core, in an idle program", 1, cases[name], "%", PERCENT, cases["none"]))


def of_a_core(name: str, cases: dict[str, Case]) -> Row:
    """Return the row of what costs as little as anything that wakes up as often as a meter does."""
    return row(TABLE, "Python", f"{name}, of a core", cases[name], base=cases["none"], unit="%", per_unit=PERCENT)


class Sleeper:
    """A thread that does nothing, as often as a meter."""

    def __init__(self) -> None:
        self._stop = False
        self._thread = threading.Thread(target=self._sleep)

    def start(self) -> Sleeper:
        """Start the thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Wait for its end."""
        self._stop = True
        self._thread.join()

    def _sleep(self) -> None:
        while not self._stop:
            time.sleep(TICKS)


async def steps() -> None:
    """Give the loop something to do for about 50 ms."""
    for _ in range(5_000):
        await asyncio.sleep(0)


async def called_back() -> None:
    """Do nothing in a callback, as often as a meter."""
    loop = asyncio.get_running_loop()

    def again() -> None:
        nonlocal handle
        handle = loop.call_later(TICKS, again)

    handle = loop.call_later(TICKS, again)
    await asyncio.sleep(IDLE)
    handle.cancel()


def event_loop(results: Results) -> None:
    """Measure the lag of an event loop that is busy, and of one that is idle."""
    runner = asyncio.new_event_loop()
    registry = Registry()

    def case(name: str, main: Callable[[], Any], is_measured: bool) -> Case:
        async def measured() -> None:
            with meters.EventLoopLag(TICKS, registry=registry):
                await main()

        return processor_time(name, lambda: runner.run_until_complete(measured() if is_measured else main()), None)

    cases = interleave([case("none", steps, False), case("EventLoopLag", steps, True)], rounds=ROUNDS)
    add(results, "EventLoopLag", cases, 1.03)
    floor = "a callback that is called again and again"
    rest = lambda: asyncio.sleep(IDLE)  # noqa: E731
    idle = [case("none", rest, False), case(floor, called_back, False), case("EventLoopLag", rest, True)]
    cases = interleave(idle, rounds=10)
    results.add(of_a_core(floor, cases))
    each, base = cases["EventLoopLag"], cases["none"]
    results.add(absolute("EventLoopLag: of a core, in an idle program", 1, each, "%", PERCENT, base))
    runner.close()


# ---- those that cost something each time ----


def collections(results: Results) -> None:
    """Measure collections of the youngest generation, with as many objects in it as start one."""
    registry, number = Registry(), 2_000

    def collect() -> None:
        for _ in range(number // 20):
            kept = [[] for _ in range(700)]  # what the collection looks at
            gc.collect(0)
            del kept

    cases = interleave(
        [
            processor_time("none", collect, None, number / 20),
            processor_time("GcPauses", collect, lambda: meters.GcPauses(registry=registry), number / 20),
        ]
    )
    add(results, "GcPauses", cases, 1.05)
    results.add(row(TABLE, "historian", "GcPauses: each collection", cases["GcPauses"], base=cases["none"]))


def executor(results: Results) -> None:
    """Measure calls in a thread of an executor."""
    registry = Registry()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:

        def submit() -> None:
            concurrent.futures.wait([pool.submit(int) for _ in range(SUBMITS)])

        cases = interleave(
            [
                processor_time("none", submit, None, SUBMITS),
                processor_time(
                    "ThreadPoolQueue", submit, lambda: meters.ThreadPoolQueue(pool, registry=registry), SUBMITS
                ),
            ],
            rounds=2 * ROUNDS,
        )
    add(results, "ThreadPoolQueue", cases, 1.1)
    results.add(row(TABLE, "historian", "ThreadPoolQueue: each call", cases["ThreadPoolQueue"], base=cases["none"]))


# ---- historian run ----


def timed_calls(results: Results) -> None:
    """Measure a call that ``historian run`` times, both ways, without the call itself."""
    registry = Registry()
    bare, wrapped = function("bare"), registry.recorder("wrapped").timed(function("wrapped"))
    cases = [loop("bare", "function()", repeat=CALLS, function=bare)]
    cases.append(loop("wrapping", "function()", repeat=CALLS, function=wrapped))
    if is_available():
        cases.append(monitored("monitoring", registry, function("timed"), "timed"))
        cases.append(monitored("beside", registry, function("other"), "timed"))
        cases.append(loop("raised", RAISED, repeat=CALLS, function=function("fails")))
        cases.append(monitored("raised beside", registry, function("fails"), "timed", RAISED))
    else:
        results.skip("sys.monitoring", "it came with Python 3.12")
    found = interleave(cases, rounds=10 * ROUNDS)
    shown = {
        "wrapping": "a call that is timed by wrapping, net",
        "monitoring": "a call that is timed by monitoring, net",
        "beside": "a call of another function meanwhile, net",
        "raised beside": "an exception from another one, net",
    }
    for name, what in shown.items():
        if name in found:
            base = found["raised" if name.startswith("raised") else "bare"]
            results.add(row(CALLS_TABLE, "historian", what, found[name], base=base))
    if is_available():
        results.add(
            ratio("a timed call, monitoring / wrapping", 10, found["monitoring"], found["wrapping"], found["bare"])
        )


#: A call that an exception leaves.
RAISED = "try: function(1)\n        except ValueError: pass"


def function(name: str) -> Any:
    """Return a function of a module of its own, with code of its own."""
    module = types.ModuleType("measured")
    exec(f"def {name}(fails=0):\n    if fails:\n        raise ValueError", vars(module))
    return vars(module)[name]


def monitored(name: str, registry: Registry, called: Any, timed: str, statement: str = "function()") -> Case:
    """Return the case of calls while the function `timed` is timed by `sys.monitoring`."""
    case, first = loop(name, statement, repeat=CALLS, function=called), function(timed)

    def run() -> float:
        timing = Monitored(Targets([target_of(f"measured:{timed}")]), registry.recorder)
        timing.start()
        try:
            first()  # from now on, exceptions are told of
            return case.run()
        finally:
            timing.stop()

    return Case(name, run)
