"""Folders of history: old intervals become longer ones, and no crash loses or doubles a value on the way."""

import os
import random

import pytest
from clocks import MIDNIGHT, SECOND, Machine, Service, counts, seconds

from historian import Histogram, Key, Registry
from historian._history import folders
from historian._history.folders import FolderLog
from historian._history.reading import open_source
from historian._history.retention import intervals_at_most, parse_tiers

STEP = 10 * SECOND
MINUTE, HOUR = 60, 3600
TIERS = parse_tiers("10s:10m,1m:1h,10m:6h", STEP)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "shop")


class Fleet:
    """A few recorders that count at random, and the folder with their history."""

    def __init__(self, path, seed=1, tiers=TIERS):
        self.path, self.tiers, self.rng = path, tiers, random.Random(seed)
        self.registry, self.machine = Registry(), Machine(MIDNIGHT)
        self.counted, self.runs = 0, 0
        self.start()

    def start(self):
        self.log = FolderLog(self.path, self.tiers, sync=False)
        self.service = Service(self.registry, self.log, self.machine)
        self.runs += 1

    def run(self, looks):
        for _ in range(looks):
            self.record()
            self.machine.pass_time(10.001)
            self.service.session.look()

    def record(self):
        for name in "abc":
            count = self.rng.randrange(4)
            self.registry.recorder(name).record_many([self.rng.random() for _ in range(count)])
            self.counted += count

    def kill(self):
        """End without a last interval and without tidying up, as a killed process does."""
        self.log.leave()

    def check(self):
        """Each value that has been written is there once."""
        found = open_source(self.path)
        assert all(a < b for a, b in zip(found.starts, found.ends))
        assert all(b <= a for b, a in zip(found.ends, found.starts[1:]))
        return found


def total(source):
    return sum((h for i in range(len(source.starts)) for h in source.load(i).values()), Histogram())


def test_old_intervals_become_longer_and_hold_the_same(path):
    fleet = Fleet(path)
    fleet.run(2 * 360)  # two hours
    found = fleet.check()
    assert counts(found) == fleet.counted
    assert total(found) == fleet.registry.snapshot().total()
    lengths = [b - a for a, b in seconds(found)]
    assert lengths == sorted(lengths, reverse=True) or set(lengths) <= {10, 60, 600}
    assert {10, 60, 600} <= set(lengths)
    fleet.service.stop()


def test_each_value_stays_in_its_interval_of_time(path):
    """Beside a history of the same recorders that keeps everything."""
    fleet, other = Fleet(path), Fleet(path + "2", tiers=parse_tiers("30d", STEP))
    fleet.run(500)
    other.run(500)
    coarse, fine = fleet.check(), other.check()
    starts = {start: i for i, start in enumerate(fine.starts)}
    ends = {end: i for i, end in enumerate(fine.ends)}
    for i, (start, end) in enumerate(zip(coarse.starts, coarse.ends)):
        expected = {}
        for k in range(starts[start], ends[end] + 1):
            for key, one in fine.load(k).items():
                expected[key] = expected.get(key, Histogram()) + one
        assert coarse.load(i) == expected


def test_the_size_is_bounded_by_the_formula(path):
    """Half a day, with a restart every hour: so 12 pieces of time."""
    fleet = Fleet(path)
    largest = 0
    for _ in range(12):
        for _ in range(4):
            fleet.run(90)
            largest = max(largest, len(open_source(path).starts))
        fleet.service.stop()
        fleet.start()
    bound = intervals_at_most(TIERS, fleet.runs)
    assert largest <= bound
    found = fleet.check()
    oldest = fleet.log.end - found.starts[0]
    assert 6 * HOUR * SECOND <= oldest <= 8 * HOUR * SECOND  # 6 h, and at most the time of two files, 10 min each
    names = os.listdir(path)
    assert len(names) < 100
    nbytes = sum(os.path.getsize(os.path.join(path, name)) for name in names)
    # Three keys: at most 48 bytes of a frame, and for each key 8 bytes and a blob of a few values, below 100.
    assert nbytes <= bound * (48 + 8 + 3 * 108) + len(names) * 2000


def test_what_is_older_than_the_last_tier_is_gone(path):
    fleet = Fleet(path, tiers=parse_tiers("10m", STEP))
    fleet.run(360)
    found = fleet.check()
    kept = (found.ends[-1] - found.starts[0]) / SECOND
    assert 10 * MINUTE <= kept <= 10 * MINUTE + 2 * 80  # files cover 70 s: an eighth of 10 min in whole steps
    assert len(open_source(path).starts) <= intervals_at_most(fleet.tiers, 1)


def test_a_crash_at_any_moment_of_a_replacement_neither_loses_nor_doubles(path, monkeypatch):
    """Each system call of the work on old intervals fails once, and the writer is killed there."""
    fleet = Fleet(path)

    class Killed(Exception):
        pass

    left = [0]  # calls until it is killed

    def dying(function):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*args, **kwargs)

        return call

    moments = 0
    for left[0] in range(40):
        with monkeypatch.context() as patched:
            patched.setattr(folders.os, "replace", dying(os.replace))
            patched.setattr(folders.os, "unlink", dying(os.unlink))
            patched.setattr(folders, "sync_folder", dying(folders.sync_folder))
            patched.setattr(folders, "attempt", dying(folders.attempt))
            try:
                fleet.run(150)
            except Killed:
                moments += 1
                fleet.kill()
                found = fleet.check()
                assert counts(found) == fleet.counted
        if fleet.log._fd < 0:
            fleet.start()
        assert counts(fleet.check()) == fleet.counted
    assert moments > 5
    fleet.run(100)
    assert not [name for name in os.listdir(path) if name.endswith(".new")]


