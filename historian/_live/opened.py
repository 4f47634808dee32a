"""Recorders of directories that this process has open: one object for each path and key, while that object exists."""

from __future__ import annotations

import errno

from .._files.directory import ATTEMPTS
from .._files.file import add_recorder, header_of, mapped_file, open_file, read_counters
from .._files.header import encode
from .._values.own import is_own
from .moved import follow_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar
    from weakref import WeakValueDictionary

    from .._core import DirectoryFile
    from .._values.key import Key
    from .moved import _Recorder

    _R = TypeVar("_R", bound=_Recorder)

__all__ = ["recorder_in_file", "recorders_in"]

_in_files: WeakValueDictionary[tuple[str, Key], Any] | None = None  # by path and key, with weak references


def recorder_in_file(kind: type[_R], path: str, key: Key, unit: str | None = None) -> _R | OSError | ValueError:
    """Return the recorder with that key in the file at `path`.  If `unit` is given, create what is missing.

    `kind` is `Recorder`.  In one process, the same path and key give the same object while that object exists.  Or
    return the error: a FileNotFoundError if there is no such recorder, and what `open_file` and `add_recorder` return.
    """
    global _in_files
    if _in_files is None:
        from weakref import WeakValueDictionary

        _in_files = WeakValueDictionary()
    found: _R | None = _in_files.get((path, key))
    if found is not None and follow_path(found):
        return _come_back(found, unit is not None)
    made = _open_recorder(kind, path, key, unit)
    if isinstance(made, Exception):
        return made
    if found is not None and found._unit == made._unit and found._header is not None:
        follow_path(found)  # it was removed just now; if it is again, `found` follows later, and keeps its values
        return found
    if found is None:
        made = _in_files.setdefault((path, key), made)
    else:  # of another unit
        _in_files[path, key] = made
    return made


def _come_back(found: _R, create: bool) -> _R | OSError | ValueError:
    """Return a recorder, or an error.  If it was removed and holds nothing, let others see it with `create`."""
    file, place, _ = found._files
    if file is not None and found._header is not None and file.is_removed(place):
        outcome = add_recorder(file, found._header.key, found._unit) if create else read_counters(file, place)
        if isinstance(outcome, Exception):
            return outcome
        if isinstance(outcome, tuple) and not outcome[0].total:
            return FileNotFoundError(errno.ENOENT, f"recorder {found.name!r} was removed", file.path)
    return found


def _open_recorder(kind: type[_R], path: str, key: Key, unit: str | None) -> _R | OSError | ValueError:
    for _ in range(ATTEMPTS):
        file = _file_with(path, key, unit)
        if isinstance(file, Exception):
            return file
        header = header_of(*file, key)
        if isinstance(header, Exception):
            made: _R | OSError | ValueError = header
        else:
            try:
                made = kind._of(None, header.unit, *file, header)
            except FileNotFoundError as error:
                if not is_own(error):
                    raise
                made = error.with_traceback(None)
        if unit is None or not isinstance(made, FileNotFoundError):
            return made
    return FileNotFoundError(errno.ENOENT, f"recorder {str(key)!r} is removed each time it is created", path)


def _file_with(path: str, key: Key, unit: str | None) -> tuple[DirectoryFile, int] | OSError | ValueError:
    """Return the file, and the place of the recorder in it; add it if `unit` is given."""
    mapped = mapped_file(path) if unit is not None else None
    for _ in range(ATTEMPTS):
        file = mapped if mapped is not None else open_file(path, unit is not None)
        if isinstance(file, Exception):
            return file
        place = add_recorder(file, key, unit) if unit is not None else file.find(encode(key))
        if isinstance(place, int) and place < 0:
            return FileNotFoundError(errno.ENOENT, f"there is no recorder {str(key)!r} in the file", path)
        if isinstance(place, int):
            return file, place
        if not isinstance(place, FileNotFoundError):
            return place
        mapped = None  # it has been removed or replaced since it was opened
    return FileNotFoundError(errno.ENOENT, "it is removed each time it is created", path)


def recorders_in(path: str) -> list[_Recorder]:
    """Return the recorders of this process that count in the file at `path`, or in one that was there."""
    if _in_files is None:
        return []
    # `items` would fail if another thread adds a recorder meanwhile; the list of references is made at once.
    found = [reference() for reference in _in_files.valuerefs() if reference.key[0] == path]
    return [one for one in found if one is not None]
