"""Flips single bits of a directory's file, and looks at what readers make of it.

``python tests/helpers/flips.py`` does so with every bit of the first 64 KiB in use, and with each 13th bit of the rest.
It prints how many flips had which effect.  Of docs/format.md this knows which words count values: nothing but these may
change what is read in silence.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass

from layout import CHUNK, CHUNKS_AT, chunks_used, entry_at, file_of, word

from historian import CorruptFileError, Registry
from historian._core import MAX_RECORDERS, DirectoryFile

ENTRY, ROW, COUNTERS, FAR_DIGITS, COARSE = range(1, 6)
#: By kind of chunk: the words that count values, sum them up, or hold extremes.
COUNTING = {
    ENTRY: [*range(9, 48)],  # coarse counters
    ROW: [*range(3, 18)],
    COUNTERS: [*range(1, 67)],
    FAR_DIGITS: [*range(1, 61)],
    COARSE: [*range(3, 27)],
}
ALL = 8192  # words of which every bit is flipped: 64 KiB

#: Records into two recorders of a directory, in a lane of its own.
OTHER = """
import sys
from historian import Registry
for name in ("a", "db.query"):
    rec = Registry(sys.argv[1]).recorder(name)
    rec.record_many([0.5, 1.0, 2.0**-40, 2.0**70] * 2000)
    rec.record(0.75)
"""


def prepare(directory: str, more: int = 0) -> str:
    """Make a directory of recorders in all states, and of some more; return the path of its file."""
    registry = Registry(directory)
    for number, name in enumerate(("a", "db.query", "n" * 250, "empty", "removed")):
        rec = registry.recorder(name, **({"table": "users"} if number == 2 else {}))
        if name == "empty":
            continue
        rec.record_many([0.001 * (number + 1), 2.0**-40, 0.0, 1e30] * 5000)
        if name == "removed":
            registry.remove(next(key for key in registry.snapshot() if key.name == name))
            continue
        for _ in range(number):
            rec.drain()
            rec.record_many([1.0, 2.0] * 5000)
        for value in (0.25, 7.0):
            rec.record(value)
    registry.recorder("a").record_corrected(10.0, 5.0)
    for number in range(more):
        rec = registry.recorder("more", number=number)
        rec.record_many([2.0 ** (number + k) for k in range(-20, 20)] * 200)
        if number % 2:
            rec.drain()
            rec.record(1.0)
    subprocess.run([sys.executable, "-c", OTHER, directory], check=True)
    return file_of(directory)


def counting(path: str) -> tuple[dict[int, int], set[int]]:
    """Return the words that count values, each with the place of its recorder; and those of chunks that are in use."""
    words, used = {}, set()
    for number in range(1, chunks_used(path)):
        at = CHUNKS_AT + CHUNK * number
        owner = word(path, at)
        if owner:
            used.update(range(at, at + CHUNK, 8))
            words.update((at + 8 * k, owner & 0xFFFFFFFFFF) for k in COUNTING.get(owner >> 56, ()))  # or a text
    return words, used


@dataclass
class Effect:
    """What one flip did."""

    file_refused: bool
    changed: list[int]  # places of recorders that are read as something else
    reported: list[int]  # places of recorders that are reported as damaged


class Flips:
    """A file, bit by bit."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.pages = mmap.mmap(self.fd, 0)
        self.before = self.read()
        self.counting, used = counting(path)
        # Of an index page, the words in use and one more; of a text that goes on in another chunk, all of it.
        places = len(self.before)
        entries = [entry_at(path, place) for place in range(places)]
        long = {at for entry in entries for at in range(entry, entry + 408 + (word(path, entry + 384) >> 32), 8)}
        self.words = sorted({*range(0, 4096, 8), *range(4096, 4096 + 8 * (places + 1), 8), *used, *long})

    def read(self) -> dict[int, object]:
        """Return what is at each place, or a text that says why it cannot be read.  Raises ValueError."""
        file = DirectoryFile(self.fd, "")
        result: dict[int, object] = dict.fromkeys(range(len(file)))
        for place, found, text in file.read_all({}):
            result[place % MAX_RECORDERS] = found if isinstance(found, str) else (*map(str_of, found), text)
        return result

    def flip(self, at: int, bit: int) -> Effect:
        """Flip a bit of the word there, read, and flip it back."""
        self.pages[at + bit // 8] ^= 1 << bit % 8
        try:
            if at < 128:  # the header is checked before the file is mapped
                try:
                    Registry(os.path.dirname(self.path)).recorder("empty")
                except CorruptFileError:
                    return Effect(True, [], [])
            after = self.read()
        except ValueError:
            return Effect(True, [], [])
        finally:
            self.pages[at + bit // 8] ^= 1 << bit % 8
        reported = [place for place, found in after.items() if isinstance(found, str)]
        changed = [place for place, found in self.before.items() if place not in reported and after.get(place) != found]
        return Effect(False, changed, reported)

    def check(self, at: int, bit: int) -> str:
        """Flip a bit; return what that did.  Raises AssertionError if it did harm in silence, or to more than one."""
        effect = self.flip(at, bit)
        where = f"bit {bit} of the word at {at}: {effect}"
        if effect.file_refused:
            assert at < 144, where  # only the header and two words of the state are about all recorders
            return "the file is refused"
        known = [place for place in effect.reported if place in self.before]
        if at == 152:  # the number of places: those that were never used are reported
            assert not known and not effect.changed, where
            return "reported" if effect.reported else "the same"
        assert len({*effect.reported, *effect.changed}) <= 1, where
        if effect.changed:
            assert self.counting.get(at) == effect.changed[0], where
            return "counts, sums or extremes are others"
        return "reported" if effect.reported else "the same"


def str_of(part: object) -> object:
    """Return something that is equal to itself, too: NaN is not."""
    return repr(part) if isinstance(part, float) else part


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        flips = Flips(prepare(os.path.join(folder, "d"), 6))
        effects: Counter[str] = Counter()
        for number, at in enumerate(flips.words):
            kind = "counting" if at in flips.counting else "other"
            for bit in range(64) if number < ALL else range(at // 8 % 13, 64, 13):
                effects[f"{kind} words: {flips.check(at, bit)}"] += 1
        print(f"{len(flips.words):,} words in use, {8 * len(flips.words):,} bytes; {sum(effects.values()):,} flips")
        for effect, flipped in sorted(effects.items()):
            print(f"{flipped:9,} bits of {effect}")


if __name__ == "__main__":
    main()
