"""Run every benchmark, print each figure, save all figures in benchmarks/results/, and write the pages.

``python -m benchmarks`` runs all of them.  ``python -m benchmarks scalar timers`` runs some, and writes nothing.
``python -m benchmarks --save display pictures`` runs some, and saves their figures beside those of the run of all, as
a run of its own; the next run of all replaces both.  ``python -m benchmarks --page`` only writes docs/benchmarks.md and
docs/explanation/alternatives.md, from the saved results.
"""

from __future__ import annotations

import sys
import time

from . import (
    asking,
    bulk,
    columns,
    curves,
    directory,
    display,
    grouped,
    growth,
    history,
    history_file,
    labels,
    live,
    logs,
    machine,
    memory,
    meters,
    middleware,
    otlp,
    page,
    parallel,
    pictures,
    reading,
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
    "grouped": grouped,
    "columns": columns,
    "timers": timers,
    "asking": asking,
    "curves": curves,
    "trees": trees,
    "display": display,
    "pictures": pictures,
    "wire": wire,
    "logs": logs,
    "otlp": otlp,
    "scrape": scrape,
    "middleware": middleware,
    "meters": meters,
    "live": live,
    "reading": reading,
    "parallel": parallel,
    "directory": directory,
    "labels": labels,
    "memory": memory,
    "starting": starting,
    "growth": growth,
    "history": history,
    "history_file": history_file,
}

#: Parts in which historian stands alone.
NO_PEERS = {
    "columns", "curves", "grouped", "trees", "display", "pictures", "middleware", "meters", "live", "growth", "history",
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Return 0, or 2 for an unknown benchmark; a missed target is shown but is not a failure, since machines differ."""
    if arguments == ["--page"]:
        page.write()
        return 0
    saves = arguments[:1] == ["--save"]
    arguments = arguments[saves:]
    unknown = [name for name in arguments if name not in PARTS]
    if unknown:
        print(f"there is no benchmark named {unknown[0]}: choose from {', '.join(PARTS)}", file=sys.stderr)
        return 2
    began, results = time.monotonic(), Results(machine.about())
    for name, value in results.about.items():
        print(f"{name}: {value}")
    peers, skipped = present()
    if not arguments or not NO_PEERS.issuperset(arguments):
        for who, why in skipped.items():
            results.skip(who, why)
    for name in arguments or PARTS:
        print(f"\n-- {name}", flush=True)
        PARTS[name].measure(results, peers)
    results.seconds = time.monotonic() - began
    summarise(results)
    if saves or not arguments:
        save(results, arguments)
        page.write()
    return 0


def save(results: Results, parts: list[str]) -> None:
    """Save a run; one of all parts replaces those of some on this kind of machine."""
    if parts:
        results.about["parts"] = parts
    else:
        for path in page.RESULTS.glob(f"{machine.key()}+*.json"):
            path.unlink()
    results.write(page.RESULTS / f"{'+'.join([machine.key(), *parts])}.json")


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
