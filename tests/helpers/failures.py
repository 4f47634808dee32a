"""Has each system call behind the directory fail in turn, under LD_PRELOAD with the library of failing.c.

``python failures.py LIBRARY FOLDER [SCENE ...]`` prints how many calls have failed.  In each scene, each n-th call of
each kind fails with each error.  The scene must then do its work, or raise OSError (CorruptFileError, if a file cannot
be read).  Afterwards nothing is lost or counted twice, no descriptor is open, no lock is held, and all works again.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gc
import os
import shutil
import struct
import sys
import warnings
from fractions import Fraction
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from historian import (
    CorruptFileError,
    CorruptFileWarning,
    Histogram,
    Key,
    Recorder,
    Registry,
    RegistryWarning,
    snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = (
    *("open", "flock", "fcntl", "fallocate", "mmap", "mremap", "madvise", "write", "read"),
    *("fsync", "fchmod", "mkdir", "link", "unlink", "rename", "fstat", "stat"),
)
AFTER_WORK = ("close",)  # if it fails when a drain has done its work, what was drained must not be lost
ONCE = (errno.EIO, errno.ENOSPC, errno.ENOMEM, errno.EMFILE, errno.EACCES, errno.EINTR, errno.EAGAIN)
FOR_GOOD = (errno.EIO, errno.ENOSPC, errno.EMFILE)
ERRORS = [*((error, False) for error in ONCE), *((error, True) for error in FOR_GOOD)]
ENOUGH = 5000
OCTAVES = [2.0**k for k in range(-31, 65)]  # a value in each: more than a new file has space for
F_OFD_SETLK = 37
NUMBERS = count()  # each directory is a new one: recorders of the last one may still live
ONE = Histogram.from_values([1.0])


@cache
def units(value: float) -> int:
    """Return a value in units of 2**-1074, as histograms have their sums."""
    return int(Fraction(value) * 2**1074)


def total(values: list[float]) -> int:
    return sum(map(units, values))


class Trial:
    """A directory with two recorders, one of them open, and what was recorded in them."""

    def __init__(self, path: str, library: ctypes.CDLL) -> None:
        self.library = library
        shutil.rmtree(path, ignore_errors=True)
        self.path = path
        self.file = os.path.join(path, "recorders")
        self.registry = Registry(path)
        self.rec = self.registry.recorder("q")
        self.rec.record_many([1.0] * ENOUGH)
        self.registry.recorder("closed", a="b").record(2.0)
        self.counts = {"q": ENOUGH, "closed": 1}  # what a registry shows
        self.sums = {"q": ENOUGH * units(1.0), "closed": units(2.0)}
        self.registry = Registry(path)  # another one holds no recorder

    def record(self, rec: Recorder, values: list[float]) -> None:
        """Record values, which never fails."""
        name = rec.name.partition("{")[0]
        for value in values:
            rec.record(value)
        self.counts[name] = self.counts.get(name, 0) + len(values)
        self.sums[name] = self.sums.get(name, 0) + total(values)

    def check(self) -> None:
        """Check that no record is lost or counted twice, and that all works again."""
        found: dict[str, Histogram] = {}
        for key, h in self.registry.snapshot().items():
            found[key.name] = found[key.name] + h if key.name in found else h
        for name in ("new", "removed"):  # it may have been created, and not been recorded in
            if name not in self.counts and name in found:
                assert found.pop(name).count == 0
        assert set(found) == set(self.counts), found
        for name, h in found.items():
            seen, expected = (h.count, h._sum), (self.counts[name], self.sums[name])
            assert seen == expected, (name, seen, expected)
        assert self.registry.problems() == {}
        self.registry.recorder("later").record(1.0)
        self.rec.record(1.0)
        assert self.rec.drain().count == found["q"].count + 1
        assert self.lock_is_free()

    def lock_is_free(self) -> bool:
        """Return whether nobody has locked the file to change it, or to make it larger."""
        with open(self.file, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            byte_0 = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
            fcntl.fcntl(file, F_OFD_SETLK, byte_0)
        return True


def create(trial: Trial) -> None:
    trial.record(trial.registry.recorder("new"), [1.0])


def fill(trial: Trial) -> None:
    """Use all space of the file, so that it must be made larger."""
    with open(trial.file, "rb") as file:
        k, words = 0, (0, 99)
        while words[0] < words[1]:
            long = "x" * 1900 if words[1] - words[0] > 10 else ""
            trial.record(trial.registry.recorder("filler", k=k, long=long), [])
            k, words = k + 1, struct.unpack("QQ", os.pread(file.fileno(), 16, 128))


def create_grown(trial: Trial) -> None:
    trial.record(trial.registry.recorder("new", long="x" * 1000), [1.0])


def first(trial: Trial) -> None:
    path = f"{trial.path}/first"
    assert Registry(path).recorder("first").unit == "s"
    assert os.listdir(path) == ["recorders"]


def reopen(trial: Trial) -> None:
    trial.record(trial.registry.recorder("closed", a="b"), [2.0])


def open_path(trial: Trial) -> None:
    trial.record(Recorder.open(trial.file, Key("closed", a="b")), [2.0])


def open_anew(trial: Trial) -> None:
    """Open the directory as a process does that has just begun."""
    link = f"{trial.path}.link"
    if not os.path.lexists(link):
        os.symlink(trial.path, link)
    rec = Registry(link).recorder("closed", a="b")
    trial.record(rec, [2.0] * 10)


def grow(trial: Trial) -> None:
    """Record values of more octaves than the file has space for."""
    for rec in (trial.rec, trial.registry.recorder("closed", a="b")):
        trial.record(rec, OCTAVES)
    h = trial.rec.snapshot()
    assert (h.min, h.max) == (OCTAVES[0], OCTAVES[-1])


def grow_array(trial: Trial) -> None:
    trial.rec.record_many(OCTAVES)
    trial.counts["q"] += len(OCTAVES)
    trial.sums["q"] += total(OCTAVES)


def forked(trial: Trial) -> None:
    """Count in a child process, which leases a lane of its own."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        try:
            trial.record(trial.rec, OCTAVES)
            calls = trial.library.failing_calls()
            trial.library.failing_arm(b"", 0, 0)
            os.write(writable, calls.to_bytes(4, "little"))
        finally:
            os._exit(0)
    os.close(writable)
    calls = os.read(readable, 4)
    os.close(readable)
    os.waitpid(child, 0)
    assert len(calls) == 4, "the child has failed"
    trial.library.failing_add(max(0, int.from_bytes(calls, "little") - trial.library.failing_calls()))
    trial.counts["q"] += len(OCTAVES)
    trial.sums["q"] += total(OCTAVES)


