"""A job for interpreters.py: the clock, which all interpreters of a process share, agrees with that of the system."""

import sys
from time import perf_counter_ns

sys.path.insert(0, SOURCE)  # noqa: F821  which interpreters.py sets

import historian

recorder = historian.Recorder("own")
# A reading is mostly within 1 us, but one of many may be further off on a busy machine.  If an anchor were read while
# another interpreter writes it, it would be off by seconds.
SLACK_NS = 1_000_000
for _ in range(100_000):
    before = perf_counter_ns()
    now = recorder.start()
    after = perf_counter_ns()
    assert before - SLACK_NS <= now <= after + SLACK_NS, (before, now, after)
