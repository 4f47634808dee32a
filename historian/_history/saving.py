"""`save`: write the intervals of a history to a new file."""

from __future__ import annotations

import errno
import os

from .._core import attempt
from .segments import TEMPORARY, sync_folder
from .times import time_text
from .writing import FileLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .intervals import Source

__all__ = ["save"]


def save(source: Source, path: str | os.PathLike[str]) -> None:
    """Write all intervals to a file that does not exist yet; it appears when it is complete.

    O(bytes).  Raises FileExistsError, OSError, ValueError for times before 1970; then nothing has changed.
    """
    if len(source.starts) and source.starts[0] < 0:
        raise ValueError(f"a file holds times from 1970 on, not {time_text(source.starts[0])}")
    path = os.path.abspath(os.fsdecode(os.fspath(path)))
    temporary = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}{TEMPORARY}")
    lengths = {end - start for start, end in zip(source.starts, source.ends)}
    try:
        log = FileLog(temporary, step=lengths.pop() if len(lengths) == 1 else 0, sync=False)
    except OSError as error:
        error.filename = path  # the one that the caller knows
        raise
    try:
        for i, (start, end) in enumerate(zip(source.starts, source.ends)):
            log.copy(start, end, {key: histogram.to_bytes() for key, histogram in source.load(i).items()})
        log.flush()
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "it exists already: remove it, or take another name", path)
        os.rename(temporary, path)
    except BaseException:
        attempt(os.unlink, temporary)
        raise
    finally:
        log.close()
    sync_folder(os.path.dirname(path))
