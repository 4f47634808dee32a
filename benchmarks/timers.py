"""Timing of a block or a call: compared with the same code by hand, and with the peers' timers."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from historian import Recorder

from .figures import ratio, row
from .timing import ROUNDS, Case, interleave, loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

TABLE = "Timers"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    by_hand(results)
    prometheus(results, peers)


def function() -> None:
    """Do nothing: the function to be decorated."""


def closure(function: Callable[[], Any], record: Callable[[float], object]) -> Callable[..., Any]:
    """Return `function`, timed by a decorator as people write it themselves."""
    clock = time.perf_counter_ns

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return function(*args, **kwargs)
        finally:
            record(clock() - began)

    return wrapper


def by_hand(results: Results) -> None:
    """Measure timers over the same code by hand, without the time of the bare loop or call."""
    rec = Recorder()
    names = {"rec": rec, "clock": time.perf_counter_ns, "record": rec.record, "time_": rec.time}
    bound = {"start": rec.start, "stop": rec.stop}
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("with", "with rec.time(): pass", **names),
            loop("bound with", "with time_(): pass", **names),
            loop("by hand", "t = clock(); record(clock() - t)", **names),
            loop("attribute by hand", "t = clock(); rec.record(clock() - t)", **names),
            loop("call", "function()", function=function),
            loop("timed", "function()", function=rec.timed(function)),
            loop("closure", "function()", function=closure(function, rec.record)),
            loop("start stop", "t = start(); stop(t)", **bound),
            loop("attribute start stop", "t = rec.start(); rec.stop(t)", **names),
            loop("pair", "t = clock(); clock() - t", **names),
            awaited("async with", "async with rec.time(): pass", **names),
            awaited("async by hand", "t = clock(); record(clock() - t)", **names),
        ],
        rounds=2 * ROUNDS,
    )
    base = cases["loop"]
    results.add(
        ratio(
            "with rec.time(): pass / a pair of clocks and record, bound", 1.05, cases["with"], cases["by hand"], base
        ),
        ratio("@rec.timed / closure decorator: overhead", 0.3, cases["timed"], cases["closure"], cases["call"]),
        ratio("rec.start(), rec.stop(t) / a pair of clocks", 0.7, cases["attribute start stop"], cases["pair"], base),
    )
    shown = {
        "with": "with rec.time(): pass",
        "bound with": "the same, rec.time bound to a local",
        "async with": "async with rec.time(): pass",
        "timed": "a call of @rec.timed, net of the call",
        "start stop": "t = start(); stop(t), bound",
        "attribute start stop": "t = rec.start(); rec.stop(t)",
        "by hand": "t = clock(); record(clock() - t), bound",
        "attribute by hand": "t = clock(); rec.record(clock() - t)",
        "async by hand": "the same in a coroutine",
        "closure": "a call of the closure, net of the call",
        "pair": "t = clock(); clock() - t",
    }
    for name, what in shown.items():
        off = cases["call"] if name in ("timed", "closure") else base
        who = "by hand" if name in ("closure", "pair") or "by hand" in name else "historian"
        results.add(row(TABLE, who, what, cases[name], base=off))


def awaited(name: str, statement: str, **names: Any) -> Case:
    """Return the case of a statement in a coroutine that runs without an event loop."""
    arguments = ", ".join(f"{key}={key}" for key in names)
    source = (
        f"async def run({arguments}):\n"
        "    began = perf_counter_ns()\n"
        "    for _ in range(20_000):\n"
        f"        {statement}\n"
        "    return (perf_counter_ns() - began) / 20_000\n"
    )
    scope: dict[str, Any] = {"perf_counter_ns": time.perf_counter_ns, **names}
    exec(source, scope)

    def drive() -> float:
        try:
            scope["run"]().send(None)
        except StopIteration as stop:
            return float(stop.value)
        raise RuntimeError("the coroutine waits for something")

    return Case(name, drive)


def prometheus(results: Results, peers: list[Peer]) -> None:
    """Measure the timers of the only peer that has any."""
    for peer in peers:
        if peer.name != "prometheus_client":
            continue
        histogram = peer.new()
        cases = interleave(
            [
                loop("loop", "pass"),
                loop("call", "function()", function=function),
                loop("with", "with rec.time(): pass", repeat=3_000, rec=histogram),
                loop("timed", "function()", repeat=3_000, function=histogram.time()(function)),
            ]
        )
        results.add(
            row(TABLE, peer.name, "with histogram.time(): pass", cases["with"], base=cases["loop"]),
            row(TABLE, peer.name, "a call of @histogram.time(), net", cases["timed"], base=cases["call"]),
        )
