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

_RUN = re.compile(r"([^\W_]{12})[^\W_]{8,}([^\W_]{12})")  # leaves no room for what is around it

LONG = 400  # columns of a name that is looked at part by part; longer ones first lose a stretch that tells nothing
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
    found = {name: name for name in names if text_width(name) <= width}
    long = _not_too_long(_squeezed([name for name in names if name not in found]), max(width, LONG))
    all_parts = [_PART.findall(name) for name in {*found, *long.values()}]
    shares = Counter(part for parts in all_parts for part in set(parts))
    places = Counter(place for parts in all_parts for place in {place for pair in _places(parts) for place in pair})
    texts = {name: _without_shared(text, shares, places, width) for name, text in long.items()}
    near = _Neighbours([*found, *texts.values()])
    used = set(found)
    numbers: Counter[str] = Counter()  # how often a text was wanted
    for name, text in texts.items():
        whole = text if text_width(text) <= width else _cut_apart(text, near.of(text), width)
        text = whole
        while text in used:
            numbers[whole] += 1
            mark = f"~{numbers[whole] + 1}"
            text = cut(whole, width - len(mark)) + mark
        used.add(text)
        found[name] = text
    return [found[name] for name in names]


def _squeezed(names: list[str]) -> dict[str, str]:
    """Return the names, long runs of letters and digits without their middles if the names are still different then."""
    short = {name: _RUN.sub(r"\1~\2", name) for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in names}


def _not_too_long(names: dict[str, str], width: int) -> dict[str, str]:
    """Return the names, those of more than `width` columns without a stretch that tells them from no neighbour."""
    if all(text_width(name) <= width for name in names):
        return names
    near = _Neighbours(list(names))
    return {name: name if text_width(name) <= width else _cut_apart(name, near.of(name), width) for name in names}


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


def _places(parts: list[str]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return, for each part, the part with the two before it, and with the two after it.

    ``1`` is in each of ``step_1,zone=eu-1`` and ``step_2,zone=eu-1``, but it tells them apart at one of its places.
    """
    padded = ["", "", *parts, "", ""]
    return [(("<", *padded[k : k + 3]), (">", *padded[k + 2 : k + 5])) for k in range(len(parts))]


def _without_shared(name: str, shares: Counter[str], places: Counter[tuple[str, ...]], width: int) -> str:
    """Return a name without parts that other names share, the most common ones first, until it fits if it can."""
    if text_width(name) <= width:
        return name
    parts = _Parts(_PART.findall(name))
    common = [max(places[before], places[after]) for before, after in _places(parts.texts)]
    shared = [k for k, part in enumerate(parts.texts) if shares[part] > 1]
    middle = (len(parts.texts) - 1) / 2
    shared.sort(key=lambda k: (-common[k], -shares[parts.texts[k]], abs(k - middle)))
    dropped = []
    for k in shared:
        if parts.width <= width:
            break
        parts.flip(k)
        dropped.append(k)
    for k in reversed(dropped):  # take back what there is room for
        if parts.has_neighbour(k):
            parts.flip(k)
            if parts.width > width:
                parts.flip(k)
    return parts.text({k for k, text in enumerate(parts.texts) if shares[text] > 1 and not text.isalnum()})


class _Parts:
    """The parts of a name, some of which are left out, and the width of the text that this gives."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self._kept = [True] * len(texts)
        self.width = sum(map(text_width, texts))  # with one column for each gap

    def flip(self, k: int) -> None:
        """Leave a part out, or take it back."""
        # A part between two gaps joins them when it is left out; one between two parts makes a new gap.
        gaps = 1 - (k > 0 and not self._kept[k - 1]) - (k + 1 < len(self._kept) and not self._kept[k + 1])
        self._kept[k] = not self._kept[k]
        change = text_width(self.texts[k]) - gaps
        self.width += change if self._kept[k] else -change

    def has_neighbour(self, k: int) -> bool:
        """Return whether the part before or after is kept."""
        return (k > 0 and self._kept[k - 1]) or (k + 1 < len(self._kept) and self._kept[k + 1])

    def text(self, marks: set[int]) -> str:
        """Return the text.  `marks` are left out beside a gap, where they say nothing, but not at the ends."""
        last = len(self.texts) - 1
        kept = {k for k, is_kept in enumerate(self._kept) if is_kept}
        beside = {k for k in kept & marks if 0 < k < last and not {k - 1, k + 1} <= kept}
        return _joined(self.texts, kept - beside)


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

    # The cost is linear between these places.
    ends = {0, gap} | {end for span in spans for end in span}
    near = {end - skip + off for end in ends for skip in (0, gap) for off in (-ENOUGH, 0, ENOUGH)}
    at = min({width // 2, width - 1} | {place for place in near if 0 <= place < width}, key=cost)
    return f"{text[:at]}~{text[at + gap :]}"


def _common(a: str, b: str) -> int:
    """Return the length of the common beginning, by bisection: slices are compared at once."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


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
