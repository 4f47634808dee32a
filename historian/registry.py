"""`Registry`: recorders by name, so that all parts of a program, and all processes of a service, find the same one."""

from __future__ import annotations

import os

from ._files.directory import files_in, prepare_directory
from ._files.file import CorruptFileError, CorruptFileWarning, drain, open_file, read
from ._files.header import Header, file_name
from ._live.recorder import DISABLED, Recorder, recorder_in_file
from ._values.key import Key
from .histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._files.file import Reading
    from ._show.profile import Profile

__all__ = ["CorruptFileError", "CorruptFileWarning", "Key", "Registry", "default_registry", "recorder"]


class Registry:
    """Recorders by name and labels: in this process' memory, or in a directory, where many processes share them.

    >>> registry = Registry()
    >>> registry.recorder("db.query", table="users").record(0.003)
    >>> registry.recorder("db.query", table="users") is registry.recorder("db.query", table="users")
    True
    >>> {str(key): h.count for key, h in registry.snapshot().items()}
    {'db.query{table=users}': 1}

    In a directory each recorder is a file mapped into memory.  Processes that ask for the same name and labels count
    together, whether they were forked or started by themselves; what one has recorded is safe even if it is killed in
    the next moment.  Nothing depends on process ids, and nothing grows with the number of processes that have been.

    The directory is made with mode 0700 and files with 0600.  Raises PermissionError for a directory that others may
    write to, unless `trust`.  With ``HISTORIAN_DISABLE=1`` nothing is written.  Safe from any thread; a registry in a
    directory pickles.
    """

    __module__ = "historian"

    def __init__(self, directory: str | os.PathLike[str] | None = None, *, trust: bool = False) -> None:
        self._recorders: dict[Key, Recorder] = {}
        self._directory: str | None = None
        self._trust = trust
        self._is_prepared = False
        if directory is not None:
            if not os.fspath(directory):
                raise ValueError("directory must not be empty: leave it out for a registry in memory")
            self._directory = os.path.abspath(os.fsdecode(directory))
            self._prepare()

    @classmethod
    def _of_environment(cls) -> Registry:
        """Return the registry that the environment asks for.  Its directory is made when it is first used."""
        registry = cls()
        if os.environ.get("HISTORIAN_DIR"):
            registry._directory = os.path.abspath(os.environ["HISTORIAN_DIR"])
        return registry

    @property
    def directory(self) -> str | None:
        """Absolute path of the directory; None in memory."""
        return self._directory

    def recorder(self, name: str, *, unit: str = "s", **labels: object) -> Recorder:
        """Return the recorder of that name and those labels, made on first use.  O(labels).

        Label values are taken as strings; ``name`` and ``unit`` cannot be labels.  Raises ValueError for an empty name
        and if the recorder exists with another unit; in a directory, OSError if there is no space for a new one (and
        never later), and `CorruptFileError` if something else is in the place of its file.
        """
        key = Key(name, **labels)
        if not name:
            raise ValueError("a recorder in a registry needs a name")
        found = self._recorders.get(key)
        if found is None:
            # Threads may get here together, and a child forked from among them: dict.setdefault needs no lock.
            made = self._make(key, unit)
            _check_unit(made, unit)
            found = self._recorders.setdefault(key, made)
        _check_unit(found, unit)
        return found

    def _find(self, key: Key) -> Recorder | None:
        """Return the recorder if it exists."""
        found = self._recorders.get(key)
        if found is None and self._directory is not None and not DISABLED:
            try:
                found = recorder_in_file(os.path.join(self._directory, file_name(key)))
            except FileNotFoundError:
                return None
        return found

    def _make(self, key: Key, unit: str) -> Recorder:
        if self._directory is None or DISABLED:
            return Recorder(str(key), unit=unit)
        self._prepare()
        return recorder_in_file(os.path.join(self._directory, file_name(key)), Header(key, unit))

    def _prepare(self) -> None:
        if not self._is_prepared and self._directory is not None and not DISABLED:
            prepare_directory(self._directory, self._trust)
            self._is_prepared = True

    def snapshot(self) -> dict[Key, Histogram]:
        """Return the histogram of every recorder, in the order in which they were made.

        In a directory: of every recorder of any process, dead or alive.  Each file that cannot be read is reported with
        a `CorruptFileWarning`.  O(buckets in use), in a directory O(buckets of all files).  The result pickles: a
        worker process returns it, and the parent's registry can `merge` it.
        """
        histograms, problems = self._read()
        _warn(problems)
        return histograms

    def problems(self) -> dict[str, CorruptFileError]:
        """Return why files of the directory cannot be read, by path; empty if all is well, and in memory."""
        return self._read()[1]

    def _read(self) -> tuple[dict[Key, Histogram], dict[str, CorruptFileError]]:
        if self._directory is None:
            return {key: found.snapshot() for key, found in list(self._recorders.items())}, {}
        readings, problems = self._readings()
        readings.sort(key=lambda reading: (reading.header.created, reading.header.key))
        return {one.header.key: Histogram._from_reading(one.counted, one.header.unit) for one in readings}, problems

    def _readings(self) -> tuple[list[Reading], dict[str, CorruptFileError]]:
        """Return all files of the directory as they are now, by name, and by path why others cannot be read."""
        self._prepare()
        readings, problems = [], {}
        for path in files_in(self._directory or ""):
            try:
                readings.append(read(path))
            except FileNotFoundError:  # removed since the directory was listed
                continue
            except CorruptFileError as error:
                problems[path] = error
        return readings, problems

    def merge(self, other: Registry | Mapping[Key, Histogram]) -> None:
        """Add what another registry, or its `snapshot`, holds.  `other` does not change.  O(buckets in use).

        Raises ValueError if a recorder exists with another unit, and for synthetic counts (`Histogram.corrected`); then
        nothing has been added.
        """
        histograms = other.snapshot() if isinstance(other, Registry) else dict(other)
        for key, histogram in histograms.items():
            if not isinstance(key, Key) or not isinstance(histogram, Histogram):
                raise TypeError(f"merge() takes a Registry or its snapshot, not a mapping with {key!r}: {histogram!r}")
            if histogram.synthetic:
                raise ValueError(f"{key!r} is synthetic, but recorders hold what was measured: see historian.merge")
            found = self._find(key)
            if found is not None:
                _check_unit(found, histogram.unit)
        into = {key: self.recorder(key.name, unit=h.unit, **dict(key.labels)) for key, h in histograms.items()}
        for key, histogram in histograms.items():
            into[key]._add(histogram._counts, histogram.sum, histogram.min, histogram.max)

    def profile(self) -> Profile:
        """Return a table of all recorders that hold anything; it prints, and shows as HTML in a notebook."""
        from ._show.profile import Profile

        return Profile({str(key): histogram for key, histogram in self.snapshot().items()})

    def clear(self) -> None:
        """Set every recorder back to empty.  Whoever holds one goes on recording into it.

        In a directory: the recorders of all processes.  Their files stay.  A file that cannot be read, or that a full
        disk has no room to clear, stays as it is, and is reported with a `CorruptFileWarning`.
        """
        _warn(self._clear()[2])

    def _clear(self) -> tuple[int, int, dict[str, CorruptFileError]]:
        """Clear; return how many recorders that was, how many values they held, and why others could not be."""
        if self._directory is None:
            held = [found.drain().count for found in list(self._recorders.values())]
            return len(held), sum(held), {}
        self._prepare()
        held, problems = [], {}
        for path in files_in(self._directory):
            try:
                held.append(drain(open_file(path)[0])[0].total)
            except FileNotFoundError:  # removed since the directory was listed
                continue
            except CorruptFileError as error:
                problems[path] = error
            except OSError as error:  # no room for keeping the books of this one
                problems[path] = CorruptFileError(path, f"it cannot be cleared: {error.strerror}")
        return len(held), sum(held), problems

    def __reduce__(self) -> tuple[Any, ...]:
        from functools import partial

        if self._directory is None:
            raise TypeError(
                "this registry counts in its process' memory and cannot be pickled: make it a Registry(directory), or "
                "return registry.snapshot() and merge the snapshots"
            )
        return partial(Registry, trust=self._trust), (self._directory,)

    def __repr__(self) -> str:
        where = f" in {self._directory!r}" if self._directory is not None else ""
        return f"<Registry of {len(self._recorders)} recorders{where}>"


def _check_unit(found: Recorder, unit: str) -> None:
    if found.unit != unit:
        raise ValueError(f"recorder {found.name!r} exists with unit {found.unit!r}, not {unit!r}")


def _warn(problems: Mapping[str, CorruptFileError]) -> None:
    if problems:
        from warnings import warn

        for problem in problems.values():
            warn(f"{problem} (left out)", CorruptFileWarning, stacklevel=3)


#: Where `recorder` keeps its recorders: the directory that HISTORIAN_DIR named at import, or else memory.
default_registry: Registry = Registry._of_environment()


def recorder(name: str, *, unit: str = "s", **labels: object) -> Recorder:
    """Return the recorder of that name and those labels of `default_registry`: see `Registry.recorder`.

    >>> recorder("startup").unit
    's'
    """
    return default_registry.recorder(name, unit=unit, **labels)
