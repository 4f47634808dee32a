"""Common parts of the commands that read numbers from files: their arguments, and reading the files."""

from __future__ import annotations

import argparse
import math
import os
import sys

from ..._values.units import check_unit
from ...histogram import Histogram
from .._output import say
from .hist import SUFFIX, unit_of
from .numbers import Layout, read
from .tally import InputError, Tally

__all__ = [
    "STDIN",
    "add_unit",
    "add_where",
    "misuse",
    "name",
    "number",
    "percentiles",
    "read_file",
    "read_histograms",
]

STDIN = "<stdin>"

# ---- arguments ---------------------------------------------------------------------------------------


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where in a file the numbers are."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--column", metavar="NAME", type=name, help="take the numbers in this column of csv")
    where.add_argument("--field", metavar="A.B", type=name, help="take the numbers in this field of JSON lines")


def add_unit(parser: argparse.ArgumentParser) -> None:
    """Add the options for the unit and scale of the numbers."""
    parser.add_argument(
        "--unit", metavar="UNIT", type=unit, help="unit of the scaled numbers (default: the unit of a .hist file, or s)"
    )
    parser.add_argument(
        "--scale", metavar="FACTOR", type=scale, default=1.0, help="multiply every number by FACTOR (default: 1)"
    )


def name(text: str) -> str:
    """Return the name of a column or field.  Raises ArgumentTypeError if it is empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name must not be empty")
    return text.strip()


def unit(text: str) -> str:
    """Return the label of a unit.  Raises ArgumentTypeError if it is not valid."""
    try:
        return check_unit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def scale(text: str) -> float:
    """Return a positive and finite factor.  Raises ArgumentTypeError for others."""
    value = number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text!r}")
    return value


def percentiles(text: str) -> list[float]:
    """Return a list of percentiles from text with commas, without duplicates."""
    values = [number(part) for part in text.split(",")]
    for value in values:
        if not 0 <= value <= 100:
            raise argparse.ArgumentTypeError(f"must be in 0..100, not {value!r}")
    return list(dict.fromkeys(values))


def number(text: str) -> float:
    """Return a number, which may be NaN or infinite.  Raises ArgumentTypeError if the text is not a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def misuse(files: list[str], args: argparse.Namespace) -> str:
    """Return what is wrong with the combination of arguments; empty if nothing is."""
    if files.count("-") > 1:
        return "standard input (-) can be read only once"
    for option in ("column", "field"):
        npy = [file for file in files if file.lower().endswith((".npy", SUFFIX))]
        if npy and getattr(args, option):
            what = "a histogram" if npy[0].lower().endswith(SUFFIX) else "an array"
            return f"--{option} does not apply to {what} such as {npy[0]!r}: read that file in a command of its own"
    hist = [file for file in files if file.lower().endswith(SUFFIX)]
    if hist and args.scale != 1.0:
        return f"--scale cannot change the values of a histogram such as {hist[0]!r}: read it without --scale"
    return ""


# ---- reading -----------------------------------------------------------------------------------------


def read_histograms(files: list[str], args: argparse.Namespace, command: str) -> list[Histogram]:
    """Return a histogram of the numbers in each file, all in one unit.

    Raises InputError, also for a file without numbers.
    """
    common = args.unit or unit_of(files) or "s"
    found = []
    for file in files:
        tally = Tally(common, scale=args.scale)
        read_file(file, args, tally, command)
        histogram = tally.histograms().get("", Histogram())
        if not histogram.count:
            raise InputError(f"{STDIN if file == '-' else file}: it contains no numbers")
        found.append(histogram)
    return found


def read_file(file: str, args: argparse.Namespace, tally: Tally, command: str) -> None:
    """Count the numbers in a file; "-" is standard input.  Raises InputError."""
    layout = Layout(args.column or "", getattr(args, "by", None) or "", args.field or "")
    shown = STDIN if file == "-" else file
    try:
        if file != "-":
            with open(file, "rb") as stream:
                read(stream, shown, layout, tally)
            return
        _check_stdin(command)
        read(sys.stdin.buffer, shown, layout, tally)
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror or error}") from None


def _check_stdin(command: str) -> None:
    """Raise InputError unless standard input can be read to its end.  On a terminal, tell the user to type numbers."""
    if sys.stdin is None:
        raise InputError("there is no standard input: name a file")
    if sys.stdin.isatty():
        say(command, "reading numbers from the terminal: end with Ctrl-D on a new line, or see --help for other ways")
    elif os.name == "posix" and not os.get_blocking(sys.stdin.fileno()):
        # A read could return less data before the end, which would look like the end.
        raise InputError("standard input is a non-blocking pipe: put `cat |` before the command, or name a file")
