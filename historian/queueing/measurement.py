"""What is measured in a simulation: the response times of consecutive windows, and how busy servers were in each."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .pool import Run

    _Floats = NDArray[np.float64]

__all__ = ["BEYOND", "END", "LEAST_REQUESTS", "START", "WINDOWS", "Measured", "measured"]

BEYOND = 2.0**64  # a longer time is in the overflow bucket

NEVER = 2 * BEYOND  # recorded for a request that gave up

#: Consecutive windows of requests.  Intervals from windows need 36 of them or more.
WINDOWS = 60

#: The first part of all requests is not measured, since they meet queues that are too short.  Nor is the last part:
#: after it, fewer further calls come.
START, END = 0.125, 0.02

LEAST_REQUESTS = 1_200  # about 17 to a window


class Measured(NamedTuple):
    """The windows of a simulation, in the order of time."""

    windows: tuple[Histogram, ...]  # response times of all requests; beyond the buckets if there was no answer
    returned: tuple[Histogram, ...]  # of those with an answer
    busy: _Floats  # share of time for which a server was busy, in [0, 1]
    sent: _Floats  # calls beyond the first for each request, from 0
    never: _Floats  # share of requests without an answer, in [0, 1]
    waiting: tuple[int, int]  # requests without an answer yet, at the begin of the last quarter and at its end


def measured(run: Run, servers: int, unit: str) -> Measured:
    """Return what is measured of a run.  O(calls log calls)."""
    import numpy

    n = len(run.arrivals)
    bounds = numpy.linspace(round(START * n), n - 1 - round(END * n), WINDOWS + 1).astype(numpy.int64)
    times = run.arrivals[bounds]
    worked = _worked(run.starts, times) - _worked(run.ends, times)
    parts = [slice(*ends) for ends in pairwise(bounds.tolist())]
    missing = numpy.isinf(run.responses)
    windows, returned = [], []
    for part in parts:
        responses, without = run.responses[part], missing[part]
        returned.append(Histogram.from_values(responses[~without], unit=unit))
        late = Histogram.from_values([NEVER] * int(without.sum()), unit=unit)
        windows.append(returned[-1] + late if late.count else returned[-1])
    answered = numpy.sort(run.arrivals + run.responses)
    ends = bounds[WINDOWS - WINDOWS // 4], bounds[WINDOWS]
    waiting = [int(end - answered.searchsorted(run.arrivals[end])) for end in ends]
    sent, never = (numpy.array([one[part].mean() for part in parts]) for one in (run.sent, missing))
    busy = numpy.diff(worked) / numpy.diff(times) / servers
    return Measured(tuple(windows), tuple(returned), busy, sent, never, (waiting[0], waiting[1]))


def _worked(moments: _Floats, times: _Floats) -> _Floats:
    """Return, for each time, the sum of the times since those moments that are earlier."""
    import numpy

    ordered = numpy.sort(moments)
    earlier = ordered.searchsorted(times)
    sums = numpy.append(0.0, ordered.cumsum())
    found: _Floats = earlier * times - sums[earlier]
    return found
