"""`run_workers`: functions side by side in processes that cannot outlive the caller, or be waited for in vain."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import traceback
from multiprocessing.connection import wait

from ._progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from typing import Any

__all__ = ["WorkerError", "run_workers"]

GRACE = 20.0  # seconds after which silent workers are given up


class WorkerError(RuntimeError):
    """A worker process has failed; the message says how."""


def run_workers(work: list[tuple[Any, ...]], seconds: float, limit: float) -> list[Any]:
    """Run each ``function(parent, *args)`` of `work` in a process of its own; return what they return.

    Each shall send ("ready", None), receive the seconds to work for, and may send ("queries", n).  All begin at the
    same time, with as many seconds as the `limit` on the monotonic clock leaves, yet 0.5 at least.  Raises WorkerError
    if one fails, ends early or falls silent.  However this function is left, no process is.
    """
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, SpawnProcess] = {}
    release = _hold_interrupts()  # workers inherit that: an interrupt is the parent's to deal with
    try:
        try:
            for function, *args in work:
                ours, theirs = context.Pipe()
                process = context.Process(target=_obey, args=(theirs, function, *args), daemon=True)
                process.start()
                processes[ours] = process
                theirs.close()
        finally:
            release()
        _await(processes, "ready")
        seconds = max(0.5, min(seconds, limit - time.monotonic()))
        for worker in processes:
            try:
                worker.send(seconds)
            except OSError:
                raise _ended(processes[worker]) from None
        with Progress(seconds) as progress:
            return _await(processes, "done", progress.show)
    finally:
        for worker, process in processes.items():
            worker.close()
            process.terminate()
            process.join()
            process.close()


def _obey(parent: Connection, do: Callable[..., Any], *args: Any) -> None:
    """Run ``do(parent, *args)`` in a worker process and send ("done", what it returns) or ("failed", why).

    Should the parent be gone, this ends too, quietly.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            answer = "done", do(parent, *args)
        except (BrokenPipeError, EOFError):
            return
        except Exception:
            answer = "failed", traceback.format_exc()
        parent.send(answer)
    except OSError:
        pass  # nobody is left to be told


def _await(
    processes: dict[Connection, SpawnProcess], state: str, show: Callable[[int], None] = lambda queries: None
) -> list[Any]:
    """Return what each worker sends with `state`, in their order; `show` gets the queries of all so far."""
    answers: dict[Connection, Any] = {}
    queries = dict.fromkeys(processes, 0)
    while len(answers) < len(processes):
        waiting = [worker for worker in processes if worker not in answers]
        spoke = wait(waiting, timeout=GRACE)
        if not spoke:
            raise WorkerError(f"a worker has said nothing for {GRACE:g} s")
        for worker in waiting:
            if worker not in spoke:
                continue
            try:
                kind, value = worker.recv()
            except (EOFError, OSError):
                raise _ended(processes[worker]) from None
            if kind == "failed":
                raise WorkerError(f"a worker failed:\n{value.rstrip()}")
            if kind == "queries":
                queries[worker] = value
            elif kind == state:
                answers[worker] = value
            show(sum(queries.values()))
    return [answers[worker] for worker in processes]


def _ended(process: SpawnProcess) -> WorkerError:
    process.join()
    return WorkerError(f"a worker ended early, with status {process.exitcode}")


def _hold_interrupts() -> Callable[[], object]:
    """Keep SIGINT from this thread and the processes that it starts; return what lets through one that came."""
    if sys.platform == "win32":
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return lambda: signal.signal(signal.SIGINT, before)
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # the first start would do so, and let SIGINT through
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
