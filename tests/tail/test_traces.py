"""`Traces`: fan-outs by enumeration, requests by their rows, the two extremes of dependence, and bounds that hold."""

import itertools
import math
import pickle
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Histogram
from historian._show.scale import quantity
from historian._stats.bounded import mean_interval
from historian.buckets import RELATIVE_ERROR
from historian.tail import Estimate, Estimates, TailWarning, Traced, TracedFanout, TracedFanouts, Traces, seq
from historian.tail.effective import effective_calls

SMALL = np.array([[1, 2, 3, 4], [2, 2, 2, 9], [5, 1, 1, 1], [7, 8, 9, 9], [1, 1, 1, 1]], dtype=float)

tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9).map(float), min_size=width, max_size=width), min_size=1, max_size=12
    )
)


def quiet(question, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return question(*arguments)


def correlated(rho, requests=2_000, width=8, seed=1):
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((requests, 1)), rng.standard_normal((requests, width))
    return Traces(np.exp(math.sqrt(rho) * common + math.sqrt(1 - rho) * own))


# ---- fan-outs up to the traced width ----


@settings(max_examples=50)
@given(tables, st.data())
def test_a_fanout_is_the_mean_over_all_groups_of_calls(rows, data):
    values = np.array(rows)
    traces, width = Traces(values), values.shape[1]
    n = data.draw(st.integers(1, width))
    t = data.draw(st.sampled_from([-1.0, 0.0, 4.5, 9.0, *values[0]]))
    groups = list(itertools.combinations(range(width), n))
    slowest = np.array([values[:, group].max(axis=1) for group in groups])
    fan = traces.fanout(n)
    assert fan.p_wait(t) == pytest.approx((slowest > t).mean(), abs=1e-12)
    q = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
    allowed = [time for time in np.unique(values) if (slowest > time).mean() <= 1 - q + 1e-12]
    found = quiet(fan.quantile, q)
    assert found == allowed[0]
    assert found.lower <= found <= found.upper


def test_at_the_traced_width_it_is_the_share_of_requests_with_clopper_and_pearson():
    answer = Traces(SMALL).fanout(4).p_wait(4)
    exact = scipy.stats.binomtest(3, 5).proportion_ci(0.95, method="exact")
    assert answer == 3 / 5  # the requests with a 9, a 5, and a 7
    assert (answer.lower, answer.upper) == pytest.approx((exact.low, exact.high), rel=1e-9)
    assert answer.method == "Clopper-Pearson"
    assert Traces(SMALL).fanout(2).p_wait(4) == pytest.approx((3 / 6 + 3 / 6 + 1) / 5)  # of 6 pairs


def test_of_numbers_0_and_1_the_interval_of_a_mean_is_clopper_and_pearsons():
    for ones, count in [(0, 10), (1, 10), (5, 10), (9, 10), (10, 10), (100, 10_000), (3, 10**6)]:
        exact = scipy.stats.binomtest(ones, count).proportion_ci(0.9, method="exact")
        assert mean_interval(ones, ones, count, 0.9) == pytest.approx((exact.low, exact.high), rel=1e-8, abs=4e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from([0.5, 0.95, 0.999]))
def test_the_interval_of_a_mean_holds_the_mean(numbers, confidence):
    total = math.fsum(numbers)
    low, high = mean_interval(total, math.fsum(x * x for x in numbers), len(numbers), confidence)
    assert 0 <= low <= total / len(numbers) + 1e-9
    assert total / len(numbers) - 1e-9 <= high <= 1
    # and it is at most as wide as for numbers 0 and 1 of the same mean, which vary most
    widest = mean_interval(total, total, len(numbers), confidence)
    assert widest[0] <= low + 1e-6
    assert high <= widest[1] + 1e-6


def test_intervals_in_a_small_simulation():
    """In 200 sets, 95 % intervals hold the truth in 181 or more, with a probability of 99.8 %."""
    rng, held = np.random.default_rng(3), np.zeros(3)
    for _ in range(200):
        together = rng.random((500, 1)) < 0.5
        traces = Traces(np.where(together, rng.random((500, 1)), rng.random((500, 4))))
        pair, all_four = (0.5 * 0.1 + 0.5 * (1 - 0.9**n) for n in (2, 4))
        effective = math.log1p(-all_four) / math.log1p(-0.1)
        answers = traces.fanout(2).p_wait(0.9), traces.fanout(4).p_wait(0.9), traces.effective_n(0.9)
        held += [one.lower <= truth <= one.upper for one, truth in zip(answers, (pair, all_four, effective))]
    assert (held >= 181).all(), held


# ---- many numbers of calls ----


@settings(max_examples=30, deadline=None)
@given(tables, st.data())
def test_many_numbers_of_calls_are_each_of_them(rows, data):
    traces = Traces(rows)
    n = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))  # also beyond the traced calls
    t = data.draw(st.lists(st.sampled_from([-1.0, 0.0, 4.5, 9.0]), min_size=1, max_size=3))
    fans = traces.fanout(n)
    found = fans.p_wait(np.array(t)[:, None])
    assert found.shape == (len(t), len(n))
    for k, time in enumerate(t):
        for j, calls in enumerate(n):
            assert repr(found[k, j]) == repr(traces.fanout(calls).p_wait(time))
    quantiles = quiet(fans.quantile, 0.75)
    assert [repr(one) for one in quantiles] == [repr(quiet(traces.fanout(calls).quantile, 0.75)) for calls in n]


