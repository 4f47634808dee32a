"""A million hosts that send a histogram each minute: what is measured on a sample, and a model that scales it.

``python -m benchmarks.fleet`` simulates 100,000 hosts, merges their histograms in trees, measures what each installed
engine needs to merge them, and saves the figures in benchmarks/fleet.json.  ``--page`` writes docs/explanation/fleet.md
from these.  Costs are seconds of the processor, which other programs on the machine change little.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from historian import Histogram, merge

from . import machine
from .page import grid, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "fleet.json"
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "fleet.md"
#: The tables stand between these lines of the page.
BEGIN, END = "<!-- benchmarks.fleet: begin -->\n", "<!-- benchmarks.fleet: end -->\n"

HOSTS = 1_000_000
#: Requests that a host serves in a minute: 100 a second.
REQUESTS = 6_000
#: Hosts that are simulated; all their values are kept for the first EXACT of them.
SAMPLE, EXACT = 100_000, 2_000
REGIONS = 100
QUANTILES = (0.5, 0.99, 0.999, 0.9999)
FAN_INS = (10, 32, 100, 1_000, 1_000_000)

#: Assumed: what one aggregator receives in a second, 1 Gbit, and how long a message is on its way.
BANDWIDTH, HOP = 125e6, 0.001


# ---- what is simulated ----


def latencies(random: np.random.Generator, requests: int = REQUESTS) -> NDArray[np.float64]:
    """Return the latencies of one host in one minute, in seconds.

    Its median is 10 ms, times a factor of the host.  Two of a hundred requests miss a cache and take ten times as long;
    one of ten thousand is tried again after a timeout of 1 s.
    """
    values = random.lognormal(math.log(0.010) + random.normal(0, 0.3), 0.6, requests)
    values[random.random(requests) < 0.02] *= 10
    values[random.random(requests) < 0.0001] += 1
    return values


def fleet(hosts: int, requests: int = REQUESTS, seed: int = 1) -> tuple[list[bytes], NDArray[np.float64]]:
    """Return the blob of each host, and all values of the first `EXACT` hosts: a row for each."""
    random = np.random.default_rng(seed)
    blobs, kept = [], []
    for _ in range(hosts):
        values = latencies(random, requests)
        blobs.append(Histogram.from_values(values).to_bytes())
        if len(kept) < EXACT:
            kept.append(values)
    return blobs, np.array(kept)


# ---- what is measured ----


def sizes() -> dict[str, float]:
    """Return the mean bytes of a blob by the requests that it counts."""
    by_requests = ((requests, fleet(200, requests)[0]) for requests in (60, 600, 6_000, 60_000, 600_000))
    return {str(requests): float(np.mean([len(blob) for blob in blobs])) for requests, blobs in by_requests}


def levels(blobs: list[bytes]) -> list[dict[str, float]]:
    """Return the bytes of a blob that counts 1, 10, 100 ... hosts, and the seconds to merge one such blob."""
    found = []
    hosts = 1
    while len(blobs) >= 10:
        some = blobs * max(1, 2_000 // len(blobs))  # long enough to be timed
        seconds = min(timed(lambda some=some: merge(some)) for _ in range(5)) / len(some)
        found.append({"hosts": hosts, "bytes": float(np.mean([len(blob) for blob in blobs])), "seconds": seconds})
        blobs = [merge(blobs[start : start + 10]).to_bytes() for start in range(0, len(blobs) - 9, 10)]
        hosts *= 10
    return found


def timed(call: Any) -> float:
    """Return the processor's seconds for a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def tree(blobs: list[bytes], fan_in: int = 1_000) -> dict[str, float]:
    """Merge all blobs at once, and in two levels; return the seconds of each.  Raises unless both are equal."""
    whole = parts = total = Histogram()

    def flat() -> None:
        nonlocal whole
        whole = merge(blobs)

    def lower() -> None:
        nonlocal parts
        parts = [merge(blobs[start : start + fan_in]).to_bytes() for start in range(0, len(blobs), fan_in)]

    def upper() -> None:
        nonlocal total
        total = merge(parts)
        total.quantile(0.9999)

    seconds = {"flat": timed(flat), "lower": timed(lower), "upper": timed(upper)}
    if total != whole:
        raise AssertionError("a tree must give the histogram of all")
    return {**seconds, "fan_in": fan_in, "hosts": len(blobs)}


