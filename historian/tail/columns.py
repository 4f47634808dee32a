"""The columns of a distribution: the edges of the buckets from 2**-32 to 2**64, and infinity.

Of the operations on distributions, most work on three rows of these columns: a lower bound, the value, an upper bound.
"""

from __future__ import annotations

import math

from ..buckets import MAX_INDEX, MIN_INDEX, lower

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "LOWER", "UPPER", "VALUE", "column_of", "edges"]

#: Edges of the buckets from 2**-32 to 2**64, and infinity.
COLUMNS = MAX_INDEX - MIN_INDEX + 3

LOWER, VALUE, UPPER = range(3)  # rows


def edges() -> NDArray[np.float64]:
    """Return the edge of each column, ascending, the last one infinite; shape (COLUMNS,), read-only."""
    global _edges
    if _edges is None:
        import numpy

        found = numpy.array([*(lower(i) for i in range(MIN_INDEX, MAX_INDEX + 2)), math.inf])
        found.flags.writeable = False
        _edges = found
    return _edges


_edges: NDArray[np.float64] | None = None


def column_of(time: float) -> int:
    """Return the first column whose edge is `time` or later."""
    return int(edges().searchsorted(time))
