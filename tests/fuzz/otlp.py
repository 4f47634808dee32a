"""Requests of OTLP: refused with a ValueError, or each exponential histogram is counted as it is written there."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import mutate
from campaign import ACCEPTED, IDLE, REFUSED, FaultError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from historian import buckets
from historian.formats.opentelemetry import from_metrics

POOL = 100


def any_request(rng: Random) -> bytes:
    """Return a request with some data points."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in ("a", "b")[: rng.randrange(1, 3)]:
        metric = scope.metrics.add(name=name, unit=rng.choice(("s", "By", "")))
        metric.exponential_histogram.aggregation_temporality = rng.randrange(3)  # type: ignore[assignment]
        for _ in range(rng.choice((1, 1, 2))):
            point = metric.exponential_histogram.data_points.add(scale=rng.choice((6, 6, 3, 10, 20, -10)))
            point.attributes.add(key="route").value.string_value = "/users"
            point.positive.offset = rng.choice((-1, 0, -300, 3000))
            point.positive.bucket_counts.extend(rng.choice((0, 1, 2, 2**40)) for _ in range(rng.randrange(6)))
            point.zero_count = rng.choice((0, 0, 3))
            point.count = point.zero_count + sum(point.positive.bucket_counts)
            point.sum = float(rng.randrange(100))
            if rng.random() < 0.5:
                point.min, point.max = 0.0, 1.0
    return request.SerializeToString()


def changed(rng: Random, data: bytearray) -> bytearray:
    """Return a request with another number in one place; the same data if it is none any more."""
    try:
        request = ExportMetricsServiceRequest.FromString(bytes(data))
    except DecodeError:
        return data
    for point in rng.sample(found := points_of(request), min(1, len(found))):
        kind = rng.randrange(6)
        side = rng.choice((point.positive, point.positive, point.positive, point.negative))
        if kind == 0:
            point.scale = rng.choice((rng.randrange(-12, 23), mutate.integer(rng, 4) - 2**31))
        elif kind == 1:
            side.offset = rng.choice((rng.randrange(-5000, 5000), mutate.integer(rng, 4) - 2**31))
        elif kind == 2:
            side.bucket_counts.append(rng.choice((0, 1, 7, mutate.integer(rng, 8))))
        elif kind == 3:
            setattr(point, rng.choice(("sum", "min", "max", "zero_threshold")), mutate.double(rng))
        elif kind == 4:
            setattr(point, rng.choice(("zero_count", "count")), mutate.integer(rng, 8))
        else:
            point.ClearField(rng.choice(("sum", "min", "max", "positive", "attributes")))
        if rng.random() < 0.7:  # or nearly all would be refused
            point.count = (point.zero_count + sum(point.positive.bucket_counts)) % 2**64
    return bytearray(request.SerializeToString())


class Otlp:
    """Damaged requests."""

    batch = 5000
    addresses = 0

    def __init__(self, seed: int, folder: str) -> None:
        rng = Random(seed)
        self.pool = [any_request(rng) for _ in range(POOL)]

    def case(self, rng: Random) -> str:
        data = bytearray(rng.choice(self.pool))
        for _ in range(rng.choice((1, 1, 2, 3))):
            data = changed(rng, data) if rng.random() < 0.7 else data
            if rng.random() < 0.3:
                mutate.damage(rng, data, self.pool)
        try:
            found = from_metrics(bytes(data))
        except ValueError:
            return REFUSED
        try:
            request = ExportMetricsServiceRequest.FromString(bytes(data))
        except DecodeError:
            raise FaultError("accepted, although it is no request") from None
        points = [point for point in points_of(request) if not point.flags & 1]
        if len(points) != len(found):
            raise FaultError(f"{len(found)} histograms of {len(points)} data points")
        for point, received in zip(points, found):
            compare(point, received.histogram)
        return ACCEPTED if points else IDLE


def points_of(request: ExportMetricsServiceRequest) -> list[Any]:
    return [
        point
        for resource_metrics in request.resource_metrics
        for scope_metrics in resource_metrics.scope_metrics
        for metric in scope_metrics.metrics
        if metric.WhichOneof("data") == "exponential_histogram"
        for point in metric.exponential_histogram.data_points
    ]


def compare(point: Any, histogram: Any) -> None:
    """Check that each count is in the wide bucket that it comes from."""
    if histogram.count != point.count:
        raise FaultError(f"a count of {histogram.count}, not {point.count}")
    shift = 6 - point.scale
    total = sum(point.positive.bucket_counts) + point.zero_count
    if total != point.count:
        raise FaultError(f"accepted a count of {point.count} of {total} values")
    found = dict(zip(histogram.indices.tolist(), histogram.counts.tolist()))
    edges = [(-math.inf, buckets.ZERO_INDEX, point.zero_count)]
    for j, count in enumerate(point.positive.bucket_counts):
        index = point.positive.offset + j
        first = index << shift if shift >= 0 else index >> -shift
        edges.append((first, first + (1 << max(0, shift)) - 1, count))
    running = 0
    for position, (_, last, count) in enumerate(edges):
        running += count
        if position + 1 < len(edges) and clamped(edges[position + 1][0]) == clamped(last):
            continue  # the next one is counted in the same bucket
        below = sum(n for index, n in found.items() if index <= clamped(last))
        if below != running:
            raise FaultError(f"{below} values up to bucket {last}, not {running}")


def clamped(index: float) -> float:
    return min(max(index, buckets.ZERO_INDEX), buckets.OVERFLOW_INDEX)
