"""`Names`: how recorders are shown, and the ids by which a page asks for them."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from ..._show.names import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..._values.key import Key

__all__ = ["Name", "Names"]

WIDTH = 80  # columns of a name in a table, at most


class Name(NamedTuple):
    """How a recorder is shown."""

    id: str  # 16 hexadecimal digits: the same in each process, so that links to it stay valid
    whole: str  # printable
    short: str  # at most `WIDTH` columns; different names stay different
    sought: str  # in lower case


class Names:
    """The names of all recorders; immutable."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        whole = {key: str(key) for key in keys}
        short = dict(zip(whole, shortened(list(whole.values()), WIDTH)))
        self._names = {key: Name(_id_of(text), text, short[key], text.lower()) for key, text in whole.items()}
        self._keys = {name.id: key for key, name in self._names.items()}

    def updated(self, keys: Collection[Key]) -> Names:
        """Return the names of these recorders: this object, if none have come or gone.  O(recorders)."""
        if len(keys) == len(self._names) and all(key in self._names for key in keys):
            return self
        return Names(keys)

    def __getitem__(self, key: Key) -> Name:
        return self._names[key]

    def find(self, id: str) -> Key | None:
        """Return the recorder with this id; None if there is none."""
        return self._keys.get(id)


def _id_of(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
