"""`Key`: the name and labels that identify a recorder."""

from __future__ import annotations

from itertools import chain
from keyword import iskeyword

from .._core import attempt
from .text import shortened, token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["Key", "check_key", "fault_of_key", "key_of", "text_of"]

#: Maximum length of the name, the labels and their values together, in bytes of UTF-8.  With the lengths of all texts
#: and the longest unit, 2048 + (1 + 2 * 64) * 2 + 255 = 2,561 bytes: an entry in a file has room for 65,535.
MAX_KEY_NBYTES = 2048
#: Maximum length of a key that is shown by itself, in characters.
MAX_SHOWN = 1000
#: Maximum number of labels.
MAX_LABELS = 64


class Key(tuple[str, tuple[tuple[str, str], ...]]):  # no NamedTuple: importing typing costs as much as all the rest
    """The name and the labels that identify a recorder in a registry.  Hashable, picklable, ordered.

    The order of the labels does not matter.  Any string is a label: ``Key("query", **{"a label": "x"})``.  Label values
    are converted to strings: a string stays as it is, everything else is converted by ``str``.  Raises TypeError if the
    name is not a string.  The key of a recorder must be valid Unicode, with at most 2,048 bytes of UTF-8 and 64 labels:
    `Registry.recorder` raises ValueError otherwise.

    Two keys print alike only if they are equal.  Names, labels and values stand in quotation marks, with escape
    sequences, if they are empty or have separators, quotation marks or characters that cannot be printed.

    >>> key = Key("query", table="users", shard=3)
    >>> key.name, key.labels
    ('query', (('shard', '3'), ('table', 'users')))
    >>> print(key, Key("query", table="users,shard=3"))
    query{shard=3,table=users} query{table="users,shard=3"}
    """

    __slots__ = ()
    __module__ = "historian"

    def __new__(cls, name: str, /, **labels: object) -> Key:
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__}")
        pairs = [(label, value if type(value) is str else text_of(value)) for label, value in labels.items()]
        pairs.sort()
        return tuple.__new__(cls, (text_of(name), tuple(pairs)))

    @classmethod
    def _of_parts(cls, parts: tuple[str, tuple[tuple[str, str], ...]]) -> Key:
        """Return the key with this name and these labels, all of them strings; the labels are sorted."""
        return tuple.__new__(cls, parts)

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
        # Python replaces some characters of identifiers by others, but none of ASCII.
        if all(label.isidentifier() and label.isascii() and not iskeyword(label) for label, _ in self.labels):
            return f"Key({', '.join([repr(self.name), *(f'{label}={value!r}' for label, value in self.labels)])})"
        return f"Key({self.name!r}, **{dict(self.labels)!r})"

    # How notebooks, IPython and rich show it: the room that draws all others imports this one.

    def _repr_html_(self) -> str:
        from html import escape

        return f'<code style="overflow-wrap:anywhere">{escape(shortened(str(self), MAX_SHOWN))}</code>'

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if len(getattr(printer, "stack", ())) > 1 else shortened(str(self), MAX_SHOWN))

    def __rich__(self) -> Any:
        from rich.text import Text

        return Text(shortened(str(self), MAX_SHOWN))

    def __str__(self) -> str:
        if not self.labels:
            return token(self.name)
        labels = ",".join(f"{token(label)}={token(value)}" for label, value in self.labels)
        return f"{token(self.name) if self.name else ''}{{{labels}}}"


def key_of(name: str, labels: object, more: Mapping[str, object]) -> Key:
    """Return the key with the labels of a mapping, or None, and those of `more`.  Raises TypeError, ValueError."""
    if labels is None:
        return Key(name, **more)
    if not hasattr(labels, "items"):
        raise TypeError(
            f"labels must be a mapping from names to values, not {type(labels).__name__}; for a label that is called "
            'labels, write labels={"labels": value}'
        )
    found = dict(labels.items())
    for label in found:
        if not isinstance(label, str):
            raise TypeError(f"the name of a label must be a string, not {label!r}")
        if label in more:
            raise ValueError(f"label {label!r} is given twice, in labels= and as a keyword: give it once")
    return Key(name, **found, **more)


def text_of(value: object) -> str:
    """Return the text of a label's value: a string stays as it is, everything else is converted by ``str``.

    A string of a subclass, such as a member of an enumeration of strings, gives its characters: it is equal to them.

    >>> text_of(200), text_of("GET")
    ('200', 'GET')
    """
    return str.__str__(value) if isinstance(value, str) else str(value)


def check_key(key: Key) -> None:
    """Raise ValueError unless a recorder may have this name and these labels, in memory and in a directory."""
    fault = fault_of_key(key)
    if fault is not None:
        raise ValueError(fault)


def fault_of_key(key: Key) -> str | None:
    """Return why a recorder may not have this name and these labels; None if it may.

    The name must not be empty.  All texts must be valid Unicode, and have at most 2,048 bytes of UTF-8 together.  There
    may be 64 labels.  O(bytes).
    """
    name, labels = key
    if not name:
        return "name must not be empty for a recorder in a registry"
    text = "".join([name, *chain.from_iterable(labels)])
    if text.isascii() and len(text) <= MAX_KEY_NBYTES and len(labels) <= MAX_LABELS:
        return None  # as nearly always; what follows finds out what is wrong
    nbytes = 0
    for what, part in _parts(key):
        encoded = attempt(part.encode)
        if isinstance(encoded, UnicodeEncodeError):
            return (
                f"{what} is not valid Unicode, it has {part[encoded.start]!r} at position {encoded.start}: replace "
                "such characters, as in text.encode(errors='replace').decode()"
            )
        assert isinstance(encoded, bytes)
        nbytes += len(encoded)
    if nbytes > MAX_KEY_NBYTES:
        return (
            f"name and labels of recorder {key.name[:40]!r} take {nbytes:,} bytes of UTF-8, the limit is "
            f"{MAX_KEY_NBYTES:,}: shorten them"
        )
    if len(key.labels) > MAX_LABELS:
        return f"recorder {key.name[:40]!r} has {len(key.labels):,} labels, the limit is {MAX_LABELS}: use fewer"
    return None


def _parts(key: Key) -> Iterator[tuple[str, str]]:
    """Yield all texts of a key, after what they are."""
    yield "name", key.name
    for label, value in key.labels:
        yield "label name", label
        yield f"value of label {label[:40]!r}", value
