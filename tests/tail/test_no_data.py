"""An idle service runs the same code as a busy one.  An empty histogram answers "no data".  Nothing raises."""

import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import historian
from historian import Histogram, Recorder
from historian.tail import Estimate, all_of, choice, first_of, hedge, k_of, retry, seq, tied

IDLE = Recorder("idle").snapshot()
BUSY = Histogram.from_values([0.01] * 990 + [1.0] * 10)


def is_no_data(answer, lower, upper):
    assert isinstance(answer, Estimate)
    assert math.isnan(answer)
    assert (answer.lower, answer.upper) == (lower, upper)
    assert answer.why == "no data"
    assert str(answer) == "no data"
    assert repr(answer) == "<Estimate: no data>"
    copy = pickle.loads(pickle.dumps(answer))
    assert (repr(copy), copy.lower, copy.upper, copy.unit) == (repr(answer), lower, upper, answer.unit)
    return True


def test_histogram():
    assert is_no_data(IDLE.ci(0.99), 0, math.inf)
    assert is_no_data(IDLE.ci(0.99, windows=[IDLE, IDLE]), 0, math.inf)
    assert IDLE.ci(0.5).unit == "s"
    assert is_no_data(IDLE.apdex(0.5), 0, 1)
    assert not IDLE.enough_for(0.99)
    assert str(IDLE.enough_for(0.99)) == "no: 299 values are needed, 0 recorded"


def test_slo():
    slo = IDLE.slo(0.5, 0.99)
    assert is_no_data(slo.within, 0, 1)
    assert slo.is_met is None
    assert is_no_data(slo.burn_rate, 0, 1 / (1 - 0.99))
    assert is_no_data(slo.budget_left, 1 - 1 / (1 - 0.99), 1)
    assert slo.edges == (0, 1)
    assert str(slo) == "objective: 99 % within 500 ms: no data"
    assert IDLE.slo(0.5, 0).is_met is None
    assert is_no_data(IDLE.slo(0.5, 1).burn_rate, 0, math.inf)
    assert is_no_data(IDLE.slo(0.5, 1).budget_left, -math.inf, 1)
    assert str(pickle.loads(pickle.dumps(slo))) == str(slo)


def test_fanout():
    fan = IDLE.fanout(100)
    assert is_no_data(fan.p_wait(0.5), 0, 1)
    for dependence in ("independent", "positive", "any"):
        assert is_no_data(fan.bounds(0.5, dependence, windows=[IDLE]), 0, 1)
    assert is_no_data(fan.extrapolate(0.5, m=10, p_m=0.1), 0, 1)
    assert is_no_data(fan.effective_n(0.5, 0.1), 0, math.inf)
    assert is_no_data(fan.sensitivity(0.5, 0.1), 0, 1)
    assert is_no_data(fan.quantile(0.99), 0, math.inf)
    assert is_no_data(IDLE.fanout(1).quantile(0.99), 0, math.inf)
    assert math.isnan(fan.max_n(0.5, 0.1))
    assert math.isnan(fan.max_n(0.5, 0.1, confidence=0.9))
    assert fan.leaf_percentile(0.99) == BUSY.fanout(100).leaf_percentile(0.99)  # does not depend on data


def dists():
    none, some = IDLE.dist(), BUSY.dist()
    yield none
    yield IDLE.dist(confidence=None)
    yield seq(none)
    yield seq(some, none)
    yield seq(some, none, dependence="any")
    yield all_of(3, none)
    yield all_of({some: 2, none: 1}, dependence="positive")
    yield first_of(3, none)
    yield first_of({some: 2, none: 1})
    yield k_of(2, 3, none)
    yield k_of(2, {some: 2, none: 1})
    yield choice({some: 0.5, none: 0.5})
    yield hedge(none, after=0.05)
    yield tied(none, some)
    yield retry(none, timeout=0.1, retries=2)
    yield pickle.loads(pickle.dumps(none))


@pytest.mark.parametrize("number", range(16))
def test_dist(number):
    dist = list(dists())[number]
    assert is_no_data(dist.sf(0.5), 0, 1)
    assert is_no_data(dist.cdf(0.5), 0, 1)
    assert is_no_data(dist.ppf(0.5), 0, math.inf)
    assert is_no_data(dist.isf(0.5), 0, math.inf)
    assert is_no_data(dist.mean, 0, math.inf)
    assert is_no_data(dist.never, 0, 1)
    assert is_no_data(dist.extra_load, 0, math.inf)
    assert (dist.count, dist.unit, repr(dist)) == (0, "s", "<Dist: no data>")
    assert bool((dist.mass != dist.mass).all())


@pytest.mark.parametrize(("a", "b"), [(IDLE, BUSY), (BUSY, IDLE), (IDLE, IDLE)])
def test_compare(a, b):
    comparison = historian.compare(a, b)
    assert is_no_data(comparison.ratio(0.5), 0, math.inf)
    assert all(is_no_data(ratio, 0, math.inf) for ratio in comparison.ratio([0.5, 0.99]))
    assert is_no_data(comparison.superiority, 0, 1)
    assert is_no_data(comparison.kolmogorov_smirnov, 0, 1)
    assert is_no_data(comparison.wasserstein, 0, math.inf)
    assert comparison.sentence() == "p99 of B over A: no data"
    text = str(comparison)
    assert text.endswith("\nmedian of B over A: no data")
    assert text.count("no data") == 5 + 3 + 1  # rows, notes, sentence
    assert "nan" not in text.lower()
    assert "no data" in comparison._repr_html_()


def test_arguments_are_still_checked():
    for wrong in (
        lambda: IDLE.ci(2),
        lambda: IDLE.slo(-1, 0.5),
        lambda: IDLE.apdex(math.nan),
        lambda: IDLE.fanout(0),
        lambda: IDLE.fanout(3).p_wait(math.nan),
        lambda: IDLE.fanout(3).quantile(2),
        lambda: IDLE.fanout(3).max_n(math.nan, 0.5),
        lambda: IDLE.dist(2),
        lambda: IDLE.dist().sf(math.nan),
        lambda: IDLE.dist().ppf(2),
        lambda: hedge(IDLE.dist(), after=-1),
        lambda: historian.compare(IDLE, BUSY, confidence=2),
        lambda: historian.compare(IDLE, BUSY).ratio(2),
    ):
        with pytest.raises(ValueError, match=r"must|NaN"):
            wrong()


def test_no_other_estimate_is_nan():
    for bounds in [(0, 1, "sampling"), (0, 1, ""), (1, 0, "no data"), (math.nan, 1, "no data")]:
        with pytest.raises(ValueError, match="value must lie between its bounds"):
            Estimate(math.nan, *bounds)


def test_switched_off():
    path = [str(Path(historian.__file__).parents[1]), *sys.path]
    program = f"""
import sys; sys.path[:0] = {path!r}
import historian
rec = historian.Recorder("q")
with rec.time() as timer:
    pass
assert timer.elapsed >= 0
h = rec.snapshot()
print(h.ci(0.99), h.slo(0.5, 0.99).within, h.apdex(0.5), h.fanout(9).p_wait(0.5), h.dist().ppf(0.5), sep=", ")
print(historian.compare(h, h).sentence())
"""
    env = {**os.environ, "HISTORIAN_DISABLE": "1"}
    result = subprocess.run([sys.executable, "-W", "error", "-c", program], env=env, capture_output=True, text=True)
    said = ", ".join(["no data"] * 5) + "\np99 of B over A: no data\n"
    assert (result.stdout, result.stderr) == (said, "")
