"""Ranks of quantiles: from the decimal that was written, in every function."""

import decimal
import math
import warnings
from array import array
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from historian import Histogram, Key, compare
from historian._show.summary import is_supported, min_count
from historian._stats.arrays import shares
from historian._stats.checks import check_share
from historian._values.decimals import share_of, whole, written
from historian._values.rank import LESS, MAX_COUNT, rank_of, rank_of_percentile
from historian.buckets import representative
from historian.cli._input.sources import Row, Rows
from historian.cli._report import report
from historian.cli._summary import summary
from historian.tail import Enough, Estimate, TailWarning, burn_rates, choice, hedge

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


def asked(h: Histogram, q, p, confidence=0.95) -> list[object]:
    """Return the answers of every function that takes a share of a rank, for q in 0..1 and p = 100 q."""
    few, fan, dist = h.fanout(1), h.fanout(7), h.dist(confidence)
    comparison = compare(h, h, confidence=confidence)
    return [
        h.quantile(q), h.quantile(q, interpolated=True), h.percentile(p), h.percentile(p, interpolated=True),
        h.quantile_bounds(q), h.ci(q, confidence), h.enough_for(q, 3, confidence), few.quantile(q), fan.quantile(q),
        fan.leaf_percentile(q), fan.max_n(2.5, q), fan.effective_n(2.5, q), fan.extrapolate(2.5, 3, q),
        fan.sensitivity(2.5, q), fan.p_wait(2.5, confidence), dist.quantile(q), dist.isf(q),
        h.slo(2.5, q), h.slo(2.5, q).is_met, h.slo(2.5, q).burn_rate, burn_rates([h], 2.5, q, windows=[1]),
        h.apdex(2.5, confidence), hedge(dist, 2.5, q).sf(2.5), choice({dist: q, h.dist(): 1 - float(str(q))}).sf(2.5),
        comparison.ratio(q), comparison.precision(q), comparison.sentence(q), comparison.superiority,
    ]  # fmt: skip


def shown(answers: object) -> str:
    """Return answers as text in full, with the bounds of estimates."""
    if isinstance(answers, (list, tuple)) and not isinstance(answers, Enough):
        return "; ".join(map(shown, answers))
    if isinstance(answers, Estimate):
        return f"{answers!r} {list(map(repr, (answers.value, answers.lower, answers.upper)))}"
    return repr(answers)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("decimal_text", ["0.999", "0.99", "0.9", "0.1", "0.55", "0.07", "0.14", "0.28"])
@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
def test_a_float_of_another_width_is_the_decimal_that_was_written(kind, decimal_text):
    """In float64, float32(0.999) is 0.99900001: of 1,000 values, the last one."""
    h = Histogram.from_values([1.0] * 500 + [2.0] * 499 + [4.0])
    percent = str(decimal.Decimal(decimal_text) * 100)
    expected = shown(asked(h, float(decimal_text), float(percent), float(decimal_text)))
    assert shown(asked(h, kind(decimal_text), kind(percent), kind(decimal_text))) == expected
    assert shown(asked(h, *map(decimal.Decimal, (decimal_text, percent, decimal_text)))) == expected


