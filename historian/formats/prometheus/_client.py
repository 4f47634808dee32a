"""Metrics of prometheus_client as messages of protobuf: counters, gauges, summaries, histograms and all others.

Its metrics are lists of samples, as text has them: a histogram is a sample for each bucket.  In protobuf it is one
message.
"""

from __future__ import annotations

from ._labels import packed_labels
from ._protobuf import exemplar, family, metric
from ._wire import delimited, double, seconds, varint, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import Metric
    from prometheus_client.samples import NativeHistogram, Sample

__all__ = ["client_family"]

#: For each type: its number, the field of a metric that holds it, and the end of its name.
TYPES = {
    "counter": (0, 3, "_total"),
    "gauge": (1, 2, ""),
    "info": (1, 2, "_info"),
    "stateset": (1, 2, ""),
    "summary": (2, 4, ""),
    "unknown": (3, 5, ""),
    "histogram": (4, 7, ""),
    "gaugehistogram": (5, 7, ""),
}
#: Labels that tell the parts of one metric, such as buckets; their values are numbers.
PARTS = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}


def client_family(found: Metric, escape: Callable[[str], str]) -> bytes:
    """Return a metric of prometheus_client as a family.  `escape` replaces what a scraper does not take in names."""
    kind, number, end = TYPES[found.type]
    part = PARTS.get(found.type, "")
    groups: dict[tuple[tuple[tuple[str, str], ...], str], list[Sample]] = {}
    for sample in found.samples:
        pairs = tuple(sorted((name, value) for name, value in sample.labels.items() if name != part))
        groups.setdefault((pairs, _milliseconds(sample)), []).append(sample)
    value_of = _distribution if part else _number
    metrics = [
        metric(
            packed_labels({escape(name): value for name, value in pairs}),
            number,
            value_of(found, samples),
            whole(6, int(at) & 2**64 - 1) if at else b"",
        )
        for (pairs, at), samples in groups.items()
    ]
    name = found.name if not end or found.name.endswith(end) else found.name + end
    return family(escape(name), found.documentation, kind, metrics, found.unit)


def _milliseconds(sample: Sample) -> str:
    """Return the time of a sample, in milliseconds since 1970-01-01 00:00 UTC; empty if it has none."""
    return "" if sample.timestamp is None else str(int(float(sample.timestamp) * 1000))


def _number(found: Metric, samples: Sequence[Sample]) -> bytes:
    """Return a counter, or a message of one number."""
    parts = []
    for sample in samples:
        if found.type == "counter" and sample.name == f"{found.name}_created":
            parts.append(seconds(3, sample.value))
        else:
            parts.append(double(1, sample.value))
            if found.type == "counter" and sample.exemplar:
                parts.append(delimited(2, exemplar(sample.exemplar)))
    return b"".join(parts)


def _distribution(found: Metric, samples: Sequence[Sample]) -> bytes:
    """Return a summary or a histogram."""
    parts, buckets = [], []
    is_summary = found.type == "summary"
    for sample in samples:
        end = sample.name.removeprefix(found.name)
        if end in ("_count", "_gcount"):
            parts.append(whole(1, int(sample.value)) if is_summary else _count(1, 4, sample.value))
        elif end in ("_sum", "_gsum"):
            parts.append(double(2, sample.value))
        elif end == "_created":
            parts.append(seconds(4 if is_summary else 15, sample.value))
        elif end == "_bucket":
            buckets.append((float(sample.labels["le"]), sample))
        elif end == "" and is_summary:
            parts.append(delimited(3, double(1, float(sample.labels["quantile"])) + double(2, sample.value)))
        elif end == "" and sample.native_histogram:
            parts.append(_native(sample.native_histogram))
    for bound, sample in sorted(buckets, key=lambda one: one[0]):
        marked = delimited(3, exemplar(sample.exemplar)) if sample.exemplar else b""
        parts.append(delimited(3, _count(1, 4, sample.value) + double(2, bound) + marked))
    if buckets and not is_summary and not any(sample.name.endswith("count") for sample in samples):
        parts.append(_count(1, 4, max(buckets, key=lambda one: one[0])[1].value))  # of one with negative buckets
    return b"".join(parts)


def _count(number: int, of_float: int, value: float) -> bytes:
    """Return a count: as a whole number, or in the field for those that are not."""
    is_whole = 0 <= value < 2**64 and value == int(value)
    return whole(number, int(value)) if is_whole else double(of_float, value)


def _native(found: NativeHistogram) -> bytes:
    """Return the fields of a native histogram of prometheus_client."""
    parts = [
        _count(1, 4, found.count_value), double(2, found.sum_value), whole(5, _zigzag(found.schema)),
        double(6, found.zero_threshold), _count(7, 8, found.zero_count),
    ]  # fmt: skip
    for spans, deltas, number in ((found.neg_spans, found.neg_deltas, 9), (found.pos_spans, found.pos_deltas, 12)):
        for span in spans or ():
            parts.append(delimited(number, whole(1, _zigzag(span.offset)) + whole(2, span.length)))
        if deltas:
            parts.append(delimited(number + 1, b"".join(varint(_zigzag(int(delta))) for delta in deltas)))
    parts += [delimited(16, exemplar(one)) for one in found.nh_exemplars or ()]
    return b"".join(parts)


def _zigzag(n: int) -> int:
    return 2 * n if n >= 0 else -2 * n - 1
