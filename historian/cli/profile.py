"""``historian profile``: a table of all recorders in a directory, a snapshot file or a ``.hist`` file."""

from __future__ import annotations

import argparse
import os
import shutil

from .. import snapshot
from .._show.profile import fitted, notes_on, tables
from .._show.table import table
from .._values.key import Key
from .._values.text import printable
from ..histogram import Histogram
from ._input.hist import SUFFIX, read_bytes
from ._output import put, say
from ._source import STATUS, SourceError, add_directory, open_directory, read_directory, report_problems

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..registry import CorruptFileError

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print the profile of all recorders in a directory. Their processes may be
running or have ended. DIR may also be a file that `historian snapshot` wrote, or
a .hist file; its one histogram is then named after the file.
This command only reads: it neither stops nor slows down the recording processes.
"""

EXAMPLES = f"""\
examples:
  historian profile /dev/shm/shop
  HISTORIAN_DIR=/dev/shm/shop historian profile
  historian profile evening.jsonl
  historian profile week.hist

{STATUS}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "profile",
        help="print a table of the recorders in a directory",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser, "a directory of recorders, or a file of `historian snapshot`, or a .hist file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table of all recorders that can be read; return the exit status."""
    try:
        histograms, problems = _read(args.directory, args.trust)
    except SourceError as error:
        say("profile", str(error))
        return 1
    put(f"{_text({str(key): histogram for key, histogram in histograms.items() if histogram.count})}\n")
    return report_problems("profile", problems)


def _text(histograms: dict[str, Histogram]) -> str:
    """Return the tables and notes, in 80 columns or the terminal's."""
    if not histograms:
        return "nothing recorded yet"
    width = max(80, shutil.get_terminal_size().columns)
    parts = [table(*fitted(headers, rows, width)) for headers, rows in tables(histograms)]
    notes = [printable(note) for note in notes_on(histograms)]
    return "\n\n".join(parts + (["\n".join(notes)] if notes else []))


def _read(path: str, trust: bool) -> tuple[dict[Key, Histogram], dict[str, CorruptFileError]]:
    if os.path.isdir(path) or not os.path.exists(path):  # anything else is read as a file; it may be a pipe
        return read_directory(open_directory(path, trust))
    try:
        if path.lower().endswith(SUFFIX):
            return _read_hist(path), {}
        return snapshot.load(path), {}
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SourceError(str(error)) from None


def _read_hist(path: str) -> dict[Key, Histogram]:
    """Return the histogram of a ``.hist`` file, with the file's name as its key.  Raises OSError and ValueError."""
    try:
        return {Key(os.path.basename(path)): Histogram.from_bytes(read_bytes(path))}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
