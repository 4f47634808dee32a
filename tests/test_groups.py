"""`group` and `Groups`: columns of any library, labels of any type, and what is done with the histograms of groups."""

import array
import copy
import datetime
import decimal
import io
import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import historian
from historian import Groups, Histogram, Profile, buckets, group
from historian._values import codes

NAN = math.nan
LABELS = st.one_of(
    st.none(), st.integers(-3, 3), st.booleans(), st.floats(-1, 2), st.sampled_from(["", "a", "1", b"a", (1, "a")])
)
VALUES = st.floats(0, 1e300)


def counts(groups):
    return {label: histogram.count for label, histogram in groups.items()}


def key(label):
    """Return the label of a value, as the documentation says."""
    return None if label is None or label != label else label


def expected(values, *columns):
    """Return the histogram of each group, by going through the rows one after the other."""
    found = {}
    for value, *labels in zip(values, *columns):
        label = key(labels[0]) if len(labels) == 1 else tuple(map(key, labels))
        found.setdefault(label, []).append(value)
    return {label: Histogram.from_values(values) for label, values in found.items()}


# ---- what a group is ----


@given(st.lists(st.tuples(VALUES, LABELS)))
def test_a_group_is_the_histogram_of_its_values(rows):
    values, labels = [value for value, _ in rows], [label for _, label in rows]
    groups = group(values, labels, unit="ms")
    wanted = {label: h.scaled(1, "ms") for label, h in expected(values, labels).items()}
    assert counts(groups) == counts(wanted)
    assert [(type(label), label) for label in groups] == [(type(label), label) for label in wanted]
    assert all(groups[label] == Histogram.from_values(
        [value for value, other in rows if key(other) == label], unit="ms") for label in groups)  # fmt: skip


@given(st.lists(st.tuples(VALUES, st.integers(-2, 2), st.sampled_from("abc"), LABELS)))
def test_several_columns(rows):
    values, *columns = ([row[i] for row in rows] for i in range(4))
    assert dict(group(values, tuple(columns))) == expected(values, *columns)
    assert dict(group(values, (np.array(columns[0], dtype=np.int8), columns[1]))) == expected(values, *columns[:2])


def test_edges_of_buckets():
    edges = np.array([buckets.upper(i) for i in range(-2048, 4095)])
    values = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf)])
    labels = np.arange(len(values)) % 11
    assert dict(group(values, labels)) == {k: Histogram.from_values(values[k::11]) for k in range(11)}
    assert dict(group(values, labels.astype(str))) == {
        str(k): Histogram.from_values(values[k::11]) for k in range(11)
    }  # fmt: skip


def test_no_values():
    for labels in ([], np.array([]), np.array([], dtype=int), range(0)):
        assert dict(group([], labels)) == {}
    assert repr(group([], [])) == "<Groups of 0 values: 0 groups>"
    assert group([], ([], [])) == {}
    assert group([NAN], ["a"], invalid="drop") == {}


# ---- hostile values ----


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf, -1.0, None])
@pytest.mark.parametrize("make", [list, tuple, np.array, lambda values: array.array("d", values)])
def test_invalid_values(bad, make):
    if bad is None and make not in (list, tuple, np.array):
        return
    values, labels = make([1.0, bad, 3.0, bad]), ["a", "a", "b", "c"]
    with pytest.raises(
        ValueError, match=r"^2 of 4 values are missing, NaN, infinite or negative, the first one at pos"
    ):
        group(values, labels)
    with pytest.raises(ValueError, match=f"at position 1: {re.escape(repr(bad if bad is not None else NAN))}; pass"):
        group(values, labels)
    groups = group(values, labels, invalid="drop")
    assert dict(groups) == expected([1.0, 3.0], ["a", "b"])
    assert groups.dropped == 2


