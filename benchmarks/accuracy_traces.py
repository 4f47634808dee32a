"""How often the intervals of traces hold the truth, and how far extrapolation is off; in docs/how-to/traces.md.

``python -m benchmarks.accuracy_traces`` prints all tables.  Requests of 8 calls, or of 32 of which 8 are traced, are
drawn from copulas whose share of users who wait is an integral.  Times are uniform, so the share p of calls is slower
than 1 - p.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from historian import Histogram
from historian.tail import Estimate, Traces

from .coverage_tables import header, line, percent, print_parts

WIDTH = 8
REQUESTS = 1_000
SETS = 500
FEW_SETS = 100  # for quantiles and margins, which take longer
SHARES = (0.1, 0.01, 0.001)

_Floats = NDArray[np.float64]


class Copula(NamedTuple):
    """A dependence between calls."""

    draw: Callable[[np.random.Generator, int, int], _Floats]  # uniform times, shape (requests, calls)
    waits: Callable[[float, int], float]  # the share of users of n calls who wait, given that of slow calls
    correlation: float | None  # Spearman's


def gaussian(rho: float) -> Copula:
    """Return the normal copula with one common factor."""
    nodes = special.ndtri((np.arange(200_000) + 0.5) / 200_000)

    def draw(rng: np.random.Generator, requests: int, calls: int) -> _Floats:
        common, own = rng.standard_normal((requests, 1)), rng.standard_normal((requests, calls))
        found: _Floats = special.ndtr(math.sqrt(rho) * common + math.sqrt(1 - rho) * own)
        return found

    def waits(p: float, n: int) -> float:
        slow = special.ndtr((math.sqrt(rho) * nodes + special.ndtri(p)) / math.sqrt(1 - rho))
        return float(-np.expm1(n * np.log1p(-slow)).mean())

    return Copula(draw, waits, 6 / math.pi * math.asin(rho / 2))


def student(rho: float, freedom: float) -> Copula:
    """Return Student's copula with one common factor: calls that are slow together remain so far in the tail."""
    scale = np.sqrt(stats.chi2.ppf((np.arange(1_000) + 0.5) / 1_000, freedom) / freedom)
    nodes = special.ndtri((np.arange(1_000) + 0.5) / 1_000)[:, None]

    def draw(rng: np.random.Generator, requests: int, calls: int) -> _Floats:
        common, own = rng.standard_normal((requests, 1)), rng.standard_normal((requests, calls))
        by = np.sqrt(rng.chisquare(freedom, (requests, 1)) / freedom)
        found: _Floats = stats.t.cdf((math.sqrt(rho) * common + math.sqrt(1 - rho) * own) / by, freedom)
        return found

    def waits(p: float, n: int) -> float:
        level = stats.t.ppf(p, freedom) * scale
        slow = special.ndtr((math.sqrt(rho) * nodes + level) / math.sqrt(1 - rho))
        return float(-np.expm1(n * np.log1p(-slow)).mean())

    return Copula(draw, waits, None)


def shocks(share: float) -> Copula:
    """Return a mixture: in a share of the requests all calls take the same time, in the others they are independent."""

    def draw(rng: np.random.Generator, requests: int, calls: int) -> _Floats:
        together = rng.random((requests, 1)) < share
        return np.where(together, rng.random((requests, 1)), rng.random((requests, calls)))

    return Copula(draw, lambda p, n: share * p + (1 - share) * -math.expm1(n * math.log1p(-p)), share)


COPULAS = {
    "independent": gaussian(0.0),
    "normal, 0.3": gaussian(0.3),
    "normal, 0.7": gaussian(0.7),
    "Student's t, 3, 0.3": student(0.3, 3),
    "shocks, 5 %": shocks(0.05),
    "shocks, 50 %": shocks(0.5),
    "together": shocks(1.0),
}


class Data(NamedTuple):
    """The traces of one simulation, and the truth."""

    traces: Traces
    copula: Copula
    p: float  # the share of slow calls

    @property
    def t(self) -> float:
        return 1 - self.p

    def waits(self, n: int) -> float:
        return WAITS[id(self.copula), self.p, n]


WAITS: dict[tuple[int, float, int], float] = {}
EVEN = Histogram.from_values((np.arange(1_000_000) + 0.5) / 1_000_000)


def effective(data: Data) -> float:
    return math.log1p(-data.waits(WIDTH)) / math.log1p(-data.p)


def both(data: Data) -> float:
    """Return the share of calls above their quantile, if another one is: P(both) = 2 p - P_2."""
    return (2 * data.p - data.waits(2)) / data.p


#: What is asked, and the truth.
QUESTIONS: dict[str, tuple[Callable[[Data], Estimate], Callable[[Data], float]]] = {
    "`fanout(1).p_wait(t)`": (lambda d: d.traces.fanout(1).p_wait(d.t), lambda d: d.p),
    "`fanout(4).p_wait(t)`": (lambda d: d.traces.fanout(4).p_wait(d.t), lambda d: d.waits(4)),
    "`fanout(8).p_wait(t)`": (lambda d: d.traces.fanout(8).p_wait(d.t), lambda d: d.waits(8)),
    "`fanout(32).p_wait(t)`": (lambda d: d.traces.fanout(32).p_wait(d.t), lambda d: d.waits(32)),
    "`fanout(4).quantile(q)`": (lambda d: d.traces.fanout(4).quantile(1 - d.waits(4)), lambda d: d.t),
    "`fanout(32).quantile(q)`": (lambda d: d.traces.fanout(32).quantile(1 - d.waits(32)), lambda d: d.t),
    "`all_of(a, b).sf(t)`": (lambda d: d.traces.all_of("call1", "call2").sf(d.t), lambda d: d.waits(2)),
    "`effective_n(t)`": (lambda d: d.traces.effective_n(d.t), effective),
    "`with_margins(...).fanout(8).p_wait(t)`": (
        lambda d: d.traces.with_margins(dict.fromkeys(d.traces.names, EVEN)).fanout(8).p_wait(d.t),
        lambda d: d.waits(8),
    ),
    "`tail_dependence(a, b, q)`": (lambda d: d.traces.tail_dependence("call1", "call2", d.t), both),
    "`spearman(a, b)`": (lambda d: d.traces.spearman("call1", "call2"), lambda d: correlation(d.copula)),
}


