"""``historian summarize``: percentiles of the numbers in files or standard input."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
from typing import NamedTuple

from .. import _display
from .._units import check_unit
from ..histogram import Histogram, merge
from .numbers import Layout, read
from .tally import InputError, Tally

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print percentiles of numbers, such as latencies, from files or standard input.

Plain text holds one or more numbers a line; blank lines and what follows a # are skipped. A file whose name ends in
.npy is a numpy array; .csv and .tsv, or any other file with --column, is a table whose first line names the columns;
with --field, a file holds one JSON object a line. Input of any size is read in little memory.

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


class Row(NamedTuple):
    """What is printed of one file or group."""

    name: str
    histogram: Histogram


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
        "--unit", metavar="UNIT", type=_unit, default="s", help="unit of the scaled numbers (default: s)"
    )
    parser.add_argument(
        "--scale", metavar="FACTOR", type=_scale, default=1.0, help="multiply every number by this first"
    )
    parser.add_argument(
        "-p", "--percentiles", metavar="P,...", type=_percentiles, default="50,90,99,99.9,99.99",
        help="percentiles to print, from 0 to 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=["table", "json", "csv"], default="table",
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
        _say(f"error: {misuse}")
        return 2
    try:
        rows, total, tallies = _read_all(args)
    except InputError as error:
        _say(str(error))
        return 1
    skipped = sum(tally.skipped for tally in tallies)
    if skipped:
        first = next(tally.first for tally in tallies if tally.first)
        _say(f"skipped {skipped:,} bad {'entry' if skipped == 1 else 'entries'}; the first: {first}")
    if not total.count:
        _say("there were no numbers to summarize")
    write = {"table": _table, "json": _json, "csv": _csv}[args.format]
    if not args.by and len(rows) > 1 and args.format != "json":
        rows.append(Row("total", total))
    _put(write(rows, total, args, skipped))
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
        npy = [file for file in args.files if file.lower().endswith(".npy")]
        if npy and getattr(args, option):
            return f"--{option} means nothing in an array such as {npy[0]!r}: summarize it on its own"
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
        if sys.stdin is None:
            raise InputError("there is no standard input: name a file")
        if sys.stdin.isatty():
            _say("reading numbers from the terminal; Ctrl-D on a new line ends them, --help shows other ways")
        read(sys.stdin.buffer, name, layout, tally)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from None


# ---- writing -----------------------------------------------------------------------------------------


def _table(rows: list[Row], total: Histogram, args: argparse.Namespace, skipped: int) -> str:
    """Return an aligned table, followed by what its reader must know."""
    shown = [_shown(row.histogram, args.percentiles) for row in rows]
    scale = _display.Scale.of(args.unit, _display.middle([value for values in shown for value in values]))
    headers = [f"name ({scale.unit})", "count", "min", *(f"p{_plain(p)}" for p in args.percentiles), "max", "mean"]
    cells = [
        [_display.plain(row.name), f"{row.histogram.count:,}", *map(scale.show, values)]
        for row, values in zip(rows, shown)
    ]
    for header, counts in (
        ("zero", [row.histogram.zero_count for row in rows]),
        ("overflow", [row.histogram.overflow_count for row in rows]),
    ):
        if any(counts):
            headers.append(header)
            for line, count in zip(cells, counts):
                line.append(f"{count:,}")
    notes = _notes(rows, args.percentiles)
    return "\n".join([_display.table(headers, cells), *([""] if notes else []), *notes]) + "\n"


def _shown(histogram: Histogram, percentiles: list[float]) -> list[float]:
    """Return minimum, percentiles, maximum and mean, with NaN for a percentile that has too few values."""
    values = [histogram.percentile(p) if _is_supported(histogram, p) else math.nan for p in percentiles]
    return [histogram.min, *values, histogram.max, histogram.mean]


def _is_supported(histogram: Histogram, p: float) -> bool:
    return p == 100 or _display.is_supported(histogram.count, p)


def _notes(rows: list[Row], percentiles: list[float]) -> list[str]:
    """Return what a reader of the table must know, a line each."""
    filled = [row for row in rows if row.histogram.count]
    notes = []
    missing = [p for p in percentiles if not all(_is_supported(row.histogram, p) for row in filled)]
    if missing:
        needs = (f"p{_plain(p)} takes {math.ceil(round(100 / (100 - p), 6)):,}" for p in missing)
        notes.append(f"-  too few values: {', '.join(needs)} (--format json shows them nevertheless)")
    for row in filled:
        odd = _display.doubt(row.histogram)
        if odd:
            notes.append(_display.plain(f"{row.name}: {odd}"))
    return notes


def _json(rows: list[Row], total: Histogram, args: argparse.Namespace, skipped: int) -> str:
    """Return one JSON document: a summary a row, and their total."""
    document = {
        "unit": args.unit,
        "skipped": skipped,
        "rows": [{"name": row.name, **_summary(row.histogram, args.percentiles)} for row in rows],
        "total": _summary(total, args.percentiles),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _summary(histogram: Histogram, percentiles: list[float]) -> dict[str, object]:
    return {
        "count": histogram.count,
        "zero_count": histogram.zero_count,
        "overflow_count": histogram.overflow_count,
        "min": _finite(histogram.min),
        "percentiles": {_plain(p): _finite(histogram.percentile(p)) for p in percentiles},
        "max": _finite(histogram.max),
        "mean": _finite(histogram.mean),
        "sum": _finite(histogram.sum),
    }


def _csv(rows: list[Row], total: Histogram, args: argparse.Namespace, skipped: int) -> str:
    """Return csv with a header; what is not finite is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quantiles = [f"p{_plain(p)}" for p in args.percentiles]
    writer.writerow(["name", "unit", "count", "zero_count", "overflow_count", "min", *quantiles, "max", "mean", "sum"])
    for name, h in rows:
        values = [h.min, *map(h.percentile, args.percentiles), h.max, h.mean, h.sum]
        writer.writerow([name, args.unit, h.count, h.zero_count, h.overflow_count, *map(_finite, values)])
    return text.getvalue()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(p: float) -> str:
    """Return a percentile as people write it.

    >>> _plain(50.0), _plain(99.99)
    ('50', '99.99')
    """
    return str(int(p)) if p.is_integer() else repr(p)


def _put(text: str) -> None:
    """Print text; what the terminal's encoding lacks comes out as escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _say(message: str) -> None:
    print(f"historian summarize: {message}", file=sys.stderr)
