"""Requests that others send: their exponential histograms as histograms."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._values.key import Key
from ...histogram import Histogram
from .points import from_data_point
from .producer import UNITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._sdk import MetricsData

__all__ = ["Received", "from_metrics"]

#: What historian calls the units that OpenTelemetry has other names for.
OUR_UNITS = {name: unit for unit, name in UNITS.items() if unit}


class Received(NamedTuple):
    """A data point of an exponential histogram, as `from_metrics` finds it."""

    key: Key  # the name of the metric, and the attributes as labels
    histogram: Histogram
    relative_error: float  # at most, of a quantile: see `Decoded`
    start: float  # since when values are counted, in seconds since 1970-01-01 00:00 UTC; 0 if not known
    time: float  # when the point was made, likewise
    is_delta: bool  # True if the next point holds other values, False if it holds these, too
    resource: dict[str, Any]  # what sent it: attributes such as "service.name"


def from_metrics(data: MetricsData | bytes | Any) -> list[Received]:
    """Return the exponential histograms in a request of OTLP, in its bytes, or in the `MetricsData` of an SDK.

    Metrics of other kinds are left out: the buckets of explicit histograms are wider by far.  Points that are marked as
    "no recorded value" are left out, too.  The unit is that of the metric; "By" becomes "bytes", none becomes "1".
    O(buckets).  Raises ValueError, which names the metric, for a point that `from_data_point` refuses, and for a name
    or attributes that a `Key` cannot have.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        data = _parsed(bytes(data))
    if not hasattr(data, "resource_metrics"):
        raise TypeError(f"data must be MetricsData, a request of OTLP or its bytes, not {type(data).__name__}")
    return list(_received(data))


def _parsed(data: bytes) -> Any:
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    except ImportError as error:
        raise ImportError(
            "to read bytes of OTLP needs its protocol: run pip install 'latency-historian[opentelemetry]'"
        ) from error
    try:
        return ExportMetricsServiceRequest.FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a request of OTLP: {error}") from None


def _received(data: Any) -> Iterator[Received]:
    for resource_metrics in data.resource_metrics:
        resource = _attributes(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                found = _exponential(metric)
                for point in found.data_points if found is not None else ():
                    if not point.flags & 1:
                        yield _received_point(metric, found, point, resource)


def _exponential(metric: Any) -> Any:
    """Return the exponential histogram of a metric, of the protocol or of the SDK, or None."""
    if hasattr(metric, "HasField"):
        return metric.exponential_histogram if metric.HasField("exponential_histogram") else None
    points = getattr(metric.data, "data_points", ())
    return metric.data if points and hasattr(points[0], "zero_count") else None


def _received_point(metric: Any, found: Any, point: Any, resource: dict[str, Any]) -> Received:
    try:
        unit = OUR_UNITS.get(metric.unit or "1", metric.unit or "1")
        histogram, error = from_data_point(point, unit=unit)
        key = Key(metric.name, **_attributes(point.attributes))
    except (TypeError, ValueError) as bad:
        raise ValueError(f"metric {metric.name[:200]!r}: {bad}") from None
    times = point.start_time_unix_nano / 1e9, point.time_unix_nano / 1e9
    return Received(key, histogram, error, *times, found.aggregation_temporality == 1, resource)


def _attributes(attributes: Any) -> dict[str, Any]:
    """Return attributes, of the protocol or of the SDK, as a dictionary."""
    if hasattr(attributes, "items"):
        return dict(attributes.items())
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {one.key: _value(one.value) for one in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)
