"""Measure each engine's own quantiles and historian's, print a table, and save the figures.

``python -m benchmarks.engines`` measures all engines that are installed; with names, such as ``duckdb polars``, only
these.  ``python -m benchmarks.engines --blobs`` measures how long it takes to merge a column of a million histograms.
Figures are saved in benchmarks/engines/results/, a file for each kind of machine; those of other engines stay.
``python -m benchmarks.engines --page`` only writes the tables in docs/engines.md, from the saved figures.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import machine
from . import _data, _merging, _page
from ._measure import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENGINES = sorted(name for _, name, _ in pkgutil.iter_modules([str(Path(__file__).parent)]) if name[0] != "_")


def main(arguments: Sequence[str]) -> int:
    """Return 0, or 1 if an engine that was named is not installed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="engine", help=f"default: all of {', '.join(ENGINES)}")
    parser.add_argument("--rows", type=int, default=_data.ROWS, help="default: %(default)s; other numbers: not saved")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--page", action="store_true", help="write docs/engines.md from the saved figures")
    parser.add_argument("--blobs", action="store_true", help="measure the merge of a column of histograms")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in ENGINES]
    if unknown:
        parser.error(f"there is no engine named {unknown[0]}: choose from {', '.join(ENGINES)}")
    if options.page:
        _page.write()
        return 0
    if options.blobs:
        merging = apart(_merging.measure, options.rounds)
        print(_page.merging(merging))
        save(merging=merging)
        return 0
    found, skipped = measured(options.names or ENGINES, options.rows, options.rounds)
    print(_page.table(found, options.rows))
    if found and options.rows == _data.ROWS:
        save(found)
    return 1 if options.names and skipped else 0


def measured(names: Sequence[str], rows: int, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """Return the findings of each engine, and the names of those that are not installed."""
    path, exact = _data.prepare(rows)
    found: dict[str, Any] = {}
    skipped = []
    for name in names:
        try:
            found[name] = apart(measure, name, str(path), exact, rounds)
        except ImportError as error:
            print(f"skipped: {name} ({error})", flush=True)
            skipped.append(name)
            continue
        for route in found[name]["routes"]:
            print(f"{name}: {route['label']}: {route['best']:.3f} s, median {route['median']:.3f} s", flush=True)
    return found, skipped


def apart(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Return what a function returns in a process of its own, so that no engine slows another one down."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def save(found: dict[str, Any] | None = None, merging: dict[str, Any] | None = None) -> None:
    """Save findings beside those of other engines on this kind of machine."""
    path = _page.RESULTS / f"{machine.key()}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    engines = dict(sorted({**before.get("engines", {}), **(found or {})}.items()))
    merging = merging or before.get("merging")
    names = ("processor", "simd", "cores", "system", "python")
    about = {name: value for name, value in machine.about().items() if name in names}
    run = {"about": about, "rows": _data.ROWS, "groups": _data.GROUPS, "engines": engines, "merging": merging}
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(json.loads(json.dumps(run), parse_float=lambda number: float(f"{float(number):.6g}")), indent=1)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