@pytest.mark.parametrize("seed", range(8))
def test_kills_and_restarts_at_random(path, seed):
    fleet = Fleet(path, seed)
    for _ in range(15):
        fleet.run(fleet.rng.randrange(1, 120))
        if fleet.rng.randrange(2):
            fleet.record()  # which a killed writer has not written: the next one does
        if fleet.rng.randrange(2):
            fleet.kill()
        else:
            fleet.service.stop()
        fleet.machine.pass_time(fleet.rng.choice([0.5, 40, 900]))
        fleet.start()
    fleet.service.stop()
    found = fleet.check()
    assert not found.problems
    assert counts(found) == fleet.counted


def test_a_disk_that_is_full_while_files_are_replaced_costs_nothing(path, monkeypatch):
    fleet = Fleet(path)
    fleet.run(50)
    copy = folders.FileLog.copy

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.FileLog, "copy", full)
    fleet.run(60)
    assert isinstance(fleet.log.fault, OSError)
    assert counts(fleet.check()) == fleet.counted
    monkeypatch.setattr(folders.FileLog, "copy", copy)
    fleet.run(200)
    assert fleet.log.fault is None
    assert counts(fleet.check()) == fleet.counted
    assert {60, 600} & {round(b - a) for a, b in seconds(fleet.check())}


def test_other_tiers_than_before(path):
    fleet = Fleet(path)
    fleet.run(300)
    fleet.service.stop()
    fleet.tiers = parse_tiers("10s:5m,5m:3h", STEP)
    fleet.start()
    fleet.run(300)
    assert counts(fleet.check()) == fleet.counted
    fleet.service.stop()
    fleet.tiers = parse_tiers("10s:1h", STEP)
    fleet.start()
    fleet.run(700)
    found = fleet.check()
    assert total(found) != fleet.registry.snapshot().total()  # now what is older than an hour is gone
    assert {round(b - a) for a, b in seconds(found)} == {10}


def test_a_unit_that_changed_is_not_added_up(path):
    fleet = Fleet(path)
    for unit in ("ms", "s"):
        fleet.registry.recorder("size", unit=unit).record(1.0)
        fleet.machine.pass_time(10)
        fleet.service.session.look()
        fleet.registry.remove(Key("size"))
    fleet.run(200)
    found = fleet.check()
    sizes = [h for i in range(len(found.starts)) if (h := found.load(i).get(Key("size")))]
    assert [(one.unit, one.count) for one in sizes] == [("ms", 1), ("s", 1)]


def test_a_second_writer_is_refused(path):
    fleet = Fleet(path)
    with pytest.raises(BlockingIOError, match="another program is writing this history"):
        FolderLog(path, TIERS)
    fleet.run(10)
    fleet.service.stop()
    FolderLog(path, TIERS).close()


def test_a_reader_that_opens_it_while_files_are_replaced(path, monkeypatch):
    """It sees each value once, whichever files it saw first."""
    fleet = Fleet(path)
    fleet.run(200)
    from historian._history import reading

    scanned, opened = reading._scanned, []

    def slow(name):
        opened.append(name)
        if len(opened) < 40:
            fleet.run(5)  # the writer goes on meanwhile
        return scanned(name)

    monkeypatch.setattr(reading, "_scanned", slow)
    found = open_source(path)
    assert fleet.counted - 60 <= counts(found) <= fleet.counted
    assert all(b <= a for b, a in zip(found.ends, found.starts[1:]))


def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(path):
    """Such as a directory of recorders."""
    os.mkdir(path)
    with open(os.path.join(path, ".letter.new"), "w") as file:
        file.write("text")
    with pytest.raises(ValueError, match="shop: it is not a folder of history: pass another path, or that"):
        FolderLog(path, TIERS)
    with pytest.raises(ValueError, match=r"shop: it is not a folder of history$"):
        open_source(path)
    assert os.listdir(path) == [".letter.new"]


def test_an_empty_folder_is_a_history_without_intervals(path):
    os.mkdir(path)
    assert list(open_source(path).starts) == []
    FolderLog(path, TIERS).close()
    assert list(open_source(path).starts) == []


@pytest.mark.parametrize("head", [b"", b"\0" * 7, "a part of a header"])
def test_a_writer_that_is_killed_when_it_creates_a_file_costs_nothing(path, head):
    fleet = Fleet(path)
    fleet.run(100)
    files = sorted(name for name in os.listdir(path) if name.endswith(".history"))
    if isinstance(head, str):
        with open(os.path.join(path, files[-1]), "rb") as file:
            head = file.read(9)
    with open(os.path.join(path, "0000009999.history"), "wb") as file:
        file.write(head)
    assert counts(path) == fleet.counted
    fleet.kill()
    FolderLog(path, TIERS).close()
    assert "0000009999.history" not in os.listdir(path)
    assert counts(path) == fleet.counted


def test_a_history_that_was_opened_before_files_were_replaced_says_what_to_do(path):
    fleet = Fleet(path)
    fleet.run(100)
    found = open_source(path)
    fleet.run(300)
    with pytest.raises(FileNotFoundError, match="replaced by a file of longer intervals: open the history again"):
        found.load(len(found.starts) - 1)
    assert counts(path) == fleet.counted
