"""Output of wrk2: refused with its line, or the values of its table are counted, the recorded ones only."""

from __future__ import annotations

from random import Random

import mutate
from campaign import ACCEPTED, REFUSED, FaultError
from command import Command
from hdr import any_histogram

from historian import Histogram
from historian.formats.hdr._table import parse_wrk2

HEAD = b"""Running 30s test @ http://127.0.0.1:80/index.html
  2 threads and 100 connections
  Thread calibration: mean lat.: 9747 usec, rate sampling interval: 21 msec
"""
TITLE = b"  Latency Distribution (HdrHistogram - %s)\n 50.000%%    6.67ms\n\n  Detailed Percentile spectrum:\n"
TITLES = (
    TITLE % b"Recorded Latency",
    TITLE % b"Uncorrected Latency (measured without taking delayed starts into account)",
)
END = b"----------------------------------------------------------\n  60018 requests in 30.00s, 19.81MB read\n"
PIECES = (
    b"-----\n", b"\n", b"\n\n", b"#[", b"inf", b"nan", b"-1", b"1e9", b"9" * 50, b"1.0", b"\xff", b"\0", b"Value",
    b"Value Percentile TotalCount 1/(1-Percentile)\n", b"Latency Distribution (HdrHistogram - ", b"Running 1s test @ ",
)  # fmt: skip


class Spectra:
    """Hostile output."""

    batch = 4000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.tables = [any_histogram(rng).percentiles(rng.choice((1, 5)), ratio=1e3).encode() for _ in range(50)]
        self.command = Command(folder)
        self.command.summarize("warm.txt", HEAD + TITLES[0] + self.tables[0] + END, "--from", "wrk2")

    def case(self, rng: Random) -> str:
        parts = [HEAD]
        for title in rng.choice((TITLES[:1], TITLES, TITLES[:1] * 2, ())):
            parts += [title, rng.choice(self.tables)]
        data = b"".join([*parts, END])
        if rng.random() < 0.7:
            data = mutate.spoiled(rng, data, data.splitlines(keepends=True), PIECES)
        found = self.command.summarize("a.txt", data, "--from", "wrk2", "--show", "ms")
        try:
            tables = parse_wrk2(data, "x")
        except ValueError as error:
            if not str(error).startswith(("x, line ", "x: ")):
                raise FaultError(f"no place: {error}") from None
            tables = None
        if isinstance(found, str):
            # Without a value, or with another first line, it is refused, too.
            holds = tables and any(table.total for title, table in tables if not title.startswith("Uncorrected"))
            if holds and not any(why in found for why in ("--from wrk2 reads", "beyond float64", "2**63")):
                raise FaultError(f"refused: {found}: {data[:2000]!r}")
            return REFUSED
        if tables is None:
            raise FaultError(f"accepted: {found!r}: {data[:2000]!r}")
        total = sum(table.total for title, table in tables if not title.startswith("Uncorrected"))
        if found.count != total or Histogram.from_bytes(found.to_bytes()) != found:
            raise FaultError(f"{found!r}, not {total}: {data[:2000]!r}")
        return ACCEPTED
