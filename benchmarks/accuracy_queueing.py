"""Coverage and accuracy of `historian.queueing`: ``python -m benchmarks.accuracy_queueing``.

Prints the tables of docs/how-to/load.md: ``simulations``, ``ratios``, ``fits``, ``waits``.  ``python -m
benchmarks.accuracy_queueing fits 2000`` runs one of them with so many repetitions.  Every simulation is seeded.  All
tables take about three quarters of an hour on one core.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from historian import Histogram, queueing
from historian.tail import Estimate, TailWarning

from .coverage_tables import header, line

REPETITIONS = {"simulations": 200, "ratios": 200, "fits": 300, "waits": 1}
REQUESTS = 40_000
POINTS = 100_000


def quantiles(inverse: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Histogram:
    """Return a histogram with the quantiles of a distribution at equal distances of rank."""
    return Histogram.from_values(inverse((np.arange(POINTS) + 0.5) / POINTS))


EXPONENTIAL = quantiles(lambda u: -np.log1p(-u))
CONSTANT = Histogram.from_values([1.0] * 1_000)


def holds(estimate: Estimate, truth: float) -> bool:
    """Return whether an interval holds the truth; one beyond the data does, if its bounds do."""
    return estimate.lower <= truth <= estimate.upper


def percents(shares: NDArray[np.float64]) -> list[str]:
    return [f"{share:.1%}" for share in shares]


def simulations(repetitions: int) -> None:
    """Print how often intervals of a simulation hold what a closed form says."""
    print(*header("queue", ["utilisation", "p50", "p99", "mean", "p99 without an upper bound"]), sep="\n")
    for servers, utilisation in ((1, 0.3), (1, 0.5), (1, 0.7), (1, 0.9), (8, 0.5), (8, 0.7), (8, 0.9), (64, 0.9)):
        exact = queueing.mmc(utilisation * servers, 1.0, servers)
        found = np.zeros(4)
        for seed in range(repetitions):
            load = queueing.simulate(EXPONENTIAL, servers, utilisation, requests=REQUESTS, seed=seed)
            p50, p99 = load.quantile(0.5), load.quantile(0.99)
            found += [
                holds(p50, exact.quantile(0.5)),
                holds(p99, exact.quantile(0.99)),
                holds(load.mean, exact.mean),
                p99.upper == math.inf,
            ]
        print(line(f"M/M/{servers}", [f"{100 * utilisation:.0f} %", *percents(found / repetitions)]))


HEDGED: list[tuple[str, Callable[[], Histogram], int, float, float]] = [
    # service times, servers, utilisation, and the quantile of the service times after which a hedge is sent
    ("two exponentials, 10", lambda: mixture(10.0), 4, 0.2, 0.95),
    ("two exponentials, 10", lambda: mixture(10.0), 8, 0.3, 0.95),
    ("two exponentials, 10", lambda: mixture(10.0), 8, 0.5, 0.95),
    ("two exponentials, 10", lambda: mixture(10.0), 8, 0.5, 0.99),
    ("exponential, 1", lambda: EXPONENTIAL, 8, 0.3, 0.9),
    ("exponential, 1", lambda: EXPONENTIAL, 8, 0.6, 0.95),
]


def ratios(repetitions: int) -> None:
    """Print how often the interval of a ratio of `advise` holds that of 4,000,000 requests, and how often it hedges."""
    asked = ["servers", "utilisation", "hedge after", "p99 times", "held", "width", "recommended"]
    print(*header("service times, variation", asked), sep="\n")
    for name, create, servers, utilisation, after in HEDGED:
        service = create()
        delay = service.quantile(after)
        plain, hedged = (
            queueing.simulate(service, servers, utilisation, hedge_after=one, requests=4_000_000, seed=10**6)
            for one in (None, delay)
        )
        truth = hedged.response.quantile(0.99) / plain.response.quantile(0.99)
        held, hedges, widths = 0, 0, []
        for seed in range(repetitions):
            advice = queueing.advise(service, servers, utilisation, delays=[delay], requests=REQUESTS, seed=seed)
            ratio = advice.options[1].ratio
            held += holds(ratio, truth)
            hedges += advice.best is not None
            widths.append(math.log(ratio.upper / ratio.lower) if ratio < math.inf else math.inf)
        where = [str(servers), f"{100 * utilisation:.0f} %", f"p{100 * after:g}"]
        shares = [f"{held / repetitions:.0%}", f"{float(np.median(widths)):.0%}", f"{hedges / repetitions:.0%}"]
        print(line(name, [*where, f"{truth:.3f}", *shares]), flush=True)


FITS = {
    "contention 0.02, coherency 0.0005": (0.02, 0.0005),
    "contention 0, coherency 0.001": (0.0, 0.001),
    "contention 0.1, coherency 0.0001": (0.1, 0.0001),
    "contention 0.05, no coherency": (0.05, 0.0),
    "neither": (0.0, 0.0),
}


def fits(repetitions: int) -> None:
    """Print how often intervals of a fit hold the parameters that the measurements were made from."""
    print(
        *header("universal scalability law", ["errors", "rate", "contention", "coherency", "peak", "at 32"]), sep="\n"
    )
    n = np.array([1, 2, 4, 8, 16, 24, 32, 48, 64])
    for name, (share, loss) in FITS.items():
        peak = math.sqrt((1 - share) / loss) if loss else math.inf
        for error in (0.01, 0.05):
            rng, found = np.random.default_rng(1), np.zeros(5)
            for _ in range(repetitions):
                fit = queueing.fit_usl(n, queueing.usl(n, share, loss, 100.0) * np.exp(rng.normal(0, error, len(n))))
                at = queueing.usl(32, share, loss, 100.0)
                asked = ((fit.rate, 100.0), (fit.contention, share), (fit.coherency, loss), (fit.peak, peak))
                found += [holds(*one) for one in (*asked, (fit.at(32), at))]
            print(line(name, [f"{error:.0%}", *percents(found / repetitions)]))
    print(*header("Amdahl's law", ["errors", "rate", "contention", "limit"]), sep="\n")
    for share in (0.05, 0.3, 0.0):
        rng, counts = np.random.default_rng(1), np.zeros(3)
        for _ in range(repetitions):
            fit = queueing.fit_amdahl(n, queueing.usl(n, share, 0.0, 100.0) * np.exp(rng.normal(0, 0.05, len(n))))
            limit = 100.0 / share if share else math.inf
            counts += [holds(fit.rate, 100.0), holds(fit.contention, share), holds(fit.limit, limit)]
        print(line(f"serial share {share:g}", ["5%", *percents(counts / repetitions)]))


def mixture(scv: float) -> Histogram:
    """Return times of mean 1 and this squared coefficient of variation: two exponentials of balanced means."""
    share = (1 + math.sqrt((scv - 1) / (scv + 1))) / 2
    rng = np.random.default_rng(1)
    scale = np.where(rng.random(10**6) < share, 0.5 / share, 0.5 / (1 - share))
    return Histogram.from_values(scale * rng.standard_exponential(10**6))


SERVICES = {
    "constant, 0": lambda: CONSTANT,
    "exponential, 1": lambda: EXPONENTIAL,
    "two exponentials, 4": lambda: mixture(4.0),
    "two exponentials, 10": lambda: mixture(10.0),
}


def waits(repetitions: int) -> None:
    """Print the mean wait of Allen and Cunneen over that of long simulations."""
    print(*header("service times, variation", ["servers", "utilisation", "approximation over simulation"]), sep="\n")
    for name, create in SERVICES.items():
        service = create()
        for servers in (1, 8):
            for utilisation in (0.5, 0.7, 0.9):
                load = queueing.simulate(service, servers, utilisation, requests=1_000_000 * repetitions, seed=1)
                mean = queueing.allen_cunneen(service, servers, utilisation)
                ends = [mean / (end - service.mean) for end in (load.mean, load.mean.upper, load.mean.lower)]
                text = f"{ends[0]:.3f} ({ends[1]:.3f} to {ends[2]:.3f})"
                print(line(name, [str(servers), f"{100 * utilisation:.0f} %", text]))


if __name__ == "__main__":
    warnings.simplefilter("ignore", TailWarning)
    warnings.simplefilter("ignore", queueing.LoadWarning)  # of hedges that do not help
    asked = sys.argv[1:2] or [*REPETITIONS]
    for table in asked:
        globals()[table](int(sys.argv[2]) if len(sys.argv) > 2 else REPETITIONS[table])
        print()