def correlation(copula: Copula) -> float:
    """Return Spearman's correlation; that of Student's copula is simulated, with a standard error of 0.0003."""
    if copula.correlation is not None:
        return copula.correlation
    if (id(copula), 0.0, 0) not in WAITS:
        draws = copula.draw(np.random.default_rng(0), 4_000_000, 2) - 0.5
        WAITS[id(copula), 0.0, 0] = float(12 * (draws[:, 0] * draws[:, 1]).mean())
    return WAITS[id(copula), 0.0, 0]


def coverage(share: float) -> Iterator[str]:
    """Count how often each interval holds the truth, for a share of slow calls."""
    yield from header(f"p = {share:g}", [*COPULAS])
    held = {name: dict.fromkeys(COPULAS, 0) for name in QUESTIONS}
    known = {name: dict.fromkeys(COPULAS, 0) for name in QUESTIONS}
    for column, copula in COPULAS.items():
        WAITS.update({(id(copula), share, n): copula.waits(share, n) for n in (2, 4, 8, 32)})
        rng = np.random.default_rng(20)
        for k in range(SETS):
            data = Data(Traces(copula.draw(rng, REQUESTS, WIDTH)), copula, share)
            for name, (ask, truth) in QUESTIONS.items():
                if k >= sets_of(name):
                    continue
                answer = ask(data)
                if answer == answer:
                    known[name][column] += 1
                    held[name][column] += answer.lower * (1 - 1e-9) <= truth(data) <= answer.upper * (1 + 1e-9)
    for name in QUESTIONS:
        yield line(name, [percent(held[name][one] / max(1, known[name][one])) for one in COPULAS])


def sets_of(question: str) -> int:
    return FEW_SETS if "quantile" in question or "margins" in question else SETS


def extrapolation() -> Iterator[str]:
    """Compare what 10,000 requests of 8 calls tell of more calls with the truth: means of 20 sets."""
    yield from header(
        "dependence", ["calls", "p", "wait", "value", "bounds", "groups of 8 independent", "all independent"]
    )
    for name, copula in COPULAS.items():
        for n in (32, 128):
            for p in SHARES[:2]:
                rng = np.random.default_rng(7)
                traces = [Traces(copula.draw(rng, 10_000, WIDTH)) for _ in range(20)]
                answers = [one.fanout(n).p_wait(1 - p) for one in traces]
                groups = [1 - (1 - float(one.fanout(8).p_wait(1 - p))) ** (n / 8) for one in traces]
                ends = (float(np.mean([getattr(one, end) for one in answers])) for end in ("lower", "upper"))
                shown = [copula.waits(p, n), float(np.mean(answers)), *ends, float(np.mean(groups))]
                wait, value, low, high, eights = (f"{100 * one:.3g}" for one in shown)
                independent = f"{-100 * math.expm1(n * math.log1p(-p)):.3g}"
                yield line(name, [str(n), f"{p:g}", wait, value, f"{low} to {high}", eights, independent])


def bursts() -> Iterator[str]:
    """Count the same if requests are not independent: so many in a row share the common factor of their calls."""
    yield from header("requests in bursts of", ["1", "5", "20", "100"])
    truth = gaussian(0.5).waits(0.01, WIDTH)
    cells = []
    for length in (1, 5, 20, 100):
        rng, held = np.random.default_rng(length), 0
        for _ in range(SETS):
            common = np.repeat(rng.standard_normal((REQUESTS // length, 1)), length, axis=0)
            own = rng.standard_normal((REQUESTS, WIDTH))
            answer = Traces(special.ndtr((common + own) / math.sqrt(2))).fanout(8).p_wait(0.99)
            held += answer.lower <= truth <= answer.upper
        cells.append(percent(held / SETS))
    yield line("`fanout(8).p_wait(t)`", cells)


def few() -> Iterator[str]:
    """Count how often the interval of Spearman's correlation holds the truth, for few requests."""
    yield from header("requests", [*COPULAS, "shocks, 95 %"])
    copulas = [*COPULAS.values(), shocks(0.95)]
    for requests in (8, 12, 20, 50, 200):
        cells = []
        for copula in copulas:
            rng, held, truth = np.random.default_rng(requests), 0, correlation(copula)
            for _ in range(SETS):
                answer = Traces(copula.draw(rng, requests, 2)).spearman("call1", "call2")
                held += answer.lower <= truth <= answer.upper
            cells.append(percent(held / SETS))
        yield line(f"{requests}", cells)


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    **{f"p={share:g}": lambda share=share: coverage(share) for share in SHARES},  # type: ignore[misc]
    "extrapolation": extrapolation,
    "bursts": bursts,
    "few": few,
}


if __name__ == "__main__":
    sys.exit(print_parts(PARTS, sys.argv[1:]))
