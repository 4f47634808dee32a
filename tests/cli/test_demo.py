"""`historian demo`, run as a command.  It takes real time, but no test depends on how long it takes."""

import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import demo_workers
import pytest

import historian
from historian import Histogram
from historian._show.profile import Profile
from historian.buckets import RELATIVE_ERROR
from historian.cli import demo, fanout, main
from historian.cli._demo import workers as _workers
from historian.cli._demo import workload as _workload

if sys.platform == "win32":
    pytest.skip("recorders in a directory need a POSIX system", allow_module_level=True)

COMMAND = [sys.executable, "-m", "historian", "demo"]


def within(folder, **more):
    """Return arguments for a process that works in a folder, has its temporary files there, and uses this historian."""
    places = {
        **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(folder)),
        "PYTHONPATH": str(Path(historian.__file__).parents[1]),
    }
    return {"cwd": folder, "env": {**os.environ, **places, **more}, "text": True}


def read_samples(path):
    samples = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        name, value = line.split("\t")
        samples[name].append(float(value))
    return samples


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run a short demo; return its output, its samples and the folder for its temporary files."""
    folder, raw = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("raw") / "raw.tsv"
    command = [*COMMAND, "--seconds", "0.5", "--raw", str(raw)]
    ended = subprocess.run(command, capture_output=True, timeout=120, **within(folder))
    assert ended.returncode == 0, ended.stderr
    assert "Warning" not in ended.stderr
    return ended.stdout, read_samples(raw), folder


def tally(printed):
    """Return the numbers of records that the processes acknowledged, and the number in the directory."""
    text = " ".join(printed[printed.index("Process 3 was killed") :].split("\n\n")[0].split())
    found = re.search(
        r"after its call had returned: ([\d,]+(?:, [\d,]+){4}), in all ([\d,]+)\. .* holds ([\d,]+): (.*)\.", text
    )
    acknowledged, total, held = ([int(number.replace(",", "")) for number in found[k].split(", ")] for k in (1, 2, 3))
    assert [sum(acknowledged)] == total
    return acknowledged, held[0], found[4]


def test_the_directory_holds_what_the_processes_acknowledged(finished):
    acknowledged, held, verdict = tally(finished[0])
    assert len(acknowledged) == 5 and all(acknowledged)  # four processes, and the replacement of the killed one
    assert held - sum(acknowledged) in (0, 1)
    assert verdict.startswith("all of them")
    assert ("one more" in verdict) == (held != sum(acknowledged))


def test_the_table_is_that_of_the_samples(finished):
    printed, samples, _ = finished
    assert {"look-up", "look-up result", "scan", "scan result"} <= set(samples)
    unit = {name: "bytes" if name.endswith("result") else "s" for name in samples}
    missing = tally(printed)[1] - sum(map(len, samples.values()))
    if missing == 0:
        histograms = {name: Histogram.from_values(values, unit=unit[name]) for name, values in samples.items()}
        assert str(Profile(histograms)) in printed  # all counts and percentiles are exactly the same
    assert missing in (0, 1)  # a process was killed after it had recorded a value and before it had written it
    queries = int(re.search(r"^([\d,]+) queries", printed, re.MULTILINE)[1].replace(",", ""))
    assert 0 <= queries - sum(len(values) for name, values in samples.items() if unit[name] == "s") <= missing


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99, 0.999, 0.9999])
def test_every_percentile_is_near_a_sample_of_its_rank(finished, q):
    for values in finished[1].values():
        exact = sorted(values)[math.ceil(q * len(values)) - 1]
        assert Histogram.from_values(values).quantile(q) == pytest.approx(exact, rel=RELATIVE_ERROR * (1 + 1e-12))


def test_the_fan_out_is_printed(finished):
    printed, samples, _ = finished
    assert len(samples["look-up"]) >= 100, "too slow a machine for this test"
    rows = re.findall(r"^ *([\d,]+)  +(?:> )?([\d.]+) %(?: \(.+?\))?  +(.+)$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == ["1", "10", "100", "1,000"]
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)


def test_no_file_is_left_and_the_output_cannot_move_the_cursor(finished):
    printed, _, folder = finished
    assert list(folder.iterdir()) == []
    assert "\x1b" not in printed and "\r" not in printed
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals to a process group")
def test_an_interrupt_leaves_no_process_and_no_file(tmp_path):
    started = subprocess.Popen(
        [*COMMAND, "--seconds", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **within(tmp_path),
        start_new_session=True,
    )
    try:
        assert "queries" in started.stderr.readline()  # all workers are working
        assert len(list(tmp_path.iterdir())) == 1
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
        # This returns when no process holds the pipes any more.  So no process that inherited them is left.
        printed, complaints = started.communicate(timeout=60)
        assert started.returncode == 130
        assert "Traceback" not in complaints and printed == ""
        assert list(tmp_path.iterdir()) == []
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)


def run_workers(*work):
    return _workers.run_workers(list(work), 0.5, time.monotonic())


def test_workers_answer_in_order():
    assert run_workers((demo_workers.succeed, "a"), (demo_workers.succeed, "b")) == ["a", "b"]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (demo_workers.raise_at_once, "ZeroDivisionError: on purpose"),
        (demo_workers.raise_at_work, "ZeroDivisionError: on purpose"),
        (demo_workers.exit_at_once, "status 3"),
        (demo_workers.exit_at_work, "status 3"),
    ],
)
def test_a_failing_worker_ends_all(bad, why):
    with pytest.raises(_workers.WorkerError, match=why):
        run_workers((demo_workers.succeed, 1), (bad,))
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_is_replaced(monkeypatch):
    work = [(demo_workers.succeed, "a"), (demo_workers.wait_to_be_killed,)]
    assert _workers.run_workers(work, 0.5, time.monotonic(), (demo_workers.succeed, "b")) == ["a", "b"]
    assert multiprocessing.active_children() == []


def test_a_worker_that_ends_before_it_is_killed_is_a_failure():
    work = [(demo_workers.wait_to_be_killed,), (demo_workers.succeed, "a")]
    with pytest.raises(_workers.WorkerError, match="had already ended"):
        _workers.run_workers(work, 0.5, time.monotonic(), (demo_workers.succeed, "b"))
    assert multiprocessing.active_children() == []


def test_a_silent_worker_is_given_up(monkeypatch):
    monkeypatch.setattr(_workers, "GRACE", 0.1)
    with pytest.raises(_workers.WorkerError, match="sent nothing"):
        run_workers((demo_workers.say_nothing,))
    assert multiprocessing.active_children() == []


def test_a_failure_is_status_1(monkeypatch, capsys):
    monkeypatch.setattr(_workload.Workload, "run", demo_workers.raise_at_once)
    assert main(["demo"]) == 1
    assert "on purpose" in capsys.readouterr().err


def test_a_directory_is_kept(tmp_path, capfd):
    path = str(tmp_path / "recorders")
    assert main(["demo", "--seconds", "0.5", "--dir", path]) == 0
    printed = capfd.readouterr().out
    assert f"historian profile {path}" in printed
    held = sum(histogram.count for histogram in historian.Registry(path).snapshot().values())
    assert held == tally(printed)[1]
    assert main(["demo", "--dir", path]) == 1
    assert f"already holds {held:,} values" in capfd.readouterr().err


def test_a_directory_that_other_users_may_write_to_is_refused(tmp_path, capsys):
    tmp_path.chmod(0o777)
    assert main(["demo", "--dir", str(tmp_path)]) == 1
    why = "other users may write to it, its mode is 0777: choose a new directory"
    assert capsys.readouterr().err == f"historian demo: cannot record in {tmp_path}: {why}\n"


def test_lost_records_are_a_failure(monkeypatch, capfd):
    monkeypatch.setattr(demo, "_acknowledged", lambda paths: [10**9] * 5)
    assert main(["demo", "--seconds", "0.5"]) == 1
    said = capfd.readouterr()
    assert "NOT what they acknowledged" in said.out.replace("\n", " ") and "5,000,000,000 were acknowledged" in said.err


def test_a_file_that_cannot_be_written_is_reported_at_once(tmp_path, capsys):
    assert main(["demo", "--raw", str(tmp_path / "missing" / "raw.tsv")]) == 1
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0.4", "8.1", "nan", "soon"])
def test_seconds_have_a_range(seconds, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--seconds", seconds])
    assert "0.5..8" in capsys.readouterr().err


def test_disabled_recording_is_reported(tmp_path):
    ended = subprocess.run(COMMAND, capture_output=True, timeout=60, **within(tmp_path, HISTORIAN_DISABLE="1"))
    assert ended.returncode == 1
    assert "HISTORIAN_DISABLE" in ended.stderr


def test_no_users_percentile_is_stated_beyond_the_data():
    # Of 1,000 look-ups, 10 take 1 s. An upper bound for the p99 of one look-up needs log(0.025)/log(0.99) = 368 values.
    # The p99 of a user of 10 look-ups is the 99.8995th percentile of one, whose upper bound needs 3,669 values.
    text, table, _caveat = demo._fan_out(Histogram.from_values([0.001] * 989 + [0.01] + [1.0] * 10))
    waits = [re.split(r"\s{2,}", line.strip())[-1] for line in table.splitlines()[1:]]
    assert ["(from " in wait for wait in waits] == [False, True, True, True]
    assert "63.4 % wait longer" in text.replace("\n", " ")  # 1 - 0.99**100 = 0.634


def test_too_few_look_ups_give_no_fan_out():
    assert "too few" in demo._fan_out(Histogram.from_values([1.0] * 99))[0]
    assert "too few" in demo._fan_out(Histogram())[0]


@pytest.mark.parametrize(
    ("share", "text"), [(0.01, "1.00"), (0.99944, "99.9"), (0.99996, "> 99.9"), (1.0, "100"), (0.0, "0")]
)
def test_nearly_all_is_not_all(share, text):
    assert fanout.percent(share) == text
