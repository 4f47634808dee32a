"""Columns of Arrow: whatever gives them, files with columns of histograms, and what these say to other programs."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_data import peak_growth

import historian
from historian import Groups, Histogram, buckets

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet")
ds = pytest.importorskip("pyarrow.dataset")
arrow = pytest.importorskip("historian.engines.arrow")

EDGES = np.array([buckets.upper(i) for i in range(-2048, 4095)])
TABLE = pa.table({
    "other": pa.array([object.__hash__] * 0 + ["unused"] * 6),
    "route": ["/a", "/b", None, "/a", "/b", "/a"],
    "code": pa.array([200, 200, 500, 500, None, 200], pa.int16()),
    "seconds": [0.25, 0.5, 1.0, 2.0, 4.0, 0.125],
})  # fmt: skip
PART = pa.table({"k": np.arange(500_000, dtype=np.int32) % 100, "v": np.linspace(0, 1, 500_000)})
BY_ROUTE = {
    "/a": Histogram.from_values([0.25, 2.0, 0.125]),
    "/b": Histogram.from_values([0.5, 4.0]),
    None: Histogram.from_values([1.0]),
}


class Capsule:
    """Has Arrow's interface, and no other."""

    def __init__(self, data: Any) -> None:
        self.__arrow_c_stream__ = data.__arrow_c_stream__


def duckdb_relation(table: Any) -> Any:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    return duckdb.connect().from_arrow(table)


def polars_frame(table: Any) -> Any:
    return pytest.importorskip("polars").from_arrow(table)


def pandas_frame(table: Any) -> Any:
    pytest.importorskip("pandas")
    return table.to_pandas()


def parquet_file(table: Any) -> Any:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=4)
    return pq.ParquetFile(pa.BufferReader(sink.getvalue()))


HOLDERS: list[Callable[[Any], Any]] = [
    lambda table: table,
    lambda table: pa.concat_tables([table.slice(0, 2), table.slice(2)]),
    lambda table: table.combine_chunks().to_batches()[0],
    lambda table: table.to_reader(max_chunksize=2),
    lambda table: ds.dataset(table),
    lambda table: ds.dataset(table).scanner(),
    lambda table: table.to_struct_array(),
    lambda table: table.to_struct_array().combine_chunks(),
    parquet_file,
    Capsule,
    polars_frame,
    pandas_frame,
    duckdb_relation,
]


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_holds_columns_is_read(holder: Callable[[Any], Any]) -> None:
    found = arrow.histograms(holder(TABLE), value="seconds", by="route")
    assert isinstance(found, Groups)
    assert (dict(found), found.names, found.dropped) == (BY_ROUTE, ("route",), 0)


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_holds_histograms_is_merged(holder: Callable[[Any], Any]) -> None:
    stored = arrow.table(BY_ROUTE, by="route")
    twice = pa.concat_tables([stored, stored]).cast(pa.schema([("route", pa.string()), ("histogram", pa.binary())]))
    found = arrow.merge(holder(twice), by=["route"])
    assert found["histogram"].type == arrow.HistogramType()
    assert dict(arrow.groups(found)) == {route: one + one for route, one in BY_ROUTE.items()}


def test_dictionaries_of_polars_and_pandas() -> None:
    pl = pytest.importorskip("polars")
    for kind in (pl.Categorical, pl.Enum(["/b", "/a"])):
        frame = pl.from_arrow(TABLE).with_columns(pl.col("route").cast(kind))
        assert dict(arrow.histograms(frame, "seconds", "route")) == BY_ROUTE
    frame = pandas_frame(TABLE).astype({"route": "category"})
    assert dict(arrow.histograms(frame, "seconds", "route")) == BY_ROUTE


def test_several_columns_of_labels_and_none() -> None:
    found = arrow.histograms(TABLE, "seconds", ["route", "code"], unit="ms")
    assert {label: one.count for label, one in found.items()} == {
        ("/a", 200): 2, ("/b", 200): 1, (None, 500): 1, ("/a", 500): 1, ("/b", None): 1,
    }  # fmt: skip
    assert {one.unit for one in found.values()} == {"ms"}
    assert dict(arrow.histograms(TABLE, "seconds")) == {(): historian.merge(BY_ROUTE.values())}


