"""Histograms as bytes: their size, and the time to merge ten thousand of them as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from historian import Histogram, buckets, merge

from .data import errors, latencies
from .figures import AT_LEAST, Figure, absolute, ratio, row
from .timing import ROUNDS, interleave, loop, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

MILLION = 1_000_000
BLOBS = 10_000
DIFFERENT = 20  # different histograms; the rest are copies, which cost the same
TABLE = "Merge of 10,000 as they arrive"
#: The peers are expected to be slower than historian by at least these factors.
SLOWER = {"ddsketch": 100.0, "hdrhistogram": 20.0}


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    histograms = [Histogram.from_values(latencies(MILLION, seed)) for seed in range(1, 1 + DIFFERENT)]
    blobs = [h.to_bytes() for h in histograms]
    size = float(max(map(len, blobs)))
    results.add(Figure(f"to_bytes of 1e6 latencies, largest of {DIFFERENT}", size, size, 0.0, "B", 1100))
    one_by_one(results, histograms[0], blobs[1])
    all_at_once(results, blobs)
    beside_peers(results, histograms, [peer for peer in peers if peer.name in SLOWER])


def one_by_one(results: Results, h: Histogram, data: bytes) -> None:
    """Measure merging with a `Histogram` created for each of them."""
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("read and merge", "read(data) + h", repeat=500, read=Histogram.from_bytes, data=data, h=h),
        ],
        rounds=2 * ROUNDS,
    )
    measure = "from_bytes and merge of 1e6 latencies"
    results.add(absolute(measure, 6, cases["read and merge"], "us", 1e3, cases["loop"]))


def all_at_once(results: Results, blobs: list[bytes]) -> None:
    """Measure merging all of them in one call of `merge`."""
    many = blobs * (BLOBS // len(blobs))
    cases = interleave([once("merge", lambda: merge(many))], rounds=ROUNDS)
    results.add(absolute(f"merge of {BLOBS:,} blobs of 1e6 latencies", 60, cases["merge"], "ms", 1e6))


def beside_peers(results: Results, histograms: list[Histogram], peers: list[Peer]) -> None:
    """Measure the same latencies in each library's own bytes, decoded and merged one after the other."""
    many = [h.to_bytes() for h in histograms] * (BLOBS // DIFFERENT)
    cases = [once("historian", lambda: merge(many))]
    for peer in peers:
        encoded = [peer.encode(filled(peer, h)) for h in histograms] * (BLOBS // DIFFERENT)
        cases.append(once(peer.name, lambda peer=peer, encoded=encoded: merged(peer, encoded)))
        answers = peer.quantiles(merged(peer, encoded[:DIFFERENT]))
        values = latencies(MILLION, 1)
        assert max(errors(values, answers)) < 0.05, f"{peer.name} does not answer for these latencies: {answers}"
    timed = interleave(cases, rounds=5)
    for who, case in timed.items():
        results.add(row(TABLE, who, f"{BLOBS:,}, of 1e6 latencies each", case, unit="ms", per_unit=1e6))
        if who in SLOWER:
            name = f"merge of {BLOBS:,}: {who} over historian"
            results.add(ratio(name, SLOWER[who], case, timed["historian"], sense=AT_LEAST))


def filled(peer: Peer, h: Histogram) -> Any:
    """Return a recorder of the peer with the values of a histogram, each at the middle of its bucket."""
    recorder = peer.new()
    add = recorder.add if hasattr(recorder, "add") and peer.name == "ddsketch" else recorder.record_value
    for index, count in zip(h.indices.tolist(), h.counts.tolist()):
        value = buckets.representative(index) * peer.scale
        add(round(value) if peer.integers else value, count)
    return recorder


def merged(peer: Peer, encoded: list[bytes]) -> Any:
    """Return the peer's merge of all of them."""
    into = peer.decode(encoded[0])
    for data in encoded[1:]:
        into = peer.merge(into, peer.decode(data))
    return into
