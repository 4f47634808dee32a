"""Ranks of quantiles: from the decimal that was written, in every function."""

import decimal
import math
import warnings
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from historian import Histogram, Key, compare
from historian._show.summary import is_supported, min_count
from historian._values.decimals import share_of, whole, written
from historian._values.rank import LESS, MAX_COUNT, rank_of, rank_of_percentile
from historian.buckets import representative
from historian.cli._input.sources import Row, Rows
from historian.cli._report import report
from historian.cli._summary import summary
from historian.tail import TailWarning

PERCENTS = [Fraction(k, 10) for k in range(1001)]  # 0, 0.1, ..., 100


def oracle(share: Fraction, count: int) -> int:
    """Return the smallest rank whose share of `count` is at least `share`."""
    return max(1, math.ceil(share * count))


@pytest.mark.parametrize("count", [1, 3, 7, 10, 100, 999, 1_000, 1_001, 10_000, 4_503_599_627, 4_503_599_628, 10**18])
def test_every_percentile_of_one_decimal(count):
    for percent in PERCENTS:
        expected = oracle(percent / 100, count)
        assert rank_of_percentile(float(percent), count) == expected
        assert rank_of(float(percent / 100), count) == expected


decimals = st.builds(lambda digits, places: Fraction(digits, 10**places), st.integers(1, 10**6), st.integers(0, 20))


@given(decimals.filter(lambda share: share <= 1), st.integers(1, 2**63 - 1) | st.integers(1, 10_000))
@example(Fraction(1, 10**20), 2**63 - 1)
@example(Fraction(999_999, 10**6), MAX_COUNT)
@example(Fraction(999_999, 10**6), MAX_COUNT + 1)
def test_a_decimal_of_six_digits_has_its_rank_for_any_count(share, count):
    assert rank_of(float(share), count) == oracle(share, count)
    if float(share * 100) == float(f"{float(share * 100):.6g}"):
        assert rank_of_percentile(float(share * 100), count) == oracle(share, count)


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_any_number_has_the_smallest_rank_whose_share_reaches_it(q, count):
    rank = rank_of(q, count)
    assert 1 <= rank <= count
    assert rank / count >= q
    assert rank == 1 or (rank - 1) / count < q


@given(st.integers(1, 2**50), st.data())
def test_a_computed_share_has_its_rank(count, data):
    rank = data.draw(st.integers(1, count))
    if len(repr(rank / count)) > 8 or count <= MAX_COUNT:
        assert rank_of(rank / count, count) == rank
        assert rank_of_percentile(100 * rank / count, count) == rank


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.integers(1, 2**63 - 1))
def test_ranks_do_not_fall(qs, count):
    ranks = [rank_of(q, count) for q in sorted(qs)]
    assert ranks == sorted(ranks)
    assert ranks[0] >= 1 and ranks[-1] <= count


@pytest.mark.parametrize(
    ("p", "expected"), [(99.9, 999), (55, 550), (56, 560), (7, 70), (14, 140), (28, 280), (0.1, 1), (100, 1000)]
)
def test_one_definition_everywhere(p, expected):
    """The value of the rank is alone: it and its neighbours are far apart."""
    data = [1.0] * (expected - 1) + [2.0] + [4.0] * (1000 - expected)
    h, q = Histogram.from_values(data), share_of(p)
    lower, upper = h.quantile_bounds(q)
    assert lower < 2.0 <= upper
    value = h.quantile(q)
    assert value == pytest.approx(2.0, rel=0.0055)
    assert h.percentile(p) == h.percentile([p])[0] == h.quantile([q])[0] == h.percentile(np.float64(p)) == value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        assert h.ci(q) == h.fanout(1).quantile(q) == value
        assert h.dist(confidence=None).ppf(q).upper >= 2.0 >= h.dist(confidence=None).ppf(q).lower
        assert compare(h, h).ratio(q) == 1.0
    rows = Rows([Row("x", Key("x"), h, True)], "s", False, (), False, False, 0, [], True)
    printed = summary(rows, [float(p)], None)
    assert repr(value) in report(printed, "json") and repr(value) in report(printed, "csv")


