"""The directory of a registry: its permissions, and the environment variable HISTORIAN_DIR."""

import os
import pickle
import stat
import subprocess
import sys

import pytest

from historian import Key, Registry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def test_modes(tmp_path):
    before = os.umask(0)
    try:
        rec = Registry(tmp_path / "a" / "b").recorder("q")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(rec.path).st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o177, 0o777])
def test_modes_with_a_umask_that_removes_rights_of_the_user(directory, umask):
    before = os.umask(umask)
    try:
        rec = Registry(directory).recorder("q")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(rec.path).st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_directory_that_other_users_may_write_to(tmp_path, mode):
    os.chmod(tmp_path, mode)
    with pytest.raises(PermissionError, match=rf"other users may write to it, its mode is {mode:04o}.*trust=True"):
        Registry(tmp_path)
    rec = Registry(tmp_path, trust=True).recorder("q")
    rec.record(1.0)
    assert pickle.loads(pickle.dumps(Registry(tmp_path, trust=True))).snapshot()[Key("q")].count == 1
    os.chmod(tmp_path, 0o755)
    assert Registry(tmp_path).snapshot()[Key("q")].count == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user(tmp_path):
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(PermissionError, match="another user, uid 12345"):
        Registry(tmp_path)
    assert Registry(tmp_path, trust=True).snapshot() == {}


def test_a_path_that_is_not_a_directory(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        Registry(tmp_path / "file")
    with pytest.raises(ValueError, match="empty"):
        Registry("")
    with pytest.raises(TypeError):
        Registry(3)


def test_relative_directories_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = Registry("d")
    monkeypatch.chdir("/")
    assert registry.recorder("q").path == str(tmp_path / "d" / "recorders")


DEFAULT = """
import os, sys
import historian
assert historian.default_registry.directory == os.path.join(os.getcwd(), sys.argv[1]), historian.default_registry
assert not os.path.exists(sys.argv[1])  # importing creates nothing
historian.recorder("q", unit="ms").record(1.0)
print(os.listdir(sys.argv[1]), historian.default_registry.snapshot())
"""


def test_the_directory_of_the_environment(tmp_path):
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    for count in (1, 2):
        env = {**os.environ, "HISTORIAN_DIR": "d"}
        done = subprocess.run([sys.executable, "-c", DEFAULT, "d"], env=env, **run)
        if count == 1:
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith("['recorders'] {Key('q'): <Histogram of 1 value")
        else:
            assert "AssertionError" in done.stderr  # the directory already exists
    program = "import historian; r = historian.recorder('q'); print(historian.default_registry.directory, r.path)"
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "HISTORIAN_DIR": ""}, **run)
    assert done.stdout == "None None\n"


DISABLED = """
import os, pickle, sys
import historian
registry = historian.Registry(sys.argv[1])
rec = registry.recorder("q", unit="ms")
rec.record(1.0)
again = pickle.loads(pickle.dumps(rec))
assert (again.name, again.unit, again.path, again.snapshot().count) == ("q", "ms", None, 0)
print(os.path.exists(sys.argv[1]))
"""


def test_disabled(directory):
    env = {**os.environ, "HISTORIAN_DISABLE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", DISABLED, directory], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
