"""Names in narrow columns: `shortened` keeps what tells each name from the others, `cut` both ends of one text.

Names of recorders often share most of their text: ``http.request{method=GET,route=/api/v1/users}`` and the same with
another route.  Cut at a fixed place, all of them would look alike.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter

from .table import text_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cut", "shortened"]

_PART = re.compile(r"[^\W_]+|[\W_]")  # a run of letters and digits, or one other character

ENOUGH = 4  # characters of a difference: more of them do not tell two names apart any better


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Return names of at most `width` columns, each different from the others if the names are.

    The parts that most names share are left out first, those in the middle before those at the ends.  A ``~`` stands
    for what is missing.  Names that fit stay as they are.

    >>> for name in shortened([f"http.request{{method={m},route=/api/v1/users}}" for m in ("GET", "PUT")], 24):
    ...     print(name)
    http.request~GET~users}
    http.request~PUT~users}
    """
    if all(text_width(name) <= width for name in names):
        return list(names)
    shares = Counter(part for name in set(names) for part in set(_PART.findall(name)))
    found = {name: name for name in names if text_width(name) <= width}
    texts = {name: _without_shared(name, shares, width) for name in names if name not in found}
    near = _Neighbours([*found, *texts.values()])
    used = set(found)
    for name, text in texts.items():
        whole = text if text_width(text) <= width else _cut_apart(text, near.of(text), width)
        text, number = whole, 1
        while text in used:
            number += 1
            text = f"{cut(whole, width - len(str(number)) - 1)}~{number}"
        used.add(text)
        found[name] = text
    return [found[name] for name in names]


class _Neighbours:
    """Finds the texts that have most in common with a text, at its beginning and at its end."""

    def __init__(self, texts: list[str]) -> None:
        self._orders = [sorted(set(texts)), sorted({text[::-1] for text in texts})]

    def of(self, text: str) -> list[str]:
        """Return at most four texts, without `text` itself.  O(log texts)."""
        found: set[str] = set()
        for order, sought, step in zip(self._orders, (text, text[::-1]), (1, -1)):
            k = bisect_left(order, sought)
            found.update(other[::step] for other in order[max(0, k - 1) : k + 2])
        return sorted(found - {text})


def _without_shared(name: str, shares: Counter[str], width: int) -> str:
    """Return a name without parts that other names share, the most common ones first, until it fits if it can."""
    parts = _PART.findall(name)
    shared = [k for k, part in enumerate(parts) if shares[part] > 1]
    middle = (len(parts) - 1) / 2
    shared.sort(key=lambda k: (-shares[parts[k]], abs(k - middle)))
    kept = set(range(len(parts)))
    dropped = []
    for k in shared:
        if text_width(_joined(parts, kept)) <= width:
            break
        kept.remove(k)
        dropped.append(k)
    for k in reversed(dropped):  # take back what there is room for
        if kept & {k - 1, k + 1} and text_width(_joined(parts, kept | {k})) <= width:
            kept.add(k)
    marks = {k for k in kept if 0 < k < len(parts) - 1 and shares[parts[k]] > 1 and not parts[k].isalnum()}
    return _joined(parts, kept - {k for k in marks if not {k - 1, k + 1} <= kept})  # a mark beside a gap says nothing


def _joined(parts: list[str], kept: set[int]) -> str:
    return re.sub("\0+", "~", "".join(part if k in kept else "\0" for k, part in enumerate(parts)))


def _cut_apart(text: str, others: list[str], width: int) -> str:
    """Return `text` without one stretch, chosen so that what differs from each of the `others` stays."""
    if not text.isascii() or not others:
        return cut(text, width)
    spans = []  # where the text differs from another one: [start, end)
    for other in others:
        start = _common(text, other)
        rest = _common(text[start:][::-1], other[start:][::-1])
        spans.append((start, len(text) - rest))
    gap = len(text) - (width - 1)

    def cost(at: int) -> tuple[int, float]:
        kept = sum(min(ENOUGH, (end - start) - max(0, min(end, at + gap) - max(start, at))) for start, end in spans)
        return -kept, abs(at - width // 2)

    at = min(range(width), key=cost)
    return f"{text[:at]}~{text[at + gap :]}"


def _common(a: str, b: str) -> int:
    """Return the length of the common beginning."""
    return next((k for k, (one, other) in enumerate(zip(a, b)) if one != other), min(len(a), len(b)))


def cut(text: str, width: int) -> str:
    """Return text of at most `width` columns: of longer text, the beginning and the end.

    >>> cut("query{table=users}", 11), cut("query", 11)
    ('query~sers}', 'query')
    """
    if text_width(text) <= width:
        return text
    end = ""
    for character in reversed(text):
        if text_width(character + end) > (width - 1) // 2:
            break
        end = character + end
    start = ""
    for character in text:
        if text_width(start + character) > width - 1 - text_width(end):
            break
        start += character
    return f"{start}~{end}"
