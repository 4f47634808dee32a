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
from layout import ENOUGH

from historian import CorruptFileWarning, Histogram, Key, Registry
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


STOPPED = """
import ctypes, sys
import historian
library, directory, scene, call, nth = sys.argv[1:]
registry = historian.Registry(directory)
rec = registry.recorder("q")
rec.record(1.0)
library = ctypes.CDLL(library)
library.failing_in(directory.encode())
library.failing_arm(call.encode(), int(nth), 0)
drained = 0
if scene == "drain":
    drained = rec.drain().count
elif scene == "lease":
    rec.record_many([1.0] * 5000)
    rec.record_many([1.0] * 5000)
else:
    registry.recorder("new").record(1.0)
print(drained)
"""
STOPS = [
    *[("drain", "flock", 1), ("drain", "fallocate", 1), ("drain", "fallocate", 2)],
    *[
        ("lease", "open", 1),
        ("lease", "flock", 1),
        ("lease", "fallocate", 1),
        ("lease", "fcntl", 1),
        ("lease", "mmap", 1),
    ],
    *[("create", "open", 2), ("create", "fallocate", 1), ("create", "link", 1)],
]


@pytest.mark.parametrize(("scene", "call", "nth"), STOPS)
def test_a_process_is_stopped_while_it_holds_a_lock(library, directory, monkeypatch, scene, call, nth):
    monkeypatch.setattr(locking, "LOCK_SECONDS", 0.1)
    registry = Registry(directory)
    rec = registry.recorder("q")
    run = [sys.executable, "-c", STOPPED, library, directory, scene, call, str(nth)]
    with subprocess.Popen(run, env=preloaded(library), stdout=subprocess.PIPE, text=True) as other:
        status = os.waitpid(other.pid, os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status), status
        try:
            seen = registry.snapshot()[Key("q")].count  # nothing of this waits for it
            rec.record_many([1.0] * ENOUGH)
            rec.record_many([1.0] * ENOUGH)
            Registry(directory).recorder("new").record(1.0)
            assert rec.snapshot().count == seen + 2 * ENOUGH
            drained, holds = 0, scene == "drain" or (scene, call) in {("lease", "flock"), ("lease", "fallocate")}
            holds = holds or (scene, call) == ("lease", "fcntl")  # of the new block, which it is adding
            if holds:
                with pytest.raises(TimeoutError, match=r"another process has been draining it for 0\.1 s: it may be"):
                    rec.drain()
                with pytest.warns(CorruptFileWarning, match=r"q\.counters: it cannot be cleared: another process"):
                    registry.clear()
            else:
                drained = rec.drain().count
        finally:
            os.kill(other.pid, signal.SIGCONT)
        drained += int(other.communicate()[0])
    assert other.returncode == 0
    drained += rec.drain().count
    assert drained == 1 + 2 * ENOUGH + (10_000 if scene == "lease" else 0)
    assert registry.problems() == {} and sorted(os.listdir(directory)) == ["new.counters", "q.counters"]


READ_ONLY = """
import subprocess, sys, warnings
import historian
from historian import Key, Registry

disk = sys.argv[1]
rec = Registry(disk + "/d").recorder("q")
rec.record(1.0)
del rec
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
registry = Registry(disk + "/d")
assert registry.snapshot()[Key("q")].count == 1 and registry.problems() == {}
for function in (lambda: registry.recorder("q"), lambda: registry.recorder("new"), lambda: Registry(disk + "/new")):
    try:
        function()
    except OSError as error:
        assert "Read-only file system" in str(error), error
    else:
        raise AssertionError(function)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    registry.clear()
assert ["q.counters: it cannot be cleared: Read-only" in str(one.message) for one in said] == [True], said
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
    assert {str(key): h.count for key, h in Registry(directory).snapshot().items()} == {
        "first": 1,
        "second": 1,
        "third": 0,
    }
    assert registry.snapshot()[Key("second")] == Histogram.from_values([2.0])
