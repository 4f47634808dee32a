"""`Labels`: the labels of a series, also as bytes."""

from __future__ import annotations

from ._wire import delimited, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Labels", "packed_labels"]


class Labels:
    """The labels of a series, which do not change."""

    __slots__ = ("packed", "pairs")

    pairs: dict[str, str]  # none has an empty value: to Prometheus, that is a label which is missing
    packed: bytes  # as fields of protobuf

    def __init__(self, pairs: dict[str, str]) -> None:
        self.pairs, self.packed = pairs, packed_labels(pairs)


def packed_labels(pairs: Mapping[str, str]) -> bytes:
    """Return labels as fields of a metric or an exemplar in protobuf.

    >>> packed_labels({"a": "1"}).hex()
    '0a060a0161120131'
    """
    return b"".join(delimited(1, text(1, name) + text(2, value)) for name, value in pairs.items())
