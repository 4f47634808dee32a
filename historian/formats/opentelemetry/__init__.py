"""Recorders as OpenTelemetry's exponential histograms, without loss: the extra ``opentelemetry``.

============================================  ========================================================
to                                            use
============================================  ========================================================
send what recorders count in the background   `PeriodicExporter`, with any `MetricExporter`
send it beside the metrics of an SDK          `RegistryExporter`, in a `PeriodicExportingMetricReader`
make metrics, to send them oneself            `metrics_data`, or again and again `MetricProducer`
make one data point of a histogram            `data_point`
read what others send                         `from_metrics`, or of one data point `from_data_point`
============================================  ========================================================

Without OpenTelemetry's SDK, the import raises ImportError, which names the extra.

>>> from historian import Registry
>>> from historian.formats.opentelemetry import from_metrics, metrics_data
>>> registry = Registry()
>>> registry.recorder("http.server.request.duration", method="GET").record_many([0.25, 0.5])
>>> data = metrics_data(registry)
>>> point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
>>> point.count, point.scale, point.positive.offset, point.attributes
(2, 6, -129, {'method': 'GET'})
>>> [(str(received.key), received.histogram.max) for received in from_metrics(data)]
[('http.server.request.duration{method=GET}', 0.5)]
"""

from .exporter import PeriodicExporter, RegistryExporter
from .points import Decoded, data_point, from_data_point
from .producer import MetricProducer, metrics_data
from .requests import Received, from_metrics

__all__ = [
    "Decoded",
    "MetricProducer",
    "PeriodicExporter",
    "Received",
    "RegistryExporter",
    "data_point",
    "from_data_point",
    "from_metrics",
    "metrics_data",
]
