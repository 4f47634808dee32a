"""`Estimates`: many numbers, each with its interval, in arrays of one shape."""

from __future__ import annotations

import math

from .._show.shown import in_html, in_rich, in_terminal
from .estimate import NO_DATA, Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, ClassVar, NoReturn

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from .._show.view import View

__all__ = ["Estimates", "broadcast", "complement", "estimates_of", "one_or_each", "shortened", "unknown_of"]

SHOWN = 24  # with more estimates than this, only the first and the last few are printed

EDGE = 10  # so many of each


class Estimates:
    """Many estimates: the answer to a question about an array-like.  See `Estimate` for a single one.

    `value`, `lower` and `upper` are arrays of one shape, float64 and read-only.  An index gives an `Estimate`, or
    `Estimates` for a part, and a loop runs over the first axis, as with numpy.  In calculations, comparisons and
    functions of numpy it is the array of its values: ``numpy.asarray(estimates)``.  So ``==`` compares each value.

    `why`, `confidence` and `method` are those of `Estimate`, each one for all, or an array-like of the same shape with
    one for each.  If they differ, `why` says in how many answers a reason holds.  Immutable.  Raises ValueError for
    arrays of different shapes, and unless ``lower <= value <= upper``.

    >>> e = Estimates([0.01, 0.634], [0.00814, 0.559], [0.0121, 0.706], "sampling: 10,000 values")
    >>> print(e)
    [0] 0.0100 (0.00814 to 0.0121)
    [1]  0.634 (0.559 to 0.706)
    >>> e[1], e.shape
    (<Estimate: 0.634 (0.559 to 0.706); sampling: 10,000 values>, (2,))
    >>> 100 * e, e > 0.5
    (array([ 1. , 63.4]), array([False,  True]))
    """

    __slots__ = ("_confidence", "_method", "_why", "lower", "unit", "upper", "value")
    __module__ = "historian.tail"
    __hash__: ClassVar[None]  # type: ignore[assignment]  # as an array, since == compares each value

    value: NDArray[np.float64]  # any shape
    lower: NDArray[np.float64]  # the same shape, in [-inf, value]
    upper: NDArray[np.float64]  # the same shape, in [value, inf]
    unit: str  # label; "" for shares or other pure numbers

    def __init__(
        self,
        value: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        why: str | ArrayLike = "",
        *,
        unit: str = "",
        confidence: float | ArrayLike | None = None,
        method: str | ArrayLike = "",
    ) -> None:
        import numpy

        arrays = [numpy.array(one, dtype=numpy.float64) for one in (value, lower, upper)]
        value, lower, upper = arrays
        if not value.shape == lower.shape == upper.shape:
            shapes = ", ".join(str(one.shape) for one in arrays)
            raise ValueError(f"value, lower and upper must have one shape, not {shapes}")
        texts = {}
        for name, given in (("why", why), ("confidence", confidence), ("method", method)):
            texts[name] = _checked_text(name, given, value.shape)
        known = (lower <= value) & (value <= upper)
        if not known.all():
            _check_no_data(known, arrays, texts["why"])
        for one in arrays:
            one.flags.writeable = False
        fields = {"value": value, "lower": lower, "upper": upper, "unit": unit}
        for name, field in {**fields, **{f"_{name}": text for name, text in texts.items()}}.items():
            object.__setattr__(self, name, field)

    # ---- facts ----

    @property
    def why(self) -> str:
        """The sources of the intervals' widths, and the assumptions; with a count if they hold for some answers."""
        if isinstance(self._why, str):
            return self._why
        found: dict[str, int] = {}
        for text in self._why.ravel().tolist():
            for reason in text.split("; "):
                found[reason] = found.get(reason, 0) + 1
        everywhere = [reason for reason, count in found.items() if count == self.size]
        some = [f"{reason} (in {count:,} of {self.size:,})" for reason, count in found.items() if count < self.size]
        if len(some) > 3:
            some = ["others, which differ: see each answer"]
        return "; ".join(everywhere + some)

    @property
    def confidence(self) -> float | None:
        """The nominal confidence of the intervals, such as 0.95; None if all bounds are certain."""
        if self._confidence is None or isinstance(self._confidence, float):
            return self._confidence
        return min((float(one) for one in self._confidence.ravel().tolist() if one is not None), default=None)

    @property
    def method(self) -> str:
        """The usual name of how the intervals were computed; all of them, if they differ."""
        if isinstance(self._method, str):
            return self._method
        return ", ".join(dict.fromkeys(one for one in self._method.ravel().tolist() if one))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the three arrays."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of estimates."""
        return self.value.size

    def __len__(self) -> int:
        return len(self.value)

    # ---- parts ----

    def __getitem__(self, index: Any) -> Any:
        value = self.value[index]
        why, confidence, method = (
            one[index] if hasattr(one, "shape") else one for one in (self._why, self._confidence, self._method)
        )
        create = Estimates if getattr(value, "shape", ()) else Estimate
        arrays = value, self.lower[index], self.upper[index]
        return create(*arrays, why, unit=self.unit, confidence=confidence, method=method)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    # ---- as an array of the values ----

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        import numpy

        if copy is None:
            return numpy.asarray(self.value, dtype=dtype)
        if copy:
            return numpy.array(self.value, dtype=dtype)
        if dtype is not None and numpy.dtype(dtype) != self.value.dtype:
            raise ValueError(f"the values are float64: they cannot be {numpy.dtype(dtype)} without a copy")
        return self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> Any:
        return self.value == other

    def __ne__(self, other: object) -> Any:
        return self.value != other

    def __lt__(self, other: Any) -> Any:
        return self.value < other

    def __le__(self, other: Any) -> Any:
        return self.value <= other

    def __gt__(self, other: Any) -> Any:
        return self.value > other

    def __ge__(self, other: Any) -> Any:
        return self.value >= other

    def __neg__(self) -> NDArray[np.float64]:
        return -self.value

    def __abs__(self) -> NDArray[np.float64]:
        return abs(self.value)

    def __add__(self, other: Any) -> Any:
        return self.value + other

    def __radd__(self, other: Any) -> Any:
        return other + self.value

    def __sub__(self, other: Any) -> Any:
        return self.value - other

    def __rsub__(self, other: Any) -> Any:
        return other - self.value

    def __mul__(self, other: Any) -> Any:
        return self.value * other

    def __rmul__(self, other: Any) -> Any:
        return other * self.value

    def __truediv__(self, other: Any) -> Any:
        return self.value / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.value

    def __pow__(self, other: Any) -> Any:
        return self.value**other

    def __rpow__(self, other: Any) -> Any:
        return other**self.value

    # ---- immutable, and as text ----

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Estimates are immutable: cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Estimates are immutable: cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        make = partial(Estimates, unit=self.unit, confidence=self._confidence, method=self._method)
        return make, (self.value, self.lower, self.upper, self._why)

    def _shown(self) -> list[tuple[int, ...]]:
        """Return the indices of those estimates that are shown: all, or the first and the last few."""
        import numpy

        places = list(range(self.size))
        if self.size > SHOWN:
            places = [*places[:EDGE], *places[-EDGE:]]
        return [tuple(int(one) for one in numpy.unravel_index(place, self.shape)) for place in places]

    def __str__(self) -> str:
        if not self.ndim:
            return str(self[()])
        if not self.size:
            return f"no estimates, shape {self.shape}"
        rows = [(str(list(index)), *str(self[index]).partition(" (")) for index in self._shown()]
        wide = [max(len(row[k]) for row in rows) for k in (0, 1)]
        lines = [f"{label:<{wide[0]}} {value:>{wide[1]}}{start}{rest}" for label, value, start, rest in rows]
        return shortened(lines, self.size)

    def __repr__(self) -> str:
        how = [f"{100 * self.confidence:.9g} %"] if self.confidence is not None else []
        how += [self.method] if self.method else []
        why = self.why if self.why != NO_DATA else ""
        about = "; ".join([*([", ".join(how)] if how else []), *([why] if why else [])])
        return f"<Estimates, shape {self.shape}{f': {about}' if about else ''}\n{self}>"

    def _view(self) -> View:
        from .._show.estimate import estimate_view, estimates_view

        return estimates_view(self, self._shown()) if self.ndim else estimate_view(self[()])

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    # ---- the texts: one for all, or an array of objects with one for each ----

    _why: Any
    _confidence: Any
    _method: Any


