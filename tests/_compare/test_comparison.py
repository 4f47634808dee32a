"""`historian.compare`: ratios of quantiles with intervals, superiority, distances, table and sentence."""

import math
import subprocess
import sys
import warnings
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import historian
from historian import Comparison, Comparisons, Histogram, merge
from historian._compare import report as wording
from historian._compare.distances import Pair
from historian._compare.ratios import Grid, RatioOf
from historian._compare.report import whole_numbers
from historian._show.view import Interval
from historian.buckets import GROWTH, representative
from historian.tail import Estimate, TailWarning

A = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 1, 20_000))
B = Histogram.from_values(0.8 * np.random.default_rng(2).lognormal(-4.5, 1, 20_000))


# ---- ratios ----


def test_ratios_of_constants_are_known_to_two_buckets():
    ratio = historian.compare(Histogram.from_values([0.010] * 1000), Histogram.from_values([0.0125] * 1000)).ratio(0.5)
    assert ratio == pytest.approx(1.25, rel=1e-12)
    step = 21  # 64 * log2(1.25) = 20.6: 0.010 and 0.0125 lie in buckets that are 21 apart
    assert (ratio.lower, ratio.upper) == pytest.approx((GROWTH ** (step - 1), GROWTH ** (step + 1)), rel=1e-12)


def test_one_ratio_or_several():
    comparison = historian.compare(A, B)
    one, two = comparison.ratio([0.5, 0.99])
    assert (one, two) == (comparison.ratio(0.5), comparison.ratio(0.99))
    assert comparison.ratio(np.array([0.5]))[0] == one
    assert (
        comparison.ratio(np.array(0.5)) == comparison.ratio(np.float32(0.5)) == comparison.ratio(Fraction(1, 2)) == one
    )
    assert one.lower < 0.8 < one.upper
    assert float(one) == B.quantile(0.5) / A.quantile(0.5)
    assert "20,000 and 20,000 values" in one.why and "bucket width" in one.why


def test_intervals_turn_around_with_the_histograms():
    for q in (0.1, 0.5, 0.99):
        there, back = historian.compare(A, B).ratio(q), historian.compare(B, A).ratio(q)
        assert there.lower * back.upper == pytest.approx(1, rel=0.003)
        assert there.upper * back.lower == pytest.approx(1, rel=0.003)


def test_more_confidence_is_wider_and_more_values_are_narrower():
    narrow, wide = (historian.compare(A, B, confidence=c).ratio(0.9) for c in (0.8, 0.99))
    assert wide.lower < narrow.lower and narrow.upper < wide.upper
    few = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 1, 500))
    ratio = historian.compare(few, B).ratio(0.9)
    assert ratio.upper / ratio.lower > wide.upper / wide.lower


def test_the_interval_is_that_of_resampled_quantiles():
    # The binomial gives the distribution of a quantile: 20,000 bootstrap samples agree with it.
    rng = np.random.default_rng(3)
    values = rng.lognormal(0, 1, 400), rng.lognormal(0.2, 1, 400)
    drawn = [np.quantile(rng.choice(v, (20_000, 400)), 0.7, axis=1, method="inverted_cdf") for v in values]
    low, high = np.quantile(drawn[1] / drawn[0], [0.025, 0.975])
    ratio = historian.compare(*map(Histogram.from_values, values)).ratio(0.7)
    assert (ratio.lower, ratio.upper) == pytest.approx((low, high), rel=0.05)


def test_the_interval_of_a_symmetric_histogram_is_symmetric():
    # One value in each of 41 buckets, equally many below and above the median: the bounds are each other's reciprocals.
    a = Histogram.from_values([representative(i) for i in range(41)])
    ratio = historian.compare(a, Histogram.from_values([representative(20)] * 1000)).ratio(0.5)
    assert ratio.lower * ratio.upper == pytest.approx(1, rel=1e-9) and ratio.upper > GROWTH**4


def reached(name, q, n, times, ratio=1.25):
    """Return the share of nominal 95 % intervals that hold the true ratio."""
    rng, hits = np.random.default_rng(20), 0
    draw = {"exp": lambda: rng.exponential(1.0, n), "lognormal": lambda: rng.lognormal(0, 1, n)}[name]
    for _ in range(times):
        a, b = (Grid.of(Histogram.from_values(scale * draw())) for scale in (1, ratio))
        low, high = RatioOf.each(a, b, [q])[0].bounds(0.95)
        hits += low <= ratio <= high
    return hits / times


