"""``historian clear``: set the recorders of a directory back to empty, between two deployments."""

from __future__ import annotations

import argparse

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
        cleared, values, problems = open_directory(args.directory, args.trust)._clear()
    except (SourceError, OSError) as error:
        say("clear", str(error) if isinstance(error, SourceError) else f"{error.filename}: {error.strerror}")
        return 1
    recorders = "recorder" if cleared == 1 else "recorders"
    put(f"cleared {cleared:,} {recorders}, which held {values:,} {'value' if values == 1 else 'values'}\n")
    return complain("clear", problems)
