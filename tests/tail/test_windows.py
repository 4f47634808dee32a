"""`Windows`: leaves in the same windows of time, by enumeration of all pairs of calls, and `History.correlation`."""

import itertools
import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Histogram, History, Interval, merge
from historian.tail import Correlation, Estimates, TailWarning, Windows
from historian.tail.windows import any_of_each

T = 0.5


def histogram(slow, count):
    return Histogram.from_values([0.01] * (count - slow) + [1.0] * slow)


def leaf(*pairs):
    return [histogram(*pair) for pair in pairs]


def history(windows, name="get"):
    return History(Interval(60 * k, 60 * k + 60, {name: one}) for k, one in enumerate(windows))


def quiet(question, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return question(*arguments, **named)


#: Bad minutes of both leaves, the same ones, and others.
BUSY = [k % 10 < 2 for k in range(200)]
DB = [histogram(30 if busy else 1, 100) for busy in BUSY]
CACHE = [histogram(20 if busy else 1, 100) for busy in BUSY]
ELSEWHERE = [histogram(20 if busy else 1, 100) for busy in (*BUSY[5:], *BUSY[:5])]

windows_of_calls = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3)).map(lambda two: ((two[0], 4), (two[1], 3))), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(windows_of_calls)
def test_the_value_is_that_of_all_pairs_of_calls_of_a_window(rows):
    total = Fraction(0)
    for (slow, count), (late, number) in rows:
        calls = [[1] * a + [0] * (n - a) for a, n in ((slow, count), (late, number))]
        waits = [max(pair) for pair in itertools.product(*calls)]
        total += Fraction(sum(waits), len(waits) * len(rows))  # each window has four requests
    together = Windows({"db": leaf(*(one for one, _ in rows)), "cache": leaf(*(other for _, other in rows))})
    answers = [quiet(together.p_wait, T, how) for how in ("independent", "positive", "any")]
    for answer in answers:
        assert float(answer) == pytest.approx(float(total), abs=1e-12)
        assert 0 <= answer.lower <= answer <= answer.upper <= 1
    assert answers[0].lower >= answers[1].lower >= answers[2].lower
    assert answers[0].upper <= answers[1].upper <= answers[2].upper


@pytest.mark.parametrize("dependence", ["independent", "positive"])
def test_the_same_leaf_twice_is_its_fanout_of_two(dependence):
    """`Fanout.bounds` knows that both calls come from the same values; its value is the same."""
    expected = merge(DB).fanout(2).bounds(T, dependence, windows=DB)
    found = Windows({"a": DB, "b": DB}).p_wait(T, dependence)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)
    assert found.lower == pytest.approx(expected.lower, rel=0.06)
    if dependence == "independent":  # else that of the fan-out is for calls that are independent at all times
        assert found.upper == pytest.approx(expected.upper, rel=0.06)


def test_bad_minutes_in_common():
    # In one minute of five 1 - 0.7 * 0.8 = 0.44, in the others 1 - 0.99^2 = 0.0199: 0.2 * 0.44 + 0.8 * 0.0199.
    common = Windows({"db": DB, "cache": CACHE}).p_wait(T)
    assert float(common) == pytest.approx(0.10392)
    # p = 0.068 and 0.048 at all times: 1 - 0.932 * 0.952 = 0.112736.
    assert "independent calls within a window assumed; independent at all times, it would be 0.113" in common.why
    # In different minutes: 0.2 (1 - 0.7 * 0.99) + 0.2 (1 - 0.8 * 0.99) + 0.6 * 0.0199.
    assert float(Windows({"db": DB, "cache": ELSEWHERE}).p_wait(T)) == pytest.approx(0.11494)


def test_any_dependence_within_a_window_holds_its_extremes():
    """0.2 * max(0.3, 0.2) + 0.8 * 0.01 = 0.068, and 0.2 * (0.3 + 0.2) + 0.8 * 0.02 = 0.116."""
    together = Windows({"db": DB, "cache": CACHE})
    free, positive, plain = (together.p_wait(T, how) for how in ("any", "positive", "independent"))
    assert free.lower <= 0.068 and free.upper >= 0.116
    assert positive.lower == free.lower < 0.068
    assert positive.upper == plain.upper < free.upper
    assert "dependence: any within a window" in free.why


