"""``historian snapshot``: write the histograms of all recorders in a directory to one file."""

from __future__ import annotations

import argparse
import os

from ._input.sources import read_rows
from ._input.tally import InputError
from ._options import add_command, add_input, add_output, misuse
from ._output import are_lines, encode, put, say, write
from ._source import STATUS, add_sources

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write the histograms of all recorders in a directory to one file, to keep it,
to send it, or to look at it later: every command reads it; in Python,
historian.snapshot.load(FILE) does. The file is text, one line of JSON for each
recorder. The files of several machines can be concatenated. Of several
snapshots of the same recorders, only the latest counts. If its name ends in
.hist, it holds one histogram of all. The file is written completely or not
at all. The recorders are only read, one after the other, not all at the same
instant. DIR may also be anything else that `historian summarize` reads.
"""

EXAMPLES = f"""\
examples:
  historian snapshot /dev/shm/shop -o evening.jsonl
  historian snapshot /dev/shm/shop | gzip > evening.jsonl.gz
  cat machine-*.jsonl | historian profile -

{STATUS}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "snapshot", "write the recorders in a directory to one file", DESCRIPTION, EXAMPLES)
    add_sources(parser)
    add_output(parser, "file to write (default: -, which is standard output)", default="-")
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write all recorders that can be read; return the exit status."""
    wrong = misuse(args.sources, args)
    if wrong:
        say("snapshot", f"error: {wrong}")
        return 2
    lines = are_lines(args.output, otherwise=True)
    output = "" if args.output == "-" else os.path.realpath(args.output)
    try:
        rows = read_rows(args.sources, args, "snapshot", mixed=lines, partial=True, output=output)
        data = encode(rows.by_key(), lines=lines)
    except InputError as error:
        say("snapshot", str(error))
        return 1
    if args.output == "-":
        put(data.decode())
    else:
        status = write("snapshot", args.output, data)
        if status:
            return status
    for problem in rows.problems:
        say("snapshot", problem)
    return 1 if rows.problems else 0
