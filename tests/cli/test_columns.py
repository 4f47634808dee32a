"""Files of columns as inputs of commands: parquet and Arrow, directories with partitions, hostile values and files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outside import historian

from historian import Histogram, snapshot

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")

VALUES = [0.25, 0.5, 1.0, 2.0, 4.0, 0.125]
ROUTES = ["/b", "/a", None, "/b", "/a", "/b"]
TABLE = pa.table({
    "route": ROUTES,
    "code": pa.array([200, 200, 500, 500, None, 200], pa.int16()),
    "ok": [True, False, None, True, True, True],
    "when": pa.array([0, 1, 0, 0, 0, None], pa.timestamp("s")),
    "latency": VALUES,
    "waited": pa.array([250, 500, 1_000, 2_000, 4_000, 125], pa.duration("ms")),
    "text": ["1"] * 6,
})  # fmt: skip


def write_file(table: Any, path: Path, **options: Any) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_stream(table: Any, path: Path, **options: Any) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)


def write_parquet(table: Any, path: Path, **options: Any) -> None:
    pq.write_table(table, path, row_group_size=2)


def write_feather(table: Any, path: Path) -> None:
    feather.write_feather(table, path, chunksize=2)


KINDS = {"parquet": write_parquet, "arrow": write_file, "feather": write_feather, "arrows": write_stream}


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a file of the table in the current directory."""
    monkeypatch.chdir(tmp_path)
    KINDS[request.param](TABLE, tmp_path / f"calls.{request.param}")
    return f"calls.{request.param}"


def groups(*arguments: object) -> dict[str, Histogram]:
    """Return the histograms that a command finds, by the values of their labels, in their order."""
    status, out, err = historian("merge", "-o", "found.jsonl", *arguments)
    assert (status, out, err) == (0, "", "")
    found = snapshot.load(Path("found.jsonl"))
    return {",".join(value for _, value in key.labels): one for key, one in found.items()}


def expected(*labels: object, unit: str = "s") -> dict[str, Histogram]:
    """Return the histograms of the values, by labels, in the order in which these first come."""
    found: dict[str, list[float]] = {}
    for label, value in zip(labels, VALUES):
        found.setdefault(str(label), []).append(value)
    return {label: Histogram.from_values(values, unit=unit) for label, values in found.items()}


def test_a_column_of_numbers(path: str) -> None:
    assert historian("merge", "-o", "all.hist", "--column", "latency", path) == (0, "", "")
    assert Histogram.from_bytes(Path("all.hist").read_bytes()) == Histogram.from_values(VALUES)
    assert historian("merge", "-o", "all.hist", "--column", "5", "--unit", "ms", path) == (0, "", "")
    assert Histogram.from_bytes(Path("all.hist").read_bytes()) == Histogram.from_values(VALUES, unit="ms")


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("route", ["/b", "/a", "", "/b", "/a", "/b"]),
        ("code", ["200", "200", "500", "500", "", "200"]),
        ("ok", ["true", "false", "", "true", "true", "true"]),
        ("when", [f"1970-01-01T00:00:0{second}" if second != "" else "" for second in (0, 1, 0, 0, 0, "")]),
        ("name", ["FILE"] * 6),
    ],
)
def test_groups(path: str, key: str, labels: list[str]) -> None:
    found = groups("--column", "latency", "--by", key, path)
    wanted = expected(*(label.replace("FILE", path) for label in labels))
    if key == "name":
        assert list(found.values()) == list(wanted.values())
    else:
        assert list(found.items()) == list(wanted.items())


def test_groups_of_pairs_and_rows_that_are_asked_for(path: str) -> None:
    found = groups("--column", "latency", "--by", "route", "--by", "code", path)
    assert found == expected("200,/b", "200,/a", "500,", "500,/b", ",/a", "200,/b")
    assert groups("--column", "latency", "--by", "route", "--where", "code=200", path) == {
        "/b": Histogram.from_values([0.25, 0.125]), "/a": Histogram.from_values([0.5]),
    }  # fmt: skip
    assert groups("--column", "latency", "--by", "ok", "--where", "route=", path) == {"": Histogram.from_values([1.0])}
    assert historian("summarize", "--column", "latency", "--where", "route=/c", path)[2] == (
        "historian summarize: nothing has route=/c; there are '/b', '/a'\n"
    )


