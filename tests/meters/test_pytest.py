"""The pytest plugin: each test runs pytest on a suite of its own, in this process or in one of its own."""

import asyncio
import gc
import importlib.metadata
import json
import math
import re
import shutil
import textwrap
from functools import partial
from pathlib import Path

import pytest

from historian import Histogram
from historian.meters.pytest import Bound, Latency
from historian.meters.pytest._loop import WINDOWS
from historian.tail import Estimate

pytest_plugins = ["pytester"]

INSTALLED = "latency" in importlib.metadata.entry_points(group="pytest11").names
PLUGIN = [] if INSTALLED else ["-p", "historian.meters.pytest._plugin"]


class Clock:
    """A clock that moves only when it is told to, in ns: so a measurement is the same on every machine."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)

    async def spend_async(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.spend(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def measure(clock: Clock) -> Latency:
    return Latency(clock=clock)


def run(pytester: pytest.Pytester, *options: str, code: str | None = None) -> pytest.RunResult:
    if code is not None:
        pytester.makepyfile(test_it=code)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *PLUGIN, *options)


# ---- bounds ----


def bound(value: float = 2.0, lower: float = 1.0, upper: float = 3.0) -> Bound:
    return Bound(Estimate(value, lower, upper, "sampling", unit="s", confidence=0.95), "p99 of f", "it takes 368 calls")


def test_below_asks_the_upper_bound_and_above_the_lower_one() -> None:
    one = bound()
    assert one < 3.1 and not one < 3.0 and not one < 2.5  # the estimate is below 2.5, but not surely
    assert one <= 3.0 and not one <= 2.9
    assert one > 0.9 and not one > 1.0 and not one > 1.5
    assert one >= 1.0 and not one >= 1.1
    assert 0.5 < one < 4 and not one > 1.5 and not one < 2.5
    assert float(one) == 2.0


def test_numbers_of_numpy_leave_the_comparison_to_the_bound() -> None:
    numpy = pytest.importorskip("numpy")
    assert (numpy.float64(3.1) > bound()) is True
    assert (numpy.float64(2.5) > bound()) is False


def test_an_open_side_is_an_error_that_says_what_it_takes() -> None:
    for one, ask in ((bound(upper=math.inf), lambda b: b < 9), (bound(lower=0.0), lambda b: b > 0.1)):
        with pytest.raises(ValueError, match="it takes 368 calls"):
            ask(one)
    assert bound(upper=math.inf) > 0.5  # the other side is known


def test_intervals_are_not_equal_and_two_of_them_do_not_compare() -> None:
    with pytest.raises(TypeError, match="known as an interval"):
        assert bound() == 2.0
    with pytest.raises(TypeError, match=re.escape("use latency.compare(a, b)")):
        assert bound() < bound()
    with pytest.raises(TypeError, match="limit must be a number"):
        assert bound() < "3"
    with pytest.raises(ValueError, match="limit must be a number, not nan"):
        assert bound() < math.nan


# ---- measuring ----


def test_calls_and_seconds_are_limits(measure: Latency, clock: Clock) -> None:
    assert measure.options(calls=500, warm_up=0)(clock.spend, 0.001).count == 500
    assert measure.options(calls=10**9, seconds=0.5, warm_up=0)(clock.spend, 0.001).count == 500
    found = measure.options(seconds=0.5)(clock.spend, 2.0)
    assert found.count == 1 and found.histogram.max == 2.0  # one call in any case


def test_the_windows_add_up_and_are_enough_to_see_bursts(measure: Latency, clock: Clock) -> None:
    for seconds in (1e-6, 0.001, 0.01):
        found = measure(clock.spend, seconds)
        assert sum(found.windows, Histogram()) == found.histogram
        assert 36 <= len(found.windows) <= 2 * WINDOWS


def test_the_warm_up_does_not_count(measure: Latency, clock: Clock) -> None:
    seen: list[int] = []

    def slow_at_first() -> None:
        seen.append(1)
        clock.spend(0.005 if len(seen) <= 3 else 0.001)

    found = measure.options(warm_up=3, calls=400)(slow_at_first)
    assert len(seen) == 403 and found.histogram.max == 0.001


def test_arguments_reach_the_function(measure: Latency) -> None:
    seen = set()
    measure.options(calls=5)(lambda *args, **kwargs: seen.add((args, *kwargs.items())), 1, 2, calls=3)
    assert seen == {((1, 2), ("calls", 3))}  # options of the measurement are not arguments of the function


def test_bounds_of_a_percentile_hold_the_ranks_of_independent_calls(measure: Latency, clock: Clock) -> None:
    times = iter([0.001 + 0.000001 * (k * 7919 % 1_000) for k in range(1_000)])  # mixed, so windows are alike
    found = measure.options(calls=1_000, warm_up=0, seconds=100)(lambda: clock.spend(next(times)))
    # 1,000 calls: the rank of the p99 is within 990 +- 1.96 sqrt(9.9) = 984 to 997, in us above 1 ms
    assert 1.970e-3 < found.p99.lower <= 1.985e-3  # a bucket is 1.1 % wide
    assert 1.993e-3 <= found.p99.upper < 2.03e-3
    assert found.p99 < 0.00202 and not found.p99 < 0.00199
    assert found.mean.lower < found.histogram.mean < found.mean.upper
    assert found.mean < 0.0016 and found.mean > 0.0014


@pytest.mark.parametrize(("p", "needed"), [(99, 368), (99.9, 3_688), (50, 6), (1, 368)])
def test_too_few_calls_say_how_many_it_takes(measure: Latency, clock: Clock, p: float, needed: int) -> None:
    # no value above the p99 among n: 0.99^n <= 0.025, so n = ln 0.025 / ln 0.99 = 367.04; for the p1, none below it
    ask = {True: lambda b: b < 1.0, False: lambda b: b > 0.0005}[p > 50 or p == 50]
    one = measure.options(warm_up=0, seconds=1_000)
    with pytest.raises(ValueError, match=rf"p{p:g} of spend needs at least {needed:,} calls, and {needed - 1:,} were"):
        ask(one.options(calls=needed - 1)(clock.spend, 0.001).percentile(p))
    assert ask(one.options(calls=needed)(clock.spend, 0.001).percentile(p))


def test_slow_calls_that_come_together_widen_the_bound_up_to_the_slowest_call(measure: Latency, clock: Clock) -> None:
    number = iter(range(1_000))
    found = measure.options(calls=1_000, warm_up=0, seconds=100)(
        lambda: clock.spend(0.010 if 500 <= next(number) < 505 else 0.001)
    )
    assert found.p99.upper <= 0.010 * 1.011
    assert found.p99 < 0.011  # enough calls: no error, however they come


def test_the_maximum_has_no_bound(measure: Latency, clock: Clock) -> None:
    with pytest.raises(ValueError, match="no confidence bound, however many calls"):
        assert measure(clock.spend, 0.001).percentile(100) < 1
    with pytest.raises(ValueError, match=r"0\.\.100"):
        measure(clock.spend, 0.001).percentile(101)


def test_coroutine_functions(measure: Latency, clock: Clock) -> None:
    found = asyncio.run(measure.options(calls=400).async_(clock.spend_async, 0.001))
    assert found.count == 400 and found.name == "spend_async" and found.p99 < 0.00102
    for wrong in (clock.spend_async, partial(clock.spend_async, 1)):
        with pytest.raises(TypeError, match=re.escape("use await latency.async_(...)")):
            measure(wrong)
    with pytest.raises(TypeError, match="pass the function, not its coroutine"):
        asyncio.run(measure.async_(1))  # type: ignore[arg-type]


def test_functions_whose_call_does_not_run_their_body_are_refused(measure: Latency) -> None:
    def generator() -> object:
        yield 1

    with pytest.raises(TypeError, match="does not run its body"):
        measure(generator)
    with pytest.raises(TypeError, match="callable"):
        measure(1)  # type: ignore[arg-type]


def test_blocks_of_code(measure: Latency, clock: Clock) -> None:
    block = measure.block("parse")
    with pytest.raises(ValueError, match="nothing was measured"):
        assert block.p50 < 1
    for _ in range(400):
        with block:
            clock.spend(0.001)
        clock.spend(1.0)  # outside of it
    assert block.count == 400 and block.p99 < 0.00102
    with pytest.raises(ZeroDivisionError), block:
        raise ZeroDivisionError
    assert block.count == 400
    with block, pytest.raises(RuntimeError, match="a block is open already"), block:
        pass


def test_blocks_of_async_code(measure: Latency, clock: Clock) -> None:
    async def main() -> float:
        block = measure.block()
        async with block:
            await clock.spend_async(0.5)
        return block.histogram.max

    assert asyncio.run(main()) == 0.5


def test_comparisons_are_ratios_of_turns(measure: Latency, clock: Clock) -> None:
    one = measure.options(calls=600)
    found = one.compare(partial(clock.spend, 0.001), partial(clock.spend, 0.002), names=("old", "new"))
    assert found.ratio > 1.95 and found.ratio < 2.05 and found.p99 > 1.9
    assert "new/old" in str(found)
    few = measure.options(calls=60).compare(partial(clock.spend, 0.001), partial(clock.spend, 0.001))
    with pytest.raises(ValueError, match="it needs at least 368 of each"):
        assert few.p99 < 2


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_restored(measure: Latency, enabled: bool) -> None:
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    (gc.enable if enabled else gc.disable)()
    try:
        measure.options(calls=10)(lambda: None)
        assert gc.isenabled() == enabled
        with pytest.raises(ZeroDivisionError):
            measure(lambda: 1 / 0)
        assert gc.isenabled() == enabled
        assert (gc.get_freeze_count() > 0) == (frozen > 0)
        during = []
        measure.options(calls=10, warm_up=0)(lambda: during.append(gc.isenabled()))
        assert not any(during)
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"call": 5}, TypeError, "no option 'call': choose from calls, seconds"),
        ({"calls": 0}, ValueError, "calls must be at least 1, not 0"),
        ({"seconds": 0}, ValueError, "more than 0"),
        ({"seconds": math.nan}, ValueError, "seconds"),
        ({"confidence": 1}, ValueError, "confidence must be between 0 and 1"),
        ({"tolerance": -0.1}, ValueError, "tolerance"),
        ({"name": 5}, TypeError, "name must be a string"),
    ],
)
def test_options_are_checked(measure: Latency, option: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        measure.options(**option)


# ---- pytest ----

SUITE = """
import time, pytest

