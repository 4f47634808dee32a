"""`Registry`: one recorder for each name and labels; snapshots, merging, clearing."""

import math
import pickle
import threading

import pytest

import historian
from historian import Histogram, Key, Recorder, Registry


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
