"""Logs of HdrHistogram: each line is an interval or refused, and what is read is written and read again."""

from __future__ import annotations

import io
import warnings
from random import Random

import mutate
from campaign import ACCEPTED, REFUSED, FaultError
from hdr import any_histogram

from historian.formats import hdr
from historian.formats.hdr import _log_writer

HEADER = (
    b"#[Histogram log format version 1.3]\n",
    b"#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC 2015]\n",
    b"#[BaseTime: 1441812279.474 (seconds since epoch)]\n",
    b'"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n',
    b"#comment\n",
    b"\n",
)
PIECES = (
    b",", b" ", b"\n", b"\r\n", b"#", b"Tag=a,", b"Tag=,", b"1e9", b"-1", b"nan", b"inf", b"1e300", b"\xff", b"\0",
    b"#[StartTime: ", b"#[BaseTime: ", b"=", b"HIST", b"DHIS", b"9" * 30, b"\xef\xbb\xbf",
)  # fmt: skip


class Hlogs:
    """Hostile logs."""

    batch = 10_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.encoded = [any_histogram(rng).to_base64().encode() for _ in range(100)]

    def line(self, rng: Random) -> bytes:
        tag = rng.choice((b"", b"", b"Tag=A,", b"Tag=b/c,"))
        numbers = (b"%.3f" % rng.uniform(0, 100), b"1.000", b"0.500")
        return tag + b",".join(numbers) + b"," + rng.choice(self.encoded) + b"\n"

    def case(self, rng: Random) -> str:
        lines = [line for line in HEADER if rng.random() < 0.5] + [self.line(rng) for _ in range(rng.randrange(4))]
        data = b"".join(lines)
        if rng.random() < 0.8:
            data = mutate.spoiled(rng, data, lines or [b"x"], PIECES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hdr.LogWarning)
            return self.check(data)

    def check(self, data: bytes) -> str:
        try:
            log = hdr.read_log(io.BytesIO(data), values="ns")
        except ValueError as error:
            if not str(error).startswith("log, line "):
                raise FaultError(f"no line: {error}") from None
            return REFUSED
        rows = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
        expected = [line for line in rows if not line.startswith((b"#", b'"StartTimestamp"'))]
        if len(log) != len(expected):
            raise FaultError(f"{len(log)} intervals, not {len(expected)}: {data[:2000]!r}")
        for interval, line in zip(log, expected):
            if hdr.decode(line.rstrip().replace(b" ", b",").split(b",")[-1]) != interval.hdr:
                raise FaultError(f"another histogram: {line!r}")
            if interval.hdr.count != interval.histogram.count or interval.end < interval.start:
                raise FaultError(f"another count, or times: {interval!r} of {line!r}")
        self.again(log, data)
        return ACCEPTED

    @staticmethod
    def again(log: hdr.Log, data: bytes) -> None:
        try:
            text = _log_writer.log_text(log, "ns")
        except ValueError as error:  # times and comments that cannot be written
            if not any(word in str(error) for word in ("time", "comment", "tag", "must end after")):
                raise
            return
        again = hdr.read_log(io.BytesIO(text.encode()), values="ns")
        if [one.hdr for one in again] != [one.hdr for one in log] or [one.tag for one in again] != [
            one.tag for one in log
        ]:
            raise FaultError(f"another log after writing: {data[:2000]!r}")
