"""The bodies of frames: numbers of keys, the histograms of an interval, the state of recorders, ids of files."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import NamedTuple

from .._core import attempt
from .._files.header import decode, encode
from .._values.key import Key
from .._values.own import is_own
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "Held",
    "Part",
    "histogram_of",
    "keys_body",
    "part_body",
    "read_ids",
    "read_keys",
    "read_part",
    "read_state",
    "state_body",
]

ID_NBYTES = 16
_COUNTS = struct.Struct("<II")
_PAIR = struct.Struct("<IH")
_TRIPLE = struct.Struct("<IIH")


class Part(NamedTuple):
    """What an interval holds, by the numbers of keys."""

    blobs: Mapping[int, bytes]  # of the recorders that counted
    sources: Mapping[int, str]  # of the recorders whose counts begin in this interval; empty if it is not known


class Held(NamedTuple):
    """What a recorder held at the end of an interval."""

    source: str  # its id until the next drain; empty if it is not known
    blob: bytes


def histogram_of(blob: bytes) -> Histogram | str:
    """Return the histogram in a blob, or why the blob is not valid, although the checksum of its frame is right."""
    try:
        return Histogram.from_bytes(blob)
    except ValueError as error:
        if not is_own(error):
            raise
        return str(error)


def keys_body(numbers: Mapping[Key, int]) -> bytes:
    """Return the body of a frame of keys."""
    parts = [len(numbers).to_bytes(4, "little")]
    for key, number in numbers.items():
        encoded = encode(key)
        parts += struct.pack("<II", number, len(encoded)), encoded
    return b"".join(parts)


def read_keys(body: bytes) -> dict[int, Key] | None:
    """Return the keys of a body by their numbers; None if it is not valid.

    >>> read_keys(keys_body({Key("query", table="users"): 7}))
    {7: Key('query', table='users')}
    """
    found: dict[int, Key] = {}
    at = 4
    for _ in range(_first(body)):
        if at + 8 > len(body):
            return None
        number, nbytes = _COUNTS.unpack_from(body, at)
        at += 8 + nbytes
        header = decode(body[at - nbytes : at], b"s", 0) if at <= len(body) else "it is cut short"
        if isinstance(header, str):
            return None
        found[number] = header.key
    return found if at == len(body) else None


def part_body(part: Part) -> bytes:
    """Return the body of an interval: numbers and lengths of all blobs, sources, then the blobs.

    So the blobs of a few keys can be picked from it without a look at the others.
    """
    pairs = [number for item in part.blobs.items() for number in (item[0], len(item[1]))]
    texts = [(number, source.encode()) for number, source in part.sources.items()]
    return b"".join(
        [
            _COUNTS.pack(len(part.blobs), len(texts)),
            struct.pack(f"<{len(pairs)}I", *pairs),
            *(_PAIR.pack(number, len(text)) + text for number, text in texts),
            *part.blobs.values(),
        ]
    )


def read_part(body: bytes, wanted: Callable[[int], bool] | None = None) -> Part | None:
    """Return what an interval holds, of all keys or of those whose number is wanted; None if the body is not valid.

    O(keys), and O(bytes) of those wanted.

    >>> read_part(part_body(Part({3: b"three", 4: b"four"}, {4: "a source"})), lambda number: number > 3)
    Part(blobs={4: b'four'}, sources={4: 'a source'})
    """
    if len(body) < 8:
        return None
    count, more = _COUNTS.unpack_from(body)
    at = 8 + 8 * count
    if at > len(body):
        return None
    pairs = struct.unpack_from(f"<{2 * count}I", body, 8)
    texts = _texts(body, at, more)
    if texts is None:
        return None
    sources, at = texts
    lengths: Sequence[int] = pairs[1::2]
    ends = list(accumulate(lengths, initial=at))
    if ends[-1] != len(body):
        return None
    rows = zip(pairs[::2], ends, ends[1:])
    return Part({number: body[start:end] for number, start, end in rows if wanted is None or wanted(number)}, sources)


def _texts(body: bytes, at: int, count: int) -> tuple[dict[int, str], int] | None:
    """Return the sources from `at` on, and where they end."""
    sources: dict[int, str] = {}
    for _ in range(count):
        if at + _PAIR.size > len(body):
            return None
        number, nbytes = _PAIR.unpack_from(body, at)
        at += _PAIR.size + nbytes
        text = attempt(body[at - nbytes : at].decode)
        if at > len(body) or not isinstance(text, str):
            return None
        sources[number] = text
    return sources, at


def state_body(held: Mapping[int, Held]) -> bytes:
    """Return the body of a state: what each recorder holds, by the number of its key."""
    parts = [len(held).to_bytes(4, "little")]
    for number, (source, blob) in held.items():
        text = source.encode()
        parts += _TRIPLE.pack(number, len(blob), len(text)), text, blob
    return b"".join(parts)


def read_state(body: bytes) -> dict[int, Held] | None:
    """Return what each recorder held, by the number of its key; None if the body is not valid.

    >>> read_state(state_body({7: Held("a source", b"seven")}))
    {7: Held(source='a source', blob=b'seven')}
    """
    found: dict[int, Held] = {}
    at = 4
    for _ in range(_first(body)):
        if at + _TRIPLE.size > len(body):
            return None
        number, nbytes, length = _TRIPLE.unpack_from(body, at)
        middle = at + _TRIPLE.size + length
        text = attempt(body[at + _TRIPLE.size : middle].decode)
        at = middle + nbytes
        if at > len(body) or not isinstance(text, str):
            return None
        found[number] = Held(text, body[middle:at])
    return found if at == len(body) else None


def read_ids(body: bytes) -> frozenset[bytes]:
    """Return the ids of the files that a file replaces."""
    return frozenset(body[at : at + ID_NBYTES] for at in range(0, len(body) - ID_NBYTES + 1, ID_NBYTES))


def _first(body: bytes) -> int:
    """Return the number at the beginning; 1 if it is missing, so that the body is refused."""
    return int.from_bytes(body[:4], "little") if len(body) >= 4 else 1
