"""Change points: where a quantile changed, how often there is a false alarm, and what is refused."""

import copy
import math
import pickle
import re
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

import historian
from historian import Change, Histogram, changes
from historian._compare.dependence import Dependence
from historian._compare.pieces import Pieces
from historian._compare.scan import NULL, best, largest, levels, p_value
from historian.tail import TailWarning


def history(rng: np.random.Generator, slower: np.ndarray, calls: int = 500) -> list[Histogram]:
    """Return lognormal calls for each interval, so many times `slower` as the array says, by its logarithm."""
    return [Histogram.from_values(0.05 * np.exp(rng.normal(one, 1, calls))) for one in slower]


def step(n: int, place: int, factor: float) -> np.ndarray:
    return np.where(np.arange(n) >= place, math.log(factor), 0.0)


def wandering(rng: np.random.Generator, n: int, correlation: float) -> np.ndarray:
    found = rng.normal(size=n)
    for k in range(1, n):
        found[k] = correlation * found[k - 1] + math.sqrt(1 - correlation**2) * found[k]
    return found


DOUBLED = history(np.random.default_rng(1), step(60, 40, 2))


# ---- what is found ----


def test_a_change_is_found_where_it_is() -> None:
    (found,) = changes(DOUBLED)
    assert found.first <= 40 <= found.last
    assert abs(found.index - 40) <= 2
    assert found.ratio.lower <= 2 <= found.ratio.upper
    assert found.p_value <= 0.01
    assert (found.before.count, found.after.count) == (500 * found.index, 500 * (60 - found.index))
    assert float(found.ratio) == found.after.quantile(0.99) / found.before.quantile(0.99)


def test_an_incident_is_two_changes() -> None:
    slower = np.zeros(300)
    slower[100:140] = math.log(3)
    found = changes(history(np.random.default_rng(2), slower))
    assert [abs(one.index - place) <= 3 for one, place in zip(found, (100, 140), strict=True)] == [True, True]
    assert found[0].ratio > 1 > found[1].ratio
    assert found[0].after == found[1].before


def test_other_quantiles_are_asked_for() -> None:
    """The slowest tenth of the calls becomes slower: the median stays."""
    rng = np.random.default_rng(3)
    given = []
    for k in range(60):
        values = np.sort(rng.lognormal(-3, 0.3, 500))
        values[450 if k >= 30 else 500 :] *= 8
        given.append(Histogram.from_values(values))
    assert [abs(one.index - 30) <= 1 for one in changes(given, 0.95)] == [True]
    assert changes(given, 0.5) == ()


def test_twice_as_slow_calls_change_at_the_same_places() -> None:
    """A factor of 2 moves all counts by 64 buckets, so every answer but the values is the same."""
    doubled = [histogram.scaled(2, "s") for histogram in DOUBLED]
    (a,), (b,) = changes(DOUBLED), changes(doubled)
    assert (a.index, a.first, a.last, a.p_value) == (b.index, b.first, b.last, b.p_value)
    assert b.before.quantile(0.99) == 2 * a.before.quantile(0.99)
    assert float(b.ratio) == float(a.ratio)


def test_time_turned_round_mirrors_the_place() -> None:
    (a,), (b,) = changes(DOUBLED), changes(DOUBLED[::-1])
    assert b.index == 60 - a.index
    assert float(b.ratio) == pytest.approx(1 / float(a.ratio), rel=1e-12)


def test_intervals_without_calls_are_skipped() -> None:
    given = [one for histogram in DOUBLED for one in (histogram, Histogram())]
    (found,) = changes(given)
    assert abs(found.index - 80) <= 4


def test_few_calls_are_joined() -> None:
    """20 calls have no p99 of their own: 25 intervals together have 5 calls beyond it."""
    given = history(np.random.default_rng(4), step(2_000, 1_000, 2), 20)
    pieces = Pieces(given, 0.99, None)
    assert pieces.cut(0, 2_000) == list(range(0, 2_000, 25))
    (found,) = changes(given)
    assert abs(found.index - 1_000) <= 80


def test_equal_quantiles_are_no_change() -> None:
    """The share of slow calls moves from 0.1 to 0.5 %, and the p99 stays at 1 ms."""
    given = [Histogram.from_values([0.001] * (1_000 - n) + [0.5] * n) for n in [1] * 40 + [5] * 40]
    assert changes(given) == ()
    assert [one.index for one in changes(given, 0.997)] == [40]


def test_ticks_of_a_clock() -> None:
    rng = np.random.default_rng(5)
    given = [Histogram.from_values(np.ceil(rng.exponential(1 + (k >= 30), 1_000)) * 0.01) for k in range(60)]
    (found,) = changes(given)
    assert abs(found.index - 30) <= 1
    assert found.ratio.lower <= 2 <= found.ratio.upper * 1.02


def test_a_cycle_is_no_change_if_its_period_is_told() -> None:
    rng = np.random.default_rng(6)
    wave = 0.7 * np.sin(2 * math.pi * np.arange(288) / 48)
    given = history(rng, wave)
    assert changes(given, period=48) == ()
    found = changes(history(rng, wave + step(288, 200, 2)), period=48)
    assert [abs(one.index - 200) <= 4 for one in found] == [True]


# ---- false alarms ----


def bursts(rng: np.random.Generator, n: int) -> np.ndarray:
    found, on = np.zeros(n), False
    for k in range(n):
        on = rng.random() > 1 / 3 if on else rng.random() < 0.05
        found[k] = 1.5 * on
    return found


