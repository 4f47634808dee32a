"""Invalid arguments of the tail's functions, and the errors that they raise."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from distributions import EXP, ONE_IN_100

from historian import Histogram, Recorder, compare, interleave
from historian.tail import all_of, choice, first_of, hedge, k_of, retry, seq, tied
from historian.tail.dist import from_sf

ONE_IN_100_VALUES = Histogram.from_values([0.01] * 99 + [1.0])


def test_bad_numbers():
    x = ONE_IN_100
    for call, message in (
        (lambda: all_of(0, x), "n must be at least 1"),
        (lambda: first_of(-1, x), "n must be at least 1"),
        (lambda: k_of(0, 3, x), "k must be at least 1"),
        (lambda: k_of(4, 3, x), "k must be at most n, 3, not 4"),
        (lambda: k_of(4, {x: 3}), "k must be at most n"),
        (lambda: k_of(10, {x: 600, EXP: 500}), "n - k must be below 1,000 for unequal parts, not 1,090"),
        (lambda: choice({x: 0.5}), "shares must add up to 1, not 0.5"),
        (lambda: choice({x: 1.5}), r"shares must be in 0\.\.1"),
        (lambda: choice({}), "at least one"),
        (lambda: all_of({}), "at least one"),
        (lambda: seq(), "at least one"),
        (lambda: hedge(x, -1.0), "after must be a finite number from 0"),
        (lambda: hedge(x, math.nan), "after must be a finite number"),
        (lambda: hedge(x, 1.0, 1.1), r"prob must be in 0\.\.1"),
        (lambda: retry(x, 0.0, 1), "timeout must be more than 0"),
        (lambda: retry(x, 1.0, -1), "retries must be at least 0"),
        (lambda: retry(x, 1.0, 1, math.inf), "backoff must be a finite number"),
        (lambda: x.sf(math.nan), "t must not be NaN"),
        (lambda: x.sf(10**400), "t must be"),
        (lambda: ONE_IN_100_VALUES.fanout(2).p_wait(10**400), "t must be"),
        (lambda: ONE_IN_100_VALUES.fanout(10**400), "n must be at most 1e100, not a number of 401 digits"),
        (lambda: all_of(10**400, x), "n must be at most 1e100"),
        (lambda: retry(x, 1.0, 10**400), "retries must be at most 1e100"),
        (lambda: all_of(1, x, dependence="some"), "dependence must be"),
        (lambda: first_of(1, x, dependence="some"), "dependence must be"),
        (lambda: x.ppf(1.1), r"q must be in 0\.\.1"),
        (lambda: x.isf(-0.1), r"p must be in 0\.\.1"),
        (lambda: all_of(2, x, dependence="some"), "dependence must be"),
        (lambda: seq(x, x, dependence="some"), "dependence must be"),
        (lambda: Histogram.from_values([1.0]).dist(confidence=1.0), "confidence must be between"),
        (lambda: ONE_IN_100_VALUES.fanout(2).p_wait(0.5, confidence=1 - 1e-16), "confidence must be between"),
        (lambda: from_sf(lambda t: t), "sf must return shares"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


H = ONE_IN_100_VALUES
LESS_OBVIOUS = [True, False, np.bool_(True), [True, False], np.array([True])]


@pytest.mark.parametrize("given", LESS_OBVIOUS, ids=repr)
@pytest.mark.parametrize(
    "ask",
    [
        H.quantile, H.percentile, H.quantile_bounds, H.cdf, H.sf, H.cdf_bounds, H.sf_bounds, H.ci, H.fanout, H.apdex,
        H.enough_for, H.fanout(2).p_wait, H.fanout(2).quantile, H.fanout(2).leaf_percentile, H.dist().sf,
        H.dist().quantile, lambda x: H.slo(x, 0.9), lambda x: H.slo(0.5, x), lambda x: H.fanout(2).max_n(0.5, x),
        lambda x: H.enough_for(0.9, x),
    ],
)  # fmt: skip
def test_a_truth_value_is_no_number(ask, given):
    with pytest.raises(TypeError, match="not "):
        ask(given)


@pytest.mark.parametrize("given", LESS_OBVIOUS[:3], ids=repr)
@pytest.mark.parametrize(
    "ask",
    [
        lambda x: H.ci(0.5, x), lambda x: H.corrected(x), lambda x: H.scaled(x, "ms"), lambda x: all_of(x, H.dist()),
        lambda x: hedge(H.dist(), x), lambda x: retry(H.dist(), x, 1), lambda x: retry(H.dist(), 1.0, x),
        lambda x: choice({H.dist(): x}), lambda x: compare(H, H).ratio(x), lambda x: compare(H, H, confidence=x),
        lambda x: interleave(len, len, until=x), lambda x: interleave(len, len, blocks=x),
        lambda x: Recorder().record_corrected(1.0, x),
    ],
)  # fmt: skip
def test_a_single_truth_value_is_no_number(ask, given):
    with pytest.raises(TypeError, match="not "):
        ask(given)


def test_mixed_units():
    other = Histogram.from_values([1.0], unit="ms").dist()
    for call in (
        lambda: seq(ONE_IN_100, other),
        lambda: all_of({ONE_IN_100: 1, other: 1}),
        lambda: first_of({ONE_IN_100: 1, other: 1}),
        lambda: k_of(2, {ONE_IN_100: 2, other: 1}),
        lambda: choice({ONE_IN_100: 0.5, other: 0.5}),
        lambda: tied(ONE_IN_100, other),
    ):
        with pytest.raises(ValueError, match="parts must be in one unit, not 's' and 'ms'"):
            call()


def test_all_kinds_of_numbers():
    for one in (np.float32(0.5), np.array(0.5), Fraction(1, 2), Decimal("0.5")):
        assert ONE_IN_100.sf(one) == ONE_IN_100.sf(0.5)
        assert ONE_IN_100.ppf(one) == ONE_IN_100.ppf(0.5)
        assert choice({ONE_IN_100: one, EXP: one}).sf(64.0) == pytest.approx(math.exp(-64) / 2)
        assert ONE_IN_100_VALUES.fanout(10).p_wait(one) == ONE_IN_100_VALUES.fanout(10).p_wait(0.5)
        assert hedge(ONE_IN_100, one, one).extra_load == pytest.approx(0.005, rel=1e-14)
    assert all_of(np.int64(3), ONE_IN_100).sf(np.int64(2)) == 0


def test_bad_types():
    h = Histogram.from_values([1.0])
    for call, message in (
        (lambda: seq(h, h), r"parts must be distributions, not .*: pass its \.dist\(\)"),
        (lambda: all_of(2, h), r"pass its \.dist\(\)"),
        (lambda: all_of(1, h), r"pass its \.dist\(\)"),
        (lambda: first_of(1, "x"), "parts must be distributions"),
        (lambda: k_of(1, 1, 5), "parts must be distributions"),
        (lambda: h.fanout(2).p_wait("1"), "t must be a number"),
        (lambda: h.fanout(2).p_wait({1.0}), "t must be a number"),
        (lambda: h.fanout(2).p_wait(np.timedelta64(1, "ns")), r"t must be a number, not .*1,'ns'"),
        (lambda: h.ci(np.timedelta64(1, "ns")), "q must be a number"),
        (lambda: h.slo(np.array(1, "m8[ns]"), 0.9), "t must be a number"),
        (lambda: h.apdex(np.datetime64(1, "ns")), "t must be a number"),
        (lambda: h.dist().sf(np.timedelta64(1, "s")), "t must be a number"),
        (lambda: h.fanout(2).bounds(None), "t must be a number"),
        (lambda: h.ci(0.5, windows=5), "windows must be an iterable of histograms, not 5"),
        (lambda: hedge(1.0, 1.0), "parts must be distributions"),
        (lambda: all_of(2), "n must be a whole number followed by a distribution"),
        (lambda: all_of(1.5, ONE_IN_100), "n must be a whole number"),
        (lambda: all_of({ONE_IN_100: 1}, ONE_IN_100), "n must be a whole number"),
        (lambda: choice([ONE_IN_100]), "shares must be a mapping"),
        (lambda: hedge(ONE_IN_100, "1"), "after must be a number"),
        (lambda: ONE_IN_100.sf("1"), "t must be a number"),
        (lambda: ONE_IN_100.sf({1.0: 1}), "t must be a number"),
        (lambda: ONE_IN_100.ppf(None), "q must be a number"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
