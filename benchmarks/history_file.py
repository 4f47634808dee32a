"""Files of history: the bytes of a day, the time of a writer, opening a day and reading an hour of it.

1,000 recorders are written every 10 s, under three loads.  The bytes of a day are those of `SAMPLE` intervals, times
8,640 over their number: they all hold as many values.  The day's file that is read has 8,640 intervals.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

from historian import History, Registry
from historian._history.bodies import Part, part_body
from historian._history.frames import INTERVAL
from historian._history.reading import open_source
from historian._history.session import Session
from historian._history.writing import FileLog
from historian.buckets import BUCKETS_PER_OCTAVE

from .figures import Figure, Row, absolute
from .timing import interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .peers import Peer
    from .results import Results

RECORDERS = 1_000
STEP = 10 * 10**9  # nanoseconds
DAY = 8_640  # intervals
SAMPLE = 60  # intervals that are written to measure
GB, MB = 1e9, 1e6
BEGIN = 1_767_225_600 * 10**9  # 2026-01-01T00:00Z
#: Calls a second of all recorders: in a service, most routes are rare.  Then loads that fill all recorders alike: more
#: values take more bytes, as the noise in their counts has more bits.
SERVICE = 3_000
BUSY = (30_000, 100_000)
TARGET = 1.5  # GB of a day
SIGMA = 1.0  # standard deviation of the logarithm of a recorder's values
#: Bits of a histogram's minimum, maximum and sum, float64, that its counts leave open: they tell 6 of the 52 bits of
#: both extremes, and 12 of those of the sum of a thousand values.
OPEN_BITS = 46 + 46 + 40


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "sample.history")
        write(results, sample, f"{SERVICE:,} calls/s", zipf(SERVICE))
        for calls in BUSY:
            even = np.full(RECORDERS, calls / RECORDERS)
            write(results, os.path.join(folder, f"{calls}.history"), f"{calls:,} calls/s, evenly", even)
            least = (noise_nbytes(calls / RECORDERS * STEP / 1e9) + OPEN_BITS / 8) * RECORDERS * DAY / GB
            what = f"{calls:,} calls/s, evenly: a day, by the entropy of its counts"
            results.add(Row("Histories", "no format is smaller", what, least, least, 0.0, "GB"))
        day(results, sample, os.path.join(folder, "day.history"))


def zipf(calls: float) -> NDArray[np.float64]:
    """Return the calls a second of each recorder: those of the k-th are a k-th of those of the first."""
    shares = 1 / np.arange(1, RECORDERS + 1)
    found: NDArray[np.float64] = calls * shares / shares.sum()
    return found


def noise_nbytes(values: float) -> float:
    """Return the entropy of the counts of a histogram of about so many lognormal values, in bytes.

    Counts are Poisson variables, of which even one who knew the distribution would have to write down so much.
    """
    edges = np.arange(-10 * BUCKETS_PER_OCTAVE, 10 * BUCKETS_PER_OCTAVE + 1) * math.log(2) / BUCKETS_PER_OCTAVE / SIGMA
    below = [0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges]
    bits = 0.0
    for mean in np.diff(below) * values:
        log_p = -mean
        for count in range(int(mean + 12 * math.sqrt(mean) + 30)):
            bits -= math.exp(log_p) * log_p / math.log(2)
            log_p += math.log(mean) - math.log(count + 1)
    return bits / 8


class Clock:
    """A clock of both kinds that goes on when it is told to."""

    def __init__(self) -> None:
        self.ns = BEGIN

    def __call__(self) -> int:
        return self.ns


def write(results: Results, path: str, what: str, rates: NDArray[np.float64]) -> None:
    """Write intervals; add the bytes of a day, and the share of one core."""
    from historian._history.clock import Clock as Time

    generator, registry, clock = np.random.default_rng(1), Registry(), Clock()
    recorders = [
        registry.recorder("http.request", method="GET", route=f"/api/v1/resource{k}", status=200)
        for k in range(RECORDERS)
    ]
    medians = generator.normal(-6, 1, RECORDERS)
    log = FileLog(path)
    session = Session(registry.snapshot, log, STEP, Time(wall=clock, monotonic=clock))
    empty = os.path.getsize(path)
    shares = []
    for _ in range(SAMPLE):
        for recorder, median, count in zip(recorders, medians, generator.poisson(rates * STEP / 1e9)):
            recorder.record_many(generator.lognormal(median, SIGMA, count))
        clock.ns += STEP
        began = time.process_time_ns()
        session.look()
        shares.append((time.process_time_ns() - began) / STEP)
    log.close()
    gigabytes = (os.path.getsize(path) - empty) / SAMPLE * DAY / GB
    name = f"history of {RECORDERS:,} recorders every 10 s, {what}"
    results.add(Figure(f"{name}: a day, GB", gigabytes, gigabytes, 0.0, "", TARGET))
    shares.sort()
    spread = (shares[SAMPLE * 3 // 4] - shares[SAMPLE // 4]) / shares[SAMPLE // 2]
    results.add(Figure(f"{name}: share of one core", shares[SAMPLE // 20], shares[SAMPLE // 2], spread, "", 0.01))


def day(results: Results, sample: str, path: str) -> None:
    """Make a day's file of the intervals of a sample; open it, read an hour of it, and a day of one recorder."""
    source = open_source(sample)
    log = FileLog(path, sync=False)
    for k in range(SAMPLE):
        log.copy(BEGIN + k * STEP, BEGIN + (k + 1) * STEP, source.blobs(k))
    bodies = [
        part_body(Part({log._numbers[key]: blob for key, blob in source.blobs(k).items()}, {})) for k in range(SAMPLE)
    ]
    for k in range(SAMPLE, DAY):
        log._frames([(INTERVAL, bodies[k % SAMPLE], BEGIN + k * STEP, BEGIN + (k + 1) * STEP)])
    log.close()
    hour = ("2026-01-01T12:00Z", "2026-01-01T13:00Z")
    name = next(iter(source.load(0))).labels[1][1]

    def one_hour() -> int:
        return History.open(path).between(*hour).total().count

    def one_recorder() -> int:
        return History.open(path).between(*hour).select(route=name).total().count

    cases: list[tuple[str, Callable[[], object], float]] = [
        ("open a day's file of history", lambda: History.open(path), 200),
        ("open it, and merge an hour of all recorders", one_hour, 5_000),
        ("open it, and merge an hour of one recorder", one_recorder, 2_000),
    ]
    timed = interleave([once(name, function, clock=time.process_time_ns) for name, function, _ in cases], rounds=5)
    for name, _, target in cases:
        results.add(absolute(name, target, timed[name], "ms", MB))
