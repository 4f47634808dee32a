"""Whether the smallest and the largest value are known exactly: through all operators, and all ways to store them."""

import copy
import json
import math
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from historian import Histogram, Key, Recorder, Registry, buckets, merge
from historian import snapshot as snapshots
from historian.formats._lines import from_line, to_line

# Many values lie on edges of buckets, which is where an exact extreme used to look like a bound.
EDGES = [0.0, 2.0**-33, 2.0**-32, 0.5, 1.0, 2.0, 2.0**64, *(buckets.upper(i) for i in (0, 1, 2, -1, 63))]
values = st.one_of(
    st.sampled_from(EDGES), st.sampled_from(EDGES).map(lambda x: math.nextafter(x, 4e19)), st.floats(0, 1.7e308)
)
lists = st.lists(values, min_size=1, max_size=12)


def in_memory(h):
    registry = Registry()
    registry.merge({Key("x"): h})
    return registry.snapshot()[Key("x")]


def in_lines(h):
    return from_line(Histogram, to_line(Key("x"), h).encode())[1]


ROUND_TRIPS = {
    "bytes": lambda h: Histogram.from_bytes(h.to_bytes()),
    "dict": lambda h: Histogram.from_dict(json.loads(json.dumps(h.to_dict()))),
    "line": in_lines,
    "pickle": lambda h: pickle.loads(pickle.dumps(h)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "merge": lambda h: merge([h]),
    "merge of bytes": lambda h: merge([h.to_bytes(), Histogram()]),
    "sum": lambda h: sum([Histogram(), h, Histogram()], Histogram()),
    "less nothing": lambda h: h - Histogram(),
    "scaled by 1": lambda h: h.scaled(1, "s"),
    "registry": in_memory,
}


def knows(h):
    """Return whether minimum and maximum are known exactly."""
    return h._knows_min(), h._knows_max()


@given(lists)
@example([1.0])
@example([0.25, 2.0, 2.0])
@example([0.5] * 3)
def test_the_extremes_are_exact_quantiles(recorded):
    h = Histogram.from_values(recorded)
    for name, way in ROUND_TRIPS.items():
        there = way(h)
        assert there == h, name
        assert (there.quantile(1), there.percentile(100)) == (max(recorded), max(recorded)), name
        assert there.quantile(0) == there.quantile(1e-300) == min(recorded), name
        assert there.quantile(1, interpolated=True) == max(recorded), name
        assert knows(there) == (True, True), name


@given(lists, lists)
def test_a_sum_knows_its_extremes(a, b):
    both = Histogram.from_values(a + b)
    parts = Histogram.from_values(a), Histogram.from_values(b)
    for total in (parts[0] + parts[1], merge(parts), merge([parts[0].to_bytes(), parts[1]])):
        assert total == both
        assert (total.quantile(0), total.quantile(1)) == (min(a + b), max(a + b))


def differences(draw_from=lists):
    return st.builds(
        lambda a, b: (a, Histogram.from_values(a + b) - Histogram.from_values(b)),
        draw_from,
        st.lists(values, max_size=9),
    )


@given(differences())
@example(([1.0], Histogram.from_values([1.0, 1.0]) - Histogram.from_values([1.0])))
@example(([0.0], Histogram.from_values([0.0, 2.0**-40]) - Histogram.from_values([2.0**-40])))
def test_a_difference_says_what_is_true(pair):
    recorded, h = pair
    assert h.min <= min(recorded) <= max(recorded) <= h.max
    known = knows(h)
    assert not known[0] or h.min == min(recorded)
    assert not known[1] or h.max == max(recorded)
    for name, way in ROUND_TRIPS.items():
        there = way(h)
        assert there == h, name
        assert knows(there) == known, name
        assert name == "scaled by 1" or there.to_bytes() == h.to_bytes(), name  # scaling rounds the sum


@given(st.tuples(differences(), differences(), differences()))
def test_merging_differences_is_associative_and_commutative(pairs):
    (_, a), (_, b), (_, c) = pairs
    everything = [value for recorded, _ in pairs for value in recorded]
    total = a + b + c
    assert total == a + (b + c) == c + b + a == merge([b, c.to_bytes(), a]) == merge([a.to_bytes(), c, b])
    assert total.min <= min(everything)
    assert total.max >= max(everything)
    assert not total._knows_min() or total.min == min(everything)
    assert not total._knows_max() or total.max == max(everything)
    registry = Registry()
    for h in (a, b, c):
        registry.merge({Key("x"): h})
    found = registry.snapshot()[Key("x")]
    assert found == total
    assert registry.recorder("x").drain() == total
    registry.merge({Key("x"): Histogram.from_values([2.0])})
    assert registry.snapshot()[Key("x")].quantile(1) == 2.0


def less(values, earlier):
    return Histogram.from_values(values) - Histogram.from_values(earlier)


@pytest.mark.parametrize(
    ("h", "low", "high", "known"),
    [
        (less([1.0, 3.0, 5.0], [1.0, 3.0]), 5.0, 5.0, (True, True)),  # one value, and it is above all earlier ones
        (less([1.0, 3.0, 0.7], [1.0, 3.0]), 0.7, 0.7, (True, True)),
        (less([1.0, 3.0, 0.7, 5.0], [1.0, 3.0]), 0.7, 5.0, (True, True)),
        (less([1.0, 3.0, 4.0, 5.0], [1.0, 3.0]), buckets.lower(127), 5.0, (False, True)),
        (less([1.0, 3.0, 0.7, 2.0], [1.0, 3.0]), 0.7, buckets.upper(63), (True, False)),
        (less([1.0] * 5, [1.0] * 2), 1.0, 1.0, (True, True)),  # between 1 and 1
        (less([1.0] * 5 + [2.0], [1.0] * 2), 1.0, 2.0, (True, True)),  # at least 1, in a bucket that ends there
        (less([1.5, 1.5, 9.0], [1.5, 9.0]), 1.5, buckets.upper(buckets.index(1.5)), (False, False)),
        (less([1e300, 1e299, 1e299], [1e300]), 1e299, 1e300, (True, False)),  # in the overflow bucket
        (less([0.0, 1e-11, 1e-12], [0.0]), 0.0, 1e-11, (False, True)),  # the lower edge of the zero bucket is in it
        (less([0.0, 0.0, 0.0], [0.0]), 0.0, 0.0, (True, True)),
    ],
)
def test_what_a_difference_knows(h, low, high, known):
    assert (h.min, h.max, knows(h)) == (low, high, known)


def test_a_bound_is_not_the_same_as_a_value():
    """Both are at most 2, but only one of them answers quantile(1) with 2: so they are not equal."""
    value = Histogram.from_values([1.98, 2.0])
    bound = Histogram.from_dict({**value.to_dict(), "bounds": ["max"]})
    assert (bound.max, bound._sum, bound._counts) == (value.max, value._sum, value._counts)
    assert (value.quantile(1), bound.quantile(1)) == (2.0, buckets.representative(63))
    assert value != bound
    assert value.to_bytes() != bound.to_bytes()
    assert len({value, bound}) == 2


def test_an_exact_extreme_proves_an_equal_bound():
    bound = less([0.5, 2.0, 2.0], [0.5, 2.0])
    assert (bound.max, knows(bound)) == (2.0, (False, False))
    for total in (bound + Histogram.from_values([2.0]), merge([Histogram.from_values([2.0]), bound.to_bytes()])):
        assert total._knows_max()
        assert total.quantile(1) == 2.0


# ---- live counters ----


@pytest.mark.parametrize("directory", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("drained", [False, True], ids=["snapshot", "drain"])
def test_recorders_and_registries(tmp_path, directory, drained):
    registry = Registry(tmp_path if directory else None)
    recorder = registry.recorder("x")

    def read():
        return recorder.drain() if drained else registry.snapshot()[Key("x")]

    recorder.record(2.0)
    recorder.record_many([0.5, 1.0])
    h = read()
    assert (h.quantile(0), h.quantile(1), knows(h)) == (0.5, 2.0, (True, True))
    bound = less([1.5, 1.5, 1.501, 4.0, 4.0], [1.5, 4.0])  # 1.5, 1.501, 4
    for _ in range(2):  # a drain resets the bounds, too
        registry.clear()
        registry.merge({Key("x"): bound})
        assert read() == bound
    registry.clear()
    recorder.record(4.0)
    registry.merge({Key("x"): bound})
    h = read()
    assert (h.max, knows(h)) == (4.0, (False, True))
    registry.clear()
    recorder.record_many([1.0, 2.0])
    h = read()
    assert (h.quantile(0), h.quantile(1), knows(h)) == (1.0, 2.0, (True, True))


def test_snapshots_of_a_registry(tmp_path):
    bound, exact = less([1.5, 1.5, 4.0, 4.0], [1.5, 4.0]), Histogram.from_values([1.0, 2.0])
    path = tmp_path / "saved.jsonl"
    snapshots.save({Key("a"): bound, Key("b"): exact}, path)
    loaded = snapshots.load(path)
    assert (loaded[Key("a")], loaded[Key("b")]) == (bound, exact)
    assert loaded[Key("b")].quantile(1) == 2.0


def test_a_removed_file_keeps_its_extremes(tmp_path):
    registry = Registry(tmp_path)
    recorder = registry.recorder("x")
    recorder.record_many([1.0, 2.0])
    for path in tmp_path.iterdir():
        path.unlink()
    recorder.snapshot()  # counts in a new file from now on
    recorder.record(0.5)
    h = recorder.snapshot()
    assert (h.quantile(0), h.quantile(1), knows(h)) == (0.5, 2.0, (True, True))


# ---- what depends on it ----


@pytest.mark.parametrize("largest", [0.5, 1.0, 2.0, 1.7])
def test_every_question_is_exact_at_the_top(largest):
    h = Histogram.from_values([0.1] * 97 + [largest] * 3)
    assert h.quantile(1) == largest
    assert h.ci(1).value == largest
    assert h.fanout(10).quantile(1).value == largest
    assert h.dist().quantile(1).value == largest
    assert (h.sf(largest), h.sf_bounds(largest)) == (0.0, (0.0, 0.0))
    below = math.nextafter(largest, 0)
    assert h.sf(below) == 0.01  # at least the maximum is above, and this is all that is known to be above
    assert h.sf_bounds(below) == (0.01, 0.03)


def test_corrected_values_keep_exact_extremes():
    h = Histogram.from_values([0.25, 2.0]).corrected(0.5)
    assert (h.quantile(0), h.quantile(1)) == (0.25, 2.0)
    h = less([0.25, 2.0, 2.0], [0.25, 2.0]).corrected(0.5)
    assert not h._knows_max()
    assert h.max == 2.0


def test_an_empty_histogram_takes_no_measured_values_away():
    h = Histogram.from_values([0.01] * 990 + [1.0] * 10).corrected(0.1)
    for total in (h + Histogram(), Histogram() + h, sum([h], Histogram()), h - Histogram()):
        assert (total, total.ci(0.9).method) == (h, h.ci(0.9).method)
        assert (total.ci(0.9).lower, total.ci(0.9).upper) == (h.ci(0.9).lower, h.ci(0.9).upper)
    assert (h + h).ci(0.9).method == ""


def test_scaled_values_keep_what_is_known():
    assert knows(Histogram.from_values([1.0, 2.0]).scaled(1000, "ms")) == (True, True)
    h = less([1.5, 1.5, 1.501, 2.0, 2.0], [1.5, 2.0])
    for factor in (1000, 1 / 3, 2):
        scaled = h.scaled(factor, "x")
        assert knows(scaled) == (False, False)
        assert Histogram.from_bytes(scaled.to_bytes()) == scaled


# ---- data that is refused ----


@pytest.mark.parametrize("bounds", ["max", ["max", "min"], ["sum"], [1], None, ["max", "max"]])
def test_bounds_that_are_no_list_of_names(bounds):
    with pytest.raises(ValueError, match="bounds must be a list of 'min', 'max' or both"):
        Histogram.from_dict({**Histogram.from_values([1.0, 2.0]).to_dict(), "bounds": bounds})


def test_bounds_of_nothing():
    with pytest.raises(ValueError, match="empty for a count of 0"):
        Histogram.from_dict({**Histogram().to_dict(), "bounds": ["max"]})


def test_a_recorder_of_no_values():
    assert Recorder().snapshot().to_bytes() == Histogram().to_bytes()


@pytest.mark.parametrize("name", ["count", "sum", "min", "max"])
@pytest.mark.parametrize("wrong", ["1.0", b"1.0", True])
def test_texts_and_truth_values_are_no_numbers(name, wrong):
    data = Histogram.from_values([1.0]).to_dict()
    with pytest.raises(ValueError, match="number" if name != "count" else "count"):
        Histogram.from_dict({**data, name: wrong})


def test_truth_values_are_no_counts():
    data = Histogram.from_values([1.0]).to_dict()
    for name in ("indices", "counts"):
        with pytest.raises(ValueError, match="true or false"):
            Histogram.from_dict({**data, name: [True]})
