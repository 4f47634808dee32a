"""Simulations against closed forms, and against what was worked out by hand."""

import math
import pickle
import re
import warnings
from typing import Any, cast

import numpy
import pytest

from historian import Histogram
from historian.queueing import Load, LoadWarning, kingman, littles_law, mmc, simulate
from historian.queueing.policy import Policy
from historian.queueing.pool import Run, _Pool, run
from historian.queueing.service import Streams
from historian.tail import Estimate, TailWarning, hedge

POINTS = 50_000
RANKS = (numpy.arange(POINTS) + 0.5) / POINTS
EXPONENTIAL = Histogram.from_values(-numpy.log1p(-RANKS))
CONSTANT = Histogram.from_values([1.0] * 100)
#: A median of 10 ms and a long tail: a p95 of 11.8 medians, and one of 100 takes more than 33.
HEAVY = Histogram.from_values(0.010 * numpy.exp(1.5 * numpy.random.default_rng(1).normal(size=POINTS)))


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.lower <= truth <= estimate.upper


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.3), (1, 0.7), (2, 0.6), (8, 0.7)])
def test_mmc_within_its_own_error(servers: int, utilisation: float) -> None:
    load = simulate(EXPONENTIAL, servers, utilisation, requests=40_000, seed=2)
    exact = mmc(utilisation * servers, 1.0, servers)
    for q in (0.5, 0.9, 0.99):
        found = load.quantile(q)
        assert holds(found, exact.quantile(q))
        assert found.upper < 1.5 * found.lower or q > 0.5  # the interval says something
    assert holds(load.mean, exact.mean)
    assert holds(load.utilisation, utilisation)
    assert (float(load.extra_load), float(load.never), load.is_stable) == (0.0, 0.0, True)


def md1_sf(t: float, rate: float) -> float:
    """Return the share of calls in M/D/1 that wait longer than t, for a service time of 1 (Erlang, 1909)."""
    terms = ((-rate * (t - j)) ** j / math.factorial(j) * math.exp(rate * (t - j)) for j in range(math.floor(t) + 1))
    return 1 - (1 - rate) * math.fsum(terms)


def test_md1_within_its_own_error() -> None:
    load = simulate(CONSTANT, 1, 0.6, requests=40_000)
    assert md1_sf(0.0, 0.6) == pytest.approx(0.6)  # those that find the server busy
    for q in (0.9, 0.99):
        found = load.quantile(q)
        assert md1_sf(found.upper - 1, 0.6) <= 1 - q <= md1_sf(found.lower - 1, 0.6)
    assert holds(load.mean, 1 + kingman(CONSTANT, 0.6))


@pytest.mark.parametrize("utilisation", [0.3, 0.6])
def test_the_mean_of_mg1_is_that_of_pollaczek_and_khinchine(utilisation: float) -> None:
    mixed = Histogram.from_values([1.0] * 900 + [10.0] * 100)
    load = simulate(mixed, 1, utilisation, requests=60_000)
    assert holds(load.mean, mixed.mean + kingman(mixed, utilisation))


def test_service_times_are_those_of_the_histogram() -> None:
    streams = Streams(HEAVY, 1.0, 4, 200_000, 1)
    drawn = Histogram.from_values(streams.services())
    assert drawn.mean == pytest.approx(HEAVY.mean, rel=0.03)
    for q in (0.01, 0.5, 0.99):
        assert drawn.ci(q, confidence=0.999).lower <= HEAVY.quantile(q) <= drawn.ci(q, confidence=0.999).upper
    assert HEAVY.min <= drawn.min and drawn.max <= HEAVY.max
    first, second = streams.places(), streams.places()
    assert (first != second).all()
    assert set(first.tolist()) == set(second.tolist()) == {0, 1, 2, 3}
    zeros = Streams(Histogram.from_values([0.0] * 99 + [1.0]), 1.0, 1, 1_000, 1).services()
    assert ((zeros >= 0) & (zeros <= 1)).all() and numpy.median(zeros) < 2.0**-32


