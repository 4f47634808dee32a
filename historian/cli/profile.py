"""``historian profile``: a table of all recorders in a directory, a snapshot, or any other input."""

from __future__ import annotations

import argparse
import shutil

from .._show.fit import fitted
from .._show.profile import LEFT_OUT, notes_on, short_names, tables
from ._input.sources import Rows, read_rows
from ._input.tally import InputError
from ._options import add_command, add_format, add_input, add_percentiles, misuse
from ._output import put, say
from ._report import Report, Table, numbers, plain, printed, report
from ._source import STATUS, add_sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._values.key import Key
    from ..histogram import Histogram

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print the profile of all recorders in a directory, the largest sum first. Their
processes may be running or have ended. DIR may also be a snapshot, a .hist
file, or anything else that `historian summarize` reads; what has no name is
named after the file. The table fits the terminal, or 80 columns: long names
lose what they share. This command only reads: it neither stops nor slows down
the recording processes.
"""

EXAMPLES = f"""\
examples:
  historian profile /dev/shm/shop
  HISTORIAN_DIR=/dev/shm/shop historian profile --by name
  historian profile evening.jsonl --where name=query,table=users

{STATUS}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "profile", "print a table of the recorders in a directory", DESCRIPTION, EXAMPLES)
    add_sources(parser)
    add_percentiles(parser, "50,90,99,99.9,99.99")
    add_format(parser)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table of all recorders that can be read; return the exit status."""
    wrong = misuse(args.sources, args)
    if wrong:
        say("profile", f"error: {wrong}")
        return 2
    try:
        rows = read_rows(args.sources, args, "profile", mixed=True, partial=True)
    except InputError as error:
        say("profile", str(error))
        return 1
    named = [(row.name, row.histogram) for row in rows.rows] if rows.by else [*rows.by_key().items()]
    filled = [(name, histogram) for name, histogram in named if histogram.count]
    if filled or args.format in ("json", "csv"):
        put(report(_report(filled, rows, args), args.format))
    else:
        put("nothing recorded yet\n")
    for problem in rows.problems:
        say("profile", problem)
    return 1 if rows.problems else 0


def _report(histograms: list[tuple[str | Key, Histogram]], rows: Rows, args: argparse.Namespace) -> Report:
    percentiles = args.percentiles
    columns = {"median" if p == 50 else plain(p): p for p in percentiles}
    named = short_names((printed(str(name)), histogram) for name, histogram in histograms)
    # `show` leaves in their unit what it cannot convert.
    shown = [(name, one) for name, one in named if one.unit == args.show]
    others = [(name, one) for name, one in named if one.unit != args.show]
    drawn = [*tables(shown, columns, args.show), *tables(others, columns)]
    if args.format == "table":
        width = max(80, shutil.get_terminal_size().columns)
        drawn = [fitted(headers, cells, width, LEFT_OUT) for headers, cells in drawn]
    ordered = sorted(histograms, key=lambda pair: (pair[1].unit, -pair[1].sum, str(pair[0])))
    records = [{"name": str(name), "unit": h.unit, **numbers(h, percentiles)} for name, h in ordered]
    return Report(
        [Table(*one) for one in drawn], [*notes_on(named, columns), *rows.notes()], records, {"rows": records}
    )
