"""A file is damaged, or an earlier copy of it is written over it, while processes use it: no key gets two places.

If a file has two places of one key all the same, none of what they count is lost.
"""

import gc
import os
import struct
import sys
import zlib

import pytest
from layout import entry_at, file_of, patched, word

from historian import CorruptFileWarning, Histogram, Key, Registry
from historian._core import DirectoryFile
from historian._files.header import encode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

CHANGES_AT = 160
KEY = encode(Key("q"))


def opened(path):
    """Return the file as another process maps it: it knows by itself which recorders there are."""
    fd = os.open(path, os.O_RDWR)
    try:
        return DirectoryFile(fd, path)
    finally:
        os.close(fd)


def added(file, key=KEY):
    """Add a recorder, and return its place.  One that was removed is there again."""
    fd = os.open(file.path, os.O_RDWR)
    try:
        return file.add(fd, key + b"s", len(key), 0)
    finally:
        os.close(fd)


@pytest.fixture
def path(directory):
    registry = Registry(directory)
    for name in ("q", "other"):
        registry.recorder(name).record(1.0)
    registry.remove(Key("q"))
    del registry
    gc.collect()
    return file_of(directory)


def test_a_restored_file_gets_no_key_twice(path):
    """One process makes a change, which is undone; another one makes as many others."""
    one, other = opened(path), opened(path)
    with open(path, "rb") as file:
        earlier = file.read()
    assert one.find(KEY, removed=False) == -1
    one.remove(one.find(encode(Key("other"))))
    patched(path, 0, earlier)
    place = added(other)
    assert one.find(KEY) == place == added(one)
    assert len(opened(path)) == 2


def test_no_number_of_changes_comes_back_by_a_flipped_bit(path):
    patched(path, CHANGES_AT, struct.pack("<Q", 4))
    one, other = opened(path), opened(path)
    assert one.find(KEY, removed=False) == -1
    place = added(other)
    patched(path, CHANGES_AT, struct.pack("<Q", word(path, CHANGES_AT) ^ 2))
    assert one.find(KEY) == place == added(one)


@pytest.mark.parametrize("ahead", [2**62, 2**64 - 4, 2**64 - 2, 2**64 - 1], ids=hex)
def test_changes_are_seen_if_the_clock_is_behind(path, ahead):
    """The number may be damaged, or of a time that has not come yet."""
    patched(path, CHANGES_AT, struct.pack("<Q", ahead))
    one, other = opened(path), opened(path)
    for _ in range(3):
        assert one.find(KEY, removed=False) == other.find(KEY, removed=False) == -1
        place = added(other)
        assert one.find(KEY, removed=False) == place
        one.remove(place)


# ---- two places of one key ----


def with_key(path, place, key, unit=b"s"):
    """Give the recorder at a place another key, of the same length."""
    at = entry_at(path, place)
    with open(path, "rb") as file:
        file.seek(at + 388)
        fixed = file.read(20)
    text = key + unit
    fixed = struct.pack("<I", len(text)) + fixed[4:12] + struct.pack("<I", len(key)) + fixed[16:]
    patched(path, at + 384, struct.pack("<I", zlib.crc32(fixed + text)) + fixed + text)


@pytest.fixture
def twice(directory):
    """Make a file that has one key at two places."""
    registry = Registry(directory)
    registry.recorder("q").record(1.0)
    registry.recorder("r").record_many([2.0, 2.0])
    registry.recorder("last").record(3.0)
    del registry
    gc.collect()
    return file_of(directory)


def test_two_places_of_one_key_are_added_up(directory, twice):
    with_key(twice, 1, KEY)
    registry, all_of_it = Registry(directory), Histogram.from_values([1.0, 2.0, 2.0])
    rest = {Key("last"): Histogram.from_values([3.0])}
    assert registry.snapshot() == {Key("q"): all_of_it, **rest} and not registry.problems()
    assert list(registry.snapshot()) == [Key("q"), Key("last")]
    assert registry.drain() == {Key("q"): all_of_it, **rest}
    assert registry.snapshot() == {Key("q"): Histogram(), Key("last"): Histogram()}


def test_two_places_of_one_key_with_other_units(directory, twice):
    with_key(twice, 1, KEY, b"ms")
    registry, bad = Registry(directory), f"{twice}[1]"
    reason = "another recorder has its name and labels, and the unit 's', not 'ms'"
    assert registry.problems()[bad].reason == reason
    for ask in (registry.snapshot, registry.drain):
        with pytest.warns(CorruptFileWarning, match=reason):
            assert ask()[Key("q")] == Histogram.from_values([1.0])
    assert opened(twice).read(1)[0].total == 2  # it was not drained


def test_two_places_of_one_key_with_too_many_values(directory, twice):
    registry = Registry(directory)
    for name in ("q", "r"):
        registry.merge({Key(name): Histogram.from_values([5.0], counts=[2**62])})
    with_key(twice, 1, KEY)
    one, bad = Histogram.from_values([1.0, 5.0], counts=[1, 2**62]), f"{twice}[1]"
    assert list(registry.problems()) == [bad]
    with pytest.warns(CorruptFileWarning, match=r"2\*\*63"):
        assert registry.snapshot()[Key("q")] == one
    with pytest.warns(CorruptFileWarning, match=r"2\*\*63"):
        assert registry.drain()[Key("q")] == one
    assert not registry.problems()  # both are empty
