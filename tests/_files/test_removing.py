"""Recorders of a directory are removed: their space is used again, and no process loses or confuses what it counts."""

import fcntl
import gc
import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from layout import chunks_used, file_of

import historian
from historian import Histogram, Key, Recorder, Registry, buckets

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nobody knows who has a recorder open")

SEATS = 62  # processes that can have recorders open, each with a seat of its own
SHARED_BYTE = 65  # of the file: locked by those without a seat; the seats have the bytes after it
F_OFD_SETLK = 37


@pytest.fixture
def registry(directory):
    return Registry(directory)


def other(directory, program, *arguments):
    """Start a program in another process, which has `registry` and `arguments`; it answers lines."""
    source = Path(historian.__file__).parents[1]
    head = (
        f"import sys, os; sys.path[:0] = [{str(source)!r}]; from historian import *; registry = Registry(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", head + textwrap.dedent(program), directory, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def ask(process, line=""):
    """Send a line to another process, and return what it answers."""
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def end(process):
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def in_child(function):
    """Run a function in a forked child; return its process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return child


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# ---- the space of a removed recorder is used again ----


def churn(registry, name, times):
    """Create, use and remove recorders of ever new names, ten of them at a time."""
    keys = []
    for i in range(times):
        key = Key(name, tenant=str(i) + "x" * (i % 3 * 100))  # some entries take two chunks
        registry.recorder(key.name, **dict(key.labels)).record_many([1.0, 2.0**-40, 10.0 ** (i % 5)])
        keys.append(key)
        if len(keys) == 10:
            assert registry.remove(keys.pop(0)).count == 3
    for key in keys:
        assert registry.remove(key).count == 3


def test_recorders_come_and_go(directory, registry):
    stays = registry.recorder("stays")
    stays.record(1.0)
    churn(registry, "q", 100)
    before = chunks_used(file_of(directory))
    churn(registry, "other", 3000)
    assert chunks_used(file_of(directory)) == before
    assert os.stat(file_of(directory)).st_size < 4e6
    assert registry.snapshot() == {Key("stays"): Histogram.from_values([1.0])}
    assert len(stays._file) <= 40


CHURN = """
    input()
    for i in range(int(sys.argv[3])):
        key = Key(sys.argv[2], tenant=str(i))
        registry.recorder(key.name, **dict(key.labels)).record_many([1.0, 2.0, 3.0])
        assert registry.remove(key).count == 3
    print("done")
"""


def test_two_processes_that_churn(directory, registry):
    stays = registry.recorder("stays")
    processes = [other(directory, CHURN, name, 1000) for name in ("a", "b")]
    for process in processes:
        process.stdin.write("\n")
    for _ in range(1000):
        stays.record(1.0)
    for process in processes:
        assert process.stdout.readline() == "done\n"
        end(process)
    assert registry.snapshot() == {Key("stays"): Histogram.from_values([1.0] * 1000)}
    assert len(stays._file) <= 5 and chunks_used(stays.path) < 300


def test_two_processes_that_churn_the_same_names(directory, registry):
    """Each record is in one result, of whichever process has removed the recorder, or in the directory."""
    program = """
        import random
        removed = 0
        random.seed(sys.argv[2])
        for i in range(2000):
            name = f"q{random.randrange(5)}"
            registry.recorder(name).record(1.0)
            if i % 3 == 0:
                try:
                    removed += registry.remove(Key(name)).count
                except KeyError:
                    pass
        print(removed)
    """
    processes = [other(directory, program, seed) for seed in (1, 2)]
    removed = sum(int(process.stdout.readline()) for process in processes)
    for process in processes:
        end(process)
    assert removed + registry.snapshot().total().count == 4000
    assert len(registry.recorder("q0")._file) <= 5 and chunks_used(file_of(directory)) < 300


def test_killed_processes_keep_nothing(directory, registry):
    program = """
        for i in range(50):
            registry.recorder("q", i=i).record(1.0)
        print("ready")
        input()
    """
    chunks = []
    for _ in range(6):
        process = other(directory, program)
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()
        process.stdout.close(), process.stdin.close()
        for i in range(50):
            assert registry.remove(Key("q", i=i)).count == 1
        chunks.append(chunks_used(file_of(directory)))
    assert registry.snapshot() == {} and len(registry.recorder("z")._file) <= 51
    assert len(set(chunks[1:])) == 1


def test_drains_do_not_grow_the_file(directory, registry):
    recorders = [registry.recorder("q", i=i) for i in range(20)]
    sizes = []
    for k in range(50):
        for rec in recorders:
            rec.record_many([2.0**-40, 1e-3, 1.0, 1e3, 2.0**70])
        if k % 2:
            assert registry.drain().total().count == 100
        else:
            registry.clear()
        sizes.append(chunks_used(file_of(directory)))
    assert len(set(sizes[2:])) == 1  # two rows of what has been drained, while the new one is written


# ---- who still has it open loses nothing ----


def test_an_object_that_is_still_in_use(directory, registry):
    rec, key = registry.recorder("q"), Key("q")
    rec.record(1.0)
    assert registry.remove(key) == Histogram.from_values([1.0])
    assert registry.snapshot() == {}
    with pytest.raises(KeyError, match="q"):
        registry.remove(key)
    with pytest.raises(FileNotFoundError):
        Recorder.open(rec.path, key)
    rec.record(2.0)
    assert registry.snapshot() == {key: Histogram.from_values([2.0])} == {key: rec.snapshot()}
    for i in range(10):  # what others are given is not what it counts in
        registry.recorder("other", i=i).record(3.0)
    rec.record(4.0)
    assert registry.remove(key) == Histogram.from_values([2.0, 4.0])
    assert registry.recorder("q") is rec and registry.snapshot()[key].count == 0  # it is there again


def test_another_process_has_it_open(directory, registry):
    program = """
        rec = registry.recorder("q")
        print("open", flush=True)
        for line in sys.stdin:
            if line == "record\\n":
                rec.record(5.0)
            elif line == "remove\\n":
                del rec
                print(registry.remove(Key("q")).count, flush=True)
                continue
            print(rec.snapshot().count, flush=True)
    """
    process, key = other(directory, program), Key("q")
    assert process.stdout.readline() == "open\n"
    registry.recorder("q").record(1.0)
    assert registry.remove(key) == Histogram.from_values([1.0])
    made = registry.recorder("made")
    assert len(made._file) == 2  # it is not at the place of the one that is in use
    assert ask(process, "record") == "1"
    assert registry.snapshot() == {key: Histogram.from_values([5.0]), Key("made"): Histogram()}
    assert registry.remove(key) == Histogram.from_values([5.0])
    assert ask(process, "record") == "1"
    assert ask(process, "remove") == "1"
    assert registry.snapshot() == {Key("made"): Histogram()}
    again = registry.recorder("again")
    assert len(again._file) == 2  # now it is
    end(process)


def test_the_same_key_again_in_every_process(directory, registry):
    program = """
        for line in sys.stdin:
            registry.recorder("q").record(1.0)
            print(registry.recorder("q").snapshot().count, flush=True)
    """
    process = other(directory, program)
    for _ in range(3):
        assert ask(process) == "1"
        registry.recorder("q").record(1.0)
        assert ask(process) == "3"
        assert registry.remove(Key("q")).count == 3
    end(process)
    rec = registry.recorder("q")
    assert rec.snapshot().count == 0 and len(rec._file) == 1


def test_snapshots_know_that_it_is_another_one(registry):
    seen = set()
    for _ in range(3):
        registry.recorder("q").record(1.0)
        seen.add(registry.snapshot().source_of(Key("q"))[0])
        registry.remove(Key("q"))
    assert len(seen) == 3


def test_readers_see_one_of_two_states(directory, registry):
    """While recorders of other names are created and removed at the same place, a name has never another's values."""
    process = other(
        directory,
        """
        i, parent = 0, os.getppid()
        print("ready", flush=True)
        while os.getppid() == parent and not os.path.exists(sys.argv[1] + ".end"):
            i += 1
            name = "abc"[i % 3]
            registry.recorder(name).record_many([float(ord(name))] * 5)
            registry.remove(Key(name))
        """,
    )
    assert process.stdout.readline() == "ready\n"
    for _ in range(300):
        for key, h in registry.snapshot().items():
            value, bounds = float(ord(key.name)), h.to_dict().get("bounds", [])
            assert h.count in (0, 5) and h.indices.tolist() == [buckets.index(value)] * (h.count == 5)
            # In the middle of a drain, an extreme may be known by its bucket only, and the histogram says so.
            assert not h.count or ((h.min == value or "min" in bounds) and (h.max == value or "max" in bounds))
        assert registry.problems() == {}
    Path(directory + ".end").touch()
    end(process)


# ---- forks ----


def test_a_child_goes_on_in_what_its_parent_removes(directory, registry):
    held = [registry.recorder("q")]
    held[0].record(1.0)
    (reading, writing), (ready, says) = os.pipe(), os.pipe()

    def work():
        os.read(reading, 1)
        held[0].record(7.0)
        os.write(says, b"x")
        os.read(reading, 1)

    child = in_child(work)
    held.clear()
    assert registry.remove(Key("q")).count == 1
    others = [registry.recorder("other", i=i) for i in range(5)]
    os.write(writing, b"x")
    os.read(ready, 1)
    assert [one.snapshot().count for one in others] == [0] * 5
    assert registry.snapshot()[Key("q")] == Histogram.from_values([7.0])
    os.write(writing, b"x")
    assert ended(child) == 0
    assert registry.remove(Key("q")).count == 1
    registry.recorder("last")
    assert len(others[0]._file) == 6  # at the place of the removed one, since the child has ended
    for fd in (reading, writing, ready, says):
        os.close(fd)


def test_forks_while_recorders_come_and_go(directory, registry):
    def work(rec):
        rec.record(1.0)
        churn(registry, f"child {os.getpid()}", 20)
        rec.record(1.0)

    for i in range(12):
        rec = registry.recorder("parent", i=i)
        children = [in_child(lambda rec=rec: work(rec)) for _ in range(2)]
        assert registry.remove(Key("parent", i=i)).count <= 4
        churn(registry, "parent's", 20)
        assert [ended(child) for child in children] == [0, 0]
        del rec
        gc.collect()
    chunks = chunks_used(file_of(directory))
    for i in range(12):
        try:
            assert registry.remove(Key("parent", i=i)).count <= 4
        except KeyError:
            pass
    assert registry.snapshot() == {}
    churn(registry, "at the end", 300)
    assert chunks_used(file_of(directory)) == chunks < 2000


# ---- processes without a seat ----


def test_more_processes_than_seats(directory, registry):
    """The bytes of all seats are locked, as if so many processes had recorders open."""
    registry.recorder("first")
    path = file_of(directory)
    with open(path, "r+b") as file:
        for byte in range(SHARED_BYTE + 2, SHARED_BYTE + SEATS + 1):  # this process has the first seat
            fcntl.fcntl(file, F_OFD_SETLK, struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
        process = other(
            directory,
            """
            rec = registry.recorder("q")
            for line in sys.stdin:
                rec.record(5.0)
                print(rec.snapshot().count, flush=True)
            """,
        )
        assert ask(process) == "1"
        assert registry.remove(Key("q")).count == 1
        made = registry.recorder("made")
        assert len(made._file) == 3 and ask(process) == "1"
        assert registry.remove(Key("q")).count == 1
        end(process)
        registry.recorder("again")
        assert len(made._file) == 3  # nobody without a seat is left
