"""Run the documentation: doctests of the installed package, and the blocks of the pages."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import historian

ROOT = Path(__file__).parents[1]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.exists()]
NEEDS = {  # no wheels for some Pythons
    "celery.md": ["celery"],
    "exemplars.md": ["opentelemetry.sdk"],
    "opentelemetry.md": ["opentelemetry.sdk"],
    "arrow.md": ["pyarrow"],
    "duckdb.md": ["duckdb", "pyarrow"],
    "polars.md": ["polars", "pyarrow"],
    "sql.md": ["duckdb"],
    "clients.md": ["sqlalchemy", "httpx", "aiohttp"],
    "dask.md": ["dask.dataframe", "distributed"],
    "grpc.md": ["grpc"],
    "spark.md": ["pyspark"],
    "pandas.md": ["pandas", "polars", "pyarrow"],
    "ray.md": ["ray.data"],
    "web-frameworks.md": ["fastapi", "flask", "django"],
}
FOUND = [found.name for found in pkgutil.walk_packages(historian.__path__, "historian.")]


def is_complete(name: str) -> bool:
    """Return whether a module can be imported here: some need an extra, which has no wheel for some Pythons."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        if "pip install 'latency-historian[" not in str(error):
            raise
        return False
    return True


MODULES = ["historian", *(name for name in FOUND if not name.endswith("__main__") and is_complete(name))]


def doctests(name: str) -> list[doctest.DocTest]:
    """Return the examples of a module, and of the public classes that it defines for another module."""
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    classes = {value for value in vars(module).values() if isinstance(value, type)}
    elsewhere = {value.__name__ for value in classes if value.__module__ == name and not is_written_in(value, module)}
    found = [test for test in finder.find(module) if test.name.removeprefix(f"{name}.").split(".")[0] not in elsewhere]
    for value in classes:
        if value.__module__ != name and is_written_in(value, module):
            found += finder.find(value, module=False, globs=dict(vars(module)))
    return found


def is_written_in(cls: type, module: ModuleType) -> bool:
    """Return whether a method or property of a class is a function of that module."""
    inner = (getattr(value, "fget", None) or getattr(value, "__func__", value) for value in vars(cls).values())
    return any(getattr(value, "__globals__", None) is vars(module) for value in inner)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctests(name):
        runner.run(test)
    assert runner.summarize().failed == 0


def test_no_example_is_left_out() -> None:
    """The number of lines in the sources that begin with the prompt equals the number of examples that run."""
    ran = sum(len(test.examples) for name in MODULES for test in doctests(name))
    files = (Path(str(importlib.import_module(name).__file__)) for name in MODULES)
    sources = (path.read_text(encoding="utf-8") for path in files if path.suffix == ".py")
    assert ran == sum(line.lstrip().startswith(">>> ") for source in sources for line in source.splitlines())


def run_console(example: Example) -> None:
    """Run each line after a ``$`` and compare its output with the text below it."""
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    for shown in example.parsed.removeprefix("$ ").split("\n$ "):
        command, _, output = shown.partition("\n")
        done = subprocess.run(
            command, shell=True, env={**os.environ, "PATH": scripts}, capture_output=True, text=True, check=False
        )
        assert (done.stdout + done.stderr).rstrip("\n") == output.rstrip("\n"), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = historian.Registry()  # empty, as in a process that has just begun
    monkeypatch.setattr(historian, "default_registry", registry)
    monkeypatch.setattr("historian.registry.default_registry", registry)
    if page.name == "processes.md" and sys.platform == "win32":
        pytest.skip("recorders in a directory need a POSIX system")
    for name in NEEDS.get(page.name, []):
        pytest.importorskip(name)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # for the workers of Spark
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    if page.name in ("dask.md", "ray.md"):  # they use what is deprecated, of pandas and of their own
        warnings.simplefilter("ignore", DeprecationWarning)
    parsers = [PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)]
    if sys.platform != "win32":
        parsers.append(CodeBlockParser("console", run_console))
    for example in Sybil(parsers).parse(page).examples():
        example.evaluate()
