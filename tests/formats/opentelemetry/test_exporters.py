"""Recorders that are exported through OTLP to real receivers: what arrives is what was recorded."""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs the extra opentelemetry", exc_type=ImportError)
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs OTLP", exc_type=ImportError)

import otlp_receiver
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Histogram as HistogramInstrument
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from historian import Histogram, Key, Registry
from historian.formats.opentelemetry import (
    MetricProducer,
    PeriodicExporter,
    RegistryExporter,
    data_point,
    from_metrics,
    metrics_data,
)

DELTA = {HistogramInstrument: AggregationTemporality.DELTA}
NAME = "http.server.request.duration"


class Kept(MetricExporter):
    """Keeps what is exported, or fails."""

    def __init__(self, preferred_temporality=None, outcomes=()):
        super().__init__(preferred_temporality)
        self.exported, self.outcomes, self.is_shut_down = [], list(outcomes), False
        self.has_tried = threading.Semaphore(0)

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        outcome = self.outcomes.pop(0) if self.outcomes else MetricExportResult.SUCCESS
        if outcome is MetricExportResult.SUCCESS:
            self.exported.append(metrics_data)
        self.has_tried.release()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        self.is_shut_down = True


def filled(registry):
    """Fill a registry with all that a histogram can hold."""
    rng = np.random.default_rng(1)
    registry.recorder(NAME, method="GET", route="/users/{id}").record_many(rng.lognormal(-3, 1, 10_000))
    registry.recorder(NAME, method="PUT").record_many([0.0, 1e-12, 5e-324, 0.1 + 0.2, 2.0**64, 1e300])
    registry.recorder("response.size", unit="bytes").record_many([1, 1024, 2**20])
    registry.recorder("nothing.yet")
    return registry.snapshot()


def points_of(request):
    """Return the points of a request of the protocol by key, and the units and kinds of the metrics."""
    (resource_metrics,) = request.resource_metrics
    (scope_metrics,) = resource_metrics.scope_metrics
    found, units = {}, {}
    for metric in scope_metrics.metrics:
        assert metric.WhichOneof("data") == "exponential_histogram"
        assert metric.exponential_histogram.aggregation_temporality == 2  # cumulative
        units[metric.name] = metric.unit
        for point in metric.exponential_histogram.data_points:
            labels = {one.key: one.value.string_value for one in point.attributes}
            found[Key(metric.name, **labels)] = point
    return found, units, {one.key: one.value.string_value for one in resource_metrics.resource.attributes}


@pytest.mark.parametrize("way", ["http", "http, gzip", "grpc"])
@pytest.mark.parametrize("shared", [False, True])
def test_what_arrives_is_what_was_recorded(tmp_path, way, shared):
    registry = Registry(tmp_path / "shared" if shared else None)
    snapshot = filled(registry)
    if way == "grpc":
        grpc = pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.metric_exporter", exc_type=ImportError)
    with (otlp_receiver.over_grpc if way == "grpc" else otlp_receiver.over_http)() as receiver:
        if way == "grpc":
            exporter = grpc.OTLPMetricExporter(receiver.endpoint, insecure=True)
        else:
            compression = Compression.Gzip if "gzip" in way else Compression.NoCompression
            exporter = OTLPMetricExporter(receiver.endpoint, compression=compression)
        with PeriodicExporter(
            registry, exporter, every=3600, resource=Resource({"service.name": "shop"})
        ) as background:
            assert background.force_flush()
        assert len(receiver.requests) == 2  # the flush, and the last one at the end
    for request in receiver.requests:
        points, units, resource = points_of(request)
        assert units == {NAME: "s", "response.size": "By"} and resource == {"service.name": "shop"}
        assert set(points) == {key for key, histogram in snapshot.items() if histogram.count}
        for key, point in points.items():
            same = data_point(snapshot[key])
            assert (point.count, point.sum, point.min, point.max) == (same.count, same.sum, same.min, same.max)
            assert (point.scale, point.zero_count, point.positive.offset) == (6, same.zero_count, same.positive.offset)
            assert list(point.positive.bucket_counts) == same.positive.bucket_counts
            assert point.start_time_unix_nano == pytest.approx(snapshot.start_of(key) * 1e9, abs=1000)
            assert point.start_time_unix_nano <= point.time_unix_nano
    for received in from_metrics(receiver.requests[0].SerializeToString()):
        assert received.histogram.count == snapshot[received.key].count and received.resource["service.name"] == "shop"


