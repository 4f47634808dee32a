"""`Registry.history`: real threads, real processes that fork, exit and are killed, and real files."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from itertools import pairwise

import pytest
from waiting import until

from historian import History, Key, Recording, Registry, RegistryWarning
from historian._history.writing import FileLog

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def count(history):
    return history.total().count


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.history"


def test_a_context_writes_what_was_counted_in_it(path):
    registry = Registry()
    registry.recorder("q").record(1.0)
    with registry.history(every="1h", path=path) as recording:
        registry.recorder("q", route="/users").record_many([0.5] * 10)
        assert recording.is_running
        assert recording.path == str(path)
        assert repr(recording) == f"<Recording in {str(path)!r}>"
    assert repr(recording) == f"<Recording in {str(path)!r}, stopped>"
    history = History.open(path)
    assert [str(key) for key in history.snapshot()] == ["q{route=/users}"]
    assert count(history) == count(recording.history) == 10
    assert len(history) in (1, 2)  # an hour may have ended meanwhile


def test_a_thread_writes_intervals_while_it_is_read(path):
    registry = Registry()
    q = registry.recorder("q")
    with registry.history(every="10ms", path=path) as recording:
        for _ in range(5):
            before = len(recording.history)
            q.record(0.5)
            until(lambda before=before: len(recording.history) > before)
        until(lambda: count(recording.history) == 5)
    history = recording.history
    edges = [(one.start, one.end) for one in history]
    assert all(end % 10_000_000 == 0 for _, end in edges[:-1])
    assert all(a[1] <= b[0] for a, b in pairwise(edges))


def test_memory_is_bounded():
    registry = Registry()
    with registry.history(every="5ms", keep="20ms") as recording:
        until(lambda: len(recording.history) >= 4)
        until(lambda: (recording.history.ends[-1] - recording.history.starts[0]).astype(int) >= 20_000_000)
        first = recording.history.starts[0]
        until(lambda: recording.history.starts[0] > first)
        assert recording.path is None
        assert repr(recording) == "<Recording in memory>"
    history = recording.history
    assert (history.ends[-1] - history.ends[0]).astype(int) < 20_000_000


def test_a_step_that_is_longer_than_what_memory_keeps():
    registry = Registry()
    with registry.history(every="7d") as recording:
        registry.recorder("q").record(1.0)
    assert count(recording.history) == 1


def test_stopping_again_does_nothing(path):
    recording = Registry().history(path=path)
    recording.stop()
    recording.stop()
    assert not recording.is_running


def test_a_second_writer_is_refused_and_leaves_the_first_one_alone(path):
    registry = Registry()
    with registry.history(path=path), pytest.raises(BlockingIOError, match="another program is writing this history"):
        registry.history(path=path)
    with registry.history(path=path):
        pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every must be at least 1 ns"),
        ({"every": "1us"}, "every must be at least 1 ms, not '1us'"),
        ({"every": "soon"}, "every must be a duration"),
        ({"keep": "10s:1h,1m:1d"}, "keep must be one duration without a path"),
        ({"path": "f", "keep": "1m:1d"}, "the first step of keep must be that of the recording"),
    ],
)
def test_what_is_refused_at_once(arguments, message):
    before = threading.active_count()
    with pytest.raises(ValueError, match=message):
        Registry().history(**arguments)
    assert threading.active_count() == before
    assert not os.path.exists("f")


def test_a_recording_that_nobody_holds_goes_on(path):
    registry = Registry()
    reference = weakref.ref(registry.history(every="10ms", path=path))
    gc.collect()
    registry.recorder("q").record(1.0)
    until(lambda: count(History.open(path)) == 1)
    reference().stop()


def test_it_cannot_be_pickled_but_its_history_can(path):
    registry = Registry()
    with registry.history(path=path) as recording:
        registry.recorder("q").record(1.0)
        with pytest.raises(TypeError, match=r"pickle its .history, or open its .path"):
            pickle.dumps(recording)
    assert count(pickle.loads(pickle.dumps(recording.history))) == 1


def test_a_disk_that_is_full_is_said_once_and_costs_no_value(path, monkeypatch):
    registry = Registry()
    failed = threading.Event()
    write = FileLog._write

    def full(log, data):
        failed.set()
        raise OSError(28, "No space left on device")

    warned = []
    monkeypatch.setattr("historian.recording.warn_of_failure", lambda path, error: warned.append(error))
    with registry.history(every="10ms", path=path) as recording:
        registry.recorder("q").record(1.0)
        until(lambda: count(recording.history) == 1)
        monkeypatch.setattr(FileLog, "_write", full)
        registry.recorder("q").record(1.0)
        failed.wait()
        until(lambda: recording.problem is not None)
        monkeypatch.setattr(FileLog, "_write", write)
        until(lambda: recording.problem is None)
        until(lambda: count(recording.history) == 2)
    assert len(warned) == 1


def test_the_warning_of_a_failure():
    from historian.recording import warn_of_failure

    with pytest.warns(RegistryWarning, match=r"f: an interval could not be written: No space; the next one will have"):
        warn_of_failure("f", OSError(28, "No space"))


def run(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_last_interval_is_written_at_exit(path):
    code = """