def test_the_answers_of_many_numbers_have_the_shape_of_numpy():
    traces = Traces(SMALL, unit="ms")
    fans = traces.fanout([[1, 2, 9]])
    assert isinstance(fans, TracedFanouts)
    assert (fans.shape, len(fans), fans.count, fans.width, fans.unit) == ((1, 3), 1, 5, 4, "ms")
    for ask in (fans.p_wait, fans.sf, fans.cdf, lambda x: quiet(fans.quantile, x)):
        assert isinstance(ask(0.5), Estimates)
        assert [ask(x).shape for x in (0.5, [0.5] * 3, [[0.5], [1.0]])] == [(1, 3), (1, 3), (2, 3)]
        with pytest.raises(ValueError, match=r"n and . have shapes that do not go together, \(1, 3\) and \(2,\)"):
            ask([0.5, 0.5])
    assert quiet(fans.quantile, 0.5).unit == "ms"
    assert fans.cdf(2.0).value.tolist() == [[float(traces.fanout(n).cdf(2.0)) for n in (1, 2, 9)]]
    assert (fans.cdf(2.0).lower == 1 - fans.sf(2.0).upper).all()
    assert traces.fanout([]).p_wait(1.0).shape == (0,)
    assert traces.fanout(np.array(3)).n == traces.fanout(np.uint8(3)).n == 3  # a number, as an array of no dimensions


def test_parts_of_many_numbers_of_calls():
    traces = Traces(SMALL)
    fans = traces.fanout(range(1, 6))
    assert isinstance(fans[1:], TracedFanouts) and fans[1:].n.tolist() == [2, 3, 4, 5]
    assert all(isinstance(one, TracedFanout) for one in fans)
    for one in fans:
        alone = traces.fanout(one.n)
        assert repr(one) == repr(alone) and repr(one.sf([0.0, 2.0])) == repr(alone.sf([0.0, 2.0]))
        assert repr(quiet(one.quantile, 0.5)) == repr(quiet(alone.quantile, 0.5))
    with pytest.raises(ValueError, match="read-only"):
        fans.n[0] = 5
    given_ = np.array([1, 2])
    assert traces.fanout(given_).n is not given_
    line = "<TracedFanouts of 5 requests, n=[1, 2, 3, 4, 5]; dependence: measured, of 4 calls in 5 requests"
    assert repr(fans).startswith(line) and repr(traces.fanout(range(1, 100))).startswith(
        "<TracedFanouts of 5 requests, 99 numbers of calls; "
    )


