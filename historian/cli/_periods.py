"""Two periods of one history, such as those before and after a deploy, as the two sides of a comparison."""

from __future__ import annotations

import argparse

from .._compare.arguments import least_blocks
from .._compare.periods import paired
from .._history.times import time_ns, time_text
from .._values.text import counted
from ..histogram import merge
from ._input.histories import STEP, untimed
from ._input.sources import Row, read_rows
from ._input.span import EACH
from ._options import choice_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..histogram import Histogram
    from ._input.sources import Rows

__all__ = ["NAMES", "blocks_of", "misuse_of_periods", "read_periods"]


#: What both periods are called.
NAMES = ("before", "after")


def misuse_of_periods(args: argparse.Namespace) -> str:
    """Return what is wrong with the options for periods; empty if nothing is."""
    if args.before is None:
        if args.after is not None:
            return "--after needs --before, the end of the first period"
        return "" if args.b is not None else "B is missing: name two files, or pass --before with a history"
    if args.b is not None:
        return f"--before compares two periods of {args.a!r}: omit {args.b!r}"
    return "--last would be only one of both periods: limit them by --since and --until" if args.last else ""


def read_periods(args: argparse.Namespace) -> list[Rows]:
    """Return the rows of both periods: one for each interval and group.  Raises InputError.

    An interval in which a period begins or ends belongs to neither of them.
    """
    ends = {"until": args.before}, {"since": args.after or args.before}
    read = [argparse.Namespace(**{**vars(args), **end, "every": EACH}) for end in ends]
    return [read_rows([args.a], one, "compare", mixed=bool(args.by)) for one in read]


def blocks_of(
    read: list[Rows], args: argparse.Namespace
) -> tuple[list[Rows], dict[str, tuple[tuple[Histogram, Histogram], ...]], list[str]]:
    """Return the rows of both periods with all intervals merged, the pairs of blocks of each group, and notes."""
    choice = choice_of(args)
    whole: list[Rows] = []
    periods: list[dict[str, list[Histogram]]] = []
    for rows in read:
        found: dict[str, list[Row]] = {}
        for row in rows.rows:
            found.setdefault(choice.name_of(untimed(row.key)), []).append(row)
        merged = [
            Row(name, untimed(group[0].key), merge(row.histogram for row in group), False)
            for name, group in found.items()
        ]
        whole.append(rows._replace(rows=merged))
        alone = not rows.by
        periods.append({"" if alone else name: [row.histogram for row in group] for name, group in found.items()})
    blocks = {
        name: paired(period, periods[1][name], args.confidence)
        for name, period in periods[0].items()
        if name in periods[1]
    }
    notes = [_when(name, rows) for name, rows in zip(NAMES, read)]
    if not all(blocks.values()):
        least = least_blocks(args.confidence)
        notes.append(f"fewer than {least} intervals in a period: what differs from one to the next is not allowed for")
    return whole, blocks, notes


def _when(name: str, rows: Rows) -> str:
    """Return from when to when the intervals of a period are, for readers."""
    steps = {time_ns(dict(row.key.labels)[STEP]) for row in rows.rows}
    if not steps:
        return f"{name}: nothing"
    first, last = time_text(min(steps)), time_text(max(steps))
    return f"{name}: {counted(len(steps), 'interval')}, which began from {first} to {last}"
