"""Plain numbers: each text is refused with its line, or all of its numbers are counted, as `float` reads them."""

from __future__ import annotations

from random import Random

import mutate
from command import Command, judge
from tables import CELLS, GOOD, number

HEADS = (
    b"",
    b"",
    b"\xef\xbb\xbf",
    b"# comment\n",
    b"\n",
    b"\x1f\x8b",
    b"BZh9",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"{",
    b"[",
    b"\x93NUMPY",
)


class Texts:
    """Hostile files of plain numbers, and of what other kinds of files begin with."""

    batch = 4000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.command = Command(folder)
        self.command.summarize("warm.txt", b"1\n")
        if self.oracle(b"1 # one\n2.5") != [1.0, 2.5]:
            raise RuntimeError("the oracle does not read a simple text")

    def case(self, rng: Random) -> str:
        cells = GOOD if rng.random() < 0.6 else CELLS
        words = [rng.choice(cells) for _ in range(rng.choice((0, 1, 3, 20)))]
        text = "".join(word + rng.choice(("\n", "\n", " ", "\t", "\r\n", "  # why\n", "\f")) for word in words)
        data = (rng.choice(HEADS) if rng.random() < 0.2 else b"") + text.encode()
        if rng.random() < 0.4:
            data = mutate.damaged(rng, data)
        if rng.random() < 0.02:
            data += rng.choice((b" ", b"1 ", b"9", b"#", b"\n", b"x")) * 300_000
        return self.check(data)

    def check(self, data: bytes) -> str:
        found = self.command.summarize("a.txt", data)
        if data.startswith(HEADS[5:9]) or data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
            return "idle"  # other readers, whose oracles are elsewhere
        try:
            values = self.oracle(data)
        except ValueError:
            values = None
        return judge(found, values, data)

    @staticmethod
    def oracle(data: bytes) -> list[float]:
        """Return all numbers.  Raises ValueError."""
        if data.startswith((b"\x93NUMPY", b"\x89HSB")):
            raise ValueError("another kind")
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        return [number(word) for line in lines for word in line.split(b"#")[0].decode().split()]
