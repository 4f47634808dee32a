"""JSON: each file is refused with its line, or one field of each object is counted, as `json` reads it."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import mutate
from command import Command, judge
from dicts import VALUES, is_plain
from snapshots import PIECES

PLAIN = tuple(value for value in VALUES if is_plain(value))
NUMBERS = (0, 1, 0.5, 2.5e-3, 100, 1e3, 12.25)


class Documents:
    """Hostile lines of JSON objects."""

    batch = 4000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.command = Command(folder)
        self.command.summarize("warm.jsonl", b'{"t": 1}\n', "--field", "t")

    def case(self, rng: Random) -> str:
        lines = [json.dumps(self.root(rng)).encode() for _ in range(rng.choice((0, 1, 2, 5)))]
        data = b"".join(line + b"\n" for line in lines)
        if rng.random() < 0.4:
            data = mutate.spoiled(rng, data, lines, PIECES)
        return self.check(data)

    @staticmethod
    def root(rng: Random) -> dict[str, Any]:
        value = rng.choice(NUMBERS if rng.random() < 0.8 else PLAIN)
        if rng.random() < 0.3:
            return {"t": value, "x": rng.choice(PLAIN)}
        if rng.random() < 0.2:
            return {"x": value}
        return {"x": "y", "t": value}

    def check(self, data: bytes) -> str:
        found = self.command.summarize("a.jsonl", data, "--field", "t")
        first = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip()
        if first in (b"{", b"[") or data.startswith(
            (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x93NUMPY")
        ):
            return "idle"  # one document, or another kind of file
        try:
            values = self.oracle(data)
        except (ValueError, RecursionError):
            values = None
        return judge(found, values, data)

    @staticmethod
    def oracle(data: bytes) -> list[float]:
        """Return the numbers.  Raises ValueError."""
        values: list[float] = []
        for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            text = line.decode().strip()
            if not text:
                continue
            root = json.loads(text, parse_int=whole, object_pairs_hook=without_doubles)
            if not isinstance(root, dict) or "t" not in root:
                raise ValueError("no such field")
            for value in leaves(root["t"]):
                if type(value) not in (int, float):
                    raise ValueError("not a number")
                as_float = float(value) if abs(value) < 2**1024 or value != value else math.inf
                if not 0 <= as_float < math.inf:
                    raise ValueError("not finite, or negative")
                values.append(as_float)
            if not leaves(root["t"]):
                raise ValueError("no number")
        return values


def leaves(value: Any) -> list[Any]:
    """Return the elements of arrays within arrays, or the value itself."""
    if not isinstance(value, list):
        return [value]
    return [leaf for element in value for leaf in leaves(element)]


def whole(digits: str) -> float:
    """Return a whole number.  Python's `int` refuses more than 4,300 digits, but JSON has no limit."""
    return int(digits) if len(digits) < 400 else float(digits)


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object.  Raises ValueError if the field is given twice: which one is meant, nobody knows."""
    if sum(key == "t" for key, _ in pairs) > 1:
        raise ValueError("the field is given twice")
    return dict(pairs)
