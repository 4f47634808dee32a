"""The table in docs/engines.md, and the one that is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..page import grid, number
from . import QUANTILES
from ._merging import BLOBS, GROUPS

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
#: The table stands between these lines of the page.
BEGIN, END = "<!-- benchmarks.engines: begin -->\n", "<!-- benchmarks.engines: end -->\n"


def write(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Replace the tables of the page by those of all saved results.

    Raises ValueError unless the page has both markers.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page.name} must have one line {BEGIN.strip()!r} and one line {END.strip()!r}")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    page.write_text(before + BEGIN + "\n" + "\n".join(map(section, runs)) + END + after, encoding="utf-8", newline="\n")


def section(run: dict[str, Any]) -> str:
    """Return the table of one machine."""
    about, engines = run["about"], run["engines"]
    groups = f"{run['rows']:,} rows in {run['groups']} groups"
    where = f"{about['processor']}, {about['cores']} cores, {about['system']}, Python {about['python']}"
    versions = sorted({f"{name} {version}" for one in engines.values() for name, version in one["versions"].items()})
    commits = sorted({str(one["commit"]) for one in engines.values()})
    loads = max((one["load"] for one in engines.values()), default=0)
    after = merging(run["merging"]) if run.get("merging") else ""
    return (
        f"{groups}, one parquet file. {where}; commit {', '.join(commits)}; {', '.join(versions)}. "
        f"Load of the machine at the start of a measurement: at most {loads}.\n\n{table(engines, run['rows'])}{after}"
    )


def table(engines: dict[str, Any], rows: int) -> str:
    """Return the lines of all engines.

    A ratio is the time of the engine's first route of its own, divided by that of the line, both the best of a run.
    """
    asked = ", ".join(f"p{q * 100:g}" for q in QUANTILES)
    header = ["engine", "route", "exact", "seconds", "median", "rows/s", "ratio", f"largest error of {asked}", "median"]
    lines = []
    for name, engine in engines.items():
        routes = engine["routes"]
        base = next((route["best"] for route in routes if not route["ours"]), None)
        for route in routes:
            label = f"**{route['label']}**" if route["ours"] else route["label"]
            lines.append(
                [
                    name,
                    label,
                    "yes" if route["exact"] else "no",
                    number(route["best"]),
                    number(route["median"]),
                    f"{number(rows / route['best'] / 1e6)} M",
                    f"{base / route['best']:.2f}" if base else "",
                    percent(route["largest"]),
                    percent(route["middle"]),
                ]
            )
    return grid(header, lines)


def merging(found: dict[str, Any]) -> str:
    """Return the table of the merges of a column of blobs."""
    lines = [[f"**{route['label']}**", number(route["best"]), number(route["median"])] for route in found["routes"]]
    what = f"{BLOBS:,} histograms of {found['nbytes']} bytes, merged into {GROUPS} groups"
    return f"\n{what}; commit {found['commit']}.\n\n" + grid(["", "seconds", "median"], lines)


def percent(errors: list[float]) -> str:
    """Return errors as text, with two digits, down to a thousandth of a percent."""
    found = ("< 0.001" if 0 < e < 1e-5 else f"{100 * e:.2g}" if 0 < e < 1 else f"{100 * e:.0f}" for e in errors)
    return ", ".join(f"{error} %" for error in found)
