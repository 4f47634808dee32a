"""What is used of OpenTelemetry's SDK."""

from __future__ import annotations

from contextlib import contextmanager

try:
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
    from opentelemetry.sdk.metrics import Histogram as HistogramInstrument
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Buckets,
        ExponentialHistogram,
        ExponentialHistogramDataPoint,
        Metric,
        MetricExporter,
        MetricExportResult,
        MetricsData,
        ResourceMetrics,
        ScopeMetrics,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
except ImportError as _error:
    raise ImportError(
        "historian.formats.opentelemetry needs OpenTelemetry's SDK: run pip install 'latency-historian[opentelemetry]'"
    ) from _error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "AggregationTemporality",
    "Buckets",
    "ExponentialHistogram",
    "ExponentialHistogramDataPoint",
    "HistogramInstrument",
    "InstrumentationScope",
    "Metric",
    "MetricExportResult",
    "MetricExporter",
    "MetricsData",
    "Resource",
    "ResourceMetrics",
    "ScopeMetrics",
    "SdkExemplar",
    "untraced",
]


@contextmanager
def untraced() -> Iterator[None]:
    """Do something that other instrumentation does not trace, such as the requests of an exporter."""
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)
