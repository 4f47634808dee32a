"""HISTORIAN_DISABLE=1: recording and timing do nothing, and all programs still run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import historian

PROGRAM = """
import asyncio, math, os, pickle, time
import historian
from historian import Histogram, Recorder, Registry

rec, errors = Recorder("x", unit="ms"), Recorder()
rec.record(1.0); rec.record("anything"); rec.record(1.0, count=2)
rec.record_many([1.0, "x"]); rec.record_corrected(4.0, 1.0)
timer = rec.time()
assert math.isnan(timer.elapsed)
with timer:
    assert 0 <= timer.elapsed < 60_000
    time.sleep(0.002)
assert 1.9 < timer.elapsed < 60_000  # in the recorder's unit, ms
assert timer.elapsed == timer.elapsed
for wrong in (lambda: rec.time()(print), lambda: rec.time(print)):  # as when recording is on
    try:
        wrong()
    except TypeError as error:
        assert "@rec.timed" in str(error), error
    else:
        raise AssertionError("no TypeError")
with rec.time(errors=errors):
    with rec.time():
        pass
rec.stop(rec.start())

async def main():
    async with rec.time() as timer:
        await asyncio.sleep(0)
    assert rec.start() > 0
    return timer.elapsed
assert 0 <= asyncio.run(main()) < 60_000

def f(): pass
assert rec.timed(f) is f and rec.timed(errors=errors)(f) is f and rec.timed()(f) is f
try:
    with rec.time():
        raise KeyError("passes")
except KeyError:
    pass
else:
    raise AssertionError("swallowed")
assert rec.snapshot().count == rec.drain().count == 0 and rec.snapshot().unit == "ms"
assert (rec.name, rec.unit) == ("x", "ms")
registry = Registry()
registry.recorder("q").record(3.0)
assert registry.snapshot()[historian.Key("q")].count == 0
registry.merge({historian.Key("q"): Histogram.from_values([1.0])}); registry.clear()
with registry.history(path="never.history") as recording:
    assert len(recording.history) == 0 and not os.path.exists("never.history")
assert Histogram.from_values([1.0, 2.0]).quantile(0.0) == 1.0  # histograms made from values still work
assert type(rec).record is not historian._core.Counters.record
historian._core.Counters.record(rec, 1.0, count=2)  # nothing to count in, and no crash
historian._core.Counters.record_many(rec, [1.0]); historian._core.Counters.record_many(rec, [1.0], counts=[2])
print("ran")
"""


@pytest.mark.parametrize(("value", "disabled"), [("1", True), ("0", False), ("", False)])
def test_kill_switch(value, disabled):
    env = {**os.environ, "HISTORIAN_DISABLE": value}
    if disabled:
        result = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "ran\n", "")
    else:
        program = "import historian; r = historian.Recorder(); r.record(1.0); print(r.snapshot().count)"
        result = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "1\n", "")


def test_import_stays_cheap():
    # numpy and the modules for decorators, tables and fan-outs are loaded on first use, not before.
    program = (
        "import sys; before = set(sys.modules); import historian; historian.Recorder('x').record(1.0); "
        "historian.Histogram.from_values([1.0, 2.0]).quantile(0.5); "
        "new = set(sys.modules) - before; "
        "print(sorted(m for m in new if m.split('.')[0] in "
        "{'numpy', 'inspect', 'dataclasses', 'typing', 'asyncio', 'functools', 're', 'argparse', 'rich', 'json'}))"
    )
    path = [str(Path(historian.__file__).parents[1]), *sys.path]  # an editable install may not be on sys.path
    result = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
