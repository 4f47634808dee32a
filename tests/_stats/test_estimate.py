"""`Estimate`: it behaves as a float, and prints its interval."""

import copy
import json
import math
import pickle
import statistics

import numpy as np
import pytest

from historian import Comparison, Histogram, compare, merge, tail
from historian.tail import Estimate, TailWarning
from historian.tail.dist import from_sf

WAIT = Estimate(0.634, 0.559, 0.706, "sampling: 10,000 values")


def test_it_is_a_number():
    assert WAIT == 0.634
    assert hash(WAIT) == hash(0.634)
    assert float(WAIT) == WAIT.value == 0.634
    assert type(WAIT.value) is float
    assert sorted([WAIT, 0.5, 1]) == [0.5, WAIT, 1]
    assert WAIT > 0.5
    assert WAIT + 1 == 1.634
    assert type(WAIT * 2) is float
    assert round(WAIT, 1) == 0.6
    assert math.sqrt(WAIT) == math.sqrt(0.634)
    assert int(WAIT * 10) == 6
    assert json.loads(json.dumps(WAIT)) == 0.634
    assert statistics.mean([WAIT, WAIT]) == statistics.mean([WAIT, 0.634]) == 0.634
    assert type(statistics.mean([WAIT, WAIT])) is float  # an Estimate would need bounds
    assert np.array([WAIT, WAIT]).sum() == pytest.approx(1.268)
    assert f"{WAIT:.0%} {WAIT:.2f} {WAIT:>8.3g}" == "63% 0.63    0.634"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (WAIT, "0.634 (0.559 to 0.706)"),
        (Estimate(0.0, 0.0, 0.309, ""), "0 (0 to 0.309)"),
        (Estimate(0.99990, 0.99988, 0.99992, ""), "0.999900 (0.999880 to 0.999920)"),
        (Estimate(0.99, 0.98788, 0.99186, ""), "0.9900 (0.9879 to 0.9919)"),
        (Estimate(1.0, 0.999631, 1.0, ""), "1.000000 (0.999631 to 1.000000)"),
        (Estimate(1 - 2.0**-53, 0.99, 1.0, ""), "0.9999999999999999 (0.9900000000000000 to 1.0000000000000000)"),
        (Estimate(0.634, 0.025, 0.9963, ""), "0.634 (0.0250 to 0.996)"),
        (Estimate(9.82e-7, 0.0, 1.28e-6, ""), "9.82e-07 (0 to 1.28e-06)"),
        (Estimate(9.82e-7, 7.51e-7, 0.01, ""), "9.82e-07 (7.51e-07 to 0.0100)"),
        (Estimate(1.0, 1.0, 1.0, ""), "1.00"),
        (Estimate(12_345.0, 12_000.0, 13_000.0, "", unit="requests"), "12,300 requests (12,000 to 13,000 requests)"),
        (Estimate(0.0123, 0.0121, 0.0125, "", unit="s"), "12.3 ms (12.1 to 12.5 ms)"),
        (Estimate(12.3, 12.1, math.inf, "", unit="ms"), "12.3 ms (from 12.1 ms, no upper bound)"),
        (Estimate(12.3, -math.inf, 13.0, "", unit="ms"), "12.3 ms (up to 13.0 ms, no lower bound)"),
        (Estimate(math.inf, 13.0, math.inf, "", unit="ms"), "inf ms (from 13.0 ms, no upper bound)"),
        (Estimate(1.0, -math.inf, math.inf, "", unit="ms"), "1.00 ms (no bounds)"),
        (Estimate(-0.25, -0.5, 0.125, ""), "-0.250 (-0.500 to 0.125)"),
    ],
)
def test_how_it_prints(estimate, text):
    assert str(estimate) == f"{estimate}" == text


def test_repr_says_why():
    assert repr(WAIT) == "<Estimate: 0.634 (0.559 to 0.706); sampling: 10,000 values>"


