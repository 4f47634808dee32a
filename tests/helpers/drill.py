"""A kill drill: processes that record are killed with SIGKILL, and what they had acknowledged is looked for.

``python tests/drill.py DIRECTORY WORK SEED`` is such a process.  It writes down, in memory that outlives it, how many
records have returned; so at most the one call that it died in may be there without being acknowledged.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import historian

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a worker does, and how many records are in one call of it.
WORKS = {"record": 1, "record_many": 10, "stop": 1, "create": 1, "drain": 1, "many": 1}
MANY = 1_000  # recorders in which the work "many" counts, in turn


@dataclass
class Outcome:
    """What a drill has found."""

    kills: int = 0
    acknowledged: int = 0  # records that had returned before their process was killed
    recorded: int = 0
    lost: int = 0  # records acknowledged and not found
    in_flight: int = 0  # records found and not acknowledged: the call was killed on its way back
    surplus: int = 0  # more of those than were in the call that was killed
    unreadable: list[str] = field(default_factory=list)
    strays: set[str] = field(default_factory=set)  # files that are not those of recorders


def book_in(directory: str) -> memoryview:
    """Return two numbers that outlive their writer: calls that have returned, and whether it is ready."""
    with open(f"{directory}.book", "a+b") as file:
        file.truncate(16)
        return memoryview(mmap.mmap(file.fileno(), 16)).cast("Q")


def work(directory: str, what: str, seed: int) -> None:
    """Record for ever."""
    registry = historian.Registry(directory)
    book = book_in(directory)
    rec = registry.recorder("drill")
    calls: Iterator[Any] = {
        "record": lambda: (rec.record(1.0) for _ in count()),
        "record_many": lambda: (rec.record_many([1.0] * 10) for _ in count()),
        "stop": lambda: (rec.stop(rec.start()) for _ in count()),
        "create": lambda: (registry.recorder("made", i=i, seed=seed).record(1.0) for i in count()),
        "drain": lambda: (drained(rec) for _ in count()),
        "many": lambda: (one.record(1.0) for one in cycle([registry.recorder("many", i=i) for i in range(MANY)])),
    }[what]()
    book[1] = 1
    for done, _ in enumerate(calls, 1):
        book[0] = done  # a store of 8 bytes: whole, or not at all


def drained(rec: historian.Recorder) -> None:
    rec.record(1.0)
    rec.drain()


ALL = ("record", "record_many", "stop", "create", "many")


def drill(directory: Path, kills: int, works: tuple[str, ...] = ALL) -> Outcome:
    """Have workers record, kill each at some moment, and look after each kill whether all is well."""
    outcome, chance = Outcome(), random.Random(1)
    registry = historian.Registry(directory)
    outcome.recorded = sum(h.count for h in registry.snapshot().values())
    book = book_in(str(directory))
    for i in range(kills):
        what = works[i % len(works)]
        book[0] = book[1] = 0
        command = [sys.executable, __file__, str(directory), what, str(i)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as worker:
            while not book[1]:
                time.sleep(0.0005)
                if worker.poll() is not None:
                    assert worker.stderr is not None
                    raise RuntimeError(worker.stderr.read().decode())
            time.sleep(chance.choice([0.0, 0.0005, 0.005, 0.02]) * chance.random())
            worker.send_signal(signal.SIGKILL)
        tally(outcome, registry, book[0] * WORKS[what], WORKS[what])
    return outcome


def tally(outcome: Outcome, registry: historian.Registry, acknowledged: int, in_a_call: int) -> None:
    """Compare what there is after a kill with what has been acknowledged since the last one."""
    before, histograms = outcome.recorded, registry.snapshot()
    outcome.kills += 1
    outcome.acknowledged += acknowledged
    outcome.recorded = sum(h.count for h in histograms.values())
    more = outcome.recorded - before - acknowledged
    outcome.lost += max(-more, 0)
    outcome.in_flight += max(more, 0)
    outcome.surplus += max(more - in_a_call, 0)
    outcome.unreadable += registry.problems()
    assert registry.directory is not None
    outcome.strays.update(name for name in os.listdir(registry.directory) if name != "recorders")


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
