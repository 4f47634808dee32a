"""The arithmetic of the engines' benchmark, and the table that it writes."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import benchmarks/, which is beside the package and not installed."""
    monkeypatch.syspath_prepend(str(ROOT))
    for name in ("_data", "_measure", "_page"):
        importlib.import_module(f"benchmarks.engines.{name}")
    return sys.modules["benchmarks.engines"]


def route(label: str, ours: bool, best: float) -> dict[str, Any]:
    errors = [0.0, 0.00541, 1.5]
    return {
        "label": label,
        "ours": ours,
        "exact": ours,
        "best": best,
        "median": 1.0,
        "largest": errors,
        "middle": errors,
    }


def test_errors_are_relative_to_exact_quantiles(bench: ModuleType) -> None:
    exact = np.array([[1.0, 2.0, 4.0], [10.0, 20.0, 40.0], [1.0, 1.0, 1.0]])
    answers = {0: (1.0, 2.5, 4.0), 1: (9.0, 20.0, 80.0), 2: (1.0, 1.0, 1.5)}
    largest, median = bench._measure.errors_of(answers, exact)
    assert largest == pytest.approx([0.1, 0.25, 1.0])
    assert median == pytest.approx([0.0, 0.0, 0.5])


@pytest.mark.parametrize("answers", [{0: (1.0, 2.0, 3.0)}, {0: (1.0, 2.0, 3.0), 1: (1.0, 2.0, float("nan"))}])
def test_an_answer_that_is_missing_is_an_error(bench: ModuleType, answers: dict[int, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="there must be"):
        bench._measure.errors_of(answers, np.ones((2, 3)))


def test_exact_quantiles_are_those_of_each_group(bench: ModuleType) -> None:
    keys, values = bench._data.columns(20_000)
    found = bench._data.exact(keys, values)
    for key in (0, 57, 99):
        own = np.sort(values[keys == key])
        ranks = [-(-len(own) * tenths // 10_000) for tenths in (9_900, 9_990, 9_999)]
        assert found[key].tolist() == [own[rank - 1] for rank in ranks]


def test_the_table_stands_between_the_markers_of_the_page(bench: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "engines.md"
    markers = bench._page.BEGIN, bench._page.END
    page.write_text(f"# Before\n\n{markers[0]}old\n{markers[1]}\nAfter\n", encoding="utf-8")
    engine = {"versions": {"duck": "1"}, "commit": "abc", "load": 0.5, "routes": [route("own", False, 0.5)]}
    engine["routes"].append(route("ours", True, 0.25))
    about = {"processor": "P", "cores": 2, "system": "S", "python": "3.11.7"}
    run = {"about": about, "rows": 20_000_000, "groups": 100, "engines": {"duck": engine}}
    run["merging"] = {"commit": "abc", "nbytes": 146, "routes": [{"label": "arrow.merge", "best": 2.0, "median": 2.25}]}
    (tmp_path / "one.json").write_text(json.dumps(run), encoding="utf-8")
    bench._page.write(page, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Before\n\n" + markers[0])
    assert text.endswith(markers[1] + "\nAfter\n")
    assert "old" not in text
    assert "| duck | **ours** | yes | 0.25 | 1 | 80 M | 2.00 | 0 %, 0.54 %, 150 % | 0 %, 0.54 %, 150 % |\n" in text
    assert "1,000,000 histograms of 146 bytes, merged into 100 groups" in text
    assert "| **arrow.merge** | 2 | 2.25 |\n" in text


def test_a_page_without_markers_is_refused(bench: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "engines.md"
    page.write_text("# No table\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"engines\.md must have one line"):
        bench._page.write(page, tmp_path)
    assert page.read_text(encoding="utf-8") == "# No table\n"