# ---- start times and temporality ----


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_exemplars_arrive(way):
    registry = Registry()
    rec = registry.recorder(NAME, method="GET")
    rec.record(0.25, exemplar={"trace_id": TRACE, "span_id": SPAN, "user": "ü"})
    rec.record(1.5, exemplar={"trace_id": TRACE})
    rec.record(3.0, exemplar={"trace_id": "a1", "span_id": SPAN})
    rec.record(5.0, exemplar={"order": "17"})
    rec.record(9.0, exemplar={"trace_id": "0" * 32, "span_id": SPAN})
    if way == "grpc":
        grpc = pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.metric_exporter", exc_type=ImportError)
    with (otlp_receiver.over_grpc if way == "grpc" else otlp_receiver.over_http)() as receiver:
        if way == "grpc":
            exporter = grpc.OTLPMetricExporter(receiver.endpoint, insecure=True)
        else:
            exporter = OTLPMetricExporter(receiver.endpoint)
        with PeriodicExporter(registry, exporter, every=3600) as background:
            assert background.force_flush()
            rec.record(1.6, exemplar={"order": "18"})
    first, second = (points_of(request)[0][Key(NAME, method="GET")].exemplars for request in receiver.requests)
    arrived = [
        (
            one.as_double,
            one.trace_id.hex(),
            one.span_id.hex(),
            {each.key: each.value.string_value for each in one.filtered_attributes},
        )
        for one in first
    ]
    assert arrived == [
        (0.25, TRACE, SPAN, {"user": "ü"}),
        (1.5, "", "", {"trace_id": TRACE}),  # exporters send both ids, or none
        (3.0, "", "", {"trace_id": "a1", "span_id": SPAN}),
        (5.0, "", "", {"order": "17"}),
        (9.0, "", "", {"trace_id": "0" * 32, "span_id": SPAN}),
    ]
    kept = {one.value: one.timestamp for one in rec.snapshot().exemplars}
    for one in first:
        if one.as_double in kept:
            assert one.time_unix_nano == pytest.approx(kept[one.as_double] * 1e9, abs=1000)
    assert [one.as_double for one in second] == [1.6]  # each is sent once
    (received,) = from_metrics(receiver.requests[0].SerializeToString())
    assert [(one.value, one.labels) for one in received.histogram.exemplars] == [
        (0.25, {"trace_id": TRACE, "span_id": SPAN, "user": "ü"}),
        (1.5, {"trace_id": TRACE}),
        (3.0, {"trace_id": "a1", "span_id": SPAN}),
        (5.0, {"order": "17"}),
        (9.0, {"trace_id": "0" * 32, "span_id": SPAN}),
    ]


def test_differences_have_the_exemplars_that_were_recorded_since_and_none_is_lost():
    registry = Registry()
    rec = registry.recorder(NAME)
    producer = MetricProducer(registry, temporality=AggregationTemporality.DELTA)
    rec.record(1.5, exemplar={"order": "1"})
    assert [one.value for one in only_point(producer).exemplars] == [1.5]
    rec.record(3.0, exemplar={"order": "2"})
    assert [one.value for one in only_point(producer).exemplars] == [1.5, 3.0]  # the first was not confirmed
    producer.confirm()
    rec.record(1.7, exemplar={"order": "3"})
    assert [one.value for one in only_point(producer).exemplars] == [1.7]


def only_point(producer):
    (metric,) = producer.scope_metrics().metrics
    (point,) = metric.data.data_points
    return point


@pytest.mark.parametrize("shared", [False, True])
def test_the_start_moves_when_the_recorder_is_drained(tmp_path, shared):
    registry = Registry(tmp_path / "shared" if shared else None)
    rec, producer = registry.recorder("q"), MetricProducer(registry)
    rec.record(1.0)
    first = only_point(producer)
    producer.confirm()
    rec.record(2.0)
    second = only_point(producer)
    producer.confirm()
    assert (second.start_time_unix_nano, second.count) == (first.start_time_unix_nano, 2)
    rec.drain()
    rec.record_many([3.0] * 5)  # more than before: only the start tells
    third = only_point(producer)
    assert third.count == 5
    if shared:  # a file does not keep the time of a drain: only that it was after the point before
        assert third.start_time_unix_nano == second.time_unix_nano
    else:
        assert second.time_unix_nano <= third.start_time_unix_nano <= third.time_unix_nano
    producer.confirm()
    assert only_point(producer).start_time_unix_nano == third.start_time_unix_nano
    registry.clear()
    assert producer.scope_metrics().metrics == []
    assert metrics_data(registry).resource_metrics == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_recorder_that_was_drained_before_starts_with_the_drain_or_the_first_point(tmp_path, shared):
    registry = Registry(tmp_path / "shared" if shared else None)
    registry.recorder("q").record(1.0)
    before = time.time_ns()
    registry.drain()
    registry.recorder("q").record(1.0)
    point = only_point(MetricProducer(registry))
    if shared:  # a file does not keep the time of a drain
        assert point.start_time_unix_nano == point.time_unix_nano
    else:
        assert before - 1000 <= point.start_time_unix_nano <= point.time_unix_nano


