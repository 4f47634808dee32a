"""``historian profile``, ``snapshot`` and ``clear``: the commands that work on a directory of recorders."""

import os
import re
import subprocess
import sys
import threading

import pytest
from layout import entry_at, patched
from outside import run

from historian import Histogram, Key, Registry
from historian.snapshot import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")

COMMANDS = ["profile", "snapshot", "clear"]


@pytest.fixture
def directory(tmp_path):
    """Return a directory with two recorders: 100 values of 3 ms, 50 values of 1,024 bytes."""
    registry = Registry(tmp_path / "recorders")
    registry.recorder("query", table="users").record_many([0.003] * 99 + [0.250])
    registry.recorder("answer", unit="bytes").record_many([1024.0] * 50)
    return tmp_path / "recorders"


@pytest.fixture
def damaged(directory):
    """Return that directory with one more recorder, which is not valid."""
    Registry(directory).recorder("bad").record(1.0)
    patched(directory / "recorders", entry_at(directory / "recorders", 2) + 411, b"B")
    (directory / "poem.txt").write_bytes(b"Whose woods these are I think I know.\n" * 2000)
    return directory


PROFILE = """\
operation (ms)       min  median    90    99  99.9  99.99  max  count  sum (ms)
query{table=users}  3.00    3.00  3.00  3.00     -      -  250    100       547

operation (KiB)   min  median    90  99  99.9  99.99   max  count  sum (KiB)
answer           1.00    1.00  1.00   -     -      -  1.00     50       50.0

-  too few values: 99 needs 100, 99.9 needs 1,000, 99.99 needs 10,000
"""


def test_the_profile_of_a_directory(directory):
    assert run("profile", directory) == (0, PROFILE, "")
    assert run("profile", HISTORIAN_DIR=str(directory)) == (0, PROFILE, "")
    assert run("profile", directory, HISTORIAN_DISABLE="1") == (0, PROFILE, "")


@pytest.mark.parametrize("command", [*COMMANDS, "summarize"])
def test_a_directory_of_the_former_layout(tmp_path, command):
    (tmp_path / "q.counters").write_bytes(b"\x89HSTRN\r\n\1\0\0\0" + bytes(4084))
    status, _, errors = run(command, tmp_path, *(["-o", "-"] if command == "snapshot" else []))
    assert status == 1 and errors.count("before version 0.1") == 1
    assert "read it with that version, then remove it, or use another directory" in errors
    assert os.listdir(tmp_path) == ["q.counters"]


def test_the_profile_of_a_live_directory(tmp_path):
    """Look while another process records: the count never decreases, and the last look has all values."""
    script = (
        "import sys; from historian import Registry; rec = Registry(sys.argv[1]).recorder('q')\n"
        "for _ in sys.stdin: rec.record_many([1.0] * 7); print(flush=True)"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "live")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for step in range(1, 4):
            worker.stdin.write("\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == "\n"
            status, out, err = run("profile", tmp_path / "live")
            assert (status, err) == (0, "")
            assert out.splitlines()[1].split()[-2] == str(7 * step)  # all acknowledged values are counted
    finally:
        worker.kill()
        worker.communicate()
    assert run("profile", tmp_path / "live")[1].splitlines()[1].split()[-2] == "21"


def test_the_profile_fits_80_columns_and_tells_names_apart(tmp_path):
    registry = Registry(tmp_path / "d")
    for method in ("GET", "POST"):
        for route in ("users", "orders", "items", "carts"):
            labels = {"method": method, "region": "eu-west-1", "route": f"/api/v1/{route}"}
            registry.recorder("http.server.request.duration", **labels).record_many([0.0123] * 12_345)
    lines = run("profile", tmp_path / "d")[1].splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines[1:9]]
    assert len(set(names)) == 8 and all(name.startswith("http") for name in names)
    assert any("GET" in name and "users" in name for name in names)
    assert all(line.split()[-2] == "12,345" for line in lines[1:9])  # no number is cut
    wide = run("profile", tmp_path / "d", COLUMNS="200")[1]
    assert "http.server.request.duration{method=GET,region=eu-west-1,route=/api/v1/users}" in wide


def test_an_empty_directory(tmp_path):
    (tmp_path / "empty").mkdir(mode=0o700)
    assert run("profile", tmp_path / "empty") == (0, "nothing recorded yet\n", "")
    assert run("snapshot", tmp_path / "empty") == (0, "", "")
    assert run("clear", tmp_path / "empty") == (0, "cleared 0 recorders, which held 0 values\n", "")
    status, out, err = run("top", tmp_path / "empty", "--count", "1", "--interval", "0.1")
    assert (status, out.splitlines()[-1], err) == (0, "nothing recorded yet", "")
    assert run("report", tmp_path / "empty", "-o", tmp_path / "empty.html") == (0, "", "")


