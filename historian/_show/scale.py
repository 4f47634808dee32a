"""`Scale`: show values in a suitable unit and with three significant digits.

A percentile is within 0.5415 % of a recorded value (see `historian.buckets`).  So its third digit may be off by a few,
and a fourth digit would be noise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ROUNDING", "SIZE", "TIME", "Scale", "base_unit", "middle", "quantity"]

#: A share that is closer to 1 differs from it by an error of rounding.
ROUNDING = 1e-15

#: For each unit of time: its nanoseconds, and the nanoseconds from which it is chosen (90 s is clearer than 1.5 min).
TIME = {"ns": (1.0, 0.0), "us": (1e3, 1e3), "ms": (1e6, 1e6), "s": (1e9, 1e9), "min": (6e10, 6e11), "h": (36e11, 36e12)}

#: For each unit of size: its bytes, and the bytes from which it is chosen.
SIZE = {"B": (1.0, 0.0), **{unit: (1024.0**k, 1024.0**k) for k, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)}}

#: Units of which there are whole numbers only: those of `historian.plan`.
WHOLE = frozenset({"values", "pairs of blocks"})


class Scale(NamedTuple):
    """A unit to show values in, and the factor that converts recorded values to it.

    >>> scale = Scale.of("s", 0.0123)
    >>> scale.show(0.0123), scale.show(0.95), scale.unit
    ('12.3', '950', 'ms')
    """

    unit: str  # the unit to show, a label for headers
    factor: float  # shown value divided by recorded value, in (0, inf)

    @classmethod
    def of(cls, unit: str, typical: float) -> Scale:
        """Return the scale that suits `typical`, a value in `unit`: at least 1, with as few digits as possible.

        Times are converted to ns, us, ms, s, min or h, sizes in bytes to B, KiB, MiB, GiB or TiB.  Any other unit is
        not converted.  If `typical` is 0, NaN or infinity, no unit is converted.

        >>> Scale.of("bytes", 65_536).show(65_536), Scale.of("rows", 65_536).show(65_536)
        ('64.0', '65,500')
        """
        base, factor = base_unit(unit)
        family = {"ns": TIME, "B": SIZE}.get(base)
        if family is None or not 0 < typical < math.inf:
            return cls(unit, 1.0)
        typical = max(typical, float(f"{typical:.2e}")) * factor  # 999.9 us would be shown as 1,000 us: show 1.00 ms
        best = [name for name, (_, least) in family.items() if typical >= least][-1]
        return cls(best, factor / family[best][0])

    def is_whole(self, value: float) -> bool:
        """Return whether a value is a number of things, which has no decimals."""
        return self.unit in WHOLE and math.isfinite(value) and value == round(value)

    def show(self, value: float) -> str:
        """Return a value in the recorder's unit as text in this unit: three digits, or '-' for NaN.

        >>> scale = Scale.of("ms", 1.0)
        >>> scale.show(1234.5), scale.show(0.0056789), scale.show(float("nan"))
        ('1,230', '0.00568', '-')
        """
        value *= self.factor
        if math.isnan(value):
            return "-"
        if value == 0:
            return "0"
        digits = f"{value:.2e}"
        if self.is_whole(value):
            return f"{float(digits):,.0f}"
        if not 1e-6 <= value < 1e15:  # also infinity
            return digits
        return f"{float(digits):,.{max(0, 2 - int(digits[5:]))}f}"


def base_unit(unit: str) -> tuple[str, float]:
    """Return the base unit of `unit` and its factor: "ns" for times, "B" for sizes, else the unit itself.

    >>> base_unit("ms"), base_unit("bytes"), base_unit("rows")
    (('ns', 1000000.0), ('B', 1.0), ('rows', 1.0))
    """
    if unit in TIME:
        return "ns", TIME[unit][0]
    if unit in SIZE:
        return "B", SIZE[unit][0]
    return ("B" if unit == "bytes" else unit), 1.0


def quantity(value: float, unit: str) -> str:
    """Return a single value as text, in a suitable unit.

    >>> quantity(0.00102, "s"), quantity(1.5, "requests")
    ('1.02 ms', '1.50 requests')
    """
    scale = Scale.of(unit, value)
    return f"{scale.show(value)} {scale.unit}"


def middle(values: Sequence[float]) -> float:
    """Return the median of the values that are not NaN (the upper one of two); NaN if there are none."""
    known = sorted(value for value in values if not math.isnan(value))
    return known[len(known) // 2] if known else math.nan