def test_a_window_is_never_slower_than_always():
    always = Windows({"db": [histogram(7, 7)] * 40, "cache": CACHE[:40]}).p_wait(T)
    assert (float(always), always.upper) == (1.0, 1.0)
    never = Windows({"db": [histogram(0, 70)] * 40, "cache": [histogram(0, 90)] * 40}).p_wait(T)
    assert (float(never), never.lower) == (0.0, 0.0)
    # Clopper and Pearson: 1 - 0.025^(1/2800), and the same for 3,600.
    assert never.upper == pytest.approx(1 - 0.025 ** (1 / 2800) * 0.025 ** (1 / 3600), rel=1e-9)


def test_requests_are_calls_of_the_first_leaf():
    """Of 400 calls of db 300 are in the second window: 0.25 * (1 - 0.9 * 0.8) + 0.75 * (1 - 0.8 * 0.9)."""
    db, cache = leaf((10, 100), (60, 300)), leaf((20, 100), (10, 100))
    assert float(quiet(Windows({"db": db, "cache": cache}).p_wait, T)) == pytest.approx(0.28)
    db = leaf((0, 100), (300, 300))
    assert float(quiet(Windows({"db": db, "cache": cache}).p_wait, T)) == pytest.approx(0.25 * 0.2 + 0.75)
    assert float(quiet(Windows({"cache": cache, "db": db}).p_wait, T)) == pytest.approx(0.5 * 0.2 + 0.5)


def test_one_window_tells_nothing():
    with pytest.warns(TailWarning, match="only one window"):
        answer = Windows({"db": DB[:1], "cache": CACHE[:1]}).p_wait(T)
    assert (answer.lower, answer.upper) == (0, 1)


def test_windows_without_calls_are_left_out():
    db, cache = [*DB, Histogram(), *DB], [*CACHE, histogram(5, 9), *CACHE]
    answer = Windows({"db": db, "cache": cache}).p_wait(T)
    assert float(answer) == pytest.approx(0.10392)
    assert answer.why.endswith("; 1 window without calls of a leaf left out")
    idle = Windows({"db": [Histogram()] * 3, "cache": CACHE[:3]})
    assert (str(idle.p_wait(T)), str(idle.correlation("db", "cache", T))) == ("no data", "no data")
    assert str(Windows({"db": [], "cache": []}).p_wait(T)) == "no data"


def test_correlation_of_leaves():
    assert float(Windows({"a": DB, "b": CACHE}).correlation("a", "b", T)) == pytest.approx(1)
    apart = Windows({"a": DB, "b": ELSEWHERE}).correlation("a", "b", T)
    # One minute of five is bad, never the same one: -0.2 * 0.2/(0.2 * 0.8).
    assert float(apart) == pytest.approx(-0.25)
    assert apart.lower < -0.25 < apart.upper < 0
    assert apart.why == "correlation in time, of 200 windows"
    same = Windows({"a": DB, "b": CACHE}).correlation("a", "a", T)
    assert str(same) == "1.0000 (0.9817 to 1.0000)"  # 0.025^(1/200)
    assert math.isnan(Windows({"a": DB, "b": [histogram(1, 10)] * 200}).correlation("a", "b", T))


def test_arrays():
    together = Windows({"db": DB, "cache": CACHE})
    found = together.p_wait([[0.001, T], [T, 2.0]], "any")
    assert isinstance(found, Estimates) and found.shape == (2, 2)
    assert found[0, 1].upper == together.p_wait(T, "any").upper
    assert np.asarray(together.correlation("db", "cache", [T])).tolist() == [together.correlation("db", "cache", T)]


