"""A log of HdrHistogram: the time to read it and to merge its intervals."""

from __future__ import annotations

import io
import math
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from historian import merge
from historian.formats import hdr

from .figures import AT_LEAST, absolute, ratio
from .timing import interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

INTERVALS = 602
#: Values of each interval, as those of jHiccup: some 1,000 a second, nearly all of one size.
VALUES = 750
#: Buckets with a count in each interval of a busy service.
DENSE = 900
DIFFERENT = 20  # different intervals; the rest are copies, which cost the same
ROUNDS = 15

#: The Python port of HdrHistogram, whose core is C, may be faster by a factor of at most two.
SLOWER = 0.5


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    for text, kind in ((log(histogram), ""), (log(dense), f" of {DENSE} buckets each")):
        cases = [once("historian", partial(read, text))]
        if any(peer.name == "hdrhistogram" for peer in peers):
            cases.append(once("hdrhistogram", partial(peer_read, text)))
        timed = interleave(cases, rounds=ROUNDS)
        what = f"log of HdrHistogram, {INTERVALS} intervals{kind}, read and merged"
        results.add(absolute(what, 60, timed["historian"], "ms", 1e6))
        if "hdrhistogram" in timed:
            results.add(ratio(f"{what}: hdrhistogram over historian", SLOWER, timed["hdrhistogram"],
                              timed["historian"], sense=AT_LEAST))  # fmt: skip


def log(make: Callable[[random.Random], hdr.HdrHistogram]) -> bytes:
    """Return a log whose intervals are made so."""
    some = [make(random.Random(seed)).to_base64() for seed in range(DIFFERENT)]
    lines = [f"{k}.000,1.000,1.000,{some[k % DIFFERENT]}\n" for k in range(INTERVALS)]
    return "".join(["#[StartTime: 1441812279.474 (seconds since epoch), x]\n", *lines]).encode()


def histogram(rng: random.Random) -> hdr.HdrHistogram:
    """Return the histogram of an interval: of two digits, in nanoseconds, from 20 us on, as jHiccup writes it."""
    empty = hdr.HdrHistogram(2, 20_000, 3_600_000_000_000, [], [])
    counts: dict[int, int] = {}
    for _ in range(VALUES):
        index = empty.index(int(math.exp(rng.gauss(12.7, 0.2))))
        counts[index] = counts.get(index, 0) + 1
    indices = sorted(counts)
    return hdr.HdrHistogram(2, 20_000, 3_600_000_000_000, indices, [counts[k] for k in indices])


def dense(rng: random.Random) -> hdr.HdrHistogram:
    """Return the histogram of an interval of a busy service: of two digits, too, and with values in many buckets."""
    empty = hdr.HdrHistogram(2, 20_000, 3_600_000_000_000, [], [])
    indices = sorted(rng.sample(range(empty.index(10**6), empty.index(10**9)), DENSE))
    return hdr.HdrHistogram(2, 20_000, 3_600_000_000_000, indices, [rng.randrange(1, 50) for _ in indices])


def read(text: bytes) -> Any:
    """Return the histogram of all intervals."""
    total = merge(interval.histogram for interval in hdr.read_log(io.BytesIO(text), values="ns"))
    assert total.count >= INTERVALS * VALUES
    return total


def peer_read(text: bytes) -> Any:
    """Return what the Python port of HdrHistogram makes of the same lines; it reads files only."""
    from hdrh.histogram import HdrHistogram

    total = HdrHistogram(20_000, 3_600_000_000_000, 2)
    for line in text.splitlines()[1:]:
        total.decode_and_add(line.rsplit(b",", 1)[1])
    assert total.total_count >= INTERVALS * VALUES
    return total