@pytest.mark.parametrize(
    "arguments", [["summarize"], ["compare", "{}"], ["fanout", "-n", "9"], ["merge", "-o", "-"], ["plot", "-o", "-"]]
)
def test_an_empty_directory_where_numbers_are_needed(tmp_path, arguments):
    (tmp_path / "empty").mkdir(mode=0o700)
    arguments = [argument.format(tmp_path / "empty") for argument in arguments]
    status, out, err = run(*arguments, tmp_path / "empty")
    assert (status, out) == (1, "") and err.endswith("/empty: it contains no numbers\n")


def untimed(text):
    return re.sub(r'"time":[0-9.]+,', "", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_files_are_reported_and_all_others_are_shown(damaged, command):
    before = {path.name: path.read_bytes() for path in damaged.iterdir()}
    status, out, err = run(command, damaged)
    assert status == 1
    assert err.splitlines() == [
        f"historian {command}: {damaged}/recorders[2]: it is damaged: the checksum of its name is wrong",
    ]
    if command == "clear":
        assert out == "cleared 2 recorders, which held 150 values\n"
        assert (damaged / "poem.txt").read_bytes() == before["poem.txt"]
    else:
        assert untimed(out) == (PROFILE if command == "profile" else untimed(run("snapshot", damaged)[1]))
        assert {path.name: path.read_bytes() for path in damaged.iterdir()} == before  # only read


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_is_not_a_directory(tmp_path, command):
    status, out, err = run(command, tmp_path / "missing")
    assert (status, out) == (1, "") and err == f"historian {command}: {tmp_path}/missing: No such file or directory\n"
    assert list(tmp_path.iterdir()) == []  # the commands create nothing
    if command == "clear":  # the others read files, too
        (tmp_path / "file").write_text("")
        assert "Not a directory" in run(command, tmp_path / "file")[2]
    status, out, err = run(command)
    assert status == 2 and "DIR" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_that_other_users_may_write_to_needs_trust(directory, command):
    directory.chmod(0o777)
    status, out, err = run(command, directory)
    assert (status, out) == (1, "")
    assert (
        f"{directory}: other users may write to it, its mode is 0777: make it private (chmod go-w), or pass --trust"
        in err
    )
    assert run(command, directory, "--trust")[0] == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_cannot_be_listed(directory):
    directory.chmod(0o300)
    try:
        assert run("profile", directory)[::2] == (1, f"historian profile: {directory}: Permission denied\n")
    finally:
        directory.chmod(0o700)


def test_a_snapshot_is_equal_to_that_of_the_registry(directory, tmp_path):
    file = tmp_path / "evening.jsonl"
    assert run("snapshot", directory, "-o", file) == (0, "", "")
    assert load(file) == Registry(directory).snapshot()
    status, out, err = run("snapshot", directory)
    assert (status, untimed(out), err) == (0, untimed(file.read_text()), "")
    assert run("profile", file) == (0, PROFILE, "")
    assert run("snapshot", directory, "-o", tmp_path / "missing" / "x") == (
        1, "", f"historian snapshot: cannot write {tmp_path}/missing/x: No such file or directory\n",
    )  # fmt: skip


def test_a_snapshot_can_be_read_from_a_pipe(directory):
    snapshot = run("snapshot", directory)[1]
    profile = [sys.executable, "-m", "historian", "profile", "/dev/stdin"]
    done = subprocess.run(profile, input=snapshot, capture_output=True, timeout=60, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, PROFILE, "")


def test_reasons_are_not_mixed_with_the_data_if_standard_error_is_closed(damaged):
    command = ["sh", "-c", '"$@" 2>&-', "sh", sys.executable, "-m", "historian", "snapshot", str(damaged)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False, text=True)
    assert (done.returncode, untimed(done.stdout)) == (1, untimed(run("snapshot", damaged)[1]))


def test_snapshots_of_machines_add_up(directory, tmp_path):
    """The source begins with what identifies a machine."""
    both, text = tmp_path / "all.jsonl", run("snapshot", directory)[1]
    both.write_text(text + text.replace('"source":"', '"source":"another'))
    assert load(both)[Key("answer")].count == 100
    assert "100" in run("profile", both)[1].splitlines()[4]


def test_snapshots_of_one_machine_count_once(directory, tmp_path):
    """Also by the commands, in one file or in several, beside the directory itself, and when written again."""
    first, second, both = (tmp_path / name for name in ("first.jsonl", "second.jsonl", "both.jsonl"))
    assert run("snapshot", directory, "-o", first) == (0, "", "")
    Registry(directory).recorder("answer", unit="bytes").record(1024)
    assert run("snapshot", directory, "-o", second) == (0, "", "")
    both.write_text(second.read_text() + first.read_text())
    assert load(both) == load(second) == Registry(directory).snapshot()
    assert load(second)[Key("answer")].count == 51
    wanted = run("profile", directory)
    for files in ([both], [first, second], [second, first], [first, directory, second], [first, first, directory]):
        assert run("profile", *files) == wanted
        assert run("snapshot", *files, "-o", tmp_path / "again.jsonl") == (0, "", "")
        assert load(tmp_path / "again.jsonl") == load(second)
        assert run("profile", tmp_path / "again.jsonl", directory) == wanted
    assert "51" in run("summarize", first, second, "--by", "name")[1]
    Registry(directory).clear()
    Registry(directory).recorder("answer", unit="bytes").record(1024)
    assert run("snapshot", directory, "-o", first) == (0, "", "")
    both.write_text(second.read_text() + first.read_text())
    assert load(both)[Key("answer")].count == 52  # 51 before it was cleared, and 1 since


def test_a_bad_snapshot(directory, tmp_path):
    line = run("snapshot", directory)[1].splitlines()[0]
    (tmp_path / "bad").write_text(f"{line}\nnonsense\n")
    assert run("profile", tmp_path / "bad") == (1, "", f"historian profile: {tmp_path}/bad:2: not a line of JSON\n")
    (tmp_path / "worse").write_text(line.replace("historian/1", "historian/9"))
    assert "historian profile: " in run("profile", tmp_path / "worse")[2]


def test_the_profile_of_a_hist_file_is_a_row_named_after_it(tmp_path):
    file = tmp_path / "week.hist"
    file.write_bytes(Histogram.from_values([0.1, 0.2]).to_bytes())
    status, out, err = run("profile", file)
    assert (status, err) == (0, "")
    assert out.splitlines()[1].split() == ["week.hist", "100", "100", "-", "-", "-", "-", "200", "2", "300"]
    file.write_bytes(b"x")
    status, out, err = run("profile", file)
    assert (status, out) == (1, "")
    assert f"{file}: not the bytes of a histogram" in err


def test_clear_reports_what_it_removed(directory):
    files = sorted(path.name for path in directory.iterdir())
    assert run("clear", directory) == (0, "cleared 2 recorders, which held 150 values\n", "")
    assert sorted(path.name for path in directory.iterdir()) == files
    assert [h.count for h in Registry(directory).snapshot().values()] == [0, 0]
    assert run("clear", HISTORIAN_DIR=str(directory))[0] == 2  # DIR is required


def test_clear_while_processes_record(directory):
    """Each record is either among the cleared values or still in the recorder."""
    recorder, stop, recorded = Registry(directory).recorder("busy"), threading.Event(), 0

    def work():
        nonlocal recorded
        while not stop.is_set():
            recorder.record(1.0)
            recorded += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        taken = [run("clear", directory)[1] for _ in range(3)]
    finally:
        stop.set()
        thread.join()
    values = [int(text.split()[-2].replace(",", "")) for text in taken]
    assert sum(values) - 150 + recorder.snapshot().count == recorded
    assert all(values[:2])


def test_a_file_of_hostile_name_does_not_move_the_cursor(directory):
    directory = directory.rename(directory.with_name("a\x1b[2J"))
    assert "\x1b" not in "".join(map(str, run("profile", directory / "none")))
    Registry(directory).recorder("\x1b[2J").record(1.0)
    assert "\x1b" not in "".join(map(str, run("profile", directory)))


def test_a_registry_merges_a_snapshot(directory, tmp_path):
    run("snapshot", directory, "-o", tmp_path / "s.jsonl")
    registry = Registry()
    registry.merge(load(tmp_path / "s.jsonl"))
    registry.merge(Registry(directory))
    assert registry.snapshot()[Key("answer")] == Histogram.from_values([1024.0] * 100, unit="bytes")


def test_a_sparse_file_of_a_terabyte_reads_like_its_beginning(tmp_path):
    registry = Registry(tmp_path / "r")
    registry.recorder("a").record(1.0)
    before = registry.snapshot()
    os.truncate(tmp_path / "r" / "recorders", 1 << 40)
    assert registry.snapshot() == before
    program = "import sys, historian; historian.Registry(sys.argv[1]).recorder('a').record(1.0)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "r")], check=True)
    assert registry.snapshot()[Key("a")].count == 2
