"""Blocks whose neighbours are alike: how much wider intervals are, and series like them."""

import math

import numpy as np
import pytest

from historian import Comparison, Histogram, merge
from historian._compare.bootstrap import DRAWS, Blocks
from historian._compare.neighbours import Neighbours, times_wider
from historian._stats.windows import long_run_variance

HALF = Neighbours(2_000, 0.32, 2.28, 100.0, True)  # correlation 0.5 in 64 % of the variance: 1 + 2 * 0.32/0.5 = 2.28


def series_of(seed, series, size, neighbours=HALF):
    found = neighbours.draw(np.random.default_rng(seed), series, size)
    return found - found.mean(axis=1, keepdims=True)


def correlation(series):
    return (series[:, 1:] * series[:, :-1]).sum(axis=1) / (series**2).sum(axis=1)


@pytest.mark.parametrize(
    ("first", "ratio", "rho", "part"),
    [
        (0.32, 2.28, 0.5, 0.64),
        (0.5, 3.0, 0.5, 1.0),
        (0.1, 1.8, 0.75, 0.4 / 3),
        (0.6, 3.0, 0.5, 1.0),
        (-0.1, 41, 0.97, 0.62),
    ],
)
def test_the_model_has_the_ratio(first, ratio, rho, part):
    neighbours = HALF._replace(first=first, ratio=ratio)
    assert neighbours.model() == pytest.approx((rho, part), abs=2e-3)
    assert 1 + 2 * neighbours.model()[1] * neighbours.model()[0] / (1 - neighbours.model()[0]) == pytest.approx(ratio)


def test_the_model_has_limits():
    assert HALF._replace(ratio=1.0).model() == (0.0, 0.0)
    assert HALF._replace(ratio=500.0).model() == (0.97, 1.0)


def test_series_have_the_long_run_variance_1_and_the_correlation():
    found = HALF.draw(np.random.default_rng(1), 4_000, 200)
    # The variance of the mean of n is 1/n, less 2 * 0.64 * 0.5/0.5^2/2.28/n^2; its estimate has an error of 2.2 %.
    assert found.mean(axis=1).var() * 200 == pytest.approx(1 - 1.12 / 200, rel=0.07)
    assert found.var() == pytest.approx(1 / 2.28, rel=0.02)
    assert correlation(found).mean() == pytest.approx(0.32, abs=0.01)


def test_an_interval_is_wider_by_the_long_run_variance_if_neighbours_are_alike():
    series = series_of(2, 200, 40)
    expected = []
    for one in series:
        alike = one[1:] @ one[:-1] / (one @ one) >= 1.6448536 / math.sqrt(40)
        ratio = long_run_variance(one.tolist())[0] / (one @ one) * 39 / 40 if alike else 1
        expected.append(math.sqrt(max(1, ratio)))
    assert times_wider(series) == pytest.approx(expected, rel=1e-12)
    assert 60 < sum(one > 1 for one in expected) < 140


@pytest.mark.parametrize("draws", [2_000, 8_000])
def test_the_noise_of_draws_is_taken_out(draws):
    # Of 2,000 blocks and 2,000 draws, the noise has the variance of the influences, and the correlation is 0.16.
    rng, found = np.random.default_rng(3), []
    for one in series_of(4, 60, 2_000):
        noisy = one + math.sqrt(2_000 / draws) * one.std() * rng.normal(size=2_000)
        found.append(Neighbours.of(noisy - noisy.mean(), draws))
    assert np.mean([one.first for one in found]) == pytest.approx(0.32, abs=0.03)
    assert np.mean([one.ratio for one in found]) == pytest.approx(2.28, rel=0.1)  # 1.64 or 2.02 with the noise
    spread = np.std([math.log(one.ratio) for one in found])
    assert spread == pytest.approx(math.sqrt(2 / np.median([one.freedom for one in found])), rel=0.4)


@pytest.fixture(scope="module")
def blocks():
    """Return 1,000 blocks whose neighbours are alike, and the logarithm of the ratio of their speeds."""
    rng, size = np.random.default_rng(5), 1_000
    own = 0.1 * series_of(6, 2, size)
    a, b = ([Histogram.from_values(np.exp(one) * rng.lognormal(0, 0.15, 100)) for one in side] for side in own)
    truth = own[1] - own[0]
    return Blocks(Comparison(merge(a), merge(b), blocks=zip(a, b)).blocks), truth - truth.mean()


def test_slopes_of_blocks_have_that_noise(blocks):
    blocks, truth = blocks
    low, high = blocks.ratios(0.5)
    draws = (low + high) / 2
    slopes = np.einsum("dk,d->k", blocks._draws, draws - draws.mean())
    slopes -= slopes.mean()
    expected, found = Neighbours.of(truth, math.inf), Neighbours.of(slopes, DRAWS)
    assert 2 * found.size == DRAWS
    assert correlation(slopes[None])[0] == pytest.approx(correlation(truth[None])[0] / 1.5, abs=0.05)
    assert found.first == pytest.approx(expected.first, abs=0.075) and expected.are_alike and found.are_alike
    assert blocks.dependence(draws) == math.sqrt(found.ratio) > 1


def test_influences_of_blocks_have_none(blocks):
    blocks, truth = blocks
    found = blocks.influences(0.5)
    assert found.sum() == pytest.approx(0, abs=1e-9 * np.abs(found).sum())
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    assert Neighbours.of(found, math.inf).first == pytest.approx(Neighbours.of(truth, math.inf).first, abs=0.03)


def test_what_a_short_series_allows():
    # A correlation of 0 has the standard error 1/sqrt(100): up to 0.164, of which 75 % are left one block later.
    assert Neighbours(100, 0.0, 1.0, 99.0, False).most() == pytest.approx(1 + 2 * 0.16449 / 0.25, rel=1e-4)
    assert Neighbours(100, 0.7, 1.0, 99.0, False).most() == pytest.approx(1 + 2 * 0.86449 / (1 - 0.86449), rel=1e-4)
    assert Neighbours(100, -0.5, 1.0, 99.0, False).most() == 1
    assert Neighbours(100, 0.95, 1.0, 99.0, False).most() == pytest.approx(1 + 2 * 0.97 / 0.03)


def test_blocks_that_do_not_vary():
    assert Neighbours.of(np.zeros(8), DRAWS) == (8, 0.0, 1.0, 7.0, False)