def work(n=100):
    return sum(range(n))

def test_fast(latency):
    assert latency(work, 50).p99 < 60

@pytest.mark.latency(calls=100)
def test_few(latency):
    assert latency(work).p99 < 60

@pytest.mark.latency(calls=400, name="the work")
def test_slow(latency):
    assert latency(work).p50 < 1e-9

def test_pair(latency):
    assert latency.options(calls=600).compare(work, lambda: work(200)).p50 < 0.001

def test_block(latency):
    block = latency.block("sum")
    for _ in range(400):
        with block:
            work()
    assert 60 > block.p99
"""


def test_failures_show_the_histogram_the_unit_and_how_many_calls_it_takes(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--strict-markers", code=SUITE)
    result.assert_outcomes(passed=2, failed=3)
    text = result.stdout.str()
    assert "p99 of work needs at least 368 calls, and 100 were measured" in text
    assert re.search(r"E +assert p50 of the work < 1.00 ns", text)
    assert re.search(r"it is above 1.00 ns: the whole interval is", text)
    assert re.search(r"^ *up to +calls of the work\n(.*[mun]?s +[\d,]+( #+)?\n)+", text, re.MULTILINE)
    assert re.search(r"^ *up to +calls of work +calls of lambda", text, re.MULTILINE)  # both histograms
    assert re.search(r"- latency -+\noperation \(.*\) +min +median", text)
    assert text.isascii()


def test_the_table_at_the_end(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test(latency): latency(len, '')\ndef test_other(): pass")
    assert "test_it.py::test " in run(pytester).stdout.str()
    assert "operation" not in run(pytester, "-q").stdout.str()
    assert "operation" in run(pytester, "-q", "--latency-report=always").stdout.str()
    assert "operation" not in run(pytester, "--latency-report=never").stdout.str()
    assert "- latency -" not in run(pytester, "-k", "other").stdout.str()
    assert "no test has measured" in run(pytester, "-k", "other", "--latency-report=always").stdout.str()


def test_workers_of_xdist_send_what_they_measured(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    code = "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test(latency, n): latency(len, '')"
    result = run(pytester, "-n2", "--latency-save", "main", code=code)
    result.assert_outcomes(passed=6)
    assert all(f"test_it.py::test[{n}]" in result.stdout.str() for n in range(6))
    index = json.loads((pytester.path / ".latency/main/run-0001/index.json").read_text(encoding="utf-8"))
    assert len(index["measurements"]) == 6


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_async_tests(pytester: pytest.Pytester, plugin: str) -> None:
    pytest.importorskip({"asyncio": "pytest_asyncio"}.get(plugin, plugin))
    code = f"""
        import asyncio, pytest
        {"@pytest.fixture" if plugin == "anyio" else ""}
        {"def anyio_backend(): return 'asyncio'" if plugin == "anyio" else ""}

        async def work():
            await asyncio.sleep(0)

        @pytest.mark.{plugin}
        async def test(latency):
            assert (await latency.async_(work)).p99 < 60
    """
    options = ["-o", "asyncio_default_fixture_loop_scope=function"] if plugin == "asyncio" else []
    result = run(pytester, *options, code=__import__("textwrap").dedent(code))
    result.assert_outcomes(passed=1)
    assert "test_it.py::test" in result.stdout.str()


def test_beside_pytest_benchmark(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_benchmark")
    code = "def test(latency, benchmark):\n    assert latency(len, '').p99 < 60\n    benchmark(len, '')"
    run(pytester, "--benchmark-min-time=0.00001", code=code).assert_outcomes(passed=1)


def test_without_the_plugin_nothing_is_left(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test(request): assert 'latency' not in request.fixturenames")
    name = "latency" if INSTALLED else "historian.meters.pytest._plugin"
    result = pytester.runpytest_subprocess("-p", f"no:{name}", "--strict-markers")
    result.assert_outcomes(passed=1)


def test_the_plugin_imports_little(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest loads it in each run: what only a measurement needs is imported by the first one."""
    code = """
        import sys

        def test():
            heavy = {"numpy", "historian._compare", "historian.tail", "historian._show.profile"}
            assert not heavy & set(sys.modules)
            assert [name for name in sys.modules if name.startswith("historian.meters.pytest._")] == [
                "historian.meters.pytest._plugin"
            ]
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins import numpy
    pytester.makepyfile(test_it=textwrap.dedent(code))
    options = ["-p", "historian.meters.pytest._plugin", "-p", "no:cacheprovider"]
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "message"),
    [("call=5", "no option 'call'"), ("seconds=0", "more than 0"), ("5", "takes keywords only")],
)
def test_a_wrong_marker_is_an_error(pytester: pytest.Pytester, marker: str, message: str) -> None:
    result = run(pytester, code=f"import pytest\n@pytest.mark.latency({marker})\ndef test(latency): pass")
    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()


def test_the_closest_marker_counts(pytester: pytest.Pytester) -> None:
    code = """
        import pytest
        pytestmark = pytest.mark.latency(calls=7, warm_up=0)

        @pytest.mark.latency(calls=8)
        class TestIt:
            def test(self, latency):
                assert latency(len, "").count == 8

            @pytest.mark.latency(calls=9)
            def test_closer(self, latency):
                seen = []
                assert latency(seen.append, 1).count == 9
                assert len(seen) == 9  # the warm-up is that of the module
    """
    run(pytester, code=__import__("textwrap").dedent(code)).assert_outcomes(passed=2)


# ---- baselines ----

WORK = """
import os, pytest
pytestmark = pytest.mark.latency(calls=300, seconds=0.2, tolerance=0.5)

