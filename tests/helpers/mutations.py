"""Damages files of a directory, byte by byte, and looks at what recording, reading, draining and clearing make of it.

``python tests/helpers/mutations.py DIRECTORY SEED FIRST END`` does so in a process that the damage must not kill, and
prints "done".  Nothing in here depends on the layout of the files.
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
    from collections.abc import Callable
    from typing import TypeVar

    from historian import Histogram, Key, Recorder

    T = TypeVar("T")

ENOUGH = 5000  # records after which a process has counters of its own in the file
KEYS = [historian.Key("bad", route="/"), historian.Key("good"), historian.Key("drained", é="\N{GRINNING FACE}")]
WORDS = [0, 1, 2, 3, 4, 5, 64, 255, 2**31, 2**32 - 1, 2**52, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


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


def damage(chance: random.Random, path: str) -> str:
    """Damage a file, and return how."""
    size = os.path.getsize(path)
    near = chance.choice([4096, 8192, size])  # what describes a file comes first
    at = chance.randrange(min(near, size))
    if chance.random() < 0.1:
        os.truncate(path, chance.choice([0, at, size - at, 2 * size]))
        return "the size"
    with open(path, "r+b") as file:
        if chance.random() < 0.5:
            file.seek(at)
            old = file.read(1)[0]
            file.seek(at)
            file.write(bytes([old ^ 1 << chance.randrange(8)]))
        else:
            file.seek(at // 8 * 8)
            file.write(chance.choice(WORDS).to_bytes(8, "little"))
    return f"byte {at}"


def attempt(function: Callable[[], T]) -> T | Exception:
    """Return the result, or one of the errors that are allowed."""
    try:
        return function()
    except (CorruptFileError, OSError) as error:
        return error


class Trial:
    """A directory that is damaged again and again."""

    def __init__(self, directory: str, copy: str) -> None:
        self.directory, self.copy = directory, copy
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy)
        self.expected: dict[Key, Histogram] = Registry(copy).snapshot()
        self.names = sorted(os.listdir(directory))

    def run(self, chance: random.Random) -> None:
        """Damage a file while it is open, or before it is opened; then use all recorders."""
        gc.collect()
        for name in self.names:
            os.unlink(os.path.join(self.copy, name))  # never truncate a file that may be mapped
            shutil.copyfile(os.path.join(self.directory, name), os.path.join(self.copy, name))
        before = sorted(os.listdir(self.copy))
        path = os.path.join(self.copy, chance.choice(self.names))
        key = next(key for key, owner in self.owners().items() if owner == path)
        opened = self.recorder(key) if chance.random() < 0.5 else None
        size = os.path.getsize(path)
        how = damage(chance, path)
        if os.path.getsize(path) < size:
            opened = None  # no process survives that a file that it has mapped is truncated
            gc.collect()
        try:
            self.check(key, path, opened)
            assert sorted(os.listdir(self.copy)) == before
        except BaseException as error:
            raise AssertionError(f"{how} of {path}, {'open' if opened else 'not open'}: {error!r}") from error

    def recorder(self, key: Key) -> Recorder:
        return Registry(self.copy).recorder(key.name, **dict(key.labels))

    def owners(self) -> dict[Key, str]:
        return {key: os.path.join(self.copy, self.file_of(key)) for key in self.expected}

    def file_of(self, key: Key) -> str:
        recorder = Registry(self.directory).recorder(key.name, **dict(key.labels))
        assert recorder.path is not None
        return os.path.basename(recorder.path)

    def check(self, key: Key, path: str, opened: Recorder | None) -> None:
        """Read, record, drain and clear."""
        registry = Registry(self.copy)
        problems, found = registry.problems(), registry.snapshot()
        assert set(problems) <= {path}
        assert {one: h for one, h in found.items() if one != key} == {
            one: h for one, h in self.expected.items() if one != key
        }
        if key in found:
            check_values(found[key])
            assert not problems
        else:
            assert set(problems) == {path}
        registry.profile()
        self.use(key, opened, found.get(key))
        for one in self.expected:
            if one != key:
                assert self.recorder(one).drain() == self.expected[one], one
        registry.clear()
        assert not any(h.count for one, h in registry.snapshot().items() if one != key)

    def use(self, key: Key, opened: Recorder | None, found: Histogram | None) -> None:
        """Record into the damaged file as if it were whole."""
        recorder = attempt(lambda: opened or self.recorder(key))
        if isinstance(recorder, Exception):
            assert found is None, recorder  # readers and writers agree
            return
        recorder.record_many([1.0] * ENOUGH)
        recorder.record_many([1.0] * ENOUGH)
        recorder.record(1.0)
        now, drained = attempt(recorder.snapshot), attempt(recorder.drain)
        if found is None:
            return
        assert not isinstance(now, Exception) and not isinstance(drained, Exception), (now, drained)
        assert now.count == found.count + 2 * ENOUGH + 1 == drained.count
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