def test_zero_and_overflow_are_valid():
    groups = group([0.0, -0.0, 1e-300, 2.0**65, 1.7e308], [0, 0, 1, 1, 1])
    assert (groups[0].zero_count, groups[1].zero_count, groups[1].overflow_count) == (2, 1, 2)
    assert groups[1].max == 1.7e308
    assert math.copysign(1, groups[0].min) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([1.0], ["a", "b"]), ValueError, "as many labels as values, not 2 and 1"),
        (([1.0], (["a"], ["a", "b"])), ValueError, "the same length, not 1, 2"),
        (([1.0], ()), ValueError, "at least one column"),
        (([1.0], "a"), TypeError, "not str: if it names a column of a table, pass value="),
        (([1.0], b"a"), TypeError, "by must be a column of labels, one for each value, not bytes"),
        (([1.0], 5), TypeError, "not int"),
        (([1.0], None), TypeError, "not NoneType"),
        (([1.0], {"a": 1}), TypeError, "not dict"),
        (([1.0], {"a"}), TypeError, "not set"),
        (([1.0], (label for label in "a")), TypeError, "not generator"),
        (([1.0], ("a",)), TypeError, "not str"),
        (([1.0], [[]]), TypeError, "unhashable"),
        (([1.0], np.array([["a"]])), ValueError, "one dimension, not 2"),
        (([1.0], np.array(1)), ValueError, "one dimension, not 0"),
        ((["1"], ["a"]), TypeError, r"values\[0\] is '1'"),
        (("1", ["a"]), TypeError, "values must be"),
        (({1.0: 1}, ["a"]), TypeError, "values must not be a mapping"),
        ((np.ones((1, 1)), ["a"]), ValueError, "one dimension, not 2"),
        ((np.array([1], "m8[M]"), ["a"]), TypeError, r"timedelta64\[M\]: its unit does not have a fixed length"),
        ((np.array([1], "M8[s]"), ["a"]), TypeError, r"datetime64\[s\]"),
        (([1j], ["a"]), TypeError, "complex"),
    ],
)
def test_refusals(arguments, error, match):
    with pytest.raises(error, match=match):
        group(*arguments)


def test_arguments_are_checked_before_a_column_is_read():
    class Column:
        def __len__(self):
            raise AssertionError

    with pytest.raises(ValueError, match='invalid must be "raise" or "drop", not \'skip\''):
        group(Column(), Column(), invalid="skip")
    with pytest.raises(ValueError, match="unit"):
        group(Column(), Column(), unit="\n")
    with pytest.raises(TypeError, match="unit must be a string"):
        group(Column(), Column(), unit=5)


def test_what_labels_raise_passes():
    class Label:
        def __hash__(self):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        group([1.0], [Label()])


def test_values_of_other_types():
    for values in ([1, Fraction(1, 2), decimal.Decimal("0.25"), True, np.float32(2)], range(5), (v for v in [1.0] * 5)):
        wanted = list(values) if not hasattr(values, "send") else [1.0] * 5
        assert dict(group(values, [0, 1, 0, 1, 0])) == expected([float(v) for v in wanted], [0, 1, 0, 1, 0])
    masked = np.ma.array([1.0, -5, 3], mask=[0, 1, 0])
    assert group(masked, [0, 0, 1], invalid="drop") == expected([1, 3], [0, 1])
    with pytest.raises(ValueError, match="1 of 3 values"):
        group(np.ma.array([1, 2, 3], mask=[0, 1, 0]), [0, 0, 1])


def test_durations_are_converted():
    wanted = {0: [0.25, 1e-6], 1: [0.0, 86_400.0]}
    ticks = np.array([250_000, 1, 0, 86_400_000_000], "m8[us]")
    for values in (ticks, ticks.astype("m8[ns]"), np.ma.array(ticks)):
        groups = group(values, [0, 0, 1, 1])
        assert groups == {label: Histogram.from_values(values) for label, values in wanted.items()}
    assert group(ticks, [0] * 4, unit="us")[0] == Histogram.from_values(ticks.astype(int), unit="us")
    assert group(ticks, [0] * 4, unit="ns")[0].max == 86_400e9
    assert group(np.array([3, 2], "m8[h]"), [0, 0])[0].max == 10_800
    assert group(np.array([3, 2], "m8[10ms]"), [0, 0], unit="ms")[0].max == 30
    assert group(np.array([3, "NaT"], "m8[D]"), [0, 0], invalid="drop")[0].max == 3 * 86_400
    assert group(np.ma.array(np.array([3, 4], "m8[D]"), mask=[0, 1]), [0, 0], invalid="drop").dropped == 1
    with pytest.raises(ValueError, match=r"timedelta64\[us\] is a time: pass a unit of time"):
        group(ticks, [0] * 4, unit="bytes")
    with pytest.raises(ValueError, match="1 of 2 values"):
        group(np.array([-1, 1], "m8[us]"), [0, 0])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_of_durations(library):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    times = [datetime.timedelta(seconds=2), None, datetime.timedelta(microseconds=1_500)]
    column = {"pandas": "Series", "polars": "Series", "pyarrow": "array"}[library]
    groups = group(getattr(module, column)(times), ["a", "a", "b"], unit="ms", invalid="drop")
    assert (groups["a"].max, groups["b"].max, groups.dropped) == (2_000, 1.5, 1)


