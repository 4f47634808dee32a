"""Files of history: what is read is what was written there, interval by interval; a writer goes on after any damage."""

from __future__ import annotations

import os
import warnings
from random import Random
from typing import Any

import mutate
from campaign import ACCEPTED, REFUSED, FaultError

from historian import CorruptFileWarning, Histogram, History, Key
from historian._history.bodies import Held, Part, keys_body, part_body, state_body
from historian._history.differences import Change
from historian._history.frames import INTERVAL, KEYS, REPLACES, STATE, FileHeader, file_header, frame
from historian._history.writing import FileLog

#: Files that the others are made from.
POOL = 60

BEGIN = 1_767_225_600 * 10**9  # 2026-01-01T00:00Z
STEP = 10 * 10**9
KEYS_OF = [Key("q"), Key("q", route="/users"), Key("é", **{"a label": "x" * 300})]


def any_histogram(rng: Random) -> Histogram:
    values = [rng.choice((0.0, 0.5, 1e-9, 3.0, 2.0**65)) * rng.random() for _ in range(rng.choice((1, 2, 3, 40)))]
    return Histogram.from_values(values, unit=rng.choice(("s", "s", "ms")))


def any_intervals(rng: Random) -> list[dict[Key, Histogram]]:
    return [
        {key: any_histogram(rng) for key in KEYS_OF if rng.random() < 0.6} for _ in range(rng.choice((0, 1, 2, 3, 6)))
    ]


def encoded(rng: Random, intervals: list[dict[Key, Histogram]], hostile: bool = False) -> bytes:
    """Return a file; with `hostile`, some bodies are damaged, and their checksums are right."""
    numbers = {key: number for number, key in enumerate(KEYS_OF)}
    bodies: list[tuple[int, bytes, int, int]] = [(KEYS, keys_body(numbers), 0, 0)]
    bodies.append((STATE, state_body({0: Held("a-0-0", any_histogram(rng).to_bytes())}), BEGIN, BEGIN))
    for k, held in enumerate(intervals):
        blobs = {numbers[key]: one.to_bytes() for key, one in held.items()}
        sources = {0: "a-0-1"} if rng.random() < 0.2 else {}
        bodies.append((INTERVAL, part_body(Part(blobs, sources)), BEGIN + k * STEP, BEGIN + (k + 1) * STEP))
    if rng.random() < 0.3:
        bodies.append((REPLACES, rng.randbytes(16 * rng.randrange(3)), 0, 0))
    if hostile:
        at = rng.randrange(len(bodies))
        kind, body, start, end = bodies[at]
        kind = rng.choice((kind, kind, kind, rng.randrange(256)))
        start, end = rng.choice(((start, end), (end, start), (mutate.integer(rng, 8), mutate.integer(rng, 8))))
        bodies[at] = kind, mutate.damaged(rng, body), start, end
    name = rng.randbytes(16)
    parts = [frame(name, kind, n, body, start, end) for n, (kind, body, start, end) in enumerate(bodies)]
    return b"".join([file_header(FileHeader(name, BEGIN, STEP)), *parts])


class Histories:
    """Hostile files of history, for `History.open`, and for a writer that goes on with them."""

    batch = 5000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.pool = []
        for _ in range(POOL):
            intervals = any_intervals(rng)
            self.pool.append((encoded(rng, intervals), intervals))
        self.bytes = [data for data, _ in self.pool]
        self.path = os.path.join(folder, "fuzzed.history")

    def case(self, rng: Random) -> str:
        intervals: list[dict[Key, Histogram]] | None
        if rng.random() < 0.6:
            data, intervals = rng.choice(self.pool)
            if rng.random() < 0.9:
                data = mutate.damaged(rng, data)
        elif rng.random() < 0.5:
            data, intervals = encoded(rng, any_intervals(rng), hostile=True), None
        else:
            data, intervals = mutate.damaged(rng, rng.choice(self.bytes), self.bytes), None
        with open(self.path, "wb") as file:
            file.write(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorruptFileWarning)
            outcome = self.read(intervals)
            self.write(rng, outcome)
        return outcome

    def read(self, intervals: list[dict[Key, Histogram]] | None) -> str:
        """Read all of it; compare with what was written, if that is known."""
        try:
            history = History.open(self.path)
        except ValueError as error:
            if not str(error).startswith((f"{self.path}: it", f"{self.path}: the checksum of its header")):
                raise FaultError(f"the message does not say what is wrong: {error}") from None
            return REFUSED
        last = 0
        for one in history:
            if not last <= one.start < one.end:
                raise FaultError(f"intervals overlap: {one!r}")
            last = one.end
            held: Any = dict(one.histograms)
            if intervals is not None and held:
                place = (one.start - BEGIN) // STEP
                if not 0 <= place < len(intervals) or held != intervals[place]:
                    raise FaultError(f"not what was written: {one!r}")
        return ACCEPTED

    def write(self, rng: Random, outcome: str) -> None:
        """Append an interval: it is there afterwards, and what was there before, too."""
        before = len(History.open(self.path)) if outcome == ACCEPTED else 0
        try:
            log = FileLog(self.path, sync=False)
        except ValueError:
            if outcome == ACCEPTED:
                raise FaultError("it can be read, but a writer refuses it") from None
            return
        start = max(log.end, BEGIN)
        if start > 2**62:
            log.close()
            return
        one, key = any_histogram(rng), Key("new")
        log.append(start, start + STEP, Change({key: one}, {key: "b-0-0"}, {}))
        log.close()
        history = History.open(self.path)
        if len(history) != before + 1 or dict(history[-1].histograms) != {key: one}:
            raise FaultError(f"a writer could not go on: {history!r}, {before} intervals before")
