"""One value at a time: compared with an empty C method and with the peers, and from native code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from historian import Recorder

from .data import errors, latencies
from .figures import Row, ratio, row
from .native import build
from .timing import ROUNDS, Case, interleave, loop

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

STREAM = 2_000  # values in a loop: few enough to stay in the cache
TABLE = "One value at a time"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module."""
    calls(results)
    streams(results, peers)
    from_native(results)


def calls(results: Results) -> None:
    """Measure a record over an empty C method, both bound to a local, without the time of the bare loop."""
    method, rec = build("empty").Empty().method, Recorder()
    cases = interleave(
        [
            loop("loop", "pass"),
            loop("empty float", "method(value)", method=method, value=1.5),
            loop("record float", "record(value)", record=rec.record, value=1.5),
            loop("empty int", "method(value)", method=method, value=1_500_000),
            loop("record int", "record(value)", record=rec.record, value=1_500_000),
            loop("record two digits", "record(value)", record=rec.record, value=1_500_000_000_000),
            loop("attribute", "rec.record(value)", rec=rec, value=1.5),
            loop("numpy", "record(value)", record=rec.record, value=np.float64(1.5)),
        ],
        rounds=4 * ROUNDS,
    )
    base = cases["loop"]
    results.add(
        ratio("record(float) / empty C method", 1.5, cases["record float"], cases["empty float"], base),
        ratio("record(int) / empty C method", 1.6, cases["record int"], cases["empty int"], base),
        ratio("record(int) / record(float)", 1.05, cases["record int"], cases["record float"], base),
        row(TABLE, "the bare loop", "for _ in repeat(None, n): pass", base),
        row(TABLE, "an empty C method", "method(1.5), bound", cases["empty float"], base=base),
        row(TABLE, "historian", "record(1.5), bound", cases["record float"], base=base),
        row(TABLE, "historian", "record(1_500_000), bound", cases["record int"], base=base),
        row(TABLE, "historian", "record(1_500_000_000_000), bound", cases["record two digits"], base=base),
        row(TABLE, "historian", "rec.record(1.5)", cases["attribute"], base=base),
        row(TABLE, "historian", "record(numpy.float64(1.5)), bound", cases["numpy"], base=base),
    )


def streams(results: Results, peers: list[Peer]) -> None:
    """Measure each library's bound method with one latency after the other."""
    values, whole = latencies(STREAM), latencies(100_000)
    cases, able = [loop("loop", "pass", over=values.tolist())], [peer for peer in peers if peer.update is not None]
    for peer in able:
        cases.append(loop(peer.name, "update(value)", over=peer.numbers(values), update=peer.update(peer.new())))
    timed = interleave(cases, rounds=2 * ROUNDS)
    base = timed["loop"]
    for peer in able:
        off = errors(whole, peer.quantiles(peer.freeze(peer.filled(whole))))
        results.add(row(TABLE, peer.name, "latencies, bound", timed[peer.name], base=base, errors=off))
    others = [timed[peer.name] for peer in able if peer.name != "historian"]
    if others:
        cheapest = min(others, key=lambda case: case.best)
        results.add(
            ratio(f"record / the cheapest peer's update ({cheapest.name})", 0.2, timed["historian"], cheapest, base)
        )
        exact = exact_peers(results.rows)
        if exact and exact != cheapest.name:
            results.add(
                ratio(f"record / the cheapest right answer ({exact})", 0.2, timed["historian"], timed[exact], base)
            )


def exact_peers(rows: list[Row]) -> str | None:
    """Return the cheapest peer whose answers are not wrong."""
    from .data import WRONG

    right = [
        row
        for row in rows
        if row.table == TABLE and row.who != "historian" and row.errors is not None and max(row.errors) <= WRONG
    ]
    return min(right, key=lambda row: row.best).who if right else None


def from_native(results: Results) -> None:
    """Measure an atomic record from Cython, without the GIL, over two locked adds."""
    native, values, n = build("native"), latencies(STREAM), 20_000
    rec = Recorder()
    rec.record(1.5)
    cases = interleave(
        [
            Case("adds", lambda: native.locked_adds(n)),
            Case("record", lambda: native.record_native(rec, 1.5, n)),
            Case("each", lambda: native.record_native_each(rec, values)),
        ],
        rounds=4 * ROUNDS,
    )
    results.add(
        ratio("record_native() / two uncontended locked adds", 1.2, cases["record"], cases["adds"]),
        row(TABLE, "two uncontended locked adds", "native loop", cases["adds"]),
        row(TABLE, "historian", "record_native(1.5), native loop", cases["record"]),
        row(TABLE, "historian", "record_native(), latencies, native", cases["each"]),
    )
