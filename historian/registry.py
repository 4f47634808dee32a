"""`Registry`: recorders by name, shared by all parts of a program and by all processes of a service."""

from __future__ import annotations

import os

from ._core import give_back
from ._files.directory import RegistryWarning, compare_environment, ensure_directory, is_unchanged, prepare_directory
from ._files.draining import hide_recorder
from ._files.errors import CorruptFileError, CorruptFileWarning, checked, warn_of
from ._files.file import is_at_path, mapped_file, open_file
from ._files.header import FILE_NAME, encode
from ._files.reading import read_all
from ._live.directories import drain_directory, read_directory
from ._live.family import Family, FamilyWarning, Timing
from ._live.memory import Identity, drain_memory, read_memory
from ._live.merging import merge
from ._live.moved import follow_path
from ._live.opened import recorder_in_file, recorders_in
from ._live.recorder import DISABLED, Recorder, check_same_unit
from ._live.removal import remove
from ._live.snapshots import Snapshot
from ._show.shown import in_html, in_rich, in_terminal
from ._values.key import Key, check_key, key_of
from ._values.text import counted
from ._values.units import check_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from ._core import DirectoryFile, _Taken
    from ._files.reading import Reading
    from ._history.times import _Duration
    from ._show.profile import Profile
    from ._show.view import View
    from .histogram import Histogram
    from .recording import Recording

__all__ = [
    "CorruptFileError",
    "CorruptFileWarning",
    "Family",
    "FamilyWarning",
    "Key",
    "Registry",
    "RegistryWarning",
    "Snapshot",
    "Timing",
    "default_registry",
    "recorder",
]


