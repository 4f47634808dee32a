"""Formats of histograms, and of other libraries.

Bytes: `Histogram.to_bytes` and `Histogram.from_bytes`.  Plain data, suitable for JSON: `Histogram.to_dict` and
`Histogram.from_dict`.  JSON lines: `historian.snapshot`.

`historian.formats.hdr`: HdrHistogram's encodings, logs and percentile tables.
`historian.formats.ddsketch`: DDSketch's messages.
"""

__all__: list[str] = []
