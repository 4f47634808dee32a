"""The two functions on which each engine is built: histograms of a batch, and their sums."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pytest

from historian import Histogram, buckets, group, merge
from historian.engines._columns import merged, partial

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pc = pytest.importorskip("pyarrow.compute")
arrow = pytest.importorskip("historian.engines.arrow")

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


SECOND = dt.datetime(2026, 11, 27, 1, 2, 3)
#: Labels of all kinds: a type, and two labels of it.
KINDS = [
    (pa.string(), ["a", "b"]),
    (pa.large_string(), ["a", "b"]),
    (pa.string_view(), ["a", "a text that is too long for a view to hold it"]),
    (pa.binary(), [b"a", b"b"]),
    (pa.binary_view(), [b"a", b"b"]),
    (pa.binary(1), [b"a", b"b"]),
    (pa.bool_(), [True, False]),
    (pa.int8(), [-128, 127]),
    (pa.int16(), [-1, 5]),
    (pa.int32(), [0, 100_000]),
    (pa.int64(), [-(2**63), 2**63 - 1]),
    (pa.uint64(), [2**64 - 1, 2**64 - 2]),
    (pa.uint8(), [0, 255]),
    (pa.float32(), [0.5, -1.0]),
    (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("-0.01")]),
    (pa.decimal32(5, 2), [Decimal("1.50"), Decimal("-0.01")]),
    (pa.date32(), [SECOND.date(), dt.date(1960, 1, 1)]),
    (
        pa.timestamp("us", "UTC"),
        [SECOND.replace(tzinfo=dt.timezone.utc), dt.datetime(1960, 1, 1, tzinfo=dt.timezone.utc)],
    ),
    (pa.timestamp("ns"), [SECOND, dt.datetime(1960, 1, 1)]),
    (pa.time64("ns"), [SECOND.time(), dt.time(0)]),
    (pa.duration("s"), [dt.timedelta(seconds=1), dt.timedelta(0)]),
    (pa.uuid(), [UUID(int=1), UUID(int=2)]),
    (pa.dictionary(pa.uint8(), pa.string()), ["a", "b"]),
    (pa.dictionary(pa.int64(), pa.int64()), [2**62, -1]),
    (pa.run_end_encoded(pa.int32(), pa.string()), ["a", "b"]),
]


@pytest.mark.parametrize(("kind", "labels"), KINDS, ids=lambda one: str(one) if isinstance(one, pa.DataType) else "")
@pytest.mark.parametrize("missing", [None, 0], ids=["null", "full"])
def test_labels_of_each_kind(kind: pa.DataType, labels: list[object], missing: int | None) -> None:
    rows = [labels[0], labels[1], labels[0] if missing == 0 else None, labels[1], labels[0]]
    column = _array(["skipped" if pa.types.is_string(kind) else labels[1], *rows], kind).slice(1)
    table = pa.table({"key": column, "value": [1.0, 2.0, 3.0, 4.0, 5.0]})
    expected = {labels[0]: [1.0, 5.0], labels[1]: [2.0, 4.0]}
    expected.setdefault(rows[2], []).append(3.0)
    whole = {label: Histogram.from_values(values) for label, values in expected.items()}
    parts = pa.concat_tables([partial(table.slice(0, 2), "value", ["key"]), partial(table.slice(2), "value", ["key"])])
    assert read(merged(parts, ["key"]), "key") == read(partial(table, "value", ["key"]), "key") == whole
    assert dict(group(table, by="key", value="value")) == whole


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    """Return an array; pyarrow makes those of some types only from others."""
    if pa.types.is_run_end_encoded(kind):
        return pc.run_end_encode(pa.array(values, kind.value_type))
    return pa.array(values, kind)


@pytest.mark.parametrize("first", [pa.int8(), pa.int16(), pa.uint16(), pa.int64(), pa.uint64()], ids=str)
@pytest.mark.parametrize("second", [pa.int32(), pa.uint64(), pa.bool_(), pa.string()], ids=str)
def test_pairs_of_labels(first: pa.DataType, second: pa.DataType) -> None:
    left, right = pa.array([100, 101, 100, 103], pa.int8()).cast(first), pa.array([1, 0, 1, 1], pa.int8()).cast(second)
    table = pa.table({"a": left, "b": right, "value": [1.0, 2.0, 3.0, 4.0]})
    expected: dict[object, list[float]] = {}
    for a, b, value in zip(left.to_pylist(), right.to_pylist(), table["value"].to_pylist()):
        expected.setdefault((a, b), []).append(value)
    assert read(partial(table, "value", ["a", "b"]), "a", "b") == {
        label: Histogram.from_values(values) for label, values in expected.items()
    }


def test_dictionaries_differ_from_chunk_to_chunk() -> None:
    chunks = [
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.uint8()), pa.array(words))
        for words in (["a", "b"], ["b", "c"], ["c", None], ["d", "d"])
    ]
    table = pa.table({"key": pa.chunked_array(chunks), "value": np.arange(12.0)})
    expected = {"a": [0], "b": [1, 3], "c": [4, 6], "d": [9, 10], None: [2, 5, 7, 8, 11]}
    found = read(partial(table, "value", ["key"]), "key")
    assert found == {key: Histogram.from_values(values) for key, values in expected.items()}
    blobs = pa.table({"key": table["key"], "histogram": [Histogram.from_values([k]).to_bytes() for k in range(12)]})
    assert read(merged(blobs, ["key"]), "key") == found


def test_a_dictionary_that_is_longer_than_the_batch() -> None:
    words = pa.array([f"word {k}" for k in range(100_000)])
    column = pa.DictionaryArray.from_arrays(pa.array([99_999, 5, 99_999], pa.int32()), words)
    found = read(partial(pa.table({"key": column, "value": [1.0, 2.0, 3.0]}), "value", ["key"]), "key")
    assert {key: h.count for key, h in found.items()} == {"word 99999": 2, "word 5": 1}


def test_missing_numbers_are_missing_labels() -> None:
    table = pa.table({"key": pa.array([float("nan"), None, 0.0, -0.0]), "value": [1.0, 2.0, 3.0, 4.0]})
    found = read(partial(table, "value", ["key"]), "key")
    assert {key: h.sum for key, h in found.items()} == {None: 3.0, 0.0: 7.0}


def test_times_that_python_cannot_hold_are_labels_of_numpy() -> None:
    seconds = pa.array([2**60, 0, None, 2**60], pa.timestamp("s"))
    far, near = np.datetime64(2**60, "s"), dt.datetime(1970, 1, 1)
    for batches in ([seconds], [seconds.slice(0, 1), seconds.slice(1)], [seconds.slice(1, 1), seconds]):
        times = pa.chunked_array(batches)
        found = arrow.histograms(pa.table({"t": times, "v": np.ones(len(times))}), "v", "t")
        assert set(found) == {far, near, None}
        assert found[far].count == 2
    found = group([1, 2], pa.array([2**60, 1], pa.duration("s")))
    assert set(found) == {np.timedelta64(2**60, "s"), dt.timedelta(seconds=1)}


def test_labels_that_are_not_single_values_are_refused() -> None:
    table = pa.table({"key": pa.array([[1], [2]]), "value": [1.0, 2.0]})
    with pytest.raises(TypeError, match="labels must be single values, such as texts or numbers, not list"):
        partial(table, "value", ["key"])


@pytest.mark.parametrize("groups", [10, 5_000])
@pytest.mark.parametrize("rows", [1_000, 30_000, 100_000])
def test_many_batches_of_every_size(groups: int, rows: int) -> None:
    """Few batches wait for others, others are cut; whole numbers are looked up in tables, or in dictionaries."""
    rng = np.random.default_rng(groups + rows)
    keys, values = rng.integers(-groups // 2, groups // 2, 200_000), rng.lognormal(0, 1, 200_000)
    order = np.argsort(keys, kind="stable")
    used, starts = np.unique(keys[order], return_index=True)
    parts = np.split(values[order], starts[1:])
    expected = {key: Histogram.from_values(part) for key, part in zip(used.tolist(), parts)}
    table = pa.Table.from_batches(pa.table({"key": keys, "value": values}).to_batches(rows))
    assert read(partial(table, "value", ["key"]), "key") == expected
    texts = table.set_column(0, "key", table["key"].cast(pa.string()))
    assert read(partial(texts, "value", ["key"]), "key") == {str(key): h for key, h in expected.items()}
    pairs = texts.append_column("half", pa.array(keys % 2))
    assert read(partial(pairs, "value", ["key", "half"]), "key", "half") == {
        (str(key), key % 2): h for key, h in expected.items()
    }


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int8(), [0, 127]),
        (pa.uint64(), [2**64 - 1, 2**63 + 1025]),
        (pa.int64(), [2**53 + 1, 2**62 + 513]),
        (pa.float16(), [0.5, 6.0]),
        (pa.float32(), [0.1, 3e38]),
        (pa.decimal128(9, 3), [Decimal("0.107"), Decimal("99999.999")]),
        (pa.decimal32(9, 3), [Decimal("0.107"), Decimal("1.001")]),
        (
            pa.decimal128(38, 20),
            [Decimal("0.00000000000000000001"), Decimal("123456789012345678.12345678901234567891")],
        ),
        (pa.decimal256(60, 30), [Decimal("0.107"), Decimal("1e29")]),
        (pa.decimal128(5, -2), [Decimal("1e2"), Decimal("99999e2")]),
        (pa.dictionary(pa.int8(), pa.float64()), [0.25, 0.5]),
    ],
    ids=str,
)
def test_values_of_each_kind(kind: pa.DataType, values: list[object]) -> None:
    column = pa.array([values[0], *values, None], kind).slice(1)
    kept = [float(one.as_py()) for one in column if one.is_valid]
    found = read(partial(pa.table({"value": column}), "value", [], invalid="drop"))
    assert found[()] == Histogram.from_values(kept)
    assert found[()].sum == sum(kept)


def test_decimals_become_the_nearest_floats() -> None:
    digits = np.random.default_rng(5).integers(0, 10**17, 5_000).tolist()
    values = [Decimal(one).scaleb(-scale) for one in digits for scale in (3, 9, 17)]
    found = read(partial(pa.table({"value": pa.array(values, pa.decimal128(38, 17))}), "value", []))[()]
    assert found == Histogram.from_values([float(one) for one in values])


@pytest.mark.parametrize("ticks", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(("unit", "ns"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1), ("min", 60 * 10**9)])
def test_durations_are_converted_to_the_unit(ticks: str, unit: str, ns: int) -> None:
    table = pa.table({"value": pa.array([7, 1_234, None, 0], pa.duration(ticks))})
    size = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[ticks]
    found = read(partial(table, "value", [], unit, "drop"))[()]
    assert found == Histogram.from_values([float(Fraction(n * size, ns)) for n in (7, 1_234, 0)], unit=unit)


def test_durations_are_not_sizes() -> None:
    table = pa.table({"value": pa.array([7], pa.duration("s"))})
    with pytest.raises(ValueError, match=r"duration\[s\] is a time: pass a unit of time, such as 's', or cast"):
        partial(table, "value", [], "bytes")


@pytest.mark.parametrize(
    "kind", [pa.bool_(), pa.string(), pa.date32(), pa.timestamp("s"), pa.list_(pa.float64())], ids=str
)
def test_values_that_are_not_numbers_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(TypeError, match="values must be numbers or durations, not "):
        partial(pa.table({"value": pa.array([], kind)}), "value", [])


def test_values_below_and_above_all_buckets_are_valid() -> None:
    found = read(partial(pa.table({"value": [0.0, -0.0, 2.0**64, 2.0**65]}), "value", []))[()]
    assert (found.zero_count, found.overflow_count, found.max) == (2, 1, 2.0**65)


def test_invalid_values_are_counted_over_all_batches() -> None:
    batches = [pa.record_batch({"value": np.array([1.0] * 70_000 + [np.nan, -1.0])})] * 3
    with pytest.raises(ValueError, match=r"^6 of 210,006 values are .* the first one at position 70,000: nan; pass"):
        partial(pa.Table.from_batches(batches), "value", [])


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_the_hour_that_comes_twice_in_autumn_is_two_groups(unit: str) -> None:
    """Within a zone, Python compares times by what the clock shows: 2:00 of summer time and 2:00 after it are equal."""
    hours = [dt.datetime(2026, 10, 25, hour, tzinfo=dt.timezone.utc) for hour in (0, 1)]
    table = pa.table({"hour": pa.array(hours * 2, pa.timestamp(unit, "Europe/Berlin")), "value": [1.0, 2.0, 3.0, 4.0]})
    found = merged(partial(table, "value", ["hour"]), ["hour"])
    assert found.schema.field("hour").type == pa.timestamp(unit, "Europe/Berlin")
    assert found.column("hour").cast(pa.timestamp("us", "UTC")).to_pylist() == hours
    blobs = found.column("histogram").to_pylist()
    assert [Histogram.from_bytes(blob) for blob in blobs] == [
        Histogram.from_values(values) for values in ([1.0, 3.0], [2.0, 4.0])
    ]
    groups = group(table, by="hour", value="value")
    assert {hour: h.count for hour, h in groups.items()} == dict.fromkeys(hours, 2)
