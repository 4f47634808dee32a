"""Other users in the same folders: what they place there is not written through and not read, at any moment."""

import gc
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import pytest

from historian import Histogram, Key, Recorder, Registry, RegistryWarning, snapshot
from historian._files import file as files
from historian._files.reading import read_all
from historian._files.replace import replace
from historian._live import moved

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make something that another user owns"
)
OTHER = 65534


@pytest.fixture
def sticky(tmp_path):
    folder = tmp_path / "sticky"
    folder.mkdir()
    folder.chmod(0o1777)  # as /tmp
    return folder


def given_away(path):
    os.chown(path, OTHER, -1, follow_symlinks=False)
    return path


# ---- the directory ----


@as_root
@pytest.mark.parametrize("mode", [0o777, 0o700])
def test_made_again_by_another_user(directory, mode):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    moved = directory + ".moved"
    os.rename(directory, moved)  # so that the inode is another one
    os.mkdir(directory)
    os.chmod(directory, mode)
    given_away(directory)
    shutil.copy(os.path.join(moved, "recorders"), directory)
    asks = [registry.snapshot, registry.problems, registry.clear, registry.profile, lambda: registry.recorder("new")]
    for ask in asks:
        with pytest.raises(PermissionError, match="pass trust=True"):
            ask()
    assert rec.snapshot() == Histogram.from_values([1.0])  # in the file that it has open
    assert os.listdir(directory) == ["recorders"]


