"""`Policy`: when a second call is sent, and what becomes of the first."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._show.scale import quantity
from .._stats.checks import check_bool, check_n, check_number
from .._values.checks import check_positive
from .._values.text import counted

__all__ = ["CANCEL", "QUEUES", "Policy", "checked_policy"]

CANCEL = ("never", "queued", "running")
QUEUES = ("shared", "each")


class Policy(NamedTuple):
    """When a request sends further calls, and which calls servers drop."""

    after: float = math.inf  # time from one call of a request to the next, without the pause; infinity: one call only
    more: int = 0  # further calls of a request, at most
    gives_up: bool = False  # whether a call that is not done by then is abandoned, as by a time-out
    pause: float = 0.0  # time from a time-out to the next call
    tied: bool = False  # whether both calls are sent at once, and the second to start is dropped
    cancel: str = "never"
    queues: str = "shared"

    @property
    def is_plain(self) -> bool:
        """Whether each request has one call, and waits for it."""
        return not self.more and not self.gives_up

    def text(self, unit: str) -> str:
        """Return the policy in words."""
        if self.tied:
            return "tied requests"
        if self.gives_up:
            return f"time-out at {quantity(self.after, unit)}, {counted(self.more, 'retry', 'retries')}"
        return f"hedge after {quantity(self.after, unit)}" if self.more else "no hedge"


def checked_policy(
    servers: int,
    hedge_after: float | None,
    timeout: float | None,
    retries: int,
    backoff: float,
    tied: bool,
    cancel: str,
    queues: str,
) -> Policy:
    """Return the policy of these arguments of `simulate`; raise ValueError for those that contradict each other."""
    tied = check_bool("tied", tied)
    if cancel not in CANCEL:
        raise ValueError(f"cancel must be 'never', 'queued' or 'running', not {cancel!r}")
    if queues not in QUEUES:
        raise ValueError(f"queues must be 'shared' or 'each', not {queues!r}")
    if (hedge_after is not None) + (timeout is not None) + tied > 1:
        raise ValueError("pass one of hedge_after, timeout and tied: simulate one policy at a time")
    if tied and (queues != "each" or servers < 2):
        raise ValueError("tied requests need two queues: pass queues='each' and servers from 2 on")
    if hedge_after is not None and queues == "each" and servers < 2:
        raise ValueError("a hedge goes to another server: pass servers from 2 on, or queues='shared'")
    retries = check_n(retries, "retries", least=0)
    backoff = check_number("backoff", backoff, 0)
    if timeout is None and (retries or backoff):
        raise ValueError("retries and backoff need a time-out: pass timeout, too")
    if timeout is not None:
        return Policy(check_positive("timeout", timeout), retries, True, backoff, False, cancel, queues)
    if hedge_after is not None:
        return Policy(check_number("hedge_after", hedge_after, 0), 1, cancel=cancel, queues=queues)
    return Policy(more=1 if tied else 0, tied=tied, cancel=cancel, queues=queues)
