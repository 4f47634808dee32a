"""Run a job in many interpreters of this process; started by test_subinterpreters.py as a process of its own.

Arguments: the folder that historian is imported from, the job, whose GIL they have ("own", "shared" or "mixed"), how
many threads make interpreters, how many each thread makes, and the directory of a registry.  A job is a file beside
this one.
"""

import sys
import threading
from pathlib import Path

try:
    import _interpreters  # 3.13
except ImportError:
    import _xxsubinterpreters as _interpreters


def create(own_gil):
    if sys.version_info >= (3, 13):
        return _interpreters.create("isolated" if own_gil else "legacy")
    return _interpreters.create(isolated=own_gil)


def run(interpreter, code):
    """Run code there.  Raises RuntimeError if it raises."""
    if sys.version_info < (3, 13):
        _interpreters.run_string(interpreter, code)  # raises by itself
        return
    failure = _interpreters.exec(interpreter, code)
    if failure is not None:
        raise RuntimeError(getattr(failure, "errdisplay", None) or failure.formatted)


def work(code, gil, first, times, failures):
    for i in range(first, first + times):
        try:
            interpreter = create(gil == "own" or (gil == "mixed" and i % 2 == 0))
            try:
                run(interpreter, code)
            finally:
                _interpreters.destroy(interpreter)
        except BaseException as error:
            failures.append(f"interpreter {i}: {error}")
            raise


def main(source, job, gil, threads, times, directory):
    code = f"SOURCE, DIRECTORY = {source!r}, {directory!r}\n"
    code += Path(__file__).with_name(job).read_text(encoding="utf-8")
    failures = []
    workers = [
        threading.Thread(target=work, args=(code, gil, k * int(times), int(times), failures))
        for k in range(int(threads))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        sys.exit("\n".join(failures))
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