def test_opened_to_others_while_in_use(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    os.chmod(directory, 0o777)
    with pytest.raises(PermissionError, match="other users may write to it, its mode is 0777"):
        registry.snapshot()
    os.chmod(directory, 0o700)
    assert registry.snapshot()[Key("q")].count == 1


def test_a_link_in_a_folder_for_all_users(tmp_path, sticky):
    (tmp_path / "private").mkdir(mode=0o700)
    (sticky / "link").symlink_to(tmp_path / "private")
    with pytest.raises(PermissionError, match="it is a symbolic link that another user may have placed: use the path"):
        Registry(sticky / "link")
    assert os.listdir(tmp_path / "private") == []
    Registry(sticky / "link", trust=True).recorder("q").record(1.0)
    (sticky / "dangling").symlink_to(sticky / "nowhere")
    with pytest.raises(PermissionError, match="symbolic link"):
        Registry(sticky / "dangling")
    assert sorted(os.listdir(sticky)) == ["dangling", "link"]


def test_a_link_in_a_folder_of_this_user(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "private")
    with pytest.raises(FileNotFoundError):
        Registry(tmp_path / "link")
    (tmp_path / "private").mkdir(mode=0o700)
    Registry(tmp_path / "link").recorder("q").record(1.0)
    assert Registry(tmp_path / "private").snapshot()[Key("q")].count == 1
    (tmp_path / "private").chmod(0o777)
    with pytest.raises(PermissionError, match="its mode is 0777"):
        Registry(tmp_path / "link")


@as_root
def test_a_link_of_another_user(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "private")
    given_away(tmp_path / "link")
    with pytest.raises(PermissionError, match="symbolic link"):
        Registry(tmp_path / "link")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_folders_above_it_are_private_too(tmp_path, umask):
    before = os.umask(umask)
    try:
        Registry(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    for path in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE(os.stat(tmp_path / path).st_mode) == 0o700


def swap(directory):
    """Put another directory at the path, with a file of the same name."""
    os.rename(directory, directory + ".moved")
    other = Registry(directory + ".other")
    other.recorder("q").record_many([5.0] * 100)
    os.rename(directory + ".other", directory)


def test_swapped_while_it_is_read(directory, monkeypatch):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    lists = os.listdir

    def swap_then_list(folder):
        monkeypatch.setattr(os, "listdir", lists)
        swap(directory)
        return lists(folder)

    monkeypatch.setattr(os, "listdir", swap_then_list)
    assert read_all(directory)[0][0].histogram.count == 1


def test_swapped_before_a_file_is_created(directory, monkeypatch):
    registry, creates = Registry(directory), files._create

    def swap_then_create(folder, path):
        monkeypatch.setattr(files, "_create", creates)
        swap(directory)
        return creates(folder, path)

    monkeypatch.setattr(files, "_create", swap_then_create)
    with pytest.warns(RegistryWarning, match="was removed while in use"):
        registry.recorder("new").record(1.0)
    assert registry.snapshot()[Key("new")].count == 1
    assert os.listdir(directory) == ["recorders"] and os.listdir(directory + ".moved") == ["recorders"]


def test_a_recorder_is_opened_in_a_trusted_directory_only(directory):
    rec = Registry(directory).recorder("q")
    rec.record(1.0)
    os.chmod(directory, 0o777)
    program = f"import historian\nhistorian.Recorder.open({rec.path!r}, historian.Key('q'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "PermissionError: [Errno 1] other users may write to it" in done.stderr
    program = program.replace("'))", "'), trust=True).record(2.0)")
    subprocess.run([sys.executable, "-c", program], check=True)
    assert rec.snapshot().count == 2


def test_trust_is_pickled(directory):
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    rec = Registry(directory, trust=True).recorder("q")
    program = f"import pickle; pickle.loads({pickle.dumps(rec)!r}).record(2.0)"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert rec.snapshot().count == 1
    with pytest.raises(FileNotFoundError):
        Recorder.open(os.path.join(directory + ".none", "recorders"), Key("q"), trust=True)
    assert not os.path.exists(directory + ".none")


# ---- the file in it ----


def asks(directory):
    """Return all that uses the file of a directory, without trust."""
    registry, path = Registry(directory), os.path.join(directory, "recorders")
    return [
        *(registry.snapshot, registry.problems, registry.profile, registry.clear, registry.drain),
        *(lambda: registry.recorder("q"), lambda: registry.recorder("new"), lambda: registry.remove(Key("q"))),
        *(
            lambda: Recorder.open(path, Key("q")),
            lambda: registry.family("q", labels=("i",)),
            lambda: registry.merge({Key("q"): Histogram()}),
        ),
    ]


def outside(directory, *options):
    run = [sys.executable, "-m", "historian", "profile", directory, *options]
    return subprocess.run(run, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o666, 0o777])
def test_a_file_that_other_users_may_write_to(directory, mode):
    Registry(directory).recorder("q").record(1.0)
    gc.collect()  # it is opened anew, as in another process
    path = os.path.join(directory, "recorders")
    os.chmod(path, mode)
    for ask in asks(directory):
        with pytest.raises(PermissionError, match=f"write to it, its mode is {mode:04o}: make it private .chmod go-w."):
            ask()
    done = outside(directory)
    assert done.returncode == 1 and f"its mode is {mode:04o}" in done.stderr and "--trust" in done.stderr
    assert outside(directory, "--trust").returncode == 0
    os.chmod(path, 0o644)  # to read is allowed
    assert Registry(directory).snapshot()[Key("q")].count == 1
    assert Registry(directory).drain()[Key("q")].count == 1


@as_root
def test_a_file_of_another_user(directory):
    Registry(directory).recorder("q").record(1.0)
    gc.collect()
    given_away(os.path.join(directory, "recorders"))
    for ask in asks(directory):
        with pytest.raises(PermissionError, match="it belongs to another user, uid 65534: use a directory of your own"):
            ask()
    assert Registry(directory, trust=True).snapshot()[Key("q")].count == 1


def test_a_file_that_is_opened_to_others_while_in_use(directory):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    os.chmod(rec.path, 0o666)
    rec.record(2.0)  # what is mapped goes on
    with pytest.raises(PermissionError, match="its mode is 0666"):
        registry.snapshot()
    os.chmod(rec.path, 0o600)
    assert registry.snapshot()[Key("q")].count == rec.drain().count == 2


SHARED = """
import os, sys
from historian import Key, Registry
Registry(sys.argv[3]).recorder("q").record(1.0)  # imports what is imported late, where another user may not look
Registry(sys.argv[3]).snapshot()
os.setgroups([])
os.setgid(65534)
os.setuid(65533)
registry = Registry(sys.argv[1], trust=True)
assert registry.snapshot()[Key("q")].count == 1
if sys.argv[2] == "write":
    registry.recorder("q").record(2.0)
    registry.recorder("new").record(2.0)
else:
    try:
        registry.recorder("q")
    except PermissionError as error:
        assert "Permission denied" in str(error)
    else:
        raise AssertionError
"""


@as_root
@pytest.mark.parametrize(("folder", "file", "what"), [(0o2770, 0o660, "write"), (0o750, 0o640, "read")])
def test_a_group_that_shares_a_directory(tmp_path, folder, file, what):
    with tempfile.TemporaryDirectory(dir="/tmp") as above:
        os.chmod(above, 0o755)
        directory = os.path.join(above, "shop")
        registry = Registry(directory, trust=what == "write")
        rec = registry.recorder("q")
        rec.record(1.0)
        for path, mode in [(directory, folder), (rec.path, file)]:
            os.chown(path, -1, OTHER)
            os.chmod(path, mode)
        run = [sys.executable, "-c", SHARED, directory, what, str(tmp_path / "warm")]
        done = subprocess.run(run, capture_output=True, text=True, check=False, cwd="/")
        assert (done.returncode, done.stderr) == (0, "")
        assert registry.snapshot().total().count == (3 if what == "write" else 1)


# ---- files that are written ----


@as_root
def test_a_link_of_another_user_is_not_written_through(tmp_path, sticky):
    (tmp_path / "secret").write_text("kept")
    (sticky / "out").symlink_to(tmp_path / "secret")
    given_away(sticky / "out")
    with pytest.raises(PermissionError, match="it is a symbolic link of another user, uid 65534: use another path"):
        replace(sticky / "out", b"new")
    with pytest.raises(PermissionError):
        snapshot.save({Key("q"): Histogram()}, sticky / "out")
    Registry(tmp_path / "d").recorder("q").record(1.0)
    for command in (["snapshot", tmp_path / "d"], ["merge", tmp_path / "d"]):
        run = [sys.executable, "-m", "historian", *map(str, command), "-o", str(sticky / "out")]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "it is a symbolic link of another user" in done.stderr
    (sticky / "own").symlink_to(sticky / "out")  # a link to that link
    with pytest.raises(PermissionError, match="of another user"):
        replace(sticky / "own", b"new")
    assert (tmp_path / "secret").read_text() == "kept"
    assert sorted(os.listdir(sticky)) == ["out", "own"]


@as_root
def test_a_pipe_of_another_user_is_not_written_to(sticky):
    os.mkfifo(sticky / "out")
    given_away(sticky / "out")
    with pytest.raises(PermissionError, match="it is not a regular file, and of another user"):
        replace(sticky / "out", b"new")


@as_root
def test_the_mode_of_a_file_of_another_user_is_not_kept(sticky):
    (sticky / "out").write_text("old")
    given_away(sticky / "out")
    (sticky / "out").chmod(0o4777)
    before = os.umask(0o077)
    try:
        replace(sticky / "out", b"new")
    finally:
        os.umask(before)
    status = os.stat(sticky / "out")
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)


