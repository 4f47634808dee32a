"""Histograms as data points of exponential histograms, and back: exactly where buckets are the same."""

import dataclasses
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.sdk", reason="needs the extra opentelemetry", exc_type=ImportError)

from opentelemetry.sdk.metrics import Exemplar as SdkExemplar

from historian import Exemplar, Histogram, buckets
from historian.formats.opentelemetry import data_point, from_data_point, from_metrics

floats = st.floats(0, 2.0**70, allow_subnormal=True)
histograms = st.lists(floats, min_size=1, max_size=60).map(Histogram.from_values)


def by_index(histogram):
    return dict(zip(histogram.indices.tolist(), histogram.counts.tolist()))


@given(histograms)
def test_a_point_holds_every_count(h):
    point = data_point(h, attributes={"a": "b"}, start_time_unix_nano=3, time_unix_nano=5)
    assert (point.count, point.sum, point.min, point.max, point.scale) == (h.count, h.sum, h.min, h.max, 6)
    assert (point.attributes, point.start_time_unix_nano, point.time_unix_nano) == ({"a": "b"}, 3, 5)
    counts = by_index(h)
    assert point.zero_count == counts.pop(buckets.ZERO_INDEX, 0)
    dense = point.positive.bucket_counts
    assert {point.positive.offset + j: n for j, n in enumerate(dense) if n} == counts
    assert not dense or (dense[0] and dense[-1])  # no more than necessary
    assert all(type(n) is int for n in dense)  # numpy's integers break exporters


@given(histograms)
def test_a_point_comes_back(h):
    decoded = from_data_point(data_point(h))
    assert decoded.histogram == h.from_dict({k: v for k, v in h.to_dict().items() if k != "exact_sum"})
    assert decoded.relative_error == buckets.RELATIVE_ERROR


@given(histograms, st.integers(2, 200))
def test_max_buckets_lowers_the_scale_exactly_and_no_more_than_necessary(h, most):
    point = data_point(h, max_buckets=most)
    shift = 6 - point.scale
    counts = by_index(h)
    counts.pop(buckets.ZERO_INDEX, None)
    merged = {}
    for index, n in counts.items():
        merged[index >> shift] = merged.get(index >> shift, 0) + n
    assert {point.positive.offset + j: n for j, n in enumerate(point.positive.bucket_counts) if n} == merged
    assert len(point.positive.bucket_counts) <= most
    if shift:
        assert (max(counts) >> shift - 1) - (min(counts) >> shift - 1) + 1 > most
    assert (point.sum, point.min, point.max, point.count) == (h.sum, h.min, h.max, h.count)


def test_the_powers_of_two_are_at_the_upper_edges():
    # 1 = 2**(0/64) is the upper edge of (2**(-1/64), 1], so its index is -1; that of 2 = 2**(64/64) is 63
    point = data_point(Histogram.from_values([1.0, 2.0]))
    assert point.positive.offset == -1 and point.positive.bucket_counts == [1, *[0] * 63, 1]


def test_what_has_no_point():
    with pytest.raises(ValueError, match="an empty histogram has no data point"):
        data_point(Histogram())
    with pytest.raises(ValueError, match="max_buckets must be at least 2, not 1"):
        data_point(Histogram.from_values([1.0]), max_buckets=1)


# ---- what others send ----


def coarse(values, scale, /, **changes):
    """Return the point of values at any scale, by exact arithmetic up to scale 6; of 1 and 2 at finer scales."""
    shift = 6 - scale
    index = [
        buckets.index(value) >> shift if shift >= 0 else (buckets.index(value) + 1 << -shift) - 1 for value in values
    ]
    offset = min(index)
    counts = [0] * (max(index) - offset + 1)
    for i in index:
        counts[i - offset] += 1
    fields = {
        "scale": scale,
        "zero_count": 0,
        "count": len(values),
        "sum": math.fsum(values),
        "min": min(values),
        "max": max(values),
    }
    fields |= {"positive": SimpleNamespace(offset=offset, bucket_counts=counts)}
    fields |= {"negative": SimpleNamespace(offset=0, bucket_counts=[]), "zero_threshold": 0.0}
    return SimpleNamespace(**fields | changes)


@pytest.mark.parametrize("scale", range(-4, 10))
@pytest.mark.parametrize("has_extremes", [True, False])
def test_the_error_is_the_one_that_is_stated(scale, has_extremes):
    rng = random.Random(scale)
    worst = 0.0
    for n in (1, 2, 3, 500):
        for _ in range(40):
            low = rng.uniform(-20, 20)
            values = sorted(2 ** (low + rng.uniform(0, rng.choice((0.1, 3)))) for _ in range(n))
            if scale > 6:  # so that each lies in the finer bucket that ends at the edge
                values = sorted(buckets.upper(buckets.index(value)) for value in values)
            changes = {} if has_extremes else {"min": math.nan, "max": math.nan}
            h, error = from_data_point(coarse(values, scale, **changes))
            assert h.count == n and h.sum == math.fsum(values) and h.synthetic == (scale < 6)
            if has_extremes:
                assert (h.min, h.max) == (values[0], values[-1])
            assert h.to_dict().get("bounds", []) == ([] if has_extremes else ["min", "max"])
            for rank in {1, n // 2 + 1, n}:
                q = rank / n
                off = abs(h.quantile(q) / values[rank - 1] - 1)
                worst = max(worst, off)
                assert off <= error * (1 + 1e-12), (q, values[rank - 1], h.quantile(q))
    if not has_extremes:
        assert worst > 0.7 * error  # the statement is no exaggeration


def test_a_finer_scale_is_merged_exactly():
    h, error = from_data_point(coarse([1.0, 2.0], 10))
    assert h == Histogram.from_values([1.0, 2.0]) and error == buckets.RELATIVE_ERROR


def test_the_sdks_own_histogram():
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

    reader = InMemoryMetricReader()
    view = View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation(max_size=160, max_scale=20))
    provider = MeterProvider([reader], views=[view], shutdown_on_exit=False)
    instrument = provider.get_meter("m").create_histogram("size", unit="By")
    values = np.sort(np.random.default_rng(1).lognormal(0, 1, 20_000))
    for value in values.tolist():
        instrument.record(value, {"route": "/users"})
    (received,) = from_metrics(reader.get_metrics_data())
    provider.shutdown()
    assert (str(received.key), received.histogram.unit) == ("size{route=/users}", "bytes")
    assert not received.is_delta and 0 < received.start <= received.time
    assert (received.histogram.count, received.histogram.min) == (20_000, values[0])
    assert received.relative_error < 0.05  # 13 octaves in 160 buckets: scale 3
    for q in (0.01, 0.5, 0.99, 0.999):
        exact = values[math.ceil(q * 20_000) - 1]
        assert abs(received.histogram.quantile(q) / exact - 1) <= received.relative_error


