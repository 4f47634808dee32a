"""The nines of percentiles: 90, 99, 99.9, ... have equal distances on an axis."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["NINES", "from_nines", "to_nines"]

#: Percentiles that have a tick.
NINES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999, 99.99999, 99.999999, 99.9999999, 99.99999999)

MAX_NINES = 13.0  # of a percentile: 100 is infinitely far to the right


def to_nines(p: Any) -> Any:
    """Return where percentiles lie on an axis of nines: 90 at 1, 99 at 2."""
    import numpy

    return -numpy.log10(numpy.clip(1 - numpy.asarray(p, dtype=float) / 100, 10**-MAX_NINES, None))


def from_nines(nines: Any) -> Any:
    """Return the percentiles at these places."""
    import numpy

    return 100 * (1 - 10.0 ** -numpy.asarray(nines, dtype=float))
