"""Values that tests of engines share: bucket edges, and invalid ones; and the peak of a program's memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from historian import Histogram, buckets

EDGES = np.array([buckets.upper(i) for i in range(-2048, 4095)])
#: Bucket edges, and the floats beside them.
NEAR_EDGES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf)])
#: Valid values at the ends: the zero bucket, the least and the greatest floats, the overflow bucket.
ENDS = np.array([0.0, -0.0, 5e-324, 2.0**-33, 2.0**64, np.nextafter(2.0**64, np.inf), sys.float_info.max])
INVALID = [None, float("nan"), float("inf"), float("-inf"), -1.0, -5e-324]


def keyed(keys: int = 7) -> tuple[np.ndarray, np.ndarray, dict[int, Histogram]]:
    """Return keys, values near each bucket edge and at the ends, and the histogram of each key."""
    values = np.concatenate([NEAR_EDGES, ENDS])
    numbers = np.arange(len(values), dtype=np.int32) % keys
    return numbers, values, {key: Histogram.from_values(values[key::keys]) for key in range(keys)}


#: Prints the growth of the peak of resident memory, in bytes, while `main()` runs, after `warm()` has run.  The peak is
#: that of /proc: the one of getrusage() begins with that of the process that started this one.
PEAK = """
import re
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
{program}
warm()
before = peak()
main()
print("grown", peak() - before)
"""


def peak_growth(program: str) -> int:
    """Return by how many bytes the peak of memory grows in a process of its own; `program` defines warm and main."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK.format(program=program)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.rpartition("grown ")[2])
