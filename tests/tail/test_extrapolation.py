"""`Histogram.tail_fit`: beyond the largest value.  benchmarks/accuracy_often.py counts how often it holds the truth."""

import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import stats

from historian import Histogram
from historian.tail import TailFit, TailWarning

N = 20_000
#: The quantiles of a distribution: a sample without noise.
SHARES = (np.arange(N) + 0.5) / N
EXPONENTIAL = Histogram.from_values(-np.log1p(-SHARES))
POWER = Histogram.from_values((1 - SHARES) ** -0.5)  # P(X > t) = t^-2: shape 1/2
LOGNORMAL = Histogram.from_values(0.02 * np.random.default_rng(1).lognormal(0, 0.6, N))
DRAWN = Histogram.from_values(np.random.default_rng(1).pareto(3.0, N) + 1, unit="ms")


@pytest.fixture(scope="module")
def fit():
    return DRAWN.tail_fit()


@pytest.mark.parametrize(("h", "shape", "truth"), [(EXPONENTIAL, 0.0, -math.log(1e-6)), (POWER, 0.5, 1e3)])
def test_noiseless_values_give_their_law(h, shape, truth):
    fit = h.tail_fit()
    assert fit.above == pytest.approx(500, rel=0.04)  # the most: nothing speaks against it
    assert fit.shape == pytest.approx(shape, abs=0.05) and fit.shape.lower < shape < fit.shape.upper
    quantile = fit.quantile(1 - 1e-6)
    assert quantile.lower < truth < quantile.upper
    assert quantile == pytest.approx(truth, rel=0.3) and quantile > h.max
    assert fit.p_value > 0.5 and fit.doubt == ""


def test_each_answer_says_that_it_is_extrapolated(fit):
    answers = [fit.quantile(0.99999), fit.sf(1e3), fit.shape, fit.scale]
    for answer in answers:
        assert answer.why.startswith("extrapolated: generalised Pareto above ")
        assert answer.why.endswith(f"sampling: {fit.above:,} values above it")
        assert answer.method == "profile likelihood" and answer.confidence == 0.95
    assert [answer.unit for answer in answers] == ["ms", "", "", "ms"]
    assert str(fit).startswith("generalised Pareto above ") and f"{fit.above:,} values" in str(fit)


def test_no_other_answer_extrapolates():
    with pytest.warns(TailWarning):
        estimate = DRAWN.ci(0.99999)
    assert estimate <= DRAWN.max and estimate.upper == math.inf


def test_parameters_are_close_to_those_of_exact_values(fit):
    values = np.random.default_rng(1).pareto(3.0, N) + 1
    excesses = values[values > fit.threshold] - fit.threshold
    assert len(excesses) == fit.above
    shape, _, scale = stats.genpareto.fit(excesses, floc=0)
    assert fit.shape == pytest.approx(shape, abs=0.005) and fit.scale == pytest.approx(scale, rel=0.005)


def test_intervals_are_those_of_the_deviance(fit):
    """At the bounds of the shape, the likelihood, largest over the scale, is chi-squared's 95 % quantile down."""
    fall = stats.chi2.ppf(0.95, 1) / 2
    scales = np.linspace(-1.0, 1.0, 4_001) + math.log(fit.scale)
    for bound in (fit.shape.lower, fit.shape.upper):
        points = np.column_stack([np.full(len(scales), bound), scales])
        assert fit._within.of_shape_and_scale(points).max() == pytest.approx(fit._largest - fall, abs=0.01)


def test_a_quantile_and_a_share_are_inverse(fit):
    quantile = fit.quantile(0.9999)
    share = fit.sf(float(quantile))
    assert share == pytest.approx(1e-4, rel=1e-9)
    # the share above the upper bound of the quantile is surely not larger: its own upper bound
    assert fit.sf(quantile.upper).upper == pytest.approx(1e-4, rel=0.01)
    assert fit.sf(quantile.lower).lower == pytest.approx(1e-4, rel=0.01)
    many = fit.quantile([0.9999, 0.99999])
    assert many[0] == quantile and many.unit == "ms" and (np.diff(many.value) > 0).all()
    assert fit.sf([float(quantile)])[0].upper == share.upper


