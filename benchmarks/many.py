"""A directory of thousands of recorders: what it takes in time and space, beside prometheus_client's directory.

``python -m benchmarks.many WHAT ...`` does one part in a process of its own: see PARTS.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from historian import Key, Registry
from historian._core import DirectoryFile
from historian._files import reading
from historian._files.header import FILE_NAME, encode

from .data import latencies
from .figures import Figure, Row, absolute, row
from .timing import interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

TABLE = "Thousands of recorders"
MULTIPROCESS = "prometheus_client, multiprocess"
PEERS = "PROMETHEUS_MULTIPROC_DIR"  # the environment variable that names its directory
MANY = 10_000  # recorders in a directory
SHARED = 2_000  # recorders in which PROCESSES processes count
PROCESSES = 8
EACH = 250  # latencies for each recorder and process: they fill nine octaves
MIB = 1 << 20
CLOCK = time.process_time_ns
FRAMES = 5  # of historian top
SMALL = "64m"  # the size of Docker's /dev/shm


def measure(results: Results, peers: list[Peer], folder: str) -> None:
    """Measure all figures of this module, in directories below `folder`."""
    peer: Any = next((peer for peer in peers if peer.name == MULTIPROCESS), None)
    if peer is None:
        _measure(results, None, folder)
        return
    before = os.environ.get(PEERS)
    os.environ[PEERS] = os.path.join(folder, "peers")
    os.mkdir(os.environ[PEERS])
    with peer.files():
        _measure(results, peer, folder)
    del os.environ[PEERS]
    if before is not None:
        os.environ[PEERS] = before


def _measure(results: Results, peer: Any, folder: str) -> None:
    create(results, peer, folder)
    directory = fill(Path(folder, "many"), EACH)
    size(f"space of {MANY:,} recorders of one process, MiB", 64, directory, results)
    read(results, peer, directory)
    top(results, directory)
    shared(results, peer, folder)
    private(results)
    maps(results)
    small(results, folder)


def create(results: Results, peer: Any, folder: str) -> None:
    """Create recorders, and children of a peer's histogram."""
    directory = Path(folder, "create")

    def make() -> None:
        shutil.rmtree(directory, ignore_errors=True)
        registry = Registry(directory)
        for i in range(MANY):
            registry.recorder("operation", kind=i)

    cases = [once("create", make, MANY, CLOCK)]
    if peer is not None:

        def theirs() -> None:
            shutil.rmtree(os.environ[PEERS])
            os.mkdir(os.environ[PEERS])
            with peer.files():  # which are new, as the directory is
                labels = peer.new("kind").labels
                for i in range(SHARED):
                    labels(i)

        cases.append(once(peer.name, theirs, SHARED, CLOCK))
    timed = interleave(cases, rounds=7)
    results.add(absolute("create a recorder", 20, timed["create"], "us", 1e3))
    for who, case in zip(("historian", MULTIPROCESS), timed.values()):
        results.add(row(TABLE, who, "create one, with a label", case, unit="us", per_unit=1e3))


def fill(directory: Path, each: int) -> Path:
    """Record latencies into many recorders."""
    registry, values = Registry(directory), latencies(each)
    for i in range(MANY):
        registry.recorder("operation", kind=i).record_many(values)
    return directory


def read(results: Results, peer: Any, directory: Path) -> None:
    """Read a directory from outside: the first time, again, and what a peer does for a scrape; open it to count."""
    registry = Registry(directory)

    def first() -> None:
        reading._known.clear()  # as in a process that has read nothing so far
        registry.snapshot()

    cases = [
        once("first", first, clock=CLOCK),
        once("again", registry.snapshot, clock=CLOCK),
        once("open", lambda: _open(directory), clock=CLOCK),
    ]
    timed = interleave(cases, rounds=20)
    results.add(absolute(f"snapshot of {MANY:,} recorders from outside, the first", 100, timed["first"], "ms", 1e6))
    results.add(absolute("the same again", 100, timed["again"], "ms", 1e6))
    results.add(absolute("opening them in a new process, and finding one", 15, timed["open"], "ms", 1e6))
    what = f"snapshot of {MANY:,} from outside"
    results.add(row(TABLE, "historian", what, timed["again"], unit="ms", per_unit=1e6))
    if peer is None:
        return
    seconds, mib = json.loads(_part("scrape", str(MANY)))
    results.add(Row(TABLE, MULTIPROCESS, what, 1e3 * min(seconds), 1e3 * sorted(seconds)[1], 0.0, "ms"))
    results.add(Row(TABLE, MULTIPROCESS, f"space of {MANY:,}, one process", mib, mib, 0.0, "MiB"))