@pytest.mark.parametrize("queues", ["shared", "each"])
@pytest.mark.parametrize("servers", [1, 5])
def test_events_give_the_same_as_the_recurrence(queues: str, servers: int) -> None:
    policy = Policy(queues=queues)
    fast, slow = (f(Streams(HEAVY, 0.7 * servers / HEAVY.mean, servers, 3_000, 1)) for f in (
        lambda s: run(s, servers, policy), lambda s: _Pool(s, servers, policy).run()
    ))  # fmt: skip
    assert numpy.allclose(fast.responses, slow.responses, rtol=1e-9)
    assert numpy.allclose(numpy.sort(fast.starts), numpy.sort(slow.starts))
    assert not slow.sent.any()


class Given:
    """Streams of given numbers: for each request its arrival, and for each call its service time and its server."""

    def __init__(
        self, arrivals: list[float], services: list[list[float]], places: list[list[int]] | None = None
    ) -> None:
        self.arrivals = numpy.array(arrivals)
        self._services, self._places = iter(services), iter(places or [])

    def services(self) -> Any:
        return numpy.array(next(self._services))

    def places(self) -> Any:
        return numpy.array(next(self._places))


def ran(servers: int, policy: Policy, *given: Any) -> Run:
    return run(cast(Any, Given(*given)), servers, policy)


def spans(found: Run) -> list[tuple[float, float]]:
    return sorted(zip(found.starts.tolist(), found.ends.tolist()))


@pytest.mark.parametrize(
    ("cancel", "busy"), [("never", [(0, 5), (2, 3)]), ("queued", [(0, 5), (2, 3)]), ("running", [(0, 3), (2, 3)])]
)
def test_a_hedge_on_a_free_server(cancel: str, busy: list[tuple[float, float]]) -> None:
    found = ran(2, Policy(2.0, 1, cancel=cancel), [0.0, 10.0], [[5.0, 1.0], [1.0, 1.0]])
    assert found.responses.tolist() == [3.0, 1.0]  # the hedge, sent at 2, is done at 3
    assert found.sent.tolist() == [1, 0]
    assert spans(found) == [*busy, (10, 11)]


@pytest.mark.parametrize(("cancel", "last"), [("never", [(5, 6), (6, 7)]), ("queued", [(5, 6)])])
def test_a_hedge_behind_its_own_call(cancel: str, last: list[tuple[float, float]]) -> None:
    """Its request has its answer before it starts: it is work for nothing, which the next call waits for."""
    found = ran(1, Policy(2.0, 1, cancel=cancel), [0.0, 2.5], [[5.0, 1.0], [1.0, 9.0]])
    assert found.responses.tolist() == [5.0, last[-1][1] - 2.5]
    assert spans(found)[: 1 + len(last)] == [(0, 5), *last]


@pytest.mark.parametrize(
    ("cancel", "response", "busy"),
    [
        ("never", math.inf, [(0, 5), (5, 6), (6, 7)]),  # given up at 2, 4 and 6: each answer comes too late
        ("queued", math.inf, [(0, 5)]),  # the second and the third are given up before 5: the third at 6
        ("running", 3.0, [(0, 2), (2, 3)]),  # the first is stopped at 2, and the second starts
    ],
)
def test_retries_on_one_server(cancel: str, response: float, busy: list[tuple[float, float]]) -> None:
    found = ran(1, Policy(2.0, 2, True, cancel=cancel), [0.0], [[5.0], [1.0], [1.5 if cancel == "queued" else 1.0]])
    if cancel == "queued":  # the third, sent at 4, starts at 5 and is given up at 6, before its end at 6.5
        busy = [*busy, (5, 6.5)]
    assert found.responses.tolist() == [response]
    assert spans(found) == busy
    assert found.sent.tolist() == [1 if cancel == "running" else 2]


def test_a_retry_after_a_pause() -> None:
    found = ran(2, Policy(2.0, 1, True, 3.0), [0.0], [[9.0], [1.0]])
    assert found.responses.tolist() == [6.0]  # given up at 2, sent again at 5
    assert spans(found) == [(0, 9), (5, 6)]


