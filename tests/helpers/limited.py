"""Run a command in a process that may use little memory only."""

import os
import subprocess
import sys


def limited(*args, nbytes=400 << 20, stdin=b"", cwd=None):
    """Run ``historian`` in an address space of `nbytes`; return (exit status, standard output, standard error)."""

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (nbytes, nbytes))

    source = {"stdin": stdin} if hasattr(stdin, "fileno") else {"input": stdin}
    done = subprocess.run(
        [sys.executable, "-m", "historian", *map(str, args)],
        capture_output=True, timeout=120, check=False, preexec_fn=limit, cwd=cwd,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, **source,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()