def shortened(lines: list[str], count: int | None = None) -> str:
    """Return the lines as text; of more than 24 the first and the last 10.  They may have been left out already."""
    count = len(lines) if count is None else count
    if count > SHOWN:
        lines = [*lines[:EDGE], f"... ({count - 2 * EDGE:,} more)", *lines[-EDGE:]]
    return "\n".join(lines)


def estimates_of(answers: Sequence[Estimate], shape: tuple[int, ...], unit: str) -> Estimates:
    """Return estimates in the given shape; of none, for an empty one."""
    names = "why", "confidence", "method"
    why, confidence, method = (one_or_each([getattr(one, name) for one in answers], shape) for name in names)
    return Estimates(
        _shaped([float(one) for one in answers], shape),
        _shaped([one.lower for one in answers], shape),
        _shaped([one.upper for one in answers], shape),
        why,
        unit=unit,
        confidence=confidence,
        method=method,
    )


def unknown_of(shape: tuple[int, ...], lower: float, upper: float, *, unit: str = "") -> Estimates:
    """Return the answers of an empty histogram: see `no_data`."""
    import numpy

    value, low, high = (numpy.full(shape, one) for one in (math.nan, lower, upper))
    return Estimates(value, low, high, NO_DATA, unit=unit)


def broadcast(estimates: Estimates, shape: tuple[int, ...]) -> Estimates:
    """Return the estimates in a larger shape, as numpy broadcasts arrays."""
    import numpy

    texts: tuple[Any, ...] = estimates._why, estimates._confidence, estimates._method
    why, confidence, method = (numpy.broadcast_to(one, shape) if hasattr(one, "shape") else one for one in texts)
    value, lower, upper = (numpy.broadcast_to(one, shape) for one in _arrays(estimates))
    return Estimates(value, lower, upper, why, unit=estimates.unit, confidence=confidence, method=method)