# ---- labels in arrays ----


@settings(max_examples=60)
@given(st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u8"]), st.data())
def test_whole_numbers_of_any_type(dtype, data):
    bounds = np.iinfo(dtype)
    low = data.draw(st.sampled_from([bounds.min, 0, bounds.max - 7, bounds.max // 2]))
    labels = data.draw(st.lists(st.integers(low, min(bounds.max, low + 7)) | st.integers(bounds.min, bounds.max)))
    values = [float(i) for i in range(len(labels))]
    assert dict(group(values, np.array(labels, dtype))) == expected(values, labels)


@pytest.mark.parametrize("spread", [1, 100, 70_000, 10**12])
@pytest.mark.parametrize("low", [0, -5, 10**15])
def test_codes_ids_and_scattered_numbers(low, spread):
    """Below 65,536 they are used as they are; in a range that is not too wide, a table renumbers them."""
    rng = np.random.default_rng(3)
    labels, values = low + rng.integers(0, 30, 5_000) * spread, rng.lognormal(0, 1, 5_000)
    assert dict(group(values, labels)) == expected(values, labels.tolist())
    assert all(type(label) is int for label in group(values, labels))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f8"])
def test_floats(dtype):
    labels = np.array([0.5, NAN, 0.5, -0.0, 0.0, NAN, math.inf], dtype)
    assert counts(group(np.ones(7), labels)) == {0.5: 2, None: 2, 0.0: 2, math.inf: 1}


def test_other_arrays():
    ones = np.ones(4)
    cases = [
        (np.array([True, False, True, True]), {True: 3, False: 1}),
        (np.array(["a", "b", "a", ""]), {"a": 2, "b": 1, "": 1}),
        (np.array([b"a", b"b", b"a", b""]), {b"a": 2, b"b": 1, b"": 1}),
        (np.array(["a", None, NAN, 1], object), {"a": 1, None: 2, 1: 1}),
        (np.array([1j, 2, 1j, complex(NAN, 0)]), {1j: 2, 2: 1, None: 1}),
        (np.ma.array([3, 9, 3, 4], mask=[0, 1, 0, 0]), {3: 2, None: 1, 4: 1}),
        (np.ma.array(["a", "b", "a", "b"], mask=[0, 1, 0, 0]), {"a": 2, None: 1, "b": 1}),
        (np.ma.array([1, 2, 1, 2], dtype=np.uint8), {1: 2, 2: 2}),
        (array.array("i", [4, 4, 5, 4]), {4: 3, 5: 1}),
        (memoryview(np.array([4, 4, 5, 4], np.int16)), {4: 3, 5: 1}),
        (np.array([(1, "a"), (1, "a"), (2, "a"), (1, "b")], "i4,U1"), {(1, "a"): 2, (2, "a"): 1, (1, "b"): 1}),
    ]
    for labels, wanted in cases:
        assert counts(group(ones, labels)) == wanted, labels


@pytest.mark.parametrize("unit", ["D", "s", "ms", "ns"])
def test_times_of_numpy(unit):
    labels = np.array(["2026-11-27", "NaT", "2026-11-27", "2020-01-01"], f"M8[{unit}]")
    groups = group(np.ones(4), labels)
    assert counts(groups) == {labels[0]: 2, None: 1, labels[3]: 1}
    assert {type(label) for label in groups} == {np.datetime64, type(None)}
    assert counts(group(np.ones(2), np.array([5, 5], "m8[ns]"))) == {np.timedelta64(5, "ns"): 2}


def test_strides_and_read_only_labels():
    values, labels = np.arange(1_000.0), np.arange(1_000) % 7
    labels.flags.writeable = False
    for part in (slice(None, None, 3), slice(None, None, -1), slice(999, 100, -5)):
        for kind in (np.int64, np.int8, np.float32, str, object):
            typed = labels.astype(kind)[part]
            assert dict(group(values[part], typed)) == expected(values[part], typed.tolist())


def test_equal_labels_of_different_types_are_one():
    assert counts(group([1, 2, 3, 4], [1, True, 1.0, "1"])) == {1: 3, "1": 1}
    assert counts(group([1, 2, 3], np.array([True, 1, 1.0], object))) == {1: 3}
    assert counts(group([1, 2], ([1, True], ["a", "a"]))) == {(1, "a"): 2}


def test_missing_labels_are_one():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    missing = [
        None,
        NAN,
        float("nan"),
        np.float32("nan"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT", "s"),
        decimal.Decimal("nan"),
    ]
    assert counts(group(np.ones(len(missing) + 1), [*missing, "a"])) == {None: len(missing), "a": 1}


def test_many_combinations():
    """A table of all combinations of labels would have 10**18 places, and all pairs together more than 2**63."""
    rng = np.random.default_rng(4)
    columns = tuple(rng.integers(0, 10**6, 3_000) * 10**6 for _ in range(7))
    columns = (*columns, np.arange(3_000) % 2)
    values = rng.lognormal(0, 1, 3_000)
    assert dict(group(values, columns)) == expected(values, *(column.tolist() for column in columns))


def test_labels_of_a_large_array_of_texts():
    """Texts are read in blocks of 65,536."""
    labels = np.array([f"route {i % 300}" for i in range(140_000)])
    groups = group(np.arange(140_000) % 7, labels)
    assert list(groups) == [f"route {i}" for i in range(300)]
    assert groups["route 299"] == Histogram.from_values(np.arange(140_000)[299::300] % 7)
    assert codes.BLOCK < 140_000


# ---- tables ----


TABLE = {
    "route": ["/users", "/carts", "/users", None],
    "status": [200, 200, 500, 200],
    "latency": [0.25, 0.5, 0.125, 1.0],
}


def tables():
    yield "dict", lambda: TABLE
    yield "arrays", lambda: {name: np.array(column) for name, column in TABLE.items()}
    yield from (
        ("pandas", lambda: pytest.importorskip("pandas").DataFrame(TABLE)),
        ("polars", lambda: pytest.importorskip("polars").DataFrame(TABLE)),
        ("pyarrow", lambda: pytest.importorskip("pyarrow").table(TABLE)),
        ("pyarrow batch", lambda: pytest.importorskip("pyarrow").record_batch(TABLE)),
    )


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in tables()])
def test_tables(make):
    table = make()
    by_route = group(table, by="route", value="latency", unit="ms")
    assert counts(by_route) == {"/users": 2, "/carts": 1, None: 1}
    assert (by_route.names, by_route.total().unit) == (("route",), "ms")
    assert group(table, ["route"], value="latency", unit="ms") == by_route
    both = group(table, ["route", "status"], value="latency")
    assert counts(both) == {("/users", 200): 1, ("/users", 500): 1, ("/carts", 200): 1, (None, 200): 1}
    assert both.names == ("route", "status")
    assert repr(both) == "<Groups of 4 values: 4 groups by route, status>"
    assert group(table["latency"], (table["route"], table["status"])) == both
    with pytest.raises(Exception, match="nowhere"):
        group(table, by="nowhere", value="latency")
    with pytest.raises(TypeError, match="not str: if it names a column of a table, pass value="):
        group(table, by="route")
    with pytest.raises(ValueError, match="at least one column"):
        group(table, by=[], value="latency")
    with pytest.raises(TypeError):
        group(table, by="route", value="route")


# ---- pandas, polars, pyarrow ----


MISSING = ["a", None, "b", "a"]
COUNTED = {"a": 2, None: 1, "b": 1}


def test_columns_of_pandas():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    ones = pd.Series(np.ones(4), index=[5, 6, 7, 8])
    labels = [pd.Series(MISSING, dtype=dtype) for dtype in (object, "string", "category")]
    labels += [pd.Index(MISSING), pd.Series(MISSING).array, pd.Categorical(MISSING), pd.Series(MISSING)[::-1]]
    labels.append(pd.Categorical(MISSING, categories=["z", "b", "a"], ordered=True))
    for column in labels:
        assert counts(group(ones, column)) == COUNTED, column
    for dtype in ("Int64", "Int8", "UInt16", "Float32", "float64", "boolean"):
        column = pd.Series([1, None, 0, 1], dtype=dtype)
        assert counts(group(ones, column)) == {1: 2, None: 1, 0: 1}, dtype
        full = column.fillna(False if dtype == "boolean" else 0)
        assert counts(group(ones, full)) == {1: 2, 0: 2}, dtype
    for dtype in ("int64", "uint8", "bool"):
        assert counts(group(ones, pd.Series([1, 0, 0, 1], dtype=dtype))) == {1: 2, 0: 2}
    times = pd.to_datetime(["2026-11-27", None, "2020-01-01", "2026-11-27"])
    for column in (times, pd.Series(times), pd.Series(times.tz_localize("Europe/Berlin"))):
        groups = group(ones, column)
        assert list(groups.values()) == list(group(ones, MISSING).values())
        assert isinstance(next(iter(groups)), pd.Timestamp)
    wide = pd.Categorical.from_codes([0, -1, 125, 126], [f"{i:03}" for i in range(127)])
    assert counts(group(ones, wide)) == {"000": 1, None: 1, "125": 1, "126": 1}
    several = group(ones, pd.MultiIndex.from_arrays([MISSING, [1, 2, 1, 1]]))
    assert counts(several) == {("a", 1): 2, (None, 2): 1, ("b", 1): 1}
    with pytest.raises(TypeError, match="not DataFrame"):
        group(ones, pd.DataFrame({"a": [1] * 4}))
    with pytest.raises(TypeError, match="not DataFrame"):
        group(pd.DataFrame({"a": [1] * 4}), [1] * 4)


def test_values_of_pandas():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    by = [0, 0, 1, 1]
    for dtype in ("float64", "float32", "int64", "uint8", "Int64", "Float64", "object", "Int8"):
        assert group(pd.Series([1, 2, 3, 4], dtype=dtype), by) == expected([1.0, 2, 3, 4], by), dtype
    for dtype in ("float64", "Int64", "Float32", "object"):
        column = pd.Series([1, None, 3, 4], dtype=dtype)
        assert group(column, by, invalid="drop") == expected([1.0, 3, 4], [0, 1, 1]), dtype
        with pytest.raises(ValueError, match="1 of 4 values are missing"):
            group(column, by)
    assert group(pd.Series([True, False] * 2), by) == expected([1, 0, 1, 0], by)
    for column in (pd.Series(["1"] * 4), pd.Series(["1"] * 4, dtype="string"), pd.to_datetime([1] * 4)):
        with pytest.raises(TypeError):
            group(column, by)


def test_arrow_columns_of_pandas():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    ones = pd.Series([1.0, 1, 1, 1], dtype=pd.ArrowDtype(pa.float64()))
    assert counts(group(ones, pd.Series(MISSING, dtype=pd.ArrowDtype(pa.string())))) == COUNTED
    column = pd.Series([1, None, 0, 1], dtype=pd.ArrowDtype(pa.int16()))
    assert counts(group(ones, column)) == {1: 2, None: 1, 0: 1}
    assert counts(group(column, [0, 0, 1, 1], invalid="drop")) == {0: 1, 1: 2}


def test_columns_of_polars():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    ones = pl.Series(np.ones(4))
    for dtype in (pl.String, pl.Categorical, pl.Enum(["z", "b", "a"])):
        for column in (pl.Series(MISSING, dtype=dtype), pl.Series([*MISSING, "q"][:4], dtype=dtype).reverse()):
            assert counts(group(ones, column)) == COUNTED, dtype
    for dtype in (pl.Int64, pl.Int8, pl.UInt16, pl.Float32, pl.Boolean, pl.Decimal(4, 1)):
        column = pl.Series([1, None, 0, 1], dtype=dtype, strict=False)
        assert counts(group(ones, column)) == {1: 2, None: 1, 0: 1}, dtype
        assert counts(group(ones, column.fill_null(0) if dtype != pl.Boolean else column.fill_null(False))) == {
            1: 2,
            0: 2,
        }
    day = datetime.date(2026, 11, 27)
    assert counts(group(ones, pl.Series([day, None, day, day]))) == {day: 3, None: 1}
    assert counts(group(ones, pl.Series([0.5, NAN, None, -0.0]))) == {0.5: 1, None: 2, 0: 1}
    assert counts(group(ones, pl.Series([None] * 4))) == {None: 4}
    assert group(pl.Series([]), pl.Series([], dtype=pl.String)) == {}
    assert group(pl.Series([1, None, 3, 4]), [0, 0, 1, 1], invalid="drop") == expected([1.0, 3, 4], [0, 1, 1])
    assert group(pl.Series([True, None, True, False]), [0, 0, 1, 1], invalid="drop").dropped == 1
    for column in (pl.Series(["1"] * 4), pl.Series([day] * 4)):
        with pytest.raises(TypeError):
            group(column, [0, 0, 1, 1])
    with pytest.raises(TypeError, match="not DataFrame"):
        group(ones, pl.DataFrame({"a": [1] * 4}))
    with pytest.raises(TypeError, match="not DataFrame"):
        group(pl.DataFrame({"a": [1] * 4}), ones)


def test_columns_of_arrow():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ones = pa.array(np.ones(4))
    texts = [pa.array(MISSING, kind) for kind in (pa.string(), pa.large_string(), pa.string_view())]
    texts += [texts[0].dictionary_encode(), pa.array(MISSING).dictionary_encode(null_encoding="encode")]
    texts += [pa.chunked_array([MISSING[:1], MISSING[1:]]), pa.chunked_array([MISSING[:3], [], MISSING[3:]])]
    texts.append(pa.chunked_array([pa.array(part).dictionary_encode() for part in (MISSING[:1], MISSING[1:])]))
    texts.append(pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 2], pa.int8()), pa.array(["a", "b", "a"])))
    texts.append(pa.array(["z", *MISSING, "z"])[1:5])
    for column in texts:
        assert counts(group(ones, column)) == COUNTED, column.type
    for kind in (pa.int8(), pa.uint64(), pa.float32(), pa.bool_(), pa.float16()):
        column = pa.array([1, None, 0, 1]).cast(kind)
        assert counts(group(ones, column)) == {1: 2, None: 1, 0: 1}, kind
    many = pa.DictionaryArray.from_arrays(
        pa.array([0, None, 127, 5], pa.int8()), pa.array([str(i) for i in range(128)])
    )
    assert counts(group(ones, many)) == {"0": 1, None: 1, "127": 1, "5": 1}
    assert group(pa.chunked_array([], pa.float64()), pa.chunked_array([], pa.string())) == {}
    assert counts(group(ones, pa.array([NAN, None, 1.0, 1.0]))) == {None: 2, 1.0: 2}
    for column in (pa.array([1.0, None, 3, 4]), pa.array([1, None, 3, 4]), pa.chunked_array([[1], [None, 3, 4]])):
        assert group(column, [0, 0, 1, 1], invalid="drop") == expected([1.0, 3, 4], [0, 1, 1])
        with pytest.raises(ValueError, match="1 of 4 values are missing"):
            group(column, [0, 0, 1, 1])
    with pytest.raises(TypeError):
        group(pa.array(["1"] * 4), [0, 0, 1, 1])
    for column in (pa.array([{"a": 1}] * 4), pa.array([[1]] * 4)):
        with pytest.raises(TypeError):
            group(ones, column)
    with pytest.raises(TypeError, match="not Table"):
        group(ones, pa.table({"a": [1] * 4}))


