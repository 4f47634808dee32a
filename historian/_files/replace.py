"""`replace`: a file's content, all of it or none."""

from __future__ import annotations

import os
import stat

__all__ = ["replace"]


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that is either complete or not there: aside, and then moved into place.

    Others see the old file or the new.  Links are followed, a file that was there keeps its permissions, and what is no
    regular file, such as a pipe, is written to.  Raises OSError; then a regular file is as it was.
    """
    before = os.stat(path) if os.path.exists(path) else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        with open(path, "wb") as stream:  # not where it leads: a pipe behind /dev/stdout has no name
            stream.write(data)
        return
    place = os.path.realpath(os.fsdecode(path))
    aside = os.path.join(os.path.dirname(place), f".{os.urandom(8).hex()}.new")  # short, however long the name is
    try:
        with open(aside, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if before is not None:
            os.chmod(aside, stat.S_IMODE(before.st_mode))
        os.replace(aside, place)
    except BaseException:
        if os.path.exists(aside):
            os.unlink(aside)
        raise
