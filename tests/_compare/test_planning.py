"""`historian.plan`: against whole comparisons, closed formulas and scipy; its trials; bad arguments."""

import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats

from historian import Comparison, Histogram, buckets, compare, merge, plan
from historian._compare import planning, trials
from historian._compare.ratios import Grid, Part, RatioOf, _chances
from historian._compare.trials import FURTHEST, Margins, Turns, Values, _Ranks
from historian._show import terminal
from historian._stats.windows import long_run_variance
from historian.tail import Estimate, TailWarning

RNG = np.random.default_rng(1)
SIGMA = 0.6
PILOT = Histogram.from_values(RNG.lognormal(-4, SIGMA, 200_000))
TICKS = Histogram.from_values(np.ceil(RNG.lognormal(-4, SIGMA, 200_000) / 0.005) * 0.005)
BLOCKS = 60


@pytest.fixture(autouse=True)
def fewer(monkeypatch):
    """Let a plan take a tenth of its time.  A power of 0.8 then has the standard error sqrt(0.16/250) = 0.025."""
    monkeypatch.setattr(planning, "TRIALS", 250)
    monkeypatch.setattr(planning, "FEWER", 50)


def turns(rng, number, own, change=1.0, calls=100):
    """Return a comparison of blocks, of which each side has a speed of its own."""
    a, b = (
        [
            Histogram.from_values(slower * speed * rng.lognormal(0, 0.1, calls))
            for speed in rng.lognormal(0, own, number)
        ]
        for slower in (1.0, change)
    )
    return Comparison(merge(a), merge(b), blocks=zip(a, b))


@pytest.fixture(scope="module")
def in_turns():
    return turns(np.random.default_rng(2), BLOCKS, 0.05)


# ---- the count, the power, the change ----


def test_the_count_is_that_of_the_closed_formula():
    # A sample median has the variance q (1 - q)/(n f^2), f = 1/(sigma sqrt(2 pi)) on the logarithm; for two of them:
    # n = 2 q (1 - q) ((1.960 + 0.842)/(f log 1.1))^2 = 0.5 (2.802/(0.6649 * 0.0953))^2 = 978.
    density = 1 / (SIGMA * math.sqrt(2 * math.pi))
    n = 0.5 * ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / (density * math.log(1.1))) ** 2
    assert round(n) == 977
    planned = plan(PILOT, 1.1, 0.5)
    assert planned.count.lower < n < planned.count.upper
    assert planned.count == pytest.approx(n, rel=0.16)
    assert planned[1:] == (1.1, 0.8, 0.5, 0.95, "values")


@pytest.mark.parametrize("change", [1.2, 1 / 1.2])
def test_whole_comparisons_see_the_change_as_often_as_planned(change):
    power, rng, seen = plan(PILOT, change, 0.9, count=480).power, np.random.default_rng(3), 0
    for _ in range(150):
        a, b = (Histogram.from_values(rng.lognormal(-4, SIGMA, 480) * slower) for slower in (1.0, change))
        ratio = compare(a, b).ratio(0.9)
        seen += ratio.lower > 1 if change > 1 else ratio.upper < 1
    assert seen / 150 == pytest.approx(power, abs=0.13)  # standard errors: 3.3 points of these, 2.5 of the trials
    assert 0.6 < power < 0.95


def test_count_power_and_change_are_inverse():
    n = int(plan(PILOT, 1.1, 0.9).count)
    assert plan(PILOT, 1.1, 0.9, count=n).power == pytest.approx(0.8, abs=0.1)
    change = plan(PILOT, None, 0.9, count=n).change
    assert change == pytest.approx(1.1, abs=0.01) and change.lower < 1.1 < change.upper


@pytest.mark.parametrize(("power", "confidence"), [(0.5, 0.95), (0.8, 0.95), (0.95, 0.95), (0.8, 0.99)])
def test_blocks_for_any_power(in_turns, monkeypatch, power, confidence):
    monkeypatch.setattr(planning, "TRIALS", 20_000)  # of blocks, they take no time
    spread, m = Turns(in_turns, 0.5, 0.95)._spread, np.arange(8, 200)
    reach = stats.t.ppf((1 + confidence) / 2, m - 1)
    powers = stats.nct.sf(reach, m - 1, math.log(1.05) * np.sqrt(m) / spread)
    exact = int(m[powers >= power][0])
    assert plan(in_turns, 1.05, 0.5, power=power, confidence=confidence).count == pytest.approx(exact, rel=0.05, abs=1)


