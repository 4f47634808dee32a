"""The live page: the processor time of ``historian serve`` while a page is open, in percent of one core."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from historian import Registry

from .data import latencies
from .figures import absolute
from .timing import Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

RECORDERS = 1_000
EACH = 100  # latencies of each recorder in a second
SECONDS = 12  # that are measured
TARGET = 5  # percent of a core
PERCENT = 1e7  # ns of processor time in a second


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    if not Path("/proc/self/schedstat").exists():
        results.skip("the live page", "this system does not tell the processor time of another process")
        return
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        with Service(folder / "many"), serving(folder / "many") as process:
            url = address(process)
            for rows, what in ((100, "as it opens"), (RECORDERS, "all rows shown")):
                case = Case(what, lambda: 0.0, polled(process.pid, lambda rows=rows: poll(url, rows)))
                measure_ = f"live page, {RECORDERS:,} recorders, {what}: of a core"
                results.add(absolute(measure_, TARGET, case, "%", PERCENT))
            process.terminate()
    finally:
        shutil.rmtree(folder)


class Service:
    """Records into a directory, in a thread, so that every recorder has counted between two looks."""

    def __init__(self, directory: Path) -> None:
        registry = Registry(directory)
        self._records = [
            registry.recorder("http.request", method="GET", route=f"/api/v1/{k}").record_many for k in range(RECORDERS)
        ]
        self._values = [latencies(EACH, seed) for seed in range(1, 51)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        turn = 0
        while not self._stop.is_set():
            due = time.monotonic() + 1
            for k, record in enumerate(self._records):
                record(self._values[(k * 7 + turn) % len(self._values)])
            turn += 1
            self._stop.wait(max(0.0, due - time.monotonic()))

    def __enter__(self) -> Service:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()


def serving(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "historian", "serve", str(directory), "--port", "0"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    while " is ready" not in (line := process.stderr.readline()):
        assert line, "historian serve has ended"
    return line.split()[2]


def polled(pid: int, poll: Callable[[], int]) -> list[float]:
    """Return the processor time of a process in each second, in ns, while a page asks once a second.

    `poll` returns the number of the look at all recorders: there must have been one in each second.
    """
    number = poll()  # imports
    time.sleep(1)
    found = []
    for _ in range(SECONDS):
        before, due = processor_time(pid), time.monotonic() + 1
        last, number = number, poll()
        assert number > last, "the server did not look again"
        time.sleep(max(0.0, due - time.monotonic()))
        found.append(float(processor_time(pid) - before))
    return found


def processor_time(pid: int) -> int:
    """Return the processor time that all threads of a process have had, in ns."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def poll(url: str, rows: int) -> int:
    """Ask what a page asks in a second; return the number of the look."""
    table = ask(f"{url}table.json?rows={rows}")
    found = table["tables"][0]["rows"]
    assert len(found) == rows and table["recorders"] == RECORDERS
    id, number = found[0]["id"], table["number"]
    assert len(ask(f"{url}recorder.json?id={id}&after={number - 1}")["columns"]) <= 2
    assert ask(f"{url}wait.json?id={id}&n=100&t=p99")["share"]["value"] > 0
    return int(number)


def ask(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        data = answer.read()
        return json.loads(gzip.decompress(data) if answer.headers["Content-Encoding"] == "gzip" else data)
