"""`open_log`: the file, the folder or the memory that a recording writes to."""

from __future__ import annotations

import os

from .folders import FolderLog
from .memory import MemoryLog
from .retention import parse_tiers
from .times import NS, duration_ns
from .writing import FileLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .times import _Duration

__all__ = ["KEPT", "MIN_STEP", "open_log", "step_of"]

#: Nanoseconds for which intervals are kept in memory, unless told otherwise.
KEPT = 3600 * NS
#: Shorter steps would mostly measure when the thread is woken.
MIN_STEP = 1_000_000  # nanoseconds


def step_of(every: _Duration) -> int:
    """Return the length of an interval in nanoseconds.  Raises TypeError, ValueError if it is below a millisecond."""
    step = duration_ns(every, "every")
    if step < MIN_STEP:
        raise ValueError(f"every must be at least 1 ms, not {every!r}")
    return step


def open_log(path: str | os.PathLike[str] | None, step: int, keep: _Duration | None) -> FileLog | FolderLog | MemoryLog:
    """Return what keeps intervals: memory without a path, a file without `keep`, else a folder.

    Raises BlockingIOError if another writer has it, ValueError for a file that is not one of history, OSError.
    """
    if path is None:
        if keep is None:
            return MemoryLog(max(KEPT, step))
        tiers = parse_tiers(keep, step)
        if len(tiers) > 1:
            raise ValueError(f"keep must be one duration without a path, such as '1h', not {keep!r}: pass path=")
        return MemoryLog(tiers[0].keep)
    path = os.path.abspath(os.fsdecode(os.fspath(path)))
    if keep is None:
        if os.path.isdir(path):
            raise ValueError(f"{path} is a folder: pass keep, '10s:1d,1m:7d' for example, or the path of a file")
        return FileLog(path, step=step)
    tiers = parse_tiers(keep, step)
    if os.path.exists(path) and not os.path.isdir(path):
        raise ValueError(f"{path} is a file, and keep needs a folder: pass another path, or omit keep")
    return FolderLog(path, tiers)
