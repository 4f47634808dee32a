"""Where ticks are: those of logarithmic axes and those of percentiles.  It imports matplotlib, so import it late."""

from __future__ import annotations

import math

from matplotlib.ticker import Locator, MaxNLocator

from ._nines import NINES, to_nines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["LogTicks", "NinesTicks"]


class LogTicks(Locator):
    """At powers of 10, or at 1, 2 and 5, or at equal distances if the axis is short."""

    def __call__(self) -> list[float]:
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr]
        return self.tick_values(low, high)

    def tick_values(self, low: float, high: float) -> list[float]:
        low, high = sorted((float(low), float(high)))
        if not 0 < low < high < math.inf:
            return []
        room = max(3, min(9, _room(self.axis)))
        decades = math.log10(high) - math.log10(low)
        if decades < 0.7:
            found = MaxNLocator(max(2, min(4, room)), steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        elif len(near := _powers(low, high, (1.0, 2.0, 5.0))) <= room:
            found = near
        else:
            found = _powers(low, high, (1.0,), max(1, math.ceil(decades / room)))
        return [float(tick) for tick in found if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


class NinesTicks(Locator):
    """At 0, 50, 90, 99, ..., without those that do not fit beside the one before."""

    def __call__(self) -> list[float]:
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr]
        return self.tick_values(low, high)

    def tick_values(self, low: float, high: float) -> list[float]:
        low, high = sorted((low, high))
        inside = [p for p in NINES if low <= p <= high * (1 + 1e-9)]
        room = _room(self.axis) * 5 / max(1e-9, float(to_nines(high) - to_nines(low)))  # characters to a nine
        found: list[float] = []
        for p in inside:
            width = 0.8 * len(f"{p:.12g}")
            if not found or float(to_nines(p) - to_nines(found[-1])) * room >= width:
                found.append(p)
        return found


def _room(axis: Any) -> int:
    """Return how many labels of five characters fit beside each other, or above each other; 9 without an axis."""
    if axis is None:
        return 9
    box, size = axis.axes.get_window_extent(), 10 * axis.axes.get_figure(root=True).dpi / 72
    return int(box.width / (5 * size) if axis.axis_name == "x" else box.height / (2.2 * size))


def _powers(low: float, high: float, mantissas: Iterable[float], step: int = 1) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    exponents = range(first - first % step, last + 1, step)
    return [one for exponent in exponents for m in mantissas if low <= (one := float(f"{m}e{exponent}")) <= high]
