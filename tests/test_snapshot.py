"""Snapshots in files: saving and loading, merging files, reporting bad lines, and writing files atomically."""

import json
import os
import pickle
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Key, Registry, Snapshot
from historian.snapshot import dump, load, save

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
KEYS = st.builds(lambda name, labels: Key(name, **labels), NAMES, st.dictionaries(NAMES, NAMES, max_size=3))
HISTOGRAMS = st.builds(
    lambda values, unit: Histogram.from_values(values, unit=unit),
    st.lists(st.floats(0, 1e300), max_size=20),
    st.sampled_from(["s", "ms", "bytes"]),
)

LINE = '{"name":"q","labels":{"t":"u"},%s'
DATA = json.dumps(Histogram.from_values([1.0]).to_dict())[1:]


@given(st.dictionaries(KEYS, HISTOGRAMS, max_size=5))
def test_what_is_saved_is_loaded(tmp_path_factory, snapshot):
    path = tmp_path_factory.getbasetemp() / "snapshot.jsonl"
    save(snapshot, path)
    assert load(path) == snapshot
    assert list(load(path)) == list(snapshot)  # in the same order


def test_a_line_is_what_a_histogram_says_of_itself():
    registry = Registry()
    registry.recorder("query", unit="ms", table="users").record(1.0)
    (line,) = dump(registry.snapshot()).splitlines()
    data = json.loads(line)
    assert (data.pop("source"), data.pop("time")) == registry.snapshot().source_of(Key("query", table="users"))[:1] + (
        pytest.approx(time.time(), abs=3600),
    )
    # 1.0 = 2^0 is the upper edge of bucket -1
    assert data == {
        "name": "query", "labels": {"table": "users"}, "format": "historian/1", "unit": "ms",
        "count": 1, "sum": 1.0, "min": 1.0, "max": 1.0, "indices": [-1], "counts": [1],
    }  # fmt: skip
    assert Histogram.from_dict(json.loads(line)) == Histogram.from_values([1.0], unit="ms")


def test_files_one_after_the_other_add_up(tmp_path):
    one = {Key("a"): Histogram.from_values([1.0]), Key("b"): Histogram.from_values([2.0])}
    other = {Key("b"): Histogram.from_values([3.0]), Key("c"): Histogram()}
    both = tmp_path / "both.jsonl"
    both.write_text(dump(one) + "\n" + dump(other))
    assert load(both) == {
        Key("a"): Histogram.from_values([1.0]), Key("b"): Histogram.from_values([2.0, 3.0]), Key("c"): Histogram(),
    }  # fmt: skip
    registry = Registry()
    registry.merge(load(both))
    assert registry.snapshot() == load(both)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1: not a line of JSON"),
        ("\xff", "line 1: not a line of JSON"),
        ("[" * 100_000, "line 1: "),  # too deep or not JSON, depending on the version of Python
        ("[]", "line 1: not a line of a snapshot: it has no name"),
        ('{"name":""}', "it has no name"),
        ('{"name":3}', "it has no name"),
        ('{"name":"q","labels":[]}', "labels must map strings to strings, not \\[\\]"),
        ('{"name":"q","labels":{"a":1}}', "labels must map strings to strings"),
        ('{"name":"q"}', "'format' is missing"),
        ((LINE % DATA) + "\n\n" + (LINE % DATA.replace("historian/1", "historian/9")), "line 3: cannot read format"),
        ((LINE % DATA) + "\n" + (LINE % DATA.replace('"s"', '"ms"')), "line 2: .*unit"),
        (LINE % DATA.replace('"count": 1', '"count": 2'), "line 1: count 2 is not the sum"),
        ("\n".join([LINE % DATA.replace("1", str(2**62))] * 3), "line 1: "),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, why):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=f"bad.jsonl, {why}" if why.startswith("line") else why):
        load(path)


@pytest.mark.parametrize("bad", [{"q": Histogram()}, {Key("q"): 3}])
def test_what_is_no_snapshot_leaves_the_file_alone(tmp_path, bad):
    path = tmp_path / "kept.jsonl"
    path.write_text("kept")
    with pytest.raises(TypeError, match=r"Registry\.snapshot"):
        save(bad, path)
    assert path.read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


