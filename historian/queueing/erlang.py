"""`mmc`: the queue M/M/c in closed form: Poisson arrivals, exponential service times, c servers, one queue."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._stats.checks import check_n, check_number, check_share
from .._values.checks import check_positive

__all__ = ["MMc", "erlang_c", "mmc"]

MOST_SERVERS = 10**7  # the recurrence takes about 0.1 us for each


class MMc(NamedTuple):
    """A queue M/M/c in its steady state: see `mmc`.  All answers are exact, up to the rounding of floats."""

    arrival_rate: float  # calls per unit of time, positive
    service_mean: float  # unit of time, positive
    servers: int  # from 1
    p_wait: float  # share of calls that find all servers busy, in [0, 1]

    @property
    def utilisation(self) -> float:
        """The share of time for which a server is busy, in (0, 1)."""
        return self.arrival_rate * self.service_mean / self.servers

    @property
    def mean_wait(self) -> float:
        """The mean time before service: p_wait times that of a call that waits, which is exponential."""
        return self.p_wait / self._drain

    @property
    def mean(self) -> float:
        """The mean response time: waiting and service."""
        return self.mean_wait + self.service_mean

    @property
    def in_system(self) -> float:
        """The mean number of calls that wait or are served, by Little's law."""
        return self.arrival_rate * self.mean

    @property
    def _drain(self) -> float:
        """The rate at which a queue drains, c/s - lambda."""
        return self.servers * (1 - self.utilisation) / self.service_mean

    def wait_sf(self, t: float) -> float:
        """Return the share of calls that wait longer than `t`: p_wait exp(-(c/s - lambda) t).

        Source: Kleinrock, Queueing Systems 1 (1975), 3.5; Gross et al., Fundamentals of Queueing Theory (2008), 2.3.
        """
        return self.p_wait * math.exp(-self._drain * check_number("t", t, 0))

    def sf(self, t: float) -> float:
        """Return the share of calls whose response time is longer than `t`.

        Service is exponential, and for the share `p_wait` an independent exponential wait is added.  O(1).

        >>> round(mmc(0.7, 1.0, 1).sf(10.0), 6)               # M/M/1: exp(-(1 - 0.7) 10)
        0.049787
        """
        t = check_number("t", t, 0)
        slow, fast = sorted((self._drain, 1 / self.service_mean))
        x = (fast - slow) * t
        both = math.exp(-slow * t) * (1 + slow * t * (-math.expm1(-x) / x if x else 1.0))
        return (1 - self.p_wait) * math.exp(-t / self.service_mean) + self.p_wait * both

    def quantile(self, q: float) -> float:
        """Return the q-quantile of the response time, by bisection; infinity for q = 1.

        >>> round(mmc(0.7, 1.0, 1).quantile(0.99), 3)         # M/M/1: log(100)/(1 - 0.7)
        15.351
        """
        q = check_share("q", q)
        if q in (0, 1):
            return math.inf if q else 0.0
        low, high = 0.0, self.service_mean
        while self.sf(high) > 1 - q:
            low, high = high, 2 * high
        while low < (middle := (low + high) / 2) < high:
            low, high = (middle, high) if self.sf(middle) > 1 - q else (low, middle)
        return high


MMc.__module__ = "historian.queueing"  # set here, because a NamedTuple cannot set it in its body


def mmc(arrival_rate: float, service_mean: float, servers: int) -> MMc:
    """Return the queue of `servers` that serve calls of exponential times, which come at random (M/M/c), by Erlang C.

    `arrival_rate` is in calls per unit of time, `service_mean` in that unit.  The share of calls that wait is C, with
    1/C = (1 - u)/B + u, the utilisation u, and Erlang's B by the recurrence 1/B_k = 1 + (k/a)/B_(k-1), a = c u.  All
    terms are positive, so that no digits are lost, however many servers there are.  O(servers).  Raises ValueError if
    the servers do not keep up, for numbers that are not positive, and for more than 1e7 servers.

    Source: Erlang (1917); Kleinrock, Queueing Systems 1 (1975), 3.5; the recurrence: Gross et al., Fundamentals of
    Queueing Theory (2008), 2.5.

    >>> queue = mmc(arrival_rate=560, service_mean=0.010, servers=8)
    >>> round(queue.utilisation, 9), round(queue.p_wait, 4), round(1_000 * queue.quantile(0.99), 1)
    (0.7, 0.2706, 47.8)
    """
    rate, mean = check_positive("arrival_rate", arrival_rate), check_positive("service_mean", service_mean)
    servers = check_n(servers, "servers")
    return MMc(rate, mean, servers, erlang_c(rate * mean, servers))


def erlang_c(offered: float, servers: int) -> float:
    """Return the share of calls that wait, for a load of `offered` servers: Erlang's C."""
    if servers > MOST_SERVERS:
        raise ValueError(f"servers must be at most 1e7, not {servers:,}")
    if not 0 < offered < servers:
        utilisation = 100 * offered / servers
        raise ValueError(f"utilisation must be less than 100 %, not {utilisation:.4g} %: the queue grows without bound")
    inverse = 1.0
    for k in range(1, servers + 1):
        inverse = 1 + inverse * k / offered
        if inverse == math.inf:  # so few calls wait that a float64 cannot hold it
            return 0.0
    return 1 / (inverse * (1 - offered / servers) + offered / servers)
