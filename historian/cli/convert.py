"""``historian convert``: write a file in another format."""

from __future__ import annotations

import argparse
import os

from ..formats.hdr import HdrHistogram, Interval, Log
from ..formats.hdr._log import Reader
from ..formats.hdr._log_writer import log_text
from ..histogram import Histogram
from ._input.hdr import ENCODED, LOG, NS, encoded_in, group_of, kind_of
from ._input.layout import Layout
from ._input.sketch import SUFFIX, WHICH, dialect_in
from ._input.sources import STDIN, Rows, read_rows
from ._input.stream import bare, unpacked
from ._input.tally import InputError, Tally
from ._options import STATUS, add_command, add_input, add_unit, choice_of, misuse
from ._output import encode, say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write a file in another format. The name of OUT tells which:
  .hist           one histogram, as Histogram.to_bytes() writes it
  .jsonl          a line for each recorder or group
  .hlog           a log of HdrHistogram: an interval for each recorder or group
  .hgrm           a percentile table of HdrHistogram
  .hdr            one HdrHistogram, in base64
  .ddsketch       one DDSketch, for the library that --dialect or the name
                  tells, such as x.py.ddsketch
and .gz, .bz2, .xz or .zst after it to compress it. IN is anything that
`historian summarize` reads.

From a log or an HdrHistogram to .hlog, .hgrm and .hdr, counts are exact, and
intervals keep their times and tags. All other ways go through histograms with
buckets 1.09 % wide: percentiles are then within 0.5415 % and the resolution of
the HdrHistogram together, such as 0.64 % for 3 digits. A DDSketch holds the
counts of these buckets, but not their minimum, maximum and sum.
"""

EXAMPLES = f"""\
examples:
  historian convert run.hlog run.hist
  historian convert run.hlog --where tag=read read.hgrm
  historian convert --unit ms latencies.txt latencies.hdr
  historian convert agent.go.ddsketch agent.py.ddsketch

{STATUS}
"""

#: The endings of OUT, without that of a compression.
ENDINGS = (".hist", ".jsonl", ".ndjson", ".hlog", ".hgrm", ".hdr", SUFFIX)
HDR = (".hlog", ".hgrm", ".hdr")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "convert", "write a file in another format", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", metavar="IN", help="a file or directory, or - for standard input")
    parser.add_argument("output", metavar="OUT", help=f"the file to write: {', '.join(ENDINGS)}")
    add_unit(parser, "--values", "unit of the whole numbers in .hlog and .hdr (default: ns), of a .hgrm (default: ms)")
    parser.add_argument(
        "--digits", type=int, choices=range(1, 6), default=3, metavar="D",
        help="significant digits of an HdrHistogram made of others, 1 to 5 (default: 3)",
    )  # fmt: skip
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, then write.  Nothing is written if the file cannot be read.  Return the exit status."""
    ending = next((one for one in ENDINGS if bare(args.output).endswith(one)), "")
    wrong = misuse([args.file], args)
    if not ending:
        wrong = f"OUT must end with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, not {args.output!r}"
    elif args.values and ending not in HDR:
        wrong = f"--values belongs to {', '.join(HDR)}, not to {ending}"
    elif ending == SUFFIX and not _dialect(args):
        wrong = f"{args.output}: for which library of DDSketch? {WHICH[0].upper()}{WHICH[1:]}"
    elif args.by and ending in (".hist", ".hgrm", ".hdr", SUFFIX):
        wrong = f"--by gives several histograms, and {ending} holds one: write .jsonl or .hlog, or omit --by"
    if wrong:
        say("convert", f"error: {wrong}")
        return 2
    try:
        told = args.by or args.show or args.pattern or args.generator
        same = ending == ".hgrm" or args.values in (None, args.unit or NS)
        exact = _exact(args, ending) if ending in HDR and same and not told else None
        data = exact if exact is not None else _converted(args, ending)
    except InputError as error:
        say("convert", str(error))
        return 1
    except ValueError as error:
        say("convert", f"{args.output}: {error}")
        return 1
    return write("convert", args.output, data)


# ---- from HdrHistogram to HdrHistogram ----


