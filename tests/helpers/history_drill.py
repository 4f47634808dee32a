"""A kill drill: writers of history are killed with SIGKILL, their files are cut and changed, and all values are sought.

``python tests/helpers/history_drill.py write DIRECTORY PATH KEEP`` is such a writer.  It writes down, in memory that
outlives it, how many values are in the intervals that it has written.  ``python tests/helpers/history_drill.py FOLDER
200`` is a drill with 200 kills, of a file and of a folder.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass

from drill import book_in

import historian
from historian._history.opening import open_log
from historian._history.reading import FileSource, open_source
from historian._history.scanning import OpenFile, scan
from historian._history.segments import segments_in
from historian._history.session import Session
from historian._live.directories import read_directory

STEP = 1_000_000  # nanoseconds: as short as they may be, so that nearly every kill falls into some work
#: In folders, old intervals are replaced all the time.
TIERS = "1ms:40ms,10ms:400ms,100ms:1h"


@dataclass
class Outcome:
    """What a drill has found."""

    kills: int = 0
    cuts: int = 0
    flips: int = 0
    recorded: int = 0
    written: int = 0  # values in the history, in the end
    lost: int = 0  # values that were in intervals that had been written, and are not found right after the kill
    lost_by_flips: int = 0
    largest: int = 0  # values in the largest interval
    surplus: int = 0  # values found that were never recorded
    overlaps: int = 0


def work(directory: str, path: str, keep: str) -> None:
    """Write intervals for ever."""
    log = open_log(path, STEP, keep or None)
    session = Session(lambda: read_directory(directory, False)[0], log, STEP)
    book = book_in(path)
    while True:
        # What it has accepted is written; nothing had been recorded before the history began.
        total = sum(one.histogram.count for one in session._differences.totals.values())
        book[0], book[1] = total, 1
        while not session.look():
            pass


def count_of(source: FileSource) -> list[int]:
    return [sum(one.count for one in source.load(i).values()) for i in range(len(source.starts))]


def drill(folder: str, kills: int, *, keep: str = "", seed: int = 1) -> Outcome:
    """Have writers write, kill each at some moment, cut or change its file now and then, and look after each time."""
    outcome, chance = Outcome(), random.Random(seed)
    directory, path = os.path.join(folder, "recorders"), os.path.join(folder, "history")
    registry = historian.Registry(directory)
    begin = open_log(path, STEP, keep or None)
    Session(registry.snapshot, begin, STEP)  # before the first value
    begin.close()
    recorders = [registry.recorder("drill", kind=kind) for kind in range(20)]
    book = book_in(path)
    for _ in range(kills):
        book[0] = book[1] = 0
        command = [sys.executable, __file__, "write", directory, path, keep]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as writer:
            until = 0.0
            while not until or time.monotonic() < until:
                chance.choice(recorders).record(chance.random())
                outcome.recorded += 1
                time.sleep(0.0001)
                if book[1] and not until:
                    until = time.monotonic() + chance.choice([0.0, 0.01, 0.1]) * chance.random()
                if writer.poll() is not None:
                    assert writer.stderr is not None
                    raise RuntimeError(writer.stderr.read().decode())
            writer.send_signal(signal.SIGKILL)
        outcome.kills += 1
        look(outcome, path, book[0])
        if chance.random() < 0.5:
            cut(outcome, path, chance)
    log = open_log(path, STEP, keep or None)  # a last writer, which ends as it should
    session = Session(registry.snapshot, log, STEP)
    session.look(final=True)
    log.close()
    outcome.written = sum(count_of(open_source(path)))
    return outcome


def look(outcome: Outcome, path: str, acknowledged: int) -> list[int]:
    """Compare what there is after a kill with what had been written."""
    source = open_source(path)
    counts = count_of(source)
    outcome.lost += max(0, acknowledged - sum(counts))
    outcome.surplus += max(0, sum(counts) - outcome.recorded)
    outcome.overlaps += sum(end > start for end, start in zip(source.ends, source.starts[1:]))
    outcome.largest = max(outcome.largest, *counts, 0)
    return counts


def cut(outcome: Outcome, path: str, chance: random.Random) -> None:
    """Cut the last frame at any byte, as a write that a power cut has torn."""
    for name in reversed(segments_in(path) if os.path.isdir(path) else [path]):
        with OpenFile(name) as file:
            found = scan(file, name)
            size = file.size()
        if found.replaces:
            continue  # it was whole before it got its name
        if found.intervals:
            os.truncate(name, chance.randrange(found.intervals[-1].offset + 1, size))
            outcome.cuts += 1
        return


def flip(outcome: Outcome, path: str, flips: int, seed: int = 1) -> None:
    """Change one byte at a time, anywhere, and look what that costs; put it back."""
    chance = random.Random(seed)
    whole = sum(count_of(open_source(path)))
    with open(path, "r+b") as file:
        data = file.read()
        for _ in range(flips):
            at = chance.randrange(len(data))
            file.seek(at)
            file.write(bytes([data[at] ^ chance.randrange(1, 256)]))
            file.flush()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", historian.CorruptFileWarning)
                found = sum(count_of(open_source(path)))
            outcome.lost_by_flips = max(outcome.lost_by_flips, whole - found)
            outcome.surplus += max(0, found - whole)
            outcome.flips += 1
            file.seek(at)
            file.write(data[at : at + 1])
            file.flush()


def main(folder: str, kills: int) -> None:
    """Print what drills find."""
    for name, keep in (("file", ""), ("folder", TIERS)):
        where = os.path.join(folder, name)
        os.makedirs(where, exist_ok=True)
        outcome = drill(where, kills, keep=keep)
        if not keep:
            flip(outcome, os.path.join(where, "history"), kills)
        print(f"{name}: {outcome}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        work(*sys.argv[2:5])
    else:
        main(sys.argv[1], int(sys.argv[2]))