@pytest.mark.parametrize(
    ("name", "q", "n"),
    [("exp", 0.5, 1000), ("lognormal", 0.9, 1000), ("lognormal", 0.99, 3000), ("exp", 0.999, 10_000)],
)
def test_intervals_cover_what_they_say(name, q, n):
    # 500 data sets: 95 % +- four standard deviations of sqrt(0.95 * 0.05 / 500) = 1 % is 91..99 %.
    assert 0.91 <= reached(name, q, n, 500) <= 0.995


def test_ties_are_tested_each():
    # 895 of 1,000 values of A are 1, and 915 of B are 3.  "The true 0.9-quantile of A is 1" has a p-value of
    # P(Binomial(1000, 0.9) <= 895) = 0.31, "that of B is 4" one of P(... >= 915) = 0.060.  Their product is 0.019.
    # Fisher's combination of both is 0.019 * (1 - log 0.019) = 0.092, which is not below 0.025.
    a, b = Histogram.from_values([1.0] * 895 + [2.0] * 105), Histogram.from_values([3.0] * 915 + [4.0] * 85)
    u, v = stats.binom.cdf(895, 1000, 0.9), stats.binom.sf(914, 1000, 0.9)
    assert u * v < 0.025 < u * v * (1 - math.log(u * v))
    ratio = historian.compare(a, b).ratio(0.9)
    assert (float(ratio), ratio.lower) == pytest.approx((1.5, 1.5), rel=0.02)
    assert ratio.upper == pytest.approx(4, rel=0.02)
    turned = historian.compare(b, a).ratio(0.9)
    assert (turned.lower * ratio.upper, turned.upper * ratio.lower) == pytest.approx((1, 1))
    # Clearer evidence: P(... >= 925) = 0.0039, and 0.0012 * (1 - log 0.0012) = 0.0093.
    surer = historian.compare(a, Histogram.from_values([3.0] * 925 + [4.0] * 75)).ratio(0.9)
    assert surer.upper == pytest.approx(3, rel=0.02)


def test_intervals_of_whole_numbers_cover_what_they_say():
    # Numbers of Poisson(20) and Poisson(30): P(X <= 43) = 0.9903 is close to 0.99.  The convolution alone covers 91 %.
    rng, truth = np.random.default_rng(1), 44 / 32
    assert (stats.poisson.ppf(0.99, 30) + 1) / (stats.poisson.ppf(0.99, 20) + 1) == truth
    hits, times = 0, 400
    for _ in range(times):
        a, b = (Histogram.from_values(rng.poisson(mean, size) + 1.0) for mean, size in ((20, 1_000), (30, 20_000)))
        low, high = RatioOf.each(Grid.of(a), Grid.of(b), [0.99])[0].bounds(0.95)
        hits += low <= truth <= high
    assert hits / times >= 0.96


def test_too_few_samples_leave_a_side_open_and_warn():
    few = Histogram.from_values(np.random.default_rng(1).lognormal(0, 1, 100))
    comparison = historian.compare(few, few)
    with pytest.warns(TailWarning, match="too few samples") as caught:
        ratio = comparison.ratio(0.99)  # 0.99**100 = 37 %: the p99 may lie above all values
    assert (ratio.lower, ratio.upper) == (0, math.inf)
    assert "too few samples" in ratio.why
    assert caught[0].filename == __file__
    with pytest.warns(TailWarning) as caught:
        comparison.ratio([0.5, 0.99])
    assert [one.filename for one in caught] == [__file__]
    with pytest.warns(
        TailWarning, match=r"^beyond the data: 2 of 3 answers; the first: the ratio at the 0\.99-"
    ) as caught:
        ratios = comparison.ratio([[0.5, 0.99, 0.999]])  # one warning, not two
    assert [one.filename for one in caught] == [__file__]
    assert (ratios.shape, ratios.lower[0, 1:].tolist()) == ((1, 3), [0, 0])
    assert ratios[0, 1].why == ratio.why
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1, not 99\.0, at position 1"):
        comparison.ratio([0.5, 99])
    assert "too few samples" in str(comparison)
    assert comparison.sentence(0.99) == "p99 of B over A: too few samples (100 of A, 100 of B)"


