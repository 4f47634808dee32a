"""All names in README.md and docs/ exist after ``import historian``, without another import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```.*?^```|``[^\n]+?``|`[^`\n]+`", re.MULTILINE | re.DOTALL)
#: Not one that is a key, such as environ["historian.route"].
NAME = re.compile(r"""(?<![\w./-])(?<!\w\[["'])historian(?:\.[A-Za-z_]\w*)+""")
RESOLVE = "import sys, operator, historian; operator.attrgetter(sys.argv[1].partition('.')[2])(historian)"


def names(page: Path) -> set[str]:
    """Return the dotted names that begin with ``historian.`` in a page's blocks of code and between its backticks."""
    return {name for code in CODE.findall(page.read_text(encoding="utf-8")) for name in NAME.findall(code)}


NAMES = sorted(set().union(*map(names, PAGES)))


def test_names_are_found_in_blocks_and_between_backticks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    lines = ["historian.no `historian.a.b(1)`", "```python", "x = historian.c()", "historian.D.e", 'y["historian.no"]']
    page.write_text("\n".join([*lines, "```", "a/historian.no"]), encoding="utf-8")
    assert names(page) == {"historian.a.b", "historian.c", "historian.D.e"}
    assert {"historian.Histogram.from_bytes", "historian.Recorder"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_pages_name_is_there_after_import_historian(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", RESOLVE, name], capture_output=True, text=True)
    missing = re.search("^ImportError: historian.engines.* needs .*", done.stderr, re.MULTILINE)
    if missing:
        pytest.skip(missing[0])  # `nox -s engines` has all of them
    assert done.returncode == 0, done.stderr
