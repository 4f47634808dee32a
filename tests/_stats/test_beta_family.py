"""Quantiles of many counts of one sample, interpolated, against those that are computed one by one."""

import numpy as np
import pytest
from scipy import special

from historian._stats.beta_arrays import quantiles
from historian._stats.beta_family import FEW, SMOOTH, quantiles_of_counts


def counts_up_to(total):
    some = np.geomspace(1, total, 1_500).round()
    return np.unique(np.concatenate([some, total + 1 - some]))


@pytest.mark.parametrize("total", [1_000, 10_000, 10**6, 10**9, 10**15])
@pytest.mark.parametrize(("p", "limit"), [(0.025, 1e-9), (0.45, 1e-9), (0.0005, 2e-9), (1e-12, 1e-8)])
def test_interpolated_quantiles(total, p, limit):
    counts = counts_up_to(total)
    assert len(counts) > FEW
    x, rest = quantiles_of_counts(p, counts, float(total))
    exact, others = quantiles(p, counts, total + 1 - counts)
    assert x == pytest.approx(exact, rel=limit, abs=0)
    assert rest == pytest.approx(others, rel=limit, abs=0)
    near = (counts < SMOOTH) | (total - counts < SMOOTH)
    assert x[near] == pytest.approx(exact[near], rel=1e-14)


def test_few_quantiles_are_computed():
    counts = np.array([1.0, 100.0, 5_000.0, 10_000.0])
    x, rest = quantiles_of_counts(0.025, counts, 10_000.0)
    assert x == pytest.approx(special.betaincinv(counts, 10_001 - counts, 0.025), rel=1e-9)
    assert x + rest == pytest.approx(1.0)


def test_interpolated_quantiles_rise():
    x, _ = quantiles_of_counts(0.025, np.arange(1.0, 20_001), 20_000.0)
    assert (np.diff(x) > 0).all()
