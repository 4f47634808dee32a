"""Files of recorders: each is refused, or counted as docs/format.md says; no writer dies; others are served."""

from __future__ import annotations

import gc
import os
import struct
import warnings
from random import Random

import file_format
import mutate
import numpy as np
from campaign import ACCEPTED, REFUSED, FaultError
from file_format import (
    BLOCK,
    COUNTS,
    DRAINED_SUM,
    DRAINS,
    EVEN,
    FIRST,
    LEASED,
    MAX_BLOCKS,
    ODD,
    ROLES,
    SHARED,
    SLOTS,
    SUM,
    Counters,
    Found,
    RefusedError,
    exact,
)  # fmt: skip

from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Recorder, Registry

#: Files that the others are made from.
POOL = 60

#: One of so many cases has a second process that writes, too.
PROCESSES_ONE_IN = 64

MANY = np.full(5000, 3.0)  # enough that the process gets a block of its own

KEYS = (
    (b"bad", []),
    (b"db.query", [(b"shard", b"3"), (b"table", b"users")]),
    ("Größe/…".encode(), [(b"a", b""), (b"path", b"/x,y=z")]),
    (b"n" * 200, [(b"long", b"v" * 300)]),
)


def any_counters(rng: Random) -> Counters:
    """Return counters that recorders could have written."""
    found = Counters()
    values = [2.0 ** rng.uniform(-40, 70) for _ in range(rng.choice((0, 1, 3, 10)))]
    if rng.random() < 0.1:
        values += [0.0, 1e300, 1.7e308]
    for value in values:
        count = 1 << rng.randrange(rng.choice((1, 8, 40)))
        slot = file_format.slot_of(value)
        found.counts[slot] = found.counts.get(slot, 0) + count
        if 0 < slot < SLOTS - 1 and rng.random() < 0.8:  # recorded one by one
            octave = (slot - 1) // 64
            found.pairs[octave] = found.pairs.get(octave, 0) + count * (exact(value) >> octave + 990)
        else:
            for k in range(68):
                digit = (exact(value) * count >> 32 * k) & 0xFFFFFFFF
                if digit:
                    found.digits[k] = found.digits.get(k, 0) + digit
    if values:
        found.low, found.high = min(values), max(values)
    return found


def any_file(rng: Random) -> tuple[str, bytes]:
    """Return the name and the contents of a valid file."""
    name, labels = rng.choice(KEYS)
    head = file_format.header(name, labels, rng.choice((b"s", b"ms", b"bytes")), rng.getrandbits(60))
    drains = rng.choice((0, 0, 1, 2, 7))
    extra = rng.choice((0, 0, 1, 1, 2, 5)) if rng.random() < 0.95 else 64
    counters = [any_counters(rng) for _ in range(1 + extra)]
    blocks = [(SHARED, bytes(file_format.block(counters[0])))]
    blocks += [(LEASED, bytes(file_format.block(one))) for one in counters[1:]]
    if drains:
        gone = counters[0]
        empty = bytes(file_format.drained(Counters()))
        valid = bytes(file_format.drained(gone if rng.random() < 0.7 else Counters()))
        pair = [(ODD, valid), (EVEN, empty)] if drains % 2 else [(ODD, empty), (EVEN, valid)]
        if rng.random() < 0.5:
            pair.reverse()
        at = rng.randrange(1, len(blocks) + 1)
        blocks[at:at] = pair
    return file_format.file_name(name, labels), file_format.whole(head, drains, rng.random() < 0.2, blocks)


