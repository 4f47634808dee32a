"""`run_workers`: functions side by side in processes that cannot outlive the caller, or be waited for in vain."""

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

GRACE = 20.0  # seconds after which silent workers are given up
KILL_AFTER = 0.4  # of the time
MIN_SECONDS = 0.2  # seconds that a replacement works for, however late it begins


class WorkerError(RuntimeError):
    """A worker process has failed; the message says how."""


Work = tuple[Any, ...]  # a function, and its arguments


def run_workers(work: list[Work], seconds: float, limit: float, replacement: Work | None = None) -> list[Any]:
    """Run each ``function(parent, *args)`` of `work` in a process of its own; return what they return.

    Each shall send ("ready", None), receive the seconds to work for, and may send ("queries", n).  All begin at the
    same time, with as many seconds as the `limit` on the monotonic clock leaves, yet 0.5 at least.

    With a `replacement`, the last of them is killed by SIGKILL when `KILL_AFTER` of that time has passed, and the
    replacement started in its place, to work for what is left, yet `MIN_SECONDS` at least.  Raises WorkerError if one
    fails, ends early or falls silent.  However this function is left, no process is.
    """
    crew = _Crew()
    try:
        crew.start(work)
        crew.wait("ready")
        seconds = max(0.5, min(seconds, limit - time.monotonic()))
        for worker in crew.processes:
            crew.tell(worker, seconds)
        now = time.monotonic()
        if replacement:
            crew.plan(now + KILL_AFTER * seconds, now + seconds, replacement)
        with Progress(seconds) as progress:
            return crew.wait("done", progress.show)
    finally:
        crew.end()


class _Crew:
    """Worker processes, each by our end of a pipe to it, in the order in which they were started."""

    processes: dict[Connection, SpawnProcess]

    def __init__(self) -> None:
        self.processes = {}
        self._gone: list[SpawnProcess] = []  # those that were killed
        self._kill_at = math.inf  # seconds
        self._end_at = 0.0  # seconds
        self._replacement: Work = ()

    def start(self, work: list[Work]) -> None:
        """Start a process for each."""
        context = multiprocessing.get_context("spawn")
        release = _hold_interrupts()  # workers inherit that: an interrupt is the parent's to deal with
        try:
            for function, *args in work:
                ours, theirs = context.Pipe()
                process = context.Process(target=_obey, args=(theirs, function, *args), daemon=True)
                process.start()
                self.processes[ours] = process
                theirs.close()
        finally:
            release()

    def tell(self, worker: Connection, seconds: float) -> None:
        """Say how long to work."""
        try:
            worker.send(seconds)
        except OSError:
            raise self._ended(worker) from None

    def plan(self, kill_at: float, end_at: float, replacement: Work) -> None:
        """Have the last worker killed at that time, and another one work in its place until `end_at`."""
        self._kill_at, self._end_at, self._replacement = kill_at, end_at, replacement

    def wait(self, state: str, show: Callable[[int], None] = lambda queries: None) -> list[Any]:
        """Return what each worker sends with `state`, in their order; `show` gets the queries of all so far."""
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
                raise WorkerError(f"a worker has said nothing for {GRACE:g} s")
            heard_at = time.monotonic() if spoke else heard_at
            for worker in waiting:
                if worker in spoke:
                    self._hear(worker, state, answers, queries)
                    show(sum(queries.values()))
        return [answers[worker] for worker in self.processes]

    def _hear(
        self, worker: Connection, state: str, answers: dict[Connection, Any], queries: dict[Connection, int]
    ) -> None:
        """Take one message of a worker."""
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
            self.tell(worker, max(MIN_SECONDS, self._end_at - time.monotonic()))

    def _replace_last(self, answers: dict[Connection, Any]) -> None:
        self._kill_at = math.inf
        worker = list(self.processes)[-1]
        if worker in answers:
            raise WorkerError("the worker that was to be killed had ended before")
        process = self.processes.pop(worker)
        self._gone.append(process)
        worker.close()
        process.kill()
        process.join()
        self.start([self._replacement])

    def _ended(self, worker: Connection) -> WorkerError:
        process = self.processes[worker]
        process.join()
        return WorkerError(f"a worker ended early, with status {process.exitcode}")

    def end(self) -> None:
        """Leave no process."""
        for worker in self.processes:
            worker.close()
        for process in [*self.processes.values(), *self._gone]:
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


def _hold_interrupts() -> Callable[[], object]:
    """Keep SIGINT from this thread and the processes that it starts; return what lets through one that came."""
    if sys.platform == "win32":
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return lambda: signal.signal(signal.SIGINT, before)
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # the first start would do so, and let SIGINT through
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask)