def test_a_recorder_that_was_removed_starts_anew():
    registry = Registry()
    producer = MetricProducer(registry)
    registry.recorder("q").record(1.0)
    before = only_point(producer)
    producer.confirm()
    registry.remove(Key("q"))
    assert producer.scope_metrics().metrics == []
    producer.confirm()
    registry.recorder("q").record(1.0)
    assert only_point(producer).start_time_unix_nano >= before.time_unix_nano


def test_counts_without_an_id_start_anew_when_they_fall():
    class Plain:
        counted: dict[Key, Histogram]

        def snapshot(self):
            return self.counted

    plain = Plain()
    plain.counted = {Key("q"): Histogram.from_values([1.0, 2.0])}
    producer = MetricProducer(plain)
    first = only_point(producer)
    producer.confirm()
    second = only_point(producer)
    producer.confirm()
    assert second.start_time_unix_nano == first.start_time_unix_nano
    plain.counted = {Key("q"): Histogram.from_values([1.0])}
    assert only_point(producer).start_time_unix_nano == second.time_unix_nano


def test_differences_add_up_even_if_an_export_fails():
    registry = Registry()
    rec, failure = registry.recorder("q"), MetricExportResult.FAILURE
    exporter = Kept(DELTA, [MetricExportResult.SUCCESS, failure, RuntimeError("no network")])
    rng = np.random.default_rng(2)
    with PeriodicExporter(registry, exporter, every=3600) as background:
        for expected in (True, False, False, True, True):
            rec.record_many(rng.lognormal(0, 1, 100))
            assert background.force_flush() == expected
    received = [one for data in exporter.exported for one in from_metrics(data)]
    assert [one.histogram.count for one in received] == [100, 300, 100] and all(one.is_delta for one in received)
    total = sum((one.histogram for one in received), Histogram())
    assert total.to_dict()["counts"] == rec.snapshot().to_dict()["counts"]
    assert total.sum == pytest.approx(rec.snapshot().sum, rel=1e-15)
    ends = [0.0, *(one.time for one in received)]
    assert all(one.start == before for one, before in zip(received[1:], ends[1:]))  # no gap, no overlap
    assert exporter.is_shut_down


# ---- in the background ----


def test_it_tries_again_after_a_failure(caplog, monkeypatch):
    monkeypatch.setattr("historian.formats.opentelemetry.exporter.FIRST_RETRY", 0.01)
    registry = Registry()
    registry.recorder("q").record(1.0)
    exporter = Kept(outcomes=[RuntimeError("no network"), MetricExportResult.FAILURE])
    with caplog.at_level(logging.WARNING), PeriodicExporter(registry, exporter, every=0.05):
        for _ in range(3):
            assert exporter.has_tried.acquire(timeout=60)
    assert exporter.exported
    assert "could not export the recorders" in caplog.text and "the exporter failed" in caplog.text
    assert "no network" in caplog.text


def test_it_exports_at_the_end_of_the_program():
    program = f"""
from historian import Registry
from historian.formats.opentelemetry import PeriodicExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
import sys
registry = Registry()
PeriodicExporter(registry, OTLPMetricExporter(sys.argv[1]), every=3600)
registry.recorder({NAME!r}).record_many([0.25] * 7)
"""
    with otlp_receiver.over_http() as receiver:
        subprocess.run([sys.executable, "-W", "error", "-c", program, receiver.endpoint], check=True, timeout=60)
        (request,) = receiver.requests
    assert [one.histogram.count for one in from_metrics(request)] == [7]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_exports_nothing(tmp_path):
    registry = Registry(tmp_path / "shared")
    exporter = Kept()
    with PeriodicExporter(registry, exporter, every=3600) as background:
        fork, arguments = multiprocessing.get_context("fork"), (registry, background, exporter)
        children = [fork.Process(target=as_a_child, args=arguments) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]
        assert background.force_flush()
    assert [one.histogram.count for one in from_metrics(exporter.exported[0])] == [2]  # of both children