def test_a_change_of_few_buckets(in_turns, monkeypatch):
    # 3 % are 2.7 buckets: seen if the quantiles are 2 apart, which takes more than that their interval is above 1.
    monkeypatch.setattr(planning, "TRIALS", 20_000)
    n = plan(in_turns, 1.03, 0.5, power=0.97).count
    assert plan(in_turns, 1.03, 0.5, count=int(n)).power == pytest.approx(0.97, abs=0.01)
    spread = Turns(in_turns, 0.5, 0.95)._spread
    assert stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, math.log(1.03) * math.sqrt(n) / spread) > 0.98


def test_the_interval_has_the_chance_of_the_pilot():
    widths = []
    for size in (1_000, 10_000, 100_000):
        count = plan(Histogram.from_values(np.random.default_rng(size).lognormal(-4, SIGMA, size)), 1.2, 0.9).count
        widths.append(math.log(count.upper / count.lower))
    assert widths[0] > 2 * widths[1] > 2 * widths[2] > 0


def test_the_same_seed_gives_the_same_answer():
    first, again, other = (plan(PILOT, 1.2, 0.5, count=300, seed=seed).power for seed in (7, 7, 8))
    assert first == again != other


# ---- few values: is there a bound at all? ----

NARROW = Histogram.from_values(0.02 * np.random.default_rng(7).lognormal(0, 0.03, 50_000))


def true_power(pilot, n, change, q, trials=100):
    return Values(pilot, q, 0.95).margins(n, change, trials, (99, 1)).power()


def test_the_least_number_of_values_with_a_bound():
    for q, least in ((0.5, 7), (0.9, 36), (0.1, 36), (0.99, 368), (0.01, 368)):
        assert Values(PILOT, q, 0.95).enough == least
        for n in (least - 1, least):  # a factor of 100: whether there is a bound decides alone
            a, b = (Histogram.from_values(np.geomspace(one, 1.2 * one, n)) for one in (1.0, 100.0))
            assert (compare(a, b).quiet_ratio(q).lower > 1) == (n == least)
    assert Values(NARROW, 0.999, 0.95).enough == 3_688
    assert Values(PILOT, 0.5, 0.99).enough == 9  # 2/2^9 < 0.005 < 2/2^8


@pytest.mark.parametrize(
    ("pilot", "change", "q", "least"),
    [
        (NARROW, 1.3, 0.99, 368),
        (NARROW, 1 / 1.3, 0.99, 368),
        (NARROW, 1.05, 0.99, 368),
        (Histogram.from_values([0.01] * 1_000), 1.1, 0.99, 368),
        (Histogram.from_values([0.01] * 1_000), 1.3, 0.5, 7),
    ],
)
def test_a_count_with_which_there_is_a_bound(pilot, change, q, least):
    count = plan(pilot, change, q).count
    assert count == count.lower == least <= count.upper <= least + 2
    assert true_power(pilot, least, change, q) > 0.85 and true_power(pilot, least - 1, change, q) == 0
    without = plan(pilot, change, q, count=least - 1).power
    assert without == without.upper == 0
    assert plan(pilot, change, q, count=least).power > 0.8
    with pytest.raises(ValueError, match=f"count must be at least {least} to see any change"):
        plan(pilot, None, q, count=least - 1)


@pytest.mark.parametrize(("change", "q"), [(1.05, 0.5), (1.03, 0.99), (1.025, 0.9)])
def test_a_count_that_is_near_the_least_has_its_power(change, q):
    count = plan(NARROW, change, q).count
    enough = Values(NARROW, q, 0.95).enough
    assert enough < count < 4 * enough
    assert true_power(NARROW, int(count), change, q, 1_000) == pytest.approx(0.8, abs=0.07)
    assert plan(NARROW, None, q, count=int(count)).change == pytest.approx(change, abs=0.004)


