"""A soak: processes record into the recorders of one directory, which are drained, removed and created meanwhile.

``python tests/helpers/soak.py DIRECTORY --processes 10 --recorders 2000 --seconds 60`` prints what it has found, and
ends with status 1 if a record was lost or invented.  Workers are killed and replaced all the time.  Each writes down,
in memory that outlives it, how many of its records have returned.  So at most one record for each kill may be there
without being written down.  Each recorder gets one value only, so a value that is counted elsewhere shows.  A drain may
come between a new extreme and its count; then the result knows only a bound of the extreme, and says so.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import subprocess
import sys
import time
import warnings
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path

import historian
from historian import CorruptFileWarning, Histogram, Key, Registry, buckets


@dataclass
class Outcome:
    """What a soak has found."""

    records: int = 0  # that had returned
    kills: int = 0
    removed: int = 0  # recorders
    drained: int = 0  # times
    lost: int = 0
    surplus: int = 0  # records found and not written down: their process was killed
    strangers: int = 0  # results with another value than their recorder gets
    nbytes: int = 0  # of the directory's file, at the end
    places: int = 0  # of recorders in the file


def book_in(directory: str, slots: int, recorders: int) -> memoryview:
    """Return numbers that outlive their writer: whether to stop; then for each slot how many records have returned."""
    with open(f"{directory}.book", "a+b") as file:
        file.truncate(8 * (1 + slots * recorders))
        return memoryview(mmap.mmap(file.fileno(), 8 * (1 + slots * recorders))).cast("Q")


def key_of(i: int) -> Key:
    return Key("soak", i=str(i))


def value_of(i: int) -> float:
    return 1.5 ** (i % 40)


def is_value_of(i: int, h: Histogram) -> bool:
    """Return whether all values of a histogram that has some can be those of recorder `i`."""
    value, bounds = value_of(i), h.to_dict().get("bounds", [])
    is_alone = h.indices.tolist() == [buckets.index(value)]
    return is_alone and (h.min == value or "min" in bounds) and (h.max == value or "max" in bounds)


class Taken:
    """What drains and removals have returned."""

    def __init__(self, recorders: int) -> None:
        self.counts = array("q", bytes(8 * recorders))
        self.strangers = 0
        self.removed = 0

    def add(self, key: Key, h: Histogram) -> None:
        i = int(dict(key.labels)["i"])
        self.counts[i] += h.count
        self.strangers += bool(h.count and not is_value_of(i, h))

    def remove(self, registry: Registry, i: int) -> None:
        try:
            self.add(key_of(i), registry.remove(key_of(i)))
            self.removed += 1
        except KeyError:
            pass  # nobody has created it since it was removed
        except TimeoutError:
            pass  # on a busy machine, who has locked the file may not run for long: nothing has changed


def work(directory: str, slot: int, slots: int, recorders: int) -> None:
    """Record until the end, or until the process is killed."""
    book, registry, opened = book_in(directory, slots, recorders), Registry(directory), {}
    below = 1 + slot * recorders
    while not book[0]:
        for _ in range(500):
            i = random.randrange(recorders)
            try:
                if i not in opened:
                    opened[i] = registry.recorder("soak", i=str(i))
            except TimeoutError:  # as above
                continue
            opened[i].record(value_of(i))
            book[below + i] += 1
        if random.random() < 0.02:  # it has them open no more
            registry, opened = Registry(directory), {}


def remove(directory: str, slots: int, recorders: int) -> None:
    """Remove recorders until the end; print what they held."""
    book, registry, taken = book_in(directory, slots, recorders), Registry(directory), Taken(recorders)
    while not book[0]:
        taken.remove(registry, random.randrange(recorders))
        time.sleep(0.0005)
    print(json.dumps([taken.counts.tolist(), taken.strangers, taken.removed]))


def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
    source = str(Path(historian.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, env=env, text=True, **options)  # type: ignore[call-overload, no-any-return]


def returned_by(book: memoryview, slot: int, recorders: int) -> int:
    """Return how many records of a worker, and of those before it, have returned."""
    return sum(book[1 + slot * recorders : 1 + (slot + 1) * recorders])


def soak(directory: str, processes: int, recorders: int, seconds: float) -> Outcome:
    """Run a soak in a directory that does not exist yet."""
    book, taken, found = book_in(directory, processes, recorders), Taken(recorders), Outcome()
    registry = Registry(directory)
    size = ["--processes", processes, "--recorders", recorders]
    workers = [start(directory, "--slot", slot, *size) for slot in range(processes)]
    remover = start(directory, "--remove", *size, stdout=subprocess.PIPE)
    end = time.monotonic() + seconds
    while time.monotonic() < end or not found.drained:  # on a busy machine, one more drain
        slot = random.randrange(processes)
        time.sleep(0.25)
        begun, patience = returned_by(book, slot, recorders), time.monotonic() + 60
        while returned_by(book, slot, recorders) == begun and time.monotonic() < patience:
            time.sleep(0.01)  # on a busy machine, it may not have begun yet
        workers[slot].kill()
        workers[slot].wait()
        workers[slot] = start(directory, "--slot", slot, *size)
        found.kills += 1
        for _ in range(recorders // 50):
            taken.remove(registry, random.randrange(recorders))
        if found.kills % 4 == 0:
            found.drained += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CorruptFileWarning)  # it could not be locked in time: as above
                for key, h in registry.drain().items():
                    taken.add(key, h)
    book[0] = 1
    assert [worker.wait() for worker in workers] == [0] * processes
    counts, strangers, removed = json.loads(remover.communicate()[0])
    return compare(found, registry, book, taken, counts, strangers, removed)


def compare(
    found: Outcome, registry: Registry, book: memoryview, taken: Taken, counts: list[int], strangers: int, removed: int
) -> Outcome:
    """Compare all results with the book."""
    for key, h in registry.snapshot().items():
        taken.add(key, h)
    recorders = len(counts)
    for i in range(recorders):
        returned = sum(book[1 + i :: recorders])
        more = taken.counts[i] + counts[i] - returned
        found.records += returned
        found.lost += max(0, -more)
        found.surplus += max(0, more)
    found.strangers, found.removed = taken.strangers + strangers, taken.removed + removed
    rec = registry.recorder("soak", i="0")
    found.places, found.nbytes = len(rec._file), os.stat(rec.path).st_blocks * 512
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--processes", type=int, default=10)
    parser.add_argument("--recorders", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--slot", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--remove", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.slot is not None:
        work(args.directory, args.slot, args.processes, args.recorders)
    elif args.remove:
        remove(args.directory, args.processes, args.recorders)
    else:
        found = soak(args.directory, args.processes, args.recorders, args.seconds)
        print(json.dumps(asdict(found)))
        return int(found.lost > 0 or found.surplus > found.kills or found.strangers > 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