def test_one_side_may_be_enough():
    few = Histogram.from_values(np.random.default_rng(1).lognormal(0, 1, 100))
    many = Histogram.from_values(np.random.default_rng(2).lognormal(0, 1, 100_000))
    with pytest.warns(TailWarning):
        ratio = historian.compare(few, many).ratio(0.99)  # the divisor may be larger, not smaller
    assert ratio.lower == 0 and ratio.upper < math.inf
    with pytest.warns(TailWarning):
        ratio = historian.compare(many, few).ratio(0.99)
    assert ratio.lower > 0 and ratio.upper == math.inf


def test_zero_and_overflow():
    zeros, ones = Histogram.from_values([0.0] * 1000), Histogram.from_values([1.0] * 1000)
    with pytest.raises(ValueError, match=r"the 0\.5-quantile of A must be above 2\*\*-32 to have a ratio, not 0\.0"):
        historian.compare(zeros, ones).ratio(0.5)
    with pytest.warns(TailWarning):
        ratio = historian.compare(ones, zeros).ratio(0.5)
    assert (float(ratio), ratio.lower) == (0, 0)
    huge = Histogram.from_values([1e30] * 1000)
    with pytest.warns(TailWarning):
        ratio = historian.compare(ones, huge).ratio(0.5)
    assert float(ratio) == 1e30 and ratio.upper == math.inf
    tiny = Histogram.from_values([1e-12] * 1000)  # in the zero bucket, but not 0
    for pair in product((zeros, tiny, ones, huge), repeat=2):
        assert "count" in str(historian.compare(*pair))


@pytest.mark.parametrize(
    ("a", "b", "q", "why"),
    [
        (0.0, 1.0, 0.5, "A is about 0"),
        (1e-12, 1.0, 0.5, "A is about 0"),
        (1.0, 1e-12, 0.5, "B is about 0"),
        (1.0, 1e30, 0.5, "values beyond the buckets"),
        (1.0, 1.0, 1.0, "no interval for an extreme"),
        (1.0, 1.0, 0.9999, "too few samples (1,000 of A, 1,000 of B)"),
    ],
)
def test_why_there_is_no_interval(a, b, q, why):
    comparison = historian.compare(Histogram.from_values([a] * 1000), Histogram.from_values([b] * 1000))
    assert comparison.sentence(q).split(": ")[1] == why


# ---- distances ----


def test_superiority_against_all_pairs():
    rng = np.random.default_rng(4)
    # The values are representatives of buckets, so no precision is lost and equal values stay equal.
    a, b = rng.integers(0, 60, 300), rng.integers(-10, 55, 200)
    comparison = historian.compare(*(Histogram.from_values([representative(i) for i in one]) for one in (a, b)))
    below = np.mean([(y < x) + (y == x) / 2 for x in a for y in b])
    assert comparison.superiority == pytest.approx(below, abs=1e-12)
    assert comparison.superiority == pytest.approx(stats.mannwhitneyu(a, b).statistic / (300 * 200), abs=1e-12)
    assert comparison.superiority.lower < below < comparison.superiority.upper
    assert comparison.kolmogorov_smirnov == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)
    expected = stats.wasserstein_distance(a, b) * math.log(GROWTH)
    assert comparison.wasserstein == pytest.approx(expected, rel=1e-12)


def test_superiority_of_what_is_always_faster():
    a, b = Histogram.from_values([2.0] * 100), Histogram.from_values([1.0] * 100)
    superiority = historian.compare(a, b).superiority
    assert (float(superiority), superiority.upper) == (1, 1)
    assert superiority.lower == pytest.approx(stats.binomtest(100, 100).proportion_ci().low, rel=1e-6)


@pytest.mark.parametrize(("scale", "n"), [(0.1, 20), (0.02, 100)])
def test_superiority_that_few_values_decide(scale, n):
    # P(B < A) = 1/(1 + scale).  Nearly all values of A are above those of B, and the few others decide.  With the
    # normal quantile alone the coverage is 91 to 92 %.  Four standard deviations of 500 data sets are 4 %.
    rng, truth, hits = np.random.default_rng(5), 1 / (1 + scale), 0
    for _ in range(500):
        a, b = rng.exponential(1.0, n), rng.exponential(scale, 100 * n)
        found = historian.compare(Histogram.from_values(a), Histogram.from_values(b)).superiority
        hits += found.lower <= truth <= found.upper
    assert hits / 500 >= 0.945


def test_the_order_within_a_bucket_is_not_known():
    same = Histogram.from_values([1.0] * 100)
    superiority = historian.compare(same, same).superiority
    assert (superiority.lower, float(superiority), superiority.upper) == (0, 0.5, 1)
    distance = historian.compare(same, same).kolmogorov_smirnov
    assert (float(distance), distance.upper) == (0, 1)
    shift = historian.compare(same, same).wasserstein
    assert (float(shift), shift.upper) == (0, math.log(GROWTH))