def as_a_child(registry, background, exporter):
    registry.recorder("q").record(1.0)
    assert not background.force_flush()
    background.shutdown()
    assert not exporter.exported and not exporter.is_shut_down


def test_it_does_not_wait_for_ever_for_an_exporter_that_hangs(caplog):
    registry = Registry()
    registry.recorder("q").record(1.0)
    begun, end = threading.Event(), threading.Event()

    class Hanging(Kept):
        def export(self, *arguments, **options):
            begun.set()
            end.wait()
            return super().export(*arguments, **options)

    exporter = Hanging()
    background = PeriodicExporter(registry, exporter, every=0.001, timeout=0.05)
    assert begun.wait(60)
    assert not background.force_flush()
    background.shutdown()
    assert "the last export has not ended yet" in caplog.text
    end.set()
    background._thread.join(60)
    assert not background._thread.is_alive()
    assert not background.force_flush()  # after the end
    background.shutdown()  # a second time


def test_bad_arguments():
    registry, exporter = Registry(), Kept()
    with pytest.raises(TypeError, match="registry must be a Registry, not its snapshot"):
        PeriodicExporter(registry.snapshot(), exporter)
    with pytest.raises(TypeError, match="registry must be a Registry or its snapshot, not list"):
        MetricProducer([])
    for name in ("every", "timeout"):
        for seconds in (0, -1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match=f"{name} must be a number of seconds above 0"):
                PeriodicExporter(registry, exporter, **{name: seconds})
    with pytest.raises(ValueError, match="max_buckets must be at least 2"):
        RegistryExporter(exporter, registry, max_buckets=1)
    with pytest.raises(ValueError, match="temporality must be CUMULATIVE or DELTA"):
        MetricProducer(registry, temporality=AggregationTemporality.UNSPECIFIED)
    assert not [one for one in threading.enumerate() if one.name == "historian exporter"]


@pytest.mark.parametrize(("name", "allowed"), [("requête", "requ_te"), ("9lives", "n9lives"), ("a b", "a_b"),
                                               ("x" * 256, "x" * 254)])  # fmt: skip
def test_a_name_that_is_not_allowed(name, allowed, caplog):
    registry = Registry()
    producer = MetricProducer(registry)
    registry.recorder("fine").record(1.0)
    registry.recorder(name).record(1.0)
    with pytest.raises(ValueError, match=f"letter first, such as '{allowed}'"):
        metrics_data(registry)
    for _ in range(2):  # later ones do no harm to the others
        assert [metric.name for metric in producer.scope_metrics().metrics] == ["fine"]
    assert len([record for record in caplog.records if "not exported" in record.message]) == 1


# ---- beside the metrics of an SDK ----


def test_beside_the_sdks_own_metrics():
    registry = Registry()
    snapshot = filled(registry)
    with otlp_receiver.over_http() as receiver:
        exporter = RegistryExporter(OTLPMetricExporter(receiver.endpoint), registry)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        provider = MeterProvider([reader], Resource({"service.name": "shop"}), shutdown_on_exit=False)
        provider.get_meter("app").create_counter("orders").add(3)
        assert provider.force_flush()
        provider.shutdown()
    for request in receiver.requests:
        (resource_metrics,) = request.resource_metrics  # one: a second one with the same resource would be lost
        assert [one.scope.name for one in resource_metrics.scope_metrics] == ["app", "historian"]
        assert resource_metrics.scope_metrics[0].metrics[0].name == "orders"
        found = {one.key: one.histogram.count for one in from_metrics(request)}
        assert found == {key: histogram.count for key, histogram in snapshot.items() if histogram.count}


def test_recorders_do_no_harm_to_the_sdks_metrics(monkeypatch, caplog):
    registry, inner = Registry(), Kept()
    registry.recorder("q").record(1.0)
    exporter = RegistryExporter(inner, registry)
    data = metrics_data({Key("sdk"): Histogram.from_values([1.0])})
    assert exporter.export(data) is MetricExportResult.SUCCESS
    assert [str(one.key) for one in from_metrics(inner.exported[0])] == ["sdk", "q"]
    monkeypatch.setattr(registry, "snapshot", lambda: 1 / 0)
    assert exporter.export(data) is MetricExportResult.SUCCESS
    assert inner.exported[1] is data and "division by zero" in caplog.text
    assert exporter.force_flush()
    exporter.shutdown()
    assert inner.is_shut_down