def test_a_line_says_how_many_windows_and_how_slow_the_leaves_are():
    fast, slow, idle = (Histogram.from_values(values, unit="ms") for values in ([2.0] * 99, [400.0], []))
    found = Windows({"db": [fast, slow, idle], "a\nb": [idle, fast, fast], "idle": [idle, Histogram(), idle]})
    # Of 100 values of db, the 99th is fast.
    assert repr(found) == '<Windows of 3 leaves, 3 windows each: db p99 2.00 ms, "a\\nb" p99 2.00 ms, idle no data>'
    found = Windows({"db": [fast, slow + slow, idle], "cache": [slow, slow, slow]})
    assert repr(found) == "<Windows of 2 leaves, 3 windows each: db p99 400 ms, cache p99 400 ms>"
    assert repr(Windows({"db": [], "cache": []})) == "<Windows of 2 leaves, 0 windows each: db no data, cache no data>"
    many = repr(Windows({k: [slow] for k in range(9)}))
    assert many.startswith("<Windows of 9 leaves, 1 window each: 0 p99 400 ms, ") and many.endswith(
        "7 p99 400 ms, ...>"
    )


def test_histories_must_have_the_same_intervals():
    both = history(DB, "db") + history(CACHE, "cache")
    found = Windows({name: both.select(name) for name in ("db", "cache")})
    assert float(found.p_wait(T)) == pytest.approx(0.10392)
    assert found.names == ("db", "cache")
    assert float(Windows(both.by()).p_wait(T)) == pytest.approx(0.10392)
    later = History(Interval(60 * k + 30, 60 * k + 90, {"b": one}) for k, one in enumerate(CACHE))
    with pytest.raises(ValueError, match="leaves must have the same intervals, but those of db and cache differ"):
        Windows({"db": history(DB), "cache": later})


@pytest.mark.parametrize(
    ("leaves", "error", "text"),
    [
        ({"db": DB}, ValueError, "two leaves or more, not 1"),
        ({"db": DB, "cache": CACHE[1:]}, ValueError, "the same windows, not {'db': 200, 'cache': 199}"),
        ([DB, CACHE], TypeError, r"a mapping of names to histories, or to histograms, not \[\["),
        (DB[0], TypeError, "a mapping of names to histories, or to histograms, not <Histogram"),
        ({"db": DB, "cache": DB[0]}, TypeError, "'cache' must be a history or an iterable of histograms"),
        ({"db": DB, "cache": 7}, TypeError, "'cache' must be a history or an iterable of histograms, not 7"),
        ({"db": DB, "cache": [1] * 200}, TypeError, "'cache' must have histograms, not 1"),
        ({"db": DB, "cache": [Histogram.from_values([1], unit="ms")] * 200}, ValueError, "one unit, not 'ms', 's'"),
    ],
)
def test_bad_leaves(leaves, error, text):
    with pytest.raises(error, match=text):
        Windows(leaves)


def test_bad_questions():
    together = Windows({"db": DB, "cache": CACHE})
    for question in (together.p_wait, lambda t: together.correlation("db", "cache", t), history(DB).correlation):
        with pytest.raises(ValueError, match="t must not be NaN"):
            question(math.nan)
    with pytest.raises(ValueError, match="dependence must be"):
        together.p_wait(T, "negative")
    with pytest.raises(ValueError, match="'disk' is not the name of a leaf: they are 'db', 'cache'"):
        together.correlation("db", "disk", T)
    with pytest.raises(ValueError, match="lags must be at most the number of intervals, 200, not 201"):
        history(DB).correlation(T, lags=201)
    with pytest.raises(ValueError, match="confidence"):
        history(DB).correlation(T, confidence=1)


def test_no_slow_call_is_0():
    answer = quiet(Windows({"db": DB, "cache": CACHE}).p_wait, 1e9)
    assert answer.why.endswith("independent at all times, it would be 0")


def test_any_of_each():
    assert any_of_each([1e-300, 1e-300]) == 2e-300
    assert any_of_each([1.0, 0.3]) == 1.0
    assert repr(any_of_each([0.0, 0.0])) == "0.0"  # not -0.0
    assert any_of_each([0.3, 0.2]) == pytest.approx(0.44)


# ---- History.correlation ----


