"""``historian demo``: a profile of real work, made by several processes, in a few seconds."""

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
from ..histogram import Histogram
from ..registry import Key, Registry
from .fanout import in_percent, in_unit, percent, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ._demo import workload

__all__ = ["add_parser", "run"]

PROCESSES = 4
LIMIT = 8.5  # seconds for everything; start-up is taken off the work
FAN_OUTS = (1, 10, 100, 1000)

DESCRIPTION = f"""\
Let {PROCESSES} processes query one SQLite database for a few seconds, each timing its
queries, all recording into one directory. On the way one of them is killed
(SIGKILL), and another takes its place. Then print what the directory holds:
whether it is all that the processes acknowledged, the profile, and what a
look-up's 99th percentile becomes for whoever waits for many.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to the commands of ``historian``."""
    parser = commands.add_parser(
        "demo",
        help="profile real SQLite queries, here and now",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=4.0, metavar="S", help="how long to query, 0.5 to 8 (default: 4)"
    )
    parser.add_argument(
        "--dir", metavar="DIR", help="record in this directory, and keep it (default: one that is removed)"
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers and files do not outlive us
    if DISABLED:
        return _fail("HISTORIAN_DISABLE=1 is set, so nothing would be recorded: unset it")
    try:
        import sqlite3  # here, as other commands can do without

        from ._demo import workers, workload
    except ImportError as error:
        return _fail(f"this Python lacks a part of its standard library: {error}")
    try:
        raw = open(args.raw, "wb") if args.raw else None
    except OSError as error:
        return _fail(f"cannot write {args.raw}: {error.strerror}")
    try:
        with tempfile.TemporaryDirectory(prefix="historian-demo-", ignore_cleanup_errors=True) as folder:
            registry, place = _prepare(folder, args.dir, raw is not None)
            work = [(workload.Workload.run, number, place) for number in range(PROCESSES)]
            limit = began + LIMIT - workload.BUSY_TIMEOUT
            workers.run_workers(work, args.seconds, limit, (workload.Workload.run, PROCESSES, place))
            acknowledged = _acknowledged(place)
            histograms = registry.snapshot()
            if raw:
                _gather_samples(place.samples, raw)
    except (workers.WorkerError, OSError, ValueError, sqlite3.Error) as error:
        return _fail(str(error))
    finally:
        if raw:
            raw.close()
    _print(_report(histograms, acknowledged, args.dir))
    recorded = sum(histogram.count for histogram in histograms.values())
    if not sum(acknowledged) <= recorded <= sum(acknowledged) + 1:
        return _fail(f"{recorded:,} records are there, {sum(acknowledged):,} were acknowledged: this is a bug")
    return 0


def _prepare(folder: str, directory: str | None, keeps_samples: bool) -> tuple[Registry, workload.Place]:
    """Make all that the processes need; return the registry, and where they find it."""
    from ._demo import workload

    try:
        registry = Registry(directory or os.path.join(folder, "recorders"))
    except OSError as error:
        why = (error.strerror or str(error)).partition(": ")[0]
        raise ValueError(f"cannot record in {error.filename or directory}: {why}: name a new directory") from None
    before = sum(histogram.count for histogram in registry.snapshot().values())
    if before:
        raise ValueError(
            f"{directory} holds {before:,} values already: name another directory, or empty it by "
            f"historian clear {directory}"
        )
    place = workload.Place(
        os.path.join(folder, "orders.sqlite"),
        registry.directory or "",
        os.path.join(folder, "acknowledged"),
        os.path.join(folder, "samples") if keeps_samples else "",
    )
    workload.create_database(place.database)
    with open(place.acknowledged, "wb") as file:
        file.write(bytes(8 * (PROCESSES + 1)))
    if place.samples:
        os.mkdir(place.samples)
    return registry, place


def _acknowledged(place: workload.Place) -> list[int]:
    """Return how many records each process has acknowledged."""
    with open(place.acknowledged, "rb") as file:
        return memoryview(file.read()).cast("Q").tolist()


def _report(histograms: dict[Key, Histogram], acknowledged: list[int], directory: str | None) -> list[str]:
    """Return the paragraphs that say what was found; tables among them."""
    queries = sum(histogram.count for histogram in histograms.values() if histogram.unit == "s")
    hint = f"The recorders stay there: historian profile {directory}" if directory else ""
    return [
        f"{queries:,} queries of one SQLite database, timed in {PROCESSES} processes, recorded in one place:",
        str(Profile({str(key): histogram for key, histogram in histograms.items()})),
        _tally(sum(histogram.count for histogram in histograms.values()), acknowledged),
        *_fan_out(histograms.get(Key("look-up"), Histogram())),
        _prose(
            "A percentile is within 0.542 % of a recorded value, and shown with three digits. "
            "Use --raw FILE to get every single value, and check."
        ),
        *([hint] if hint else []),
    ]


def _tally(recorded: int, acknowledged: list[int]) -> str:
    """Return a text on what became of the records of the process that was killed."""
    total = sum(acknowledged)
    if recorded == total:
        verdict = "all of them"
    elif recorded == total + 1:
        verdict = "all of them, and one more that it was killed before acknowledging"
    else:
        verdict = "NOT what they acknowledged"
    return _prose(
        f"Process {PROCESSES - 1} was killed (SIGKILL) amid its work, and process {PROCESSES} took its place. After "
        "each record that returned, a process acknowledged it: "
        f"{', '.join(f'{n:,}' for n in acknowledged)}, in all {total:,}. The directory holds {recorded:,}: {verdict}."
    )


def _fan_out(look_up: Histogram) -> list[str]:
    """Return text, table and text about users who wait for many look-ups."""
    if not is_supported(look_up.count, 99):
        return ["There were too few look-ups to say what waiting for many of them is like."]
    p99 = look_up.quantile(0.99)
    one = quantity(p99, look_up.unit)
    rows = rows_of(look_up, FAN_OUTS, [p99])
    scale = Scale.of(look_up.unit, float(rows[-1][3]))
    share = {n: percent(waits[0]) for n, waits, *_ in rows}[100]
    return [
        _prose(
            f"One look-up in a hundred takes longer than {one}. Of the users who need a hundred, "
            f"and so wait for the slowest of them, {share} % wait longer than that:"
        ),
        table(
            ["look-ups", f"users who wait over {one}", f"the users' own p99 ({scale.unit})"],
            [[f"{n:>8,}", in_percent(waits[0]), in_unit(p99, scale)] for n, waits, _, p99 in rows],
        ),
        _prose(
            "In brackets, intervals of 95 %: 'from' where there are too few look-ups for an upper bound. This takes "
            "look-ups to be independent. Where many are slow at the same time, fewer users wait, though never fewer "
            "than for one look-up."
        ),
    ]


def _prose(text: str) -> str:
    return textwrap.fill(text, 80)


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


def _gather_samples(folder: str, into: BinaryIO) -> None:
    """Put the files that the processes have written into one."""
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
