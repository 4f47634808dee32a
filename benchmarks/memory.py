"""Resident memory as the kernel counts it, with a separate process for each kind of recorder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figure, Row

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

TABLE = "Resident memory"
SMAPS = "/proc/self/smaps_rollup"  # exact, unlike /proc/self/statm
MANY, FEW = 1_000, 30
TYPICAL = 10_000  # latencies for each recorder


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    if not os.path.exists(SMAPS):
        results.skip(TABLE, f"this system has no {SMAPS}")
        return
    ours = {}
    for count in (1, MANY):
        for what in ("idle", "record", "record_many"):
            kilobytes, own = ours[count, what] = run("historian", count, what)
            shown = f"{count} {'idle' if what == 'idle' else f'each {TYPICAL} x {what}'}"
            results.add(Row(TABLE, "historian", shown, kilobytes, kilobytes, 0.0, "kB"))
    kilobytes, own = ours[MANY, "idle"]
    figure(results, "resident memory of an idle recorder, beyond the object", 4, kilobytes - own)
    for what in ("record", "record_many"):
        kilobytes, own = ours[MANY, what]
        figure(results, f"the same with {TYPICAL} latencies, by {what}", 20, kilobytes - own)
    for peer in peers:
        if peer.name == "historian" or peer.update is None:
            continue
        for what in ("idle", "record"):
            kilobytes, _ = run(peer.name, FEW, what)
            shown = f"{FEW} {'idle' if what == 'idle' else f'each {TYPICAL} x {what}'}"
            results.add(Row(TABLE, peer.name, shown, kilobytes, kilobytes, 0.0, "kB"))


def figure(results: Results, measure: str, target: float, kilobytes: float) -> None:
    """Add a figure that was measured once: the kernel counts pages, which do not vary."""
    kilobytes = max(kilobytes, 0.0)
    results.add(Figure(measure, kilobytes, kilobytes, 0.0, "kB", target))


def run(name: str, count: int, what: str, values: int = TYPICAL) -> tuple[float, float]:
    """Return the kilobytes of each of `count` recorders in a new process, and those of the object itself."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(count), what, str(values)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True)
    kilobytes, own = json.loads(done.stdout.splitlines()[-1])
    return kilobytes, own


def resident() -> int:
    """Return the resident kilobytes of this process."""
    for line in Path(SMAPS).read_text(encoding="utf-8").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise RuntimeError(f"{SMAPS} has no Rss line")


def main(name: str, count: int, what: str, typical: int) -> None:
    """Create the recorders, fill them, and print the memory that each takes."""
    from .data import latencies
    from .peers import ALL

    (peer,) = (peer for peer in ALL if peer.name == name)
    values = latencies(typical)
    numbers = peer.numbers(values)
    peer.filled(values[:1])  # imports, and all else that happens only once
    resident()
    recorders = [None] * count  # type: list[object]
    before = resident()
    for i in range(count):
        recorders[i] = peer.new()
    if what == "record":
        for recorder in recorders:
            update = peer.update(recorder)
            for number in numbers:
                update(number)
    elif what == "record_many":
        for recorder in recorders:
            peer.fill(recorder, values)
    print(json.dumps([(resident() - before) / count, sys.getsizeof(recorders[0]) / 1024]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
