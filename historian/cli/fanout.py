"""``historian fanout``: what a latency becomes for users who wait for many such calls."""

from __future__ import annotations

import argparse
import json
import math
import os
import warnings

from .._display import Scale, plain, quantity, table
from ..histogram import Histogram
from ..tail import Estimate, TailWarning
from ._output import put, say
from .compare import estimated
from .inputs import STDIN, add_unit, add_where, misuse, number, read_histograms
from .tally import InputError

__all__ = ["add_parser", "run"]

LONGEST = 100  # digits of a number of calls: `Histogram.fanout` takes no more than 1e100

DESCRIPTION = """\
Print what users see who wait for all of n calls, each like those in a file: how many wait longer than a time, their
median, their 99th percentile, with intervals of 95 %.

A file holds a histogram (.hist), or numbers in one of the formats that historian summarize reads. Calls are taken to be
independent: where they slow down together, fewer users wait than is said here.
"""

EXAMPLES = """\
examples:
  historian fanout lookup.hist -n 1,10,100
  historian fanout lookup.hist -n 100 -t 0.5,1
  seq 1 1000 | historian fanout --unit ms -n 1,10 -

exit status: 0 if the file was read, 1 if not (nothing is printed then), 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "fanout",
        help="what users see who wait for many calls",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument(
        "-n", metavar="N,...", type=_numbers_of_calls, default="1,10,100",
        help="calls that a user waits for (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-t", metavar="T,...", type=_times, help="times to wait, in the file's unit (default: p99 of one call)"
    )
    add_where(parser)
    add_unit(parser)
    parser.add_argument(
        "--format", choices=["table", "json"], default="table",
        help="table: three digits, in the unit that reads best; json: full precision (default: table)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, then print.  Return the exit status."""
    wrong = misuse([args.file], args)
    if wrong:
        say("fanout", f"error: {wrong}")
        return 2
    try:
        histogram = read_histograms([args.file], args, "fanout")[0]
    except InputError as error:
        say("fanout", str(error))
        return 1
    times = args.t or [histogram.quantile(0.99)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)  # what is beyond the data is said in the table
        rows = [_row(histogram, n, times) for n in args.n]
    name = STDIN if args.file == "-" else os.path.basename(args.file)
    put(_json(histogram, times, rows) if args.format == "json" else _table(name, histogram, times, rows))
    return 0


Row = tuple[int, list[Estimate], Estimate, Estimate]  # calls; P(wait > t) for each time; median; p99


def _row(histogram: Histogram, n: int, times: list[float]) -> Row:
    fan = histogram.fanout(n)
    return n, [fan.p_wait(t) for t in times], fan.quantile(0.5), fan.quantile(0.99)


def _table(name: str, histogram: Histogram, times: list[float], rows: list[Row]) -> str:
    """Return an aligned table, followed by what its reader must know."""
    one = histogram.fanout(1)
    waits = [f"wait over {quantity(t, histogram.unit)}" for t in times]
    cells = []
    open_ended = False
    scale = Scale.of(histogram.unit, float(rows[len(rows) // 2][2]))
    for n, shares, median, p99 in rows:
        open_ended |= math.inf in (median.upper, p99.upper)
        cells.append([f"{n:,}", *map(_share, shares), _value(median, scale), _value(p99, scale)])
    headers = ["calls", *waits, f"median ({plain(scale.unit)})", f"p99 ({plain(scale.unit)})"]
    notes = [f"{plain(name)}: {one.leaf.count:,} values; intervals of 95 %; calls taken to be independent"]
    if open_ended:
        notes.append("too few samples: no upper bound, for so many calls")
    if any(n > histogram.count for n, *_ in rows):
        notes.append("beyond the data: users wait for more calls than were recorded")
    if histogram.synthetic:
        notes.append(f"{plain(name)}: synthetic, in part (corrected for coordinated omission)")
    return "\n".join([table(headers, cells), "", *notes]) + "\n"


def _share(share: Estimate) -> str:
    """Return a share in percent, with its interval.

    >>> _share(Estimate(0.634, 0.559, 0.706, ""))
    '63.4 % (55.9 to 70.6)'
    """
    scale = Scale("%", 100.0)
    low, value, high = (scale.show(one) for one in (share.lower, float(share), share.upper))
    return f"{value} % ({low} to {high})"


def _value(value: Estimate, scale: Scale) -> str:
    if value.upper == math.inf:
        return f"{scale.show(float(value))} (from {scale.show(value.lower)})"
    return f"{scale.show(float(value))} ({scale.show(value.lower)} to {scale.show(value.upper)})"


def _json(histogram: Histogram, times: list[float], rows: list[Row]) -> str:
    """Return one JSON document; what is not bounded is null."""
    document = {
        "unit": histogram.unit,
        "count": histogram.count,
        "synthetic": histogram.synthetic,
        "rows": [
            {
                "n": n,
                "p_wait": [{"t": t, **estimated(share)} for t, share in zip(times, shares)],
                "median": estimated(median),
                "p99": estimated(p99),
            }
            for n, shares, median, p99 in rows
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _numbers_of_calls(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        digits = part.strip()
        if not digits.isdecimal() or len(digits) > LONGEST or int(digits) < 1:
            raise argparse.ArgumentTypeError(f"must be whole numbers from 1 to 1e100, not {part!r}")
        found.append(int(digits))
    return list(dict.fromkeys(found))


def _times(text: str) -> list[float]:
    found = [number(part) for part in text.split(",")]
    for part in found:
        if not 0 <= part < math.inf:
            raise argparse.ArgumentTypeError(f"must be finite and not negative, not {part!r}")
    return list(dict.fromkeys(found))
