"""The generalised Pareto distribution of counts: against scipy, a brute search, and laws."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from historian import Histogram
from historian._stats.pareto import SHAPES, Exceedances, excess_of, interval, maximum

THRESHOLD = 2.0**3


def exceedances(shape, size=2_000, below=18_000, seed=1):
    values = THRESHOLD * (1 + 1e-9) + stats.genpareto.rvs(
        shape, scale=2.0, size=size, random_state=np.random.default_rng(seed)
    )
    h = Histogram.from_values(np.concatenate([values, np.full(below, 0.5)]))
    is_above = h.lower >= THRESHOLD
    counts = h.counts[is_above].astype(float)
    return Exceedances(h.lower[is_above], h.upper[is_above], counts, THRESHOLD, h.count), h


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4, 1.5])
def test_the_likelihood_is_that_of_a_multinomial(shape):
    within, h = exceedances(0.2, size=300, below=700)
    scale, phi = 2.5, 0.28
    survival = stats.genpareto(shape, scale=scale).sf
    cells = phi * (survival(within.lower) - survival(within.upper))
    shares = within.counts / h.count
    if (cells > 0).all():
        expected = (within.counts * np.log(cells / shares)).sum() + 700 * math.log((1 - phi) / 0.7)
    else:
        expected = -math.inf  # values lie beyond the end of this tail
    found = within.log_likelihood(np.array([shape]), np.array([scale]), np.array([phi]))
    assert found[0] == pytest.approx(expected, rel=1e-9)
    assert found[0] <= 0


def test_what_is_not_allowed_is_impossible():
    within, _ = exceedances(0.2, size=100)
    points = np.array([[SHAPES[0] - 0.01, 0.7], [SHAPES[1] + 0.01, 0.7], [-0.4, -3.0]])
    assert (within.of_shape_and_scale(points) == -math.inf).all()  # the last one ends before the largest value


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [100, 5_000])
def test_the_maximum_is_that_of_a_search_without_derivatives(shape, size):
    within, _ = exceedances(shape, size=size, below=9 * size)
    found, value = maximum(within.of_shape_and_scale, within.starts(), 1 / math.sqrt(size))
    searched = optimize.minimize(
        lambda point: -within.of_shape_and_scale(point[None, :])[0],
        np.array([0.1, math.log(2.0)]),
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 2_000},
    )
    assert value == pytest.approx(-searched.fun, abs=2e-3)  # one of them is close to the smallest shape
    assert found == pytest.approx(searched.x, abs=0.1 / math.sqrt(size))


def test_a_quantile_is_another_way_to_write_the_same_likelihood():
    within, h = exceedances(0.3)
    shape, scale, phi, tail = 0.25, 2.1, within.above / h.count, 1e-4
    excess = excess_of(tail, phi, shape, scale)
    assert phi * stats.genpareto(shape, scale=scale).sf(excess) == pytest.approx(tail, rel=1e-9)
    point = np.array([[shape * within.stretch(math.log(tail)), math.log(phi / (1 - phi))]])
    there = within.of_quantile(math.log(excess), math.log(tail))(point)
    here = within.of_shape_and_scale(np.array([[shape, math.log(scale)]]))
    assert there == pytest.approx(here, rel=1e-9)


def test_shape_0_is_the_limit():
    within, _ = exceedances(0.0)
    around = within.of_shape_and_scale(np.array([[-1e-7, 0.7], [0.0, 0.7], [1e-7, 0.7]]))
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-9)
    assert excess_of(0.01, 0.1, 0.0, 2.0) == pytest.approx(2 * math.log(10))
    assert excess_of(0.01, 0.1, 1.0, 2.0) == pytest.approx(2 * (10 - 1))  # (1/10)^-1 - 1


def test_the_interval_of_a_parabola():
    low, high = interval(lambda x: -5 - (x - 3) ** 2 / (2 * 0.5**2), 3.0, -5.0, 0.1, 1.96)
    assert (low, high) == pytest.approx((3 - 0.98, 3 + 0.98), abs=1e-3)
    assert interval(lambda x: -abs(min(x, 0.0)), 0.0, 0.0, 1.0, 2.0) == (pytest.approx(-2.0, abs=1e-2), math.inf)
    cliff = interval(lambda x: 0.0 if x < 1 else -math.inf, 0.0, 0.0, 0.3, 2.0)  # the end of a tail
    assert cliff[1] == pytest.approx(1.0, abs=1e-4) and cliff[0] == -math.inf


def test_one_parameter_without_a_feasible_start():
    found, value = maximum(lambda points: np.full(len(points), -math.inf), np.zeros((3, 1)), 0.1)
    assert value == -math.inf and found.shape == (1,)
