"""Files of the layout before version 0.1, one for each recorder: they are refused, and a sentence says what to do."""

from __future__ import annotations

import os

from .._core import FILE_MAGIC, Descriptor, attempt, open_file_at
from .errors import CorruptFileError
from .locking import FLAGS

__all__ = ["SUFFIX", "former_file"]

#: The ending of their names.
SUFFIX = ".counters"
_REASON = (
    "it was written by a historian before version 0.1, which had a file for each recorder: read it with that version, "
    "then remove it, or use another directory"
)


def former_file(directory: str, folder: Descriptor) -> CorruptFileError | None:
    """Return why an open directory is refused: an error that names the first such file.  None if there is none.

    A file with that ending that does not begin as files of recorders do is left alone.  O(names in the directory).
    """
    names = attempt(os.listdir, int(folder))
    for name in () if isinstance(names, Exception) else sorted(names):
        if name.endswith(SUFFIX) and _begins_as_ours(name, folder):
            return CorruptFileError(os.path.join(directory, name), _REASON)
    return None


def _begins_as_ours(name: str, folder: Descriptor) -> bool:
    fd = open_file_at(name, os.O_RDONLY | FLAGS, dir_fd=folder)
    if not isinstance(fd, Descriptor):
        return False
    with fd:
        return attempt(os.pread, int(fd), len(FILE_MAGIC), 0) == FILE_MAGIC