def read(trial: Trial) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = trial.registry.snapshot()
    for key, h in found.items():
        assert (h.count, h._sum) == (trial.counts[key.name], trial.sums[key.name])
    assert len(found) == 2 or said  # what is left out is said


def read_one(trial: Trial) -> None:
    assert trial.rec.snapshot().count == trial.counts["q"]


def drain(trial: Trial) -> None:
    assert trial.rec.drain().count == trial.counts["q"]
    trial.counts["q"], trial.sums["q"] = 0, 0


def drain_wide(trial: Trial) -> None:
    """Drain more octaves than the file has space for."""
    trial.record(trial.rec, OCTAVES)
    drain(trial)


def remove(trial: Trial) -> None:
    assert trial.registry.remove(Key("closed", a="b")).count == trial.counts["closed"]
    del trial.counts["closed"], trial.sums["closed"]


def clear(trial: Trial) -> None:
    """Clear a registry: all of it or nothing."""
    trial.registry.clear()
    trial.counts, trial.sums = dict.fromkeys(trial.counts, 0), dict.fromkeys(trial.sums, 0)


def drain_all(trial: Trial) -> None:
    """Drain a registry: all of it or nothing."""
    taken = trial.registry.drain()
    found = {key.name: (h.count, h._sum) for key, h in taken.items() if h.count}
    assert found == {name: (count, trial.sums[name]) for name, count in trial.counts.items() if count}
    trial.counts, trial.sums = dict.fromkeys(trial.counts, 0), dict.fromkeys(trial.sums, 0)


def drain_all_wide(trial: Trial) -> None:
    """Drain more octaves than the file has space for."""
    for rec in (trial.rec, trial.registry.recorder("closed", a="b")):
        trial.record(rec, OCTAVES)
    drain_all(trial)


def start(trial: Trial) -> None:
    assert Registry(os.path.join(trial.path, "..", os.path.basename(trial.path))).directory == trial.path


