"""``historian snapshot``: what all recorders in a directory hold, in one file."""

from __future__ import annotations

import argparse

from .. import snapshot
from ._output import put, say
from ._source import STATUS, SourceError, add_directory, complain, open_directory, read_directory

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write what all recorders in a directory hold to one file, to keep, to send, or
to look at later: `historian profile FILE` prints it, and in Python
historian.snapshot.load(FILE) reads it. The file is text, a line of JSON for
each recorder, and the files of several machines, one put after the other, are
one file of them all. It is complete, or not there at all. The recorders are
only read, and go on; they are read one after the other, not at one instant.
"""

EXAMPLES = f"""\
examples:
  historian snapshot /dev/shm/shop -o evening.jsonl
  historian snapshot /dev/shm/shop | gzip > evening.jsonl.gz
  cat machine-*.jsonl > all.jsonl && historian profile all.jsonl

{STATUS}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "snapshot",
        help="what the recorders in a directory hold, in one file",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser, "a directory of recorders")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="the file to write (default: -, standard output)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write all that can be read; return the exit status."""
    try:
        histograms, problems = read_directory(open_directory(args.directory, args.trust))
    except SourceError as error:
        say("snapshot", str(error))
        return 1
    if args.output == "-":
        put(snapshot.dump(histograms))
        return complain("snapshot", problems)
    try:
        snapshot.save(histograms, args.output)
    except OSError as error:
        say("snapshot", f"cannot write {args.output}: {error.strerror or error}")
        return 1
    return complain("snapshot", problems)
