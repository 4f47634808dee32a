"""Benchmark tools: read the JSON of pytest-benchmark, pyperf and asv, so that old runs can be compared.

::

    tool              files                                              key of a benchmark
    pytest-benchmark  --benchmark-json=FILE, --benchmark-save=NAME       test_sum.py::test_sum{n=10}
                      with --benchmark-save-data
    pyperf            of -o FILE                                         the name that it has there
    asv               of a commit, in results/MACHINE, by asv run        time_sum{param1=10}
                      --record-samples

All three run a short function many times, and write the time divided by the number of runs.  Such a value is a mean, in
which one slow run hardly shows: a p99 of them is that of means.

Some files have the mean, the standard deviation and quartiles only.  No histogram follows from these, so they are
refused, and the error says how to keep the values.
"""

from __future__ import annotations

import json
import math
import os
import re
from itertools import product

from .._live.snapshots import Snapshot
from .._values.key import Key, fault_of_key
from .._values.text import printable, shortened
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["MAX_NBYTES", "parse", "read"]

#: Maximum size in bytes of a file, 64 MiB.  Its numbers take four times as much memory.
MAX_NBYTES = 1 << 26

#: Units of pyperf.
UNITS = {"second": "s", "byte": "bytes", "integer": "1"}


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Return the benchmarks in a file, by name and parameters; times are in seconds.

    O(bytes).  Raises OSError, and ValueError, with the reason, for a file of no such tool, and for one that has no
    values but only statistics of them.
    """
    with open(os.fspath(path), "rb") as stream:  # an int would be taken for a descriptor
        data = stream.read(MAX_NBYTES + 1)
    try:
        return parse(_unpacked(data))
    except ValueError as error:
        raise ValueError(f"{os.fsdecode(path)}: {error}") from None


def parse(data: bytes | str) -> Snapshot:
    """Return the benchmarks in the contents of a file, as `read` does.

    >>> text = '{"benchmarks": [{"runs": [{"values": [0.25, 0.5]}]}], "metadata": {"name": "sort"}, "version": "1.0"}'
    >>> parse(text)
    {Key('sort'): <Histogram of 2 values: p50 250 ms, p99 500 ms, max 500 ms>}
    """
    root = _document(data)
    if "machine_info" in root or "commit_info" in root:
        found = _pytest_benchmark(root)
    elif "commit_hash" in root and "results" in root:
        found = _asv(root)
    elif isinstance(root.get("benchmarks"), list):
        found = _pyperf(root)
    else:
        raise ValueError("not a file of pytest-benchmark, pyperf or asv: it has none of their keys")
    histograms: dict[Key, Histogram] = {}
    for key, values, unit in found:
        if not values:
            continue  # it has failed
        fault = fault_of_key(key)
        if fault is not None:
            raise ValueError(fault)
        if key in histograms:
            raise ValueError(f"the benchmark {key} is there twice: rename one of them")
        histograms[key] = Histogram.from_values(values, unit=unit)
    if not histograms:
        raise ValueError("it has no benchmarks with values: all failed or were skipped, or measure no time")
    return Snapshot(histograms)


def _unpacked(data: bytes) -> bytes:
    """Return the contents of a file of gzip, as pyperf writes it under a name that ends in .gz; of others, the data."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    import gzip
    import io
    import zlib

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return stream.read(MAX_NBYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"it cannot be decompressed: {error}") from None


