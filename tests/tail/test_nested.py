"""Sums within sums: nested as flat, with other operations between, and both against the exact distribution."""

import functools
import math
import pickle

import numpy as np
import pytest
from scipy import special, stats

from historian import Histogram
from historian.tail import all_of, choice, first_of, hedge, k_of, retry, seq
from historian.tail.dist import from_sf

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)


def lognormal(sigma):
    return lambda t: special.ndtr(-np.log(t) / sigma)


STAGES = {
    "exponential": lambda t: np.exp(-t),
    "lognormal(2)": lognormal(2),
    "lognormal(0.05)": lognormal(0.05),  # narrower than five buckets
    "Pareto(1.2)": lambda t: np.where(t < 1, 1.0, np.maximum(t, 1) ** -1.2),
    "two points": lambda t: np.where(t < 1, 1.0, np.where(t < 10, 0.1, 0.0)),
}


@functools.cache
def stage(name):
    with np.errstate(divide="ignore"):
        return from_sf(lambda t: float(STAGES[name](np.float64(t))) if t < math.inf else 0.0)


def quantiles(dist):
    return np.array([float(dist.ppf(q)) for q in SHARES])


def by_transform(survival, power, step, size=2**21):
    """Return the survival at multiples of a step, from that of n stages: a Fourier transform, nearly exact."""
    with np.errstate(divide="ignore"):
        masses = -np.diff(
            np.where(np.arange(size + 1) > 0, survival(np.maximum(np.arange(size + 1) - 0.5, 0) * step), 1)
        )
    return np.fft.irfft(np.fft.rfft(masses) ** power, size)


