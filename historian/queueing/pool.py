"""Servers that take calls in the order in which they come, each call as it is sent: a simulation by events.

Each request sends a call when it arrives, and more by its `Policy`.  A call that nobody waits for any more still needs
its server, as in real systems, unless the policy cancels it: this is how retries and hedges can keep a pool busy by
themselves (Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021).
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from .policy import Policy
    from .service import Streams

    _Floats = NDArray[np.float64]
    _Call = tuple[int, int]  # request, and the number of its earlier calls

__all__ = ["Run", "run"]


class Run(NamedTuple):
    """What became of each request, in the order of arrival, and when servers were busy."""

    arrivals: _Floats  # times, ascending
    responses: _Floats  # from arrival to the first answer; infinity if the request gave up
    sent: NDArray[np.int64]  # calls beyond the first
    starts: _Floats  # of each call that a server began, in any order
    ends: _Floats  # of the same calls


def run(streams: Streams, servers: int, policy: Policy) -> Run:
    """Simulate until every request has its answer or gave up.

    A call takes about 0.5 us without further calls, else 5 us: O(requests log servers).
    """
    import numpy

    if not policy.is_plain:
        return _Pool(streams, servers, policy).run()
    arrivals, services = streams.arrivals, streams.services()
    places = streams.places().tolist() if policy.queues == "each" else None
    starts = numpy.array(_starts(arrivals.tolist(), services.tolist(), servers, places))
    ends = starts + services
    return Run(arrivals, ends - arrivals, numpy.zeros(len(arrivals), dtype=numpy.int64), starts, ends)


def _starts(
    arrivals: Sequence[float], services: Sequence[float], servers: int, places: Sequence[int] | None
) -> list[float]:
    """Return when each call begins: when the first server is free, or the server at its place.

    Source: Kiefer & Wolfowitz, On the Theory of Queues with Many Servers, Transactions of the AMS 78 (1955), 1-18: only
    the times at which servers become free matter; here as a heap.
    """
    found, free = [], [0.0] * servers
    if places is not None:
        for arrival, service, place in zip(arrivals, services, places):
            start = max(arrival, free[place])
            free[place] = start + service
            found.append(start)
        return found
    for arrival, service in zip(arrivals, services):
        start = max(arrival, free[0])
        heapreplace(free, start + service)
        found.append(start)
    return found


class _Pool:
    """Servers with their queues: one for all servers, or one for each."""

    def __init__(self, streams: Streams, servers: int, policy: Policy) -> None:
        self.policy, self.times, self.arrivals = policy, streams.arrivals, streams.arrivals.tolist()
        calls, self.own = range(policy.more + 1), policy.queues == "each"
        self.services = [streams.services().tolist() for _ in calls]
        self.places = [streams.places().tolist() for _ in calls] if self.own else []
        shared: deque[_Call] = deque()
        self.queues = [deque() if self.own else shared for _ in range(servers)]
        n = len(self.arrivals)
        self.responses = [math.inf] * n
        self.latest = [0] * n  # number of the call that a request waits for, if it gives up earlier ones
        self.is_over = bytearray(n)  # nobody waits any more
        self.has_begun = bytearray(n)  # of tied calls, one has a server
        self.running: list[_Call | None] = [None] * servers
        self.serial = [0] * servers  # of the call that runs, its place in `starts`
        self.idle = list(range(servers))  # of a shared queue
        self.at: dict[_Call, int] = {}  # servers of the calls that run, if they may be cancelled
        self.starts: list[float] = []
        self.ends: list[float] = []
        self.done: list[tuple[float, int, int]] = []  # a heap: time, server and serial number of calls that run
        self.timers: deque[tuple[float, _Call]] = deque()  # when a call has taken too long, ascending
        self.later: deque[tuple[float, _Call]] = deque()  # calls to send after a pause, ascending

    def run(self) -> Run:
        import numpy

        arrivals = [*self.arrivals, math.inf]
        at, done, timers, later = 0, self.done, self.timers, self.later
        while True:
            arrival, finish = arrivals[at], done[0][0] if done else math.inf
            timer, send = timers[0][0] if timers else math.inf, later[0][0] if later else math.inf
            now = min(arrival, finish, timer, send)
            if now == math.inf:
                break
            if now == finish:
                self.finish(now, *heappop(done)[1:])
            elif now == timer:
                self.expire(now, timers.popleft()[1])
            elif now == send:
                self.send(now, later.popleft()[1])
            else:
                self.send(now, (at, 0))
                if self.policy.tied and not self.has_begun[at]:
                    self.send(now, (at, 1))
                at += 1
        sent = numpy.array(self.latest) if not self.policy.tied else numpy.zeros(len(self.latest), dtype=numpy.int64)
        found = map(numpy.array, (self.responses, sent, self.starts, self.ends))
        return Run(self.times, *found)

    def send(self, now: float, call: _Call) -> None:
        """Let a call start, or wait in its queue."""
        request, number = call
        if self.is_over[request]:
            return
        if not self.policy.tied:
            self.latest[request] = number
            if number < self.policy.more or self.policy.gives_up:
                self.timers.append((now + self.policy.after, call))
        if self.own:
            server = self.places[number][request]
            if self.running[server] is None:
                self.start(now, server, call)
                return
        elif self.idle:
            self.start(now, self.idle.pop(), call)
            return
        else:
            server = 0  # all have the same queue
        self.queues[server].append(call)

    def start(self, now: float, server: int, call: _Call) -> None:
        request, number = call
        self.running[server] = call
        self.has_begun[request] = 1
        serial, end = len(self.starts), now + self.services[number][request]
        self.serial[server] = serial
        self.starts.append(now)
        self.ends.append(end)
        heappush(self.done, (end, server, serial))
        if self.policy.cancel == "running":
            self.at[call] = server

    def expire(self, now: float, call: _Call) -> None:
        """Send a hedge, or give a call up, if the request still waits for it."""
        request, number = call
        if self.is_over[request]:
            return
        if self.policy.gives_up:
            self.latest[request] = -1  # until the next call is sent
            self.stop(now, call)
            if number == self.policy.more:
                self.is_over[request] = 1
                self.latest[request] = number
                return
            if self.policy.pause:
                self.later.append((now + self.policy.pause, (request, number + 1)))
                return
        self.send(now, (request, number + 1))

    def finish(self, now: float, server: int, serial: int) -> None:
        """Take the answer of a call, if it was not cancelled, and give its server the next one."""
        call = self.running[server]
        if call is None or self.serial[server] != serial:
            return
        self.at.pop(call, None)
        request, number = call
        if not self.is_over[request] and (not self.policy.gives_up or self.latest[request] == number):
            self.is_over[request] = 1
            self.responses[request] = now - self.arrivals[request]
            for other in range(self.policy.more + 1) if self.at else ():
                self.stop(now, (request, other))
        self.next(now, server)

    def stop(self, now: float, call: _Call) -> None:
        """Free the server of a call that nobody waits for, if the policy says so."""
        server = self.at.pop(call, None)
        if server is not None:
            self.ends[self.serial[server]] = now
            self.next(now, server)

    def next(self, now: float, server: int) -> None:
        """Give a server the next call of its queue that is still wanted, if there is one."""
        self.running[server] = None
        self.serial[server] = -1
        queue, policy = self.queues[server], self.policy
        while queue:
            request, number = call = queue.popleft()
            if policy.tied and self.has_begun[request]:
                continue
            given_up = policy.gives_up and self.latest[request] != number
            if policy.cancel == "never" or not (self.is_over[request] or given_up):
                self.start(now, server, call)
                return
        if not self.own:
            self.idle.append(server)