@pytest.fixture(scope="module")
def likely():
    """Fit a tail that ends, at 0.303 s; and take all models with a likelihood that is close enough to the largest."""
    fit = LOGNORMAL.tail_fit()
    shape, log_scale, above = np.meshgrid(
        np.linspace(-0.45, 0.2, 66), math.log(fit.scale) + np.linspace(-0.5, 0.5, 51), range(43, 84, 4)
    )
    models = [one.ravel() for one in (shape, np.exp(log_scale), above / N)]
    is_likely = fit._within.log_likelihood(*models) > fit._largest - stats.chi2.ppf(0.95, 1) / 2
    return fit, [one[is_likely] for one in models]


@pytest.mark.parametrize("t", [0.1, 0.15, 0.31, 1.0])  # just above the threshold, in the data, beyond the end
def test_bounds_of_a_share_are_those_of_all_likely_models(likely, t):
    """No model exceeds them, and some nearly do."""
    fit, (shapes, scales, shares) = likely
    with np.errstate(divide="ignore", invalid="ignore"):
        tails = shares * stats.genpareto.sf(t - fit.threshold, shapes, scale=scales)
    answer = fit.sf(t)
    assert answer.lower <= tails.min() * 1.01 and tails.max() <= answer.upper * 1.001
    assert answer.upper == pytest.approx(tails.max(), rel=0.15)
    assert answer.lower == pytest.approx(tails.min(), rel=0.15)


@pytest.mark.parametrize("h", [LOGNORMAL, POWER, EXPONENTIAL], ids=["ends", "power", "exponential"])
def test_a_share_falls_with_its_bounds(h):
    fit = h.tail_fit()
    answers = fit.sf(fit.threshold * np.exp([1e-4, 0.01, 0.1, 0.5, 1.0, 1.1, 1.11, 1.12, 1.2, 2, 4, 8, 16, 32]))
    for bounds in (answers.lower, answers.value, answers.upper):
        assert (np.diff(bounds) <= 0).all() and (bounds >= 0).all() and (bounds <= 1).all()
    phi = stats.binomtest(fit.above, h.count).proportion_ci(0.95, method="wilson")
    assert (answers[0].lower, answers[0].upper) == (pytest.approx(phi.low, rel=0.03), pytest.approx(phi.high, rel=0.03))


def test_less_confidence_is_narrower(fit):
    less = TailFit(DRAWN, fit.threshold, 0.5)
    assert fit.quantile(0.99999).lower < less.quantile(0.99999).lower
    assert less.quantile(0.99999).upper < fit.quantile(0.99999).upper
    assert less.shape == fit.shape and less.shape.upper < fit.shape.upper


def test_a_threshold_of_the_caller():
    fit = DRAWN.tail_fit(threshold=3.0)
    edge = DRAWN.upper[np.searchsorted(DRAWN.upper, 3.0)]  # 3.0 lies inside a bucket
    assert fit.threshold == edge and fit.above == round(DRAWN.sf(float(edge)) * N)
    assert DRAWN.tail_fit(threshold=float(edge)).above == fit.above


def test_other_thresholds_agree_if_the_model_is_right(fit):
    others = fit.others()
    assert [one.above for one in others] == sorted((one.above for one in others), reverse=True)
    assert len(others) == 4  # 500, 250, 125, 62
    assert all(one.shape.lower < 1 / 3 < one.shape.upper for one in others)


def test_a_mixture_chooses_a_threshold_above_the_bend():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(100_000) < 0.02, 10.0, 1.0) * rng.lognormal(0, 0.3, 100_000)
    fit = Histogram.from_values(values).tail_fit()
    assert fit.threshold > 4 and fit.above < 2_000


def test_refuted_models_warn():
    rng = np.random.default_rng(1)
    lumps = Histogram.from_values(np.ceil(rng.exponential(1.0, 5_000)))
    with pytest.warns(TailWarning, match=r"the values there refute it \(p = "):
        fit = lumps.tail_fit(threshold=2.0)
    assert fit.p_value < 1e-3 and "refute it" in fit.shape.why
    ends = Histogram.from_values(rng.random(20_000))
    with pytest.warns(TailWarning, match="ends too suddenly"):
        ends.tail_fit(threshold=0.5)
    with pytest.warns(TailWarning, match="too few buckets"):
        Histogram.from_values([1.0] * 900 + [2.0] * 60 + [3.0] * 40).tail_fit(threshold=1.5)


