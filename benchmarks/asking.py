"""Snapshot, quantiles, merge, encode, decode, and the size of the bytes."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING

import numpy as np

from historian import Histogram, Recorder

from .data import ASKED, FIVE, errors, latencies
from .figures import Row, absolute, row
from .timing import ROUNDS, Case, interleave, loop, once, repeats

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

MILLION = 1_000_000
SNAPSHOT, QUANTILES, MERGE, SENT = "Snapshot", "Quantiles", "Merge", "Encode and decode"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    targets(results)
    snapshots(results)
    numpy_quantiles(results)
    for what in (quantiles, merges, encodes):
        what(results, peers)


def targets(results: Results) -> None:
    """Measure a histogram of a million latencies, in about 800 buckets."""
    rec = Recorder()
    rec.record_many(latencies(MILLION))
    h, other = rec.snapshot(), Histogram.from_values(latencies(MILLION, seed=2))
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("snapshot", "rec.snapshot()", repeat=500, rec=rec),
            loop("five", "h.quantile(five)", repeat=500, h=h, five=FIVE),
            loop("merge", "h + other", repeat=500, h=h, other=other),
        ],
        rounds=2 * ROUNDS,
    )
    for measure, target, name in (
        ("five quantiles of a Histogram", 5, "five"),
        ("snapshot()", 5, "snapshot"),
        ("merge of two histograms", 4, "merge"),
    ):
        results.add(absolute(measure, target, cases[name], "us", 1e3, cases["loop"]))


def snapshots(results: Results) -> None:
    """Measure snapshots of recorders that were filled in different ways, and a drain."""
    data = latencies(100_000)
    idle, many, single = Recorder(), Recorder(), Recorder()
    many.record_many(data)
    for value in data.tolist():
        single.record(value)
    cases = {"of an idle recorder": idle, "after record_many of 1e5": many, "after 1e5 times record": single}
    timed = interleave([loop(name, "rec.snapshot()", repeat=500, rec=rec) for name, rec in cases.items()])
    for name, case in timed.items():
        results.add(row(SNAPSHOT, "historian", name, case, unit="us", per_unit=1e3))
    timed = interleave([loop("drain", "record(1.5); rec.drain()", repeat=500, rec=idle, record=idle.record)])
    results.add(row(SNAPSHOT, "historian", "drain() of one record", timed["drain"], unit="us", per_unit=1e3))


def numpy_quantiles(results: Results) -> None:
    """Measure the cost of an answer if every value has been kept."""
    data = latencies(100_000)
    off = errors(data, np.quantile(data, ASKED, method="inverted_cdf").tolist())
    cases = [
        once("one", lambda: np.quantile(data, 0.99, method="inverted_cdf")),
        once("five", lambda: np.quantile(data, FIVE, method="inverted_cdf")),
    ]
    for what, case in interleave(cases, rounds=9).items():
        results.add(row(QUANTILES, "numpy.quantile of all values", what, case, unit="us", per_unit=1e3, errors=off))


def timed_calls(calls: dict[str, tuple[object, ...]], rounds: int = 9) -> dict[str, Case]:
    """Time each ``function(*arguments)``, as many times in a round as its duration allows."""
    cases = []
    for name, (function, *arguments) in calls.items():
        repeat = repeats(lambda function=function, arguments=arguments: function(*arguments))
        names = {f"a{i}": argument for i, argument in enumerate(arguments)}
        cases.append(loop(name, f"function({', '.join(names)})", repeat=repeat, function=function, **names))
    return interleave(cases, rounds)


def quantiles(results: Results, peers: list[Peer]) -> None:
    """Measure one quantile, and five, of a hundred thousand latencies."""
    data, calls, off = latencies(100_000), {}, {}
    for peer in peers:
        frozen = None if peer.update is None else peer.freeze(peer.filled(data))
        ask = frozen and peer.ask(frozen)
        if not ask:
            continue
        off[peer.name] = errors(data, peer.quantiles(frozen))
        one, five = (99.0, [q * 100 for q in FIVE]) if peer.percent else (0.99, FIVE)
        calls[f"{peer.name}|one"] = (ask, one)
        calls[f"{peer.name}|five"] = (ask, five) if peer.name == "historian" else (_each, ask, five)
    for name, case in timed_calls(calls).items():
        who, what = name.split("|")
        results.add(row(QUANTILES, who, what, case, unit="us", per_unit=1e3, errors=off[who]))


def _each(ask, qs):
    return [ask(q) for q in qs]


def merges(results: Results, peers: list[Peer]) -> None:
    """Measure a merge of two halves of 100,000 latencies; some libraries change the left one, historian does not."""
    data, calls, off = latencies(100_000), {}, {}
    for peer in peers:
        if peer.merge is None or peer.update is None:
            continue
        left, right = (peer.freeze(peer.filled(half)) for half in (data[:50_000], data[50_000:]))
        merged = peer.merge(left, right)
        off[peer.name] = errors(data, peer.quantiles(merged))
        calls[peer.name] = (peer.merge, left, right)
    for who, case in timed_calls(calls).items():
        results.add(row(MERGE, who, "two, of 5e4 latencies each", case, unit="us", per_unit=1e3, errors=off[who]))


def encodes(results: Results, peers: list[Peer]) -> None:
    """Measure encoding and decoding, in each library's own format, or as a pickle if it has none."""
    data, calls, sizes, off = latencies(100_000), {}, {}, {}
    for peer in peers:
        if peer.encode is None or peer.update is None:
            continue
        frozen = peer.freeze(peer.filled(data))
        encoded = peer.encode(frozen)
        sizes[peer.name] = len(encoded)
        off[peer.name] = errors(data, peer.quantiles(peer.decode(encoded)))
        calls[f"{peer.name}|encode"] = (peer.encode, frozen)
        calls[f"{peer.name}|decode"] = (peer.decode, encoded)
    for name, case in timed_calls(calls).items():
        who, what = name.split("|")
        results.add(row(SENT, who, what, case, unit="us", per_unit=1e3, errors=off[who] if what == "decode" else None))
    for who, size in sizes.items():
        results.add(Row(SENT, who, "size of 1e5 latencies", size, size, 0.0, "B"))
    h = Histogram.from_values(data)
    results.add(Row(SENT, "historian", "size of the pickle", *[float(len(pickle.dumps(h)))] * 2, 0.0, "B"))
    assert math.isclose(h.sum, float(data.sum()), rel_tol=1e-12)
