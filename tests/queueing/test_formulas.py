"""Closed forms: literal values of the literature, limits, exact oracles."""

import math
from typing import Any

import mpmath
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram
from historian.queueing import allen_cunneen, amdahl, kingman, littles_law, mmc, usl
from historian.tail import Estimate


@pytest.mark.parametrize(
    ("offered", "servers", "waits"),
    [
        (0.7, 1, 0.7),  # M/M/1: the utilisation
        (1.0, 2, 1 / 3),  # M/M/2: 2 u^2/(1 + u), u = 1/2
        (10.0, 11, 0.682),  # 200 calls an hour of 180 s each: 10 erlangs, of tables for call centres
        (10.0, 12, 0.449),
        (10.0, 14, 0.174),
    ],
)
def test_erlang_c_of_the_literature(offered: float, servers: int, waits: float) -> None:
    assert mmc(offered, 1.0, servers).p_wait == pytest.approx(waits, abs=0.0005)


def erlang_c(offered: Any, servers: int) -> Any:
    """Return Erlang's C from its definition, with 60 digits."""
    a = mpmath.mpf(offered)
    last = a**servers / mpmath.factorial(servers) * servers / (servers - a)
    return last / (mpmath.nsum(lambda k: a**k / mpmath.factorial(k), [0, servers - 1]) + last)


@pytest.mark.parametrize(("offered", "servers"), [(0.3, 1), (2.5, 3), (40.0, 50), (99.9, 100), (150.0, 400)])
def test_erlang_c_to_the_last_digits(offered: float, servers: int) -> None:
    with mpmath.workdps(60):
        exact = float(erlang_c(offered, servers))
    assert mmc(offered, 1.0, servers).p_wait == pytest.approx(exact, rel=1e-13)


def test_many_servers_do_not_overflow() -> None:
    # Halfin & Whitt (1981): for c = a + b sqrt(a), C goes to 1/(1 + b Phi(b)/phi(b)); b = 1: 0.2234
    assert mmc(1e6, 1.0, 1_001_000).p_wait == pytest.approx(0.2234, rel=1e-3)
    assert mmc(1.0, 1.0, 100_000).p_wait == 0.0


def test_the_response_time_of_mm1_is_exponential() -> None:
    queue = mmc(0.7, 1.0, 1)
    for t in (0.0, 0.1, 3.0, 50.0):
        assert queue.sf(t) == pytest.approx(math.exp(-0.3 * t), rel=1e-12)
        assert queue.wait_sf(t) == pytest.approx(0.7 * math.exp(-0.3 * t), rel=1e-12)
    assert queue.mean == pytest.approx(1 / 0.3)
    assert queue.in_system == pytest.approx(0.7 / 0.3)
    assert (queue.quantile(0.0), queue.quantile(1.0)) == (0.0, math.inf)


@pytest.mark.parametrize(("rate", "servers"), [(1.0, 2), (3.0, 4), (7.9, 8), (0.5, 64)])
def test_the_response_time_is_the_sum_of_wait_and_service(rate: float, servers: int) -> None:
    """Integrate over the wait, in the case too in which both rates are equal: c/s - lambda = 1/s."""
    queue = mmc(rate, 1.0, servers)
    drain = servers - rate
    for t in (0.01, 1.0, 5.0):
        density = lambda w, t=t: queue.p_wait * drain * mpmath.exp(-drain * w) * mpmath.exp(-(t - w))  # noqa: E731
        sums = mpmath.quad(density, [0, t]) + queue.wait_sf(t) + (1 - queue.p_wait) * mpmath.exp(-t)
        assert queue.sf(t) == pytest.approx(float(sums), rel=1e-10)
        assert queue.sf(queue.quantile(1 - queue.sf(t))) == pytest.approx(queue.sf(t), rel=1e-9)


@given(st.floats(0.01, 0.99), st.integers(1, 200))
def test_approximations_are_exact_for_exponential_times(utilisation: float, servers: int) -> None:
    exact = mmc(utilisation * servers, 1.0, servers).mean_wait
    assert allen_cunneen(1.0, servers, utilisation, service_scv=1.0) == pytest.approx(exact, rel=1e-9)
    if servers == 1:
        assert kingman(1.0, utilisation, service_scv=1.0) == pytest.approx(exact, rel=1e-9)


def test_kingman_of_a_histogram() -> None:
    service = Histogram.from_values([1.0] * 90 + [11.0] * 10)  # mean 2, variance 0.9 x 1 + 0.1 x 81 = 9, scv 9/4
    assert kingman(service, 0.5) == pytest.approx(2 * (1 + 9 / 4) / 2, rel=0.01)  # buckets: stddev within 0.5415 %
    assert kingman(service, 0.5, arrival_scv=0.0) == pytest.approx(2 * 9 / 4 / 2, rel=0.01)
    gaps = Histogram.from_values([4.0] * 100)
    assert kingman(service, 0.5, arrival_scv=gaps) == pytest.approx(2 * 9 / 4 / 2, rel=0.01)
    assert kingman(service, 0.0) == 0.0
    assert kingman(1.0, 0.5, service_scv=0.0) == 0.5  # M/D/1: half of M/M/1


