"""`Histogram`: accuracy against a sorted list, the laws of merging, plain data."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, buckets, merge

QUANTILES = [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0]
RNG = np.random.default_rng(20261122)
DATA_SETS = {
    "lognormal": RNG.lognormal(-6, 1, 20_000),
    "pareto": 1e-3 * (1 + RNG.pareto(1.2, 20_000)),
    "exponential": RNG.exponential(0.01, 20_000),
    "uniform": RNG.uniform(0, 1, 20_000),
    "bimodal": np.concatenate([RNG.normal(1e-3, 1e-5, 19_800), RNG.normal(1.0, 0.01, 200)]),
    "constant": np.full(1_000, 0.1),
    "nanoseconds": RNG.integers(100, 10**10, 20_000),
    "few": np.array([3.0, 1.0, 2.0]),
    "one": np.array([1e-9]),
    "wide": np.exp2(RNG.uniform(-31.9, 63.9, 20_000)),
    "powers of two": np.exp2(np.arange(-31, 65)),
    "with zeros": np.concatenate([np.zeros(500), RNG.exponential(1, 500)]),
}

values = st.floats(min_value=0, max_value=1e300)
histograms = st.lists(values, max_size=30).map(Histogram.from_values)


def check(h: Histogram) -> Histogram:
    """Assert every invariant of a histogram; return it."""
    indices, counts = h.indices, h.counts
    assert counts.sum() == h.count
    assert (counts > 0).all()
    assert (np.diff(indices) > 0).all()
    assert (h.lower < h.upper).all()
    assert h.zero_count + h.overflow_count <= h.count
    if h.count:
        assert buckets.lower(indices[0]) <= h.min <= buckets.upper(indices[0])
        assert buckets.lower(indices[-1]) <= h.max <= buckets.upper(indices[-1])
        assert 0 <= h.min <= h.max < math.inf
        assert h.sum >= 0
    else:
        assert h.sum == 0
        assert math.isnan(h.min) and math.isnan(h.max) and math.isnan(h.mean) and math.isnan(h.stddev)
    return h


@pytest.mark.parametrize("name", DATA_SETS)
def test_quantiles_against_the_sorted_list(name):
    data = DATA_SETS[name]
    h = check(Histogram.from_values(data))
    exact = np.quantile(data, QUANTILES, method="inverted_cdf")
    assert h.quantile(QUANTILES) == pytest.approx(exact, rel=0.005416, abs=2.0**-32)
    assert h.quantile(QUANTILES).tolist() == [h.quantile(q) for q in QUANTILES]
    for q, truth in zip(QUANTILES, exact):
        lower, upper = h.quantile_bounds(q)
        assert lower < truth <= upper or truth == lower == 0
    assert h.count == len(data)
    assert h.min == data.min() and h.max == data.max()
    assert h.sum == math.fsum(data)
    assert h.mean == pytest.approx(math.fsum(data) / len(data), rel=1e-14)
    assert h.stddev == pytest.approx(float(np.std(data)), rel=0.02, abs=0.0055 * float(np.mean(data)))


@given(st.lists(values, min_size=1, max_size=60), st.floats(0, 1))
def test_any_quantile_against_the_sorted_list(data, q):
    h = check(Histogram.from_values(data))
    exact = float(np.quantile(data, q, method="inverted_cdf"))
    if exact <= 2.0**64:
        assert abs(h.quantile(q) - exact) <= max(0.005416 * exact, 2.0**-32)
    assert h.min <= h.quantile(q) <= h.max


@given(histograms, st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_quantile_is_monotone(h, qs):
    answers = h.quantile(sorted(qs))
    assert (np.diff(answers) >= 0).all() or not h.count


@given(st.lists(values, min_size=1, max_size=40), values)
def test_cdf_and_sf(data, t):
    h = Histogram.from_values(data)
    assert h.cdf(t) + h.sf(t) == pytest.approx(1, abs=1e-15)
    i = buckets.index(t)
    surely = sum(v <= buckets.lower(i) for v in data)
    possibly = sum(v <= buckets.upper(i) for v in data)
    assert surely / len(data) <= h.cdf(t) <= possibly / len(data)


def test_cdf_is_exact_at_edges():
    data = DATA_SETS["lognormal"]
    h = Histogram.from_values(data)
    edges = np.array([buckets.upper(i) for i in range(-700, -400, 7)])
    assert h.cdf(edges).tolist() == [(data <= e).mean() for e in edges]
    assert h.sf(edges) == pytest.approx([(data > e).mean() for e in edges], abs=0)
    assert h.cdf(h.max) == 1 and h.sf(h.max) == 0
    assert h.cdf(math.nextafter(h.min, 0)) == 0
    assert h.cdf(math.inf) == 1 and h.cdf(-1) == 0


@given(histograms)
def test_quantile_inverts_cdf(h):
    # 14/25*25 is 14.000000000000002: the rank of a computed share must be 14 nevertheless, without any slack.
    for value in h.lower[1:] if h.count else []:
        assert h.quantile(h.cdf(value)) <= value


@given(st.lists(values, min_size=1, max_size=60), st.lists(values, max_size=20), st.floats(0, 1))
def test_quantile_and_cdf_are_inverses(a, b, q):
    """A Galois connection, exact in float64: for histograms, merged ones and differences, whose extremes are edges."""
    one, other = Histogram.from_values(a), Histogram.from_values(b)
    for h, recorded in ((one, a), (one + other, a + b), ((one + other) - other, a)):
        assert h.cdf(h.quantile(q)) >= q
        for t in recorded:
            share = h.cdf(t)
            lower, upper = h.quantile_bounds(share)
            assert lower < t <= upper or lower == t == 0.0
            if upper < h.max:  # in the bucket of the maximum, the maximum is known to be above the rest
                assert h.cdf(h.quantile(share)) == share
                assert h.quantile_bounds(math.nextafter(share, 1))[0] >= upper


@given(st.lists(values, min_size=1, max_size=20), st.lists(values, max_size=20), st.floats(0, 1))
def test_at_least_q_lies_at_or_below_the_q_quantile(a, b, q):
    whole = Histogram.from_values(a) + Histogram.from_values(b)
    for h in (whole, whole - Histogram.from_values(b)):
        assert h.cdf(h.quantile(q)) >= q
        assert h.sf(h.quantile(q)) <= 1 - q + 1e-12


def test_percentile_is_quantile_of_a_hundredth():
    h = Histogram.from_values(range(1, 1001))
    assert h.percentile([50, 99, 99.9]).tolist() == h.quantile([0.5, 0.99, 0.999]).tolist()  # 99.9 / 100 is above 0.999
    assert h.percentile(50) == h.quantile(0.5)
    assert h.percentile(np.float32(50)) == h.quantile(0.5)


def test_array_likes_keep_their_shape():
    h = Histogram.from_values([1.0, 2.0])
    assert h.quantile([[0, 1], [0.2, 0.7]]).shape == (2, 2)
    assert h.quantile([]).shape == (0,)
    assert isinstance(h.quantile(np.array(0.5)), float)
    lower, upper = h.quantile_bounds([0.0, 1.0])
    assert lower.shape == upper.shape == (2,)
    assert h.cdf((1.0, 2.0)).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan, math.inf])
def test_shares_outside_0_1(q):
    for h in (Histogram(), Histogram.from_values([1.0])):
        for question in (h.quantile, h.quantile_bounds):
            with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
                question(q)
            with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
                question([0.5, q])
        with pytest.raises(ValueError, match=r"p must be in 0\.\.100"):
            h.percentile(q * 100)


def test_a_percentile_given_to_quantile_is_told():
    with pytest.raises(ValueError, match=r"percentile\(\) takes 0\.\.100"):
        Histogram.from_values([1.0]).quantile(99)


def test_nan_is_no_threshold():
    for h in (Histogram(), Histogram.from_values([1.0])):
        with pytest.raises(ValueError, match="NaN"):
            h.cdf(math.nan)
        with pytest.raises(ValueError, match="NaN"):
            h.sf([1.0, math.nan])


def test_empty():
    h = check(Histogram())
    assert (h.count, h.sum, h.unit, h.zero_count, h.overflow_count) == (0, 0.0, "s", 0, 0)
    assert all(
        math.isnan(x) for x in (h.quantile(0.5), h.percentile(99), h.cdf(1.0), h.sf(1.0), *h.quantile_bounds(0.5))
    )
    assert np.isnan(h.quantile([0.5, 0.9])).all()
    assert h.indices.size == h.counts.size == h.lower.size == h.upper.size == 0
    assert h == Histogram() == Histogram.from_values([]) and hash(h) == hash(Histogram())


def test_zero_and_overflow_are_counted_and_shown():
    h = check(Histogram.from_values([0.0, 2.0**-32, 1.0, 2.0**64, 2.0**65, 1e300]))
    assert (h.count, h.zero_count, h.overflow_count) == (6, 2, 2)
    assert (h.min, h.max) == (0.0, 1e300)
    assert h.indices.tolist() == [buckets.ZERO_INDEX, -1, 4095, buckets.OVERFLOW_INDEX]
    assert h.quantile(1.0) == 1e300
    assert h.quantile_bounds(1.0) == (2.0**64, 1e300)
    assert h.quantile(0.0) == 0.0
    assert h.cdf(0.0) == pytest.approx(2 / 6)


def test_results_are_clamped_to_the_exact_extremes():
    h = Histogram.from_values([0.1] * 10)
    assert h.quantile([0.0, 0.5, 1.0]).tolist() == [0.1] * 3


def test_buckets_are_read_only_arrays():
    h = Histogram.from_values([1.0, 1.0, 2.0])
    assert h.indices.tolist() == [-1, 63] and h.counts.tolist() == [2, 1]
    assert h.lower.tolist() == [buckets.lower(-1), buckets.lower(63)] and h.upper.tolist() == [1.0, 2.0]
    for array in (h.indices, h.counts, h.lower, h.upper):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_immutable():
    h = Histogram.from_values([1.0])
    for name in ("count", "sum", "min", "max", "unit", "mean", "color"):
        with pytest.raises(AttributeError):
            setattr(h, name, 1)


# ---- laws of merging ----


@given(st.lists(values, max_size=30), st.lists(values, max_size=30))
def test_merge_is_the_histogram_of_both(a, b):
    merged = check(Histogram.from_values(a) + Histogram.from_values(b))
    together = Histogram.from_values(a + b)
    assert merged.counts.tolist() == together.counts.tolist() and merged.indices.tolist() == together.indices.tolist()
    assert merged.sum == together.sum
    assert merged.count == 0 or (merged.min, merged.max) == (together.min, together.max)


@given(histograms, histograms, histograms)
def test_merge_is_associative_and_commutative_to_the_last_bit(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert hash((a + b) + c) == hash(a + (b + c))


@given(histograms)
def test_empty_is_the_identity(h):
    assert h + Histogram() == Histogram() + h == sum([h], Histogram()) == merge([h]) == h


@given(histograms, histograms)
def test_merging_alters_nothing(a, b):
    before = a.to_dict(), b.to_dict()
    a + b, merge([a, b]), (a + b) - b
    assert (a.to_dict(), b.to_dict()) == before


@given(histograms, histograms)
def test_subtraction_undoes_addition(a, b):
    difference = check((a + b) - b)
    assert difference.counts.tolist() == a.counts.tolist() and difference.indices.tolist() == a.indices.tolist()
    assert difference.sum == a.sum
    if a.count and b.count:
        both = a + b
        assert max(a.lower[0], both.min) <= difference.min <= a.min <= a.max <= difference.max
        assert difference.max <= min(a.upper[-1], both.max)


@given(st.lists(values, min_size=1, max_size=30), st.lists(values, max_size=30), st.floats(0, 1))
def test_differences_keep_the_guarantee(a, b, q):
    difference = (Histogram.from_values(a) + Histogram.from_values(b)) - Histogram.from_values(b)
    exact = float(np.quantile(a, q, method="inverted_cdf"))
    if exact <= 2.0**64:
        assert abs(difference.quantile(q) - exact) <= max(0.005416 * exact, 2.0**-32)
    for edge in {*difference.lower.tolist(), *difference.upper.tolist()} - {0.0, math.inf}:
        assert difference.cdf(edge) == sum(v <= edge for v in a) / len(a)


def test_extremes_are_exact_where_known():
    h = Histogram.from_values([0.011, 0.012, 0.25001])
    assert (h.quantile(0.0), h.quantile(1.0)) == (0.011, 0.25001)
    assert h.cdf(0.011) == h.sf(0.25) == 1 / 3


def test_interval():
    before = Histogram.from_values([1.0, 5.0])
    after = Histogram.from_values([1.0, 5.0, 2.0, 3.0])
    interval = after - before
    assert interval.count == 2 and interval.sum == 5.0
    assert interval.min == buckets.lower(buckets.index(2.0)) and interval.max == buckets.upper(buckets.index(3.0))
    assert after - Histogram() == after
    assert after - after == Histogram()


@pytest.mark.parametrize("other", [[1.0, 1.0], [2.0], [0.5], [1.0, 9.0], [0.0], [1e300]])
def test_a_bucket_cannot_go_below_zero(other):
    with pytest.raises(ValueError, match="cannot subtract"):
        Histogram.from_values([1.0]) - Histogram.from_values(other)
    with pytest.raises(ValueError, match="cannot subtract"):
        Histogram() - Histogram.from_values(other)


def test_different_units():
    seconds, millis = Histogram.from_values([1.0]), Histogram.from_values([1.0], unit="ms")
    for combine in (lambda: seconds + millis, lambda: seconds - millis, lambda: merge([seconds, millis])):
        with pytest.raises(ValueError, match="'s' and 'ms'"):
            combine()
    assert (Histogram() + millis).unit == (millis + Histogram()).unit == "ms"
    with pytest.raises(ValueError, match="'ms' and 's'"):
        Histogram.from_values([], unit="ms") + seconds
    assert seconds != millis


@pytest.mark.parametrize("other", [1, 1.0, None, "h", [1.0]])
def test_only_histograms_combine(other):
    h = Histogram.from_values([1.0])
    with pytest.raises(TypeError):
        h + other
    with pytest.raises(TypeError):
        h - other
    assert h != other


def test_a_count_beyond_64_bits():
    data = Histogram.from_values([1.0]).to_dict()
    data["counts"], data["count"] = [2**62], 2**62
    big = Histogram.from_dict(data)
    with pytest.raises(OverflowError, match=r"2\*\*63"):
        big + big
    assert (big + Histogram.from_values([1.0])).count == 2**62 + 1


def test_a_sum_beyond_float64():
    h = Histogram.from_values([1.7e308, 1.7e308])
    assert h.sum == math.inf and h.max == 1.7e308 and h.count == 2
    assert pickle.loads(pickle.dumps(h)) == h
    assert (h + h).sum == math.inf


# ---- plain data ----


@given(histograms)
def test_plain_data_and_pickles(h):
    assert check(Histogram.from_dict(h.to_dict())) == h
    assert Histogram.from_dict(json.loads(json.dumps(h.to_dict(), allow_nan=False))) == h
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(h, protocol)) == h
    assert copy.copy(h) == copy.deepcopy(h) == h
    assert hash(copy.deepcopy(h)) == hash(h)


def test_a_copy_of_a_corrected_histogram_keeps_its_intervals():
    h = Histogram.from_values([0.001] * 1_000 + [k / 10 for k in range(1, 41)]).corrected(0.01)
    for again in (copy.copy(h), copy.deepcopy(h), copy.deepcopy([h, h])[1]):
        assert again == h and again.synthetic
        assert again.ci(0.9).upper == h.ci(0.9).upper < math.inf
    unknown = pickle.loads(pickle.dumps(h))  # as docs/tail.md says of bytes
    assert unknown == h and unknown.slo(1.0, 0.5).within.upper == 1.0


class Tagged(Histogram):
    tag = ""


def test_a_subclass_stays_a_subclass():
    h = Tagged.from_values([1.0, 2.0])
    h.tag = ["x"]
    copies = [copy.copy(h), copy.deepcopy(h)]
    copies += [pickle.loads(pickle.dumps(h, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for again in copies:
        assert type(again) is Tagged and again == h and again.tag == ["x"]
    assert copies[0].tag is h.tag and copies[1].tag is not h.tag
    plain = Histogram.from_values([2.0])
    for result in (h + plain, h - plain, h - Tagged(), h.corrected(0.5), Tagged.from_bytes(h.to_bytes())):
        assert type(result) is Tagged
    for result in (plain + h, plain - Tagged(), merge([h, h]), sum([h, h], Histogram())):
        assert type(result) is Histogram
    assert type(Tagged.from_dict(h.to_dict())) is type(sum([h, h], Tagged())) is Tagged


@given(histograms, histograms)
def test_differences_survive_plain_data(a, b):
    difference = (a + b) - b
    assert Histogram.from_dict(difference.to_dict()) == difference


def test_what_was_written_stays_readable():
    data = {
        "format": "historian/1",
        "unit": "ms",
        "count": 4,
        "sum": 7.5,
        "min": 0.0,
        "max": 4.0,
        "indices": [-2049, 37, 63, 127],
        "counts": [1, 1, 1, 1],
    }
    h = Histogram.from_dict(data)
    assert h == Histogram.from_values([0.0, 1.5, 2.0, 4.0], unit="ms")
    assert h.to_dict() == data


GOOD = Histogram.from_values([1.0, 2.0]).to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "historian/2"}, "format"),
        ({"unit": 3}, "unit"),
        ({"unit": ""}, "unit"),
        ({"count": 3}, "not the sum"),
        ({"counts": [1]}, "must have the same length, not 2 and 1"),
        ({"counts": [1, 0], "count": 1}, "not positive"),
        ({"counts": [1, -1], "count": 0}, "not positive"),
        ({"counts": [2**63, 1], "count": 2**63 + 1}, "not positive"),
        ({"counts": [2**62, 2**62], "count": 2**63}, "not positive"),
        ({"counts": [1, 2**200], "count": 1 + 2**200}, "not positive"),
        ({"counts": [1, 1.5], "count": 2}, "histogram"),
        ({"counts": ["1", "1"]}, "histogram"),
        ({"counts": None}, "histogram"),
        ({"indices": [63, -1]}, "out of order"),
        ({"indices": [-1, -1]}, "out of order"),
        ({"indices": [-2050, 63]}, "out of range"),
        ({"indices": [-1, 4097]}, "out of range"),
        ({"indices": [-1, 10**30]}, "out of range"),
        ({"indices": [-1.5, 63]}, "histogram"),
        ({"min": 0.5}, "min 0.5"),
        ({"max": 2.5}, "max 2.5"),
        ({"max": math.inf}, "max inf"),
        ({"min": math.nan}, "min nan"),
        ({"min": None}, "histogram"),
        ({"sum": -1.0}, "sum -1.0"),
        ({"sum": math.nan}, "sum nan"),
        ({"sum": "x"}, "sum must be a number, not 'x'"),
        ({"sum": "3.0"}, "sum must be a number, not '3.0'"),
        ({"sum": True}, "sum must be a number, not True"),
        ({"min": "1"}, "min must be a number, not '1'"),
        ({"max": b"2"}, "max must be a number, not b'2'"),
        ({"counts": [True, 1]}, "not true or false"),
        ({"indices": [False, 63], "min": 1.005}, "not true or false"),
        ({"counts": [1], "indices": [63], "count": True, "min": 2.0}, "count True"),
        ({"counts": [], "indices": [], "count": 0}, "sum 3.0"),
    ],
)
def test_data_of_no_histogram(change, message):
    with pytest.raises(ValueError, match=message):
        Histogram.from_dict({**GOOD, **change})


@pytest.mark.parametrize("key", GOOD)
def test_missing_keys(key):
    with pytest.raises(ValueError, match=key):
        Histogram.from_dict({k: v for k, v in GOOD.items() if k != key})


@pytest.mark.parametrize("data", [None, 3, [], "{}"])
def test_data_of_another_shape(data):
    with pytest.raises((ValueError, TypeError)):
        Histogram.from_dict(data)


@pytest.mark.parametrize(("unit", "error"), [(3, TypeError), (None, TypeError), ("", ValueError), ("a\nb", ValueError)])
def test_units_are_labels(unit, error):
    with pytest.raises(error, match="unit must be"):
        Histogram.from_values([1.0], unit=unit)
