"""`Tier`: how long intervals of which length are kept, and the size that follows from it."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from .times import duration_ns, duration_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Tier", "intervals_at_most", "parse_tiers", "spans", "tiers_text"]

#: A file holds at most about one part in so many of a tier's time: so much longer than told is kept.
PARTS = 8


class Tier(NamedTuple):
    """Intervals of a length, and the age up to which they are kept.  Both are in nanoseconds, above 0."""

    step: int
    keep: int


def parse_tiers(value: Any, step: int) -> tuple[Tier, ...]:
    """Return the tiers of ``"10s:1d,1m:7d,1h:365d"``, or of one duration, which keeps intervals of `step`.

    Raises ValueError unless each step is a whole multiple of the one before, the first one is `step`, and each is kept
    for longer than the one before.

    >>> parse_tiers("10s:1h,1m:1d", 10 * 10**9)[1] == Tier(60 * 10**9, 86_400 * 10**9)
    True
    """
    if not isinstance(value, str) or ":" not in value:
        value = f"{duration_text(step)}:{duration_text(duration_ns(value, 'keep'))}"
    tiers: list[Tier] = []
    for part in value.split(","):
        first, colon, second = part.partition(":")
        if not colon:
            raise ValueError(f"keep must be steps and how long they are kept, '10s:1d,1m:7d', not {value!r}")
        tiers.append(Tier(duration_ns(first.strip(), "a step"), duration_ns(second.strip(), "how long it is kept")))
    if tiers[0].step != step:
        raise ValueError(
            f"the first step of keep must be that of the recording, {duration_text(step)}, not "
            f"{duration_text(tiers[0].step)}: write {duration_text(step)}:{duration_text(tiers[0].keep)}"
        )
    for fine, coarse in pairwise(tiers):
        if coarse.step % fine.step or coarse.step == fine.step:
            raise ValueError(
                f"a step must be a whole multiple of the one before, not {duration_text(coarse.step)} after "
                f"{duration_text(fine.step)}: intervals could not be added up"
            )
        if coarse.keep <= fine.keep:
            raise ValueError(
                f"a longer step must be kept for longer, not {duration_text(coarse.step)} for "
                f"{duration_text(coarse.keep)} after {duration_text(fine.step)} for {duration_text(fine.keep)}"
            )
    if tiers[0].keep < step:
        raise ValueError(f"keep must be at least a step, {duration_text(step)}, not {duration_text(tiers[0].keep)}")
    return tuple(tiers)


def tiers_text(tiers: Sequence[Tier]) -> str:
    """Return tiers as text that `parse_tiers` reads."""
    return ",".join(f"{duration_text(tier.step)}:{duration_text(tier.keep)}" for tier in tiers)


def spans(tiers: Sequence[Tier]) -> list[int]:
    """Return the time, in nanoseconds, that a file of each tier covers.

    The files of a tier become those of the next one, so they cover whole steps of that, and of the one after it if that
    is short enough.

    >>> day, hour = 86_400 * 10**9, 3_600 * 10**9
    >>> [span // hour for span in spans(parse_tiers("10s:1d,1m:7d,1h:365d", 10 * 10**9))]
    [3, 3, 21]
    """
    found: list[int] = []
    for k, tier in enumerate(tiers[:-1]):
        wanted = tier.keep // PARTS
        unit = next((later.step for later in reversed(tiers[k + 1 : k + 3]) if later.step <= wanted), tiers[k + 1].step)
        found.append(max(1, -(-wanted // unit)) * unit)
    last = tiers[-1]
    of_last = found[-1] if found else max(1, last.keep // PARTS // last.step) * last.step
    return [found[0] if found else of_last, *found] if found else [of_last]


def intervals_at_most(tiers: Sequence[Tier], pieces: int) -> int:
    """Return how many intervals a folder holds at most.

    A file is replaced once all in it is older than `keep`, so intervals of a tier lie within `keep` and the time of two
    files: the oldest one, and those that are being replaced meanwhile.  Each of `pieces` is a run of the writer, or the
    time between two jumps of the clock; its first and its last interval are shorter than a step.
    """
    total = 0
    for tier, span in zip(tiers, [*spans(tiers)[1:], spans(tiers)[-1]]):
        total += -(-(tier.keep + 2 * span) // tier.step) + 2 * pieces
    return total
