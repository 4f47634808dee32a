"""A plain install: no module of the package imports scipy, and the examples of the documentation work without it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import historian

ROOT = Path(__file__).parents[1]

#: Refuses scipy, then runs the Python examples of a page.
RUN = """
import doctest, pathlib, sys, warnings

class NoScipy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scipy":
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, NoScipy())
try:
    import scipy
except ImportError:
    pass
else:
    sys.exit("scipy was imported all the same")

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from historian.tail import TailWarning

warnings.simplefilter("ignore", TailWarning)
blocks = Sybil([PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)])
examples = list(blocks.parse(pathlib.Path(sys.argv[1])).examples())
for example in examples:
    example.evaluate()
print(len(examples))
"""


@pytest.mark.parametrize("page", ["README.md", "docs/tail.md", "docs/comparing.md"])
def test_pages_without_scipy(page):
    path = ROOT / page
    if not path.exists():
        pytest.skip(f"{page} is not here")
    command = [sys.executable, "-c", RUN, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 5


def test_no_module_imports_scipy():
    sources = list(Path(historian.__file__).parent.rglob("*.py"))
    assert len(sources) > 40
    for source in sources:
        assert not re.search(r"^\s*(import|from)\s+scipy\b", source.read_text(encoding="utf-8"), re.MULTILINE), source


def test_an_interval_loads_neither_numpy_nor_scipy():
    code = (
        "import sys\n"
        "from historian import Histogram\n"
        "h = Histogram.from_values([0.01] * 99 + [1.0])\n"
        "assert h.ci(0.5).lower and h.fanout(10).p_wait(0.5).upper and h.slo(0.5, 0.9)\n"
        "assert 'historian._stats.beta' in sys.modules\n"
        "assert not {'numpy', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
