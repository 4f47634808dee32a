"""`Change`: where a quantile of a series of histograms changed, and by how much."""

from __future__ import annotations

from .._show.scale import Scale
from .._stats.estimate import Estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ..histogram import Histogram

__all__ = ["Change"]

#: The least p-value that is told: the tail of its distribution is not simulated further.
LEAST_P = 1e-6


class Change:
    """A place where a quantile of consecutive intervals changed: a hint where to look, not a cause.

    `historian.changes` finds them.  Immutable.  The histograms `before` and `after` reach from the change before to the
    one after.  `ratio` is the q-quantile of `after` over that of `before`, with its interval at 95 %.  The change came
    between the intervals `index` - 1 and `index`; with 95 % confidence the first interval after it is one of `first` to
    `last`.  `p_value` is the probability that a series without a change shows any that is as clear, at least 1e-6.
    `start`, `earliest` and `latest` are the starts of the intervals `index`, `first` and `last`, if they are known.
    """

    __slots__ = ("after", "before", "earliest", "first", "index", "last", "latest", "p_value", "q", "ratio", "start")
    __module__ = "historian"

    q: float  # in (0, 1)
    index: int  # of the first interval after the change, from 1
    first: int  # in [1, index]
    last: int  # from index on
    before: Histogram  # of all intervals since the last change, or the first interval
    after: Histogram  # of all intervals up to the next change, or the last interval
    ratio: Estimate
    p_value: float  # in [1e-6, 1]
    start: Any  # of the interval `index`, as given; None if the starts are not known
    earliest: Any
    latest: Any

    def __init__(
        self,
        q: float,
        index: int,
        first: int,
        last: int,
        before: Histogram,
        after: Histogram,
        ratio: Estimate,
        p_value: float,
        start: Any = None,
        earliest: Any = None,
        latest: Any = None,
    ) -> None:
        given = (q, index, first, last, before, after, ratio, max(p_value, LEAST_P), start, earliest, latest)
        for name, value in zip(_FIELDS, given):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Change is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Change is immutable: cannot delete {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Change):
            return NotImplemented
        return self._state() == other._state()

    def __hash__(self) -> int:
        return hash((self.q, self.index, float(self.ratio)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Change, self._state()

    def _state(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __str__(self) -> str:
        values = self.before.quantile(self.q), self.after.quantile(self.q)
        scale = Scale.of(self.before.unit, min(values))
        moved = f"p{100 * self.q:.9g} from {scale.show(values[0])} to {scale.show(values[1])} {scale.unit}".rstrip()
        if self.start is None:
            where = f"at interval {self.index}"
            within = f" ({self.first} to {self.last})" if self.first < self.last else ""
        else:
            where = f"at {self.start}"
            within = f" ({self.earliest} to {self.latest})" if self.first < self.last else ""
        least = self.p_value <= LEAST_P
        chance = f"p {'<' if least else '='} {self.p_value:.2g}"
        return f"hint: {moved}, ratio {self.ratio}, {where}{within}, {chance}"

    def __repr__(self) -> str:
        return f"<Change: {self}>"


_FIELDS = ("q", "index", "first", "last", "before", "after", "ratio", "p_value", "start", "earliest", "latest")
