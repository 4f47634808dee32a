"""`did_you_mean`: suggest the known word that a misspelt word resembles."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "listed"]

#: Words that a message lists at most.
SHOWN = 20

#: Words that are compared at most; more would take noticeable time.
COMPARED = 2_000


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the end of a message that suggests the nearest known word, or an empty text if none is near.

    `cutoff` is the least similarity, from 0 to 1.

    >>> did_you_mean("sumarize", ["summarize", "merge"]), did_you_mean("x", ["summarize"])
    ("; did you mean 'summarize'?", '')
    """
    from difflib import get_close_matches
    from itertools import islice

    words = {one.lower(): one for one in islice(known, COMPARED)}
    found = get_close_matches(word.lower(), words, n=1, cutoff=cutoff)
    if (
        not found and len(word) >= 3 and cutoff <= 0.6
    ):  # a part of a long name, such as "users" for "query{table=users}"
        found = sorted((one for one in words if word.lower() in one), key=len)[:1]
    return f"; did you mean {words[found[0]]!r}?" if found else ""


def listed(words: Iterable[str]) -> str:
    """Return words for a message: quoted, clipped, and only the first ones of many.

    >>> listed(["time", "path"])
    "'time', 'path'"
    """
    from ._input.tally import clipped

    some = list(words)
    return ", ".join(map(clipped, some[:SHOWN])) + (", ..." if len(some) > SHOWN else "")
