"""`Session`: looks at recorders at whole multiples of a step, and has what they counted written down."""

from __future__ import annotations

from .clock import Clock
from .differences import Differences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from .._live.snapshots import Snapshot
    from .._values.key import Key
    from .differences import Change, Total

    class _Log(Protocol):
        """What keeps intervals: a file, a folder, or memory."""

        @property
        def end(self) -> int:
            """End of the last interval that is there, in nanoseconds since 1970-01-01 00:00 UTC; 0 if none is."""

        @property
        def totals(self) -> Mapping[Key, Total] | None:
            """What recorders held at that time; None if it is not known."""

        @property
        def needs_state(self) -> bool:
            """Whether `keep` should be called."""

        def append(self, start: int, end: int, change: Change) -> None: ...
        def keep(self, totals: Mapping[Key, Total], end: int) -> None: ...
        def close(self) -> None: ...
        def leave(self) -> None: ...


__all__ = ["Session"]

#: Seconds after which it is looked again whether a look is due: a clock may have been set.
MAX_WAIT = 60.0


class Session:
    """Looks at recorders, and writes intervals that end at whole multiples of a step since 1970-01-01 00:00 UTC.

    So intervals of several machines, and of several runs, have the same edges.  Only the first interval of a session
    begins, and the last one ends, at other times; and so do those between which the machine's clock was set forward.
    A look that comes late ends its interval at the multiple before it; after a sleep, one interval is long.

    If the log knows what recorders held at its end, what they have counted since is the first interval.
    """

    def __init__(self, read: Callable[[], Snapshot], log: _Log, step: int, clock: Clock | None = None) -> None:
        self._read, self._log, self._step = read, log, step
        self._clock = Clock(at_least=log.end) if clock is None else clock
        self._differences = Differences()
        self._start = self._clock.read().time
        self.strangers: list[Key] = []  # recorders whose earlier counts are not in the log
        snapshot = read()
        if log.totals is None:
            self._differences.begin(snapshot)
        else:
            self.strangers = self._differences.resume(log.totals, snapshot, log.end / 1e9)
            change = self._differences.since(snapshot)
            if change.counted and self._start > log.end:
                if log.needs_state:
                    log.keep(log.totals, log.end)
                log.append(log.end, self._start, change)
                self._differences.accept(change)
            elif not change.counted:  # else no time has passed, and the next interval has it
                self._differences.accept(change)
            self._differences.forget(snapshot)
        log.keep(self._differences.totals, self._start)

    def wait(self) -> float:
        """Return the seconds until the next look is due, at most `MAX_WAIT`; 0 if it is."""
        now = self._clock.read()
        self._jump += now.jump
        return min(MAX_WAIT, max(0, self._due - now.time) / 1e9)

    def look(self, *, final: bool = False) -> bool:
        """Write an interval if one has ended; the `final` one ends now.  Return whether one was written.

        O(buckets of all).  Raises OSError if it cannot be written: the next interval then has what it would have had.
        """
        now = self._clock.read()
        jump = self._jump + now.jump
        if jump:
            end = following = now.time
            end = max(end - jump, self._start + 1)
        else:
            end = following = max(now.time, self._start + 1) if final else now.time - now.time % self._step
        if end <= self._start:
            return False
        snapshot = self._read()
        change = self._differences.since(snapshot)
        if not final or change.counted:
            self._log.append(self._start, end, change)
            self._differences.accept(change)
        self._start, self._jump = following, 0
        if self._log.needs_state and not final:
            self._differences.forget(snapshot)
            self._log.keep(self._differences.totals, end)
        return True

    _jump = 0  # nanoseconds by which the clock was set forward since the start of the interval

    @property
    def _due(self) -> int:
        return self._start - self._start % self._step + self._step
