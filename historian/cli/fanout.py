"""``historian fanout``: how long users wait who need many calls, from the latencies of one call."""

from __future__ import annotations

import argparse
import math
import os
import warnings
from typing import NamedTuple

from .._show.scale import Scale, quantity
from .._values.decimals import share_of
from .._values.text import counted, printable
from ..histogram import Histogram
from ..tail import Estimate, TailWarning
from ._input.sources import STDIN, groups, read_rows
from ._input.tally import InputError
from ._options import STATUS, add_command, add_format, add_input, add_percentiles, misuse, number
from ._output import put, say
from ._report import Report, Table, plain, report
from .compare import estimated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add_parser", "in_percent", "in_unit", "percent", "rows_of", "run"]

MAX_DIGITS = 100  # digits of a number of calls: `Histogram.fanout` takes at most 1e100 calls

DESCRIPTION = """\
A user waits until all of n calls have returned. FILE has the latencies of one
call. Print what share of users wait longer than a given time, and percentiles
of their waits, with 95 % confidence intervals.

FILE is anything that `historian summarize` reads, and one histogram: choose a
recorder by --where, or take each group by --by. Calls are assumed to be
independent. If they are slow at the same time, fewer users wait than this
shows.
"""

EXAMPLES = f"""\
examples:
  historian fanout lookup.hist -n 1,10,100
  historian fanout lookup.hist -n 100 -t 0.5,1
  historian fanout /dev/shm/shop --where name=query -p 50,99,99.9

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "fanout", "print how long users wait who need many calls", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="a file or directory, or - for standard input")
    parser.add_argument(
        "-n", metavar="N,...", type=_numbers_of_calls, default="1,10,100",
        help="number of calls that a user waits for (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-t",
        metavar="T,...",
        type=_times,
        help="waiting times, in the unit of --show or the input (default: p99 of one call)",
    )
    add_percentiles(parser, "50,99", "percentiles of the waits")
    add_format(parser)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the file, then print.  Return the exit status."""
    wrong = misuse([args.file], args)
    if wrong:
        say("fanout", f"error: {wrong}")
        return 2
    try:
        rows = read_rows([args.file], args, "fanout", mixed=bool(args.by))
        found = groups(rows, args.file)
    except InputError as error:
        say("fanout", str(error))
        return 1
    name = STDIN if args.file == "-" else os.path.basename(args.file) or args.file
    waits = {group or name: _Waits(histogram, args) for group, histogram in found.items()}
    result = Report(
        [wait.table(args.show, group, group if rows.by else "") for group, wait in waits.items()],
        rows.notes(),
        [record for group, wait in waits.items() for record in wait.records(group)],
        {"groups": [{"name": group, **wait.document()} for group, wait in waits.items()]}
        if rows.by
        else waits[name].document(),
    )
    put(report(result, args.format))
    return 0


class Row(NamedTuple):
    """The waits for a number of calls."""

    n: int
    shares: list[Estimate]  # P(wait > t) for each time
    quantiles: list[Estimate]


def rows_of(
    histogram: Histogram, numbers: Sequence[int], times: list[float], quantiles: Sequence[float] = (0.5, 0.99)
) -> list[Row]:
    """Return a row for each number of calls.

    If the data are too few, the row has no upper bound.  The warning is suppressed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return [_row(histogram, n, times, quantiles) for n in numbers]


def _row(histogram: Histogram, n: int, times: list[float], quantiles: Sequence[float]) -> Row:
    fan = histogram.fanout(n)
    return Row(n, [fan.p_wait(t) for t in times], [fan.quantile(q) for q in quantiles])


class _Waits:
    """The waits of users, from one histogram."""

    def __init__(self, histogram: Histogram, args: argparse.Namespace) -> None:
        self._histogram = histogram
        self._times: list[float] = args.t or [histogram.quantile(0.99)]
        self._names = ["median" if p == 50 else f"p{plain(p)}" for p in args.percentiles]
        self._rows = rows_of(histogram, args.n, self._times, [share_of(p) for p in args.percentiles])

    def table(self, show: str | None, name: str, title: str) -> Table:
        unit = self._histogram.unit
        waits = [f"wait over {quantity(t, unit)}" for t in self._times]
        typical = float(self._rows[len(self._rows) // 2].quantiles[0])
        scale = Scale(show, 1.0) if show and show == unit else Scale.of(unit, typical)
        cells = [
            [f"{n:,}", *map(in_percent, shares), *(in_unit(one, scale) for one in quantiles)]
            for n, shares, quantiles in self._rows
        ]
        names = [f"{name} ({printable(scale.unit)})" for name in self._names]
        return Table(["calls", *waits, *names], cells, title, self._notes(name))

    def _notes(self, name: str) -> list[str]:
        count = self._histogram.count
        notes = [f"{name}: {counted(count, 'value')}; 95 % intervals; calls assumed to be independent"]
        if any(one.upper == math.inf for row in self._rows for one in row.quantiles):
            notes.append("too few samples: no upper bound for so many calls")
        if any(row.n > count for row in self._rows):
            notes.append("beyond the data: users wait for more calls than were recorded")
        if self._histogram.synthetic:
            notes.append(f"{name}: partly synthetic: some counts are estimates")
        return notes

    def document(self) -> dict[str, object]:
        """Return the document of JSON; a value that is not finite is null."""
        return {
            "unit": self._histogram.unit,
            "count": self._histogram.count,
            "synthetic": self._histogram.synthetic,
            "rows": [
                {
                    "n": n,
                    "p_wait": [{"t": t, **estimated(share)} for t, share in zip(self._times, shares)],
                    **{name: estimated(one) for name, one in zip(self._names, quantiles)},
                }
                for n, shares, quantiles in self._rows
            ],
        }

    def records(self, name: str) -> list[dict[str, object]]:
        """Return rows of csv: one for each number of calls and answer."""
        found = []
        time_unit = self._histogram.unit
        for n, shares, quantiles in self._rows:
            answers = [(f"wait over {t!r} {time_unit}", "", share) for t, share in zip(self._times, shares)]
            answers += [(one, time_unit, value) for one, value in zip(self._names, quantiles)]
            for answer, unit, estimate in answers:
                ends = estimated(estimate)
                bounds = {end: ends[end] for end in ("value", "lower", "upper")}
                found.append({"name": name, "n": n, "answer": answer, "unit": unit, **bounds})
        return found


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


def _numbers_of_calls(text: str) -> list[int]:
    found = []
    for part in text.split(","):
        digits, _, zeros = part.strip().lower().partition("e")  # 1e6 is a million, exactly
        zeros = zeros.removeprefix("+") or "0"
        ok = digits.isascii() and digits.isdigit() and zeros.isascii() and zeros.isdigit() and len(zeros) <= 3
        if not ok or len(digits) + int(zeros) > MAX_DIGITS or int(digits) < 1:
            raise argparse.ArgumentTypeError(f"must be whole numbers in 1..1e100, such as 100 or 1e6, not {part!r}")
        found.append(int(digits) * 10 ** int(zeros))
    return list(dict.fromkeys(found))


def _times(text: str) -> list[float]:
    found = [number(part) for part in text.split(",")]
    for part in found:
        if not 0 <= part < math.inf:
            raise argparse.ArgumentTypeError(f"must be finite and not negative, not {part!r}")
    return list(dict.fromkeys(found))