def _document(data: bytes | str) -> dict[str, Any]:
    if len(data) > MAX_NBYTES:
        raise ValueError(f"longer than {MAX_NBYTES:,} bytes: write fewer benchmarks to a file")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        root = json.loads(text, parse_int=_number_of)
    except RecursionError:
        raise ValueError("not a file of a benchmark tool: it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("not a file of a benchmark tool: it is not UTF-8 text") from None
    except ValueError as error:
        raise ValueError(f"not a file of a benchmark tool, or cut short: {error}") from None
    if not isinstance(root, dict):
        raise ValueError(f"not a file of a benchmark tool: it holds {_shown(root)}, not an object")
    return root


def _number_of(digits: str) -> int | float:
    return int(digits) if len(digits) <= 400 else float(digits)  # Python refuses to convert thousands of digits


# ---- the tools ---------------------------------------------------------------------------------------


def _pytest_benchmark(root: dict[str, Any]) -> Iterator[tuple[Key, list[float], str]]:
    seen = set()
    for k, one in enumerate(_list(root.get("benchmarks"), "benchmarks")):
        where = f"benchmarks[{k}]"
        benchmark = _object(one, where)
        full = _text(benchmark.get("fullname") or benchmark.get("name"), f"{where}.name")
        stats = _object(benchmark.get("stats"), f"{where}.stats")
        if "data" not in stats:
            raise ValueError(
                f"{_shown(full)} has statistics only, no values: keep them with pytest --benchmark-save-data, or "
                "--benchmark-json=FILE"
            )
        name, bracket, rest = full.partition("[") if full.endswith("]") else (full, "", "")
        params = benchmark.get("params")
        labels = _scalars(params) if isinstance(params, dict) else {}
        key = Key(name, **labels)
        if bracket and (not labels or key in seen):
            key = Key(name, **{**labels, "param": rest[:-1]})
        seen.add(key)
        yield key, _values(stats["data"], f"{where}.stats.data"), "s"


def _scalars(params: dict[str, Any]) -> dict[str, str]:
    """Return parameters as labels; none if one of them has no text that is the same in each run."""
    found = {}
    for name, value in params.items():
        if isinstance(value, str) and not value.startswith("UNSERIALIZABLE["):
            found[name] = value
        elif value is None or isinstance(value, (bool, int, float)):
            found[name] = json.dumps(value)
        else:
            return {}
    return found


def _pyperf(root: dict[str, Any]) -> Iterator[tuple[Key, list[float], str]]:
    common = root.get("metadata") or {}
    for k, one in enumerate(_list(root["benchmarks"], "benchmarks")):
        where = f"benchmarks[{k}]"
        benchmark = _object(one, where)
        metadata = {**_object(common, "metadata"), **_object(benchmark.get("metadata") or {}, f"{where}.metadata")}
        name = _text(metadata.get("name") or "benchmark", f"{where}.metadata.name")
        unit = metadata.get("unit", "second")
        if unit not in UNITS:
            raise ValueError(f"{_shown(name)} has the unit {_shown(unit)}: it must be one of {', '.join(UNITS)}")
        values: list[float] = []
        for j, run in enumerate(_list(benchmark.get("runs"), f"{where}.runs")):
            part = _object(run, f"{where}.runs[{j}]").get("values", [])  # a run that only calibrates has none
            values += _values(part, f"{where}.runs[{j}].values")
        yield Key(name), values, UNITS[unit]


def _asv(root: dict[str, Any]) -> Iterator[tuple[Key, list[float], str]]:
    version = root.get("version")
    if version != 2:
        raise ValueError(f"asv's version must be 2, not {_shown(version)}: convert the results by asv update")
    columns = list(map(str, _list(root.get("result_columns"), "result_columns")))
    for name, one in _object(root["results"], "results").items():
        where = f"results.{name}"
        row = dict(zip(columns, _list(one, where)))
        # Without quartiles it is not times: it has one number, as of memory, or it has failed.
        if row.get("stats_q_25") is not None:
            yield from _asv_times(name, row, where)


def _asv_times(name: str, row: dict[str, Any], where: str) -> Iterator[tuple[Key, list[float], str]]:
    """Yield the times for each combination of parameters."""
    axes = [_list(axis, f"{where}.params") for axis in _list(row.get("params") or [], f"{where}.params")]
    results, samples = (_list(row.get(column) or [], f"{where}.{column}") for column in ("result", "samples"))
    number = math.prod(map(len, axes))
    if len(results) != number:
        raise ValueError(f"{printable(where)} has {len(results):,} results for {number:,} combinations of parameters")
    for j, (combination, result) in enumerate(zip(product(*axes), results)):
        if result is None or result != result:
            continue  # failed, or skipped
        if j >= len(samples) or samples[j] is None:
            raise ValueError(f"{_shown(name)} has statistics only, no values: run asv run --record-samples")
        labels = {f"param{n}": _plain(value) for n, value in enumerate(combination, 1)}
        yield Key(name, **labels), _values(samples[j], f"{where}.samples[{j}]"), "s"


def _plain(value: object) -> str:
    """Return a parameter as asv prints it; a string without its quotation marks."""
    text = str(value)
    quoted = re.fullmatch(r"'([^'\\]*)'", text)
    return quoted[1] if quoted else text


# ---- what is there -----------------------------------------------------------------------------------


def _values(found: object, where: str) -> list[float]:
    values = _list(found, where)
    for k, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise ValueError(f"{where}[{k}] must be a number from 0 on, not {_shown(value)}")
    try:
        return [float(value) for value in values]
    except OverflowError:
        raise ValueError(f"{where} has a number beyond 1.8e308") from None


def _list(found: object, where: str) -> list[Any]:
    if not isinstance(found, list):
        raise ValueError(f"{printable(shortened(where, 80))} must be an array, not {_shown(found)}")
    return found


def _object(found: object, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"{printable(shortened(where, 80))} must be an object, not {_shown(found)}")
    return found


def _text(found: object, where: str) -> str:
    if not isinstance(found, str) or not found:
        raise ValueError(f"{where} must be a text, not {_shown(found)}")
    return found


def _shown(found: object) -> str:
    """Return a value in a few words, on one line."""
    if isinstance(found, (dict, list)):
        return "an object" if isinstance(found, dict) else "an array"
    return "nothing" if found is None else shortened(repr(found), 60)
