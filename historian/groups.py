"""`Groups`: the histograms of the groups of a column, and `group`, which makes them in one pass."""

from __future__ import annotations

from collections.abc import Mapping

from ._core import Grouped
from ._show.profile import Profile
from ._show.scale import base_unit
from ._show.shown import in_html, in_rich, in_terminal
from ._values.codes import codes_of, combined
from ._values.columns import columns_of_numbers, unused
from ._values.numbers import numbers_of
from ._values.text import counted
from ._values.units import check_unit
from .histogram import Histogram, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ._core import _Reals
    from ._show.view import View
    from ._values.codes import Codes

__all__ = ["Groups", "group"]


class Groups(Mapping["Any", Histogram]):
    """The histograms of groups of values, by label: what `group` returns.  It is immutable.

    A label is a value of the column by which values were grouped; of several columns, a tuple.  That of missing values,
    such as None and NaN, is None.  `print` shows a table, as notebooks do.  ``a + b`` merges the histograms of each
    label; ``Groups()`` is the identity of ``+``.  It supports ``==`` and pickle; `names` and `dropped` do not count for
    ``==``.

    >>> from historian import group
    >>> by_route = group([0.010, 0.250, 0.015], ["/users", "/search", "/users"])
    >>> by_route["/users"].count, by_route["/search"].max
    (2, 0.25)
    >>> by_route.total().count
    3
    """

    __slots__ = ("_dropped", "_histograms", "_names")
    __module__ = "historian"

    _histograms: dict[Any, Histogram]
    _names: tuple[str, ...]
    _dropped: int  # in [0, 2**63)

    def __init__(
        self, histograms: Mapping[Any, Histogram] | None = None, names: Iterable[str] = (), dropped: int = 0
    ) -> None:
        if isinstance(names, str):
            raise TypeError(f"names must be a list of names, such as [{names!r}], not str")
        found = {} if histograms is None else dict(histograms)
        for label, histogram in found.items():
            if not isinstance(histogram, Histogram):
                raise TypeError(f"groups map labels to histograms, not {label!r} to {type(histogram).__name__}")
        self._histograms, self._names, self._dropped = found, tuple(names), dropped

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns by which values were grouped; empty if they have none."""
        return self._names

    @property
    def dropped(self) -> int:
        """Number of values that were left out, because they were missing, NaN, infinite or negative."""
        return self._dropped

    def __getitem__(self, label: Any) -> Histogram:
        return self._histograms[label]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._histograms)

    def __len__(self) -> int:
        return len(self._histograms)

    def __add__(self, other: Groups) -> Groups:
        """Return the groups of both sets of values: exact, associative and commutative.

        O(buckets of all).  Raises ValueError if the units of a group differ, or if the names of columns do.  Raises
        OverflowError if the count of a group would reach 2**63.
        """
        if not isinstance(other, Groups):
            return NotImplemented
        if self._names and other._names and self._names != other._names:
            ours, theirs = ", ".join(self._names), ", ".join(other._names)
            raise ValueError(f"cannot add groups by {ours} to groups by {theirs}")
        found = dict(self._histograms)
        for label, histogram in other._histograms.items():
            found[label] = found[label] + histogram if label in found else histogram
        return Groups(found, self._names or other._names, self._dropped + other._dropped)

    def total(self) -> Histogram:
        """Return the histogram of all values.  O(buckets of all).  Raises ValueError if units differ."""
        return merge(self._histograms.values())

    def profile(self) -> Profile[Histogram]:
        """Return the groups as a `Profile`, which prints as a table, the largest sum first.  O(groups)."""
        found: dict[str, Histogram] = {}
        for label, histogram in self._histograms.items():
            name = _text(label)
            if name in found:  # 1 and "1"
                name = unused(repr(label), found)
            found[name] = histogram
        dropped = counted(self._dropped, "invalid value was", "invalid values were")
        return Profile(found, [f"{dropped} dropped"] if self._dropped else [])

    def to_frame(self, percentiles: Iterable[float] = (50, 90, 99, 99.9, 99.99)) -> dict[str, Any]:
        """Return a row for each group as columns, for a data frame: see `Snapshot.to_frame`.

        The first columns hold the labels, in lists, and have the names of the columns by which values were grouped.
        Without such a name it is ``label``; of several columns, ``label_0`` and so on.  Names of other columns get
        ``label_`` before them.  O(groups).

        >>> frame = group([0.25, 0.5, 0.5], ["a", "b", "b"]).to_frame([50])
        >>> list(frame)
        ['label', 'unit', 'count', 'sum', 'mean', 'min', 'p50', 'max']
        >>> frame["label"], frame["p50"]
        (['a', 'b'], array([0.25, 0.5 ]))
        """
        numbers = columns_of_numbers(list(self._histograms.values()), percentiles)
        labels = list(self._histograms)
        columns = [labels]
        names = list(self._names) or ["label"]
        if labels and all(isinstance(label, tuple) for label in labels) and len(self._names) != 1:
            columns = [list(column) for column in zip(*labels)]
            names = list(self._names) or [f"label_{k}" for k in range(len(columns))]
        frame: dict[str, Any] = {}
        for name, column in zip(names, columns):
            frame[unused(name, {**frame, **numbers})] = column
        return {**frame, **numbers}

    def __repr__(self) -> str:
        by = f" by {', '.join(self._names)}" if self._names else ""
        values = counted(sum(histogram.count for histogram in self._histograms.values()), "value")
        return f"<Groups of {values}: {counted(len(self), 'group')}{by}>"

    def __str__(self) -> str:
        return str(self.profile())

    def _view(self) -> View:
        by = f" by {', '.join(self._names)}" if self._names else ""
        return self.profile()._view()._replace(title=f"{counted(len(self), 'group')}{by}")

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Groups, (self._histograms, self._names, self._dropped)


def group(
    values: _Reals | Any,
    by: Any,
    *,
    value: str | None = None,
    unit: str = "s",
    invalid: str = "raise",
) -> Groups:
    """Return the histogram of each group of values.

    `by` has a label for each value: an array, a list, a categorical, or a column of pandas, polars or pyarrow; for
    several columns, a tuple of them.  If `value` names a column, `values` is a table, such as a data frame or a
    dictionary of columns, and `by` names the columns of labels, one name or a list::

        group(df["latency"], df["route"])
        group(df, by=["route", "method"], value="latency")

    Labels are equal as keys of a dictionary are: 1, 1.0 and True are one label.  Groups without values are left out.
    Durations of numpy, pandas, polars and Arrow are converted to `unit`.
    NaN, infinite and negative values, and those that are missing, raise ValueError, which says how many there are; with
    ``invalid="drop"`` they are left out, and `Groups.dropped` counts them.

    O(len), without sorting, except for labels that are floats or times of numpy, or whole numbers that are far apart.
    Values and labels are read in place if they are arrays or buffers of numbers; others are converted.  Arrays may
    change while they are read, for example in another thread: what has been checked is what is counted.  Takes 64 MB,
    or 32 bytes for each value if that is less, beside the codes of labels, at most 8 bytes for each, and 1 to 10 KB for
    each group.  Raises ValueError if there are not as many labels as values.  Raises TypeError for what is not a
    column, for a value that is not a real number, and for a label that cannot be hashed.  Then nothing is returned.

    >>> group([1, 2, 3, 4], ([0, 0, 1, 1], ["a", "b", "a", "a"]), unit="ms")[1, "a"].count
    2
    """
    table: Any = values
    names: tuple[Any, ...] = ()
    columns = by if isinstance(by, tuple) else (by,)
    _check(invalid)
    unit = check_unit(unit)
    if value is not None:
        names = tuple(by) if isinstance(by, (list, tuple)) else (by,)
        values, columns = table[value], tuple(table[name] for name in names)
    if not columns:
        raise ValueError("by must have at least one column")
    codes = [codes_of(column) for column in columns]
    if len({len(one.codes) for one in codes}) > 1:
        lengths = ", ".join(f"{len(one.codes):,}" for one in codes)
        raise ValueError(f"the columns of labels must have the same length, not {lengths}")
    labelled = codes[0] if len(codes) == 1 else combined(codes)
    histograms, dropped = histograms_of(values, labelled, unit, invalid)
    return Groups({labelled.labels[code]: one for code, one in histograms.items()}, map(str, names), dropped)


def histograms_of(values: Any, by: Codes, unit: str, invalid: str) -> tuple[dict[int, Histogram], int]:
    """Return the histograms of groups by code, without those that have no value, and how many values were dropped.

    Raises the errors of `group`.
    """
    _check(invalid)
    unit = check_unit(unit)
    groups = Grouped()
    bad, first, value, _ = groups.record(numbers_of(values, ns_per_unit(unit)), by.codes, len(by.labels))
    if bad and invalid == "raise":
        raise ValueError(
            f"{bad:,} of {len(by.codes):,} values are missing, NaN, infinite or negative, the first one at position "
            f'{first:,}: {value!r}; pass invalid="drop" to leave them out'
        )
    return {code: Histogram._from_reading(reading, unit) for code, reading in groups.read()}, bad


def ns_per_unit(unit: str) -> float | None:
    """Return the nanoseconds in a unit of time; None for other units."""
    base, factor = base_unit(unit)
    return factor if base == "ns" else None


def _check(invalid: str) -> None:
    if invalid not in ("raise", "drop"):
        raise ValueError(f'invalid must be "raise" or "drop", not {invalid!r}')


def _text(label: Any) -> str:
    """Return a label for a table: the parts of a tuple are separated by commas."""
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)
