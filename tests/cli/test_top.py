"""``historian top``: intervals, frames, and the terminal, which must be restored."""

import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import time

import pyte
import pytest
from layout import entry_at, patched
from outside import run

from historian import Histogram, History, Interval, Key, Registry
from historian._history.writing import FileLog
from historian._show.table import text_width
from historian.cli._input.choice import Choice
from historian.cli._top.frame import SORTS, Frame
from historian.cli._top.records import Records
from historian.cli._top.watch import Change, Look, Watch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def frame(changes, sort="rate", width=80, seconds=2.0, problems=()):
    look = Look(seconds, changes, dict.fromkeys(problems))
    return [line.text for line in Frame("/run/shop").lines(look, sort, width)]


def change(name, values, before=(), unit="s", is_whole=True):
    recent = Histogram.from_values(values, unit=unit)
    return Change(name, recent + Histogram.from_values(before, unit=unit), recent, is_whole)


# ---- values between two looks ----


def test_an_interval_has_the_values_recorded_in_it(tmp_path):
    registry = Registry(tmp_path / "d")
    a, b = registry.recorder("a"), registry.recorder("b", unit="bytes", kind="x")
    a.record_many([1.0] * 10)
    watch = Watch(Registry(tmp_path / "d"))
    (first,) = watch.look().changes  # b is empty
    assert first == Change("a", a.snapshot(), a.snapshot(), True)
    a.record_many([0.5, 4.0])
    b.record(8.0)
    look = watch.look()
    assert look.seconds > 0 and look.problems == {}
    assert look.changes == [
        Change("a", a.snapshot(), a.snapshot() - first.total, True),
        Change("b{kind=x}", b.snapshot(), b.snapshot(), True),
    ]
    assert [one.recent.count for one in watch.look().changes] == [0, 0]


def test_chosen_recorders_and_groups(tmp_path):
    registry = Registry(tmp_path / "d")
    for name, table, values in [("q", "a", [1.0] * 3), ("q", "b", [2.0]), ("u", "a", [4.0])]:
        registry.recorder(name, table=table).record_many(values)
    registry.recorder("q", table="c", unit="bytes").record(5.0)

    def looked(choice):
        changes = Watch(Registry(tmp_path / "d"), choice).look().changes
        return [(one.name, one.recent.count, one.total.unit) for one in changes]

    assert looked(Choice({"table": ["a"]})) == [("q{table=a}", 3, "s"), ("u{table=a}", 1, "s")]
    assert looked(Choice(by=("name",))) == [("q", 4, "s"), ("u", 1, "s"), ("q", 1, "bytes")]
    assert looked(Choice({"name": ["u"]}, ("table",))) == [("a", 1, "s")]
    status, out, err = run("top", tmp_path / "d", "--where", "tabel=a", "--count", 1, "--interval", 0.1)
    assert (status, out) == (1, "") and "'tabel' for --where; did you mean 'table'?" in err
    status, out, err = run("top", tmp_path / "d", "--by", "name", "-p", "75", "--count", 1, "--interval", 0.1)
    assert (status, err) == (0, "") and " 75 " in out and "q " in out


def test_a_group_of_too_many_values(tmp_path):
    """2**62 and 2**62 values make 2**63, which is one too many."""
    data = {"format": "historian/1", "unit": "s", "count": 2**62, "sum": 2.0**62, "min": 1.0, "max": 1.0}
    many = Histogram.from_dict({**data, "indices": [-1], "counts": [2**62]})
    Registry(tmp_path / "d").merge({Key("q", table=table): many for table in "ab"})
    status, out, err = run("top", tmp_path / "d", "--by", "name", "--format", "json", "--count", 1)
    assert (status, out) == (1, "") and err == "historian top: q: the merged count would reach 2**63\n"


@pytest.mark.parametrize("again", [5, 10, 15])
def test_a_recorder_cleared_between_two_looks(tmp_path, again):
    """The cases include as many or more new values in the same bucket, which the counts alone would not show."""
    registry = Registry(tmp_path / "d")
    recorder, watch = registry.recorder("a"), Watch(Registry(tmp_path / "d"))
    recorder.record_many([1.0] * 10)
    watch.look()
    registry.clear()
    recorder.record_many([1.0] * again)
    (one,) = watch.look().changes
    assert (one.recent.count, one.is_whole) == (again, False)
    recorder.record(1.0)
    (one,) = watch.look().changes
    assert (one.recent.count, one.is_whole) == (1, True)


