"""``historian log``: real directories, files, signals and restarts."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from outside import historian

from historian import History, Key, Registry
from historian.cli.log import _Stop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / "d")
    registry.recorder("q").record_many([9.0] * 100)  # before the log begins: these are not in it
    return registry


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "shop.history")


class Log:
    """A process of the command, which has begun."""

    def __init__(self, registry, path, *options):
        command = [sys.executable, "-m", "historian", "log", registry.directory, "-o", path, *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        assert "stop it with Ctrl-C" in self.said, self.said + self.process.stderr.read()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        said = self.process.communicate()[1]
        return self.process.returncode, said


def test_waits_that_are_over_at_once_end():
    """With a queue, one of some thousands waited for ever."""
    for _ in range(3_000):
        with _Stop() as stop:
            assert not stop.wait(1e-7)
            assert not stop.wait(0.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_each_wait_from_then_on(number):
    before = signal.getsignal(number)
    with _Stop() as stop:
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()
        assert stop.wait(60.0)
        assert stop.wait(60.0)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_a_last_interval(registry, path, number):
    log = Log(registry, path, "--every", "1h")
    assert log.said == f"historian log: {path} begins, an interval every 1h; stop it with Ctrl-C\n"
    registry.recorder("q").record_many([0.5] * 10)
    status, said = log.end(number)
    assert (status, said) == (0, "historian log: wrote 1 interval\n")
    assert History.open(path).snapshot() == {Key("q"): History.open(path).total()}
    assert History.open(path).total().count == 10


def test_it_goes_on_where_it_ended(registry, path):
    Log(registry, path, "--every", "1h").end()
    registry.recorder("q").record_many([0.5] * 7)  # while nobody writes
    log = Log(registry, path, "--every", "1h")
    assert re.fullmatch(
        f"historian log: {re.escape(path)} (goes on from 2.*Z|begins), an interval every 1h; stop it with Ctrl-C\n",
        log.said,
    )
    registry.recorder("q").record_many([0.5] * 3)
    log.end()
    history = History.open(path)
    assert [one.count for one in history] == [7, 3]
    assert history[0].end <= history[1].start


def test_a_kill_costs_nothing_that_the_directory_holds(registry, path):
    log = Log(registry, path, "--every", "20ms")
    registry.recorder("q").record_many([0.5] * 7)
    assert log.end(signal.SIGKILL)[0] == -signal.SIGKILL
    registry.recorder("q").record_many([0.5] * 3)
    Log(registry, path, "--every", "20ms").end()
    assert History.open(path).total().count == 10


def test_it_ends_after_a_number_of_intervals(registry, path):
    status, out, err = historian("log", registry.directory, "-o", path, "--every", "10ms", "--count", "3")
    assert (status, out) == (0, "")
    assert err.count("\n") == 1
    history = History.open(path)
    assert len(history) == 3
    assert all(one.end % 10_000_000 == 0 for one in history)


def test_a_folder_of_tiers(registry, path):
    options = ["--every", "10ms", "--keep", "10ms:100ms,50ms:10s", "--count", "60"]
    assert historian("log", registry.directory, "-o", path, *options)[0] == 0
    lengths = {one.end - one.start for one in History.open(path)}
    assert 50_000_000 in lengths
    assert {name.partition(".")[2] for name in os.listdir(path)} == {"", "history"}  # the lock, and files


def test_a_second_one_is_refused(registry, path):
    log = Log(registry, path)
    status, _, err = historian("log", registry.directory, "-o", path)
    assert status == 1
    why = "this or another program is writing this history: stop it, or write to another file"
    assert err == f"historian log: {path}: {why}\n"
    log.end()


def test_a_directory_that_is_removed_and_made_again(registry, path):
    log = Log(registry, path, "--every", "1h")
    directory = registry.directory
    os.unlink(os.path.join(directory, "recorders"))
    os.rmdir(directory)
    code = "import sys, historian; historian.Registry(sys.argv[1]).recorder('q').record_many([0.5] * 5)"
    subprocess.run([sys.executable, "-c", code, directory], check=True)
    assert log.end() == (0, "historian log: wrote 1 interval\n")
    assert History.open(path).total().count == 5


def test_a_log_of_another_directory_says_what_it_leaves_out(registry, path, tmp_path):
    """What was counted there before the end of the log belongs to no interval of it."""
    other = Registry(tmp_path / "other")
    other.recorder("z").record_many([0.5] * 5)
    log = Log(registry, path, "--every", "1h")
    registry.recorder("q").record(1.0)
    log.end()
    other.recorder("new").record_many([0.5] * 3)
    log = Log(other, path, "--every", "1h")
    left_out = log.process.stderr.readline()
    assert left_out == "historian log: 1 recorder had counted before, which is not in the history\n"
    other.recorder("z").record_many([0.5] * 2)
    assert log.end()[0] == 0
    found = History.open(path).snapshot()
    assert {str(key): one.count for key, one in found.items()} == {"q": 1, "new": 3, "z": 2}


def test_a_file_that_cannot_be_written_for_a_while(registry, path):
    """A limit on the size of files is as good as a full disk; it is said once."""
    code = """
import resource, signal, sys
from historian.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, "log", registry.directory, "-o", path, "--every", "5ms"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert "stop it with Ctrl-C" in process.stderr.readline()
    said = process.stderr.readline()
    assert said == f"historian log: {path}: File too large; the next interval will have these values\n"
    registry.recorder("q").record_many([0.5] * 9)
    process.send_signal(signal.SIGTERM)
    rest = process.communicate()[1]
    assert process.returncode in (0, 1)
    assert rest.count("\n") <= 1
    Log(registry, path, "--every", "1h").end()  # there is space again
    assert History.open(path).total().count == 9


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["-o", "-"], 2, "error: a history needs a file: -o shop.history"),
        ([], 2, "the following arguments are required: -o/--output"),
        (["-o", "f", "--every", "0"], 2, "argument --every: every must be at least 1 ns, not 0.0"),
        (["-o", "f", "--every", "1us"], 2, "argument --every: every must be at least 1 ms, not '1us'"),
        (["-o", "f", "--every", "ten"], 2, "argument --every: every must be a duration"),
        (["-o", "f", "--count", "0"], 2, "must be a whole number, 1 or more, not '0'"),
        (["-o", "f", "--keep", "1m:1d"], 2, "argument --keep: the first step of keep must be that of the recording"),
        (["-o", "f", "--keep", "soon"], 2, "argument --keep: keep must be a duration"),
        (["-o", "nowhere/f"], 1, "nowhere/f: No such file or directory"),
        (["-o", "other"], 1, "other: it is not a file of history"),
    ],
)
def test_what_is_refused(registry, options, status, message):
    with open("other", "w") as file:
        file.write("text\n")
    found = historian("log", registry.directory, *options)
    assert found[0] == status
    assert message in found[2]
    assert found[2].count("\n") == 1
    assert not os.path.exists("f")


def test_a_directory_that_is_not_there(path):
    status, _, err = historian("log", "nowhere", "-o", path)
    assert status == 1
    assert "nowhere: No such file or directory" in err
    assert not os.path.exists(path)
