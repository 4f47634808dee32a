"""The arithmetic of the benchmarks, and docs/benchmarks.md, which must match the committed results."""

import importlib
import math
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """Import benchmarks/, which is beside the package and not installed."""
    names = (
        "accuracy",
        "accuracy_bands",
        "accuracy_coverage",
        "accuracy_blame",
        "accuracy_correlation",
        "accuracy_forecast",
        "accuracy_often",
        "accuracy_planning",
        "accuracy_traces",
        "alternatives",
        "coverage_compare",
        "data",
        "figures",
        "page",
        "peers",
        "results",
        "timing",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        for name in names:
            importlib.import_module(f"benchmarks.{name}")
    return sys.modules["benchmarks"]


def case(bench: ModuleType, *samples: float):
    return bench.timing.Case("case", lambda: 0.0, list(samples))


def test_the_page_is_made_of_the_results(bench: ModuleType) -> None:
    page = ROOT / "docs" / "benchmarks.md"
    assert page.read_text(encoding="utf-8") == bench.page.render(), "run: python -m benchmarks --page"


def test_the_comparison_with_other_libraries_is_made_of_the_results(bench: ModuleType) -> None:
    page = ROOT / "docs" / "explanation" / "alternatives.md"
    runs = bench.page.saved()
    assert page.read_text(encoding="utf-8") == bench.alternatives.render(runs), "run: python -m benchmarks --page"
    found = bench.alternatives.peers(runs)
    assert {"hdrhistogram", "ddsketch", "prometheus_client"} <= set(found)
    for column in bench.alternatives.COSTS.values():
        assert bench.alternatives.own(runs, column)
        assert all(bench.alternatives.ratios(runs, who, column) for who in ("hdrhistogram", "ddsketch"))


def test_ratios_to_historian_are_the_least_and_the_greatest_of_the_runs(bench: ModuleType) -> None:
    def run(ours: float, theirs: float) -> object:
        rows = [
            bench.figures.Row("t", who, "w", cost, 0, 0, "ns") for who, cost in (("historian", ours), ("o", theirs))
        ]
        return bench.results.Results(rows=rows)

    runs = [run(2.0, 30.0), run(4.0, 2.0), run(1.0, 1234.0)]  # 15, 0.5 and 1234 times
    assert bench.alternatives.ratios(runs, "o", [("t", "w")]) == "0.5 to 1,200"
    assert bench.alternatives.ratios(runs, "absent", [("t", "w")]) == ""
    assert bench.alternatives.own(runs, [("t", "w")]) == "1 to 4 ns"


def test_every_table_has_its_note(bench: ModuleType) -> None:
    for path in bench.page.RESULTS.glob("*.json"):
        assert {row.table for row in bench.results.Results.read(path).rows} <= set(bench.page.NOTES)
    sources = "".join(map(Path.read_text, Path(bench.__path__[0]).glob("*.py")))
    tables = re.findall(r'^TABLE = "(.+)"$', sources, re.MULTILINE)
    assert len(tables) > 5
    assert set(tables) <= set(bench.page.NOTES)  # also before a run is saved, which takes minutes


def test_results_survive_writing_and_reading(bench: ModuleType, tmp_path: Path) -> None:
    figures = bench.figures
    results = bench.results.Results({"python": "3.12"}, {"peer": "it has no wheel"}, seconds=2.0)
    results.add(
        figures.Figure("f", 1.0, 2.0, 0.25, "x", 3.0),
        figures.Row("t", "who", "what", 1.0, 2.0, 0.25, "ns", (0.0, 0.5, 0.125)),
        figures.Row("t", "who", "what", 1.0, 2.0, 0.25, "ns"),
        figures.Growth("g", "values", (1.0, 2.0), (3.0, 6.0), "us"),
    )
    results.write(tmp_path / "one.json")
    assert bench.results.Results.read(tmp_path / "one.json") == results


def test_power_law(bench: ModuleType) -> None:
    sizes = [1.0, 10.0, 100.0, 1000.0]
    exponent, constant = bench.figures.power_law(sizes, [3 * size**1.5 for size in sizes])
    assert exponent == pytest.approx(1.5)
    assert constant == pytest.approx(3)
    assert bench.figures.power_law(sizes, [7.0] * 4) == pytest.approx((0, 7))


def test_power_law_is_least_squares(bench: ModuleType) -> None:
    # x = 0, 1, 2 and y = 0, 2, 1, in powers of e: slope = sum((x-1)(y-1)) / sum((x-1)^2) = (1 + 0 + 0) / 2
    exponent, constant = bench.figures.power_law([1.0, math.e, math.e**2], [1.0, math.e**2, math.e])
    assert (exponent, math.log(constant)) == pytest.approx((0.5, 0.5))


def test_growth_at_the_end(bench: ModuleType) -> None:
    # 100 + n: nearly constant for small n, nearly in proportion for large n
    sizes = (1.0, 10.0, 100.0, 1e6, 1e8)
    growth = bench.figures.Growth("g", "values", sizes, tuple(100 + size for size in sizes), "us")
    assert growth.exponent < 0.9 < growth.last_exponent == pytest.approx(1, abs=1e-4)


def test_ratio_less_the_loop(bench: ModuleType) -> None:
    over, under, loop = case(bench, 11.0, 13.0, 12.0), case(bench, 6.0, 6.0, 8.0), case(bench, 1.0, 3.0, 2.0)
    figure = bench.figures.ratio("r", 2.0, over, under, loop)
    assert figure.best == (11 - 1) / (6 - 1)  # the first round: 18 ns in all, against 22 and 22
    assert figure.median == 2  # of (11-1)/(6-1) = 2, (13-3)/(6-3) = 3.33, (12-2)/(8-2) = 1.67, round by round
    assert figure.spread == pytest.approx((10 / 3 - 5 / 3) / 2)  # of three values: the smallest and the largest
    assert figure.unit == "x"


def test_best_is_of_the_fastest_tenth(bench: ModuleType) -> None:
    # 20 rounds.  In the last two, both cases together are fastest.  In the first, one case alone is fastest by luck.
    over, under = case(bench, 1.0, *[9.0] * 17, 4.0, 6.0), case(bench, 90.0, *[9.0] * 17, 2.0, 2.0)
    assert bench.figures.fast_rounds(over, under) == [18, 19]
    assert bench.figures.ratio("r", 2.0, over, under).best == 5 / 2


def test_absolute_in_a_unit(bench: ModuleType) -> None:
    figure = bench.figures.absolute("a", 5.0, case(bench, 3000.0, 4000.0), "us", 1e3, case(bench, 1000.0, 1000.0))
    assert (figure.best, figure.median, figure.unit) == (2.0, 2.5, "us")


@pytest.mark.parametrize(
    ("best", "median", "sense", "verdict"),
    [
        (1.0, 2.0, "at most", "reached"),  # the limit itself counts as reached
        (1.9, 2.1, "at most", "best only"),
        (2.1, 1.9, "at most", "median only"),
        (2.1, 2.2, "at most", "missed"),
        (2.0, 2.5, "at least", "reached"),
        (2.1, 1.9, "at least", "best only"),
        (1.9, 1.8, "at least", "missed"),
        (math.nan, math.nan, "at most", "missed"),
    ],
)
def test_verdict(bench: ModuleType, best: float, median: float, sense: str, verdict: str) -> None:
    assert bench.figures.Figure("f", best, median, 0.0, "x", 2.0, sense).verdict == verdict


def test_spread_of_too_few(bench: ModuleType) -> None:
    assert bench.figures.spread([1.0]) == 0.0


def test_rounds_are_interleaved(bench: ModuleType) -> None:
    order = []
    cases = [bench.timing.Case(name, lambda name=name: order.append(name) or 1.0) for name in "ab"]
    timed = bench.timing.interleave(cases, rounds=2)
    assert order == list("ab" * 3)  # the first round is the warm-up
    assert timed["a"].samples == [1.0, 1.0]


def test_loop_runs_its_statement(bench: ModuleType) -> None:
    seen = []
    bench.timing.loop("n times", "seen.append(1)", repeat=3, seen=seen).run()
    bench.timing.loop("each value", "seen.append(value)", over=[5, 6], seen=seen).run()
    assert seen == [1, 1, 1, 5, 6]


def test_quantile_between_edges(bench: ModuleType) -> None:
    # 4 values in (0, 1], 4 in (1, 3], 2 above: rank 6 is in the middle of the second bucket
    between = bench.data.between
    assert between([0.0, 1.0, 3.0, math.inf], [4, 4, 2], 0.6) == 2.0
    assert between([0.0, 1.0, 3.0, math.inf], [4, 4, 2], 0.99) == 3.0
    assert between([0.0, 1.0, 3.0], [4, 4, 2], 0.99) == 3.0


def test_historian_is_measured_right(bench: ModuleType) -> None:
    values = bench.data.latencies(10_000)
    (historian,) = [peer for peer in bench.peers.ALL if peer.name == "historian"]
    frozen = historian.freeze(historian.filled(values))
    for one in (frozen, historian.decode(historian.encode(frozen))):
        assert max(bench.data.errors(values, historian.quantiles(one))) < 0.00542


def test_instructions_are_compared(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    compare = importlib.import_module("benchmarks.instructions").compare
    counted = {"same": 100.0, "within": 103.0, "grown": 103.1, "less": 50.0, "new": 7.0}
    committed = {"same": 100.0, "within": 100.0, "grown": 100.0, "less": 100.0}
    assert compare(counted, committed) == ["grown"]
    assert "no figure" in capsys.readouterr().out
    assert compare(counted, None) == []


def test_accuracy_is_measured_against_what_is_known(bench: ModuleType) -> None:
    accuracy = bench.accuracy
    assert float(accuracy.at_least(100, 6, 0.01)) == pytest.approx(5.345345e-4, rel=1e-6)  # 95 of 100, at most 5 slow
    assert float(accuracy.at_least(100, 2, 0.01)) == pytest.approx(1 - 0.99**100 - 100 * 0.01 * 0.99**99, rel=1e-12)
    exact = [math.exp(-1.2815515655), 1.0, math.exp(1.2815515655)]  # p10, p50, p90
    assert accuracy.by_transform(1, 1.0)[1:4] == pytest.approx(exact, rel=1e-4)


def test_coverage_knows_the_truth_of_its_situations(bench: ModuleType) -> None:
    import numpy as np

    for name, situation in bench.accuracy_coverage.situations().items():
        rng, t = np.random.default_rng(1), situation.t
        drawn = [np.concatenate(list(situation.draw(rng))) for _ in range(200)]
        above = np.mean([(values > t).mean() for values in drawn])
        assert above == pytest.approx(situation.sf(t), rel=0.1), name
        if name != "heavy-tailed":  # its mean is dominated by rare values
            assert np.mean([values.mean() for values in drawn]) == pytest.approx(situation.mean, rel=0.05), name
        for q in (0.5, 0.9, 0.99):
            at, below = situation.sf(situation.quantile(q)), situation.sf(situation.quantile(q) * (1 - 1e-6))
            assert at <= 1 - q + 1e-9 and below >= 1 - q - 1e-9, name


#: Answers whose interval is that of another one, by a monotone function.
SAME = {
    "cdf": "p_wait",
    "sf": "p_wait",
    "isf": "ppf",
    "burn_rate": "budget_left",
    "bounded": "quiet_ratio",
    "ratio": "quiet_ratio",
    "slow": "p_wait",  # `Blame.slow` is `Dist.sf`
    "seconds": "count",  # of a plan, at a rate
}


def test_every_public_answer_with_an_interval_has_a_row(bench: ModuleType) -> None:
    """List them by the types that they return, and look for their names in what the tables ask."""
    import inspect

    import historian
    from historian import tail

    found = set()
    for module in (historian, tail):
        for name in module.__all__:
            public = getattr(module, name)
            names = [*dir(public)] if inspect.isclass(public) else []
            members = [(one, inspect.getattr_static(public, one)) for one in names] or [(name, public)]
            if inspect.isclass(public):
                found |= {field for field, kind in inspect.get_annotations(public).items() if "Estimate" in str(kind)}
            for member, value in members:
                function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                result = str(getattr(function, "__annotations__", {}).get("return", ""))
                if not member.startswith("_") and ("Estimate" in result or result in ("Slo", "Slo | Slos")):
                    found.add(member)
    assert {"ci", "slo", "within", "p_wait", "extrapolate", "mean", "burn_rates", "ratio"} <= found
    tables = (bench.accuracy_coverage, bench.accuracy_traces, bench.accuracy_correlation)
    questions = [question for table in tables for question in table.QUESTIONS]
    others = [bench.accuracy_blame.coverage, bench.accuracy_often.parameters, bench.accuracy_planning]
    others += [bench.accuracy_bands.held, bench.accuracy_forecast.coverage]
    asked = " ".join([*questions, *map(inspect.getsource, [bench.coverage_compare.answers, *others])])
    assert {name for name in found if SAME.get(name, name) not in asked} == set()
    page = (ROOT / "docs" / "tail.md").read_text(encoding="utf-8")
    page += (ROOT / "docs" / "how-to" / "traces.md").read_text(encoding="utf-8")
    assert [question for question in questions if f"| {question} |" not in page] == []


def test_coverage_marks_what_is_missed(bench: ModuleType) -> None:
    coverage = bench.accuracy_coverage
    assert [coverage.percent(share) for share in (0.92, 0.954)] == ["**92**", "95"]
    assert coverage.line("a", ["1", "2"]) == "| a | 1 | 2 |"


@pytest.mark.parametrize(("measured", "missed"), [(0.93, False), (0.929, True), (0.99, False), (0.991, True)])
def test_accuracy_says_what_is_missed(bench: ModuleType, measured: float, missed: bool) -> None:
    line = str(bench.accuracy.Finding("coverage", 0.93, 0.99, measured, ".1%"))
    assert line.endswith("MISSED") == missed
    assert "93.0% to 99.0%" in line
