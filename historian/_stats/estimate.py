"""`Estimate`: a number with its interval and the reasons for it; `TailWarning`: an answer goes beyond the data."""

from __future__ import annotations

import math

from .._show.scale import ROUNDING, Scale
from .._show.shown import in_html, in_rich, in_terminal
from .checks import check_confidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .._show.view import View

__all__ = ["NO_DATA", "Estimate", "TailWarning", "joint_method", "nines", "no_data", "quantile_name"]

NO_DATA = "no data"  # the reason of an estimate that is not known


class TailWarning(UserWarning):
    """Warns of an answer beyond the data: there are too few recorded values for it."""

    __module__ = "historian.tail"


class Estimate(float):
    """A number with an interval, from `lower` to `upper`, and `why`: the sources of its uncertainty.

    It is a float: it compares, hashes, formats and converts as a float does.  The result of a calculation with it is a
    plain float.  Printed without a format, it shows three digits, its interval and its unit.  An open side has an
    infinite bound.  Immutable.

    `confidence` is the nominal one: at 0.95, about 95 of 100 such intervals hold the true number.  It is None if the
    bounds are certain, such as the edges of a bucket.  `method` is the usual name of how the interval was computed,
    such as "order statistics".

    Without bounds, ``Estimate(x)`` is ``float(x)``.  Functions such as `statistics.mean`, which convert their result to
    the type of its data, then return a float.  Raises ValueError unless ``lower <= value <= upper``, and for a
    confidence that is not between 0 and 1.

    The answer of an empty histogram is NaN, with all that is possible as its interval and "no data" as `why`.  No other
    estimate is NaN.

    >>> e = Estimate(0.634, 0.559, 0.706, "sampling: 10,000 values")
    >>> print(e)
    0.634 (0.559 to 0.706)
    >>> e < 0.7, f"{e:.0%}", round(e, 2), e.upper
    (True, '63%', 0.63, 0.706)
    >>> Estimate(0.0123, 0.0121, math.inf, "sampling: no upper bound", unit="s")
    <Estimate: 12.3 ms (from 12.1 ms, no upper bound); sampling: no upper bound>
    >>> Estimate(0.634, 0.559, 0.706, "sampling: 10,000 values", confidence=0.95, method="Clopper-Pearson")
    <Estimate: 0.634 (0.559 to 0.706), 95 %, Clopper-Pearson; sampling: 10,000 values>
    """

    __slots__ = ("confidence", "lower", "method", "unit", "upper", "why")
    __module__ = "historian.tail"

    lower: float  # in [-inf, value]
    upper: float  # in [value, inf]
    why: str  # the sources of the interval's width, and the assumptions
    unit: str  # label; "" for a share or another pure number
    confidence: float | None  # nominal, in (0, 1); None if the bounds are certain
    method: str  # how the interval was computed; "" if that is not known

    def __new__(
        cls,
        value: float,
        lower: float | None = None,
        upper: float | None = None,
        why: str = "",
        *,
        unit: str = "",
        confidence: float | None = None,
        method: str = "",
    ) -> Estimate:
        if lower is None or upper is None:
            if lower is upper:
                return float(value)  # type: ignore[return-value]  # see above
            raise TypeError("an Estimate needs both bounds: pass math.inf or -math.inf for an open side")
        if not lower <= value <= upper and not (value != value and lower <= upper and why == NO_DATA):
            raise ValueError(f"value must lie between its bounds {lower!r} and {upper!r}, not {value!r}")
        if confidence is not None:
            confidence = check_confidence(confidence)
        self = super().__new__(cls, value)
        fields = {"lower": float(lower), "upper": float(upper), "why": why, "unit": unit}
        for name, given in {**fields, "confidence": confidence, "method": method}.items():
            object.__setattr__(self, name, given)
        return self

    @property
    def value(self) -> float:
        """The number itself, a plain float."""
        return float(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Estimate is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Estimate is immutable: cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        make = partial(Estimate, unit=self.unit, confidence=self.confidence, method=self.method)
        return make, (float(self), self.lower, self.upper, self.why)

    def __str__(self) -> str:
        if self.why == NO_DATA:
            return NO_DATA
        scale = _scale(self)
        value, lower, upper = self._texts(scale)
        value, upper = value + self._label(scale), upper + self._label(scale)
        if self.lower == self.upper:
            return value
        if self.upper < math.inf:
            inside = f"{lower} to {upper}" if self.lower > -math.inf else f"up to {upper}, no lower bound"
        elif self.lower > -math.inf:
            inside = f"from {lower}{self._label(scale)}, no upper bound"
        else:
            inside = "no bounds"
        return f"{value} ({inside})"

    def __repr__(self) -> str:
        how = [f"{100 * self.confidence:.9g} %"] if self.confidence is not None else []
        how += [self.method] if self.method else []
        why = "" if not self.why or self.why == NO_DATA else f"; {self.why}"
        return f"<Estimate: {', '.join([str(self), *how])}{why}>"

    def _texts(self, scale: Scale) -> list[str]:
        """Return value and bounds as text, all with three digits; near 1, shares show three digits of 1 - share."""
        numbers = [float(self), self.lower, self.upper]
        if not scale.unit and 0.9 < self.lower < 1 - ROUNDING and self.upper <= 1:
            decimals = _decimals(1 - (float(self) if self < 1 else self.lower))
            return [f"{number:.{decimals}f}" for number in numbers]
        if not scale.unit and any(0 < number < 1e-6 for number in numbers):
            return [f"{number:.2e}" if 0 < number < 1e-3 else _text(number, scale) for number in numbers]
        return [_text(number, scale) for number in numbers]

    def _label(self, scale: Scale) -> str:
        return f" {scale.unit}" if scale.unit else ""

    def _view(self) -> View:
        from .._show.estimate import estimate_view

        return estimate_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)


