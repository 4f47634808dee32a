"""Whatever happens to the bytes and the size of a file: no process dies, and nothing is lost in silence."""

import subprocess
import sys

import mutations
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@pytest.mark.parametrize("seed", range(2))
def test_mutated_files(directory, seed):
    # More of them: mutations.prepare(DIRECTORY), then python tests/helpers/mutations.py DIRECTORY SEED FIRST END.
    mutations.prepare(directory)
    run = [sys.executable, mutations.__file__, directory, str(seed), "0", "200"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
