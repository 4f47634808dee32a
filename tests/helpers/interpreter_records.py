"""A job for interpreters.py: everything that records, and what reads it.  5,000 values go to the shared recorder."""

import array
import pickle
import sys
import weakref

sys.path.insert(0, SOURCE)  # noqa: F821  which interpreters.py sets

import historian
from historian._core import Blobs, Grouped, Merged, numbered

assert "numpy" not in sys.modules

recorder = historian.Recorder("own")
for i in range(1000):
    recorder.record(i * 0.001)
recorder.record_many([0.5] * 2000)  # enough for tables, which are kept for the next call of any interpreter
recorder.record_many((1, 2, 3))
recorder.record_many(array.array("d", [0.25]) * 3000)
recorder.record_many(memoryview(array.array("i", [2]) * 10)[::2])
recorder.record_many(range(4))
for refused in (float("nan"), -1.0, "x", 10**400):
    try:
        recorder.record(refused)
    except (ValueError, TypeError):
        continue
    raise AssertionError(refused)
expected = 1000 + 2000 + 3 + 3000 + 5 + 4


@recorder.timed
def double(x):
    return 2 * x


@recorder.timed
def count_to(n):
    yield from range(n)


@recorder.timed
async def answer():
    return 42


for i in range(200):
    with recorder.time():
        assert double(i) == 2 * i
    recorder.stop(recorder.start())
assert list(count_to(3)) == [0, 1, 2]
coroutine = answer()
try:
    coroutine.send(None)
except StopIteration as stopped:
    result = stopped.value
assert result == 42
expected += 3 * 200 + 2

histogram = recorder.snapshot()
assert histogram.count == expected, (histogram.count, expected)
assert pickle.loads(pickle.dumps(histogram)) == histogram
assert historian.Histogram.from_bytes(histogram.to_bytes()) == histogram
assert ((histogram + histogram) - histogram).count == expected
assert histogram.min == 0
assert histogram.max == 3
assert histogram.percentile(50) > 0
groups = Grouped()
assert groups.record([1.0, None, 2.0] * 1000, array.array("h", [0, 5, 5000] * 1000), 5001)[:2] == (1000, 1)
assert [(number, reading[0].total) for number, reading in groups.read()] == [(0, 1000), (5000, 1000)]
assert array.array("q", numbered(["a", None, "a"], {})).tolist() == [0, 1, 0]
total, blob = Merged(), histogram.to_bytes()
blobs = Blobs([(1, 0, True, array.array("q", [0, len(blob)]), blob)])
assert total.add_rows(blobs, array.array("q", [0, 0])) is None
assert total.result()[0].total == 2 * expected
assert recorder.drain() == histogram
assert recorder.snapshot().count == 0
assert "numpy" not in sys.modules

registry = historian.Registry(DIRECTORY)  # noqa: F821
shared = registry.recorder("shared", kind="all")
for _ in range(4500):  # beyond 4,096, this process asks for a block of its own
    shared.record(1.0)
shared.record_many([0.5] * 500)
assert pickle.loads(pickle.dumps(shared)) is shared


class Late:
    """Records when the interpreter takes its last objects apart."""

    def __del__(self):
        with self.recorder.time():
            self.recorder.record(1.0)
        self.recorder.record_many([1.0] * 2000)
        assert self.recorder.snapshot().count == 2002
        self.recorder.drain()


late = Late()
late.recorder = recorder
late.itself, late.timed, late.timer, late.weak = late, double, recorder.time(), weakref.ref(double)