def test_littles_law() -> None:
    assert littles_law(rate=100.0, time=0.25) == 25.0
    assert littles_law(in_flight=25.0, time=0.25) == 100.0
    assert littles_law(in_flight=25.0, rate=100.0) == 0.25
    time = Estimate(0.2, 0.1, 0.4, "sampling: 9 values", unit="s", confidence=0.95, method="batch means")
    held = littles_law(rate=100.0, time=time)
    assert isinstance(held, Estimate)
    assert (float(held), held.lower, held.upper, held.confidence) == (20.0, 10.0, 40.0, 0.95)
    rate = littles_law(in_flight=Estimate(20.0, 18.0, 22.0, confidence=0.9), time=time, unit="1/s")
    assert isinstance(rate, Estimate)
    assert (float(rate), rate.lower, rate.upper) == (100.0, 18 / 0.4, 22 / 0.1)
    assert rate.confidence == pytest.approx(0.85)  # 0.95 + 0.9 - 1


def test_littles_law_of_a_time_without_an_upper_bound() -> None:
    time = Estimate(0.2, 0.1, math.inf, "too few values", unit="s")
    for rate, most in ((100.0, math.inf), (0.0, 0.0)):  # nobody comes: none is in flight, however long one would stay
        held = littles_law(rate=rate, time=time)
        assert isinstance(held, Estimate)
        assert (float(held), held.lower, held.upper) == (0.2 * rate, 0.1 * rate, most)
    found = littles_law(in_flight=2.0, time=time)
    assert isinstance(found, Estimate)
    assert (float(found), found.lower, found.upper) == (10.0, 0.0, 20.0)


def test_laws_of_scalability() -> None:
    assert amdahl(10, serial=0.1) == pytest.approx(10 / 1.9)
    assert amdahl([1, 2], serial=1.0).tolist() == [1.0, 1.0]
    assert usl(4, contention=0.1, coherency=0.01, rate=100.0) == pytest.approx(400 / (1 + 0.3 + 0.12))
    n = numpy.arange(1, 200)
    # the peak of Gunther: sqrt((1 - 0.02)/0.0005) = 44.27
    assert n[usl(n, 0.02, 0.0005).argmax()] == 44
    assert usl([0.0, 0.5], 0.5, 0.1).tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mmc(8.0, 1.0, 8), "utilisation must be less than 100 %, not 100 %"),
        (lambda: mmc(0.0, 1.0, 8), "arrival_rate must be positive and finite, not 0"),
        (lambda: mmc(1.0, 1.0, 0), "servers must be at least 1, not 0"),
        (lambda: mmc(1.0, 1.0, 10**8), "servers must be at most 1e7"),
        (lambda: kingman(1.0, 1.0, service_scv=1.0), "utilisation must be in 0..1, and less than 1, not 1.0"),
        (lambda: kingman(1.0, 0.5, service_scv=-1.0), "service_scv must be a finite number from 0 on"),
        (lambda: kingman(Histogram(), 0.5), "service must hold times with a positive mean"),
        (lambda: littles_law(in_flight=1.0, rate=0.0), "rate must be positive"),
        (lambda: littles_law(in_flight=-1.0, rate=2.0), "in_flight must be a finite number from 0 on, not -1.0"),
        (lambda: littles_law(rate=math.inf, time=0.0), "rate must be a finite number from 0 on, not inf"),
        (lambda: littles_law(rate=1.0, time=math.inf), "time must be a finite number from 0 on, not inf"),
        (lambda: littles_law(in_flight=math.inf, rate=math.inf), "in_flight must be a finite number from 0 on, not"),
        (lambda: littles_law(in_flight=math.nan, rate=0.0), "in_flight must be a finite number from 0 on, not nan"),
        (lambda: littles_law(in_flight=1.0, rate=numpy.float64("nan")), "rate must be a finite number from 0 on"),
        (
            lambda: littles_law(rate=1.0, time=Estimate(math.inf, math.inf, math.inf, "no steady state")),
            "time must be a finite number from 0 on, not <Estimate: inf; no steady state>",
        ),
        (lambda: amdahl(8, serial=1.5), "serial must be in 0..1, not 1.5"),
        (lambda: usl(8, 0.1, -0.1), "coherency must be a finite number from 0 on"),
        (lambda: usl(-1, 0.1), "n must be a finite number from 0 on"),
    ],
)
def test_bad_numbers(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kingman(1.0, 0.5), "a mean needs service_scv"),
        (lambda: kingman(Histogram.from_values([1.0]), 0.5, service_scv=1.0), "follows from the histogram"),
        (lambda: littles_law(rate=1.0), "pass two of in_flight, rate and time, not 1"),
        (lambda: littles_law(rate=1.0, time=1.0, in_flight=1.0), "pass two of in_flight, rate and time, not 3"),
    ],
)
def test_bad_arguments(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()
