"""`simultaneous=True`: bands that hold whole curves; their coverage is counted by benchmarks/accuracy_bands.py, too."""

import math
import re
import warnings

import numpy as np
import pytest

import historian
from historian import Histogram
from historian._stats.bands import local_confidence
from historian._stats.binomial import rank_interval, share_interval
from historian.tail import TailWarning
from historian.tail.shares import any_of

H = Histogram.from_values(np.random.default_rng(1).lognormal(-4.5, 1, 20_000))


def test_a_quantile_has_the_interval_of_the_local_confidence():
    estimate = H.ci(0.99, simultaneous=True)
    single = H.ci(0.99, local_confidence(20_000, 0.95))
    assert (float(estimate), estimate.lower, estimate.upper) == (float(single), single.lower, single.upper)
    assert estimate.confidence == 0.95 and estimate.method == "equal local levels"
    assert estimate.why == "sampling: 20,000 values; bucket width; the whole curve together"
    low, high = rank_interval(0.99, 20_000, local_confidence(20_000, 0.95))
    values = np.repeat(H.lower, H.counts), np.repeat(H.upper, H.counts)
    assert (estimate.lower, estimate.upper) == (values[0][low - 1], values[1][high - 1])


def test_many_quantiles_are_those_of_each():
    many = H.ci([[0.5], [0.99]], simultaneous=True)
    assert many.shape == (2, 1) and many[1, 0].why == H.ci(0.99, simultaneous=True).why
    assert [tuple(many[k, 0].__reduce__()[1]) for k in (0, 1)] == [
        tuple(H.ci(q, simultaneous=True).__reduce__()[1]) for q in (0.5, 0.99)
    ]
    assert many.method == "equal local levels" and many.confidence == 0.95


def test_a_fan_out_has_the_mapped_share():
    fan = H.fanout(10)
    t = float(H.upper[-40])  # an edge of a bucket
    wait = fan.p_wait(t, simultaneous=True)
    above = round(H.sf(t) * 20_000)
    bounds = share_interval(above, 20_000 - above, local_confidence(20_000, 0.95))
    assert (wait.lower, wait.upper) == pytest.approx([any_of(share, 10) for share in bounds], rel=1e-12)
    assert wait == fan.p_wait(t) and wait.method == "equal local levels"
    assert wait.why.endswith("independent calls assumed; the whole curve together")
    many, of_fans = fan.p_wait([t, 2 * t], simultaneous=True), H.fanout([1, 10]).p_wait(t, simultaneous=True)
    assert (many[0].upper, of_fans[1].upper) == pytest.approx((wait.upper, wait.upper), rel=1e-12)
    assert many.why == wait.why and many.method == wait.method


@pytest.mark.parametrize("count", [10, 300])
def test_the_band_holds_every_quantile_and_every_share(count):
    """Draw histograms of a curve with ties, and look whether the whole of it is inside: at its bends and everywhere."""
    rng, runs = np.random.default_rng(count), 60
    truth = np.array([0.010, 0.011, 0.013, 0.020, 0.300])  # with these probabilities:
    shares = np.array([0.2, 0.3, 0.3, 0.15, 0.05])
    q = np.concatenate([np.cumsum(shares)[:-1], [0.001, 0.999]])
    exact = truth[np.searchsorted(np.cumsum(shares), q - 1e-12)]
    above = 1 - np.cumsum(shares)[:-1]
    missed = 0
    for _ in range(runs):
        h = Histogram.from_values(rng.choice(truth, count, p=shares))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TailWarning)
            band, curve = h.ci(q, simultaneous=True), h.fanout(1).p_wait(truth[:-1], simultaneous=True)
        is_in = (band.lower <= exact) & (exact <= band.upper)
        missed += not (is_in.all() and ((curve.lower <= above) & (above <= curve.upper)).all())
    assert missed <= 0.05 * runs


def test_too_few_values_warn():
    with pytest.warns(TailWarning, match="no upper bound"):
        assert Histogram.from_values([1.0] * 100).ci(0.99, simultaneous=True).upper == math.inf


def test_no_data():
    empty = Histogram()
    assert math.isnan(empty.ci(0.5, simultaneous=True)) and empty.ci([0.5], simultaneous=True).upper[0] == math.inf
    assert math.isnan(empty.fanout(2).p_wait(1.0, simultaneous=True))
    assert empty.fanout(2).p_wait([1.0], simultaneous=True).shape == (1,)


def test_what_it_cannot_do():
    corrected = H.corrected(0.01)
    asks = [corrected.ci, corrected.fanout(2).p_wait, corrected.fanout([2]).p_wait]
    for ask in asks:
        with pytest.raises(ValueError, match="simultaneous needs measured values"):
            ask(0.5, simultaneous=True)
    with pytest.raises(ValueError, match="simultaneous needs independent values, without windows"):
        H.ci(0.5, windows=[H], simultaneous=True)
    for ask in (H.ci, H.fanout(2).p_wait, H.fanout([2]).p_wait):
        with pytest.raises(ValueError, match="anytime=True or simultaneous=True, not both"):
            ask(0.5, anytime=True, simultaneous=True)
    with pytest.raises(ValueError, match="confidence"):
        H.ci(0.5, 1.0, simultaneous=True)


@pytest.mark.parametrize("no_bool", ["no", "", 1, 0, None, np.array([True]), [True]])
def test_only_bools_say_what_holds_together(no_bool):
    """The text "no" would count as True.  It is refused at once, before the other arguments are looked at."""
    comparison = historian.compare(Histogram(), Histogram())
    asks = [H.ci, H.fanout(2).p_wait, H.fanout(2).sf, H.fanout([2]).p_wait, Histogram().ci, Histogram().fanout(2).sf]
    for name, ask in [*(("simultaneous", ask) for ask in asks), *(("anytime", a) for a in [*asks, comparison.ratio])]:
        for q in (0.5, [0.5], "x"):
            with pytest.raises(TypeError, match=f"{name} must be True or False, not {re.escape(repr(no_bool))}"):
                ask(q, **{name: no_bool})


def test_bools_of_numpy_are_bools():
    ratio, other = historian.compare(H, H).ratio, Histogram.from_values([1.0] * 100)
    for one in (np.bool_(True), np.array(True)):
        assert repr(H.ci(0.5, simultaneous=one)) == repr(H.ci(0.5, simultaneous=True))
        assert repr(H.fanout(2).p_wait(0.1, anytime=one)) == repr(H.fanout(2).p_wait(0.1, anytime=True))
        assert repr(ratio(0.5, anytime=one)) == repr(ratio(0.5, anytime=True))
    assert repr(other.ci(0.5, anytime=np.bool_(False), simultaneous=np.False_)) == repr(other.ci(0.5))


def test_the_price_is_what_the_documentation_says():
    single, together = H.ci([0.5, 0.9, 0.99]), H.ci([0.5, 0.9, 0.99], simultaneous=True)
    times = np.log(together.upper / together.lower) / np.log(single.upper / single.lower)
    assert (times > 1.3).all() and (times < 2.0).all()
    assert historian.merge([H, H]).ci(0.5, simultaneous=True).lower >= together.lower[0]
