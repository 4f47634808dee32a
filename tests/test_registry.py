"""`Registry`: one recorder for each name and labels; snapshots, merging, clearing."""

import math
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import historian
from historian import Histogram, Key, Recorder, Registry


@pytest.fixture(params=["in memory", "in a directory"])
def registry(request, tmp_path):
    return Registry(tmp_path / "shop" if request.param == "in a directory" else None)


def test_same_arguments_same_recorder():
    registry = Registry()
    a = registry.recorder("q", table="users", shard=3)
    assert registry.recorder("q", shard="3", table="users") is a
    assert registry.recorder("q", table="users") is not a
    assert registry.recorder("q") is registry.recorder("q", unit="s")
    assert isinstance(a, Recorder) and a.name == "q{shard=3,table=users}"
    assert Registry().recorder("q") is not registry.recorder("q")


def test_another_unit():
    registry = Registry()
    registry.recorder("q", unit="ms")
    with pytest.raises(ValueError, match="exists with unit 'ms', not 's': use one unit"):
        registry.recorder("q")
    assert list(registry.snapshot()) == [Key("q")]


@pytest.mark.parametrize(("name", "error"), [("", ValueError), (3, TypeError), (None, TypeError)])
def test_names(name, error):
    registry = Registry()
    with pytest.raises(error, match="name"):
        registry.recorder(name)
    with pytest.raises(ValueError, match="unit"):
        registry.recorder("x", unit="")
    assert registry.snapshot() == {}


def test_labels_that_look_alike_are_different():
    registry = Registry()
    assert registry.recorder("q", a="1,b=2") is not registry.recorder("q", a="1", b="2")
    assert len(registry.snapshot()) == 2


def test_labels_of_every_name(registry):
    labels = ["self", "cls", "name", "unit", "labels", "key", "class", "a label"]
    one = registry.recorder("q", unit="ms", labels=dict.fromkeys(labels, 1))
    two = registry.recorder("q", self=1, cls=1, name=1, key=1, unit="ms", labels={
        "unit": 1, "labels": 1, "class": 1, "a label": 1
    })  # fmt: skip
    assert one is two and list(registry.snapshot()) == [Key("q", **dict.fromkeys(labels, "1"))]
    assert historian.recorder("test_labels_of_every_name", name=1, self=2).name == (
        "test_labels_of_every_name{name=1,self=2}"
    )
    assert registry.recorder("q", labels={}) is registry.recorder("q")


def test_labels_that_cannot_be(registry):
    with pytest.raises(TypeError, match=r'labels must be a mapping .*, not str; .* labels=\{"labels": value\}'):
        registry.recorder("q", labels="x")
    with pytest.raises(TypeError, match="the name of a label must be a string, not 3"):
        registry.recorder("q", labels={3: 1})
    with pytest.raises(ValueError, match="label 'a' is given twice"):
        registry.recorder("q", labels={"a": 1}, a=1)
    assert registry.snapshot() == {}


def test_snapshot_travels_and_merges():
    parent, worker = Registry(), Registry()
    parent.recorder("q").record(1.0)
    worker.recorder("q").record_many([2.0, 3.0])
    worker.recorder("bytes", unit="bytes", kind="row").record(100)
    worker.recorder("idle", unit="ms")
    snapshot = pickle.loads(pickle.dumps(worker.snapshot()))
    parent.merge(snapshot)
    parent.merge(worker)
    merged = parent.snapshot()
    assert merged[Key("q")] == Histogram.from_values([1.0, 2.0, 3.0, 2.0, 3.0])
    assert merged[Key("bytes", kind="row")] == Histogram.from_values([100, 100], unit="bytes")
    assert merged[Key("idle")].count == 0 and merged[Key("idle")].unit == "ms"
    assert worker.snapshot() == snapshot
    assert str(Key("bytes", kind="row")) == "bytes{kind=row}"


def test_merging_another_unit_adds_nothing():
    parent, worker = Registry(), Registry()
    parent.recorder("b", unit="ms").record(1.0)
    worker.recorder("a").record(1.0)
    worker.recorder("b").record(1.0)
    with pytest.raises(ValueError, match="exists with unit 'ms', not 's': use one unit"):
        parent.merge(worker)
    assert sum(h.count for h in parent.snapshot().values()) == 1
    assert list(parent.snapshot()) == [Key("b")]  # and "a" is not created


@pytest.mark.parametrize("other", [{"q": Histogram()}, {Key("q"): 3}, {Key("q"): Recorder()}])
def test_merging_something_else(other):
    registry = Registry()
    with pytest.raises(TypeError, match="Registry or its snapshot"):
        registry.merge(other)
    assert registry.snapshot() == {}


def test_clear_keeps_the_recorders():
    registry = Registry()
    rec = registry.recorder("q")
    rec.record(1.0)
    registry.clear()
    assert registry.snapshot() == {Key("q"): Histogram()}
    rec.record(2.0)
    assert registry.snapshot()[Key("q")] == Histogram.from_values([2.0])


def test_threads_end_on_one_recorder():
    registry, barrier, found = Registry(), threading.Barrier(8), []

    def work():
        barrier.wait()
        for i in range(100):
            rec = registry.recorder("q", i=i)
            rec.record(1.0)
            found.append(rec)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 100
    assert sum(h.count for h in registry.snapshot().values()) == 800


