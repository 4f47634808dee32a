"""`cheapest_hedge` and `best_hedge`: against closed formulas, all delays of small samples, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian import Histogram, buckets
from historian._show.terminal import text
from historian.tail import Hedge, TailWarning, best_hedge, cheapest_hedge, hedge
from historian.tail.dist import from_sf

EXPONENTIAL = from_sf(lambda t: math.exp(-t))
SAMPLE = np.random.default_rng(1).lognormal(-4, 0.6, 20_000)
LATENCY = Histogram.from_values(SAMPLE).dist()
T = buckets.upper(buckets.index(4.0))


@pytest.mark.parametrize(
    ("p", "after", "prob", "load"),
    [
        # S(d)/F(t - d) = exp(-d)/(1 - exp(d - t)) is least at d = t - log 2, where F(t - d) = 1/2: r = 2 (1 - p/S), and
        # the load is exp(log 2 - t) r = 4 (S - p).
        (0.8, T - math.log(2), 0.4, 0.8 * math.exp(-T)),
        (0.6, T - math.log(2), 0.8, 1.6 * math.exp(-T)),
        # Below p = S/2, r is 1, and F(t - d) = 1 - p/S: d = t + log(p/S), and the load is exp(-d) = S^2/p.
        (0.3, T + math.log(0.3), 1.0, math.exp(-T) / 0.3),
        (0.1, T + math.log(0.1), 1.0, math.exp(-T) / 0.1),
    ],
)
def test_exponential_times(p, after, prob, load):
    found = cheapest_hedge(EXPONENTIAL, T, p * math.exp(-T))
    assert found.after == pytest.approx(after, abs=0.05)  # the best delay is known to a bucket: 0.011 * 4
    assert found.prob == pytest.approx(prob, rel=0.05)
    assert found.dist.extra_load == pytest.approx(load, rel=0.02)
    assert found.dist.sf(T) == pytest.approx(p * math.exp(-T), rel=1e-9)


def test_no_delay_of_all_is_cheaper():
    x, t, p = Histogram.from_values([0.01] * 900 + [0.03] * 80 + [0.05] * 15 + [0.2] * 5).dist(), 0.1, 0.001
    found = cheapest_hedge(x, t, p)
    tail = float(x.sf(t))
    for after in (0.0, *(buckets.lower(k) for k in range(buckets.index(0.009), buckets.index(0.1)))):
        done = float(hedge(x, after).sf(t)) / tail  # 1 - F(t - after)
        prob = (1 - p / tail) / (1 - done) if done < 1 else math.inf
        if prob <= 1:
            assert hedge(x, after, prob).sf(t) <= p * (1 + 1e-9)
            assert hedge(x, after, prob).extra_load >= found.dist.extra_load * (1 - 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=60), st.integers(1, 400), st.floats(0, 1))
def test_the_target_is_met_at_no_more_than_the_load_of_any_hedge(values, t, p):
    x = Histogram.from_values([one / 100 for one in values]).dist()
    if p < float(x.sf(t / 100)) ** 2:
        with pytest.raises(ValueError, match="p must be at least"):
            cheapest_hedge(x, t / 100, p)
        return
    found = cheapest_hedge(x, t / 100, p)
    assert found.dist.sf(t / 100) <= p * (1 + 1e-9) + 1e-15
    assert 0 <= found.prob <= 1 and found.after >= 0
    at_once = hedge(x, 0.0)
    assert float(found.dist.extra_load) <= float(at_once.extra_load) * (1 + 1e-9)


def test_a_simulation_of_calls():
    p, t = 0.002, float(LATENCY.ppf(0.99))
    after, prob, dist = cheapest_hedge(LATENCY, t, p)
    rng, n = np.random.default_rng(2), 400_000
    first, second = rng.lognormal(-4, 0.6, (2, n))
    hedged = (first > after) & (rng.random(n) < prob)
    time = np.where(hedged, np.minimum(first, after + second), first)
    assert hedged.mean() == pytest.approx(dist.extra_load, rel=0.05)  # the sample of 20,000 knows it to 2 %
    assert (time > t).mean() == pytest.approx(p, rel=0.15)
    assert dist.sf(t).lower < (time > t).mean() < dist.sf(t).upper


def test_no_hedge_is_needed():
    found = cheapest_hedge(LATENCY, 1.0, 0.5)
    assert found == Hedge(buckets.upper(buckets.index(1.0)), 0.0, LATENCY) and found.dist.extra_load == 0


def test_a_larger_budget_gives_a_smaller_quantile():
    quantiles = []
    for load in (0.0, 0.01, 0.05, 0.2, 1.0):
        found = best_hedge(LATENCY, 0.99, load)
        assert found.dist.extra_load <= load
        quantiles.append(float(found.dist.ppf(0.99)))
    assert quantiles == sorted(quantiles, reverse=True) and len(set(quantiles)) == 5
    assert quantiles[0] == LATENCY.ppf(0.99)
    # At once: S(t)^2 = 0.01 at the 0.9-quantile.
    assert quantiles[-1] == pytest.approx(float(LATENCY.ppf(0.9)), rel=0.012)


def test_best_and_cheapest_are_inverse():
    found = best_hedge(EXPONENTIAL, 0.99, 0.1)
    t = float(found.dist.ppf(0.99))
    assert cheapest_hedge(EXPONENTIAL, t * 1.0001, 0.01).dist.extra_load <= 0.1
    assert cheapest_hedge(EXPONENTIAL, t / buckets.GROWTH**2, 0.01).dist.extra_load > 0.1


@pytest.mark.parametrize("load", [0.001, 0.01, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("x", [EXPONENTIAL, LATENCY])
def test_answers_lie_on_edges_of_buckets(x, load):
    found = best_hedge(x, 0.99, load)
    cheap = cheapest_hedge(x, float(x.ppf(0.995)), 0.008)
    for after in (found.after, cheap.after):
        assert after == 0 or after == buckets.upper(buckets.index(after))
    t = float(found.dist.ppf(0.99))
    assert min(abs(t / buckets.upper(buckets.index(t) + k) - 1) for k in (-1, 0)) < 1e-12


@pytest.mark.parametrize("load", [0.1, 0.12, 0.3, 0.9, 1.0])
def test_the_best_quantile_is_known_to_a_bucket(load):
    """A load exp(-d) affords a hedge after d: it leaves exp(-t) exp(-(t - d)), which is 0.01 at (log 100 + d)/2."""
    exact = (math.log(100) - math.log(load)) / 2
    found = float(best_hedge(EXPONENTIAL, 0.99, load).dist.ppf(0.99))
    assert 1 - 1e-9 <= found / exact <= buckets.GROWTH * 1.0005  # 1.0109, for the delay is one of the edges, too


def test_a_hedge_of_a_hedge():
    once = best_hedge(LATENCY, 0.99, 0.05)
    twice = best_hedge(once.dist, 0.99, 0.05)
    assert twice.dist.ppf(0.99) < once.dist.ppf(0.99) < LATENCY.ppf(0.99)
    assert 0.05 < twice.dist.extra_load <= 0.05 + 0.05 * 1.05


@pytest.mark.parametrize(
    ("question", "error", "text"),
    [
        (lambda: cheapest_hedge(LATENCY, 0.0, 0.1), ValueError, r"t must be more than 0 and at most 2\*\*64, not 0"),
        (lambda: cheapest_hedge(LATENCY, 1e30, 0.1), ValueError, "t must be more than 0"),
        (lambda: cheapest_hedge(LATENCY, math.nan, 0.1), ValueError, "t must be a finite number"),
        (lambda: cheapest_hedge(LATENCY, 0.1, 1.5), ValueError, "p must be in 0..1"),
        (
            lambda: cheapest_hedge(LATENCY, 0.02, 1e-9),
            ValueError,
            "p must be at least 0.1.*, which a hedge leaves that",
        ),
        (lambda: cheapest_hedge(Histogram().dist(), 0.1, 0.1), ValueError, "x must hold values"),
        (lambda: cheapest_hedge(Histogram(), 0.1, 0.1), TypeError, "pass its .dist"),
        (lambda: best_hedge(LATENCY, 2, 0.1), ValueError, "q must be in 0..1"),
        (lambda: best_hedge(LATENCY, 0.9, -0.1), ValueError, "load must be a finite number from 0 on"),
        (lambda: best_hedge(Histogram().dist(), 0.9, 0.1), ValueError, "x must hold values"),
    ],
)
def test_bad_arguments(question, error, text):
    with pytest.raises(error, match=text):
        question()


def test_edges():
    one = Histogram.from_values([1.0]).dist()
    with pytest.warns(match="too few"):
        assert best_hedge(one, 0.5, 1.0).dist.ppf(1.0) == 1.0
    for q in (0, 1):
        assert best_hedge(LATENCY, q, 0.0).prob == 0.0


@pytest.mark.parametrize(("t", "p"), [(0.08, 0.000104), (0.05, 1e-5), (0.1, 0.0), (0.02, 0.1)])
def test_the_printed_limit_of_p_works(t, p):
    with pytest.raises(ValueError, match="p must be at least") as caught:
        cheapest_hedge(LATENCY, t, min(p, float(LATENCY.sf(t)) ** 2 / 2))
    limit = float(str(caught.value).removeprefix("p must be at least ").partition(",")[0])
    found = cheapest_hedge(LATENCY, t, limit)
    assert found.dist.sf(t) <= limit * (1 + 1e-9) and limit <= 1.02 * float(LATENCY.sf(t)) ** 2


def test_a_warning_names_the_quantile():
    with pytest.warns(TailWarning, match=r"20,000 values are too few for the 0\.999999-quantile and give no") as caught:
        best_hedge(LATENCY, 0.999999, 0.05)
    assert [one.filename for one in caught] == [__file__]


def test_what_notebooks_show_of_a_hedge():
    found = best_hedge(LATENCY, 0.99, 0.05)
    shown = text(found._view(), 100)
    lines = shown.splitlines()
    assert lines[0] == f"Hedge: a second call after {1000 * found.after:.3g} ms with a probability of {found.prob:.3g}"
    assert lines[2].split() == ["with", "it", "ms", "95", "%", "interval"]
    assert lines[5].split() == ["p99", "65.3", "63.8", "to", "66.7"]
    assert f"extra calls per call  {float(found.dist.extra_load):.4f}  " in shown
    assert "independence assumed" in shown and "second call" in found._repr_html_()
    assert text(best_hedge(LATENCY, 0.99, 0)._view(), 100).startswith("Hedge: no second call")
    assert found.__rich__() is not None
