"""Run every benchmark, print each figure, save all figures in benchmarks/results/, and write the pages.

``python -m benchmarks`` runs all of them.  ``python -m benchmarks scalar timers`` runs some, and writes nothing.
``python -m benchmarks --page`` only writes docs/benchmarks.md and docs/explanation/alternatives.md, from the saved
results.
"""

from __future__ import annotations

import sys
import time

from . import (
    asking,
    bulk,
    curves,
    directory,
    display,
    growth,
    labels,
    machine,
    memory,
    otlp,
    page,
    parallel,
    pictures,
    scalar,
    scrape,
    starting,
    timers,
    trees,
    wire,
)
from .peers import present
from .results import Results

PARTS = {
    "scalar": scalar,
    "bulk": bulk,
    "timers": timers,
    "asking": asking,
    "curves": curves,
    "trees": trees,
    "display": display,
    "pictures": pictures,
    "wire": wire,
    "otlp": otlp,
    "scrape": scrape,
    "parallel": parallel,
    "directory": directory,
    "labels": labels,
    "memory": memory,
    "starting": starting,
    "growth": growth,
}


def main(arguments: list[str]) -> int:
    """Return 0, or 2 for an unknown benchmark; a missed target is shown but is not a failure, since machines differ."""
    if arguments == ["--page"]:
        page.write()
        return 0
    unknown = [name for name in arguments if name not in PARTS]
    if unknown:
        print(f"there is no benchmark named {unknown[0]}: choose from {', '.join(PARTS)}", file=sys.stderr)
        return 2
    began, results = time.monotonic(), Results(machine.about())
    for name, value in results.about.items():
        print(f"{name}: {value}")
    peers, skipped = present()
    for who, why in skipped.items():
        results.skip(who, why)
    for name in arguments or PARTS:
        print(f"\n-- {name}", flush=True)
        PARTS[name].measure(results, peers)
    results.seconds = time.monotonic() - began
    summarise(results)
    if not arguments:
        results.write(page.RESULTS / f"{machine.key()}.json")
        page.write()
    return 0


def summarise(results: Results) -> None:
    """Print all figures that have targets again, in one table."""
    print("\n-- figures with a target: best rounds, median of the rounds, spread")
    for figure in results.figures:
        print(figure)
    reached = sum(figure.verdict == "reached" for figure in results.figures)
    print(f"{reached} of {len(results.figures)} reached, in {results.seconds:.0f} s")
    print(f"skipped: {', '.join(results.skipped) or 'nothing'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