def test_margins_fall_by_what_is_beyond_all_values():
    trials = Values(NARROW, 0.99, 0.95)
    margins = trials.margins(400, 1.03, 1_000, (1, 1))
    times = math.sqrt(440 / 400)
    expected = stats.norm.ppf(1 - 0.025 + 0.99**440) - stats.norm.ppf(1 - 0.025 + 0.99**400)
    assert margins.falls(times) == pytest.approx(expected, rel=1e-9) and expected < 0
    assert margins.falls(1.0) == 0 and margins.falls(math.sqrt(367 / 400)) == math.inf
    for power in (0.5, 0.8, 0.9):
        times = margins.times(power)
        found = margins.found + (times - 1) * margins.grows - margins.falls(times)
        assert (found > 0).mean() == pytest.approx(power, abs=2e-3)


# ---- a change of few ticks ----

WIDE = Histogram.from_values(np.ceil(RNG.lognormal(-4, SIGMA, 50_000) / 0.002) * 0.002)  # median 20 ms
DOUBT = "the change is less than 6 ticks of the clock"


@pytest.mark.parametrize("given", [{"change": 1.1}, {"change": 1.1, "count": 5_000}, {"count": 60_000}])
def test_a_change_of_few_ticks(given):
    with pytest.warns(TailWarning, match=f"beyond the data: {DOUBT}, .* use a finer clock, or plan for a") as caught:
        planned = plan(WIDE, q=0.5, **given)
    assert [one.filename for one in caught] == [__file__]
    (answer,) = (one for one in planned[:3] if isinstance(one, Estimate))
    assert DOUBT in answer.why
    if answer is planned.power:
        assert answer.lower < 0.15 and answer.upper == 1
    else:
        assert answer.lower == (7 if answer is planned.count else planning.LEAST_CHANGE) and answer.upper == math.inf


def test_a_change_of_many_ticks():
    for given in ({"change": 2.0}, {"change": 2.0, "count": 30}, {"count": 15}):
        answers = [one for one in plan(WIDE, q=0.5, **given)[:3] if isinstance(one, Estimate)]
        assert len(answers) == 1 and DOUBT not in answers[0].why and answers[0].upper < math.inf
    assert Values(WIDE, 0.5, 0.95)._tick == buckets.index(0.020) - buckets.index(0.018) == 9
    assert Values(TICKS, 0.9, 0.95)._tick == buckets.index(0.040) - buckets.index(0.035)
    assert Values(PILOT, 0.99, 0.95)._tick == Values(NARROW, 0.01, 0.95)._tick == 1


# ---- trials ----


def histogram_of(grid):
    """Return the histogram with the values of a grid."""
    values = [buckets.representative(k) for k in grid.edges[:-1].tolist()]
    return Histogram.from_values(np.repeat(values, grid.counts.astype(int)))


@pytest.mark.parametrize(
    ("pilot", "q", "change", "n"),
    [(PILOT, 0.5, 1.03, 3_000), (PILOT, 0.99, 1 / 1.2, 3_000), (TICKS, 0.5, 1.2, 400), (TICKS, 0.9, 1 / 1.3, 500)],
)
def test_a_trial_is_a_comparison(pilot, q, change, n):
    values, trials = Values(pilot, q, 0.95), 40
    found = values.margins(n, change, trials, (1, 1)).found
    rng = np.random.default_rng((1, 1))
    sides = [values._curve.sample(moved, n, trials, rng) for moved in (0.0, 64 * math.log2(change))]
    seen = []
    for a, b in zip(*sides):
        ratio = compare(histogram_of(a), histogram_of(b)).ratio(q)
        seen.append(ratio.lower > 1 if change > 1 else ratio.upper < 1)
    assert seen == (found > 0).tolist() and 0 < sum(seen) < trials


@pytest.mark.parametrize("above", [True, False])
def test_level_is_the_inverse_of_bounds(above):
    rng, tested = np.random.default_rng(4), 0
    for k in range(60):
        values = [rng.lognormal(0, 0.5, 200) * 1.1**side for side in (0, 1)]
        a, b = (Grid.of(Histogram.from_values(np.ceil(4 * one) if k % 2 else one)) for one in values)
        ratio = RatioOf.each(a, b, [0.7])[0]
        level = ratio.level(above=above)
        if 1e-9 < level < 0.49:
            below, beyond = (ratio.bounds(1 - 2 * level * times)[0 if above else 1] for times in (0.999, 1.001))
            assert below <= 1 < beyond if above else below >= 1 > beyond
            tested += 1
    assert tested > 20 or not above


