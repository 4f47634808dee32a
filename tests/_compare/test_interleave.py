"""`historian.interleave`, with a clock that only its callables advance."""

import gc
import itertools
import math

import numpy as np
import pytest

import historian
from historian import Comparison, Histogram, merge
from historian._compare.arguments import least_blocks
from historian._compare.bootstrap import percentile_interval
from historian._compare.stopping import looks_at
from historian.buckets import GROWTH
from historian.tail import TailWarning


@pytest.fixture(autouse=True)
def no_collection(request, monkeypatch):
    """Collect no garbage before a turn: there are thousands of them."""
    if "garbage" not in request.node.name:
        monkeypatch.setattr("historian._compare.interleave.gc.collect", int)


class Fake:
    """A clock in nanoseconds, and callables that advance it."""

    def __init__(self):
        self.now = 0
        self.calls = []
        self.speed = 1.0  # the current speed of the machine

    def __call__(self):
        return self.now

    def takes(self, name, durations):
        durations = iter(durations)

        def function():
            self.calls.append(name)
            self.now += round(next(durations) * self.speed)

        return function


def forever(*nanoseconds):
    while True:
        yield from nanoseconds


def test_in_turns():
    fake = Fake()
    f, g = fake.takes("A", forever(1_000_000)), fake.takes("B", forever(800_000))
    comparison = historian.interleave(f, g, blocks=8, calls=3, warm_up=1, seed=1, clock=fake)
    turns = "".join(fake.calls[::3])  # three calls each
    assert "".join(3 * one for one in turns) == "".join(fake.calls)
    blocks = [turns[k : k + 4] for k in range(0, len(turns), 4)]
    assert len(blocks) == 9 and set(blocks) == {"ABBA", "BAAB"}  # the first block is the warm-up
    assert isinstance(comparison, Comparison)
    assert comparison.a == Histogram.from_values([0.001] * 48)
    assert comparison.b == Histogram.from_values([0.0008] * 48)
    assert [a.count for a, _ in comparison.blocks] == [6] * 8
    assert merge(b for _, b in comparison.blocks) == comparison.b
    ratio = comparison.ratio(0.5)
    assert float(ratio) == pytest.approx(0.8) and ratio.lower < 0.8 < ratio.upper
    assert ratio.upper / ratio.lower < 1.05  # at most four buckets, since there is no noise
    assert ratio.upper / ratio.lower >= GROWTH**2 * (1 - 1e-9)  # and at least two
    assert "8 blocks of each, resampled" in ratio.why


def test_the_warm_up_is_thrown_away():
    fake = Fake()
    slow_at_first = [9_000_000] * 8 + [1_000_000] * 100
    comparison = historian.interleave(
        fake.takes("A", slow_at_first), fake.takes("B", forever(1_000_000)), blocks=8, calls=2, warm_up=2, clock=fake
    )
    assert comparison.a.max == 0.001 and comparison.a.count == 32


def test_as_many_calls_as_fill_the_time():
    fake = Fake()
    f, g = fake.takes("A", forever(3_000_000)), fake.takes("B", forever(1_000_000))
    comparison = historian.interleave(f, g, blocks=10, seconds=2.0, warm_up=1, clock=fake)
    assert comparison.a.count == comparison.b.count == 500  # 2 s / (10 blocks * 8 ms) = 25 calls a turn
    assert len(comparison.blocks) == 10
    slow_at_first = fake.takes("A", [900_000_000, 900_000_000, *[3_000_000] * 1_000])
    comparison = historian.interleave(slow_at_first, g, blocks=10, seconds=2.0, warm_up=2, clock=fake)
    assert comparison.a.count == 500  # the last block of the warm-up determines it
    comparison = historian.interleave(f, g, blocks=10, seconds=0, clock=fake)
    assert comparison.a.count == 20  # at least one call a turn


