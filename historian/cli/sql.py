"""``historian sql``: print a query that counts values in buckets, where the data already is."""

from __future__ import annotations

import argparse

from ..engines.sql import DIALECTS, query
from ._options import add_command, add_unit
from ._output import put, say

__all__ = ["add_parser", "run"]

DESCRIPTION = """\
Print a query that counts the values of a column in buckets, where the data
already is. Its result is small, and holds all that a histogram needs: save it
as csv with a header, and `historian summarize` and all other commands read it,
with --by for groups.

Each value is counted in the bucket in which historian itself would count it,
in every dialect: no logarithm decides. Count, min, max and sum are exact. Only
spark, bigquery and snowflake add up values above 2**64, and those from 2**-32
down, in their own way.

Missing, NaN, infinite and negative values belong to no bucket. The query
counts them, and commands that read its result refuse it, or, with --skip-bad,
say how many there were.
"""

EXAMPLES = """\
examples:
  historian sql --dialect duckdb --column latency --by route --table r.parquet
  historian sql --dialect postgres --column latency --by route \\
    --table requests | psql --csv -f - > result.csv
  historian summarize --by route result.csv

exit status: 0; 2 for a wrong command line
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``historian``."""
    parser = add_command(commands, "sql", "print a query that makes histograms", DESCRIPTION, EXAMPLES)
    parser.add_argument(
        "--dialect", required=True, choices=list(DIALECTS), metavar="NAME", help=f"the engine: {', '.join(DIALECTS)}"
    )
    parser.add_argument("--column", required=True, metavar="NAME", help="the column of values")
    parser.add_argument(
        "--by", metavar="NAME", action="append", default=[],
        help="one group for each value of this column; repeat it for combinations",
    )  # fmt: skip
    parser.add_argument(
        "--table", metavar="NAME", default="your_table",
        help="the table, with dots between its parts; for duckdb also a file (default: your_table)",
    )  # fmt: skip
    add_unit(parser, "--unit", "unit of the values (default: s)")
    parser.add_argument(
        "--invalid", choices=["count", "drop", "raise"], default="count", metavar="HOW",
        help="count values that belong to no bucket, drop them, or raise: let the query fail (default: count)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the query.  Return the exit status."""
    try:
        text = query(
            args.dialect,
            column=args.column,
            by=args.by,
            table=args.table,
            unit=args.unit or "s",
            invalid=args.invalid,
        )
    except ValueError as error:
        say("sql", f"error: {error}")
        return 2
    put(text)
    return 0
