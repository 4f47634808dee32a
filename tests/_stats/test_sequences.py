"""Confidence sequences: against the integral, against exact enumeration of all looks, and at edges."""

import math

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from historian._stats.binomial import rank_interval, share_interval
from historian._stats.sequences import log_evidence, rank_sequence, share_sequence

shares = st.floats(1e-6, 1 - 1e-6)
counts = st.integers(0, 10_000)


@given(p=shares, above=counts, below=counts)
def test_evidence_is_a_ratio_of_beta_functions(p, above, below):
    rarer = min(p, 1 - p)
    a, b = p / rarer, (1 - p) / rarer
    expected = special.betaln(a + above, b + below) - special.betaln(a, b)
    expected -= special.xlogy(above, p) + special.xlog1py(below, -p)
    assert log_evidence(p, above, below) == pytest.approx(expected, rel=1e-8, abs=1e-7)


def test_evidence_keeps_its_digits_for_large_counts():
    with mpmath.workdps(60):
        p, above, below = mpmath.mpf(0.25), 250_001_000_000, 750_000_000_000
        evidence = mpmath.log(mpmath.beta(1 + above, 3 + below) / mpmath.beta(1, 3))
        evidence -= above * mpmath.log(p) + below * mpmath.log(1 - p)
        assert log_evidence(0.25, above, below) == pytest.approx(float(evidence), rel=1e-12)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.03])
def test_a_bet_against_the_truth_is_fair(p):
    """The mean of E, over all numbers of values above, is 1 at every look."""
    for size in (1, 2, 7, 40):
        mean = sum(
            math.comb(size, c) * p**c * (1 - p) ** (size - c) * math.exp(log_evidence(p, c, size - c))
            for c in range(size + 1)
        )
        assert mean == pytest.approx(1, rel=1e-9)


def missed(p, looks, bounds):
    """Return the probability that the share `p` is missed at any of the looks after 1, 2, 3, ... values: exact."""
    kept, lost = {0: 1.0}, 0.0
    for size in range(1, looks + 1):
        chances: dict[int, float] = {}
        for above, chance in kept.items():
            chances[above] = chances.get(above, 0.0) + chance * (1 - p)
            chances[above + 1] = chances.get(above + 1, 0.0) + chance * p
        kept = {}
        for above, chance in chances.items():
            lower, upper = bounds(above, size - above)
            if lower <= p <= upper:
                kept[above] = chance
            else:
                lost += chance
    return lost


@pytest.mark.parametrize("p", [0.5, 0.05])
def test_all_looks_together_miss_at_most_what_was_promised(p):
    limit = math.log(1 / 0.05)

    def sequence(above, below):  # the bounds hold p exactly if the evidence against it is below the limit
        return (0.0, 1.0) if log_evidence(p, above, below) < limit else (1.0, 0.0)

    looks = 250
    assert 0.01 < missed(p, looks, sequence) <= 0.05
    single = {(above, below): share_interval(above, below, 0.95) for above in range(81) for below in range(81)}
    assert missed(p, 80, lambda *counts: single[counts]) > (0.15 if p == 0.5 else 0.05)


@given(above=counts, below=counts, confidence=st.sampled_from([0.5, 0.95, 0.999]))
def test_bounds_of_a_share_are_where_the_evidence_reaches_the_limit(above, below, confidence):
    lower, upper = share_sequence(above, below, confidence)
    limit = math.log(1 / (1 - confidence))
    assert 0 <= lower <= above / max(above + below, 1) <= upper <= 1 or above + below == 0
    for bound in {lower, upper} - {0.0, 1.0}:
        assert log_evidence(bound, above, below) == pytest.approx(limit, abs=1e-6)
    turned = share_sequence(below, above, confidence)
    assert turned == pytest.approx((1 - upper, 1 - lower), abs=1e-12)


@given(q=st.floats(0.001, 0.999), count=st.integers(1, 5_000), confidence=st.sampled_from([0.5, 0.95, 0.999]))
def test_ranks_are_the_first_that_are_not_refuted(q, count, confidence):
    low, high = rank_sequence(q, count, confidence)
    limit = -math.log1p(-confidence)
    for rank, is_possible in ((low - 1, False), (low, True), (high - 1, True), (high, False)):
        if 0 <= rank <= count:
            assert (log_evidence(q, rank, count - rank) < limit) is is_possible
    inner = rank_interval(q, count, confidence)
    assert confidence < 0.9 or (low <= inner[0] and high >= inner[1])


def test_edges():
    assert share_sequence(0, 0, 0.95) == (0.0, 1.0)
    lower, upper = share_sequence(0, 1_000, 0.95)
    assert lower == 0 and 0.0047 < upper < 0.0048  # 1.3 times the single look's 0.00368
    assert share_sequence(3, 997, 0.95)[0] == 0  # 3! = 6 is below 1/0.05
    assert share_sequence(4, 996, 0.95)[0] > 0  # 4! = 24 is above
    assert share_sequence(1_000, 0, 0.95)[1] == 1
    assert rank_sequence(0.0, 10, 0.95) == rank_interval(0.0, 10, 0.95) == (0, 1)
    assert rank_sequence(1.0, 10, 0.95) == rank_interval(1.0, 10, 0.95) == (10, 11)
    assert rank_sequence(0.5, 1, 0.95) == (0, 2)
    # Beta(1, 1): after N values on one side, E is 2^N/(N + 1), which is 20 or more from N = 8 on: 256/9
    assert rank_sequence(0.5, 7, 0.95) == (0, 8) and rank_sequence(0.5, 8, 0.95) == (1, 8)


@pytest.mark.parametrize(
    ("rarer", "times"), [(10, (1.4, 1.55)), (100, (1.6, 1.75)), (10_000, (1.95, 2.05)), (1_000_000, (2.2, 2.35))]
)
def test_the_price_of_looking_often(rarer, times):
    sequence, single = (bounds(rarer, 99 * rarer, 0.95) for bounds in (share_sequence, share_interval))
    assert times[0] < (sequence[1] - sequence[0]) / (single[1] - single[0]) < times[1]