@pytest.mark.parametrize(
    ("confidence", "method", "shown"),
    [
        (0.95, "Clopper-Pearson", ", 95 %, Clopper-Pearson"),
        (0.999, "", ", 99.9 %"),
        (0.9875, "order statistics", ", 98.75 %, order statistics"),
        (None, "bucket edges", ", bucket edges"),
        (None, "", ""),
    ],
)
def test_it_knows_its_confidence_and_method(confidence, method, shown):
    one = Estimate(0.634, 0.559, 0.706, "sampling", confidence=confidence, method=method)
    assert (one.confidence, one.method) == (confidence, method)
    assert str(one) == "0.634 (0.559 to 0.706)"
    assert repr(one) == f"<Estimate: 0.634 (0.559 to 0.706){shown}; sampling>"


def test_without_them_nothing_is_claimed():
    assert (WAIT.confidence, WAIT.method) == (None, "")


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, math.nan])
def test_confidence_is_a_share(confidence):
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        Estimate(0.634, 0.559, 0.706, confidence=confidence)


def test_it_survives_copying():
    for one in (WAIT, Estimate(0.634, 0.559, 0.706, unit="s", confidence=0.9, method="order statistics")):
        parts = (one, one.lower, one.upper, one.why, one.unit, one.confidence, one.method)
        for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            found = (again, again.lower, again.upper, again.why, again.unit, again.confidence, again.method)
            assert found == parts


H = Histogram.from_values([0.010] * 9_900 + [1.0] * 100)
HALVES = [Histogram.from_values([0.010] * 4_950 + [1.0] * 50)] * 2
DIST = H.dist(confidence=0.9)
BLOCKS = Comparison(merge(HALVES * 4), merge(HALVES * 4), blocks=list(zip(HALVES, HALVES)) * 4, confidence=0.9)

WINDOWS = "Clopper-Pearson of the effective sample size"
UNKNOWN = Histogram.from_bytes(H.corrected(0.3).to_bytes())  # without the measured values
WITHIN = H.slo(0.5, 0.9, 0.9, HALVES).within
MISSED = Estimate(1 - WITHIN, 1 - WITHIN.upper, 1 - WITHIN.lower, confidence=0.9, method=WINDOWS)

