"""Files of directories: each recorder is refused, or counted as docs/format.md says; no writer dies."""

from __future__ import annotations

import gc
import os
import warnings
from random import Random

import mutate
import numpy as np
from campaign import ACCEPTED, IDLE, REFUSED, FaultError
from file_format import CHUNK, CHUNKS_AT, INDEX_AT, File, Found, RefusedError, slot_of

from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Registry

#: Files that the others are made from.
POOL = 12

#: One of so many cases has a second process that writes, too.
PROCESSES_ONE_IN = 64

MANY = np.full(5000, 3.0)  # enough that the process gets a lane of its own

KEYS = (
    Key("bad"),
    Key("db.query", shard="3", table="users"),
    Key("Größe/…", a="", path="/x,y=z"),
    Key("n" * 200, long="v" * 300),
)


class Files:
    """Damaged files of directories, read and written by this process and by others."""

    batch = 1000

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.parent, self.folders = folder, 0
        self.pool = [self.any_file(rng) for _ in range(POOL)]
        gc.freeze()  # so that collecting costs little

    def any_file(self, rng: Random) -> tuple[bytes, list[int]]:
        """Return a file that processes have written, and where it is not 0."""
        registry = Registry(self.next_folder())
        for key in rng.sample(KEYS, rng.randrange(1, len(KEYS) + 1)):
            for _ in range(rng.choice((1, 1, 2, 3))):
                child = os.fork()  # each gets a lane, and leaves it to the next
                if child == 0:
                    record(registry, key, rng)
                    os._exit(0)
                os.waitpid(child, 0)
                rng.random()
            rec = registry.recorder(key.name, **dict(key.labels))
            if rng.random() < 0.5:
                rec.drain()
                rec.record_many([1.0, 5e-324, 2.0 ** rng.uniform(-40, 70)] * rng.choice((1, 100)))
        with open(os.path.join(registry.directory or "", "recorders"), "rb") as file:
            data = file.read()
        for place in range(File(data).places):
            File(data).recorder(place)  # the oracle reads what was written
        return data, np.flatnonzero(np.frombuffer(data, "u1")).tolist()

    def next_folder(self) -> str:
        self.folders += 1
        return os.path.join(self.parent, str(self.folders))

    def case(self, rng: Random) -> str:
        """Damage a file, then read, record, clear and record."""
        gc.collect()
        folder = self.next_folder()
        os.mkdir(folder, 0o700)
        path = os.path.join(folder, "recorders")
        data, used = rng.choice(self.pool)
        registry = Registry(folder)
        held = []
        if rng.random() < 0.25:  # the damage comes when the file is in use
            self.write(path, data)
            held = [registry.recorder(key.name, **dict(key.labels)) for key in registry.snapshot()]
            with open(path, "rb") as file:
                data = file.read()
            hostile = self.hostile(rng, data, used)
            with open(path, "r+b") as file:  # a file in use must not be cut short
                file.write((hostile + data[len(hostile) :])[: len(data)])
        else:
            self.write(path, self.hostile(rng, data, used))
        outcome = self.use(registry, path, rng)
        del held
        os.unlink(path)
        os.rmdir(folder)
        return outcome

    @staticmethod
    def write(path: str, data: bytes) -> None:
        with open(path, "wb") as file:
            file.write(data)

    # ---- damage ----

    def hostile(self, rng: Random, data: bytes, used: list[int]) -> bytes:
        """Return a file with damage at one to three places."""
        result = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self.damage(rng, result, used)
        return bytes(result)

    @staticmethod
    def damage(rng: Random, data: bytearray, used: list[int]) -> None:
        chunks = 48
        at, chunk = rng.choice(used), CHUNKS_AT + CHUNK * rng.randrange(chunks)
        kind = rng.randrange(10)
        if kind < 3:
            if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            mutate.patch(data, at // 8 * 8, mutate.number(rng, 8))
        elif kind == 4:
            mutate.patch(data, rng.choice((128, 1024, INDEX_AT)) + 8 * rng.randrange(8), mutate.number(rng, 8))
        elif kind == 5:
            mutate.patch(data, chunk + 8 * rng.randrange(67), mutate.number(rng, 8))
        elif kind == 6:  # a chunk in place of another
            other = CHUNKS_AT + CHUNK * rng.randrange(chunks)
            mutate.patch(data, chunk, bytes(data[other : other + CHUNK]))
        elif kind == 7:  # one reference for another
            other = CHUNKS_AT + CHUNK * rng.randrange(chunks) + rng.choice((8, 16, 144, 208, 260, 276))
            mutate.patch(data, chunk + rng.choice((8, 16, 144, 208, 260, 276)), bytes(data[other : other + 4]))
        elif kind == 8:
            del data[rng.choice((rng.randrange(len(data) + 1), chunk)) :]
        elif rng.random() < 0.5:
            data += bytes(rng.choice((1, CHUNK, 65536)))
        else:
            mutate.patch(data, chunk, bytes(CHUNK))

    # ---- use ----

    def use(self, registry: Registry, path: str, rng: Random) -> str:
        """Read, record, clear and record again; check each result."""
        found = expected(path)
        if isinstance(found, list) and len(found) > 100:
            return IDLE  # all places of the index are reported
        check(registry, path, found, "snapshot")
        if rng.randrange(PROCESSES_ONE_IN) == 0:
            in_another_process(registry, rng)
        keys = [Key(one.name, **one.labels) for one in found or [] if isinstance(one, Found)]
        for key in dict.fromkeys([*keys, *KEYS[:2]]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CorruptFileWarning)
                before = registry.snapshot().get(key)
            try:
                rec = registry.recorder(key.name, unit=before.unit if before else "s", **dict(key.labels))
            except (CorruptFileError, OSError) as error:
                if before is not None and "[" in str(error):
                    raise FaultError(f"{key} was read, but cannot be opened: {error}") from None
                continue
            value, n = rng.choice((0.5, 1e300, 0.0, 3.0)), rng.choice((1, 1, 5000))
            rec.record_many(np.full(n, value))
            if before is not None and before.count + n < 2**62 and keys.count(key) == 1:
                now = rec.snapshot()
                if now.count != before.count + n or rec.drain().count != now.count or rec.snapshot().count:
                    raise FaultError(f"{key}: {before} and {n} values, then {now}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorruptFileWarning)
            registry.clear()
            registry.snapshot()
        return ACCEPTED if keys else REFUSED


def record(registry: Registry, key: Key, rng: Random) -> None:
    rec = registry.recorder(key.name, **dict(key.labels))
    for _ in range(rng.choice((1, 3, 10))):
        rec.record_many([2.0 ** rng.uniform(-8, 4)] * rng.choice((1, 1, 2000)))
        rec.record(2.0 ** rng.uniform(-40, 70))
    if rng.random() < 0.2:
        rec.record_corrected(10.0, 1.0)


def expected(path: str) -> list[Found | str] | None:
    """Return what the oracle reads at each place, or why it refuses that; None if it refuses the whole file."""
    with open(path, "rb") as opened:
        data = opened.read()
    try:
        file = File(data)
    except RefusedError:
        return None
    result: list[Found | str] = []
    for place in range(min(file.places, 101)):
        try:
            found = file.recorder(place)
            if found is not None:
                result.append(found)
        except RefusedError as error:
            result.append(str(error))
    return result


def check(registry: Registry, path: str, found: list[Found | str] | None, when: str) -> None:
    """Check that a snapshot holds what it should: each recorder, or an error about it."""
    problems = registry.problems()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        snapshot = registry.snapshot()
    if found is None:
        if snapshot or list(problems) != [path]:
            raise FaultError(f"{when}: accepted, but it is to be refused: {snapshot} {problems}")
        return
    good = {Key(one.name, **one.labels): one for one in found if isinstance(one, Found)}
    odd = [one for one in good.values() if one.sum is None]
    if not set(snapshot) <= set(good) or len(good) - len(snapshot) > len(odd):
        raise FaultError(f"{when}: {sorted(map(str, snapshot))}, not {sorted(map(str, good))}: {problems} {found}")
    if len(problems) < len(found) - len([one for one in found if isinstance(one, Found)]):
        raise FaultError(f"{when}: not all is reported: {problems}, but {found}")
    for key, histogram in snapshot.items():
        compare(histogram, good[key], f"{when}: {key}")


def in_another_process(registry: Registry, rng: Random) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                record(registry, KEYS[0], rng)
            except (CorruptFileError, OSError):
                pass
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    if status:
        raise FaultError(f"another process that records ended with status {status:#x}")


def compare(histogram: Histogram, found: Found, when: str) -> None:
    """Check that a histogram says what the oracle reads."""
    counts = {index + 2049: count for index, count in zip(histogram.indices.tolist(), histogram.counts.tolist())}
    if counts != found.counts or histogram.count != sum(found.counts.values()):
        raise FaultError(f"{when}: other counts: {counts}, not {found.counts}")
    if histogram.unit != found.unit or histogram.synthetic != found.synthetic:
        raise FaultError(f"{when}: {histogram.unit!r} {histogram.synthetic}, not {found.unit!r} {found.synthetic}")
    if counts and found.sum is not None and histogram._sum != found.sum:
        raise FaultError(f"{when}: sum {histogram._sum}, not {found.sum}")
    if counts and not (0 <= histogram.min <= histogram.max and slot_of(histogram.max) <= max(counts)):
        raise FaultError(f"{when}: from {histogram.min!r} to {histogram.max!r}")
