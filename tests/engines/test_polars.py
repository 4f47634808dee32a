"""Histograms of Polars' data frames, against the real engine."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from engine_data import INVALID, keyed, peak_growth

from historian import Groups, Histogram

pl = pytest.importorskip("polars", reason="polars is not installed")
polars = pytest.importorskip("historian.engines.polars", reason="pyarrow is not installed")


def read(frame) -> dict[object, Histogram]:
    """Return the histograms of a frame of keys and blobs."""
    assert frame.columns[-1] == "histogram"
    rows = frame.rows()
    found = {tuple(keys): Histogram.from_bytes(blob) for *keys, blob in rows}
    assert len(found) == len(rows)
    return {key[0] if len(key) == 1 else key: histogram for key, histogram in found.items()}


def both(frame, *arguments, **options) -> dict[object, Histogram]:
    """Return the histograms of a frame, after checking that it gives the same ones if it is lazy."""
    eager = polars.histograms(frame, *arguments, **options)
    assert isinstance(eager, Groups)
    lazy = polars.histograms(frame.lazy(), *arguments, **options)
    assert isinstance(lazy, pl.LazyFrame)
    for engine in ("in-memory", "streaming"):
        collected = lazy.collect(engine=engine)
        assert collected.schema == lazy.collect_schema()
        assert read(collected) == dict(eager)
    return dict(eager)


def test_edges_fall_into_the_buckets_of_the_core() -> None:
    keys, values, expected = keyed()
    assert both(pl.DataFrame({"key": keys, "value": values}), "value", "key") == expected


def test_many_batches_are_one_histogram(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polars, "ROWS", 1000)
    keys, values, expected = keyed()
    assert both(pl.DataFrame({"key": keys, "value": values}), "value", ["key"]) == expected


def test_several_keys_and_missing_ones() -> None:
    frame = pl.DataFrame(
        {"a": ["/a", "/a", None, None, None], "b": [1, 2, 1, None, None], "v": [1.0, 2.0, 3.0, 4.0, 5.0]}
    )
    expected = {("/a", 1): [1.0], ("/a", 2): [2.0], (None, 1): [3.0], (None, None): [4.0, 5.0]}
    found = both(frame, "v", ["a", "b"], unit="ms")
    assert found == {key: Histogram.from_values(values, unit="ms") for key, values in expected.items()}


def test_without_keys_there_is_one_row() -> None:
    assert both(pl.DataFrame({"v": [1, 2, 3]}), "v") == {(): Histogram.from_values([1, 2, 3])}


@pytest.mark.parametrize("by", [[], ["key"], ["key", "other"]])
def test_nothing_gives_no_groups(by: list[str]) -> None:
    schema = {"key": pl.String, "other": pl.Datetime("ms"), "value": pl.Float64}
    frame = pl.DataFrame(schema=schema)
    assert both(frame, "value", by) == {}
    blobs = polars.histograms(frame.lazy(), "value", by).collect()
    assert blobs.schema == {**{name: schema[name] for name in by}, "histogram": pl.Binary}
    assert polars.merge(blobs, by).equals(blobs)
    assert polars.merge(blobs.lazy(), by).collect().equals(blobs)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.UInt8, [1, 2, 250]),
        (pl.Int128, [1, 2]),
        (pl.UInt128, [1, 2**100]),
        (pl.Decimal(18, 3), [Decimal("0.1"), Decimal("0.7"), Decimal("12345678.9")]),
        (pl.Float32, [0.1, 0.25]),
        (pl.Duration("ms"), [datetime.timedelta(milliseconds=1500)]),
    ],
)
def test_numbers_of_any_type(dtype, values: list) -> None:
    series = pl.Series("v", values, dtype)
    numbers = [1.5] if dtype == pl.Duration else series.cast(pl.Float64).to_list()
    assert both(series.to_frame(), "v") == {(): Histogram.from_values(numbers)}


@pytest.mark.parametrize("bad", ["0.5", True, [1.0], datetime.date(2026, 1, 1)])
def test_what_is_no_number_is_refused(bad: object) -> None:
    frame = pl.DataFrame({"v": [bad]})
    with pytest.raises(TypeError, match="must be numbers"):
        polars.histograms(frame, "v")
    with pytest.raises(TypeError, match="must be numbers"):
        polars.histograms(frame.lazy(), "v").collect()


@pytest.mark.parametrize(
    ("dtype", "labels"),
    [
        (pl.Datetime("us"), [datetime.datetime(2026, 1, 2, 3, 4, 5, 6)]),
        (pl.Datetime("us", "UTC"), [datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)]),
        (pl.Date, [datetime.date(2026, 1, 2)]),
        (pl.Boolean, [True, False, None]),
        (pl.Decimal(4, 2), [Decimal("1.50")]),
        (pl.Enum(["a", "b"]), ["b", None]),
        (pl.Categorical, ["y", "x", None, "z"]),
        (pl.Binary, [b"\xff"]),
        (pl.Int8, [-128, 127, None]),
        (pl.UInt64, [2**64 - 1, 0]),
    ],
)
def test_labels_of_many_types_keep_them(dtype, labels: list) -> None:
    frame = pl.DataFrame({"k": pl.Series(labels * 2, dtype=dtype), "v": [1.0] * 2 * len(labels)})
    assert both(frame, "v", "k") == {label: Histogram.from_values([1.0, 1.0]) for label in labels}


@pytest.mark.parametrize("bad", INVALID)
def test_invalid_values_raise_or_are_dropped(bad: float | None) -> None:
    frame = pl.DataFrame({"key": ["a", "a", "b", "c"], "value": [1.0, bad, 2.0, bad]})
    message = r"2 of 4 values are missing, NaN, infinite or negative, the first one at position 1: "
    with pytest.raises(ValueError, match="^" + message):
        polars.histograms(frame, "value", "key")
    for engine in ("in-memory", "streaming"):
        with pytest.raises(ValueError, match="^" + message):
            polars.histograms(frame.lazy(), "value", "key").collect(engine=engine)
    found = both(frame, "value", "key", invalid="drop")
    assert found == {"a": Histogram.from_values([1.0]), "b": Histogram.from_values([2.0])}
    assert polars.histograms(frame, "value", "key", invalid="drop").dropped == 2


@pytest.mark.parametrize("arguments", [{"invalid": "ignore"}, {"unit": ""}])
def test_wrong_arguments_are_refused_before_anything_runs(arguments: dict[str, str]) -> None:
    for frame in (pl.DataFrame({"v": [1.0]}), pl.LazyFrame({"v": [1.0]})):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            polars.histograms(frame, "v", **arguments)
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match="latency"):
            polars.histograms(frame, "latency")
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match="route"):
            polars.histograms(frame, "v", "route")
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match="histogram"):
            polars.merge(frame, "v")


def test_sums_are_exact() -> None:
    values = [1e300, 1.0, 1e-300, 2.0**53] * 1000
    found = both(pl.DataFrame({"v": values}), "v")[()]
    assert found == Histogram.from_values(values)
    assert found.sum == Histogram.from_values(values).sum


def test_lazy_histograms_are_frames_as_any_other() -> None:
    frame = pl.LazyFrame({"k": [1, 2, 3, 1], "v": [1.0, 2.0, 3.0, 4.0]})
    blobs = polars.histograms(frame, "v", "k")
    assert blobs.filter(pl.col("k") > 1).sort("k").select("k").collect().rows() == [(2,), (3,)]
    assert blobs.head(2).collect().height == 2
    names = frame.select("k", name=pl.col("k").cast(pl.String)).unique()
    assert sorted(blobs.join(names, "k").select("name").collect().to_series()) == ["1", "2", "3"]
    later = polars.histograms(frame.filter(pl.col("v") > 1), "v", "k")
    merged = polars.merge(pl.concat([blobs, later]), "k")
    expected = {1: [1.0, 4.0, 4.0], 2: [2.0, 2.0], 3: [3.0, 3.0]}
    for engine in ("in-memory", "streaming"):
        assert read(merged.collect(engine=engine)) == {
            key: Histogram.from_values(values) for key, values in expected.items()
        }
    both_of = pl.collect_all([blobs, later])
    assert [one.height for one in both_of] == [3, 3]


def parts(keys: np.ndarray, values: np.ndarray, size: int):
    """Return keys and blobs of the histograms of each `size` values."""
    frames = [
        polars.histograms(pl.LazyFrame({"k": keys[start:end], "v": values[start:end]}), "v", "k").collect()
        for start in range(0, len(values), size)
        for end in [start + size]
    ]
    return pl.concat(frames)


def test_blobs_are_merged_to_the_histogram_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, values, expected = keyed()
    blobs = parts(keys, values, 500)
    for _ in range(2):
        merged = polars.merge(blobs, "k")
        assert merged.schema == blobs.schema
        assert read(merged) == expected
        assert read(polars.merge(blobs.lazy(), ["k"]).collect()) == expected
        assert read(polars.merge(blobs)) == {(): sum(expected.values(), Histogram())}
        monkeypatch.setattr(polars, "BLOBS", 50)  # rows of a batch


@pytest.mark.parametrize(("damaged", "reason"), [(b"damaged", "it does not begin"), (None, "it is missing")])
def test_a_damaged_blob_is_named_by_its_row(damaged: bytes | None, reason: str) -> None:
    blob = Histogram.from_values([1.0]).to_bytes()
    frame = pl.DataFrame({"k": [1] * 9000, "histogram": [blob] * 8000 + [damaged] + [blob] * 999})
    message = f"row 8,000 of the column histogram has no histogram: {reason}"
    with pytest.raises(ValueError, match="^" + message):
        polars.merge(frame, "k")
    with pytest.raises(ValueError, match=message):
        polars.merge(frame.lazy(), "k").collect()


def test_other_units_are_not_merged() -> None:
    blobs = pl.DataFrame({"histogram": [Histogram.from_values([1.0], unit=unit).to_bytes() for unit in ("s", "ms")]})
    with pytest.raises(ValueError, match="cannot combine histograms in 's' and 'ms'"):
        polars.merge(blobs)


def test_quantiles_of_columns_expressions_and_series() -> None:
    histograms = [Histogram.from_values(np.arange(1, n)) for n in range(2, 200)]
    blobs = pl.DataFrame({"histogram": [*(one.to_bytes() for one in histograms), None, Histogram().to_bytes()]})
    expected = pl.Series("histogram", [*(one.quantile(0.99) for one in histograms), None, None])
    assert polars.quantile(blobs["histogram"], 0.99).equals(expected, check_names=True)
    for blob in ("histogram", pl.col("histogram")):
        assert blobs.select(polars.quantile(blob, 0.99)).to_series().equals(expected, check_names=True)
        lazy = blobs.lazy().select(polars.quantile(blob, 0.99))
        assert lazy.collect_schema() == {"histogram": pl.Float64}
        for engine in ("in-memory", "streaming"):
            assert lazy.collect(engine=engine).to_series().equals(expected, check_names=True)


@pytest.mark.parametrize("name", ["*", "^.*$", "a.b", 'the "key"'])
def test_names_are_never_patterns(name: str) -> None:
    frame = pl.DataFrame({"other": [7.0, 8.0], name: ["a", "b"], "v": [1.0, 2.0]})
    expected = {"a": Histogram.from_values([1.0]), "b": Histogram.from_values([2.0])}
    assert both(frame, "v", name) == expected
    assert both(frame.select("other", pl.col("v").alias(name)), name) == {(): Histogram.from_values([1.0, 2.0])}
    blobs = polars.histograms(frame.lazy(), "v", name).collect()
    assert read(polars.merge(blobs, name)) == read(polars.merge(blobs.lazy(), name).collect()) == expected
    found = blobs.select(pl.lit(1).alias("other"), pl.col("histogram").alias(name)).select(polars.quantile(name, 1))
    assert found.rows() == [(1.0,), (2.0,)]


def test_errors_of_a_query_are_its_own() -> None:
    def fail(_: pl.Series) -> pl.Series:
        raise KeyError("out of order")

    query = pl.LazyFrame({"histogram": [b""]}).select(pl.all().map_batches(fail, return_dtype=pl.Binary))
    with pytest.raises(KeyError, match="out of order"):
        polars.merge(query).collect()


def test_quantiles_of_damaged_blobs_raise() -> None:
    blobs = pl.DataFrame({"histogram": [b"damaged"]})
    with pytest.raises(ValueError, match="it does not begin with"):
        polars.quantile(blobs["histogram"], 0.5)
    with pytest.raises(ValueError, match="it does not begin with"):
        blobs.select(polars.quantile("histogram", 0.5))


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_quantiles_are_from_0_to_1(q: float) -> None:
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
        polars.quantile("histogram", q)


PROGRAM = """
import polars as pl
from historian.engines import polars
def run(path):
    print(polars.histograms(pl.scan_parquet(path), "v", "k").collect().height)
def warm(): run({small!r})
def main(): run({large!r})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_files_may_be_larger_than_the_memory_that_is_used(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for name, rows in (("small", 1_000_000), ("large", 24_000_000)):
        frame = pl.DataFrame({"k": np.arange(rows, dtype=np.int32) % 100, "v": random.random(rows)})
        frame.write_parquet(tmp_path / f"{name}.parquet", row_group_size=200_000)
    assert (tmp_path / "large.parquet").stat().st_size > 150e6
    program = PROGRAM.format(small=f"{tmp_path}/small.parquet", large=f"{tmp_path}/large.parquet")
    grown = peak_growth(program)
    assert 0 < grown < 140e6  # columns take 288 MB
