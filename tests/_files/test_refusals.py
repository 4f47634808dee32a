"""Resources that the system may refuse: space, descriptors, files without a name."""

import errno
import os
import shutil
import subprocess
import sys

import pytest
from layout import CHUNK, CHUNKS_AT

from historian import Key, Registry
from historian._files import file as files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


FULL = """
import os, resource, signal, sys
import historian
directory = sys.argv[1]
registry = historian.Registry(directory)
rec = registry.recorder("first")
size = os.path.getsize(rec.path)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # as on a disk that is full
recorders = 1
try:
    while True:
        registry.recorder("next", i=recorders)
        recorders += 1
except OSError as error:
    assert not isinstance(error, historian.CorruptFileError), error
assert 100 < recorders < 125, recorders
try:
    historian.Registry(directory + "/other").recorder("q")
except OSError as error:
    assert "no space for a directory of recorders" in str(error), error
for i in range(1000):
    rec.record(1.0)  # there is no space for its chunks: its octaves are counted coarsely
rec.record_many([2.0] * 9000 + [0.0, 1e300, 2.0**-60])
h = rec.snapshot()
assert h.count == 10_003 and h.synthetic and (h.min, h.max) == (0.0, 1e300), h
assert h.zero_count == 2 and h.overflow_count == 1
assert 1 / 16 < h.quantile(0.01) <= 1.0 < h.quantile(0.5) <= 16.0 and registry.snapshot()[historian.Key("first")] == h
try:
    rec.drain()
except OSError:
    pass
else:
    raise AssertionError("there is room")
assert rec.snapshot() == h
print(sorted(os.listdir(directory)), os.path.getsize(rec.path) - size)
"""