def complement(shares: Estimates) -> Estimates:
    """Return 1 minus each share."""
    value, lower, upper = 1 - shares.value, 1 - shares.upper, 1 - shares.lower
    return Estimates(value, lower, upper, shares._why, confidence=shares._confidence, method=shares._method)


def one_or_each(items: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Return the common item if all are the same, else an array of objects in this shape."""
    import numpy

    if items and all(one == items[0] for one in items):
        return items[0]
    found = numpy.empty(len(items), dtype=object)
    found[:] = items
    return found.reshape(shape)


def _arrays(estimates: Estimates) -> tuple[NDArray[np.float64], ...]:
    return estimates.value, estimates.lower, estimates.upper


def _shaped(values: list[float], shape: tuple[int, ...]) -> NDArray[np.float64]:
    import numpy

    return numpy.array(values, dtype=numpy.float64).reshape(shape)


def _checked_text(name: str, given: Any, shape: tuple[int, ...]) -> Any:
    """Return a text or a confidence for all, or a read-only array of objects with one for each estimate."""
    import numpy

    if given is None or isinstance(given, str):
        return given
    if isinstance(given, (float, int)):
        return float(given)
    each = numpy.array(given, dtype=object)
    if each.shape != shape:
        raise ValueError(f"{name} must be one for all, or have the shape of the values, {shape}, not {each.shape}")
    each.flags.writeable = False
    return each


def _check_no_data(known: NDArray[np.bool_], arrays: Sequence[NDArray[np.float64]], why: Any) -> None:
    """Raise unless every estimate that is not between its bounds is a NaN without data."""
    import numpy

    for place in zip(*numpy.nonzero(numpy.atleast_1d(~known))):
        index = place if known.ndim else ()
        reason = why if isinstance(why, str) else why[index]
        value, lower, upper = (float(one[index]) for one in arrays)
        Estimate(value, lower, upper, reason)  # which raises
