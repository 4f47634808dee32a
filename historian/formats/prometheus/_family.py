"""`HistogramFamily`: histograms of one name, as a metric of prometheus_client."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client import Metric as _Base
    from prometheus_client.samples import Sample

    from ..._values.base import BaseHistogram
    from ._classic import Classic
    from ._labels import Labels
else:
    _Base = object  # prometheus_client asks for the attributes only; it is imported when it is needed

__all__ = ["HistogramFamily", "Series"]


class Series(NamedTuple):
    """One histogram of a family."""

    labels: Labels
    histogram: BaseHistogram
    start: float | None  # since when it has counted, in seconds since 1970-01-01 00:00 UTC


class HistogramFamily(_Base):
    """Histograms of one name.

    `samples` has them as prometheus_client writes them, with classic buckets.  It is made when it is first asked for:
    the native format does not need it.
    """

    name: str
    documentation: str
    type: str
    unit: str
    classic: Classic
    series: list[Series]

    def __init__(self, name: str, documentation: str, unit: str, classic: Classic) -> None:
        self.name, self.documentation, self.type, self.unit = name, documentation, "histogram", unit
        self.classic, self.series = classic, []

    @cached_property
    def samples(self) -> list[Sample]:  # type: ignore[override]  # an attribute of `Metric`
        """The series as text shows them: buckets, count, sum, time of creation."""
        from prometheus_client.samples import Exemplar, Sample
        from prometheus_client.utils import floatToGoString

        found = []
        bucket, count, total, created = (f"{self.name}_{end}" for end in ("bucket", "count", "sum", "created"))
        edges = [*map(floatToGoString, self.classic.bounds), "+Inf"]
        for labels, histogram, start in self.series:
            pairs = labels.pairs
            counts = [*self.classic.counts(histogram), histogram.count]
            marked = {
                position: Exemplar(one.labels, one.value, one.timestamp)
                for position, one in self.classic.exemplars(histogram).items()
            }
            found += [
                Sample(bucket, {**pairs, "le": edge}, n, None, marked.get(position))
                for position, (edge, n) in enumerate(zip(edges, counts))
            ]
            found += [Sample(count, pairs, histogram.count), Sample(total, pairs, histogram.sum)]
            if start is not None:
                found.append(Sample(created, pairs, start))
        return found

    def _restricted_metric(self, names: set[str]) -> Metric | None:
        """Return the samples with these names: prometheus_client asks for it."""
        from prometheus_client import Metric

        samples = [sample for sample in self.samples if sample.name in names]
        if not samples:
            return None
        found = Metric(self.name, self.documentation, self.type)
        found.samples = samples
        return found