@pytest.mark.parametrize(("n", "q"), [(20, 0.5), (300, 0.99), (3_000, 0.01), (1_000_000, 0.999)])
def test_the_table_of_ranks(n, q):
    a, b = (Grid.of(Histogram.from_values(np.random.default_rng(k).lognormal(0, 0.5, n))) for k in (1, 2))
    asked = Part.of(a, b, q).asked
    for found, exact in zip(_Ranks(n, q).chances(asked), _chances(asked)):
        assert found == pytest.approx(exact, rel=0.01, abs=1e-10)


@pytest.mark.parametrize(("pilot", "q"), [(PILOT, 0.99), (TICKS, 0.5)])
@pytest.mark.parametrize("change", [0.7, 1.0, 1.04, 3.0])
def test_samples_are_moved(pilot, q, change):
    curve = Values(pilot, q, 0.95)._curve
    (grid,) = curve.sample(64 * math.log2(change), 100_000, 1, np.random.default_rng(5))
    assert grid.size == grid.totals[-1] == 100_000
    if pilot is TICKS:  # on the ticks of the clock only, which are multiples of 5 ms
        there = {buckets.index(0.005 * k) for k in range(1, 100)}
        assert set(grid.edges[:-1][grid.counts > 0].tolist()) - there == set() or change != 1
    middle = np.interp(0.5 * grid.size, grid.totals, grid.edges)
    expected = np.interp(0.5, curve.shares, curve.edges) + 64 * math.log2(change)
    assert middle == pytest.approx(expected, abs=1 if pilot is PILOT else 12)


def test_a_change_within_a_tick_is_never_seen():
    coarse = Histogram.from_values([0.01] * 3_000 + [0.02] * 7_000)  # all of 0.5..0.9 lie in one tick
    with pytest.raises(ValueError, match=r"change by 1.05 is not seen with 1,000,000,000 values: ask"):
        plan(coarse, 1.05, 0.7)


def test_margins():
    margins = Margins(np.array([-FURTHEST, -1.0, 0.5, 1.0, 2.0]), 2.0)
    assert margins.power() == 0.6
    assert margins.power(1.6) == 0.8  # 0.6 * 2 more: -1.0 becomes 0.2
    assert margins.times(0.75) == 1.5  # the quantile of 25 % is -1.0, and half of 2.0 is missing
    assert margins._replace(grows=-1.0).times(0.8) == math.inf


# ---- blocks ----


def test_blocks_have_the_power_of_a_t_test(in_turns):
    trials, change = Turns(in_turns, 0.5, 0.95), 1.06
    # Each side of a block varies by 5 %, and its median by sqrt(pi/2) 0.1/sqrt(100) = 1.25 %.
    expected = math.sqrt(2) * math.hypot(0.05, 0.0125)
    assert trials._spread == pytest.approx(expected, rel=3 / math.sqrt(2 * BLOCKS))
    low, high = trials.known(change)
    of_variance = stats.chi2.ppf(0.025, BLOCKS - 1) / (BLOCKS - 1)
    of_neighbours = trials._neighbours.most()  # which may be alike, though they do not look so
    assert math.log(low**2) == pytest.approx(-math.hypot(math.log(of_variance), math.log(of_neighbours)), rel=1e-3)
    assert high**2 == pytest.approx(stats.chi2.ppf(0.975, BLOCKS - 1) / (BLOCKS - 1), rel=1e-3)
    for m in (8, 20, 100):
        found = trials.margins(m, change, 40_000, (1, 1)).power()
        noncentral = math.log(change) * math.sqrt(m) / trials._spread
        assert found == pytest.approx(stats.nct.sf(stats.t.ppf(0.975, m - 1), m - 1, noncentral), abs=0.012)


