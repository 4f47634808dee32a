"""The two functions on which each engine is built: histograms of a batch, and their sums."""

from __future__ import annotations

import numpy as np
import pytest

from historian import Histogram, buckets, merge
from historian.engines._columns import merged, partial

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

EDGES = np.array([buckets.upper(i) for i in range(-2048, 4095)])
#: Bucket edges, and the floats beside them.
NEAR_EDGES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf)])


def read(table: pa.Table, *by: str) -> dict[object, Histogram]:
    """Return the histograms of a table by key: a label, or a tuple of several."""
    keys = [table.column(name).to_pylist() for name in by]
    blobs = table.column("histogram").to_pylist()
    rows = [(tuple(key), Histogram.from_bytes(blob)) for *key, blob in zip(*keys, blobs)]
    found = {key[0] if len(key) == 1 else key: h for key, h in rows}
    assert len(found) == table.num_rows
    return found


def test_edges_fall_into_the_buckets_of_the_core() -> None:
    table = pa.table({"key": np.arange(len(NEAR_EDGES)) % 7, "value": NEAR_EDGES})
    assert read(partial(table, "value", ["key"]), "key") == {
        key: Histogram.from_values(NEAR_EDGES[key::7]) for key in range(7)
    }


def test_batches_are_merged_to_the_histogram_of_all() -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 10_000)
    table = pa.table({"a": np.arange(10_000) % 3, "b": pa.array(["x", None] * 5_000), "value": values})
    parts = [partial(table.slice(start, 1_500), "value", ["a", "b"], "ms") for start in range(0, 10_000, 1_500)]
    found = read(merged(pa.concat_tables(parts), ["a", "b"]), "a", "b")
    assert found == {
        (a, b): Histogram.from_values(
            [v for i, v in enumerate(values) if i % 3 == a and i % 2 == (b is None)], unit="ms"
        )
        for a in range(3)
        for b in ("x", None)
    }


def test_no_keys_give_one_row() -> None:
    table = pa.table({"value": [1.0, 2.0]})
    parts = pa.concat_tables([partial(table, "value", [])] * 2)
    assert read(merged(parts, []))[()] == merge([Histogram.from_values([1.0, 2.0])] * 2)


def test_no_rows_give_no_groups() -> None:
    table = pa.table({"key": pa.array([], pa.string()), "value": pa.array([], pa.float64())})
    part = partial(table, "value", ["key"])
    assert (part.num_rows, part.schema.field("key").type) == (0, pa.string())
    assert merged(part, ["key"]).equals(part)


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), -1.0])
def test_invalid_values_raise_or_are_dropped(bad: float | None) -> None:
    table = pa.table({"key": ["a", "a", "b"], "value": pa.array([1.0, bad, 2.0])})
    with pytest.raises(ValueError, match="1 of 3 values are missing, NaN, infinite or negative"):
        partial(table, "value", ["key"])
    found = read(partial(table, "value", ["key"], invalid="drop"), "key")
    assert {key: h.count for key, h in found.items()} == {"a": 1, "b": 1}


def test_a_damaged_blob_is_named_by_its_row() -> None:
    blobs = [Histogram.from_values([1.0]).to_bytes()] * 3
    for damaged, reason in ((b"damaged", "row 1 .*"), (None, "row 1 of the column histogram .* missing")):
        table = pa.table({"key": [1, 1, 2], "histogram": pa.array([blobs[0], damaged, blobs[2]], pa.binary())})
        with pytest.raises(ValueError, match=reason):
            merged(table, ["key"])
