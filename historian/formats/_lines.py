"""Histograms as lines of JSON, each with the name and the labels of its recorder: for `historian.snapshot`.

A line may name its source: the recorder, by an id that no other recorder has, not even the same one after a drain.
From one drain to the next, counts only grow.  So of several lines with one source, the one with the largest count is
the latest, whatever the clocks say, and it holds the values of all others.  Lines of different sources add up.
"""

from __future__ import annotations

from .._values.key import Key
from .._values.own import is_own
from ._dict import from_dict, to_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from .._values.base import BaseHistogram

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["Source", "from_line", "is_later", "to_line"]

#: The id of a recorder between two drains, and the time of a snapshot, in seconds since 1970-01-01 00:00 UTC.
Source = tuple[str, float]

MAX_SOURCE = 100  # characters


def to_line(key: Key, histogram: BaseHistogram, source: Source | None = None) -> str:
    """Return key, histogram and source as one line, which `from_line` reads back without loss.  O(buckets)."""
    import json

    line: dict[str, object] = {"name": key.name, "labels": dict(key.labels)}
    if source is not None:
        line["source"], line["time"] = source
    line.update(to_dict(histogram))
    return json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n"


def from_line(cls: type[_H], line: bytes) -> tuple[Key, _H, Source | None]:
    """Return the key, the histogram and the source in a line, None for a line that names none.

    Raises ValueError, with the reason, for any other line.
    """
    import json

    try:
        data = json.loads(line)
    except (RecursionError, ValueError) as error:  # ValueError: also bytes that are not UTF-8
        if not is_own(error):
            raise
        is_deep = isinstance(error, RecursionError)
        raise ValueError("not a line of a snapshot: nested too deeply" if is_deep else "not a line of JSON") from None
    try:
        return _key(data), from_dict(cls, data), _source(data)
    except OverflowError as error:
        if not is_own(error):
            raise
        raise ValueError(str(error)) from None


def is_later(count: int, time: float, than: tuple[int, float]) -> bool:
    """Return whether a snapshot is later than one of the same source: `than` is its count and time."""
    return (count, time) > than


def _source(data: dict[str, Any]) -> Source | None:
    if "source" not in data:
        return None
    source, time = data["source"], data.get("time")
    if not isinstance(source, str) or not 0 < len(source) <= MAX_SOURCE or not source.isprintable():
        raise ValueError(f"not a line of a snapshot: source must be a text of 1 to {MAX_SOURCE} characters")
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not 0 <= time < 2**63:
        raise ValueError("not a line of a snapshot: time must be a number of seconds since 1970-01-01 00:00 UTC")
    return source, float(time)


def _key(data: Any) -> Key:
    """Return the key in the JSON object of a line.  Raises ValueError if it has no valid name and labels."""
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not data["name"]:
        raise ValueError("not a line of a snapshot: it has no name")
    labels = data.get("labels", {})
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError(f"not a line of a snapshot: labels must map strings to strings, not {labels!r}")
    return Key(data["name"], **labels)
