"""`simulate`: what latency becomes where calls wait for servers, with hedges, retries and tied requests."""

from __future__ import annotations

import warnings

from .._stats.checks import check_n
from .._values.checks import check_positive
from .load import Load, LoadWarning
from .measurement import LEAST_REQUESTS, START, measured
from .policy import checked_policy
from .pool import run
from .service import Streams, check_service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from .._values.base import BaseHistogram
    from .policy import Policy

__all__ = ["MOST_SERVERS", "simulate", "simulated"]

MOST_SERVERS = 10_000
MOST_REQUESTS = 10**8


def simulate(
    service: BaseHistogram,
    servers: int,
    utilisation: float,
    *,
    hedge_after: float | None = None,
    timeout: float | None = None,
    retries: int = 0,
    backoff: float = 0.0,
    tied: bool = False,
    cancel: Literal["never", "queued", "running"] = "never",
    queues: Literal["shared", "each"] = "shared",
    burst: int = 0,
    requests: int = 100_000,
    seed: int = 1,
) -> Load:
    """Simulate servers at a utilisation, and return the response times: waiting and service.

    Requests come at random times (Poisson), at the rate at which first calls alone keep the servers busy for the share
    `utilisation` of the time.  Each call takes a server for a time drawn from the histogram `service`, in the order in
    which calls come (M/G/k).  The times must be those of a call that does not wait, as measured in an idle system.

    - `hedge_after`: a second call is sent after so long, unless the request has its answer.  The first answer counts.
    - `timeout`, `retries`, `backoff`: a call that is not done by then is given up, and the next one sent `backoff`
      later, at most `retries` times.  Answers to a call that was given up do not count.
    - `tied`: two calls are sent at once, and when one gets its server, the other is dropped.

    Only one of the three can be given.  `cancel` says what servers drop of the calls that nobody waits for any more:
    nothing ("never"), those that wait in a queue ("queued"), or also those that run ("running").  By default they serve
    all, as those do that are not told.  `queues` is "shared" for one queue that all servers take from, or "each" for a
    queue at each server: then calls go to any server, and a second call to another one.  So many requests as `burst`
    says come at once at the beginning: they tell whether the servers recover from it.

    The first eighth of the requests is not measured, nor the last fiftieth.  The same `seed` gives the same arrivals
    and service times for every policy.  Service times of the two calls are independent: if a request is slow
    everywhere, hedges help less.  Warns (`LoadWarning`) if the servers do not keep up: then no time is stated.  About 1
    us for each request, 10 us with further calls.  Raises TypeError or ValueError for a histogram without a positive
    mean or with values above 2**64, for policies that contradict each other, a utilisation that is not positive,
    servers outside 1..10,000, requests outside 1,200..1e8, and a burst of more than an eighth of them.

    >>> from historian import Histogram
    >>> service = Histogram.from_values([0.010] * 9_500 + [0.1] * 500)
    >>> load = simulate(service, servers=4, utilisation=0.3, hedge_after=0.05, requests=20_000)
    >>> print(load.utilisation)                              # 0.3, and 5 % more calls
    0.315 (0.304 to 0.327)
    """
    service = check_service(service)
    servers = check_n(servers, "servers")
    policy = checked_policy(servers, hedge_after, timeout, retries, backoff, tied, cancel, queues)
    utilisation = check_positive("utilisation", utilisation)
    load = simulated(service, servers, utilisation, policy, requests, seed, burst)
    if not load.is_stable:
        warnings.warn(f"{policy.text(service.unit)}: {load._reason()}", LoadWarning, stacklevel=2)
    return load


def simulated(
    service: BaseHistogram, servers: int, utilisation: float, policy: Policy, requests: int, seed: int, burst: int = 0
) -> Load:
    """Return the result of `simulate` for checked service times and policy, without a warning."""
    requests, seed = check_n(requests, "requests", least=LEAST_REQUESTS), check_n(seed, "seed", least=0)
    if check_n(burst, "burst", least=0) > START * requests:
        raise ValueError(f"burst must be at most an eighth of the {requests:,} requests, not {burst:,}: pass more")
    if servers > MOST_SERVERS:
        raise ValueError(f"servers must be at most {MOST_SERVERS:,}, not {servers:,}: simulate a part of them")
    if requests > MOST_REQUESTS:
        raise ValueError(f"requests must be at most {MOST_REQUESTS:,}, not {requests:,}: use several seeds")
    rate = utilisation * servers / service.mean
    found = run(Streams(service, rate, servers, requests, seed, burst), servers, policy)
    return Load(measured(found, servers, service.unit), policy, servers, utilisation, seed, service.unit)
