"""Exporters of OpenTelemetry that send what recorders count: in the background, or beside the metrics of an SDK."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from time import monotonic

from ._sdk import (
    AggregationTemporality,
    HistogramInstrument,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    untraced,
)
from .producer import MetricProducer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

    from ...registry import Registry
    from ._sdk import Resource

__all__ = ["PeriodicExporter", "RegistryExporter"]

_logger = logging.getLogger(__name__)

#: Seconds until the first new attempt after a failed export; each further one waits twice as long, at most `every`.
FIRST_RETRY = 1.0


class PeriodicExporter:
    """Exports the recorders of a registry in the background, by any `MetricExporter` of OpenTelemetry.

    >>> from historian import Registry
    >>> from historian.formats.opentelemetry import PeriodicExporter
    >>> from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
    >>> import io
    >>> registry, out = Registry(), io.StringIO()
    >>> with PeriodicExporter(registry, ConsoleMetricExporter(out), every=60):
    ...     registry.recorder("http.server.request.duration").record(0.25)
    >>> '"name": "http.server.request.duration"' in out.getvalue()
    True

    A thread exports each `every` seconds, and `shutdown` once more: at the end of a ``with`` block, or when the program
    ends.  What fails is logged, and tried again after 1, 2, 4 and so on seconds, at most `every`.  Nothing is raised
    into the program, and nothing is lost meanwhile.  An export takes at most `timeout` seconds.

    The exporter's preference for histograms decides on the temporality, see `MetricProducer`.  After a fork, the child
    exports nothing, or its parent's values would be exported twice: in a directory (`Registry`), one process of a
    service exports what all of them record.  For a registry in memory, let each child create an exporter of its own.

    Raises ValueError and TypeError for bad arguments, as `MetricProducer` does.
    """

    def __init__(
        self,
        registry: Registry,
        exporter: MetricExporter,
        *,
        every: float = 60.0,
        timeout: float = 10.0,
        resource: Resource | None = None,
        max_buckets: int | None = None,
    ) -> None:
        if hasattr(registry, "items"):
            raise TypeError("registry must be a Registry, not its snapshot, which does not change")
        for name, seconds in (("every", every), ("timeout", timeout)):
            if not 0 < seconds < threading.TIMEOUT_MAX:
                raise ValueError(f"{name} must be a number of seconds above 0, not {seconds!r}")
        self._producer = MetricProducer(
            registry, resource=resource, temporality=_temporality(exporter), max_buckets=max_buckets
        )
        self._exporter, self._every, self._timeout = exporter, float(every), float(timeout)
        self._pid = os.getpid()
        self._lock = threading.Lock()  # held during an export
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="historian exporter", daemon=True)
        self._thread.start()
        atexit.register(self.shutdown)

    def force_flush(self) -> bool:
        """Export now; return whether that succeeded.  False in a child process, and after `shutdown`."""
        if os.getpid() != self._pid or self._stop.is_set():
            return False
        return self._export()

    def shutdown(self) -> None:
        """Export once more, and end the thread and the exporter.  Does nothing in a child process, or a second time."""
        if os.getpid() != self._pid or self._stop.is_set():
            return
        self._stop.set()
        atexit.unregister(self.shutdown)
        self._thread.join(self._timeout)
        self._export()
        try:
            self._exporter.shutdown(timeout_millis=self._timeout * 1e3)
        except Exception:
            _logger.exception("the exporter could not be shut down")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()

    def _run(self) -> None:
        wait, retry = self._every, FIRST_RETRY
        while not self._stop.wait(wait):
            began = monotonic()
            if self._export():
                wait, retry = max(0.0, self._every - (monotonic() - began)), FIRST_RETRY
            else:
                wait, retry = min(retry, self._every), 2 * retry

    def _export(self) -> bool:
        """Export what there is; return whether that succeeded.  Whatever fails is logged."""
        if not self._lock.acquire(timeout=self._timeout):
            _logger.warning("the recorders are not exported now: the last export has not ended yet")
            return False
        try:
            data = self._producer.produce()
            if data.resource_metrics:
                with untraced():
                    result = self._exporter.export(data, timeout_millis=self._timeout * 1e3)
                if result is not MetricExportResult.SUCCESS:
                    _logger.warning("the exporter failed; the recorders are exported the next time")
                    return False
            self._producer.confirm()
            return True
        except Exception:
            _logger.exception("could not export the recorders; they are exported the next time")
            return False
        finally:
            self._lock.release()


class RegistryExporter(MetricExporter):
    """A `MetricExporter` that adds the recorders of a registry to what the SDK exports by another one.

    For a program that has a `PeriodicExportingMetricReader` already::

        reader = PeriodicExportingMetricReader(RegistryExporter(OTLPMetricExporter(), registry))

    The reader calls it only if the SDK has at least one instrument that was used.  The recorders get the resource of
    the SDK's metrics, in one request with them.  The temporality is that which `exporter` prefers for histograms.  What
    fails with the recorders is logged, and does no harm to the SDK's metrics.
    """

    def __init__(self, exporter: MetricExporter, registry: Registry, *, max_buckets: int | None = None) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self._exporter = exporter
        self._producer = MetricProducer(registry, temporality=_temporality(exporter), max_buckets=max_buckets)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export the SDK's metrics and the recorders."""
        try:
            metrics_data = self._joined(metrics_data)
        except Exception:
            _logger.exception("could not export the recorders; they are exported the next time")
            return self._exporter.export(metrics_data, timeout_millis=timeout_millis, **kwargs)
        result = self._exporter.export(metrics_data, timeout_millis=timeout_millis, **kwargs)
        if result is MetricExportResult.SUCCESS:
            self._producer.confirm()
        return result

    def _joined(self, metrics_data: MetricsData) -> MetricsData:
        if not metrics_data.resource_metrics:
            return self._producer.produce()
        scope = self._producer.scope_metrics()
        if not scope.metrics:
            return metrics_data
        first, *others = metrics_data.resource_metrics
        joined = ResourceMetrics(first.resource, [*first.scope_metrics, scope], first.schema_url)
        return MetricsData([joined, *others])

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shut down the other exporter."""
        self._exporter.shutdown(timeout_millis, **kwargs)


def _temporality(exporter: MetricExporter) -> AggregationTemporality:
    """Return which temporality an exporter prefers for histograms."""
    preferred: dict[type, AggregationTemporality] = getattr(exporter, "_preferred_temporality", None) or {}
    return preferred.get(HistogramInstrument, AggregationTemporality.CUMULATIVE)
