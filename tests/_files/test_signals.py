"""A signal handler raises, at any step: its exception comes out, and is taken for no error of a file."""

import gc
import os
import random
import signal
import sys
import warnings

import pytest
from steps import at_each_step, new_error

from historian import Histogram, Key, Recorder, Registry, snapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
RECORDERS = 3


@pytest.fixture
def registry(directory):
    return filled(directory)


def whole(registry):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = [histogram.count for histogram in registry.snapshot().values()]
    assert len(counts) == RECORDERS
    return sum(counts)


READS = {
    "snapshot": lambda registry: registry.snapshot(),
    "problems": lambda registry: registry.problems(),
    "profile": lambda registry: registry.profile(),
    "recorder.snapshot": lambda registry: registry.recorder("q", i=1).snapshot(),
    "open": lambda registry: Registry(registry.directory).snapshot(),
    "recorder": lambda registry: Registry(registry.directory).recorder("q", i=0),
    "Recorder.open": lambda registry: Recorder.open(os.path.join(registry.directory, "recorders"), Key("q", i="2")),
    "family": lambda registry: Registry(registry.directory).family("q", labels=("i",)).labels(i=2),
}


@pytest.mark.parametrize("what", READS)
def test_reading(registry, what):
    read = READS[what]
    read(registry)  # imports

    def check(n, result, caught):
        if caught is None and what in ("snapshot", "open", "problems"):
            assert len(result) == (0 if what == "problems" else RECORDERS)

    steps = at_each_step(lambda n: lambda: read(registry), check)
    assert steps > 10
    assert whole(registry) == 2 * RECORDERS and registry.problems() == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # `with open(...)` may not begin
def test_load(registry, tmp_path):
    path = tmp_path / "s.jsonl"
    snapshot.save(registry.snapshot(), path)
    expected = snapshot.load(path)

    def check(n, result, caught):
        assert caught is not None or result == expected

    assert at_each_step(lambda n: lambda: snapshot.load(path), check) > 50
    gc.collect()  # the files that were opened


def test_save(registry, tmp_path):
    taken, path = registry.snapshot(), tmp_path / "s.jsonl"
    snapshot.save(taken, path)

    def check(n, result, caught):
        assert snapshot.load(path) == taken and sorted(os.listdir(tmp_path)) == ["latencies", "s.jsonl"]

    assert at_each_step(lambda n: lambda: snapshot.save(taken, path), check) > 20


def test_new_recorders_and_directories(tmp_path):
    made = tmp_path / "made" / "again"

    def check(n, result, caught):
        fresh = Registry(tmp_path / str(n) / "d")
        assert fresh.recorder("q").snapshot() == Histogram()
        assert os.listdir(tmp_path / str(n) / "d") == ["recorders"]

    Registry(made).recorder("q")
    assert at_each_step(lambda n: lambda: Registry(tmp_path / str(n) / "d").recorder("q"), check, stride=3) > 50


def filled(path):
    registry = Registry(path)
    for i in range(RECORDERS):
        registry.recorder("q", i=i).record_many([1.0, 2.0])
    return registry


def test_a_file_that_was_removed(tmp_path):
    made = []

    def remove(n):
        made[:] = [filled(tmp_path / str(n))]  # a new one: each removal leaves a file to be read
        os.unlink(tmp_path / str(n) / "recorders")
        return made[0].snapshot

    def check(n, result, caught):
        assert whole(made[0]) == 2 * RECORDERS

    assert at_each_step(remove, check, stride=23) > 50


def test_a_clear_is_not_counted_as_done(registry):
    def prepare(n):
        for i in range(RECORDERS):
            registry.recorder("q", i=i).record(1.0)
        return registry.clear

    def check(n, result, caught):
        if caught is None:
            assert whole(registry) == 0

    assert at_each_step(prepare, check) > 50
    assert registry.problems() == {}


def test_no_descriptor_is_left(registry):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    registry.snapshot()
    before = os.listdir("/proc/self/fd")

    def check(n, result, caught):
        if caught is not None:
            caught.__traceback__ = None  # it would keep what the code held
        assert len(os.listdir("/proc/self/fd")) == len(before)

    for work in (registry.snapshot, registry.clear):
        at_each_step(lambda n, work=work: work, check, "opcode", 7)


def test_the_lock_is_given_back(registry):
    rec = registry.recorder("q", i=0)

    def check(n, result, caught):
        registry.recorder("new", n=n)  # waits for the lock, and would raise TimeoutError

    assert at_each_step(lambda n: rec.drain, check) > 10


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
@pytest.mark.parametrize("what", ["snapshot", "problems", "clear"])
def test_alarms(registry, what):
    """What no trace function sees: real signals, which come between any two steps."""
    raised = []

    def handle(number, frame):
        names = []
        while frame is not None:
            names.append(frame.f_globals.get("__name__", "").partition(".")[0])
            frame = frame.f_back
        # Not in the package's code yet, or not any more; or in weakref, which ignores some exceptions: what a callback
        # raises, and IndexError where it empties a list.
        if "historian" not in names or "weakref" in names:
            signal.setitimer(signal.ITIMER_REAL, 20e-6)
            return
        raised.append(new_error(len(raised)))
        raise raised[-1]

    work, moments = getattr(registry, what), random.Random(1)

    def until_raised(count):  # a function: CPython 3.13 raises at the end of a loop as if that were outside of a `try`
        while len(raised) == count:
            work()

    before = signal.signal(signal.SIGALRM, handle)
    gc.disable()  # a callback of the collector, such as that of hypothesis, would swallow an alarm
    try:
        while len(raised) < 200:
            signal.setitimer(signal.ITIMER_REAL, 20e-6 + moments.random() * 300e-6)
            with pytest.raises(BaseException) as caught:  # noqa: PT011
                until_raised(len(raised))
            assert caught.value is raised[-1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert registry.problems() == {}
