"""Metrics as messages of io.prometheus.client in protobuf: the format that Prometheus reads native histograms from.

The fields have the numbers of metrics.proto in github.com/prometheus/client_model.  The library protobuf is not used.
It takes counts as lists of numbers, and making these lists for ten thousand histograms takes longer than all the rest
of a scrape.  And one program cannot have it in two versions.
"""

from __future__ import annotations

import math
from functools import lru_cache

from ._labels import packed_labels
from ._wire import delimited, double, seconds, text, varint, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol, SupportsFloat

    from ..._values.base import BaseHistogram
    from ._classic import Classic
    from ._family import HistogramFamily, Series

    class _Exemplar(Protocol):
        """An exemplar of historian, or of prometheus_client."""

        @property
        def labels(self) -> Mapping[str, str]: ...
        @property
        def value(self) -> float: ...
        @property
        def timestamp(self) -> SupportsFloat | None: ...


__all__ = ["HISTOGRAM", "exemplar", "family", "metric", "native_family"]

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
    buckets = _marked(found.classic, histogram) if histogram.exemplars else found.classic.packed(histogram)
    return b"".join((COUNT, count, double(2, histogram.sum), LAYOUT, ZERO_COUNT, zero, start, buckets))


def exemplar(found: _Exemplar) -> bytes:
    """Return a message Exemplar."""
    parts = [packed_labels(found.labels), double(2, found.value)]
    if found.timestamp is not None:
        parts.append(seconds(3, float(found.timestamp)))
    return b"".join(parts)


def _marked(classic: Classic, histogram: BaseHistogram) -> bytes:
    """Return the buckets, classic and native ones, and the exemplars.

    They are in a field for native histograms, and in classic buckets, which servers before 2.50 look at only.  For an
    exemplar above the last classic bucket, there is one that ends at infinity.
    """
    counts = [*classic.counts(histogram), histogram.count]
    messages = {position: delimited(3, exemplar(one)) for position, one in classic.exemplars(histogram).items()}
    parts = [
        delimited(3, whole(1, count) + double(2, bound) + messages.get(position, b""))
        for position, (count, bound) in enumerate(zip(counts, (*classic.bounds, math.inf)))
        if bound < math.inf or position in messages
    ]
    parts.append(classic.native(histogram))
    parts += [delimited(16, exemplar(one)) for one in sorted(histogram.exemplars, key=lambda one: one.timestamp)]
    return b"".join(parts)


def _start_at(at: float) -> bytes:
    return seconds(15, at)


_start = lru_cache(maxsize=1 << 16)(_start_at)  # it stays the same from scrape to scrape
