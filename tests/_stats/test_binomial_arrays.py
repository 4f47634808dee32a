"""Intervals of many shares and ranks: those of `binomial`, which computes one."""

import numpy as np
import pytest

from historian._stats.binomial import rank_interval, share_lower, share_upper
from historian._stats.binomial_arrays import rank_intervals, share_bounds

RANDOM = np.random.default_rng(12)
SHARES = np.concatenate(
    [
        RANDOM.random(40),
        10.0 ** -RANDOM.uniform(0, 12, 20),
        1 - 10.0 ** -RANDOM.uniform(0, 12, 40),
        [0.0, 0.25, 0.5, 0.75, 1.0],  # where a probability may be equal to alpha
    ]
)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999999])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1_000, 20_000, 10**6, 10**15, 2**63 - 1])
def test_ranks(count, confidence):
    low, high = rank_intervals(SHARES, count, confidence)
    assert list(zip(low, high)) == [rank_interval(q, count, confidence) for q in SHARES.tolist()]


def test_no_ranks():
    low, high = rank_intervals(np.array([]), 10, 0.95)
    assert (low, high) == ([], [])


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_shares(confidence):
    for count in (1.0, 10.0, 12_345.0):
        least = np.unique(np.concatenate([[0.0, 1e-12, count], RANDOM.uniform(0, count, 20).round()]))
        most = np.minimum(least + 2, count)
        lower, upper = share_bounds((least, count - least), (most, count - most), confidence)
        for k, (low, high) in enumerate(zip(least.tolist(), most.tolist())):
            assert lower[k] == pytest.approx(share_lower(low, count - low, confidence), rel=1e-12)
            assert upper[k] == pytest.approx(share_upper(high, count - high, confidence), rel=1e-12)
