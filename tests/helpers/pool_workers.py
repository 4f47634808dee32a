"""What processes of the tests of pools run; in a module that they can import by name."""

import os
import signal

import historian
from historian import Histogram


def record(recorder, values):
    """Record values one by one; return their histogram."""
    for value in values:
        recorder.record(value)
    return Histogram.from_values(values, unit=recorder.unit)


def record_times(recorder, n):
    """Record 1.0 n times; return how many values the recorder holds then."""
    recorder.record_many([1.0] * n)
    return recorder.snapshot().count


def record_by_name(registry, name, values):
    return record(registry.recorder(name), values)


def record_in_default_registry(values):
    return record(historian.recorder("default"), values)


def return_snapshot(values):
    """Count in a registry of this process alone; return what it holds."""
    registry = historian.Registry()
    registry.recorder("own").record_many(values)
    return registry.snapshot()


def record_and_die(recorder, values):
    record(recorder, values)
    os.kill(os.getpid(), signal.SIGKILL)
