"""What IPython and rich show: within the width of the terminal, with block characters if the encoding has them."""

import io
import re
from pathlib import Path

import pytest
from displayed import HOSTILE, TWO_MODES, with_hostile_names, with_values, without_values
from displayed import blocks as blocks_of

from historian import Comparisons, Histogram
from historian._show import blocks
from historian._show.table import text_width
from historian._show.terminal import text

FULL, EMPTY = with_values(), without_values()


def views(objects):
    """Return the views of those objects that have one: a key is a single line of text."""
    return {name: shown._view() for name, shown in objects.items() if hasattr(shown, "_view")}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_too_wide(width):
    for name, view in {**views(FULL), **{f"no {key}": view for key, view in views(EMPTY).items()}}.items():
        for pictures in (True, False):
            lines = text(view, width, pictures=pictures).splitlines()
            assert max(map(text_width, lines)) <= width, name
            assert pictures or not set("".join(lines)) & set("▁▂▃▄▅▆▇█├┤●"), name


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_in_their_line(hostile):
    for name, view in views(with_hostile_names(hostile)).items():
        lines = text(view, 60).split("\n")
        assert all(line.isprintable() for line in lines), name
        assert max(map(text_width, lines)) <= 60 and len(lines) < 80, name
        assert max(map(len, lines)) <= 300, name  # characters that combine take no column


def test_two_modes_are_seen_with_their_marks():
    lines = text(TWO_MODES._view(), 72).splitlines()
    bottom = lines[6]
    assert len(re.split(" {10,}", bottom.strip())) == 2  # a hill, a valley, a hill
    assert re.split(" +", lines[2].strip()) == ["p50", "p90", "p99", "max"]
    assert lines[7].count("┴") + lines[7].count("┼") == 4
    assert lines[8].split() == ["1", "ms", "3", "ms", "10", "ms", "30", "ms", "100", "ms", "300", "ms"]


def test_what_fits_into_40_columns():
    lines = text(TWO_MODES._view(), 40).splitlines()
    # of 10,000 values: the 95 % interval of p99 has the ranks 9,881 and 9,920
    assert [line.split()[0] for line in lines[11:19]] == ["ms", "min", "p50", "p90", "p99", "p99.9", "max", "mean"]
    p99 = TWO_MODES.ci(0.99)
    value, low, high = re.fullmatch(r"p99 +(\d+) +(\d+) to (\d+)", lines[15]).groups()
    assert abs(int(value) - 1e3 * p99) <= 0.5
    assert 0 <= 1e3 * p99.lower - int(low) < 1 and 0 <= int(high) - 1e3 * p99.upper < 1


def test_intervals_in_blocks():
    def line(*values):
        from historian._show.axis import Axis
        from historian._show.view import Interval

        return blocks.interval(Interval(Axis(0.0, 20.0, "", is_log=False), *values))

    assert line(10, 5, 15) == "     ├────●────┤     "
    assert line(0, 0, 20) == "●───────────────────┤"
    assert line(5, 5, 5, 10) == "     ●    │          "
    assert line(10, 5, float("inf")) == "     ├────●┄┄┄┄┄┄┄┄┄┄"
    assert line(10, float("-inf"), 12, 3) == "┄┄┄┄┄┄┄┄┄┄●─┤        "


def test_ipython_shows_a_part_of_something_as_its_repr(monkeypatch):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    monkeypatch.setenv("COLUMNS", "80")
    for name, shown in FULL.items():
        assert pretty([shown]).replace("\n", "").replace(" ", "") == f"[{shown!r}]".replace("\n", "").replace(
            " ", ""
        ), name
    assert pretty({"h": TWO_MODES}) == f"{{'h': {TWO_MODES!r}}}"


def test_the_width_of_the_terminal_counts(monkeypatch):
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    for columns, width in ((41, 40), (80, 79), (300, 79)):
        monkeypatch.setenv("COLUMNS", str(columns))
        for name, shown in FULL.items():
            assert max(map(text_width, pretty(shown).splitlines())) <= width, name
    assert pretty(FULL["key"]) == "query{table=users}"


