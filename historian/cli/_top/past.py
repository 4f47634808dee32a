"""`Past`: the intervals of a history, one look after the other; also those that are written meanwhile."""

from __future__ import annotations

import os

from ..._core import attempt
from ..._history.times import time_text
from .._input.histories import chosen, open_history
from .._input.tally import together
from .watch import Change, Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...histogram import Histogram
    from ...history import History
    from .._input.choice import Choice
    from .._input.span import Span

__all__ = ["Past"]


class Past:
    """Looks at the intervals of a history, at first at the newest one.  It changes nothing.

    Raises InputError if it is not a history, or has no intervals in the span.
    """

    def __init__(self, path: str, choice: Choice, span: Span, say: Callable[[str], None]) -> None:
        self._path, self._choice, self._span, self._say = path, choice, span, say
        self._history = self._opened()
        self._place = -1  # of the interval to look at, from the end; -1 is the newest one
        if choice.by or choice.where:
            for key in self._history.keys:
                choice.of_recorder(key)
            choice.check()

    def __len__(self) -> int:
        return len(self._history)

    def look(self) -> Look:
        """Return the interval that is looked at; the newest one follows the file while it grows."""
        if self._place == -1 and _state(self._path) != self._state:
            self._history = self._opened()
        return self._look(len(self._history) + self._place)

    def moved(self, steps: int) -> Look:
        """Look at an earlier or later interval, as far as there is one; return it."""
        self._place = max(-len(self._history), min(-1, self._place + steps))
        return self._look(len(self._history) + self._place)

    def looks(self, most: float) -> Iterator[Look]:
        """Yield the newest intervals, at most so many, in the order of time."""
        count = len(self._history)
        for place in range(int(max(0, count - most)), count):
            yield self._look(place)

    def _opened(self) -> History:
        self._state = _state(self._path)
        return chosen(open_history(self._path, self._say), self._choice, self._span, self._path)

    def _look(self, place: int) -> Look:
        if not 0 <= place < len(self._history):
            return Look(float("nan"), [], {}, "no interval")
        interval = self._history[place]
        found: dict[tuple[str, str], Histogram] = {}
        for key, histogram in interval.histograms.items():
            group = self._choice.of_recorder(key)
            if group is not None:
                name = self._choice.name_of(group)
                before = found.get((name, histogram.unit))
                found[name, histogram.unit] = histogram if before is None else together(before, histogram, name)
        changes = [Change(name, one, one, True) for (name, _), one in found.items()]
        return Look(interval.seconds, changes, {}, time_text(interval.start))


def _state(path: str) -> list[tuple[str, int, int]]:
    """Return the size and the time of a file, or of each file in a folder: they tell whether something was written."""
    paths = [os.path.join(path, name) for name in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
    found = [(one, attempt(os.stat, one)) for one in paths]
    return [(one, stat.st_size, stat.st_mtime_ns) for one, stat in found if isinstance(stat, os.stat_result)]