import sys, historian
registry = historian.Registry()
registry.history(every="1h", path=sys.argv[1])
registry.recorder("q").record_many([1.0] * 7)
"""
    run(code, path)
    assert count(History.open(path)) == 7


@POSIX
def test_a_forked_child_neither_writes_the_file_of_its_parent_nor_keeps_it_locked(path):
    code = """
import os, sys, historian
registry = historian.Registry()
recording = registry.history(every="1h", path=sys.argv[1])
q = registry.recorder("q")
q.record_many([1.0] * 3)
ready, go = os.pipe()
child = os.fork()
if not child:
    assert not recording.is_running
    recording.stop()
    q.record_many([1.0] * 100)  # of the child: it counts on by itself
    with registry.history(every="1h", path=sys.argv[1] + ".child") as own:
        q.record_many([1.0] * 5)
    assert own.history.total().count == 5
    os.read(ready, 1)
    sys.exit()
recording.stop()
historian.Registry().history(path=sys.argv[1]).stop()  # the file is not locked, although the child runs
os.write(go, b"x")
_, status = os.waitpid(child, 0)
print(status)
"""
    assert run(code, path) == ["0"]
    assert count(History.open(path)) == 3
    assert count(History.open(f"{path}.child")) == 5


@POSIX
def test_fork_while_the_thread_writes(path):
    """The thread may hold any lock at that moment: the child must not wait for it."""
    code = """
import os, sys, threading, historian
registry = historian.Registry()
recording = registry.history(every="1ms", path=sys.argv[1])
q = registry.recorder("q")
for _ in range(50):
    q.record(1.0)
    child = os.fork()
    if not child:
        recording.history
        recording.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
recording.stop()
"""
    run(code, path)
    assert count(History.open(path)) == 50


@POSIX
def test_a_process_that_is_killed_loses_the_interval_in_flight_at_most(path):
    code = """
import sys, historian
registry = historian.Registry()
q = registry.recorder("q")
with registry.history(every="5ms", path=sys.argv[1]) as recording:
    while True:
        q.record(1.0)
        done = recording.history.total().count
        print(done, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    seen = [int(process.stdout.readline()) for _ in range(100)]
    process.send_signal(signal.SIGKILL)
    rest = [int(line) for line in process.communicate()[0].split("\n") if line.strip()]
    assert count(History.open(path)) >= max(seen + rest)
    registry = Registry()
    with registry.history(path=path):  # another process goes on with the file
        registry.recorder("q").record(1.0)
    assert count(History.open(path)) >= max(seen + rest) + 1


def test_recording_is_the_class_that_is_documented():
    assert Recording.__module__ == "historian"


def test_several_threads_that_stop_it(path):
    """Each returns once the last interval is written."""
    registry = Registry()
    recording = registry.history(every="1h", path=path)
    registry.recorder("q").record(1.0)
    found = []

    def stop():
        recording.stop()
        found.append(count(History.open(path)))

    threads = [threading.Thread(target=stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 4


@POSIX
def test_a_registry_in_a_directory(tmp_path, path):
    """Of all processes: what others count is in it."""
    registry = Registry(tmp_path / "d")
    with registry.history(every="1h", path=path) as recording:
        code = "import sys, historian; historian.Registry(sys.argv[1]).recorder('q').record_many([1.0] * 9)"
        run(code, tmp_path / "d")
    assert recording.history.snapshot()[Key("q")].count == 9


def test_a_recording_that_was_stopped_is_not_entered_again():
    with Registry().history(every="1h") as recording:
        pass
    with pytest.raises(RuntimeError, match="has been stopped: start another one"), recording:
        pytest.fail("it records nothing")
