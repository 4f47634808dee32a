"""Names and labels: refused at once, or the same after a directory, a snapshot, a pickle and a table."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pickle
import re
import shutil
from random import Random

from campaign import ACCEPTED, REFUSED, FaultError

from historian import Key, Registry, snapshot
from historian.cli import main

PIECES = (
    "a", "b", "=", ",", "{", "}", '"', "'", "\\", "/", ".", "..", "%", "%2E", "~", " ", "\t", "\n", "\r", "\0",
    "\x1b[31m", "\x7f", "é", "e\u0301", "\u202e", "\u200b", "\ufeff", "\U0001f600", "\ud800", "\udcff", "ß", "A",
    "name", "self", "unit", "labels", "cls", "count", "x" * 100, "0", "-", "_", ".counters", "İ", "\u2028", "|", "*",
    "?", "<b>", "&amp;", "$", "`",
)  # fmt: skip


def text(rng: Random) -> str:
    """Return a text of some pieces."""
    if rng.random() < 0.02:
        return rng.choice(PIECES) * rng.choice((30, 1000, 3000))
    return "".join(rng.choice(PIECES) for _ in range(rng.choice((0, 1, 1, 2, 3, 6))))


class Keys:
    """Hostile names and labels, some pairs of them nearly the same."""

    batch = 1000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        self.parent = folder
        self.folders = 0

    def case(self, rng: Random) -> str:
        wanted = [(text(rng), {text(rng): text(rng) for _ in range(rng.choice((0, 1, 1, 2)))}) for _ in range(3)]
        wanted.append(self.near(rng, *wanted[0]))
        self.folders += 1
        folder = os.path.join(self.parent, str(self.folders))
        registry, memory = Registry(folder), Registry()
        counted: dict[Key, int] = {}
        refused = 0
        try:
            for n, (name, labels) in enumerate(wanted, 1):
                if not self.record(registry, memory, name, labels, n):
                    refused += 1
                    continue
                key = Key(name, **labels)
                counted[key] = counted.get(key, 0) + n
            if counted:
                self.check(registry, memory, counted)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return REFUSED if refused == len(wanted) else ACCEPTED

    @staticmethod
    def near(rng: Random, name: str, labels: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return a name and labels that look like these."""
        kind = rng.randrange(5)
        if kind == 0 and len(labels) > 1:  # the second label moves into the value of the first
            (one, first), (two, second), *_ = sorted(labels.items())
            return name, {one: f"{first},{two}={second}"}
        if kind == 1:
            return f"{name}{{{','.join(f'{k}={v}' for k, v in sorted(labels.items()))}}}", {}
        if kind == 2:
            return name.swapcase(), labels
        if kind == 3:
            return name, {key: value + " " for key, value in labels.items()}
        return name.encode("unicode_escape").decode(), labels

    @staticmethod
    def record(registry: Registry, memory: Registry, name: str, labels: dict[str, str], n: int) -> bool:
        """Record in both registries, which must agree on what is refused; return whether they took it."""
        if "unit" in labels:
            return False  # it is an argument
        said = []
        for one in (registry, memory):
            try:
                one.recorder(name, **labels).record_many([1.0] * n)
                said.append("")
            except (ValueError, TypeError) as error:
                said.append(f"{type(error).__name__}: {error}")
        if bool(said[0]) != bool(said[1]):
            raise FaultError(f"a directory says {said[0]!r}, memory says {said[1]!r} of {name!r} {labels!r}"[:3000])
        if any("unexpected keyword" in one or "multiple values" in one for one in said):
            raise FaultError(f"a bare error of Python: {said[0]!r} of {name!r} {labels!r}"[:3000])
        return not said[0]

    def check(self, registry: Registry, memory: Registry, counted: dict[Key, int]) -> None:
        """Check that each way of reading finds each key with its count."""
        found = registry.snapshot()
        path = os.path.join(registry.directory or "", "saved.jsonl")
        snapshot.save(found, path)
        ways = {
            "directory": found,
            "another registry there": Registry(registry.directory).snapshot(),
            "memory": memory.snapshot(),
            "file": snapshot.load(path),
            "pickle": pickle.loads(pickle.dumps(found)),
        }
        for way, histograms in ways.items():
            counts = {key: histogram.count for key, histogram in histograms.items()}
            if counts != counted:
                raise FaultError(f"{way}: {counts!r}, not {counted!r}"[:3000])
        for key in counted:
            if Key(key.name, **dict(key.labels)) != key or eval(repr(key), {"Key": Key}) != key:
                raise FaultError(f"not made again from its parts, or from its repr: {key!r}"[:3000])
        printed = [str(key) for key in counted]
        if len(set(printed)) < len(counted) or not all(one.isprintable() for one in printed):
            raise FaultError(f"printed alike, or not printable: {printed!r}"[:3000])
        lines = str(memory.profile()).splitlines()
        if any(not line.isprintable() for line in lines) or len(lines) <= len(counted) or max(map(len, lines)) > 1000:
            raise FaultError(f"{len(counted)} recorders, printed as {lines!r}"[:3000])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = main(["profile", registry.directory or "", "--format", "csv"])
        rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
        if status or sorted(int(row["count"]) for row in rows) != sorted(counted.values()):
            raise FaultError(f"the table has other rows: {out.getvalue()!r}, not {counted!r}"[:3000])
        page, tags = memory.profile()._repr_html_(), "table|thead|tbody|tr|th|td|p|div|strong|span|svg|style|path|wbr"
        if re.search(rf"<(?!/?({tags})\b)", page):
            raise FaultError(f"the page of the table has other tags: {page}"[:3000])