def test_durations_know_their_unit(path: str) -> None:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("min", 1 / 60)):
        historian("merge", "-o", "all.hist", "--column", "waited", "--unit", unit, path)
        found = Histogram.from_bytes(Path("all.hist").read_bytes())
        assert (found.unit, found.max, found.count) == (unit, pytest.approx(4 * factor, rel=1e-15), 6)
    assert historian("merge", "-o", "all.hist", "--column", "waited", path) == (0, "", "")
    assert Histogram.from_bytes(Path("all.hist").read_bytes()) == Histogram.from_values(VALUES)
    status, _, err = historian("summarize", "--column", "waited", "--unit", "bytes", path)
    assert (status, err) == (
        1,
        f"historian summarize: {path}: its numbers are times, not in 'bytes': pass a unit of time to --unit\n",
    )


def test_numbers_are_scaled_and_converted(path: str) -> None:
    historian("merge", "-o", "a.hist", "--column", "latency", "--unit", "s", "--show", "ms", path)
    assert Histogram.from_bytes(Path("a.hist").read_bytes()) == Histogram.from_values(
        [1e3 * value for value in VALUES], unit="ms"
    )
    historian("merge", "-o", "a.hist", "--column", "latency", "--scale", "8", path)
    assert Histogram.from_bytes(Path("a.hist").read_bytes()) == Histogram.from_values([8 * value for value in VALUES])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "which column? Name it with --column: 'route', 'code', 'ok', 'when', 'latency', 'waited', 'text'"),
        ("--column latenci", "no column 'latenci' for --column; the columns are "),
        ("--column latency --by rout", "no column 'rout' for --by; the columns are "),
        ("--column text", "column 'text' holds string, but numbers, durations or histograms are needed"),
        ("--column ok", "column 'ok' holds bool, but numbers, durations or histograms are needed"),
        ("--field latency", "--field does not apply to a"),
        ("--column latency --no-header", "--no-header does not apply to a"),
    ],
)
def test_columns_that_cannot_be_read(path: str, arguments: str, message: str) -> None:
    status, out, err = historian("summarize", path, *arguments.split())
    assert (status, out) == (1, "")
    assert err.startswith(f"historian summarize: {path}: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (None, "the cell in column 'v' is null"),
        (float("nan"), "'nan' is not finite, in column 'v'"),
        (float("inf"), "'inf' is not finite, in column 'v'"),
        (-1.5, "'-1.5' is negative, in column 'v'"),
    ],
)
def test_hostile_values(
    kind: str, bad: float | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    KINDS[kind](pa.table({"v": pa.array([0.0, 2.0**65, 1.0, bad, 2.0, bad, 4.0])}), tmp_path / "a")
    status, out, err = historian("summarize", "--column", "v", "a")
    message = f"a: row 4: {why}; 2 of 7 rows are bad\n"
    assert (status, out, err) == (1, "", f"historian summarize: {message}")
    status, out, err = historian("summarize", "--column", "v", "--skip-bad", "--format", "csv", "a", "-p", "50")
    assert (status, err) == (0, f"historian summarize: skipped 2 bad entries; the first: {message}")
    assert out.splitlines()[1].startswith("a,s,5,1,1,0.0,")


def test_the_first_bad_row_is_told_whichever_thread_meets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.ones(2_000_000)
    values[[1_234_567, 1_999_999]] = np.nan
    pq.write_table(pa.table({"v": values}), "a.parquet", row_group_size=300_000)
    pq.write_table(pa.table({"v": np.full(10, -1.0)}), "b.parquet")
    for _ in range(5):
        assert historian("summarize", "--column", "v", "a.parquet", "b.parquet")[2] == (
            "historian summarize: a.parquet: row 1,234,568: 'nan' is not finite, in column 'v'; "
            "2 of 2,000,000 rows are bad\n"
        )
    status, _, err = historian("merge", "-o", "b.hist", "--column", "v", "--skip-bad", "a.parquet", "b.parquet")
    assert (status, "skipped 12 bad entries; the first: a.parquet: row 1,234,568" in err) == (0, True)


def test_rows_that_do_not_count_may_be_bad(path: str) -> None:
    table = TABLE.set_column(4, "latency", pa.array([1.0, None, 2.0, 3.0, None, 4.0]))
    KINDS[path.partition(".")[2]](table, Path(path))
    assert groups("--column", "latency", "--where", "route=/b", "--by", "route", path) == {
        "/b": Histogram.from_values([1.0, 3.0, 4.0])
    }


def test_many_files_row_groups_and_groups_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    values, keys = rng.lognormal(-3, 1, 900_000), rng.integers(0, 300, 900_000)
    names = np.array([f"/route/{key}" for key in range(300)])[keys]
    for file, (start, stop) in enumerate([(0, 100), (100, 500_000), (500_000, 900_000)]):
        table = pa.table({"unused": keys[start:stop], "key": names[start:stop], "value": values[start:stop]})
        pq.write_table(table, f"{file}.parquet", row_group_size=70_000)
    found = groups("--column", "value", "--by", "key", "0.parquet", "1.parquet", "2.parquet")
    order = np.argsort(keys, kind="stable")
    parts = np.split(values[order], np.flatnonzero(np.diff(keys[order])) + 1)
    assert found == {f"/route/{key}": Histogram.from_values(part) for key, part in enumerate(parts)}
    assert list(found) == list(dict.fromkeys(names.tolist()))  # in the order in which they first come
    assert found["/route/5"].sum == Histogram.from_values(parts[5]).sum


# ---- directories -------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a directory with partitions."""
    monkeypatch.chdir(tmp_path)
    for part, region, day in (("part-0", "eu", "1"), ("part-1", "eu", "2"), ("part-0", "us", "1")):
        folder = tmp_path / "calls" / f"region={region}" / f"day={day}%2F11"
        folder.mkdir(parents=True)
        number = {"eu1": 1.0, "eu2": 2.0, "us1": 4.0}[region + day]
        pq.write_table(pa.table({"code": [200, 500], "latency": [number, number]}), folder / f"{part}.parquet")
    write_file(pa.table({"code": [200], "latency": [8.0]}), tmp_path / "calls" / "region=us" / "rest.arrow")
    missing = tmp_path / "calls" / "region=__HIVE_DEFAULT_PARTITION__"
    missing.mkdir()
    pq.write_table(pa.table({"code": [200], "latency": [16.0]}), missing / "part-0.parquet")
    for hidden in ("_temporary", ".part"):
        (tmp_path / "calls" / hidden).mkdir()
        (tmp_path / "calls" / hidden / "a.parquet").write_bytes(b"PAR1")
    (tmp_path / "calls" / "_SUCCESS").write_bytes(b"")
    (tmp_path / "calls" / "notes.txt").write_text("not a number")
    return "calls"


def test_a_directory_is_one_input(directory: str) -> None:
    assert historian("merge", "-o", "a.hist", "--column", "latency", directory) == (0, "", "")
    every = Histogram.from_values([1, 1, 2, 2, 4, 4, 8, 16])
    assert Histogram.from_bytes(Path("a.hist").read_bytes()) == every
    out = historian("summarize", "--column", "latency", "--format", "csv", "-p", "50", directory)[1]
    assert [line.split(",")[:3] for line in out.splitlines()[1:]] == [["calls", "s", "8"]]


def test_partitions_are_keys(directory: str) -> None:
    by_region = {"": [16.0], "eu": [1.0, 1.0, 2.0, 2.0], "us": [4.0, 4.0, 8.0]}
    expected = {region: Histogram.from_values(values) for region, values in by_region.items()}
    assert groups("--column", "latency", "--by", "region", directory) == expected
    files = sorted(map(str, Path(directory).rglob("region*/**/*.parquet"))) + ["calls/region=us/rest.arrow"]
    assert groups("--column", "latency", "--by", "region", *files) == expected
    found = groups("--column", "latency", "--by", "region", "--by", "code", "--where", "region=eu", directory)
    assert found == {"200,eu": Histogram.from_values([1.0, 2.0]), "500,eu": Histogram.from_values([1.0, 2.0])}
    status, _, err = historian("summarize", "--column", "latency", "--by", "day", directory)
    assert (status, "calls/region=__HIVE_DEFAULT_PARTITION__/part-0.parquet: no column 'day' for --by" in err) == (
        1,
        True,
    )
    assert groups("--column", "latency", "--by", "day", "calls/region=eu")["1/11"].max == 1.0


def test_a_directory_without_anything_to_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    status, _, err = historian("summarize", tmp_path)
    assert (status, "it holds no recorders, no .hist files, and no files of parquet or Arrow" in err) == (1, True)


# ---- files that are damaged --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_short_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a.{kind}"
    KINDS[kind](pa.table({"v": np.random.default_rng(1).random(5_000)}), path)
    whole = path.read_bytes()
    for size in (0, 1, 7, 100, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:size])
        status, out, err = historian("summarize", "--column", "v", path.name)
        assert (status, out) == (1, ""), size
        assert err.startswith(f"historian summarize: a.{kind}: "), size
        assert "cut short or damaged: " in err, size
        assert err.count("\n") == 1
        status, _, err = historian("summarize", "--column", "v", "--skip-bad", path.name)
        assert f"skipped 1 bad entry; the first: a.{kind}: " in err
        assert status == 1 or kind == "arrows"  # where whole batches come before the end


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows"])
def test_a_damaged_file_never_ends_the_process(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a.{kind}"
    KINDS[kind](pa.table({"v": np.random.default_rng(1).random(50), "k": ["a", "b"] * 25}), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(2)
    refused = 0
    for position in rng.integers(0, len(whole), 60).tolist():
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(damaged))
        status, _, err = historian("summarize", "--column", "v", "--by", "k", path.name)
        assert status in (0, 1), err
        assert err.count("\n") <= 2
        refused += status
    assert refused > 5


def test_numbers_that_differ_from_the_checksum_of_their_page_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.arange(1.0, 1001.0)
    pq.write_table(
        pa.table({"v": values}), "a.parquet", write_page_checksum=True, use_dictionary=False, compression="none"
    )
    whole = Path("a.parquet").read_bytes()
    assert list(groups("a.parquet", "--column", "v").values()) == [Histogram.from_values(values)]
    place = whole.index(np.float64(777.0).tobytes())
    Path("a.parquet").write_bytes(whole[:place] + np.float64(778.0).tobytes() + whole[place + 8 :])
    status, _, err = historian("summarize", "a.parquet", "--column", "v")
    assert status == 1
    assert "a.parquet: not a file of parquet, or cut short or damaged: " in err
    assert "checksum" in err


def test_good_files_count_beside_a_damaged_one(path: str) -> None:
    Path("bad.parquet").write_bytes(b"PAR1" + b"x" * 100)
    status, out, err = historian(
        "summarize", "--column", "latency", "--skip-bad", "--format", "csv", "bad.parquet", path
    )
    assert (status, out.splitlines()[-1].split(",")[:3]) == (0, ["total", "s", "6"])
    assert err.startswith(
        "historian summarize: skipped 1 bad entry; the first: bad.parquet: not a file of parquet, or "
    )


def test_a_file_that_is_not_there() -> None:
    status, _, err = historian("summarize", "--column", "v", "nowhere.parquet")
    assert (status, err) == (1, "historian summarize: nowhere.parquet: No such file or directory\n")


def test_old_feather_and_encrypted_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_bytes(b"FEA1" + bytes(100))
    assert (
        "cannot read a Feather file of version 1: write it again, as version 2"
        in historian("summarize", "--column", "v", "a")[2]
    )
    Path("b").write_bytes(b"PARE" + bytes(100) + b"PARE")
    assert historian("summarize", "--column", "v", "b")[0] == 1


# ---- pipes, histograms, others -----------------------------------------------------------------------


def test_standard_input(path: str) -> None:
    command = [sys.executable, "-m", "historian", "summarize", "--column", "latency", "--format", "csv", "-"]
    with open(path, "rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[1].startswith("<stdin>,s,6,")
    done = subprocess.run(command, input=Path(path).read_bytes(), capture_output=True, timeout=60, check=True)
    assert done.stdout.splitlines()[1].startswith(b"<stdin>,s,6,")


def test_parquet_is_not_read_from_a_pipe_unless_it_is_small(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": np.random.default_rng(1).random(20_000)}), tmp_path / "a.parquet")
    command = [sys.executable, "-m", "historian", "summarize", "--column", "v", "-"]
    data = (tmp_path / "a.parquet").read_bytes()
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        b"<stdin>: parquet is read from its end: name a file that is not compressed, instead of a pipe" in done.stderr
    )


def test_columns_of_histograms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = pytest.importorskip("historian.engines.arrow")
    monkeypatch.chdir(tmp_path)
    stored = arrow.table(arrow.histograms(TABLE, "latency", ["route", "code"], unit="ms"))
    write_parquet(pa.concat_tables([stored, stored]), tmp_path / "a.parquet")
    write_file(stored.set_column(2, "blobs", stored["histogram"].cast(pa.binary())), tmp_path / "b.arrow")
    found = groups("--by", "route", "a.parquet")
    wanted = expected("/b", "/a", "", "/b", "/a", "/b", unit="ms")
    assert found == {route: one + one for route, one in wanted.items()}
    assert groups("--by", "route", "--column", "blobs", "b.arrow") == wanted
    status, _, err = historian("summarize", "--unit", "s", "a.parquet")
    assert (status, "its values are in 'ms', not in 's' as --unit says" in err) == (1, True)
    damaged = pa.table({"h": pa.array([b"x", stored["histogram"][0].as_py().to_bytes(), None], pa.binary())})
    pq.write_table(damaged, "c.parquet")
    status, _, err = historian("summarize", "--column", "h", "c.parquet")
    assert (status, err.startswith("historian summarize: c.parquet: row 1: no histogram: ")) == (1, True)
    assert err.endswith("; 2 of 3 rows are bad\n")


def test_several_metrics_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"metric": ["a", "b", "a"], "value": [1.0, 2.0, 3.0]}), "m.parquet")
    status, _, err = historian("summarize", "--column", "value", "m.parquet")
    assert (status, "several metrics would be mixed, 'a' and 'b': choose one with --where metric=a" in err) == (1, True)
    assert list(groups("--column", "value", "--by", "metric", "m.parquet")) == ["a", "b"]
    assert historian("summarize", "--column", "value", "--where", "metric=a", "m.parquet")[0] == 0


