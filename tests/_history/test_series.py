"""`TimeSeries`: a value; and how it is shown."""

import copy
import math
import pickle

import numpy as np
import pytest

from historian import Histogram, History, Interval, TimeSeries

MINUTES = np.array(["2026-11-27T05:30", "2026-11-27T05:31", "2026-11-27T05:32"], "datetime64[m]")


def series(values=(0.1, math.nan), lower=(0.05, 0.0), upper=(math.inf, math.inf), **options):
    given = {"unit": "s", "confidence": 0.95} | options
    return TimeSeries("p99", MINUTES[:-1], MINUTES[1:], values, lower, upper, **given)


def test_it_is_a_value_of_read_only_arrays():
    one = series()
    assert one.starts.dtype == one.ends.dtype == np.dtype("datetime64[ns]")
    for array in (one.starts, one.ends, one.values, one.lower, one.upper):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    for name in ("values", "other"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(one, name, 0)
    with pytest.raises(AttributeError, match="immutable"):
        del one.values
    for other in (series(), pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert other == one
        assert hash(other) == hash(one)
    assert one != series(unit="ms")
    assert one != series(confidence=0.9)
    assert one != 1
    assert b"_history" not in pickle.dumps(one, protocol=2)


def test_it_is_an_iterable_and_an_array():
    one = series(values=(0.1, 0.2))
    assert len(one) == 2
    assert list(one)[1] == (one.starts[1], one.ends[1], 0.2, 0.0, math.inf)
    assert (np.asarray(one) * 2).tolist() == [0.2, 0.4]
    assert np.array(one, dtype="f4", copy=True).dtype == np.float32
    frame = one.to_frame()
    assert list(frame) == ["start", "end", "p99", "lower", "upper"]
    frame["p99"][0] = 5
    assert one.values[0] == 0.1


def test_bad_arrays_say_why():
    with pytest.raises(ValueError, match=r"one length, not \(2,\), \(2,\), \(1,\)"):
        series(values=[0.1])
    with pytest.raises(ValueError, match="that at position 1 does not"):
        series(values=(0.1, 0.2), lower=(0.1, 0.3))
    with pytest.raises(ValueError, match="one length"):
        TimeSeries("x", [], [], [[]], [], [])
    with pytest.raises(ValueError, match="confidence must be"):
        series(confidence=1)


def test_what_is_shown():
    one = series()
    assert repr(one) == (
        "<TimeSeries p99 of 2 intervals from 2026-11-27T05:30Z to 2026-11-27T05:32Z: 100 ms to 100 ms>"
    )
    assert "no data" in one._repr_html_()
    assert "05:31" in one._repr_html_()
    assert repr(series(values=(math.nan, math.nan))).endswith(": no data>")
    assert "no data" in series(values=(math.nan, math.nan))._repr_html_()
    assert repr(TimeSeries("p99", [], [], [], [], [])) == "<TimeSeries p99: 0 intervals>"
    long = History(Interval(k * 10**9, (k + 1) * 10**9, {"x": Histogram.from_values([0.5] * 200)}) for k in range(100))
    html = long.percentile(50)._repr_html_()
    assert html.count("<tr>") == 1 + 10 + 1 + 10
    assert "80 more" in html
    assert repr(long.rate()).endswith(": 200/s to 200/s>")
    assert len(html) < 30_000