def test_what_windows_count_is_what_correlation_says():
    minutes = history(DB)
    found = minutes.correlation(T, lags=3)
    assert isinstance(found, Correlation)
    assert (found.t, found.unit, found.values, found.windows) == (T, "s", 20_000, 200)
    assert found.share == pytest.approx(0.068)
    why = minutes.total().slo(T, 0.9, windows=minutes).within.why
    assert f"in windows: effective sample size {found.used:,.0f}" in why
    size, inflation = found.effective_values, found.inflation
    assert size.lower <= found.used and size.lower <= size <= size.upper <= 20_000
    assert float(inflation) == pytest.approx(20_000 / float(size))
    assert inflation.lower == pytest.approx(20_000 / size.upper)
    # Two bad minutes of ten: a bad one is followed by a bad one in half of the cases, (0.1 - 0.04)/0.16.
    assert float(found.lags[0]) == pytest.approx(0.375, abs=0.03)
    assert float(found.lags[1]) == pytest.approx(-0.25, abs=0.03)


def test_it_prints_as_a_table():
    text = str(history(DB).correlation(T, lags=2))
    lines = text.splitlines()
    assert lines[0] == "Correlation in time: 6.8 % of 20,000 values above 500 ms, in 200 windows"
    assert [one.split("  ")[0] for one in lines[2:5]] == ["windows apart", "1", "2"]
    assert "effective values" in text and "inflation of the variance" in text and "values that windows= counts" in text
    assert "Correlation in time" in history(DB).correlation(T)._repr_html_()
    assert repr(history(DB).correlation(T)) == "<Correlation of 200 windows at 500 ms>"
    assert "db" in Windows({"db": DB, "cache": CACHE})._repr_html_()


def test_intervals_without_values_keep_their_places():
    """Every second interval is empty: neighbours are never both known."""
    gaps = [one for pair in zip(DB, [Histogram()] * 200) for one in pair]
    found = history(gaps).correlation(T, lags=4)
    assert [str(one) == "no data" for one in found.lags] == [True, False, True, False]
    assert float(found.lags[1]) == pytest.approx(0.375, abs=0.03)
    assert found.windows == 200


def test_no_data():
    for empty in (History(), history([Histogram()] * 40)):
        found = empty.correlation(T)
        assert (found.values, found.windows, found.used) == (0, 0, 0.0)
        assert [str(one) for one in (*found.lags, found.effective_values, found.inflation)] == ["no data"] * 12
        assert math.isnan(found.share)
        assert str(found) == "Correlation in time: no data"
    all_fast = history([histogram(0, 50)] * 40).correlation(T)
    assert str(all_fast.effective_values) == "no data" and all_fast.used == 2_000
    assert (all_fast.effective_values.upper, all_fast.inflation.lower) == (2_000, 1.0)
    assert "no data" in str(all_fast)


def test_few_windows_warn():
    with pytest.warns(TailWarning, match="10 windows are too few"):
        history(DB[:10]).correlation(T)
    with pytest.warns(TailWarning, match="10 windows are too few"):
        Windows({"db": DB[:10], "cache": CACHE[:10]}).p_wait(T)


def test_pickles():
    together = Windows({"db": DB, "cache": CACHE})
    again = pickle.loads(pickle.dumps(together))
    assert (again.names, again.leaves, again.unit) == (together.names, together.leaves, together.unit)
    found = history(DB).correlation(T)
    copy = pickle.loads(pickle.dumps(found))
    assert str(copy) == str(found) and copy.lags[0].upper == found.lags[0].upper


def test_the_intervals_of_simulated_leaves_hold_the_truth():
    """Both leaves follow one autoregression; benchmarks/accuracy_correlation.py counts in more situations."""
    rng, held, waits = np.random.default_rng(9), 0, 0.0
    for _ in range(40):
        x = np.zeros(100)
        for k in range(1, 100):
            x[k] = 0.5 * x[k - 1] + rng.normal() * math.sqrt(0.75)
        p = np.clip(0.1 + 0.03 * x, 0, 1)
        slow = rng.binomial(100, p, (2, 100)).tolist()
        db, cache = (leaf(*((one, 100) for one in row)) for row in slow)
        answer = quiet(Windows({"db": db, "cache": cache}).p_wait, T)
        truth = 2 * 0.1 - (0.1**2 + 0.03**2)  # 2 m - E(p^2)
        held += answer.lower <= truth <= answer.upper
        waits += float(answer) / 40
    assert held >= 35
    assert waits == pytest.approx(0.1891, rel=0.03)