def test_intervals_of_superiority_and_distances_cover_what_they_say():
    # Exponentials with means 1 and 0.8: P(b < a) = 1 / 1.8.  The largest difference of exp(-x) and exp(-1.25 x) is at
    # x = ln(1.25) / 0.25.  On the logarithm, the shift is ln(0.8).
    rng, hits = np.random.default_rng(5), np.zeros(3)
    x = math.log(1.25) / 0.25
    truths = 1 / 1.8, math.exp(-x) - math.exp(-1.25 * x), math.log(1.25)
    for _ in range(300):
        comparison = historian.compare(*(Histogram.from_values(mean * rng.exponential(1, 1000)) for mean in (1.0, 0.8)))
        found = comparison.superiority, comparison.kolmogorov_smirnov, comparison.wasserstein
        hits += [one.lower <= truth <= one.upper for one, truth in zip(found, truths)]
    assert 0.91 <= hits[0] / 300 <= 0.99
    assert hits[1] / 300 >= 0.93 and hits[2] / 300 >= 0.91  # these are bounds, which may cover more


def test_the_bands_of_dvoretzky_kiefer_and_wolfowitz():
    # Each at half of 5 %: sqrt(log(2/0.025)/(2 * 1000)) = sqrt(4.382/2000) = 0.0468, twice.
    a, b = Histogram.from_values([1.0] * 1000), Histogram.from_values([1.0] * 500 + [2.0] * 500)
    found = historian.compare(a, b).kolmogorov_smirnov
    assert (float(found), found.lower) == pytest.approx((0.5, 0.5 - 2 * 0.0468), abs=1e-4)


def test_equal_distributions_have_distances_that_may_be_zero():
    rng = np.random.default_rng(6)
    a, b = (Histogram.from_values(rng.exponential(1, 5000)) for _ in range(2))
    comparison = historian.compare(a, b)
    assert comparison.kolmogorov_smirnov.lower == comparison.wasserstein.lower == 0
    assert comparison.superiority.lower < 0.5 < comparison.superiority.upper


def test_a_whole_table_reads_each_histogram_once(monkeypatch):
    """To read the buckets takes longer than all else that an answer needs."""
    read = []
    of = Grid.of
    monkeypatch.setattr(Grid, "of", lambda h: read.append(h) or of(h))
    a, b = (Histogram.from_values([0.001 * k for k in range(start, 500)]) for start in (1, 2))
    comparison = historian.compare(a, b)
    assert "p99" in str(comparison)
    assert comparison.ratio(0.25) > 0
    comparison._repr_html_()
    assert read == [a, b]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_superiority_of_the_two_orders_adds_up(a, b):
    first, second = (Histogram.from_values([2.0**i for i in one]) for one in (a, b))
    there, back = historian.compare(first, second).superiority, historian.compare(second, first).superiority
    assert there + back == pytest.approx(1, abs=1e-12)
    assert there.lower + back.upper == pytest.approx(1, abs=1e-6)
    both = Grid.of(first), Grid.of(second)
    assert Pair.of(*both).mean_shift() == pytest.approx(Pair.of(*both[::-1]).mean_shift(), abs=1e-12)


# ---- sentences and tables ----


def test_a_sentence():
    comparison = historian.compare(
        Histogram.from_values(np.random.default_rng(1).lognormal(0, 0.4, 20_000)),
        Histogram.from_values(0.8 * np.random.default_rng(2).lognormal(0, 0.4, 20_000)),
    )
    assert comparison.sentence() == "p99 of B over A: 4:5, 95 % interval 0.78 to 0.84"
    assert comparison.sentence(0.5).startswith("median of B over A: 4:5, 95 % interval 0.7")
    # All 4 ratios of the table together have 95 %, so each has 98.75 %: a wider interval.
    assert str(comparison).endswith("p99 of B over A: 4:5, 95 % interval 0.77 to 0.85")
    each = historian.compare(comparison.a, comparison.b, confidence=0.9875).sentence()
    assert str(comparison).endswith(each.replace("98.75 %", "95 %"))
    same = historian.compare(comparison.a, comparison.a, confidence=0.9)
    assert same.sentence().startswith("p99 of B over A: no clear difference, 90 % interval 0.9")
    named = historian.compare(comparison.a, comparison.b, names=("old\n", "new"))
    assert named.sentence().startswith("p99 of new over old\\n: 4:5")


