"""`Registry`: recorders by name, so that every part of a program finds the same one."""

from __future__ import annotations

from _thread import allocate_lock  # importing threading costs as much as all the rest

from .histogram import Histogram
from .recorder import Recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .profile import Profile

__all__ = ["Key", "Registry", "default_registry", "recorder"]


class Key(tuple[str, tuple[tuple[str, str], ...]]):  # by hand: importing typing costs as much as all the rest
    """What identifies a recorder in a registry: ``(name, labels)``.  Hashable, picklable.

    `labels` are (label, value) pairs, sorted.  Prints as ``name{label=value}``.
    """

    __slots__ = ()

    def __new__(cls, name: str, labels: tuple[tuple[str, str], ...] = ()) -> Key:
        return super().__new__(cls, (name, labels))

    def __getnewargs__(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        return self.name, self.labels

    @property
    def name(self) -> str:
        """Name of the recorder."""
        return self[0]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Its labels, sorted."""
        return self[1]

    def __repr__(self) -> str:
        return f"Key({self.name!r}, {self.labels!r})"

    def __str__(self) -> str:
        labels = ",".join(f"{label}={value}" for label, value in self.labels)
        return f"{self.name}{{{labels}}}" if labels else self.name


class Registry:
    """Recorders by name and labels, in this process' memory.  Safe from any thread.

    >>> registry = Registry()
    >>> registry.recorder("db.query", table="users").record(0.003)
    >>> registry.recorder("db.query", table="users") is registry.recorder("db.query", table="users")
    True
    >>> {str(key): h.count for key, h in registry.snapshot().items()}
    {'db.query{table=users}': 1}
    """

    def __init__(self) -> None:
        self._recorders: dict[Key, Recorder] = {}
        self._lock = allocate_lock()

    def recorder(self, name: str, *, unit: str = "s", **labels: object) -> Recorder:
        """Return the recorder of that name and those labels, made on first use.  O(labels).

        Label values are taken as strings; ``name`` and ``unit`` cannot be labels.  Raises ValueError for an empty name
        and if the recorder exists with another unit.
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        if not name:
            raise ValueError("a recorder in a registry needs a name")
        key = Key(name, tuple(sorted((label, str(value)) for label, value in labels.items())))
        found = self._recorders.get(key)
        if found is None:
            with self._lock:
                found = self._recorders.get(key)
                if found is None:
                    found = self._recorders[key] = Recorder(str(key), unit=unit)
        self._check_unit(key, unit)
        return found

    def _check_unit(self, key: Key, unit: str) -> None:
        found = self._recorders.get(key)
        if found is not None and found.unit != unit:
            raise ValueError(f"recorder {str(key)!r} exists with unit {found.unit!r}, not {unit!r}")

    def snapshot(self) -> dict[Key, Histogram]:
        """Return the histogram of every recorder, in the order in which they were made.  O(buckets in use).

        The result pickles: a worker process returns it, and the parent's registry can `merge` it.
        """
        with self._lock:
            recorders = list(self._recorders.items())
        return {key: found.snapshot() for key, found in recorders}

    def merge(self, other: Registry | Mapping[Key, Histogram]) -> None:
        """Add what another registry, or its `snapshot`, holds.  `other` does not change.  O(buckets in use).

        Raises ValueError if a recorder exists with another unit; then nothing has been added.
        """
        histograms = other.snapshot() if isinstance(other, Registry) else dict(other)
        for key, histogram in histograms.items():
            if not isinstance(key, Key) or not isinstance(histogram, Histogram):
                raise TypeError(f"merge() takes a Registry or its snapshot, not a mapping with {key!r}: {histogram!r}")
            self._check_unit(key, histogram.unit)
        for key, histogram in histograms.items():
            into = self.recorder(key.name, unit=histogram.unit, **dict(key.labels))
            into._add(histogram._counts, histogram.sum, histogram.min, histogram.max)

    def profile(self) -> Profile:
        """Return a table of all recorders that hold anything; it prints, and shows as HTML in a notebook."""
        from .profile import Profile

        return Profile({str(key): histogram for key, histogram in self.snapshot().items()})

    def clear(self) -> None:
        """Set every recorder back to empty.  Whoever holds one goes on recording into it."""
        with self._lock:
            recorders = list(self._recorders.values())
        for found in recorders:
            found.drain()

    def __repr__(self) -> str:
        return f"<Registry of {len(self._recorders)} recorders>"


#: Where `recorder` keeps its recorders.
default_registry = Registry()


def recorder(name: str, *, unit: str = "s", **labels: object) -> Recorder:
    """Return the recorder of that name and those labels of `default_registry`: see `Registry.recorder`.

    >>> recorder("startup").unit
    's'
    """
    return default_registry.recorder(name, unit=unit, **labels)
