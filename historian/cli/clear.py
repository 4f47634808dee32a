"""``historian clear``: set the recorders of a directory back to empty, between two deployments."""

from __future__ import annotations

import argparse

from .._file import CorruptFileError, drain, files_in, open_file
from ._output import put, say
from ._source import SourceError, add_directory, complain, open_directory

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Set every recorder in a directory back to empty, and say how many values that
took out. The files stay, and processes that record go on: each of their records
is either among what was taken out, or in its recorder afterwards.
"""

STATUS = """\
exit status: 0 if all was cleared, 1 if something could not be (the reasons are
on standard error, and all else is cleared), 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "clear",
        help="set the recorders in a directory back to empty",
        description=DESCRIPTION,
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser, "a directory of recorders", required=True)  # nothing that cannot be undone without a name
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clear all that can be cleared; return the exit status."""
    try:
        open_directory(args.directory, args.trust)
        cleared, values, problems = _clear(args.directory)
    except (SourceError, OSError) as error:
        say("clear", str(error) if isinstance(error, SourceError) else f"{error.filename}: {error.strerror}")
        return 1
    recorders = "recorder" if cleared == 1 else "recorders"
    put(f"cleared {cleared:,} {recorders}, which held {values:,} {'value' if values == 1 else 'values'}\n")
    return complain("clear", problems)


def _clear(directory: str) -> tuple[int, int, dict[str, CorruptFileError]]:
    """Return how many recorders were cleared, how many values they held, and what could not be cleared."""
    cleared, values, problems = 0, 0, {}
    for path in files_in(directory):
        try:
            values += drain(open_file(path)[0])[0].total
            cleared += 1
        except FileNotFoundError:  # removed since the directory was listed
            continue
        except CorruptFileError as error:
            problems[path] = error
        except OSError as error:  # no room for keeping the books of this one
            problems[path] = CorruptFileError(path, f"it cannot be cleared: {error.strerror}")
    return cleared, values, problems
