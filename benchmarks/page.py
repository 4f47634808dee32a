"""docs/benchmarks.md, made of page.md and of every file in results/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .data import ASKED, WRONG
from .results import Results

if TYPE_CHECKING:
    from .figures import Growth, Row

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TEMPLATE = HERE / "page.md"
PAGE = HERE.parent / "docs" / "benchmarks.md"

#: What each table shows, and what it does not.
NOTES = {
    "One value at a time": (
        "The bare loop is taken off. *latencies* feeds 2,000 lognormal values in turn, so that they fall into many "
        "buckets; the other lines record one number again and again, which is the cheapest case for the caches. The "
        "native lines are C loops without the GIL, where every add is atomic; from Python, historian's adds are "
        "protected by the GIL. Sketches (KLL, REQ, t-digests) buffer values and sort them now and then: their cost is "
        "an average. Nothing here shows what a cold cache costs, which may well be more than everything else."
    ),
    "Whole arrays": (
        "Time for each value. `numpy.sum` reads the values and no more: the least that any pass over them costs. "
        "`numpy.bincount` is given the bucket of each value, and only counts. `numpy.quantile` copies and partitions "
        "all values; it is exact. fastdigest takes lists natively and converts arrays. Times for 1e7 and more are of "
        "memory as much as of code."
    ),
    "Timers": (
        "An empty block, or an empty function whose own call is taken off; *by hand* is what people write "
        "themselves. The coroutine is driven without an event loop, whose cost would hide everything. The clock is "
        "most of each of these figures: on a machine where the processor's time stamp counter cannot be used they are "
        "larger, all of them."
    ),
    "Snapshot": "Of one recorder. Reading while other threads write costs more: their cache lines must be fetched.",
    "Quantiles": (
        "Of 1e5 latencies; *five* are p50, p90, p99, p99.9, p99.99. A snapshot comes before them in historian, and is "
        "not included. Only libraries that answer a quantile are listed; Prometheus and OpenTelemetry leave that to "
        "the server."
    ),
    "Merge": "historian and boost-histogram make a new one; the others add to the left one. Each is asked after it.",
    "Encode and decode": (
        "Each library's own form, or a pickle where it has none. Sizes of sketches are bounded by their "
        "parameters, those of histograms by the range of the values. Compressed sizes are not compared."
    ),
    "Merge of 10,000 as they arrive": (
        "Decoded and merged, one after the other; historian is handed them all in one call. All have the same counts: "
        "20 different sets, and copies of them. ddsketch as protobuf, which leaves out sum, minimum and maximum; "
        "hdrhistogram deflated, with two digits."
    ),
    "Threads": (
        "Time for each value, from the first start to the last end, over all threads. Each has its own array and its "
        "own processor. From memory, two threads share its bandwidth: `numpy.sum`, which only reads, shows how much "
        "that is. Figures for two threads hold only if two processors were free."
    ),
    "Threads and processes": "Of an earlier version; see the tables of threads and of directories elsewhere.",
    "Directories": (
        "Recorders that count in files, in a temporary directory. Each process has a block of its own in each file, "
        "once it has recorded 4,096 values; hence the price is that of private memory, and does not depend on the "
        "number of processes. prometheus_client has a file to each process; its child is bound to its labels first. "
        "Figures for two processes hold only if two processors were free."
    ),
    "Resident memory": (
        "Growth of the process, as the kernel counts it, over the number of recorders, the Python object included. "
        "Pages of 4 kB are the unit: for a single recorder that is a coarse measure, and 0 means that a page already "
        "resident was used. Address space is not resident memory: a recorder maps 96 kB and touches little of it."
    ),
    "Import": (
        "A whole interpreter that imports the module, less one that imports nothing, with warm file caches. The first "
        "import after boot takes as long as the disk does."
    ),
}


def write() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8", newline="\n")


def render() -> str:
    """Return the page for the results that are there."""
    found = [Results.read(path) for path in sorted(RESULTS.glob("*.json"))]
    return TEMPLATE.read_text(encoding="utf-8").replace("<!-- results -->\n", "".join(section(one) for one in found))


def section(results: Results) -> str:
    """Return all that one run has found."""
    about = results.about
    title = (
        f"{about['processor']} ({about['simd']}), {about['cores']} cores, {about['system']}, Python {about['python']}"
    )
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    parts = [
        f"## {title}\n\n",
        f"Commit {about['commit']}, {about['compiler']}, {versions}. ",
        f"The run took {results.seconds:.0f} s; load of the machine at its start: {about['load']}.\n\n",
        skipped(results),
        "### Targets\n\n",
        targets(results),
        *(table(name, results) for name in dict.fromkeys(row.table for row in results.rows)),
        "### Growth\n\n",
        growth(results.growth),
    ]
    return "".join(parts)


def skipped(results: Results) -> str:
    if not results.skipped:
        return "Nothing was skipped.\n\n"
    return "Skipped:\n\n" + "".join(f"- {what}: {why}\n" for what, why in results.skipped.items()) + "\n"


def targets(results: Results) -> str:
    lines = [
        [
            figure.measure,
            f"{figure.sense} {number(figure.target)} {unit(figure.unit)}",
            f"{number(figure.best)}",
            f"{number(figure.median)}",
            f"{figure.spread:.0%}",
            figure.verdict if figure.verdict == "reached" else f"**{figure.verdict}**",
        ]
        for figure in results.figures
    ]
    return grid(["measure", "target", "best", "median", "spread", ""], lines)


def table(name: str, results: Results) -> str:
    rows = [row for row in results.rows if row.table == name]
    answers = any(row.errors is not None for row in rows)
    header = ["who", "what", "best", "median", "spread"]
    if answers:
        header.append("error of " + ", ".join(f"p{q * 100:g}" for q in ASKED))
    lines = [line(row, answers) for row in rows]
    return f"### {name}\n\n{NOTES[name]}\n\n{grid(header, lines)}"


def line(row: Row, answers: bool) -> list[str]:
    cells = [row.who, f"`{row.what}`", f"{number(row.best)} {row.unit}", f"{number(row.median)} {row.unit}"]
    cells.append(f"{row.spread:.0%}")
    if answers:
        errors = row.errors or ()
        shown = ", ".join(f"{error:.2%}" for error in errors)
        cells.append(f"**wrong**: {shown}" if errors and max(errors) > WRONG else shown)
    return cells


def growth(found: list[Growth]) -> str:
    lines = [
        [
            one.measure,
            one.size_of,
            f"{one.sizes[0]:,.0f} to {one.sizes[-1]:,.0f}",
            f"{number(one.costs[0])} to {number(one.costs[-1])} {one.unit}",
            f"{one.exponent:.2f}",
            f"{one.last_exponent:.2f}",
        ]
        for one in found
    ]
    return grid(["what", "size", "from, to", "cost", "exponent", "at the end"], lines)


def grid(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows) + "\n"


def number(value: float) -> str:
    """Return three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def unit(name: str) -> str:
    return "\N{MULTIPLICATION SIGN}" if name == "x" else name