def test_a_file_that_was_removed_and_created_again(tmp_path):
    recorder, watch = Registry(tmp_path / "d").recorder("a"), Watch(Registry(tmp_path / "d"))
    recorder.record_many([1.0] * 10)
    watch.look()
    os.unlink(recorder.path)
    assert watch.look().changes == []
    Registry(tmp_path / "d").recorder("a").record_many([1.0] * 20)
    (one,) = watch.look().changes
    assert (one.recent.count, one.is_whole) == (20, True)
    os.unlink(recorder.path)
    os.rmdir(tmp_path / "d")
    assert watch.look().changes == []  # and no error: the next new recorder creates the directory again
    assert not (tmp_path / "d").exists()


def test_bad_files_do_not_hide_the_others(tmp_path):
    Registry(tmp_path / "d").recorder("a").record(1.0)
    Registry(tmp_path / "d").recorder("bad").record(1.0)
    path = str(tmp_path / "d" / "recorders")
    patched(path, entry_at(path, 1) + 411, b"B")
    look = Watch(Registry(tmp_path / "d")).look()
    assert [one.name for one in look.changes] == ["a"] and list(look.problems) == [f"{path}[1]"]
    assert "1 file cannot be read: run `historian profile` for the reasons" in frame([], problems=["x"])


# ---- a frame ----


def test_a_frame():
    # 300 values in 2 s are 150 per second. Their sum is 300 * 0.01 s = 3 s, which is 1.5 s per second.
    changes = [change("query", [0.01] * 300, before=[7.0]), change("idle", [], before=[1.0])]
    title, *lines = frame(changes)
    assert re.fullmatch(r"/run/shop {20,}150/s in the last 2\.0 s  by rate  \d\d:\d\d:\d\d", title) and len(title) == 80
    assert lines == [
        "",
        "operation (ms)   rate/s   median       90       99     99.9      max  sum/s (s)",
        "query               150     10.0     10.0     10.0        -     10.0       1.50",
        "idle                  0        -        -        -        -        -          0",
    ]


def test_the_first_frame_has_no_rates():
    title, _, header, row = frame([change("query", [0.01] * 300)], seconds=math.nan)
    assert "all so far" in title
    assert header.endswith("max    sum/s") and row.split() == ["query", "-", "10.0", "10.0", "10.0", "-", "10.0", "-"]


def test_an_empty_frame():
    assert frame([])[1:] == ["", "nothing recorded yet"]


def test_kinds_of_units_have_tables_of_their_own():
    lines = frame([change("a", [1024.0], unit="bytes"), change("b", [3.0], unit="rows"), change("c", [0.5], unit="ms")])
    assert [line.split("  ")[0] for line in lines[2::3]] == ["operation (us)", "operation (KiB)", "operation (rows)"]


def test_cleared_recorders_are_marked():
    lines = frame([change("query", [0.01] * 300, is_whole=False)])
    assert lines[3].split()[1] == "150+" and lines[-1].startswith("+  cleared or drained since the last frame")


@pytest.mark.parametrize(
    ("sort", "order"),
    [("rate", "c a b d"), ("p99", "b a c d"), ("max", "a b c d"), ("sum", "a b c d"), ("name", "a b c d")],
)
def test_what_rows_are_sorted_by(sort, order):
    changes = [
        change("d", [], before=[9.0]),
        change("c", [0.001] * 400),
        change("b", [0.1] * 150 + [0.5]),
        change("a", [0.01] * 299 + [99.0]),
    ]
    assert [line.split()[0] for line in frame(changes, sort)[3:]] == order.split()
    assert sort in SORTS