def work():
    return sum(range(1_000 * int(os.environ.get("TIMES", "1"))))

def test(latency):
    latency(work)

def test_block(latency):
    block = latency.block("sum")
    for _ in range(300):
        with block:
            work()
"""


def test_a_baseline_needs_five_runs_and_finds_what_is_a_hundred_times_slower(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_it=WORK)
    for number in range(1, 6):
        # with both options, the first runs are only saved
        result = run(pytester, "--latency-save=main", "--latency-baseline=main")
        result.assert_outcomes(passed=2)
        assert f"saved 2 measurements as main, which has {number} run" in result.stdout.str()
    few = pytester.path / ".latency" / "few"
    few.mkdir()
    (pytester.path / ".latency/main/run-0001").rename(few / "run-0001")
    for name, message in (
        ("few", "baseline few has 1 run, and 5 tell how runs differ: run pytest --latency-save few 4 more times"),
        ("other", "there is no baseline other in .*: there is few, main; make it by --latency-save other"),
        ("../x", "a baseline has a name of letters"),
    ):
        result = run(pytester, f"--latency-baseline={name}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert re.search(message, result.stderr.str())
    for number in range(1, 6):  # no stall of the machine makes them differ
        shutil.rmtree(pytester.path / f".latency/main/run-000{number}", ignore_errors=True)
        shutil.copytree(few / "run-0001", pytester.path / f".latency/main/run-000{number}")
    monkeypatch.setenv("TIMES", "300")
    result = run(pytester, "--latency-baseline=main", "--latency-save=main")
    text = result.stdout.str()
    assert "work is slower than its baseline: p50, times that of 5 runs" in text
    assert "measured 3 times, and slower each time" in text
    assert re.search(r"up to +calls of baseline +calls of work", text)
    result.assert_outcomes(failed=1, passed=1, errors=1)  # that of a block is known when its test is over
    assert "nothing to save" in text
    assert not (pytester.path / ".latency/main/run-0006").exists()


def test_saved_histograms_are_those_of_the_run(pytester: pytest.Pytester) -> None:
    run(pytester, "--latency-save=a.b-1", code="def test(latency): latency.options(calls=77)(len, '')")
    folder = pytester.path / ".latency/a.b-1/run-0001"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    (one,) = index["measurements"]
    assert (one["test"], one["measure"], one["loops"] >= 1) == ("test_it.py::test", "len", True)
    assert Histogram.from_bytes((folder / one["file"]).read_bytes()).count == 77
    environment = json.loads((folder.parent / "environment.json").read_text(encoding="utf-8"))
    assert set(environment) == {"python", "system", "processor"}


def test_runs_on_another_machine_are_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test(latency): latency(len, '')")
    run(pytester, "--latency-save=main")
    path = pytester.path / ".latency/main/environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "processor": "1 times Z80"}))
    result = run(pytester, "--latency-save=main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "processor is" in result.stderr.str() and "not 1 times Z80" in result.stderr.str()


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"version": 2, "measurements": []}', b'{"version": 1, "measurements": [{}]}', b"\xff" * 9,
     b'{"version":1,"measurements":[{"test":"t","measure":"m","file":"../x.hist","loops":1,"statistics":{}}]}',
     b'{"version":1,"measurements":[{"test":"t","measure":"m","file":"x.hist","loops":1,"statistics":{"p50":[1,NaN]}}]}',
     b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_index_is_refused(tmp_path: Path, damage: bytes) -> None:
    from historian.meters.pytest._index import read_index

    (tmp_path / "index.json").write_bytes(damage)
    with pytest.raises(
        ValueError, match=f"index.json is damaged, or of a newer historian: remove {re.escape(str(tmp_path))}"
    ):
        read_index(tmp_path)