def test_a_write_that_fails_leaves_the_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "kept.jsonl"
    path.write_text("kept")

    def fail(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        save({Key("q"): Histogram()}, path)
    assert path.read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and named pipes")
def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    snapshot = {Key("q"): Histogram.from_values([1.0])}
    (tmp_path / "link").symlink_to(tmp_path / "file")
    save(snapshot, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and load(tmp_path / "file") == snapshot
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append(load(tmp_path / "pipe")))
    reader.start()
    save(snapshot, tmp_path / "pipe")
    reader.join()
    assert read == [snapshot] and (tmp_path / "pipe").is_fifo()


# ---- several snapshots of one source ----


def joined(tmp_path, *snapshots):
    """Return what is loaded from a file of all snapshots, one after the other."""
    path = tmp_path / "joined.jsonl"
    path.write_text("".join(map(dump, snapshots)))
    return load(path)


def test_of_one_source_the_latest_counts(tmp_path):
    registry = Registry()
    recorder = registry.recorder("q")
    recorder.record(1.0)
    first = registry.snapshot()
    recorder.record(2.0)
    second = registry.snapshot()
    for order in ([first, second], [second, first], [first, second, first, second]):
        assert joined(tmp_path, *order) == second
    assert load(tmp_path / "joined.jsonl").source_of(Key("q")) == second.source_of(Key("q"))
    other = Registry()
    other.recorder("q").record(3.0)
    three = {Key("q"): Histogram.from_values([1.0, 2.0, 3.0])}
    assert joined(tmp_path, first, other.snapshot(), second) == three
    assert load(tmp_path / "joined.jsonl").source_of(Key("q")) is None


def test_a_drain_begins_another_source(tmp_path):
    """Otherwise the values before it would be lost."""
    registry, taken = Registry(), []
    recorder = registry.recorder("q")
    for value in (1.0, 2.0, 3.0):
        recorder.record(value)
        taken.append(registry.snapshot())
        recorder.drain() if value < 2 else registry.clear()
    assert joined(tmp_path, *taken, *taken) == {Key("q"): Histogram.from_values([1.0, 2.0, 3.0])}


def test_a_plain_mapping_adds_up(tmp_path):
    one = {Key("q"): Histogram.from_values([1.0])}
    assert joined(tmp_path, one, one) == {Key("q"): Histogram.from_values([1.0, 1.0])}


def test_a_forked_process_is_another_source():
    registry = Registry()
    registry.recorder("q").record(1.0)
    before = registry.snapshot().source_of(Key("q"))[0]
    assert registry.snapshot().source_of(Key("q"))[0] == before
    registry._identity._id = (os.getpid() + 1, registry._identity._id[1])  # as a child finds it
    assert registry.snapshot().source_of(Key("q"))[0] != before


@pytest.mark.parametrize("shared", [False, True])
def test_a_snapshot_knows_since_when_values_are_counted(tmp_path, shared):
    before = time.time()
    registry = Registry(tmp_path / "shared" if shared else None)
    registry.recorder("q").record(1.0)
    found = registry.snapshot()
    start, after = found.start_of(Key("q")), time.time()
    assert before - 0.01 <= start <= after + 0.01  # clocks of files may be coarser
    assert registry.snapshot().start_of(Key("q")) == found.select("q").start_of(Key("q")) == start
    assert pickle.loads(pickle.dumps(found)).start_of(Key("q")) == start
    assert found.start_of(Key("other")) is None and found.by().start_of(Key("q")) is None
    drained = time.time()
    registry.clear()
    again = registry.snapshot().start_of(Key("q"))
    assert again is None if shared else drained - 0.01 <= again <= time.time() + 0.01  # a file does not keep it
    registry.recorder("later").record(1.0)
    assert registry.snapshot().start_of(Key("later")) >= start


@pytest.mark.parametrize("line", ['"source":3', '"source":""', '"source":"a"', '"source":"a","time":true',
                                  '"source":"a","time":-1', '"source":"a","time":NaN', '"source":"a\\n","time":1',
                                  '"source":"' + "a" * 101 + '","time":1'])  # fmt: skip
def test_a_bad_source_is_named(tmp_path, line):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"name":"q",' + line + "," + DATA)
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1: not a line of a snapshot: (source|time) must be a"):
        load(path)


# ---- asking snapshots ----


def requests():
    registry = Registry()
    for method, route, value in [("GET", "/users", 1.0), ("GET", "/carts", 2.0), ("PUT", "/carts", 3.0)]:
        registry.recorder("http.request", method=method, route=route).record(value)
    registry.recorder("sql").record(4.0)
    return registry.snapshot()


def counts(snapshot):
    return {str(key): histogram.max for key, histogram in snapshot.items()}


def test_select():
    found = requests()
    assert counts(found.select("http.*", method="GET")) == {
        "http.request{method=GET,route=/users}": 1.0, "http.request{method=GET,route=/carts}": 2.0,
    }  # fmt: skip
    assert counts(found.select(route="/c*")) == {
        "http.request{method=GET,route=/carts}": 2.0, "http.request{method=PUT,route=/carts}": 3.0,
    }  # fmt: skip
    assert found.select() == found and found.select("HTTP.*") == {} and found.select("http") == {}
    assert counts(found.select(method="")) == {"sql": 4.0}  # a label that is not there
    assert set(found.select(method="*")) == set(found)
    named = Snapshot({Key("q", name="x", self=1): Histogram()})
    assert named.select("q", name="x", self=1) == named
    assert found.select("sql").source_of(Key("sql")) == found.source_of(Key("sql"))


def test_by_and_total():
    found = requests()
    assert found.by("route") == {
        Key("http.request", route="/users"): Histogram.from_values([1.0]),
        Key("http.request", route="/carts"): Histogram.from_values([2.0, 3.0]),
        Key("sql"): Histogram.from_values([4.0]),
    }
    assert found.by() == {
        Key("http.request"): Histogram.from_values([1.0, 2.0, 3.0]), Key("sql"): Histogram.from_values([4.0]),
    }  # fmt: skip
    assert found.by("method", "route") == found.by("route", "method", "x") == found
    assert found.total() == Histogram.from_values([1.0, 2.0, 3.0, 4.0])
    assert Snapshot().total() == Histogram()
    mixed = Snapshot({Key("a", x=1): Histogram.from_values([1.0]), Key("a", x=2): Histogram.from_values([1], unit="B")})
    with pytest.raises(ValueError, match="cannot combine histograms in 's' and 'B'"):
        mixed.total()
    with pytest.raises(ValueError, match="cannot combine"):
        mixed.by()
    for wrong in (["route"], 3, None):
        with pytest.raises(TypeError, match=r"by\(\) takes labels as strings, by\('route', 'method'\), not "):
            found.by(wrong)
        with pytest.raises(TypeError, match=r"select\(\) takes a name as a string, select\('http"):
            found.select(wrong)


def test_a_snapshot_is_a_dictionary_and_pickles():
    found = requests()
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is Snapshot and again == found == dict(found)
    assert again.source_of(Key("sql")) == found.source_of(Key("sql")) is not None
