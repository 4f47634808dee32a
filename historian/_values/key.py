"""`Key`: what identifies a recorder among others."""

from __future__ import annotations

__all__ = ["Key"]


class Key(tuple[str, tuple[tuple[str, str], ...]]):  # by hand: importing typing costs as much as all the rest
    """What identifies a recorder in a registry: its name and its labels.  Hashable, picklable, ordered.

    Label values are taken as strings.  Raises TypeError for a name that is no string.

    >>> key = Key("query", table="users", shard=3)
    >>> key.name, key.labels
    ('query', (('shard', '3'), ('table', 'users')))
    >>> print(key)
    query{shard=3,table=users}
    """

    __slots__ = ()
    __module__ = "historian"

    def __new__(cls, name: str, /, **labels: object) -> Key:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        return super().__new__(cls, (name, tuple(sorted((label, str(value)) for label, value in labels.items()))))

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (self.name,), dict(self.labels)

    @property
    def name(self) -> str:
        """Name of the recorder."""
        return self[0]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Its labels, sorted."""
        return self[1]

    def __repr__(self) -> str:
        if all(label.isidentifier() for label, _ in self.labels):
            return f"Key({', '.join([repr(self.name), *(f'{label}={value!r}' for label, value in self.labels)])})"
        return f"Key({self.name!r}, **{dict(self.labels)!r})"

    def __str__(self) -> str:
        labels = ",".join(f"{label}={value}" for label, value in self.labels)
        return f"{self.name}{{{labels}}}" if labels else self.name
