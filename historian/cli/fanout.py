"""``historian fanout``: how long users wait who need many calls, from the latencies of one call."""

from __future__ import annotations

import argparse
import json
import math
import os
import warnings

from .._show.scale import Scale, quantity
from .._show.table import table
from .._values.text import counted, printable
from ..histogram import Histogram
from ..tail import Estimate, TailWarning
from ._input.arguments import STDIN, add_unit, add_where, misuse, number, read_histograms
from ._input.tally import InputError
from ._output import put, say
from .compare import estimated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add_parser", "in_percent", "in_unit", "percent", "rows_of", "run"]

MAX_DIGITS = 100  # digits of a number of calls: `Histogram.fanout` takes at most 1e100 calls

DESCRIPTION = """\
A user waits until all of n calls have returned. The file has the latencies of one call. Print what share of users wait
longer than a given time, their median wait and its 99th percentile, with 95 % confidence intervals.

A file holds a histogram (.hist), or numbers in one of the formats that historian summarize reads. Calls are assumed to
be independent. If they are slow at the same time, fewer users wait than this shows.
"""

EXAMPLES = """\
examples:
  historian fanout lookup.hist -n 1,10,100
  historian fanout lookup.hist -n 100 -t 0.5,1
  seq 1 1000 | historian fanout --unit ms -n 1,10 -

exit status: 0 if the file was read, 1 if not (then no result is printed), 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "fanout",
        help="print how long users wait who need many calls",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument(
        "-n", metavar="N,...", type=_numbers_of_calls, default="1,10,100",
        help="number of calls that a user waits for (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-t", metavar="T,...", type=_times, help="waiting times, in the file's unit (default: p99 of one call)"
    )
    add_where(parser)
    add_unit(parser)
    parser.add_argument(
        "--format", choices=["table", "json"], default="table",
        help="table: three digits, in a suitable unit; json: full precision (default: table)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the file, then print.  Return the exit status."""
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
    rows = rows_of(histogram, args.n, times)
    name = STDIN if args.file == "-" else os.path.basename(args.file)
    put(_json(histogram, times, rows) if args.format == "json" else _table(name, histogram, times, rows))
    return 0


Row = tuple[int, list[Estimate], Estimate, Estimate]  # calls; P(wait > t) for each time; median; p99


def rows_of(histogram: Histogram, numbers: Sequence[int], times: list[float]) -> list[Row]:
    """Return a row for each number of calls.

    If the data are too few, the row has no upper bound.  The warning is suppressed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return [_row(histogram, n, times) for n in numbers]


def _row(histogram: Histogram, n: int, times: list[float]) -> Row:
    fan = histogram.fanout(n)
    return n, [fan.p_wait(t) for t in times], fan.quantile(0.5), fan.quantile(0.99)


def _table(name: str, histogram: Histogram, times: list[float], rows: list[Row]) -> str:
    """Return an aligned table, followed by notes."""
    waits = [f"wait over {quantity(t, histogram.unit)}" for t in times]
    cells = []
    open_ended = False
    scale = Scale.of(histogram.unit, float(rows[len(rows) // 2][2]))
    for n, shares, median, p99 in rows:
        open_ended |= math.inf in (median.upper, p99.upper)
        cells.append([f"{n:,}", *map(in_percent, shares), in_unit(median, scale), in_unit(p99, scale)])
    headers = ["calls", *waits, f"median ({printable(scale.unit)})", f"p99 ({printable(scale.unit)})"]
    notes = [f"{printable(name)}: {counted(histogram.count, 'value')}; 95 % intervals; calls assumed to be independent"]
    if open_ended:
        notes.append("too few samples: no upper bound for so many calls")
    if any(n > histogram.count for n, *_ in rows):
        notes.append("beyond the data: users wait for more calls than were recorded")
    if histogram.synthetic:
        notes.append(f"{printable(name)}: partly synthetic (corrected for coordinated omission)")
    return "\n".join([table(headers, cells), "", *notes]) + "\n"


def in_percent(share: Estimate) -> str:
    """Return a share in percent, with its interval.

    >>> in_percent(Estimate(0.634, 0.559, 0.706, ""))
    '63.4 % (55.9 to 70.6)'
    """
    low, value, high = map(percent, (share.lower, float(share), share.upper))
    return f"{value} % ({low} to {high})" if low != high else f"{value} %"


def percent(share: float) -> str:
    """Return a share in percent, with three digits; '> 99.9' for a share below 1 that would be rounded to 100.

    >>> percent(0.634), percent(0.99996), percent(1.0)
    ('63.4', '> 99.9', '100')
    """
    return "> 99.9" if 0.9995 <= share < 1 else Scale("%", 100.0).show(share)


def in_unit(value: Estimate, scale: Scale) -> str:
    """Return a value with its interval, in the unit of the scale."""
    if value.upper == math.inf:
        return f"{scale.show(float(value))} (from {scale.show(value.lower)})"
    return f"{scale.show(float(value))} ({scale.show(value.lower)} to {scale.show(value.upper)})"


def _json(histogram: Histogram, times: list[float], rows: list[Row]) -> str:
    """Return one JSON document; a value that is not finite is null."""
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
        if not digits.isdecimal() or len(digits) > MAX_DIGITS or int(digits) < 1:
            raise argparse.ArgumentTypeError(f"must be whole numbers in 1..1e100, not {part!r}")
        found.append(int(digits))
    return list(dict.fromkeys(found))


def _times(text: str) -> list[float]:
    found = [number(part) for part in text.split(",")]
    for part in found:
        if not 0 <= part < math.inf:
            raise argparse.ArgumentTypeError(f"must be finite and not negative, not {part!r}")
    return list(dict.fromkeys(found))