def test_more_calls_wait_no_less_on_a_curve_beyond_the_traces():
    fans = correlated(0.5).fanout([1, 2, 4, 8, 9, 16, 100, 10**6, 10**30])
    found = fans.p_wait([[4.0], [8.0]])
    assert (np.diff(found.value, axis=1) >= 0).all() and (found.lower <= found.value).all()
    assert ["beyond the 8 calls" in one.why for one in found[0]] == [False] * 4 + [True] * 5
    again = pickle.loads(pickle.dumps(fans))
    assert again.n.tolist() == fans.n.tolist() and repr(again.p_wait(4.0)) == repr(fans.p_wait(4.0))
    empty = pickle.loads(pickle.dumps(Traces(SMALL).fanout(np.ones((0, 3), int))))
    assert empty.p_wait(1.0).shape == (0, 3)


def test_many_numbers_of_calls_warn_once_and_refuse_what_is_no_number_of_calls():
    traces = Traces(SMALL)
    with pytest.warns(TailWarning, match=r"3 of 3 answers; the first: 5 requests are too few") as caught:
        traces.fanout([1, 2, 4]).quantile(0.99)
    assert [one.filename for one in caught] == [__file__]
    with pytest.raises(ValueError, match="n must be at least 1, not 0, at position 1"):
        traces.fanout([1, 0])
    for bad, message in (
        ([1.5], r"n must be a whole number, not 1.5, at position 0"),
        (["2"], "n must be a whole number, not '2'"),
        ([True], "n must be a whole number, not True"),
        ("2", "n must be a whole number, not '2'"),
        (2.0, "n must be a whole number, not 2.0"),
    ):
        with pytest.raises(TypeError, match=message):
            traces.fanout(bad)
    for ask, message in (
        (lambda: traces.fanout([1]).p_wait(math.nan), "t must not be NaN"),
        (lambda: traces.fanout([1]).p_wait(1.0, 1.0), "confidence must be between 0 and 1"),
        (lambda: traces.fanout([1]).quantile([0.5, 2]), "q must be in 0..1, not 2.0, at position 1"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
    nobody = Traces(np.empty((0, 3))).fanout([1, 9])
    assert [one.why for one in nobody.p_wait(1.0)] == [one.why for one in nobody.quantile(0.5)] == ["no data"] * 2


# ---- the effective number of calls ----


def test_calls_that_are_slow_together_are_one():
    slow = np.repeat([[1.0]] * 50 + [[0.01]] * 950, 8, axis=1)
    traces = Traces(slow)
    assert traces.effective_n(0.5) == 1
    assert traces.effective_n(0.5).lower == 1
    for n in (1, 2, 8, 100, 10**9):
        answer = traces.fanout(n).p_wait(0.5)
        assert answer == pytest.approx(0.05)
        assert answer.lower > 0.03
    assert traces.spearman("call1", "call8") == 1
    assert traces.tail_dependence("call1", "call8", 0.9) == 1


def test_independent_calls_are_as_many_as_they_are():
    traces = correlated(0.0, requests=20_000)
    for t in (1.0, 5.0, 10.0):
        effective = traces.effective_n(t)
        assert effective.lower < 8 < effective.upper
        assert effective.upper / effective.lower < 1.3
    low, p = traces.fanout(32).p_wait(5.0), float((traces.values > 5.0).mean())
    assert low == pytest.approx(1 - (1 - p) ** 32, rel=0.05)
    assert low.lower < 1 - (1 - p) ** 32 < low.upper


def test_the_effective_number_is_that_of_a_measured_fanout():
    traces = correlated(0.5)
    leaf, wait = Histogram.from_values(traces.values.ravel()), float(traces.fanout().p_wait(4.0))
    assert traces.effective_n(4.0) == pytest.approx(math.log1p(-wait) / math.log1p(-(traces.values > 4.0).mean()))
    assert traces.effective_n(4.0) == pytest.approx(float(leaf.fanout(8).effective_n(4.0, wait)), rel=0.02)


@given(st.integers(2, 9).flatmap(lambda w: st.lists(st.integers(0, 60), min_size=w, max_size=w)), st.integers(1, 40))
def test_bounds_of_the_effective_number(numbers, fast):
    above = sorted(numbers, reverse=True)
    if not above[0]:
        return
    value, low, high = effective_calls(above, above[0] + fast, 0.95)
    assert 1 <= low <= value <= high
    wait, share = above[0] / (above[0] + fast), sum(above) / len(above) / (above[0] + fast)
    assert value == pytest.approx(math.log1p(-wait) / math.log1p(-share), rel=1e-9)


def test_all_requests_slow_is_no_upper_bound():
    answer = Traces([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).effective_n(0.5)
    assert (answer, answer.upper) == (math.inf, math.inf)
    assert 1 <= answer.lower < 5


# ---- beyond the traced width ----


@settings(max_examples=50)
@given(tables, st.sampled_from([1.01, 2, 3.5, 100]), st.sampled_from([0.0, 3.0, 6.0]))
def test_beyond_the_traces_the_bounds_of_any_dependence_hold(rows, times, t):
    traces = Traces(rows)
    width = len(rows[0])
    n = math.ceil(width * times)
    last, more = traces.fanout(width).p_wait(t), traces.fanout(n).p_wait(t)
    one = traces.fanout(1).p_wait(t)
    assert last - 1e-12 <= more <= min(1.0, n / width * last, n * one) + 1e-12
    assert more.lower <= last.lower + 1e-12
    assert more.upper >= more


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.7, 0.95])
def test_calls_that_were_not_traced_are_within_the_bounds(rho):
    everything = correlated(rho, requests=4_000, width=24)
    some = Traces(everything.values[:, :8])
    for t in (2.0, 5.0, 10.0):
        truth = everything.fanout(24).p_wait(t)
        answer = some.fanout(24).p_wait(t)
        assert answer.lower < truth < answer.upper
        groups = 1 - (1 - some.fanout(8).p_wait(t)) ** 3  # as if groups of eight were independent
        assert abs(answer - truth) < max(0.02, abs(groups - truth))


def test_which_dependence_was_used_is_said():
    traces = Traces(SMALL)
    assert traces.fanout(3).p_wait(2).why == "dependence: measured, of 4 calls in 5 requests; sampling: 5 requests"
    assert "bounds of any dependence" in traces.fanout(5).p_wait(2).why
    assert "beyond the 4 calls traced" in quiet(traces.fanout(5).quantile, 0.5).why
    margins = traces.with_margins({"call1": Histogram.from_values([1.0, 2.0, 3.0])})
    assert "margins: histograms of call1; bucket width" in margins.all_of().sf(2).why


# ---- requests of named calls ----


def test_operations_are_those_of_numpy_by_row():
    traces = Traces(dict(zip("abcd", SMALL.T)), unit="ms")
    a, b, c, d = SMALL.T
    inner = traces.all_of("b", traces.first_of("c", "d"))
    assert traces.seq("a", inner).values.tolist() == (a + np.maximum(b, np.minimum(c, d))).tolist()
    assert traces.seq().values.tolist() == SMALL.sum(axis=1).tolist()
    assert traces.k_of(2, "a", "b", "c").values.tolist() == np.sort(SMALL[:, :3], axis=1)[:, 1].tolist()
    request = traces.seq("a", "b")  # 3, 4, 6, 15, 2
    assert request.sf(4) == 2 / 5
    assert request.cdf(4) == 3 / 5
    assert quiet(request.quantile, 0.5) == 4
    assert (request.unit, request.count) == ("ms", 5)
    assert quiet(request.quantile, [0.5, 1.0]).value.tolist() == [4.0, 15.0]
    assert isinstance(request.sf([1, 4]), Estimates)
    assert request.cdf([4]).upper[0] == 1 - request.sf(4).lower


def test_of_one_time_for_each_request_quantiles_are_order_statistics():
    traces = correlated(0.5)
    request = traces.seq()
    for q in (0.5, 0.9, 0.99):
        answer = request.quantile(q)
        ordered = np.sort(request.values)
        assert answer == ordered[math.ceil(round(q * 2_000, 9)) - 1]
        below = int((ordered < answer.lower).sum()), int((ordered <= answer.upper).sum())
        chances = [
            [scipy.stats.binom.cdf(below[0] + k, 2_000, q), scipy.stats.binom.sf(below[1] - 1 - k, 2_000, q)]
            for k in (0, 1)
        ]
        assert max(chances[0]) <= 0.025 < min(chances[1])  # the true quantile is beyond; a value further inwards


def test_a_measured_sum_differs_from_the_independent_one():
    traces = correlated(0.9, requests=10_000)
    leaves = [Histogram.from_values(column) for column in traces.values[:, :2].T]
    independent = seq(*(one.dist() for one in leaves)).sf(15.0)
    measured = traces.seq("call1", "call2").sf(15.0)
    assert measured.lower > independent.upper


# ---- ranks ----


def test_margins_keep_the_ranks_and_take_the_values_of_histograms():
    traces = correlated(0.6)
    names = traces.names
    margins = {name: Histogram.from_values(np.linspace(10, 20, 50_000)) for name in names}
    found = traces.with_margins(margins)
    order = traces.values[:, 0].argsort()
    assert (np.diff(found.values[order, 0]) >= 0).all()
    assert np.corrcoef(found.values[:, 0], 10 + 10 * scipy.stats.rankdata(traces.values[:, 0]) / 2_000)[0, 1] > 0.999
    half = float(found.fanout(8).p_wait(19))
    assert half == pytest.approx(float(traces.fanout(8).p_wait(np.quantile(traces.values, 0.9))), abs=0.03)
    assert found.with_margins({}).all_of().sf(15) == found.all_of().sf(15)


def test_names_that_are_no_text_become_one():
    traces = Traces({1: [1.0, 2.0], ("b", 2): [3.0, 4.0]})
    assert traces.names == ("1", "('b', 2)") and traces.values.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_margins_must_be_a_mapping():
    h = Histogram.from_values([1.0])
    for margins in (h, [h, h]):
        with pytest.raises(TypeError, match="histograms must be a mapping of names of calls to histograms, not "):
            Traces(SMALL).with_margins(margins)


def test_margins_allow_for_bucket_width_and_for_few_values():
    traces = Traces(np.repeat([[1.0], [2.0], [3.0], [4.0]], 2, axis=1))
    h = Histogram.from_values([5.0, 6.0])
    answer = traces.with_margins({"call1": h, "call2": h}).all_of().sf(5.0)
    assert answer == 0.5
    few = scipy.stats.binomtest(1, 2).proportion_ci(0.95, method="exact")
    assert answer.lower == pytest.approx(few.low)  # two values, not four requests
    near = traces.with_margins({"call1": h, "call2": h}).all_of().sf(6.0 * (1 - RELATIVE_ERROR / 2))
    assert near.upper >= few.high


def test_ties_are_broken_at_random_but_the_same_each_time():
    traces = Traces(np.ones((1_000, 2)))
    h = Histogram.from_values(np.linspace(1, 2, 10_000))
    one, two = (traces.with_margins({"call1": h, "call2": h}) for _ in range(2))
    assert (one.values == two.values).all()
    assert abs(one.spearman("call1", "call2")) < 0.1
    other = traces.with_margins({"call1": h, "call2": h}, seed=1)
    assert (one.values != other.values).any()


def test_spearman_is_scipys_and_its_interval_that_of_resampled_requests():
    traces = correlated(0.7, requests=1_000)
    a, b = traces.values[:, 0], traces.values[:, 1]
    found = traces.spearman("call1", "call2")
    assert found == pytest.approx(scipy.stats.spearmanr(a, b)[0], abs=1e-12)
    ties = Traces(np.stack([np.round(a), np.round(b)], axis=1)).spearman("call1", "call2")
    assert ties == pytest.approx(scipy.stats.spearmanr(np.round(a), np.round(b))[0], abs=1e-12)
    rng = np.random.default_rng(0)
    again = [scipy.stats.spearmanr(a[k], b[k])[0] for k in rng.integers(0, 1_000, (300, 1_000))]
    assert found.upper - found.lower == pytest.approx(2 * 1.96 * np.std(again), rel=0.15)


@pytest.mark.parametrize("n", [2, 3, 6, 7])
def test_a_handful_of_requests_gives_no_bounds_of_a_rank_correlation(n):
    answer = Traces(np.stack([np.arange(n), np.arange(n) + 1.0], axis=1)).spearman("call1", "call2")
    assert (answer, answer.lower, answer.upper) == (1.0, -1.0, 1.0)


@pytest.mark.parametrize("n", [8, 100])
@pytest.mark.parametrize("sign", [1, -1])
def test_equal_ranks_do_not_make_it_certain(n, sign):
    """With so many equal requests, a share 1 - 0.025^(1/n) of others may have been missed."""
    up = np.arange(n) + 1.0
    answer = Traces(np.stack([up, up[::sign]], axis=1)).spearman("call1", "call2")
    bounds = sorted([sign * 1.0, sign * 0.025 ** (1 / n)])
    assert answer == sign and [answer.lower, answer.upper] == pytest.approx(bounds)
    up[[3, 4]] = up[[4, 3]]  # nearly equal ranks
    near = Traces(np.stack([np.arange(n), up], axis=1)).spearman("call1", "call2")
    assert near.lower <= float(near) * 0.025 ** (1 / n) and near.upper <= 1


@pytest.mark.parametrize("n", [8, 12, 30])
@pytest.mark.parametrize("equal", [0.0, 0.9])  # share of requests with equal ranks; the others are independent
def test_intervals_of_few_requests_hold_the_rank_correlation(n, equal):
    rng = np.random.default_rng(n)
    held = 0
    for _ in range(100):
        a, b = rng.random((2, n))
        answer = Traces(np.stack([a, np.where(rng.random(n) < equal, a, b)], axis=1)).spearman("call1", "call2")
        held += answer.lower <= equal <= answer.upper
    assert held >= 90


def test_tail_dependence_counts_who_is_slow_in_both():
    a = np.arange(100.0)
    traces = Traces({"a": a, "b": np.where(a >= 95, a, a[::-1])})
    answer = traces.tail_dependence("a", "b", 0.9)
    b = traces.values[:, 1]
    slow = [one > np.sort(one)[89] for one in (a, b)]
    assert answer == pytest.approx((slow[0] & slow[1]).sum() / math.sqrt(slow[0].sum() * slow[1].sum()))
    assert answer.lower < answer < answer.upper


# ---- spans ----


def test_spans_become_a_row_for_each_trace():
    spans = [(1, "db", 0.1), (2, "db", 0.2), (1, "shard", 0.3), (1, "shard", 0.4), (2, "shard", 0.5), (2, "shard", 0.6)]
    traces = Traces.from_spans(spans, "ms")
    assert traces.names == ("db", "shard#1", "shard#2")
    assert traces.values.tolist() == [[0.1, 0.3, 0.4], [0.2, 0.5, 0.6]]
    incomplete = [*spans, (3, "db", 0.9)]
    with pytest.raises(ValueError, match="1 of 3 traces lack some of the spans that others have: select a kind"):
        Traces.from_spans(incomplete)
    assert Traces.from_spans(incomplete, missing="drop").count == 2
    with pytest.raises(ValueError, match="missing must be 'raise' or 'drop', not 'keep'"):
        Traces.from_spans(spans, missing="keep")
    with pytest.raises(TypeError, match=r"spans must be tuples \(trace, name, duration\), not 7"):
        Traces.from_spans([7])


# ---- arguments, no data, display ----


@pytest.mark.parametrize(
    ("data", "names", "message"),
    [
        ([[1.0], [2.0]], None, "two calls or more, not 1"),
        ([1.0, 2.0], None, r"shape \(requests, calls\), not \(2,\)"),
        ([[1.0, math.nan]], None, "finite and not negative, not nan of 'call2' in request 0"),
        ([[1.0, 2.0], [-1.0, 2.0]], "ab", "not -1.0 of 'a' in request 1"),
        ({"a": [1.0], "b": [1.0, 2.0]}, None, "one value for each request"),
        ([[1.0, 2.0]], "aa", "names must be different, not a, a"),
        ([[1.0, 2.0]], "abc", "one for each of the 2 calls, not 3"),
        ({1: [1.0], "1": [2.0]}, None, "names must be different, not 1, 1"),
        ({"a": [1.0], "b": [2.0]}, "ac", "names are those of the columns"),
    ],
)
def test_bad_tables(data, names, message):
    with pytest.raises(ValueError, match=message):
        Traces(data, names=names)


def test_bad_questions():
    traces = Traces(SMALL)
    for ask in (traces.fanout(2).p_wait, traces.seq().sf, traces.effective_n):
        with pytest.raises(ValueError, match="t must not be NaN"):
            ask(math.nan)
        with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
            ask(1.0, confidence=1)
    with pytest.raises(ValueError, match="'x' is not the name of a call: they are 'call1'"):
        traces.seq("x", "call1")
    with pytest.raises(ValueError, match="k must be at most the number of parts, 2, not 3"):
        traces.k_of(3, "call1", "call2")
    with pytest.raises(ValueError, match="n must be at least 1"):
        traces.fanout(0)
    with pytest.raises(ValueError, match="the result of seq and others of these traces"):
        traces.seq("call1", traces.fanout(2))
    with pytest.raises(ValueError, match="of these traces"):
        traces.seq("call1", Traces(SMALL[:4]).seq())
    with pytest.raises(TypeError, match="the margin of 'call1' must be a histogram"):
        traces.with_margins({"call1": 3})
    with pytest.raises(ValueError, match="the histogram of 'call1' is empty"):
        traces.with_margins({"call1": Histogram()})
    with pytest.raises(ValueError, match="in the traces' unit, 's', not in 'ms'"):
        traces.with_margins({"call1": Histogram.from_values([1.0], unit="ms")})


def test_no_requests_are_no_data():
    traces = Traces(np.empty((0, 3)))
    answers = [
        traces.fanout(2).p_wait(1.0),
        traces.fanout(9).quantile(0.5),
        traces.seq().cdf(1.0),
        traces.effective_n(1.0),
        traces.spearman("call1", "call2"),
        traces.tail_dependence("call1", "call2", 0.9),
        traces.with_margins({"call1": Histogram.from_values([1.0])}).all_of().sf(1.0),
    ]
    assert all(math.isnan(one) and one.why == "no data" for one in answers)
    assert math.isnan(Traces(SMALL).effective_n(10.0))  # no slow call
    assert math.isnan(Traces(SMALL).effective_n(-1.0))  # nothing else
    assert math.isnan(Traces(np.ones((9, 2))).spearman("call1", "call2"))


def test_a_missing_bound_warns():
    with pytest.warns(TailWarning, match=r"5 requests are too few for the 0.99-quantile and give no upper bound"):
        answer = Traces(SMALL).fanout(4).quantile(0.99)
    assert (answer, answer.upper) == (9.0, math.inf)
    with pytest.warns(TailWarning, match=r"1 request is too few for the 0.99-quantile and gives no upper bound"):
        Traces(SMALL[:1]).fanout(4).quantile(0.99)
    with pytest.warns(TailWarning, match="2 of 2 answers"):
        Traces(SMALL).seq().quantile([0.99, 0.999])


def test_pickles_and_arrays_that_nobody_changes():
    data = SMALL.copy()
    traces = Traces(data)
    data[0] = 100.0
    assert traces.values[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        traces.values[0, 0] = 5.0
    margins = traces.with_margins({"call1": Histogram.from_values([1.0, 2.0])})
    for one in (traces, margins):
        again = pickle.loads(pickle.dumps(one))
        assert repr(again.fanout(7).p_wait(3.0)) == repr(one.fanout(7).p_wait(3.0))
        assert repr(again) == repr(one)
        for answer in (one.fanout(3), one.fanout(9), one.seq()):
            restored = pickle.loads(pickle.dumps(answer))
            assert type(restored) is type(answer)
            assert repr(restored.sf(3.0)) == repr(answer.sf(3.0))


def test_what_is_shown():
    traces = Traces(correlated(0.5).values[:, :3], names=["db", "cache", "auth"], unit="ms")
    shown = traces._repr_html_()
    assert "effective calls" in shown
    assert "Spearman" in shown
    assert "3 if independent, 1 if slow together" in shown
    assert "Fan-out: wait for all of 9 calls" in traces.fanout(9)._repr_html_()
    assert "2,000 traced requests" in traces.seq()._repr_html_()
    assert "no data" in Traces(np.empty((0, 2)))._repr_html_()
    assert "effective calls" in correlated(0.5)._repr_html_()


def test_a_line_says_how_many_requests_and_how_slow_they_are():
    traces = Traces(SMALL, names="abcd", unit="ms")  # the slowest calls take 1, 4, 5, 9, 9 ms
    assert repr(traces) == "<Traces of 5 requests of a, b, c, d: slowest call p50 5.00 ms, p99 9.00 ms>"
    assert repr(Traces([[0.0125, 0.1]], names=["db", "a\nb"])) == (
        '<Traces of 1 request of db, "a\\nb": slowest call p50 100 ms, p99 100 ms>'
    )
    assert repr(Traces(np.empty((0, 2)))) == "<Traces of call1, call2: no data>"
    assert ", call8, ...: slowest" in repr(Traces(np.ones((1, 9)))) and "call9" not in repr(Traces(np.ones((1, 9))))
    assert len(repr(Traces(np.ones((1, 2)), names=["a" * 10_000, "b\n" * 10_000]))) < 200


@pytest.mark.parametrize("requests", [1, 2, 3, 99, 100, 101, 200, 201])
def test_the_percentiles_of_the_line_are_those_of_all_calls(requests):
    traces = correlated(0.5, requests=requests)
    p50, p99 = (quantity(float(quiet(traces.all_of().quantile, q)), "s") for q in (0.5, 0.99))
    assert repr(traces).endswith(f": slowest call p50 {p50}, p99 {p99}>")


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert Traces(frame).values.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    polars = pytest.importorskip("polars")
    assert Traces(polars.DataFrame({"a": [1, 2], "b": [3, 4]})).names == ("a", "b")
    numbered = Traces(pandas.DataFrame(SMALL))
    assert numbered.names == tuple(str(k) for k in range(SMALL.shape[1]))
    assert (numbered.values == SMALL).all()
    pairs = pandas.DataFrame(SMALL[:, :2], columns=pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    assert Traces(pairs).names == ("('a', 1)", "('a', 2)")


def test_types_of_answers():
    traces = Traces(SMALL)
    assert isinstance(traces.fanout(), TracedFanout)
    assert (traces.fanout().n, traces.fanout().width) == (4, 4)
    assert type(traces.seq()) is Traced
    assert isinstance(traces.fanout(2).p_wait(1.0), Estimate)
    assert traces.effective_n([2.0, 4.0]).shape == (2,)
