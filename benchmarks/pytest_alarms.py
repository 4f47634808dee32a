"""How often a suite of 20 tests fails by --latency-baseline although nothing has changed; how large a change is found.

``python -m benchmarks.pytest_alarms`` simulates and measures, in about ten minutes.  ``simulate`` and ``measure N`` do
one of both.  The measurement starts pytest again and again: each run is compared with the runs before, of which the
latest 20 count, and is then saved.  So baselines are different ones.  Other things should run on the machine, too.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from historian.meters.pytest._alarm import Pair, Rule
from historian.meters.pytest._baseline import KEPT

TESTS = 20
RUNS = 200
SHARE = 0.01  # the rate that is asked for
SUITE = """
import bisect, hashlib, json, random, re, threading, time
import pytest

pytestmark = pytest.mark.latency(seconds={seconds}, calls=2_000)
TEXT = "the quick brown fox " * 50
NUMBERS = [random.Random(1).random() for _ in range(2_000)]
ORDERED = sorted(NUMBERS)
TABLE = {{str(k): k for k in range(1_000)}}
LOCK = threading.Lock()


def allocate():
    return [[k] for k in range(2_000)]


def locked():
    with LOCK:
        return None


WORKS = {{
    "add": lambda: sum(range(100)),
    "add_more": lambda: sum(range(10_000)),
    "sort": lambda: sorted(NUMBERS),
    "search": lambda: bisect.bisect(ORDERED, 0.5),
    "split": lambda: TEXT.split(),
    "join": lambda: "-".join(TABLE),
    "regex": lambda: re.findall("q[a-z]+", TEXT),
    "json_dump": lambda: json.dumps(TABLE),
    "json_load": lambda: json.loads('{{"a": [1, 2, 3], "b": "c"}}'),
    "hash": lambda: hashlib.sha256(b"x" * 10_000).digest(),
    "hash_more": lambda: hashlib.sha256(b"x" * 1_000_000).digest(),
    "copy": lambda: list(NUMBERS),
    "dictionary": lambda: {{key: value + 1 for key, value in TABLE.items()}},
    "allocate": allocate,
    "lock": locked,
    "format": lambda: [f"{{k:>10.3f}}" for k in range(100)],
    "wait": lambda: time.sleep(0.0005),
    "wait_more": lambda: time.sleep(0.002),
    "yield": lambda: time.sleep(0),
    "read": lambda: open(__file__).read(),
}}


@pytest.mark.parametrize("name", WORKS)
def test(latency, name):
    work = WORKS[name]
    if {slower!r} == name:
        latency.options(name=name)(lambda: [work() for _ in range({times})])
    else:
        latency.options(name=name)(work)
