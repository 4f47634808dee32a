"""A file of history that is written, cut, damaged, locked and written again."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from clocks import MIDNIGHT, SECOND, Machine, Service, counts

from historian import Histogram, History, Key, Registry, Snapshot
from historian._files.errors import CorruptFileWarning
from historian._history import writing
from historian._history.differences import Change, Total
from historian._history.frames import FIRST_FRAME
from historian._history.opening import open_log
from historian._history.reading import open_source
from historian._history.scanning import OpenFile, scan
from historian._history.writing import FileLog

Q = Key("q", route="/users")
STEP = 10 * SECOND
GOLDEN = str(Path(__file__).parents[1] / "data" / "three-intervals.history")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "shop.history")


def change(count, key=Q, source="a-0-0", begun=False):
    one = Histogram.from_values([0.5] * count)
    return Change({key: one}, {key: source} if begun else {}, {})


def write(path, intervals=5, first=0):
    """Write intervals of 1, 2, 3 ... values; return the offset at which each of them ends."""
    log = FileLog(path, sync=False)
    if not log.end:
        log.keep({Q: Total("a-0-0", Histogram())}, MIDNIGHT)
    ends = []
    for k in range(first, first + intervals):
        log.append(MIDNIGHT + k * STEP, MIDNIGHT + (k + 1) * STEP, change(k + 1))
        ends.append(os.path.getsize(path))
    log.close()
    return ends


def found(path):
    source = open_source(path)
    return [sum(h.count for h in source.load(i).values()) for i in range(len(source.starts))]


def test_what_is_written_is_read(path):
    write(path)
    source = open_source(path)
    assert found(path) == [1, 2, 3, 4, 5]
    assert source.load(2) == {Q: Histogram.from_values([0.5] * 3)}
    assert source.load(2, lambda key: key != Q) == {}
    assert isinstance(source.load(2), Snapshot)
    assert source.problems == ()


def test_a_key_is_asked_for_once_for_all_intervals(path):
    write(path)
    source, asked = open_source(path), []

    def wanted(key):
        asked.append(key)
        return True

    assert [len(source.load(i, wanted)) for i in range(5)] == [1] * 5
    assert asked == [Q]
    assert source.load(0, lambda key: False) == {}  # another question
    assert len(source.load(0, wanted)) == 1


def test_it_is_appended_to(path):
    write(path)
    write(path, 3, first=5)
    assert found(path) == list(range(1, 9))


def test_a_file_cut_anywhere_loses_no_whole_interval_and_goes_on(path):
    ends = write(path)
    with open(path, "rb") as file:
        data = file.read()
    for size in range(0, len(data), 7):
        with open(path, "wb") as file:
            file.write(data[:size])
        whole = sum(end <= size for end in ends)
        if size >= 128:
            # The copy of new keys comes after the interval, so that may be there already.
            assert found(path)[: whole + 1] in (list(range(1, whole + 1)), list(range(1, whole + 2)))
        there = len(found(path)) if size >= 128 else 0
        write(path, 2, first=there)
        assert found(path) == list(range(1, there + 3))
        assert open_source(path).problems == ()  # what was not complete has been cut off


def test_a_byte_changed_anywhere_costs_one_interval_at_most(path):
    write(path)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for at in range(0, len(data), 3):
        data[at] ^= 0xFF
        with open(path, "wb") as file:
            file.write(data)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            got = found(path)
        data[at] ^= 0xFF
        missing = {1, 2, 3, 4, 5}.difference(got)
        assert len(missing) <= 1
        assert len(warned) >= len(missing) or missing == {5}  # which may be one that is being written


def test_names_survive_damage_at_one_place(path):
    """They are written before the interval that first needs them, and after it."""
    write(path, 1)
    with open(path, "rb") as file:
        data = file.read()
    first = data.index(b"/users")
    assert data.count(b"/users") >= 1
    spoiled = bytearray(data)
    spoiled[first] ^= 1
    with open(path, "wb") as file:
        file.write(spoiled)
    with pytest.warns(CorruptFileWarning, match="the frame of keys at byte"):
        assert found(path) == [1]


def test_numbers_of_keys_that_damage_has_hidden_are_not_given_to_others(path):
    log = FileLog(path, sync=False)
    for k, name in enumerate("ab"):
        log.append(MIDNIGHT + k, MIDNIGHT + k + 1, change(1, Key(name), begun=True))
    log.close()
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = [k for k in range(len(data)) if data.startswith(b"\x89HSF\x01", k)][2:]  # both frames that name b
    for one in at:
        data[one + 50] ^= 1
    with open(path, "wb") as file:
        file.write(data)
    log = FileLog(path, sync=False)
    log.append(MIDNIGHT + 5, MIDNIGHT + 6, change(7, Key("c"), begun=True))
    log.close()
    with pytest.warns(CorruptFileWarning):
        held = [open_source(path).load(i) for i in range(3)]
    assert [{str(key): h.count for key, h in one.items()} for one in held] == [{"a": 1}, {}, {"c": 7}]


def test_a_second_writer_is_refused_at_once(path):
    log = FileLog(path, sync=False)
    with pytest.raises(BlockingIOError, match="another program is writing this history: stop it"):
        FileLog(path)
    code = f"from historian._history.writing import FileLog; FileLog({path!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another program is writing" in done.stderr
    open_source(path)  # to read it, and to close it again, does not unlock it
    with pytest.raises(BlockingIOError):
        FileLog(path)
    log.close()
    FileLog(path, sync=False).close()


@pytest.mark.parametrize("content", [b"time,latency\n", b"\x89HSB" + bytes(200), b"\x89HSTRN\r\n" + bytes(300)])
def test_other_files_are_refused_and_stay_as_they_are(path, content):
    with open(path, "wb") as file:
        file.write(content)
    for function in (FileLog, open_source):
        with pytest.raises(ValueError, match="it is not a file of history"):
            function(path)
    with open(path, "rb") as file:
        assert file.read() == content


@pytest.mark.parametrize("content", [b"", bytes(64), b"\x89HSTHL\r\n\x01\0\0\0"])
def test_a_file_whose_first_writer_was_stopped_at_once_is_new(path, content):
    with open(path, "wb") as file:
        file.write(content)
    write(path, 2)
    assert found(path) == [1, 2]


def test_a_file_has_the_rights_of_its_user_only(path):
    write(path)
    if sys.platform != "win32":
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_states_take_a_twentieth_of_the_file(path):
    registry, machine = Registry(), Machine()
    for k in range(50):
        registry.recorder("q", k=k).record_many([0.001 * i for i in range(100)])
    log = FileLog(path, sync=False)
    shop = Service(registry, log, machine)
    states = 0
    for _ in range(200):
        for k in range(50):
            registry.recorder("q", k=k).record_many([0.001 * i for i in range(20)])
        machine.pass_time(10)
        before = log._since_state
        shop.session.look()
        states += log._since_state < before
    shop.stop()
    assert 2 <= states <= 20
    assert counts(path) == 200 * 50 * 20


def test_a_writer_that_goes_on_reads_from_the_last_state_only(path, monkeypatch):
    registry, machine = Registry(), Machine()
    shop = Service(registry, FileLog(path, sync=False), machine)
    shop.run(100)
    shop.log.keep(shop.session._differences.totals, shop.log.end)
    shop.run(20)
    shop.log.close()
    read = []
    add_all = writing._add_all

    def noted(totals, file, found, after):
        read.append(after)
        add_all(totals, file, found, after)

    monkeypatch.setattr(writing, "_add_all", noted)
    log = FileLog(path, sync=False)
    assert log.totals is not None
    assert log.totals[Key("q")].histogram.count == 120
    assert read[0] > 100  # the first state is before the first interval
    log.close()


def test_what_open_log_refuses(tmp_path):
    with pytest.raises(ValueError, match="is a folder: pass keep, "):
        open_log(tmp_path, STEP, None)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="is a file, and keep needs a folder"):
        open_log(tmp_path / "file", STEP, "1d")
    with pytest.raises(ValueError, match="keep must be one duration without a path"):
        open_log(None, STEP, "10s:1h,1m:1d")
    with pytest.raises(FileNotFoundError):
        open_log(tmp_path / "nowhere" / "file", STEP, None)


def test_a_file_that_this_release_wrote():
    """It stays readable: three intervals of two recorders, made as `make_golden` says."""
    with open(GOLDEN, "rb") as file:
        assert file.read(12) == b"\x89HSTHL\r\n\x01\0\0\0"
    source = open_source(GOLDEN)
    assert source.problems == ()
    assert [(start - MIDNIGHT) // SECOND for start in source.starts] == [0, 10, 40]
    assert [(end - MIDNIGHT) // SECOND for end in source.ends] == [10, 20, 50]
    found = [{str(key): (h.count, h.min, h.max, h.unit) for key, h in source.load(i).items()} for i in range(3)]
    assert found == [
        {"q{route=/users}": (3, 0.25, 1.0, "s"), "size": (1, 64.0, 64.0, "bytes")},
        {},
        {"q{route=/users}": (1, 0.5, 0.5, "s")},
    ]
    with OpenFile(GOLDEN) as file:
        totals = writing.totals_in([(file, scan(file, GOLDEN))])
    assert totals is not None
    assert {str(key): (one.source, one.histogram.count) for key, one in totals.items()} == {
        "q{route=/users}": ("0a0b-0-0", 4), "size": ("0a0b-1-0", 1),
    }  # fmt: skip


def make_golden(path):
    """Write the golden file."""
    log = FileLog(path, step=STEP, sync=False)
    size = Key("size")
    log.keep({}, MIDNIGHT)
    first = {Q: Histogram.from_values([0.25, 0.5, 1.0]), size: Histogram.from_values([64.0], unit="bytes")}
    log.append(MIDNIGHT, MIDNIGHT + STEP, Change(first, {Q: "0a0b-0-0", size: "0a0b-1-0"}, {}))
    log.append(MIDNIGHT + STEP, MIDNIGHT + 2 * STEP, Change({}, {}, {}))
    log.append(MIDNIGHT + 4 * STEP, MIDNIGHT + 5 * STEP, Change({Q: Histogram.from_values([0.5])}, {}, {}))
    log.close()


def test_keys_are_there_twice_although_the_first_writer_was_killed_between_both(tmp_path):
    path = tmp_path / "a.history"
    log = FileLog(str(path))
    blob = {Key("a"): Histogram.from_values([1.0]).to_bytes()}
    log.copy(0, 10, blob)
    log.close()
    with OpenFile(str(path)) as file:
        (interval,) = scan(file, str(path)).intervals
    os.truncate(path, interval.offset + 5)  # the interval is torn, and the second frame of keys is lost
    log = FileLog(str(path))
    log.copy(10, 20, blob)
    log.copy(20, 30, blob)
    log.close()
    data = path.read_bytes()
    for at in range(FIRST_FRAME, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorruptFileWarning)
            assert History.open(path).total().count >= 1
