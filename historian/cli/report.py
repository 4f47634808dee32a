"""``historian report``: one page with a table, curves, a comparison and warnings, to attach to a ticket."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .. import plot
from .._compare.comparison import Comparison
from .._compare.report import QUANTILES, cells_and_notes
from .._show.names import shortened
from .._show.scale import base_unit
from ._input.sources import STDIN, read_rows
from ._input.tally import InputError
from ._options import STATUS, add_command, add_files, add_input, add_output, add_percentiles, misuse
from ._output import put, say, write
from ._page.html import Page
from ._summary import doubts, summary
from .plot import TITLES, curves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..histogram import Histogram
    from ._input.sources import Rows

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Write a page to attach to a ticket: percentiles of each file, recorder, or
group, their curves, what users of many calls wait, and warnings. If there are
two of them, they are compared: the second one over the first. The page is one
file of HTML without scripts, for light and dark themes, wide and narrow
screens.

A file is anything that `historian summarize` reads. Needs matplotlib:
pip install 'latency-historian[plot]'.
"""

EXAMPLES = f"""\
examples:
  historian report latencies.txt -o report.html
  historian report before.hist after.hist -o report.html
  historian report /dev/shm/shop --where name=query -o report.html

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "report", "write a page of tables and pictures", DESCRIPTION, EXAMPLES)
    add_files(parser)
    add_percentiles(parser, "50,90,99,99.9,99.99")
    add_output(parser, "the file to write, .html; - is standard output", required=True)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all files, then write the page.  Return the exit status."""
    wrong = misuse(args.files, args)
    if not wrong and args.output != "-" and not args.output.lower().endswith((".html", ".htm")):
        wrong = f"-o must end with .html, not {args.output!r}"
    if wrong:
        say("report", f"error: {wrong}")
        return 2
    try:
        mixed = "recorders" if args.unit is None else False
        rows = read_rows(args.files, args, "report", mixed=mixed, partial=True, output=os.path.realpath(args.output))
        text = _page(rows, args)
    except (InputError, ImportError) as error:
        say("report", str(error))
        return 1
    for problem in rows.problems:
        say("report", problem)
    if args.output == "-":
        put(text)
        status = 0
    else:
        status = write("report", args.output, text.encode())
    return status or bool(rows.problems)


def _page(rows: Rows, args: argparse.Namespace) -> str:
    names = [STDIN if file == "-" else os.path.basename(os.path.normpath(file)) for file in args.files]
    page = Page(f"Latency report: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}")
    found = summary(rows, args.percentiles, args.show)
    page.warnings(_warnings(rows))
    for table in found.tables:
        page.table(table.headers, table.cells)
    page.lines(found.notes)
    drawn = curves(rows, "report")
    if not drawn:
        page.lines(["There were no numbers."], "result")
    kinds: dict[str, dict[str, Histogram]] = {}
    for name, histogram in drawn.items():
        kinds.setdefault(histogram.unit, {})[name] = histogram
    if len(drawn) == 2 and len(kinds) == 1:
        _compare(page, drawn, args)
    for unit, histograms in kinds.items():
        page.heading(f"Pictures, in {unit}" if len(kinds) > 1 else "Pictures")
        shown = next(iter(histograms.values())) if len(histograms) == 1 else histograms
        for kind, title in TITLES.items():
            if kind != "fanout" or base_unit(unit)[0] == "ns":  # who waits for sizes?
                page.picture(partial(getattr(plot, kind), shown), title)
    return page.text()


def _warnings(rows: Rows) -> list[str]:
    skipped = [f"{rows.skipped:,} pieces of bad input were skipped"] if rows.skipped else []
    return [*rows.problems, *skipped, *doubts(rows)]


def _compare(page: Page, drawn: dict[str, Histogram], args: argparse.Namespace) -> None:
    """Add the comparison of two histograms."""
    a, b = shortened(list(drawn), 40)
    comparison = Comparison(*drawn.values(), names=(a, b))
    headers, cells, notes = cells_and_notes(comparison, QUANTILES)
    page.heading(f"{b} compared with {a}")
    page.lines(notes[-1:], "result")
    page.table(headers, cells)
    page.lines(notes[:-1])
    page.picture(partial(plot.shift, comparison), "Ratio of each percentile")
