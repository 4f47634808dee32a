"""The growth of each cost with its size: a power law.  Its exponent is 1 for a proportional cost, 0 for a constant."""

from __future__ import annotations

import os
import pickle
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import historian
from historian import Histogram, Recorder, Registry, buckets

from . import memory
from .data import FIVE, latencies
from .figures import Growth
from .peers import Historian
from .timing import Case, interleave, loop, repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

RECORDS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
BUCKETS = (1, 10, 100, 1_000, 6_000)


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    with_records(results)
    with_buckets(results)
    with_count(results)
    with_recorders(results)


def grow(
    results: Results, measure: str, size_of: str, sizes: tuple[int, ...], make: Callable[[int], Callable[[], object]]
) -> None:
    """Time the call that `make(size)` returns at each size, interleaved, and add its growth."""
    cases: list[Case] = []
    for size in sizes:
        function = make(size)
        cases.append(loop(str(size), "function()", repeat=repeats(function), function=function))
    timed = interleave(cases, rounds=7)
    costs = tuple(timed[str(size)].best / 1e3 for size in sizes)
    results.add(Growth(measure, size_of, tuple(map(float, sizes)), costs, "us"))


def spread_over(count: int) -> Histogram:
    """Return a histogram that populates `count` neighbouring buckets."""
    return Histogram.from_values([buckets.upper(i) for i in range(-2048, -2048 + count)])


def with_records(results: Results) -> None:
    """Measure n records: recording grows with n, questions must not."""
    data = latencies(RECORDS[-1])
    grow(results, "record_many", "values", RECORDS, lambda n: partial(Recorder().record_many, data[:n]))
    grow(results, "numpy.sum", "values", RECORDS, lambda n: lambda: data[:n].sum())
    numbers = data[:1_000_000].tolist()

    def singly(n: int) -> Callable[[], object]:
        record, part = Recorder().record, numbers[:n]

        def run() -> None:
            for value in part:
                record(value)

        return run

    grow(results, "record, one by one", "values", RECORDS[:-1], singly)
    histograms = {n: Histogram.from_values(data[:n]) for n in RECORDS}

    def recorder(n: int) -> Recorder:
        rec = Recorder()
        rec.record_many(data[:n])
        return rec

    codec = Historian()
    grow(results, "snapshot", "values recorded", RECORDS, lambda n: recorder(n).snapshot)
    grow(results, "five quantiles", "values recorded", RECORDS, lambda n: partial(histograms[n].quantile, FIVE))
    grow(results, "numpy.quantile, five", "values", RECORDS[:-1], lambda n: lambda: np.quantile(data[:n], FIVE))
    grow(results, "merge of two", "values recorded", RECORDS, lambda n: lambda h=histograms[n]: h + h)
    grow(results, "encode", "values recorded", RECORDS, lambda n: partial(codec.encode, histograms[n]))
    lengths = tuple(float(len(codec.encode(histograms[n]))) for n in RECORDS)
    results.add(Growth("size in bytes", "values recorded", tuple(map(float, RECORDS)), lengths, "B"))


def with_buckets(results: Results) -> None:
    """Measure a histogram of b populated buckets."""
    codec, histograms = Historian(), {b: spread_over(b) for b in BUCKETS}

    def recorder(b: int) -> Recorder:
        rec = Recorder()
        rec.record_many([buckets.upper(i) for i in range(-2048, -2048 + b)])
        return rec

    encoded = {b: codec.encode(histograms[b]) for b in BUCKETS}
    grow(results, "snapshot", "buckets", BUCKETS, lambda b: recorder(b).snapshot)
    grow(results, "five quantiles", "buckets", BUCKETS, lambda b: partial(histograms[b].quantile, FIVE))
    grow(results, "merge of two", "buckets", BUCKETS, lambda b: lambda h=histograms[b]: h + h)
    grow(results, "encode", "buckets", BUCKETS, lambda b: partial(codec.encode, histograms[b]))
    grow(results, "decode", "buckets", BUCKETS, lambda b: partial(codec.decode, encoded[b]))
    lengths = tuple(float(len(encoded[b])) for b in BUCKETS)
    results.add(Growth("size in bytes", "buckets", tuple(map(float, BUCKETS)), lengths, "B"))
    pickled = tuple(float(len(pickle.dumps(histograms[b]))) for b in BUCKETS)
    results.add(Growth("size of the pickle", "buckets", tuple(map(float, BUCKETS)), pickled, "B"))


def with_count(results: Results) -> None:
    """Measure operations on k objects at once."""
    h, ks = Histogram.from_values(latencies(10_000)), (2, 10, 100, 1_000)
    grow(results, "merge of k", "histograms", ks, lambda k: lambda: historian.merge([h] * k))
    qs = {k: np.linspace(0, 1, k) for k in ks}
    grow(results, "k quantiles", "quantiles", ks, lambda k: lambda: h.quantile(qs[k]))
    rec, stalls = Recorder(), (10, 1_000, 100_000, 10_000_000)
    grow(
        results, "record_corrected", "value / interval", stalls, lambda n: lambda: rec.record_corrected(1e-3 * n, 1e-3)
    )


def with_recorders(results: Results) -> None:
    """Measure a registry of r recorders."""
    counts = (1, 10, 100, 1_000)

    def registry(r: int) -> Registry:
        made = Registry()
        for i in range(r):
            made.recorder(f"recorder {i}").record_many(latencies(1_000))
        return made

    grow(results, "Registry.snapshot", "recorders", counts, lambda r: registry(r).snapshot)
    grow(
        results,
        "Registry.recorder, found",
        "recorders",
        counts,
        lambda r: partial(registry(r).recorder, "recorder 0"),
    )
    if os.path.exists(memory.SMAPS):
        sizes = counts[1:]  # the kernel counts whole pages, which is too coarse for one recorder
        costs = tuple(r * memory.run("historian", r, "record")[0] for r in sizes)
        results.add(Growth("resident memory, 1e4 latencies each", "recorders", tuple(map(float, sizes)), costs, "kB"))
        costs = tuple(memory.run("historian", 100, "record_many", n)[0] for n in RECORDS[:-1])
        results.add(Growth("resident memory", "values recorded", tuple(map(float, RECORDS[:-1])), costs, "kB"))
