"""``historian clear``: reset the recorders in a directory to empty, for example between two deployments."""

from __future__ import annotations

import argparse

from ._options import add_command, add_trust
from ._output import put, say
from ._source import SourceError, add_directory, open_directory, report_problems

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Reset every recorder in a directory to empty, and print how many values were
removed. The files stay, and processes can go on recording meanwhile. Each
record is either among the removed values, or in its recorder afterwards.
"""

EXAMPLE = """\
example:
  historian clear /dev/shm/shop

exit status: 0 if every recorder was cleared, 1 if some could not be cleared
(the reasons are on standard error, and the others are cleared), 2 for a wrong
command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "clear", "reset the recorders in a directory to empty", DESCRIPTION, EXAMPLE)
    # DIR is required, because clearing cannot be undone.
    add_directory(parser, "a directory of recorders", required=True)
    add_trust(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clear all recorders that can be cleared; return the exit status."""
    try:
        cleared, values, problems = open_directory(args.directory, args.trust)._clear()
    except (SourceError, OSError) as error:
        say("clear", str(error) if isinstance(error, SourceError) else f"{error.filename}: {error.strerror}")
        return 1
    recorders = "recorder" if cleared == 1 else "recorders"
    put(f"cleared {cleared:,} {recorders}, which held {values:,} {'value' if values == 1 else 'values'}\n")
    return report_problems("clear", problems)
