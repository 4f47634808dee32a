"""The files of a folder of history: their names, and the order in which they were made."""

from __future__ import annotations

import os

__all__ = ["LOCK", "SUFFIX", "TEMPORARY", "fault_of_folder", "number_of", "path_of", "segments_in", "sync_folder"]

#: The end of the names of the files in a folder.
SUFFIX = ".history"
#: The end of the names of files that are not complete yet.
TEMPORARY = ".new"
#: The name of the file that a writer locks.
LOCK = "lock"


def segments_in(folder: str) -> list[str]:
    """Return the paths of the files in a folder, in the order of their creation.  Raises OSError."""
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(SUFFIX)]


def fault_of_folder(folder: str) -> str | None:
    """Return why a folder is not one of history; None if it is, or empty.  Raises OSError."""
    names = os.listdir(folder)
    return None if not names or LOCK in names else "it is not a folder of history"


def path_of(folder: str, number: int) -> str:
    """Return the path of a file.

    >>> os.path.basename(path_of("shop", 12))
    '0000000012.history'
    """
    return os.path.join(folder, f"{number:010d}{SUFFIX}")


def number_of(path: str) -> int:
    """Return the number of a file; 0 if somebody else has named it."""
    name = os.path.basename(path).removesuffix(SUFFIX)
    return int(name[:18]) if name.isascii() and name.isdigit() else 0


def sync_folder(path: str) -> None:
    """Have the names of new files on the disk.  Raises OSError."""
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
