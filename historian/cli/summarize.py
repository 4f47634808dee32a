"""``historian summarize``: print percentiles of the numbers and histograms in files or standard input."""

from __future__ import annotations

import argparse
import os

from ._input.sources import read_rows
from ._input.span import add_every
from ._input.tally import InputError
from ._options import STATUS, add_command, add_files, add_format, add_input, add_output, add_percentiles, misuse
from ._output import are_lines, encode, put, say, write
from ._report import report
from ._summary import doubts, summary

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print percentiles of numbers, such as latencies, and of histograms: a row for
each file, recorder, or group.

What a file holds is told by its first bytes, its name and the options:
  histograms      .hist files, snapshots; directories of recorders or .hist
  histories       of historian log; with --every, a row for each step of time
  .npy            a numpy array
  .csv, .tsv      a table; also any other file with --column
  JSON            with --field: an object per line, or one document
  anything else   numbers in text; # begins a comment
Files may be compressed: gzip, bz2, xz, and zstd where Python can read it.

Input of any size is read in little memory. Percentiles are within 0.5415 % of
a number that was read. Count, min, max and mean are exact. Columns "zero" and
"overflow" appear if numbers are at most 2**-32 or above 2**64; there,
percentiles are less accurate.
"""

EXAMPLES = f"""\
examples:
  historian summarize latencies.txt
  historian summarize --unit us --show ms latencies.npy
  historian summarize --column latency --by endpoint requests.csv
  historian summarize --field http.duration --where status=200 *.jsonl.gz
  historian summarize --every 1m --last 1h --where name=query shop.history
  historian merge -o - *.hist | historian summarize -

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "summarize", "print percentiles of the numbers in files", DESCRIPTION, EXAMPLES)
    add_files(parser)
    add_percentiles(parser, "50,90,99,99.9,99.99")
    add_every(
        parser, "of a history or a .hlog: a row for each step of 10s, 1m, 1h or 1d, aligned to whole steps in UTC"
    )
    add_format(parser)
    add_output(
        parser, "also write the merged histogram to this .hist file, or the rows to a .jsonl file; with -, only that"
    )
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all files, then print.  Nothing is printed if a file cannot be read.  Return the exit status."""
    wrong = misuse(args.files, args)
    if wrong:
        say("summarize", f"error: {wrong}")
        return 2
    lines = args.output is not None and are_lines(args.output, otherwise=bool(args.by))
    mixed = "recorders" if args.unit is None and (args.output is None or lines) else False
    try:
        rows = read_rows(args.files, args, "summarize", mixed=mixed, output=os.path.realpath(args.output or ""))
        text = report(summary(rows, args.percentiles, args.show), args.format)
        data = b""
        if args.output is not None:
            data = encode(rows.by_key(), lines=lines)
    except InputError as error:
        say("summarize", str(error))
        return 1
    if not any(row.histogram.count for row in rows.rows):
        say("summarize", "there were no numbers to summarize")
    if args.format in ("json", "csv"):  # a table has notes instead
        for question in doubts(rows)[:1]:
            say("summarize", question)
    if args.output is not None:
        status = write("summarize", args.output, data)
        if status or args.output == "-":
            return status
    put(text)
    return 0
