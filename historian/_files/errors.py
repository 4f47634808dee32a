"""What is said about files that cannot be read.

Functions of this room return an error that their callers may expect, such as that there is no file, and raise others.
There is no ``try`` around Python code that expects an OSError or a ValueError: in it, a signal handler may run and
raise, say, TimeoutError, which is an OSError.  See `historian._core.attempt`.
"""

from __future__ import annotations

from .._values.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ["CorruptFileError", "CorruptFileWarning", "checked", "warn_of"]


class CorruptFileError(ValueError):
    """The file of a directory, or a recorder in it, is not valid: `path` names it, `reason` says why.

    For a recorder, `path` ends in its place in the file: ``/dev/shm/shop/recorders[3]``.
    """

    __module__ = "historian"

    path: str
    reason: str

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.reason}")


class CorruptFileWarning(UserWarning):
    """The file of a directory, or a recorder in it, could not be read or cleared, and was left out."""

    __module__ = "historian"


def checked(outcome: _T | OSError | ValueError) -> _T:
    """Return what a function has returned, unless it is an error: raise an equal one.

    A local variable of the caller may hold the error.  It would refer to itself, by its traceback, if it were raised.
    """
    if isinstance(outcome, (OSError, ValueError)):
        more = (outcome.filename,) if isinstance(outcome, OSError) and outcome.filename is not None else ()
        raise type(outcome)(*outcome.args, *more)
    return outcome


def warn_of(problems: Mapping[str, CorruptFileError]) -> None:
    """Warn of what a method has left out.  The warnings point at the caller of that method."""
    if problems:
        from warnings import warn

        for problem in problems.values():
            warn(f"{problem} (left out)", CorruptFileWarning, stacklevel=3)
