"""Advice on hedges: what it compares, what it recommends, and when it warns."""

import math

import numpy
import pytest

from historian import Histogram
from historian.queueing import LoadWarning, advise, simulate

HEAVY = Histogram.from_values(0.010 * numpy.exp(1.5 * numpy.random.default_rng(1).normal(size=20_000)))


def test_advice_at_low_load_is_to_hedge() -> None:
    advice = advise(HEAVY, servers=8, utilisation=0.1, requests=12_000)
    assert [one.after for one in advice.options[1:]] == [HEAVY.quantile(q) for q in (0.5, 0.9, 0.95, 0.99)]
    assert advice.options[0].ratio == 1.0
    assert advice.best == HEAVY.quantile(0.5)
    best = advice.options[1]
    assert best.ratio.lower < best.ratio < best.ratio.upper < 0.4
    assert float(best.response) == simulate(HEAVY, 8, 0.1, hedge_after=best.after, requests=12_000).quantile(0.99)
    assert advice.sentence.startswith("at 10 % load, hedge after 9.86 ms: p99 times 0.")
    assert repr(advice) == f"<Advice: {advice.sentence}>"
    assert repr(best) == f"<Option: hedge after 9.86 ms: response {best.response}, times {best.ratio}>"
    assert str(best.response).endswith(" ms)")


def test_advice_at_high_load_is_a_warning() -> None:
    with pytest.warns(LoadWarning, match=r"at 80 % load, do not hedge: every hedge makes it worse; with 2 of 2 the"):
        advice = advise(HEAVY, servers=8, utilisation=0.8, delays=[0.1, 0.01], requests=12_000)
    assert advice.best is None
    assert [one.after for one in advice.options] == [None, 0.01, 0.1]
    assert all(one.ratio == math.inf == one.response for one in advice.options[1:])
    assert all(one.alone < advice.options[0].alone for one in advice.options[1:])  # what tail.hedge says
    assert repr(advice.options[1]) == "<Option: hedge after 10.0 ms: the servers do not keep up>"
    assert "grows" in str(advice) and "do not hedge" in advice._repr_html_()


def test_advice_where_nothing_helps_is_a_warning() -> None:
    with pytest.warns(LoadWarning, match="no hedge helps for certain|every hedge makes it worse"):
        advice = advise(Histogram.from_values([1.0] * 100), 4, 0.5, delays=[0.5], cancel="queued", requests=12_000)
    assert advice.best is None


def test_advice_for_servers_that_do_not_keep_up() -> None:
    with pytest.warns(LoadWarning, match="at 120 % load, no hedge: the servers do not keep up"):
        advise(HEAVY, servers=2, utilisation=1.2, delays=[0.1], requests=12_000)


def test_a_hedge_that_one_burst_turns_into_a_collapse_is_not_recommended() -> None:
    """At 60 %, hedging all calls needs 120 % of the servers: who gets there stays there, however rare it is."""
    after = HEAVY.quantile(0.99)
    calm = simulate(HEAVY, 8, 0.6, hedge_after=after, requests=12_000)
    assert calm.is_stable and calm.utilisation < 0.65
    with pytest.warns(LoadWarning, match="one burst brings the servers down for good"):
        advice = advise(HEAVY, 8, 0.6, delays=[after], requests=12_000)
    assert (advice.best, advice.options[1].recovers, advice.options[0].recovers) == (None, False, True)
    assert repr(advice.options[1]).endswith("; one burst brings the servers down for good>")
    assert repr(advice.options[0]).startswith("<Option: no hedge: response ") and "burst" not in repr(advice.options[0])
    with pytest.warns(LoadWarning, match="no steady state"):
        simulate(HEAVY, 8, 0.6, hedge_after=after, burst=1_000, requests=12_000)
    assert simulate(HEAVY, 8, 0.6, burst=1_000, requests=12_000).is_stable


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match=r"q must be between 0 and 1, such as 0.99, not 1"):
        advise(HEAVY, 2, 0.5, q=1)
    with pytest.raises(ValueError, match="delays must be a finite number from 0 on"):
        advise(HEAVY, 2, 0.5, delays=[-1.0])
    with pytest.raises(ValueError, match="delays must hold a time at least"):
        advise(HEAVY, 2, 0.5, delays=[])
    with pytest.raises(ValueError, match=r"requests must be at least 11,696 for p99, not 11,695: pass more"):
        advise(HEAVY, 2, 0.5, requests=11_695)
    with pytest.raises(ValueError, match=r"requests must be at least 1,169,591 for p99\.99, not 100,000"):
        advise(HEAVY, 2, 0.5, q=0.9999)
    with pytest.raises(ValueError, match=r"service must hold times up to 2\*\*64, not 2 values above"):
        advise(Histogram.from_values([1.0, 2.0**70, 2.0**70]), 2, 0.5)
