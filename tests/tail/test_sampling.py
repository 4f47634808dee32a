"""`Histogram.ci`, `Histogram.enough_for`, and the intervals of `Histogram.fanout`, also under dependence."""

import builtins
import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from historian import Histogram, buckets, merge
from historian.tail import Enough, Estimate, TailWarning, all_of, k_of
from historian.tail.shares import any_of

ONE_IN_100 = Histogram.from_values([0.01] * 9_900 + [1.0] * 100)
BURSTS = [Histogram.from_values([0.01] * (1000 - c) + [1.0] * c) for c in [0] * 5 + [100] + [0] * 8 + [100] + [0] * 5]

seconds = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60)


def test_p_wait_at_reference_values():
    wait = ONE_IN_100.fanout(100).p_wait(0.5)
    assert wait == pytest.approx(0.6339676587, abs=6e-11)
    assert (wait.lower, wait.upper) == pytest.approx((0.559, 0.706), abs=1e-3)
    wait = Histogram.from_values([0.01] * 1000).fanout(100).p_wait(0.5)
    assert (wait, wait.lower, wait.upper) == pytest.approx((0, 0, 0.309), abs=1e-3)


@pytest.mark.parametrize(
    ("requests", "share"),
    [(190, 0.852), (279, 0.939), (87, 0.583), (173, 0.824)],  # Tene, How NOT to Measure Latency: a page's requests
)
def test_published_shares_of_pages_that_see_the_p99(requests, share):
    assert ONE_IN_100.fanout(requests).p_wait(0.5) == pytest.approx(share, abs=5e-4)


def test_an_interval_within_a_bucket_holds_both_edges():
    _, on_edge = ONE_IN_100.quantile_bounds(0.5)
    inside = (ONE_IN_100.min + on_edge) / 2
    most = stats.binomtest(9_999, 10_000).proportion_ci(0.95, method="exact")  # all but the smallest may be above
    assert ONE_IN_100.fanout(1).p_wait(inside).upper == pytest.approx(most.high, rel=1e-12)
    assert ONE_IN_100.fanout(1).p_wait(inside).lower == pytest.approx(0.00814, abs=1e-5)
    assert ONE_IN_100.fanout(1).p_wait(on_edge).upper == pytest.approx(0.0121, abs=1e-4)
    assert "bucket width" in ONE_IN_100.fanout(1).p_wait(inside).why


@pytest.mark.parametrize(("q", "needed"), [(0.5, 433), (0.99, 29_808), (0.999, 299_424)])
def test_enough_at_reference_values(q, needed):
    answer = ONE_IN_100.enough_for(q, n=100)
    assert answer.needed == needed
    assert bool(answer) == (needed <= 10_000)
    assert answer.recorded == 10_000


def test_enough_without_a_fanout_and_at_the_ends():
    assert ONE_IN_100.enough_for(0.99) == Enough(10_000, 299)  # 0.99^299 = 0.0496
    assert ONE_IN_100.enough_for(0.9, confidence=0.19).needed == 2  # 0.9^2 = 0.81
    assert ONE_IN_100.enough_for(0.1, confidence=0.9).needed == 1
    assert not ONE_IN_100.enough_for(1.0)
    assert ONE_IN_100.enough_for(0.0).needed == 1
    assert not Histogram().enough_for(0.5)
    assert "no number of values is enough" in str(ONE_IN_100.enough_for(1.0))


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
def test_both_sides_need_what_one_side_needs_for_half_of_the_errors(q, confidence):
    needed = Histogram().enough_for(q, confidence=(1 + confidence) / 2).needed
    for count in (needed - 1, needed):
        found = Histogram.from_values(np.arange(1.0, count + 1)).ci(q, confidence)
        assert (found.upper < math.inf) == (count == needed)


def test_enough_is_what_sets_an_upper_bound():
    # One-sided 95 % is the same as two-sided 90 %.
    enough, short = Histogram.from_values(range(29_808)), Histogram.from_values(range(29_807))
    assert enough.fanout(100).quantile(0.99, confidence=0.9).upper < math.inf
    with pytest.warns(TailWarning, match="29,807 values are too few"):
        answer = short.fanout(100).quantile(0.99, confidence=0.9)
    assert answer.upper == math.inf
    assert "no upper bound" in answer.why
    with pytest.warns(TailWarning, match="1 value is too few for the 0.5-quantile and gives no"):
        Histogram.from_values([1.0]).ci(0.5)