@pytest.mark.parametrize(
    ("value", "lower", "upper", "ratio"),
    [
        (0.80, 0.78, 0.83, (4, 5)),
        (1.25, 1.2, 1.3, (5, 4)),
        (2.1, 1.8, 2.4, (2, 1)),
        (0.634, 0.559, 0.706, (2, 3)),
        (0.70, 0.664, 0.74, (5, 7)),  # 2:3 lies inside, but too near to a bound
        (97.2, 90.0, 110.0, (97, 1)),
        (1 / 97.2, 1 / 110, 1 / 90, (1, 97)),
        (1.0301, 1.030, 1.0302, None),  # 103:100 is not simple
        (701.0, 510.0, 880.0, (700, 1)),  # no more digits than the interval supports
        (1 / 16_033, 1 / 18_000, 1 / 15_000, (1, 16_000)),
        (143.0, 141.0, 145.0, (143, 1)),  # 140 lies outside
    ],
)
def test_ratios_of_whole_numbers(value, lower, upper, ratio):
    assert whole_numbers(value, lower, upper) == ratio


def test_a_ratio_that_is_not_simple_is_a_number_to_1():
    # 64 * log2(1.0301) = 2.7 buckets apart.  An interval two buckets wide holds no simple ratio, only such as 41:40.
    rng = np.random.default_rng(7)
    a = Histogram.from_values(rng.lognormal(0, 0.05, 100_000))
    comparison = historian.compare(a, Histogram.from_values(1.03 * rng.lognormal(0, 0.05, 100_000)))
    words = comparison.sentence(0.5).split(": ")[1].split(",")[0]
    numerator, denominator = map(float, words.split(":"))
    estimate = comparison.ratio(0.5)
    assert estimate.lower < numerator / denominator < estimate.upper


@pytest.mark.parametrize(
    ("value", "lower", "upper", "interval", "words"),
    [
        (1.268, 1.0603, 1.8602, "1.06 to 1.9", "3:2"),
        (0.8, 0.5, 0.9963, "0.50 to 0.997", "3:4"),
        (1.0183, 1.0004, 1.4256, "1.0004 to 1.5", "1.02:1"),  # at the lower bound: no simple ratio lies well inside
        (1.268, 0.98, 1.8602, "0.98 to 1.9", "undecided"),
        (2.0**60, 1.131e18, 1.169e18, "1,130,000,000,000,000,000 to 1,170,000,000,000,000,000",
         "1,150,000,000,000,000,000:1"),
    ],
)  # fmt: skip
def test_an_interval_without_1_is_shown_without_it(value, lower, upper, interval, words):
    estimate = Estimate(value, lower, upper, "")
    assert (wording._interval(estimate), wording._words(estimate)) == (interval, words)


@given(st.floats(-9, 9), st.floats(0.011, 1), st.floats(0.011, 1))
def test_what_is_shown_of_a_ratio_does_not_contradict_itself(log, below, above):
    estimate = Estimate(math.exp(log), math.exp(log - below), math.exp(log + above), "")
    low, high = (float(end.replace(",", "")) for end in wording._interval(estimate).split(" to "))
    decided = not estimate.lower <= 1 <= estimate.upper
    assert low <= estimate.lower * (1 + 1e-12) and estimate.upper * (1 - 1e-12) <= high
    assert decided == (not low <= 1 <= high)
    if decided:
        numerator, denominator = (float(part.replace(",", "")) for part in wording._words(estimate).split(":"))
        assert estimate.lower <= numerator / denominator <= estimate.upper


def test_a_table():
    lines = str(historian.compare(A, B)).splitlines()
    assert lines[0].split() == ["A", "(ms)", "B", "(ms)", "B/A", "ratio", "95", "%", "interval"]
    assert [line.split()[0] for line in lines[1:7]] == ["count", "median", "p90", "p99", "p99.9", "p99.99"]
    assert lines[2].split()[1:] == ["11.0", "8.94", "0.81", "4:5", "0.79", "to", "0.85"]
    assert "too few samples" in lines[6]
    assert "Kolmogorov-Smirnov" in lines[9] and "Wasserstein" in lines[10]
    assert "faster" not in str(historian.compare(A, B))
    html = historian.compare(A, B, names=("<a>", "b"))._repr_html_()
    assert "<table>" in html and "&lt;a&gt; (ms)" in html and "<a>" not in html


