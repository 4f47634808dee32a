"""Formats of histograms: a module for each kind of monitoring, imported on demand, such as `opentelemetry`.

Bytes: `Histogram.to_bytes` and `Histogram.from_bytes`.  Plain data, suitable for JSON: `Histogram.to_dict` and
`Histogram.from_dict`.  JSON lines: `historian.snapshot`.
"""

__all__: list[str] = []