def test_a_full_disk(directory):
    done = subprocess.run([sys.executable, "-c", FULL, directory], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['other', 'recorders'] 0\n"
    rec = Registry(directory).recorder("first")  # there is space again
    assert rec.snapshot().count == 10_003
    rec.record_many([1.0] * 100_000)
    assert rec.drain().count == 110_003 and rec.snapshot().count == 0
    rec.record_many([1.0, 2.0])
    assert rec.snapshot() == rec.drain() and not rec.snapshot().synthetic


def test_space_is_reserved_before_it_is_written_to(directory):
    def is_reserved():
        status = os.stat(rec.path)
        # A file with holes is not reserved: on a full disk, writing to a mapped hole kills the process.  The index is
        # reserved page by page.
        return status.st_blocks * 512 >= status.st_size - CHUNKS_AT + 8192

    registry = Registry(directory)
    rec = registry.recorder("q")
    assert is_reserved()
    rec.record_many([2.0**k for k in range(-60, 60)])
    assert is_reserved()
    rec.drain()
    for i in range(1030):  # the index needs three pages
        registry.recorder("q", i=i)
    assert is_reserved() and os.path.getsize(rec.path) >= CHUNKS_AT + 1000 * CHUNK


INTERRUPTED = """
#include <errno.h>
#include <unistd.h>
static int interrupted(int fd, off_t size) {
    static int calls;
    if (calls++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return lseek(fd, 0, SEEK_END) < size ? ftruncate(fd, size) : 0;
}
int fallocate(int fd, int mode, off_t offset, off_t size) { return mode ? -1 : interrupted(fd, offset + size); }
int fallocate64(int fd, int mode, off_t offset, off_t size) { return mode ? -1 : interrupted(fd, offset + size); }
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a system call is replaced as glibc allows")
@pytest.mark.skipif("LD_PRELOAD" in os.environ or not shutil.which("cc"), reason="needs cc, and the loader to itself")
def test_space_is_reserved_even_if_signals_interrupt(directory, tmp_path):
    library = str(tmp_path / "interrupted.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", library], input=INTERRUPTED, text=True, check=True)
    work = f"""import historian
rec = historian.Registry({directory!r}).recorder("q")
rec.record(1.0)
assert rec.drain().count == 1"""
    done = subprocess.run(
        [sys.executable, "-c", work], env={**os.environ, "LD_PRELOAD": library}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_systems_without_unnamed_files(directory, monkeypatch):
    monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)  # then "." cannot be opened for writing
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    assert os.listdir(directory) == ["recorders"] and registry.snapshot()[Key("q")].count == 1


def test_no_proc_to_link_an_unnamed_file(directory, monkeypatch):
    link, access = os.link, os.access

    def hidden(path):
        return str(path).startswith("/proc/")

    def link_unless_hidden(source, target, **kwargs):
        assert not hidden(source)
        link(source, target, **kwargs)

    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and not hidden(path))
    monkeypatch.setattr(os, "link", link_unless_hidden)
    Registry(directory).recorder("q").record(1.0)
    assert os.listdir(directory) == ["recorders"]


def test_a_file_that_cannot_be_created_is_named(directory, monkeypatch):
    registry = Registry(directory)
    opened = files.open_file_at

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_RDWR and kwargs.get("dir_fd") is not None:
            return OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(files, "open_file_at", refuse)
    with pytest.raises(OSError, match=r"Read-only file system: .*/recorders"):
        registry.recorder("q")
    assert os.listdir(directory) == []


FULL_AND_SPARSE = """
import os, subprocess, sys
import historian
from historian import CorruptFileError, Histogram, Key, Registry

disk = sys.argv[1]
os.mkdir(disk + "/d", 0o700)
rec = Registry(disk + "/d").recorder("q")
rec.record_many([1.0] * 5000)
rec.drain()
rec.record_many([2.0, 3.0] * 5000)
expected = rec.snapshot()
os.mkdir(disk + "/copy", 0o700)
path = disk + "/copy/" + os.path.basename(rec.path)
subprocess.run(["cp", "--sparse=always", rec.path, path], check=True)
assert os.stat(path).st_blocks * 512 < os.stat(path).st_size, "not sparse"


def fill():
    with open(disk + "/filler", "ab", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass


def refused(function):
    try:
        function()
    except OSError as error:
        assert "No space left" in str(error), error
    else:
        raise AssertionError("there is space")


fill()
before = os.stat(path).st_blocks
for _ in range(2):
    refused(lambda: Registry(disk + "/copy").recorder("q"))
    refused(lambda: historian.Recorder.open(path, Key("q")))
    refused(lambda: Registry(disk + "/copy").recorder("new"))
    assert Registry(disk + "/copy").snapshot() == {Key("q"): expected}
    assert Registry(disk + "/copy").problems() == {}
    refused(lambda: Registry(disk + "/copy").clear())
    refused(lambda: Registry(disk + "/copy").drain())
assert os.stat(path).st_blocks == before and os.listdir(disk + "/copy") == [os.path.basename(path)]

rec.record_many([2.0] * 5000)  # its space was reserved before the disk was full
assert rec.drain() == expected + Histogram.from_values([2.0] * 5000)
other = Registry(disk + "/d")
refused(lambda: [other.recorder(f"new{number}") for number in range(1000)])  # there is space for some

os.unlink(disk + "/filler")
copy = Registry(disk + "/copy").recorder("q")
fill()
for _ in range(5000):
    copy.record(2.0)
copy.record_many([1e-9, 1e9, 0.0, 1e30] * 5000)  # pages that were holes
assert copy.drain().count == expected.count + 25000
print("done")
"""


def tmpfs(tmp_path, size):
    """Return the start of a command that mounts a small file system at `disk`, and the path of that."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={size} none "$0" && exec "$@"', str(disk)]
    if not shutil.which("unshare") or subprocess.run([*run, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, and the right to mount a file system")
    return run, disk


def test_a_sparse_copy_on_a_full_disk(tmp_path):
    run, disk = tmpfs(tmp_path, "900k")
    done = subprocess.run(
        [*run, sys.executable, "-c", FULL_AND_SPARSE, str(disk)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