def test_ci_runs_from_edge_to_edge_of_the_ranks():
    values = np.arange(1, 1001)
    answer = Histogram.from_values(values, unit="ms").ci(0.9)
    # Binomial(1000, 0.9): P(B <= 880) = 0.0216, P(B <= 881) = 0.0268; P(B >= 919) = 0.0241, P(B >= 918) = 0.0309
    assert answer.lower < 881 <= answer.lower * 1.0109
    assert answer.upper / 1.0109 < 919 <= answer.upper
    assert answer == Histogram.from_values(values, unit="ms").quantile(0.9)
    assert answer.unit == "ms"


def test_too_few_values_leave_a_side_open():
    few = Histogram.from_values([1.0, 2.0, 3.0])
    with pytest.warns(TailWarning, match=r"no lower and no upper bound"):
        answer = few.ci(0.5)
    assert (answer.lower, answer.upper) == (0.0, math.inf)
    with pytest.warns(TailWarning, match="no upper bound"):
        answer = Histogram.from_values(range(100)).ci(0.99)
    assert answer.upper == math.inf
    assert "too few values" in answer.why
    with pytest.warns(TailWarning, match=r"for the 0\.99999999988-quantile"):  # not "the 1-quantile"
        Histogram.from_values(range(100)).ci(1 - 1.2e-10)


def test_warnings_point_to_the_caller():
    few = Histogram.from_values([1.0, 2.0, 3.0])
    for ask in (
        lambda: few.ci(0.5),
        lambda: few.fanout(10).quantile(0.5),
        lambda: few.fanout(10).p_wait(2.0),
        lambda: few.fanout(10).extrapolate(4.0, 1, 1.0),
        lambda: few.dist().ppf(0.9),
        lambda: all_of(10, few.dist()),
        lambda: k_of(10, 10, few.dist()),
        lambda: k_of(10, {few.dist(): 10}, dependence="any"),
    ):
        with pytest.warns(TailWarning) as caught:
            ask()
        assert [one.filename for one in caught] == [__file__]


@given(seconds, st.floats(0, 1))
def test_more_confidence_is_a_wider_interval(data, q):
    h = Histogram.from_values(data)
    narrow, wide = h.ci(q, 0.5), h.ci(q, 0.99)
    assert wide.lower <= narrow.lower <= narrow <= narrow.upper <= wide.upper


@given(st.lists(seconds, min_size=2, max_size=8), st.floats(0, 1))
def test_more_confidence_is_a_wider_interval_with_windows(data, q):
    parts = [Histogram.from_values(values) for values in data]
    answers = [merge(parts).ci(q, confidence, parts) for confidence in (0.5, 0.9, 0.95, 0.99)]
    for narrow, wide in itertools.pairwise(answers):
        assert wide.lower <= narrow.lower <= narrow <= narrow.upper <= wide.upper


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_coverage_of_quantiles_in_bursts(q):
    rng, held, sets = np.random.default_rng(13), 0, 150
    shape = 4.0  # the windows' rates have a gamma distribution of this shape: P(T > t) = (1 + t/shape)^-shape
    exact = shape * ((1 - q) ** (-1 / shape) - 1)
    for _ in range(sets):
        parts = [Histogram.from_values(rng.exponential(1 / rate, 200)) for rate in rng.gamma(shape, 1 / shape, 25)]
        answer = merge(parts).ci(q, windows=parts)
        held += answer.lower <= exact <= answer.upper
    assert 0.9 <= held / sets <= 0.998  # 95 %, minus three standard errors, plus two and a half


@given(seconds, st.integers(1, 1000), st.floats(1e-3, 1e3))
def test_bounds_nest(data, n, t):
    fan = Histogram.from_values(data).fanout(n)
    independent, positive, free = (fan.bounds(t, kind) for kind in ("independent", "positive", "any"))
    assert independent == positive == free == fan.p_wait(t)
    assert free.lower <= positive.lower <= independent.lower
    assert independent.upper <= positive.upper <= free.upper
    assert positive.lower <= fan.leaf.sf(t) <= positive.upper


