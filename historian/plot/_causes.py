"""`Request`: a request and its parts, and the share of its tail that each part causes."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from .._stats.estimate import TailWarning
from .._values.base import BaseHistogram
from ..buckets import index, lower
from ..tail.algebra import first_of
from ..tail.dist import Dist, from_sf
from ..tail.leaf import from_histogram

__all__ = ["Operation", "Part", "Request", "Time"]

Time: TypeAlias = Dist | BaseHistogram
Operation: TypeAlias = Callable[..., Dist]
Part: TypeAlias = Time | tuple[Time | Operation, Mapping[Any, Any]]

TAIL = 0.99  # the quantile at which the tail begins


class Request(NamedTuple):
    """A part of a request, with its own parts: an operation computes its time from theirs, or it was given."""

    name: str
    time: Time  # as it was given or computed
    dist: Dist  # the same
    parts: tuple[Request, ...] = ()
    operation: Operation | None = None

    @classmethod
    def of(cls, name: Any, part: Part) -> Request:
        """Return what a mapping of names to parts describes.  Raises TypeError for all that is not a part."""
        time, inner = part if isinstance(part, tuple) and len(part) == 2 else (part, {})
        is_time = isinstance(time, (Dist, BaseHistogram))
        if not isinstance(inner, Mapping) or not (is_time or (callable(time) and inner)):
            raise TypeError(
                f"part {name!r} must be a distribution, or a pair of a distribution or an operation and a mapping of "
                f"parts, not {part!r}"
            )
        parts = tuple(cls.of(*one) for one in inner.items())
        if isinstance(time, BaseHistogram):
            return cls(str(name), time, from_histogram(time, None), parts)
        if isinstance(time, Dist):
            return cls(str(name), time, time, parts)
        found = _result(name, time, [one.dist for one in parts])
        return cls(str(name), found, found, parts, time)

    @property
    def is_known(self) -> bool:
        """Whether the time of the whole follows from the times of its leaves."""
        return not self.parts or (self.operation is not None and all(one.is_known for one in self.parts))

    def causes(self) -> list[float]:
        """Return the share of the tail that each part causes, in 0..1, in the order of `walk`; NaN if it is not known.

        The tail is what is as slow as p99 or slower.  A part causes what would be faster if the part never took longer
        than its own p50.  So the shares of several parts may add up to more than 1, or to less.  One evaluation of the
        request for each part.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TailWarning)
            t = _start_of_tail(self.time)
            tail = float(self.dist.sf(t)) if t > 0 else 0.0
            if not self.parts or not self.is_known or not tail:
                return [math.nan for _ in self.walk()]
            without = (float(time.sf(t)) for time in self._with_one_at_its_median())
            return [min(max(1 - one / tail, 0.0), 1.0) for one in without]

    def walk(self) -> list[Request]:
        """Return this part and all in it, a part before its own parts."""
        return [self, *(inner for part in self.parts for inner in part.walk())]

    def _with_one_at_its_median(self) -> list[Dist]:
        """Return the time of the whole with each part, in the order of `walk`, at most as long as its own p50."""
        found = [_at_most_median(self.dist)]
        times = [part.dist for part in self.parts]
        for k, part in enumerate(self.parts):
            for changed in part._with_one_at_its_median():
                found.append(_result(self.name, self.operation, [*times[:k], changed, *times[k + 1 :]]))
        return found


def _result(name: Any, operation: Operation | None, parts: list[Dist]) -> Dist:
    """Return what an operation makes of its parts, each of which is an object of its own."""
    apart = [copy.copy(part) if part in parts[:k] else part for k, part in enumerate(parts)]
    assert operation is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        found = operation(*apart)
    if not isinstance(found, Dist):
        raise TypeError(f"the operation of part {name!r} must return a distribution, not {found!r}")
    return found


def _start_of_tail(time: Time) -> float:
    """Return the lower edge of the bucket that holds p99, or 0 if there is none: more than 1 % takes longer."""
    p99 = float(time.quantile(TAIL))
    return lower(index(p99)) if p99 < math.inf else 0.0


def _at_most_median(x: Dist) -> Dist:
    """Return the distribution of a part that is stopped at its p50."""
    median = float(x.quantile(0.5))
    return first_of({x: 1, from_sf(lambda t: float(t < median), unit=x.unit): 1}) if x.count else x
