"""What is built: an sdist that builds, a wheel with the right files, and a core that other Cython modules can use."""

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

import historian

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"

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


def build(kind: str, source: Path, into: Path) -> Path:
    """Have setuptools make an sdist or a wheel of `source`, with what is installed here."""
    into.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", str(into)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="session")
def compiler() -> None:
    """Skip where there is no C compiler."""
    if sys.platform != "win32" and not shutil.which(os.environ.get("CC", "cc").split()[0]):
        pytest.skip("there is no C compiler: set CC, or install one")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sdist of a copy of this source tree, so that the tree stays as it is."""
    folder = tmp_path_factory.mktemp("sdist")
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "*.so", "*.pyd", "_core.c", "__pycache__")
    shutil.copytree(ROOT, folder / "tree", ignore=unwanted)
    return build("sdist", folder / "tree", folder / "dist")


@pytest.fixture(scope="session")
def wheel(compiler: None, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the sdist."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return build("wheel", tree, folder / "dist")


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
        "historian/_native/cells.h",
        "tests/test_build.py",
    ):
        assert PurePosixPath(name) in held
    assert not [name for name in held if name.suffix in {".so", ".pyd", ".pyc"}]
    assert not [name for name in held if name.suffix == ".c" and name.parts[0] == "historian"]  # what Cython made


def test_wheel_holds_what_users_need_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    held = {str(name) for name in names if not name.parts[0].endswith(".dist-info")}
    source = {
        str(path.relative_to(ROOT).as_posix())
        for path in (ROOT / "historian").rglob("*")
        if path.suffix in {".py", ".pyi", ".pxd", ".h"} or path.name == "py.typed"
    }
    assert {"historian/py.typed", "historian/_core.pyi", "historian/_core.pxd", "historian/_native/cells.h"} <= source
    compiled = held - source
    assert source <= held
    assert len(compiled) == 1
    assert compiled.pop().startswith("historian/_core.")


@pytest.fixture(scope="session")
def native(compiler: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
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
        recorder.record(2.0)  # under the GIL, to counters that the native ones are added to
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
    while any(worker.is_alive() for worker in workers):
        recorder.record(16.0)
        drained.append(recorder.drain())
    drained.append(recorder.drain())
    everything = historian.merge(drained)
    assert everything.counts.tolist() == [500_000] * 4 + [len(drained) - 1]
    assert everything.sum == 500_000 * sum(values) + 16.0 * (len(drained) - 1)
    assert recorder.snapshot() == historian.Histogram()
    for part in drained:
        if part.count:  # extremes may lag behind a record in flight, but never contradict the buckets
            assert part.lower[0] <= part.min <= part.upper[0]
            assert part.lower[-1] <= part.max <= part.upper[-1]
