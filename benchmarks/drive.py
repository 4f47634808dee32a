"""Repeat one operation of a hot path, to be watched by callgrind.  ``python -m benchmarks.drive PATH TIMES``."""

from __future__ import annotations

import array
import builtins
import functools
import gc
import random
import sys
from itertools import repeat
from typing import Any, NamedTuple

_open = builtins.open


def _open_without_clock(path: Any, *arguments: Any, **keywords: Any) -> Any:
    """Hide from the core that the kernel trusts the processor's time stamp counter.

    The core compares that counter with the clock from time to time, so counts would differ between runs.
    """
    if str(path).endswith("/current_clocksource"):
        raise FileNotFoundError(path)
    return _open(path, *arguments, **keywords)


builtins.open = _open_without_clock
from historian import Histogram, Recorder  # noqa: E402

builtins.open = _open

LARGE, SMALL = 50_000, 100  # values to an array


class HotPath(NamedTuple):
    """A statement, how often it runs, and how many operations it contains."""

    statement: str
    times: int
    operations: int = 1


#: `loop` is the empty loop; its count is subtracted from the others.
PATHS = {
    "loop": HotPath("pass", 100_000),
    "record float": HotPath("record(1.5)", 20_000),
    "rec.record float": HotPath("spare.record(1.5)", 20_000),
    "record int": HotPath("record(1_500_000)", 20_000),
    "with": HotPath("with rec.time(): pass", 10_000),
    "timed": HotPath("timed()", 10_000),
    "start/stop": HotPath("t = start(); stop(t)", 10_000),
    "record_many, per value": HotPath("record_many(large)", 20, LARGE),
    "record_many, 100 values": HotPath("record_many(small)", 5_000),
    "snapshot": HotPath("rec.snapshot()", 1_000),
    "five quantiles": HotPath("h.quantile(five)", 500),
    "merge": HotPath("h + other", 1_000),
}


def names() -> dict[str, Any]:
    """Return the names that the statements use: a recorder and a histogram of 10,000 latencies, and arrays of them."""
    draw = random.Random(1)
    values = array.array("d", (draw.lognormvariate(-6, 1) for _ in range(10_000)))
    rec = Recorder()
    rec.record_many(values)
    spare = Recorder()  # for records; `rec` is only read
    return {
        "rec": rec,
        "spare": spare,
        "record": spare.record,
        "record_many": spare.record_many,
        "timed": spare.timed(functools.partial(int)),
        "start": spare.start,
        "stop": spare.stop,
        "large": values * (LARGE // len(values)),
        "small": values[:SMALL],
        "h": rec.snapshot(),
        "other": Histogram.from_values(values[:5_000]),
        "five": [0.5, 0.9, 0.99, 0.999, 0.9999],
    }


def main(path: str, times: int) -> None:
    """Run the statement of `path`, `times` times."""
    given = names()
    arguments = ", ".join(given)
    source = f"def run(turns, {arguments}):\n    for _ in turns:\n        {PATHS[path].statement}\n"
    scope: dict[str, Any] = {}
    exec(source, scope)
    gc.disable()
    if path == "five quantiles":
        import numpy  # noqa: F401 - import it now, not in the first turn
    scope["run"](repeat(None, times), **given)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
