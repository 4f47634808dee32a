"""`anytime=True`: of quantiles, of fan-outs, of ratios; false alarms are counted by benchmarks/accuracy_often.py."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import historian
from historian import Comparison, Histogram
from historian._compare.anytime import ratio_bounds
from historian._stats.sequences import log_evidence, rank_sequence, share_sequence
from historian.buckets import GROWTH
from historian.tail import TailWarning
from historian.tail.shares import any_of

A = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 1, 20_000))
B = Histogram.from_values(0.5 * np.random.default_rng(2).lognormal(-4.5, 1, 20_000))

seconds = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30)


def test_a_quantile_has_the_buckets_of_its_ranks():
    estimate = A.ci(0.99, anytime=True)
    low, high = rank_sequence(0.99, 20_000, 0.95)
    values = np.repeat(A.lower, A.counts), np.repeat(A.upper, A.counts)
    assert (estimate.lower, estimate.upper) == (values[0][low - 1], values[1][high - 1])
    assert estimate == A.quantile(0.99)
    assert estimate.method == "confidence sequence" and estimate.confidence == 0.95
    assert estimate.why == "sampling: 20,000 values; bucket width; at every look at growing data"
    single = A.ci(0.99)
    assert estimate.lower <= single.lower and single.upper <= estimate.upper


def test_many_quantiles_are_those_of_each():
    many = A.ci([[0.5], [0.99]], anytime=True)
    assert many.shape == (2, 1)
    assert [many.lower[1, 0], many.upper[1, 0]] == [A.ci(0.99, anytime=True).lower, A.ci(0.99, anytime=True).upper]


def test_too_few_values_warn():
    with pytest.warns(TailWarning, match="no upper bound"):
        estimate = Histogram.from_values([1.0] * 100).ci(0.99, anytime=True)
    assert estimate.upper == math.inf


def test_a_fan_out_has_the_mapped_share():
    fan = A.fanout(10)
    t = float(A.upper[-40])  # an edge of a bucket
    wait = fan.p_wait(t, anytime=True)
    above = round(A.sf(t) * 20_000)
    lower, upper = share_sequence(above, 20_000 - above, 0.95)
    assert (wait.lower, wait.upper) == pytest.approx((any_of(lower, 10), any_of(upper, 10)), rel=1e-12)
    assert wait == fan.p_wait(t) and wait.method == "confidence sequence"
    assert wait.why.endswith("independent calls assumed; at every look at growing data")
    assert fan.p_wait([t, 2 * t], anytime=True)[0] == wait
    assert A.fanout([1, 10]).p_wait(t, anytime=True)[1].upper == wait.upper


def test_an_interval_within_a_bucket_holds_both_edges():
    h = Histogram.from_values([1.0] * 50 + [2.0] * 50)
    within = h.fanout(1).p_wait(1.999, anytime=True)  # in the bucket of 2.0
    assert (within.lower, within.upper) == (share_sequence(0, 100, 0.95)[0], share_sequence(50, 50, 0.95)[1])


def brute_force(a, b, q, confidence):
    """Return the extremes of the ratio over all pairs of buckets, populated or not, that are possible together."""
    limit = -math.log1p(-confidence)

    def places(h):
        first, last = int(h.indices[0]), int(h.indices[-1])
        known, through, found = dict(zip(h.indices.tolist(), h.counts.tolist())), 0, []
        for index in range(first - 1, last + 2):
            ranks = range(through, through + known.get(index, 0) + 1)
            through += known.get(index, 0)
            evidence = min(log_evidence(q, rank, h.count - rank) for rank in ranks)
            place = -math.inf if index < first else math.inf if index > last else index
            found.append((place, math.log((1 + math.exp(evidence)) / 2)))
        return found

    pairs = [
        (y - x) for (x, e), (y, f) in itertools.product(places(a), places(b)) if e + f < limit and (x, y) not in ENDS
    ]
    low, high = min(pairs), max(pairs)
    return (
        GROWTH ** (low - 1) if math.isfinite(low) else 0.0,
        GROWTH ** (high + 1) if math.isfinite(high) else math.inf,
    )


ENDS = {(math.inf, math.inf), (-math.inf, -math.inf)}


@given(a=seconds, b=seconds, q=st.sampled_from([0.1, 0.5, 0.9]), confidence=st.sampled_from([0.5, 0.8, 0.95]))
def test_bounds_of_a_ratio_are_the_extremes_of_all_pairs(a, b, q, confidence):
    a = Histogram.from_values(np.exp(np.array(a) / 1e3))  # within 64 buckets: few enough for all pairs
    b = Histogram.from_values(np.exp(np.array(b) / 1e3))
    bounds = ratio_bounds(a, b, q, confidence)
    expected = brute_force(a, b, q, confidence)
    # in the middle, the least evidence counts as none, which is at most log(2) too little
    assert bounds[0] <= expected[0] * (1 + 1e-12) and bounds[1] >= expected[1] * (1 - 1e-12)
    wider = brute_force(a, b, q, 1 - (1 - confidence) / 2)
    assert bounds[0] >= wider[0] * (1 - 1e-12) and bounds[1] <= wider[1] * (1 + 1e-12)


def test_a_ratio_holds_the_truth_and_says_how():
    ratio = historian.compare(A, B).ratio(0.5, anytime=True)
    assert ratio.lower < 0.5 < ratio.upper < 1 and ratio == B.quantile(0.5) / A.quantile(0.5)
    assert ratio.method == "confidence sequence" and ratio.why.endswith("bucket width; at every look at growing data")
    single, thousand = historian.compare(A, B).ratio(0.5), historian.compare(A, B, looks=1_000).ratio(0.5)
    assert ratio.lower < single.lower and single.upper < ratio.upper
    assert historian.compare(A, B, looks=1_000).ratio(0.5, anytime=True) == ratio
    assert thousand.upper / thousand.lower < ratio.upper / ratio.lower  # one that knows how often is narrower
    turned = historian.compare(B, A).ratio(0.5, anytime=True)
    assert (turned.lower * ratio.upper, turned.upper * ratio.lower) == pytest.approx((1, 1), rel=1e-12)
    many = historian.compare(A, B).ratio([0.5, 0.9], anytime=True)
    assert (many[0].lower, many[0].upper) == (ratio.lower, ratio.upper)


def test_far_more_values_of_one_side_cost_little():
    few = Histogram.from_values(np.random.default_rng(3).lognormal(-4.5, 1, 300))
    ratio = historian.compare(A, few).ratio(0.5, anytime=True)
    alone = few.ci(0.5, anytime=True)
    assert ratio.upper / ratio.lower < 1.35 * alone.upper / alone.lower


def test_too_few_values_for_a_ratio():
    few = Histogram.from_values([1.0, 2.0, 3.0])
    with pytest.warns(TailWarning, match="has no interval"):
        ratio = historian.compare(few, few).ratio(0.5, anytime=True)
    assert (ratio.lower, ratio.upper) == (0, math.inf)
    with pytest.warns(TailWarning):
        assert historian.compare(A, B).ratio(1, anytime=True).upper == math.inf  # no interval for an extreme


def test_no_data_is_no_data():
    empty = Histogram()
    assert math.isnan(empty.ci(0.5, anytime=True)) and math.isnan(empty.fanout(3).p_wait(1.0, anytime=True))
    assert math.isnan(historian.compare(empty, A).ratio(0.5, anytime=True))


def test_what_cannot_hold_at_every_look_is_refused():
    corrected = Histogram.from_values([1.0, 0.1]).corrected(0.25)
    for ask in (
        lambda: corrected.ci(0.5, anytime=True),
        lambda: corrected.ci([0.5], anytime=True),
        lambda: corrected.fanout(3).p_wait(0.5, anytime=True),
        lambda: corrected.fanout(3).p_wait([0.5], anytime=True),
        lambda: historian.compare(corrected, A).ratio(0.5, anytime=True),
    ):
        with pytest.raises(ValueError, match="anytime needs measured values, not synthetic ones"):
            ask()
    for q in (0.5, [0.5]):
        with pytest.raises(ValueError, match="pass anytime=True or windows, not both"):
            A.ci(q, windows=[A], anytime=True)
    pairs = [(A, B)] * 8
    blocks = Comparison(historian.merge([A] * 8), historian.merge([B] * 8), blocks=pairs)
    with pytest.raises(ValueError, match="without blocks: pass looks="):
        blocks.ratio(0.5, anytime=True)


def test_growing_data_at_1000_looks_hold_the_median():
    """A single run; benchmarks/accuracy_often.py counts many."""
    rng, h = np.random.default_rng(5), Histogram()
    for _ in range(1_000):
        h += Histogram.from_values(rng.exponential(1.0, 20))
        estimate = h.ci(0.5, anytime=True) if h.count >= 20 else None
        assert estimate is None or estimate.lower <= math.log(2) <= estimate.upper
