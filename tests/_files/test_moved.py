"""A directory or its file is moved away and back, again and again: each record is counted once, in every process."""

import os
import shutil
import sys
import warnings

import pytest

from historian import Histogram, Key, Recorder, Registry

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system"),
    pytest.mark.filterwarnings("ignore::historian.RegistryWarning"),
]


@pytest.fixture(params=["directory", "file"])
def place(request, directory):
    """Return what is moved."""
    return directory if request.param == "directory" else os.path.join(directory, "recorders")


def away(place, name="away"):
    os.rename(place, f"{place}.{name}")


def back(place, name="away"):
    """Move it back, and what is there out of the way."""
    if os.path.lexists(place):
        os.rename(place, f"{place}.{len(os.listdir(os.path.dirname(place)))}")
    os.rename(f"{place}.{name}", place)


def count(registry):
    """Return how many values each question finds: all answers are the same."""
    answers = {sum(h.count for h in registry.snapshot().values()), registry.recorder("q").snapshot().count}
    assert len(answers) == 1 and registry.problems() == {}, answers
    return answers.pop()


def test_away_and_back(directory, place):
    registry = Registry(directory)
    rec, recorded = registry.recorder("q"), 0
    for _ in range(4):
        rec.record(1.0)
        away(place)
        recorded += 1
        assert count(registry) == recorded
        rec.record(2.0)
        recorded += 1
        back(place)
        assert count(registry) == recorded
    assert rec.snapshot() == Histogram.from_values([1.0, 2.0] * 4)
    assert len(rec._files[2]) == 4  # what was at the path meanwhile
    assert registry.drain().total().count == recorded
    assert count(registry) == 0


def test_nobody_asks_meanwhile(directory, place):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    away(place)
    rec.record(2.0)
    back(place)
    assert count(registry) == 2 and rec._files[2] == ()
    assert rec.drain().count == 2


@pytest.mark.parametrize("drain_at", range(5))
@pytest.mark.parametrize("ask", ["recorder", "registry"])
def test_drained_at_any_moment(directory, place, drain_at, ask):
    registry = Registry(directory)
    rec = registry.recorder("q")
    steps = [
        lambda: rec.record(1.0),
        lambda: (away(place), registry.snapshot()),
        lambda: rec.record(2.0),
        lambda: (back(place), registry.snapshot()),
        lambda: rec.record(3.0),
    ]
    drained = 0
    for number, step in enumerate(steps):
        step()
        if number == drain_at:
            drained += (rec.drain() if ask == "recorder" else registry.drain().total()).count
            assert count(registry) == 0
    drained += registry.drain().total().count
    assert drained == 3 and count(registry) == 0
    assert Registry(directory).snapshot().total().count == 0


def test_two_files_in_turn(directory, place):
    registry = Registry(directory)
    rec, recorded = registry.recorder("q"), 0
    away(place, "first")
    registry.snapshot()
    for here, other in [("second", "first"), ("first", "second")] * 3:
        rec.record(1.0)
        recorded += 1
        assert count(registry) == recorded
        away(place, here)
        back(place, other)
        assert count(registry) == recorded and len(rec._files[2]) == 1
    away(place, "third")
    assert count(registry) == recorded and len(rec._files[2]) == 2
    assert rec.drain().count == recorded and count(registry) == 0


def test_new_recorders_in_a_file_that_is_back(directory, place):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    away(place)
    registry.recorder("q2").record(1.0)
    back(place)
    registry.recorder("q3").record(1.0)
    assert {str(key): h.count for key, h in registry.snapshot().items()} == {"q": 1, "q3": 1, "q2": 1}
    assert registry.recorder("q3")._file is rec._file  # one mapping of one file
    assert {str(key): h.count for key, h in registry.drain().items()} == {"q": 1, "q3": 1, "q2": 1}
    assert registry.snapshot().total().count == 0


def test_a_hard_link_in_its_place(directory):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    os.link(rec.path, rec.path + ".link")
    os.unlink(rec.path)
    rec.record(2.0)
    os.rename(rec.path + ".link", rec.path)
    assert count(registry) == 2 and rec._files[2] == ()
    os.link(rec.path, rec.path + ".link")
    away(rec.path)
    assert count(registry) == 2
    os.unlink(rec.path)
    os.rename(rec.path + ".link", rec.path)
    assert count(registry) == 2 and rec.drain().count == 2 and count(registry) == 0


def in_child(work):
    """Run it in a child process, which has open what this one has; return its result, a whole number."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            warnings.simplefilter("ignore")
            os.write(write, str(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with open(read, "rb") as pipe:
        return int(pipe.read())


def test_each_process_counts_each_record_once(directory, place):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    away(place)
    assert in_child(lambda: registry.snapshot().total().count) == 1
    assert in_child(lambda: rec.drain().count) == 1  # the file says so: nothing is left for the others
    assert count(registry) == 0
    rec.record(2.0)
    assert in_child(lambda: Registry(directory).snapshot().total().count) == 1
    back(place)
    assert count(registry) == 1
    assert in_child(lambda: Registry(directory).drain().total().count) == 1
    assert count(registry) == 0


def fill(registry):
    """Use all the space of the file, so that a drain finds none."""
    k = 0
    with open(os.path.join(registry.directory, "recorders"), "rb") as file:
        while True:
            words = os.pread(file.fileno(), 24, 128)
            used, reserved, free = (int.from_bytes(words[at : at + 8], "little") for at in (0, 8, 16))
            if used >= reserved and not free & 0xFFFFFFFF:
                return
            registry.recorder("filler", k=k)
            k += 1


def test_drained_without_space_and_back(directory, place):
    """There is none in a file that is away and full: this process remembers what it has drained until it is back."""
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record_many([1.0, 100.0])
    fill(registry)
    away(place)
    assert rec.snapshot().count == 2
    assert rec.drain().count == 2
    assert rec._files[2][0].file.has_claimed(rec._files[2][0].place)
    assert rec.snapshot().count == 0 and in_child(lambda: rec.snapshot().count) == 0
    late = Recorder._of("late", "s", rec._files[2][0].file, rec._files[2][0].place)  # as a process that has not noticed
    late.record(3.0)
    assert rec.snapshot().count == 1
    back(place)
    assert rec.snapshot().count == 1
    assert Registry(directory).snapshot()[Key("q")].count == registry.snapshot()[Key("q")].count == 1
    assert rec.drain().count == 1
    assert registry.snapshot()[Key("q")].count == 0


def test_a_drain_during_another_one(directory):
    """Nobody can lock a file that is away: of two drains, one finds that the other was faster, and reads again."""
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record_many([1.0] * 1000)
    away(rec.path)
    registry.snapshot()
    left = rec._files[2][0]
    children, results = [], []
    for _ in range(3):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                total = 0
                for _ in range(300):
                    found = left.drain([])
                    total += found[0].total
                os.write(write, str(total).encode())
            finally:
                os._exit(0)
        os.close(write)
        children.append((pid, read))
    late = Recorder._of("late", "s", left.file, left.place)
    for _ in range(20_000):
        late.record(2.0)
    for pid, read in children:
        os.waitpid(pid, 0)
        with open(read, "rb") as pipe:
            results.append(int(pipe.read()))
    assert sum(results) + left.drain([])[0].total == 21_000


def test_removed_for_good(directory):
    """As before: what cannot come back stays with who has it open."""
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    shutil.rmtree(directory)
    assert count(registry) == 1
    rec.record(2.0)
    assert registry.drain().total().count == 2 and count(registry) == 0
