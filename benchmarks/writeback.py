"""The time of one record into a file on a disk, and into a file in memory, while the disk is busy.

``python -m benchmarks.writeback [SECONDS [FOLDER]]``: FOLDER, the current folder by default, must be on a disk.

After a page of a mapped file has been written back to the disk, it is read-only.  At the next write to the page, the
kernel asks the file system, which may make the writer wait for the disk.  A file system in memory never waits for a
disk.  Both files get the same values in turn, 5,000 a second, so that any disturbance affects both.  A second
process writes and syncs on the disk.  A first measurement runs without this process.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from historian import Histogram, Recorder, Registry
from historian._show.scale import quantity

from . import machine

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

MEMORY = "/dev/shm"
SECONDS = 20.0
PAUSE_NS = 200_000  # between two records into the same file
WRITES = 1 << 28  # bytes that the other process writes before it syncs
FILES = 2000  # files that it creates


def write_and_sync(folder: str, ended: Event) -> None:
    """Keep the disk as busy as a log, a database or a download: write much data, create small files, sync all."""
    data = os.urandom(WRITES)
    with tempfile.TemporaryDirectory(dir=folder) as busy:
        while not ended.is_set():
            with open(os.path.join(busy, "large"), "wb") as file:
                file.write(data)
            for k in range(FILES):
                with open(os.path.join(busy, str(k)), "wb") as file:
                    file.write(data[:4096])
            os.sync()


def record_in_turn(folders: list[str], seconds: float) -> list[Histogram]:
    """Return the time of each record, for each folder, in us."""
    recorders = [Registry(os.path.join(folder, "recorders")).recorder("work") for folder in folders]
    took = [Recorder(unit="us") for _ in folders]
    chance, clock = random.Random(1), time.perf_counter_ns
    values = [chance.lognormvariate(-5, 1) for _ in range(10_000)]
    for recorder in recorders:
        recorder.record_many(values)  # creates the pages and leases a block
    end = clock() + int(1e9 * seconds)
    due, k = clock(), 0
    while due < end:
        while clock() < due:  # sleeping would also measure the delay of the wake-up
            pass
        value = values[k % len(values)]
        for recorder, duration in zip(recorders, took):
            began = clock()
            recorder.record(value)
            duration.record((clock() - began) / 1000)
        due, k = max(due + PAUSE_NS, clock() - PAUSE_NS), k + 1
    return [duration.snapshot() for duration in took]


def measure(folders: list[str], seconds: float, busy: bool) -> list[Histogram]:
    """Return the result of `record_in_turn`, with or without another process that writes to the first folder."""
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    other = context.Process(target=write_and_sync, args=(folders[0], ended), daemon=True)
    if busy:
        other.start()
        time.sleep(1)
    try:
        return record_in_turn(folders, seconds)
    finally:
        if busy:
            ended.set()
            other.join()


def file_system(folder: str) -> str:
    """Return the kind of file system that holds a folder."""
    best = ("", "unknown")
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for _, place, kind, *_ in map(str.split, mounts):
            if (os.path.realpath(folder) + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best[0]):
                best = (place, kind)
    return best[1]


def main(seconds: float, folder: str) -> None:
    """Print the table of docs/processes.md."""
    about = machine.about()
    print(f"{about['processor']}, {about['cores']} cores, {about['system']}, load {about['load']}\n")
    print("| record into a file on | the disk | records | median | p99.9 | p99.99 | max | over 1 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=folder) as disk, tempfile.TemporaryDirectory(dir=MEMORY) as memory:
        for busy in (False, True):
            for place, took in zip((disk, memory), measure([disk, memory], seconds, busy)):
                shown = [quantity(took.quantile(q), "us") for q in (0.5, 0.999, 0.9999, 1)]
                state = "is written to" if busy else "is left alone"
                over = took.count - round(took.cdf(1000.0) * took.count)
                print(f"| {file_system(place)} | {state} | {took.count:,} | {' | '.join(shown)} | {over:,} |")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS, sys.argv[2] if len(sys.argv) > 2 else ".")
