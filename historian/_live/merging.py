"""Histograms are added to the recorders of a registry: all of them, or none."""

from __future__ import annotations

from .._core import add_all
from .._values.key import Key, check_key
from ..histogram import Histogram
from .exemplars import add_exemplars
from .recorder import check_room, check_same_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from .recorder import Recorder

    class _Registry(Protocol):
        def _find(self, key: Key) -> Recorder | None: ...
        def _find_or_create(self, key: Key, unit: str, *, check: bool = True) -> Recorder: ...


__all__ = ["merge"]


def merge(registry: _Registry, histograms: Mapping[Key, Histogram]) -> None:
    """Do what `Registry.merge` says."""
    for key, histogram in histograms.items():
        if not isinstance(key, Key) or not isinstance(histogram, Histogram):
            raise TypeError(f"merge() takes a Registry or its snapshot, not a mapping with {key!r}: {histogram!r}")
        check_key(key)
        found = registry._find(key)
        if found is None:
            check_room(str(key), 0, histogram.count)
        else:
            check_same_unit(found, histogram.unit)
            found._take_room(histogram.count)
    into = {key: registry._find_or_create(key, histogram.unit) for key, histogram in histograms.items()}
    add_all([(into[key], h.synthetic, (h._counts, h._sum, h.min, h.max, h._bounds)) for key, h in histograms.items()])
    for key, histogram in histograms.items():
        add_exemplars(into[key], histogram.exemplars)
