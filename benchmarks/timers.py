"""Timing of a block or a call: compared with the same code by hand, and with the peers' timers."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from historian import Recorder

from .figures import ratio, row
from .timing import ROUNDS, Case, interleave, loop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .peers import Peer
    from .results import Results

TABLE = "Timers"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    by_hand(results)
    steps(results)
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
            "with rec.time(): pass / a pair of clocks and record, bound", 1.03, cases["with"], cases["by hand"], base
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


def one_item() -> Generator[int, None, None]:
    """Yield one item: the generator to be decorated."""
    yield 1


def ten_items() -> Generator[int, None, None]:
    """Yield ten items, so that the steps cost more than the call."""
    yield from (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)


async def at_once() -> None:
    """Do nothing: the coroutine to be decorated."""


def generator_by_hand(function: Callable[[], Any], record: Callable[[float], object]) -> Callable[..., Any]:
    """Return a generator function, timed by a decorator as people write it themselves."""
    clock = time.perf_counter_ns

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return (yield from function(*args, **kwargs))
        finally:
            record(clock() - began)

    return wrapper


def coroutine_by_hand(function: Callable[[], Any], record: Callable[[float], object]) -> Callable[..., Any]:
    """Return a coroutine function, timed by a decorator as people write it themselves."""
    clock = time.perf_counter_ns

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return await function(*args, **kwargs)
        finally:
            record(clock() - began)

    return wrapper


def steps(results: Results) -> None:
    """Measure what timing adds to a generator and to a coroutine, over what a wrapper by hand adds."""
    rec = Recorder()
    kinds: list[tuple[str, Callable[[], Any], Callable[..., Any]]] = [
        ("generator of 1 item", one_item, generator_by_hand),
        ("generator of 10 items", ten_items, generator_by_hand),
        ("coroutine", at_once, coroutine_by_hand),
    ]
    cases = []
    for name, function, hand in kinds:
        forms = {"": function, ", timed": rec.timed(function), ", by hand": hand(function, rec.record)}
        for form, made in forms.items():
            if name == "coroutine":
                cases.append(awaited(name + form, "await function()", function=made))
            else:
                cases.append(loop(name + form, "for item in function(): pass", repeat=5_000, function=made))
    timed = interleave(cases)
    for name, _, _ in kinds:
        bare, ours, hand = (timed[name + form] for form in ("", ", timed", ", by hand"))
        results.add(
            ratio(f"@rec.timed {name} / a wrapper by hand: overhead", 0.5, ours, hand, bare),
            row(TABLE, "historian", f"a {name}, net", ours, base=bare),
            row(TABLE, "by hand", f"a {name}, net", hand, base=bare),
        )


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