def test_too_many_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"id": np.arange(5_000), "value": np.ones(5_000)}), "a.parquet")
    status, _, err = historian("summarize", "--column", "value", "--by", "id", "a.parquet")
    message = "more than 1,000 groups; '1000' would be one more: is --by a column of identifiers?"
    assert (status, err) == (1, f"historian summarize: {message}\n")


def test_other_inputs_beside_files_of_columns(path: str) -> None:
    Path("a.csv").write_text("latency\n3\n")
    status, out, _ = historian("summarize", "--column", "latency", "--format", "csv", "-p", "50", path, "a.csv", path)
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == [path, "a.csv", "total"]
    assert (status, out.splitlines()[-1].split(",")[2]) == (0, "13")


def test_without_pyarrow_the_error_names_the_extra(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    status, _, err = historian("summarize", "--column", "latency", path)
    assert status == 1
    assert err.endswith(" needs pyarrow: run pip install 'latency-historian[arrow]'\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("has_rich", [True, False])
def test_a_bar_on_a_terminal(has_rich: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from historian.cli._bar import Bar

    if not has_rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    with Bar(1_000, "read", patience=0.0) as bar:
        bar.show(250)
    assert has_rich or "25% read" in err.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Bar(1_000, "read", patience=0.0) as bar:
        bar.show(250)
    assert sys.stderr.getvalue() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as on Linux")
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_memory_does_not_grow_with_the_file(kind: str, tmp_path: Path) -> None:
    """A row group of 4 million rows, and batches of 100,000: both take 100 MB if they are held."""
    rng = np.random.default_rng(1)
    peaks = []
    for rows in (100_000, 6_000_000):
        table = pa.table({"v": rng.random(rows), "k": rng.integers(0, 9, rows)})
        path = tmp_path / f"{rows}.{kind}"
        if kind == "parquet":
            pq.write_table(table, path, row_group_size=rows, use_dictionary=False, compression="none")
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=100_000)
        script = (
            "import resource, sys; from historian.cli import main; main(sys.argv[1:]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        command = [sys.executable, "-c", script, "merge", "-o", os.devnull, "--column", "v", str(path)]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 40_000  # kB
