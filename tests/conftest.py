"""What all tests share."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples every time where a failure must mean a change; new ones at every run where people look.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("people", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=3000)
settings.register_profile("emulated", derandomize=True, deadline=None, max_examples=10)  # by `nox -s aarch64`
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "people"))

# A shell starts background jobs with this signal ignored, and so would be the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("MPLBACKEND", "Agg")  # figures of matplotlib need no window
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray's servers listen on this machine only
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-mpl compare pictures, which it does on demand only; know the marker of our own plugin."""
    if hasattr(config.option, "mpl"):
        config.option.mpl = True
    if not config.pluginmanager.has_plugin("latency"):  # a checkout that is on the path, but not installed
        config.addinivalue_line("markers", "latency: of the plugin in historian.meters.pytest")


@pytest.fixture(scope="module", autouse=True)
def _small_heap() -> None:
    """Have garbage collections leave out what is there before: many tests collect, and each time would take long."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _away_from_the_sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run all tests in an empty folder: a Python started from the checkout would import that, not what is installed."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)
