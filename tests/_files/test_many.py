"""A directory of thousands of recorders: what a process pays for each of them does not grow with their number."""

import os
import sys

import pytest

from historian import Key, Registry
from historian._core import key_parts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def maps_and_descriptors():
    with open("/proc/self/maps") as maps:
        files = [line for line in maps if line.rstrip().endswith("/recorders")]
    return len(files), len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="this system has no /proc")
def test_maps_and_descriptors_do_not_depend_on_the_number_of_recorders(tmp_path):
    without = maps_and_descriptors()
    registry = Registry(tmp_path / "d")
    registry.recorder("q", kind=0).record(1.0)
    first = maps_and_descriptors()
    assert first == (without[0] + 3, without[1])  # the file, and pages that keep lane and seat; no descriptor is kept
    for kind in range(1, 3000):
        registry.recorder("q", kind=kind).record(1.0)
    assert maps_and_descriptors() == first
    snapshot = registry.snapshot()
    assert maps_and_descriptors() == first
    assert len(snapshot) == 3000 and snapshot.total().count == 3000


def test_what_a_new_recorder_asks_the_system(tmp_path, monkeypatch):
    registry = Registry(tmp_path / "d")
    registry.recorder("q")
    asked = []

    def noted(name):
        call = getattr(os, name)

        def noting(*args, **kwargs):
            asked.append(name)
            return call(*args, **kwargs)

        return noting

    for name in ("open", "stat", "fstat", "close", "listdir", "mkdir"):
        monkeypatch.setattr(os, name, noted(name))
    registry.recorder("q", kind=1)
    assert asked == ["stat"]  # whether it is the same directory; the core locks its file
    asked.clear()
    registry.recorder("q", kind=1)
    assert asked == []


def test_a_directory_that_is_not_private_any_more_gets_no_new_recorder(tmp_path):
    registry = Registry(tmp_path / "d")
    registry.recorder("q")
    os.chmod(tmp_path / "d", 0o777)
    with pytest.raises(PermissionError, match="other users may write to it"):
        registry.recorder("q", kind=1)
    os.chmod(tmp_path / "d", 0o700)
    assert registry.recorder("q", kind=1).name == "q{kind=1}"


def stored(*texts):
    return b"".join(len(text.encode()).to_bytes(2, "little") + text.encode() for text in texts)


def test_parts_of_a_key():
    assert key_parts(stored("q")) == Key("q")
    assert key_parts(stored("q", "a", "\N{EURO SIGN}", "b", "")) == Key("q", a="\N{EURO SIGN}", b="")
    assert key_parts(stored("q", "b", "2", "a", "1")) == Key("q", a="1", b="2")  # of a writer that has not sorted them
    assert key_parts(stored("q", "a", "1", "a", "2")) == Key("q", a="2")
    for damaged in (b"", b"\0", stored("q")[:-1], stored("q") + b"\0", stored("q", "a"), b"\2\0q"):
        with pytest.raises(ValueError, match="the lengths of its name and labels do not match"):
            key_parts(damaged)
    with pytest.raises(UnicodeDecodeError):
        key_parts(b"\1\0\xff")
