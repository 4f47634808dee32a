"""Whatever happens to the bytes and the size of a file: no process dies, and all other files are served."""

import subprocess
import sys

import mutations
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


def python(*args):
    """Run a program that the damage must not kill; return its standard output."""
    done = subprocess.run([sys.executable, *map(str, args)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("seed", range(2))
def test_mutated_files(directory, seed):
    # More of them: mutations.prepare(DIRECTORY), then python tests/helpers/mutations.py DIRECTORY SEED FIRST END.
    mutations.prepare(directory)
    assert python(mutations.__file__, directory, seed, 0, 400) == "done\n"


TRUNCATED = """
import os, sys, historian, warnings
registry = historian.Registry(sys.argv[1])
registry.recorder("good").record(1.0)
rec = registry.recorder("bad")
rec.record_many([1.0] * 5000)
rec.drain()
rec.record_many([1.0] * 5000)
os.truncate(rec.path, int(sys.argv[2]))

def refused(function):
    try:
        function()
    except historian.CorruptFileError as error:
        assert "cut short" in error.reason or "empty" in error.reason or "does not contain" in error.reason, error
    else:
        raise AssertionError(function)

refused(rec.snapshot)
refused(rec.drain)
refused(lambda: historian.Registry(sys.argv[1]).recorder("bad"))
assert list(registry.problems()) == [rec.path]
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    assert registry.snapshot() == {historian.Key("good"): historian.Histogram.from_values([1.0])}
    registry.profile()
    registry.clear()
assert [one.category for one in said] == [historian.CorruptFileWarning] * 3
assert registry.recorder("good").snapshot().count == 0
"""


@pytest.mark.parametrize("size", [0, 100, 4096, 8192, 57343, 57344, 110592, 200000])
def test_a_file_that_is_truncated_while_it_is_open(directory, size):
    """Only what counts in the part that is gone dies: everything else asks for the size first."""
    python("-c", TRUNCATED, directory, size)


GROWN = """
import os, shutil, sys, historian, warnings
rec = historian.Registry(sys.argv[1]).recorder("q")
rec.record(1.0)
gone, say = os.pipe()
pid = os.fork()
if pid == 0:
    rec.record_many([1.0] * 5000)  # leases a block, so the file grows
    os._exit(0)
os.waitpid(pid, 0)
shutil.rmtree(sys.argv[1])
warnings.simplefilter("ignore", historian.RegistryWarning)
assert rec.snapshot().count == 5001
assert rec.drain().count == 5001
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files grow by leases, on Linux only")
def test_a_file_that_has_grown_before_it_was_removed(directory):
    python("-c", GROWN, directory)
