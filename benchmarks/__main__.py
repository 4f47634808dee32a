"""Run every benchmark, print the figures beside their targets, and keep them in benchmarks/results/."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from . import foundation, timing


def main() -> int:
    about = timing.machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(timing.HEADER)
    figures = []
    for figure in foundation.figures():
        print(figure, flush=True)
        figures.append(figure)
    result = {"machine": about, "figures": [dataclasses.asdict(figure) for figure in figures]}
    path = Path(__file__).parent / "results" / f"foundation-{about['python']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    missed = sum(not figure.reached for figure in figures)
    print(f"{len(figures) - missed} of {len(figures)} figures reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
