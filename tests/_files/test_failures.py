"""Each system call fails in turn; processes are stopped while they hold each lock; clocks step; disks are read-only."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import failures
import pytest

from historian import Histogram, Key, Registry
from historian._files import locking

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="system calls are replaced as glibc allows"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if "LD_PRELOAD" in os.environ or not shutil.which("cc"):
        pytest.skip("needs cc, and the loader to itself")
    source, path = Path(failures.__file__).with_name("failing.c"), tmp_path_factory.mktemp("library") / "failing.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(source), "-o", str(path), "-ldl"], check=True)
    return str(path)


def preloaded(library):
    return {**os.environ, "LD_PRELOAD": library}


def test_each_system_call_fails_in_turn(library, tmp_path):
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)  # many times faster than a disk
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        run = [sys.executable, failures.__file__, library, os.path.join(folder, "d")]
        done = subprocess.run(run, env=preloaded(library), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 500  # calls that have failed


# ---- processes that are stopped ----

STOPPED = """
import ctypes, os, struct, sys
import historian

def words():
    with open(rec.path, "rb") as file:
        return struct.unpack("QQ", os.pread(file.fileno(), 16, 128))

library, directory, scene, call, nth = sys.argv[1:]
registry = historian.Registry(directory)
library = ctypes.CDLL(library)
library.failing_in(directory.encode())
if scene == "open":
    library.failing_arm(call.encode(), int(nth), 0)
rec = registry.recorder("q")
if scene != "lease":
    rec.record(1.0)
if scene in ("drain", "remove"):
    rec.record_many([2.0**k for k in range(-31, 65)])  # more octaves than chunks are kept for
if scene not in ("lease", "open"):
    k = 0
    while words()[0] < words()[1]:  # until all space is in use
        registry.recorder("filler", k=k)
        k += 1
if scene != "open":
    library.failing_arm(call.encode(), int(nth), 0)
drained = 0
if scene == "drain":
    drained = rec.drain().count
elif scene == "remove":
    drained = registry.remove(historian.Key("q")).count
elif scene == "create":
    registry.recorder("new").record(1.0)
elif scene == "read":
    registry.snapshot()
elif scene != "open":
    for k in range(-31, 65):
        rec.record(2.0**k)
print(drained)
"""
# What the process is doing, after which call it is stopped, and whether it then holds the lock of the file.
STOPS = [
    *[("create", "open", 1, False), ("create", "flock", 1, True), ("create", "fallocate", 1, True)],
    *[("drain", "open", 1, False), ("drain", "flock", 1, True), ("drain", "fallocate", 1, True)],
    *[("remove", "flock", 1, True), ("remove", "fallocate", 1, True)],
    *[("lease", "open", 1, False), ("lease", "fcntl", 1, False), ("lease", "mmap", 1, False)],
    *[("lease", "madvise", 1, False), ("grow", "open", 1, False), ("grow", "fallocate", 1, False)],
    *[
        ("open", "fcntl", 1, False),
        ("open", "mmap", 1, False),
        ("open", "mmap", 2, False),
        ("open", "madvise", 1, False),
    ],
    *[("read", "open", 2, False), ("read", "mmap", 1, False), ("drain", "flock", 2, False)],
]


@pytest.mark.parametrize(("scene", "call", "nth", "holds"), STOPS)
def test_a_process_is_stopped_while_it_holds_a_lock(library, directory, monkeypatch, scene, call, nth, holds):
    monkeypatch.setattr(locking, "LOCK_SECONDS", 0.1)
    registry = Registry(directory)
    rec = registry.recorder("q")
    other_one = registry.recorder("other")
    run = [sys.executable, "-c", STOPPED, library, directory, scene, call, str(nth)]
    with subprocess.Popen(run, env=preloaded(library), stdout=subprocess.PIPE, text=True) as other:
        status = os.waitpid(other.pid, os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status), status
        try:
            recorded, drained = goes_on(registry, rec, other_one)
            if holds:
                it_is_said(registry, rec)
            else:
                registry.recorder("late").record(1.0)
                drained += rec.drain().count
        finally:
            os.kill(other.pid, signal.SIGCONT)
        drained += int(other.communicate()[0])
    assert other.returncode == 0
    drained += rec.snapshot().count  # also if it was removed while these values came in
    assert drained == recorded + {"lease": 96, "grow": 97, "drain": 97, "remove": 97}.get(scene, 1)
    assert registry.snapshot()[Key("other")].count == recorded
    registry.recorder("late").record(1.0)
    assert registry.problems() == {} and os.listdir(directory) == ["recorders"]


def goes_on(registry, rec, other):
    """Record and read while the other process is stopped: nothing of this waits, and nothing becomes inexact."""
    seen, values = registry.snapshot()[Key("q")].count, [2.0**k for k in range(-31, 65)]
    for one in (rec, other):
        for value in values:
            one.record(value)
        one.record_many(values)
    h = rec.snapshot()
    assert h.count == seen + 2 * len(values) and not h.synthetic
    assert registry.snapshot()[Key("other")] == Histogram.from_values(2 * values)
    return 2 * len(values), 0


def it_is_said(registry, rec):
    text = r"another process has kept it locked for 0\.1 s: it may be stopped; try again"
    create, remove = (lambda: registry.recorder("late")), (lambda: registry.remove(Key("other")))
    for ask in (rec.drain, create, remove, registry.clear, registry.drain):
        with pytest.raises(TimeoutError, match=text):
            ask()


# ---- read-only file systems, clocks ----

READ_ONLY = """
import subprocess, sys
import historian
from historian import Key, Registry