def _exact(args: argparse.Namespace, ending: str) -> bytes | None:
    """Return what to write if the input is HdrHistogram's own; None if it is not, or its parts cannot be added."""
    shown = STDIN if args.file == "-" else args.file
    if os.path.isdir(args.file) or args.file == "-":  # standard input cannot be read again
        return None
    tally = Tally(args.unit, skip_bad=args.skip_bad)
    try:
        with open(args.file, "rb") as opened:
            stream, head = unpacked(opened, shown)
            kind = kind_of(head, bare(shown))
            if kind == LOG:
                layout = Layout(choice=choice_of(args))
                layout.choice.known.update(dict.fromkeys(("tag", "name")))
                found = _intervals(stream, shown, layout, tally)
            elif kind == ENCODED and not args.where:
                found = Log([_instant(one) for _, one in encoded_in(stream, shown, tally)])
            else:
                return None
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror or error}") from None
    if tally.skipped:
        say("convert", f"skipped {tally.skipped:,} bad entries; the first: {tally.first}")
    if not found:
        say("convert", f"{shown}: it holds no intervals, only a header")
    if ending == ".hlog":
        return log_text(found, NS).encode()
    total = _total(found)
    if total is not None and ending == ".hgrm" and args.unit is None:
        say("convert", f"{shown}: its values are taken for {NS}, as is usual; if not, pass --unit")
    return None if total is None else _one(total, ending, args.unit or NS, args.values)


def _intervals(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> Log:
    reader = Reader(stream, name, NS, NS, lambda line, why: tally.bad(f"{name}:{line}", why))
    try:
        intervals = [one for one in reader if group_of(one, name, layout) is not None]
    except ValueError as error:
        raise InputError(str(error)) from None
    layout.choice.check()
    log = Log(intervals, start_time=reader.start_time, base_time=reader.base_time, comments=reader.comments)
    log._base = reader.base or 0.0
    return log


def _instant(histogram: HdrHistogram) -> Interval:
    """Return an interval without a length: nothing tells when it was."""
    ours = histogram.histogram(values=NS, unit=NS)
    return Interval._read(0.0, 0.0, ours, None, histogram.relative_error, histogram.to_base64().encode())


def _total(log: Log) -> HdrHistogram | None:
    """Return the sum of the histograms of all intervals; None if they cannot be added."""
    total: HdrHistogram | None = None
    for interval in log:
        one = interval.hdr
        if one is not None:
            try:
                total = one if total is None else total + one
            except ValueError:
                return None
    return total


def _one(total: HdrHistogram, ending: str, values: str, shown: str | None) -> bytes:
    """Return one histogram, of whole numbers of `values`, as base64 or as a table."""
    if ending == ".hdr":
        return f"{total.to_base64()}\n".encode()
    from ..formats.hdr._convert import conversion

    numerator, denominator, _ = conversion(values, shown or ("ms" if conversion(values, None)[2] == "s" else values))
    return total.percentiles(ratio=denominator / numerator).encode()


# ---- by way of histograms ----


def _converted(args: argparse.Namespace, ending: str) -> bytes:
    lines = ending in (".jsonl", ".ndjson")
    rows = read_rows([args.file], args, "convert", mixed=lines, output=os.path.realpath(args.output))
    if lines or ending == ".hist":
        return encode(rows.by_key(), lines=lines)
    if ending == SUFFIX:
        if rows.unit != "s":
            say("convert", f"{args.output}: its values are in {rows.unit!r}, which it does not say")
        from ..formats.ddsketch import encode as sketch_of

        return sketch_of(rows.total(), dialect=_dialect(args))
    values = _values(rows, None if ending == ".hgrm" else args.values)
    if ending == ".hlog":
        intervals = [_interval(row.name, row.histogram, row.source) for row in rows.rows]
        return log_text(Log(intervals), values, args.digits).encode()
    total = HdrHistogram.of(rows.total(), values=values, digits=args.digits)
    return _one(total, ending, values, args.values)


def _dialect(args: argparse.Namespace) -> str:
    """Return for which library of DDSketch OUT is, or an empty text: its name tells, else ``--dialect``."""
    return dialect_in(args.output) or args.dialect or ""


def _values(rows: Rows, asked: str | None) -> str:
    """Return the unit of whole numbers: nanoseconds for times, and for all else the unit of the histograms."""
    from ..formats.hdr._convert import conversion

    return asked or (NS if conversion(rows.unit, None)[2] == "s" else rows.unit)


def _interval(name: str, histogram: Histogram, source: tuple[str, float] | None) -> Interval:
    """Return the interval of a recorder or group, with its name as its tag; its end is known if it was a snapshot."""
    end = source[1] if source is not None else 0.0
    tag = "_".join(name.replace(",", " ").split())
    return Interval(end, end, histogram, tag or None)
