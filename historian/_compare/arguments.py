"""Arguments of a comparison: names, looks, and pairs of blocks; how many blocks an interval needs."""

from __future__ import annotations

import math

from .._stats.checks import check_n
from .._values.merge import merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..histogram import Histogram

__all__ = [
    "MAX_LOOKS",
    "check_anytime",
    "check_blocks",
    "check_looks",
    "check_pair",
    "checked_blocks",
    "checked_names",
    "least_blocks",
]

MAX_LOOKS = 1_000_000  # beyond, the confidence of a single look would have few digits


def least_blocks(confidence: float, looks: int = 1) -> int:
    """Return the number of blocks that an interval of this confidence needs: 8 for 95 %, 10 for 99 %.

    If A and B do not differ, either may be the faster one in any block.  That it is the same one in all m blocks has
    the probability 2^(1 - m).  No resampling can then tell that there is no difference.  This may be at most a quarter
    of all errors, so that there is room for the others: with 6 blocks, intervals of 95 % missed in about 9 % of
    simulations of a periodic load.
    """
    return max(5, math.ceil(3 - math.log2((1 - confidence) / looks)))


def check_blocks(blocks: int, confidence: float, looks: int = 1) -> None:
    """Raise ValueError for fewer blocks than `least_blocks`."""
    least = least_blocks(confidence, looks)
    if blocks < least:
        at = f" at {looks:,} looks" if looks > 1 else ""
        raise ValueError(f"blocks must be at least {least} for intervals of {100 * confidence:.9g} %{at}, not {blocks}")


def check_looks(looks: int) -> int:
    """Return `looks` as an int if it is a whole number from 1 to `MAX_LOOKS`; else raise."""
    looks = check_n(looks, "looks")
    if looks > MAX_LOOKS:
        raise ValueError(f"looks must be at most {MAX_LOOKS:,}, not {looks:,}: look less often")
    return looks


def check_anytime(a: Histogram, b: Histogram, blocks: tuple[object, ...]) -> None:
    """Raise ValueError if no interval can hold at every look: in blocks, or for values that were not measured."""
    if blocks:
        raise ValueError("anytime needs independent values, without blocks: pass looks= to the comparison instead")
    if a.synthetic or b.synthetic:
        raise ValueError("anytime needs measured values, not synthetic ones: compare histograms before a correction")


def checked_names(names: Iterable[str]) -> tuple[str, str]:
    """Return the names if they are two strings; else raise."""
    found = tuple(names)
    if len(found) != 2 or not all(isinstance(name, str) for name in found):
        raise ValueError(f"names must be two strings, for a and b, not {found!r}")
    return found


def check_pair(a: Histogram, b: Histogram) -> None:
    """Raise unless both are histograms, in one unit."""
    from ..histogram import Histogram

    for name, histogram in (("a", a), ("b", b)):
        if not isinstance(histogram, Histogram):
            hint = ": pass its .snapshot()" if hasattr(histogram, "snapshot") else ""
            raise TypeError(f"{name} must be a histogram, not {histogram!r}{hint}")
    if a.unit != b.unit:
        raise ValueError(f"a and b must be in one unit, not in {a.unit!r} and {b.unit!r}: record both in the same unit")


def checked_blocks(
    a: Histogram, b: Histogram, blocks: Iterable[tuple[Histogram, Histogram]], confidence: float, looks: int
) -> tuple[tuple[Histogram, Histogram], ...]:
    """Return the pairs of blocks if there are none, or if they add up to `a` and `b`; else raise."""
    pairs = tuple(blocks)
    if not pairs:
        return pairs
    check_blocks(len(pairs), confidence, looks)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"blocks must be pairs of histograms, one of a and one of b, not {pair!r}")
        check_pair(*pair)
        if not (pair[0].count and pair[1].count):
            raise ValueError("each block must hold values of a and of b: there is nothing to resample in an empty one")
    totals = sum(pair[0].count for pair in pairs), sum(pair[1].count for pair in pairs)
    if totals != (a.count, b.count) or pairs[0][0].unit != a.unit:
        raise ValueError(f"blocks must hold the values of a and b, {a.count:,} and {b.count:,}, not {totals}")
    for name, whole, side in (("a", a, 0), ("b", b, 1)):
        if merged(pair[side] for pair in pairs)[0] != whole._counts:
            raise ValueError(f"blocks must add up to {name}, not to other values of the same number: pass its own")
    return pairs