def test_single_columns() -> None:
    expected = {(): Histogram.from_values([1.0, 2.0])}
    assert dict(arrow.histograms(pa.array([1, 2]))) == expected
    assert dict(arrow.histograms(pa.chunked_array([[1], [2]]))) == expected
    assert dict(arrow.histograms(pytest.importorskip("polars").Series([1.0, 2.0]))) == expected
    with pytest.raises(TypeError, match="data are a single column: pass a table to name columns"):
        arrow.histograms(pa.array([1]), "value")


@pytest.mark.parametrize("groups", [1, 7])
def test_edges_are_those_of_the_core(groups: int) -> None:
    values = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf)])
    keys = np.arange(len(values)) % groups
    found = arrow.histograms(pa.table({"key": keys, "value": values}).to_reader(max_chunksize=500), "value", "key")
    assert dict(found) == {key: Histogram.from_values(values[keys == key]) for key in range(groups)}


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), -1.0])
def test_invalid_values(bad: float | None) -> None:
    table = pa.table({"key": ["a", "b", "a"], "value": pa.array([1.0, bad, bad])})
    with pytest.raises(ValueError, match=r"^2 of 3 values are missing, NaN, infinite or negative, the first .* 1: "):
        arrow.histograms(table, "value", "key")
    found = arrow.histograms(table, "value", "key", invalid="drop")
    assert (dict(found), found.dropped) == ({"a": Histogram.from_values([1.0])}, 2)
    with pytest.raises(ValueError, match='invalid must be "raise" or "drop"'):
        arrow.histograms(table, "value", "key", invalid="ignore")


def test_a_stream_is_not_read_on_after_an_invalid_value() -> None:
    read = 0

    def batches() -> Iterator[Any]:
        nonlocal read
        for read in range(1, 101):
            yield pa.record_batch({"value": np.full(100_000, -1.0 if read == 2 else 1.0)})

    reader = pa.RecordBatchReader.from_batches(pa.schema([("value", pa.float64())]), batches())
    with pytest.raises(ValueError, match=r"^100,000 of 200,000 values"):
        arrow.histograms(reader, "value")
    assert read < 5


def test_a_long_stream_is_read_in_bounded_memory() -> None:
    def batches() -> Iterator[Any]:
        for seed in range(400):
            rng = np.random.default_rng(seed)
            yield pa.record_batch({"key": rng.integers(0, 100, 50_000), "value": rng.lognormal(0, 1, 50_000)})

    schema = pa.schema([("key", pa.int64()), ("value", pa.float64())])
    before = pa.total_allocated_bytes()
    peak = 0

    def watched() -> Iterator[Any]:
        nonlocal peak
        for batch in batches():
            yield batch
            peak = max(peak, pa.total_allocated_bytes() - before)

    found = arrow.histograms(pa.RecordBatchReader.from_batches(schema, watched()), "value", "key")
    assert sum(one.count for one in found.values()) == 20_000_000
    assert peak < 10_000_000  # bytes; the values take 320 million


PROGRAM = """
import pyarrow.dataset, pyarrow.parquet
from historian.engines import arrow


def read(path):
    data = pyarrow.parquet.ParquetFile(path) if {file} else pyarrow.dataset.dataset(path)
    return arrow.histograms(data, "v", "k")[1].count


def warm():
    read({small!r})


def main():
    assert read({large!r}) > 0
"""


@pytest.mark.parametrize("file", [True, False], ids=["file", "dataset"])
def test_files_may_be_larger_than_the_memory_that_is_used(file: bool, tmp_path: Path) -> None:
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("small", "large")}
    for name, parts in (("small", 2), ("large", 160)):
        with pq.ParquetWriter(paths[name], PART.schema, compression="none", use_dictionary=False) as writer:
            for _ in range(parts):
                writer.write_table(PART)
    # In bytes: columns take 960 MB, and what is read ahead 250 to 310.
    assert peak_growth(PROGRAM.format(file=file, **paths)) < 480e6


def test_columns_that_are_not_there() -> None:
    with pytest.raises(
        ValueError, match=r"^there is no column 'second'; there are 'other', 'route', 'code', 'seconds'$"
    ):
        arrow.histograms(TABLE, "second")
    twice = pa.table([TABLE["route"], TABLE["route"], TABLE["seconds"]], ["a", "a", "b"])
    with pytest.raises(ValueError, match=r"^there are 2 columns 'a'; there are 'a', 'a', 'b'$"):
        arrow.histograms(twice, "b", "a")
    with pytest.raises(TypeError, match="column 'route': values must be numbers or durations, not string"):
        arrow.histograms(TABLE, "route")
    with pytest.raises(TypeError, match=r"data must be a table with columns of Arrow, .* not list"):
        arrow.histograms([1.0], "value")
    with pytest.raises(TypeError, match="collect"):
        arrow.histograms(pytest.importorskip("polars").LazyFrame({"v": [1.0]}), "v")


