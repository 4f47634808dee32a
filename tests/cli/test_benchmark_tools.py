"""Files of pytest-benchmark, pyperf and asv: old runs are compared with new ones, each benchmark with itself."""

import json
from pathlib import Path

import pytest

from historian.cli import main

DATA = Path(__file__).parents[1] / "data" / "benchmarks"


def slower(name: str, tmp_path: Path, factor: float) -> Path:
    """Return a file like one in the data, in which each value of pyperf takes so many times as long."""
    root = json.loads((DATA / name).read_text())
    for benchmark in root["benchmarks"]:
        for run in benchmark["runs"]:
            run["values"] = [factor * value for value in run["values"]]
    path = tmp_path / "new.json"
    path.write_text(json.dumps(root))
    return path


def test_each_benchmark_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", str(DATA / "asv.json"), "-p", "50", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["name"], row["count"], row["unit"]) for row in rows] == [
        *((f"b.TimeSum.time_sum{{param1={n},param2={kind}}}", 6, "s") for n in (10, 100) for kind in "ab"),
        ("b.time_sort", 6, "s"),
    ]


def test_the_table_says_what_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["summarize", *(str(DATA / f"{name}.json") for name in ("pyperf", "pytest-benchmark")), "-p", "50"]) == 0
    )
    out = capsys.readouterr().out
    assert out.count("each value is the mean of the runs of a loop") == 1
    assert "read as the JSON of pyperf, in s: as --from pyperf does" in out


def test_old_and_new_runs_are_compared_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = slower("pyperf.json", tmp_path, 3)
    assert main(["compare", str(DATA / "pyperf.json"), str(new), "-p", "50", "--format", "json"]) == 0
    groups = {group["name"]: group["ratios"][0]["ratio"] for group in json.loads(capsys.readouterr().out)["groups"]}
    assert {name: ratio["value"] for name, ratio in groups.items()} == pytest.approx({"sum": 3, "sort": 3}, rel=0.011)
    assert all(ratio["lower"] <= 3 <= ratio["upper"] for ratio in groups.values())


def test_benchmarks_of_one_run_only_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = json.loads((DATA / "pyperf.json").read_text())
    del root["benchmarks"][0]
    new = tmp_path / "new.json"
    new.write_text(json.dumps(root))
    assert main(["compare", str(DATA / "pyperf.json"), str(new), "-p", "50"]) == 0
    shown = capsys.readouterr()
    assert "left out, in one of the two only: 'sum'" in shown.err and "sort\n" in shown.out


def test_a_single_benchmark_may_have_another_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("old", "new"):
        root = {"benchmarks": [{"runs": [{"values": [0.5] * 40}]}], "metadata": {"name": name}}
        (tmp_path / name).write_text(json.dumps(root))
    assert main(["compare", str(tmp_path / "old"), str(tmp_path / "new"), "-p", "50"]) == 0
    assert "median of new over old: no clear difference" in capsys.readouterr().out


def test_the_ratio_can_fail_a_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = slower("pyperf.json", tmp_path, 9)
    words = ["compare", str(DATA / "pyperf.json"), str(new), "-p", "50", "--fail-above", "1.5"]
    assert main(words) == 1
    assert main([*words[:2], words[1], *words[3:]]) == 0


@pytest.mark.parametrize("name", ["asv-statistics.json", "pytest-benchmark-statistics.json"])
def test_statistics_are_refused_with_the_remedy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", str(DATA / name)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and "has statistics only, no values: " in shown.err and shown.err.count("\n") == 1
    assert main(["summarize", str(DATA / name), str(DATA / "pyperf.json"), "--skip-bad", "-p", "50"]) == 0
    assert "skipped 1 bad entry" in capsys.readouterr().err


def test_other_commands_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "all.jsonl"
    assert main(["merge", str(DATA / "pyperf.json"), "-o", str(out), "--by", "name"]) == 0
    assert out.read_text().count("\n") == 2
    assert main(["fanout", str(DATA / "pyperf.json"), "-n", "10", "--where", "name=sum", "-p", "50"]) == 0
    assert main(["fanout", str(DATA / "pyperf.json"), "-n", "10", "-p", "50"]) == 1
    assert "choose one with --where name=..." in capsys.readouterr().err
