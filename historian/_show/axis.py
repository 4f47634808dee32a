"""`Axis`: where values lie on an axis, logarithmic as a rule, and its ticks with short labels."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from .scale import SIZE, TIME, base_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Axis"]

LEAST_RATIO = 2.0  # of both ends of a logarithmic axis: equal values do not need more room

#: Leading digits of the ticks, and of how many powers of ten one has them; from few ticks to many.
STEPS = (((1.0,), 12), ((1.0,), 6), ((1.0,), 3), ((1.0,), 2), ((1.0,), 1), ((1.0, 3.0), 1), ((1.0, 2.0, 5.0), 1))
FINEST = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)

#: Units of ticks, with their nanoseconds.
UNITS = tuple((name, TIME[name][0]) for name in ("ns", "us", "ms", "s", "min", "h"))


class Axis(NamedTuple):
    """An axis from `low` to `high`, in the recorded unit.

    >>> axis = Axis.of([0.001, 0.1], "s")
    >>> axis.place(0.01), axis.ticks(4)
    (0.5, [(0.0, '1 ms'), (0.5, '10 ms'), (1.0, '100 ms')])
    """

    low: float  # in (0, high) if logarithmic, else in (-inf, high)
    high: float
    unit: str  # label
    is_log: bool = True

    @classmethod
    def of(cls, values: Iterable[float], unit: str) -> Axis:
        """Return a logarithmic axis for all of these positive values, of which there is one at least."""
        found = [value for value in values if 0 < value < math.inf]
        low, high = min(found), max(found)
        wider = math.sqrt(max(1.0, LEAST_RATIO * low / high))
        return cls(low / wider, high * wider, unit)

    @classmethod
    def across(cls, values: Iterable[float]) -> Axis:
        """Return an axis for any finite values: logarithmic if all are positive and some ten times others."""
        found = [value for value in values if -math.inf < value < math.inf] or [0.0]
        low, high = min(found), max(found)
        if low > 0 and high >= 10 * low:
            return cls(low, high, "")
        return cls(low, high if high > low else low + 1, "", is_log=False)

    def place(self, value: float) -> float:
        """Return where a value lies, from 0, the low end, to 1; beyond an end, that end."""
        if not self.low < value < self.high:
            return 1.0 if value >= self.high else 0.0
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, place: float) -> float:
        """Return the value at a place, the inverse of `place`."""
        if self.is_log:
            return self.low * math.exp(place * math.log(self.high / self.low))
        return self.low + place * (self.high - self.low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most `most` ticks of a logarithmic axis, ascending, with room between them: (place, label)."""
        kind, factor = base_unit(self.unit)
        create = {"ns": _times, "B": _sizes}.get(kind, _numbers)
        found: list[tuple[float, str]] = []
        low, high = self.low * factor * (1 - 1e-9), self.high * factor * (1 + 1e-9)
        for level in range(len(STEPS) + 1):
            ticks = [(self.place(value / factor), label) for value, label in create(level, low, high)]
            if len(ticks) > most or any(b[0] - a[0] < 0.7 / most for a, b in pairwise(ticks)):
                return found or _thinned(ticks, most)
            found = ticks
        return found


def _thinned(ticks: list[tuple[float, str]], most: int) -> list[tuple[float, str]]:
    """Return those ticks that have room after the one before."""
    found = ticks[:1]
    for tick in ticks:
        if tick[0] - found[-1][0] >= 1 / most:
            found.append(tick)
    return found


def _times(level: int, low: float, high: float) -> Iterator[tuple[float, str]]:
    """Yield round times from `low` to `high`, in ns, with their labels."""
    for (name, start), (_, end) in zip(UNITS, [*UNITS[1:], ("", math.inf)]):
        first = low if name == "ns" else start
        for value in _rounds(level, max(low, first) / start, min(high, end * (1 - 1e-9)) / start):
            yield value * start, f"{_short(value)} {name}"


def _sizes(level: int, low: float, high: float) -> Iterator[tuple[float, str]]:
    """Yield powers of two from `low` to `high`, in bytes, with their labels."""
    step = (40, 30, 20, 10, 5, 3, 2, 1)[level]
    for power in range(math.ceil(math.log2(low) / step) * step, math.floor(math.log2(high)) + 1, step):
        name, (nbytes, _) = [*SIZE.items()][max(0, min(power // 10, len(SIZE) - 1))]
        is_usual = -3 <= power < 10 * len(SIZE)
        yield 2.0**power, f"{_short(2.0**power / nbytes)} {name}" if is_usual else f"2^{power} B"


def _numbers(level: int, low: float, high: float) -> Iterator[tuple[float, str]]:
    """Yield round numbers from `low` to `high`, with their labels."""
    return ((value, _short(value)) for value in _rounds(level, low, high))


def _rounds(level: int, low: float, high: float) -> Iterator[float]:
    """Yield round numbers from `low` to `high`, more of them for a higher level."""
    if not low <= high:
        return
    digits, step = STEPS[level] if level < len(STEPS) else (FINEST, 1)
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    for power in range(first - first % step, last + 1, step):
        yield from (value for digit in digits if low <= (value := float(f"{digit:g}e{power}")) <= high)


def _short(value: float) -> str:
    """Return a round number in few characters.

    >>> _short(1500.0), _short(0.5), _short(1e7), _short(1e-9)
    ('1,500', '0.5', '1e7', '1e-9')
    """
    if 1e-3 <= value < 1e6:
        return f"{value:,.10g}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"