def test_tied_calls() -> None:
    policy = Policy(more=1, tied=True, queues="each")
    services, places = [[10.0, 4.0, 1.0], [10.0, 3.0, 1.0]], [[0, 0, 0], [1, 1, 1]]
    found = ran(2, policy, [0.0, 1.0, 2.0], services, places)
    # the first starts at server 0 at once, the second at server 1; the third waits in both queues, and leaves that of
    # server 0 when server 1 is free, at 4
    assert found.responses.tolist() == [10.0, 3.0, 3.0]
    assert spans(found) == [(0, 10), (1, 4), (4, 5)]
    assert found.sent.tolist() == [0, 0, 0]


def test_a_hedge_at_low_load_is_that_of_tail() -> None:
    after = HEAVY.quantile(0.9)
    load = simulate(HEAVY, 16, 0.02, hedge_after=after, requests=40_000)
    alone = hedge(HEAVY.dist(), after)
    for q in (0.5, 0.95, 0.99):
        found, expected = load.quantile(q), alone.quantile(q)
        assert found.lower <= expected.upper and expected.lower <= found.upper
    assert holds(load.extra_load, float(alone.extra_load))
    assert float(load.utilisation) == pytest.approx(0.02 * (1 + alone.extra_load), rel=0.1)


def test_a_hedge_at_70_percent_collapses() -> None:
    """The mechanism: hedges of calls that wait are work too, so that more calls wait, and are hedged."""
    after = HEAVY.quantile(0.95)
    plain = simulate(HEAVY, 8, 0.7, requests=20_000)
    alone = hedge(HEAVY.dist(), after)
    assert alone.quantile(0.99) < 0.5 * plain.quantile(0.99).lower  # what the formula promises
    assert alone.extra_load < 0.06  # and what it costs: 0.7 x 1.05 is far from 1
    with pytest.warns(LoadWarning, match="hedge after .* no steady state: servers are busy for 100 % of the time"):
        hedged = simulate(HEAVY, 8, 0.7, hedge_after=after, requests=20_000)
    assert not hedged.is_stable
    assert hedged.quantile(0.5) == hedged.quantile(0.99) == hedged.mean == math.inf
    assert "requests in the queue went from" in hedged.quantile(0.99).why
    assert hedged.response.quantile(0.5) > 100 * plain.response.quantile(0.5)
    assert float(hedged.extra_load) == pytest.approx(1.0, abs=0.2)  # nearly all are hedged


def test_servers_that_drop_what_nobody_waits_for_do_not_collapse() -> None:
    after = HEAVY.quantile(0.95)
    plain, hedged = (
        simulate(HEAVY, 8, 0.7, hedge_after=one, cancel="running", requests=20_000) for one in (None, after)
    )
    assert hedged.is_stable
    assert hedged.quantile(0.99) < plain.quantile(0.99)


def test_retries_keep_a_pool_down() -> None:
    timeout = 4 * HEAVY.quantile(0.95)
    patient = simulate(HEAVY, 4, 0.85, timeout=timeout, retries=0, cancel="running", requests=20_000)
    assert patient.is_stable
    assert 0 < patient.never < 0.2
    assert patient.quantile(0.5) < timeout
    assert patient.quantile(1 - patient.never / 2) == math.inf == patient.mean
    with pytest.warns(LoadWarning, match="time-out at .*, 3 retries: no steady state"):
        storm = simulate(HEAVY, 4, 0.85, timeout=timeout, retries=3, requests=20_000)
    assert storm.never > 0.5  # the servers work on answers that nobody waits for


def test_tied_requests_shorten_waits_without_more_load() -> None:
    plain = simulate(EXPONENTIAL, 8, 0.7, queues="each", requests=20_000)
    tied = simulate(EXPONENTIAL, 8, 0.7, tied=True, queues="each", requests=20_000)
    shared = simulate(EXPONENTIAL, 8, 0.7, requests=20_000)
    assert shared.mean.upper < tied.mean.lower
    assert tied.mean.upper < plain.mean.lower
    assert float(tied.utilisation) == pytest.approx(float(plain.utilisation), abs=0.02)
    assert float(tied.extra_load) == 0.0


def test_a_queue_of_each_server_is_that_of_one_server() -> None:
    load = simulate(EXPONENTIAL, 8, 0.5, queues="each", requests=40_000)
    assert holds(load.quantile(0.9), mmc(0.5, 1.0, 1).quantile(0.9))