def no_data(lower: float, upper: float, *, unit: str = "") -> Estimate:
    """Return the answer of an empty histogram: NaN, from the least possible answer to the largest.

    >>> no_data(0.0, 1.0)
    <Estimate: no data>
    """
    return Estimate(math.nan, lower, upper, NO_DATA, unit=unit)


def joint_method(*methods: str) -> str:
    """Return the methods of an answer that has its interval from several others, each once.

    >>> joint_method("Clopper-Pearson", "", "Clopper-Pearson", "order statistics")
    'Clopper-Pearson and order statistics'
    """
    return " and ".join(dict.fromkeys(method for method in methods if method))


def quantile_name(q: float) -> str:
    """Return how a text names the q-quantile.

    >>> quantile_name(0.999), quantile_name(1)
    ('the 0.999-quantile', 'the maximum')
    """
    if q in (0, 1):
        return "the maximum" if q else "the minimum"
    return f"the {nines(q)}-quantile"


def nines(q: float) -> str:
    """Return a share as text, with nine digits; near 1, with three digits of the difference from 1.

    >>> nines(0.99), nines(0.999989995), nines(1 - 1.2e-11)
    ('0.99', '0.999989995', '0.999999999988')
    """
    return f"{q:.9g}" if q < 0.999999 or q == 1 else f"{q:.{_decimals(1 - q)}f}".rstrip("0")


def _scale(estimate: Estimate) -> Scale:
    """Return the common unit of value and bounds, chosen for the first of them that is finite and not 0."""
    known = [one for one in (float(estimate), estimate.upper, estimate.lower) if 0 < abs(one) < math.inf]
    return Scale.of(estimate.unit, abs(known[0])) if known else Scale(estimate.unit, 1.0)


def _decimals(small: float) -> int:
    """Return the number of decimals that show three digits of `small`, the distance from 1; at most 16."""
    return min(2 - int(f"{small:.2e}"[5:]), 16)


def _text(value: float, scale: Scale) -> str:
    if math.isinf(value):
        return str(value)
    return scale.show(value) if value >= 0 else f"-{scale.show(-value)}"