def test_a_quantile_that_depends_on_the_threshold_warns():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(50_000) < 0.02, 10.0, 1.0) * rng.lognormal(0, 0.3, 50_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        fit = Histogram.from_values(values).tail_fit(threshold=1.6)
    with pytest.warns(TailWarning, match="depends on the threshold: a higher threshold gives"):
        assert "it depends on the threshold" in fit.quantile(1 - 1e-6).why


@pytest.mark.parametrize("seed", range(20))
def test_500_values_are_enough(seed):
    """Buckets rarely end where a tenth of the values is above: then a few more are."""
    fit = Histogram.from_values(np.random.default_rng(seed).lognormal(0, 0.6, 500)).tail_fit()
    assert 50 <= fit.above <= 60


def test_an_upper_tenth_in_too_few_buckets_says_which_threshold_works():
    uniform = Histogram.from_values(np.random.default_rng(1).random(100_000))
    with pytest.raises(ValueError, match="the slowest tenth of the values is in too few buckets") as refusal:
        uniform.tail_fit()
    proposed = float(str(refusal.value).rpartition("threshold=")[2])
    with pytest.warns(TailWarning, match="ends too suddenly"):
        assert 8_000 < uniform.tail_fit(threshold=proposed).above < 12_000
    with pytest.raises(ValueError, match="in too few buckets for a tail fit: record values that differ more"):
        Histogram.from_values([1.0] * 9_000 + [2.0] * 1_000).tail_fit()


def test_a_fit_without_a_test_says_so():
    with pytest.warns(TailWarning, match="too few buckets"):
        fit = Histogram.from_values([1.0] * 900 + [2.0] * 60 + [3.0] * 40).tail_fit(threshold=1.5)
    assert math.isnan(fit.p_value) and str(fit).endswith("p-value of the fit: no test")
    assert "no test" in fit._repr_html_() and "nan" not in fit._repr_html_()


def test_values_beyond_the_last_bucket_are_refused():
    over = Histogram.from_values([0.01] * 900 + [2.0**70] * 100)
    for fit in (over.tail_fit, lambda: over.tail_fit(threshold=1.0), lambda: TailFit(over, 1.0)):
        with pytest.raises(
            ValueError, match=r"values of at most 2\*\*64, the last edge, not 100 values above: use a larger"
        ):
            fit()


def test_bad_input():
    fit = EXPONENTIAL.tail_fit()
    for q in (0.5, 1.0, 0.0):
        with pytest.raises(ValueError, match=r"q must be above 0\.9.*, the share below the threshold, and below 1"):
            fit.quantile(q)
    with pytest.raises(ValueError, match="t must be above the threshold"):
        fit.sf(fit.threshold)
    with pytest.raises(ValueError, match=r"a tail fit needs at least 500 values, not 400 values: record more"):
        Histogram.from_values(np.arange(1.0, 401.0)).tail_fit()
    with pytest.raises(ValueError, match=r"threshold must leave at least 50 values above it.* pass a lower one"):
        EXPONENTIAL.tail_fit(threshold=9.0)
    with pytest.raises(ValueError, match=r"not 20,000 of 20,000: pass a higher one"):
        EXPONENTIAL.tail_fit(threshold=0.0)
    with pytest.raises(ValueError, match="not synthetic ones"):
        EXPONENTIAL.corrected(0.5).tail_fit()
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        EXPONENTIAL.tail_fit(confidence=1.0)


def test_no_data_is_no_data():
    fit = Histogram().tail_fit()
    for answer in (fit.shape, fit.scale, fit.quantile(0.99), fit.sf(1.0)):
        assert math.isnan(answer) and answer.why == "no data"
    assert (fit.above, fit.others(), fit.doubt, str(fit)) == (0, [], "no data", "generalised Pareto: no data")
    assert math.isnan(fit.p_value) and math.isnan(pickle.loads(pickle.dumps(fit)).shape)


def test_a_pickle_gives_the_same_answers(fit):
    again = pickle.loads(pickle.dumps(fit))
    assert again.quantile(0.9999) == fit.quantile(0.9999) and str(again) == str(fit)


def test_a_notebook_shows_the_slowest_of_more_values_and_all_thresholds(fit):
    view = fit._view()
    beyond, thresholds = view.tables
    sizes = [int(row[0].replace(",", "")) for row in beyond.rows]
    assert sizes == [fit.histogram.count * 10**k for k in range(4)]
    assert len(thresholds.rows) == len(fit.others()) > 2
    assert any(note.startswith("extrapolated: ") for note in view.notes)
    assert "values above" in fit._repr_html_()
    huge = Histogram.from_values(-np.log((np.arange(1_000) + 0.5) / 1_000), counts=np.full(1_000, 2 * 10**10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        assert len(TailFit(huge, 2.0)._view().tables[0].rows) == 3  # no float is between 1 - 5e-17 and 1
    assert Histogram().tail_fit()._view().facts == "no data"
