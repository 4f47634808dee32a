"""What the documentation shows is what happens: doctests of the installed package, blocks of the pages."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import historian

ROOT = Path(__file__).parents[1]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()]
MODULES = ["historian", *(found.name for found in pkgutil.walk_packages(historian.__path__, "historian."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_doctests(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def run_console(example: Example) -> None:
    """Run each line after a ``$`` and compare what it prints with what is shown below it."""
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    for shown in example.parsed.removeprefix("$ ").split("\n$ "):
        command, _, output = shown.partition("\n")
        done = subprocess.run(
            command, shell=True, env={**os.environ, "PATH": scripts}, capture_output=True, text=True, check=False
        )
        assert (done.stdout + done.stderr).rstrip("\n") == output.rstrip("\n"), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages(page: Path) -> None:
    if page.name == "processes.md" and sys.platform == "win32":
        pytest.skip("recorders in a directory need a POSIX system")
    parsers = [PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)]
    if sys.platform != "win32":
        parsers.append(CodeBlockParser("console", run_console))
    for example in Sybil(parsers).parse(page).examples():
        example.evaluate()
