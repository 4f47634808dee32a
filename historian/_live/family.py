"""`Family`: recorders of one name, found by the values of their labels, of which there is a limited number."""

from __future__ import annotations

import time
from operator import methodcaller

from .._files.directory import RegistryWarning, warn_user
from .._files.errors import CorruptFileError
from .._files.header import encode
from .._values.key import Key, check_key, fault_of_key, text_of
from .._values.own import is_own
from .._values.text import counted
from .._values.units import NS_PER_UNIT, check_unit
from .exemplars import labels_of
from .recorder import DISABLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    from typing_extensions import Never, Self

    from .._core import DirectoryFile, Timer
    from .recorder import Recorder

    class _Registry(Protocol):
        def _find_or_create(self, key: Key, unit: str, *, check: bool = True) -> Recorder: ...
        def _reserve(self, key: Key, unit: str) -> Recorder | None: ...
        def _file(self) -> DirectoryFile | None: ...
        def _has(self, key: Key) -> bool: ...
        def _forget(self, key: Key) -> None: ...


__all__ = ["Family", "FamilyWarning", "Timing"]

OVERFLOW = "overflow"  # the label of the recorder that gets the values of all folded label sets
MAX_FOLDED = 10_000  # folded label sets that are told apart
FIRST_PATIENCE, MOST_PATIENCE = 16, 4096  # label sets to fold after a failure, before the next attempt


class FamilyWarning(UserWarning):
    """A family has reached its limit of recorders: further label sets are counted together."""

    __module__ = "historian"