@pytest.mark.parametrize("width", [48, 60, 80, 100, 200])
def test_no_line_is_too_wide_and_names_keep_both_ends(width):
    name = "render{page=" + "recommendations" * 20 + ",region=eu}"
    changes = [change(name, [0.00123456] * 123_456), change("\u4e2d\u6587" * 40, [9e9]), change("x\x1b[2J", [3e-7])]
    lines = frame(changes, width=width)
    assert max(map(text_width, lines)) <= width
    assert lines[3].startswith("render{") and "=eu}" in lines[3]
    assert all(line.isprintable() for line in lines)
    assert ("count" in lines[2]) == (width >= 100) and ("99.9" in lines[2]) == (width >= 100)
    assert "rate/s" in lines[2] and "max" in lines[2]


def test_names_keep_what_tells_them_from_the_others():
    names = [f"http.server.request.duration{{region={region},route=/api/v1/users}}" for region in ("eu-1", "us-1")]
    lines = frame([change(name, [0.01]) for name in names])[3:]
    assert lines[0].split()[0] != lines[1].split()[0] and "eu" in lines[0] and "us" in lines[1]


def test_recorders_that_used_to_print_alike_have_a_row_each(tmp_path):
    """In every command and form."""
    registry = Registry(tmp_path / "d")
    for labels in ({"path": "/a,query=x"}, {"path": "/a", "query": "x"}, {"path": "/" + "a" * 1_000}):
        registry.recorder("q", **labels).record_many([1.0] * 10)
    for form in ("table", "markdown"):
        for command in (["profile"], ["summarize"], ["top", "--count", 1, "--interval", 0.1]):
            status, out, err = run(*command, tmp_path / "d", "--format", form)
            assert (status, err) == (0, "")
            assert '{path="/a,query=x"}' in out and "{path=/a,query=x}" in out
            assert max(map(len, out.splitlines())) < 200
    for command in (["profile"], ["summarize"]):
        rows = json.loads(run(*command, tmp_path / "d", "--format", "json")[1])["rows"]
        assert len({row["name"] for row in rows}) == 3


def test_a_narrow_window_cuts_names_and_leaves_numbers_whole():
    lines = frame([change("look-up{table=users}", [0.0125] * 12_345_678)], width=40)
    assert lines[2:] == ["opera~ (ms)     rate/s       99      max", "look-~sers}  6,170,000     12.5     12.5"]


def test_no_percentile_is_above_the_maximum():
    """The maximum of an interval is known as a bucket, (64, 64.7], shown as 64.35; the total maximum limits it."""
    before, recent = Histogram.from_values([64.0001]), Histogram.from_values([64.0001] * 300)
    total = before + recent
    cells = frame([Change("a", total, total - before, True)])[3].split()
    assert cells[2:7] == ["64.0", "64.0", "64.0", "-", "64.0"]


def test_units_stay_from_frame_to_frame():
    shown = Frame("d")

    def header(value):
        return shown.lines(Look(1.0, [change("a", [value] * 10)], {}), "rate", 80)[2].text.split("  ")[0]

    assert [header(value) for value in (0.9e-3, 1.1e-3, 0.6e-3, 3e-3)] == ["operation (us)"] * 3 + ["operation (ms)"]
    assert [header(value) for value in (0.6e-3, 0.4e-3)] == ["operation (ms)", "operation (us)"]


# ---- the command without a terminal ----


def test_frames_are_printed_plainly(tmp_path):
    Registry(tmp_path / "d").recorder("a").record_many([1.0] * 10)
    status, out, err = run("top", tmp_path / "d", "--count", 2, "--interval", 0.1)
    assert (status, err) == (0, "") and "\x1b" not in out
    frames = out.split("\n\n")[::2], out.split("\n\n")[1::2]
    assert len(frames[0]) == 2 and all("in the last 0." in title for title in frames[0])
    assert [table.splitlines()[1].split()[:2] for table in frames[1]] == [["a", "0"]] * 2