def test_links_of_this_user_are_followed(tmp_path, sticky):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "second").symlink_to("file")
    (sticky / "first").symlink_to(tmp_path / "there" / "second")
    for data in (b"new", b"newer"):
        replace(sticky / "first", data)
        assert (tmp_path / "there" / "file").read_bytes() == data
    assert os.listdir(sticky) == ["first"] and sorted(os.listdir(tmp_path / "there")) == ["file", "second"]
    (sticky / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        replace(sticky / "loop", b"new")


# ---- removed at any moment ----


def test_removed_again_and_again_while_threads_work(directory):
    registry = Registry(directory)
    rec = registry.recorder("q")
    ended, faults, recorded = threading.Event(), [], []

    def work(number):
        count = 0
        try:
            while not ended.is_set():
                rec.record(1.0)
                count += 1
                assert rec.snapshot().count >= count
                registry.recorder("new", thread=number).record(2.0)
                Registry(directory).recorder("q").record(1.0)
                count += 1
                registry.snapshot()
                registry.problems()
                assert registry.recorder("new", thread=number).drain().count == 1
        except BaseException as error:
            faults.append(error)
        recorded.append(count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RegistryWarning)
        for thread in threads:
            thread.start()
        for _ in range(40):
            time.sleep(0.005)
            shutil.rmtree(directory, ignore_errors=True)
        ended.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert rec.snapshot().count == registry.snapshot()[Key("q")].count == sum(recorded)


@pytest.mark.filterwarnings("ignore::historian.RegistryWarning")
def test_removed_again_while_it_is_asked_for(directory, monkeypatch):
    registry = Registry(directory)
    rec = registry.recorder("q")
    rec.record(1.0)
    move, removals = moved._move_to_path, [directory]

    def move_and_remove(*args):
        move(*args)
        if removals:
            shutil.rmtree(removals.pop())

    monkeypatch.setattr(moved, "_move_to_path", move_and_remove)
    shutil.rmtree(directory)
    assert Registry(directory).recorder("q") is rec  # another object would not know the first value
    rec.record(2.0)
    assert rec.snapshot().count == registry.snapshot()[Key("q")].count == rec.drain().count == 2
    assert removals == []


def test_one_warning_for_all_threads(directory):
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    shutil.rmtree(directory)
    together = threading.Barrier(4)

    def ask():
        together.wait()
        registry.snapshot()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", RegistryWarning)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(said) == 1
    assert registry.snapshot()[Key("q")].count == 1
