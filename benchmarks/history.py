"""A day of a history in memory: percentiles over time, totals, longer steps, cuts, and what of it is shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import historian
from historian import Histogram, History, Interval, Key

from .data import latencies
from .figures import absolute, ratio
from .timing import Case, interleave, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer
    from .results import Results

DAY = 8_640  # intervals of 10 s
STEP = 10 * 10**9  # ns
START = 1_795_737_600 * 10**9  # 2026-11-27 00:00 UTC
VALUES = 300  # of each interval and key
KEYS = 1_000
#: Intervals of the history with many keys: an hour of it takes as long as the day divided by 24.
MANY = 360
#: Histograms that differ; the rest are the same objects, which cost as much.
DIFFERENT = 500
ROUNDS = 5
#: Of the processor: there is one thread.
CLOCK = time.process_time_ns


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    one_key(results)
    pictures(results)
    many_keys(results)


def history(intervals: int, keys: int) -> History:
    """Return a history of intervals of 10 s, with counts that differ."""
    held = [Histogram.from_values(values) for values in latencies(VALUES * DIFFERENT).reshape(DIFFERENT, VALUES)]
    held = [one + Histogram.from_values(latencies(k % 97 + 1, seed=k)) for k, one in enumerate(held)]
    names = [Key("http", route=f"/{k}") for k in range(keys)]
    return History(
        Interval(
            START + k * STEP,
            START + (k + 1) * STEP,
            {name: held[(k * 7 + j) % DIFFERENT] for j, name in enumerate(names)},
        )
        for k in range(intervals)
    )


def one_key(results: Results) -> None:
    """Measure a day of one key."""
    day = history(DAY, 1)
    assert len(day.histograms) == DAY  # merged before: percentiles are measured alone
    hour = "2026-11-27T12:00Z", "2026-11-27T13:00Z"
    steps: dict[str, tuple[Callable[[], object], float, str, float]] = {
        "percentile(99), with bounds": (lambda: day.percentile(99), 200, "ms", 1e6),
        "total()": (lambda: day.total(), 50, "ms", 1e6),
        "resample('1m').percentile(99)": (lambda: day.resample("1m").percentile(99), 200, "ms", 1e6),
        "resample('1d', zone='Europe/Berlin')": (lambda: day.resample("1d", zone="Europe/Berlin"), 50, "ms", 1e6),
        "between() of an hour": (lambda: day.between(*hour), 1000, "us", 1e3),
        "a + a": (lambda: day + day, 100, "ms", 1e6),
        "what a notebook shows": (lambda: day._repr_html_(), 500, "ms", 1e6),
    }
    cases = interleave([once(name, run, 1, CLOCK) for name, (run, *_) in steps.items()], ROUNDS)
    for name, (_, target, unit, per) in steps.items():
        results.add(absolute(f"a day of 10 s, one key: {name}", target, cases[name], unit, per))


def pictures(results: Results) -> None:
    """Measure a picture of a thousand intervals, without the time that matplotlib takes to render it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        results.skip("pictures over time", str(error))
        return
    some = history(1_000, 1)

    def draw() -> None:
        some.plot()
        plt.close("all")

    cases = interleave([once("over_time", draw, 1, CLOCK)], ROUNDS)
    results.add(absolute("1,000 intervals: plot() of two percentiles", 150, cases["over_time"], "ms", 1e6))


def many_keys(results: Results) -> None:
    """Measure an hour of 1,000 keys: merging is all that it takes, each histogram once."""
    hour = history(MANY, KEYS)
    whole = [one for interval in hour for one in interval.histograms.values()]

    def total() -> Histogram:
        return History(hour).total()  # not remembered

    cases: dict[str, Case] = interleave(
        [
            once("total", total, MANY * KEYS, CLOCK),
            once("snapshot", hour.snapshot, MANY * KEYS, CLOCK),
            once("keys", lambda: hour.keys, MANY * KEYS, CLOCK),
            once("select", lambda: hour.select("*", route="/7").percentile(99), 1, CLOCK),
            once("merge", lambda: historian.merge(whole), MANY * KEYS, CLOCK),
        ],
        ROUNDS,
    )
    for name, target in (("total", 4), ("snapshot", 4), ("merge", 4), ("keys", 0.5)):
        what = f"{KEYS:,} keys: {name}, for each interval and key"
        results.add(absolute(what, target, cases[name], "us", 1e3))
    for name, target in (("total", 2), ("snapshot", 3)):
        results.add(ratio(f"{KEYS:,} keys: {name} / merge of as many histograms", target, cases[name], cases["merge"]))
    results.add(absolute("an hour of 1,000 keys: select() of one, percentile(99)", 200, cases["select"], "ms", 1e6))
