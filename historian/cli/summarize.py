"""``historian summarize``: print percentiles of the numbers in files or standard input."""

from __future__ import annotations

import argparse

from ..histogram import Histogram, merge
from ._input.arguments import STDIN, add_unit, add_where, misuse, name, percentiles, read_file
from ._input.hist import unit_of
from ._input.tally import InputError, Tally
from ._output import put, say
from ._report import FORMATS, Report, Row

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print percentiles of numbers, such as latencies, from files or standard input.

The format of a file depends on its name and on the options:
  .npy            a numpy array
  .hist           a histogram, as Histogram.to_bytes() and historian merge write it
  .csv, .tsv      a table; its first line names the columns; also any other file with --column
  with --field    one JSON object per line
  anything else   plain text with one or more numbers per line; blank lines are skipped, and so is a # and what follows

Input of any size is read in little memory. Percentiles are within 0.5415 % of a number that was read. Count, min, max
and mean are exact. The columns "zero" and "overflow" appear if numbers are at most 2**-32 or above 2**64; there,
percentiles are less accurate.
"""

EXAMPLES = """\
examples:
  historian summarize latencies.txt
  grep -o 'took [0-9.]*' server.log | cut -d' ' -f2 | historian summarize --unit ms
  historian summarize --scale 1e-9 nanoseconds.npy            # shown as seconds
  historian summarize --column latency --by endpoint requests.csv
  historian summarize --field http.duration -p 50,99 --format json *.jsonl

exit status: 0 if all files were read, 1 if one could not be read (then no result is printed), 2 for a wrong command
line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "summarize",
        help="print percentiles of the numbers in files or standard input",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or - for standard input (the default)")
    add_where(parser)
    parser.add_argument("--by", metavar="COLUMN", type=name, help="print one row for each value of this csv column")
    add_unit(parser)
    parser.add_argument(
        "-p", "--percentiles", metavar="P,...", type=percentiles, default="50,90,99,99.9,99.99",
        help="percentiles to print, from 0 to 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=list(FORMATS), default="table",
        help="table: three digits, in a suitable unit; json, csv: full precision (default: table)",
    )  # fmt: skip
    parser.add_argument("--skip-bad", action="store_true", help="skip, count and report lines that are not numbers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all files, then print.  Nothing is printed if a file cannot be read.  Return the exit status."""
    wrong = _misuse(args)
    if wrong:
        say("summarize", f"error: {wrong}")
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


def _misuse(args: argparse.Namespace) -> str:
    """Return what is wrong with the combination of arguments; empty if nothing is."""
    if args.by and not args.column:
        return "--by groups the numbers of a column: name that column with --column"
    return misuse(args.files, args)


def _read_all(args: argparse.Namespace) -> tuple[list[Row], Histogram, list[Tally]]:
    """Read all files; return a row for each file (with ``--by``, for each group), the total, and the tallies."""
    files = args.files or ["-"]
    tallies = [_tally(args) for _ in files[: 1 if args.by else None]]
    for k, file in enumerate(files):
        read_file(file, args, tallies[0 if args.by else k], "summarize")
    empty = Histogram.from_values([], unit=args.unit)
    if args.by:
        rows = [Row(group, histogram) for group, histogram in tallies[0].histograms().items()]
    else:
        names = [STDIN if file == "-" else file for file in files]
        rows = [Row(name, tally.histograms().get("", empty)) for name, tally in zip(names, tallies)]
    return rows, merge([empty, *(row.histogram for row in rows)]), tallies


def _tally(args: argparse.Namespace) -> Tally:
    return Tally(args.unit, scale=args.scale, skip_bad=args.skip_bad)
