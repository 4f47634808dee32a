"""`ThreadPoolQueue`: how long calls wait for a thread of an executor; what an executor does stays as it is."""

import concurrent.futures
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import PATIENCE, until, work

from historian import Registry
from historian.meters import ThreadPoolQueue


def test_calls_wait_for_a_thread(registry: Registry, executor: ThreadPoolExecutor) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        go_on.wait(PATIENCE)

    with ThreadPoolQueue(executor, registry=registry):
        executor.submit(block)
        entered.wait(PATIENCE)
        began = time.perf_counter()
        second = executor.submit(divmod, 7, 2)
        work(0.01)
        least = time.perf_counter() - began
        go_on.set()
        assert second.result(PATIENCE) == (3, 1)
        assert list(executor.map(str, range(3))) == ["0", "1", "2"]
    found = registry.snapshot().total()
    assert found.count == 5
    assert found.max >= least * 0.9  # the second one waited at least as long as the first one was blocked after it


def test_what_an_executor_does_with_a_call_stays(registry: Registry, executor: ThreadPoolExecutor) -> None:
    def fail(**options: object) -> None:
        raise KeyError(*options)

    with ThreadPoolQueue(executor, registry=registry):
        with pytest.raises(KeyError, match="fn"):
            executor.submit(fail, fn=1).result()  # an argument that is called as that of submit
        with pytest.raises(TypeError):
            executor.submit(3).result()  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            executor.submit()  # type: ignore[call-arg]


def test_cancelled_calls_are_not_recorded(registry: Registry, executor: ThreadPoolExecutor) -> None:
    go_on = threading.Event()
    with ThreadPoolQueue(executor, registry=registry):
        executor.submit(go_on.wait, PATIENCE)
        second = executor.submit(str)
        assert second.cancel()
        go_on.set()
        executor.submit(str).result()
    assert registry.snapshot().total().count == 2


def test_submit_is_restored(registry: Registry) -> None:
    with ThreadPoolExecutor(1) as executor:
        with ThreadPoolQueue(executor, registry=registry):
            assert "submit" in vars(executor)
            assert ThreadPoolExecutor.submit is concurrent.futures.ThreadPoolExecutor.submit  # the class is not changed
        assert "submit" not in vars(executor)
        outer = ThreadPoolQueue(executor, registry=registry, of="outer")
        with ThreadPoolQueue(executor, registry=registry, of="inner"):
            outer.start()
            executor.submit(str).result()
        executor.submit(str).result()  # still measured by the outer one, which was started later
        outer.stop()
        executor.submit(str).result()
    counts = {dict(key.labels)["of"]: h.count for key, h in registry.snapshot().items() if key.labels}
    assert counts == {"inner": 1, "outer": 2}


def test_calls_that_wait_when_it_stops_are_not_recorded(registry: Registry, executor: ThreadPoolExecutor) -> None:
    go_on = threading.Event()
    with ThreadPoolQueue(executor, registry=registry):
        executor.submit(go_on.wait, PATIENCE)
        second = executor.submit(str)
        until(lambda: registry.snapshot().total().count == 1)
    go_on.set()
    assert second.result() == ""
    assert registry.snapshot().total().count == 1


def test_an_executor_that_is_gone(registry: Registry) -> None:
    executor = ThreadPoolExecutor(1)
    meter = ThreadPoolQueue(executor, registry=registry).start()
    executor.submit(str).result()
    executor.shutdown()
    del executor
    gc.collect()
    with ThreadPoolExecutor(1) as other, ThreadPoolQueue(other, registry=registry):
        other.submit(str).result()
    assert not meter.is_running
    with pytest.raises(RuntimeError, match=r"the executor of .* is gone"):
        meter.start()
