"""`Origin`: where a corrected histogram comes from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Origin"]


class Origin:
    """Where a corrected histogram comes from: the measured histogram, and the interval of the correction."""

    __slots__ = ("clusters", "interval", "measured")

    measured: Any  # a `BaseHistogram`, which this module must not know, since it knows this one
    interval: float
    clusters: Any  # what `historian.tail.omission.clusters` computes and keeps; None before

    def __init__(self, measured: Any, interval: float) -> None:
        self.measured, self.interval, self.clusters = measured, interval, None
