"""``historian demo``: a profile of real work, made by several processes, in a few seconds."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from multiprocessing.connection import wait

from .. import _display
from ..histogram import Histogram
from ..recorder import DISABLED
from ..registry import Key, Registry
from . import _workload
from ._progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from typing import Any, TextIO

__all__ = ["add_parser", "run"]

PROCESSES = 4
LIMIT = 9.0  # seconds for everything; start-up is taken off the work
GRACE = 20.0  # seconds after which a silent worker is given up
FAN_OUTS = (1, 10, 100, 1000)

DESCRIPTION = f"""\
Let {PROCESSES} processes query one SQLite database for a few seconds, each timing its queries, merge what they
recorded, and print what it says: the profile, and what a look-up's 99th percentile becomes for whoever waits for many.
"""


class WorkerError(RuntimeError):
    """A worker process has failed; the message says how."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to the commands of ``historian``."""
    parser = commands.add_parser("demo", help="profile real SQLite queries, here and now", description=DESCRIPTION)
    parser.add_argument(
        "--seconds", type=_seconds, default=4.0, metavar="S", help="how long to query, 0.5 to 8 (default: 4)"
    )
    parser.add_argument(
        "--raw",
        metavar="FILE",
        help="also write every single value, a line to each: operation, tab, seconds (bytes for results)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0, or 1 if it could not be run to its end."""
    began = time.monotonic()
    if DISABLED:
        return _fail("HISTORIAN_DISABLE=1 is set, so nothing would be recorded: unset it")
    try:
        raw = open(args.raw, "w", encoding="utf-8", newline="\n") if args.raw else None
    except OSError as error:
        return _fail(f"cannot write {args.raw}: {error.strerror}")
    registry = Registry()
    try:
        with tempfile.TemporaryDirectory(prefix="historian-demo-", ignore_cleanup_errors=True) as folder:
            path = os.path.join(folder, "orders.sqlite")
            _workload.create_database(path)
            work = [(_workload.Workload.run, path, number, raw is not None) for number in range(PROCESSES)]
            results = run_workers(work, args.seconds, began + LIMIT)
        for snapshot, samples in results:
            registry.merge(snapshot)
            if raw:
                _write_samples(raw, samples)
    except WorkerError as error:
        return _fail(str(error))
    finally:
        if raw:
            raw.close()
    _print(_report(registry))
    return 0


def run_workers(work: list[tuple[Any, ...]], seconds: float, limit: float) -> list[Any]:
    """Run each ``function(parent, *args)`` of `work` in a process of its own; return what they return.

    Each shall send ("ready", None), receive the seconds to work for, and may send ("queries", n).  All begin at the
    same time, and end by `limit` on the monotonic clock if they can.  Raises WorkerError if one fails, ends early or
    falls silent.  However this function is left, no process is.
    """
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, SpawnProcess] = {}
    restore = _ignore_interrupts()  # which the workers inherit: an interrupt is the parent's to deal with
    try:
        try:
            for function, *args in work:
                ours, theirs = context.Pipe()
                process = context.Process(target=_workload.obey, args=(theirs, function, *args), daemon=True)
                process.start()
                processes[ours] = process
                theirs.close()
        finally:
            restore()
        _await(processes, "ready")
        seconds = max(0.5, min(seconds, limit - time.monotonic() - _workload.BUSY_TIMEOUT))
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


def _ignore_interrupts() -> Callable[[], object]:
    """Ignore SIGINT for now; return what undoes it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: signal.signal(signal.SIGINT, before)


def _report(registry: Registry) -> list[str]:
    """Return the paragraphs that say what was found; tables among them."""
    histograms = registry.snapshot()
    queries = sum(histogram.count for histogram in histograms.values() if histogram.unit == "s")
    return [
        f"{queries:,} queries of one SQLite database, timed in {PROCESSES} processes and merged:",
        str(registry.profile()),
        *_fan_out(histograms.get(Key("look-up"), Histogram())),
        "Every percentile is within 0.5416 % of a recorded value; --raw FILE writes them all, to be checked.",
    ]


def _fan_out(look_up: Histogram) -> list[str]:
    """Return text, table and text about users who wait for many look-ups."""
    if not _display.is_supported(look_up.count, 99):
        return ["There were too few look-ups to say what waiting for many of them is like.", ""]
    p99 = look_up.percentile(99)
    one = _display.quantity(p99, look_up.unit)
    rows = []
    for n in FAN_OUTS:
        users = look_up.fanout(n)
        wait = _display.quantity(users.quantile(0.99), look_up.unit)
        if not _display.is_supported(look_up.count, users.leaf_percentile(0.99)):
            wait = f"at least {wait} (max)"
        rows.append([f"{n:>8,}", _percent(users.p_wait(p99)), wait])
    return [
        f"One look-up in a hundred takes longer than {one}. A user who needs 100 of them waits for the slowest:\n"
        f"{_percent(look_up.fanout(100).p_wait(p99))} of such users wait longer than that.",
        _display.table(["look-ups", f"users who wait over {one}", "99 % of users wait at most"], rows),
        "This takes look-ups to be independent. Where they are slow together, fewer users wait, though never fewer\n"
        "than for one look-up.",
    ]


def _percent(share: float) -> str:
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{_display.Scale.of('%', 1).show(100 * share)} %"


def _print(paragraphs: list[str]) -> None:
    """Print paragraphs, with the tables' headers in colour on a terminal if rich is there."""
    print()
    if not sys.stdout.isatty():
        print("\n\n".join(paragraphs))
        return
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        print("\n\n".join(paragraphs))
        return
    text = Text("\n\n".join(paragraphs))
    text.highlight_regex(r"(?m)^(operation|look-ups) .*$", "bold cyan")
    text.highlight_regex(r"(?m)^-  .*$", "dim")
    Console().print(text, soft_wrap=True)


def _write_samples(file: TextIO, samples: dict[str, array[float]]) -> None:
    for name, values in samples.items():
        file.writelines(f"{name}\t{value!r}\n" for value in values)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.5 <= seconds <= 8:
        raise argparse.ArgumentTypeError(f"must be a number in 0.5..8, not {text!r}")
    return seconds


def _fail(why: str) -> int:
    print(f"historian demo: {why}", file=sys.stderr)
    return 1