def quantiles_of(masses, step):
    return np.interp(SHARES, np.maximum.accumulate(masses.cumsum()), (np.arange(len(masses)) + 0.5) * step)


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("n", [2, 3, 100])
def test_nested_sums_are_flat_ones(name, n):
    x = stage(name)
    flat = quantiles(seq(*[x] * n))
    left = functools.reduce(seq, [x] * n)
    right = functools.reduce(lambda total, one: seq(one, total), [x] * n)
    halves = seq(seq(*[x] * (n // 2)), seq(*[x] * (n - n // 2)))
    for nested in (left, right, halves):
        assert quantiles(nested) == pytest.approx(flat, rel=1e-9)
        assert (nested.ppf(0.99).lower, nested.ppf(0.99).upper) == (
            seq(*[x] * n).ppf(0.99).lower,
            seq(*[x] * n).ppf(0.99).upper,
        )


def without_effect(total, k):
    """Return the same distribution, by an operation that does not know that it changes nothing."""
    return (
        lambda: hedge(total, after=1.0, prob=0.0),
        lambda: choice({total: 0.5, hedge(total, after=1e9, prob=0.0): 0.5}),
        lambda: retry(total, timeout=1e15, retries=0),
        lambda: pickle.loads(pickle.dumps(total)),
    )[k % 4]()


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("n", [2, 3, 10, 25])
def test_sums_with_other_operations_between(name, n):
    x = stage(name)
    nested = functools.reduce(lambda total, k: seq(without_effect(total, k), x), range(n - 1), x)
    assert quantiles(nested) == pytest.approx(quantiles(seq(*[x] * n)), rel=0.002)


@pytest.mark.parametrize("name", ["lognormal(0.05)", "two points"])
def test_a_hundred_sums_with_operations_between(name):
    x = stage(name)
    nested = functools.reduce(lambda total, _: seq(hedge(total, after=1.0, prob=0.0), x), range(99), x)
    assert quantiles(nested) == pytest.approx(quantiles(seq(*[x] * 100)), rel=0.002)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_exponentials_are_gamma(n):
    assert quantiles(seq(*[stage("exponential")] * n)) == pytest.approx(stats.gamma.ppf(SHARES, n), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "n", "step"),
    [
        ("lognormal(2)", 2, 2e-3),
        ("lognormal(2)", 10, 5e-3),
        ("lognormal(2)", 100, 0.04),
        ("Pareto(1.2)", 2, 4e-3),
        ("Pareto(1.2)", 10, 0.02),
        ("Pareto(1.2)", 100, 0.1),
        ("lognormal(0.05)", 2, 2e-6),
        ("lognormal(0.05)", 100, 1e-4),
    ],
)
def test_sums_against_fourier_transforms(name, n, step):
    exact = quantiles_of(by_transform(STAGES[name], n, step), step)
    chain = seq(*[stage(name)] * n)
    assert quantiles(chain) == pytest.approx(exact, rel=0.002)
    for q, truth in zip(SHARES, exact):
        assert chain.ppf(q).lower <= truth * (1 + 1e-3) and truth * (1 - 1e-3) <= chain.ppf(q).upper


@pytest.mark.parametrize("n", [2, 5, 20])
def test_two_points_are_binomial(n):
    """Both times are the extremes of the histogram, so they are known exactly."""
    x = Histogram.from_values([1.0] * 9 + [10.0]).dist(confidence=None)
    chain, shares = seq(*[x] * n), stats.binom.cdf(range(n + 1), n, 0.1)
    for j in range(n + 1):
        middle = (shares[j] + (shares[j - 1] if j else 0)) / 2
        if 0.005 < middle < 0.9999:
            answer, exact = chain.ppf(round(middle, 12)), 10.0 * j + (n - j)
            assert answer == pytest.approx(exact, rel=0.002)
            assert answer.lower <= exact <= answer.upper


def test_operations_on_sums_against_fourier_transforms():
    """A sum, then all of three, first of two, two of three and a mixture of them, then a sum again."""
    step, size = 2e-4, 2**19
    with np.errstate(divide="ignore"):
        masses = by_transform(lognormal(0.5), 1, step, size)
    pair = np.fft.irfft(np.fft.rfft(masses) ** 2, size)
    below = pair.cumsum()
    parts = [below**3, 1 - (1 - below) ** 2, 3 * below**2 - 2 * below**3]
    mixed = np.diff(0.2 * parts[0] + 0.3 * parts[1] + 0.5 * parts[2], prepend=0.0)
    exact = quantiles_of(np.fft.irfft(np.fft.rfft(mixed) * np.fft.rfft(masses), size), step)
    with np.errstate(divide="ignore"):
        x = from_sf(lambda t: float(lognormal(0.5)(np.float64(t))) if t < math.inf else 0.0)
    two = seq(x, x)
    tree = seq(choice({all_of(3, two): 0.2, first_of(2, two): 0.3, k_of(2, 3, two): 0.5}), x)
    assert quantiles(tree) == pytest.approx(exact, rel=0.001)


def test_a_sum_of_a_sum_of_a_sum_is_soon_computed():
    """2**40 stages, named by 40 sums of a sum and itself."""
    x = Histogram.from_values([1.0, 2.0, 3.0]).dist(confidence=None)
    total = functools.reduce(lambda total, _: seq(total, total), range(40), x)
    assert total.ppf(0.5) == pytest.approx(2.0 * 2**40, rel=0.002)
    assert (total.sf(math.nextafter(2.0**40, 0)), total.sf(3.0 * 2**40)) == (1.0, 0.0)


def test_far_tails_of_sums():
    for n in (2, 10, 100):
        chain = seq(*[stage("exponential")] * n)
        for p in (1e-6, 1e-9, 1e-12, 1e-15, 1e-30):
            assert chain.isf(p) == pytest.approx(stats.gamma.isf(p, n), rel=0.002)


ODD = {
    "any time": from_sf(lambda t: math.exp(-t)),
    "half never returns": retry(Histogram.from_values([0.1, 1.0]).dist(confidence=None), timeout=0.5, retries=0),
    "no time": Histogram.from_values([0.0]).dist(confidence=None),
    "beyond the buckets": Histogram.from_values([1e21, 1e25]).dist(confidence=None),
    "zero to overflow": Histogram.from_values([0.0, 1e-12, 1.0, 1e21]).dist(confidence=None),
}


@pytest.mark.parametrize("one", ODD)
@pytest.mark.parametrize("other", ODD)
def test_sums_of_odd_parts(one, other):
    a, b = ODD[one], ODD[other]
    some = seq(a, b)
    more = seq(hedge(some, after=0.3, prob=0.2), a, b, b)
    tree = seq(choice({some: 0.5, more: 0.25, all_of(3, more): 0.25}), retry(more, 2.0, retries=1, backoff=0.1))
    for dist in (some, more, tree):
        tails = [float(dist.sf(t)) for t in (0.0, 1e-11, 1e-9, 0.1, 1.0, 2.0, 3.3, 10.0, 1e5, 1e20, 1e22, math.inf)]
        assert tails == sorted(tails, reverse=True) and 0 <= tails[-1] <= tails[0] <= 1
        times = [dist.isf(p) for p in (1.0, 0.999, 0.9, 0.5, 0.1, 0.01, 1e-5, 1e-13, 0.0)]
        assert times == sorted(times)
        assert all(time.lower <= time <= time.upper for time in times)
        again = pickle.loads(pickle.dumps(dist))
        assert (again.isf(0.1), again.sf(1.0)) == (dist.isf(0.1), dist.sf(1.0))
    never = 1 - (1 - a.never) * (1 - b.never)
    assert some.never == pytest.approx(never)
    assert some.sf(1e30) == pytest.approx(never)
