"""Meters are started, are stopped, restore everything, and survive a fork; what each measures, on real threads."""

import concurrent.futures
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from waiting import until, work

import historian
from historian import Recorder, Registry, meters
from historian.meters import GcPauses, GilWait, Hiccups, Meter, ThreadPoolQueue

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_gil = pytest.mark.skipif(not HAS_GIL, reason="this Python runs without a GIL")
THREADED = [Hiccups, pytest.param(GilWait, marks=needs_gil)]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("historian")]


# ---- all of them ----


def test_names_are_those_of_the_room() -> None:
    assert set(meters.__all__) == set(dir(meters))
    assert meters.pytest.__name__ == "historian.meters.pytest"
    for name in set(meters.__all__) - {"pytest"}:
        kind = getattr(meters, name)
        assert kind.__module__ == "historian.meters"
        assert issubclass(kind, Meter)
    with pytest.raises(AttributeError, match="no attribute 'Hicups'"):
        meters.Hicups  # noqa: B018


@pytest.mark.parametrize("kind", [*THREADED, GcPauses])
def test_start_and_stop(kind: Any, registry: Registry) -> None:
    before = list(gc.callbacks), threading.active_count()
    meter = kind(registry=registry)
    assert (list(gc.callbacks), threading.active_count()) == before  # nothing runs before it is started
    assert meter.start() is meter
    assert meter.is_running
    assert (list(gc.callbacks), threading.active_count()) != before
    meter.stop()
    assert not meter.is_running
    assert (list(gc.callbacks), threading.active_count()) == before
    meter.stop()  # does nothing
    with meter as entered:  # it can be started again
        assert entered is meter
        assert meter.is_running
    assert (list(gc.callbacks), threading.active_count()) == before


@pytest.mark.parametrize("kind", [*THREADED, GcPauses])
def test_a_meter_does_not_count_twice(kind: Any, registry: Registry) -> None:
    with kind(registry=registry) as meter:
        with pytest.raises(RuntimeError, match=r"running> is running already: stop\(\) it first"):
            meter.start()
        with pytest.raises(RuntimeError, match="would count the same again"):
            kind(registry=registry).start()
        with kind(registry=registry, of="another"), kind(registry=Registry()):
            pass
        assert meter.is_running
    with kind(registry=registry):
        pass


def test_the_default_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Registry()
    monkeypatch.setattr("historian.registry.default_registry", default)
    Hiccups(host="a"), GcPauses()
    generations = [f"gc.pause{{generation={n}}}" for n in range(3)]
    assert [str(key) for key in default.snapshot()] == ["hiccup{host=a}", *generations]


def test_wrong_arguments(registry: Registry, executor: ThreadPoolExecutor) -> None:
    with pytest.raises(TypeError, match="registry must be a Registry, not str"):
        Hiccups(registry="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"interval must be in 0\.0001\.\.1 seconds, not 2\.0"):
        Hiccups(2)
    with pytest.raises(ValueError, match="generation is a label that the meter sets itself, not 1: omit it"):
        GcPauses(generation=1)
    with pytest.raises(TypeError, match="executor must be a ThreadPoolExecutor, not Registry"):
        ThreadPoolQueue(registry)  # type: ignore[arg-type]
    with (
        concurrent.futures.ProcessPoolExecutor(1) as processes,
        pytest.raises(TypeError, match=r"pass recorder.start\(\)"),
    ):
        ThreadPoolQueue(processes)  # type: ignore[arg-type]
    registry.recorder("hiccup", unit="ms")
    with pytest.raises(ValueError, match="recorder hiccup exists with unit 'ms'"):
        Hiccups(registry=registry)


def test_a_meter_belongs_to_its_process(registry: Registry) -> None:
    with pytest.raises(TypeError, match="create one in each process"):
        pickle.dumps(Hiccups(registry=registry))


def test_disabled() -> None:
    code = (
        "import gc, threading\nfrom historian.meters import *\n"
        "started = [Hiccups().start(), GilWait().start(), GcPauses().start(), EventLoopLag().start()]\n"
        "assert not any(meter.is_running for meter in started)\n"
        "assert threading.active_count() == 1 and not gc.callbacks\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HISTORIAN_DISABLE": "1"})


def test_meters_that_run_at_exit_stop_there() -> None:
    code = (
        "import atexit, historian\nfrom historian.meters import *\n"
        "atexit.register(lambda: print(meter.is_running, historian.default_registry.snapshot().total().count > 0))\n"
        "meter = Hiccups(0.001).start()\n"
        "while not historian.recorder('hiccup').snapshot().count: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False True\n", "")


def test_importing_historian_imports_no_meter() -> None:
    code = "import sys, historian; print([name for name in sys.modules if 'meters' in name or name == 'asyncio'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ---- what each measures ----


@pytest.mark.parametrize("kind", THREADED)
def test_ticks_come_until_it_is_stopped(kind: Any, registry: Registry) -> None:
    recorder = registry.recorder(kind._name)
    with kind(0.001, registry=registry):
        until(lambda: recorder.snapshot().count >= 5)
    count = recorder.snapshot().count
    assert threads() == []
    assert recorder.snapshot().count == count  # no thread is left that could add to it


