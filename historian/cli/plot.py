"""``historian plot``: draw the numbers and histograms of any input."""

from __future__ import annotations

import argparse
import os
from functools import partial

from .. import plot
from .._values.text import printable
from ._input.sources import read_rows
from ._input.span import add_every
from ._input.tally import InputError
from ._options import STATUS, add_command, add_files, add_input, add_output, misuse, number
from ._output import put, say, write
from ._over_time import histories
from ._page.figures import as_png, as_svg
from ._page.html import Page
from ._report import printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..histogram import Histogram
    from ..history import History
    from ._input.sources import Rows

__all__ = ["MAX_CURVES", "TITLES", "add_parser", "curves", "run"]

#: The pictures, and their titles.
TITLES = {
    "percentiles": "Percentiles",
    "density": "Where the values are",
    "survival": "Share of values above",
    "fanout": "Users who wait for many calls",
}

#: The pictures of histories, and their titles.
OVER_TIME = {"heatmap": "Where the values are, over time", "over_time": "Percentiles over time"}

#: More columns would be narrower than what can be seen.
MAX_STEPS = 300

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
  historian plot --heatmap --where name=query --last 1h shop.history -o hour.png

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "plot", "draw percentiles and other pictures", DESCRIPTION, EXAMPLES)
    add_files(parser)
    parser.add_argument(
        "--kind", choices=[*TITLES, *OVER_TIME], default="percentiles", metavar="KIND",
        help=f"the picture: {', '.join(TITLES)}; of a history or a .hlog: {', '.join(OVER_TIME)} (default: "
        "%(default)s)",
    )  # fmt: skip
    parser.add_argument("--heatmap", action="store_const", const="heatmap", dest="kind", help="as --kind heatmap")
    add_every(parser, "steps of a picture over time, such as 1m (default: as recorded, at most 300 steps)")
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
        if args.kind in OVER_TIME:
            data = _over_time(histories(args.files, args, "plot", MAX_STEPS), args)
        else:
            rows = read_rows(args.files, args, "plot", output=os.path.realpath(args.output))
            data = _encoded(curves(rows, "plot"), args)
    except OSError as error:
        say("plot", f"{error.filename}: {error.strerror}")
        return 1
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
    if args.kind in OVER_TIME and (args.show or args.scale != 1.0):
        return f"--kind {args.kind} has its own units: omit {'--show' if args.show else '--scale'}"
    if args.kind not in OVER_TIME and args.every is not None:
        return f"--every belongs to {' and '.join(OVER_TIME)}, not to --kind {args.kind}"
    if args.kind == "heatmap" and args.by:
        return "a heat map shows one recorder or group: choose it with --where instead of --by"
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
    return _drawn(partial(getattr(plot, args.kind), shown, **options), list(found), TITLES[args.kind], args)


def _over_time(found: dict[str, History], args: argparse.Namespace) -> bytes:
    """Return a picture of histories.  Several groups have a curve of their p99 each."""
    if len(found) > MAX_CURVES:
        raise InputError(f"{len(found):,} groups could not be told apart: choose at most {MAX_CURVES} with --where")
    shown = next(iter(found.values())) if len(found) == 1 else {name: one.percentile(99) for name, one in found.items()}
    title = OVER_TIME[args.kind] if len(found) == 1 else "p99 over time"
    return _drawn(partial(getattr(plot, args.kind), shown), list(found), title, args)


def _drawn(draw: Callable[..., object], names: list[str], title: str, args: argparse.Namespace) -> bytes:
    """Return a picture in the format that the ending of ``-o`` tells."""
    about = f"{title}: {', '.join(names) or 'no data'}"

    def into(ax: Any) -> None:
        draw(ax=ax)
        if len(names) == 1 or args.kind in OVER_TIME:
            ax.set_title(printable(names[0] if len(names) == 1 else title)[:80], fontsize="medium", parse_math=False)

    if args.output.lower().endswith(".png"):
        return as_png(into)
    if args.output.lower().endswith(".html"):
        page = Page(about[:200])
        page.picture(into, title)
        return page.text().encode()
    return as_svg(into, about[:200])
