"""The options that several commands share, so that they mean the same in each of them."""

from __future__ import annotations

import argparse
import math
import os
import re

from .._show.scale import base_unit
from .._values.decimals import share_of
from .._values.units import check_unit
from ._input.choice import Choice
from ._input.generators import GENERATORS
from ._input.hist import SUFFIX
from ._input.sketch import DIALECTS
from ._input.span import add_span
from ._input.stream import bare
from ._near import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FORMATS",
    "STATUS",
    "add_command",
    "add_files",
    "add_format",
    "add_input",
    "add_output",
    "add_percentiles",
    "add_selection",
    "add_trust",
    "add_unit",
    "add_where",
    "choice_of",
    "misuse",
    "number",
]

#: Other spellings of units, in lower case.
SPELLINGS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"),
    "us": ("us", "usec", "usecs", "micro", "micros", "microsecond", "microseconds", "\u00b5s", "\u03bcs", "mus"),
    "ns": ("ns", "nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "bytes": ("byte", "bytes"),
    "KiB": ("kib",),
    "MiB": ("mib",),
    "GiB": ("gib",),
    "TiB": ("tib",),
}

FORMATS = ["table", "json", "csv", "markdown"]

#: The end of the help of commands that need all of their input.
STATUS = """\
exit status: 0; 1 if a file could not be read or written, with nothing printed
or changed; 2 for a wrong command line"""


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, description: str, end: str
) -> argparse.ArgumentParser:
    """Add a command; return its parser.  `end` has an example and the exit status."""
    return commands.add_parser(
        name, help=help, description=description, epilog=end, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is read: where the numbers are, which of them count, and their unit."""
    group = parser.add_argument_group("what is read")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--column",
        metavar="NAME",
        type=_name,
        help="the numbers are in this column of csv: a name, or a number from 1",
    )
    where.add_argument("--field", metavar="A.B", type=_name, help="the numbers are in this field of JSON")
    other = group.add_mutually_exclusive_group()
    other.add_argument(
        "--pattern", metavar="REGEX", type=_pattern,
        help="the numbers are in lines of a log: the group (?P<value>...) of this regular expression, in the unit of a "
        "group 'unit'; other named groups are keys of --where and --by",
    )  # fmt: skip
    other.add_argument(
        "--from", metavar="NAME", type=_generator, dest="generator",
        help=f"the files are of this load generator: {', '.join(GENERATORS)}",
    )  # fmt: skip
    group.add_argument(
        "--header", action=argparse.BooleanOptionalAction, default=None,
        help="whether the first line of csv names its columns",
    )  # fmt: skip
    group.add_argument(
        "--dialect", choices=DIALECTS, metavar="LIBRARY",
        help="the library of a .ddsketch file, unless its name tells: py, go or java",
    )  # fmt: skip
    add_selection(group)
    add_span(group)
    group.add_argument(
        "--unit", metavar="UNIT", type=_unit,
        help="unit of the numbers (default: s, or that of histograms read with them)",
    )  # fmt: skip
    group.add_argument("--show", metavar="UNIT", type=_unit, help="convert all to this unit")
    group.add_argument("--scale", metavar="FACTOR", type=_scale, default=1.0, help="multiply every number by FACTOR")
    group.add_argument("--skip-bad", action="store_true", help="skip, count and report lines and files that are bad")
    add_trust(group)


def add_unit(parser: argparse._ActionsContainer, option: str, what: str) -> None:
    """Add an option that takes a unit."""
    parser.add_argument(option, metavar="UNIT", type=_unit, help=what)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the files to read, by default standard input."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", default=["-"],
        help="a file or directory, or - for standard input (the default)",
    )  # fmt: skip


def add_where(parser: argparse._ActionsContainer) -> None:
    """Add ``--where``."""
    parser.add_argument(
        "--where", metavar="KEY=VALUE,...", type=_pairs, action="append", default=[],
        help="only what has these values, of columns, fields, labels, or name, the name of a recorder; the same key "
        "again: this value or that",
    )  # fmt: skip


def add_selection(parser: argparse._ActionsContainer) -> None:
    """Add ``--where`` and ``--by``."""
    add_where(parser)
    parser.add_argument(
        "--by", metavar="KEY", type=_name, action="append", default=[],
        help="one group for each value of this column, field or label; repeat it for combinations",
    )  # fmt: skip


def add_trust(parser: argparse._ActionsContainer) -> None:
    """Add ``--trust``."""
    parser.add_argument(
        "--trust", action="store_true", help="read a directory even if other users may write to it or own it"
    )


def add_percentiles(parser: argparse.ArgumentParser, default: str, what: str = "percentiles to print") -> None:
    """Add ``-p``."""
    parser.add_argument(
        "-p", "--percentiles", metavar="P,...", type=_percentiles, default=default,
        help=f"{what}, from 0 to 100 (default: {default})".replace("%", "%%"),
    )  # fmt: skip


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add ``--format``."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", metavar="FORMAT",
        help="table or markdown: three digits, in a suitable unit; json or csv: full precision (default: table)",
    )  # fmt: skip


def add_output(
    parser: argparse.ArgumentParser, what: str, *, required: bool = False, default: str | None = None
) -> None:
    """Add ``-o``."""
    parser.add_argument("-o", "--output", metavar="FILE", type=_file, required=required, default=default, help=what)


def choice_of(args: argparse.Namespace) -> Choice:
    """Return what ``--where`` and ``--by`` ask for."""
    where: dict[str, list[str]] = {}
    for pairs in args.where:
        for key, value in pairs:
            where.setdefault(key, []).append(value)
    by = args.by or (["by"] if getattr(args, "pattern", None) and "by" in re.compile(args.pattern).groupindex else [])
    return Choice(where, tuple(dict.fromkeys(by)))


def misuse(files: Iterable[str], args: argparse.Namespace) -> str:
    """Return what is wrong with the combination of arguments; empty if nothing is."""
    files = list(files)
    if files.count("-") > 1:
        return "standard input (-) can be read only once"
    told = [f"--{option}" for option in ("column", "field") if getattr(args, option)]
    if args.header is not None:
        told.append("--header" if args.header else "--no-header")
    other = ["--pattern"] * bool(args.pattern) + ["--from"] * bool(args.generator)
    if told and other:
        return f"{other[0]} tells where the numbers are: omit {told[0]}"
    for option in ("column", "field"):
        fixed = [file for file in files if bare(file).endswith((".npy", SUFFIX))]
        if fixed and getattr(args, option):
            what = "a histogram" if bare(fixed[0]).endswith(SUFFIX) else "an array"
            return f"--{option} does not apply to {what} such as {fixed[0]!r}: read that file in a command of its own"
    if args.scale != 1.0:
        for file in files:
            if bare(file).endswith(SUFFIX) or os.path.isdir(file):
                return f"--scale cannot change the values of a histogram such as {file!r}: pass --show to convert units"
    unit = args.unit or "s"
    if args.show and base_unit(unit)[0] != base_unit(args.show)[0] and args.unit:
        return f"--unit {unit} cannot be converted to --show {args.show}"
    return ""


def number(text: str) -> float:
    """Return a number, which may be NaN or infinite.  Raises ArgumentTypeError if the text is not a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def inner_percent(text: str) -> float:
    """Return a percentage that is neither 0 nor 100.  Raises ArgumentTypeError for any other text."""
    percent = number(text)
    if not 0 < percent < 100:
        raise argparse.ArgumentTypeError(f"must be between 0 and 100, not {text!r}")
    return percent


def inner_share(text: str) -> float:
    """Return the share of such a percentage, in (0, 1)."""
    return share_of(inner_percent(text))


def _file(text: str) -> str:
    """Return the name of a file.  Raises ArgumentTypeError if it is empty."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a file must not be empty; - is standard output")
    return text


def _name(text: str) -> str:
    """Return the name of a column, field or label.  Raises ArgumentTypeError if it is empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name must not be empty")
    return text.strip()


def _pattern(text: str) -> str:
    """Return a regular expression.  Raises ArgumentTypeError if it is none, or has no group ``value``."""
    try:
        groups = re.compile(text).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"not a regular expression: {error}") from None
    if "value" not in groups:
        raise argparse.ArgumentTypeError(f"it needs a group (?P<value>...), which {text!r} has not")
    return text


