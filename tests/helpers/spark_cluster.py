"""A standalone cluster of Spark on loopback: a master and workers, stopped by their process ids.

Raises ImportError where there is no Java.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import pyspark

if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    raise ImportError("Spark needs Java, which is not installed")

#: Seconds after which a process that doesn't answer is an error.
PATIENCE = 120


class Cluster:
    """Starts a master and a number of workers with one core each, on ports that the system picks."""

    url: str  # of the master
    workers: list[subprocess.Popen[bytes]]

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.wanted, self.workers = folder, workers, []
        self.master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        try:
            self.master, log = self._start("master.Master", "master")
            self.url = found(log, r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
            for number in range(self.wanted):
                options = ("--cores", "1", "--memory", "1g", "--work-dir", str(self.folder / f"work-{number}"))
                worker, log = self._start("worker.Worker", f"worker-{number}", *options, self.url)
                self.workers.append(worker)
                found(log, r"(Successfully registered with master)")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self, daemon: str, name: str, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a process of Spark, and return it with the file of what it says."""
        log = self.folder / f"{name}.log"
        home = Path(pyspark.__file__).parent
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{daemon}"]
        address = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, *address, *options], stdout=file, stderr=file, env=environment(), cwd=self.folder
            )
        return process, log

    def _stop(self) -> None:
        """Stop what still runs.  A worker that is asked to end stops its executor."""
        processes = [*self.workers, *([self.master] if self.master else [])]
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment() -> dict[str, str]:
    """Return the environment of Spark's processes: on loopback, and with this Python."""
    home = str(Path(pyspark.__file__).parent)
    return {
        **os.environ,
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def found(log: Path, pattern: str) -> str:
    """Return what a process says sooner or later."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        match = re.search(pattern, log.read_text(errors="replace"))
        if match:
            return match[1]
        time.sleep(0.05)
    raise TimeoutError(f"nothing in {log} looks like {pattern}: {log.read_text(errors='replace')[-2000:]}")


def kill(pid: int) -> None:
    """End a process at once, as a machine that fails would."""
    os.kill(pid, signal.SIGKILL)
