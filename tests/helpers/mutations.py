"""Damages the file of a directory, byte by byte; looks at what recording, reading, draining and clearing make of it.

``python tests/helpers/mutations.py DIRECTORY SEED FIRST END`` does so in a process that the damage must not kill, and
prints "done".  Of the layout of files this knows only that the first page describes all recorders, and that each byte
behind it belongs to at most one.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import sys
import warnings
from typing import TYPE_CHECKING

import historian
from historian import CorruptFileError, CorruptFileWarning, Registry

if TYPE_CHECKING:
    from historian import Histogram, Key, Recorder

ENOUGH = 5000  # records after which a process has counters of its own in the file
KEYS = [historian.Key("bad", route="/"), historian.Key("good"), historian.Key("drained", é="\N{GRINNING FACE}")]
WORDS = [0, 1, 2, 3, 4, 5, 64, 255, 2**31, 2**32 - 1, 2**52, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
PAGE = 4096


def prepare(directory: str) -> None:
    """Make a directory of recorders in all states."""
    registry = Registry(directory)
    for number, key in enumerate(KEYS):
        rec = registry.recorder(key.name, **dict(key.labels))
        rec.record_many([0.001 * (number + 1), 2.0**-40, 0.0, 1e30] * ENOUGH)
        if key.name != "good":
            rec.drain()
            rec.record_many([1.0, 2.0] * ENOUGH)
            rec.drain()
            rec.record_many([0.5, 3.0] * ENOUGH)
            for value in (0.25, 7.0):
                rec.record(value)


def damage(chance: random.Random, path: str, used: list[int]) -> int:
    """Damage a file; return where, or -1 if its size has changed."""
    size = os.path.getsize(path)
    if chance.random() < 0.1:
        at = chance.randrange(size)
        os.truncate(path, chance.choice([0, at, size - at, 2 * size]))
        return -1
    with open(path, "r+b") as file:
        at = chance.choice(used) if chance.random() < 0.8 else chance.randrange(PAGE)
        at += chance.randrange(-8, 9) if chance.random() < 0.3 else 0
        at = min(max(at, 0), size - 8)
        if chance.random() < 0.7:
            file.seek(at)
            old = file.read(1)[0]
            file.seek(at)
            file.write(bytes([old ^ 1 << chance.randrange(8)]))
        else:
            file.seek(at // 8 * 8)
            file.write(chance.choice(WORDS).to_bytes(8, "little"))
    return at


class Trial:
    """A directory that is damaged again and again."""

    def __init__(self, directory: str, copy: str) -> None:
        self.directory, self.copy = directory, copy
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy)
        self.expected: dict[Key, Histogram] = Registry(copy).snapshot()
        (self.name,) = os.listdir(directory)
        with open(os.path.join(directory, self.name), "rb") as file:
            self.used = [at for at, byte in enumerate(file.read()) if byte]  # most of the file is empty

    def run(self, chance: random.Random) -> None:
        """Damage the file while it is open, or before it is opened; then use all recorders."""
        gc.collect()
        path = os.path.join(self.copy, self.name)
        os.unlink(path)  # never truncate a file that may be mapped
        shutil.copyfile(os.path.join(self.directory, self.name), path)
        opened = {key: self.recorder(key) for key in KEYS} if chance.random() < 0.5 else {}
        size = os.path.getsize(path)
        at = damage(chance, path, self.used)
        if os.path.getsize(path) < size:
            opened = {}  # no process survives that a file that it has mapped is truncated
            gc.collect()
        try:
            self.check(at, path, opened)
            assert os.listdir(self.copy) == [self.name]
        except BaseException as error:
            raise AssertionError(f"byte {at}, {'open' if opened else 'not open'}: {error!r}") from error

    def recorder(self, key: Key) -> Recorder:
        return Registry(self.copy).recorder(key.name, **dict(key.labels))

    def check(self, at: int, path: str, opened: dict[Key, Recorder]) -> None:
        """Read, record, drain and clear."""
        registry = Registry(self.copy)
        problems, found = registry.problems(), registry.snapshot()
        for h in found.values():
            check_values(h)
        changed = {key for key, h in self.expected.items() if found.get(key) != h}
        missing = {key for key in changed if key not in found}
        assert path in problems or len(missing) <= len(problems), (missing, problems)  # nothing is lost in silence
        assert path in problems or len(changed) <= 1, changed
        assert path in problems or not 128 <= at < PAGE or not changed, changed  # what the first page says, others do
        registry.profile()
        for key in self.expected:
            self.use(key, opened.get(key), found.get(key), at >= 0)
        registry.clear()
        after = registry.snapshot()
        assert not any(after[key].count for key in self.expected if key in after and key not in changed)

    def use(self, key: Key, opened: Recorder | None, found: Histogram | None, is_whole: bool) -> None:
        """Record into the damaged file as if it were whole."""
        try:
            recorder = opened or self.recorder(key)
        except (CorruptFileError, OSError) as error:
            if found is not None and is_whole:
                raise AssertionError("readers and writers do not agree") from error
            return
        recorder.record_many([1.0] * ENOUGH)
        recorder.record_many([1.0] * ENOUGH)
        recorder.record(1.0)
        try:
            now, drained = recorder.snapshot(), recorder.drain()
        except (CorruptFileError, OSError):
            assert found is None
            return
        if found is not None:
            assert now.count == found.count + 2 * ENOUGH + 1 == drained.count, (found, now, drained)
            assert recorder.snapshot().count == 0


def check_values(h: Histogram) -> None:
    """Check what holds for every histogram."""
    assert h.unit == "s" and 0 <= h.count < 2**63
    if h.count:
        assert 0 <= h.min <= h.quantile(0.5) <= h.max and h.sum >= 0


def main(directory: str, seed: int, first: int, end: int) -> None:
    warnings.simplefilter("ignore", CorruptFileWarning)
    trial = Trial(directory, f"{directory}.{seed}.{first}")
    for number in range(first, end):
        try:
            trial.run(random.Random(f"{seed} {number}"))
        except BaseException:
            print(f"trial {number} of seed {seed}", file=sys.stderr)
            raise
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
