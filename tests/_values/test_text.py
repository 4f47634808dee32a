"""Numbers of things in texts: "1 value", not "1 values"."""

import re
from pathlib import Path

import numpy
import pytest

from historian import Histogram, Registry
from historian._show.summary import unit_question
from historian._values.text import counted
from historian.cli import main

ONE = Histogram.from_values([0.5])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, "value"), "1 value"),
        ((0, "value"), "0 values"),
        ((2_500, "value"), "2,500 values"),
        ((1.0, "value is", "values are"), "1 value is"),
        ((29_808.0, "value is", "values are"), "29,808 values are"),
        ((2**53 + 1, "entry", "entries"), "9,007,199,254,740,993 entries"),
    ],
)
def test_counted(arguments: tuple[float, str, str], text: str) -> None:
    assert counted(*arguments) == text


def ask_everything(folder: Path) -> None:
    """Print the texts of one histogram of one value, and of a file that is cut short."""
    registry = Registry()
    registry.recorder("q")
    print(ONE, repr(registry), ONE.ci(0.5).why, ONE.enough_for(0.0), ONE.fanout(2).extrapolate(0.6, m=1, p_m=0.0).why)
    print(unit_question(Histogram.from_values([0.0])))
    with pytest.raises(ValueError, match="pass all windows") as caught:
        ONE.ci(0.5, windows=[ONE, ONE])
    print(caught.value)
    (folder / "one.hist").write_bytes(ONE.to_bytes())
    assert main(["fanout", str(folder / "one.hist"), "-n", "1"]) == 0
    numpy.save(folder / "one.npy", [1.0])
    (folder / "short.npy").write_bytes((folder / "one.npy").read_bytes()[:-8])
    assert main(["summarize", str(folder / "short.npy")]) == 1


@pytest.mark.filterwarnings("ignore::historian.tail.TailWarning")
def test_one_value_is_no_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask_everything(tmp_path)
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert text.count("1 value") == 8
    assert text.count("1 recorder>") == text.count("1 call measured") == 1
    assert re.findall(r"\b1 [a-z]+s\b", text) == []
