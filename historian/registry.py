"""`Registry`: recorders by name, shared by all parts of a program and by all processes of a service."""

from __future__ import annotations

import os
import time

from ._files.directory import RegistryWarning, ensure_directory, names_in, open_directory, prepare_directory, warn_user
from ._files.file import CorruptFileError, CorruptFileWarning, drain, open_file, read
from ._files.header import Header, file_name
from ._live.recorder import DISABLED, Recorder, check_room, recorder_in_file, recorders_in
from ._live.snapshots import Snapshot
from ._values.key import Key, check_key, key_of
from ._values.text import counted
from .histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._files.file import Reading
    from ._show.profile import Profile
    from .formats._lines import Source

__all__ = [
    "CorruptFileError",
    "CorruptFileWarning",
    "Key",
    "Registry",
    "RegistryWarning",
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

    In a directory, each recorder is a file mapped into memory.  All processes that ask for the same name and labels
    count in the same file, whether they were forked or started separately.  A recorded value survives even if its
    process is killed immediately afterwards.  Nothing depends on process ids.  The size of a file does not grow with
    the number of processes that have come and gone.

    The directory is created with mode 0700, files with mode 0600.  Raises PermissionError for a directory that other
    users may write to or own, unless `trust` is true.  With ``HISTORIAN_DISABLE=1`` nothing is written.  A registry
    can be used from any thread.  A registry in a directory can be pickled.

    If the directory is removed while in use, it is created again, and a `RegistryWarning` says so once.  Recorders that
    were open count in new files, and their values are kept: snapshots in this process hold them, too.
    """

    __module__ = "historian"

    def __init__(self, directory: str | os.PathLike[str] | None = None, *, trust: bool = False) -> None:
        self._recorders: dict[Key, Recorder] = {}
        self._directory: str | None = None
        self._trust = trust
        self._is_prepared = False
        self._id = (0, "")  # process id, and what identifies the recorders in its memory
        self._named: str | None = None  # HISTORIAN_DIR at import, "" if it was not set; None once it has been compared
        if directory is not None:
            if not os.fspath(directory):
                raise ValueError("directory must not be empty; omit it for a registry in memory")
            self._directory = os.path.abspath(os.fsdecode(directory))
            self._prepare()

    @classmethod
    def _of_environment(cls) -> Registry:
        """Return a registry in the directory HISTORIAN_DIR, or in memory if that is not set.

        The directory is created when the registry is first used.
        """
        registry = cls()
        registry._named = os.environ.get("HISTORIAN_DIR", "")
        if registry._named:
            registry._directory = os.path.abspath(registry._named)
        return registry

    def _compare_environment(self) -> None:
        """Warn, at the first use of the default registry, if HISTORIAN_DIR has been set since it was imported."""
        named, self._named = self._named, None
        now = os.environ.get("HISTORIAN_DIR", "")
        if named is None or not now or now == named or DISABLED:
            return
        where = f"in {self._directory}" if self._directory is not None else "in memory"
        warn_user(
            f"HISTORIAN_DIR was set to {now!r} after historian was imported, and is ignored: the default registry "
            f"counts {where}; set it before the import, or use historian.Registry(directory)"
        )

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
        return self._find_or_create(key_of(name, labels, more), unit)

    def _find_or_create(self, key: Key, unit: str) -> Recorder:
        found = self._recorders.get(key)
        if found is None:
            # Several threads may get here at once.  dict.setdefault needs no lock that a fork could leave locked.
            created = self._create(key, unit)
            _check_unit(created, unit)
            found = self._recorders.setdefault(key, created)
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

    def _create(self, key: Key, unit: str) -> Recorder:
        self._compare_environment()
        check_key(key)  # in memory, too: what works there must not fail in a directory
        if self._directory is None or DISABLED:
            return Recorder(str(key), unit=unit)
        self._prepare()
        return recorder_in_file(os.path.join(self._directory, file_name(key)), Header(key, unit))

    def _prepare(self) -> None:
        if self._directory is None or DISABLED:
            return
        if not self._is_prepared:
            prepare_directory(self._directory, self._trust)
            self._is_prepared = True
            return
        folder, was_removed = ensure_directory(self._directory, self._trust)
        os.close(folder)
        for found in recorders_in(self._directory) if was_removed else ():
            found._follow_path()

    def snapshot(self) -> Snapshot:
        """Return the histogram of every recorder, in the order in which the recorders were created.

        In a directory, this includes the recorders of all processes, running or ended.  Warns with a
        `CorruptFileWarning` for each file that cannot be read.  O(buckets in use), in a directory O(buckets of all
        files).  The result can be pickled: a worker process can return it, and the parent's registry can `merge` it.
        It is a dictionary that can be asked by name and label: see `Snapshot`.
        """
        histograms, problems = self._read()
        _warn(problems)
        return histograms

    def problems(self) -> dict[str, CorruptFileError]:
        """Return the error of each file that cannot be read, by path.  Empty for a registry in memory."""
        return self._read()[1]

    def _read(self) -> tuple[Snapshot, dict[str, CorruptFileError]]:
        self._compare_environment()
        now = time.time()
        if self._directory is None:
            return self._read_private(now), {}
        self._prepare()
        live = recorders_in(self._directory)
        for found in live:
            found._follow_path()
        readings, problems = self._readings()
        readings.sort(key=lambda reading: (reading.header.created, reading.header.key))
        histograms = {
            reading.header.key: Histogram._from_reading(reading.counted, reading.header.unit, reading.synthetic)
            for reading in readings
        }
        files = {reading.header.key: reading.status for reading in readings}
        for found in live:
            header = found._header
            left = found._read_left(files.get(header.key) if header is not None else None)
            if left is not None and header is not None and histograms.get(header.key, left).unit == left.unit:
                histograms[header.key] = histograms[header.key] + left if header.key in histograms else left
        return Snapshot(histograms, sources={one.header.key: (_id_of(one), now) for one in readings}), problems

    def _read_private(self, now: float) -> Snapshot:
        histograms: dict[Key, Histogram] = {}
        sources: dict[Key, Source] = {}
        if self._id[0] != os.getpid():  # a forked process counts on by itself
            self._id = os.getpid(), os.urandom(12).hex()
        for key, found in list(self._recorders.items()):
            drains = -1
            while drains != found._drains:  # if another thread drains, read again
                drains = found._drains
                histograms[key] = found.snapshot()
            sources[key] = f"{self._id[1]}-{drains}", now
        return Snapshot(histograms, sources=sources)

    def _readings(self) -> tuple[list[Reading], dict[str, CorruptFileError]]:
        """Return the contents of all files, sorted by file name, and the errors of invalid files by path.

        This changes nothing, and creates no directory.
        """
        readings, problems = [], {}
        try:
            folder = open_directory(self._directory or "", self._trust)
        except FileNotFoundError:  # removed just now, or never created, since recording is disabled
            return [], {}
        try:
            for name in names_in(folder):
                path = os.path.join(self._directory or "", name)
                try:
                    readings.append(read(path, folder))
                except FileNotFoundError:  # removed since the directory was listed
                    continue
                except CorruptFileError as error:
                    problems[path] = error
        finally:
            os.close(folder)
        return readings, problems

    def merge(self, other: Registry | Mapping[Key, Histogram]) -> None:
        """Add the values of another registry or of its `snapshot`.  `other` does not change.  O(buckets in use).

        A recorder that gets synthetic counts (`Histogram.corrected`) marks its snapshots as synthetic from then on.
        Raises ValueError if a recorder exists with another unit, or cannot have this name and these labels: see
        `recorder`.  Raises OverflowError if a count would be too close to 2**63.  Then nothing has been added to any
        recorder, and none has been created.
        """
        histograms, problems = other._read() if isinstance(other, Registry) else (dict(other), {})
        _warn(problems)
        for key, histogram in histograms.items():
            if not isinstance(key, Key) or not isinstance(histogram, Histogram):
                raise TypeError(f"merge() takes a Registry or its snapshot, not a mapping with {key!r}: {histogram!r}")
            check_key(key)
            found = self._find(key)
            if found is None:
                check_room(str(key), 0, histogram.count)
            else:
                _check_unit(found, histogram.unit)
                found._take_room(histogram.count)
        into = {key: self._find_or_create(key, histogram.unit) for key, histogram in histograms.items()}
        for key, histogram in histograms.items():
            if histogram.synthetic:
                into[key]._mark_synthetic()
            into[key]._add(histogram._counts, histogram._sum, histogram.min, histogram.max, histogram._bounds)

    def profile(self) -> Profile[Histogram]:
        """Return a table of all recorders that hold values.  It can be printed, and is shown as HTML in a notebook."""
        from ._show.profile import Profile

        histograms, problems = self._read()
        _warn(problems)
        return Profile(histograms)

    def clear(self) -> None:
        """Reset every recorder to empty.  Existing `Recorder` objects stay valid.

        In a directory, this resets the recorders of all processes.  The files stay.  A file that cannot be read, or
        cannot be cleared because the disk is full, is not changed, and a `CorruptFileWarning` reports it.
        """
        _warn(self._clear()[2])

    def _clear(self) -> tuple[int, int, dict[str, CorruptFileError]]:
        """Clear; return the number of recorders cleared, the number of values they held, and errors by path."""
        self._compare_environment()
        if self._directory is None:
            held = [found.drain().count for found in list(self._recorders.values())]
            return len(held), sum(held), {}
        self._prepare()
        held, problems = [], {}
        for path in self._paths():
            try:
                held.append(drain(open_file(path, self._trust)[0])[0].total)
            except FileNotFoundError:  # removed since the directory was listed
                continue
            except CorruptFileError as error:
                problems[path] = error
            except OSError as error:  # no space for the blocks that a drain needs
                problems[path] = CorruptFileError(path, f"it cannot be cleared: {error.strerror}")
        values = sum(held)
        for found in recorders_in(self._directory):  # last: a file may be removed at any moment
            found._follow_path()
            values += found._drain_left()
        return len(held), values, problems

    def _paths(self) -> list[str]:
        """Return the paths of all files, sorted."""
        directory = self._directory or ""
        try:
            folder = open_directory(directory, self._trust)
        except FileNotFoundError:
            return []
        try:
            return [os.path.join(directory, name) for name in names_in(folder)]
        finally:
            os.close(folder)

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


def _check_unit(found: Recorder, unit: str) -> None:
    if found.unit != unit:
        from ._show.names import cut

        name = cut(found.name, 200)
        raise ValueError(f"recorder {name} exists with unit {found.unit!r}, not {unit!r}: use one unit")


def _id_of(reading: Reading) -> str:
    """Return the id of a recorder in a file, between two drains: the same in every process of a machine."""
    return f"{_machine()}-{reading.header.created:x}-{reading.drains}"


def _machine() -> str:
    """Return what identifies this machine until it is started again: the files are in memory, as a rule."""
    global _machine_id
    if not _machine_id:
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                _machine_id = file.read(36).replace("-", "")[:24]
        except OSError:  # not Linux
            from zlib import crc32

            _machine_id = f"{crc32(os.uname().nodename.encode()):08x}"
    return _machine_id


_machine_id = ""


def _warn(problems: Mapping[str, CorruptFileError]) -> None:
    if problems:
        from warnings import warn

        for problem in problems.values():
            warn(f"{problem} (left out)", CorruptFileWarning, stacklevel=3)


#: The registry of `recorder`: in the directory that HISTORIAN_DIR named at import, else in memory.
default_registry: Registry = Registry._of_environment()


def recorder(name: str, /, *, unit: str = "s", labels: Mapping[str, object] | None = None, **more: object) -> Recorder:
    """Return the recorder with this name and these labels in `default_registry`; see `Registry.recorder`.

    >>> recorder("startup").unit
    's'
    """
    return default_registry.recorder(name, unit=unit, labels=labels, **more)
