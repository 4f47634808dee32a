"""What interpreters of the test of InterpreterPoolExecutor run; in a module that they can import by name."""

import historian


def record(n):
    """Record n values; return how many were counted."""
    recorder = historian.Recorder("pool")
    for i in range(n):
        recorder.record(float(i))
    return recorder.snapshot().count
