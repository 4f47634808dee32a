"""Metrics as messages of io.prometheus.client in protobuf: the format that Prometheus reads native histograms from.

The fields have the numbers of metrics.proto in github.com/prometheus/client_model.  The library protobuf is not used.
It takes counts as lists of numbers, and making these lists for ten thousand histograms takes longer than all the rest
of a scrape.  And one program cannot have it in two versions.
"""

from __future__ import annotations

from functools import lru_cache

from ._wire import delimited, double, seconds, text, varint, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._family import HistogramFamily, Series

__all__ = ["HISTOGRAM", "family", "metric", "native_family"]

HISTOGRAM = 4  # the type of a family
HISTOGRAM_OF_METRIC = 7  # the field

#: Of every histogram: schema = 5, which is 6, and zero_threshold = 6, which is 2**-32.
LAYOUT = whole(5, 6 << 1) + double(6, 2.0**-32)
COUNT, ZERO_COUNT = varint(1 << 3), varint(7 << 3)  # tags


def metric(labels: bytes, number: int, value: bytes, timestamp: bytes = b"") -> bytes:
    """Return a metric as a field of its family.  `number` is the field of `value`, which depends on the type."""
    return delimited(4, labels + delimited(number, value) + timestamp)


def family(name: str, help: str, kind: int, metrics: Iterable[bytes], unit: str = "") -> bytes:
    """Return a family of metrics, after its length."""
    parts = [text(1, name), text(2, help), whole(3, kind), *metrics]
    if unit:
        parts.append(text(5, unit))
    message = b"".join(parts)
    return varint(len(message)) + message


def native_family(found: HistogramFamily) -> bytes:
    """Return a family of native histograms.

    They have classic buckets, too.  A server that reads native histograms skips these, unless it is told to keep both.
    One that asks for protobuf, but does not read native histograms, needs them: Prometheus from 3.8 on does so, if only
    its handling of start times is switched on.
    """
    return family(
        found.name,
        found.documentation,
        HISTOGRAM,
        (metric(one.labels.packed, HISTOGRAM_OF_METRIC, _native(found, one)) for one in found.series),
        found.unit,
    )


def _native(found: HistogramFamily, one: Series) -> bytes:
    """Return a message Histogram."""
    histogram = one.histogram
    count, zero = varint(histogram.count), varint(histogram.zero_count)
    start = b"" if one.start is None else _start(one.start)
    return b"".join(
        (COUNT, count, double(2, histogram.sum), LAYOUT, ZERO_COUNT, zero, start, found.classic.packed(histogram))
    )


def _start_at(at: float) -> bytes:
    return seconds(15, at)


_start = lru_cache(maxsize=1 << 16)(_start_at)  # it stays the same from scrape to scrape
