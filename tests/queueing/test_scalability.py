"""Fits of the laws of scalability: exact data, other optimisers, bounds, errors."""

import math
import pickle
from typing import Any

import numpy
import pytest
from scipy.optimize import brentq, minimize

from historian import plot
from historian.queueing import Scalability, fit_amdahl, fit_usl, usl
from historian.tail import Estimates

N = numpy.array([1, 2, 4, 8, 16, 24, 32, 48, 64])


def noisy(share: float, loss: float, error: float, seed: int = 1) -> Any:
    return usl(N, share, loss, 100.0) * numpy.exp(numpy.random.default_rng(seed).normal(0, error, len(N)))


@pytest.mark.parametrize(("share", "loss"), [(0.02, 0.0005), (0.0, 0.001), (0.3, 0.01), (0.05, 0.0), (0.0, 0.0)])
def test_exact_data_give_the_parameters(share: float, loss: float) -> None:
    fit = fit_usl(N, usl(N, share, loss, 100.0))
    assert fit.contention == pytest.approx(share, abs=1e-8)
    assert fit.coherency == pytest.approx(loss, abs=1e-10)
    assert fit.rate == pytest.approx(100.0, rel=1e-8)
    assert fit.contention.upper - fit.contention.lower < 1e-6
    if loss:
        assert fit.peak == pytest.approx(math.sqrt((1 - share) / loss), rel=1e-6)


def misfit(values: Any, x: Any) -> float:
    """Return the sum of squared residuals of the logarithm, at the best rate."""
    rest = numpy.log(x) - numpy.log(usl(N, min(max(values[0], 0.0), 1.0), max(values[1], 0.0)))
    return float(((rest - rest.mean()) ** 2).sum())


@pytest.mark.parametrize(("share", "loss", "error"), [(0.02, 0.0005, 0.05), (0.1, 0.0, 0.05), (0.0, 0.0, 0.02)])
def test_the_fit_is_that_of_another_optimiser(share: float, loss: float, error: float) -> None:
    x = noisy(share, loss, error)
    fit = fit_usl(N, x)
    starts = [(0.01, 1e-4), (0.2, 1e-3), (0.0, 0.0)]
    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4_000}
    least = min(minimize(misfit, start, (x,), method="Nelder-Mead", options=options).fun for start in starts)
    assert misfit((fit.contention, fit.coherency), x) <= least * (1 + 1e-6)


def test_intervals_are_those_of_a_profile() -> None:
    """Search the contention at which the best sum of squares has grown by t^2/f, with scipy."""
    from scipy.stats import t as student

    x = noisy(0.02, 0.0005, 0.05)
    fit = fit_usl(N, x)
    least = misfit((fit.contention, fit.coherency), x)
    limit = least * (1 + student.ppf(0.975, len(N) - 3) ** 2 / (len(N) - 3))

    def excess(share: float) -> float:
        return float(minimize(lambda v: misfit((share, v[0] / 1e3), x), [0.5], method="Nelder-Mead").fun) - limit

    upper = brentq(excess, float(fit.contention), 0.5, xtol=1e-6)
    assert fit.contention.upper == pytest.approx(upper, rel=2e-3)
    if excess(0.0) > 0:
        assert fit.contention.lower == pytest.approx(brentq(excess, 0.0, float(fit.contention), xtol=1e-6), rel=2e-2)
    else:
        assert fit.contention.lower == 0.0


def test_amdahl_has_no_coherency() -> None:
    fit = fit_amdahl(N, noisy(0.05, 0.0, 0.02))
    assert (float(fit.coherency), fit.coherency.upper, float(fit.peak)) == (0.0, 0.0, math.inf)
    assert fit.contention.lower < 0.05 < fit.contention.upper
    assert fit.limit.lower < 2_000 < fit.limit.upper  # 100/0.05
    assert fit.law == "Amdahl's law"


def test_answers_at_a_concurrency() -> None:
    fit = fit_usl(N, noisy(0.02, 0.0005, 0.02), confidence=0.8)
    many, one = fit.at([1, 32, 100]), fit.at(32)
    assert isinstance(many, Estimates)
    assert (float(many[1]), many[1].lower, many[1].upper) == (float(one), one.lower, one.upper)
    assert one.lower < usl(32, 0.02, 0.0005, 100.0) < one.upper
    assert float(fit.at(1)) == pytest.approx(float(fit.rate))
    assert (one.confidence, many.confidence) == (0.8, 0.8)
    assert (many[2].upper / many[2].lower) > (one.upper / one.lower)  # beyond the measurements


def test_an_open_peak_says_so() -> None:
    fit = fit_usl(N, noisy(0.05, 0.0, 0.05))
    assert fit.peak.upper == math.inf
    assert fit.peak.lower > 30
    assert fit.coherency.lower == 0.0


def test_a_fit_is_pickled_shown_and_immutable() -> None:
    fit = fit_usl(N, noisy(0.02, 0.0005, 0.02))
    again = pickle.loads(pickle.dumps(fit))
    assert isinstance(again, Scalability)
    assert repr(again) == repr(fit)
    assert "universal scalability law, contention 0.0" in repr(fit)
    assert "peak" in fit._repr_html_()
    with pytest.raises(AttributeError, match="immutable"):
        fit.confidence = 0.9
    with pytest.raises(ValueError, match="read-only"):
        fit.throughput[0] = 1.0


def test_a_picture_has_the_points_the_law_and_its_peak() -> None:
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    fit = fit_usl(N, noisy(0.02, 0.0005, 0.02))
    line, *_, points, linear, peak = plot.scalability(fit)
    assert (points.get_ydata() == fit.throughput).all()
    assert (line.get_ydata() == fit.at(line.get_xdata()).value).all()
    assert linear.get_ydata()[-1] == pytest.approx(128 * fit.rate)
    assert peak.get_xdata()[0] == float(fit.peak)
    without = plot.scalability(fit_amdahl(N, noisy(0.05, 0.0, 0.02)))
    assert len(without) == 4
    with pytest.raises(TypeError, match="pass a fit"):
        plot.scalability([1, 2])  # type: ignore[arg-type]
    plt.close("all")


@pytest.mark.parametrize(
    ("n", "x", "message"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3], "must be of one length, not 5 and 3"),
        ([1, 2, 3, 4], [1, 2, 3, 4], "5 measurements or more are needed for intervals, not 4"),
        ([1, 1, 2, 2, 4], [1, 1, 2, 2, 3], "4 different concurrencies or more are needed, not 3"),
        ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5], "concurrency must be positive, not 0.0"),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, math.inf], "throughput must be a finite number"),
        ([[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5]], "concurrency must have one dimension, not 2"),
    ],
)
def test_bad_measurements(n: Any, x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_usl(n, x)


def test_bad_concurrency() -> None:
    with pytest.raises(ValueError, match=r"n must be at least 1, not 0.5"):
        fit_usl(N, noisy(0.02, 0.0005, 0.02)).at(0.5)