def test_a_stream_without_block_characters_gets_the_numbers(monkeypatch):
    pretty = pytest.importorskip("IPython.lib.pretty")
    for encoding, has_blocks in (("ascii", False), ("cp1252", False), ("utf-8", True)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        printer = pretty.RepresentationPrinter(stream)
        printer.pretty(TWO_MODES)
        printer.flush()
        stream.flush()
        shown = stream.buffer.getvalue().decode(encoding)
        assert ("█" in shown) == has_blocks and "p99.9" in shown


def rich_text(shown, width):
    """Return what rich prints, on a terminal without colours."""
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=width, color_system=None)
    console.print(shown)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 160])
def test_rich_prints_the_same_cells(width):
    for name, view in views({**FULL, **EMPTY}).items():
        shown = rich_text({**FULL, **EMPTY}[name], width)
        assert max(map(text_width, shown.splitlines())) <= width, name
        words = [word for word in text(view, width).replace(": ", " ").split() if word.isalnum()]
        assert set(words) <= set(shown.replace(": ", " ").split()), name


def test_rich_takes_no_name_for_markup():
    for hostile in HOSTILE:
        for name, shown in with_hostile_names(hostile).items():
            printed = rich_text(shown, 100)
            assert all(line.isprintable() for line in printed.split("\n")), name
    assert "[bold red]markup[/bold red] [/]" in rich_text(
        with_hostile_names("[bold red]markup[/bold red] [/]")["key"], 100
    )
    assert "[bold red]markup" in rich_text(with_hostile_names("[bold red]markup[/bold red] [/]")["recorder"], 100)


def test_rich_does_not_move_pictures():
    """The line at 1 is in one column, whether the interval beside it lies to the right or to the left."""
    runs = Comparisons([blocks_of(0.0012, 7, "slow", number=30), blocks_of(0.0008, 8, "fast", number=30)])
    rows = [line for line in rich_text(runs, 120).splitlines() if re.match("(slow|fast) ", line)]
    assert len(rows) == 4
    assert len({row.index("│") for row in rows[:2]}) == len({row.index("│") for row in rows[2:]}) == 1


def test_nothing_of_rich_is_imported_until_rich_asks():
    import subprocess
    import sys

    code = (
        "import sys, historian; h = historian.Histogram.from_values([1.0]); h._repr_html_(); h.__rich__()\n"
        "assert not {'rich', 'numpy', 'html5lib', 'justhtml'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    display = (
        "import sys, historian; assert not [name for name in sys.modules if name.startswith('historian._show.') and "
    )
    subprocess.run([sys.executable, "-c", f"{display} name != 'historian._show.shown']"], check=True)


def test_an_empty_histogram():
    assert text(Histogram()._view(), 80) == "Histogram: nothing recorded yet"
    assert rich_text(Histogram(), 80).strip() == "Histogram  nothing recorded yet"


def test_the_page_shows_what_ipython_shows():
    """The block of text in docs/display.md is that of the histogram that the page makes."""
    page = (Path(__file__).parents[2] / "docs" / "display.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for line in re.findall(r"^>>> (\w.*[=t].*)$", page, re.MULTILINE):
        exec(line, names)
    (block,) = re.findall(r"<!-- shown: h -->\n```text\n(.*?)\n```", page, re.DOTALL)
    assert block == text(names["h"]._view(), 72)


def test_a_long_unit_leaves_room_for_the_names_of_rows():
    h = Histogram.from_values([1.0, 2.0], unit="requests-that-waited-for-a-lock")
    assert "requests-that-waited-for-a-lock" in text(h._view(), 80)
    lines = text(h._view(), 40).splitlines()
    assert all(text_width(line) <= 40 for line in lines)
    assert [line.split()[0] for line in lines if "needs" in line] == ["p90", "p99", "p99.9"]
    assert "       requ~ock       95 % interval" in lines