def accuracy(blobs: Sequence[bytes], values: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return for each quantile of all values: the exact one, the merged histogram's, and the mean of the hosts' own."""
    whole = merge(blobs[: len(values)])
    if whole.count != values.size:
        raise AssertionError("every value must be counted")
    found = []
    for q in QUANTILES:
        exact = float(np.quantile(values, q, method="inverted_cdf"))
        own = np.quantile(values, q, axis=1, method="inverted_cdf")
        found.append({"q": q, "exact": exact, "merged": whole.quantile(q) / exact - 1, "mean": own.mean() / exact - 1})
    return found


# ---- the model ----


def plan(measured: Sequence[dict[str, float]], fan_in: int, hosts: int = HOSTS) -> dict[str, float]:
    """Return what a tree costs in which an aggregator merges the blobs of at most `fan_in` senders, each minute.

    An aggregator is one core.  It receives all blobs at the same moment, and merges them when it has the last one.  So
    a level takes the way of a message, then the bytes over the bandwidth, then the merging; these add up, level by
    level.  A blob of a level is taken to be like the measured one of as many hosts, or of the next larger number.
    """
    senders, covered = hosts, 1
    found = {"fan_in": fan_in, "depth": 0, "aggregators": 0, "bytes": 0.0, "cpu": 0.0, "seconds": 0.0}
    while senders > 1:
        here = min(fan_in, senders)
        blob = next((one for one in measured if one["hosts"] >= covered), measured[-1])
        found["depth"] += 1
        found["bytes"] += senders * blob["bytes"]
        found["cpu"] += senders * blob["seconds"]
        found["seconds"] += HOP + here * (blob["bytes"] / BANDWIDTH + blob["seconds"])
        senders = -(-senders // fan_in)
        covered *= fan_in
        found["aggregators"] += senders
    return found


# ---- results and page ----


def measure(hosts: int, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return all figures, of the engines that are named and installed; by default, of all."""
    from .fleet_engines import ENGINES, costs

    blobs, values = fleet(hosts)
    about = machine.about()
    with tempfile.TemporaryDirectory() as folder:
        engines = costs(blobs, REGIONS, Path(folder), names or list(ENGINES))
    return {
        "about": {name: about[name] for name in ("processor", "cores", "system", "python", "load", "commit")},
        "sizes": sizes(),
        "levels": levels(blobs),
        "tree": tree(blobs),
        "accuracy": accuracy(blobs, values),
        "hosts": len(values),
        "engines": engines,
    }


def render(found: dict[str, Any]) -> str:
    """Return the tables of the page."""
    about, levels, tree = found["about"], found["levels"], found["tree"]
    one = levels[0]["bytes"]
    two_levels = tree["lower"] + tree["upper"]
    share = tree["hosts"] // 1000
    return "\n".join(
        [
            f"{about['processor']}, {about['cores']} cores, {about['system']}, Python {about['python']}; commit "
            f"{about['commit']}; load {about['load']}.\n",
            "## Bytes\n",
            grid(
                ["requests of a host in a minute", "bytes of its histogram", "of the values as float64"],
                [[f"{int(n):,}", f"{size:,.0f}", f"{8 * int(n):,}"] for n, size in found["sizes"].items()],
            ),
            f"At {REQUESTS:,} requests, a million hosts send {number(HOSTS * one / 1e9)} GB each minute, "
            f"{number(HOSTS * one * 8 / 60e6)} Mbit/s, instead of {number(HOSTS * REQUESTS * 8 / 1e9)} GB. To keep all "
            f"of a day takes {number(HOSTS * one * 1440 / 1e12)} TB; to keep one histogram a minute for each of "
            f"{REGIONS} regions takes {number(REGIONS * levels[-1]['bytes'] * 1440 / 1e6)} MB.\n",
            "## Merge cost\n",
            grid(
                ["hosts in a blob", "bytes", "\N{MICRO SIGN}s to merge it"],
                [[f"{x['hosts']:,}", f"{x['bytes']:,.0f}", number(x["seconds"] * 1e6)] for x in levels],
            ),
            f"{share:,} thousand histograms were merged in two levels, {tree['fan_in']:,} and then "
            f"{math.ceil(tree['hosts'] / tree['fan_in']):,}: {number(two_levels)} s of one core, and "
            f"{number(tree['flat'])} s at once. Both histograms are equal, to the last bit of the sum.\n",
            "## Depth, and time to a global p99.99\n",
            grid(
                ["fan-in", "depth", "aggregators", "GB a minute", "core seconds a minute", "seconds to the p99.99"],
                [plan_line(plan(levels, fan_in)) for fan_in in FAN_INS],
            ),
            "## Accuracy\n",
            grid(
                ["quantile", "exact, ms", "error of the merged histogram", "error of the mean of the hosts' own"],
                [
                    [f"p{x['q'] * 100:g}", number(x["exact"] * 1e3), f"{x['merged']:+.2%}", f"{x['mean']:+.1%}"]
                    for x in found["accuracy"]
                ],
            ),
            "## Cost for each of the engines\n",
            grid(
                ["engine", "core seconds for a million histograms", "cores that are busy", "seconds on this machine"],
                [engine_line(name, x, tree["hosts"]) for name, x in found["engines"].items()],
            ),
        ]
    ).replace("\n\n\n", "\n\n")


def plan_line(one: dict[str, float]) -> list[str]:
    """Return a line of the table of trees."""
    return [
        f"{one['fan_in']:,}",
        f"{one['depth']}",
        f"{one['aggregators']:,}",
        number(one["bytes"] / 1e9),
        number(one["cpu"]),
        number(one["seconds"]),
    ]


def engine_line(name: str, one: dict[str, float], hosts: int) -> list[str]:
    """Return a line of the table of engines: figures for a million histograms each minute."""
    cpu = one["cpu"] * HOSTS / hosts
    return [f"{name} {one['version']}", number(cpu), number(cpu / 60), number(one["wall"] * HOSTS / hosts)]


def write(found: dict[str, Any], page: Path = PAGE) -> None:
    """Replace the tables of the page."""
    page.write_text(replaced(page.read_text(encoding="utf-8"), found), encoding="utf-8", newline="\n")


def replaced(text: str, found: dict[str, Any]) -> str:
    """Return the text of the page with new tables.  Raises ValueError unless it has both markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the page must have one line {BEGIN.strip()!r} and one line {END.strip()!r}")
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + render(found) + END + rest.partition(END)[2]


def main(arguments: Sequence[str]) -> int:
    """Measure, or only write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--hosts", type=int, default=SAMPLE, help="default: %(default)s")
    parser.add_argument("--page", action="store_true", help="only write docs/explanation/fleet.md")
    parser.add_argument("--engines", nargs="*", metavar="engine", help="default: all that are installed")
    options = parser.parse_args(arguments)
    if not options.page:
        found = measure(options.hosts, options.engines)
        rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}"))
        RESULTS.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
        print(render(rounded))
    write(json.loads(RESULTS.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
