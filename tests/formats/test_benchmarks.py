"""Files of benchmark tools: those that the tools wrote, and those that nothing should write."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Key, Snapshot
from historian.formats import benchmarks

DATA = Path(__file__).parents[1] / "data" / "benchmarks"


def test_pytest_benchmark() -> None:
    found = benchmarks.read(DATA / "pytest-benchmark.json")
    assert isinstance(found, Snapshot)
    name = "test_sums.py::test_sum"
    assert list(found) == [Key(name, n=10), Key(name, n=100), Key("test_sums.py::test_sort")]
    assert [histogram.count for histogram in found.values()] == [12, 12, 10]
    root = json.loads((DATA / "pytest-benchmark.json").read_text())
    for histogram, one in zip(found.values(), root["benchmarks"]):
        assert (histogram.unit, histogram.min, histogram.max) == ("s", one["stats"]["min"], one["stats"]["max"])
        assert histogram.mean == pytest.approx(one["stats"]["mean"], rel=1e-12)


def test_pyperf() -> None:
    found = benchmarks.read(DATA / "pyperf.json")
    assert {key: (histogram.count, histogram.unit) for key, histogram in found.items()} == {
        Key("sum"): (8, "s"),  # two processes of four values
        Key("sort"): (8, "s"),
    }


def test_asv() -> None:
    """What tracks a number has no times, and is left out."""
    found = benchmarks.read(DATA / "asv.json")
    sums = [Key("b.TimeSum.time_sum", param1=n, param2=kind) for n in (10, 100) for kind in "ab"]
    assert list(found) == [*sums, Key("b.time_sort")]
    root = json.loads((DATA / "asv.json").read_text())
    samples = root["results"]["b.TimeSum.time_sum"][-1]
    assert [found[key].max for key in sums] == [max(one) for one in samples]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("pytest-benchmark-statistics.json", "--benchmark-save-data"), ("asv-statistics.json", "--record-samples")],
)
def test_statistics_are_refused(name: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: .* has statistics only, no values: .*{remedy}"):
        benchmarks.read(DATA / name)


def test_gzip(tmp_path: Path) -> None:
    packed = gzip.compress((DATA / "pyperf.json").read_bytes())
    path = tmp_path / "a.json.gz"
    path.write_bytes(packed)
    assert benchmarks.read(path) == benchmarks.read(DATA / "pyperf.json")
    path.write_bytes(packed[:-9])
    with pytest.raises(ValueError, match="cannot be decompressed"):
        benchmarks.read(path)


def of_pytest(*entries: dict) -> str:
    return json.dumps({"machine_info": {}, "benchmarks": entries})


def test_parameters_are_labels() -> None:
    one = {"fullname": "t.py::a[x-True]", "params": {"s": "x", "flag": True}, "stats": {"data": [1]}}
    assert list(benchmarks.parse(of_pytest(one))) == [Key("t.py::a", s="x", flag="true")]


def test_what_differs_from_run_to_run_is_no_parameter() -> None:
    """Objects are named by their id in the test, not by an address."""
    one = {"name": "a[f0]", "params": {"f": "UNSERIALIZABLE[<function f at 0x7f>]"}, "stats": {"data": [1]}}
    assert list(benchmarks.parse(of_pytest(one))) == [Key("a", param="f0")]
    of_list = {"name": "a[l0]", "params": {"l": [1, 2]}, "stats": {"data": [1]}}
    assert list(benchmarks.parse(of_pytest(of_list))) == [Key("a", param="l0")]


def test_parameters_that_look_alike_have_their_ids_too() -> None:
    twice = [{"name": f"a[{k}]", "params": {"n": 1}, "stats": {"data": [1]}} for k in ("x", "y")]
    assert list(benchmarks.parse(of_pytest(*twice))) == [Key("a", n=1), Key("a", n=1, param="y")]


def test_units_of_pyperf() -> None:
    for unit, expected in (("second", "s"), ("byte", "bytes"), ("integer", "1")):
        root = {"benchmarks": [{"runs": [{"values": [2]}]}], "metadata": {"name": "a", "unit": unit}}
        assert benchmarks.parse(json.dumps(root))[Key("a")].unit == expected


def of_asv(row: object, **more: object) -> str:
    columns = ["result", "params", "stats_q_25", "samples"]
    root = {"commit_hash": "ab", "version": 2, "result_columns": columns, "results": {"t": row}, **more}
    return json.dumps(root)


def test_what_failed_in_asv_is_left_out() -> None:
    row = [[0.5, None, float("nan")], [["1", "2", "3"]], [0.5, None, None], [[0.5, 0.25], None, None]]
    assert list(benchmarks.parse(of_asv(row))) == [Key("t", param1=1)]


HOSTILE = {
    "": "not a file of a benchmark tool",
    "[]": "it holds an array, not an object",
    "{}": "none of their keys",
    "[" * 100_000: "nested too deeply",
    '{"machine_info": {}, "benchmarks": 1}': "benchmarks must be an array, not 1",
    '{"machine_info": {}}': "benchmarks must be an array, not nothing",
    '{"machine_info": {}, "benchmarks": []}': "no benchmarks with values",
    of_pytest({"name": "a", "stats": []}): "stats must be an object, not an array",
    of_pytest({"name": "", "stats": {}}): "name must be a text",
    of_pytest({"name": "a", "stats": {"data": [True]}}): r"data\[0\] must be a number from 0 on, not True",
    of_pytest({"name": "a", "stats": {"data": ["1"]}}): "must be a number from 0 on, not '1'",
    of_pytest({"name": "a", "stats": {"data": [-1]}}): "not -1",
    of_pytest({"name": "a", "stats": {"data": [float("nan")]}}): "not nan",
    '{"machine_info": {}, "benchmarks": [{"name": "a", "stats": {"data": [1e999]}}]}': "not inf",
    '{"machine_info": {}, "benchmarks": [{"name": "a", "stats": {"data": [%s]}}]}' % ("9" * 5_000): "not inf",
    '{"machine_info": {}, "benchmarks": [{"name": "a", "stats": {"data": [%s]}}]}' % ("9" * 350): "beyond 1.8e308",
    of_pytest(*[{"name": "a", "stats": {"data": [1]}}] * 2): "a is there twice",
    of_pytest({"name": "\ud800", "stats": {"data": [1]}}): "not valid Unicode",
    of_pytest({"name": "a" * 9_000, "stats": {"data": [1]}}): "the limit is 2,048",
    '{"benchmarks": [{"runs": [{"values": 5}]}]}': r"runs\[0\].values must be an array, not 5",
    '{"benchmarks": [{"runs": [{"values": [1]}], "metadata": {"unit": "lux"}}]}': "has the unit 'lux'",
    '{"benchmarks": [{"runs": [{"warmups": [[1, 2.0]]}]}]}': "no benchmarks with values",
    of_asv([[0.5], [["1", "2"]], [0.5], [[0.5]]]): "1 results for 2 combinations",
    of_asv([[0.5], [], [0.5], None]): "statistics only, no values: run asv run --record-samples",
    of_asv([[0.5], [], [0.5], [[0.5]]], version=1): "asv's version must be 2, not 1: convert the results by asv update",
    of_asv([[0.5], [], [0.5], [["\x1b[31m"]]]): r"not '\\x1b\[31m'",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=HOSTILE[text]) as caught:
        benchmarks.parse(text)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_too_long_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "MAX_NBYTES", 100)
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        benchmarks.read(DATA / "pyperf.json")


def test_cut_short_at_any_byte() -> None:
    """A file that is not complete is refused: no benchmark is lost unseen."""
    for name in ("pyperf.json", "asv.json", "pytest-benchmark.json"):
        data = (DATA / name).read_bytes().rstrip()
        for end in range(0, len(data), 37):
            with pytest.raises(ValueError, match="not a file of a benchmark tool"):
                benchmarks.parse(data[:end])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["machine_info", "benchmarks", "name", "stats", "data", "runs", "values", "metadata", "results", "params",
         "commit_hash", "version", "result_columns", "samples"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.sampled_from([{"machine_info": {}}, {"commit_hash": "a", "version": 2, "results": {}}, {}]))
def test_any_document_gives_a_snapshot_or_a_reason(inner: object, begin: dict) -> None:
    root = {**begin, **inner} if isinstance(inner, dict) else inner
    reason, found = "", {}
    try:
        found = benchmarks.parse(json.dumps(root))
    except ValueError as error:
        reason = str(error)
    assert reason.isprintable()
    assert bool(reason) != bool(found)
    assert all(histogram.count for histogram in found.values())
