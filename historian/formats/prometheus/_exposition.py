"""`exposition`: metrics as what a scraper reads, in each of the formats."""

from __future__ import annotations

from typing import NamedTuple

from ._client import client_family
from ._family import HistogramFamily
from ._names import check_suffixes
from ._protobuf import native_family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from prometheus_client import Metric

    class _Source(Protocol):
        """A `Collector`, or a registry of prometheus_client."""

        def collect(self) -> Iterable[Metric]: ...


__all__ = ["OPENMETRICS", "PROTOBUF", "TEXT", "Format", "exposition"]

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Format(NamedTuple):
    """A format, and what to do with characters in the names of others that not every scraper takes."""

    content_type: str  # PROTOBUF, OPENMETRICS or TEXT
    escaping: str = ""  # "allow-utf-8", "underscores", "dots" or "values"; empty if the scraper did not say

    @property
    def header(self) -> str:
        """The value of the header Content-Type."""
        return f"{self.content_type}; escaping={self.escaping}" if self.escaping else self.content_type


class _Collected:
    """Metrics of several sources, as prometheus_client takes them."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """Return them."""
        return self._families


def exposition(sources: Sequence[_Source], into: Format) -> bytes:
    """Return the metrics of all sources in a format.  O(buckets).

    Raises ValueError if one of historian's metrics has the name of another metric, and what `Collector.collect` raises.
    """
    families = [found for source in sources for found in source.collect()]
    _check(families)
    if into.content_type == PROTOBUF:
        return _protobuf(families, into.escaping)
    from prometheus_client import exposition as plain
    from prometheus_client.openmetrics import exposition as openmetrics

    generate = openmetrics.generate_latest if into.content_type == OPENMETRICS else plain.generate_latest
    return bytes(generate(_Collected(families), into.escaping or openmetrics.UNDERSCORES))


def _protobuf(families: list[Metric], escaping: str) -> bytes:
    from prometheus_client.openmetrics.exposition import ALLOWUTF8, UNDERSCORES, escape_label_name

    def escape(name: str) -> str:
        return name if escaping == ALLOWUTF8 else escape_label_name(name, escaping or UNDERSCORES)

    parts = [
        native_family(found) if isinstance(found, HistogramFamily) else client_family(found, escape)
        for found in families
    ]
    return b"".join(parts)


def _check(families: list[Metric]) -> None:
    """Raise ValueError if one of historian's metrics and another one have the same name."""
    ours = {found.name for found in families if isinstance(found, HistogramFamily)}
    seen: set[str] = set()
    for found in families:
        if found.name in seen and found.name in ours:
            raise ValueError(f"two sources have the metric {found.name!r}: rename one of them")
        seen.add(found.name)
    if ours:
        check_suffixes(seen)