@needs_gil
@pytest.mark.parametrize("kind", THREADED)
def test_a_function_that_keeps_the_gil_is_seen_with_all_the_ticks_it_hid(kind: Any, registry: Registry) -> None:
    recorder = registry.recorder(kind._name)
    with kind(0.001, registry=registry):
        until(lambda: recorder.snapshot().count >= 2)
        before = recorder.snapshot()
        began = time.perf_counter()
        sum(range(8_000_000))  # in C, from its first number to its last one, without giving up the GIL
        took = time.perf_counter() - began
        until(lambda: (recorder.snapshot() - before).count >= 2)
    found = recorder.snapshot() - before
    # The thread could not run for nearly all of that time.  So one of its ticks was late by that much at least, and one
    # for each interval in it is counted.  It may have got the GIL for one tick before, hence the half.
    assert found.max >= took / 2
    assert found.count >= took / 0.001 / 2


@needs_gil
def test_the_wait_for_the_gil_leaves_out_the_sleep(registry: Registry) -> None:
    with GilWait(1.0, registry=registry) as meter:
        meter.stop()  # it waits for the thread, which sleeps for a second
    found = registry.snapshot().total()
    assert found.count >= 1
    assert found.min < 1.0


def test_pause_returns_when_it_woke() -> None:
    from historian._core import pause

    began = time.perf_counter_ns()
    woke = pause(0.01)
    assert began + 9_000_000 <= woke <= time.perf_counter_ns()


def test_no_gil_no_wait(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    with pytest.raises(RuntimeError, match="runs without a GIL, so no thread waits for it: use Hiccups"):
        GilWait(registry=registry).start()
    assert threads() == []


def test_collections_by_generation(registry: Registry) -> None:
    gc.disable()  # only those that are asked for
    try:
        with GcPauses(registry=registry, service="shop"):
            for generation, times in enumerate((3, 2, 1)):
                for _ in range(times):
                    gc.collect(generation)
        gc.collect()  # after the stop
    finally:
        gc.enable()
    counts = {key: histogram.count for key, histogram in registry.snapshot().items()}
    assert counts == {
        historian.Key("gc.pause", generation=n, service="shop"): times for n, times in enumerate((3, 2, 1))
    }


def test_a_pause_includes_the_finalizers_that_it_runs(registry: Registry) -> None:
    took = []

    class Slow:
        def __del__(self) -> None:
            began = time.perf_counter()
            work(0.02)
            took.append(time.perf_counter() - began)

    one = Slow()
    one.itself = one  # type: ignore[attr-defined]
    del one
    with GcPauses(registry=registry):
        gc.collect()
    assert registry.snapshot().total().max >= took[0]


def test_a_meter_that_starts_or_stops_within_a_collection(registry: Registry) -> None:
    meter = GcPauses(registry=registry)

    class Starts:
        def __del__(self) -> None:
            meter.stop() if meter.is_running else meter.start()

    for _ in range(2):
        one = Starts()
        one.itself = one  # type: ignore[attr-defined]
        del one
        gc.collect()
    assert not meter.is_running
    assert not [callback for callback in gc.callbacks if "historian" in str(getattr(callback, "__module__", ""))]


def test_somebody_else_has_removed_the_callback(registry: Registry) -> None:
    kept = list(gc.callbacks)
    with GcPauses(registry=registry):
        gc.callbacks[:] = kept
    assert gc.callbacks == kept


# ---- forks ----


def in_child(check: Callable[[], bool]) -> bool:
    """Return what a function returns in a forked child."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if check() else 1)
        except BaseException:  # whatever it is must not go on into pytest
            import traceback

            traceback.print_exc()
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("kind", THREADED)
def test_after_a_fork_parent_and_child_both_go_on(kind: Any, registry: Registry) -> None:
    recorder = registry.recorder(kind._name)

    def goes_on() -> bool:
        before = recorder.snapshot().count
        until(lambda: recorder.snapshot().count > before + 3)
        return len(threads()) == 1 and meter.is_running

    with kind(0.001, registry=registry) as meter:
        for _ in range(5):
            assert in_child(goes_on)
            assert goes_on()
        assert in_child(lambda: meter.stop() is None and not threads())
        assert in_child(lambda: in_child(goes_on))  # a child of the child
    assert in_child(lambda: not meter.is_running and not threads())


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_no_meter_has_a_thread_while_the_process_forks(registry: Registry) -> None:
    seen: list[int] = []
    with Hiccups(0.001, registry=registry):
        # Hooks before a fork run in reverse order, so this one comes first, and those of the child in order.
        os.register_at_fork(after_in_child=lambda: seen.append(len(threads())))
        assert in_child(lambda: seen == [1])


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forks_while_other_threads_start_and_stop_meters() -> None:
    ended = threading.Event()

    def start_and_stop() -> None:
        while not ended.is_set():
            with Hiccups(0.001, registry=Registry()):
                pass

    thread = threading.Thread(target=start_and_stop)
    thread.start()
    try:
        for _ in range(10):

            def works() -> bool:
                with Hiccups(0.001, registry=Registry()):
                    return True

            assert in_child(works)
    finally:
        ended.set()
        thread.join()


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_collections_in_a_child(registry: Registry) -> None:
    def collects() -> bool:
        before = registry.snapshot().total().count
        gc.collect()
        return registry.snapshot().total().count > before

    with GcPauses(registry=registry):
        assert in_child(collects)


def test_recorders_are_of_their_kind(registry: Registry) -> None:
    assert isinstance(Hiccups(registry=registry)._recorders[0], Recorder)
