"""`Options`: how the fixture measures, from the marker ``@pytest.mark.latency(...)`` and `Latency.options`."""

from __future__ import annotations

from typing import NamedTuple

from ..._stats.checks import check_confidence, check_n, check_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["CALLS", "SECONDS", "Options", "quoted_options"]

CALLS = 10_000  # enough for a p99.9 with bounds on both sides
SECONDS = 1.0
WARM_UP = 10  # calls
TOLERANCE = 0.25


class Options(NamedTuple):
    """How to measure.  None stands for a default that differs between a function and a comparison."""

    calls: int | None = None  # at most so many, in [1, 1e100]
    seconds: float | None = None  # at most about so many, in (0, inf)
    warm_up: int = WARM_UP  # calls that do not count, in [0, 1e100]
    confidence: float = 0.95  # of the interval between both bounds, in (0, 1)
    tolerance: float = TOLERANCE  # share by which a baseline may be exceeded, in [0, inf)
    name: str = ""  # of what is measured; "" for the name of the function

    def changed(self, changes: dict[str, Any]) -> Options:
        """Return these options with some changes.  Raises TypeError and ValueError for what is not an option."""
        unknown = [name for name in changes if name not in self._fields]
        if unknown:
            raise TypeError(f"latency has no option {unknown[0]!r}: choose from {', '.join(self._fields)}")
        return self._replace(**{name: CHECKS[name](value) for name, value in changes.items()})


def _positive(seconds: float) -> float:
    seconds = check_number("seconds", seconds, 0)
    if not seconds:
        raise ValueError("seconds must be more than 0, not 0: allow the time of one call at least")
    return seconds


def _text(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, not {name!r}")
    return name


CHECKS: dict[str, Any] = {
    "calls": lambda calls: check_n(calls, "calls"),
    "seconds": _positive,
    "warm_up": lambda calls: check_n(calls, "warm_up", 0),
    "confidence": check_confidence,
    "tolerance": lambda share: check_number("tolerance", share, 0),
    "name": _text,
}


def quoted_options() -> str:
    """Return the names of the options of the marker, for its description.

    >>> quoted_options()
    'calls, seconds, warm_up, confidence, tolerance, name'
    """
    return ", ".join(Options._fields)
