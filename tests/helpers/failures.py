"""Has each system call behind the directory fail in turn, under LD_PRELOAD with the library of failing.c.

``python failures.py LIBRARY FOLDER`` prints how many calls have failed.  Nothing here depends on the layout of files.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import shutil
import sys
import warnings
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
    *("open", "flock", "fcntl", "fallocate", "mmap", "madvise", "write", "read"),
    *("fsync", "fchmod", "mkdir", "link", "rename", "fstat", "stat"),
)
ERRORS = (errno.EIO, errno.ENOSPC, errno.ENOMEM, errno.EINTR, errno.EMFILE)
ENOUGH = 5000
NUMBERS = count()  # each directory is a new one: recorders of the last one may still live
ONE = Histogram.from_values([1.0])


class Trial:
    """A directory with two recorders, one of them open, and what was recorded in them."""

    def __init__(self, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)
        self.path = path
        self.registry = Registry(path)
        self.rec = self.registry.recorder("q")
        self.rec.record_many([1.0] * ENOUGH)
        Registry(path).recorder("closed", a="b").record(2.0)
        self.counts = {"q": ENOUGH, "closed": 1}

    def check(self, done: bool, cleared: bool) -> None:
        """Check that no record is lost or counted twice, and that all works again."""
        found = {key.name: h.count for key, h in self.registry.snapshot().items()}
        assert found.pop("new", 0) in (0, 1)
        assert set(found) == set(self.counts), found
        for name, n in found.items():
            assert n == self.counts[name] or (cleared and not done and n == 0), (name, n, self.counts)
        assert self.registry.problems() == {}
        self.registry.recorder("later").record(1.0)
        self.rec.record(1.0)
        assert self.rec.drain().count == found["q"] + 1
        assert [name for name in os.listdir(self.path) if not name.endswith(".counters")] == []


def create(trial: Trial) -> None:
    trial.registry.recorder("new").record(1.0)


def reopen(trial: Trial) -> None:
    trial.registry.recorder("closed", a="b").record(2.0)
    trial.counts["closed"] += 1


def open_path(trial: Trial) -> None:
    assert trial.rec.path is not None
    Recorder.open(os.path.join(trial.path, "closed,a=b.counters")).record(2.0)
    trial.counts["closed"] += 1


def lease(trial: Trial) -> None:
    rec = trial.registry.recorder("closed", a="b")
    for _ in range(2):
        rec.record_many([2.0] * ENOUGH)
        trial.counts["closed"] += ENOUGH


def read(trial: Trial) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = trial.registry.snapshot()
    for key, h in found.items():
        assert h.count == trial.counts[key.name]
    assert len(found) + len(said) >= 2  # what is left out is said


def read_one(trial: Trial) -> None:
    assert trial.rec.snapshot().count == trial.counts["q"]


def drain(trial: Trial) -> None:
    assert trial.rec.drain().count == trial.counts["q"]
    trial.counts["q"] = 0


def clear(trial: Trial) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trial.registry.clear()
    if said:
        raise OSError(str(said[0].message))
    trial.counts = dict.fromkeys(trial.counts, 0)


def start(trial: Trial) -> None:
    assert Registry(os.path.join(trial.path, "..", os.path.basename(trial.path))).directory == trial.path


def removed(trial: Trial) -> None:
    assert trial.rec.snapshot().count == trial.counts["q"]
    trial.rec.record(1.0)
    trial.counts["q"] += 1


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


SCENES: dict[str, Callable[[Trial], None]] = {
    scene.__name__: scene
    for scene in (create, reopen, open_path, lease, read, read_one, drain, clear, start, removed, save)
}


def held(path: str) -> tuple[int, int]:
    """Return the number of descriptors, and of maps of files in a directory."""
    with open("/proc/self/maps") as maps:
        return len(os.listdir("/proc/self/fd")), sum(f"{path}/" in line for line in maps)


def attempt(library: ctypes.CDLL, scene: Callable[[Trial], None], path: str, call: str, nth: int, error: int) -> bool:
    """Have the n-th call fail while a scene is played.  Return whether there was such a call."""
    trial = Trial(os.path.join(path, str(next(NUMBERS))))
    gone = scene is removed and trial.counts.pop("closed")
    if gone:
        shutil.rmtree(trial.path)
    before = held(trial.path)
    library.failing_arm(call.encode(), nth, error)
    try:
        scene(trial)
        done = True
    except (OSError, CorruptFileError):
        done = False
    finally:
        calls = library.failing_calls()
        library.failing_arm(b"", 0, 0)
    trial.registry = Registry(trial.path)  # another one holds no recorder
    after = held(trial.path)
    if after != before:
        gc.collect()  # a traceback may hold a file
        after = held(trial.path)
    slack = 2 if scene is lease else 0  # a lease is a map, and the recorder may live until its registry lets go
    assert after[0] == before[0], f"descriptors: {before} {after}"
    assert after[1] <= before[1] + slack + (2 if gone else 0), f"maps: {before} {after}"
    trial.check(done, scene is clear)
    shutil.rmtree(trial.path)
    return calls >= nth


def main(library: str, path: str) -> None:
    warnings.simplefilter("error", CorruptFileWarning)
    warnings.simplefilter("ignore", RegistryWarning)
    loaded = ctypes.CDLL(library)
    loaded.failing_in(path.encode())
    failed = 0
    for name, scene in SCENES.items():
        scene(Trial(os.path.join(path, name)))  # imports what is imported late
        for call in CALLS:
            nth, is_there = 1, True
            while is_there:
                for error in ERRORS:
                    try:
                        is_there = attempt(loaded, scene, path, call, nth, error)
                    except BaseException as problem:
                        what = f"{name}: {call} number {nth} fails with {errno.errorcode[error]}: {problem!r}"
                        raise AssertionError(what) from problem
                    failed += is_there
                    if not is_there:
                        break
                nth += 1
    print(failed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
