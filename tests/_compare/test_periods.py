"""Two periods of time, whose intervals are paired as blocks."""

import numpy as np
import pytest

from historian import Comparison, Histogram, merge
from historian._compare.periods import MAX_BLOCKS, paired
from historian.tail import TailWarning


def minutes(count, seed, spread=0.3, calls=200):
    """Return the histograms of minutes whose speeds differ."""
    rng = np.random.default_rng(seed)
    return [Histogram.from_values(np.exp(spread * rng.normal()) * rng.lognormal(0, 0.5, calls)) for _ in range(count)]


@pytest.mark.parametrize(("before", "after"), [(8, 8), (8, 200), (100, 31), (30, 61)])
def test_blocks_hold_each_value_once_in_the_order_of_time(before, after):
    a, b = minutes(before, 1), minutes(after, 2)
    pairs = paired(a, b)
    assert len(pairs) == min(before, after, MAX_BLOCKS)
    for side, period in enumerate((a, b)):
        blocks = [pair[side] for pair in pairs]
        assert merge(blocks) == merge(period)
        assert blocks[0] == merge(period[: len(period) // len(pairs)])
        lengths = [one.count // 200 for one in blocks]
        assert max(lengths) - min(lengths) <= 1


def test_minutes_without_values_are_left_out():
    a, b = minutes(10, 1), minutes(9, 2)
    idle = [one for minute in a for one in (Histogram(), minute)]
    assert paired(idle, b) == paired(a, b)


@pytest.mark.parametrize("few", [0, 1, 7])
def test_too_few_intervals_make_no_blocks(few):
    assert paired(minutes(few, 1), minutes(100, 2)) == ()
    assert paired(minutes(100, 1), minutes(few, 2)) == ()
    assert paired(minutes(8, 1), minutes(8, 2), confidence=0.99) == ()


@pytest.mark.filterwarnings(f"ignore::{TailWarning.__module__}.{TailWarning.__qualname__}")
def test_an_interval_allows_for_minutes_that_differ():
    """Without blocks, the interval of the median says that two equal periods differ, in most of the data sets."""
    held = {"blocks": 0, "independent": 0}
    for seed in range(40):
        a, b = minutes(20, 2 * seed), minutes(20, 2 * seed + 1)
        for how, blocks in (("blocks", paired(a, b)), ("independent", ())):
            ratio = Comparison(merge(a), merge(b), blocks=blocks).ratio(0.5)
            held[how] += ratio.lower <= 1 <= ratio.upper
    assert held["blocks"] >= 35 > 20 > held["independent"]