def test_a_plan_for_blocks(in_turns):
    planned = plan(in_turns, 1.05, 0.5)
    assert planned.unit == planned.count.unit == "pairs of blocks"
    assert planned.count.lower < planned.count < planned.count.upper
    m = int(planned.count)
    assert plan(in_turns, 1.05, 0.5, count=m).power == pytest.approx(0.8, abs=0.1)
    assert plan(in_turns, None, 0.5, count=m).change == pytest.approx(1.05, abs=0.006)
    rng, seen = np.random.default_rng(6), 0
    for _ in range(40):
        seen += turns(rng, m, 0.05, 1.05).ratio(0.5).lower > 1
    assert 0.5 < seen / 40 < 0.98  # standard errors: 6 points of these, 10 of the pilot


def test_what_the_sides_of_a_pilot_differ_by_does_not_matter(in_turns):
    differ = turns(np.random.default_rng(2), BLOCKS, 0.05, 1.3)
    assert plan(differ, 1.05, 0.5).count == pytest.approx(plan(in_turns, 1.05, 0.5).count, rel=0.15)


# ---- blocks whose neighbours are alike ----


def alike(seed, number, change=1.0):
    """Return a comparison of blocks whose neighbours are alike: correlation 0.5 in all but the chance of 100 calls.

    The logarithm of the ratio of the medians has the variance 2 (0.05^2 + pi/2 0.3^2/100) = 0.088^2 from block to
    block.  64 % of it are alike, so the long-run variance is 1 + 2 * 0.64 * 0.5/(1 - 0.5) = 2.28 times as large.
    """
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(2, number))
    for k in range(1, number):
        own[:, k] = 0.5 * own[:, k - 1] + math.sqrt(0.75) * own[:, k]
    a, b = (
        [Histogram.from_values(slower * speed * rng.lognormal(0, 0.3, 100)) for speed in np.exp(0.05 * side)]
        for side, slower in zip(own, (1.0, change))
    )
    return Comparison(merge(a), merge(b), blocks=zip(a, b))


LONG_RUN = math.sqrt(2.28) * 0.0885
RIGHT = 32  # pairs that see 7 % with a probability of 79 %, in 4,000 comparisons


@pytest.fixture(scope="module")
def long_pilot():
    return alike(1, 1_000)


def test_a_long_pilot_tells_how_alike_neighbours_are(long_pilot):
    trials = Turns(long_pilot, 0.5, 0.95)
    low, high = trials.known(1.07)
    assert low < LONG_RUN / trials._spread < high and high / low < 1.6
    assert trials._spread == pytest.approx(LONG_RUN, rel=0.12)  # 0.109 with the noise of the draws
    planned = plan(long_pilot, 1.07, 0.5)
    assert planned.count.lower < RIGHT < planned.count.upper < math.inf


def test_trials_find_out_again_how_alike_neighbours_are(long_pilot):
    trials = Turns(long_pilot, 0.5, 0.95)
    rng, m, change, seen = np.random.default_rng(2), 60, 1.07, []
    moved = math.log(change) / trials._spread
    for one in trials._neighbours.draw(rng, 4_000, m):
        rest = one - one.mean()
        lag = rest[1:] @ rest[:-1] / (rest @ rest)
        ratio = long_run_variance(rest.tolist())[0] / (rest @ rest) * (m - 1) / m if lag > 1.644854 / m**0.5 else 1.0
        deviation = math.sqrt(rest @ rest / (m - 1) / m * max(1.0, ratio))
        seen.append(moved + one.mean() > stats.t.ppf(0.975, m - 1) * deviation)
    power = trials.margins(m, change, 20_000, (1, 1)).power()
    assert power == pytest.approx(np.mean(seen), abs=0.02)  # standard errors: 0.6 and 0.3 points
    known = stats.nct.sf(stats.t.ppf(0.975, m - 1), m - 1, moved * math.sqrt(m))  # if that were known
    assert known - power > 0.03


def test_whole_comparisons_see_the_change_if_neighbours_are_alike(long_pilot):
    power = Turns(long_pilot, 0.5, 0.95).margins(RIGHT, 1.07, 20_000, (1, 1)).power()
    seen = sum(alike(1_000 + k, RIGHT, 1.07).ratio(0.5).lower > 1 for k in range(200))
    assert seen / 200 == pytest.approx(power, abs=0.1)  # standard errors: 2.9 points of these, 3 of the pilot