@pytest.mark.parametrize("sort", list(SORTS))
def test_frames_for_programs(sort):
    # 300 values in 2 s are 150 per second. Their sum is 300 * 0.01 s = 3 s, which is 1.5 s per second.
    look = Look(2.0, [change("idle", [], before=[1.0]), change("query", [0.01] * 300, before=[7.0])], {})
    line = Records("json", [50.0, 99.9]).text(look, sort)
    assert line.count("\n") == 1
    rows = json.loads(line)["rows"]
    assert [row["name"] for row in rows] == (["idle", "query"] if sort == "name" else ["query", "idle"])
    query = rows[[row["name"] for row in rows].index("query")]
    assert query == {
        "name": "query", "unit": "s", "rate": 150.0, "p50": pytest.approx(0.01), "p99.9": pytest.approx(0.01),
        "max": 0.01, "sum_per_second": pytest.approx(1.5), "count": 301,
    }  # fmt: skip
    table = Records("csv", [50.0])
    first, second = table.text(look, sort), table.text(look, sort)
    assert first.splitlines()[0] == "time,name,unit,rate,p50,max,sum_per_second,count"
    assert len(first.splitlines()) == 3 and len(second.splitlines()) == 2
    assert "| query | 150 | 10.0 ms | 10.0 ms | 1.50 s/s | 301 |" in Records("markdown", [50.0]).text(look, sort)


def test_frames_for_programs_from_the_command_line(tmp_path):
    Registry(tmp_path / "d").recorder("a").record_many([1.0] * 10)
    status, out, err = run("top", tmp_path / "d", "--count", 2, "--interval", 0.1, "--format", "json")
    assert (status, err) == (0, "")
    assert [json.loads(line)["rows"][0]["rate"] for line in out.splitlines()] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["missing"], 1, "historian top: missing: No such file or directory"),
        ([], 2, "DIR"),
        ([".", "--interval", "0.01"], 2, "0.1..86,400, not '0.01'"),
        ([".", "--interval", "nan"], 2, "0.1..86,400, not 'nan'"),
        ([".", "--count", "0"], 2, "must be a whole number, 1 or more, not '0'"),
        ([".", "--sort", "luck"], 2, "luck"),
    ],
)
def test_misuse(arguments, status, why):
    done = run("top", *arguments)
    assert done[:2] == (status, "") and why in done[2]


# ---- on a terminal ----


class Terminal:
    """The command on a pseudo-terminal: `screen` is what a user sees, `text` is all output so far."""

    def __init__(self, directory, *arguments, term="xterm", rows=24, columns=80):
        pty = pytest.importorskip("pty")
        self.ours, theirs = pty.openpty()
        self.text, self.screen = "", pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.resize(rows, columns)
        env = {name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS", "HISTORIAN_DIR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "historian", "top", str(directory), *arguments],
            stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True, env={**env, "TERM": term},
        )  # fmt: skip
        os.close(theirs)

    def resize(self, rows, columns):
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def wait_for(self, pattern):
        """Wait until the pattern is on the screen; return the lines."""
        limit = time.monotonic() + 60
        while not re.search(pattern, "\n".join(self.screen.display)):
            assert time.monotonic() < limit, self.screen.display
            self._read()
        return self.screen.display

    def send(self, keys):
        os.write(self.ours, keys)

    def end(self):
        """Wait for the end; return the exit status and the text on standard error."""
        try:
            while True:
                self._read()
        except OSError:  # no process has the other side open any more
            pass
        complaint = self.process.communicate(timeout=60)[1]
        os.close(self.ours)
        return self.process.returncode, complaint

    def _read(self):
        assert select.select([self.ours], [], [], 60)[0], self.screen.display
        data = os.read(self.ours, 65536)
        if not data:
            raise OSError
        self.text += data.decode()
        self._stream.feed(data.decode())


@pytest.fixture
def terminal():
    """Return a function that runs the command on a terminal; the fixture ends the process after the test."""
    made = []

    def start(*arguments, **options):
        made.append(Terminal(*arguments, **options))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
            os.close(one.ours)


@pytest.fixture
def busy(tmp_path):
    """Return a directory of 40 recorders; the 7th has the most values, the 8th the longest ones."""
    registry = Registry(tmp_path / "d")
    for k in range(40):
        registry.recorder(f"op{k:02}").record_many([0.001] * (100 + 50 * (k == 7)) + [1.0] * 100 * (k == 8))
    return tmp_path / "d"


needs_curses = pytest.mark.skipif(
    subprocess.run(
        [sys.executable, "-c", "import curses; curses.setupterm('xterm')"], capture_output=True, check=False
    ).returncode,
    reason="there is no curses here, or it does not know xterm",
)


