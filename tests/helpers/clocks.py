"""A machine whose clocks tests set, and what recorders and files of history need to run under them."""

from __future__ import annotations

from historian import Registry
from historian._history.clock import Clock
from historian._history.reading import FileSource, open_source
from historian._history.session import Session

SECOND = 10**9
#: 2026-01-01T00:00Z, in nanoseconds since 1970: a whole number of days, so of hours, minutes and steps of 10 s.
MIDNIGHT = 1_767_225_600 * SECOND


class Machine:
    """Two clocks: the one that people set, and the one that they do not."""

    def __init__(self, wall: int = MIDNIGHT) -> None:
        self.wall, self.monotonic = wall, 0

    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.wall += round(seconds * SECOND)
        self.monotonic += round(seconds * SECOND)

    def set_clock(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.wall += round(seconds * SECOND)

    def clock(self, at_least: int = 0) -> Clock:
        return Clock(at_least, wall=lambda: self.wall, monotonic=lambda: self.monotonic)


class Service:
    """A registry, and a session that writes its history under the clocks of a machine."""

    def __init__(self, registry: Registry, log, machine: Machine, step: int = 10 * SECOND) -> None:
        self.registry, self.log, self.machine, self.step = registry, log, machine, step
        self.session = Session(registry.snapshot, log, step, machine.clock(log.end))

    def run(self, seconds: float, value: float = 0.5, name: str = "q", late: float = 0.003) -> None:
        """Count a value each second; look when a look is due, and a little late."""
        for _ in range(round(seconds)):
            self.registry.recorder(name).record(value)
            self.machine.pass_time(1.0)
            if not self.session.wait():
                self.machine.pass_time(late)
                self.session.look()

    def stop(self) -> None:
        self.session.look(final=True)
        self.log.close()


def counts(source: FileSource | str) -> int:
    """Return how many values are in a history."""
    source = open_source(source) if isinstance(source, str) else source
    return sum(h.count for i in range(len(source.starts)) for h in source.load(i).values())


def seconds(source: FileSource) -> list[tuple[float, float]]:
    """Return the edges of all intervals, in seconds since midnight."""
    return [((a - MIDNIGHT) / SECOND, (b - MIDNIGHT) / SECOND) for a, b in zip(source.starts, source.ends)]
