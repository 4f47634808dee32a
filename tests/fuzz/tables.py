"""Tables: each is refused with its line, or one number of each row is counted, as `csv` and `float` read them."""

from __future__ import annotations

import csv
import io
import math
from fractions import Fraction
from random import Random

import mutate
from command import Command, judge

NAMES = ("latency", "path", "code", "time ms", "a,b", 'q"', "é", "", "1", "nan")
CELLS = (
    "1", "0.5", "2.5e-3", "1e3", "100", "0", " 7 ", "+4", "-1", "nan", "inf", "1e999", "", " ", "x", "1_000",
    "1,234.5", "0x10", "1.5s", '"3"', "٣", "1\u00a0", "²", "1e", "--1", "1.2.3", "9" * 400, "0" * 5000 + "1", "1\0",
    "\ufeff1", "'1'", "/a?ids=3,7,", "true", "-0",
)  # fmt: skip
GOOD = ("1", "0.5", "2.5e-3", "1e3", "100", "0", " 7 ", "12.25")


#: Nanoseconds in the units of durations, the longer spellings first.
UNITS = (
    ("ns", 1), ("us", 10**3), ("\u00b5s", 10**3), ("\u03bcs", 10**3), ("ms", 10**6), ("sec", 10**9),
    ("min", 60 * 10**9), ("s", 10**9), ("m", 60 * 10**9), ("h", 3600 * 10**9),
)  # fmt: skip


def duration(text: str) -> float:
    """Return the seconds of a duration such as "1m2.5s".  Raises ValueError."""
    rest, total = text, Fraction(0)
    if not 0 < len(text) <= 100:
        raise ValueError
    while rest:
        length = next((k for k, c in enumerate(rest) if c not in "0123456789."), len(rest))
        total_of, rest = Fraction(rest[:length]), rest[length:].lstrip()
        found = next(((unit, ns) for unit, ns in UNITS if rest.startswith(unit)), None)
        if found is None:
            raise ValueError
        total += total_of * found[1]
        rest = rest[len(found[0]) :].lstrip()
    return float(total) / 1e9


def number(text: str) -> float:
    """Return a number that may be counted, of a duration its seconds.  Raises ValueError."""
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        value = float(text)
    except ValueError:
        return duration(text)
    if value < 0 or not math.isfinite(value):
        raise ValueError
    return value


class Tables:
    """Hostile ``.csv`` and ``.tsv`` files."""

    batch = 4000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.command = Command(folder)
        self.command.summarize("warm.csv", b"latency\n1\n", "--column", "latency")
        if self.oracle("a.csv", b'path,latency\n"/a,b",2.5\n') != [2.5]:
            raise RuntimeError("the oracle does not read a simple table")

    def case(self, rng: Random) -> str:
        delimiter, name = rng.choice(((",", "a.csv"), (",", "a.csv"), ("\t", "a.tsv"), (";", "a.csv")))
        columns = ["latency", *rng.sample(NAMES[1:3], rng.randrange(3))]
        rng.shuffle(columns)
        if rng.random() < 0.2:
            columns.append(rng.choice(NAMES))
        cells = GOOD if rng.random() < 0.6 else CELLS
        rows = [columns] + [[rng.choice(cells) for _ in columns] for _ in range(rng.choice((0, 1, 3, 8)))]
        if rng.random() < 0.15:
            row = rng.choice(rows)
            if rng.random() < 0.5 and len(row) > 1:
                row.pop()
            else:
                row.append(rng.choice(CELLS))
        if rng.random() < 0.5:  # quoted as it should be
            file = io.StringIO()
            csv.writer(file, delimiter=delimiter, lineterminator=rng.choice(("\n", "\r\n"))).writerows(rows)
            text = file.getvalue()
        else:
            text = "\n".join(delimiter.join(row) for row in rows) + rng.choice(("", "\n", "\n\n"))
        data = text.encode()
        if rng.random() < 0.5:
            data = mutate.damaged(rng, data)
        return self.check(name, data)

    def check(self, name: str, data: bytes) -> str:
        found = self.command.summarize(name, data, "--column", "latency")
        try:
            values = self.oracle(name, data)
        except (ValueError, csv.Error):
            values = None
        return judge(found, values, data)

    @staticmethod
    def oracle(name: str, data: bytes) -> list[float] | None:
        """Return the numbers in the column.  Raises ValueError or csv.Error."""
        text = data.decode("utf-8-sig")
        lines = io.StringIO(text, newline="\n")  # csv itself knows other line ends
        first = text.split("\n", 1)[0]
        delimiter = "\t" if name.endswith(".tsv") else next((c for c in ",\t;" if c in first), ",")
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
        while rows and rows[0][0].startswith("#") and "latency" not in [cell.strip() for cell in rows[0]]:
            del rows[0]
        names = [cell.strip() for cell in rows[0]] if rows else []
        if names.count("latency") != 1:
            raise ValueError("no such column")
        at = names.index("latency")
        for row in rows[1:]:
            if not at < len(row) <= len(names):
                raise ValueError("a row without the column, or one that is too long")
        return [number(row[at].strip()) for row in rows[1:]]
