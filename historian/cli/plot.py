"""``historian plot``: draw the numbers and histograms of any input."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .. import plot
from .._values.text import printable
from ._input.sources import read_rows
from ._input.tally import InputError
from ._options import STATUS, add_command, add_files, add_input, add_output, misuse, number
from ._output import put, say, write
from ._page.figures import as_png, as_svg
from ._page.html import Page
from ._report import printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..histogram import Histogram
    from ._input.sources import Rows

__all__ = ["MAX_CURVES", "TITLES", "add_parser", "curves", "run"]

#: The pictures, and their titles.
TITLES = {
    "percentiles": "Percentiles",
    "density": "Where the values are",
    "survival": "Share of values above",
    "fanout": "Users who wait for many calls",
}

ENDINGS = (".svg", ".png", ".html")

MAX_CURVES = 12  # in a picture; more could not be told apart

DESCRIPTION = """\
Draw the percentiles of numbers and histograms, or another picture: a curve for
each file, recorder, or group, at most 12. The ending of -o tells what is
written: .svg follows the reader's light or dark theme, .png is on white, .html
is one page that needs no other file.

A file is anything that `historian summarize` reads. Needs matplotlib:
pip install 'latency-historian[plot]'.
"""

EXAMPLES = f"""\
examples:
  historian plot latencies.txt -o percentiles.svg
  historian plot --kind survival before.hist after.hist -o both.png
  historian plot --kind fanout -t 0.5 lookup.hist -o fanout.html

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "plot", "draw percentiles and other pictures", DESCRIPTION, EXAMPLES)
    add_files(parser)
    parser.add_argument(
        "--kind", choices=list(TITLES), default="percentiles", metavar="KIND",
        help=f"the picture: {', '.join(TITLES)} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-t", metavar="T", type=number,
        help="with fanout: the share of users who wait over T, in the unit of the values (default: p99 of their waits)",
    )  # fmt: skip
    add_output(parser, "the file to write: .svg, .png or .html; - writes SVG to standard output", required=True)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all files, then write the picture.  Return the exit status."""
    wrong = misuse(args.files, args) or _misuse(args)
    if wrong:
        say("plot", f"error: {wrong}")
        return 2
    try:
        rows = read_rows(args.files, args, "plot", output=os.path.realpath(args.output))
        data = _encoded(curves(rows, "plot"), args)
    except (InputError, ImportError) as error:
        say("plot", str(error))
        return 1
    if args.output == "-":
        put(data.decode())
        return 0
    return write("plot", args.output, data)


def _misuse(args: argparse.Namespace) -> str:
    if args.t is not None and args.kind != "fanout":
        return f"-t belongs to --kind fanout, not to --kind {args.kind}"
    if args.t is not None and not 0 <= args.t < float("inf"):
        return f"-t must be finite and not negative, not {args.t!r}"
    if args.output != "-" and not args.output.lower().endswith(ENDINGS):
        return f"-o must end with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, not {args.output!r}"
    return ""


def curves(rows: Rows, command: str) -> dict[str, Histogram]:
    """Return the histograms to draw, by name.  Says if some of many are left out."""
    found = {printed(row.name): row.histogram for row in rows.rows if row.histogram.count}
    if len(found) > MAX_CURVES:
        largest = sorted(found, key=lambda name: -found[name].sum)[:MAX_CURVES]
        say(command, f"drawn: {MAX_CURVES} of {len(found):,}, those with the largest sum; choose with --where")
        found = {name: one for name, one in found.items() if name in largest}
    return found


def _encoded(found: dict[str, Histogram], args: argparse.Namespace) -> bytes:
    options: dict[str, Any] = {"t": args.t} if args.kind == "fanout" else {}
    shown = next(iter(found.values())) if len(found) == 1 else found
    draw: Callable[..., object] = partial(getattr(plot, args.kind), shown, **options)
    title = TITLES[args.kind]
    about = f"{title}: {', '.join(found) or 'no data'}"

    def into(ax: Any) -> None:
        draw(ax=ax)
        if len(found) == 1:
            ax.set_title(printable(next(iter(found)))[:80], fontsize="medium", parse_math=False)

    if args.output.lower().endswith(".png"):
        return as_png(into)
    if args.output.lower().endswith(".html"):
        page = Page(about[:200])
        page.picture(into, title)
        return page.text().encode()
    return as_svg(into, about[:200])
