"""Text of a value and its interval, with no more digits than the interval supports."""

from __future__ import annotations

import math

from .axis import Axis
from .scale import ROUNDING, Scale
from .view import Interval

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class _Bounded(Protocol):
        """The parts of an estimate that are shown."""

        @property
        def value(self) -> float: ...
        @property
        def lower(self) -> float: ...
        @property
        def upper(self) -> float: ...
        @property
        def unit(self) -> str: ...


__all__ = ["bar", "common_scale", "interval_header", "texts"]

PLAIN = 1e-6  # numbers closer to 0 are written with an exponent


def texts(estimate: _Bounded, scale: Scale) -> tuple[str, str]:
    """Return the value and its interval as text, both in the unit of `scale`; "-" and "no data" if it is NaN.

    They have three digits, as `Scale.show`, but no digit behind the second one of half the interval's width.  The
    bounds are rounded outwards.  Near 1, the digits of a share are those of its distance from 1.

    >>> from historian.tail import Estimate
    >>> texts(Estimate(0.63397, 0.5591, 0.7057), Scale("", 1.0))
    ('0.634', '0.559 to 0.706')
    >>> texts(Estimate(0.002134, 0.0012, 0.0034, unit="s"), Scale.of("s", 0.002))
    ('2.1', '1.2 to 3.4')
    >>> texts(Estimate(0.0123, 0.0121, math.inf, unit="s"), Scale.of("s", 0.01))
    ('12.3', 'from 12.1')
    """
    value, lower, upper = (one * scale.factor for one in (estimate.value, estimate.lower, estimate.upper))
    if math.isnan(value):
        return "-", "no data"
    if math.isinf(value):
        inside = "inf" if lower == upper else _inside(_show(lower, 0, -1), _show(upper, 0, 1), lower, upper)
        return ("inf" if value > 0 else "-inf"), inside if value > 0 or lower != upper else "-inf"
    place = _last_place(value, lower, upper, is_share=not scale.unit and lower >= 0 and upper <= 1)
    if scale.is_whole(value):
        place = max(place, 0)
    inside = _inside(_show(lower, place, -1), _show(upper, place, 1), lower, upper)
    return _show(value, place, 0), "exact" if lower == upper else inside


def common_scale(estimate: _Bounded) -> Scale:
    """Return the scale that suits an estimate: chosen for the first of value and bounds that is finite and not 0."""
    known = [one for one in (estimate.value, estimate.upper, estimate.lower) if 0 < abs(one) < math.inf]
    return Scale.of(estimate.unit, abs(known[0])) if known else Scale(estimate.unit, 1.0)


def interval_header(confidence: float | None) -> str:
    """Return the header of a column of intervals; bounds that are certain have no confidence.

    >>> interval_header(0.95), interval_header(None)
    ('95 % interval', 'bounds')
    """
    return "bounds" if confidence is None else f"{100 * confidence:.9g} % interval"


def bar(together: Iterable[_Bounded], one: _Bounded, reference: float | None = None) -> Interval | str:
    """Return a picture of an interval, on an axis for all that stand `together`, and a value to compare with."""
    if math.isnan(one.value) or math.isinf(one.value):
        return ""
    values = [value for each in together for value in (each.lower, each.value, each.upper)]
    axis = Axis.across([*values, *([] if reference is None else [reference])])
    return Interval(axis, one.value, one.lower, one.upper, reference)


def _inside(lower: str, upper: str, low: float, high: float) -> str:
    """Return an interval; a side that is infinite is open."""
    if high == math.inf:
        return "no bounds" if low <= 0 else f"from {lower}"
    return f"up to {upper}" if low == -math.inf else f"{lower} to {upper}"


def _last_place(value: float, lower: float, upper: float, *, is_share: bool) -> int:
    """Return the power of ten of the last digit to show."""
    size = abs(value) or max(abs(lower), abs(upper) if upper < math.inf else 0.0)
    known = [abs(value - end) for end in (lower, upper) if math.isfinite(end)]
    if is_share and lower > 0.9:
        size = next((1 - one for one in (value, lower) if 1 - one > ROUNDING), 1.0)
        known = [one for one in known if one > ROUNDING]
    places = [_power(size) - 2] if size else []
    if any(known):
        places.append(_power(sum(known) / len(known)) - 1)
    return max(places, default=0)


def _power(size: float) -> int:
    """Return the power of ten of the first of three digits."""
    return int(f"{size:.2e}".partition("e")[2])


def _show(value: float, place: int, outwards: int) -> str:
    """Return a number whose last digit has this power of ten, rounded down for -1, up for 1, to the nearest for 0."""
    if math.isinf(value):
        return str(value)
    exact = value / 10.0**place
    whole = round(exact)
    if outwards and abs(exact - whole) > 1e-6:
        whole = math.floor(exact) if outwards < 0 else math.ceil(exact)
    if not whole:
        return "0"
    number = float(f"{whole}e{place}")
    if not PLAIN <= abs(number) < 1e15:
        return f"{number:.{max(0, len(str(abs(whole))) - 1)}e}"
    return f"{number:,.{max(0, -place)}f}"
