"""``historian merge``: merge many histograms, and numbers, into one histogram."""

from __future__ import annotations

import argparse
import os
import sys

from ._input.hist import names_in
from ._input.sources import read_rows
from ._input.tally import InputError
from ._options import add_command, add_input, add_output, misuse
from ._output import are_lines, encode, say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Merge histograms, and numbers, into one histogram: a .hist file, as
Histogram.to_bytes() writes it. Counts, sum, minimum and maximum are exactly
those of all values together.

An input is anything that `historian summarize` reads. A directory means the
recorders in it, and all .hist files in it and below it, except the output.
Files are read one by one: ten million .hist files need as much memory as one.
The output is written after all files have been read, and replaced in one step.
So it may be one of the merged files, and it is never incomplete.

If its name ends in .jsonl, the output has a line for each recorder or group.
"""

EXAMPLES = """\
examples:
  historian merge monday.hist tuesday.hist -o week.hist
  historian merge week.hist wednesday.hist -o week.hist
  find . -name '*.hist' -print0 | historian merge -0 --files-from - -o all.hist
  historian merge -o - *.hist | historian summarize -

exit status: 0 if all files were merged, or with --skip-bad at least one of
them; 1 if a file could not be read or written (then the output has not
changed); 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "merge", "merge many histograms into one", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file or directory, or - for standard input")
    add_output(parser, "write the merged histogram to FILE; - is standard output", required=True)
    parser.add_argument(
        "--files-from", metavar="LIST", help="also merge the files named in LIST, one per line; - is standard input"
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="names in LIST end with a null byte, as find -print0 writes them"
    )
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, then write.  Nothing is written if a file cannot be read.  Return the exit status."""
    lines = are_lines(args.output, otherwise=bool(args.by) and args.output == "-")
    wrong = _misuse(args, lines)
    if wrong:
        return _fail(f"error: {wrong}", 2)
    output = "" if args.output == "-" else os.path.realpath(args.output)
    try:
        rows = read_rows(_paths(args), args, "merge", mixed=lines, together=not lines, output=output)
        if not rows.rows or (rows.skipped and not any(row.histogram.count for row in rows.rows)):
            return _fail(f"there was no {'good ' if rows.skipped else ''}file to merge: nothing was written", 1)
        data = encode(rows.by_key(), lines=lines)
    except InputError as error:
        return _fail(str(error), 1)
    return write("merge", args.output, data)


def _misuse(args: argparse.Namespace, lines: bool) -> str:
    """Return what is wrong with the combination of arguments; empty if nothing is."""
    if not args.files and args.files_from is None:
        return "name at least one file to merge, or a list with --files-from"
    if args.null and args.files_from is None:
        return "-0 needs --files-from: it says how names are separated in that list"
    if args.files_from == "-" and "-" in args.files:
        return "standard input (-) can be read only once"
    if args.by and not lines:
        return "--by gives several histograms, and the output holds one: name a .jsonl file, or omit --by"
    return misuse(args.files, args)


def _paths(args: argparse.Namespace) -> Iterator[str]:
    """Yield the path of each file to merge."""
    yield from args.files
    if args.files_from is None:
        return
    separator = b"\0" if args.null else b"\n"
    try:
        if args.files_from != "-":
            with open(args.files_from, "rb") as stream:
                yield from names_in(stream, separator=separator)
        elif sys.stdin is None:
            raise InputError("there is no standard input: name a file after --files-from")
        else:
            yield from names_in(sys.stdin.buffer, separator=separator)
    except OSError as error:
        raise InputError(f"{args.files_from}: {error.strerror or error}") from None


def _fail(message: str, status: int) -> int:
    say("merge", message)
    return status
