"""Wait for what another thread or process will do; keep a processor busy."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PATIENCE", "until", "work"]

PATIENCE = 120  # seconds until a test gives up, not a threshold


def until(condition: Callable[[], object], every: float = 0.001) -> None:
    """Wait for a condition that becomes true sooner or later: look after so many seconds again."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(every)


def work(seconds: float) -> None:
    """Compute for so long."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1_000))
