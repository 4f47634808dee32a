"""`replace`: write a file completely or not at all."""

from __future__ import annotations

import os
import stat

__all__ = ["replace"]


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file in one step: write a temporary file in the same directory, then rename it.

    Other processes see either the old file or the new one.  Symbolic links are followed, and an existing file keeps
    its permissions.  If the path is not a regular file, such as a pipe, the data is written directly to it.  Raises
    OSError; then a regular file has not changed.
    """
    before = os.stat(path) if os.path.exists(path) else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        with open(path, "wb") as stream:  # not its realpath: a pipe behind /dev/stdout has no name
            stream.write(data)
        return
    target = os.path.realpath(os.fsdecode(path))
    # A short random name, because adding to a long name could make it too long for the file system.
    temporary = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.new")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if before is not None:
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