@given(st.lists(seconds, min_size=2, max_size=8), st.sampled_from([1, 3, 100, 10_000]), st.integers(-640, 640))
def test_bounds_nest_with_windows(data, n, index):
    t = buckets.upper(index)  # within a bucket, a window's extremes can give more information than those of the whole
    parts = [Histogram.from_values(values) for values in data]
    fan = merge(parts).fanout(n)
    independent, positive, free = (fan.bounds(t, kind, parts) for kind in ("independent", "positive", "any"))
    assert independent == positive == free <= fan.p_wait(t) + 1e-15
    assert free.lower <= positive.lower <= independent.lower
    assert independent.upper <= positive.upper <= free.upper


def test_windows_in_which_everybody_waits():
    parts = [Histogram.from_values([2.0] * size) for size in (8, 21, 35)]  # their shares may not add up to exactly 1
    wait = merge(parts).fanout(3).bounds(1.0, windows=parts)
    assert (wait, wait.upper) == (1, 1) and wait.lower > 0.8


def test_bounds_at_literal_values():
    fan = ONE_IN_100.fanout(10)
    lower, upper = fan.leaf.fanout(1).p_wait(0.5).lower, fan.leaf.fanout(1).p_wait(0.5).upper
    assert fan.bounds(0.5, "positive").lower == lower
    assert fan.bounds(0.5, "positive").upper == any_of(upper, 10)
    assert fan.bounds(0.5, "any").upper == 10 * upper


def test_windows_see_bursts():
    whole = merge(BURSTS)
    fan = whole.fanout(100)
    told = fan.bounds(0.5, windows=BURSTS)
    assert told == pytest.approx(2 / 20 * any_of(0.1, 100))  # in two of twenty windows nearly all users wait
    assert told.lower < told < told.upper < fan.p_wait(0.5)
    assert fan.bounds(0.5, "any", windows=BURSTS).upper == 1.0
    assert fan.bounds(0.5, "positive", windows=BURSTS).upper > fan.bounds(0.5, "positive").upper
    assert "in windows: effective sample size 191" in told.why  # 1 % and 7 degrees of freedom: see test_windows.py
    plain, honest = whole.ci(0.985), whole.ci(0.985, windows=BURSTS)
    assert plain.upper < honest.upper
    assert "effective sample size 191, too few independent windows" in honest.why


def test_too_few_independent_windows_warn():
    rng = np.random.default_rng(3)
    many = [Histogram.from_values(np.repeat([0.01, 1.0], [1000 - c, c])) for c in rng.binomial(1000, 0.05, 40).tolist()]
    outlasting = [many[0]] * 40 + [Histogram.from_values([0.01] * 500 + [1.0] * 500)] * 40
    questions = (
        lambda parts: merge(parts).ci(0.5, windows=parts).why,
        lambda parts: merge(parts).slo(0.5, 0.9, windows=parts).within.why,
        lambda parts: merge(parts).fanout(2).bounds(0.5, windows=parts).why,
    )
    for ask in questions:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "too few independent windows" not in ask(many)
        for parts, reason in ((BURSTS, "20 windows are too few to tell"), (outlasting, "bursts outlast the windows")):
            with pytest.warns(TailWarning, match=reason) as caught:
                assert "too few independent windows" in ask(parts)
            assert {one.filename for one in caught} == {__file__}


def test_distributions_in_bursts():
    rng, sets, held, plain = np.random.default_rng(8), 200, 0, 0
    quiet, slow = Histogram.from_values([0.01] * 100), Histogram.from_values([0.01] * 50 + [1.0] * 50)
    for _ in range(sets):
        parts = [slow if is_slow else quiet for is_slow in (rng.random(60) < 0.2).tolist()]
        whole = merge(parts)
        told, untold = whole.dist(windows=parts).sf(0.5), whole.dist().sf(0.5)
        held += told.lower <= 0.2 * 0.5 <= told.upper
        plain += untold.lower <= 0.2 * 0.5 <= untold.upper
    assert 0.93 <= held / sets <= 0.99
    assert plain / sets < 0.5


