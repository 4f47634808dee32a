"""`Estimates`: arrays of values and bounds, which calculate as the array of the values does."""

import copy
import math
import pickle

import numpy as np
import pytest

from historian.tail import Estimate, Estimates

WAIT = Estimates([0.01, 0.634], [0.008, 0.559], [0.012, 0.706], "sampling: 10,000 values", confidence=0.95, method="CP")
TABLE = Estimates([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.zeros((2, 3)), np.full((2, 3), 9.0), unit="ms")


def test_it_is_the_array_of_its_values_in_calculations():
    values = np.array([0.01, 0.634])
    assert np.asarray(WAIT) is WAIT.value
    assert np.array(WAIT) is not WAIT.value
    assert np.asarray(WAIT, dtype=np.float32).dtype == np.float32
    for one, other in (
        (WAIT + 1, values + 1),
        (1 + WAIT, 1 + values),
        (WAIT - values, values - values),
        (1 - WAIT, 1 - values),
        (WAIT * 2, values * 2),
        (2 * WAIT, 2 * values),
        (WAIT / 2, values / 2),
        (1 / WAIT, 1 / values),
        (WAIT**2, values**2),
        (2**WAIT, 2**values),
        (-WAIT, -values),
        (abs(-WAIT), values),
        (np.log(WAIT), np.log(values)),
        (values * WAIT, values * values),
        (WAIT * WAIT, values * values),
        (np.array([[1.0], [2.0]]) * WAIT, np.array([[1.0], [2.0]]) * values),
    ):
        assert type(one) is np.ndarray
        assert one.tolist() == other.tolist()
    assert (WAIT.value.mean(), np.mean(WAIT), sum(WAIT)) == (0.322, 0.322, 0.644)


def test_comparisons_are_elementwise_as_those_of_arrays():
    assert (WAIT == 0.01).tolist() == [True, False]
    assert (WAIT != 0.01).tolist() == [False, True]
    assert (WAIT == WAIT).tolist() == [True, True]
    assert (WAIT > 0.5).tolist() == (np.float64(0.5) < WAIT).tolist() == [False, True]
    assert (WAIT >= 0.634).tolist() == [False, True]
    assert (WAIT < [0.5, 0.5]).tolist() == (WAIT <= 0.01).tolist() == [True, False]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(WAIT)
    assert Estimates([1.0], [1.0], [1.0])
    assert not Estimates([0.0], [0.0], [0.0])
    with pytest.raises(TypeError, match="unhashable"):
        hash(WAIT)


def test_parts():
    assert (len(TABLE), TABLE.shape, TABLE.ndim, TABLE.size) == (2, (2, 3), 2, 6)
    one = TABLE[1, 2]
    assert type(one) is Estimate
    assert (one, one.lower, one.upper, one.unit) == (6.0, 0.0, 9.0, "ms")
    assert type(TABLE[0]) is type(TABLE[:, 1]) is type(TABLE[..., 0]) is type(TABLE[TABLE > 2]) is Estimates
    assert TABLE[:, 1].value.tolist() == [2.0, 5.0]
    assert TABLE[TABLE > 4].value.tolist() == [5.0, 6.0]
    assert [row.value.tolist() for row in TABLE] == TABLE.value.tolist()
    assert [float(one) for one in WAIT] == [0.01, 0.634]
    assert (WAIT[-1].why, WAIT[-1].confidence, WAIT[-1].method) == (WAIT.why, 0.95, "CP")
    with pytest.raises(IndexError):
        TABLE[2]
    single = Estimates(0.5, 0.0, 1.0)
    assert (single.shape, single.size, type(single[()])) == ((), 1, Estimate)
    assert str(single) == "0.500 (0 to 1.00)"


def test_it_is_immutable():
    given = np.array([0.5])
    e = Estimates(given, [0.0], [1.0])
    given[0] = 0.25
    assert e.value.tolist() == [0.5]
    for array in (e.value, e.lower, e.upper):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(AttributeError, match="Estimates are immutable: cannot set value"):
        e.value = given
    with pytest.raises(AttributeError, match="Estimates are immutable: cannot delete unit"):
        del e.unit


def test_copies():
    mixed = Estimates([0.5, 0.6], [0, 0], [1, 1], ["a", "b"], unit="s", confidence=[None, 0.9], method=["x", "y"])
    for e in (WAIT, TABLE, mixed):
        for other in (pickle.loads(pickle.dumps(e)), copy.copy(e), copy.deepcopy(e)):
            assert repr(other) == repr(e)
            assert (other.lower.tolist(), other.upper.tolist()) == (e.lower.tolist(), e.upper.tolist())
            assert not other.value.flags.writeable


def test_texts_that_differ():
    whys = ["sampling: 9 values; bucket width", "sampling: 9 values", "sampling: 9 values; bucket width"]
    e = Estimates([1, 2, 3], [0, 0, 0], [9, 9, 9], whys, confidence=[0.9, None, 0.95], method=["x", "", "y"])
    assert e.why == "sampling: 9 values; bucket width (in 2 of 3)"
    assert (e.confidence, e.method) == (0.9, "x, y")
    assert [(one.why, one.confidence, one.method) for one in e] == list(zip(whys, [0.9, None, 0.95], ["x", "", "y"]))
    many = Estimates([1, 2, 3, 4], [0] * 4, [9] * 4, [f"all; size {k}" for k in range(4)])
    assert many.why == "all; others, which differ: see each answer"
    none = Estimates([], [], [], np.empty(0, dtype=object), confidence=[], method=[])
    assert (none.why, none.confidence, none.method) == ("", None, "")


def test_no_data():
    e = Estimates([math.nan, math.nan], [0, 0], [1, 1], "no data")
    assert str(e) == "[0] no data\n[1] no data"
    assert repr(e) == "<Estimates, shape (2,)\n[0] no data\n[1] no data>"
    mixed = Estimates([0.5, math.nan], [0, 0], [1, 1], ["sampling", "no data"])
    assert str(mixed[1]) == "no data"
    for why in ("sampling", ["no data", "sampling"]):
        with pytest.raises(ValueError, match="value must lie between its bounds"):
            Estimates([0.5, math.nan], [0, 0], [1, 1], why)


def test_bad_arguments():
    for arguments, message in (
        (([1.0], [0.0], [1.0, 2.0]), r"value, lower and upper must have one shape, not \(1,\), \(1,\), \(2,\)"),
        (([1.0, 5.0], [0.0, 0.0], [1.0, 2.0]), r"value must lie between its bounds 0\.0 and 2\.0, not 5\.0"),
        ((5.0, 0.0, 2.0), "value must lie between its bounds"),
        (([1.0], [0.0], [1.0], ["a", "b"]), r"why must be one for all, or have the shape of the values, \(1,\), not"),
    ):
        with pytest.raises(ValueError, match=message):
            Estimates(*arguments)
    with pytest.raises(ValueError, match="float32 without a copy"):
        WAIT.__array__(np.float32, copy=False)
    assert WAIT.__array__(copy=False) is WAIT.value
    assert WAIT.__array__(copy=True) is not WAIT.value


def test_how_it_prints():
    assert str(WAIT) == "[0] 0.0100 (0.00800 to 0.0120)\n[1]  0.634 (0.559 to 0.706)"
    about = "95 %, CP; sampling: 10,000 values"
    assert repr(WAIT) == f"<Estimates, shape (2,): {about}\n{WAIT}>"
    assert str(TABLE).splitlines()[:2] == ["[0, 0] 1.00 ms (0 to 9.00 ms)", "[0, 1] 2.00 ms (0 to 9.00 ms)"]
    assert str(Estimates([0.001, 90.0], [0.001, 30.0], [0.001, math.inf], unit="s")) == (
        "[0] 1.00 ms\n[1]  90.0 s (from 30.0 s, no upper bound)"
    )
    assert str(Estimates(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)))) == "no estimates, shape (0, 3)"
    long = Estimates(np.arange(1000.0), np.arange(1000.0), np.arange(1000.0) + 1)
    lines = str(long).splitlines()
    assert (len(lines), lines[9], lines[10], lines[11]) == (
        21,
        "[9]   9.00 (9.00 to 10.0)",
        "... (980 more)",
        "[990]  990 (990 to 991)",
    )

    class Printer:
        max_width = 60

        def text(self, text):
            self.said = text

    printer = Printer()
    WAIT._repr_pretty_(printer, cycle=False)
    assert [line.split("  ")[0] for line in printer.said.splitlines() if line] == [
        "Estimates: shape 2, CP", "index", "0", "1", "sampling: 10,000 values",
    ]  # fmt: skip
    assert "0.0080 to 0.0120" in printer.said  # half of it is 0.0020, of which the second digit is the last shown
    WAIT._repr_pretty_(printer, cycle=True)
    assert printer.said == "Estimates(...)"
