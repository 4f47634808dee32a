"""``historian plot`` and ``historian report``: pictures and pages that are safe to attach to a ticket."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

from historian import Histogram, Key, snapshot
from historian.cli import main

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title><script>alert(1)</script> "$\\frac" & $x$'
PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Collects what a page consists of, and fails if its elements are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href", "src"):
                self.links.append(value or "")
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "before.txt"
    path.write_text("".join(f"{0.010 + 0.001 * k}\n" for k in range(200)))
    return path


@pytest.fixture
def recorders(tmp_path: Path) -> Path:
    path = tmp_path / "day.jsonl"
    times = Histogram.from_values([0.01, 0.02, 0.5] * 50)
    found = {
        Key(HOSTILE, label=HOSTILE): times,
        Key("_"): times,
        Key("size"): Histogram.from_values([5.0], unit="bytes"),
    }
    path.write_text(snapshot.dump(found))
    return path


@pytest.mark.parametrize("kind", ["percentiles", "density", "survival", "fanout"])
def test_a_picture_as_svg(kind: str, numbers: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert main(["plot", str(numbers), "--kind", kind, "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    root = xml.etree.ElementTree.fromstring(text)
    shown = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert "before.txt" in " ".join(shown)
    assert "prefers-color-scheme:dark" in text and "currentColor" in text
    assert not {"#010203", "#fdfeff"} & set(re.findall(r"#[0-9a-f]{6}", text))
    assert main(["plot", str(numbers), "--kind", kind, "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == text  # the same input, the same file


def test_a_picture_as_png_and_as_a_page(numbers: Path, tmp_path: Path) -> None:
    assert main(["plot", str(numbers), "-o", str(tmp_path / "out.png")]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(PNG)
    assert main(["plot", str(numbers), "--kind", "fanout", "-t", "0.1", "-o", str(tmp_path / "out.html")]) == 0
    page = Page((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert page.tags.count("svg") == 1
    assert "users who wait over 100 ms" in page.text


def test_a_picture_on_standard_output(numbers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(numbers), "-o", "-"]) == 0
    assert xml.etree.ElementTree.fromstring(capsys.readouterr().out).tag == f"{SVG}svg"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plot", "x.txt", "-o", "x.pdf"], "-o must end with .svg, .png or .html, not 'x.pdf'"),
        (["plot", "x.txt", "-o", "x.svg", "-t", "1"], "-t belongs to --kind fanout, not to --kind percentiles"),
        (
            ["plot", "x.txt", "-o", "x.svg", "--kind", "fanout", "-t", "-1"],
            "-t must be finite and not negative, not -1.0",
        ),
        (["report", "x.txt", "-o", "x.svg"], "-o must end with .html, not 'x.svg'"),
    ],
)
def test_misuse(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"historian {arguments[0]}: error: {message}\n"


@pytest.mark.parametrize("command", ["plot", "report"])
def test_input_that_cannot_be_read_leaves_no_file(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_text("1\nx\n")
    out = tmp_path / "out.html"
    assert main([command, str(tmp_path / "bad.txt"), "-o", str(out)]) == 1
    assert "bad.txt:2" in capsys.readouterr().err
    assert not out.exists()


def test_units_that_do_not_fit_in_one_picture(
    recorders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", str(recorders), "-o", str(tmp_path / "out.svg")]) == 1
    assert "bytes" in capsys.readouterr().err


def test_a_report_is_one_page_without_scripts_whatever_the_names(recorders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert main(["report", str(recorders), "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "alert(1)</script>" in page.text  # as text
    assert page.tags.count("svg") == 4 + 3  # times, and sizes without a fan-out
    assert "prefers-color-scheme" in text and "default-src 'none'" in text


def test_a_report_of_two_compares_them(numbers: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.txt"
    after.write_text("".join(f"{0.020 + 0.002 * k}\n" for k in range(200)))
    out = tmp_path / "out.html"
    assert main(["report", str(numbers), str(after), "-o", str(out)]) == 0
    page = Page(out.read_text(encoding="utf-8"))
    assert f"{after} compared with {numbers}"[-10:] in page.text
    assert "2:1, 95 % interval" in page.text
    assert page.tags.count("svg") == 5


def test_a_report_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ns.txt").write_text("2500000\nbad\n" * 5)
    out = tmp_path / "out.html"
    assert main(["report", str(tmp_path / "ns.txt"), "--skip-bad", "-o", str(out)]) == 0
    assert "skipped 5 bad entries" in capsys.readouterr().err
    page = Page(out.read_text(encoding="utf-8"))
    assert "were nanoseconds recorded as seconds" in page.text
    assert "5 pieces of bad input were skipped" in page.text
    (tmp_path / "idle.jsonl").write_text(snapshot.dump({Key("idle"): Histogram()}))
    assert main(["report", str(tmp_path / "idle.jsonl"), "-o", str(out)]) == 0
    assert "There were no numbers." in Page(out.read_text(encoding="utf-8")).text


@pytest.mark.skipif(os.name == "nt", reason="needs directories of recorders")
def test_a_damaged_recorder_is_reported_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from historian import Registry

    Registry(str(tmp_path / "dir")).recorder("query").record_many([0.01] * 300)
    Registry(str(tmp_path / "dir")).recorder("bad").record(1.0)
    path = tmp_path / "dir" / "recorders"
    path.write_bytes(path.read_bytes().replace(b"\x03\x00bad", b"\x03\x00Bad"))
    out = tmp_path / "out.html"
    assert main(["report", str(tmp_path / "dir"), "-o", str(out)]) == 1
    assert "recorders[1]" in capsys.readouterr().err
    page = Page(out.read_text(encoding="utf-8"))
    assert "recorders[1]" in page.text and "query" in page.text


def test_of_many_recorders_the_largest_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {Key(f"r{k:02}"): Histogram.from_values([0.01 * (k + 1)] * 3) for k in range(20)}
    (tmp_path / "many.jsonl").write_text(snapshot.dump(found))
    out = tmp_path / "out.svg"
    assert main(["plot", str(tmp_path / "many.jsonl"), "-o", str(out)]) == 0
    assert "drawn: 12 of 20, those with the largest sum" in capsys.readouterr().err
    text = out.read_text(encoding="utf-8")
    assert "r19" in text and "r08" in text and "r07" not in text


def test_without_matplotlib_the_extra_is_named(
    numbers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    for command in ("plot", "report"):
        assert main([command, str(numbers), "-o", str(tmp_path / "out.html")]) == 1
        message = "historian.plot needs matplotlib: run pip install 'latency-historian[plot]'"
        assert capsys.readouterr().err == f"historian {command}: {message}\n"
