"""Recorders in a directory: compared with private ones, in several processes, and after kill -9; see also many.py."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from historian import Recorder, Registry

from . import many
from .data import latencies
from .figures import AT_LEAST, Figure, ratio, row
from .timing import ROUNDS, Case, interleave, loop, once

if TYPE_CHECKING:
    from types import ModuleType

    from .peers import Peer
    from .results import Results

TABLE = "Records in a directory"
WORKERS = 2
KILLS = 200
SHORT_LIVED = 10_000  # processes
MOST_KEPT = 99  # chunks of a file that are kept for drains: see historian/_native/kept.h


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    if not hasattr(os, "fork"):
        results.skip(TABLE, "recorders in a directory need a POSIX system")
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        mapped(results, peers, folder)
        arrays(results, folder)
        many.measure(results, peers, folder)
        churn(results, folder)
        kills(results, folder)
        if (os.cpu_count() or 1) < WORKERS:
            results.skip("two processes", "this machine has one processor")
        else:
            processes(results, folder)


def mapped(results: Results, peers: list[Peer], folder: str) -> None:
    """Measure records of one value, into a directory and into private memory."""
    private, shared = Recorder(), Registry(Path(folder, "mapped")).recorder("mapped")
    values = latencies(2_000).tolist()
    cases = [
        loop("loop", "pass"),
        loop("private", "record(1.5)", record=private.record),
        loop("mapped", "record(1.5)", record=shared.record),
        loop("loop, latencies", "pass", over=values),
        loop("private, latencies", "record(value)", over=values, record=private.record),
        loop("mapped, latencies", "record(value)", over=values, record=shared.record),
    ]
    timed = interleave(cases, rounds=2 * ROUNDS)
    for name, what in (("private", "private memory"), ("mapped", "a directory")):
        results.add(row(TABLE, "historian", f"record(1.5), {what}", timed[name], base=timed["loop"]))
    for suffix in ("", ", latencies"):
        measure = f"record() into a directory / into private memory{suffix}"
        results.add(ratio(measure, 1.1, timed[f"mapped{suffix}"], timed[f"private{suffix}"], timed[f"loop{suffix}"]))
    for peer in peers:
        if peer.name != "prometheus_client, multiprocess":
            continue
        child = peer.new("operation").labels("search")
        both = interleave(
            [
                loop("loop", "pass"),
                loop("mapped", "record(1.5)", record=shared.record),
                loop("observe", "observe(1.5)", repeat=5_000, observe=child.observe),
            ]
        )
        results.add(row(TABLE, peer.name, "observe(1.5), of a bound child", both["observe"], base=both["loop"]))
        measure = "record() into a directory / prometheus_client's observe() into its"
        results.add(ratio(measure, 1 / 50, both["mapped"], both["observe"], both["loop"]))


def arrays(results: Results, folder: str) -> None:
    """Measure records of a large array, into a directory and into private memory."""
    private, shared = Recorder(), Registry(Path(folder, "arrays")).recorder("arrays")
    values = latencies(1_000_000)
    cases = [
        once("private", lambda: private.record_many(values), per=len(values)),
        once("mapped", lambda: shared.record_many(values), per=len(values)),
    ]
    timed = interleave(cases)
    for name, what in (("private", "private memory"), ("mapped", "a directory")):
        results.add(row(TABLE, "historian", f"record_many(1e6), {what}", timed[name]))
    measure = "record_many() of 1e6 into a directory / into private memory"
    results.add(ratio(measure, 1.1, timed["mapped"], timed["private"]))


def churn(results: Results, folder: str) -> None:
    """Start and end many processes that record into one recorder, each in a lane that it leases."""
    registry = Registry(Path(folder, "churn"))
    values, recorded = [1.0] * 5_000, 0
    for _ in range(SHORT_LIVED):
        pid = os.fork()
        if pid == 0:
            registry.recorder("churn").record_many(values)
            os._exit(0)
        recorded += len(values)
        os.waitpid(pid, 0)
    rec = registry.recorder("churn")
    count("records lost by 10,000 short-lived processes", recorded - rec.snapshot().count, results)
    assert rec.path is not None
    count("files left by them, beyond the one", len(os.listdir(registry.directory)) - 1, results)
    with open(rec.path, "rb") as file:
        page = file.read(176)
    used, kept = int.from_bytes(page[128:136], "little"), int.from_bytes(page[172:176], "little")
    count("chunks of that file beyond the first 34, and those kept for drains", used - 34 - kept, results)
    results.add(Figure("chunks kept for drains", kept, kept, 0.0, "", MOST_KEPT))


def kills(results: Results, folder: str) -> None:
    """Kill processes while they record."""
    found = _drill().drill(Path(folder, "drill"), KILLS)
    print(f"{found.kills} kills, {found.acknowledged:,} records acknowledged, {found.in_flight} in flight")
    count(f"acknowledged records lost in {KILLS} kills", found.lost + found.surplus, results)
    count("files unreadable after them", len(found.unreadable) + len(found.strays), results)


def count(measure: str, number: int, results: Results) -> None:
    """Add a figure that is a count, with a target of 0."""
    results.add(Figure(measure, number, number, 0.0, "", 0))


def _drill() -> ModuleType:
    """Import tests/helpers/drill.py, which the tests also use."""
    spec = importlib.util.spec_from_file_location("drill", Path(__file__).parents[1] / "tests" / "helpers" / "drill.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["drill"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def processes(results: Results, folder: str) -> None:
    """Measure one process, and two, that record into one recorder: records per second of all processes together."""
    context = multiprocessing.get_context("spawn")
    rec = Registry(Path(folder, "processes")).recorder("together")
    for how, times in (("scalar", 200_000), ("arrays", 4_000_000)):
        alone, both = _crew(context, rec, how, times, 2 * ROUNDS if how == "scalar" else 20)
        for case in (alone, both):
            results.add(row(TABLE, "historian", case.name, case))
        if how == "scalar":
            measure = "record() into one file: records a second of two processes / one"
            results.add(ratio(measure, 1.3, alone, both, sense=AT_LEAST))


def _work(rec: Recorder, which: int, how: str, times: int, rounds: int, barrier: Any, spans: Any) -> None:
    """Record: the first worker in all rounds, the second in every other one; all start each round together."""
    if hasattr(os, "sched_setaffinity"):
        free = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {free[which % len(free)]})
    values = latencies(times).tolist() if how == "scalar" else latencies(times)
    for turn in range(rounds):
        barrier.wait(60)
        began = time.perf_counter_ns()
        if which <= turn % 2 and how == "scalar":
            record = rec.record
            for value in values:
                record(value)
        elif which <= turn % 2:
            rec.record_many(values)
        spans.put((began, time.perf_counter_ns()))
        barrier.wait(60)  # until the main process has read the spans


def _crew(context: Any, rec: Recorder, how: str, times: int, rounds: int) -> tuple[Case, Case]:
    """Return the cases of one process and of two, in turn."""
    cases = tuple(Case(f"{how} into one file, {workers}", lambda: 0.0) for workers in ("1 process", "2 processes"))
    barrier, spans = context.Barrier(WORKERS + 1), context.Queue()
    crew = [
        context.Process(target=_work, args=(rec, i, how, times, 2 * rounds, barrier, spans)) for i in range(WORKERS)
    ]
    for process in crew:
        process.start()
    for turn in range(2 * rounds):
        barrier.wait(60)
        taken = sorted(spans.get(timeout=60) for _ in crew)
        workers = 1 + turn % 2
        if workers == 1:
            taken = [max(taken, key=lambda span: span[1] - span[0])]  # the other one did nothing in this round
        took = max(ended for _, ended in taken) - min(began for began, _ in taken)
        cases[turn % 2].samples.append(took / (times * workers))
        barrier.wait(60)
    for process in crew:
        process.join()
    return cases[0], cases[1]
