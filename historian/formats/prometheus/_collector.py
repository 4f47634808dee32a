"""`Collector`: the recorders of a registry as metrics, each time they are asked for."""

from __future__ import annotations

from typing import NamedTuple

from ..._values.base import BaseHistogram
from ..._values.key import Key
from . import _classic
from ._family import HistogramFamily, Series
from ._labels import Labels
from ._names import check_suffixes, label_name, metric_name, suffix_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Protocol

    from prometheus_client import Metric
    from prometheus_client.registry import Collector as _Base

    class _Registry(Protocol):
        """A registry, or anything else that has snapshots."""

        def snapshot(self) -> Mapping[Key, Any]: ...

else:
    _Base = object  # it is imported when it is needed

__all__ = ["Collector"]

MISSING = "historian.formats.prometheus needs prometheus_client: run pip install 'latency-historian[prometheus]'"


class Plan(NamedTuple):
    """The metrics and labels of recorders, which stay the same from scrape to scrape while there are no new ones."""

    keys: list[Key]  # in the order of the snapshot
    units: list[str]  # of the recorders with these keys
    families: list[tuple[str, str, str, _classic.Classic]]  # the arguments of `HistogramFamily`
    series: list[tuple[int, Labels]]  # for each recorder the position of its family, and its labels


class Collector(_Base):
    """Turns the recorders of a registry into metrics, whenever they are scraped.

    `registry` is a `historian.Registry`, also one in a directory: then a scrape of any process shows the values of all.
    The collector belongs into a registry of prometheus_client (``REGISTRY.register(Collector(registry))``), or into a
    scrape application of `historian.web`.  Each recorder is a histogram, also while it is empty; one that is removed
    is gone from the next scrape on.  Do not drain recorders that are scraped: counts must only grow.  If one is
    drained all the same, Prometheus takes it for a restart.

    `buckets` maps units to the upper bounds of classic buckets, for scrapers that do not read native histograms:
    ``{"s": [0.1, 0.5, 1, 5]}``.  Each bound becomes the upper edge of its bucket, at most 1.1 % above it, where counts
    are exact.  Default: see `historian.formats.prometheus`.  `help` maps names of recorders to texts for users of
    Prometheus.  With `underscores`, each character that Prometheus does not allow in a name becomes ``_``.

    Raises ValueError for names that Prometheus does not allow, and for recorders that would be the same series, both
    here and when they are collected: recorders may come later.  Raises ImportError without prometheus_client.

    >>> from historian import Registry
    >>> from prometheus_client import CollectorRegistry, generate_latest
    >>> registry, scraped = Registry(), CollectorRegistry()
    >>> registry.recorder("lookup", table="users").record_many([0.010] * 99 + [1.5])
    >>> scraped.register(Collector(registry, buckets={"s": [0.25, 1.0]}))
    >>> print(generate_latest(scraped).decode())        # doctest: +ELLIPSIS
    # HELP lookup_seconds lookup, recorded by historian
    # TYPE lookup_seconds histogram
    lookup_seconds_bucket{le="0.25",table="users"} 99.0
    lookup_seconds_bucket{le="1.0",table="users"} 99.0
    lookup_seconds_bucket{le="+Inf",table="users"} 100.0
    lookup_seconds_count{table="users"} 100.0
    lookup_seconds_sum{table="users"} 2.49
    # HELP lookup_seconds_created lookup, recorded by historian
    # TYPE lookup_seconds_created gauge
    lookup_seconds_created{table="users"} ...
    """

    __module__ = "historian.formats.prometheus"

    def __init__(
        self,
        registry: _Registry,
        *,
        buckets: Mapping[str, Iterable[float]] | None = None,
        help: Mapping[str, str] | None = None,
        underscores: bool = False,
    ) -> None:
        _require_client()
        if not hasattr(registry, "snapshot") or isinstance(registry, BaseHistogram):
            raise TypeError(f"Collector() takes a historian.Registry, not {type(registry).__name__}")
        self._registry = registry
        self._buckets = _classic.check(buckets or {})
        self._help = dict(help or {})
        self._underscores = underscores
        self._plan = Plan([], [], [], [])
        self._planned(registry.snapshot())

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without their values: prometheus_client asks for their names when it registers this."""
        for arguments in self._planned(self._registry.snapshot()).families:
            yield HistogramFamily(*arguments)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with the values of this moment, one for each name and unit of recorders.

        All are of one snapshot.  O(octaves in use, of all recorders).  Raises ValueError as the class does.
        """
        snapshot = self._registry.snapshot()
        plan = self._planned(snapshot)
        families = [HistogramFamily(*arguments) for arguments in plan.families]
        start_of = getattr(snapshot, "start_of", lambda key: None)
        for (place, labels), (key, histogram) in zip(plan.series, snapshot.items()):
            families[place].series.append(Series(labels, histogram, start_of(key)))
        yield from families

    def _planned(self, snapshot: Mapping[Key, Any]) -> Plan:
        """Return the plan for the recorders of a snapshot.  Raises ValueError if they cannot be metrics."""
        keys, units = list(snapshot), [histogram.unit for histogram in snapshot.values()]
        plan = self._plan  # read once: another thread may replace it
        if plan.keys != keys or plan.units != units:
            plan = self._plan = self._new_plan(keys, units)
        return plan

    def _new_plan(self, keys: list[Key], units: list[str]) -> Plan:
        plan = Plan(keys, units, [], [])
        places: dict[tuple[str, str], int] = {}  # of families, by name and unit of their recorders
        metrics: dict[str, tuple[str, str]] = {}  # the name and unit behind each metric
        known: dict[tuple[int, frozenset[tuple[str, str]]], Key] = {}  # the recorder behind each series
        for key, unit in zip(keys, units):
            place = places.get((key.name, unit))
            if place is None:
                name = metric_name(key.name, unit, self._underscores)
                other = metrics.setdefault(name, (key.name, unit))
                if other != (key.name, unit):
                    raise ValueError(
                        f"the recorders {other[0]!r} in {other[1]!r} and {key.name!r} in {unit!r} would both be the "
                        f"metric {name!r}: rename one of them"
                    )
                place = places[key.name, unit] = len(plan.families)
                text = self._help.get(key.name, f"{key.name}, recorded by historian")
                suffix = suffix_of(unit) if name.endswith(f"_{suffix_of(unit)}") else ""  # it may be the whole name
                plan.families.append((name, text, suffix, _classic.chosen(unit, self._buckets)))
            pairs = self._labels_of(key)
            first = known.setdefault((place, frozenset(pairs.items())), key)
            if first is not key:
                raise ValueError(
                    f"the recorders {str(first)!r} and {str(key)!r} would both be the series "
                    f"{plan.families[place][0]!r} with labels {pairs!r}: use other labels"
                )
            plan.series.append((place, Labels(pairs)))
        check_suffixes(set(metrics))
        return plan

    def _labels_of(self, key: Key) -> dict[str, str]:
        found: dict[str, str] = {}
        for label, value in key.labels:
            name = label_name(label, self._underscores)
            if name in found:
                raise ValueError(f"the recorder {str(key)!r} has two labels that become {name!r}: rename one of them")
            found[name] = value
        return {name: value for name, value in found.items() if value}


def _require_client() -> None:
    """Raise ImportError, which names the extra, unless prometheus_client can be imported."""
    try:
        import prometheus_client  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise ImportError(MISSING) from None
