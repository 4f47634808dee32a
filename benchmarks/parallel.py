"""Several threads, one recorder."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from historian import Recorder
from historian._core import FREE_THREADED

from .data import latencies
from .figures import AT_LEAST, ratio, row
from .native import build
from .timing import Case, interleave

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

TABLE = "Threads"
WORKERS = 2


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    if (os.cpu_count() or 1) < WORKERS:
        results.skip("two threads", "this machine has one processor")
        return
    threads(results, peers)
    if FREE_THREADED and not getattr(sys, "_is_gil_enabled", lambda: True)():
        one_recorder(results)


def together(name: str, pool: ThreadPoolExecutor, works: list[Callable[[], object]], operations: int) -> Case:
    """Return the case of `works`, one for each thread, from the first start to the last end."""

    def run() -> float:
        barrier = threading.Barrier(len(works))

        def one(work: Callable[[], object]) -> tuple[int, int]:
            barrier.wait()
            began = time.perf_counter_ns()
            work()
            return began, time.perf_counter_ns()

        waiting = [pool.submit(one, work) for work in works]
        spans = [each.result() for each in waiting]
        return (max(ended for _, ended in spans) - min(began for began, _ in spans)) / operations

    return Case(name, run)


def own_processor() -> Callable[[], None]:
    """Return a function that pins each thread that calls it to its own processor, if the system allows it.

    Otherwise the scheduler may keep two threads on one processor for longer than a round.
    """
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []

    def take() -> None:
        if free:
            os.sched_setaffinity(0, {free.pop()})

    return take


def calls(record: Callable[[], Callable[[float], object]], n: int) -> Callable[[], None]:
    """Return what calls a method `n` times with a number; each thread that runs it takes both for itself.

    A constant would be shared: without the GIL, each use of it counts references in memory that all threads write.
    """

    def work() -> None:
        method, value = record(), float("1.5")
        for _ in itertools.repeat(None, n):
            method(value)

    return work


def one_recorder(results: Results) -> None:
    """Two threads without the GIL, value by value, into one recorder and into one each, over one thread.

    Two threads that call an empty C method, of one object or of one each, show what the interpreter leaves possible.
    """
    n, rec, method = 200_000, Recorder(), build("empty").Empty
    shared = method()
    uses = {
        "one recorder": [lambda: rec.record] * WORKERS,
        "one recorder each": [lambda each=each: each.record for each in (Recorder(), Recorder())],
        "an empty C method of one object": [lambda: shared.method] * WORKERS,
        "an empty C method of one object each": [lambda each=each: each.method for each in (method(), method())],
    }
    with ThreadPoolExecutor(WORKERS, initializer=own_processor()) as pool:
        works = {name: [calls(one, n) for one in methods] for name, methods in uses.items()}
        timed = interleave(
            case
            for name, both in works.items()
            for case in (
                together(f"{name}, one thread", pool, both[:1], n),
                together(f"{name}, two threads", pool, both, WORKERS * n),
            )
        )
    for name, target in (("one recorder", 1.3), ("one recorder each", 1.8)):
        one, two = timed[f"{name}, one thread"], timed[f"{name}, two threads"]
        results.add(ratio(f"record, {name}: throughput of two threads / one", target, one, two, sense=AT_LEAST))
    for name, case in timed.items():
        empty = name.startswith("an empty")
        results.add(row(TABLE, "a call that does nothing" if empty else "historian", name, case))


def threads(results: Results, peers: list[Peer]) -> None:
    """Measure two threads that record their own arrays into one recorder: their throughput over that of one thread."""
    n = 4_000_000
    arrays = [latencies(n, seed) for seed in (1, 2)]
    small = [array[:100_000] for array in arrays]
    with ThreadPoolExecutor(WORKERS, initializer=own_processor()) as pool:

        def pair(name: str, fill: Callable[[Any], object], data: list[Any], calls: int) -> list[Case]:
            works = [lambda array=array: [fill(array) for _ in range(calls)] for array in data]
            operations = calls * data[0].size
            return [
                together(f"{name}, one thread", pool, works[:1], operations),
                together(f"{name}, two threads", pool, works, WORKERS * operations),
            ]

        cases = [
            *pair("from memory", Recorder().record_many, arrays, 5),
            *pair("in cache", Recorder().record_many, small, 200),
            *pair("numpy.sum: from memory", np.sum, arrays, 5),
        ]
        timed = interleave(cases)
        for peer in peers:
            if peer.name == "boost-histogram, atomic":
                timed.update(interleave(pair("boost-histogram, atomic: in cache", peer.new().fill, small, 2), rounds=5))
    for where in ("in cache", "from memory"):
        measure = f"record_many, {where}: throughput of two threads / one"
        results.add(ratio(measure, 1.8, timed[f"{where}, one thread"], timed[f"{where}, two threads"], sense=AT_LEAST))
    for name, case in timed.items():
        who, _, what = name.rpartition(": ")
        results.add(row(TABLE, who or "historian", f"arrays {what}", case))
