"""What a simulation draws at random: times between arrivals, service times, and servers.

Each has a stream of random numbers of its own.  So two simulations with one seed differ in their policy only, whatever
the policy asks for: common random numbers (Law, Simulation Modeling and Analysis, 5th ed. 2015, 11.2).
"""

from __future__ import annotations

import math

from .._values.base import BaseHistogram
from .._values.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    _Floats = NDArray[np.float64]

__all__ = ["Streams", "check_service", "mean_of"]


class Streams:
    """The random numbers of a simulation of `requests` requests, at a rate of arrivals after a `burst` at time 0."""

    def __init__(
        self, service: BaseHistogram, rate: float, servers: int, requests: int, seed: int, burst: int = 0
    ) -> None:
        import numpy

        arrivals, services, places = numpy.random.SeedSequence(seed).spawn(3)
        self._service, self._servers, self._requests = service, servers, requests
        self._services, self._places = numpy.random.default_rng(services), numpy.random.default_rng(places)
        gaps = numpy.random.default_rng(arrivals).standard_exponential(requests)
        gaps[:burst] = 0
        self.arrivals: _Floats = gaps.cumsum() / rate
        self._last: NDArray[np.int64] | None = None

    def services(self) -> _Floats:
        """Return the service times of the next call of each request: those of the histogram.

        Within a bucket they are uniform on the logarithm, within the exact minimum and maximum.  So each is at most
        1.09 %, the width of a bucket, from a time that was recorded.
        """
        import numpy

        service, rng = self._service, self._services
        cumulative = service.counts.cumsum()
        bucket = cumulative.searchsorted(rng.random(self._requests) * cumulative[-1], side="right")
        low, high = (numpy.clip(edge, service.min, service.max)[bucket] for edge in (service.lower, service.upper))
        low = numpy.maximum(low, numpy.finfo(numpy.float64).tiny)  # of the zero bucket
        drawn: _Floats = low * (numpy.maximum(high, low) / low) ** rng.random(self._requests)
        return drawn

    def places(self) -> NDArray[np.int64]:
        """Return the server of the next call of each request: any, but not that of the call before."""
        last, rng = self._last, self._places
        if last is None:
            last = rng.integers(0, self._servers, self._requests)
        elif self._servers > 1:
            last = (last + rng.integers(1, self._servers, self._requests)) % self._servers
        self._last = last
        return last


def check_service(service: Any) -> BaseHistogram:
    """Return a histogram of service times; raise for anything else, and for one without a positive mean."""
    if not isinstance(service, BaseHistogram):
        hint = ": pass its snapshot()" if hasattr(service, "snapshot") else ""
        raise TypeError(f"service must be a histogram of service times, not {type(service).__name__}{hint}")
    if not 0 < service.mean < math.inf:
        held = counted(service.count, "value")
        raise ValueError(f"service must hold times with a positive mean, not {held} of mean {service.mean:g}")
    if service.overflow_count:
        beyond = counted(service.overflow_count, "value")
        raise ValueError(f"service must hold times up to 2**64, not {beyond} above: record in another unit")
    return service


def mean_of(service: Any, name: str = "service") -> float:
    """Return the mean of a histogram, or a number; raise unless it is positive and finite."""
    from .._values.checks import check_positive

    return check_service(service).mean if isinstance(service, BaseHistogram) else check_positive(name, service)
