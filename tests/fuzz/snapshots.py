"""Snapshots: `historian.snapshot.load` refuses with the number of the line, or returns the sum of the lines by key."""

from __future__ import annotations

import json
import os
import re
from random import Random
from typing import Any

import mutate
from campaign import ACCEPTED, REFUSED, FaultError
from dicts import POOL, any_dict, check, hostile, shown

from historian import Histogram, Key, snapshot

#: Names, labels and values that a snapshot may hold.
TEXTS = (
    "a", "db.query", "", "name", "self", "unit", "labels", "x=y,z", "{", "\n", "\x1b[31m", "\u202e", "é", "\x00",
    "a" * 300,
)  # fmt: skip

#: Text that belongs to the format, for places where it does not.
PIECES = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"\r", b"\\", b"\\u0000", b"\\ud800", b"null", b"true", b"NaN",
    b"Infinity", b"-0", b"1e999", b"1" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\xff", b"\xef\xbb\xbf", b" ", b"\0",
    b'"name":"b",', b'"count":1,',
)  # fmt: skip


class Snapshots:
    """Hostile files of lines of JSON."""

    batch = 5000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.pool = [any_dict(rng) for _ in range(POOL)]
        self.path = os.path.join(folder, "snapshot.jsonl")

    def case(self, rng: Random) -> str:
        lines = [self.line(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        if rng.random() < 0.3:
            lines.append(rng.choice(lines))  # the same recorder again
        text = b"\n".join(lines) + (b"\n" if rng.random() < 0.8 else b"")
        if rng.random() < 0.4:
            text = mutate.spoiled(rng, text, lines, PIECES)
        return self.check(text)

    def line(self, rng: Random) -> bytes:
        data: dict[str, Any] = rng.choice(self.pool)
        if rng.random() < 0.6:
            data = hostile(rng, data, plain=True)
        head: dict[str, Any] = {"name": rng.choice(TEXTS[:2] if rng.random() < 0.7 else TEXTS)}
        head["labels"] = {rng.choice(TEXTS): rng.choice(TEXTS) for _ in range(rng.choice((0, 0, 1, 2)))}
        if rng.random() < 0.05:
            head[rng.choice(("name", "labels"))] = rng.choice((None, 1, [], {}, {"a": 1}, {"a": None}, ["a"]))
        if rng.random() < 0.05:
            del head[rng.choice(("name", "labels"))]
        return json.dumps({**head, **data}).encode()

    def check(self, text: bytes) -> str:
        with open(self.path, "wb") as file:
            file.write(text)
        try:
            found = snapshot.load(self.path)
        except ValueError as error:
            if not re.match(re.escape(self.path) + r", line \d+: ", str(error)):
                raise FaultError(f"the message names no line: {error}") from None
            return REFUSED
        expected: dict[tuple[str, tuple[tuple[str, str], ...]], dict[int, int]] = {}
        for line in text.split(b"\n"):
            if not line.strip():
                continue
            data = json.loads(line)
            counts = expected.setdefault((data["name"], tuple(sorted(data.get("labels", {}).items()))), {})
            for index, count in zip(data["indices"], data["counts"]):
                if count:
                    counts[index] = counts.get(index, 0) + count
        counted = {
            (key.name, key.labels): dict(zip(one.indices.tolist(), one.counts.tolist())) for key, one in found.items()
        }
        if counted != expected:
            raise FaultError(f"not what the lines say: {shown(counted)}, not {shown(expected)}")
        self.round_trip(text, found)
        return ACCEPTED

    def round_trip(self, text: bytes, found: dict[Key, Histogram]) -> None:
        lines = [line for line in text.split(b"\n") if line.strip()]
        if len(found) == len(lines):
            for line, histogram in zip(lines, found.values()):
                check(json.loads(line), histogram)
        snapshot.save(found, self.path)
        if snapshot.load(self.path) != found:
            raise FaultError(f"not equal after save() and load(): {shown(text)}")