def test_the_default_registry():
    rec = historian.recorder("test_the_default_registry", unit="ms", a=1)
    rec.record(2.0)
    assert historian.recorder("test_the_default_registry", unit="ms", a=1) is rec
    snapshot = historian.default_registry.snapshot()
    assert snapshot[Key("test_the_default_registry", a="1")].max == 2.0
    assert math.isnan(snapshot[Key("test_the_default_registry", a="1")].cdf(1.0)) is False


def test_synthetic_counts_stay_marked():
    registry, h = Registry(), Histogram.from_values([0.1, 1.0])
    registry.recorder("q").record(1.0)
    registry.merge({Key("new"): h, Key("q"): h.corrected(0.2)})
    snapshot = registry.snapshot()
    assert snapshot == {Key("new"): h, Key("q"): h.corrected(0.2) + Histogram.from_values([1.0])}
    assert snapshot[Key("q")].synthetic and not snapshot[Key("new")].synthetic


# ---- too many values ----


def many(count):
    """Return a histogram of that many ones: 1.0 is in bucket -1."""
    return Histogram.from_dict({
        "format": "historian/1", "unit": "s", "count": count, "sum": float(count), "min": 1.0, "max": 1.0,
        "indices": [-1], "counts": [count],
    })  # fmt: skip


def test_doubling_a_registry_ends_before_the_count_does(registry):
    """1 value doubled 62 times is 2**62; doubled once more it would be 2**63."""
    registry.recorder("q").record(1.0)
    for _ in range(62):
        registry.merge(registry)
    with pytest.raises(OverflowError, match=r"'q' holds 4,611,686,018,427,387,904 values .* below 2\*\*63"):
        registry.merge(registry)
    h = registry.snapshot()[Key("q")]
    assert h.count == 2**62
    assert Histogram.from_bytes(h.to_bytes()) == pickle.loads(pickle.dumps(h)) == h
    assert registry.problems() == {}


def test_a_merge_that_is_too_large_changes_nothing(registry):
    for name in "abcde":
        registry.recorder(name).record(1.0)
    registry.merge({Key("d"): many(2**62)})
    before = registry.snapshot()
    more = {Key(name): many(2**62) if name == "d" else many(3) for name in "xabcde"}
    with pytest.raises(OverflowError, match="'d' holds"):
        registry.merge(more)
    assert registry.snapshot() == before  # and "x" is not created


def test_single_records_have_room_beside_the_largest_merge(registry):
    """Otherwise one more record would make the count 2**63, and the directory unreadable."""
    with pytest.raises(OverflowError, match="'q' holds 0 values and has no room for 9,223,372,036,854,775,807 more"):
        registry.merge({Key("q"): many(2**63 - 1)})
    assert registry.snapshot() == {}
    registry.merge({Key("q"): many(2**63 - 2**56)})
    registry.recorder("q").record_many([1.0] * 1_000)
    h = registry.snapshot()[Key("q")]
    assert h.count == 2**63 - 2**56 + 1_000
    assert Histogram.from_bytes(h.to_bytes()) == h and registry.problems() == {}


def test_waits_that_are_too_many_are_not_recorded(registry):
    """Each call adds 2**52 waits: after 2**63 - 2**56 = 2**52 * (2**11 - 2**4) of them there is no room."""
    recorder = registry.recorder("q")
    for _ in range(2**11 - 2**4):
        recorder.record_corrected(2.0**52, 1.0)
    with pytest.raises(OverflowError, match="no room for 4,503,599,627,370,496 more"):
        recorder.record_corrected(2.0**52, 1.0)
    assert recorder.snapshot().count == 2**63 - 2**56
    assert recorder.drain().count == 2**63 - 2**56
    recorder.record_corrected(2.0**52, 1.0)
    assert recorder.snapshot().count == 2**52


def test_the_recorder_of_another_process_is_counted_too(tmp_path):
    """A process knows the room that it has left only until others have added values: it then reads again."""
    one, other = Registry(tmp_path), historian.Registry(tmp_path)
    one.recorder("q").record_corrected(4.0, 1.0)
    path = one.recorder("q").path or ""
    code = "import sys; from historian import *; from test_registry import many; from historian import Key\n"
    code += "Registry(sys.argv[1]).merge({Key('q'): many(2**62)})"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=os.path.dirname(__file__), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(OverflowError, match="no room"):
        other.merge({Key("q"): many(2**62)})
    assert Recorder.open(path, Key("q")).snapshot().count == 2**62 + 4


AT_EXIT = """
import os, sys
from historian import Key, Registry
registry = Registry(sys.argv[1] or None)
family = registry.family("http", labels=("route",), max_series=1)
family["/"].record(1.0)

class Last:
    def __del__(self, registry=registry, family=family, Key=Key, write=os.write):
        registry.recorder("last").record(1.0)
        family["/"].record(1.0)
        family["/more"].record(1.0)
        with family.timing(route="/"):
            pass
        counts = {str(key): h.count for key, h in registry.snapshot().items()}
        counts["removed"] = registry.remove(Key("last")).count
        counts["drained"] = registry.drain().total().count
        write(1, str(counts).encode())

last = Last()
"""


@pytest.mark.parametrize(
    "where",
    ["memory", pytest.param("directory", marks=pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX"))],
)
def test_a_finalizer_may_record_at_the_end_of_the_interpreter(where, tmp_path):
    """Nothing can be imported any more then."""
    directory = str(tmp_path / "d") if where == "directory" else ""
    path = os.pathsep.join([str(Path(historian.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, directory], env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    counts = "{'http{route=/}': 3, 'last': 1, 'http{overflow=true}': 1, 'removed': 1, 'drained': 4}"
    assert done.stdout == counts