def _generator(text: str) -> str:
    """Return the name of a load generator.  Raises ArgumentTypeError if there is none of this name."""
    if text.lower() not in GENERATORS:
        hint = did_you_mean(text, GENERATORS, cutoff=0.5)
        raise argparse.ArgumentTypeError(f"there is no {text!r}; there are {', '.join(GENERATORS)}{hint}")
    return text.lower()


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs in ``key=value,key=value``.  A comma that no ``key=`` follows belongs to the value."""
    pairs: list[tuple[str, str]] = []
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            pairs.append((key.strip(), value.strip()))
        elif pairs and not equals:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]},{part}".rstrip())
        else:
            raise argparse.ArgumentTypeError(f"must be KEY=VALUE,..., such as name=query, not {text!r}")
    return pairs


def _unit(text: str) -> str:
    """Return the label of a unit.  Raises ArgumentTypeError if it is not valid, or another spelling of a unit."""
    lowered = text.strip().lower()
    meant = next((unit for unit, others in SPELLINGS.items() if lowered in others and text != unit), None)
    if meant is not None:
        raise argparse.ArgumentTypeError(f"there is no {text!r}; did you mean {meant!r}?")
    try:
        return check_unit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _scale(text: str) -> float:
    """Return a positive and finite factor.  Raises ArgumentTypeError for others."""
    value = number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text!r}")
    return value


def _percentiles(text: str) -> list[float]:
    """Return a list of percentiles from text with commas, without duplicates."""
    values = [number(part) for part in text.split(",")]
    for value in values:
        if not 0 <= value <= 100:
            raise argparse.ArgumentTypeError(f"must be in 0..100, not {value!r}")
    return list(dict.fromkeys(values))
