"""What a picture is drawn of: one histogram, or several with names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from .._values.base import BaseHistogram
from .._values.text import counted
from .._values.units import check_unit

__all__ = ["Histograms", "about_zero", "beyond", "checked", "named", "unit_of"]

Histograms: TypeAlias = BaseHistogram | Mapping[Any, BaseHistogram] | Iterable[BaseHistogram]


def named(histograms: Histograms) -> list[tuple[str, BaseHistogram]]:
    """Return histograms with their names: empty for a single one, numbers from 1 for those of a list.

    Raises TypeError for an object that is neither a histogram, nor a mapping or an iterable of them, and ValueError if
    their units differ.
    """
    if isinstance(histograms, BaseHistogram):
        return [("", histograms)]
    held: Any = getattr(histograms, "histograms", histograms)  # of a profile
    if hasattr(held, "items"):
        found = [(str(name), checked(one)) for name, one in held.items()]
    elif hasattr(held, "__iter__") and not isinstance(held, (str, bytes)):
        found = [(str(k), checked(one)) for k, one in enumerate(held, 1)]
    else:
        found = [("", checked(held))]
    unit_of(one for _, one in found)
    return found


def checked(histogram: Any) -> BaseHistogram:
    """Return a histogram; raise TypeError for anything else."""
    if not isinstance(histogram, BaseHistogram):
        hint = ": pass its snapshot()" if hasattr(histogram, "snapshot") else ""
        raise TypeError(f"pass a histogram, a mapping or a list of them, not {type(histogram).__name__}{hint}")
    return histogram


def unit_of(histograms: Iterable[BaseHistogram]) -> str:
    """Return the common unit of histograms; empty ones in seconds fit any.  Raises ValueError if units differ."""
    units = dict.fromkeys(one.unit for one in histograms if one.count or one.unit != "s")
    if len(units) > 1:
        shown = " and ".join(repr(unit) for unit in list(units)[:2])
        raise ValueError(f"histograms must be in one unit, not {shown}: convert with scaled(), or draw them apart")
    return check_unit(next(iter(units), "s"))


def about_zero(histograms: Iterable[tuple[str, BaseHistogram]]) -> list[str]:
    """Return notes on the values in zero buckets, which a logarithmic axis does not show."""
    return [
        f"{name}{': ' if name else ''}{one.zero_count:,} of {counted(one.count, 'value')} about 0, below the axis"
        for name, one in histograms
        if one.zero_count
    ]


def beyond(histograms: Iterable[tuple[str, BaseHistogram]]) -> list[str]:
    """Return notes on the values in overflow buckets."""
    return [
        f"{name}{': ' if name else ''}{counted(one.overflow_count, 'value')} above 2**64, beyond the axis"
        for name, one in histograms
        if one.overflow_count
    ]
