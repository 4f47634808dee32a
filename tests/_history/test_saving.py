"""`History.save`: a history in a file of its own."""

import os

import pytest

from historian import Histogram, History, Interval, Key
from historian._history import saving
from historian._history.writing import FileLog


def history(count=5, year=2026):
    return History(
        Interval(
            f"{year}-11-27T05:3{k}Z", f"{year}-11-27T05:3{k + 1}Z", {Key("a", k=k): Histogram.from_values([k, 0.1])}
        )
        for k in range(count)
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_is_saved_is_what_is_opened(tmp_path, count):
    path = tmp_path / "a.history"
    history(count).save(path)
    assert History.open(path) == history(count)
    assert os.listdir(tmp_path) == ["a.history"]


def test_a_file_that_exists_stays_as_it_is(tmp_path):
    path = tmp_path / "a.history"
    history(2).save(path)
    with pytest.raises(FileExistsError, match="exists already"):
        history(3).save(path)
    assert History.open(path) == history(2)
    assert os.listdir(tmp_path) == ["a.history"]


def test_a_missing_folder_is_named_with_the_file_of_the_caller(tmp_path):
    path = tmp_path / "missing" / "a.history"
    with pytest.raises(FileNotFoundError) as error:
        History().save(path)
    assert error.value.filename == str(path)


def test_a_log_goes_on_in_it(tmp_path):
    path = tmp_path / "a.history"
    history(2).save(path)
    log = FileLog(str(path))
    assert log.end == history(2)[-1].end
    log.copy(log.end, log.end + 10**9, {Key("b"): Histogram.from_values([1.0]).to_bytes()})
    log.close()
    assert History.open(path)[:2] == history(2) and len(History.open(path)) == 3


def test_times_before_1970(tmp_path):
    with pytest.raises(ValueError, match="from 1970 on, not 1969-11-27"):
        history(2, year=1969).save(tmp_path / "a.history")
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving.FileLog, "copy", full)
    with pytest.raises(OSError, match="No space"):
        history(2).save(tmp_path / "a.history")
    assert os.listdir(tmp_path) == []
