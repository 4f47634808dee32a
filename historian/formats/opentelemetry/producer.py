"""`MetricProducer`: the recorders of a registry as OpenTelemetry's metrics, with start times and temporality."""

from __future__ import annotations

import logging
import re
import time
from typing import Any, NamedTuple

from ..._live.snapshots import Snapshot
from ..._values.key import Key
from ...histogram import Histogram
from ._sdk import (
    AggregationTemporality,
    ExponentialHistogram,
    InstrumentationScope,
    Metric,
    MetricsData,
    Resource,
    ResourceMetrics,
    ScopeMetrics,
)
from .points import data_point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...registry import Registry

__all__ = ["MetricProducer", "metrics_data"]

_logger = logging.getLogger(__name__)

#: OpenTelemetry's names of units are those of UCUM, in which a byte is "By", and "1" is a plain number.
UNITS = {"bytes": "By", "": "1"}

#: The syntax of a name in OpenTelemetry's specification of instruments.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")

#: The scope of all metrics, as if `historian` were the library that measures.
SCOPE_NAME = "historian"


def metrics_data(
    registry: Registry | Mapping[Key, Histogram],
    *,
    resource: Resource | None = None,
    max_buckets: int | None = None,
) -> MetricsData:
    """Return what a registry, or its snapshot, holds, for the ``export`` of any `MetricExporter`: cumulative points.

    Each recorder that holds values is a point of an exponential histogram at scale 6, see `data_point`; its labels are
    the attributes, except those that are empty.  Its start is that of its values (`Snapshot.start_of`), or if it is not
    known, now.  With `max_buckets`, quantiles are less accurate: see `data_point`.  To export again and again, use
    `PeriodicExporter`.  O(buckets in use).  Raises ValueError as `MetricProducer` does.
    """
    return MetricProducer(registry, resource=resource, max_buckets=max_buckets).produce()


class _Series(NamedTuple):
    """What is remembered of a recorder that has been exported."""

    source: str | None  # the id of its counts until they are drained; None if it has none
    start: int  # of its last point, in ns since 1970-01-01 00:00 UTC
    time: int  # likewise, when that was
    histogram: Histogram  # of all its values at that time


