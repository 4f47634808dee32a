"""The build and the install: an sdist that builds, a wheel with the right files, an importable package, the Cython API.

The package must be found from a checkout's root and from elsewhere.  Other Cython modules must be able to use the core.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.requirements import Requirement

import historian

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"

#: Calls the compiler, but keeps each object file: a second build of the same sources uses that of the first.
KEEPING = """#!/bin/sh
object= compiling= before=
for word; do
    [ "$before" = -o ] && object=$word
    [ "$word" = -c ] && compiling=1
    before=$word
done
kept=$(dirname "$0")/$(basename "$object")
[ "$compiling" ] && [ -f "$kept" ] && exec cp "$kept" "$object"
{compiler} "$@" || exit
[ -z "$compiling" ] || cp "$object" "$kept"
"""

#: Replaces the compiler: each file that it creates holds the text of $MADE.
PRETENDING = """#!/bin/sh
for word; do
    [ "$before" = -o ] && printf %s "$MADE" >"$word"
    before=$word
done
"""

#: Prints the path of the working core.
ASKING = """
import historian, historian._core
recorder = historian.Recorder()
recorder.record(1.0)
assert recorder.snapshot().count == 1
print("core:", historian._core.__file__)
"""

NATIVE = """
# cython: language_level=3, freethreading_compatible=True
from historian._core cimport Counters

def record(Counters counters, double value, Py_ssize_t times):
    cdef Py_ssize_t i, recorded = 0
    with nogil:
        for i in range(times):
            recorded += counters.record_native(value)
    return recorded
"""

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
import historian
native = Extension("native", ["native.pyx"], include_dirs=[historian.get_include()])
setup(ext_modules=cythonize([native], include_path=[historian.get_include() + "/.."]))
"""


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command that must succeed, and return its output; `env` is added to the environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HISTORIAN_"))}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env={**inherited, **(env or {})}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, into: Path, env: dict[str, str] | None = None) -> Path:
    """Build an sdist or a wheel of `source` with the installed setuptools."""
    into.mkdir()
    return into / run(sys.executable, "-c", BUILD, f"build_{kind}", into, cwd=source, env=env).splitlines()[-1]


def cores(tree: Path) -> list[str]:
    """Return the names of the compiled cores in a source tree."""
    return [path.name for path in (tree / "historian").glob("_core.*") if path.suffix in (".so", ".pyd")]


def distributions(*names: str) -> list[importlib.metadata.Distribution]:
    """Return installed packages, and the packages that they need."""
    found = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = importlib.metadata.distribution(name)
            for needed in map(Requirement, found[name].requires or ()):
                if not needed.marker or needed.marker.evaluate({"extra": ""}):
                    waiting.append(needed.name)
    return list(found.values())


def script(path: Path, text: str) -> Path:
    """Write an executable program."""
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return variables with which all tests compile the core only once; skip the tests without a C compiler."""
    if sys.platform == "win32":
        return {}
    command = os.environ.get("CC", "cc")
    if not shutil.which(command.split()[0]):
        pytest.skip("there is no C compiler: set CC, or install one")
    return {"CC": str(script(tmp_path_factory.mktemp("cc") / "cc", KEEPING.replace("{compiler}", command)))}


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an sdist built from a copy of this source tree, so that the tree does not change."""
    folder = tmp_path_factory.mktemp("sdist")
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "*.so", "*.pyd", "__pycache__")
    shutil.copytree(ROOT, folder / "tree", ignore=unwanted)
    return build("sdist", folder / "tree", folder / "dist")


