"""`Snapshot`: what `Registry.snapshot` and `Registry.drain` return, a mapping from `Key` to `Histogram`."""

from __future__ import annotations

from .._show.shown import in_html, in_rich, in_terminal
from .._values.key import Key, text_of
from .._values.text import counted
from ..histogram import Histogram, merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .._show.view import View
    from ..formats._lines import Source

__all__ = ["Snapshot", "grouping", "id_of_recorder", "selection"]


class Snapshot(dict[Key, Histogram]):
    """The histograms of a registry at one time, by `Key`: a dictionary that can be asked by name and label.

    >>> from historian import Registry
    >>> registry = Registry()
    >>> for method, route in [("GET", "/users"), ("GET", "/carts"), ("PUT", "/carts")]:
    ...     registry.recorder("http.request", method=method, route=route).record(0.25)
    >>> snapshot = registry.snapshot()
    >>> {str(key): histogram.count for key, histogram in snapshot.select("http.*", method="GET").by("route").items()}
    {'http.request{route=/users}': 1, 'http.request{route=/carts}': 1}
    >>> snapshot.total().count
    3

    It remembers when it was taken and of which recorders, and so do the files of `historian.snapshot.save`.  Two
    snapshots of the same recorder, one after the other in a file, therefore count once.
    """

    __slots__ = ("_sources", "_starts")
    __module__ = "historian"

    _sources: Mapping[Key, Source]  # of those recorders whose counts have one source
    _starts: Mapping[Key, float]  # of those recorders whose first moment is known: seconds since 1970-01-01 00:00 UTC

    def __init__(
        self,
        histograms: Mapping[Key, Histogram] | Iterable[tuple[Key, Histogram]] = (),
        *,
        sources: Mapping[Key, Source] | None = None,
        starts: Mapping[Key, float] | None = None,
    ) -> None:
        super().__init__(histograms)
        self._sources = dict(sources or {})
        self._starts = dict(starts or {})

    def source_of(self, key: Key) -> Source | None:
        """Return the id of the recorder and the time when it was read, in seconds since 1970-01-01 00:00 UTC.

        The id changes when the recorder is drained or cleared.  None if the histogram is of several sources, or the
        source is not known.
        """
        return self._sources.get(key)

    def start_of(self, key: Key) -> float | None:
        """Return since when the recorder has counted these values, in seconds since 1970-01-01 00:00 UTC.

        That is when it was created, or last drained.  None if it is not known: if the histogram is of several sources,
        and for a recorder in a directory that has been drained or cleared.
        """
        return self._starts.get(key)

    def select(self, name: str = "*", /, **labels: object) -> Snapshot:
        """Return the recorders with this name and these labels; a recorder may have further labels.

        In the name and in values, ``*`` stands for any text, ``?`` for one character, ``[ab]`` for one of them, as in
        `fnmatch`.  Upper and lower case differ.  A missing label is an empty one.  O(recorders).

        >>> Snapshot({Key("http.get"): Histogram(), Key("sql"): Histogram()}).select("http.*")
        {Key('http.get'): <Histogram: empty>}
        """
        fits = selection(name, labels)
        found = {key: histogram for key, histogram in self.items() if fits(key)}
        sources = {key: source for key, source in self._sources.items() if key in found}
        return Snapshot(found, sources=sources, starts={key: at for key, at in self._starts.items() if key in found})

    def by(self, *labels: str) -> Snapshot:
        """Return the histograms merged over all labels but these, by name: exactly, as if recorded so.

        ``by("route")`` gives one for each name and route, ``by()`` one for each name.  A missing label is left out of
        the key.  O(buckets of all).  Raises ValueError if recorders of one name have different units, and TypeError for
        a label that is not a string.
        """
        group = grouping(labels)
        groups: dict[Key, list[Histogram]] = {}
        for key, histogram in self.items():
            groups.setdefault(group(key), []).append(histogram)
        return Snapshot({key: _merged(found) for key, found in groups.items()})

    def total(self) -> Histogram:
        """Return the histogram of all values.  O(buckets of all).  Raises ValueError if units differ."""
        return _merged(list(self.values()))

    def to_frame(self, percentiles: Iterable[float] = (50, 90, 99, 99.9, 99.99)) -> dict[str, Any]:
        """Return a row for each recorder as columns, for a data frame: see `Histogram.to_frame`.

        The columns are ``name``, one for each label, ``unit``, ``count``, ``sum``, ``mean``, ``min``, the
        `percentiles`, such as ``p99.9``, and ``max``.  Texts are lists, numbers are arrays.  Values are in the unit of
        their row.  A missing label is an empty text, as in `select`; a label with the name of another column gets
        ``label_`` before its name.  An empty histogram has NaN for all but count and sum.  O(recorders).

        >>> frame = Snapshot({Key("get", route="/users"): Histogram.from_values([0.25])}).to_frame([50])
        >>> list(frame)
        ['name', 'route', 'unit', 'count', 'sum', 'mean', 'min', 'p50', 'max']
        >>> frame["route"], frame["p50"]
        (['/users'], array([0.25]))
        """
        from .._values.columns import columns

        return columns(self.items(), percentiles)

    def _view(self) -> View:
        from .._show.profile import Profile

        return Profile(self)._view()._replace(title=f"Snapshot of {counted(len(self), 'recorder')}")

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        return partial(Snapshot, sources=self._sources, starts=self._starts), (dict(self),)


def selection(name: str, labels: Mapping[str, object]) -> Callable[[Key], bool]:
    """Return whether a key has a name and labels: see `Snapshot.select`.  Raises TypeError for another name."""
    from fnmatch import fnmatchcase

    if not isinstance(name, str):
        raise TypeError(f"select() takes a name as a string, select('http.*', method='GET'), not {name!r}")
    wanted = {label: text_of(value) for label, value in labels.items()}

    def fits(key: Key) -> bool:
        values = dict(key.labels) if wanted else {}
        return fnmatchcase(key.name, name) and all(
            fnmatchcase(values.get(label, ""), pattern) for label, pattern in wanted.items()
        )

    return fits


def grouping(labels: Iterable[object]) -> Callable[[Key], Key]:
    """Return what gives a key without all labels but these: see `Snapshot.by`.  Raises TypeError for other labels."""
    kept = list(labels)
    for label in kept:
        if not isinstance(label, str):
            raise TypeError(f"by() takes labels as strings, by('route', 'method'), not {label!r}")

    def group(key: Key) -> Key:
        return Key(key.name, **{label: value for label, value in key.labels if label in kept})

    return group


def _merged(histograms: list[Histogram]) -> Histogram:
    return merge(histograms) if len(histograms) != 1 else histograms[0]


def id_of_recorder(file_id: str, place: int, drains: int) -> str:
    """Return the id of a recorder in a file, between two drains: the same in every process.

    `file_id` is random, in hexadecimal, `place` that of the recorder in the file, `drains` how often it has been
    drained.
    """
    return f"{file_id}-{place}-{drains}"
