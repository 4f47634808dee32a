"""A job for interpreters.py: the clock, which all interpreters of a process share, agrees with that of the system."""

import sys
from time import perf_counter_ns

sys.path.insert(0, SOURCE)  # noqa: F821  which interpreters.py sets

import historian

recorder = historian.Recorder("own")
SLACK_NS = 1000  # as in timers.pxi
for _ in range(100_000):
    before = perf_counter_ns()
    now = recorder.start()
    after = perf_counter_ns()
    assert before - SLACK_NS <= now <= after + SLACK_NS, (before, now, after)