def test_the_factor_takes_off_more_than_three_roundings_add():
    off, rounding = 1 - Fraction(LESS), Fraction(1, 2**53)
    assert (1 - off) * (1 + rounding) ** 3 < 1 - rounding  # below every share that is rounded to q or more
    assert MAX_COUNT * (1 - (1 - off) * (1 - rounding) ** 3) < 1  # by less than one rank


def test_one_slow_value_of_a_thousand():
    h = Histogram.from_values([0.010] * 999 + [30.0])
    assert (h.percentile(99.9), h.quantile(0.999)) == (0.010, 0.010)
    assert h.percentile(99.91) == 30.0


def test_many_values():
    data = Histogram.from_values([1.0, 2.0]).to_dict()
    for below in (999 * 10**15 - 1, 999 * 10**15):  # of 10**18 values, 99.9 % are 999 * 10**15
        h = Histogram.from_dict(data | {"counts": [below, 10**18 - below], "count": 10**18, "sum": None})
        assert h.quantile(0.999) == h.percentile(99.9) == (1.0 if below == 999 * 10**15 else representative(63))


def test_fanouts_at_exact_decimals():
    fan = Histogram.from_values([0.01] * 90 + [1.0] * 10).fanout(1)
    for n in range(1, 16):
        p = 1 - Fraction(9, 10) ** n
        assert fan.max_n(0.5, float(p)) == n
        assert fan.max_n(0.5, math.nextafter(float(p), 0)) in (n - 1, n)  # n, if p_wait is rounded down to this
        assert fan.max_n(0.5, float(p) - 1e-12) == n - 1
    assert [fan.leaf.fanout(n).leaf_percentile(float(Fraction(9, 10) ** n)) for n in range(1, 8)] == [90.0] * 7
    assert [fan.leaf.fanout(2).leaf_percentile(q) for q in (0.0, 0.25, 1.0)] == [0.0, 50.0, 100.0]
    assert fan.leaf_percentile(0.55) == 55.0  # 100 * 0.55 is 55.00000000000001


def test_the_largest_fanout_is_exact():
    """It is log(1 - p)/log(1 - k/N), rounded down.  Above 1e15, one more has the same p_wait in float64."""
    precise, random, data = decimal.Context(prec=120), Random(5), Histogram.from_values([1.0, 2.0]).to_dict()
    for _ in range(2_000):
        count = 10 ** random.randint(1, 18) * random.randint(1, 9)
        slow = random.randint(1, max(1, int(count * 10 ** -random.uniform(0, 18))))
        p = round(random.random(), random.randint(1, 12))
        if slow < count and 0 < p < 1:
            h = Histogram.from_dict(data | {"counts": [count - slow, slow], "count": count, "sum": None})
            tail = precise.subtract(1, precise.divide(slow, count))
            exact = precise.divide(precise.ln(1 - decimal.Decimal(repr(p))), precise.ln(tail))
            assert h.fanout(1).max_n(1.5, p) == int(exact), (slow, count, p)


@pytest.mark.parametrize("n", [1, 10**15, 10**30, 10**50, 10**75 + 1, 10**99])
@pytest.mark.parametrize("q", [0.5, 0.999, 0.123456789, 0.999999999999999])
def test_enough_values_for_huge_fanouts(q, n):
    precise = decimal.Context(prec=320)
    logarithms = (precise.ln(decimal.Decimal(one)) for one in ("0.05", repr(q)))
    exact = precise.multiply(precise.divide(*logarithms), n)
    assert Histogram.from_values([1.0]).enough_for(q, n).needed == math.ceil(exact)


