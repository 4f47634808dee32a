"""Write docs/benchmarks.md from page.md and every file in results/, and the comparison with other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import alternatives
from .data import ASKED, WRONG
from .results import Results

if TYPE_CHECKING:
    from .figures import Growth, Row

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TEMPLATE = HERE / "page.md"
PAGE = HERE.parent / "docs" / "benchmarks.md"

#: Notes on each table.
NOTES = {
    "One value at a time": (
        "The time of the bare loop is subtracted. *latencies* records 2,000 lognormal values in turn, which fall into "
        "many buckets. The other lines record the same number each time, the cheapest case for the caches. The native "
        "lines are C loops without the GIL, where every add is atomic. From Python, the GIL protects historian's adds. "
        "Sketches (KLL, REQ, t-digests) buffer values and sort them from time to time: their cost is an average. No "
        "line shows the cost of a cold cache, which may be larger than all other costs."
    ),
    "Whole arrays": (
        "Time for each value. `numpy.sum` only reads the values: this is the least possible cost of a pass over them. "
        "`numpy.bincount` gets the bucket of each value, and only counts. `numpy.quantile` copies and partitions all "
        "values; it is exact. fastdigest takes lists directly and converts arrays. Times for 1e7 values and more "
        "depend on memory as much as on code."
    ),
    "Timers": (
        "An empty block, or an empty function, without the time of the function's own call. *by hand* is the code that "
        "people write themselves. The coroutine runs without an event loop, whose cost would hide all differences. "
        "Reading the clock is most of each figure. All figures are larger on a machine where the processor's time "
        "stamp counter cannot be used."
    ),
    "Groups of a column": (
        "Processor time for each row, and for each blob. *Sorted* puts the rows into the order of groups (argsort, "
        "split) and then computes p50 and p99 of each, or its histogram. With labels that are not whole numbers there "
        "are 2 M rows in 100 groups."
    ),
    "Files of parquet": (
        "Time for each row, on all processors; the file is in the system's cache. pyarrow only reads the columns, into "
        "memory. A process has to start, too, and to import pyarrow."
    ),
    "Snapshot": "Of one recorder. Reading while other threads write costs more: their cache lines must be fetched.",
    "Quantiles": (
        "Of 1e5 latencies; *five* are p50, p90, p99, p99.9, p99.99. historian takes a snapshot first, which is not "
        "included. Only libraries that answer quantiles are listed; Prometheus and OpenTelemetry leave them to the "
        "server."
    ),
    "Curves of 1,000 points": (
        "Of 2e4 latencies, with an interval for each point: one call with an array, and a loop over its elements. Both "
        "give the same answers."
    ),
    "Pictures": (
        "Each in a new figure of matplotlib, of 20,000 latencies. *Not rendered* is the time of the call, which gives "
        "artists. *Rendered* adds what matplotlib takes to make pixels, mostly to lay out and draw texts."
    ),
    "Request trees": (
        "Of two histograms of 1e6 latencies each, with 95 % intervals. A chain is computed when it is asked. 500 of "
        "1,000 calls of two kinds are a quorum. *6,144 populated buckets* are all that a histogram has."
    ),
    "Display": (
        "The HTML that a notebook shows, `_repr_html_()`, without the import of what draws. A registry is read each "
        "time. A comparison is shown from intervals that it keeps: the first time, it computes or resamples them."
    ),
    "Merge": (
        "historian and boost-histogram create a new histogram; the others add to the left one. The errors are those of "
        "the merged one."
    ),
    "Encode and decode": (
        "Each library's own format, or a pickle if it has none. The size of a sketch is limited by its parameters, "
        "that of a histogram by the range of the values. Compressed sizes are not compared."
    ),
    "Merge of 10,000 as they arrive": (
        "Decoded and merged, one after the other; historian gets all of them in one call. All have the same counts: 20 "
        "different sets, and copies of them. ddsketch uses protobuf, without sum, minimum and maximum. hdrhistogram is "
        "deflated, with two digits."
    ),
    "Export of 200 recorders": (
        "Each recorder holds 10,000 latencies. They are read, and made to data points of exponential histograms. The "
        "SDK's exporter then makes bytes of these."
    ),
    "Scrape of 10,000 label sets": (
        "Each label set holds 250 latencies. prometheus_client has 15 fixed buckets, historian all of its own, about "
        "180 with values, and the 23 classic ones beside them. Both answers are compressed by gzip, as Prometheus asks "
        "for. Processor time, everything included: reading the counts, the answer, compression."
    ),
    "Requests to a web service": (
        "An application that answers at once, in middleware that does nothing, and in historian's. Without a server: "
        "the time of the call, and of reading the answer. Under a server: its processor time for each request, while "
        "another process sends requests over eight connections. The two servers take turns."
    ),
    "Histories": (
        "What no format without loss can be much smaller than: each count of a bucket is a Poisson variable, and has "
        "its entropy, also for who knows the distribution. The bits of minimum, maximum and sum that the counts leave "
        "open are added."
    ),
    "Meters": (
        "Processor time that a meter adds: to a collection of 700 young objects, and to a call in an executor with one "
        "thread. A thread that sleeps, and a callback that does nothing, wake up as often as meters do."
    ),
    "Timed calls of historian run": (
        "A call of an empty function, without the time of the call itself. With monitoring, calls of functions that are"
        " not timed cost nothing more. But each function that an exception leaves, timed or not, costs another call."
    ),
    "Threads": (
        "Time for each value, from the first start to the last end, over all threads. Each thread has its own array "
        "and its own processor. Two threads share the bandwidth of the memory: `numpy.sum`, which only reads, shows "
        "the limit. Figures for two threads are valid only if two processors were free."
    ),
    "Threads and processes": "Of an earlier version; see the tables of threads and of directories elsewhere.",
    "Directories": "Of an earlier version, which had a file for each recorder.",
    "Records in a directory": (
        "Recorders of a directory in memory (`/dev/shm`). A process has counters of its own in each recorder: those of "
        "its lane. So the cost is that of private memory, and does not depend on the number of processes. "
        "prometheus_client has one file for each process; its child is bound to its labels first. Figures for two "
        "processes are valid only if two processors were free."
    ),
    "Thousands of recorders": (
        "In one directory in memory; each recorder has 250 lognormal latencies, which fill nine octaves. "
        "prometheus_client has 15 buckets for each child, a file for each process, and merges the files for each "
        "scrape. Times are those of the processor. *From outside* is another process than those that record. *Space* "
        "is what the files take."
    ),
    "Look up by labels": (
        "Of 200 routes in turn, without the loop. A family is bound to the names of its labels once. prometheus_client "
        "looks its children up by the values of their labels, too."
    ),
    "Resident memory": (
        "Growth of the process, as the kernel counts it, divided by the number of recorders, including the Python "
        "object. The kernel counts pages of 4 kB. This is coarse for a single recorder: 0 means that a resident page "
        "was used. A recorder takes its counters from the heap, 536 bytes for each octave of its values."
    ),
    "Import": (
        "The time of an interpreter that imports the module, minus one that imports nothing, with warm file caches. "
        "The first import after boot takes as long as the disk needs."
    ),
}


def write() -> None:
    """Write both pages."""
    for path, text in ((PAGE, render()), (alternatives.PAGE, alternatives.render(saved()))):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def saved() -> list[Results]:
    """Return all saved results."""
    return [Results.read(path) for path in sorted(RESULTS.glob("*.json"))]


def render() -> str:
    """Return the page for all saved results."""
    return TEMPLATE.read_text(encoding="utf-8").replace("<!-- results -->\n", "".join(map(section, saved())))


def section(results: Results) -> str:
    """Return the section of one run."""
    about = results.about
    title = (
        f"{about['processor']} ({about['simd']}), {about['cores']} cores, {about['system']}, Python {about['python']}"
    )
    if "parts" in about:
        title += f": only {', '.join(about['parts'])}"
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    parts = [
        f"## {title}\n\n",
        f"Commit {about['commit']}, {about['compiler']}, {versions}. ",
        f"The run took {results.seconds:.0f} s; load of the machine at its start: {about['load']}.\n\n",
        skipped(results),
        "### Targets\n\n",
        targets(results),
        *(table(name, results) for name in dict.fromkeys(row.table for row in results.rows)),
        *(["### Growth\n\n", growth(results.growth)] if results.growth else []),
    ]
    return "".join(parts)


def skipped(results: Results) -> str:
    """Return the list of peers and measurements that were skipped."""
    if not results.skipped:
        return "Nothing was skipped.\n\n"
    return "Skipped:\n\n" + "".join(f"- {what}: {why}\n" for what, why in results.skipped.items()) + "\n"


def targets(results: Results) -> str:
    """Return the table of the figures with a target."""
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
    """Return the table of one group of rows, with its notes."""
    rows = [row for row in results.rows if row.table == name]
    answers = any(row.errors is not None for row in rows)
    header = ["who", "what", "best", "median", "spread"]
    if answers:
        header.append("error of " + ", ".join(f"p{q * 100:g}" for q in ASKED))
    lines = [line(row, answers) for row in rows]
    return f"### {name}\n\n{NOTES[name]}\n\n{grid(header, lines)}"


def line(row: Row, answers: bool) -> list[str]:
    """Return the cells of a row, with its errors if `answers` is true."""
    cells = [row.who, f"`{row.what}`", f"{number(row.best)} {row.unit}", f"{number(row.median)} {row.unit}"]
    cells.append(f"{row.spread:.0%}")
    if answers:
        errors = row.errors or ()
        shown = ", ".join(f"{error:.2%}" for error in errors)
        cells.append(f"**wrong**: {shown}" if errors and max(errors) > WRONG else shown)
    return cells


def growth(found: list[Growth]) -> str:
    """Return the table of the exponents."""
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
    """Return a table in Markdown."""
    rows = [header, ["---"] * len(header), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows) + "\n"


def number(value: float) -> str:
    """Return a number as text with three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def unit(name: str) -> str:
    """Return a unit as shown on the page."""
    return "\N{MULTIPLICATION SIGN}" if name == "x" else name
