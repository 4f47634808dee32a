"""Traced requests as a sample: how many there are, how exact their times are, and what answers say of them."""

from __future__ import annotations

from typing import NamedTuple

from .._stats.bounded import mean_interval

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["Requests", "packed", "unpacked"]


class Requests(NamedTuple):
    """A sample of traced requests."""

    size: int  # number of requests, from 0
    known: int  # independent requests that would tell as much: fewer if the calls' own distributions are less known
    error: float  # largest relative error of a time: 0 if times were traced, that of a bucket if histograms gave them
    unit: str  # label
    why: str  # the dependence that was used, and the sources of uncertainty

    def interval(self, total: float, squares: float, confidence: float) -> tuple[float, float]:
        """Return the interval of the mean of a number in 0..1 of each request, given their sum and sum of squares."""
        part = self.known / self.size
        return mean_interval(total * part, squares * part, self.known, confidence)


def packed(values: _Floats) -> tuple[tuple[int, ...], bytes]:
    """Return the shape and the bytes of times, for a pickle that every version of numpy reads."""
    return values.shape, values.astype("<f8").tobytes()


def unpacked(shape: tuple[int, ...], data: bytes) -> _Floats:
    """Return the times of `packed`, read-only."""
    import numpy

    found: _Floats = numpy.frombuffer(data, "<f8").reshape(shape).astype(numpy.float64)
    found.flags.writeable = False
    return found
