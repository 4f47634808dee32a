"""``historian demo``: a profile of real queries by several processes, in a few seconds."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import time

from .._live.recorder import DISABLED
from .._show.profile import Profile
from .._show.scale import Scale, quantity
from .._show.summary import is_supported
from .._show.table import table
from .._values.text import counted
from ..histogram import Histogram
from ..registry import Key, Registry
from .fanout import in_percent, in_unit, percent, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ._demo import workload

__all__ = ["add_parser", "run"]

PROCESSES = 4
LIMIT = 8.5  # seconds for everything; a slow start shortens the time for queries
FAN_OUTS = (1, 10, 100, 1000)

DESCRIPTION = f"""\
Let {PROCESSES} processes query one SQLite database for a few seconds. Each
process times its queries, and all processes record into one directory. In the
middle, one of them is killed (SIGKILL) and another one replaces it. Then print
the profile of the directory, check that it holds every record that a process
acknowledged, and show how many users wait longer than the 99th percentile of
one look-up, if each of them needs many.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to the commands of ``historian``."""
    parser = commands.add_parser(
        "demo",
        help="profile real SQLite queries on this machine",
        description=DESCRIPTION,
        epilog="example:\n  historian demo --seconds 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=4.0, metavar="S", help="how long to query, 0.5 to 8 (default: 4)"
    )
    parser.add_argument(
        "--dir", metavar="DIR", help="record in this directory and keep it (default: a temporary directory)"
    )
    parser.add_argument(
        "--raw",
        metavar="FILE",
        help="also write every value to FILE, one line each: operation, tab, seconds (bytes for results)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0 if it ran to its end, else 1."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that workers and files are removed
    if DISABLED:
        return _fail("HISTORIAN_DISABLE=1 is set, so nothing would be recorded: unset it")
    try:
        import sqlite3  # not at the top: other commands work in a Python without it

        from ._demo import workers, workload
    except ImportError as error:
        return _fail(f"this Python lacks a part of its standard library: {error}")
    try:
        raw = open(args.raw, "wb") if args.raw else None
    except OSError as error:
        return _fail(f"cannot write {args.raw}: {error.strerror}")
    try:
        with tempfile.TemporaryDirectory(prefix="historian-demo-", ignore_cleanup_errors=True) as folder:
            registry, paths = _prepare(folder, args.dir, raw is not None)
            work = [(workload.Workload.run, number, paths) for number in range(PROCESSES)]
            limit = began + LIMIT - workload.BUSY_TIMEOUT
            workers.run_workers(work, args.seconds, limit, (workload.Workload.run, PROCESSES, paths))
            acknowledged = _acknowledged(paths)
            histograms = registry.snapshot()
            if raw:
                _gather_samples(paths.samples, raw)
    except (workers.WorkerError, OSError, ValueError, sqlite3.Error) as error:
        return _fail(str(error))
    finally:
        if raw:
            raw.close()
    _print(_report(histograms, acknowledged, args.dir))
    recorded = sum(histogram.count for histogram in histograms.values())
    if not sum(acknowledged) <= recorded <= sum(acknowledged) + 1:
        return _fail(f"{recorded:,} records were found, {sum(acknowledged):,} were acknowledged: this is a bug")
    return 0


def _prepare(folder: str, directory: str | None, keeps_samples: bool) -> tuple[Registry, workload.Paths]:
    """Create the registry, the database and the files of the processes; return the registry and their paths."""
    from ._demo import workload

    try:
        registry = Registry(directory or os.path.join(folder, "recorders"))
    except OSError as error:
        why = (error.strerror or str(error)).partition(": ")[0]
        raise ValueError(f"cannot record in {error.filename or directory}: {why}: choose a new directory") from None
    before = sum(histogram.count for histogram in registry.snapshot().values())
    if before:
        raise ValueError(
            f"{directory} already holds {counted(before, 'value')}: choose another directory, or empty it with "
            f"historian clear {directory}"
        )
    paths = workload.Paths(
        os.path.join(folder, "orders.sqlite"),
        registry.directory or "",
        os.path.join(folder, "acknowledged"),
        os.path.join(folder, "samples") if keeps_samples else "",
    )
    workload.create_database(paths.database)
    with open(paths.acknowledged, "wb") as file:
        file.write(bytes(8 * (PROCESSES + 1)))
    if paths.samples:
        os.mkdir(paths.samples)
    return registry, paths


def _acknowledged(paths: workload.Paths) -> list[int]:
    """Return the number of records that each process has acknowledged."""
    with open(paths.acknowledged, "rb") as file:
        return memoryview(file.read()).cast("Q").tolist()


def _report(histograms: dict[Key, Histogram], acknowledged: list[int], directory: str | None) -> list[str]:
    """Return the paragraphs of the output, including its tables."""
    queries = sum(histogram.count for histogram in histograms.values() if histogram.unit == "s")
    hint = f"The recorders are kept: historian profile {directory}" if directory else ""
    return [
        f"{queries:,} queries of one SQLite database, timed in {PROCESSES} processes, recorded in one place:",
        str(Profile(histograms)),
        _tally(sum(histogram.count for histogram in histograms.values()), acknowledged),
        *_fan_out(histograms.get(Key("look-up"), Histogram())),
        _prose(
            "A percentile is within 0.542 % of a recorded value, and shown with three digits. "
            "To check it, write every value to a file with --raw FILE."
        ),
        *([hint] if hint else []),
    ]


def _tally(recorded: int, acknowledged: list[int]) -> str:
    """Return a paragraph that compares the recorded values with those that the processes acknowledged."""
    total = sum(acknowledged)
    if recorded == total:
        verdict = "all of them"
    elif recorded == total + 1:
        verdict = "all of them, and one more, which a process was killed before it could acknowledge"
    else:
        verdict = "NOT what they acknowledged"
    return _prose(
        f"Process {PROCESSES - 1} was killed (SIGKILL) while it worked, and process {PROCESSES} replaced it. The "
        "processes acknowledged each record after its call had returned: "
        f"{', '.join(f'{n:,}' for n in acknowledged)}, in all {total:,}. The directory holds {recorded:,}: {verdict}."
    )


def _fan_out(look_up: Histogram) -> list[str]:
    """Return two paragraphs and a table about users who wait for many look-ups."""
    if not is_supported(look_up.count, 99):
        return ["There were too few look-ups to tell how long users wait who need many of them."]
    p99 = look_up.quantile(0.99)
    one = quantity(p99, look_up.unit)
    rows = rows_of(look_up, FAN_OUTS, [p99])
    scale = Scale.of(look_up.unit, float(rows[-1].quantiles[-1]))
    share = {n: percent(waits[0]) for n, waits, *_ in rows}[100]
    return [
        _prose(
            f"One look-up in a hundred takes longer than {one}. A user who needs a hundred look-ups waits for the "
            f"slowest of them. Of such users, {share} % wait longer than that:"
        ),
        table(
            ["look-ups", f"users who wait over {one}", f"the users' own p99 ({scale.unit})"],
            [[f"{n:>8,}", in_percent(waits[0]), in_unit(p99, scale)] for n, waits, (_, p99) in rows],
        ),
        _prose(
            "In brackets: 95 % confidence intervals; 'from' means too few look-ups for an upper bound. The table "
            "assumes that look-ups are independent. If many are slow at the same time, fewer users wait, but never "
            "fewer than for one look-up."
        ),
    ]


def _prose(text: str) -> str:
    return textwrap.fill(text, 80)


def _print(paragraphs: list[str]) -> None:
    """Print paragraphs; on a terminal, with coloured table headers if rich is installed."""
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
    text.highlight_regex(r"(?m)^(operation \(|look-ups  ).*$", "bold cyan")
    text.highlight_regex(r"(?m)^-  .*$", "dim")
    Console().print(text, soft_wrap=True)


def _gather_samples(folder: str, into: BinaryIO) -> None:
    """Concatenate the files that the processes have written."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            shutil.copyfileobj(file, into)


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
