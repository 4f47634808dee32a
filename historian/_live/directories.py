"""A directory as this process sees it: what its files hold, and what recorders hold whose files were removed.

Nobody else finds a removed file, but this process still has it mapped (see `moved`).  Its values belong to the result.
"""

from __future__ import annotations

import os
import time

from .._files.directory import names_in, open_directory
from .._files.file import CorruptFileError, drain, open_fd, open_file, read
from .._files.header import beginning
from ..histogram import Histogram
from .recorder import recorders_in
from .snapshots import Snapshot, id_of_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .._files.file import Reading
    from .._files.header import Header
    from .._values.key import Key

__all__ = ["drain_directory", "keys_in", "read_directory", "readings_in"]


def read_directory(directory: str, trust: bool) -> tuple[Snapshot, dict[str, CorruptFileError]]:
    """Return the histograms of all recorders, in the order of their creation, and errors by path.

    O(buckets of all files).  Raises PermissionError for a directory that is not trusted.
    """
    now, live = time.time(), recorders_in(directory)
    for found in live:
        found._follow_path()
    readings, problems = readings_in(directory, trust)
    readings.sort(key=lambda reading: (reading.header.created, reading.header.key))
    histograms, sources, files = {}, {}, {}
    for one in readings:
        key = one.header.key
        histograms[key] = Histogram._from_reading(one.counted, one.header.unit, one.synthetic)
        sources[key] = id_of_file(one.header.created, one.drains), now
        files[key] = one.status
    for found in live:
        header = found._header
        left = found._read_left(files.get(header.key) if header is not None else None)
        _add_left(histograms, header, left)
    return Snapshot(histograms, sources=sources), problems


def drain_directory(
    directory: str, chosen: Collection[Key] | None, trust: bool
) -> tuple[Snapshot, dict[str, CorruptFileError]]:
    """Drain all recorders, or those chosen; return what they held, in the order of their creation, and errors by path.

    O(buckets of all files).  Raises PermissionError for a directory that is not trusted.
    """
    drained: list[tuple[Header, Histogram]] = []
    problems = {}
    for path in _paths(directory, trust):
        try:
            file, header = open_file(path, trust)
            if chosen is not None and header.key not in chosen:
                continue
            drained.append((header, Histogram._from_reading(drain(file), header.unit, file.is_synthetic())))
        except FileNotFoundError:  # removed since the directory was listed
            continue
        except CorruptFileError as error:
            problems[path] = _alone(error)
        except OSError as error:  # no space for the blocks that a drain needs
            problems[path] = CorruptFileError(path, f"it cannot be cleared: {error.strerror}")
    drained.sort(key=lambda one: (one[0].created, one[0].key))
    histograms = {header.key: histogram for header, histogram in drained}
    for found in recorders_in(directory):  # last: a file may be removed at any moment
        if chosen is not None and (found._header is None or found._header.key not in chosen):
            continue
        found._follow_path()
        left = found._drain_left()
        _add_left(histograms, found._header, left)
    return Snapshot(histograms), problems


def keys_in(directory: str, name: str, trust: bool) -> Iterator[Key]:
    """Yield the keys of all recorders of this name.  Files that cannot be read are left out.  O(files)."""
    folder = open_directory(directory, trust)
    try:
        for one in names_in(folder):
            if one.startswith(beginning(name)):
                try:
                    fd, header = open_fd(os.path.join(directory, one), os.O_RDONLY, folder)
                except (OSError, CorruptFileError):
                    continue
                os.close(fd)
                if header.key.name == name:
                    yield header.key
    finally:
        os.close(folder)


def _add_left(histograms: dict[Key, Histogram], header: Header | None, left: Histogram | None) -> None:
    """Add what a recorder holds in removed files, unless there is a new file with another unit."""
    if header is None or left is None:
        return
    found = histograms.get(header.key)
    if found is None or found.unit == left.unit:
        histograms[header.key] = left if found is None else found + left


def readings_in(directory: str, trust: bool) -> tuple[list[Reading], dict[str, CorruptFileError]]:
    """Return the contents of all files, sorted by file name, and the errors of invalid files by path.

    This changes nothing, and creates no directory.
    """
    readings, problems = [], {}
    try:
        folder = open_directory(directory, trust)
    except FileNotFoundError:  # removed just now, or never created, since recording is disabled
        return [], {}
    try:
        for name in names_in(folder):
            path = os.path.join(directory, name)
            try:
                readings.append(read(path, folder))
            except FileNotFoundError:  # removed since the directory was listed
                continue
            except CorruptFileError as error:
                problems[path] = _alone(error)
    finally:
        os.close(folder)
    return readings, problems


def _paths(directory: str, trust: bool) -> list[str]:
    """Return the paths of all files, sorted."""
    try:
        folder = open_directory(directory, trust)
    except FileNotFoundError:
        return []
    try:
        return [os.path.join(directory, name) for name in names_in(folder)]
    finally:
        os.close(folder)


def _alone(error: CorruptFileError) -> CorruptFileError:
    """Return the error without its traceback, which would keep the file mapped."""
    return CorruptFileError(error.path, error.reason)
