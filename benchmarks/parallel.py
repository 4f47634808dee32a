"""Several threads, several processes, one recorder or one file."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from historian import Recorder
from historian._core import CELLS_NBYTES, Counters

from .data import latencies
from .figures import AT_LEAST, ratio, row
from .timing import ROUNDS, Case, interleave, loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

TABLE = "Threads and processes"
WORKERS = 2


def measure(results: Results, peers: list[Peer]) -> None:
    """Take all figures of this module."""
    if (os.cpu_count() or 1) < WORKERS:
        results.skip("two threads, two processes", "this machine has one processor")
        return
    threads(results, peers)
    mapped(results)
    processes(results)


def together(name: str, pool: ThreadPoolExecutor, works: list[Callable[[], object]], operations: int) -> Case:
    """Return the case of `works`, one to a thread, from the first start to the last end."""

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
    """Return what gives each thread that calls it a processor of its own, where the system lets it.

    Otherwise the scheduler may keep two threads on one processor for longer than a round takes.
    """
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []

    def take() -> None:
        if free:
            os.sched_setaffinity(0, {free.pop()})

    return take


def threads(results: Results, peers: list[Peer]) -> None:
    """Two threads, each with an array of its own, record into one recorder; throughput over one thread's."""
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


def mapped(results: Results) -> None:
    """One value at a time into memory that processes share: every add is atomic."""
    shared = Counters(1e9, mmap.mmap(-1, -(-CELLS_NBYTES // mmap.PAGESIZE) * mmap.PAGESIZE))
    private = Recorder()
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("private", "record(1.5)", record=private.record),
            loop("shared", "record(1.5)", record=shared.record),
        ],
        rounds=2 * ROUNDS,
    )
    for name, what in (("private", "record(1.5), private memory"), ("shared", "record(1.5), shared memory")):
        results.add(row(TABLE, "historian", what, cases[name], base=cases["loop"]))


def _work(path: str, how: str, times: int, rounds: int, barrier: Any, spans: Any) -> None:
    """Record into the counters that the file at `path` holds, each round from a common start."""
    with open(path, "r+b") as file:
        counters = Counters(1e9, mmap.mmap(file.fileno(), 0))
    values = latencies(times).tolist() if how == "scalar" else latencies(times)
    for _ in range(rounds):
        barrier.wait()
        began = time.perf_counter_ns()
        if how == "scalar":
            record = counters.record
            for value in values:
                record(value)
        else:
            counters.record_many(values)
        spans.put((began, time.perf_counter_ns()))
        barrier.wait()  # until the spans have been taken out


def processes(results: Results) -> None:
    """Two processes, one mapped file; time from the first start to the last end."""
    context = multiprocessing.get_context("spawn")
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cells")
        with open(path, "wb") as file:
            file.truncate(-(-CELLS_NBYTES // mmap.PAGESIZE) * mmap.PAGESIZE)
        for how, times in (("scalar", 200_000), ("arrays", 4_000_000)):
            for workers in (1, WORKERS):
                what = f"{how} into a shared file, {workers} process{'es' if workers > 1 else ''}"
                cases.append(_crew(context, path, how, times, workers, what))
    for case in cases:
        results.add(row(TABLE, "historian", case.name, case))


def _crew(context: Any, path: str, how: str, times: int, workers: int, name: str, rounds: int = 9) -> Case:
    """Run `workers` processes through all rounds; return the case with its samples."""
    case, barrier, spans = Case(name, lambda: 0.0), context.Barrier(workers + 1), context.Queue()
    crew = [context.Process(target=_work, args=(path, how, times, rounds, barrier, spans)) for _ in range(workers)]
    for process in crew:
        process.start()
    for _ in range(rounds):
        barrier.wait(60)
        taken = [spans.get(timeout=60) for _ in crew]
        case.samples.append((max(ended for _, ended in taken) - min(began for began, _ in taken)) / (times * workers))
        barrier.wait(60)
    for process in crew:
        process.join()
    return case
