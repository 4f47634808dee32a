"""``historian changes``: find when a percentile changed in a history."""

from __future__ import annotations

import argparse
import warnings

from .._show.scale import Scale, middle
from ..tail import TailWarning
from ._input.span import add_every, add_span
from ._input.tally import InputError
from ._options import add_command, add_files, add_format, add_selection, add_unit, inner_percent, inner_share
from ._output import put, say
from ._over_time import histories
from ._report import Report, Table, finite, plain, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._compare.change import Change

__all__ = ["add_parser", "run"]

#: More intervals take longer, and tell no more of what lasts longer than a few of them.
MAX_STEPS = 2_000

DESCRIPTION = """\
Find when a percentile changed, in a history that `historian log` wrote, or in a
.hlog: a row for each change, with its ratio and the interval of its time.

A change is a hint where to look, not a cause. A cycle, such as that of a day,
is a change, too: --period says how many steps it takes. --alarm is the
probability that a history without a change shows any.
"""

EXAMPLES = """\
examples:
  historian changes shop.history --every 1m --where route=/search
  historian changes shop.history --every 1h --period 24 --by route

exit status: 0, 1 if a file cannot be read, 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "changes", "find when a percentile changed", DESCRIPTION, EXAMPLES)
    add_files(parser)
    parser.add_argument(
        "-p", "--percentile", metavar="P", type=inner_percent, default="99", help="above 0, below 100 (default: 99)"
    )
    parser.add_argument(
        "--alarm", metavar="PERCENT", type=inner_share, default="1",
        help="probability of any false alarm in a group, in percent (default: 1)",
    )  # fmt: skip
    parser.add_argument("--period", metavar="N", type=_period, help="steps of a cycle, such as 24 for hours of a day")
    add_every(parser, f"steps, such as 1m (default: as recorded, at most {MAX_STEPS:,} steps)")
    add_format(parser)
    add_selection(parser)
    add_span(parser)
    add_unit(parser, "--unit", "unit of the values in a .hlog")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the histories, then print the changes.  Return the exit status."""
    if "-" in args.files:
        say("changes", "error: name the file of a history: it cannot be read from standard input")
        return 2
    found: dict[str, tuple[Change, ...]] = {}
    try:
        for name, history in histories(args.files, args, "changes", MAX_STEPS).items():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", TailWarning)
                found[name] = history.changes(args.percentile, args.alarm, period=args.period)
            for one in caught:
                say("changes", f"{name}: {one.message}")
    except OSError as error:
        say("changes", f"{error.filename}: {error.strerror}")
        return 1
    except (InputError, ValueError) as error:
        say("changes", str(error))
        return 1
    put(report(_report(found, args), args.format))
    return 0


def _report(found: dict[str, tuple[Change, ...]], args: argparse.Namespace) -> Report:
    rows = [(name, change) for name, changes in found.items() for change in changes]
    records = [_record(name, change) for name, change in rows]
    if not rows:
        where = f"of {next(iter(found))}" if len(found) == 1 else f"in {len(found):,} groups"
        return Report([], [f"no change of p{plain(args.percentile)} {where} was found"], records, {"changes": []})
    tables = [
        Table(*_cells([(name, change) for name, change in rows if change.before.unit == unit], args.percentile))
        for unit in dict.fromkeys(change.before.unit for _, change in rows)
    ]
    notes = ["a change is a hint where to look: load, a time of day and a deploy look the same"]
    return Report(tables, notes, records, {"changes": records})


def _cells(rows: list[tuple[str, Change]], p: float) -> tuple[list[str], list[list[str]]]:
    values = [side.percentile(p) for _, change in rows for side in (change.before, change.after)]
    scale = Scale.of(rows[0][1].before.unit, middle(values))
    name = f"p{plain(p)}"
    headers = ["name", "from", "earliest", "latest", f"{name} before ({scale.unit})", "after", "ratio", "95 % interval"]
    return headers, [
        [
            label, change.start, change.earliest, change.latest, scale.show(change.before.percentile(p)),
            scale.show(change.after.percentile(p)), f"{float(change.ratio):.3g}",
            f"{change.ratio.lower:.3g} to {change.ratio.upper:.3g}",
        ]
        for label, change in rows
    ]  # fmt: skip


def _record(name: str, change: Change) -> dict[str, object]:
    return {
        "name": name, "unit": change.before.unit, "quantile": change.q, "from": change.start,
        "earliest": change.earliest, "latest": change.latest, "before": change.before.quantile(change.q),
        "after": change.after.quantile(change.q), "ratio": finite(change.ratio), "lower": finite(change.ratio.lower),
        "upper": finite(change.ratio.upper), "p_value": change.p_value,
    }  # fmt: skip


def _period(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 2:
        raise argparse.ArgumentTypeError(f"must be a whole number of steps, 2 or more, not {text!r}")
    return int(text[:9])
