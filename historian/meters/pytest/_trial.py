"""`Trial`: one measurement of a test, which a baseline may have repeated."""

from __future__ import annotations

from ._measured import Measured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...histogram import Histogram
    from ._baseline import Known
    from ._measured import Block
    from ._options import Options
    from ._reference import Reference

__all__ = ["Trial"]

ATTEMPTS = 3  # measurements that must all be too slow, before a baseline alarms


class Trial:
    """One measurement: of a function, until it is done, or of a block of code.

    With a baseline, a measurement that is too slow is repeated, because a burst of other load may have slowed it down.
    """

    def __init__(
        self, name: str, options: Options, reference: Reference | None = None, known: Known | None = None
    ) -> None:
        """Measure `name`; `reference` is the workload that runs beside it, `known` what a baseline knows of it."""
        self.name: str = name
        self.options: Options = options
        self.reference: Reference | None = reference
        self.known: Known | None = known
        self.block: Block | None = None
        self.attempts: list[Measured] = []
        self.alarms: list[str] = []  # one for each attempt that was too slow

    @property
    def goes_on(self) -> bool:
        """Whether to measure, for the first time or once more."""
        number = len(self.attempts)
        return number == 0 or (number < ATTEMPTS and len(self.alarms) == number)

    def between(self, times: Sequence[int]) -> None:
        """Run the reference workload between two windows of calls, which took these times in ns."""
        if self.reference is not None:
            self.reference.follow(times)

    def after(self, nanoseconds: int) -> None:
        """Run the reference workload after a block of code."""
        self.between((nanoseconds,))

    def add(self, windows: Sequence[Histogram]) -> None:
        """Take a measurement, and compare it with the baseline."""
        measured = Measured(windows, self.name, self.options.confidence)
        self.attempts.append(measured)
        self._check(measured)

    def result(self) -> Measured:
        """Return the first measurement.  Raises AssertionError if each was slower than the baseline allows."""
        __tracebackhide__ = True
        if self.is_alarm:
            raise AssertionError(self.alarm)
        return self.measured

    def finish(self) -> None:
        """Compare a block of code with the baseline, when its test is over.  Raises AssertionError as `result`."""
        __tracebackhide__ = True
        if self.block is None or not self.block.count:
            return
        self._check(self.block)
        if self.alarms:
            raise AssertionError(self.alarm)

    @property
    def measured(self) -> Measured:
        """The measurement that counts for reports and for saving: the first one, so that it is not a selected one."""
        return self.block if self.block is not None else self.attempts[0]

    @property
    def is_alarm(self) -> bool:
        """Whether each attempt was too slow."""
        return bool(self.alarms) and len(self.alarms) == max(1, len(self.attempts))

    @property
    def alarm(self) -> str:
        """The message of an alarm."""
        times = "" if len(self.attempts) < 2 else f"; measured {len(self.attempts)} times, and slower each time"
        return f"{self.alarms[0]}{times}"

    def _check(self, measured: Measured) -> None:
        """Compare with the baseline; the reference starts again for the next attempt."""
        if self.known is None or self.reference is None:
            return
        found = self.known.alarm(measured.histogram, self.reference.histogram, self.options.tolerance)
        if found:
            self.alarms.append(f"{self.name} is slower than its baseline: {found}")
        if self.goes_on:
            self.reference = self.reference.again()
