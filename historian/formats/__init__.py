"""Formats of histograms.  This package has no public names yet.

Bytes: `Histogram.to_bytes` and `Histogram.from_bytes`.  Plain data, suitable for JSON: `Histogram.to_dict` and
`Histogram.from_dict`.  JSON lines: `historian.snapshot`.
"""

__all__: list[str] = []
