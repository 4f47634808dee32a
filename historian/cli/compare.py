"""``historian compare``: compare two inputs by ratios of their quantiles."""

from __future__ import annotations

import argparse
import math
import os

from .._compare.arguments import MAX_LOOKS, check_looks
from .._compare.comparison import Comparison
from .._compare.report import cells_and_notes, sentence
from .._show.scale import Scale, base_unit
from .._values.decimals import share_of
from ..tail import Estimate
from ._input.sources import STDIN, Rows, groups, read_rows
from ._input.span import time_of
from ._input.tally import InputError, relabelled, unclear
from ._near import listed
from ._options import add_command, add_format, add_input, add_percentiles, inner_share, misuse, number
from ._output import put, say
from ._periods import NAMES, blocks_of, misuse_of_periods, read_periods
from ._report import Report, Table, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..histogram import Histogram

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Compare two inputs by ratios, B divided by A. Ratios often hold on other
machines, where differences do not.

A and B are anything that `historian summarize` reads, and one histogram each:
choose a recorder by --where, or compare each group by --by. The intervals
assume independent values. If the speed of a machine varies, measure A and B in
turns, with historian.interleave() in Python.

With --before, A and B are two periods of one history, such as those before and
after a deploy. Then the intervals allow for minutes that differ.
"""

EXAMPLES = """\
examples:
  historian compare before.hist after.hist
  historian compare --where name=query monday.jsonl tuesday.jsonl
  historian compare shop.history --before 2026-11-27T12:00Z --last 1h
  historian compare -p 99 --fail-above 1.1 before.hist after.hist

exit status: 0 if both were read; 1 if not (then no result is printed), or if a
ratio is above that of --fail-above; 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "compare", "compare two inputs by ratios", DESCRIPTION, EXAMPLES)
    parser.add_argument("a", metavar="A", help="the baseline, the divisor: a file or directory, or -")
    parser.add_argument("b", metavar="B", nargs="?", help="the dividend: a file or directory, or - for standard input")
    parser.add_argument(
        "--before", metavar="TIME", type=time_of,
        help="compare two periods of the history A: the intervals up to this time, and those from this time on",
    )  # fmt: skip
    parser.add_argument(
        "--after", metavar="TIME", type=time_of, help="the second period begins at this time (default: --before)"
    )
    add_percentiles(parser, "50,90,99,99.9,99.99", "percentiles to compare")
    parser.add_argument(
        "--confidence", metavar="PERCENT", type=inner_share, default="95",
        help="confidence of the intervals, between 0 and 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fail-above", metavar="RATIO", type=_ratio_limit,
        help="exit with status 1 if the whole interval of a ratio is above RATIO",
    )  # fmt: skip
    parser.add_argument(
        "--looks", metavar="NUMBER", type=_looks, default=1,
        help="how often you will compare these files while they grow: the intervals hold at all times (default: 1)",
    )  # fmt: skip
    add_format(parser)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both inputs, then print.  Return the exit status."""
    files = [args.a, args.a if args.b is None else args.b]
    wrong = misuse_of_periods(args) or misuse(files[: 1 if args.b is None else 2], args)
    if wrong:
        say("compare", f"error: {wrong}")
        return 2
    quantiles = [share_of(p) for p in args.percentiles]
    try:
        found, notes = _compared(files, args)
        put(report(_report(found, quantiles, args.show, notes), args.format))
    except (InputError, ImportError) as error:
        say("compare", str(error))
        return 1
    failed = args.fail_above is not None and any(_is_above(one, quantiles, args.fail_above) for one in found.values())
    return 1 if failed else 0


def _compared(files: list[str], args: argparse.Namespace) -> tuple[dict[str, Comparison], list[str]]:
    """Return the comparison of each group, and notes.  Raises InputError."""
    blocks: dict[str, tuple[tuple[Histogram, Histogram], ...]] = {}
    if args.before is not None:
        read, blocks, more = blocks_of(read_periods(args), args)
        names = NAMES
    else:
        read, more = [read_rows([file], args, "compare", mixed=bool(args.by)) for file in files], []
        names = _names(*files)
    pairs, notes = _pairs(read, files)
    found = {
        name: Comparison(a, b, blocks=blocks.get(name, ()), confidence=args.confidence, names=names, looks=args.looks)
        for name, (a, b) in pairs.items()
    }
    return found, notes + more


def _pairs(read: list[Rows], files: list[str]) -> tuple[dict[str, tuple[Histogram, Histogram]], list[str]]:
    """Return the histograms of A and B, in one unit, by group, and notes; without ``--by`` the group is empty."""
    for rows, others in zip(read, read[::-1]):
        if rows.guessed and others.other is not None:
            raise unclear(*others.other)
    # Benchmarks are compared each with itself; a single one may have got another name.
    apart = all(rows.apart for rows in read) and any(len(rows.rows) > 1 for rows in read)
    a, b = (groups(rows, file, apart=apart) for rows, file in zip(read, files))
    common = [name for name in a if name in b]
    if not common:
        raise InputError(f"no group is in both: {listed(a)} in {files[0]}, {listed(b)} in {files[1]}")
    alone = [name for name in (*a, *b) if name not in common]
    if alone:
        say("compare", f"left out, in one of the two only: {listed(alone)}")
    notes = list(dict.fromkeys(note for rows in read for note in rows.notes()))
    if len(common) > 1:
        notes.append(f"the intervals of one group hold together; of {len(common):,} groups, some may miss by chance")
    return {name: _alike(a[name], b[name], read, files) for name in common}, notes


def _alike(a: Histogram, b: Histogram, read: list[Rows], files: list[str]) -> tuple[Histogram, Histogram]:
    """Return two histograms in one unit: numbers whose unit nothing tells are in that of the others."""
    if a.unit == b.unit:
        return a, b
    if read[0].assumed:
        return relabelled(a, b.unit), b
    if read[1].assumed:
        return a, relabelled(b, a.unit)
    first, second = (STDIN if file == "-" else file for file in files)
    same = base_unit(a.unit)[0] == base_unit(b.unit)[0]
    remedy = f"to convert, pass --show {a.unit}" if same else "such values cannot be compared"
    raise InputError(f"{second}: its values are in {b.unit!r}, not in {a.unit!r} as those of {first}: {remedy}")


def _is_above(comparison: Comparison, quantiles: list[float], limit: float) -> bool:
    each = comparison.each_of(quantiles)
    bounds = [comparison.bounded(q, each) for q in quantiles]
    return any(ratio is not None and ratio.lower > limit for ratio in bounds)


def _report(comparisons: dict[str, Comparison], quantiles: list[float], show: str | None, notes: list[str]) -> Report:
    tables: list[Table] = []
    records: list[dict[str, object]] = []
    documents: list[dict[str, object]] = []
    for name, comparison in comparisons.items():
        scale = Scale(show, 1.0) if show and show == comparison.a.unit else None
        headers, cells, lines = cells_and_notes(comparison, quantiles, scale)
        tables.append(Table(headers, cells, name, lines))
        document = _document(comparison, quantiles)
        documents.append({"name": name, **document})
        records += [_record(name, comparison, ratio) for ratio in _ratios(comparison, quantiles)]
    alone = documents[0] if "" in comparisons else None
    if alone is not None:
        del alone["name"]
    return Report(tables, notes, records, alone or {"groups": documents})


def _looks(text: str) -> int:
    try:
        return check_looks(int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number in 1..{MAX_LOOKS:,}, not {text!r}") from None


def _names(a: str, b: str) -> tuple[str, str]:
    """Return names for two files: without their folders if they differ without them."""
    if a == b:
        return f"{a} (A)", f"{b} (B)"
    first, second = (STDIN if file == "-" else os.path.basename(file) for file in (a, b))
    return (a, b) if first == second else (first, second)


def _ratio_limit(text: str) -> float:
    limit = number(text)
    if not 0 < limit < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text!r}")
    return limit


def _document(comparison: Comparison, quantiles: list[float]) -> dict[str, object]:
    """Return the document of JSON; a value that is not finite is null."""
    sides = zip(("a", "b"), comparison.names, (comparison.a, comparison.b))
    return {
        "unit": comparison.a.unit,
        "confidence": comparison.confidence,
        "looks": comparison.looks,
        **{side: {"name": name, "count": h.count, "synthetic": h.synthetic} for side, name, h in sides},
        # The confidence of each ratio, so that all ratios together have the confidence above.
        "ratio_confidence": comparison.each_of(quantiles),
        "ratios": _ratios(comparison, quantiles),
        "superiority": estimated(comparison.superiority),
        "kolmogorov_smirnov": estimated(comparison.kolmogorov_smirnov),
        "wasserstein": estimated(comparison.wasserstein),
    }


def _ratios(comparison: Comparison, quantiles: list[float]) -> list[dict[str, object]]:
    each = comparison.each_of(quantiles)
    return [_ratio(comparison, q, each) for q in quantiles]


def _ratio(comparison: Comparison, q: float, each: float) -> dict[str, object]:
    values = {"quantile": q, "a": comparison.a.quantile(q), "b": comparison.b.quantile(q)}
    words = sentence(comparison, q, each)
    try:
        return {**values, "ratio": estimated(comparison.quiet_ratio(q, each)), "sentence": words}
    except ValueError:  # the quantile of A is zero
        return {**values, "ratio": None, "sentence": words}


def _record(name: str, comparison: Comparison, ratio: dict[str, object]) -> dict[str, object]:
    """Return a row of csv."""
    bounds = ratio["ratio"] if isinstance(ratio["ratio"], dict) else {}
    return {
        "group": name,
        "unit": comparison.a.unit,
        "quantile": ratio["quantile"],
        "a": ratio["a"],
        "b": ratio["b"],
        "ratio": bounds.get("value"),
        "lower": bounds.get("lower"),
        "upper": bounds.get("upper"),
        "sentence": ratio["sentence"],
    }


def estimated(estimate: Estimate) -> dict[str, object]:
    """Return an estimate as a dictionary for JSON; a value that is not finite is None."""
    ends = {"value": float(estimate), "lower": estimate.lower, "upper": estimate.upper}
    how = {"why": estimate.why, "confidence": estimate.confidence, "method": estimate.method}
    return {**{name: end if math.isfinite(end) else None for name, end in ends.items()}, **how}