#: Each public answer with an interval, asked with a confidence of 90 %: (method, confidence).
ANSWERS = {
    "ci": (H.ci(0.5, 0.9), "order statistics", 0.9),
    "ci in windows": (H.ci(0.5, 0.9, HALVES), "order statistics of the effective sample size", 0.9),
    "p_wait": (H.fanout(9).p_wait(0.5, 0.9), "Clopper-Pearson", 0.9),
    "bounds": (H.fanout(9).bounds(0.5, "any", confidence=0.9), "Clopper-Pearson", 0.9),
    "bounds in windows": (
        H.fanout(9).bounds(0.5, windows=HALVES, confidence=0.9),
        "Clopper-Pearson of the effective sample size",
        0.9,
    ),
    "extrapolate": (H.fanout(9).extrapolate(0.5, 3, 0.02, 0.9), "Clopper-Pearson", 0.9),
    "extrapolate an estimate": (H.fanout(9).extrapolate(0.5, 3, H.fanout(3).p_wait(0.5, 0.8)), "Clopper-Pearson", 0.8),
    "effective_n": (H.fanout(9).effective_n(0.5, 0.05, 0.9), "Clopper-Pearson", 0.9),
    "effective_n of an estimate": (H.fanout(9).effective_n(0.5, H.fanout(3).p_wait(0.5, 0.8)), "Clopper-Pearson", 0.8),
    "sensitivity": (H.fanout(9).sensitivity(0.5, 0.1, 0.9), "Clopper-Pearson", 0.9),
    "quantile": (H.fanout(9).quantile(0.5, 0.9), "order statistics", 0.9),
    "within": (H.slo(0.5, 0.9, 0.9).within, "Clopper-Pearson", 0.9),
    "within, in windows": (H.slo(0.5, 0.9, 0.9, HALVES).within, "Clopper-Pearson of the effective sample size", 0.9),
    "burn_rate": (H.slo(0.5, 0.9, 0.9).burn_rate, "Clopper-Pearson", 0.9),
    "budget_left": (H.slo(0.5, 0.9, 0.9).budget_left, "Clopper-Pearson", 0.9),
    "burn_rates": (tail.burn_rates(HALVES, 0.5, 0.9, (1,), 0.9)[1], "Clopper-Pearson", 0.9),
    "burn_rates, of several": (
        tail.burn_rates(HALVES, 0.5, 0.9, (2,), 0.9)[2],
        "Clopper-Pearson of the effective sample size",
        0.9,
    ),
    "apdex": (H.apdex(0.005, 0.9), "Clopper-Pearson of the matched variance", 0.9),
    "sf": (DIST.sf(0.5), "Clopper-Pearson", 0.9),
    "cdf": (DIST.cdf(0.5), "Clopper-Pearson", 0.9),
    "ppf": (DIST.ppf(0.5), "Clopper-Pearson", 0.9),
    "isf": (DIST.isf(0.5), "Clopper-Pearson", 0.9),
    "mean": (DIST.mean, "Clopper-Pearson", 0.9),
    "never": (tail.retry(DIST, 0.5, 1).never, "Clopper-Pearson", 0.9),
    "extra_load": (tail.hedge(DIST, 0.5).extra_load, "Clopper-Pearson", 0.9),
    "sf for certain": (H.dist(None).sf(0.5), "bucket edges", None),
    "sf of a function": (from_sf(lambda t: 1 / (1 + t)).sf(0.5), "bucket edges", None),
    "sf in windows": (H.dist(0.9, HALVES).sf(0.5), WINDOWS, 0.9),
    "quantile in windows": (tail.all_of(3, H.dist(0.9, HALVES)).quantile(0.5), WINDOWS, 0.9),
    "sf of corrected values": (H.corrected(0.3).dist(0.9).sf(0.5), WINDOWS, 0.9),
    "sf of unknown values": (UNKNOWN.dist(0.9).sf(0.5), "", 0.9),
    "mean of unknown values": (tail.seq(UNKNOWN.dist(0.9), H.dist(None)).mean, "", 0.9),
    "sf of two kinds": (tail.all_of({DIST: 1, H.dist(0.9, HALVES): 1}).sf(0.5), f"Clopper-Pearson and {WINDOWS}", 0.9),
    "sf with known and unknown values": (tail.seq(DIST, UNKNOWN.dist(0.8)).sf(0.5), "Clopper-Pearson", 0.8),
    "sf of estimated shares": (
        tail.choice({DIST: WITHIN, tail.seq(DIST, DIST): MISSED}).sf(0.5),
        f"Clopper-Pearson and {WINDOWS}",
        0.9,
    ),
    "p_wait of unknown values": (UNKNOWN.fanout(9).p_wait(0.5, 0.9), "", 0.9),
    "extrapolate an estimate in windows": (
        H.fanout(9).extrapolate(0.5, 3, H.fanout(3).bounds(0.5, windows=HALVES, confidence=0.8)),
        f"Clopper-Pearson and {WINDOWS}",
        0.8,
    ),
    "ratio": (compare(H, H, confidence=0.9).ratio(0.5), "order statistics", 0.9),
    "superiority": (compare(H, H, confidence=0.9).superiority, "DeLong", 0.9),
    "kolmogorov_smirnov": (compare(H, H, confidence=0.9).kolmogorov_smirnov, "Dvoretzky-Kiefer-Wolfowitz", 0.9),
    "wasserstein": (compare(H, H, confidence=0.9).wasserstein, "normal approximation", 0.9),
    "ratio of blocks": (BLOCKS.ratio(0.5), "block bootstrap", 0.9),
    "superiority of blocks": (BLOCKS.superiority, "block bootstrap", 0.9),
    "kolmogorov_smirnov of blocks": (BLOCKS.kolmogorov_smirnov, "block bootstrap", 0.9),
    "wasserstein of blocks": (BLOCKS.wasserstein, "block bootstrap", 0.9),
}


