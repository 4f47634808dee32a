"""``historian demo``: a profile of real work, made by several processes, in a few seconds."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import tempfile
import textwrap
import time

from .. import _display
from ..histogram import Histogram
from ..recorder import DISABLED
from ..registry import Key, Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from typing import TextIO

__all__ = ["add_parser", "run"]

PROCESSES = 4
LIMIT = 8.5  # seconds for everything; start-up is taken off the work
FAN_OUTS = (1, 10, 100, 1000)

DESCRIPTION = f"""\
Let {PROCESSES} processes query one SQLite database for a few seconds, each timing its queries, merge what they
recorded, and print what it says: the profile, and what a look-up's 99th percentile becomes for whoever waits for many.
"""


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers and files do not outlive us
    if DISABLED:
        return _fail("HISTORIAN_DISABLE=1 is set, so nothing would be recorded: unset it")
    try:
        import sqlite3  # here, as other commands can do without

        from . import _workers, _workload
    except ImportError as error:
        return _fail(f"this Python lacks a part of its standard library: {error}")
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
            results = _workers.run_workers(work, args.seconds, began + LIMIT - _workload.BUSY_TIMEOUT)
        for snapshot, samples in results:
            registry.merge(snapshot)
            if raw:
                _write_samples(raw, samples)
    except (_workers.WorkerError, OSError, sqlite3.Error) as error:
        return _fail(str(error))
    finally:
        if raw:
            raw.close()
    _print(_report(registry))
    return 0


def _report(registry: Registry) -> list[str]:
    """Return the paragraphs that say what was found; tables among them."""
    histograms = registry.snapshot()
    queries = sum(histogram.count for histogram in histograms.values() if histogram.unit == "s")
    return [
        f"{queries:,} queries of one SQLite database, timed in {PROCESSES} processes and merged:",
        str(registry.profile()),
        *_fan_out(histograms.get(Key("look-up"), Histogram())),
        _prose(
            "A percentile is within 0.542 % of a recorded value, and shown with three digits. "
            "Use --raw FILE to get every single value, and check."
        ),
    ]


def _fan_out(look_up: Histogram) -> list[str]:
    """Return text, table and text about users who wait for many look-ups."""
    if not _display.is_supported(look_up.count, 99):
        return ["There were too few look-ups to say what waiting for many of them is like."]
    p99 = look_up.quantile(0.99)
    one = _display.quantity(p99, look_up.unit)
    rows = []
    for n in FAN_OUTS:
        users = look_up.fanout(n)
        waited = _display.quantity(users.quantile(0.99), look_up.unit)
        if not _display.is_supported(look_up.count, users.leaf_percentile(0.99)):
            waited = f"at least {_display.quantity(look_up.max, look_up.unit)} (max)"
        rows.append([f"{n:>8,}", _percent(users.p_wait(p99)), waited])
    share = _percent(look_up.fanout(100).p_wait(p99))
    return [
        _prose(
            f"One look-up in a hundred takes longer than {one}. Of the users who need a hundred, "
            f"and so wait for the slowest of them, {share} wait longer than that:"
        ),
        _display.table(["look-ups", f"users who wait over {one}", "the users' own 99th percentile"], rows),
        _prose(
            "This takes look-ups to be independent. Where many are slow at the same time, fewer users wait, "
            "though never fewer than for one look-up."
        ),
    ]


def _prose(text: str) -> str:
    return textwrap.fill(text, 80)


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
