"""Whole arrays: by size, type, layout and order, compared with numpy and the peers that take arrays."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from historian import Recorder
from historian._core import SIMD

from .data import ASKED, errors, latencies, places
from .figures import ratio, row
from .native import build
from .timing import ROUNDS, Case, interleave, loop, once

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from .peers import Peer
    from .results import Results

TABLE = "Whole arrays"
MILLION = 1_000_000
#: How many times as long as numpy.sum an array from memory may take, by the instructions that scan it.
FROM_MEMORY = {"avx512": 1.2}


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    from_memory(results, peers)
    in_cache(results)
    short(results)
    kinds(results)
    same_cost(results)
    instructions(results)
    sizes(results)
    libraries(results, peers)


def call(name: str, function: object, data: NDArray, repeat: int = 1) -> Case:
    """Return the case of `function(data)`; its time is divided by the number of values."""
    case = loop(name, "function(data)", repeat=repeat, function=function, data=data)
    whole = case.run
    case.run = lambda: whole() / data.size
    return case


def from_memory(results: Results, peers: list[Peer]) -> None:
    """Measure 4 M float64, 32 MB: more than most caches hold."""
    data = latencies(4 * MILLION)
    cases = [
        call("numpy.sum", np.sum, data),
        call("numpy.bincount", np.bincount, places(data)),
        call("record_many", Recorder().record_many, data),
    ]
    boost = [peer for peer in peers if peer.name == "boost-histogram"]
    timed = interleave(cases)
    results.add(
        ratio(
            "record_many(4 M float64) / numpy.sum", FROM_MEMORY.get(SIMD, 2.2), timed["record_many"], timed["numpy.sum"]
        ),
        ratio("record_many(4 M float64) / numpy.bincount", 0.8, timed["record_many"], timed["numpy.bincount"]),
    )
    for peer in boost:
        cases = [call("record_many", Recorder().record_many, data), call(peer.name, peer.new().fill, data)]
        timed = interleave(cases, rounds=7)
        results.add(ratio("record_many(4 M float64) / boost-histogram", 0.25, timed["record_many"], timed[peer.name]))


def in_cache(results: Results) -> None:
    """Measure 1e5 float64, 800 kB, compared with the additions alone."""
    native, data = build("native"), latencies(100_000)
    cases = interleave(
        [Case("loop", lambda: native.sum_loop(data)), call("record_many", Recorder().record_many, data)], 4 * ROUNDS
    )
    results.add(
        ratio("record_many(1e5 float64, in cache) / sum += x in C", 1.4, cases["record_many"], cases["loop"]),
        row(TABLE, "sum += x in C", "1e5 float64, in cache", cases["loop"]),
        row(TABLE, "historian", "1e5 float64, in cache", cases["record_many"]),
    )


def short(results: Results) -> None:
    """Measure 100 float64, where the call itself matters."""
    data = latencies(100)
    names = {"data": data, "sum_": np.sum, "record_many": Recorder().record_many}
    cases = interleave(
        [
            loop("numpy.sum", "sum_(data)", repeat=5_000, **names),
            loop("record_many", "record_many(data)", repeat=5_000, **names),
        ],
        rounds=4 * ROUNDS,
    )
    results.add(ratio("record_many(100 float64) / numpy.sum", 2.0, cases["record_many"], cases["numpy.sum"]))


def kinds(results: Results) -> None:
    """Measure a million values of each type, layout and order."""
    data = latencies(MILLION)
    wide = np.zeros(4 * MILLION)
    wide[::4] = data
    arrays = {
        "float64": data,
        "float32": data.astype(np.float32),
        "int64, ns": (data * 1e9).astype(np.int64),
        "int32, us": (data * 1e6).astype(np.int32),
        "float64, every 4th": wide[::4],
        "float64, reversed": data[::-1],
        "float64, sorted": np.sort(data),
        "float64, all equal": np.full(MILLION, 0.0025),
        "float64, a list": data[:100_000].tolist(),
    }
    cases = []
    for name, array in arrays.items():
        if isinstance(array, list):
            cases.append(once(name, functools.partial(Recorder().record_many, array), len(array)))
        else:
            cases.append(call(name, Recorder().record_many, array))
    for name, case in interleave(cases, rounds=15).items():
        array = arrays[name]
        results.add(row(TABLE, "historian", f"1e{len(str(len(array))) - 1} {name}", case, errors=off(array)))


def same_cost(results: Results) -> None:
    """Measure 1e5 values of other types, and of strided views, compared with as many float64 side by side.

    A view of every second value reads twice as many cache lines.  So its array is half as long, and both are 800 kB.
    All but float64 side by side are loaded into a chunk of float64, which the scan then reads: this pass costs a tenth
    to a quarter.  To align that chunk gained nothing.  Conversions of int64 in registers of AVX2 took half as long as
    one by one.  Durations, numbers that are divided by 1e9, took 1.7 times as long as float64 with divisions, of which
    no processor begins one of four in less than 5 cycles; with reciprocals that are corrected to the same result 1.3 to
    1.4 times.  To multiply by 1e-9 costs nothing, but rounds twice: 3 ns would not be the float 3e-9.
    """
    data = latencies(100_000)
    half = data[:50_000]
    others = {
        "float32": (data.astype(np.float32), data),
        "int64, ns": ((data * 1e9).astype(np.int64), data),
        "int32, us": ((data * 1e6).astype(np.int32), data),
        "timedelta64[ns]": ((data * 1e9).astype("m8[ns]"), data),
        "float64, reversed": (data[::-1], data),
        "float64, every 2nd": (np.repeat(half, 2)[::2], half),
    }
    for name, (other, usual) in others.items():
        cases = [call("other", Recorder().record_many, other), call("float64", Recorder().record_many, usual)]
        timed = interleave(cases, 2 * ROUNDS)
        results.add(ratio(f"record_many({name}) / float64, in cache", 1.2, timed["other"], timed["float64"]))


def instructions(results: Results) -> None:
    """Measure 1e5 float64, 800 kB, with each kind of instructions that this processor has, round by round."""
    workers = {}
    try:
        for limit in ("avx512", "avx2", "baseline"):
            worker = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.scans", "100000"],
                env={**os.environ, "HISTORIAN_SIMD": limit}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert worker.stdout is not None
            name = worker.stdout.readline().strip()
            if name in workers:
                worker.communicate()  # it ends, as there is nothing more to read
            else:
                workers[name] = worker
        timed = interleave([Case(name, functools.partial(ask, worker)) for name, worker in workers.items()], 4 * ROUNDS)
    finally:
        for worker in workers.values():
            worker.communicate()
    for name, case in timed.items():
        results.add(row(TABLE, "historian", f"1e5 float64, in cache, {name}", case))
    for name, target in (("avx2", 1.5), ("baseline", 2.0)):
        if "avx512" in timed and name in timed:
            results.add(ratio(f"record_many, in cache: {name} / avx512", target, timed[name], timed["avx512"]))
    if "avx512" not in timed:
        results.skip("record_many, in cache: other instructions / avx512", "this processor does not have AVX-512")


def ask(worker: subprocess.Popen[str]) -> float:
    """Have a worker measure one round; return its ns per value."""
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write("\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def off(values: Any) -> tuple[float, ...]:
    """Return the errors of historian's answers about `values`."""
    rec = Recorder()
    rec.record_many(values)
    return errors(np.asarray(values), rec.snapshot().quantile(ASKED).tolist())