@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
def test_arrays_of_another_width_are_the_decimals_that_were_written():
    h = Histogram.from_values([1.0] * 500 + [2.0] * 499 + [4.0])
    q, p = [0.5, 0.999, 0.14], [50.0, 99.9, 14.0]
    few, dist = h.fanout([1, 3, 7]), h.dist()

    def answers(q, p) -> list[object]:
        return [
            h.quantile(q).tolist(), h.percentile(p).tolist(), np.array(h.quantile_bounds(q)).tolist(), h.ci(q),
            h.enough_for(q), few.quantile(q), few.leaf_percentile(q).tolist(), few.max_n(2.5, q).tolist(),
            few.effective_n(2.5, q), dist.quantile(q), dist.isf(q), h.slo(2.5, q), compare(h, h).ratio(q),
        ]  # fmt: skip

    expected = list(map(repr, answers(q, p)))
    for kind in (np.float16, np.float32, np.longdouble):
        assert list(map(repr, answers(np.array(q, kind), np.array(p, kind)))) == expected
        assert list(map(repr, answers(list(map(kind, q)), list(map(kind, p))))) == expected
        objects = np.array([*map(kind, q)], dtype=object), np.array([*map(kind, p)], dtype=object)
        assert list(map(repr, answers(*objects))) == expected
        mixed = [q[0], kind(str(q[1])), Fraction("0.14")], [p[0], kind(str(p[1])), 14]
        assert list(map(repr, answers(*mixed))) == expected
        assert (
            list(map(repr, answers([q[0], kind(q[1]), q[2]], [50, kind(p[1]), 14.0]))) == expected
        )  # float64 in numpy
    assert list(map(repr, answers(array("f", q), array("f", p)))) == expected
    nested = h.quantile([[0.5, np.float32(0.999)], (0.14, 1.0)])
    assert nested.tolist() == h.quantile([[0.5, 0.999], [0.14, 1.0]]).tolist()
    for single in (np.array(0.999, np.float32), np.array(np.float32(0.999), dtype=object)):
        assert h.quantile(single) == h.quantile(0.999) == h.ci(single)


@given(st.floats(0, 1, width=32), st.integers(1, 10**9))
@example(np.float32(0.999), 1_000)
def test_the_rank_of_a_float32_is_that_of_its_shortest_decimal(x, count):
    one = np.float32(x)
    counts, count = [2 * count, count], 3 * count
    data = Histogram.from_values([1.0, 2.0]).to_dict()
    h = Histogram.from_dict(data | {"counts": counts, "count": count, "sum": None})
    written_as = decimal.Decimal(str(one))
    assert check_share("q", one) == check_share("q", written_as) == float(written_as)
    assert h.quantile(one) == h.quantile(written_as) == h.quantile([one])[0]
    assert h.quantile(one, interpolated=True) == h.quantile(float(written_as), interpolated=True)


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.longdouble]),
        hnp.array_shapes(),
        elements={"min_value": 0, "max_value": 1},
    )
)
def test_each_element_of_an_array_is_its_shortest_decimal(x):
    expected = [float(str(one)) for one in x.ravel()]
    assert shares("q", x).ravel().tolist() == expected


def test_print_options_do_not_matter():
    with np.printoptions(legacy="1.13", precision=2):
        assert (check_share("q", np.float32(0.99999)), shares("q", np.array([0.99999], np.float32))[0]) == (
            0.99999,
            0.99999,
        )


def test_thresholds_are_what_they_are():
    """A latency that is recorded as float32 keeps its value; so does a threshold, or it would be on the other side."""
    t = np.float32(0.1)
    h = Histogram.from_values(np.array([0.1, 0.2], np.float32))
    assert h.min == float(t) != 0.1
    assert h.cdf(t) == h.cdf(np.array([t]))[0] == h.slo(t, 0.5).within == 0.5


def test_what_is_no_share_is_refused_whatever_its_width():
    h = Histogram.from_values([1.0, 2.0])
    for bad in (np.float32(1.5), np.float16(-0.25), np.float32("nan"), np.longdouble("1e400")):
        with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
            h.quantile(bad)
        with pytest.raises(ValueError, match=r"q must be in 0\.\.1.*position 1"):
            h.ci(np.array([0.5, bad]) if not isinstance(bad, np.longdouble) else [np.longdouble(0.5), bad])


def test_what_notebooks_show_has_the_same_ranks():
    """99.9 / 100 is 0.9990000000000001 in float64: of 1,000 values, that would be the last one."""
    h = Histogram.from_values([0.010] * 999 + [30.0])
    for shown in (h, h.dist(), h.fanout(1)):
        table = shown._view().tables[0]
        values = {row[0]: row[1] for row in table.rows}
        assert table.headers[1].endswith(("ms", "(ms)"))
        assert values["p99.9"] == values["p50"] == "10.0"
