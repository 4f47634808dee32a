"""``historian profile``: the table of all recorders in a directory, or in a snapshot of one."""

from __future__ import annotations

import argparse
import os

from .. import snapshot
from .._show.profile import Profile
from .._values.key import Key
from ..histogram import Histogram
from ._input.hist import SUFFIX, read_bytes
from ._output import put, say
from ._source import STATUS, SourceError, add_directory, complain, open_directory, read_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..registry import CorruptFileError

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print the profile of all recorders in a directory, whether their processes are
at work or have ended, or of those in a file that `historian snapshot` wrote, or
of the one histogram in a .hist file, named after the file.
It only reads: whoever records is neither stopped nor slowed down.
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
        help="table of the recorders in a directory",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser, "a directory of recorders, or a file of `historian snapshot`, or a .hist file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table of all that can be read; return the exit status."""
    try:
        histograms, problems = _read(args.directory, args.trust)
    except SourceError as error:
        say("profile", str(error))
        return 1
    put(f"{Profile({str(key): histogram for key, histogram in histograms.items()})}\n")
    return complain("profile", problems)


def _read(path: str, trust: bool) -> tuple[dict[Key, Histogram], dict[str, CorruptFileError]]:
    if os.path.isdir(path) or not os.path.exists(path):  # else it may be a pipe, too
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
    """Return the histogram of a ``.hist`` file under the file's name.  Raises OSError and ValueError."""
    try:
        return {Key(os.path.basename(path)): Histogram.from_bytes(read_bytes(path))}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
