"""What recording, timing and asking cost, over the least that each could cost."""

from __future__ import annotations

import functools
import subprocess
import sys
import time

import numpy as np

from historian import Histogram, Recorder

from .timing import ROUNDS, Case, Figure, absolute, build, interleave, loop, ratio


def figures() -> list[Figure]:
    return [*recording(), *bulk(), *timers(), *asking(), *importing()]


def recording() -> list[Figure]:
    """Over an empty C method, bound to a local, with the bare loop taken off both."""
    method, record = build("empty").Empty().method, Recorder().record
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("empty float", "method(value)", method=method, value=1.5),
            loop("record float", "record(value)", record=record, value=1.5),
            loop("empty int", "method(value)", method=method, value=1_500_000),
            loop("record int", "record(value)", record=record, value=1_500_000),
        ],
        rounds=2 * ROUNDS,
    )
    base = cases["loop"]
    return [
        ratio("record(float) / empty C method", 1.7, cases["record float"], cases["empty float"], base),
        ratio("record(int) / empty C method", 1.8, cases["record int"], cases["empty int"], base),
    ]


def bulk() -> list[Figure]:
    """4 M float64, 32 MB, lognormal as latencies are."""
    data = np.random.default_rng(1).lognormal(-6, 1, 4_000_000)
    record_many = Recorder().record_many
    cases = interleave(
        [
            loop("numpy.sum", "sum_(data)", repeat=1, sum_=np.sum, data=data),
            loop("record_many", "record_many(data)", repeat=1, record_many=record_many, data=data),
        ]
    )
    return [ratio("record_many(4 M float64) / numpy.sum", 2.5, cases["record_many"], cases["numpy.sum"])]


def timers() -> list[Figure]:
    """Against the same by hand, written as people write it: module globals, attribute look-up."""
    rec, clock = Recorder(), time.perf_counter_ns

    def function() -> None:
        pass

    def closure(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            began = clock()
            try:
                return function(*args, **kwargs)
            finally:
                rec.record(clock() - began)

        return wrapper

    names = {"rec": rec, "clock": clock}
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("with", "with rec.time(): pass", **names),
            loop("by hand", "t = clock(); rec.record(clock() - t)", **names),
            loop("bound by hand", "t = clock(); record(clock() - t)", record=rec.record, clock=clock),
            loop("call", "function()", function=function),
            loop("timed", "function()", function=rec.timed(function)),
            loop("closure", "function()", function=closure(function)),
            loop("start stop", "t = rec.start(); rec.stop(t)", **names),
            loop("pair", "t = clock(); clock() - t", **names),
            loop("two calls", "t = clock(); clock()", **names),
        ]
    )
    base = cases["loop"]
    return [
        ratio(
            "with rec.time(): pass / t = clock(); rec.record(clock() - t)", 1.15, cases["with"], cases["by hand"], base
        ),
        ratio("the same, record bound to a local", 1.15, cases["with"], cases["bound by hand"], base),
        ratio(
            "@rec.timed / closure with try and finally: overhead", 0.45, cases["timed"], cases["closure"], cases["call"]
        ),
        ratio("rec.start(), rec.stop(t) / t = clock(); clock() - t", 0.8, cases["start stop"], cases["pair"], base),
        ratio("the same, without the subtraction", 0.8, cases["start stop"], cases["two calls"], base),
    ]


def asking() -> list[Figure]:
    """Of a recorder holding a million lognormal values in about 800 buckets."""
    rec = Recorder()
    rec.record_many(np.random.default_rng(1).lognormal(-6, 1, 1_000_000))
    data = np.random.default_rng(1).lognormal(-6, 1, 1_000_000)
    one_by_one = Recorder()
    for value in data[:100_000].tolist():
        one_by_one.record(value)
    qs = [0.5, 0.9, 0.99, 0.999, 0.9999]
    h = rec.snapshot()
    other = Histogram.from_values(data)
    cases = interleave(
        [
            loop("both", "rec.snapshot().quantile(qs)", repeat=200, rec=rec, qs=qs),
            loop(
                "both, of a recorder filled one by one",
                "rec.snapshot().quantile(qs)",
                repeat=200,
                rec=one_by_one,
                qs=qs,
            ),
            loop("snapshot", "rec.snapshot()", repeat=200, rec=rec),
            loop("quantiles", "h.quantile(qs)", repeat=200, h=h, qs=qs),
            loop("merge", "h + other", repeat=200, h=h, other=other),
        ]
    )
    return [
        absolute("snapshot() and five quantiles", 25, cases["both"], "us", 1e3),
        absolute("the same, recorded one by one", 25, cases["both, of a recorder filled one by one"], "us", 1e3),
        absolute("snapshot()", 25, cases["snapshot"], "us", 1e3),
        absolute("five quantiles", 25, cases["quantiles"], "us", 1e3),
        absolute("merge of two histograms", 25, cases["merge"], "us", 1e3),
    ]


def importing() -> list[Figure]:
    """Whole interpreters, started anew each time."""

    def start(program: str) -> Case:
        def run() -> float:
            began = time.perf_counter_ns()
            subprocess.run([sys.executable, "-c", program], check=True)
            return float(time.perf_counter_ns() - began)

        return Case(program, run)

    cases = interleave([start("pass"), start("import historian")])
    return [
        absolute("import historian, over the bare interpreter", 15, cases["import historian"], "ms", 1e6, cases["pass"])
    ]