def test_no_rows() -> None:
    for empty in (TABLE.slice(0, 0), TABLE.schema.empty_table(), pa.table({"route": [], "seconds": []})):
        assert dict(arrow.histograms(empty, "seconds", "route")) == {}
    with pytest.raises(TypeError, match="values must be numbers"):
        arrow.histograms(TABLE.schema.empty_table(), "route")
    assert arrow.merge(arrow.table({}, by="route"), by="route").num_rows == 0


# ---- columns of histograms ---------------------------------------------------------------------------


def write_ipc(table: Any, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_ipc(path: Path) -> Any:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def write_stream(table: Any, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def read_stream(path: Path) -> Any:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


FILES = {
    "parquet": (pq.write_table, pq.read_table),
    "file": (write_ipc, read_ipc),
    "stream": (write_stream, read_stream),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_keep_groups(kind: str, tmp_path: Path) -> None:
    write, read = FILES[kind]
    groups = arrow.histograms(TABLE, "seconds", ["route", "code"])
    write(arrow.table(groups), tmp_path / "file")
    back = read(tmp_path / "file")
    assert back.schema.field("histogram").type == arrow.HistogramType()
    found = arrow.groups(back)
    assert (dict(found), found.names) == (dict(groups), ("route", "code"))
    assert back["histogram"].to_pylist() == list(groups.values())
    assert back["histogram"][1].as_py() == groups["/b", 200]


@pytest.mark.parametrize("kind", FILES)
def test_programs_without_historian_see_blobs(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    FILES[kind][0](arrow.table(BY_ROUTE, by="route"), path)
    reading = {
        "parquet": "import pyarrow.parquet; table = pyarrow.parquet.read_table(path)",
        "file": "table = pyarrow.ipc.open_file(path).read_all()",
        "stream": "table = pyarrow.ipc.open_stream(open(path, 'rb').read()).read_all()",
    }
    script = (
        f"import pyarrow, sys; path = sys.argv[1]; {reading[kind]}; field = table.schema.field('histogram');"
        "print(field.type, table['histogram'][1].as_py().hex(), 'historian' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["binary", BY_ROUTE["/b"].to_bytes().hex(), "False"]


def test_the_type_travels() -> None:
    kind = arrow.HistogramType()
    assert pickle.loads(pickle.dumps(kind)) == kind
    stored = arrow.table(BY_ROUTE, by="route")
    assert pickle.loads(pickle.dumps(stored)).equals(stored)
    assert stored["histogram"].cast(pa.binary()).cast(kind).equals(stored["histogram"])
    with pytest.raises(TypeError, match="histograms are stored as binary, not as string"):
        arrow.HistogramType(pa.string())
    frame = polars_frame(stored)
    assert dict(arrow.groups(frame)) == BY_ROUTE
    assert dict(arrow.groups(frame.to_arrow())) == BY_ROUTE


def test_a_cell_of_a_damaged_blob_raises() -> None:
    column = pa.array([b"damaged", None], arrow.HistogramType())
    assert column[1].as_py() is None
    with pytest.raises(ValueError, match="histogram"):
        column[0].as_py()


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), arrow.HistogramType()], ids=str)
def test_quantiles_of_a_column(kind: Any) -> None:
    histograms = [BY_ROUTE["/a"], None, Histogram(), BY_ROUTE["/b"]]
    column = pa.array([one.to_bytes() if one is not None else None for one in [Histogram(), *histograms]], kind).slice(
        1
    )
    for form in (column, pa.chunked_array([column.slice(0, 1), column.slice(1)])):
        found = arrow.quantile(form, 0.9)
        assert found.type == pa.float64()
        assert found.to_pylist() == [BY_ROUTE["/a"].quantile(0.9), None, None, BY_ROUTE["/b"].quantile(0.9)]


def test_faults_of_blobs_are_named_by_their_rows() -> None:
    blobs = [BY_ROUTE["/a"].to_bytes(), b"damaged", BY_ROUTE["/b"].to_bytes()[:-1]]
    with pytest.raises(ValueError, match=r"^row 1 of the column histogram has no histogram: "):
        arrow.quantile(pa.array(blobs), 0.5)
    table = pa.table({"key": [1] * 30_000, "histogram": [blobs[0]] * 29_999 + [blobs[2]]})
    with pytest.raises(ValueError, match=r"^row 29,999 of the column histogram has no histogram: "):
        arrow.merge(table.to_reader(max_chunksize=1_000), "key")
    with pytest.raises(ValueError, match=r"^row 0 of the column histogram has no histogram: it is missing"):
        arrow.merge(pa.table({"histogram": pa.array([None], pa.binary())}))
    mixed = [BY_ROUTE["/a"].to_bytes(), Histogram.from_values([1.0], unit="ms").to_bytes()]
    with pytest.raises(ValueError, match=r"^cannot combine histograms in 's' and 'ms': .* \(at position 1\)$"):
        arrow.merge(pa.array(mixed))
    with pytest.raises(ValueError, match=r"^cannot combine histograms in 's' and 'ms': record both in one unit$"):
        arrow.merge(pa.chunked_array([[one] for one in mixed]))


def test_what_is_not_a_column_of_histograms() -> None:
    with pytest.raises(TypeError, match="histograms are in a column of binary values, not of string"):
        arrow.quantile(pa.array(["a"]), 0.5)
    with pytest.raises(TypeError, match="column must be a column of histograms, not list"):
        arrow.quantile([b"a"], 0.5)
    with pytest.raises(TypeError, match="q must be one number"):
        arrow.quantile(pa.array([], pa.binary()), [0.5])
    with pytest.raises(ValueError, match="q must be"):
        arrow.quantile(pa.array([], pa.binary()), 1.5)


def test_many_blobs_merge_to_the_histogram_of_all() -> None:
    rng = np.random.default_rng(3)
    values, keys = rng.lognormal(0, 1, 100_000), rng.integers(0, 20, 100_000)
    parts = [
        arrow.table(
            arrow.histograms(pa.table({"key": keys[k : k + 100], "value": values[k : k + 100]}), "value", "key")
        )
        for k in range(0, 100_000, 100)
    ]
    whole = pa.concat_tables(parts)
    assert whole.num_rows > 19_000
    expected = arrow.histograms(pa.table({"key": keys, "value": values}), "value", "key")
    for form in (whole, whole.combine_chunks(), whole.to_reader()):
        found = arrow.merge(form, by="key")
        assert dict(arrow.groups(found)) == dict(expected)
        assert found["key"].type == pa.int64()
    assert arrow.merge(whole["histogram"])["histogram"].to_pylist() == [Histogram.from_values(values)]
    assert expected[3].sum == pytest.approx(float(np.sum(values[keys == 3])), rel=1e-12)


def test_groups_become_a_table_and_back() -> None:
    unnamed = historian.group([1.0, 2.0, 3.0], ["x", None, "x"])
    with pytest.raises(ValueError, match="the groups do not know from which columns they came: pass by"):
        arrow.table(unnamed)
    with pytest.raises(ValueError, match=r"the label \('x',\) does not have a part for each of \['a', 'b'\]|the label"):
        arrow.table(unnamed, by=["a", "b"])
    table = arrow.table(unnamed, by="key")
    assert dict(arrow.groups(table)) == dict(arrow.groups(table, by="key")) == dict(unnamed)
    assert dict(arrow.groups(table, by=[])) == {(): historian.merge(unnamed.values())}
    everything = arrow.histograms(TABLE, "seconds")
    assert dict(arrow.groups(arrow.table(everything))) == dict(everything)
    named = historian.group(TABLE, by=["route", "code"], value="seconds")
    assert dict(arrow.groups(arrow.table(named))) == dict(named)


def test_tables_that_could_not_be_read_back_are_not_made() -> None:
    calls = pa.table({"histogram": ["a", "b"], "v": [1.0, 2.0]})
    found = arrow.histograms(calls, "v", "histogram")
    assert dict(arrow.groups(arrow.table(found, by="route"))) == dict(found)
    with pytest.raises(ValueError, match="by must not name a column 'histogram'"):
        arrow.table(found)
    with pytest.raises(ValueError, match="by must not name a column twice: 'a', 'a'"):
        arrow.table(historian.group([1], ([1], [2])), by=["a", "a"])
    for function in (arrow.merge, arrow.groups):
        with pytest.raises(ValueError, match="by must not name a column 'histogram'"):
            function(arrow.table(found, by="route"), by=["route", "histogram"])


def test_without_pyarrow_the_error_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "try:\n import historian.engines.arrow\nexcept ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "historian.engines.arrow needs pyarrow: run pip install 'latency-historian[arrow]'\n"
