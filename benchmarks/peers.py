"""The libraries that historian is compared with, each behind the same few methods, set up as its manual shows.

If the precision of a library can be chosen, it is set to be like historian's.  Operations that it lacks are None.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import historian

from .data import ASKED, between, latencies

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


class Peer:
    """A library: `new` creates an empty recorder, the other methods work on it."""

    name: str
    needs: str = "historian"  # module to import; the peer is skipped without it
    scale: float = 1.0  # the number that stands for one second
    integers = False  # takes integers only
    percent = False  # asks for percentiles
    fill: Callable[[Any, Any], object] | None = None  # (recorder, array): records the array in one call
    merge: Callable[[Any, Any], object] | None = None  # (a, b): merges both, into `a` or a new object
    encode: Callable[[Any], bytes] | None = None
    decode: Callable[[bytes], Any] | None = None

    def new(self) -> Any:
        raise NotImplementedError

    def update(self, recorder: Any) -> Callable[[Any], object]:
        """Return the bound method that records one number."""
        raise NotImplementedError

    def freeze(self, recorder: Any) -> Any:
        """Return the object for questions, merging and encoding: a snapshot, if the library has one."""
        return recorder

    def ask(self, frozen: Any) -> Callable[[float], float] | None:
        """Return the function that answers one quantile (or percentile), if the library has one."""
        return None

    def quantiles(self, frozen: Any) -> list[float]:
        """Return the answers to ASKED, in seconds."""
        ask = self.ask(frozen)
        assert ask is not None
        return [float(ask(q * 100 if self.percent else q)) / self.scale for q in ASKED]

    def numbers(self, values: NDArray[np.float64]) -> list[Any]:
        """Return seconds, converted to the numbers that this library takes."""
        scaled = values * self.scale
        return [int(value) for value in scaled.tolist()] if self.integers else scaled.tolist()

    def filled(self, values: NDArray[np.float64]) -> Any:
        """Return a recorder that has recorded `values` one by one."""
        recorder = self.new()
        update = self.update(recorder)
        for number in self.numbers(values):
            update(number)
        return recorder


class Historian(Peer):
    name = "historian"

    def new(self):
        return historian.Recorder()

    def update(self, recorder):
        return recorder.record

    def fill(self, recorder, values):
        recorder.record_many(values)

    def freeze(self, recorder):
        return recorder.snapshot()

    def ask(self, frozen):
        return frozen.quantile

    def merge(self, a, b):
        return a + b

    def encode(self, frozen):
        return frozen.to_bytes()

    def decode(self, data):
        return historian.Histogram.from_bytes(data)


class HdrHistogram(Peer):
    name, needs, scale, integers, percent = "hdrhistogram", "hdrh.histogram", 1e6, True, True

    def new(self):
        from hdrh.histogram import HdrHistogram

        return HdrHistogram(1, 3_600_000_000, 2)  # microseconds up to an hour, two digits: within 0.8 %

    def update(self, recorder):
        return recorder.record_value

    def ask(self, frozen):
        return frozen.get_value_at_percentile

    def merge(self, a, b):
        a.add(b)
        return a

    def encode(self, frozen):
        return frozen.encode()

    def decode(self, data):
        from hdrh.histogram import HdrHistogram

        return HdrHistogram.decode(data)


class DDSketch(Peer):
    name, needs = "ddsketch", "ddsketch.pb.proto"  # which needs protobuf

    def new(self):
        from ddsketch import DDSketch

        return DDSketch(0.005415)

    def update(self, recorder):
        return recorder.add

    def ask(self, frozen):
        return frozen.get_quantile_value

    def merge(self, a, b):
        a.merge(b)
        return a

    def encode(self, frozen):
        from ddsketch.pb.proto import DDSketchProto

        return DDSketchProto.to_proto(frozen).SerializeToString()

    def decode(self, data):
        from ddsketch.pb.ddsketch_pb2 import DDSketch
        from ddsketch.pb.proto import DDSketchProto

        return DDSketchProto.from_proto(DDSketch.FromString(data))


class Prometheus(Peer):
    name, needs = "prometheus_client", "prometheus_client"

    def new(self, *labels):
        from prometheus_client import CollectorRegistry, Histogram

        return Histogram("latency", "Latency", labels, registry=CollectorRegistry())

    def update(self, recorder):
        return recorder.observe

    def quantiles(self, frozen):
        samples = [sample for metric in frozen.collect() for sample in metric.samples]
        buckets = [sample for sample in samples if sample.name == "latency_bucket"]
        edges = [0.0, *(float(sample.labels["le"]) for sample in buckets)]
        upto = [0.0, *(sample.value for sample in buckets)]
        counts = [b - a for a, b in pairwise(upto)]
        return [between(edges, counts, q) for q in ASKED]


class PrometheusMultiprocess(Prometheus):
    name = "prometheus_client, multiprocess"

    def new(self, *labels):
        with self.files():
            return super().new(*labels)

    @contextmanager
    def files(self):
        """Have what is created count in files, as the library does itself if the variable is set at import."""
        from prometheus_client import values

        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="prometheus-"))
        before = values.ValueClass
        values.ValueClass = values.MultiProcessValue()
        try:
            yield
        finally:
            values.ValueClass = before


class OpenTelemetry(Peer):
    name, needs, scale = "opentelemetry-sdk, explicit", "opentelemetry.sdk.metrics", 1e3  # its buckets are in ms

    def aggregation(self):
        from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation

        return ExplicitBucketHistogramAggregation()

    def new(self):
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.metrics.view import View

        reader = InMemoryMetricReader()
        view = View(instrument_name="latency", aggregation=self.aggregation())
        provider = MeterProvider([reader], views=[view], shutdown_on_exit=False)
        return provider.get_meter("benchmarks").create_histogram("latency", unit="ms"), reader, provider

    def update(self, recorder):
        return recorder[0].record

    def point(self, frozen):
        (resource,) = frozen[1].get_metrics_data().resource_metrics
        return resource.scope_metrics[0].metrics[0].data.data_points[0]

    def quantiles(self, frozen):
        point = self.point(frozen)
        return [between([0.0, *point.explicit_bounds], point.bucket_counts, q) / self.scale for q in ASKED]


class OpenTelemetryExponential(OpenTelemetry):
    name = "opentelemetry-sdk, exponential"

    def aggregation(self):
        from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

        return ExponentialBucketHistogramAggregation()

    def quantiles(self, frozen):
        point = self.point(frozen)
        growth, buckets = 2 ** (2**-point.scale), point.positive
        edges = [growth ** (buckets.offset + i) for i in range(len(buckets.bucket_counts) + 1)]
        return [between(edges, buckets.bucket_counts, q) / self.scale for q in ASKED]


class Boost(Peer):
    name, needs = "boost-histogram", "boost_histogram"

    def storage(self):
        import boost_histogram

        return boost_histogram.storage.Int64()

    def new(self):
        from boost_histogram import Histogram, axis

        buckets = axis.Regular(6144, 2.0**-32, 2.0**64, transform=axis.transform.log)  # historian's own
        return Histogram(buckets, storage=self.storage())

    def update(self, recorder):
        return recorder.fill

    def fill(self, recorder, values):
        recorder.fill(values)

    def quantiles(self, frozen):
        counts, edges = frozen.values(), frozen.axes[0].edges
        return [between(edges, counts, q) for q in ASKED]

    def merge(self, a, b):
        return a + b

    def encode(self, frozen):
        return pickle.dumps(frozen)

    def decode(self, data):
        return pickle.loads(data)


class BoostAtomic(Boost):
    name = "boost-histogram, atomic"

    def storage(self):
        import boost_histogram

        return boost_histogram.storage.AtomicInt64()


class BoostThreads(BoostAtomic):
    name = "boost-histogram, atomic, 2 threads"
    update = None  # the same as BoostAtomic

    def fill(self, recorder, values):
        recorder.fill(values, threads=2)


class Kll(Peer):
    name, needs = "datasketches, KLL", "datasketches"

    def new(self):
        from datasketches import kll_doubles_sketch

        return kll_doubles_sketch(200)

    def update(self, recorder):
        return recorder.update

    def fill(self, recorder, values):
        recorder.update(values)

    def ask(self, frozen):
        return frozen.get_quantile

    def merge(self, a, b):
        a.merge(b)
        return a

    def encode(self, frozen):
        return frozen.serialize()

    def decode(self, data):
        from datasketches import kll_doubles_sketch

        return kll_doubles_sketch.deserialize(data)


class Req(Kll):
    name = "datasketches, REQ"

    def new(self):
        from datasketches import req_floats_sketch

        return req_floats_sketch(12, True)  # it has float32 only; more exact towards high ranks

    def decode(self, data):
        from datasketches import req_floats_sketch

        return req_floats_sketch.deserialize(data)


class Crick(Peer):
    name, needs = "crick, t-digest", "crick"

    def new(self):
        from crick import TDigest

        return TDigest()

    def update(self, recorder):
        return recorder.add

    def fill(self, recorder, values):
        recorder.update(values)

    def ask(self, frozen):
        return frozen.quantile

    def merge(self, a, b):
        a.merge(b)
        return a

    def encode(self, frozen):
        return pickle.dumps(frozen)

    def decode(self, data):
        return pickle.loads(data)


class FastDigest(Peer):
    name, needs = "fastdigest, t-digest", "fastdigest"

    def new(self):
        from fastdigest import TDigest

        return TDigest()

    def update(self, recorder):
        return recorder.update

    def fill(self, recorder, values):
        recorder.batch_update(values)

    def ask(self, frozen):
        return frozen.quantile

    def merge(self, a, b):
        return a.merge(b)

    def encode(self, frozen):
        return frozen.to_bytes()

    def decode(self, data):
        from fastdigest import TDigest

        return TDigest.from_bytes(data)


ALL: list[Peer] = [
    Historian(), HdrHistogram(), DDSketch(), Prometheus(), PrometheusMultiprocess(), OpenTelemetry(),
    OpenTelemetryExponential(), Boost(), BoostAtomic(), BoostThreads(), Kll(), Req(), Crick(), FastDigest(),
]  # fmt: skip


def present() -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that work here, and for each other one the reason why it does not."""
    working, skipped = [], {}
    sample = latencies(100)
    for peer in ALL:
        try:
            if peer.update is None:
                peer.fill(peer.new(), sample)
            else:
                peer.quantiles(peer.freeze(peer.filled(sample)))
        except Exception as error:  # skip and name the peer for any error
            skipped[peer.name] = f"{type(error).__name__}: {error}"
        else:
            working.append(peer)
    return working, skipped