def test_a_distribution_in_windows_answers_as_they_do():
    whole = merge(BURSTS)
    with pytest.warns(TailWarning, match="20 windows are too few") as caught:
        x = whole.dist(windows=BURSTS)
    assert [one.filename for one in caught] == [__file__]
    told, within = x.sf(0.5), whole.slo(0.5, 0.9, windows=BURSTS).within
    assert told == whole.dist().sf(0.5)
    assert (told.lower, told.upper) == pytest.approx((1 - within.upper, 1 - within.lower), rel=1e-9)
    assert told.why.startswith("sampling: 20,000 values, in 20 windows, too few independent ones")
    assert all_of(10, x).sf(0.5).upper > all_of(10, whole.dist()).sf(0.5).upper
    assert x.ppf(0.98).upper > whole.dist().ppf(0.98).upper
    with pytest.raises(ValueError, match="windows must hold"):
        whole.dist(windows=BURSTS[1:])


def test_windows_within_a_bucket_hold_both_edges():
    parts = [Histogram.from_values([1.0] * 500 + [1.004] * 5 + [2.0] * 5)] * 4
    whole = merge(parts)
    assert len(whole.counts) == 3
    inside = whole.fanout(1).bounds(1.003, windows=parts)
    on_edge = whole.fanout(1).bounds(float(whole.upper[1]), windows=parts)
    assert inside.lower == on_edge.lower
    assert inside.upper > 10 / 510 > on_edge == 5 / 510


def test_windows_must_be_those_of_the_histogram():
    whole = merge(BURSTS)
    for ask in (lambda w: whole.fanout(10).bounds(0.5, windows=w), lambda w: whole.ci(0.5, windows=w)):
        with pytest.raises(ValueError, match="windows must hold the histogram's 20,000 values, not 19,000"):
            ask(BURSTS[1:])
        with pytest.raises(ValueError, match="windows must add up to the histogram, not to other values"):
            ask([*BURSTS[1:], Histogram.from_values([3.0] * 1_000)])
        with pytest.raises(ValueError, match="windows must be in the histogram's unit, 's', not in"):
            ask([Histogram.from_values([1.0], unit="ms")])
        with pytest.raises(TypeError, match="windows must be histograms"):
            ask([1.0])
        with pytest.raises(TypeError, match="iterable"):
            ask(whole)


def all_questions(windows):
    """Return every question that takes windows, and what is possible without any bound."""
    return {
        "ci": (lambda h: h.ci(0.9, windows=windows), (0.0, math.inf)),
        "ci of an array": (lambda h: h.ci([0.9, 0.99], windows=windows)[0], (0.0, math.inf)),
        "slo": (lambda h: h.slo(0.5, 0.9, windows=windows).within, (0.0, 1.0)),
        "slo of an array": (lambda h: h.slo([0.5, 2.0], 0.9, windows=windows).within[0], (0.0, 1.0)),
        "apdex": (lambda h: h.apdex(0.005, windows=windows), (0.0, 1.0)),
        "apdex of an array": (lambda h: h.apdex([0.005, 2.0], windows=windows)[0], (0.0, 1.0)),
        "bounds": (lambda h: h.fanout(3).bounds(0.5, windows=windows), (0.0, 1.0)),
        "bounds of an array": (lambda h: h.fanout(3).bounds([0.5, 2.0], windows=windows)[0], (0.0, 1.0)),
        "bounds of fan-outs": (lambda h: h.fanout([3, 4]).bounds(0.5, windows=windows)[0], (0.0, 1.0)),
        "dist": (lambda h: h.dist(windows=windows).sf(0.5), (0.0, 1.0)),
    }


@pytest.mark.parametrize("question", list(all_questions([])))
@pytest.mark.parametrize("values", [[0.01] * 80 + [1.0] * 20, [0.01] * 4, [1.0] * 9])
def test_a_single_filled_window_gives_no_bounds(question, values):
    whole = Histogram.from_values(values)
    ask, possible = all_questions([Histogram(), whole, Histogram()])[question]
    with pytest.warns(TailWarning, match="only one window holds values") as caught:
        answer = ask(whole)
    assert len(caught) == 1 and caught[0].filename == __file__
    plain = all_questions(None)[question][0](whole) if len(values) > 20 else answer
    assert (answer.lower, float(answer), answer.upper) == (possible[0], float(plain), possible[1])
    assert "too few independent" in answer.why