class Family:
    """The recorders of one name, by the values of their labels; `Registry.family` makes it.

    >>> from historian import Registry
    >>> requests = Registry().family("http.request", labels=("method", "route"))
    >>> with requests.time("GET", "/users"):
    ...     pass
    >>> requests["GET", "/users"] is requests.labels(route="/users", method="GET")
    True
    >>> requests["GET", "/users"].name
    'http.request{method=GET,route=/users}'

    Values are strings, or are converted to strings as in `Key`; strings are found fastest.  A recorder is created when
    it is first asked for.  ``("GET", "/users") in requests`` tells whether it exists, and creates none.  A family
    cannot be iterated over: ``registry.snapshot().select("http.request")`` holds what it has counted.

    There are at most `max_series` recorders of this name in the registry; in a directory, those of all processes count.
    (There may be a few more if several threads or processes create the last ones at the same time.)  The values of
    further label sets go to the recorder with the single label ``overflow="true"``, and a `FamilyWarning` says so once.
    So do those of label sets that no recorder can have: longer than 2,048 bytes, or not valid Unicode.  Nothing is
    lost, and label values from outside, such as paths of requests, never raise and never take more memory than the
    limit allows.

    A recorder that any process removes (`Registry.remove`) makes room for another one.  When the family is next asked
    for a new label set, it lets go of recorders that were removed.  To ask for one of them again is to ask for a new
    one: it needs room.
    """

    __slots__ = (
        *("__weakref__", "_encoded", "_folded", "_known", "_names", "_overflow", "_patience", "_refused", "_registry"),
        *("_removals", "_reserved", "_said", "_series", "max_series", "name", "unit"),
    )
    __module__ = "historian"

    # Else Python would ask for family[0], family[1] and so on, and each would be a new recorder.
    __iter__: None = None

    name: str
    unit: str
    max_series: int  # at least 1
    _registry: _Registry
    _names: tuple[str, ...]
    _overflow: Key  # of the recorder that gets the values of folded label sets
    _encoded: bytes  # the beginning of all keys of this name
    _series: dict[Any, Recorder]  # by values, a tuple of strings; also by the value itself if there is one label
    _known: set[Key]  # of the recorders of this name that the registry has; in memory, they count for the limit
    _removals: tuple[bytes, int]  # id of the file, and its removals when the family last let go of such recorders
    _folded: set[int]  # hashes of folded label sets, at most MAX_FOLDED
    _said: set[type[Warning]]  # what it has warned of
    _reserved: Recorder | None  # that of folded label sets, in a directory: it is there before it is needed
    _patience: int  # label sets to fold before the next attempt to create a recorder
    _refused: int  # what `_patience` was set to when that last failed; 0 if it never has

    def __init__(self, registry: _Registry, name: str, labels: Iterable[str], unit: str, max_series: int) -> None:
        self._names = _checked(name, labels)
        if isinstance(max_series, bool) or not isinstance(max_series, int):
            raise TypeError(f"max_series must be a whole number, not {max_series!r}")
        if max_series < 1:
            raise ValueError(f"max_series must be at least 1, not {max_series}")
        self.name, self.unit, self.max_series = name, check_unit(unit), max_series
        self._registry, self._series, self._known, self._folded = registry, {}, set(), set()
        self._reserved, self._patience, self._refused, self._said = None, 0, 0, set()
        self._removals = (b"", 0)
        self._overflow, self._encoded = Key(name, **{OVERFLOW: "true"}), encode(Key(name))

    def _bind(self) -> Self:
        """Create the recorder of folded label sets in a directory: later there may be no space.  Raises OSError."""
        if self._reserved is None:
            self._reserved = self._registry._reserve(self._overflow, self.unit)
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels, in the order in which ``family[...]`` takes their values."""
        return self._names

    @property
    def folded(self) -> int:
        """Number of label sets that this process has counted as ``overflow="true"``; 10,000 stands for more, too."""
        return len(self._folded)

    def __getitem__(self, values: object) -> Recorder:
        """Return the recorder with these values of the labels, in the order of `label_names`.  O(labels).

        Raises ValueError unless there is one value for each label, or if the recorder exists with another unit.
        """
        try:
            return self._series[values]
        except (KeyError, TypeError):
            return self._find(values if type(values) is tuple else (values,))

    def __contains__(self, values: object) -> bool:
        """Return whether there is a recorder with these values; in a directory, of any process.  O(labels).

        Raises ValueError unless there is one value for each label.
        """
        key = self._key_of(self._texts(values if type(values) is tuple else (values,)))
        return fault_of_key(key) is None and self._registry._has(key)

    def labels(self, /, *unnamed: Never, **labels: object) -> Recorder:
        """Return the recorder with these labels.  Raises ValueError as ``family[...]`` does.  O(labels)."""
        if unnamed:
            raise self._unnamed("labels", unnamed)
        if len(labels) != len(self._names) or not all(name in labels for name in self._names):
            raise ValueError(self._expected(labels))
        return self[tuple([labels[name] for name in self._names])]

    def time(
        self,
        /,
        *values: object,
        errors: Recorder | None = None,
        exemplar: Mapping[str, object] | bool | None = None,
        **labels: Never,
    ) -> Timer:
        """Return a timer of the recorder with these values: ``with family.time("GET", "/users"):``.

        `errors` and `exemplar` are those of `Recorder.time`.
        Raises ValueError as ``family[...]`` does.  Raises TypeError for labels by name: ``family.timing`` takes them.
        """
        if labels:
            raise TypeError(
                f"time() takes the values of {', '.join(self._names)} in this order, without names: for "
                f"{', '.join(labels)} by name, use timing() or labels(...).time()"
            )
        return self[values].time(errors, exemplar=exemplar)

    def timing(self, /, *unnamed: Never, **labels: object) -> Timing:
        """Return a timer whose labels may be given later: in its block, when they are known.

        >>> from historian import Registry
        >>> requests = Registry().family("http.request", labels=("method", "status"))
        >>> with requests.timing(method="GET") as timing:
        ...     timing.labels(status=200)
        >>> requests["GET", "200"].snapshot().count
        1

        Labels that have not been given at the end are empty; so are they after an exception, unless the block gives
        them first.  Raises ValueError for a label that the family does not have, and if its unit is not a unit of time.
        """
        if self.unit not in NS_PER_UNIT:
            raise ValueError(f"timers need a recorder in s, ms, us or ns, and family {self.name!r} is in {self.unit!r}")
        if unnamed:
            raise self._unnamed("timing", unnamed)
        timing = Timing(self)
        timing.labels(**labels)
        return timing

    def _unnamed(self, method: str, values: tuple[object, ...]) -> TypeError:
        named = ", ".join(f"{name}=..." if name.isidentifier() else f"**{{{name!r}: ...}}" for name in self._names)
        return TypeError(f"{method}() takes labels by name, {method}({named}), not {counted(len(values), 'value')}")

    def _expected(self, labels: Iterable[str]) -> str:
        return f"family {self.name!r} has the labels {', '.join(self._names)}, not {', '.join(labels) or 'none'}"

    def _at_end(self, texts: tuple[str, ...]) -> Recorder:
        """Return a recorder for a value that there is already: whatever fails, it must be counted."""
        found = self._series.get(texts)
        return found if found is not None else self._add(texts, is_late=True)

    def _texts(self, values: tuple[object, ...]) -> tuple[str, ...]:
        if len(values) != len(self._names):
            raise ValueError(
                f"family {self.name!r} has {counted(len(self._names), 'label')}, {', '.join(self._names)}: give one "
                f"value for each, not {counted(len(values), 'value')}"
            )
        return tuple([value if type(value) is str else text_of(value) for value in values])

    def _key_of(self, texts: tuple[str, ...]) -> Key:
        return Key(self.name, **dict(zip(self._names, texts)))

    def _find(self, values: tuple[object, ...]) -> Recorder:
        texts = self._texts(values)
        found = self._series.get(texts)
        return found if found is not None else self._add(texts)

    def _add(self, texts: tuple[str, ...], *, is_late: bool = False) -> Recorder:
        """Return a recorder that is not known yet.  If `is_late`, there is a value for it, so nothing is raised."""
        key = self._key_of(texts)
        fault = fault_of_key(key)
        if fault is not None:
            return self._fold(texts, f"a label set that no recorder can have ({fault})")
        found = self._create(key, is_late)
        if found is None:
            return self._fold(texts, f"more than max_series={self.max_series:,} label sets")
        if isinstance(found, str):
            return self._fold(texts, f"a recorder that cannot be created ({found})", RegistryWarning)
        if found.unit != self.unit:
            return self._fold(texts, f"a recorder that exists with unit {found.unit!r}")
        self._series[texts] = found
        if len(texts) == 1:
            self._series[texts[0]] = found
        return found

    def _create(self, key: Key, is_late: bool) -> Recorder | str | None:
        """Return the recorder, None if it would be one too many, or why it cannot be had: "" if that was just so."""
        if self._patience:  # a new attempt may take seconds, if a process that is stopped has locked the file
            self._patience -= 1
            return ""
        try:
            if not self._has_room(key):
                return None
            found = self._registry._find_or_create(key, self.unit, check=not is_late)
        except (OSError, CorruptFileError) as error:
            if self._reserved is None or not is_own(error):
                raise
            self._refused = self._patience = min(2 * self._refused, MOST_PATIENCE) or FIRST_PATIENCE
            return str(error)
        self._refused = 0
        return found

    def _has_room(self, key: Key) -> bool:
        """Return whether a recorder exists, or may be created.  O(recorders that are new to this process)."""
        file = self._registry._file()
        if file is None:
            return key in self._known or len(self._known) - (self._overflow in self._known) < self.max_series
        self._let_go(file)
        room = self.max_series - file.count(self._encoded)
        if room > 0 or file.find(encode(key), removed=False) >= 0:
            return True
        return room == 0 and file.find(encode(self._overflow), removed=False) >= 0  # which does not count

    def _let_go(self, file: DirectoryFile) -> None:
        """Forget recorders that other processes have removed: once no process has them open, their space is free."""
        removals = file.id, file.removals
        if removals == self._removals:
            return
        self._removals = removals
        for found in set(self._series.copy().values()):  # a copy: other threads may add to it
            at, place, _ = found._files
            if at is file and found._header is not None and file.is_removed(place):
                self._registry._forget(found._header.key)

    def _fold(self, texts: tuple[str, ...], why: str, kind: type[Warning] = FamilyWarning) -> Recorder:
        if len(self._folded) < MAX_FOLDED:
            self._folded.add(hash(texts))
        found = self._reserved or self._registry._find_or_create(self._overflow, self.unit)
        if kind not in self._said:
            self._said.add(kind)
            where = f"such values are counted as {self._overflow}"
            warn_user(f"family {self.name!r} was asked for {why}: {where}", kind)
        return found

    def _notes(self) -> list[str]:
        """Return the line below a profile, if label sets were folded."""
        if not self._folded:
            return []
        or_more = " or more" if len(self._folded) == MAX_FOLDED else ""
        plural = "" if len(self._folded) == 1 else "s"
        return [
            f"{self.name}: {len(self._folded):,}{or_more} label set{plural} beyond max_series={self.max_series:,}, or "
            f"not valid, counted as {OVERFLOW}=true"
        ]

    def _forget(self, key: Key) -> None:
        """Forget a recorder that has been removed from the registry."""
        texts = tuple(dict(key.labels).get(name, "") for name in self._names)
        self._series.pop(texts, None)
        if len(texts) == 1:
            self._series.pop(texts[0], None)
        self._known.discard(key)

    def __reduce__(self) -> tuple[Any, ...]:
        again = methodcaller("family", self.name, labels=self._names, unit=self.unit, max_series=self.max_series)
        return again, (self._registry,)

    def __repr__(self) -> str:
        found = counted(len(set(self._series.copy().values())), "recorder")
        return f"<Family {self.name!r} of {', '.join(self._names)}: {found}>"


class Timing:
    """Times a block whose labels are known at its end: ``with family.timing() as timing: timing.labels(status=200)``.

    ``async with`` works, too.
    """

    __slots__ = ("_began", "_ended", "_exemplar", "_family", "_labels")
    __module__ = "historian"

    _exemplar: dict[str, str] | None
    _began: int  # ns on the clock of time.perf_counter_ns; 0 before the block begins
    _ended: int  # likewise; 0 until the block has ended

    def __init__(self, family: Family) -> None:
        self._family, self._labels = family, dict.fromkeys(family.label_names, "")
        self._began = self._ended = 0
        self._exemplar = None

    def labels(self, /, *unnamed: Never, **labels: object) -> None:
        """Set labels; the last value counts.  Raises ValueError for a label that the family does not have.

        Raises RuntimeError after the block has ended: its time has been recorded.
        """
        if unnamed:
            raise self._family._unnamed("labels", unnamed)
        if self._ended:
            raise RuntimeError("this timer has ended, and its time is recorded: give labels in the block")
        for name in labels:
            if name not in self._labels:
                raise ValueError(self._family._expected(labels))
        self._labels.update((name, text_of(value)) for name, value in labels.items())

    @property
    def elapsed(self) -> float:
        """Time since the block began, in the family's unit; after its end, the recorded time; before it, NaN."""
        if not self._began:
            return float("nan")
        ended = self._ended or time.perf_counter_ns()
        return max(0, ended - self._began) / NS_PER_UNIT[self._family.unit]

    @property
    def exemplar(self) -> dict[str, str] | None:
        """Labels that are kept with the time of this block, as `Timer.exemplar`: set them in the block."""
        return self._exemplar

    @exemplar.setter
    def exemplar(self, exemplar: Mapping[str, object] | bool | None) -> None:
        if self._ended:
            raise RuntimeError("this timer has ended, and its time is recorded: set the exemplar in the block")
        pairs = None if DISABLED else labels_of(exemplar, False)
        self._exemplar = dict(pairs) if isinstance(pairs, tuple) else None

    def __enter__(self) -> Self:
        if self._began and not self._ended:
            raise RuntimeError("this timer is already running: call timing() again for each block")
        self._ended, self._began = 0, time.perf_counter_ns()
        return self

    def __exit__(self, *exception: object) -> None:
        now = time.perf_counter_ns()
        if not self._began or self._ended:
            raise RuntimeError("this timer is not running: use it as `with family.timing() as timing:`")
        self._ended = now
        exemplar, self._exemplar = self._exemplar, None
        recorder = self._family._at_end(tuple(self._labels.values()))
        if exemplar is None:
            recorder.record(self.elapsed)
        else:
            recorder.record(self.elapsed, exemplar=exemplar)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)


def _checked(name: str, labels: Iterable[str]) -> tuple[str, ...]:
    """Return the names of labels.  Raises TypeError, ValueError."""
    if isinstance(labels, str):
        raise TypeError(f"labels must be names of labels, as in labels=({labels!r},), not one string")
    names = tuple(labels)
    for label in names:
        if not isinstance(label, str):
            raise TypeError(f"the name of a label must be a string, not {label!r}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"labels must be one or more different names, not {names!r}")
    if OVERFLOW in names:
        raise ValueError(f"{OVERFLOW!r} is the label of values beyond max_series: choose another name")
    check_key(Key(name, **dict.fromkeys(names, "")))
    return names
