"""The plugin that pytest loads: options, the marker, the fixture ``latency``, reports.

pytest imports it in each run of each user, so all else is imported when a test uses it.
"""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError as _missing:
    raise ImportError("the plugin needs pytest: pip install 'latency-historian[pytest]'") from _missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

    from ._baseline import Baseline
    from ._latency import Latency
    from ._report import Collected
    from ._watch import Watch

__all__: list[str] = []

MARKER = "latency"
HELP = "how the fixture latency measures: calls, seconds, warm_up, confidence, tolerance, name; see Latency.options"

_watch: pytest.StashKey[Watch] = pytest.StashKey()
_baseline: pytest.StashKey[Baseline] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of which begin with ``--latency-``."""
    group = parser.getgroup("latency", "tests that assert on latency (historian)")
    group.addoption(
        "--latency-save", metavar="NAME", help="save what passing tests measure as one more run of the baseline NAME"
    )
    group.addoption(
        "--latency-baseline", metavar="NAME", help="fail tests that are slower than the saved runs of the baseline NAME"
    )
    group.addoption(
        "--latency-alarm",
        metavar="SHARE",
        type=float,
        default=0.01,
        help="with --latency-baseline: the share of runs that may fail although nothing is slower, 0.01 by default",
    )
    group.addoption(
        "--latency-dir", metavar="DIR", help="where baselines are, by default .latency in the root of the tests"
    )
    group.addoption(
        "--latency-report",
        choices=("auto", "always", "never"),
        default="auto",
        help="a table of all measurements at the end: auto (if there are any, without -q), always, or never",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; read the baseline before any test runs, and collect what workers send."""
    config.addinivalue_line("markers", f"{MARKER}(calls=..., seconds=...): {HELP}")
    if config.option.latency_save or config.option.latency_baseline:
        from ._baseline import Baseline

        try:
            config.stash[_baseline] = Baseline.of(config.option, config.rootpath)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(str(error)) from None
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist
        config.pluginmanager.register(_Collector(config), "latency-collector")


@pytest.fixture(name="latency")
def _latency(request: pytest.FixtureRequest) -> Iterator[Latency]:
    """Measure functions: ``assert latency(f, *args).p99 < 0.005`` passes if the p99 is surely below 5 ms."""
    from ._latency import Latency
    from ._options import Options
    from ._watch import Watch

    options = Options()
    for marker in reversed(list(request.node.iter_markers(MARKER))):  # the closest one last
        if marker.args:
            raise TypeError(f"@pytest.mark.latency takes keywords only, such as seconds=5, not {marker.args[0]!r}")
        options = options.changed(marker.kwargs)
    config = request.config
    baseline = config.stash.get(_baseline, None)
    watch = Watch(request.node.nodeid, baseline, refers=baseline is not None)
    request.node.stash[_watch] = watch
    yield Latency(options, watch=watch)
    watch.finish()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the measurements to the report: as text if the test failed, as data for the process that collects them."""
    report = yield
    watch = item.stash.get(_watch, None)
    if watch is None or report.when == "setup":
        return report
    if report.failed and (text := watch.pictures()):
        report.sections.append(("latency", text))
    if report.when == "call":
        report.historian_latency = watch.found()  # type: ignore[attr-defined]
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed comparison of a bound, the only class here that has its kind of name."""
    for bound, limit, sign in ((left, right, op), (right, left, {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(op))):
        if type(bound).__module__ == "historian.meters.pytest" and type(bound).__name__ == "Bound" and sign in _SIGNS:
            from ._bound import explained

            return explained(bound, sign, float(limit))  # type: ignore[arg-type]
    return None


_SIGNS = ("<", "<=", ">", ">=")


class _Collector:
    """Collects the measurements of all tests, of all workers, for the table at the end and for saving."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._collected: Collected | None = None  # once a test has measured

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the measurements of a test."""
        found: list[dict[str, Any]] = getattr(report, "historian_latency", [])
        if found or self._collected is not None:
            if self._collected is None:
                from ._report import Collected

                self._collected = Collected()
            self._collected.add(report.nodeid, found, passed=report.passed, when=report.when or "")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Save what passing tests measured."""
        baseline = self._config.stash.get(_baseline, None)
        if baseline is not None and self._collected is not None:
            self._collected.save(baseline)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table of all measurements."""
        when = self._config.option.latency_report
        if when == "never" or (when == "auto" and (self._collected is None or self._config.option.verbose < 0)):
            return
        from ._report import Collected

        terminalreporter.write_sep("-", "latency")
        terminalreporter.write_line((self._collected or Collected()).text())
