"""`Dist`: its answers about its histogram, beyond the data, and at both ends."""

import copy
import math
import pickle

import numpy as np
import pytest
from distributions import EXP, LOGNORMAL, ONE_IN_100, dists, same
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from historian import Histogram, buckets
from historian.tail import TailWarning, all_of, first_of, retry
from historian.tail.columns import COLUMNS, edges
from historian.tail.dist import Dist


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=60), st.floats(0, 1e3))
def test_a_distribution_agrees_with_its_histogram(data, t):
    h = Histogram.from_values(data)
    x = h.dist(confidence=None)
    after = next(edge for edge in edges().tolist() if edge >= t)
    assert x.sf(after) == sum(value > after for value in data) / len(data)  # exact at an edge
    answer = x.sf(t)
    assert answer.lower <= sum(value > t for value in data) / len(data) <= answer.upper
    assert x.cdf(t) == 1 - answer
    assert (x.cdf(t).lower, x.cdf(t).upper) == (1 - answer.upper, 1 - answer.lower)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60), st.integers(0, 59))
def test_quantiles_lie_in_the_bucket_of_the_histograms(data, above):
    above = min(above, len(data) - 1)
    exact = sorted(data)[len(data) - 1 - above]
    answer = Histogram.from_values(data).dist(confidence=None).isf((above + 0.5) / len(data))
    assert answer.lower <= exact <= answer.upper
    assert answer.upper <= max(answer.lower * 1.0109, 2.0**-32)
    assert answer.unit == "s"


@pytest.mark.parametrize("count", [10, 20, 100, 1_000])
def test_quantiles_at_a_step(count):
    h = Histogram.from_values([2.0 ** (90 * k / count - 30) for k in range(count)])  # at least 5 buckets apart
    x = h.dist(confidence=None)
    for k in range(1, count):
        answer = x.ppf(k / count)  # 1 - 0.9 is 0.09999999999999998: less than one value of ten
        lower, upper = h.quantile_bounds((k - 0.5) / count)
        assert (answer.lower, answer.upper) == (max(lower, h.min), min(upper, h.max))


def test_quantiles_of_composed_steps():
    x = Histogram.from_values([0.01] * 9 + [1.0]).dist(confidence=None)
    for n in range(1, 9):
        assert all_of(n, x).ppf(round(0.9**n, 8)) < 0.02
        assert all_of(n, x).ppf(round(0.9**n, 8) + 1e-9) > 0.9


def test_isf_and_ppf_invert_sf():
    for p in (0.9, 0.5, 0.01, 1e-6, 1e-12, 1e-100):
        assert LOGNORMAL.sf(LOGNORMAL.isf(p)) == pytest.approx(p, rel=1e-12)
        assert LOGNORMAL.isf(p) == pytest.approx(math.exp(-special.ndtri(p)), rel=1e-4 + 1e-6 * -math.log(p))
    assert LOGNORMAL.ppf(0.99) == pytest.approx(LOGNORMAL.isf(0.01), rel=1e-12)


def test_the_far_tail_keeps_its_digits():
    edge = buckets.upper(64 * 6)
    tail = math.exp(-edge)  # 1e-28
    assert first_of(3, EXP).sf(edge) == pytest.approx(tail**3, rel=1e-13)
    assert all_of(7, EXP).sf(edge) == pytest.approx(-math.expm1(7 * math.log1p(-tail)), rel=1e-13)


def test_sampling_intervals_are_clopper_and_pearsons():
    answer = ONE_IN_100.sf(0.5)
    oracle = stats.binomtest(100, 10_000).proportion_ci(0.95, method="exact")
    assert (answer.lower, answer.upper) == pytest.approx((oracle.low, oracle.high), rel=1e-8)
    assert answer.why == "sampling: 10,000 values; bucket width"


@pytest.mark.parametrize("times", [1, 10**5, 10**14])
def test_sampling_intervals_of_any_number_of_values(times):
    data = Histogram.from_values([1.0, 2.0] * 50 + [5.0] * 10).to_dict()
    data |= {"counts": [n * times for n in data["counts"]], "count": 110 * times, "sum": None}
    answer = Histogram.from_dict(data).dist().sf(2.0)
    error = math.sqrt(1 / 11 * 10 / 11 / (110 * times))
    assert answer == pytest.approx(1 / 11, rel=1e-14)
    if times == 1:
        oracle = stats.binomtest(10, 110).proportion_ci(0.95, method="exact")
        assert (answer.lower, answer.upper) == pytest.approx((oracle.low, oracle.high), rel=1e-8)
    else:  # 1.96 standard errors; the asymmetry is far smaller
        assert (answer.upper - answer.lower) / error == pytest.approx(2 * 1.959964, rel=1e-3)
        assert (answer.upper + answer.lower) / 2 == pytest.approx(1 / 11, abs=0.01 * error)