class MetricProducer:
    """Makes metrics of the recorders of a registry, each time that `produce` is called.

    `temporality` says what a point holds: CUMULATIVE, all values since the recorder's start, which moves when the
    recorder is drained; or DELTA, those since the point that was exported before it: see `confirm`.  Recorders that
    hold no values have no point.  With `max_buckets`, points have at most so many buckets, of a lower scale if
    necessary: `data_point` says how far off quantiles then are.  The start of a recorder in a directory that has been
    drained is not known (`Snapshot.start_of`): it is the time of the last point before that, or now if there was none.

    Raises ValueError if a recorder has a name that OpenTelemetry does not allow: 1 to 255 letters of ASCII, digits
    and ``_ . - /``, the first one a letter.  Recorders with such names that come later are left out, and an error is
    logged once for each.
    """

    def __init__(
        self,
        registry: Registry | Mapping[Key, Histogram],
        *,
        resource: Resource | None = None,
        temporality: AggregationTemporality = AggregationTemporality.CUMULATIVE,
        max_buckets: int | None = None,
    ) -> None:
        if not hasattr(registry, "items") and not hasattr(registry, "snapshot"):
            raise TypeError(f"registry must be a Registry or its snapshot, not {type(registry).__name__}")
        if temporality not in (AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA):
            raise ValueError(f"temporality must be CUMULATIVE or DELTA, not {temporality!r}")
        if max_buckets is not None and max_buckets < 2:
            raise ValueError(f"max_buckets must be at least 2, not {max_buckets}")
        self._registry = registry
        self._resource = resource if resource is not None else Resource.create()
        self._temporality, self._max_buckets = temporality, max_buckets
        self._series: dict[Key, _Series] = {}
        self._pending: dict[Key, _Series] = {}
        self._refused: set[str] = set()
        for key in self._snapshot():
            _check_name(key.name)

    def produce(self) -> MetricsData:
        """Return what there is to export now.  O(buckets in use)."""
        scope = self.scope_metrics()
        scopes = [scope] if scope.metrics else []
        return MetricsData([ResourceMetrics(self._resource, scopes, scope.schema_url)] if scopes else [])

    def scope_metrics(self) -> ScopeMetrics:
        """Return the same as `produce`, without the resource: to be added to metrics of the SDK."""
        from ... import __version__

        snapshot, now = self._snapshot(), time.time_ns()
        series: dict[Key, _Series] = {}
        points: dict[tuple[str, str], list[Any]] = {}
        for key, histogram in snapshot.items():
            if not self._is_named(key.name):
                continue
            series[key], start, values = self._continue(key, histogram, snapshot, now)
            if values.count:
                point = data_point(
                    values,
                    attributes={label: value for label, value in key.labels if value},
                    start_time_unix_nano=start,
                    time_unix_nano=now,
                    max_buckets=self._max_buckets,
                )
                points.setdefault((key.name, histogram.unit), []).append(point)
        self._pending = series
        metrics = [
            Metric(name, "", UNITS.get(unit, unit), ExponentialHistogram(found, self._temporality))
            for (name, unit), found in points.items()
        ]
        return ScopeMetrics(InstrumentationScope(SCOPE_NAME, __version__), metrics, "")

    def confirm(self) -> None:
        """Say that what was produced last has been exported: the next differences count from there.

        Without it, they contain these values once more, so a failed export loses nothing.  Cumulative points only need
        it to know when a recorder was drained.
        """
        self._series = self._pending

    def _snapshot(self) -> Mapping[Key, Histogram]:
        found: Any = self._registry
        taken: Mapping[Key, Histogram] = found if hasattr(found, "items") else found.snapshot()
        return taken

    def _is_named(self, name: str) -> bool:
        try:
            _check_name(name)
        except ValueError as error:
            if name not in self._refused:
                self._refused.add(name)
                _logger.error("%s: not exported", error)
            return False
        return True

    def _continue(
        self, key: Key, histogram: Histogram, snapshot: Mapping[Key, Histogram], now: int
    ) -> tuple[_Series, int, Histogram]:
        """Return what is to be remembered of a recorder, and start and values of its point."""
        source, created = None, None
        if isinstance(snapshot, Snapshot):
            source, created = (snapshot.source_of(key) or (None,))[0], snapshot.start_of(key)
        before = self._series.get(key)
        start = now if created is None else min(now, int(created * 1e9))
        values = histogram
        if before is not None:
            # Without an id, as of a recorder whose file was replaced, counts that fall tell a drain.
            is_same = before.source == source and histogram.count >= before.histogram.count
            start = before.start if is_same else max(before.time, 0 if created is None else start)
            if self._temporality is AggregationTemporality.DELTA:
                start = max(before.time, start)
                values = histogram - before.histogram if is_same else histogram
            elif is_same and histogram.exemplars:  # each is sent once
                sent = before.histogram.exemplars
                values = histogram._replaced(tuple([one for one in histogram.exemplars if one not in sent]))
        return _Series(source, start, now, histogram), start, values


def _check_name(name: str) -> None:
    """Raise ValueError, with a name that would be allowed, for one that OpenTelemetry does not allow."""
    if NAME.fullmatch(name):
        return
    allowed = re.sub(r"[^A-Za-z0-9_.\-/]", "_", name)[:254]
    if not allowed[:1].isalpha():
        allowed = "n" + allowed  # a letter must be the first
    raise ValueError(
        f"OpenTelemetry does not allow the name {name[:300]!r}: use 1 to 255 of the characters A-Z a-z 0-9 _ . - /, a "
        f"letter first, such as {allowed!r}"
    )
