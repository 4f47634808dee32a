"""Questions about arrays: the answers are those for each element, in the same shape, with one warning."""

import math
import pickle
import subprocess
import sys
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Histogram, merge
from historian.tail import Enough, Enoughs, Estimate, Estimates, Fanout, Fanouts, Slo, Slos, TailWarning, hedge, seq

MINUTES = [Histogram.from_values([0.01] * (100 - slow) + [1.0, 2.0] * (slow // 2)) for slow in (0, 2, 0, 10, 4, 0)]
SYNTHETIC = Histogram.from_values([0.1, 0.2, 1.0, 3.0] * 20).corrected(0.05)
HUGE = Histogram.from_values([0.01] * 5 + [0.5, 1.0])
for _ in range(60):
    HUGE += HUGE
HUGE += Histogram.from_values([2.0, 2.0, 5.0])  # few beside 8e18

times = st.sampled_from([0.0, 0.01, 0.5, 1.0, 1.001, 2.0, 5.0]) | st.floats(0, 10)
shares = st.sampled_from([0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1]) | st.floats(0, 1)
calls = st.sampled_from([1, 2, 10, 1000, 10**6, 10**18]) | st.integers(1, 500)
histograms = st.builds(
    lambda values, times_: Histogram.from_values(values * times_),
    st.lists(st.sampled_from([0.0, 0.01, 0.5, 1.0, 1.001, 1e21]) | st.floats(1e-3, 1e3), max_size=30),
    st.sampled_from([1, 1, 7, 1000]),
) | st.sampled_from([SYNTHETIC, merge(MINUTES), HUGE])

#: Each question of a histogram: what it is asked, and the arguments that may be arrays.
QUESTIONS = {
    "ci": (lambda h, q: h.ci(q, 0.9), [shares]),
    "ci of many": (lambda h, q: (h + merge(MINUTES)).ci(q), [shares]),
    "enough_for": (lambda h, q, n: h.enough_for(q, n), [shares, calls]),
    "within": (lambda h, t, target: h.slo(t, target).within, [times, shares]),
    "burn_rate": (lambda h, t, target: h.slo(t, target).burn_rate, [times, shares]),
    "budget_left": (lambda h, t, target: h.slo(t, target).budget_left, [times, shares]),
    "apdex": (lambda h, t: h.apdex(t), [times]),
    "p_wait": (lambda h, n, t: h.fanout(n).p_wait(t), [calls, times]),
    "sf": (lambda h, n, t: h.fanout(n).sf(t, 0.99), [calls, times]),
    "cdf": (lambda h, n, t: h.fanout(n).cdf(t), [calls, times]),
    "bounds": (lambda h, n, t: h.fanout(n).bounds(t, "positive"), [calls, times]),
    "bounds, any": (lambda h, n, t: h.fanout(n).bounds(t, "any"), [calls, times]),
    "quantile": (lambda h, n, q: h.fanout(n).quantile(q), [calls, shares]),
    "extrapolate": (lambda h, n, t, p: h.fanout(n).extrapolate(t, 1, p), [calls, times, shares]),
    "effective_n": (lambda h, n, t, p: h.fanout(n).effective_n(t, p), [calls, times, shares]),
    "sensitivity": (
        lambda h, n, t, rho: h.fanout(n).sensitivity(t, rho),
        [st.integers(1, 2_000), times, shares],
    ),
    "leaf_percentile": (lambda h, n, q: h.fanout(n).leaf_percentile(q), [calls, shares]),
    "max_n": (lambda h, t, p: h.fanout(3).max_n(t, p), [times, shares]),
    "max_n, sure": (lambda h, t, p: h.fanout(3).max_n(t, p, 0.9), [times, shares]),
    "Dist.sf": (lambda h, t: h.dist().sf(t), [times]),
    "Dist.cdf": (lambda h, t: h.dist().cdf(t), [times]),
    "Dist.quantile": (lambda h, q: h.dist().quantile(q), [shares]),
    "Dist.ppf": (lambda h, q: h.dist(confidence=None).ppf(q), [shares]),
    "Dist.isf": (lambda h, p: hedge(h.dist(), after=0.05).isf(p), [shares]),
    "Dist.isf of a chain": (lambda h, p: seq(h.dist(), h.dist()).isf(p), [shares]),
}

SHAPES = [(0,), (1,), (5,), (2, 3), (2, 0), (3, 1)]


def asked(question, *arguments):
    """Return the answer and the texts of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return question(*arguments), [str(one.message) for one in caught]


def close(a, b):
    return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-10, abs_tol=1e-300)


def same(one, other):
    """Check that two answers agree: values up to rounding, texts exactly."""
    if isinstance(other, Enough):  # float64 does not hold every whole number above 2**53
        assert isinstance(one, Enough)
        return (bool(one), one.recorded) == (bool(other), other.recorded) and close(one.needed, other.needed)
    if not isinstance(other, Estimate):
        return close(float(one), float(other))
    assert isinstance(one, Estimate)
    assert (one.why, one.unit, one.confidence, one.method) == (other.why, other.unit, other.confidence, other.method)
    # near 1, a share has only the digits of 1 - share that its own rounding leaves
    near = abs(one.lower - other.lower) <= 1e-15 and abs(one.upper - other.upper) <= 1e-15 and one == other
    assert near or all(close(*two) for two in ((one, other), (one.lower, other.lower), (one.upper, other.upper)))
    return True


@pytest.mark.parametrize("name", QUESTIONS)
@settings(max_examples=25)
@given(data=st.data(), histogram=histograms, shape=st.sampled_from(SHAPES))
def test_each_answer_is_that_of_the_element(name, data, histogram, shape):
    question, kinds = QUESTIONS[name]
    columns = [
        np.array([data.draw(kind) for _ in range(math.prod(shape))], dtype=object).reshape(shape) for kind in kinds
    ]
    answers, texts = asked(question, histogram, *[one.tolist() if one.ndim == 1 else one for one in columns])
    assert answers.shape == shape
    singles = [asked(question, histogram, *(one[index] for one in columns)) for index in np.ndindex(shape)]
    for index, (single, _) in zip(np.ndindex(shape), singles):
        assert same(answers[index], single)
    warned = [text for _, some in singles for text in some]
    assert len(texts) == (1 if warned else 0)
    if warned and len(singles) > 1:
        first = warned[0].removeprefix("beyond the data: ")
        assert texts == [f"beyond the data: {len(warned)} of {len(singles)} answers; the first: {first}"]
    elif warned:
        assert texts == warned


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_array_without_dimensions_is_a_number(name):
    question, kinds = QUESTIONS[name]
    histogram = merge(MINUTES)
    chosen = {times: 0.5, shares: 0.875, calls: 10}
    arguments = [chosen.get(kind, 10) for kind in kinds]
    single, _ = asked(question, histogram, *arguments)
    answer, _ = asked(question, histogram, *[np.array(one) for one in arguments])
    assert type(answer) is type(single)
    assert answer == single


@pytest.mark.parametrize(
    "question",
    [
        lambda h, one: h.ci(one, windows=iter(MINUTES)),
        lambda h, one: h.slo(one, 0.9, windows=iter(MINUTES)).within,
        lambda h, one: h.fanout(10).bounds(one, windows=iter(MINUTES)),
        lambda h, one: h.fanout(10).bounds(one, "any", windows=iter(MINUTES)),
        lambda h, one: h.fanout([10, 10, 10, 10]).bounds(one, windows=iter(MINUTES)),
    ],
)
def test_windows(question):
    h, given_ = merge(MINUTES), [0.25, 0.5, 0.75, 0.99]
    answers, texts = asked(question, h, given_)
    for k, one in enumerate(given_):
        single, _ = asked(question, h, one)
        assert same(answers[k], single[k] if isinstance(single, Estimates) else single)
    assert len(texts) <= 1
    assert "others, which differ: see each answer" in answers.why or answers.why.count("effective sample size") <= 3


def test_two_arrays_are_broadcast():
    h = merge(MINUTES)
    n, t = np.array([1, 10, 100]), np.array([0.005, 0.5, 1.5, 3.0])
    table = h.fanout(n[:, None]).p_wait(t)
    assert table.shape == (3, 4)
    assert table.value.tolist() == [[float(h.fanout(int(calls)).p_wait(time)) for time in t.tolist()] for calls in n]
    assert h.enough_for([0.9, 0.99], n=[[1], [2], [3]]).shape == (3, 2)
    slos = h.slo([[0.5], [1.5]], target=[0.9, 0.99, 0.999])
    assert slos.shape == slos.within.shape == slos.threshold.shape == slos.edges[0].shape == (2, 3)
    assert h.fanout(10).max_n(t, [[0.1], [0.5]]).shape == (2, 4)
    assert h.fanout(10).sensitivity(0.5, [0.0, 0.1, 0.5]).shape == (3,)
    assert h.fanout([[10], [20]]).sensitivity(t, 0.1).shape == (2, 4)
    assert h.fanout(20).extrapolate(0.5, [1, 2, 10], 0.1).shape == (3,)
    for call, message in (
        (lambda: h.fanout(n).p_wait(t), r"n and t have shapes that do not go together, \(3,\) and \(4,\)"),
        (lambda: h.slo(t, target=[0.9, 0.99]), r"t and target have shapes .*: for all pairs, pass t\[:, None\]"),
        (lambda: h.enough_for([0.9, 0.99], n), "q and n have shapes"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_kinds_of_arrays():
    h = merge(MINUTES)
    expected = h.fanout(10).p_wait([0.5, 1.5]).value.tolist()
    assert expected == [float(h.fanout(10).p_wait(one)) for one in (0.5, 1.5)]
    for kind in (tuple, np.array, lambda x: np.array(x, dtype=np.float32), lambda x: [Fraction(one) for one in x]):
        assert h.fanout(10).p_wait(kind([0.5, 1.5])).value.tolist() == expected
    assert h.fanout(range(1, 4)).n.tolist() == [1, 2, 3]
    assert h.fanout(np.array([1, 2], dtype=np.uint8)).n.dtype == np.int64
    assert h.fanout([1, 10**30]).n.tolist() == [1, 10**30]
    assert h.dist().sf(h.ci([0.5, 0.9])).shape == (2,)  # answers are array-likes, too
    fan, measured = h.fanout(100), h.fanout(10).p_wait([0.5, 1.5])
    answers = fan.extrapolate([0.5, 1.5], 10, measured)
    for k, t in enumerate((0.5, 1.5)):
        assert same(answers[k], fan.extrapolate(t, 10, measured[k]))  # with the interval of the measurement
        assert same(fan.effective_n([0.5, 1.5], measured)[k], fan.effective_n(t, measured[k]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda h: h.ci([0.5, 2.0, 3.0]), ValueError, r"q must be in 0\.\.1, not 2\.0, at position 1"),
        (lambda h: h.ci([[0.5, 0.5], [0.5, math.nan]]), ValueError, r"not nan, at position \(1, 1\)"),
        (lambda h: h.ci([0.5, "0.9"]), TypeError, "q must be an array of numbers, not '0.9', at position 1"),
        (lambda h: h.ci([0.5, None]), TypeError, "not None, at position 1"),
        (lambda h: h.ci([[0.5], [0.5, 0.9]]), ValueError, "q must be an array whose rows all have the same length"),
        (lambda h: h.ci([0.5, 1j]), TypeError, "not 1j, at position 1"),
        (lambda h: h.ci({0.5: 1}), TypeError, "q must be a number"),
        (lambda h: h.ci([0.5], confidence=[0.9]), TypeError, "confidence must be a number"),
        (lambda h: h.apdex([0.5, -1.0]), ValueError, r"t must be a finite number from 0 on, not -1\.0, at position 1"),
        (lambda h: h.slo([0.5, math.inf], 0.9), ValueError, "t must be a finite number from 0 on, not inf"),
        (lambda h: h.slo(0.5, [0.9, 1.1]), ValueError, r"target must be in 0\.\.1, not 1\.1, at position 1"),
        (lambda h: h.fanout([1, 2, 0]), ValueError, "n must be at least 1, not 0, at position 2"),
        (lambda h: h.fanout([1, 10**101]), ValueError, "n must be at most 1e100, .*, at position 1"),
        (lambda h: h.fanout(np.array([1.0, 2.0])), TypeError, r"not 1\.0, at position 0; pass n\.astype\(int\)"),
        (lambda h: h.fanout([1, "2"]), TypeError, "n must be a whole number, not '2', at position 1"),
        (lambda h: h.fanout([[1], [2, 3]]), ValueError, "n must be an array whose rows all have the same length"),
        (lambda h: h.fanout(2).p_wait([0.5, math.nan]), ValueError, "t must not be NaN, at position 1"),
        (lambda h: h.fanout(2).quantile([0.5, -0.5]), ValueError, r"q must be in 0\.\.1, not -0\.5, at position 1"),
        (lambda h: h.fanout(2).bounds([0.5], "some"), ValueError, "dependence must be"),
        (lambda h: h.fanout(2).bounds([0.5], windows=MINUTES), ValueError, "windows must hold"),
        (
            lambda h: h.fanout(2).sensitivity(0.5, [0.1, 7]),
            ValueError,
            r"correlation must be in 0\.\.1, not 7\.0, at pos",
        ),
        (
            lambda h: h.fanout(2).extrapolate(0.5, [1, 3], 0.1),
            ValueError,
            "m must be at most n, 2, not 3: .*, at position 1",
        ),
        (lambda h: h.fanout(2).leaf_percentile([99]), ValueError, r"q must be in 0\.\.1, not 99\.0, at position 0"),
        (lambda h: h.fanout(2).max_n([0.5], [2]), ValueError, r"p must be in 0\.\.1, not 2\.0, at position 0"),
        (lambda h: h.enough_for([0.5], 0), ValueError, "n must be at least 1, not 0"),
        (lambda h: h.dist().sf([0.5, math.nan]), ValueError, "t must not be NaN, at position 1"),
        (lambda h: h.dist().quantile([0.5, 50]), ValueError, r"q must be in 0\.\.1, not 50\.0, at position 1"),
        (lambda h: h.dist().isf([0.5, -1]), ValueError, r"p must be in 0\.\.1, not -1\.0, at position 1"),
        (lambda h: h.quantile([0.5, 99]), ValueError, r"q must be in 0\.\.1, not 99\.0; .*, at position 1"),
        (lambda h: h.cdf([[0.5, math.nan]]), ValueError, r"t must not be NaN, at position \(0, 1\)"),
        (lambda h: h.sf(np.array(["1"])), TypeError, "pass an array of numbers, not '1', at position 0"),
        (lambda h: h.sf(np.array([1], dtype="m8[ns]")), TypeError, r"not of timedelta64\[ns\]: convert to numbers in"),
        (lambda h: h.quantile([10**400]), ValueError, "the range of float64, at position 0"),
    ],
)
def test_errors_name_the_position_of_the_first_bad_element(call, error, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # at once: no warning comes before the error
        for histogram in (Histogram.from_values([1.0, 2.0]), Histogram()):
            if histogram.count or "windows" not in message:
                with pytest.raises(error, match=message):
                    call(histogram)


def test_one_warning_that_points_to_the_caller():
    few = Histogram.from_values([1.0, 2.0, 3.0])
    n = np.arange(1, 457)
    for question in (
        lambda: few.fanout(n).p_wait(0.5),
        lambda: few.fanout(n).sf(0.5),
        lambda: few.fanout(n).cdf(0.5),
        lambda: few.fanout(n).bounds(0.5, "any"),
        lambda: few.fanout(n).sensitivity(0.5, 0.1),
        lambda: few.fanout(n).quantile(0.5),
        lambda: few.fanout(5).quantile([0.5, 0.9]),
        lambda: few.fanout(5).p_wait([0.5, 0.9]),
        lambda: few.fanout(5).cdf([0.5, 0.9]),
        lambda: few.fanout(5).cdf(0.5),
        lambda: few.fanout(5).bounds([0.5, 0.9]),
        lambda: few.fanout(5).sensitivity([0.5, 0.9], 0.1),
        lambda: few.fanout(5).extrapolate([2.0, 4.0], 1, 1.0),
        lambda: few.ci([0.5, 0.9]),
        lambda: few.dist().quantile([0.9, 0.99]),
        lambda: few.dist().ppf([0.9, 0.99]),
        lambda: few.dist().isf([0.1, 0.2]),
        lambda: SYNTHETIC.fanout(10**9).p_wait([0.5, 0.9]),
        lambda: SYNTHETIC.ci([0.5, 1.0]),
    ):
        with pytest.warns(TailWarning) as caught:
            question()
        assert [one.filename for one in caught] == [__file__]
    with pytest.warns(
        TailWarning, match=r"^beyond the data: 453 of 456 answers; the first: users wait for 4 calls, but"
    ):
        few.fanout(n).p_wait(0.5)


def test_estimates_keep_their_intervals_in_every_container():
    """A single one beside an array of times, in a list, in an array of objects, among plain numbers."""
    fan = merge(MINUTES).fanout(100)
    measured = Estimate(0.05, 0.03, 0.08, "counted", confidence=0.9, method="Wilson")
    for question in (lambda t, p: fan.extrapolate(t, 10, p), lambda t, p: fan.effective_n(t, p)):
        single, plain = question(0.5, measured), question(0.5, 0.05)
        assert single.upper > plain.upper and single.confidence == 0.9
        for found in (
            question([0.5, 0.5], measured),
            question(0.5, [measured, measured]),
            question([0.5, 0.5], (measured, measured)),
            question(0.5, np.array([measured, measured], dtype=object)),
        ):
            for one in found:
                assert repr(one) == repr(single)
                assert (one.lower, one.upper) == (single.lower, single.upper)
        mixed = question(0.5, [[measured], [0.05]])
        assert mixed.shape == (2, 1)
        assert [repr(one) for one in (mixed[0, 0], mixed[1, 0])] == [repr(single), repr(plain)]


def test_fanouts():
    h = merge(MINUTES)
    fans = h.fanout([1, 10, 100])
    assert isinstance(fans, Fanouts)
    assert (len(fans), fans.shape, [one.n for one in fans]) == (3, (3,), [1, 10, 100])
    assert isinstance(fans[1], Fanout)
    assert isinstance(fans[1:], Fanouts)
    assert repr(fans).startswith("Fanouts(n=array([  1,  10, 100]), leaf=<Histogram of 600 values")
    with pytest.raises(ValueError, match="read-only"):
        fans.n[0] = 5
    given_ = np.array([1, 2])
    assert h.fanout(given_).n is not given_
    copy = pickle.loads(pickle.dumps(fans))
    assert (copy.leaf, copy.n.tolist()) == (h, [1, 10, 100])
    assert fans.max_n([0.5, 1.5], 0.5).tolist() == [h.fanout(1).max_n(one, 0.5) for one in (0.5, 1.5)]
    assert h.fanout([]).p_wait(0.5).shape == (0,)


def test_slos():
    h = merge(MINUTES)
    slos = h.slo(0.5, [0.5, 0.975, 0.999])
    assert isinstance(slos, Slos)
    assert slos.is_met.tolist() == [True, None, False]
    for k, target in enumerate((0.5, 0.975, 0.999)):
        single = h.slo(0.5, target)
        assert isinstance(slos[k], Slo)
        assert str(slos[k]) == str(single)
        assert (slos[k].edges, slos[k].threshold, slos[k].target) == (single.edges, 0.5, target)
    assert [one.target for one in slos] == [0.5, 0.975, 0.999]
    assert slos[1:].target.tolist() == [0.975, 0.999]
    copy = pickle.loads(pickle.dumps(slos))
    assert (str(copy), copy.unit) == (str(slos), "s")
    assert str(slos).splitlines()[0] == "objective: 50 % within 500 ms: met, within: 0.9733 (0.9571 to 0.9847)"
    assert repr(slos) == f"<Slos, shape (3,)\n{slos}>"
    assert str(h.slo(0.5, np.linspace(0, 1, 100))).splitlines()[10] == "... (80 more)"
    idle = Histogram().slo([0.5, 1.0], 0.9)
    assert idle.is_met.tolist() == [None, None]
    assert (str(idle[0]), idle.edges[1].tolist()) == ("objective: 90 % within 500 ms: no data", [1, 1])


def test_enoughs():
    h = merge(MINUTES)
    enoughs = h.enough_for([0.9, 0.999], n=[1, 10])
    assert isinstance(enoughs, Enoughs)
    assert enoughs.needed.tolist() == [h.enough_for(0.9).needed, h.enough_for(0.999, 10).needed]
    assert enoughs.is_enough.tolist() == np.asarray(enoughs).tolist() == [True, False]
    assert [bool(one) for one in enoughs] == [True, False]
    assert enoughs[1] == h.enough_for(0.999, 10)
    assert enoughs[1:].shape == (1,)
    assert not enoughs[1:]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(enoughs)
    assert repr(pickle.loads(pickle.dumps(enoughs))) == repr(enoughs)
    assert str(enoughs) == f"{h.enough_for(0.9)}\n{h.enough_for(0.999, 10)}"
    assert repr(enoughs) == f"<Enoughs, shape (2,)\n{enoughs}>"


def test_no_data():
    idle = Histogram()
    for answer, lower, upper in (
        (idle.ci([0.5, 0.9]), 0, math.inf),
        (idle.fanout([1, 2]).p_wait(0.5), 0, 1),
        (idle.fanout([1, 2]).cdf(0.5), 0, 1),
        (idle.fanout([1, 2]).bounds(0.5, "any", windows=[idle]), 0, 1),
        (idle.fanout([1, 2]).sensitivity(0.5, 0.1), 0, 1),
        (idle.fanout([1, 2]).quantile(0.5), 0, math.inf),
        (idle.dist().sf([0.5, 1.0]), 0, 1),
        (idle.dist().quantile([0.5, 1.0]), 0, math.inf),
        (idle.apdex([0.5, 1.0]), 0, 1),
    ):
        assert np.isnan(answer).all()
        assert (answer.lower.tolist(), answer.upper.tolist()) == ([lower] * 2, [upper] * 2)
        assert (answer.why, str(answer[0])) == ("no data", "no data")
    assert np.isnan(idle.fanout(1).max_n([0.5], 0.5)).all()


def test_the_same_names_for_the_same_questions():
    h = merge(MINUTES)
    dist, fan = h.dist(), h.fanout(1)
    for name in ("quantile", "cdf", "sf"):
        answers = [getattr(one, name)(0.5) for one in (h, dist, fan)]
        assert answers[0] == pytest.approx(answers[1], rel=0.011) == pytest.approx(answers[2], rel=1e-12)
    assert (dist.min, dist.max, dist.unit) == (h.min, h.max, h.unit)
    assert dist.mean == pytest.approx(h.mean, rel=0.0055)
    assert (fan.sf(0.5), 1 - fan.sf(0.5)) == (fan.p_wait(0.5), fan.cdf(0.5))
    assert (fan.cdf(0.5).lower, fan.cdf(0.5).method) == (1 - fan.sf(0.5).upper, fan.sf(0.5).method)
    assert dist.ppf(0.5) == dist.quantile(0.5)
    assert math.isnan(Histogram().dist().min)


def test_a_question_about_a_number_does_not_load_numpy():
    """Its import takes ten times as long as that of historian."""
    program = """
import sys
from historian import Histogram
h = Histogram.from_values([0.01] * 990 + [1.0] * 10)
fan = h.fanout(10)
h.ci(0.5), h.slo(0.5, 0.9).burn_rate, h.apdex(0.5), h.enough_for(0.5, n=3)
fan.p_wait(0.5), fan.sf(0.5), fan.cdf(0.5), fan.bounds(0.5, "any"), fan.quantile(0.5), fan.leaf_percentile(0.5)
fan.max_n(0.5, 0.5), fan.extrapolate(0.5, 5, 0.05), fan.effective_n(0.5, 0.05)
print("numpy" in sys.modules)
fan.p_wait([0.5])
print("numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True"]
