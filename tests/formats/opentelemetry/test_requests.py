"""Requests of OTLP from others: attributes, units, kinds, what is left out, what is refused."""

import subprocess
import sys

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs the extra opentelemetry", exc_type=ImportError)
pytest.importorskip("opentelemetry.proto", reason="needs the extra opentelemetry", exc_type=ImportError)

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics.export import Gauge, Metric, MetricsData, NumberDataPoint

from historian import Histogram, Key
from historian.formats.opentelemetry import from_metrics, metrics_data


def request_of(**fields):
    """Return a request with one data point of 1 and 2, with changed fields."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    resource_metrics.resource.attributes.add(key="service.name").value.string_value = "shop"
    metric = resource_metrics.scope_metrics.add().metrics.add(name="q", unit=fields.pop("unit", "s"))
    histogram = metric.exponential_histogram
    histogram.aggregation_temporality = fields.pop("temporality", 2)
    point = histogram.data_points.add(**{"scale": 6, "count": 2, "sum": 3.0, "time_unix_nano": 2_500_000_000} | fields)
    point.positive.offset = -1
    point.positive.bucket_counts.extend([1] + [0] * 63 + [1])
    return request, point


def test_a_point_is_read_with_all_that_belongs_to_it():
    request, point = request_of(start_time_unix_nano=1_000_000_000, min=1.0, max=2.0)
    value = point.attributes.add(key="route").value
    value.string_value = "/users"
    point.attributes.add(key="status").value.int_value = 200
    point.attributes.add(key="cached").value.bool_value = True
    point.attributes.add(key="tags").value.array_value.values.add().string_value = "a"
    point.attributes.add(key="none")
    (received,) = from_metrics(request.SerializeToString())
    assert received == from_metrics(request)[0]
    assert received.histogram == Histogram.from_values([1.0, 2.0])
    assert received.key == Key("q", route="/users", status=200, cached=True, tags=["a"], none=None)
    assert (received.start, received.time, received.is_delta) == (1.0, 2.5, False)
    assert received.resource == {"service.name": "shop"}


@pytest.mark.parametrize(("unit", "ours"), [("s", "s"), ("ms", "ms"), ("By", "bytes"), ("", "1"), ("1", "1"),
                                            ("{request}", "{request}")])  # fmt: skip
def test_units(unit, ours):
    assert from_metrics(request_of(unit=unit)[0])[0].histogram.unit == ours


def test_extremes_and_sum_may_be_missing():
    request, point = request_of()
    point.ClearField("sum")
    (received,) = from_metrics(request)
    h = received.histogram
    assert h.to_dict()["bounds"] == ["min", "max"] and h.synthetic  # the sum is an estimate
    assert h.sum == pytest.approx(3.0, rel=0.0055)
    assert h.min <= 1.0 and h.max == 2.0  # edges of their buckets, (0.989, 1] and (1.979, 2]


def test_differences_are_told_apart():
    assert from_metrics(request_of(temporality=1)[0])[0].is_delta


def test_other_kinds_and_points_without_values_are_left_out():
    request, _ = request_of(flags=1)
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    metrics.add(name="explicit").histogram.data_points.add(count=1, bucket_counts=[1])
    metrics.add(name="sum").sum.data_points.add(as_int=3)
    metrics.add(name="none")
    assert from_metrics(request) == []
    data = metrics_data({Key("q"): Histogram.from_values([1.0])})
    gauge = Metric("g", "", "", Gauge([NumberDataPoint({}, 0, 1, 3.0)]))
    data.resource_metrics[0].scope_metrics[0].metrics.append(gauge)
    assert [str(one.key) for one in from_metrics(data)] == ["q"]
    assert from_metrics(MetricsData([])) == from_metrics(b"") == []


def test_what_is_refused():
    with pytest.raises(ValueError, match="not a request of OTLP"):
        from_metrics(request_of()[0].SerializeToString()[:-3])
    with pytest.raises(TypeError, match="data must be MetricsData, a request of OTLP or its bytes, not list"):
        from_metrics([])
    with pytest.raises(ValueError, match="metric 'q': scale must be from -10 to 20, not 33"):
        from_metrics(request_of(scale=33)[0])
    with pytest.raises(ValueError, match=r"metric 'q': .*unit must be a printable label"):
        from_metrics(request_of(unit="\n")[0])
    request, point = request_of()
    point.attributes.add(key="long").value.string_value = "x" * 10_000
    assert len(dict(from_metrics(request)[0].key.labels)["long"]) == 10_000  # a key may be; a recorder may not


def test_without_the_sdk_the_extra_is_named():
    program = "import sys; sys.modules['opentelemetry.sdk'] = None; import historian.formats.opentelemetry"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "ImportError: historian.formats.opentelemetry needs OpenTelemetry's SDK: run pip install " in done.stderr
    assert "'latency-historian[opentelemetry]'" in done.stderr
