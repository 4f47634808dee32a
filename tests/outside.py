"""What the tests of the commands that look at a directory share: the command, run as people run it."""

import os
import subprocess
import sys


def run(*arguments, **environment):
    """Run ``historian`` with these arguments; return (exit status, standard output, standard error)."""
    unset = {"HISTORIAN_DIR", "COLUMNS"}
    env = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-m", "historian", *map(str, arguments)],
        capture_output=True, timeout=60, check=False, env={**env, **environment}, text=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr
