"""``historian compare``: compare two files by ratios of their quantiles."""

from __future__ import annotations

import argparse
import json
import math
import os

from .._compare.comparison import MAX_LOOKS, Comparison, check_looks
from .._compare.report import sentence, text
from .._values.decimals import share_of
from ..tail import Estimate
from ._input.arguments import STDIN, add_unit, add_where, misuse, number, percentiles, read_histograms
from ._input.tally import InputError
from ._output import put, say

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Compare two files of latencies by ratios, B divided by A. Ratios often hold on other machines, where differences do not.

A file holds a histogram (.hist), or numbers in one of the formats that historian summarize reads. The intervals assume
independent values. If the speed of a machine varies, measure A and B in turns, with historian.interleave() in Python.
"""

EXAMPLES = """\
examples:
  historian compare before.hist after.hist
  historian compare --unit ms -p 50,99 before.txt after.txt
  historian compare --format json before.hist after.hist

exit status: 0 if both files were read, 1 if not (then no result is printed), 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = commands.add_parser(
        "compare",
        help="compare two files by ratios",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", help="the baseline, the divisor: a file, or - for standard input")
    parser.add_argument("b", metavar="B", help="the dividend: a file, or - for standard input")
    add_where(parser)
    add_unit(parser)
    parser.add_argument(
        "-p", "--percentiles", metavar="P,...", type=percentiles, default="50,90,99,99.9,99.99",
        help="percentiles to compare, from 0 to 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--confidence", metavar="PERCENT", type=_confidence, default="95",
        help="confidence of the intervals, between 0 and 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--looks", metavar="NUMBER", type=_looks, default=1,
        help="how often you will compare these files while they grow: the intervals hold at all times (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=["table", "json"], default="table",
        help="table: only what the data support; json: all values in full precision (default: table)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both files, then print.  Return the exit status."""
    files = [args.a, args.b]
    wrong = misuse(files, args)
    if wrong:
        say("compare", f"error: {wrong}")
        return 2
    try:
        a, b = read_histograms(files, args, "compare")
        comparison = Comparison(a, b, confidence=args.confidence, names=_names(*files), looks=args.looks)
        quantiles = [share_of(p) for p in args.percentiles]
        put(_json(comparison, quantiles) if args.format == "json" else text(comparison, quantiles) + "\n")
    except (InputError, ImportError) as error:
        say("compare", str(error))
        return 1
    return 0


def _confidence(text: str) -> float:
    percent = number(text)
    if not 0 < percent < 100:
        raise argparse.ArgumentTypeError(f"must be between 0 and 100, not {text!r}")
    return percent / 100


def _looks(text: str) -> int:
    try:
        return check_looks(int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number in 1..{MAX_LOOKS:,}, not {text!r}") from None


def _names(a: str, b: str) -> tuple[str, str]:
    """Return names for two files: without their folders if they differ without them."""
    first, second = (STDIN if file == "-" else os.path.basename(file) for file in (a, b))
    return (a, b) if first == second else (first, second)


def _json(comparison: Comparison, quantiles: list[float]) -> str:
    """Return one JSON document; a value that is not finite is null."""
    each = comparison.each_of(quantiles)
    sides = zip(("a", "b"), comparison.names, (comparison.a, comparison.b))
    document = {
        "unit": comparison.a.unit,
        "confidence": comparison.confidence,
        "looks": comparison.looks,
        **{side: {"name": name, "count": h.count, "synthetic": h.synthetic} for side, name, h in sides},
        "ratio_confidence": each,  # of each ratio, so that all ratios together have the confidence above
        "ratios": [_ratio(comparison, q, each) for q in quantiles],
        "superiority": estimated(comparison.superiority),
        "kolmogorov_smirnov": estimated(comparison.kolmogorov_smirnov),
        "wasserstein": estimated(comparison.wasserstein),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _ratio(comparison: Comparison, q: float, each: float) -> dict[str, object]:
    values = {"quantile": q, "a": comparison.a.quantile(q), "b": comparison.b.quantile(q)}
    words = sentence(comparison, q, each)
    try:
        return {**values, "ratio": estimated(comparison.quiet_ratio(q, each)), "sentence": words}
    except ValueError:  # the quantile of A is zero
        return {**values, "ratio": None, "sentence": words}


def estimated(estimate: Estimate) -> dict[str, object]:
    """Return an estimate as a dictionary for JSON; a value that is not finite is None."""
    ends = {"value": float(estimate), "lower": estimate.lower, "upper": estimate.upper}
    how = {"why": estimate.why, "confidence": estimate.confidence, "method": estimate.method}
    return {**{name: end if math.isfinite(end) else None for name, end in ends.items()}, **how}
