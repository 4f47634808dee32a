"""DDSketch messages: what is accepted is what a reader by fields reads, and counts what it says."""

from __future__ import annotations

import math
import struct
from random import Random

import mutate
from campaign import ACCEPTED, REFUSED, FaultError

from historian import Histogram
from historian.formats import ddsketch
from historian.formats._protobuf import signed, write_field, write_varint

INDICES = (0, 1, -1, 63, 64, -2048, 4095, 4096, 100_000, 2**31 - 1, -(2**31))
COUNTS = (0.0, 1.0, 2.0, 3.0, 1e6, 2.0**53)
ODD = (0.5, -1.0, math.nan, math.inf, 1e300, 2.0**63)


def message(rng: Random) -> bytes:
    """Return a message that is valid, or nearly."""
    gamma = rng.choice((2 ** (1 / 64), 1.02, 1.0202020202, 2.0, 1e10, rng.choice((1.0, 0.0, math.nan, math.inf))))
    mapping = write_field(1, gamma)
    if rng.random() < 0.3:
        mapping += write_field(2, rng.choice((1.0, -7.0, 0.5, 1e9, math.nan)))
    if rng.random() < 0.3:
        mapping += write_field(3, rng.randrange(5))
    parts = [write_field(1, mapping), write_field(2, store(rng, odd=rng.random() < 0.1))]
    if rng.random() < 0.2:
        parts.append(write_field(3, store(rng) if rng.random() < 0.3 else b""))
    if rng.random() < 0.3:
        parts.append(write_field(4, rng.choice(COUNTS + ODD)))
    if rng.random() < 0.1:
        parts.append(write_varint(9 << 3 | 5) + b"abcd")  # a field that is not known
    if rng.random() < 0.1:
        rng.shuffle(parts)
    return b"".join(parts)


def store(rng: Random, *, odd: bool = False) -> bytes:
    counts = COUNTS + ODD if odd else COUNTS
    data = b""
    if rng.random() < 0.7:
        bins = [rng.choice(counts) for _ in range(rng.choice((1, 3, 20)))]
        data += write_field(2, struct.pack(f"<{len(bins)}d", *bins)) + write_field(3, signed(rng.choice(INDICES)))
    for _ in range(rng.choice((0, 0, 2))):
        data += write_field(1, write_field(1, signed(rng.choice(INDICES))) + write_field(2, rng.choice(counts)))
    return data


class Sketches:
    """Hostile messages."""

    batch = 20_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        try:  # the real library, as the oracle, if it is installed
            import ddsketch.pb.ddsketch_pb2 as proto
        except ImportError:
            proto = None
        self.proto = proto

    def case(self, rng: Random) -> str:
        data = message(rng)
        if rng.random() < 0.4:
            data = mutate.damaged(rng, data, [message(rng)])
        dialect = rng.choice(ddsketch.DIALECTS)
        try:
            found = ddsketch.decode(data, dialect=dialect)
        except ValueError as error:
            if "offset" not in str(error):
                raise FaultError(f"no offset: {error}") from None
            return REFUSED
        h = found.histogram
        if Histogram.from_bytes(h.to_bytes()) != h or Histogram.from_dict(h.to_dict()) != h:
            raise FaultError(f"not a valid histogram: {h!r}: {data.hex()}")
        if not found.relative_error >= 0:
            raise FaultError(f"error {found.relative_error}: {data.hex()}")
        if self.proto is not None:
            self.compare(h, data)
        return ACCEPTED

    def compare(self, h: Histogram, data: bytes) -> None:
        """Check the count against that of the library, which also accepts all that is accepted here."""
        theirs = self.proto.DDSketch()
        theirs.ParseFromString(data)
        bins = theirs.positiveValues
        counts = [theirs.zeroCount, *bins.contiguousBinCounts, *bins.binCounts.values()]
        if h.count != sum(map(int, counts)):
            raise FaultError(f"{h!r}, not {counts}: {data.hex()}")
