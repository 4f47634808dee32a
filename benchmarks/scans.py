"""Measure record_many in this process, a round for each line read: bulk.py has a process for each HISTORIAN_SIMD.

The choice of instructions is made once, when the core is imported.  So rounds of several choices can take turns only
in several processes.
"""

from __future__ import annotations

import sys
import time

from historian import Recorder
from historian._core import SIMD

from .data import latencies


def main() -> None:
    """Print the name of the instructions; then, for each line read, the ns of each value in one call."""
    data = latencies(int(sys.argv[1]))
    record_many = Recorder().record_many
    print(SIMD, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter_ns()
        record_many(data)
        print((time.perf_counter_ns() - began) / data.size, flush=True)


if __name__ == "__main__":
    main()