@pytest.mark.filterwarnings("ignore:.*DataFrameGroupBy.apply operated on the grouping columns:DeprecationWarning")
def test_pandas_aggregates_to_histograms():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    df = pd.DataFrame({"route": ["/a", "/b", "/a"], "method": ["GET"] * 3, "latency": [0.25, 0.5, 0.125]})
    wanted = {"/a": Histogram.from_values([0.25, 0.125]), "/b": Histogram.from_values([0.5])}
    by_route = df.groupby("route")["latency"]
    for series in (by_route.agg(Histogram.from_values), by_route.apply(Histogram.from_values)):
        assert isinstance(series, pd.Series)
        assert (series.name, series.index.name) == ("latency", "route")
        assert series.to_dict() == wanted == dict(group(df, by="route", value="latency"))
    assert by_route.agg(Histogram.from_values, unit="ms")["/b"].unit == "ms"
    frame = df.groupby(["route", "method"]).agg(latency=("latency", Histogram.from_values), rows=("latency", "size"))
    assert frame["latency"].to_dict() == {(route, "GET"): h for route, h in wanted.items()}
    assert frame["rows"].tolist() == [2, 1]
    assert frame["latency"].map(lambda h: h.count).tolist() == [2, 1]
    assert sum(frame["latency"], Histogram()) == Histogram.from_values(df["latency"])
    with pytest.raises(ValueError, match="finite and not negative"):
        pd.DataFrame({"a": [1], "b": [-1.0]}).groupby("a")["b"].agg(Histogram.from_values)
    assert pd.Series(group(df, by="route", value="latency")).to_dict() == wanted
    assert pd.Series(group(df, by=["route", "method"], value="latency"))["/a", "GET"] == wanted["/a"]