@pytest.mark.parametrize(
    "draw",
    [lambda rng, n: np.zeros(n), lambda rng, n: 0.2 * wandering(rng, n, 0.5), bursts],
    ids=["alike", "autocorrelated", "bursts"],
)
def test_false_alarms_are_rare(draw: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    """At 1 %, more than 2 alarms in 30 histories have a probability of 0.3 %; the seed is fixed."""
    rng = np.random.default_rng(7)
    assert sum(bool(changes(history(rng, draw(rng, 60)))) for _ in range(30)) <= 2


# ---- too little to tell ----


def test_no_data() -> None:
    assert changes([]) == changes([Histogram()] * 100) == ()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("given", [DOUBLED[:15], history(np.random.default_rng(8), np.zeros(60), 5)], ids=["15", "5"])
def test_too_few_intervals_or_calls_are_said(given: list[Histogram]) -> None:
    with pytest.warns(TailWarning, match=r"beyond the data: \d+ intervals with [\d,]+ calls are too few"):
        assert changes(given) == ()


def test_equal_intervals_have_no_change() -> None:
    assert changes(DOUBLED[:1] * 60) == ()


# ---- what is refused ----


@pytest.mark.parametrize(
    ("error", "message", "words"),
    [
        (ValueError, "q must be between 0 and 1, not 1", {"q": 1}),
        (ValueError, "q must be", {"q": 99}),
        (ValueError, "alarm must be between 0 and 1, not 0", {"alarm": 0}),
        (ValueError, "alarm must be", {"alarm": math.nan}),
        (ValueError, "period must be at least 2 intervals, not 1", {"period": 1}),
        (ValueError, "period must be at most a third of the 60 intervals, not 21: pass more of them", {"period": 21}),
        (TypeError, "period must be a whole number of intervals, not 1.5", {"period": 1.5}),
        (ValueError, "starts must be as many as the histograms, 60, not 2", {"starts": [1, 2]}),
    ],
)
def test_bad_arguments(error: type[Exception], message: str, words: dict) -> None:
    with pytest.raises(error, match=message):
        changes(DOUBLED, **words)


def test_bad_histograms() -> None:
    with pytest.raises(TypeError, match="histograms must be histograms, not 5 at position 1"):
        changes([Histogram(), 5])
    other = Histogram.from_values([1.0], unit="ms")
    with pytest.raises(ValueError, match="must be in one unit, not in 's', 'ms'"):
        changes([*DOUBLED, other])


# ---- `Change` ----


def test_a_change_says_that_it_is_a_hint() -> None:
    (found,) = changes(DOUBLED)
    pattern = r"hint: p99 from \d+ to [\d,]+ ms, ratio \S+ \(.*\), at interval \d+ \(\d+ to \d+\), p [=<] \S+"
    assert re.fullmatch(pattern, str(found))
    assert repr(found) == f"<Change: {found}>"
    assert found.start is None


def test_starts_name_the_place() -> None:
    begin = datetime(2026, 11, 27, tzinfo=timezone.utc)
    starts = [begin + timedelta(minutes=k) for k in range(60)]
    (found,) = changes(DOUBLED, starts=starts)
    places = found.index, found.first, found.last
    assert (found.start, found.earliest, found.latest) == tuple(starts[k] for k in places)
    assert f"at {found.start} ({found.earliest} to {found.latest})" in str(found)


def test_a_change_is_a_value() -> None:
    (found,) = changes(DOUBLED)
    again = pickle.loads(pickle.dumps(found))
    assert again == found == copy.deepcopy(found)
    assert hash(again) == hash(found)
    assert found != changes(DOUBLED, starts=range(60))[0]
    assert found != 1
    assert (Change.__module__, historian.Change) == ("historian", Change)
    with pytest.raises(AttributeError, match="a Change is immutable: cannot set index"):
        found.index = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot delete index"):
        del found.index


# ---- the scan ----


def test_the_largest_statistic_is_that_of_its_formula() -> None:
    """For one window, V needs no average: D^2/V by the sums in the module's docstring."""
    series = np.random.default_rng(9).normal(size=40)
    statistics = []
    for k in range(1, 40):
        total = series.sum()
        d = series[:k].sum() - k / 40 * total
        v = 0.0
        for part in (series[:k], series[k:][::-1]):
            sums = part.cumsum()
            t = np.arange(1, len(part) + 1)
            v += ((sums - t / len(part) * sums[-1]) ** 2).sum() / 40
        usual = ((k / 40) ** 2 + (1 - k / 40) ** 2) / 6
        statistics.append((d * d, v, usual))
    d2, v, usual = np.array(statistics).T
    rate = v[d2.argmax()] / usual[d2.argmax()]
    expected = d2 / np.maximum(v, rate * usual)
    found, where = largest(series, levels(40)[0])
    assert float(found) == pytest.approx(expected.max(), rel=1e-9)
    assert int(where) == expected.argmax()


def test_the_scan_ignores_place_and_size_of_the_values() -> None:
    series = np.random.default_rng(10).normal(size=200)
    a, b = best(series, lambda size: 1.0), best(1e6 * series + 3, lambda size: 1.0)
    assert a is not None
    assert b is not None
    assert b.chance == pytest.approx(a.chance, rel=1e-6)
    assert b[1:] == a[1:]


@pytest.mark.parametrize("level", range(len(NULL)))
def test_p_values_fall(level: int) -> None:
    found = [p_value(statistic, level) for statistic in np.linspace(0, 300, 500)]
    assert found == sorted(found, reverse=True)
    assert [p_value(one, level) for one in NULL[level]] == pytest.approx([0.1, 0.01, 0.001], rel=1e-9)


def test_a_window_too_short_for_the_dependence_is_left_out() -> None:
    rng = np.random.default_rng(11)
    alike = Dependence(wandering(rng, 300, 0.95))
    assert alike.inflation(16) == math.inf
    free = Dependence(rng.normal(size=300))
    assert 1 <= free.inflation(300) < math.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert best(rng.normal(size=100), lambda size: math.inf) is None
