"""Text for Prometheus: each page is refused with its line, or counted as a reader by the rules counts it."""

from __future__ import annotations

import math
from random import Random

import mutate
from campaign import ACCEPTED, IDLE, REFUSED, FaultError

from historian import Histogram
from historian.formats.prometheus import from_text
from historian.formats.prometheus._scraped import series_in

NAMES = ("a_seconds", "a", "a_bucket", "b:c", "x_total", "é")
BOUNDS = (
    "0.1",
    "0.25",
    "1",
    "1.0",
    "2.5e0",
    "10",
    "1e300",
    "0",
    "-1",
    "1e-40",
    "+Inf",
    "Inf",
    "NaN",
    "1.001",
    "1e20",
    "x",
)
GOOD = BOUNDS[:3] + BOUNDS[4:8]
NUMBERS = ("0", "1", "3", "7.0", "1e3", "12", "9223372036854775807", "0.5", "-1", "NaN", "+Inf", "1_0", "0x1", "")
PIECES = (
    b"{", b"}", b'"', b",", b"=", b"\\", b"\\n", b"#", b"# EOF\n", b"# TYPE a_seconds histogram\n", b" ", b"\n",
    b"# UNIT a rows\n", b' # {trace_id="x"} 1', b" 1719000000", b"\xff", b"\0", b"le=", b"_bucket", b"_sum 3\n",
    b'{"a_bucket",le="1"} 3\n', b"\xef\xbb\xbf", b"a_count 5\n", b"9" * 200, b"\r\n",
)  # fmt: skip


def series(rng: Random, number: int, is_good: bool) -> list[bytes]:
    """Return the lines of a histogram."""
    name = f"m{number}_seconds" if is_good else rng.choice(NAMES)
    labels = rng.choice(("", 'code="200",', 'p="a\\"b\\\\\\n",', "" if is_good else 'le="1",'))
    bounds = sorted(set(rng.sample(GOOD, rng.randrange(1, 5))), key=float) if is_good else rng.sample(BOUNDS, 4)
    count, lines = 0, []
    for bound in [*bounds, "+Inf"] if is_good else bounds:
        count += rng.choice((0, 1, 5, 10**6))
        shown = str(count) if is_good or rng.random() < 0.5 else rng.choice(NUMBERS)
        lines.append(f'{name}_bucket{{{labels}le="{bound}"}} {shown}\n')
    if rng.random() < 0.5:
        lines.append(f"{name}_sum{{{labels}}} {rng.choice(('0', '12.5', '1e300') if is_good else NUMBERS)}\n")
    if rng.random() < 0.5:
        lines.append(f"{name}_count{{{labels}}} {count if is_good else rng.choice(NUMBERS)}\n")
    return [line.encode() for line in lines]


class Pages:
    """Hostile pages."""

    batch = 10_000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        pass

    def case(self, rng: Random) -> str:
        is_good = rng.random() < 0.8
        lines = [line for k in range(rng.choice((1, 1, 2, 4))) for line in series(rng, k, is_good)]
        data = b"".join(lines)
        if rng.random() < 0.6:
            data = mutate.spoiled(rng, data, lines, PIECES)
        try:
            found = from_text(data)
        except ValueError as error:
            if not str(error).startswith("line "):
                raise FaultError(f"no line: {error}") from None
            self.skipped(data)
            return REFUSED
        for one in found:
            self.check(one, data)
        self.counted(found, data)
        return ACCEPTED if found else IDLE

    @staticmethod
    def check(one, data: bytes) -> None:
        h = one.histogram
        if Histogram.from_bytes(h.to_bytes()) != h or Histogram.from_dict(h.to_dict()) != h:
            raise FaultError(f"not a valid histogram: {h!r}: {data[:2000]!r}")
        if not (0 <= one.relative_error < math.inf and 0 <= one.below + one.above <= h.count):
            raise FaultError(f"{one}: {data[:2000]!r}")

    @staticmethod
    def counted(found, data: bytes) -> None:
        """Compare the counts with those of the buckets without a bound, which are the last ones of their series."""
        total = 0
        for line in data.decode("utf-8-sig").split("\n"):
            head, _, rest = line.strip(" \t\r").partition("}")
            name = head.partition("{")[0].strip(" \t\r")
            if head.startswith("#") or not (name.endswith("_bucket") if name else '_bucket"' in head):
                continue
            if any(f'le="{bound}"' in head.replace(" ", "").lower() for bound in ("+inf", "inf")):
                total += int(float(rest.split()[0])) if float(rest.split()[0]) < 2**53 else int(rest.split()[0])
        if total != sum(one.histogram.count for one in found):
            raise FaultError(f"counted {found}, not {total}: {data[:2000]!r}")

    @staticmethod
    def skipped(data: bytes) -> None:
        """Read it as ``--skip-bad`` does: bad lines are told, and all else is read."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return
        told: list[int] = []
        for one in series_in(enumerate(text.split("\n"), 1), lambda line, why: told.append(line)):
            try:
                one.scraped(None)
            except ValueError:
                told.append(one.line)
        if not told:
            raise FaultError(f"refused, but no line is bad: {data[:2000]!r}")
