"""``historian clear``: reset the recorders in a directory to empty, for example between two deployments."""

from __future__ import annotations

import argparse

from ._input.tally import InputError
from ._options import add_command, add_trust, add_where, choice_of
from ._output import put, say
from ._source import SourceError, add_directory, open_directory, report_problems

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Reset every recorder in a directory to empty, or only those that --where
chooses, and print how many values were
removed. The files stay, and processes can go on recording meanwhile. Each
record is either among the removed values, or in its recorder afterwards.
"""

EXAMPLE = """\
examples:
  historian clear /dev/shm/shop
  historian clear /dev/shm/shop --where name=query,table=users

exit status: 0 if every recorder was cleared, 1 if some could not be cleared
(the reasons are on standard error, and the others are cleared), 2 for a wrong
command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "clear", "reset the recorders in a directory to empty", DESCRIPTION, EXAMPLE)
    # DIR is required, because clearing cannot be undone.
    add_directory(parser, "a directory of recorders", required=True)
    add_where(parser)
    add_trust(parser)
    parser.set_defaults(run=run, by=[])


def run(args: argparse.Namespace) -> int:
    """Clear all recorders that can be cleared; return the exit status."""
    choice = choice_of(args)
    try:
        registry = open_directory(args.directory, args.trust, required=True)
        if choice.is_all:
            cleared, values, problems = registry._clear()
        else:
            keys = [reading.header.key for reading in registry._readings()[0]]
            chosen = {key for key in keys if choice.of_recorder(key) is not None}
            choice.check()
            cleared, values, problems = registry._clear(chosen)
    except (SourceError, InputError) as error:
        say("clear", str(error))
        return 1
    except OSError as error:
        say("clear", f"{error.filename}: {error.strerror}")
        return 1
    recorders = "recorder" if cleared == 1 else "recorders"
    put(f"cleared {cleared:,} {recorders}, which held {values:,} {'value' if values == 1 else 'values'}\n")
    return report_problems("clear", problems)