def test_a_table_of_equal_distributions_seldom_has_a_row_that_differs():
    # 95 % of 200 tables should have no such row; 93 % is accepted, which is 14 alarms.
    rng, differ = np.random.default_rng(8), 0
    for _ in range(200):
        lines = str(historian.compare(*(Histogram.from_values(rng.lognormal(0, 1, 10_000)) for _ in "ab"))).splitlines()
        assert "95 % confidence: for all 4 ratios together (Bonferroni), for each other line alone" in lines
        differ += not all("undecided" in line for line in lines[2:6])
    assert differ <= 14


# ---- looks ----


def test_each_look_gets_an_equal_part_of_the_errors():
    one, many = historian.compare(A, B, confidence=0.999), historian.compare(A, B, looks=50)
    for name in ("superiority", "kolmogorov_smirnov", "wasserstein"):
        single, all_looks = getattr(one, name), getattr(many, name)
        assert (all_looks.lower, all_looks.upper) == pytest.approx((single.lower, single.upper), rel=1e-9)
        assert all_looks.confidence == 0.95 and "at all 50 looks together" in all_looks.why
        assert all_looks.method == single.method
    for q in (0.5, 0.99):
        assert (many.ratio(q).lower, many.ratio(q).upper) == (one.ratio(q).lower, one.ratio(q).upper)
        assert many.ratio(q).confidence == 0.95 and "at all 50 looks together" in many.ratio(q).why
    assert "looks" not in historian.compare(A, B).ratio(0.5).why
    assert many.sentence(0.5).endswith(one.sentence(0.5).partition("interval")[2])


def test_a_table_says_that_it_holds_at_all_looks():
    line = "95 % confidence at all 50 looks together: for all 4 ratios together (Bonferroni), for each other line alone"
    assert line in str(historian.compare(A, B, looks=50)).splitlines()
    few = Histogram.from_values([0.001 * (1 + k / 1000) for k in range(40)])
    only = str(historian.compare(few, few, looks=2)).splitlines()
    assert "95 % confidence at all 2 looks together (Bonferroni)" in only


def test_a_service_that_is_looked_at_again_and_again():
    # Two histograms of one distribution grow by 60 values between looks.  A look that knows nothing of the others
    # finds a difference at some time in far more than 5 % of the cases.
    rng, alarms = np.random.default_rng(6), {1: 0, 30: 0}
    for _ in range(60):
        a, b, seen = Histogram(), Histogram(), set()
        for _ in range(30):
            a, b = (h + Histogram.from_values(rng.exponential(1.0, 60)) for h in (a, b))
            for looks in alarms:
                ratio = historian.compare(a, b, looks=looks).ratio(0.5)
                seen |= set() if ratio.lower <= 1 <= ratio.upper else {looks}
        for looks in seen:
            alarms[looks] += 1
    assert alarms[30] <= 4 and alarms[1] >= 8, alarms  # 93 % of 60 is accepted, which is 4 alarms


def test_blocks_that_are_looked_at_need_to_be_more():
    pairs = [(A, B)] * 13
    whole = merge(a for a, _ in pairs), merge(b for _, b in pairs)
    assert Comparison(*whole, blocks=pairs, looks=30).ratio(0.5).confidence == 0.95  # 3 - log2(0.05 / 30) = 12.2
    with pytest.raises(ValueError, match="blocks must be at least 14 for intervals of 95 % at 60 looks, not 13"):
        Comparison(*whole, blocks=pairs, looks=60)


def test_decided():
    assert historian.compare(A, B).decided and not historian.compare(A, A).decided
    assert not historian.compare(A, Histogram()).decided


def test_precision():
    comparison = historian.compare(A, B)
    ratio = comparison.ratio(0.9)
    assert comparison.precision(0.9) == max(ratio.upper / ratio, ratio / ratio.lower) - 1
    assert 1 / (1 + comparison.precision()) <= comparison.ratio(0.5).lower / comparison.ratio(0.5)
    assert comparison.precision(0.99999) == historian.compare(A, Histogram()).precision() == math.inf
    about_0 = Histogram.from_values([0.0] * 1_000)  # such as by a coarse clock
    assert historian.compare(about_0, A).precision() == historian.compare(A, about_0).precision() == math.inf
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
        comparison.precision(1.5)
    constant = Histogram.from_values([1.0] * 1000)
    assert historian.compare(constant, constant).precision() >= GROWTH - 1 - 1e-12


