"""`Batch`: numbers that are read one by one, and counted many at a time, which costs less."""

from __future__ import annotations

from ..._values.key import Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tally import Tally

__all__ = ["Batch"]

#: Numbers in a batch: so many that the cost of a batch is negligible.
SIZE = 1 << 15


class Batch:
    """Numbers by group that wait to be counted.  `flush` must be called at the end."""

    __slots__ = ("_number", "_tally", "_waiting")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._waiting: dict[Key, list[float]] = {}
        self._number = 0  # of numbers that wait

    def add(self, group: Key, value: float) -> None:
        """Let a number wait; count all that wait if they are many."""
        self._waiting.setdefault(group, []).append(value)
        self._number += 1
        if self._number == SIZE:
            self.flush()

    def flush(self) -> None:
        """Count all numbers that wait."""
        for group, values in self._waiting.items():
            self._tally.add(values, group)
        self._waiting.clear()
        self._number = 0
