"""Distributions that the tests of `historian.tail` share."""

import math

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from scipy import special

from historian import Histogram
from historian.tail import Dist
from historian.tail.dist import from_sf

ONE_IN_100 = Histogram.from_values([0.01] * 9_900 + [1.0] * 100).dist()
EXP = from_sf(lambda t: math.exp(-t))
LOGNORMAL = from_sf(lambda t: float(special.ndtr(-math.log(t))) if t < math.inf else 0.0)

dists = st.builds(
    lambda values: Histogram.from_values(values).dist(),
    st.lists(st.floats(1e-3, 1e3) | st.sampled_from([0.0, 1e-12, 1e21]), min_size=1, max_size=40),
)
few = settings(max_examples=30)


def same(a: Dist, b: Dist) -> bool:
    return bool(np.allclose(a._sf, b._sf, rtol=1e-11, atol=1e-13))
