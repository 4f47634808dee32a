"""When `historian.interleave` stops: after all blocks, or as soon as a question is answered.

Each look at the data is another chance to be wrong.  A user who looks after every block and stops at the first
difference often finds one where there is none.  Here, the numbers of blocks at which to look are known before the
measurement, and each look gets an equal part of the probability of a miss (Bonferroni).  The intervals of all looks
then hold together, so any rule may stop the measurement.  The numbers are in geometric progression, so there are few.

Source: Lan & DeMets, Discrete Sequential Boundaries for Clinical Trials, Biometrika 70 (1983), 659-663.
"""

from __future__ import annotations

import math
import warnings

from .._stats.checks import number
from .._stats.estimate import TailWarning
from ..buckets import GROWTH
from .arguments import least_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from .comparison import Comparison

    _Until = Literal["decided"] | float | Callable[[Comparison], bool]

__all__ = ["is_answered", "looks_at", "rule"]

SPACING = 1.3  # of the numbers of blocks at two looks: a measurement is at most so much longer than needed


def looks_at(blocks: int, confidence: float) -> list[int]:
    """Return the numbers of blocks at which to look, ascending; the last one is `blocks`.

    The first one is large enough for an interval, which depends on the number of looks: see `least_blocks`.

    >>> looks_at(100, 0.95)
    [11, 15, 20, 26, 34, 45, 59, 77, 100]
    """
    looks = 1
    while True:
        numbers = [min(blocks, least_blocks(confidence, looks))]
        while numbers[-1] < blocks:
            numbers.append(min(blocks, math.ceil(SPACING * numbers[-1])))
        if len(numbers) <= looks:
            return numbers
        looks += 1


def rule(until: _Until) -> Callable[[Comparison], bool]:
    """Return the question that `until` asks, as a function of a comparison; raise for anything else."""
    if callable(until):
        return until
    if isinstance(until, str):
        if until == "decided":
            return lambda comparison: comparison.decided
        raise ValueError(f"until must be 'decided', a precision such as 0.02, or a callable, not {until!r}")
    share = number("until", until)
    if not share > GROWTH - 1:
        least = f"{GROWTH - 1:.4f}, the width of a bucket"
        raise ValueError(f"until must be more than {least}, not {until!r}: no measurement is as precise")
    return lambda comparison: comparison.precision() <= share


def is_answered(question: Callable[[Comparison], bool], found: Sequence[Comparison]) -> bool:
    """Return whether all comparisons answer the question.  At first there are too few values, which is no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        return all(question(comparison) for comparison in found)