def test_a_long_series_is_as_good_as_a_longer_one(long_pilot, monkeypatch):
    known = Turns(long_pilot, 0.5, 0.95)
    known._spread = 1.0  # so that the change is one of many buckets
    powers = []
    for longest in (500, 2_000):
        monkeypatch.setattr(trials, "LONGEST", longest)
        powers.append(known.margins(2_000, math.exp(2.8 / math.sqrt(2_000)), 4_000, (1, 1)).power())
    assert powers[0] == pytest.approx(powers[1], abs=0.025) and 0.7 < powers[0] < 0.85  # standard errors: 0.6 points


ALIKE = "neighbouring blocks are alike, and a pilot of 30 pairs does not tell how much"


@pytest.mark.parametrize("given", [{"change": 1.07}, {"change": 1.07, "count": 40}, {"count": 40}])
def test_a_short_pilot_does_not_tell_how_alike_neighbours_are(given):
    short = alike(2, 30)
    with pytest.warns(TailWarning, match=f"beyond the data: {ALIKE}: make blocks longer than the drift ") as caught:
        planned = plan(short, q=0.5, **given)
    assert [one.filename for one in caught] == [__file__]
    (answer,) = (one for one in planned[:3] if isinstance(one, Estimate))
    assert ALIKE in answer.why
    if answer is planned.power:
        assert answer.lower < 0.05 < answer < answer.upper
    else:
        assert answer.lower < answer < answer.upper == math.inf