class Registry:
    """Recorders by name and labels, in this process' memory or in a directory that many processes share.

    >>> registry = Registry()
    >>> registry.recorder("db.query", table="users").record(0.003)
    >>> registry.recorder("db.query", table="users") is registry.recorder("db.query", table="users")
    True
    >>> {str(key): h.count for key, h in registry.snapshot().items()}
    {'db.query{table=users}': 1}

    A directory has one file for all its recorders, which processes map into memory.  All processes that ask for the
    same name and labels count in the same recorder, whether they were forked or started separately.  A recorded value
    survives even if its process is killed immediately afterwards.  Nothing depends on process ids.  The file does not
    grow with the number of processes that have come and gone.

    The directory is created with mode 0700, its file with mode 0600.  Raises PermissionError for a directory that other
    users may write to or own, or with such a file, unless `trust` is true.  With ``HISTORIAN_DISABLE=1`` nothing is
    written.  A registry can be used from any thread.  A registry in a directory can be pickled.

    If the directory is removed while in use, it is created again, and a `RegistryWarning` says so once.  Recorders that
    were open count in a new file, and their values are kept: snapshots in this process hold them, too.
    """

    __module__ = "historian"

    def __init__(self, directory: str | os.PathLike[str] | None = None, *, trust: bool = False) -> None:
        self._recorders: dict[Key, Recorder] = {}
        self._calls: dict[tuple[object, ...], Recorder] = {}  # by the arguments of `recorder`, all of them strings
        self._removed = 0  # recorders that have been removed
        self._families: dict[str, Family] = {}  # by name
        self._directory: str | None = None
        self._path = ""  # of the directory's file
        self._trust = trust
        self._is_prepared = False
        self._identity = Identity()  # of the recorders in memory
        self._named: str | None = None  # HISTORIAN_DIR at import, "" if it was not set; None once it has been compared
        if directory is not None:
            if not os.fspath(directory):
                raise ValueError("directory must not be empty; omit it for a registry in memory")
            self._count_in(os.path.abspath(os.fsdecode(directory)))
            self._prepare()

    @classmethod
    def _of_environment(cls) -> Registry:
        """Return a registry in the directory HISTORIAN_DIR, or in memory if that is not set.

        The directory is created when the registry is first used.
        """
        registry = cls()
        registry._named = os.environ.get("HISTORIAN_DIR", "")
        if registry._named:
            registry._count_in(os.path.abspath(registry._named))
        return registry

    def _count_in(self, directory: str) -> None:
        self._directory, self._path = directory, os.path.join(directory, FILE_NAME)

    def _compare_environment(self) -> None:
        """Warn, at the first use of the default registry, if HISTORIAN_DIR has been set since it was imported."""
        named, self._named = self._named, None
        if named is not None and not DISABLED:
            compare_environment(named, self._directory)

    @property
    def directory(self) -> str | None:
        """Absolute path of the directory; None for a registry in memory."""
        return self._directory

    def recorder(
        self, name: str, /, *, unit: str = "s", labels: Mapping[str, object] | None = None, **more: object
    ) -> Recorder:
        """Return the recorder with this name and these labels; create it on first use.  O(labels).

        Labels are keyword arguments, or a mapping, which also takes names that Python would not: ``labels={"unit": 1,
        "a label": 2}``.  Label values are converted to strings, as in `Key`.  Raises ValueError for an empty
        name, for name and labels that are not valid Unicode or longer than 2,048 bytes of UTF-8 together, for more than
        64 labels, and if the recorder exists with another unit.  In a directory, raises OSError if there is no space
        for a new recorder; recording never fails for lack of space.  Raises `CorruptFileError` if its file is not
        valid.
        """
        call = (name, unit, *more.items())
        if labels is None:
            try:
                return self._calls[call]
            except (KeyError, TypeError):
                pass
        found = self._find_or_create(key_of(name, labels, more), unit)
        # 1 and True are equal, but not their texts: only strings are looked up by the arguments.
        if labels is None and all(type(value) is str for value in more.values()):
            if len(self._calls) > 4 * len(self._recorders):  # the same labels come in many orders
                self._calls.clear()
            self._calls[call] = found
        return found

    def family(self, name: str, /, *, labels: Iterable[str], unit: str = "s", max_series: int = 2000) -> Family:
        """Return the recorders of this name with these labels: ``family["GET", "/users"]``.  See `Family`.

        The same arguments give the same family.  At most `max_series` label sets get a recorder of their own.  Raises
        ValueError if the family exists with other arguments, and for names that a recorder cannot have.  In a
        directory, raises OSError if there is no space for the recorder of what exceeds the limit: later, nothing fails
        for lack of space.
        """
        made = Family(self, name, labels, unit, max_series)
        found = self._families.setdefault(name, made)
        found._known.update([key for key in list(self._recorders) if key.name == name])
        if (found.label_names, found.unit, found.max_series) != (made.label_names, made.unit, made.max_series):
            raise ValueError(
                f"family {name!r} exists with labels={found.label_names!r}, unit={found.unit!r}, "
                f"max_series={found.max_series}: use the same arguments"
            )
        return found._bind()

    def _reserve(self, key: Key, unit: str) -> Recorder | None:
        """Return a recorder of the directory that is hidden while it holds nothing.  In memory, only check its unit."""
        if self._directory is None or DISABLED:
            found = self._recorders.get(key)
        else:
            found = self._create(key, unit)
            file, place, _ = found._files
            if file is not None and key not in self._recorders:
                hide_recorder(file, place)
        if found is not None:
            check_same_unit(found, unit)
        return found if found is not None and found.path is not None else None

    def _file(self) -> DirectoryFile | None:
        """Return the directory's file, which is created if necessary; None if the registry is in memory."""
        if self._directory is None or DISABLED:
            return None
        found = mapped_file(self._path)
        if found is None or not is_at_path(found):
            self._prepare()
            found = checked(open_file(self._path, True))
        return found

    def _has(self, key: Key) -> bool:
        """Return whether a snapshot would have this key.  This creates nothing."""
        if self._directory is None or DISABLED:
            return key in self._recorders
        file = open_file(self._path, False, self._trust)
        return not isinstance(file, FileNotFoundError) and checked(file).find(encode(key)) >= 0

    def remove(self, key: Key) -> Histogram:
        """Remove a recorder; return the values it held.  Raises KeyError if there is none.

        Its space is used again: in a directory, as soon as no process has the recorder open.  A process has it open
        while it has a `Recorder` object of it, and a registry keeps those that it was asked for.  So let each process
        remove the recorder; a `Family` lets go of it by itself.  After an exception of a signal handler, its values are
        there again.

        A `Recorder` object that is still in use goes on, and loses nothing.  In memory, no registry sees what it counts
        then.  In a directory, all do: a removed recorder that counts is there again, with what it has counted since.
        """
        if not isinstance(key, Key):
            raise TypeError(f"remove() takes a Key, as snapshots have: remove(Key('name', label='value')), not {key!r}")
        return remove(self, key)

    def _forget(self, key: Key) -> None:
        """Forget a recorder that was removed, here or by another process."""
        self._removed += 1
        self._recorders.pop(key, None)
        self._calls.clear()
        if key.name in self._families:
            self._families[key.name]._forget(key)

    def _find_or_create(self, key: Key, unit: str, *, check: bool = True) -> Recorder:
        """Return the recorder; with `check`, raise ValueError if it has another unit."""
        found = self._recorders.get(key)
        if found is None:
            # Several threads may get here at once.  dict.setdefault needs no lock that a fork could leave locked.
            created = self._create(key, unit)
            if check:
                check_same_unit(created, unit)
            if created.unit != unit:
                return created
            found = self._recorders.setdefault(key, created)
            if key.name in self._families:
                self._families[key.name]._known.add(key)
        if check:
            check_same_unit(found, unit)
        return found

    def _find(self, key: Key) -> Recorder | None:
        """Return the recorder if it exists."""
        found = self._recorders.get(key)
        if found is None and self._directory is not None and not DISABLED:
            there = recorder_in_file(Recorder, self._path, key)
            return None if isinstance(there, FileNotFoundError) else checked(there)
        return found

    def _create(self, key: Key, unit: str) -> Recorder:
        self._compare_environment()
        check_key(key)  # in memory, too: what works there must not fail in a directory
        if self._directory is None or DISABLED:
            created = Recorder(str(key), unit=unit)
            created._drains = self._removed << 32  # not those of a recorder of this name that was removed
            return created
        self._prepare()
        return checked(recorder_in_file(Recorder, self._path, key, check_unit(unit)))

    def _prepare(self) -> None:
        if self._directory is None or DISABLED:
            return
        if not self._is_prepared:
            prepare_directory(self._directory, self._trust)
            self._is_prepared = True
            return
        if is_unchanged(self._directory, self._trust):
            return
        folder, was_removed = ensure_directory(self._directory, self._trust)
        checked(folder).close()
        for found in recorders_in(self._path) if was_removed else ():
            follow_path(found)

    def snapshot(self) -> Snapshot:
        """Return the histogram of every recorder, in the order in which the recorders were created.

        In a directory, this includes the recorders of all processes, running or ended.  Warns with a
        `CorruptFileWarning` for each recorder or file that cannot be read.  O(octaves in use, of all recorders and
        processes).  The result can be pickled: a worker process can return it, and the parent's registry can `merge`
        it.  It is a dictionary that can be asked by name and label: see `Snapshot`.
        """
        histograms, problems = self._read()
        warn_of(problems)
        return histograms

    def problems(self) -> dict[str, CorruptFileError]:
        """Return why recorders, or a file, cannot be read, by path and place in the file.  Empty if it is in memory."""
        return self._read()[1]

    def _read(self) -> tuple[Snapshot, dict[str, CorruptFileError]]:
        self._compare_environment()
        if self._directory is None:
            return read_memory(self._recorders, self._identity), {}
        self._prepare()
        return read_directory(self._directory, self._trust)

    def _readings(self) -> tuple[list[Reading], dict[str, CorruptFileError]]:
        """Return what the file holds, in the order of creation, and errors.  This changes and creates nothing."""
        return read_all(self._directory or "", self._trust)

    def merge(self, other: Registry | Mapping[Key, Histogram]) -> None:
        """Add the values of another registry or of its `snapshot`.  `other` does not change.  O(buckets in use).

        A recorder that gets synthetic counts (`Histogram.corrected`) marks its snapshots as synthetic from then on.
        Raises ValueError if a recorder exists with another unit, or cannot have this name and these labels: see
        `recorder`.  Raises OverflowError if a count would be too close to 2**63.  Then nothing has been added to any
        recorder, and none has been created.  After an exception of a signal handler, either all or nothing has been
        added; recorders without values may have been created.
        """
        histograms, problems = other._read() if isinstance(other, Registry) else (dict(other), {})
        warn_of(problems)
        merge(self, histograms)

    def profile(self) -> Profile[Histogram]:
        """Return a table of all recorders that hold values.  It can be printed, and is shown as HTML in a notebook."""
        from ._show.profile import Profile

        histograms, problems = self._read()
        warn_of(problems)
        return Profile(histograms, self._notes())

    def history(
        self,
        every: _Duration = 10.0,
        path: str | os.PathLike[str] | None = None,
        keep: _Duration | None = None,
    ) -> Recording:
        """Write down what is counted in each interval of time, in a thread, until the program ends; see `Recording`.

        Intervals end at whole multiples of `every`, in seconds or as in "10s".  `path` is a file that is appended to;
        without it, intervals of the last hour are kept in memory.  `keep` is how long they are kept: one duration, or,
        for a folder, steps and durations such as "10s:1d,1m:7d,1h:365d".  Then old intervals become longer ones.

        What a drain takes out of a recorder between two looks is not in the history.  Raises BlockingIOError if another
        writer has the file, ValueError for a file that is not one of history, OSError.
        """
        from .recording import Recording

        return Recording(lambda: self._read()[0], every, path, keep)

    def _notes(self) -> list[str]:
        return [note for family in self._families.values() for note in family._notes()]

    def _view(self) -> View:
        from ._show.profile import Profile

        histograms, problems = self._read()
        notes = [*self._notes(), *(f"{problem} (left out)" for problem in problems.values())]
        where = f"in {self._directory}" if self._directory is not None else "in memory"
        title = f"Registry of {counted(len(histograms), 'recorder')} {where}"
        return Profile(histograms, notes)._view()._replace(title=title)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

    def clear(self) -> None:
        """Reset every recorder to empty.  Existing `Recorder` objects stay valid.

        In a directory, this resets the recorders of all processes.  The file stays.  A recorder that is damaged is not
        changed, and a `CorruptFileWarning` reports it.  Raises OSError if the disk is full or read-only, the file may
        not be written, or another process keeps it locked.  Then no recorder has been reset.
        """
        warn_of(self._clear()[2])

    def drain(self) -> Snapshot:
        """Return the histogram of every recorder, and reset all to empty: each record is in the result of one drain.

        In a directory, this includes the records of all processes.  Warns and raises as `clear` does.  O(buckets in
        use).

        After an exception, also one of a signal handler or of a warning, all values are counted again, where they were.
        So they are in the result of the next drain.
        """
        taken: list[_Taken] = []
        try:
            histograms, problems = self._drain(None, taken)
            warn_of(problems)
            return histograms
        except BaseException:
            give_back(taken)
            raise

    def _clear(self, chosen: Collection[Key] | None = None) -> tuple[int, int, dict[str, CorruptFileError]]:
        """Clear; return the number of recorders cleared, the number of values they held, and errors by path.

        With `chosen`, files of other recorders are left alone.
        """
        histograms, problems = self._drain(chosen, [])
        return len(histograms), sum(histogram.count for histogram in histograms.values()), problems

    def _drain(
        self, chosen: Collection[Key] | None, taken: list[_Taken]
    ) -> tuple[Snapshot, dict[str, CorruptFileError]]:
        self._compare_environment()
        if self._directory is None:
            return drain_memory(self._recorders, self._identity, chosen, taken), {}
        self._prepare()
        return drain_directory(self._directory, chosen, self._trust, taken)

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        if self._directory is None:
            raise TypeError(
                "a registry in memory cannot be pickled: use Registry(directory), or return registry.snapshot() and "
                "merge the snapshots"
            )
        return partial(Registry, trust=self._trust), (self._directory,)

    def __repr__(self) -> str:
        where = f" in {self._directory!r}" if self._directory is not None else ""
        return f"<Registry of {counted(len(self._recorders), 'recorder')}{where}>"


#: The registry of `recorder`: in the directory that HISTORIAN_DIR named at import, else in memory.
default_registry: Registry = Registry._of_environment()


def recorder(name: str, /, *, unit: str = "s", labels: Mapping[str, object] | None = None, **more: object) -> Recorder:
    """Return the recorder with this name and these labels in `default_registry`; see `Registry.recorder`.

    >>> recorder("startup").unit
    's'
    """
    return default_registry.recorder(name, unit=unit, labels=labels, **more)
