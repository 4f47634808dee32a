"""`Estimate`: it behaves as a float, and prints its interval."""

import copy
import json
import math
import pickle
import statistics

import numpy as np
import pytest

from historian.tail import Estimate, TailWarning

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


def test_it_survives_copying():
    for again in (pickle.loads(pickle.dumps(WAIT)), copy.copy(WAIT), copy.deepcopy(WAIT)):
        assert (again, again.lower, again.upper, again.why, again.unit) == (0.634, 0.559, 0.706, WAIT.why, "")


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