def test_more_than_two():
    fake = Fake()
    functions = [fake.takes(name, forever(n)) for name, n in (("A", 1_000_000), ("B", 2_000_000), ("C", 500_000))]
    found = historian.interleave(*functions, blocks=40, calls=1, warm_up=1, names=["x", "y", "z"], seed=1, clock=fake)
    blocks = ["".join(fake.calls[k : k + 6]) for k in range(0, len(fake.calls), 6)]
    assert all(block == block[::-1] and set(block) == set("ABC") for block in blocks)  # there and back
    assert len(blocks) == 41 and len({block[:3] for block in blocks}) == 6  # in every order
    assert [comparison.names for comparison in found] == [("x", "y"), ("x", "z")]
    assert [float(c.ratio(0.5)) for c in found] == pytest.approx([2.0, 0.5])
    assert [c.names for c in historian.interleave(*functions, blocks=8, calls=1, clock=fake)] == [
        ("A", "B"),
        ("A", "C"),
    ]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector(enabled):
    seen, runs = [], []

    def count(phase, info):
        runs.append(phase)

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        gc.callbacks.append(count)
        historian.interleave(
            lambda: seen.append(gc.isenabled()), lambda: seen.append(gc.isenabled()), blocks=8, calls=2, warm_up=1
        )
        assert gc.isenabled() is enabled
        assert seen == [False] * 72
        assert runs.count("start") >= 36  # before each turn
    finally:
        gc.callbacks.remove(count)
        (gc.enable if before else gc.disable)()


def test_a_callable_may_switch_the_garbage_collector():
    before = gc.isenabled()
    try:
        for switch, prepare in ((gc.enable, gc.disable), (gc.disable, gc.enable)):
            prepare()
            enabled = gc.isenabled()
            historian.interleave(switch, switch, blocks=8, calls=1)
            assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_an_exception_passes():
    def fails():
        raise LookupError("mine")

    assert gc.isenabled()
    with pytest.raises(LookupError, match="mine"):
        historian.interleave(lambda: None, fails, calls=1)
    assert gc.isenabled()


def test_a_machine_that_changes_its_speed():
    # Blocks differ by a factor of up to 5, but it is the same for both blocks of a pair: the ratio stays.
    rng, fake = np.random.default_rng(1), Fake()

    def noisy(scale):
        while True:
            yield scale * rng.lognormal(0, 0.1)

    speeds = iter(rng.uniform(0.5, 2.5, 40))  # one speed for each block
    f, g = fake.takes("A", noisy(1e6)), fake.takes("B", noisy(0.8e6))
    started = []

    def clocked(function):
        def run():
            if not len(started) % 80:
                fake.speed = next(speeds)
            started.append(function)
            function()

        return run

    comparison = historian.interleave(clocked(f), clocked(g), blocks=30, calls=20, warm_up=1, seed=1, clock=fake)
    ratio = comparison.ratio(0.5)
    assert ratio.lower < 0.8 < ratio.upper
    assert comparison.superiority.lower < comparison.superiority < comparison.superiority.upper
    assert 0 <= comparison.wasserstein.lower <= comparison.wasserstein <= comparison.wasserstein.upper < math.inf
    assert 0 <= comparison.kolmogorov_smirnov.lower <= comparison.kolmogorov_smirnov.upper <= 1
    assert "intervals: resampled from 30 pairs of blocks" in str(comparison).splitlines()


# ---- A against A ----

SPEEDS = {  # the time of a call, relative to the first one, at a share of the run and at the number of a turn
    "steady": lambda share, turn, where: 1.0,
    "slows down": lambda share, turn, where: 1 + share,
    "warms up": lambda share, turn, where: 2 - share,
    "a step": lambda share, turn, where: 1.0 + 0.5 * (share > where),
    "each second turn": lambda share, turn, where: 1.0 + 0.3 * (turn % 2 == 0),
    "two of four turns": lambda share, turn, where: 1.0 + 0.3 * (turn % 4 in (0, 3)),
    "a wave of six turns": lambda share, turn, where: 1.3 + 0.3 * math.sin(2 * math.pi * (turn / 6 + where)),
}