"""


class World(NamedTuple):
    """How runs differ, as logarithms.  All spreads are standard deviations."""

    name: str
    own: float  # of a test from run to run; a test has 0.3 to 2 times as much
    speed: float = 0.0  # of the machine from run to run; a tenth of it remains beside the reference
    memory: float = 0.0  # correlation of a run with the one before
    burst: float = 0.0  # probability that a test of a run is slower, on average by three times its own spread
    lasts: bool = False  # whether a burst is still there when the measurement is repeated

    def draw(self, rng: np.random.Generator, runs: int) -> np.ndarray:
        """Return the logarithms of saved runs and of three attempts of a new one: (runs + 3, tests, 2)."""
        spread = self.own * rng.uniform(0.3, 2, (1, TESTS, 1))
        own, speed = (self._series(rng, (runs + 1, n, m)) for n, m in ((TESTS, 2), (1, 1)))
        logs = spread * own + self.speed * speed * np.array([1.0, 0.1])
        logs = np.concatenate([logs, logs[-1:], logs[-1:]])
        bursts = np.where(rng.random(logs.shape[:2]) < self.burst, rng.exponential(3, logs.shape[:2]), 0)
        if self.lasts:
            bursts[-2:] = bursts[-3]
        return logs + spread * bursts[..., None]

    def _series(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        noise = rng.normal(size=shape)
        for k in range(1, len(noise)):
            noise[k] = self.memory * noise[k - 1] + math.sqrt(1 - self.memory**2) * noise[k]
        return noise


WORLDS = (
    World("alike runs: 3 %", 0.03),
    World("noisy runs: 15 %", 0.15),
    World("the speed of the machine changes by 30 %", 0.03, 0.3),
    World("speed and tests drift, correlation 0.8", 0.05, 0.2, 0.8),
    World("bursts in a tenth of all measurements", 0.05, 0.1, burst=0.1),
    World("the same, and they outlast repetitions", 0.05, 0.1, burst=0.1, lasts=True),
    World("noisy runs with bursts that last", 0.15, 0.1, burst=0.05, lasts=True),
)


def simulate(sets: int = 500) -> None:
    """Print the share of simulated suites in which a test alarms, in each of its three measurements."""
    print("| how runs differ | 5 saved runs | 10 | 20 |\n|---|--:|--:|--:|")
    for world in WORLDS:
        rng, cells = np.random.default_rng(1), []
        for runs in (5, 10, 20):
            each = [alarmed(world.draw(rng, runs), runs) for _ in range(sets)]
            cells.append(f"{sum(map(bool, each)) / sets:.2%}")
        print(f"| {world.name} | {' | '.join(cells)} |", flush=True)


def power(sets: int = 200) -> None:
    """Print the share of simulated changes of one test that alarm, if runs differ by 7 %."""
    print("\n| times slower | 5 saved runs | 10 | 20 |\n|---|--:|--:|--:|")
    for times in (1.3, 1.5, 1.75, 2.0, 3.0):
        rng, cells = np.random.default_rng(2), []
        for runs in (5, 10, 20):
            found = 0
            for _ in range(sets):
                logs = 0.07 * rng.normal(size=(runs + 3, TESTS, 2))
                logs[runs:, 0] += math.log(times)
                found += 0 in alarmed(logs, runs)
            cells.append(f"{found / sets:.0%}")
        print(f"| {times:g} | {' | '.join(cells)} |", flush=True)


def alarmed(logs: np.ndarray, runs: int) -> list[int]:
    """Return the tests that alarm in each of the attempts after the saved runs."""
    tests = [[{"p50": Pair(*run)} for run in logs[:, test].tolist()] for test in range(logs.shape[1])]
    rule = Rule.of([one[:runs] for one in tests], SHARE)
    return [k for k, one in enumerate(tests) if all(rule.alarms(one[:runs], new, 0.25) for new in one[runs:])]


def measure(runs: int = RUNS, seconds: float = 0.08) -> None:
    """Run the suite again and again without a change, then with one test that takes longer, and print what alarms."""
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder, "test_suite.py")
        suite.write_text(SUITE.format(seconds=seconds, slower="", times=1), encoding="utf-8")
        for _ in range(KEPT):
            run(folder, "--latency-save", "main")
        failed, began = [], time.monotonic()
        for number in range(runs):
            out = run(folder, "--latency-save", "main", "--latency-baseline", "main")
            if "failed" in out:
                failed.append(out)
                print(*(line for line in out.splitlines() if line.startswith("E ")), sep="\n", flush=True)
            if number % 10 == 9:
                print(f"{number + 1} runs, {len(failed)} alarmed, {time.monotonic() - began:.0f} s", flush=True)
        high = 1 - (0.05 ** (1 / runs)) if not failed else math.nan
        print(f"A/A: {len(failed)} of {runs} runs of {TESTS} tests alarmed, {len(failed) / runs:.1%}")
        print(f"  upper bound at 95 %: {high:.1%}" if not failed else "")
        for times in (2, 3):
            found = []
            for name in ("add", "sort", "json_dump", "hash", "copy"):
                suite.write_text(SUITE.format(seconds=seconds, slower=name, times=times), encoding="utf-8")
                out = run(folder, "--latency-baseline", "main", "-k", name)
                found.append(f"{name} is slower" in out)
            print(
                f"{times} times slower: {sum(found)} of {len(found)} found, {statistics.fmean(found):.0%}", flush=True
            )


def run(folder: str, *options: str) -> str:
    """Run the suite, and return what pytest prints."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *options]
    if not installed():
        command[3:3] = ["-p", "historian.meters.pytest._plugin"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=dict(os.environ))
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def installed() -> bool:
    """Return whether pytest finds the plugin by itself."""
    from importlib.metadata import entry_points

    return "latency" in entry_points(group="pytest11").names


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or [""]
    if what in ("", "simulate"):
        simulate()
        power()
    if what in ("", "measure"):
        measure(*map(int, numbers))
