"""``historian merge``: merge many ``.hist`` files into one."""

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
Merge the histograms in .hist files into one .hist file. A .hist file holds the result of Histogram.to_bytes(). Counts,
sum, minimum and maximum of the merged histogram are exactly those of all values together.

A directory means all .hist files in it and in the directories below it, except the output. Files are read one by one:
ten million of them need as much memory as one. The output is written after all files have been read, and replaced in
one step. So it may be one of the merged files, and it is never incomplete.
"""

EXAMPLES = """\
examples:
  historian merge monday.hist tuesday.hist -o week.hist
  historian merge week.hist wednesday.hist -o week.hist       # the output may be an input
  historian merge /var/lib/app/histograms -o all.hist
  find . -name '*.hist' -newer last -print0 | historian merge -0 --files-from - -o new.hist
  historian summarize all.hist

exit status: 0 if all files were merged, or with --skip-bad at least one of them; 1 if a file could not be read or
written (then the output has not changed); 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "merge",
        help="merge many .hist files into one",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"a {SUFFIX} file, or a directory of such files")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="write the merged histogram to FILE")
    parser.add_argument(
        "--files-from", metavar="LIST", help="also merge the files named in LIST, one per line; - is standard input"
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="names in LIST end with a null byte, as find -print0 writes them"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="skip, count and report files that do not hold a histogram"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, then write.  Nothing is written if a file cannot be read.  Return the exit status."""
    if not args.files and args.files_from is None:
        return _fail("error: name at least one file to merge, or a list with --files-from", 2)
    if args.null and args.files_from is None:
        return _fail("error: -0 needs --files-from: it says how names are separated in that list", 2)
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
        return _fail(f"there was no {'good ' if merging.skipped else ''}file to merge: nothing was written", 1)
    try:
        replace(args.output, make(Histogram, *merging.merged.result()).to_bytes())
    except OSError as error:
        return _fail(f"cannot write {args.output}: {error.strerror or error}", 1)
    return 0


class Merging:
    """Merges files and counts them."""

    def __init__(self, skip_bad: bool) -> None:
        self.merged: Merged = Merged()
        self.files: int = 0
        self.skipped: int = 0  # of those files
        self.first: str = ""  # path and error of the first skipped file
        self._skip_bad = skip_bad

    def add(self, path: str) -> None:
        """Add the histogram in a file.  Raises InputError if it cannot be added and is not to be skipped."""
        self.files += 1
        try:
            problem = self.merged.add_bytes(read_bytes(path))
        except OSError as error:
            problem = error.strerror or str(error)
        except (ValueError, OverflowError) as error:  # a valid histogram, but it cannot be added to the others
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
    """Yield `path`, or the files in it if it is a directory."""
    if not os.path.isdir(path):
        yield path
        return
    try:
        yield from files_in(path, exclude=output)
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from None


def _fail(message: str, status: int) -> int:
    say("merge", message)
    return status
