"""Common parts of the commands that read a directory of recorders: arguments, opening, error messages."""

from __future__ import annotations

import argparse
import errno
import os
import sys

from .._files.directory import open_directory as open_folder
from .._files.errors import checked
from .._files.former import SUFFIX, former_file
from .._files.header import FILE_NAME
from .._values.text import printable
from ..registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._live.snapshots import Snapshot
    from ..registry import CorruptFileError

__all__ = [
    "STATUS",
    "SourceError",
    "add_directory",
    "add_sources",
    "holds_recorders",
    "open_directory",
    "read_directory",
    "report_problems",
]

STATUS = """\
exit status: 0 if every file was read, 1 if some could not be read (the reasons
are on standard error, and the others are shown), 2 for a wrong command line
"""

ENVIRONMENT = "(default: the environment variable HISTORIAN_DIR)"


def holds_recorders(directory: str, names: list[str]) -> bool:
    """Return whether a directory with these files is one of recorders, be they of a version that is refused."""
    if FILE_NAME in names or not any(name.endswith(SUFFIX) for name in names):
        return FILE_NAME in names
    with checked(open_folder(os.path.abspath(directory), True)) as folder:
        return former_file(directory, folder) is not None


class SourceError(Exception):
    """A directory or file cannot be read at all; the message says why."""


def add_directory(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    """Add DIR to a command's arguments.  Unless `required`, HISTORIAN_DIR is the default of DIR."""
    default = None if required else os.environ.get("HISTORIAN_DIR") or None
    parser.add_argument(
        "directory", metavar="DIR", nargs=None if default is None else "?", default=default,
        help=what if required else f"{what} {ENVIRONMENT}",
    )  # fmt: skip


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add DIR to the arguments of a command that reads every input, and several."""
    default = os.environ.get("HISTORIAN_DIR") or None
    parser.add_argument(
        "sources", metavar="DIR", nargs="+" if default is None else "*", default=[default],
        help=f"a directory of recorders, a file, or - for standard input {ENVIRONMENT}",
    )  # fmt: skip


def open_directory(directory: str, trust: bool, *, required: bool = False) -> Registry:
    """Return the registry of an existing directory; create nothing.

    Raises SourceError, also if there are files, but no recorders, and they are `required`.
    """
    try:
        if not os.path.isdir(directory):
            missing = errno.ENOTDIR if os.path.exists(directory) else errno.ENOENT
            raise OSError(missing, os.strerror(missing), directory)
        names = os.listdir(directory) if required else []
        if names and not holds_recorders(directory, names):
            raise SourceError(f"{directory}: it holds no recorders")
        return Registry(directory, trust=trust)
    except OSError as error:
        raise _as_source_error(directory, error) from None


def read_directory(registry: Registry) -> tuple[Snapshot, dict[str, CorruptFileError]]:
    """Return the histograms of all recorders, and the errors of invalid files by path.  Raises SourceError."""
    try:
        return registry._read()
    except OSError as error:
        raise _as_source_error(registry.directory or "", error) from None


def report_problems(command: str, problems: Mapping[str, CorruptFileError]) -> int:
    """Print on standard error why files were left out; return the exit status."""
    for problem in problems.values():
        print(f"historian {command}: {printable(str(problem))}", file=sys.stderr)
    return 1 if problems else 0


def _as_source_error(directory: str, error: OSError) -> SourceError:
    why = (error.strerror or str(error)).replace("pass trust=True", "pass --trust")
    return SourceError(f"{directory}: {why}")