@pytest.fixture(scope="session")
def wheel(compiler: dict[str, str], sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the sdist, in the folder ``dist`` of the tree in which it was built."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return build("wheel", tree, tree / "dist", compiler)


@pytest.fixture
def checkout(wheel: Path, tmp_path: Path) -> Path:
    """Return a source tree as git leaves it, without a core, but with Cython's output, so that it builds faster."""
    unwanted = shutil.ignore_patterns("build", "dist", "*.egg-info", "*.so", "*.pyd")
    return Path(shutil.copytree(wheel.parents[1], tmp_path / "checkout", ignore=unwanted))


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder for PYTHONPATH with the packages for builds and tests only, and no others of this environment."""
    folder = tmp_path_factory.mktemp("tools")
    for found in distributions("cython", "numpy", "pytest", "setuptools"):
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            source, target = Path(str(found.locate_file(top))), folder / top
            if sys.platform != "win32":
                target.symlink_to(source)
            elif source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
    return str(folder)


@pytest.fixture(scope="session", params=["pip install .", "pip install -e ."])
def installed(
    request: pytest.FixtureRequest, compiler: dict[str, str], wheel: Path, tools: str, tmp_path_factory: Any
) -> tuple[Path, Path, bool]:
    """Return a checkout, the Python of a fresh environment with it installed, and whether the install is editable."""
    if not importlib.util.find_spec("ensurepip"):
        pytest.skip("this Python makes no environments with pip: it has no ensurepip")
    folder = tmp_path_factory.mktemp("installed")
    unwanted = shutil.ignore_patterns("build", "dist", "*.egg-info", "*.so", "*.pyd")
    tree = Path(shutil.copytree(wheel.parents[1], folder / "checkout", ignore=unwanted))
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip, *words = request.param.split()
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(python, "-m", pip, *words, *options, cwd=tree, env={**compiler, "PYTHONPATH": tools})
    return tree, python, "-e" in words


def test_the_version_has_one_home() -> None:
    assert importlib.metadata.version("latency-historian") == historian.__version__


def test_sdist_holds_what_a_build_and_its_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}
    for name in (
        "LICENSE",
        "README.md",
        "setup.py",
        "historian/_core.pyx",
        "historian/_native/counters.h",
        "historian/web/_page/static/page.html",
        "historian/web/_page/static/uPlot-LICENSE.txt",
        "tests/test_build.py",
    ):
        assert PurePosixPath(name) in held
    assert not [name for name in held if name.suffix in {".so", ".pyd", ".pyc"}]
    assert not [name for name in held if name.suffix == ".c" and name.parts[0] == "historian"]  # generated by Cython


def test_wheel_holds_what_users_need_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    held = {str(name) for name in names if not name.parts[0].endswith(".dist-info")}
    source = {
        str(path.relative_to(ROOT).as_posix())
        for path in (ROOT / "historian").rglob("*")
        if path.suffix in {".py", ".pyi", ".pxd", ".h"} or path.name == "py.typed" or path.parent.name == "static"
    }
    needed = {"py.typed", "_core.pyi", "_core.pxd", "_native/counters.h", "web/_page/static/uPlot.iife.min.js"}
    assert {f"historian/{name}" for name in needed} <= source
    compiled = held - source
    assert source <= held
    assert len(compiled) == 1
    assert compiled.pop().startswith("historian/_core.")


@pytest.mark.parametrize("place", ["root of the checkout", "elsewhere"])
@pytest.mark.parametrize("form", ["python -c", "python -m pytest", "python -m historian"])
def test_an_installed_package_is_found(
    installed: tuple[Path, Path, bool], form: str, place: str, tools: str, tmp_path: Path
) -> None:
    tree, python, editable = installed
    here = tree if place == "root of the checkout" else tmp_path
    env = {"PYTHONPATH": tools, "PYTHONDONTWRITEBYTECODE": "1"}
    if form == "python -m historian":
        assert run(python, "-m", "historian", "--version", cwd=here, env=env) == f"historian {historian.__version__}\n"
        return
    if form == "python -c":
        printed = run(python, "-c", ASKING, cwd=here, env=env)
    else:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_it.py").write_text(f"def test_it():\n    exec({ASKING!r})\n")
        options = ("-s", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini")
        printed = run(python, "-m", "pytest", *options, tmp_path / "test_it.py", cwd=here, env=env)
    (found,) = [line.partition("core: ")[2] for line in printed.splitlines() if "core: " in line]
    expected = tree if editable or here == tree else python.parents[1]
    assert Path(found).resolve().is_relative_to(expected.resolve())


def test_what_is_installed_from_stays_out_of_what_is_built(
    installed: tuple[Path, Path, bool], compiler: dict[str, str], tmp_path: Path
) -> None:
    tree, _, _ = installed
    assert len(cores(tree)) == 1
    with tarfile.open(build("sdist", tree, tmp_path / "sdist")) as archive:
        assert not [name for name in archive.getnames() if name.endswith((".so", ".pyd"))]
    with zipfile.ZipFile(build("wheel", tree, tmp_path / "wheel", compiler)) as archive:
        assert len([name for name in archive.namelist() if name.endswith((".so", ".pyd"))]) == 1


def test_a_checkout_that_was_never_built_says_what_to_run(checkout: Path) -> None:
    assert cores(checkout) == []
    command = [sys.executable, "-S", "-c", "import historian"]  # else an editable install would provide its core
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError: historian's core is not compiled for this Python: run pip install . in" in done.stderr


@pytest.fixture
def pretend(checkout: Path, tmp_path: Path) -> Any:
    """Return a function that builds a checkout's core without a compiler: the core holds the given text."""
    if sys.platform == "win32":
        pytest.skip("setuptools finds the compiler of Windows by itself")
    compiler = str(script(tmp_path / "cc", PRETENDING))

    def call(made: str, **env: str) -> None:
        env = {**env, "CC": compiler, "LDSHARED": compiler, "MADE": made}
        run(sys.executable, "-W", "ignore", "setup.py", "build_ext", cwd=checkout, env=env)

    return call


def test_each_build_replaces_the_core_in_the_source_tree(checkout: Path, pretend: Any) -> None:
    pretend("one")
    (name,) = cores(checkout)
    core = checkout / "historian" / name
    assert core.read_text() == "one"
    core.write_text("another build's, and newer")
    pretend("two")  # compiles nothing, as nothing has changed
    assert core.read_text() == "one"
    os.utime(checkout / "build" / "historian" / "_core.c", (2**32, 2**32))
    core.write_text("another build's, and newer still")
    os.utime(core, (2**33, 2**33))
    pretend("three")
    assert core.read_text() == "three"


def test_a_core_with_a_sanitizer_is_not_left_in_the_source_tree(checkout: Path, pretend: Any) -> None:
    pretend("with it", HISTORIAN_SANITIZE="thread")
    assert [path.read_text() for path in (checkout / "build").rglob("_core.*.so")] == ["with it"]
    assert cores(checkout) == []
    pretend("without it")
    pretend("with it", HISTORIAN_SANITIZE="address")
    (name,) = cores(checkout)
    assert (checkout / "historian" / name).read_text() == "without it"


def test_a_build_needs_no_place_in_the_source_tree(checkout: Path, pretend: Any) -> None:
    pretend("one")
    (name,) = cores(checkout)
    (checkout / "historian" / name).unlink()
    (checkout / "historian" / name).mkdir()  # so that even root cannot put the core there
    pretend("two")
    assert cores(checkout) == [name]
    assert not list((checkout / "historian").glob("*.tmp"))


@pytest.fixture(scope="session")
def native(compiler: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Build and import a module that records natively."""
    folder = tmp_path_factory.mktemp("native")
    (folder / "native.pyx").write_text(NATIVE)
    (folder / "setup.py").write_text(SETUP)
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("native.*.*[do]")  # native.cpython-312-x86_64-linux-gnu.so, native.cp312-win_amd64.pyd
    spec = importlib.util.spec_from_file_location("native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_other_modules_record_natively_without_the_gil(native: Any) -> None:
    recorder, threads, times = historian.Recorder(), 4, 50_000
    assert native.record(recorder, float("nan"), 1) == 0
    workers = [threading.Thread(target=native.record, args=(recorder, 2.0**k, times)) for k in range(threads)]
    for worker in workers:
        worker.start()
    for _ in range(times):
        recorder.record(2.0)  # under the GIL, into the counters that the native records add to
    for worker in workers:
        worker.join()
    histogram = recorder.snapshot()
    assert dict(zip(histogram.upper.tolist(), histogram.counts.tolist(), strict=True)) == {
        1.0: times,
        2.0: 2 * times,
        4.0: times,
        8.0: times,
    }
    assert (histogram.min, histogram.max) == (1.0, 8.0)
    assert histogram.sum == times * (1 + 2 * 2 + 4 + 8)


def test_every_native_record_is_in_exactly_one_drain(native: Any) -> None:
    recorder, drained = historian.Recorder(), []
    values = [2.0**k for k in range(4)]
    workers = [threading.Thread(target=native.record, args=(recorder, value, 500_000)) for value in values]
    for worker in workers:
        worker.start()
    working = True  # at least once: without a GIL, all workers may have ended by now
    while working:
        working = any(worker.is_alive() for worker in workers)
        recorder.record(16.0)
        drained.append(recorder.drain())
    drained.append(recorder.drain())
    everything = historian.merge(drained)
    assert everything.counts.tolist() == [500_000] * 4 + [len(drained) - 1]
    assert everything.sum == 500_000 * sum(values) + 16.0 * (len(drained) - 1)
    assert recorder.snapshot() == historian.Histogram()
    for part in drained:
        if part.count:  # minimum and maximum may lag behind a record in flight, but never contradict the buckets
            assert part.lower[0] <= part.min <= part.upper[0]
            assert part.lower[-1] <= part.max <= part.upper[-1]