@pytest.mark.parametrize("question", ANSWERS)
def test_every_answer_says_its_confidence_and_method(question):
    answer, method, confidence = ANSWERS[question]
    assert (answer.method, answer.confidence) == (method, confidence)


def test_many_answers_have_the_same_method():
    for x in (DIST, H.dist(0.9, HALVES), H.corrected(0.3).dist(0.9), UNKNOWN.dist(0.9), H.dist(None)):
        one, many = x.sf(0.5), x.sf([0.1, 0.5])
        assert (many.method, many[0].method, x.quantile([0.5]).method, x.cdf([1.0]).method) == (one.method,) * 4
        again = pickle.loads(pickle.dumps(x))
        assert (again.sf(0.5).method, again.sf(0.5).confidence) == (one.method, one.confidence)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda h: h.ci(1), "1 value is too few for the maximum and give"),
        (lambda h: h.ci(0), "1 value is too few for the minimum and give"),
        (lambda h: h.ci([0.5, 1]), "1 value is too few for the 0.5-quantile"),
        (lambda h: h.dist().quantile(1), "1 value is too few for the maximum and give"),
        (lambda h: h.fanout(3).p_wait(0.5), "users wait for 3 calls, but only 1 was recorded"),
        (lambda h: h.fanout([3, 4]).p_wait(0.5), "users wait for 3 calls, but only 1 was recorded"),
        (lambda h: tail.all_of(3, h.dist()), "waits for all of 3 parts, but only 1 was recorded"),
    ],
)
def test_warnings_are_sentences(ask, text):
    with pytest.warns(tail.TailWarning, match=text):
        ask(Histogram.from_values([1.0]))


TREES = {
    "seq": lambda x, y: tail.seq(x, y, y),
    "all_of": lambda x, y: tail.all_of({x: 2, y: 3}),
    "first_of": lambda x, y: tail.first_of({x: 2, y: 3}),
    "k_of": lambda x, y: tail.k_of(2, {x: 2, y: 3}),
    "choice": lambda x, y: tail.choice({x: 0.5, y: 0.5}),
    "hedge": lambda x, y: tail.hedge(tail.seq(x, y), 0.1),
    "tied": tail.tied,
    "retry": lambda x, y: tail.retry(tail.seq(x, y), 0.1, 2),
}


@pytest.mark.parametrize("tree", TREES)
def test_a_request_tree_has_the_lowest_confidence_of_its_parts(tree):
    exact = from_sf(lambda t: math.exp(-t))
    for x, y, lowest in ((DIST, H.dist(0.8), 0.8), (DIST, H.dist(None), 0.9), (exact, H.dist(None), None)):
        whole = TREES[tree](x, y)
        assert whole.sf(0.5).confidence == pickle.loads(pickle.dumps(whole)).sf(0.5).confidence == lowest


def test_it_is_immutable():
    with pytest.raises(AttributeError, match="immutable"):
        WAIT.lower = 0.0
    with pytest.raises(AttributeError, match="immutable"):
        del WAIT.upper
    assert WAIT.lower == 0.559


@pytest.mark.parametrize("numbers", [(1.0, 2.0, 3.0), (4.0, 2.0, 3.0), (math.nan, 0, 1), (0, math.nan, 1)])
def test_bounds_must_hold_the_value(numbers):
    with pytest.raises(ValueError, match="between its bounds"):
        Estimate(*numbers, "")


def test_both_bounds_or_none():
    with pytest.raises(TypeError, match="needs both bounds"):
        Estimate(0.5, 0.4)


def test_the_warning_can_be_told_from_others():
    assert issubclass(TailWarning, UserWarning)
