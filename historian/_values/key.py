"""`Key`: the name and labels that identify a recorder."""

from __future__ import annotations

from .text import printable

__all__ = ["Key", "check_key"]

#: Maximum length of the name, the labels and their values together, in bytes of UTF-8.  With the most labels and the
#: longest unit, 2048 + 64 * 8 + 255 = 2,815 bytes, they fit into the header of a file, which has 3,016 for them.
MAX_KEY_NBYTES = 2048
#: Maximum number of labels.
MAX_LABELS = 64


class Key(tuple[str, tuple[tuple[str, str], ...]]):  # no NamedTuple: importing typing costs as much as all the rest
    """The name and the labels that identify a recorder in a registry.  Hashable, picklable, ordered.

    Label values are converted to strings.  Raises TypeError if the name is not a string.  The key of a recorder must be
    valid Unicode, with at most 2,048 bytes of UTF-8 and 64 labels: `Registry.recorder` raises ValueError otherwise.

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


def check_key(key: Key) -> None:
    """Raise ValueError unless a recorder may have this name and these labels, in memory and in a directory.

    The name must not be empty.  All texts must be valid Unicode, and have at most 2,048 bytes of UTF-8 together.  There
    may be 64 labels.  O(bytes).
    """
    if not key.name:
        raise ValueError("name must not be empty for a recorder in a registry")
    nbytes = _nbytes("name", key.name)
    for label, value in key.labels:
        nbytes += _nbytes("label name", label) + _nbytes(f"value of label {label[:40]!r}", value)
    if nbytes > MAX_KEY_NBYTES:
        raise ValueError(
            f"name and labels of recorder {key.name[:40]!r} take {nbytes:,} bytes of UTF-8, the limit is "
            f"{MAX_KEY_NBYTES:,}: shorten them"
        )
    if len(key.labels) > MAX_LABELS:
        raise ValueError(
            f"recorder {key.name[:40]!r} has {len(key.labels):,} labels, the limit is {MAX_LABELS}: use fewer"
        )


def _nbytes(what: str, text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        bad = text[error.start]
        raise ValueError(
            f"{what} is not valid Unicode, it has {bad!r} at position {error.start}: replace such characters, as in "
            "text.encode(errors='replace').decode()"
        ) from None
