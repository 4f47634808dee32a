"""`run_workers`: run functions in parallel processes, which never outlive the caller and are never awaited for ever."""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.connection
import signal
import sys
import time
import traceback
from typing import Any

from .progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["WorkerError", "run_workers"]

GRACE = 20.0  # seconds without a message after which the workers are given up
KILL_AFTER = 0.4  # share of the working time
MIN_SECONDS = 0.2  # minimum working time of a replacement, in seconds


class WorkerError(RuntimeError):
    """A worker process has failed; the message says how."""


Work = tuple[Any, ...]  # a function and its arguments


def run_workers(work: list[Work], seconds: float, limit: float, replacement: Work | None = None) -> list[Any]:
    """Run each ``function(parent, *args)`` of `work` in a process of its own; return the list of results.

    Each function sends ("ready", None), receives the number of seconds to work, and may send ("queries", n).  All
    workers begin at the same time.  They work for `seconds`, or less if `limit`, a time of the monotonic clock, comes
    earlier, but at least for 0.5 s.

    With a `replacement`, the last worker is killed by SIGKILL after the share `KILL_AFTER` of the working time.  The
    replacement is started in its place and works for the remaining time, but at least for `MIN_SECONDS`.  Raises
    WorkerError if a worker fails, ends early or sends nothing for `GRACE` seconds.  No process is left running, even
    if this function raises an exception.
    """
    crew = _Crew()
    try:
        crew.start(work)
        crew.wait("ready")
        seconds = max(0.5, min(seconds, limit - time.monotonic()))
        for worker in crew.processes:
            crew.send_seconds(worker, seconds)
        now = time.monotonic()
        if replacement:
            crew.plan(now + KILL_AFTER * seconds, now + seconds, replacement)
        with Progress(seconds) as progress:
            return crew.wait("done", progress.show)
    finally:
        crew.end()


class _Crew:
    """Worker processes, by the parent's end of a pipe to each of them, in the order in which they were started."""

    processes: dict[Connection, SpawnProcess]

    def __init__(self) -> None:
        self.processes = {}
        self._killed: list[SpawnProcess] = []
        self._kill_at = math.inf  # monotonic clock, in seconds
        self._end_at = 0.0  # monotonic clock, in seconds
        self._replacement: Work = ()

    def start(self, work: list[Work]) -> None:
        """Start a process for each item of work."""
        context = multiprocessing.get_context("spawn")
        release = _hold_interrupts()  # workers inherit this: only the parent handles an interrupt
        try:
            for function, *args in work:
                ours, theirs = context.Pipe()
                process = context.Process(target=_run_and_send, args=(theirs, function, *args), daemon=True)
                process.start()
                self.processes[ours] = process
                theirs.close()
        finally:
            release()

    def send_seconds(self, worker: Connection, seconds: float) -> None:
        """Tell a worker how long to work."""
        try:
            worker.send(seconds)
        except OSError:
            raise self._ended(worker) from None

    def plan(self, kill_at: float, end_at: float, replacement: Work) -> None:
        """Plan to kill the last worker at `kill_at`, and to start a replacement that works until `end_at`."""
        self._kill_at, self._end_at, self._replacement = kill_at, end_at, replacement

    def wait(self, state: str, show: Callable[[int], None] = lambda queries: None) -> list[Any]:
        """Return the value that each worker sends with `state`, in their order.

        Call `show` with the number of queries of all workers so far.
        """
        answers: dict[Connection, Any] = {}
        queries: dict[Connection, int] = {}
        heard_at = time.monotonic()
        while len(answers) < len(self.processes):
            now = time.monotonic()
            if now >= self._kill_at:
                self._replace_last(answers)
            waiting = [worker for worker in self.processes if worker not in answers]
            spoke = multiprocessing.connection.wait(waiting, timeout=max(0.0, min(GRACE, self._kill_at - now)))
            if not spoke and time.monotonic() >= heard_at + GRACE:
                raise WorkerError(f"a worker has sent nothing for {GRACE:g} s")
            heard_at = time.monotonic() if spoke else heard_at
            for worker in waiting:
                if worker in spoke:
                    self._receive(worker, state, answers, queries)
                    show(sum(queries.values()))
        return [answers[worker] for worker in self.processes]

    def _receive(
        self, worker: Connection, state: str, answers: dict[Connection, Any], queries: dict[Connection, int]
    ) -> None:
        """Receive one message from a worker."""
        try:
            kind, value = worker.recv()
        except (EOFError, OSError):
            raise self._ended(worker) from None
        if kind == "failed":
            raise WorkerError(f"a worker failed:\n{value.rstrip()}")
        if kind == "queries":
            queries[worker] = value
        elif kind == state:
            answers[worker] = value
        elif kind == "ready":  # a replacement
            self.send_seconds(worker, max(MIN_SECONDS, self._end_at - time.monotonic()))

    def _replace_last(self, answers: dict[Connection, Any]) -> None:
        self._kill_at = math.inf
        worker = list(self.processes)[-1]
        if worker in answers:
            raise WorkerError("the worker to be killed had already ended")
        process = self.processes.pop(worker)
        self._killed.append(process)
        worker.close()
        process.kill()
        process.join()
        self.start([self._replacement])

    def _ended(self, worker: Connection) -> WorkerError:
        process = self.processes[worker]
        process.join()
        return WorkerError(f"a worker ended early, with status {process.exitcode}")

    def end(self) -> None:
        """End all processes."""
        for worker in self.processes:
            worker.close()
        for process in [*self.processes.values(), *self._killed]:
            process.terminate()
            process.join()
            process.close()


def _run_and_send(parent: Connection, do: Callable[..., Any], *args: Any) -> None:
    """Run ``do(parent, *args)`` in a worker process; send ("done", result) or ("failed", traceback).

    If the parent has ended, this ends quietly.
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
        pass  # the parent has ended


def _hold_interrupts() -> Callable[[], object]:
    """Block SIGINT in this thread and in the processes that it starts; return a function that unblocks it."""
    if sys.platform == "win32":
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return lambda: signal.signal(signal.SIGINT, before)
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # otherwise the first process start would start it and unblock SIGINT
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