def _open(directory: Path) -> None:
    """Open the file anew, as another process does."""
    path = directory / FILE_NAME
    fd = os.open(path, os.O_RDWR)
    file = DirectoryFile(fd, str(path))
    os.close(fd)
    assert file.find(encode(Key("operation", kind=MANY - 1))) == MANY - 1


def top(results: Results, directory: Path) -> None:
    """Watch all recorders with ``historian top`` at its default interval, while a process records into each of them."""
    recording = subprocess.Popen([sys.executable, "-m", "benchmarks.many", "record", str(directory)], cwd=_root())
    try:
        used = [_seconds_of_top(directory, frames) for frames in (1, 1 + FRAMES)]
    finally:
        recording.kill()
        recording.wait()
    share = (used[1] - used[0]) / FRAMES
    results.add(Figure(f"historian top of {MANY:,} recorders: share of one core", share, share, 0.0, "", 0.25))


def _seconds_of_top(directory: Path, frames: int) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "historian", "top", str(directory), "--count", str(frames)]
    subprocess.run(command, cwd=_root(), stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shared(results: Results, peer: Any, folder: str) -> None:
    """Count in many recorders from several processes, each of which has its own counters."""
    directory = Path(folder, "shared")
    registry, values = Registry(directory), latencies(EACH)
    recorders = [registry.recorder("operation", kind=i) for i in range(SHARED)]
    together(lambda: [rec.record_many(values) for rec in recorders])
    size(f"space of {SHARED:,} recorders of {PROCESSES} processes, MiB", 100, directory, results)
    if peer is None:
        return
    child = peer.new("kind")
    before = _taken(Path(os.environ[PEERS]))
    together(lambda: [child.labels(i).observe(0.01) for i in range(SHARED)])
    mib = _taken(Path(os.environ[PEERS])) - before
    results.add(Row(TABLE, MULTIPROCESS, f"space of {SHARED:,}, {PROCESSES} processes", mib, mib, 0.0, "MiB"))


def together(work: Callable[[], object]) -> None:
    """Do some work in several processes, all of which live until the last one has done it."""
    gates, children = [os.pipe() for _ in range(2)], []
    for _ in range(PROCESSES):
        children.append(os.fork())
        if children[-1] == 0:
            work()
            os.write(gates[0][1], b"x")
            os.close(gates[1][1])
            os.read(gates[1][0], 1)
            os._exit(0)
    for _ in children:
        os.read(gates[0][0], 1)
    os.close(gates[1][1])
    for child in children:
        os.waitpid(child, 0)


def size(measure: str, target: float, directory: Path, results: Results) -> None:
    """Add a figure of the space that a directory takes."""
    mib = _taken(directory)
    results.add(Figure(measure, mib, mib, 0.0, "", target))
    results.add(Row(TABLE, "historian", measure.removesuffix(", MiB"), mib, mib, 0.0, "MiB"))


def _taken(directory: Path) -> float:
    return sum(path.stat().st_blocks * 512 for path in directory.iterdir()) / MIB


def private(results: Results) -> None:
    """Measure the resident memory of many recorders in private memory."""
    mib = float(_part("private", str(EACH)))
    results.add(Figure(f"{MANY:,} private recorders, MiB resident", mib, mib, 0.0, "", 64))
    results.add(Row(TABLE, "historian", f"{MANY:,} private recorders", mib, mib, 0.0, "MiB"))


def maps(results: Results) -> None:
    """Count the maps and descriptors that more recorders take."""
    if not os.path.exists("/proc/self/maps"):
        results.skip("maps and descriptors", "this system has no /proc")
        return
    more = int(_part("maps"))
    results.add(Figure(f"maps and descriptors: {MANY:,} recorders more than 1", more, more, 0.0, "", 0))


def small(results: Results, folder: str) -> None:
    """Fill a file system of the size of Docker's /dev/shm."""
    disk = Path(folder, "small")
    disk.mkdir()
    run = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={SMALL} none "$0" && exec "$@"', str(disk)]
    if not shutil.which("unshare") or subprocess.run([*run, "true"], capture_output=True, check=False).returncode:
        results.skip("a file system of 64 MB", "needs unshare, and the right to mount a file system")
        return
    number = int(_part("full", str(disk / "d"), before=run))
    results.add(Figure("recorders in a tmpfs of 64 MB, until it is full", number, number, 0.0, "", MANY, "at least"))


# ---- parts with a process of their own ----


def _root() -> Path:
    return Path(__file__).parents[1]


def _part(*arguments: str, before: list[str] | None = None) -> str:
    command = [*(before or []), sys.executable, "-m", "benchmarks.many", *arguments]
    return subprocess.run(command, cwd=_root(), check=True, capture_output=True, text=True).stdout.splitlines()[-1]


def part_record(directory: str) -> None:
    """Record into every recorder, twice a second, until this process is killed or its parent has ended."""
    registry, parent = Registry(directory), os.getppid()
    recorders = [registry.recorder("operation", kind=i) for i in range(MANY)]
    while os.getppid() == parent:
        for rec in recorders:
            rec.record_many([0.001, 0.002, 0.05])
        time.sleep(0.5)


def part_private(each: str) -> None:
    """Print the resident memory of many private recorders, in MiB."""
    from .memory import resident

    registry, values = Registry(), latencies(int(each))
    registry.recorder("first").record_many(values)
    before = resident()
    for i in range(MANY):
        registry.recorder("operation", kind=i).record_many(values)
    print((resident() - before) / 1024)


def part_maps() -> None:
    """Print how many more maps of the file and descriptors there are after more recorders."""
    import tempfile

    def now() -> int:
        with open("/proc/self/maps", encoding="utf-8") as lines:
            return sum(line.rstrip().endswith(FILE_NAME) for line in lines) + len(os.listdir("/proc/self/fd"))

    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(folder)
        registry.recorder("operation", kind=0).record(1.0)
        before = now()
        for i in range(1, MANY):
            registry.recorder("operation", kind=i).record(1.0)
        registry.snapshot()
        print(now() - before)


def part_full(directory: str) -> None:
    """Print how many recorders a file system has space for; all that was recorded must be there."""
    registry, values, number = Registry(directory), latencies(EACH), 0
    while True:
        try:
            rec = registry.recorder("operation", kind=number)
        except OSError:
            break
        rec.record_many(values)
        number += 1
    assert registry.snapshot().total().count == number * EACH
    print(number)


def part_scrape(number: str) -> None:
    """Print the seconds of three scrapes of a peer's directory, and its size in MiB."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    from .peers import ALL

    peer: Any
    (peer,) = (peer for peer in ALL if peer.name == MULTIPROCESS)
    directory, seconds = os.environ[PEERS] + "-scraped", []
    os.mkdir(directory)
    os.environ[PEERS] = directory
    with peer.files():
        histogram = peer.new("kind")
        for i in range(int(number)):
            histogram.labels(i).observe(0.01)
    collector: Any = MultiProcessCollector(CollectorRegistry(), directory)
    for _ in range(3):
        began = CLOCK()
        assert list(collector.collect())
        seconds.append((CLOCK() - began) / 1e9)
    print(json.dumps([seconds, _taken(Path(directory))]))


PARTS = {
    "record": part_record,
    "private": part_private,
    "maps": part_maps,
    "full": part_full,
    "scrape": part_scrape,
}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
