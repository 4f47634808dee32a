"""What is said about files that cannot be read."""

from __future__ import annotations

from .._values.text import printable

__all__ = ["CorruptFileError", "CorruptFileWarning"]


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