def test_a_wide_zero_bucket_has_no_relative_error():
    assert from_data_point(coarse([1.0], 6, zero_count=2, count=3, zero_threshold=1e-3)).relative_error == math.inf
    h, error = from_data_point(coarse([1.0], 6, zero_count=2, count=3, min=0.0))
    assert h.zero_count == 2 and h.min == 0.0 and error == buckets.RELATIVE_ERROR


@pytest.mark.parametrize(("changes", "message"), [
    ({"count": 3}, "count 3 is not the sum of zero_count 0 and the bucket counts"),
    ({"zero_count": -1, "count": 1}, "is not the sum"),
    ({"zero_count": 2**63, "count": 2**63 + 2}, "is not the sum"),
    ({"scale": 21}, "scale must be from -10 to 20, not 21"),
    ({"scale": None}, "not a data point of an exponential histogram: its scale is None"),
    ({"negative": SimpleNamespace(offset=0, bucket_counts=[0, 1])}, "negative values"),
    ({"positive": SimpleNamespace(offset=0, bucket_counts=[3, -1])}, "whole numbers from 0 on"),
    ({"positive": SimpleNamespace(offset=0, bucket_counts=[1.0, 1.0])}, "whole numbers from 0 on"),
    ({"positive": SimpleNamespace(offset=2**40, bucket_counts=[2])}, "an offset below"),
    ({"min": 2.0, "max": 1.0}, None),
    ({"sum": -1.0}, "sum -1.0 is impossible"),
])  # fmt: skip
def test_a_bad_point_is_refused(changes, message):
    point = coarse([1.0, 2.0], 6, **changes)
    if message is None:  # neither lies in its bucket, so both are left out
        assert from_data_point(point).histogram.to_dict()["bounds"] == ["min", "max"]
    else:
        with pytest.raises(ValueError, match=message):
            from_data_point(point)


def test_extremes_that_contradict_each_other():
    with pytest.raises(ValueError, match=r"min 1\.0 and max 0\.99 are impossible for a count of 1"):
        from_data_point(coarse([1.0], 6, min=1.0, max=0.99))


# ---- exemplars ----


def test_exemplars_come_back():
    h = Histogram.from_values([0.25, 1.5])._with(
        [
            Exemplar(0.25, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}, 1e9),
            Exemplar(1.5, {"order": "17"}, 1e9 + 0.5),
        ]
    )
    point = data_point(h)
    assert [(type(one.trace_id), type(one.span_id)) for one in point.exemplars] == [(int, int), (type(None),) * 2]
    assert from_data_point(point).histogram.exemplars == h.exemplars
    assert from_data_point(data_point(h, max_buckets=2)).histogram.exemplars == h.exemplars


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, {"order": "17"}),
        ({"value": 2}, {"order": "17"}),
        ({"value": -1.0}, None),
        ({"value": float("nan")}, None),
        ({"time_unix_nano": 2**64 - 1}, None),
        ({"filtered_attributes": None}, None),
        ({"filtered_attributes": {"http.route": "/", "n": 1}}, None),
        ({"filtered_attributes": {"http.route": "/", "order": "18"}}, {"order": "18"}),
        ({"filtered_attributes": {"a": "x" * 100, "b": "x" * 100}}, {"a": "x" * 100}),
        ({"trace_id": 0xAB}, {"trace_id": f"{0xAB:032x}", "order": "17"}),
        ({"trace_id": 2**128}, {"order": "17"}),
        ({"trace_id": 0}, {"order": "17"}),
    ],
)
def test_exemplars_that_do_not_fit_are_left_out(changes, kept):
    fields = {"filtered_attributes": {"order": "17"}, "value": 1.5, "time_unix_nano": 10**18, **changes}
    point = dataclasses.replace(data_point(Histogram.from_values([1.5])), exemplars=[SdkExemplar(**fields)])
    found = from_data_point(point).histogram.exemplars
    assert [one.labels for one in found] == ([] if kept is None else [kept])


def test_a_flood_of_exemplars_is_read_in_bounded_memory():
    many = [SdkExemplar({"order": str(k)}, 1.5, k) for k in range(20_000)]
    point = dataclasses.replace(data_point(Histogram.from_values([1.5])), exemplars=many)
    assert [one.labels for one in from_data_point(point).histogram.exemplars] == [{"order": "9999"}]
