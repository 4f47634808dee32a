"""Group arrays that change: ``python changing_groups.py SECONDS``.

A thread writes good and bad values and numbers of groups, without the GIL, into the arrays that the main thread groups.
Every good value has a bucket of its own, so the counts tell the values: sum, minimum and maximum of each group must be
exactly theirs, and each value is counted in one group or left out.  The number of calls is printed.
"""

from __future__ import annotations

import random
import sys
import threading
import time

import numpy as np
from changing_arrays import BAD, GOOD, check

from historian import Histogram, buckets
from historian._core import Grouped

SIZE = 5_000
GROUPS = (3, 3_000)  # in the order in which they come, and by families


class Writer(threading.Thread):
    """Writes one pattern after the other into both arrays."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.values, self.numbers = np.ones(SIZE), np.zeros(SIZE, np.int16)
        self.patterns = [(rng.choice(GOOD, SIZE), rng.integers(-1, 4, SIZE, dtype=np.int16)) for _ in range(4)]
        self.patterns[3][0][rng.integers(0, SIZE, 2)] = rng.choice(BAD, 2)
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            for values, numbers in self.patterns:  # numpy works without the GIL; not a copy, as in changing_arrays.py
                np.positive(values, out=self.values)
                np.positive(numbers, out=self.numbers)


def main(seconds: float) -> int:
    """Group changing arrays for some seconds; return how many calls there were."""
    seed = random.randrange(2**32)
    print(f"seed {seed}", file=sys.stderr)
    writer = Writer(np.random.default_rng(seed))
    writer.start()
    end, calls = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            calls += 1
            n_groups = GROUPS[calls % 2]
            try:
                groups = Grouped()
                bad, _, _, groupless = groups.record(writer.values, writer.numbers, n_groups)
            except ValueError as error:
                if n_groups != 3 or " is 3, but there are only 3 groups" not in str(error):
                    raise
                continue
            count = 0
            for number, reading in groups.read():
                assert 0 <= number <= 3, number
                histogram = Histogram._from_reading(reading, "s")
                check(histogram, [1.0, *GOOD], histogram.count)
                count += histogram.count
            assert count + bad + groupless == SIZE, (count, bad, groupless)
    finally:
        writer.stopped = True
        writer.join()
    return calls


if __name__ == "__main__":
    assert len({buckets.index(value) for value in GOOD}) == len(GOOD)
    print(main(float(sys.argv[1])))
