"""Load generators by name: where the files that they write hold the latencies, and in which unit (``--from``)."""

from __future__ import annotations

import re
from typing import NamedTuple

from .lines import BOM
from .tally import InputError

__all__ = ["GENERATORS", "WRK2", "Generator", "Shape", "guess", "shape_of"]


class Shape(NamedTuple):
    """One kind of file that a generator writes."""

    what: str  # for messages
    columns: tuple[str, ...] = ()  # of a table: names that the first line has
    mark: str = ""  # of JSON: a regular expression that its beginning matches
    column: str = ""  # where the latencies are, as in `Layout`
    field: str = ""
    header: bool | None = None
    where: tuple[tuple[str, str], ...] = ()  # which rows count, unless the user says so
    counted: str = ""  # for files that hold counts of values: the name of their reader in `counted`
    is_safe: bool = True  # whether no other file looks so
    unit: str = ""  # if it is not that of the generator
    apart: str = ""  # the key of what a file may hold several of: they are counted together, and a note says so


class Generator(NamedTuple):
    """A program whose files are read by its name."""

    unit: str
    shapes: tuple[Shape, ...]


DURATION = "http_req_duration"

#: How the output of wrk begins, perhaps after what a shell has printed.
WRK2 = r"(?:[^\n]*\n){0,20}?\s*Running [^\n]{1,40} test @ "

RECORDED = (("latency", "recorded"),)

#: What each one writes, as their documentation says.
GENERATORS: dict[str, Generator] = {
    "ab": Generator("ms", (
        Shape("the tsv of ab -g", ("starttime", "ctime", "ttime"), column="ttime"),
    )),
    "asv": Generator("s", (
        Shape("the results of asv", mark=r'\{\s*"commit_hash"\s*:\s*"[0-9a-f]+".*"result_columns"\s*:',
              counted="benchmarks"),
    )),
    "fio": Generator("ns", (
        Shape("the JSON of fio --output-format=json+", mark=r'\{\s*"fio version"', counted="fio", apart="direction"),
        Shape("a log of fio, such as _clat.log", column="2", header=False, is_safe=False),
    )),
    "ghz": Generator("ns", (
        Shape("the JSON of ghz", mark=r'\{.*"fastest".*"details"\s*:', field="details.latency"),
        Shape("the csv of ghz", ("duration (ms)", "status", "error"), column="duration (ms)", unit="ms"),
    )),
    "hey": Generator("s", (
        Shape("the csv of hey", ("response-time", "DNS+dialup"), column="response-time"),
    )),
    "hyperfine": Generator("s", (
        Shape("the JSON of hyperfine", mark=r'\{\s*"results"\s*:\s*\[\s*\{\s*"command"', field="results.times",
              apart="results.command"),
    )),
    "jmeter": Generator("ms", (
        Shape("the csv of JMeter", ("timeStamp", "elapsed"), column="elapsed"),
        Shape("the XML of JMeter", mark=r'(<\?xml[^>]*>\s*)?<testResults', counted="jmeter"),
        Shape("the csv of JMeter without names", column="2", header=False, is_safe=False),
    )),
    "k6": Generator("ms", (
        Shape("the csv of k6", ("metric_name", "timestamp", "metric_value"), column="metric_value",
              where=(("metric_name", DURATION),)),
        Shape("the JSON of k6", mark=r'\{(?=[^\n]*"type"\s*:\s*"(?:Metric|Point)")(?=[^\n]*"metric"\s*:)',
              field="data.value", where=(("type", "Point"), ("metric", DURATION))),
    )),
    "locust": Generator("ms", (
        Shape("the JSON of locust", mark=r'\[\s*\{.*"response_times"\s*:', counted="locust"),
    )),
    "oha": Generator("s", (
        Shape("the csv of oha", ("request-start", "request-duration"), column="request-duration"),
        Shape("the JSON of oha", mark=r'\{.*"responseTimeHistogram"\s*:', counted="oha"),
    )),
    "pyperf": Generator("s", (
        Shape("the JSON of pyperf", mark=r'\{\s*"benchmarks"\s*:\s*\[\s*\{\s*"(?:metadata|runs)"\s*:',
              counted="benchmarks"),
    )),
    "pytest-benchmark": Generator("s", (
        Shape("the JSON of pytest-benchmark", mark=r'\{.*"machine_info"\s*:', counted="benchmarks"),
    )),
    "vegeta": Generator("ns", (
        Shape("the JSON of vegeta", mark=r'\{(?=[^\n]*"attack"\s*:)(?=[^\n]*"latency"\s*:)', field="latency"),
        Shape("the csv of vegeta", column="3", header=False, is_safe=False),
    )),
    "wrk2": Generator("ms", (
        Shape("the output of wrk2", mark=WRK2, counted="wrk2", where=RECORDED),
        Shape("a percentile table of HdrHistogram", mark=r'(?:[^\n]*\n){0,20}?\s*"?Value"?[ ,\t]+"?Percentile"?[ ,\t]',
              counted="wrk2", where=RECORDED, is_safe=False),
    )),
}  # fmt: skip


def shape_of(name: str, head: bytes, file: str) -> Shape:
    """Return the shape of a file that begins with `head`, of a generator's.  Raises InputError if it has none."""
    shapes = GENERATORS[name].shapes
    found = next((shape for shape in shapes if _fits(shape, head)), None)
    if found is None:
        raise InputError(f"{file}: it is not what --from {name} reads: {' or '.join(shape.what for shape in shapes)}")
    return found


def guess(head: bytes) -> tuple[str, Shape] | None:
    """Return the generator that wrote a file which begins with `head`, and its shape, if nothing else looks so."""
    for name, generator in GENERATORS.items():
        for shape in generator.shapes:
            if shape.is_safe and _fits(shape, head):
                return name, shape
    return None


def _fits(shape: Shape, head: bytes) -> bool:
    text = head.removeprefix(BOM).lstrip()
    if shape.mark:
        return re.match(shape.mark, text.decode(errors="replace"), re.DOTALL) is not None
    first = text.split(b"\n", 1)[0].decode(errors="replace").strip()
    cells = [cell.strip().strip('"') for cell in re.split("[,\t;|]", first)]
    if shape.columns:
        return set(shape.columns) <= set(cells)
    return first[:1] not in ("{", "[", "<") and len(cells) >= int(shape.column) and cells[0].isdigit()
