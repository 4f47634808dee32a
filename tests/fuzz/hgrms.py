"""Percentile tables of HdrHistogram: what is accepted ascends, ends at 1, and counts what its last row says."""

from __future__ import annotations

from random import Random

import mutate
from campaign import ACCEPTED, REFUSED, FaultError
from hdr import any_histogram

from historian import Histogram
from historian.formats.hdr import _table

PIECES = (
    b",", b" ", b"\n", b"#", b"#[", b"Value Percentile TotalCount 1/(1-Percentile)\n", b"inf", b"Infinity", b"nan",
    b"-1", b"1e9", b"9" * 50, b"0.5", b"1.0", b"\xff", b"\0", b"\r", b"\x0b", b"\xe2\x80\xa8",
)  # fmt: skip


class Hgrms:
    """Hostile tables."""

    batch = 10_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        some = [any_histogram(rng) for _ in range(100)]
        self.pool = [
            one.percentiles(rng.choice((1, 5)), ratio=rng.choice((1.0, 1e6)), csv=rng.random() < 0.3).encode()
            for one in some
        ]

    def case(self, rng: Random) -> str:
        data = rng.choice(self.pool)
        if rng.random() < 0.9:
            data = mutate.spoiled(rng, data, data.splitlines(keepends=True), PIECES)
        try:
            table = _table.parse_percentiles(data, "x")
        except ValueError as error:
            if not str(error).startswith(("x, line ", "x: ")):
                raise FaultError(f"no place: {error}") from None
            return REFUSED
        for column in (table.values, table.percentiles, table.counts):
            if list(column) != sorted(column):
                raise FaultError(f"{table}: {data[:2000]!r}")
        if table.counts and (
            table.percentiles[-1] != 100 or f" {table.total}" not in data.decode("latin-1").replace(",", " ")
        ):
            raise FaultError(f"another count: {table}: {data[:2000]!r}")
        try:
            h = table.histogram(values="ms")
        except ValueError as error:
            if "beyond float64" not in str(error):
                raise
            return ACCEPTED
        if h.count != table.total or table.relative_error < 0 or Histogram.from_bytes(h.to_bytes()) != h:
            raise FaultError(f"{h!r} of {table}: {data[:2000]!r}")
        return ACCEPTED