def test_enough_values_at_ties():
    h = Histogram.from_values([1.0])
    for n in (1, 10**15, 10**60):  # 0.9**2 is 1 - 0.19
        assert (h.enough_for(0.9, n, 0.19).needed, h.enough_for(0.1, n, 0.9).needed) == (2 * n, n)


def test_enough_values_for_many():
    h = Histogram.from_values([1.0])
    q = [0.0, 1.0, *(k / 100 for k in range(1, 100)), *(1 - 10.0**-k for k in range(1, 16))]
    for n in (1, 7, 10**6, 10**30):
        for confidence in (0.19, 0.5, 0.9, 0.95, 1 - 1e-12):
            found = h.enough_for(q, n, confidence)
            assert found.needed.tolist() == [float(h.enough_for(one, n, confidence).needed) for one in q]


@pytest.mark.parametrize("n", [10**14, 10**16, 10**18, 10**100])
def test_no_percentile_below_the_maximum_is_100(n):
    fan = Histogram.from_values([1.0]).fanout(n)
    assert 99.9999999999 < fan.leaf_percentile(0.99) < 100
    assert fan.leaf_percentile(1.0) == 100


def test_max_n_of_rare_calls():
    h = Histogram.from_values([0.01] * 999_999 + [1.0])
    assert h.fanout(1).max_n(0.5, 1e-6) == 1
    data = h.to_dict() | {"counts": [10**18 - 1, 1], "count": 10**18, "sum": None}
    rare = Histogram.from_dict(data).fanout(1)
    assert rare.max_n(0.5, 0.5) == 693_147_180_559_945_309  # log(2) * (10**18 - 1/2) is ...309.07
    assert (rare.max_n(0.5, 1e-18), rare.max_n(0.5, 1e-19), rare.max_n(0.5, 0.0)) == (1, 0, 0)


def test_values_needed_at_exact_decimals():
    h = Histogram.from_values([1.0])
    for k in range(1, 13):
        assert h.enough_for(0.5, confidence=1 - 0.5**k).needed == k  # 0.5**k is at most 1 - confidence
        assert h.enough_for(0.9, confidence=float(1 - Fraction(9, 10) ** k)).needed == k
        assert h.enough_for(0.81, n=2, confidence=float(1 - Fraction(9, 10) ** k)).needed == k
    assert h.enough_for(0.999999999999).needed == 2_995_732_273_553  # log(20) * (10**12 - 1/2) is 552.49
    assert [min_count(p) for p in (0, 50, 99.9, 99.99999, 99.9999999, 100)] == [1, 2, 1000, 10**7, 10**9, math.inf]
    assert is_supported(10**9, 99.9999999) and not is_supported(10**9 - 1, 99.9999999)


@pytest.mark.parametrize("digits", range(2, 13))
def test_quantiles_of_many_nines(digits):
    q = float("0." + "9" * digits)
    h = Histogram.from_values([1.0, 2.0])
    count = 10 ** (digits + 2)
    for above in (99, 100, 101):
        data = h.to_dict() | {"counts": [count - above, above], "count": count, "sum": None}
        many = Histogram.from_dict(data)
        expected = 1.0 if above <= 100 else representative(63)
        assert many.quantile(q) == expected
        assert many.dist(confidence=None).ppf(q).upper == (1.0 if above <= 100 else 2.0)


def test_the_users_decimal_context_does_not_matter():
    fan = Histogram.from_values([0.01] * 90 + [1.0] * 10).fanout(2)
    with decimal.localcontext() as context:
        context.prec = 2
        context.traps[decimal.Inexact] = True
        assert (fan.max_n(0.5, 0.19), fan.leaf_percentile(0.81), share_of(99.9)) == (2, 90.0, 0.999)
        assert (min_count(99.9), fan.leaf.enough_for(0.99, n=100).needed) == (1000, 29_808)
        assert fan.leaf.dist(confidence=None).ppf(0.9).upper == pytest.approx(0.01, rel=0.011)
        assert whole(written(2.5), up=True) == 3
