"""``historian summarize``: percentiles of the numbers in files or standard input."""

from __future__ import annotations

import argparse
import math
import os
import sys

from .._merge import merge
from .._units import check_unit
from ..histogram import Histogram
from ._output import put, say
from .hist import SUFFIX, unit_of
from .numbers import Layout, read
from .report import FORMATS, Report, Row
from .tally import InputError, Tally

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print percentiles of numbers, such as latencies, from files or standard input.

Plain text holds one or more numbers a line; blank lines and what follows a # are skipped. A file whose name ends in
.npy is a numpy array, in .hist a histogram as Histogram.to_bytes() and historian merge write it; .csv and .tsv, or any
other file with --column, is a table whose first line names the columns; with --field, a file holds one JSON object a
line. Input of any size is read in little memory.

Percentiles are within 0.5415 % of a number that was read; count, min, max and mean are exact. The columns "zero" and
"overflow" appear if numbers lie at or below 2**-32 or above 2**64, where percentiles are not that accurate.
"""

EXAMPLES = """\
examples:
  historian summarize latencies.txt
  grep -o 'took [0-9.]*' server.log | cut -d' ' -f2 | historian summarize --unit ms
  historian summarize --scale 1e-9 nanoseconds.npy            # shown as seconds
  historian summarize --column latency --by endpoint requests.csv
  historian summarize --field http.duration -p 50,99 --format json *.jsonl

exit status: 0 if all was read, 1 if something could not be (nothing is printed then), 2 for a wrong command line
"""

STDIN = "<stdin>"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "summarize",
        help="percentiles of the numbers in files or standard input",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or - for standard input (the default)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--column", metavar="NAME", type=_name, help="take the numbers in this column of csv")
    where.add_argument("--field", metavar="A.B", type=_name, help="take the numbers in this field of JSON lines")
    parser.add_argument("--by", metavar="COLUMN", type=_name, help="print one row for each value of this column of csv")
    parser.add_argument(
        "--unit", metavar="UNIT", type=_unit, help="unit of the scaled numbers (default: that of a .hist file, or s)"
    )
    parser.add_argument(
        "--scale", metavar="FACTOR", type=_scale, default=1.0, help="multiply every number by this first"
    )
    parser.add_argument(
        "-p", "--percentiles", metavar="P,...", type=_percentiles, default="50,90,99,99.9,99.99",
        help="percentiles to print, from 0 to 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=list(FORMATS), default="table",
        help="table: three digits, in the unit that reads best; json, csv: full precision (default: table)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-bad", action="store_true", help="count and report lines that are no numbers: do not stop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, then print: nothing is printed unless all was read.  Return the exit status."""
    misuse = _misuse(args)
    if misuse:
        say("summarize", f"error: {misuse}")
        return 2
    args.unit = args.unit or unit_of(args.files) or "s"
    try:
        rows, total, tallies = _read_all(args)
    except InputError as error:
        say("summarize", str(error))
        return 1
    skipped = sum(tally.skipped for tally in tallies)
    if skipped:
        first = next(tally.first for tally in tallies if tally.first)
        say("summarize", f"skipped {skipped:,} bad {'entry' if skipped == 1 else 'entries'}; the first: {first}")
    if not total.count:
        say("summarize", "there were no numbers to summarize")
    shows_total = len(rows) > 1 and not args.by  # a group may itself be called "total"
    put(FORMATS[args.format](Report(rows, total, shows_total, args.unit, args.percentiles, skipped)))
    return 0


# ---- arguments ---------------------------------------------------------------------------------------


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty")
    return text.strip()


def _unit(text: str) -> str:
    try:
        return check_unit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _scale(text: str) -> float:
    value = _float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text!r}")
    return value


def _percentiles(text: str) -> list[float]:
    values = [_float(part) for part in text.split(",")]
    for value in values:
        if not 0 <= value <= 100:
            raise argparse.ArgumentTypeError(f"must be in 0..100, not {value!r}")
    return list(dict.fromkeys(values))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _misuse(args: argparse.Namespace) -> str:
    """Say what is wrong with arguments that are each right; empty if nothing is."""
    if args.by and not args.column:
        return "--by groups the numbers of a column: name that with --column"
    if args.files.count("-") > 1:
        return "standard input (-) can be read only once"
    for option in ("column", "field"):
        npy = [file for file in args.files if file.lower().endswith((".npy", SUFFIX))]
        if npy and getattr(args, option):
            what = "a histogram" if npy[0].lower().endswith(SUFFIX) else "an array"
            return f"--{option} means nothing in {what} such as {npy[0]!r}: summarize it on its own"
    hist = [file for file in args.files if file.lower().endswith(SUFFIX)]
    if hist and args.scale != 1.0:
        return f"--scale cannot change what a histogram such as {hist[0]!r} has counted: summarize it on its own"
    return ""


# ---- reading -----------------------------------------------------------------------------------------


def _read_all(args: argparse.Namespace) -> tuple[list[Row], Histogram, list[Tally]]:
    """Read all files; return a row for each (with ``--by``, for each group), their total, and the tallies."""
    files = args.files or ["-"]
    tallies = [_tally(args) for _ in files[: 1 if args.by else None]]
    for k, file in enumerate(files):
        _read_one(file, args, tallies[0 if args.by else k])
    empty = Histogram.from_values([], unit=args.unit)
    if args.by:
        rows = [Row(group, histogram) for group, histogram in tallies[0].histograms().items()]
    else:
        names = [STDIN if file == "-" else file for file in files]
        rows = [Row(name, tally.histograms().get("", empty)) for name, tally in zip(names, tallies)]
    return rows, merge([empty, *(row.histogram for row in rows)]), tallies


def _tally(args: argparse.Namespace) -> Tally:
    return Tally(args.unit, scale=args.scale, skip_bad=args.skip_bad)


def _read_one(file: str, args: argparse.Namespace, tally: Tally) -> None:
    layout = Layout(args.column or "", args.by or "", args.field or "")
    name = STDIN if file == "-" else file
    try:
        if file != "-":
            with open(file, "rb") as stream:
                read(stream, name, layout, tally)
            return
        _check_stdin()
        read(sys.stdin.buffer, name, layout, tally)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from None


def _check_stdin() -> None:
    """Raise InputError unless standard input can be read to its end; tell a person that it is waited for."""
    if sys.stdin is None:
        raise InputError("there is no standard input: name a file")
    if sys.stdin.isatty():
        say("summarize", "reading numbers from the terminal; Ctrl-D on a new line ends them, --help shows other ways")
    elif os.name == "posix" and not os.get_blocking(sys.stdin.fileno()):
        # A read would come back short before the end, and pass for it.
        raise InputError("standard input is a pipe in non-blocking mode: put `cat |` before, or name a file")
