"""`Key`: what identifies a recorder among others."""

from __future__ import annotations

__all__ = ["Key"]


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