def sizes(results: Results) -> None:
    """Measure from a hundred to a hundred million values, beside numpy.sum."""
    largest = np.tile(latencies(4 * MILLION), 25) if spare_memory() > 2e9 else latencies(4 * MILLION)
    for exponent in range(2, 9):
        n = 10**exponent
        if n > largest.size:
            results.skip(f"record_many of 1e{exponent} float64", "it takes 2 GB of free memory")
            continue
        repeat = max(1, 200_000 // n)
        data = largest[:n]
        cases = [call("numpy.sum", np.sum, data, repeat), call("historian", Recorder().record_many, data, repeat)]
        timed = interleave(cases, rounds=3 if n > 1e7 else 7 if n > 1e6 else ROUNDS)
        wrong = off(data[: 4 * MILLION])  # the rest only repeats these
        results.add(
            row(TABLE, "numpy.sum", f"1e{exponent} float64", timed["numpy.sum"]),
            row(TABLE, "historian", f"1e{exponent} float64", timed["historian"], errors=wrong),
        )


def spare_memory() -> float:
    """Return the bytes of free memory; infinity if the system does not say."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return float("inf")


def libraries(results: Results, peers: list[Peer]) -> None:
    """Measure a hundred thousand latencies in one call, for each library that has such a call."""
    data = latencies(100_000)
    able = [peer for peer in peers if peer.fill is not None]
    cases = [
        call("numpy.sum", np.sum, data),
        call("numpy.bincount, given the buckets", np.bincount, places(data)),
        call("numpy.quantile, p50 p99 p99.9", lambda data: np.quantile(data, ASKED, method="inverted_cdf"), data),
    ]
    for peer in able:
        recorder = peer.new()
        cases.append(call(peer.name, lambda data, peer=peer, recorder=recorder: peer.fill(recorder, data), data))
    timed = interleave(cases, rounds=9)
    for case in cases[:3]:
        exact = (0.0,) * len(ASKED) if case.name.startswith("numpy.quantile") else None
        results.add(row(TABLE, case.name, "1e5 latencies", case, errors=exact))
    for peer in able:
        recorder = peer.new()
        peer.fill(recorder, data)
        wrong = errors(data, peer.quantiles(peer.freeze(recorder)))
        results.add(row(TABLE, peer.name, "1e5 latencies", timed[peer.name], errors=wrong))