def test_precision_of_an_array():
    comparison = historian.compare(A, B)
    found = comparison.precision([[0.5, 0.9, 0.99999]])
    assert found.tolist() == [[comparison.precision(q) for q in (0.5, 0.9, 0.99999)]]
    assert comparison.precision(np.empty((2, 0))).shape == (2, 0)
    assert comparison.precision(np.array(0.9)) == comparison.precision(0.9)
    assert comparison.sentence(np.array(0.9)) == comparison.sentence(0.9)
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1, not 1\.5, at position 1"):
        comparison.precision([0.5, 1.5])


def test_why_says_that_the_buckets_are_wider_than_the_noise():
    constant = Histogram.from_values([1.0] * 1000)
    assert "bucket width, which is larger than the noise" in historian.compare(constant, constant).ratio(0.5).why
    assert "larger than the noise" not in historian.compare(A, B).ratio(0.5).why


def test_one_row_needs_no_correction():
    comparison = historian.compare(A, B)
    text = wording.text(comparison, [0.9])
    assert text.endswith(comparison.sentence(0.9)) and "Bonferroni" not in text


def test_the_closing_sentence_speaks_of_the_quantile_that_differs():
    # The lower half of B is faster, and the p99 is equal.
    values = np.random.default_rng(1).lognormal(0, 0.4, 20_000)
    a, b = Histogram.from_values(values), Histogram.from_values(np.where(values < 1.2, 0.7 * values, values))
    comparison = historian.compare(a, b)
    assert comparison.sentence() == "p99 of B over A: no clear difference, 95 % interval 0.96 to 1.04"
    last = str(comparison).splitlines()[-1]
    assert last.startswith("median of B over A: 7:10, 95 % interval 0.6")
    row = str(comparison).splitlines()[2]
    assert row.split()[-3:] == last.split()[-3:]  # the interval of the table, because the row was chosen from all rows
    # If the p99 differs, it is the p99, even if another one differs more.
    slower = Histogram.from_values(np.where(values < 1.2, 0.7 * values, 1.3 * values))
    assert str(historian.compare(a, slower)).splitlines()[-1].startswith("p99 of B over A: 4:3, ")
    # It is always one of the rows.
    assert wording.text(comparison, [0.9, 0.999]).splitlines()[-1].startswith("p90 of B over A: no clear difference")


def test_the_table_says_that_a_tie_counts_half():
    same = Histogram.from_values([1.0] * 100)
    line = "probability that a value of B is below a value of A, a tie counts half: 0.500 (0 to 1.00)"
    assert line in str(historian.compare(same, same)).splitlines()


def test_synthetic_values_are_named():
    text = str(historian.compare(A, B.corrected(0.1)))
    assert "partly synthetic: B (some counts are estimates)" in text
    assert "synthetic" not in str(historian.compare(A, B))


def test_synthetic_values_are_no_sample():
    # Intervals that count invented values as recorded cover far less than they say.
    comparison = historian.compare(A, B.corrected(0.1))
    with pytest.warns(TailWarning, match="has no interval: no sample: some values are synthetic"):
        ratio = comparison.ratio(0.5)
    assert (ratio.lower, ratio.upper) == (0, math.inf) and "synthetic" in ratio.why and ratio.method == ""
    assert (comparison.superiority.lower, comparison.superiority.upper) == (0, 1)
    assert (comparison.kolmogorov_smirnov.lower, comparison.kolmogorov_smirnov.upper) == (0, 1)
    assert (comparison.wasserstein.lower, comparison.wasserstein.upper) == (0, math.inf)
    lines = str(comparison).splitlines()
    assert all("no sample: some values are synthetic" in line for line in lines[2:7])
    assert lines[-1] == "median of B over A: no sample: some values are synthetic"
    assert any(line.startswith("mean shift") and line.endswith("(no bounds)") for line in lines)
    assert not comparison.decided and comparison.precision() == math.inf


def test_synthetic_blocks_are_resampled():
    parts = [[h] * 10 for h in (A.corrected(0.1), B.corrected(0.1))]
    ratio = Comparison(*map(merge, parts), blocks=zip(*parts)).ratio(0.5)
    assert 0 < ratio.lower < ratio < ratio.upper < math.inf


def test_a_table_says_what_its_intervals_assume():
    line = "intervals: for independent values; they are too narrow for values in bursts"
    assert line in str(historian.compare(A, B)).splitlines()
    assert "assumed to be independent" in historian.compare(A, B).ratio(0.5).why
    in_blocks = Comparison(merge([A] * 8), merge([B] * 8), blocks=[(A, B)] * 8)
    assert "independent" not in str(in_blocks) + in_blocks.ratio(0.5).why


