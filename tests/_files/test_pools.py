"""Process pools with each start method: recorders are sent to them, histograms come back, and the counts add up."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pool_workers
import pytest

from historian import Histogram, Key, Recorder, Registry, merge

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

METHODS = [method for method in ("fork", "spawn", "forkserver") if method in multiprocessing.get_all_start_methods()]
CHUNKS = [[float(1 + (7 * k + i) % 50) for i in range(200)] for k in range(8)]  # integers, so that sums are exact
WHOLE = merge(Histogram.from_values(chunk) for chunk in CHUNKS)


@pytest.fixture(params=METHODS)
def context(request):
    return multiprocessing.get_context(request.param)


def test_an_executor_takes_recorders_and_returns_histograms(context, tmp_path):
    recorder = Registry(tmp_path / "d").recorder("work", kind="x")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        returned = list(pool.map(pool_workers.record, [recorder] * len(CHUNKS), CHUNKS))
    assert sum(returned, Histogram()) == WHOLE
    assert recorder.snapshot() == WHOLE
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["recorders"]


def test_an_executor_returns_snapshots(context):
    registry = Registry()
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for snapshot in pool.map(pool_workers.return_snapshot, CHUNKS):
            registry.merge(snapshot)
    assert registry.snapshot() == {Key("own"): WHOLE}


def test_a_pool_whose_processes_do_one_task_each(context, tmp_path):
    registry = Registry(tmp_path / "d")
    with context.Pool(2, maxtasksperchild=1) as pool:
        pool.starmap(pool_workers.record_by_name, [(registry, "churn", chunk) for chunk in CHUNKS], chunksize=1)
        pool.close()
        pool.join()
    assert registry.snapshot() == {Key("churn"): WHOLE}
    assert len(list((tmp_path / "d").iterdir())) == 1


def test_processes_beside_a_parent_that_records(context, tmp_path):
    recorder = Registry(tmp_path / "d").recorder("shared")
    recorder.record_many(CHUNKS[0])  # so many that the parent leases a block before it forks
    children = [context.Process(target=pool_workers.record, args=(recorder, chunk)) for chunk in CHUNKS[1:4]]
    for child in children:
        child.start()
    for value in CHUNKS[4]:
        recorder.record(value)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert recorder.snapshot() == merge(Histogram.from_values(chunk) for chunk in CHUNKS[:5])


def test_a_task_that_is_killed_loses_nothing(context, tmp_path):
    recorder = Registry(tmp_path / "d").recorder("killed")
    with ProcessPoolExecutor(1, mp_context=context) as pool, pytest.raises(BrokenProcessPool):
        pool.submit(pool_workers.record_and_die, recorder, CHUNKS[0]).result()
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(pool_workers.record, recorder, CHUNKS[1]).result()
    assert recorder.snapshot() == merge(Histogram.from_values(chunk) for chunk in CHUNKS[:2])


def test_the_default_registry_of_the_environment(tmp_path, monkeypatch):
    """Code without a directory uses HISTORIAN_DIR, which a process reads when it imports historian."""
    monkeypatch.setenv("HISTORIAN_DIR", str(tmp_path / "d"))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(pool_workers.record_in_default_registry, CHUNKS))
    assert Registry(tmp_path / "d").snapshot() == {Key("default"): WHOLE}


def test_a_recorder_in_memory_cannot_be_sent(context):
    with ProcessPoolExecutor(1, mp_context=context) as pool, pytest.raises(TypeError, match=r"Registry\(directory\)"):
        pool.submit(pool_workers.record, Recorder("private"), [1.0]).result()
