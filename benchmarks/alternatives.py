"""Write docs/explanation/alternatives.md from alternatives.md and the runs in results/: ratios to historian."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .data import ASKED, WRONG

if TYPE_CHECKING:
    from .results import Results

HERE = Path(__file__).parent
TEMPLATE = HERE / "alternatives.md"
PAGE = HERE.parent / "docs" / "explanation" / "alternatives.md"

#: A table that runs have since bytes have their present form: earlier ones had larger blobs.
PRESENT = "Merge of 10,000 as they arrive"
US = "historian"
RECORD = ("One value at a time", "latencies, bound")
#: Title of a column, table, and what each library did.
COSTS = {
    "one record": [RECORD],
    "one quantile": [("Quantiles", "one")],
    "merge": [("Merge", "two, of 5e4 latencies each")],
    "bytes": [("Encode and decode", "size of 1e5 latencies")],
}


def render(runs: list[Results]) -> str:
    """Return the page for all runs of the present formats."""
    runs = [run for run in runs if any(row.table == PRESENT for row in run.rows)]
    text = TEMPLATE.read_text(encoding="utf-8")
    count = {1: "one", 2: "two", 3: "three", 4: "four"}.get(len(runs), str(len(runs)))
    parts = {"machines": count, "costs": costs(runs), "errors": errors(runs)}
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text


def peers(runs: list[Results]) -> list[str]:
    """Return the names of all other libraries that record single values, in the order of the benchmarks."""
    found = (row.who for run in runs for row in run.rows if (row.table, row.what) == RECORD)
    return [who for who in dict.fromkeys(found) if who != US]


def costs(runs: list[Results]) -> str:
    """Return the table of ratios."""
    from .page import grid

    lines = [[who, *(ratios(runs, who, column) for column in COSTS.values())] for who in peers(runs)]
    lines.append([f"**{US}**", *(own(runs, column) for column in COSTS.values())])
    return grid(["library", *COSTS], lines).rstrip("\n")


def cost(run: Results, who: str, column: list[tuple[str, str]]) -> tuple[float, str] | None:
    """Return the cost of a library in a run, and its unit; or None if it was not measured."""
    found = (row for row in run.rows if row.who == who and (row.table, row.what) in column)
    return next(((row.best, row.unit) for row in found), None)


def ratios(runs: list[Results], who: str, column: list[tuple[str, str]]) -> str:
    """Return the least and the greatest ratio of a library's cost to historian's."""
    pairs = [(cost(run, who, column), cost(run, US, column)) for run in runs]
    found = sorted(theirs[0] / ours[0] for theirs, ours in pairs if theirs and ours)
    return between([short(value) for value in found])


def own(runs: list[Results], column: list[tuple[str, str]]) -> str:
    """Return historian's least and greatest cost, with the unit."""
    found = sorted(one for run in runs if (one := cost(run, US, column)))
    return f"{between([short(value) for value, _ in found])} {found[0][1]}" if found else ""


def errors(runs: list[Results]) -> str:
    """Return the table of the largest relative errors."""
    from .page import grid

    lines = []
    for who in [US, *peers(runs)]:
        found = [row.errors for run in runs for row in run.rows if row.who == who and (row.table, row.what) == RECORD]
        largest = [max(column) for column in zip(*(one for one in found if one))]
        lines.append([who, *(f"**{value:.1%}**" if value > WRONG else f"{value:.2%}" for value in largest)])
    return grid(["library", *(f"p{q * 100:g}" for q in ASKED)], lines).rstrip("\n")


def between(texts: list[str]) -> str:
    """Return the first and the last of some texts, or one if they are equal."""
    return "" if not texts else texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


def short(value: float) -> str:
    """Return a number with two digits, without an exponent."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"