@pytest.mark.parametrize("pairs", [64, 128])
def test_blocks_that_repeat_exactly(pairs):
    """Neighbours are alike, but a mean over whole periods does not vary: nothing is widened."""
    slow, fast, other = (Histogram.from_values(np.linspace(a, 2 * a, 200)) for a in (1.5, 1.0, 1.2))
    sides = [other] * pairs, [slow, slow, fast, fast, fast, fast, slow, slow] * (pairs // 8)
    repeating = Comparison(*(merge(side) for side in sides), blocks=zip(*sides, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)  # of the pilot of 64 pairs
        planned = plan(repeating, q=0.5, change=1.1)
    assert 20 < planned.count < 60 and planned.count.lower < planned.count < planned.count.upper


def test_intervals_of_short_pilots_hold_the_right_number():
    held, is_open = 0, 0
    for seed in range(40):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            count = plan(alike(seed, 30), 1.07, 0.5).count
        held += count.lower <= RIGHT <= count.upper
        is_open += count.upper == math.inf
        assert len(caught) == (count.upper == math.inf)
    assert held >= 38 and 8 < is_open < 24


def test_never_fewer_blocks_than_an_interval_needs(in_turns):
    assert plan(in_turns, 2.0, 0.5).count == 8
    with pytest.raises(ValueError, match="count must be at least 8, not 7"):
        plan(in_turns, 1.1, count=7)


# ---- the result ----


def test_seconds_and_text():
    planned = plan(PILOT, 1.2, 0.9)
    assert planned.seconds(100) == planned.count / 100 and planned.seconds(100).unit == "s"
    assert str(planned).endswith(" in each histogram see a change of p90 by a factor of 1.2 with a probability of 0.8")
    known = plan(PILOT, 1.2, 0.5, count=5_000)
    assert known.seconds(50) == known.seconds(50).upper == 100.0
    what = "5,000 values in each histogram see a change of the median by a factor of 1.2"
    assert str(known) == f"{what} with a probability of {known.power}"
    assert type(planned).__module__ == "historian"
    again = pickle.loads(pickle.dumps(planned))
    assert again == planned and again.count.lower == planned.count.lower
    for rate, text in ((0, "more than 0"), (-1, "from 0 on"), (math.inf, "finite"), (math.nan, "finite")):
        with pytest.raises(ValueError, match=f"rate must be .*{text}"):
            planned.seconds(rate)


def test_what_notebooks_show():
    planned = plan(PILOT, 1.2, 0.9)
    shown = terminal.text(planned._view(), 100)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "Plan: by a comparison at 95 %" and lines[2] == "value 95 % interval"
    assert lines[3].startswith(f"values in each histogram {planned.count:.0f} ")
    assert lines[4:6] == ["change of p90 to see 1.2 as asked", "probability to see it 0.8 as asked"]
    assert "independent values assumed" in shown and "p90" in planned._repr_html_()
    known = terminal.text(plan(PILOT, 1.2, 0.5, count=200)._view(), 100)
    assert "values in each histogram" in known and "as asked" in known and "change of the median to see" in known
    assert terminal.text(plan(Histogram(), 1.1)._view(), 100) == "Plan: no data"
    assert planned.__rich__() is not None


def test_no_data():
    for given in ({"change": 1.1}, {"count": 100}, {"change": 1.1, "count": 100}):
        planned = plan(Histogram(), **given)
        answers = [one for one in planned[:3] if isinstance(one, Estimate)]
        assert len(answers) == 1 and str(answers[0]) == "no data"
    assert str(plan(Histogram(), 1.1).seconds(10)) == "no data"
    for given in ({"change": 1.1}, {"count": 100}, {"change": 1.1, "count": 100}):
        assert str(plan(Histogram(), **given)) == "no data"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, ValueError, "pass a change, such as 1.1, or a count, such as 10_000, or both"),
        ({"change": 1.1, "count": 9, "power": 0.8}, ValueError, "pass two of change, count and power"),
        ({"change": 1.02}, ValueError, "change must be 1.0219 or more, or 0.9786 or less, not 1.02: "),
        ({"change": 10}, None, ""),
        ({"change": 1e4}, ValueError, "change must be a ratio from 0.001 to 1000, not 10000.0"),
        ({"change": math.nan}, ValueError, "change must be"),
        ({"change": "1.1"}, TypeError, "change must be a number, not '1.1'"),
        ({"change": 1.1, "q": 1}, ValueError, "q must be between 0 and 1, not 1"),
        (
            {"change": 1.1, "q": 0.99999},
            ValueError,
            "pilot must hold at least 1,000,000 values to know the 0.99999-quantile",
        ),
        ({"change": 1.1, "power": 1}, ValueError, "power must be between 0 and 1, not 1"),
        ({"change": 1.1, "power": 0.02}, ValueError, "power must be above 0.025, the share of false alarms, not 0.02"),
        ({"change": 1.1, "confidence": 1}, ValueError, "confidence must be between 0 and 1"),
        ({"change": 1.1, "count": 1}, ValueError, "count must be at least 2, not 1"),
        ({"change": 1.1, "count": 10.5}, TypeError, "count must be a whole number, not 10.5"),
        ({"count": 20}, ValueError, "count must be at least 368 to see any change of this quantile, not 20"),
        ({"change": 1.1, "count": 10**20}, ValueError, "count must be at most 1,000,000,000 values, not 100,000,000,"),
        ({"change": 1.1, "count": 10**9 + 1}, ValueError, "count must be at most 1,000,000,000 values, not 1,000,000,"),
    ],
)
def test_bad_arguments(arguments, error, text):
    if error is None:
        assert plan(PILOT, **arguments).count > 2
        return
    with pytest.raises(error) as caught:
        plan(PILOT, **arguments)
    assert str(caught.value).startswith(text)


def test_bad_pilots(in_turns):
    with pytest.raises(TypeError, match="pilot must be a histogram or a comparison, not 3"):
        plan(3, 1.1)
    with pytest.raises(TypeError) as caught:
        plan(PILOT.to_bytes(), 1.1)
    assert len(str(caught.value)) < 120
    with pytest.raises(ValueError, match="count must be at most 1,000,000 pairs of blocks, not 1,000,001"):
        plan(in_turns, 1.1, count=1_000_001)
    with pytest.raises(ValueError, match="pilot must be a comparison with blocks"):
        plan(compare(PILOT, PILOT), 1.1)
    with pytest.raises(ValueError, match=r"measured values, not synthetic ones: pass the histogram before its c"):
        plan(Histogram.from_values([1.0, 10.0]).corrected(0.1), 1.1)
    with pytest.raises(ValueError, match=r"the 0\.5-quantile of the pilot is beyond the buckets"):
        plan(Histogram.from_values([0.0] * 90 + [1.0] * 10), 1.1, 0.5)