def test_what_lies_beyond_the_data_is_left_open():
    with pytest.warns(TailWarning, match="10,000 values are too few"):
        answer = ONE_IN_100.ppf(0.9999)
    assert answer.upper == math.inf
    assert "too few values" in answer.why
    with pytest.warns(TailWarning, match=r"1 value is too few for the 0\.9-quantile and gives no upper bound"):
        Histogram.from_values([1.0]).dist().ppf(0.9)
    x = Histogram.from_values([0.01] * 9_900 + [1.0] * 100).dist(confidence=None)
    assert x.ppf(0.9999).upper == 1.0
    with pytest.warns(TailWarning):
        assert all_of(1000, ONE_IN_100).ppf(0.99).upper == math.inf
    with pytest.warns(TailWarning, match="waits for all of 20,000 parts, but only 10,000 were recorded"):
        assert all_of({ONE_IN_100: 20_000, EXP: 1}).sf(2.0) <= 1


def test_mean():
    h = Histogram.from_values(np.random.default_rng(3).lognormal(0, 1, 10_000))
    mean = h.dist(confidence=None).mean
    assert mean.lower <= h.mean <= mean.upper
    assert mean == pytest.approx(h.mean, rel=buckets.RELATIVE_ERROR)
    assert h.dist().mean.upper == math.inf
    assert "no sample gives an upper bound of a mean" in h.dist().mean.why
    assert retry(EXP, timeout=1.0, retries=1).mean == math.inf
    assert Histogram.from_values([0.0]).dist(confidence=None).mean == 0.0
    for alone in (100.0, 0.3, 7.0, 1e-3, 12_345.678):  # its bounds are equal, except for rounding
        mean = Histogram.from_values([alone]).dist(confidence=None).mean
        assert (mean, mean.lower, mean.upper) == tuple([pytest.approx(alone, rel=1e-14)] * 3)
    beyond = Histogram.from_values([1.0, 1e21]).dist(confidence=None).mean
    assert (beyond, beyond.lower, beyond.upper) == (pytest.approx(5e20), pytest.approx(5e20), pytest.approx(5e20))


@given(dists, st.lists(st.floats(0, 1e22), min_size=2, max_size=20))
def test_survival_does_not_grow(x, times):
    answers = [x.sf(t) for t in sorted(times)]
    for part in ("value", "lower", "upper"):
        values = [getattr(one, part) for one in answers]
        assert values == sorted(values, reverse=True)
    assert all(one.lower <= one <= one.upper for one in answers)


def test_the_ends_of_a_distribution():
    x = Histogram.from_values([0.0, 1e-12, 1.0, 1e21]).dist(confidence=None)
    assert (x.sf(-1.0), x.sf(0.0), x.sf(math.inf), x.never) == (1.0, 0.5, 0.0, 0.0)
    assert x.sf(0.0).upper == 0.75  # the zero bucket reaches to 2**-32, but the minimum is known to be 0
    assert x.isf(0.5) == 0.0
    assert x.isf(0.25) == pytest.approx(1.0, rel=0.011)
    assert (x.isf(0.0), x.isf(0.0).lower, x.isf(0.0).upper) == (1e21, 1e21, 1e21)
    assert (EXP.isf(0.0), EXP.isf(0.0).lower) == (pytest.approx(745.1, rel=0.01), pytest.approx(741.3, rel=0.01))
    assert x.isf(1.0) == 0.0


def test_bounds_hold_where_rounding_differs_between_the_edges_and_the_largest_time():
    """Both are computed by themselves, and of a share that never returns, processors differ in the last place."""
    never = 0.8625
    survival = np.full((3, COLUMNS + 4), math.nextafter(never, 0))
    survival[:, -1] = never
    x = Dist(survival, extremes=(0.1, math.inf), unit="s", count=10, why=(), load=(0.0, 0.0, 0.0, 1.0))
    answer = x.sf(math.inf)
    assert answer.lower <= answer <= answer.upper
    assert answer == pytest.approx(never, rel=1e-15)


def test_distributions_are_immutable_and_equal_only_to_themselves():
    x = Histogram.from_values([1.0]).dist()
    with pytest.raises(ValueError, match="read-only"):
        x._sf[0, 0] = 0.5
    for name in ("unit", "count"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1)
    assert len({x, Histogram.from_values([1.0]).dist()}) == 2
    assert same(pickle.loads(pickle.dumps(x)), x)
    assert same(copy.copy(x), x)
    assert not pickle.loads(pickle.dumps(x))._sf.flags.writeable
    assert x.mass.sum() + x.never == pytest.approx(1)
    assert "p50" in repr(x)


def test_the_columns_are_the_edges_of_the_buckets():
    edge = edges()
    assert len(edge) == COLUMNS
    assert (edge[0], edge[-2], edge[-1]) == (2.0**-32, 2.0**64, math.inf)
    assert edge[2048] == 1.0
