"""Record arrays that change: ``python changing_arrays.py SECONDS [DIRECTORY]``.

A thread writes good and bad values, without the GIL, into the array that the main thread records.  After each call,
either all values are counted, or none.  Every good value has a bucket of its own, so the counts tell the values, and
sum, minimum and maximum must be exactly theirs.  An array that does not change is recorded after each call: it shows
whether anything is left behind in the tables that calls share.  A line of JSON says how many calls there were.
HISTORIAN_SIMD chooses the instructions.
"""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from typing import Any

import numpy as np

from historian import Histogram, Recorder, Registry, _core, buckets
from historian._values.exact import exact

SIZE = 5_000  # above 1,024, which are counted in tables, without the GIL
#: Edges of buckets take the slow path of the code for AVX-512.  1e-300 is in the zero bucket, 1e300 in the overflow.
GOOD = [1e-300, 2.0**-30, 1e-3, 1.0, 2.0, 3.0, 1e6, 1e19, 1e300, *(buckets.EDGES[k] * 2.0**k for k in (9, 21, 40))]
BAD = [math.nan, math.inf, -1.0, -math.inf, -5e-324]
#: For each type, values of it that are not in the same bucket, and values that cannot be recorded.
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "f8": (GOOD, BAD),
    ">f8": (GOOD, BAD),
    "f4": ([0.0, 2.0**-30, 0.25, 1.0, 3.0, 2.0**100], BAD[:-1]),
    "i8": ([0, 1, 2, 3, 10**6, 10**18], [-1, -(2**62)]),
}
STILL = np.full(2_000, 7.0)
STILL_COUNTED = Histogram.from_values(STILL)


class Writer(threading.Thread):
    """Writes one pattern after the other into an array, at both halves: good ones, and one with two bad values."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.arrays, self.patterns = {}, {}
        for dtype, (good, bad) in VALUES.items():
            patterns = [rng.choice(np.array(good, dtype), SIZE) for _ in range(4)]
            patterns[3][rng.integers(0, SIZE, 2)] = rng.choice(np.array(bad, dtype), 2)
            self.patterns[dtype] = patterns
            self.arrays[dtype] = np.concatenate(patterns[:2])
        self.dtype = "f8"
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            dtype = self.dtype  # read once: without the GIL, it may change at any moment
            array = self.arrays[dtype]
            for pattern in self.patterns[dtype]:  # numpy works without the GIL
                np.positive(pattern, out=array[:SIZE])  # a copy would be memcpy, which ASan's is not by whole numbers
                np.positive(pattern, out=array[SIZE:])


def check(h: Histogram, values: list[float], size: int) -> None:
    """Check that a histogram holds `size` of these values, with their exact sum and extremes."""
    named = {buckets.index(value): value for value in values}
    found = {named[index]: n for index, n in zip(h.indices.tolist(), h.counts.tolist())}
    assert sum(found.values()) == h.count == size, (found, size)
    assert h._sum == sum(exact(float(value)) * n for value, n in found.items()), (found, h.sum)
    assert size == 0 or (h.min, h.max) == (min(found), max(found)), (found, h.min, h.max)


def main(seconds: float, directory: str | None = None) -> dict[str, Any]:
    """Record changing arrays for some seconds; return how many calls were counted and refused."""
    seed = random.randrange(2**32)
    seen: dict[str, Any] = {"simd": _core.SIMD, "seed": seed, "counted": 0, "refused": 0}
    registry = Registry(directory)
    writer = Writer(np.random.default_rng(seed))
    writer.start()
    end, turn = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            turn += 1
            dtype = writer.dtype = list(VALUES)[turn // 16 % 4]
            array = writer.arrays[dtype]
            data = (array[:SIZE], array[SIZE // 2 : -SIZE // 2], array[::2], array[::-2], array[:700])[turn % 5]
            rec = registry.recorder(f"changing-{turn % 8}") if directory else Recorder()
            counted = 0
            for _ in range(8):
                try:
                    rec.record_many(data)
                    counted += 1
                except ValueError as error:
                    seen["refused"] += 1
                    named = str(error)
                    assert any(f" is {bad}" in named for bad in ("nan", "inf", "-")), named
                other = Recorder()
                other.record_many(STILL)
                assert other.snapshot() == STILL_COUNTED, other.snapshot()
            check(rec.drain(), VALUES[dtype][0], counted * len(data))
            seen["counted"] += counted
    finally:
        writer.stopped = True
        writer.join()
    return seen


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), *sys.argv[2:3])))
