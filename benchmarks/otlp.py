"""Recorders as data points of OpenTelemetry: what an export costs before its bytes are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from historian import Registry

from .data import latencies
from .figures import absolute, row
from .timing import ROUNDS, interleave, once

if TYPE_CHECKING:
    from .peers import Peer
    from .results import Results

RECORDERS = 200
TABLE = "Export of 200 recorders"


def measure(results: Results, peers: list[Peer]) -> None:
    """Measure all figures of this module; nothing without OpenTelemetry's SDK."""
    try:
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

        from historian.formats.opentelemetry import metrics_data
    except ImportError as error:
        results.skip("export to OpenTelemetry", str(error))
        return
    registry = Registry()
    for i in range(RECORDERS):
        registry.recorder("http.server.request.duration", route=f"/{i}").record_many(latencies(10_000, i + 1))
    data = metrics_data(registry)
    cases = interleave(
        [
            once("data points", lambda: metrics_data(registry)),
            once("data points, at most 160 buckets each", lambda: metrics_data(registry, max_buckets=160)),
            once("bytes of OTLP, by the SDK's exporter", lambda: encode_metrics(data).SerializeToString()),
        ],
        rounds=ROUNDS,
    )
    results.add(absolute(f"data points of {RECORDERS} recorders", 60, cases["data points"], "ms", 1e6))
    for name, case in cases.items():
        who = "historian" if "points" in name else "opentelemetry-sdk"
        results.add(row(TABLE, who, name, case, unit="ms", per_unit=1e6))
