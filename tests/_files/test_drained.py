"""What was drained or cleared leaves nothing: no count, no part of the sum, no extreme, in memory and in files."""

import os
import subprocess
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from historian import Histogram, Key, Registry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

HUGE, TINY = 1.7e308, 5e-324
values = st.one_of(
    st.sampled_from([0.0, TINY, 2.0**-32, 1.0, 1e16, 1e200, 1e300, HUGE, sys.float_info.max]),
    st.floats(0, allow_infinity=False),
    st.floats(1e-6, 1e3),
)
steps = st.lists(
    st.tuples(
        st.booleans(),  # whether the other process does it
        st.one_of(
            st.tuples(st.just("record"), values),
            st.tuples(st.just("record_many"), values, st.sampled_from([1, 2, 100, 5000])),
            st.tuples(st.just("drain")),
            st.tuples(st.just("clear")),
        ),
    ),
    max_size=12,
)


def do(registry, step):
    """Do it; return what was drained, or None."""
    rec = registry.recorder("q")
    if step[0] == "record":
        rec.record(step[1])
    elif step[0] == "record_many":
        rec.record_many([step[1]] * step[2])
    elif step[0] == "drain":
        return rec.drain()
    else:
        registry.clear()
    return None


OTHER = """
import sys
import historian
sys.path.insert(0, sys.argv[1])
import test_drained
for line in sys.stdin:
    directory, step = eval(line)
    drained = test_drained.do(historian.Registry(directory), step)
    print(drained.to_bytes().hex() if drained is not None else "", flush=True)
"""


@pytest.fixture(scope="module")
def other():
    """Return a function that has another process do a step."""
    run = [sys.executable, "-c", OTHER, os.path.dirname(__file__)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(directory, step):
            process.stdin.write(f"{(directory, step)!r}\n")
            process.stdin.flush()
            answer = bytes.fromhex(process.stdout.readline())
            return Histogram.from_bytes(answer) if answer else None

        yield ask
        process.stdin.close()


def check(registry, steps, do):
    recorded, rec = [], registry.recorder("q")
    for step in steps:
        drained = do(step)
        expected = Histogram.from_values(recorded)
        if step[0] == "record":
            recorded.append(step[1])
        elif step[0] == "record_many":
            recorded += [step[1]] * step[2]
        else:
            recorded = []
        if drained is not None:
            assert drained == expected
        expected = Histogram.from_values(recorded)
        found = rec.snapshot()
        assert found == registry.snapshot()[Key("q")] == expected
        if recorded:
            assert (found.sum, found.min, found.max) == (expected.sum, min(recorded), max(recorded))
    rec.drain()
    rec.record(1.0)
    assert (rec.snapshot().sum, rec.snapshot().min, rec.snapshot().max) == (1.0, 1.0, 1.0)


@given(steps)
def test_in_memory(steps):
    registry = Registry()
    check(registry, [step for _, step in steps], lambda step: do(registry, step))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_in_a_directory_of_two_processes(other, steps):
    with tempfile.TemporaryDirectory() as directory:
        registry, turns = Registry(directory), iter([by_other for by_other, _ in steps])
        check(
            registry,
            [step for _, step in steps],
            lambda step: other(directory, step) if next(turns) else do(registry, step),
        )


@pytest.mark.parametrize("where", ["memory", "directory"])
@pytest.mark.parametrize("remove", ["clear", "drain"])
@pytest.mark.parametrize("before", [[HUGE, HUGE], [1e300, 1e200], [sys.float_info.max] * 5000, [TINY], [0.0]])
def test_a_sum_that_was_too_large(directory, where, remove, before):
    registry = Registry(directory if where == "directory" else None)
    rec = registry.recorder("q")
    for value in before[:2]:
        rec.record(value)
    rec.record_many(before[2:])
    (registry.clear if remove == "clear" else rec.drain)()
    assert rec.snapshot() == Histogram()
    rec.record(1.0)
    assert (rec.snapshot().sum, rec.snapshot().min, rec.snapshot().max) == (1.0, 1.0, 1.0)
    assert registry.snapshot()[Key("q")] == Histogram.from_values([1.0])
