"""Texts of a value and its interval."""

import math

from historian._show.interval import texts
from historian._show.scale import Scale
from historian.tail import Estimate


def test_numbers_of_things_have_no_decimals():
    count, share = Estimate(66.0, 58.0, 75.0, unit="values"), Estimate(66.0, 58.0, 75.0, unit="rows")
    assert str(count) == "66 values (58 to 75 values)" and str(share) == "66.0 rows (58.0 to 75.0 rows)"
    assert texts(count, Scale("values", 1.0)) == ("66", "58 to 75")
    assert str(Estimate(26_851, 7.0, math.inf, unit="pairs of blocks")).startswith("26,900 pairs of blocks (from 7 p")
    assert str(Estimate(2.5, 2.0, 3.25, unit="values")) == "2.50 values (2 to 3.25 values)"
