"""Snapshots in files: saving and loading, merging files, reporting bad lines, and writing files atomically."""

import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Key, Registry
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
    # 1.0 = 2^0 is the upper edge of bucket -1
    assert json.loads(line) == {
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
