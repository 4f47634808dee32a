"""``historian snapshot``: write the histograms of all recorders in a directory to one file."""

from __future__ import annotations

import argparse

from .. import snapshot
from ._output import put, say
from ._source import STATUS, SourceError, add_directory, open_directory, read_directory, report_problems

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write the histograms of all recorders in a directory to one file, to keep it, to
send it, or to look at it later. `historian profile FILE` prints it; in Python,
historian.snapshot.load(FILE) reads it. The file is text, one line of JSON for
each recorder. The files of several machines can be concatenated. The file is
written completely or not at all. The recorders are only read, one after the
other, not all at the same instant.
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
        help="write the recorders in a directory to one file",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser, "a directory of recorders")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="file to write (default: -, which is standard output)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write all recorders that can be read; return the exit status."""
    try:
        histograms, problems = read_directory(open_directory(args.directory, args.trust))
    except SourceError as error:
        say("snapshot", str(error))
        return 1
    if args.output == "-":
        put(snapshot.dump(histograms))
        return report_problems("snapshot", problems)
    try:
        snapshot.save(histograms, args.output)
    except OSError as error:
        say("snapshot", f"cannot write {args.output}: {error.strerror or error}")
        return 1
    return report_problems("snapshot", problems)