def a_against_a(speed, rng, seed, blocks=8, calls=8, **options):
    """Compare a function with itself on a machine with this speed."""
    number = 2 * 2 * (blocks + 1) * calls
    times = (1e6 * rng.lognormal(0, 0.02, number)).tolist()
    where, done, now = rng.uniform(0.1, 0.9), 0, 0

    def function():
        nonlocal done, now
        now += round(times[done] * speed(done / number, done // calls, where))
        done += 1

    options.update(blocks=blocks, calls=calls, warm_up=1, seed=seed, clock=lambda: now)
    return historian.interleave(function, function, **options)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_against_a_seldom_differs(speed):
    # The intervals should cover 95 % of 120 runs: 93 % is accepted, which is 8 alarms.
    rng, differ = np.random.default_rng(11), dict.fromkeys((0.5, 0.9), 0)
    for seed in range(120):
        comparison = a_against_a(SPEEDS[speed], rng, seed)
        for q in differ:
            ratio = comparison.ratio(q)
            differ[q] += not ratio.lower <= 1 <= ratio.upper
    assert max(differ.values()) <= 8, differ


@pytest.mark.parametrize("speed", ["steady", "two of four turns"])
def test_a_table_of_a_against_a_seldom_has_a_row_that_differs(speed):
    # As above: 93 % of 80 tables is accepted, which is 5 alarms.
    rng, differ = np.random.default_rng(12), 0
    for seed in range(80):
        lines = str(a_against_a(SPEEDS[speed], rng, seed, calls=50)).splitlines()
        assert "95 % confidence: for all 3 ratios together (Bonferroni), for each other line alone" in lines
        differ += not all("undecided" in line for line in lines[2:5])
    assert differ <= 5


def test_the_order_is_random_unless_it_has_a_seed():
    def order(seed):
        fake = Fake()
        functions = [fake.takes(name, forever(1_000_000)) for name in "AB"]
        historian.interleave(*functions, blocks=40, calls=1, seed=seed, clock=fake)
        return "".join(fake.calls)

    assert order(1) == order(1) != order(2)
    assert order(None) != order(None)  # equal by chance: 2**-42


# ---- until ----


def test_it_stops_as_soon_as_it_is_decided():
    fake = Fake()
    f, g = fake.takes("A", forever(1_000_000)), fake.takes("B", forever(800_000))
    comparison = historian.interleave(f, g, calls=20, until="decided", warm_up=1, clock=fake)
    looks = looks_at(300, 0.95)
    assert len(comparison.blocks) == looks[0] == 12 and comparison.looks == len(looks) == 13
    assert comparison.decided and comparison.ratio(0.5).upper < 1
    assert len(fake.calls) == 13 * 4 * 20  # with the warm-up
    assert "95 % confidence at all 13 looks together: for all 2 ratios together (Bonferroni)" in str(comparison)
    assert "at all 13 looks together" in comparison.ratio(0.5).why


def test_what_does_not_differ_takes_all_blocks():
    fake = Fake()
    f, g = fake.takes("A", forever(1_000_000)), fake.takes("B", forever(1_000_000))
    comparison = historian.interleave(f, g, blocks=40, calls=20, until="decided", clock=fake)
    assert len(comparison.blocks) == 40 and not comparison.decided


def test_until_a_precision():
    rng, fake = np.random.default_rng(1), Fake()

    def noisy():
        while True:
            yield 1e6 * rng.lognormal(0, 0.1)

    f, g = fake.takes("A", noisy()), fake.takes("B", noisy())
    rough, fine = (
        historian.interleave(f, g, calls=10, seconds=1e3, until=until, seed=1, clock=fake) for until in (0.1, 0.03)
    )
    assert rough.precision() <= 0.1 and fine.precision() <= 0.03
    assert 12 <= len(rough.blocks) < len(fine.blocks) < 300
    assert max(fine.ratio(0.5).upper / fine.ratio(0.5), fine.ratio(0.5) / fine.ratio(0.5).lower) <= 1.03


def test_until_what_a_callable_says():
    fake, seen = Fake(), []
    f, g = fake.takes("A", forever(1_000_000)), fake.takes("B", forever(900_000))

    def enough(comparison):
        assert gc.isenabled()
        seen.append(len(comparison.blocks))
        comparison.ratio(0.9999)  # there are too few values, which is no warning here
        return len(seen) == 3

    assert gc.isenabled()
    comparison = historian.interleave(f, g, blocks=100, calls=2, until=enough, clock=fake)
    assert seen == looks_at(100, 0.95)[:3] and len(comparison.blocks) == seen[-1]

    def fails(comparison):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        historian.interleave(f, g, calls=1, until=fails, clock=fake)
    assert gc.isenabled()


def test_until_waits_for_all_answers():
    fake = Fake()
    functions = [fake.takes(name, forever(n)) for name, n in (("A", 1_000_000), ("B", 500_000), ("C", 1_000_000))]
    found = historian.interleave(*functions, blocks=30, calls=5, until="decided", clock=fake)
    assert [comparison.decided for comparison in found] == [True, False]
    assert [len(comparison.blocks) for comparison in found] == [30, 30]


def test_until_keeps_to_the_time():
    fake = Fake()
    f, g = fake.takes("A", forever(50_000_000)), fake.takes("B", forever(50_000_000))
    one = historian.interleave(f, g, until="decided", seconds=6.0, clock=fake)  # a block of single calls takes 0.2 s
    assert len(one.blocks) == 30 and one.a.count == 60
    assert one.looks == len(looks_at(30, 0.95)) == 5
    slow = historian.interleave(f, g, until="decided", seconds=0.1, clock=fake)
    assert len(slow.blocks) == 8 and slow.looks == 1  # fewer give no interval
    quick = historian.interleave(f, g, until="decided", blocks=10, seconds=60.0, clock=fake)
    assert len(quick.blocks) == 10 and quick.a.count == 10 * 2 * 30  # 60 s / (10 blocks * 0.2 s)
    given = historian.interleave(f, g, until="decided", calls=4, seconds=16.0, clock=fake)
    assert len(given.blocks) == 20 and given.a.count == 20 * 2 * 4


@pytest.mark.parametrize("blocks", [8, 9, 12, 30, 100, 299, 300, 10_000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_looks_are_few_and_each_has_an_interval(blocks, confidence):
    looks = looks_at(blocks, confidence)
    assert looks == sorted(set(looks)) and looks[-1] == blocks
    assert looks[0] >= least_blocks(confidence, len(looks)) or looks == [blocks]
    assert all(after <= 1.3 * before + 1 for before, after in itertools.pairwise(looks))
    assert len(looks) <= 1 + math.log(blocks / looks[0]) / math.log(1.3) + 1


@pytest.mark.parametrize("speed", ["steady", "two of four turns"])
def test_a_against_a_is_seldom_decided_at_any_look(speed):
    # As above: 93 % of 50 runs is accepted, which is 3 alarms.
    rng = np.random.default_rng(13)
    runs = [a_against_a(SPEEDS[speed], rng, seed, blocks=30, until="decided", seconds=1e6) for seed in range(50)]
    assert sum(run.decided for run in runs) <= 3
    assert all(run.looks == 5 for run in runs)


# ---- blocks ----


def reached(drift, blocks, times):
    """Return the share of intervals for the median that hold the true ratio, on a machine whose speed drifts."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(times):
        weather = np.exp(drift * rng.normal(size=blocks))
        a = [Histogram.from_values(k * rng.lognormal(0, 0.3, 100)) for k in weather]
        b = [
            Histogram.from_values(0.8 * k * rng.lognormal(0, 0.3, 100))
            for k in weather * np.exp(rng.normal(0, 0.03, blocks))
        ]
        ratio = Comparison(merge(a), merge(b), blocks=zip(a, b)).ratio(0.5)
        hits += ratio.lower <= 0.8 <= ratio.upper
    return hits / times


@pytest.mark.parametrize(("drift", "blocks"), [(0.0, 30), (0.2, 10)])
def test_intervals_of_blocks_cover_what_they_say(drift, blocks):
    assert 0.89 <= reached(drift, blocks, 120) <= 1  # at least 95 % minus four standard deviations of 2 %


def test_intervals_of_blocks_of_whole_milliseconds_cover_what_they_say():
    # The medians of the whole numbers are 13 and 10.  P(Y <= 10) = 0.502 is close to 0.5, so half of the samples have
    # a median of 11.  Intervals of values spread over their bucket would cover 52 %.
    rng, hits, times = np.random.default_rng(4), 0, 150
    for _ in range(times):
        a, b = (
            [Histogram.from_values(np.ceil(rng.lognormal(mean, 0.7, 50))) for _ in range(30)] for mean in (2.5, 2.3)
        )
        ratio = Comparison(merge(a), merge(b), blocks=zip(a, b)).ratio(0.5)
        hits += ratio.lower <= 10 / 13 <= ratio.upper
    assert 0.88 <= hits / times <= 1  # at least 95 % minus four standard deviations of 1.8 %


def test_blocks_tell_more_than_independent_values_would():
    # Each block of B as a whole is slower or faster: the effective sample size of 3,000 values is 30.
    rng = np.random.default_rng(3)
    a = [Histogram.from_values(rng.lognormal(0, 0.1, 100)) for _ in range(30)]
    b = [Histogram.from_values(rng.lognormal(0, 0.5) * rng.lognormal(0, 0.1, 100)) for _ in range(30)]
    whole = merge(a), merge(b)
    naive, honest = historian.compare(*whole).ratio(0.5), Comparison(*whole, blocks=zip(a, b)).ratio(0.5)
    assert math.log(honest.upper / honest.lower) > 5 * math.log(naive.upper / naive.lower)
    assert Comparison(*whole, blocks=zip(a, b)).ratio(0.5) == honest  # the resampling is the same in each call


def test_what_is_alike_in_all_blocks_is_not_certain():
    # All of B is faster, in each block and so in every draw.  100 values allow no more than 0.025**(1/100) = 0.9638.
    a, b = (Histogram.from_values([value] * 10) for value in (2.0, 1.0))
    there, back = (Comparison(merge([x] * 10), merge([y] * 10), blocks=[(x, y)] * 10) for x, y in ((a, b), (b, a)))
    assert (there.superiority.lower, there.superiority.upper) == (pytest.approx(0.9638, abs=1e-4), 1)
    assert (back.superiority.lower, back.superiority.upper) == (0, pytest.approx(1 - 0.9638, abs=1e-4))
    # The band of Dvoretzky, Kiefer & Wolfowitz: 2 * sqrt(ln(4 / 0.05) / 2 / 100) = 0.296
    assert there.kolmogorov_smirnov.lower == pytest.approx(1 - 0.296, abs=1e-3)
    assert "probability that a value of B is below a value of A, a tie counts half: 1.0000 (0.9638 to 1.0000)" in str(
        there
    )


def test_distances_of_blocks_that_differ_by_noise_alone_may_be_zero():
    # Each block has its own speed, all from one distribution.  The measured distances and all resampled distances
    # are above 0, but only because of noise.
    rng = np.random.default_rng(5)
    a, b = ([Histogram.from_values(rng.lognormal(0, 1) * rng.lognormal(0, 0.1, 200)) for _ in range(8)] for _ in "ab")
    comparison = Comparison(merge(a), merge(b), blocks=zip(a, b))
    assert comparison.kolmogorov_smirnov > 0.2 and comparison.kolmogorov_smirnov.lower == 0
    assert comparison.wasserstein > 0.1 and comparison.wasserstein.lower == 0


def test_too_few_samples_stay_too_few():
    blocks = [(Histogram.from_values([1.0, 2.0]), Histogram.from_values([1.0, 3.0]))] * 8
    comparison = Comparison(*(merge(side) for side in zip(*blocks)), blocks=blocks)
    with pytest.warns(TailWarning, match="too few samples"):
        ratio = comparison.ratio(0.99)
    assert (ratio.lower, ratio.upper) == (0, math.inf)


def test_blocks_that_do_not_fit_are_refused():
    one = Histogram.from_values([1.0])
    eight = merge([one] * 8)
    with pytest.raises(ValueError, match="blocks must be at least 8 for intervals of 95 %, not 7"):
        Comparison(eight, eight, blocks=[(one, one)] * 7)
    with pytest.raises(ValueError, match=r"blocks must hold the values of a and b, 8 and 8, not \(9, 9\)"):
        Comparison(eight, eight, blocks=[(one, one)] * 9)
    with pytest.raises(ValueError, match="each block must hold values of a and of b"):
        Comparison(eight, eight, blocks=[(one, Histogram())] * 8)
    other = Histogram.from_values([9.0] * 8)  # as many values, but not those of the blocks
    for a, b, name in ((other, eight, "a"), (eight, other, "b")):
        with pytest.raises(ValueError, match=f"blocks must add up to {name}, not to other values"):
            Comparison(a, b, blocks=[(one, one)] * 8)
    for not_a_pair in (one, (one, one, one), (one,)):
        with pytest.raises(TypeError, match="blocks must be pairs of histograms, one of a and one of b"):
            Comparison(eight, eight, blocks=[not_a_pair] * 8)


def test_the_expanded_percentile_interval():
    # Student's t for 9 degrees of freedom is 2.262; times sqrt(10/9), 2.385 standard deviations: a tail of 0.855 %.
    draws = np.arange(10_001.0)
    assert percentile_interval(draws, 10, 0.95) == (85.0, 9915.0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([len], {}, "at least two callables to compare, not 1"),
        ([], {}, "at least two callables to compare, not 0"),
        ([len, len], {"blocks": 7}, "blocks must be at least 8 for intervals of 95 %, not 7"),
        ([len, len], {"blocks": 9, "confidence": 0.99}, "blocks must be at least 10 for intervals of 99 %, not 9"),
        ([len, len], {"blocks": 0}, "blocks must be at least 1"),
        ([len, len], {"calls": 0}, "calls must be at least 1"),
        ([len, len], {"warm_up": 0}, "warm_up must be at least 1"),
        ([len, len], {"seconds": math.nan}, "seconds must be"),
        ([len, len], {"seconds": -1}, "seconds must be"),
        ([len, len], {"confidence": 1.0}, "confidence must be"),
        ([len, len], {"names": ["A"]}, "names must have one name for each of the 2 callables, not 1"),
        ([len, len], {"until": "decide"}, "until must be 'decided', a precision such as 0.02, or a callable"),
        ([len, len], {"until": 0.01}, r"until must be more than 0.0109, the width of a bucket, not 0.01"),
        ([len, len], {"until": math.nan}, "until must be more than 0.0109"),
        ([len, len], {"until": "decided", "blocks": 7}, "blocks must be at least 8 for intervals of 95 %, not 7"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(arguments, options, message):
    with pytest.raises(ValueError, match=message):  # len() without an argument would be a TypeError
        historian.interleave(*arguments, **options)


def test_what_cannot_be_called():
    with pytest.raises(TypeError, match="wrap it in a lambda"):
        historian.interleave(len, "g")

    async def coroutine():
        pass

    async def asynchronous():
        yield

    def generator():
        yield

    class Callable:
        async def __call__(self):
            pass

    for function in (coroutine, asynchronous, generator, Callable()):
        with pytest.raises(TypeError, match="does not run its body: pass"):
            historian.interleave(function, len)
    with pytest.raises(TypeError, match="names must be strings, not 1"):
        historian.interleave(len, len, names=("A", 1))  # if it ran, len() would raise another TypeError
    with pytest.raises(TypeError, match="blocks must be a whole number"):
        historian.interleave(len, len, blocks=5.5)
