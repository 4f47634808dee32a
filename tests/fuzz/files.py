"""Files of directories: each recorder is refused, or counted as docs/format.md says; no writer dies."""

from __future__ import annotations

import gc
import os
import time
from random import Random
from unittest.mock import patch

import mutate
import numpy as np
from campaign import ACCEPTED, IDLE, REFUSED, FaultError
from file_format import INDEX_AT, File, Found, RefusedError
from sparse import CHUNK, CHUNKS_AT, HEAD, Image

from historian import CorruptFileError, Histogram, Key, Recorder, Registry

#: Files that the others are made from.
POOL = 24

#: One of so many cases has a second process that writes, too.
PROCESSES_ONE_IN = 256

KEYS = (
    Key("bad"),
    Key("db.query", shard="3", table="users"),
    Key("Größe/…", a="", path="/x,y=z"),
    Key("n" * 200, long="v" * 300),
)

#: Where an entry, a row or a chunk of counters refers to other chunks.
REFERENCES = (8, 16, 20, *range(144, 528, 4), 528)


class Files:
    """Damaged files of directories, read and written by this process and by others."""

    batch = 5000
    addresses = 1 << 31  # room for the file to grow

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.parent, self.folders = folder, 0
        with patch.object(os, "urandom", rng.randbytes), patch.object(time, "time_ns", lambda: rng.getrandbits(60)):
            self.pool = [self.any_file(rng) for _ in range(POOL)]
        gc.freeze()  # so that collecting costs little

    def any_file(self, rng: Random) -> tuple[Image, list[int]]:
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
                if rng.random() < 0.5:
                    rec.drain()
            if rng.random() < 0.2:
                registry.remove(key)
                if rng.random() < 0.5:  # it shows again
                    rec.record(1.0)
            if rng.random() < 0.3:  # one bucket, and extremes near to each other
                rec.record_many([3.0, 3.0 + 2.0**-50])
        path = os.path.join(registry.directory or "", "recorders")
        image = Image.of(path)
        image.patch(160, rng.randbytes(7) + b"\0")  # of the clock: a case depends on its seed and its number only
        snapshot = registry.snapshot()
        for found in expected(image) or ["refused"]:
            if isinstance(found, str):
                raise FaultError(f"the oracle does not read what was written: {found}")
            if found is not None:
                compare(snapshot[Key(found.name, **found.labels)], found, "at first")
        return image, image.used()

    def next_folder(self) -> str:
        self.folders += 1
        return os.path.join(self.parent, str(self.folders))

    def case(self, rng: Random) -> str:
        """Damage a file, then read, record, clear and record."""
        folder = self.next_folder()
        os.mkdir(folder, 0o700)
        path = os.path.join(folder, "recorders")
        whole, used = rng.choice(self.pool)
        registry = Registry(folder)
        held: list[Recorder] = []
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if rng.random() < 0.25:  # the damage comes when the file is in use
                whole.write(fd)
                held = [registry.recorder(key.name, **dict(key.labels)) for key in registry.snapshot()]
            image = self.hostile(rng, whole, used)
            if held and image.size < whole.size:  # a file in use must not be cut short
                image.resize(whole.size)
            image.write(fd)
        finally:
            os.close(fd)
        outcome = self.use(registry, path, image, rng)
        del held
        os.unlink(path)
        os.rmdir(folder)
        return outcome

    # ---- damage ----

    def hostile(self, rng: Random, whole: Image, used: list[int]) -> Image:
        """Return a file with damage at one to three places."""
        result = whole.copy()
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            self.damage(rng, result, used)
        return result

    @staticmethod
    def damage(rng: Random, image: Image, used: list[int]) -> None:
        chunks = max(2, min(60, len(image.rest) // CHUNK))
        at, chunk = rng.choice(used), CHUNKS_AT + CHUNK * rng.randrange(chunks)
        other = CHUNKS_AT + CHUNK * rng.randrange(chunks)
        kind = rng.randrange(12)
        if kind < 5:
            byte = image.read(at, 1)
            image.patch(at, bytes([byte[0] ^ 1 << rng.randrange(8)]) if byte else b"")
        elif kind == 5:
            image.patch(at // 8 * 8, mutate.number(rng, 8))
        elif kind == 6:
            image.patch(rng.choice((128, 1024, INDEX_AT)) + 8 * rng.randrange(8), mutate.number(rng, 8))
        elif kind == 7:
            image.patch(chunk + 8 * rng.randrange(67), mutate.number(rng, 8))
        elif kind == 8:  # a chunk in place of another
            image.patch(chunk, image.read(other, CHUNK))
        elif kind == 9:  # one reference for another
            image.patch(chunk + rng.choice(REFERENCES), image.read(other + rng.choice(REFERENCES), 4))
        elif kind == 10 and rng.random() < 0.5:
            image.resize(rng.choice((rng.randrange(image.size + 1), rng.randrange(HEAD), chunk)))
        elif kind == 10:
            image.resize(image.size + rng.choice((1, CHUNK, 65536)))
        else:
            image.patch(chunk, bytes(CHUNK))

    # ---- use ----

    def use(self, registry: Registry, path: str, image: Image, rng: Random) -> str:
        """Read, record, drain, clear; check each result."""
        found = expected(image)
        if found is not None and len(found) > 100:
            return IDLE  # all places of the index are reported
        before = check(registry, path, found, "snapshot")
        if rng.randrange(PROCESSES_ONE_IN) == 0:
            in_another_process(registry, rng)
            before = read(registry)[0]
        counts = {key: histogram.count for key, histogram in before.items()}
        for key in dict.fromkeys([*before, *KEYS[:2]]):
            write(registry, key, before.get(key), counts, rng)
        drained, problems = registry._drain(None, [])
        after = read(registry)[0]
        for key in before:
            is_left_out = counts[key] and key not in drained and not problems
            if is_left_out or (key in after and after[key].count):
                raise FaultError(f"{key} is not cleared: {after.get(key)} after {before[key]}: {problems}")
            if key in drained and drained[key].count != counts[key]:
                raise FaultError(f"{key} was drained of {drained[key]}, not of {counts[key]}, after {before[key]}")
        return ACCEPTED if before else REFUSED


def write(registry: Registry, key: Key, before: Histogram | None, counts: dict[Key, int], rng: Random) -> None:
    """Record into a recorder, and drain it now and then.  `counts` gets what it holds then, if it can be read."""
    value, n = rng.choice((0.5, 1e300, 0.0, 3.0)), rng.choice((1, 1, 5000))  # so many, and the process gets a lane
    try:
        rec = registry.recorder(key.name, unit=before.unit if before else "s", **dict(key.labels))
    except (CorruptFileError, OSError) as error:
        if before is not None:
            raise FaultError(f"{key} was read, but cannot be opened: {error!r}") from None
        return
    if before is not None and before.count + n >= 2**62:
        return
    if n > 1 or rng.random() < 0.5:
        rec.record_many(np.full(n, value))
    else:
        rec.record(value)
    if before is None:
        return
    more, counts[key] = before + Histogram.from_values([value], unit=before.unit, counts=[n]), before.count + n
    if rng.random() < 0.5:
        try:
            now, drained, left = rec.snapshot(), rec.drain(), rec.snapshot()
        except CorruptFileError:  # of an empty recorder, the sum was not looked at
            if before.count:
                raise
            return
        is_sum_wrong = before.count and now._sum != more._sum  # a sum may be there before its count
        if now._sum < more._sum and now.synthetic:  # it lacks what found no space, and says so
            is_sum_wrong = False
        if now.count != more.count or is_sum_wrong or drained.count != now.count or left.count:
            raise FaultError(f"{key}: {before} and {n} times {value}, then {now}, {drained} drained, {left} left")
        counts[key] = 0


def read(registry: Registry) -> tuple[dict[Key, Histogram], dict[str, CorruptFileError]]:
    """Return what `snapshot` and `problems` do, read once."""
    return registry._read()


def record(registry: Registry, key: Key, rng: Random) -> None:
    rec = registry.recorder(key.name, **dict(key.labels))
    for _ in range(rng.choice((1, 3, 10))):
        rec.record_many([2.0 ** rng.uniform(-8, 4)] * rng.choice((1, 1, 2000)))
        rec.record(2.0 ** rng.uniform(-40, 70))
    if rng.random() < 0.2:
        rec.record_corrected(10.0, 1.0)


def expected(image: Image) -> list[Found | str | None] | None:
    """Return what the oracle reads at each place, why it refuses that, or None if that was removed.

    The result is None if it refuses the whole file.
    """
    try:
        file = File(image)
    except RefusedError:
        return None
    result: list[Found | str | None] = []
    for place in range(min(file.places, 101)):
        try:
            result.append(file.recorder(place))
        except RefusedError as error:
            result.append(str(error))
    return result


def check(registry: Registry, path: str, found: list[Found | str | None] | None, when: str) -> dict[Key, Histogram]:
    """Check that a snapshot holds what it should: each recorder, or an error about it.  Return it."""
    snapshot, problems = read(registry)
    if found is None:
        if snapshot or list(problems) != [path]:
            raise FaultError(f"{when}: accepted, but it is to be refused: {snapshot} {problems}")
        return snapshot
    good = {Key(one.name, **one.labels): one for one in found if isinstance(one, Found)}
    if set(snapshot) != set(good):
        raise FaultError(f"{when}: {sorted(map(str, snapshot))}, not {sorted(map(str, good))}: {problems} {found}")
    if len(problems) != sum(isinstance(one, str) for one in found):
        raise FaultError(f"{when}: not what is to be reported: {problems}, but {found}")
    for key, histogram in snapshot.items():
        compare(histogram, good[key], f"{when}: {key}")
    return snapshot


def in_another_process(registry: Registry, rng: Random) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                record(registry, KEYS[0], rng)
            except (CorruptFileError, OSError, OverflowError):  # the last one if a count is almost 2**63
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
    if histogram._sum != found.sum:
        raise FaultError(f"{when}: sum {histogram._sum}, not {found.sum}")
    bounds = histogram.to_dict().get("bounds", [])
    extremes = (histogram.min, "min" in bounds), (histogram.max, "max" in bounds)
    if counts and extremes != (found.min, found.max):
        raise FaultError(f"{when}: from {extremes[0]} to {extremes[1]}, not {found.min} to {found.max}")