# ---- Groups ----


def test_groups_are_a_mapping():
    groups = group([1.0, 2.0, 3.0], ["a", "b", "a"])
    assert (list(groups), len(groups), "a" in groups, "z" in groups) == (["a", "b"], 2, True, False)
    assert groups.get("z") is None
    assert groups == {"a": Histogram.from_values([1.0, 3.0]), "b": Histogram.from_values([2.0])}
    assert groups != {"a": Histogram.from_values([1.0, 3.0])}
    assert groups == group([3.0, 1.0, 2.0], ["a", "a", "b"])
    with pytest.raises(KeyError):
        groups["z"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(groups)


def test_groups_are_immutable():
    given = {"a": Histogram.from_values([1.0])}
    groups = Groups(given, ["route"], 3)
    given["b"] = Histogram()
    assert list(groups) == ["a"]
    for name in ("names", "dropped", "other"):
        with pytest.raises(AttributeError):
            setattr(groups, name, 0)
    with pytest.raises(TypeError):
        groups["b"] = Histogram()
    assert (groups.names, groups.dropped) == (("route",), 3)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_copies_and_pickles(protocol):
    groups = group(TABLE | {"latency": [1.0, -1, 2, 3]}, ["route", "status"], value="latency", invalid="drop")
    for made in (pickle.loads(pickle.dumps(groups, protocol)), copy.copy(groups), copy.deepcopy(groups)):
        assert (made, made.names, made.dropped, type(made)) == (groups, ("route", "status"), 1, Groups)
    assert b"historian\n" in pickle.dumps(groups, 0)


def test_sums_of_groups():
    a, b = group([1.0, 2.0], ["x", "y"]), group([4.0, 8.0, -1], ["y", "z", "z"], invalid="drop")
    both = a + b
    assert both == group([1.0, 2.0, 4.0, 8.0], ["x", "y", "y", "z"])
    assert (both.dropped, a.dropped, len(a), len(b)) == (1, 0, 2, 2)
    assert a + Groups() == Groups() + a == sum([a], Groups()) == a
    assert (a + b) + a == a + (b + a)
    assert list(both) == ["x", "y", "z"]
    named = group(TABLE, "route", value="latency")
    assert (named + a).names == (a + named).names == ("route",)
    with pytest.raises(ValueError, match="cannot add groups by route to groups by status"):
        named + group(TABLE, "status", value="latency")
    with pytest.raises(ValueError, match="'s' and 'ms'"):
        a + group([1], ["x"], unit="ms")
    with pytest.raises(TypeError):
        a + {"x": Histogram()}


def test_the_total_of_groups():
    assert group([1.0, 2.0, 4.0], [1, 2, 1]).total() == Histogram.from_values([1.0, 2.0, 4.0])
    assert Groups().total() == Histogram()


def test_groups_refuse_what_is_not_a_histogram():
    with pytest.raises(TypeError, match="groups map labels to histograms, not 'a' to int"):
        Groups({"a": 5})
    with pytest.raises(TypeError):
        Groups(5)


def test_groups_are_printed_as_a_table():
    groups = group([0.25] * 200 + [0.5], ["scan"] * 200 + [None])
    assert str(groups) == (
        "operation (ms)  min  median   90   99  99.9  99.99  max  count  sum (s)\n"
        "scan            250     250  250  250     -      -  250    200     50.0\n"
        "None            500       -    -    -     -      -  500      1    0.500\n"
        "\n"
        "-  too few values: 99 needs 100, 99.9 needs 1,000, 99.99 needs 10,000"
    )
    assert isinstance(groups.profile(), Profile)
    assert repr(groups) == "<Groups of 201 values: 2 groups>"
    assert repr(group([1], ["a"])) == "<Groups of 1 value: 1 group>"
    assert str(Groups()) == "nothing recorded yet"
    dropped = group([0.25, -1, -1], [("a", 1)] * 3, invalid="drop")
    assert str(dropped).splitlines()[1].startswith("a, 1 ")
    assert str(dropped).endswith("\n2 invalid values were dropped")
    assert list(group([1, 2, 3], [1, "1", "'1'"]).profile().histograms) == ["1", "'1'", "\"'1'\""]
    assert len(str(group([1, 2], ["1", 1])).splitlines()) == 5


def test_groups_are_shown_in_notebooks():
    groups = group(TABLE | {"route": ["<b>", "b", "b", "b"]}, "route", value="latency")
    shown = groups._repr_html_()
    assert "2 groups by route" in shown
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown.replace("<b>2 groups by route</b>", "")
    many = group(np.arange(1.0, 501), np.arange(500))
    assert len(many._repr_html_()) < 30_000
    console = pytest.importorskip("rich.console", reason="rich is not installed").Console(file=io.StringIO(), width=100)
    console.print(groups)
    assert "2 groups by route" in console.file.getvalue()


def test_groups_as_columns():
    frame = group(TABLE, ["route", "status"], value="latency").to_frame([50, 99.9])
    assert list(frame) == ["route", "status", "unit", "count", "sum", "mean", "min", "p50", "p99.9", "max"]
    rows = dict(zip(zip(frame["route"], frame["status"]), frame["max"].tolist()))
    assert rows == {("/users", 200): 0.25, ("/users", 500): 0.125, ("/carts", 200): 0.5, (None, 200): 1.0}
    frame = group({"count": [1, 2], "latency": [0.5, 0.5]}, "count", value="latency").to_frame()
    assert (frame["label_count"], frame["count"].tolist()) == ([1, 2], [1, 1])
    assert list(group([1], (["a"], [2])).to_frame([])) == [
        "label_0", "label_1", "unit", "count", "sum", "mean", "min", "max"
    ]  # fmt: skip
    assert group({"a": [(1, 2)], "b": [1]}, "a", value="b").to_frame()["a"] == [(1, 2)]
    assert Groups().to_frame()["label"] == []
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    assert pd.DataFrame(group([1.0], ["a"]).to_frame()).shape == (1, 12)


def test_public_names():
    assert historian.group is group
    assert Groups.__module__ == "historian"
    assert {"group", "Groups"} <= set(historian.__all__)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_hour_that_comes_twice_in_autumn_is_two_groups(library):
    pytest.importorskip(library)
    hours = [datetime.datetime(2026, 10, 25, hour, tzinfo=datetime.timezone.utc) for hour in (0, 1)]
    if library == "pandas":
        import pandas

        column = pandas.Series(hours * 2).dt.tz_convert("Europe/Berlin")
    else:
        import polars

        column = polars.Series(hours * 2).dt.convert_time_zone("Europe/Berlin")
    groups = group([1.0, 2.0, 3.0, 4.0], column)
    assert [label.timestamp() for label in groups] == [hour.timestamp() for hour in hours]
    assert [h.max for h in groups.values()] == [3.0, 4.0]


def test_names_are_not_the_letters_of_a_text() -> None:
    with pytest.raises(TypeError, match=r"names must be a list of names, such as \['route'\], not str"):
        Groups({"/users": Histogram()}, "route")
