"""What is in a directory, read again and again by commands that go on until they are stopped."""

from __future__ import annotations

from .._live.directories import read_directory
from ._output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._live.snapshots import Snapshot
    from ..registry import Registry

__all__ = ["Readings"]


class Readings:
    """What is in a directory at the time of a look.  This changes and creates nothing."""

    def __init__(self, registry: Registry, command: str) -> None:
        self.directory = registry.directory
        self._registry, self._command = registry, command
        self._reported: set[str] = set()  # places that cannot be read

    def snapshot(self) -> Snapshot:
        """Return the histograms of all recorders; those that cannot be read are left out, which is said once."""
        snapshot, problems = read_directory(self.directory or "", self._registry._trust)
        for path, problem in problems.items():
            if path not in self._reported:
                self._reported.add(path)
                say(self._command, f"{problem} (left out)")
        return snapshot