def test_more_first_calls_than_the_servers_can_do() -> None:
    with pytest.warns(LoadWarning, match="first calls alone are 100 % of what the servers can do"):
        load = simulate(EXPONENTIAL, 2, 1.0, requests=2_000)
    assert load.quantile(0.5) == math.inf


def test_numbers_of_a_load_follow_from_its_windows() -> None:
    load = simulate(EXPONENTIAL, 4, 0.5, requests=6_000)
    assert len(load.windows) == 60
    assert load.count == load.response.count == sum(one.count for one in load.windows) == 6_000 - 750 - 121
    q = load.response.ci(0.9, windows=load.windows)
    assert (float(q), q.upper) == (float(load.quantile(0.9)), load.quantile(0.9).upper)
    with pytest.warns(TailWarning, match="requests are too few for the 0.9999-quantile: pass more requests"):
        assert load.quantile(0.9999).upper == math.inf
    assert isinstance(littles_law(rate=2.0, time=load.mean), Estimate)


def test_a_seed_repeats_a_simulation() -> None:
    one, same, other = (simulate(HEAVY, 2, 0.5, requests=2_000, seed=seed) for seed in (3, 3, 4))
    assert one.response == same.response != other.response
    again = pickle.loads(pickle.dumps(one))
    assert isinstance(again, Load)
    assert (again.response, again.policy, again.utilisation.lower) == (one.response, "no hedge", one.utilisation.lower)


def test_a_load_is_shown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LoadWarning)
        bad = simulate(HEAVY, 8, 0.9, hedge_after=0.0, requests=2_000)
    good = simulate(HEAVY, 8, 0.3, hedge_after=0.5, requests=6_000)
    p50, p99 = good.quantile(0.5), good.quantile(0.99)
    assert repr(good) == f"<Load: hedge after 500 ms; utilisation {good.utilisation}, p50 {p50}, p99 {p99}>"
    assert str(p99).endswith(" ms)") and re.fullmatch(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", str(good.utilisation))
    assert "\n" not in repr(bad)
    assert repr(bad).startswith("<Load: hedge after 0 s; no steady state: servers are busy for 100 % of the time")
    assert "utilisation" in good._repr_html_() and "p99" in good._repr_html_()
    assert "no steady state" in bad._repr_html_() and "p99" not in bad._repr_html_()
    with pytest.raises(AttributeError, match="immutable"):
        good.seed = 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"utilisation": 0.0}, "utilisation must be positive and finite, not 0.0"),
        ({"servers": 0}, "servers must be at least 1, not 0"),
        ({"servers": 10_001}, "servers must be at most 10,000, not 10,001"),
        ({"requests": 1_000}, "requests must be at least 1,200, not 1,000"),
        ({"requests": 10**9}, "requests must be at most 100,000,000"),
        ({"burst": 151, "requests": 1_200}, "burst must be at most an eighth of the 1,200 requests, not 151"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"cancel": "all"}, "cancel must be 'never', 'queued' or 'running', not 'all'"),
        ({"queues": "one"}, "queues must be 'shared' or 'each', not 'one'"),
        ({"hedge_after": 1.0, "timeout": 1.0}, "pass one of hedge_after, timeout and tied"),
        ({"hedge_after": -1.0}, "hedge_after must be a finite number from 0 on"),
        ({"hedge_after": 1.0, "queues": "each", "servers": 1}, "a hedge goes to another server"),
        ({"timeout": 0.0}, "timeout must be positive and finite, not 0.0"),
        ({"retries": 1}, "retries and backoff need a time-out"),
        ({"tied": True}, "tied requests need two queues"),
        ({"service": Histogram()}, "service must hold times with a positive mean, not 0 values"),
    ],
)
def test_bad_numbers(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(**{"service": CONSTANT, "servers": 2, "utilisation": 0.5, **arguments})


def test_bad_types() -> None:
    with pytest.raises(TypeError, match="service must be a histogram of service times, not list"):
        simulate([1.0], 1, 0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tied must be True or False, not 'no'"):
        simulate(CONSTANT, 2, 0.5, tied="no", queues="each")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="q must be a number"):
        simulate(CONSTANT, 1, 0.5, requests=1_200).quantile([0.5])  # type: ignore[arg-type]
