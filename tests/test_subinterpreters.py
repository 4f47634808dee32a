"""historian in several interpreters of one process.  Each test has its own process, so that a crash is a failure."""

import re
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import layout
import numpy
import pytest

import historian

HELPERS = Path(__file__).parent / "helpers"
SOURCE = str(Path(historian.__file__).parents[1])
MODULE = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"

pytest.importorskip(MODULE, reason="this Python lets no Python code make interpreters")

has_gil = not sysconfig.get_config_var("Py_GIL_DISABLED")
supported = pytest.mark.skipif(
    sys.version_info < (3, 12) or not has_gil,
    reason="historian runs in several interpreters from Python 3.12 on, where there is a GIL",
)

#: CPython 3.12.1 crashes in 1 of 4 runs that only import the standard library, in 3 interpreters at the same time.
at_the_same_time = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="CPython 3.12 crashes if interpreters run in parallel, without historian, too"
)


def run(*command):
    """Run Python with these arguments, and return its output."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", *map(str, command)], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-4000:]
    return done.stdout


def run_job(job, gil, threads, times, directory):
    output = run(HELPERS / "interpreters.py", SOURCE, job, gil, threads, times, directory)
    assert output == "done\n"


def run_in_one(code, gil="own"):
    """Run code in one interpreter other than the main one, and return its output."""
    main = f"""
        import sys
        sys.path.insert(0, {str(HELPERS)!r})
        sys.path.insert(0, {SOURCE!r})
        import historian, interpreters
        one = interpreters.create({gil == "own"})
        interpreters.run(one, {f"import sys; sys.path.insert(0, {SOURCE!r})" + chr(10) + textwrap.dedent(code)!r})
        interpreters._interpreters.destroy(one)
    """
    return run("-c", textwrap.dedent(main))


def shared_histogram(directory):
    (histogram,) = historian.Registry(directory).snapshot().values()
    return histogram


@supported
@pytest.mark.parametrize(
    "gil", [pytest.param("own", marks=at_the_same_time), "shared", pytest.param("mixed", marks=at_the_same_time)]
)
def test_recording_at_the_same_time(tmp_path, gil):
    directory = tmp_path / "registry"
    run_job("interpreter_records.py", gil, 3, 4, directory)
    histogram = shared_histogram(directory)
    assert histogram.count == 12 * 5000
    assert histogram.sum == 12 * (4500 * 1.0 + 500 * 0.5)


@supported
@pytest.mark.parametrize("gil", ["own", "shared"])
def test_interpreters_that_come_and_go(tmp_path, gil):
    directory = tmp_path / "registry"
    run_job("interpreter_records.py", gil, 1, 30, directory)
    assert shared_histogram(directory).count == 30 * 5000
    path = layout.file_of(directory)
    assert layout.word(path, layout.row_at(path) + 8) == 0  # one row: all used the lane that the first one leased


@supported
@at_the_same_time
def test_one_clock_for_all(tmp_path):
    run_job("interpreter_clock.py", "own", 4, 2, tmp_path)


@supported
@pytest.mark.parametrize("gil", ["own", "shared"])
def test_main_interpreter_goes_on_after_the_others(gil):
    code = """
        import historian
        historian.Recorder("r").record(1.0)
        print("there")
    """
    after = run_in_one(code, gil)
    assert after == "there\n"


@supported
@pytest.mark.skipif(
    numpy.lib.NumpyVersion(numpy.__version__) < "1.26.0", reason="numpy does not look which interpreter it is in"
)
def test_arrays_take_numpy_which_refuses(tmp_path):
    code = """
        import historian
        h = historian.Histogram.from_values([1.0, 2.0])
        assert h.quantile(0.5) == 1.0
        assert h.cdf(1.5) == 0.5
        assert h.fanout(2).p_wait(0.5) > 0
        for ask in (lambda: h.quantile([0.5, 0.9]), lambda: h.counts):
            try:
                ask()
            except ImportError as error:
                assert "numpy" in str(error) or "numpy" in str(error.__cause__), error
                print("refused")
    """
    assert run_in_one(code) == "refused\n" * 2


@supported
@pytest.mark.skipif(sys.version_info < (3, 14), reason="InterpreterPoolExecutor is new in 3.14")
def test_interpreter_pool():
    code = """
        from concurrent.futures import InterpreterPoolExecutor
        from interpreter_pool import record
        with InterpreterPoolExecutor(2) as pool:
            assert list(pool.map(record, [100] * 20)) == [100] * 20
    """
    setup = f"import sys; sys.path[:0] = [{str(HELPERS)!r}, {SOURCE!r}]\n"
    assert run("-c", setup + textwrap.dedent(code)) == ""


@pytest.mark.skipif(sys.version_info >= (3, 12) and has_gil, reason="here they can all import it")
def test_refusal_says_what_to_configure():
    code = """
        try:
            import historian
        except ImportError as error:
            print(error)
    """
    message = run_in_one(code)
    assert "WSGIApplicationGroup %{GLOBAL}" in message
    assert "ProcessPoolExecutor" in message
    assert message.count("\n") == 1


def test_no_python_object_is_shared(tmp_path):
    """Module-level `cdef object` variables and some builtins would be shared by all interpreters in Cython's output."""
    core = Path(__file__).parents[1] / "historian" / "_core.pyx"
    pytest.importorskip("Cython")
    if not core.exists():
        pytest.skip("the tests are not in the source tree")
    made = tmp_path / "_core.c"
    command = [sys.executable, "-m", "cython", "-3", "-o", str(made), "historian/_core.pyx"]
    done = subprocess.run(command, cwd=core.parents[1], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # warnings included
    static = re.findall(
        r"^static (?:PyObject|struct __pyx_obj_\w+) \*(\w+)(?: = \w+)?;", made.read_text(), re.MULTILINE
    )
    # Types and singletons that live as long as the process, and are the same in each interpreter.
    immortal = {
        f"__pyx_builtin_{name}" for name in ("NotImplemented", "classmethod", "map", "reversed", "staticmethod", "zip")
    }
    assert set(static) - {"__pyx_m"} <= immortal  # __pyx_m: only where there is one module for all interpreters
