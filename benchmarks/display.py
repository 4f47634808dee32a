"""What a notebook asks of each object: its HTML, once all that it needs has been imported."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

import numpy as np

from historian import Comparison, Histogram, Registry, compare, merge
from historian.tail import TailWarning

from .data import latencies
from .figures import absolute, row
from .timing import interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

TABLE = "Display"
TARGET = 5  # ms
RECORDERS = 200
BLOCKS = "Comparison of 30 blocks, the first time"  # which resamples: no target
FIRST = "Comparison, the first time", BLOCKS  # which computes intervals


def shown() -> dict[str, object]:
    """Return the objects to show, by description."""
    h, other = (Histogram.from_values(latencies(1_000_000, seed=seed)) for seed in (1, 2))
    registry = Registry()
    for k in range(RECORDERS):
        registry.recorder("http", route=f"/api/v1/{k}").record_many(latencies(1_000, seed=k))
    rows = [[Histogram.from_values(latencies(300, seed=100 * side + k)) for k in range(30)] for side in (1, 2)]
    recorder = registry.recorder("http", route="/")
    recorder.record_many(latencies(100_000))
    return {
        "Histogram of 1e6 latencies": h,
        "Histogram with all buckets": Histogram.from_values(2.0 ** (np.arange(-2048, 4096) / 64)),
        "Recorder of 1e5 latencies": recorder,
        f"Registry of {RECORDERS} recorders": registry,
        f"Profile of {RECORDERS} histograms": registry.profile(),
        "Fanout of 100 calls": h.fanout(100),
        "Dist": h.dist(),
        "Slo": h.slo(0.1, 0.99),
        "Estimate": h.ci(0.99),
        "Estimates, 1,000 of them": h.fanout(range(1, 1_001)).p_wait(0.1),
        "Comparison, shown again": compare(h, other),
        "Comparison of 30 blocks, shown again": Comparison(*map(merge, rows), blocks=zip(*rows)),
    }


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        objects = shown()
        for one in objects.values():
            one._repr_html_()  # imports, and resamples blocks
        cases = [once(name, one._repr_html_) for name, one in objects.items()]
        compared = [one for one in objects.values() if isinstance(one, Comparison)]
        for name, one in zip(FIRST, compared):
            cases.append(once(name, lambda one=one: copy.copy(one)._repr_html_()))
        timed = interleave(cases, rounds=25)
    for name, case in timed.items():
        if name != BLOCKS:
            results.add(absolute(f"_repr_html_() of {name}", TARGET, case, "ms", 1e6))
        results.add(row(TABLE, "historian", name, case, unit="ms", per_unit=1e6))
