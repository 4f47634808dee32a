"""A recorder is removed from its registry: it is drained, forgotten and freed, or none of it if an exception comes."""

from __future__ import annotations

from .._core import count_again, give_back
from .._files.draining import free_recorder
from .recorder import Recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .._core import _Taken
    from .._values.key import Key
    from ..histogram import Histogram

    class _Registry(Protocol):
        _recorders: dict[Key, Recorder]

        def _find(self, key: Key) -> Recorder | None: ...
        def _find_or_create(self, key: Key, unit: str, *, check: bool = True) -> Recorder: ...
        def _forget(self, key: Key) -> None: ...


__all__ = ["remove"]


def remove(registry: _Registry, key: Key) -> Histogram:
    """Do what `Registry.remove` says."""
    found = registry._find(key)
    if found is None:
        raise KeyError(key)
    unit = found.unit
    taken: list[_Taken] = []
    try:
        held, (file, place, _) = found._remove(taken), found._files
        registry._forget(key)
        if file is not None:
            _let_go(taken, found)
            del found  # if it was the last one, this process has the recorder open no more
            free_recorder(file, place)
        return held
    except BaseException:
        _undo(registry, key, unit, taken)
        raise


def _let_go(taken: list[_Taken], recorder: Recorder) -> None:
    """Leave out what refers to a recorder, its exemplars, which would keep it open."""
    for place in range(len(taken) - 1, -1, -1):
        if taken[place][0] is recorder:
            del taken[place]


def _undo(registry: _Registry, key: Key, unit: str, taken: list[_Taken]) -> None:
    """Count again what a recorder held, after an exception."""
    for where, _, _ in taken:
        if isinstance(where, Recorder) and where.path is None:
            registry._recorders.setdefault(key, where)
    give_back(taken)
    for _, _, reading in taken:  # its space has been freed
        again = registry._find_or_create(key, unit)
        file, place, _ = again._files
        count_again(again if file is None else file, place, reading)