class Files:
    """Damaged files in a directory, read and written by this process and by others."""

    batch = 4000

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.pool = sorted((any_file(rng) for _ in range(POOL)), key=lambda pair: len(pair[1]))
        self.parent = folder
        self.folders = 0
        self.start_again()
        for _, data in self.pool:
            file_format.read(data)  # the oracle reads what it wrote
        gc.freeze()  # so that collecting costs little

    def start_again(self) -> None:
        """Use a new folder, with one good recorder in it."""
        self.is_spoilt = False
        gc.collect()  # the traceback of a fault may hold recorders
        self.folders += 1
        self.folder = os.path.join(self.parent, str(self.folders))
        self.good = Registry(self.folder).recorder("good")
        self.good.record(2.0)

    def case(self, rng: Random) -> str:
        """Damage a file, then read, record, clear and record."""
        if self.is_spoilt:
            self.start_again()
        gc.collect()  # a recorder that an error still holds would follow its path to the next file there
        name, data = rng.choice(self.pool)
        if len(data) > 10 * BLOCK and rng.random() < 0.9:  # a file of all blocks takes as long as twenty others
            name, data = self.pool[0]
        path = os.path.join(self.folder, name)
        held: Recorder | None = None
        self.is_in_use = self.are_roles_spoilt = False  # so that what is recorded may be in no block
        try:
            if rng.random() < 0.25 and len(data) < 10 * BLOCK:  # the damage comes when the file is in use
                self.write(path, data)
                held = Recorder.open(path)
                held.record_many(MANY[: rng.choice((1, 4000, 5000))])
                with open(path, "rb") as file:
                    whole = file.read()
                hostile = self.hostile(rng, whole)
                hostile = (hostile + whole[len(hostile) :])[: len(whole)]  # a file in use must not be cut short
                with open(path, "r+b") as file:
                    file.write(hostile)
                self.is_in_use = True
                self.are_roles_spoilt = hostile[ROLES : ROLES + 8 * MAX_BLOCKS] != whole[ROLES : ROLES + 8 * MAX_BLOCKS]
            else:
                hostile = self.hostile(rng, data)
                if rng.random() < 0.8:
                    path = self.renamed(hostile, path)
                self.write(path, hostile)
            outcome = self.use(path, rng)
            del held
            os.unlink(path)
            return outcome
        except BaseException:
            self.is_spoilt = True
            raise

    @staticmethod
    def write(path: str, data: bytes) -> None:
        with open(path, "wb") as file:
            file.write(data)

    @staticmethod
    def renamed(data: bytes, path: str) -> str:
        """Return the path that the header asks for: otherwise, every change of it would make the file a copy."""
        try:
            name, labels, _ = file_format.read_header(data)
        except RefusedError:
            return path
        if not name:
            return path  # it would be hidden, so that nobody reads it
        pairs = [(label.encode(), value.encode()) for label, value in labels.items()]
        return os.path.join(os.path.dirname(path), file_format.file_name(name.encode(), pairs))

    # ---- damage ----

    def hostile(self, rng: Random, data: bytes) -> bytes:
        """Return a file with damage at one to three places."""
        result = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self.damage(rng, result)
        if rng.random() < 0.8 and len(result) >= 3072:
            result[:3072] = file_format.with_checksum(bytes(result[:3072]))
        return bytes(result)

    def damage(self, rng: Random, data: bytearray) -> None:
        blocks = max(1, (len(data) - FIRST) // BLOCK)
        at = FIRST + BLOCK * rng.randrange(blocks)
        kind = rng.randrange(16)
        if kind < 2:  # of the header
            mutate.patch(data, rng.choice((8, 12, 16, 20, 24, 28, 40, 44, 48)), mutate.number(rng, 4))
        elif kind == 2:
            mutate.patch(data, rng.randrange(52, 400), mutate.number(rng, rng.choice((1, 4))))
        elif kind == 3:
            mutate.patch(data, DRAINS + 8 * rng.randrange(8), rng.choice((bytes(8), mutate.number(rng, 8))))
        elif kind < 6:  # roles
            place = ROLES + 8 * rng.choice((rng.randrange(blocks + 1), rng.randrange(MAX_BLOCKS)))
            mutate.patch(data, place, struct.pack("<Q", rng.choice((0, 1, 2, 3, 4, 5, rng.getrandbits(64)))))
        elif kind == 6:
            for k in range(rng.randrange(1, MAX_BLOCKS)):
                mutate.patch(data, ROLES + 8 * k, struct.pack("<Q", SHARED if k == 0 else rng.choice((2, 2, 2, 3, 4))))
        elif kind == 7:  # extremes and what follows them
            mutate.patch(data, at + 8 * rng.randrange(8), mutate.number(rng, 8))
        elif kind == 8:  # sums
            place = at + rng.choice((SUM, DRAINED_SUM)) + 8 * rng.randrange(260)
            mutate.patch(data, place, mutate.number(rng, 8))
        elif kind == 9:  # counts
            place = at + rng.choice((0, COUNTS)) + 8 * rng.choice((0, 1, SLOTS - 1, rng.randrange(SLOTS)))
            mutate.patch(data, place, mutate.number(rng, 8))
        elif kind == 10:
            size = FIRST + BLOCK * rng.randrange(blocks + 1) + rng.choice((-1, 0, 1, rng.randrange(BLOCK)))
            del data[max(0, size) :]
        elif kind == 11:
            data += bytes(rng.choice((1, 4096, BLOCK, 2 * BLOCK)))
        elif kind == 12:  # blocks in another order, with their roles or without
            other = FIRST + BLOCK * rng.randrange(blocks)
            one, two = bytes(data[at : at + BLOCK]), bytes(data[other : other + BLOCK])
            if len(one) == len(two) == BLOCK:
                data[at : at + BLOCK], data[other : other + BLOCK] = two, one
        elif kind == 13:  # a part of another file
            other_data = rng.choice(self.pool)[1]
            place = rng.choice((0, 3072, FIRST, at))
            mutate.patch(data, place, other_data[place : place + rng.choice((8, 1024, BLOCK))])
        elif kind == 14 and data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif data:
            mutate.damage(rng, data)

    # ---- use ----

    def use(self, path: str, rng: Random) -> str:
        """Read, record, clear and record again; check each result."""
        found = self.expected(path)
        if isinstance(found, Found) and found.has_more:
            self.are_roles_spoilt = True
        registry = Registry(self.folder)
        self.check(registry, path, found, "snapshot")
        if rng.randrange(PROCESSES_ONE_IN) == 0:
            self.in_another_process(path)
            found = self.after_that(found, 2.5, 1)
            self.check(registry, path, found, "after another process")
        recorder = self.opened(path, found)
        if recorder is not None:
            n = rng.choice((1, 1, 5000))
            recorder.record_many(MANY[:n])
            found = self.expected(path) if self.are_roles_spoilt else self.after_that(found, 3.0, n)
            self.check(registry, path, found, "after records")
        self.clear(registry, path, found)
        if recorder is not None and isinstance(found, Found):
            before, value = self.expected(path), rng.choice((0.5, 1e300, 0.0))
            recorder.record(value)
            recorder.record(value)
            now = self.expected(path) if self.are_roles_spoilt else self.after_that(before, value, 2)
            self.check(registry, path, now, "after clear")
            if self.are_roles_spoilt:
                return ACCEPTED
            if found.sum is not None and not (isinstance(before, Found) and before.counts):
                self.check_sum(registry, path, 2 * value)
        return ACCEPTED if isinstance(found, Found) else REFUSED

    @staticmethod
    def expected(path: str) -> Found | str:
        """Return what the oracle reads, or why it refuses the file."""
        with open(path, "rb") as file:
            data = file.read()
        try:
            found = file_format.read(data)
            pairs = [(label.encode(), value.encode()) for label, value in found.labels.items()]
            if file_format.file_name(found.name.encode(), pairs) != os.path.basename(path):
                raise RefusedError("a copy")
            return found
        except RefusedError as error:
            return str(error)

    @staticmethod
    def after_that(found: Found | str, value: float, n: int) -> Found | str:
        """Return what a file says after `n` more records."""
        if isinstance(found, str):
            return found
        slot = file_format.slot_of(value)
        counts = {**found.counts, slot: found.counts.get(slot, 0) + n}
        if sum(counts.values()) >= 2**63:
            return "too many"
        total = None if found.sum is None else found.sum + n * exact(value)
        if total is not None and total >= sum(counts.values()) * file_format.LARGEST_SUM:
            return "the sum"
        # The extremes are unknown if they were: a record that comes later does not tell what came before.
        return Found(
            found.name, found.labels, found.unit, counts, total, float("nan"), float("nan"), found.synthetic,
            found.roles, found.has_more,
        )  # fmt: skip

    def check(self, registry: Registry, path: str, found: Found | str, when: str) -> None:
        """Check that a snapshot holds what it should: the good recorder, and the other one or a warning about it."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            snapshot = registry.snapshot()
        if snapshot.pop(Key("good")) != self.good.snapshot():
            raise FaultError(f"{when}: the good recorder is not as it was")
        about = [str(one.message) for one in caught if one.category is CorruptFileWarning]
        if isinstance(found, str):
            if snapshot or len(about) != 1:
                raise FaultError(f"{when}: accepted, but it is to be refused ({found}): {snapshot} {about}")
            return
        if found.sum is None and len(about) == 1 and not snapshot:
            return  # what has an impossible sum may be refused, too
        key = Key(found.name, **found.labels)
        if about or list(snapshot) != [key]:
            raise FaultError(f"{when}: refused, or not under {key}: {about} {list(snapshot)}")
        compare(snapshot[key], found, when)

    def opened(self, path: str, found: Found | str) -> Recorder | None:
        try:
            recorder = Recorder.open(path)
        except CorruptFileError as error:
            if isinstance(found, Found) and found.sum is not None:
                raise FaultError(f"cannot be opened: {error}") from None
            return None
        if isinstance(found, str) and not self.is_in_use:
            raise FaultError(f"opened to record, but it is to be refused ({found})")
        return recorder

    def in_another_process(self, path: str) -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                try:
                    Recorder.open(path).record(2.5)
                except CorruptFileError:
                    pass
                status = 0
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        if status:
            raise FaultError(f"another process that records ended with status {status:#x}")

    def clear(self, registry: Registry, path: str, found: Found | str) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            registry.clear()
        about = [str(one.message) for one in caught if one.category is CorruptFileWarning]
        if self.good.snapshot().count:
            raise FaultError("the good recorder was not cleared")
        self.good.record(2.0)
        now = self.expected(path)
        if isinstance(found, Found) and not about:
            if isinstance(now, str) or now.counts:
                raise FaultError(f"clear() left {now}")
            self.check(registry, path, now, "cleared")
        elif (
            isinstance(found, Found)
            and found.sum is not None
            and not (len(found.roles) >= MAX_BLOCKS - 1 and {EVEN, ODD} - set(found.roles))
        ):
            raise FaultError(f"cannot be cleared: {about}")

    def check_sum(self, registry: Registry, path: str, expected: float) -> None:
        total = next(one for key, one in registry.snapshot().items() if key.name != "good").sum
        if total != expected:
            raise FaultError(f"the sum after clear() is {total!r}, not {expected!r}")


def compare(histogram: Histogram, found: Found, when: str) -> None:
    """Check that a histogram says what the oracle reads."""
    counts = {index + 2049: count for index, count in zip(histogram.indices.tolist(), histogram.counts.tolist())}
    if counts != found.counts or histogram.count != sum(found.counts.values()):
        raise FaultError(f"{when}: other counts: {counts}, not {found.counts}")
    if histogram.unit != found.unit or histogram.synthetic != (found.synthetic and bool(counts)):
        raise FaultError(f"{when}: {histogram.unit!r} {histogram.synthetic}, not {found.unit!r} {found.synthetic}")
    if counts and found.sum is not None:
        try:
            total = found.sum / 2**1074
        except OverflowError:
            total = float("inf")
        if histogram.sum != total:
            raise FaultError(f"{when}: sum {histogram.sum!r}, not {total!r}")
    if counts and found.low == found.low and (histogram.min, histogram.max) != (found.low, found.high):
        raise FaultError(f"{when}: {histogram.min!r} to {histogram.max!r}, not {found.low!r} to {found.high!r}")