def removed(trial: Trial) -> None:
    """Its directory was removed."""
    assert trial.rec.snapshot().count == trial.counts["q"]
    trial.record(trial.rec, [1.0])


def replaced(trial: Trial) -> None:
    """Another process has replaced the file."""
    removed(trial)
    before, trial.counts["q"], trial.sums["q"] = trial.counts["q"], 0, 0
    try:
        assert trial.rec.drain().count == before
    except BaseException:
        trial.counts["q"], trial.sums["q"] = before, before * units(1.0)
        raise


def save(trial: Trial) -> None:
    path = f"{trial.path}.saved"
    if not os.path.exists(path):
        with open(path, "wb"):
            pass
    before = os.path.getsize(path)
    try:
        snapshot.save({Key("q"): ONE}, path)
    except OSError:
        assert os.path.getsize(path) == before
        raise
    finally:
        os.unlink(path)
    assert not [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".new")]


FILLED = (create_grown, grow, grow_array, drain_wide, drain_all_wide, remove)
SCENES: dict[str, Callable[[Trial], None]] = {
    scene.__name__: scene
    for scene in (
        *(create, create_grown, first, reopen, open_path, open_anew, grow, grow_array, forked, read, read_one),
        *(drain, drain_wide, drain_all, drain_all_wide, clear, remove, start, removed, replaced, save),
    )
}


def held(path: str) -> tuple[int, int]:
    """Return the number of descriptors, and of maps of files in a directory."""
    with open("/proc/self/maps") as maps:
        return len(os.listdir("/proc/self/fd")), sum(f"{path}/" in line for line in maps)


def attempt(
    library: ctypes.CDLL, scene: Callable[[Trial], None], path: str, call: str, nth: int, error: int, lasts: bool
) -> bool:
    """Have the n-th call fail in a scene, and if it lasts, the later ones.  Return whether there was one."""
    trial = Trial(os.path.join(path, str(next(NUMBERS))), library)
    if scene in FILLED:
        fill(trial)
    trial.registry = Registry(trial.path)  # another one holds no recorder
    if scene in (removed, replaced):
        trial.counts.pop("filler", None)
        trial.sums.pop("filler", None)
        del trial.counts["closed"], trial.sums["closed"]  # nobody has it open
        if scene is removed:
            shutil.rmtree(trial.path)
        else:
            os.unlink(trial.file)
    before = held(trial.path)
    library.failing_for_good(lasts)
    library.failing_arm(call.encode(), nth, error)
    try:
        scene(trial)
    except (OSError, CorruptFileError):
        pass
    finally:
        calls = library.failing_calls()
        library.failing_arm(b"", 0, 0)
    trial.registry = Registry(trial.path)  # another one holds no recorder
    after = held(trial.path)
    if after != before:
        gc.collect()  # a traceback may hold a file
        after = held(trial.path)
    more = 3 if scene in (removed, replaced) else 0  # the old file stays mapped, and so do its lane and seat
    assert after[0] == before[0], f"descriptors: {before} {after}"
    assert after[1] <= before[1] + more, f"maps: {before} {after}"
    if call != "unlink":
        assert [name for name in os.listdir(trial.path) if name not in ("recorders", "first")] == []
    trial.check()
    shutil.rmtree(trial.path)
    return calls >= nth


def main(library: str, path: str, *scenes: str) -> None:
    warnings.simplefilter("error", CorruptFileWarning)
    warnings.simplefilter("ignore", RegistryWarning)
    loaded = ctypes.CDLL(library)
    loaded.failing_in(path.encode())
    failed = 0
    for name, scene in SCENES.items():
        if scenes and name not in scenes:
            continue
        scene(Trial(os.path.join(path, name), loaded))  # imports what is imported late
        for call in CALLS + (AFTER_WORK if scene in (drain, drain_wide, drain_all, drain_all_wide, remove) else ()):
            nth, is_there = 1, True
            while is_there:
                for error, lasts in ERRORS:
                    try:
                        is_there = attempt(loaded, scene, path, call, nth, error, lasts)
                    except BaseException as problem:
                        which = f"number {nth} and all later ones fail" if lasts else f"number {nth} fails"
                        what = f"{name}: {call} {which} with {errno.errorcode[error]}: {problem!r}"
                        raise AssertionError(what) from problem
                    failed += is_there
                    if not is_there:
                        break
                nth += 1
    print(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
