"""`Watch`: what one test measures, for the report of a failure, the table at the end, and baselines."""

from __future__ import annotations

import base64

from ..._values.key import Key
from ._picture import picture
from ._trial import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._baseline import Baseline, Known
    from ._compared import Compared
    from ._options import Options

__all__ = ["Watch"]


class Watch:
    """The measurements of one test, in their order."""

    def __init__(self, test: str, baseline: Baseline | None = None, *, refers: bool = False) -> None:
        """Watch the test with this node id.  With `refers`, a reference workload runs beside each measurement."""
        self._test, self._baseline, self._refers = test, baseline, refers
        self._trials: dict[Key, Trial] = {}
        self._pairs: list[Compared] = []

    def trial(self, name: str, options: Options) -> Trial:
        """Return the next measurement of the test, with a key that is the same in each run."""
        key, number = Key(self._test, measure=name), 1
        while key in self._trials:
            number += 1
            key = Key(self._test, measure=f"{name} #{number}")
        known: Known | None = self._baseline.known(key) if self._baseline is not None else None
        reference = None
        if self._refers:
            from ._reference import Reference

            reference = Reference(known.loops if known is not None else 0)
        found = self._trials[key] = Trial(name, options, reference, known)
        return found

    def add_pair(self, compared: Compared) -> None:
        """Keep a comparison, for the report of a failure."""
        self._pairs.append(compared)

    def finish(self) -> None:
        """Compare blocks of code with the baseline, when the test is over.  Raises AssertionError."""
        __tracebackhide__ = True
        for trial in self._trials.values():
            trial.finish()

    def found(self) -> list[dict[str, Any]]:
        """Return the measurements as what JSON can hold: for the process that collects those of all workers."""
        return [
            {
                "test": key.name,
                "measure": dict(key.labels)["measure"],
                "histogram": _text(trial.measured.histogram.to_bytes()),
                "reference": _text(trial.reference.histogram.to_bytes()) if trial.reference is not None else "",
                "loops": trial.reference.loops if trial.reference is not None else 0,
                "compared": trial.known is not None and trial.known.is_compared,
                "unknown": [] if trial.known is None else trial.known.unknown,
            }
            for key, trial in self._trials.items()
            if trial.block is not None or trial.attempts
        ]

    def pictures(self) -> str:
        """Return the pictures of all measurements, for the report of a test that failed; "" without any."""
        return "\n\n".join([*map(_of_trial, filter(_is_measured, self._trials.values())), *map(_of_pair, self._pairs)])


def _is_measured(trial: Trial) -> bool:
    return bool(trial.attempts) or (trial.block is not None and trial.block.count > 0)


def _of_trial(trial: Trial) -> str:
    measured = trial.measured
    shown = {trial.name: measured.histogram}
    if trial.known is not None and trial.known.is_compared:
        shown = {"baseline": trial.known.histogram, trial.name: measured.histogram}
    lines = [str(one.estimate) for one in (measured.p50, measured.p99)]
    facts = f"{trial.name}: {measured.count:,} calls, p50 {lines[0]}, p99 {lines[1]}"
    return f"{facts}\n{picture(shown)}"


def _of_pair(compared: Compared) -> str:
    a, b = compared.comparison.a, compared.comparison.b
    shown = dict(zip(compared.comparison.names, (a, b)))
    return f"{compared.comparison}\n\n{picture(shown)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
