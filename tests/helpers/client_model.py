"""The messages that a Prometheus server reads, by the library protobuf: a reader that is not historian's writer."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
PACKAGE = "io.prometheus.client"
#: The fields of each message by name: its number and type.  A list says that there may be several.
MESSAGES: dict[str, dict[str, tuple[int, Any]]] = {
    "Timestamp": {"seconds": (1, "INT64"), "nanos": (2, "INT32")},
    "LabelPair": {"name": (1, "STRING"), "value": (2, "STRING")},
    "Exemplar": {"label": (1, ["LabelPair"]), "value": (2, "DOUBLE"), "timestamp": (3, "Timestamp")},
    "Gauge": {"value": (1, "DOUBLE")},
    "Counter": {"value": (1, "DOUBLE"), "exemplar": (2, "Exemplar"), "created_timestamp": (3, "Timestamp")},
    "Quantile": {"quantile": (1, "DOUBLE"), "value": (2, "DOUBLE")},
    "Summary": {
        "sample_count": (1, "UINT64"), "sample_sum": (2, "DOUBLE"), "quantile": (3, ["Quantile"]),
        "created_timestamp": (4, "Timestamp"),
    },
    "Untyped": {"value": (1, "DOUBLE")},
    "Bucket": {
        "cumulative_count": (1, "UINT64"), "upper_bound": (2, "DOUBLE"), "exemplar": (3, "Exemplar"),
        "cumulative_count_float": (4, "DOUBLE"),
    },
    "BucketSpan": {"offset": (1, "SINT32"), "length": (2, "UINT32")},
    "Histogram": {
        "sample_count": (1, "UINT64"), "sample_sum": (2, "DOUBLE"), "bucket": (3, ["Bucket"]),
        "sample_count_float": (4, "DOUBLE"), "schema": (5, "SINT32"), "zero_threshold": (6, "DOUBLE"),
        "zero_count": (7, "UINT64"), "zero_count_float": (8, "DOUBLE"), "negative_span": (9, ["BucketSpan"]),
        "negative_delta": (10, ["SINT64"]), "positive_span": (12, ["BucketSpan"]), "positive_delta": (13, ["SINT64"]),
        "created_timestamp": (15, "Timestamp"), "exemplars": (16, ["Exemplar"]),
    },
    "Metric": {
        "label": (1, ["LabelPair"]), "gauge": (2, "Gauge"), "counter": (3, "Counter"), "summary": (4, "Summary"),
        "untyped": (5, "Untyped"), "timestamp_ms": (6, "INT64"), "histogram": (7, "Histogram"),
    },
    "MetricFamily": {
        "name": (1, "STRING"), "help": (2, "STRING"), "type": (3, "INT32"), "metric": (4, ["Metric"]),
        "unit": (5, "STRING"),
    },
}  # fmt: skip


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package=PACKAGE, syntax="proto2")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            many = isinstance(kind, list)
            kind = kind[0] if many else kind
            added = message.field.add(name=field, number=number)
            added.label = FIELD.LABEL_REPEATED if many else FIELD.LABEL_OPTIONAL
            if kind in MESSAGES:
                added.type, added.type_name = FIELD.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                added.type = getattr(FIELD, f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_FAMILY = message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.MetricFamily"))


def read_families(data: bytes) -> list[Any]:
    """Return the families in a response.  Fails if there are fields that the messages do not have."""
    found, at = [], 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        family = _FAMILY.FromString(data[at : at + size])
        again = _FAMILY.FromString(data[at : at + size])
        again.DiscardUnknownFields()
        assert again == family and again.ByteSize() == family.ByteSize()
        found.append(family)
        at += size
    assert at == len(data)
    return found


def native_counts(histogram: Any) -> dict[int, int]:
    """Return the counts of the positive buckets, by the number of the bucket, as a server adds them up."""
    counts, bucket, count, deltas = {}, 0, 0, iter(histogram.positive_delta)
    for place, span in enumerate(histogram.positive_span):
        assert span.length > 0 and (place == 0 or span.offset > 0)
        bucket += span.offset
        for _ in range(span.length):
            count += next(deltas)
            assert count >= 0
            if count:
                counts[bucket] = count
            bucket += 1
    assert next(deltas, None) is None
    return counts


def labels_of(metric: Any) -> dict[str, str]:
    return {pair.name: pair.value for pair in metric.label}