disk = sys.argv[1]
rec = Registry(disk + "/d").recorder("q")
rec.record(1.0)
del rec
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
registry = Registry(disk + "/d")
assert registry.snapshot()[Key("q")].count == 1 and registry.problems() == {}
create, anew = (lambda: registry.recorder("new")), (lambda: Registry(disk + "/new"))
for function in (lambda: registry.recorder("q"), create, anew, registry.clear, registry.drain):
    try:
        function()
    except OSError as error:
        assert "Read-only file system" in str(error), error
    else:
        raise AssertionError(function)
assert registry.snapshot()[Key("q")].count == 1
print("done")
"""


def test_a_disk_that_is_read_only(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    run = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"', str(disk)]
    if not shutil.which("unshare") or subprocess.run([*run, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, and the right to mount a file system")
    done = subprocess.run([*run, sys.executable, "-c", READ_ONLY, disk], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("now", [-(10**18), 0, 4 * 10**18])
def test_a_clock_that_steps(directory, monkeypatch, now):
    registry = Registry(directory)
    registry.recorder("first").record(1.0)
    monkeypatch.setattr(time, "time_ns", lambda: now)
    registry.recorder("second").record(2.0)
    monkeypatch.undo()
    registry.recorder("third").drain()
    assert [key.name for key in registry.snapshot()] == ["first", "second", "third"]
    assert {str(key): h.count for key, h in Registry(directory).snapshot().items()} == {
        "first": 1,
        "second": 1,
        "third": 0,
    }
    assert registry.snapshot()[Key("second")] == Histogram.from_values([2.0])
    assert [key.name for key in registry.drain()] == ["first", "second", "third"]


@pytest.mark.parametrize("now", [-(10**18), 0, 2**63 - 1])
def test_a_directory_is_made_while_the_clock_is_wrong(directory, monkeypatch, now):
    monkeypatch.setattr(time, "time_ns", lambda: now)
    Registry(directory).recorder("q").record(1.0)
    monkeypatch.undo()
    assert Registry(directory).snapshot() == {Key("q"): Histogram.from_values([1.0])}


NO_RIGHTS = """
import os, sys
from historian import CorruptFileError, Key, Registry
folder, warm = sys.argv[1:]
Registry(warm).recorder("q").record(1.0)  # imports what is imported late
Registry(warm).drain()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)  # root may do anything
rec = Registry(folder + "/d").recorder("q")
rec.record(1.0)

def refused(function, kind, text):
    try:
        function()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(function)

os.chmod(folder + "/d", 0o500)  # recorders go on: they are in a file that is there
Registry(folder + "/d").recorder("new").record(2.0)
assert rec.drain().count == 1 and Registry(folder + "/d").snapshot()[Key("new")].count == 1
os.mkdir(folder + "/empty", 0o500)
refused(lambda: Registry(folder + "/empty").recorder("q"), PermissionError, "Permission denied")
refused(lambda: Registry(folder + "/empty/d"), PermissionError, "Permission denied")
os.chmod(rec.path, 0o400)
rec.record(3.0)
assert rec.snapshot().count == 1
refused(rec.drain, PermissionError, "Permission denied")
refused(lambda: Registry(folder + "/d").recorder("late"), PermissionError, "Permission denied")
assert Registry(folder + "/d").snapshot()[Key("q")].count == 1
for is_mapped in (True, False):
    if not is_mapped:
        del rec
    registry = Registry(folder + "/d")
    remove, create = (lambda: registry.remove(Key("q"))), (lambda: registry.recorder("q"))
    for ask in (registry.drain, registry.clear, remove, *([] if is_mapped else [create])):
        refused(ask, PermissionError, "Permission denied")
        assert {key.name: h.count for key, h in registry.snapshot().items()} == {"q": 1, "new": 1}
        assert registry.problems() == {}
os.chmod(folder + "/d/recorders", 0)
refused(Registry(folder + "/d").drain, PermissionError, "Permission denied")
problem, = Registry(folder + "/d").problems().values()
assert isinstance(problem, CorruptFileError) and problem.reason == "it cannot be opened: Permission denied"
print("done")
"""


def test_a_directory_and_a_file_without_rights(directory):
    everyones = "/tmp" if os.access("/tmp", os.W_OK) else None  # not below a folder of root alone
    with tempfile.TemporaryDirectory(dir=everyones) as folder:
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
        run = [sys.executable, "-c", NO_RIGHTS, folder, directory]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        os.chmod(os.path.join(folder, "d"), 0o700)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout == "done\n"


OTHER_USER = """
import os, sys, warnings
from historian import Key, Registry, RegistryWarning
folder, values = sys.argv[1], [2.0**k for k in range(-31, 65)]
registry = Registry(folder + "/d")
rec, family = registry.recorder("q"), registry.family("http", labels=("route",))
rec.record(1.0)
if not os.fork():  # as a server that forks its workers, and lets them be another user
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    for value in values:
        rec.record(value)
    rec.record_many(values)
    assert rec.snapshot().count == 1 + 2 * len(values)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for route in ("/a", "/b"):
            family[route].record(1.0)
    assert [warning.category for warning in said] == [RegistryWarning] and "Permission denied" in str(said[0].message)
    for ask in (lambda: registry.recorder("new"), registry.snapshot, rec.drain):
        try:
            ask()
        except PermissionError:
            continue
        os._exit(1)
    os._exit(0)
assert os.wait()[1] == 0
h = registry.snapshot()[Key("q")]
assert (h.count, h.min, h.max, h.sum) == (1 + 2 * len(values), values[0], values[-1], 1 + 2 * sum(values))
assert registry.snapshot()[Key("http", overflow="true")].count == 2
print("done")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_process_becomes_another_user(directory):
    """What it has open goes on counting, by the mapping; it cannot open the file again."""
    os.mkdir(directory)
    run = [sys.executable, "-c", OTHER_USER, directory]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout == "done\n"
