"""Histograms on a cluster of Spark of which processes are killed in the middle of a job."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from historian import Histogram

pytest.importorskip("historian.engines.spark", reason="PySpark is not installed", exc_type=ImportError)
spark_cluster = pytest.importorskip("spark_cluster", reason="Spark needs Java", exc_type=ImportError)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_an_executor_and_a_worker_are_killed(tmp_path: Path) -> None:
    """The first dies while rows are read.  The second takes with it blobs which others were about to merge."""
    rows = 60_000
    with spark_cluster.Cluster(tmp_path, workers=2) as cluster:
        job = Path(__file__).parents[1] / "helpers" / "spark_job.py"
        with subprocess.Popen(
            [sys.executable, str(job), cluster.url, str(tmp_path), str(rows)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=spark_cluster.environment(), text=True,
        ) as process:  # fmt: skip
            try:
                spark_cluster.kill(executors(tmp_path, "map", 2, process)[0])
                (tmp_path / "go-map").touch()
                second = executors(tmp_path, "reduce", 2, process)
                lost = cluster.workers[0]
                theirs = [pid for pid in second if parent_of(pid) == lost.pid]
                spark_cluster.kill(lost.pid)
                spark_cluster.kill(*theirs)
                (tmp_path / "go-reduce").touch()
                out, problems = process.communicate(timeout=150)
            finally:
                process.kill()
    assert process.returncode == 0, problems[-3000:]
    assert problems.count("Lost executor") >= 2
    found = {int(key): Histogram.from_bytes(bytes.fromhex(blob)) for key, blob in json.loads(out).items()}
    assert found == {key: Histogram.from_values(np.arange(key, rows, 10) / 7) for key in range(10)}


def executors(folder: Path, stage: str, count: int, process: subprocess.Popen[str]) -> list[int]:
    """Return the process ids of executors that wait in a stage, when there are so many."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        found = sorted(int(path.name.rpartition("-")[2]) for path in folder.glob(f"{stage}-*"))
        if len(found) >= count:
            return found
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no {count} executors came to {stage}: {process.communicate()[1][-3000:]}")


def parent_of(pid: int) -> int:
    """Return the process id of an executor's worker."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
