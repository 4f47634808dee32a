"""``historian merge``: one ``.hist`` file of many."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing

from .._core import Merged
from .._files.replace import replace
from .._values.base import make
from ..histogram import Histogram
from ._input.hist import SUFFIX, files_in, names_in, read_bytes
from ._input.tally import InputError
from ._output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Merge histograms from .hist files, which hold what Histogram.to_bytes() returns, into one such file. Counts, sum,
minimum and maximum of the result are exactly those of all values together.

A directory stands for all .hist files in it and in directories below it, except the output. Files are read one by one:
ten million of them need no more memory than one. The output is written when all have been read, and replaced in one
step: it may be one of the files that are merged, and is never there in half.
"""

EXAMPLES = """\
examples:
  historian merge monday.hist tuesday.hist -o week.hist
  historian merge week.hist wednesday.hist -o week.hist       # the output may be an input
  historian merge /var/lib/app/histograms -o all.hist
  find . -name '*.hist' -newer last -print0 | historian merge -0 --files-from - -o new.hist
  historian summarize all.hist

exit status: 0 if all was merged, or with --skip-bad at least one file; 1 if something could not be read or written
(the output is then as it was); 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "merge",
        help="one .hist file of many",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"a {SUFFIX} file, or a directory of such files")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="write the merged histogram here")
    parser.add_argument(
        "--files-from", metavar="LIST", help="also merge the files named in LIST, one a line; - is standard input"
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="names in LIST end with a null byte, as find -print0 writes them"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="count and report files that hold no histogram: do not stop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, then write: nothing is written unless all was read.  Return the exit status."""
    if not args.files and args.files_from is None:
        return _fail("error: name at least one file to merge, or a list with --files-from", 2)
    if args.null and args.files_from is None:
        return _fail("error: -0 says how names are separated in the list of --files-from, which is missing", 2)
    merging = Merging(args.skip_bad)
    try:
        with closing(_paths(args)) as paths:
            for path in paths:
                merging.add(path)
    except InputError as error:
        return _fail(str(error), 1)
    if merging.skipped:
        what = "file" if merging.skipped == 1 else "files"
        say("merge", f"skipped {merging.skipped:,} bad {what} of {merging.files:,}; the first: {merging.first}")
    if merging.files == merging.skipped:
        return _fail(f"there was no file to merge{' that is good' if merging.skipped else ''}: nothing is written", 1)
    try:
        replace(args.output, make(Histogram, *merging.merged.result()).to_bytes())
    except OSError as error:
        return _fail(f"cannot write {args.output}: {error.strerror or error}", 1)
    return 0


class Merging:
    """Merges files, and counts them."""

    def __init__(self, skip_bad: bool) -> None:
        self.merged: Merged = Merged()
        self.files: int = 0
        self.skipped: int = 0  # of those
        self.first: str = ""  # what was wrong with the first that was skipped
        self._skip_bad = skip_bad

    def add(self, path: str) -> None:
        """Add what a file holds.  Raises InputError if that cannot be added, unless it is to be skipped."""
        self.files += 1
        try:
            problem = self.merged.add_bytes(read_bytes(path))
        except OSError as error:
            problem = error.strerror or str(error)
        except (ValueError, OverflowError) as error:  # a good histogram, but not one that goes with the others
            raise InputError(f"{path}: {error}") from None
        if problem is None:
            return
        if not self._skip_bad:
            raise InputError(f"{path}: {problem}")
        self.first = self.first or f"{path}: {problem}"
        self.skipped += 1


def _paths(args: argparse.Namespace) -> Generator[str, None, None]:
    """Yield the path of each file to merge."""
    output = os.path.realpath(args.output)
    for path in args.files:
        yield from _files_at(path, output)
    if args.files_from is None:
        return
    separator = b"\0" if args.null else b"\n"
    try:
        if args.files_from != "-":
            with open(args.files_from, "rb") as stream:
                for path in names_in(stream, separator=separator):
                    yield from _files_at(path, output)
        elif sys.stdin is None:
            raise InputError("there is no standard input: name a file after --files-from")
        else:
            for path in names_in(sys.stdin.buffer, separator=separator):
                yield from _files_at(path, output)
    except OSError as error:
        raise InputError(f"{args.files_from}: {error.strerror or error}") from None


def _files_at(path: str, output: str) -> Iterator[str]:
    """Yield `path`, or, if that is a directory, the files in it."""
    if not os.path.isdir(path):
        yield path
        return
    try:
        yield from files_in(path, but=output)
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from None


def _fail(message: str, status: int) -> int:
    say("merge", message)
    return status
