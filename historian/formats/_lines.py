"""Histograms as lines of JSON, each with the name and the labels of its recorder: for `historian.snapshot`."""

from __future__ import annotations

from .._values.key import Key
from ._dict import from_dict, to_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from .._values.base import BaseHistogram

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["from_line", "to_line"]


def to_line(key: Key, histogram: BaseHistogram) -> str:
    """Return key and histogram as one line, which `from_line` reads back without loss.  O(buckets)."""
    import json

    line = {"name": key.name, "labels": dict(key.labels), **to_dict(histogram)}
    return json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n"


def from_line(cls: type[_H], line: bytes) -> tuple[Key, _H]:
    """Return the key and the histogram in a line.  Raises ValueError, with the reason, for any other line."""
    import json

    try:
        data = json.loads(line)
    except RecursionError:
        raise ValueError("not a line of a snapshot: nested too deeply") from None
    except ValueError:  # also bytes that are not UTF-8
        raise ValueError("not a line of JSON") from None
    try:
        return _key(data), from_dict(cls, data)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _key(data: Any) -> Key:
    """Return the key in the JSON object of a line.  Raises ValueError if it has no valid name and labels."""
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not data["name"]:
        raise ValueError("not a line of a snapshot: it has no name")
    labels = data.get("labels", {})
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError(f"not a line of a snapshot: labels must map strings to strings, not {labels!r}")
    return Key(data["name"], **labels)
