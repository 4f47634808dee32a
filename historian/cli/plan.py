"""``historian plan``: how many values a comparison needs, from a pilot."""

from __future__ import annotations

import argparse
import math
import os
from functools import partial

from .._compare.planning import Plan, plan
from .._stats.beyond import collected
from ..tail import Estimate
from ._input.sources import STDIN, groups, read_rows
from ._input.tally import InputError
from ._options import STATUS, add_command, add_format, add_input, inner_share, misuse, number
from ._output import put, say
from ._report import Report, Table, finite, plain, report
from .compare import estimated

__all__ = ["add_parser", "run"]

MAX_DIGITS = 9  # digits of a count

DESCRIPTION = """\
How many values does it take, before and after, to see that a percentile is
slower by 10 %? PILOT has values as they are now. Print how many values of each
side see a change with a probability (the power); with --count, what that many
see: how surely, or without --change, from which change on.

PILOT is anything that `historian summarize` reads, and one histogram: choose a
recorder by --where, or take each group by --by. Values are assumed to be
independent. Values in bursts need more of them.
"""

EXAMPLES = f"""\
examples:
  historian plan before.hist --change 1.1 --rate 100
  historian plan before.hist --change 1.1 --count 5000 -p 95
  historian plan before.hist --count 5000

{STATUS}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "plan", "print how many values a comparison needs", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", metavar="PILOT", help="a file or directory, or - for standard input")
    parser.add_argument(
        "--change", metavar="RATIO", type=_ratio, help="the change to see: 1.1 is 10 %% slower, 0.9 is 10 %% faster"
    )
    parser.add_argument("--count", metavar="N", type=_count, help="values of each side")
    parser.add_argument(
        "--power", metavar="PERCENT", type=inner_share, help="probability to see the change (default: 80)"
    )
    parser.add_argument(
        "-p", "--percentile", metavar="P", type=inner_share, default="99", help="above 0, below 100 (default: 99)"
    )
    parser.add_argument(
        "--confidence", metavar="PERCENT", type=inner_share, default="95",
        help="confidence of the comparison, between 0 and 100 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--rate", metavar="N", type=_rate, help="values per second of each side: print the time, too")
    add_format(parser)
    add_input(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the pilot, then print.  Return the exit status."""
    wrong = misuse([args.file], args)
    if args.change is None and args.count is None:
        wrong = "pass --change, such as 1.1, or --count, such as 5000, or both"
    elif None not in (args.change, args.count, args.power):
        wrong = "pass two of --change, --count and --power: the third one is the answer"
    if wrong:
        say("plan", f"error: {wrong}")
        return 2
    try:
        rows = read_rows([args.file], args, "plan", mixed=bool(args.by))
        found = groups(rows, args.file)
    except InputError as error:
        say("plan", str(error))
        return 1
    name = STDIN if args.file == "-" else os.path.basename(args.file) or args.file
    plans: dict[str, Plan] = {}
    doubts = []
    for group, histogram in found.items():
        asked = {"count": args.count, "power": args.power, "confidence": args.confidence}
        try:
            question = partial(plan, histogram, args.change, args.percentile, **asked)
            plans[group or name], doubt = collected(question)
        except ValueError as error:
            say("plan", f"{group or name}: {error}")
            return 1
        doubts += [f"{group or name}: {doubt}"] if doubt else []
    put(report(_report(plans, args, doubts + rows.notes(), grouped=rows.by), args.format))
    return 0


def _report(plans: dict[str, Plan], args: argparse.Namespace, notes: list[str], *, grouped: object) -> Report:
    headers = ["pilot", "percentile", "change", "power", "values of each side", *(["time"] if args.rate else [])]
    cells = []
    for name, one in plans.items():
        time = [str(one.seconds(args.rate))] if args.rate else []
        count = str(one.count).replace(" values", "") if isinstance(one.count, Estimate) else f"{one.count:,.0f}"
        power = one.power if isinstance(one.power, Estimate) else f"{one.power:.9g}"
        change = one.change if isinstance(one.change, Estimate) else f"{one.change:.9g}"
        cells.append([name, f"p{plain(100 * one.q)}", str(change), str(power), count, *time])
    lines = [
        "in brackets: 95 % intervals, by chance of the pilot and of the simulation",
        f"the change is seen if the {100 * args.confidence:.9g} % interval of the ratio does not hold 1",
        "values are assumed to be independent: values in bursts need more of them",
    ]
    documents = [{"name": name, **_document(one, args.rate)} for name, one in plans.items()]
    return Report(
        [Table(headers, cells)],
        lines + notes,
        [_record(name, one, args.rate) for name, one in plans.items()],
        {"groups": documents} if grouped else documents[0],
    )


def _document(one: Plan, rate: float | None) -> dict[str, object]:
    """Return the document of JSON; a value that is not finite is null."""
    answers = {"count": one.count, "change": one.change, "power": one.power}
    if rate:
        answers["seconds"] = one.seconds(rate)
    told = {name: estimated(given) if isinstance(given, Estimate) else given for name, given in answers.items()}
    return {"quantile": one.q, "confidence": one.confidence, **told}


def _record(name: str, one: Plan, rate: float | None) -> dict[str, object]:
    """Return a row of csv: each answer, and the bounds of the one that was asked for."""
    answer = next(given for given in (one.count, one.change, one.power) if isinstance(given, Estimate))
    return {
        "name": name,
        "quantile": one.q,
        "confidence": one.confidence,
        "count": finite(float(one.count)),
        "change": finite(float(one.change)),
        "power": finite(float(one.power)),
        "lower": finite(answer.lower),
        "upper": finite(answer.upper),
        "seconds": finite(float(one.seconds(rate))) if rate else None,
    }


def _ratio(text: str) -> float:
    ratio = number(text)
    if not 0 < ratio < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, such as 1.1, not {text!r}")
    return ratio


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS or int(text) < 2:
        raise argparse.ArgumentTypeError(f"must be a whole number from 2 to 999,999,999, not {text!r}")
    return int(text)


def _rate(text: str) -> float:
    rate = number(text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text!r}")
    return rate