@pytest.mark.parametrize("question", list(all_questions([])))
def test_windows_of_an_empty_histogram_are_checked(question):
    def ask(windows):
        return all_questions(windows)[question][0](Histogram())

    for idle in ([], [Histogram()], [Histogram(), Histogram()]):
        assert math.isnan(ask(idle))
    with pytest.raises(ValueError, match="windows must hold the histogram's 0 values, not 1,000"):
        ask(BURSTS[:1])
    with pytest.raises(ValueError, match="windows must be in the histogram's unit, 's', not in 'ms'"):
        ask([Histogram.from_values([1.0], unit="ms")])
    with pytest.raises(TypeError, match="windows must be histograms"):
        ask([1.0])
    with pytest.raises(TypeError, match="windows must be an iterable"):
        ask(3)


def test_windows_say_how_rare_a_burst_they_can_miss():
    alike = [Histogram.from_values([0.01] * 990 + [1.0] * 10)] * 74
    why = merge(alike).slo(0.5, 0.9, windows=alike).within.why
    assert "no burst seen (one that comes less often than every 20 windows may be missed)" in why


def test_few_bursts_warn():
    quiet, slow = Histogram.from_values([0.01] * 500), Histogram.from_values([0.01] * 450 + [1.0] * 50)
    parts = [slow if k in (20, 60) else quiet for k in range(80)]
    with pytest.warns(TailWarning, match="80 windows hold fewer than 3 bursts, too few to tell how bursts come"):
        merge(parts).slo(0.5, 0.9, windows=parts)
    parts = [slow if k % 10 == 3 else quiet for k in range(80)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "burst" not in merge(parts).slo(0.5, 0.9, windows=parts).within.why


def test_windows_of_very_different_sizes_warn():
    parts = [Histogram.from_values([0.01] * 90 + [1.0] * 10)] * 39 + [
        Histogram.from_values([0.01] * 90_000 + [1.0] * 900)
    ]
    with pytest.warns(TailWarning, match="few of the 40 windows hold most of the values"):
        answer = merge(parts).slo(0.5, 0.9, windows=parts).within
    assert answer.upper - answer.lower > 0.1  # the window of 90,900 values tells as much as a small one


def test_extrapolation_from_what_the_calls_cannot_be():
    with pytest.warns(TailWarning, match=r"p_m is 0\.9, but 10 of the recorded calls can explain at most"):
        answer = ONE_IN_100.fanout(100).extrapolate(0.5, m=10, p_m=0.9)
    assert 0.9 <= answer <= answer.upper == 1.0


def test_extrapolation_from_a_measured_fanout():
    fan = ONE_IN_100.fanout(100)
    answer = fan.extrapolate(0.5, m=10, p_m=0.05)
    assert answer == pytest.approx(1 - 0.95**10)
    assert (answer.lower, answer.upper) == (0.05, 0.5)
    answer = fan.extrapolate(0.5, m=10, p_m=Estimate(0.05, 0.04, 0.06, "measured"))
    assert (answer.lower, answer.upper) == pytest.approx((0.04, 0.6))
    answer = ONE_IN_100.fanout(20).extrapolate(0.5, m=2, p_m=Estimate(0.02, 0.015, 0.05))
    leaf = ONE_IN_100.fanout(1).p_wait(0.5)
    assert answer.upper == pytest.approx(20 * leaf.upper)  # from the leaf, not from the measurement: 20/2 * 0.05
    assert fan.effective_n(0.5, fan.p_wait(0.5)) == pytest.approx(100)
    assert fan.effective_n(0.5, 1.0) == math.inf
    assert math.isnan(fan.effective_n(2.0, 0.5))
    calls = fan.effective_n(0.5, 0.2)
    leaf = fan.leaf.fanout(1).p_wait(0.5)
    assert (any_of(leaf.upper, calls.lower), any_of(leaf.lower, calls.upper)) == pytest.approx((0.2, 0.2))
    wider = fan.effective_n(0.5, Estimate(0.2, 0.1, 1.0))
    assert wider == calls
    assert any_of(leaf.upper, wider.lower) == pytest.approx(0.1)
    assert wider.upper == math.inf
    with pytest.raises(ValueError, match="m must be at most n"):
        fan.extrapolate(0.5, m=101, p_m=0.5)
    with pytest.raises(ValueError, match=r"p_m must be in 0\.\.1"):
        fan.extrapolate(0.5, m=10, p_m=1.5)


def test_sensitivity_lies_between_one_call_and_independence():
    fan = ONE_IN_100.fanout(100)
    answers = [fan.sensitivity(0.5, r) for r in (0.0, 0.01, 0.1, 0.5, 1.0)]
    assert answers == sorted(answers, reverse=True)
    assert answers[0] == pytest.approx(fan.p_wait(0.5))
    assert answers[-1] == pytest.approx(0.01)
    assert answers[1] == pytest.approx(0.501545, abs=5e-7)
    assert all(one.lower < one < one.upper for one in answers)
    with pytest.raises(ValueError, match="correlation must be in"):
        fan.sensitivity(0.5, -0.1)


def test_max_n_with_confidence_is_smaller():
    fan = ONE_IN_100.fanout(1)
    assert fan.max_n(0.5, 0.5) == 68
    safe = fan.max_n(0.5, 0.5, confidence=0.95)
    assert isinstance(safe, int)
    assert ONE_IN_100.fanout(safe).p_wait(0.5).upper <= 0.5 < ONE_IN_100.fanout(safe + 1).p_wait(0.5).upper


def test_bad_arguments():
    fan = ONE_IN_100.fanout(10)
    for bad in (0, 1, 1.5, -0.5, math.nan):
        for ask in (
            lambda c: ONE_IN_100.ci(0.5, c),
            lambda c: fan.p_wait(0.5, c),
            lambda c: fan.quantile(0.5, c),
            lambda c: fan.bounds(0.5, confidence=c),
            lambda c: ONE_IN_100.enough_for(0.5, confidence=c),
        ):
            with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
                ask(bad)
    with pytest.raises(ValueError, match="dependence must be"):
        fan.bounds(0.5, "none")
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
        ONE_IN_100.ci(1.5)
    with pytest.raises(ValueError, match="NaN"):
        fan.bounds(math.nan)
    with pytest.raises(ValueError, match="n must be at least 1"):
        ONE_IN_100.enough_for(0.5, 0)
    with pytest.raises(TypeError, match="confidence must be a number"):
        ONE_IN_100.ci(0.5, "high")


@pytest.mark.parametrize(("count", "q"), [(400, 0.5), (400, 0.95), (2000, 0.99)])
def test_coverage_of_quantiles(count, q):
    rng, held, sets = np.random.default_rng(11), 0, 300
    exact = float(np.exp(np.sqrt(2) * {0.5: 0.0, 0.95: 1.163087154, 0.99: 1.644976357}[q]))  # sqrt(2) erfinv(2q - 1)
    for _ in range(sets):
        answer = Histogram.from_values(rng.lognormal(0, 1, count)).ci(q)
        held += answer.lower <= exact <= answer.upper
    assert 0.925 <= held / sets <= 0.998  # 95 %, and a little more for bucket width: minus 2 standard errors, plus 4


def test_coverage_of_shares_in_bursts():
    rng, told, untold, sets = np.random.default_rng(12), 0, 0, 200
    for _ in range(sets):
        slow = rng.binomial(500, rng.beta(0.5, 24.5, 40)).tolist()
        parts = [Histogram.from_values(np.repeat([0.01, 1.0], [500 - c, c])) for c in slow]
        fan = merge(parts).fanout(1)
        answer = fan.bounds(0.5, windows=parts)
        told += answer.lower <= 0.02 <= answer.upper
        answer = fan.p_wait(0.5)
        untold += answer.lower <= 0.02 <= answer.upper
    assert 0.89 <= told / sets <= 1.0
    assert untold / sets < 0.6


def test_fanout_and_intervals_do_without_scipy(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == "scipy":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ONE_IN_100.fanout(100).p_wait(0.5).upper < 0.71
        assert ONE_IN_100.ci(0.9).upper < 0.02
        assert ONE_IN_100.enough_for(0.9)
        assert ONE_IN_100.dist().sf(0.5).upper < 0.0122
