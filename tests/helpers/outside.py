"""What the tests of commands share: the command, run as people run it, or in this process, which is quicker."""

import contextlib
import io
import os
import subprocess
import sys

from historian.cli import main


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


def historian(*args):
    """Run the command here; return (exit status, standard output, standard error)."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            status = main([str(arg) for arg in args])
        except SystemExit as error:
            status = error.code
    return status, out.getvalue(), err.getvalue()
