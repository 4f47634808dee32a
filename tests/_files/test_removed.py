"""A directory or a file is removed while recorders count in it.  Nothing raises, is lost or is counted twice."""

import gc
import os
import pickle
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from layout import entry_at, patched

import historian
from historian import CorruptFileError, CorruptFileWarning, Histogram, Key, Recorder, Registry, RegistryWarning
from historian._files.reading import read_all

ENOUGH = 10_000  # records after which a recorder has leased a block of its file


@pytest.fixture
def registry(directory):
    return Registry(directory)


def remove(directory):
    shutil.rmtree(directory)
    assert not os.path.exists(directory)


def removed(directory):
    return pytest.warns(RegistryWarning, match=f"{directory} was removed while in use, and has been created again")


def outside(directory):
    """Return the counts that a process sees that has none of the files open."""
    path = [str(Path(historian.__file__).parents[1]), *sys.path]
    program = (
        f"import sys; sys.path[:0] = {path!r}; import historian; "
        f"print({{str(k): h.count for k, h in historian.Registry({directory!r}).snapshot().items()}})"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_snapshot_creates_it_again_with_one_warning(directory, registry):
    rec = registry.recorder("q", route="/")
    rec.record(1.0)
    remove(directory)
    with removed(directory) as said:
        assert registry.snapshot() == {Key("q", route="/"): Histogram.from_values([1.0])}
    assert [warning.filename for warning in said] == [__file__]
    assert os.stat(directory).st_mode & 0o777 == 0o700
    assert registry.snapshot()[Key("q", route="/")].count == 1  # warnings are errors: it would raise
    rec.record(2.0)
    assert registry.recorder("q", route="/") is rec
    assert rec.snapshot() == Histogram.from_values([1.0, 2.0])
    assert registry.snapshot() == {Key("q", route="/"): Histogram.from_values([1.0, 2.0])}
    assert outside(directory) == "{'q{route=/}': 1}"  # it never had the old file open


def test_new_recorder_creates_it_again(directory, registry):
    old = registry.recorder("old")
    old.record(1.0)
    remove(directory)
    with removed(directory):
        new = registry.recorder("new")
    new.record(2.0)
    old.record(3.0)  # moved along with it
    assert outside(directory) == "{'old': 1, 'new': 1}"
    assert {str(key): h.count for key, h in registry.snapshot().items()} == {"old": 2, "new": 1}


def test_recorder_alone_creates_it_again(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    remove(directory)
    with removed(directory):
        assert rec.snapshot().count == 1
    remove(directory)
    with removed(directory):
        assert rec.drain().count == 1
    assert rec.drain().count == 0
    rec.record(1.0)
    assert rec.drain().count == 1


def test_nobody_asks_between_removal_and_the_next_records(directory, registry):
    rec = registry.recorder("q")
    rec.record_many([1.0] * ENOUGH)
    remove(directory)
    rec.record_many([2.0] * ENOUGH)  # into the old file: nobody has noticed yet
    with removed(directory):
        assert rec.snapshot().count == 2 * ENOUGH
    rec.record_many([3.0] * ENOUGH)
    for _ in range(ENOUGH):
        rec.record(4.0)
    whole = Histogram.from_values([1.0, 2.0, 3.0, 4.0] * ENOUGH)
    assert rec.snapshot() == registry.snapshot()[Key("q")] == whole
    assert outside(directory) == f"{{'q': {2 * ENOUGH}}}"
    assert registry.recorder("q").drain() == whole
    assert registry.snapshot()[Key("q")].count == 0


def test_removed_again_and_again(directory, registry):
    rec = registry.recorder("q")
    for k in range(4):
        rec.record(float(k))
        remove(directory)
        with removed(directory):
            assert rec.snapshot() == Histogram.from_values([float(j) for j in range(k + 1)])
    assert registry.snapshot()[Key("q")] == Histogram.from_values([0.0, 1.0, 2.0, 3.0])
    assert rec.drain() == Histogram.from_values([0.0, 1.0, 2.0, 3.0])


def test_two_registries_and_a_pickled_recorder(directory, registry):
    rec, other = registry.recorder("q"), Registry(directory)
    assert pickle.loads(pickle.dumps(rec)) is rec
    rec.record(1.0)
    remove(directory)
    with removed(directory):
        assert other.snapshot()[Key("q")].count == 1
    assert other.recorder("q") is rec
    assert registry.snapshot()[Key("q")].count == 1
    assert pickle.loads(pickle.dumps(rec)) is rec


def test_clear_and_problems(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    remove(directory)
    with removed(directory):
        assert registry.problems() == {}
    remove(directory)
    with removed(directory):
        registry.clear()
    assert registry.snapshot()[Key("q")].count == rec.snapshot().count == 0
    rec.record(2.0)
    assert rec.snapshot() == registry.snapshot()[Key("q")] == Histogram.from_values([2.0])


def test_drain_of_an_old_file_that_is_still_counted_in(directory, registry):
    """A thread without the GIL, or a process that has not noticed, may count in the old file after it was drained."""
    rec = registry.recorder("q")
    rec.record(1.0)
    before = rec._file
    remove(directory)
    with removed(directory):
        assert rec.drain() == Histogram.from_values([1.0])
    late = historian._core.Counters(1e9, before)
    late.record(4.0)
    assert rec.snapshot().count == registry.snapshot()[Key("q")].count == 1
    assert 3.9 < rec.snapshot().max <= 4.0
    assert rec.snapshot().sum == 4.0
    assert rec.drain().sum == 4.0
    assert rec.drain().count == rec.snapshot().count == 0


def test_file_alone(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    os.unlink(rec.path)
    assert rec.snapshot().count == 1
    rec.record(2.0)
    assert outside(directory) == "{'q': 1}"
    assert registry.snapshot()[Key("q")].count == 2


def test_what_lies_in_its_place_is_no_recorder(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    os.unlink(rec.path)
    Path(rec.path).write_text("text")
    assert rec.snapshot().count == 1  # it goes on in the old file
    rec.record(2.0)
    with pytest.warns(CorruptFileWarning):
        assert registry.snapshot()[Key("q")].count == 2


def test_another_unit_in_its_place(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    os.unlink(rec.path)
    program = f"import historian; historian.Registry({directory!r}).recorder('q', unit='ms').record(5)"
    path = os.pathsep.join([str(Path(historian.__file__).parents[1]), *sys.path])
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": path})
    assert rec.snapshot() == Histogram.from_values([1.0])
    assert registry.snapshot()[Key("q")] == Histogram.from_values([5.0], unit="ms")
    assert Recorder.open(rec.path, Key("q")).unit == "ms"


def test_directory_that_others_may_write_to_is_refused(directory, registry):
    rec = registry.recorder("q")
    rec.record(1.0)
    remove(directory)
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    with pytest.raises(PermissionError, match="other users may write to it"):
        registry.snapshot()
    assert rec.snapshot().count == 1
    assert os.listdir(directory) == []
    trusting = Registry(directory, trust=True)
    assert trusting.snapshot()[Key("q")].count == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_share_the_new_file_and_count_nothing_twice(directory, registry):
    rec = registry.recorder("q")
    rec.record_many([1.0] * ENOUGH)
    from_child, to_parent = os.pipe()
    go_child, go = os.pipe()

    def child():
        warnings.simplefilter("ignore")
        rec.record_many([2.0] * ENOUGH)  # in the file that both have open
        os.write(to_parent, b"1")
        os.read(go_child, 1)  # the parent has removed the directory, and has noticed
        rec.record_many([3.0] * ENOUGH)  # this process has not: into the old file
        os.write(to_parent, b"2")
        os.read(go_child, 1)
        seen = rec.snapshot().count  # now it notices
        rec.record_many([4.0] * ENOUGH)
        os.write(to_parent, f"{seen:08d}".encode())
        os.read(go_child, 1)
        os.write(to_parent, f"{rec.drain().count:08d}".encode())

    pid = os.fork()
    if pid == 0:
        try:
            child()
        finally:
            os._exit(0)
    assert os.read(from_child, 1) == b"1"
    remove(directory)
    with removed(directory):
        assert rec.snapshot().count == 2 * ENOUGH
    rec.record(5.0)
    os.write(go, b"x")
    assert os.read(from_child, 1) == b"2"
    assert registry.snapshot()[Key("q")].count == rec.snapshot().count == 3 * ENOUGH + 1
    os.write(go, b"x")
    assert int(os.read(from_child, 8)) == 3 * ENOUGH + 1
    whole = Histogram.from_values([1.0, 2.0, 3.0, 4.0] * ENOUGH + [5.0])
    assert registry.snapshot()[Key("q")] == rec.snapshot() == whole
    assert outside(directory) == f"{{'q': {ENOUGH + 1}}}"
    assert rec.drain() == whole
    os.write(go, b"x")
    assert int(os.read(from_child, 8)) == 0  # all of it has gone to the parent
    os.waitpid(pid, 0)
    assert rec.snapshot().count == 0
    for end in (from_child, to_parent, go_child, go):
        os.close(end)


def test_threads_record_and_ask_while_it_is_removed(directory, registry):
    rec = registry.recorder("q")
    stop = threading.Event()
    recorded = [0] * 3
    faults = []

    def record(k):
        while not stop.is_set():
            rec.record(1.0)
            recorded[k] += 1

    def ask():
        seen = 0
        try:
            while not stop.is_set():
                count = rec.snapshot().count
                assert count >= seen
                seen = count
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=record, args=(k,)) for k in range(3)] + [threading.Thread(target=ask)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RegistryWarning)
        for thread in threads:
            thread.start()
        for _ in range(10):
            shutil.rmtree(directory, ignore_errors=True)
            registry.snapshot()
        stop.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert rec.snapshot().count == registry.snapshot()[Key("q")].count == sum(recorded)
        assert rec.drain().count == sum(recorded)


def test_old_files_are_let_go_with_the_recorder(directory):
    registry = Registry(directory)
    registry.recorder("q").record_many([1.0] * ENOUGH)
    remove(directory)
    with removed(directory):
        registry.snapshot()
    assert "(deleted)" in Path("/proc/self/maps").read_text() or not sys.platform.startswith("linux")
    del registry
    gc.collect()
    if sys.platform.startswith("linux"):
        maps = Path("/proc/self/maps").read_text().splitlines()
        assert not [line for line in maps if directory in line]


def test_warnings_have_no_escape_sequences_of_names(tmp_path):
    """They would reach the terminal."""
    directory = tmp_path / "a\x1b[31m\nb"
    registry = Registry(directory)
    registry.recorder("q")
    patched(directory / "recorders", entry_at(directory / "recorders", 0) + 411, b"B")
    with pytest.warns(CorruptFileWarning) as warned:
        registry.snapshot()
    shutil.rmtree(directory)
    with pytest.warns(RegistryWarning) as removed:
        registry.recorder("p")
    for one in (*warned, *removed):
        assert str(one.message).isprintable() and r"\x1b[31m" in str(one.message)


def test_a_damaged_file_that_was_removed_hides_no_others(directory, registry):
    first, second = registry.recorder("first"), registry.recorder("second")
    first.record(1.0)
    second.record(2.0)
    with open(first.path, "r+b") as file:
        remove(directory)
        file.seek(4096 + 8 * 2**18 + 536 + 192)  # the first coarse count
        file.write(b"\xff" * 8)
    with removed(directory), pytest.warns(CorruptFileWarning, match=r"recorders\[0\]: it is damaged: a count is"):
        assert registry.snapshot()[Key("second")] == Histogram.from_values([2.0])
    second.record(3.0)
    with pytest.raises(CorruptFileError, match="a count is"):
        first.drain()
    with pytest.warns(CorruptFileWarning, match=r"recorders\[0\]: it is damaged: a count is"):
        assert registry.drain()[Key("second")] == Histogram.from_values([2.0, 3.0])
    assert second.snapshot().count == 0


def test_a_reader_knows_a_new_file_that_got_the_inode_of_the_removed_one(tmp_path):
    """Systems give the number of a removed file to the next one: `serve` and `top` must not take it for the same."""
    for name in ("first", "second"):
        Registry(tmp_path / name).recorder(name).record(1.0)
        gc.collect()  # nothing maps the files any more
    path = tmp_path / "first" / "recorders"
    inode = path.stat().st_ino
    assert [str(one.header.key) for one in read_all(str(tmp_path / "first"))[0]] == ["first"]
    path.write_bytes((tmp_path / "second" / "recorders").read_bytes())
    assert path.stat().st_ino == inode
    assert [str(one.header.key) for one in read_all(str(tmp_path / "first"))[0]] == ["second"]