def test_printing_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "too few samples" in repr(historian.compare(A, Histogram.from_values([1.0])))


# ---- invalid input ----


@pytest.mark.parametrize("looks", [0, -1, 1_000_001])
def test_looks_are_a_number(looks):
    with pytest.raises(ValueError, match="looks must be at"):
        historian.compare(A, B, looks=looks)
    with pytest.raises(TypeError, match="looks must be a whole number"):
        historian.compare(A, B, looks=1.5)


def test_bad_input_names_the_argument():
    with pytest.raises(ValueError, match="a and b must be in one unit, not in 's' and 'ms'"):
        historian.compare(A, Histogram.from_values([1.0], unit="ms"))
    with pytest.raises(TypeError, match=r"b must be a histogram.*snapshot"):
        historian.compare(A, historian.Recorder())
    for confidence in (0, 1, math.nan, 95, 1e-17, 1 - 2**-53):
        with pytest.raises(ValueError, match="confidence"):
            historian.compare(A, B, confidence=confidence)
    comparison = historian.compare(A, B)
    for q in (None, 1j, "0.5"):
        with pytest.raises(TypeError, match="q must be a number, not"):
            comparison.ratio(q)
    for names in (("A",), ("A", "B", "C"), (1, 2)):
        with pytest.raises(ValueError, match="names must be two strings"):
            historian.compare(A, B, names=names)
    for q in (-0.1, 1.1, math.nan, 10**400):
        with pytest.raises(ValueError, match="q must be in"):
            comparison.ratio(q)
        with pytest.raises(ValueError, match="q must be in"):
            comparison.sentence(q)


def test_loaded_only_when_asked_for():
    code = (
        "import sys, historian; assert 'historian.tail' not in sys.modules; historian.compare; "
        "assert 'historian._compare.comparison' in sys.modules and 'scipy' not in sys.modules; "
        "assert 'compare' in dir(historian) and not hasattr(historian, 'compares')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    from historian._compare.comparison import compare

    assert historian.compare is compare and isinstance(compare(A, B), Comparison)


def test_ratios_do_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    comparison = historian.compare(A, B)
    ratio = comparison.ratio(0.5)
    assert 0 < ratio.lower < ratio < ratio.upper < math.inf
    assert 0.5 < comparison.superiority < 0.6


def test_intervals_of_an_overview_hold_together():
    """Six callables that do not differ from the first: of twelve intervals of 95 % each, one misses in a quarter."""
    rng, alarms = np.random.default_rng(21), 0
    for _ in range(60):
        a, *others = (Histogram.from_values(rng.lognormal(0, 0.5, 1_000)) for _ in range(7))
        found = Comparisons(historian.compare(a, b, names=("A", f"B{k}")) for k, b in enumerate(others))
        view = found._view()
        intervals = [cell for table in view.tables for row in table.rows for cell in row if isinstance(cell, Interval)]
        assert len(intervals) == 12
        alarms += any(not one.lower <= 1 <= one.upper for one in intervals)
        assert view.notes[-1] == "95 % confidence: for all 12 ratios together (Bonferroni)"
    assert alarms <= 60 * 0.07
    alone = found[0].bounded(0.5, 1 - 0.05 / 12)
    assert (intervals[0].lower, intervals[0].upper) == (alone.lower, alone.upper)


def test_an_overview_of_a_single_ratio():
    few = historian.compare(Histogram.from_values([1.0] * 30), Histogram.from_values([2.0] * 30))
    view = Comparisons([few])._view()
    (interval,) = (cell for table in view.tables for row in table.rows for cell in row if isinstance(cell, Interval))
    assert (interval.lower, interval.upper) == (few.ratio(0.5).lower, few.ratio(0.5).upper)
    assert not any("together" in note for note in view.notes)
    assert Comparisons([historian.compare(Histogram(), Histogram())])._view().tables


def test_an_overview_speaks_of_the_quantile_that_differs():
    """The median is twice as large, the p99 the same: the sentence must not say "no clear difference"."""
    a = Histogram.from_values([1.0] * 5_000 + [9.0] * 500)
    b = Histogram.from_values([2.0] * 5_000 + [9.0] * 500)
    notes = Comparisons([historian.compare(a, b), historian.compare(a, a)])._view().notes
    assert notes[0].startswith("median of B over A: 2:1")
    assert notes[1].startswith("p99 of B over A: no clear difference")
