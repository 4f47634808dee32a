"""`Key`: the name and labels that identify a recorder."""

from __future__ import annotations

from .text import printable

__all__ = ["Key"]


class Key(tuple[str, tuple[tuple[str, str], ...]]):  # no NamedTuple: importing typing costs as much as all the rest
    """The name and the labels that identify a recorder in a registry.  Hashable, picklable, ordered.

    Label values are converted to strings.  Raises TypeError if the name is not a string.

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

    __new__.__module__ = __module__  # from 3.13 on, pickles of protocol 2 look the class up where this says

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (self.name,), dict(self.labels)

    @property
    def name(self) -> str:
        """Name of the recorder."""
        return self[0]

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Labels of the recorder as (label, value) pairs, sorted."""
        return self[1]

    def __repr__(self) -> str:
        if all(label.isidentifier() for label, _ in self.labels):
            return f"Key({', '.join([repr(self.name), *(f'{label}={value!r}' for label, value in self.labels)])})"
        return f"Key({self.name!r}, **{dict(self.labels)!r})"

    def __str__(self) -> str:
        labels = ",".join(f"{label}={value}" for label, value in self.labels)
        return printable(f"{self.name}{{{labels}}}" if labels else self.name)