@needs_curses
def test_keys_and_sizes_on_a_terminal(busy, terminal):
    shown = terminal(busy, "--interval", "0.5", rows=10)
    shown.wait_for(
        r"\A\S+ +all so far  by rate .*\n *\noperation \(ms\).*\nop00[\s\S]*op05.*\nsort by: r rate.* 34 more"
    )
    shown.send(b"m")
    shown.wait_for(r"by max.*\n *\noperation.*\nop08")
    shown.send(b"n")
    shown.wait_for(r"by name.*\n *\noperation.*\nop00")
    shown.send(b"\x1bOB" * 3)  # three times down: of 42 lines below the title, 8 are shown, from the 4th on
    shown.wait_for(r"by name.*\nop01(.*\n){8}.*arrows: 31 more")
    shown.send(b"\x1b[6~" * 20)  # page down, to the end
    shown.wait_for(r"by name.*\nop32[\s\S]*op39.*\n.*arrows: back")
    shown.resize(30, 120)
    os.kill(shown.process.pid, signal.SIGWINCH)
    shown.wait_for(r"by name.*\nop12[\s\S]*op39.*\n.*arrows: back")  # 28 lines
    shown.wait_for(r"\A.{112}\d\d:\d\d:\d\d\n")
    shown.send(b"q")
    assert shown.end() == (0, b"")
    assert "\x1b[?1049l" in shown.text  # restores the previous screen


@needs_curses
def test_other_times_on_a_terminal(tmp_path, terminal):
    def interval(k):
        start = f"2026-11-27T05:3{k}Z"
        return Interval(start, f"2026-11-27T05:3{k + 1}Z", {f"op{k}": Histogram.from_values([0.001] * 100)})

    path = tmp_path / "shop.history"
    History(map(interval, range(3))).save(path)
    shown = terminal(path, "--history", "--interval", "0.1", columns=100)
    shown.wait_for(r"1.67/s in 60.0 s  by rate  from 2026-11-27T05:32Z\n *\n.*\nop2 [\s\S]*left, right: time")
    shown.send(b"\x1bOD")
    shown.wait_for(r"from 2026-11-27T05:31Z\n *\n.*\nop1 ")
    shown.send(b"\x1bOD" * 5)  # not further than the first one
    shown.wait_for(r"from 2026-11-27T05:30Z\n *\n.*\nop0 ")
    shown.send(b"\x1bOC" * 5)
    shown.wait_for(r"from 2026-11-27T05:32Z\n *\n.*\nop2 ")
    log = FileLog(str(path))  # as `historian log` does
    (added,) = interval(3).histograms.items()
    log.copy(interval(3).start, interval(3).end, {added[0]: added[1].to_bytes()})
    log.close()
    shown.wait_for(r"from 2026-11-27T05:33Z\n *\n.*\nop3 ")
    shown.send(b"q")
    assert shown.end() == (0, b"")


@needs_curses
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 5), (3, 30)])
def test_a_tiny_terminal_works(busy, terminal, rows, columns):
    shown = terminal(busy, "--interval", "0.1", "--count", "2", rows=rows, columns=columns)
    assert shown.end() == (0, b"")


@needs_curses
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_restores_the_terminal(busy, terminal, how, status):
    shown = terminal(busy)
    shown.wait_for("q quits")
    shown.process.send_signal(how)
    assert shown.end() == (status, b"")
    assert shown.text.rindex("\x1b[?1049l") > shown.text.rindex("q quits")


@needs_curses
def test_a_bounded_run_on_a_terminal(busy, terminal):
    shown = terminal(busy, "--interval", "0.1", "--count", "2")
    assert shown.end() == (0, b"")
    assert shown.text.count("\x1b[?1049h") == 1


def test_a_terminal_without_cursor_control_gets_plain_frames(busy, terminal):
    shown = terminal(busy, "--interval", "0.1", "--count", "2", term="dumb")
    assert shown.end() == (0, b"")
    assert "\x1b" not in shown.text and shown.text.count("in the last") == 2


@needs_curses
def test_a_terminal_that_goes_away(busy, terminal):
    shown = terminal(busy, "--interval", "3600")
    shown.wait_for("op00")
    os.close(shown.ours)
    assert shown.process.communicate(timeout=60)[1] == b"" and shown.process.returncode in (0, 1)
