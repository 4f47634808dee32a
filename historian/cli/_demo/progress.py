"""`Progress`: show progress on standard error."""

from __future__ import annotations

import sys
import time

from .._bar import WIDTH, rich_bar, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["Progress"]


class Progress:
    """Progress of work that takes a known time.

    On a terminal it is a bar, drawn by rich if that is installed.  Elsewhere it is one line per second.  It is a
    context manager: enter it when the work begins, call `show` a few times a second; leaving it removes the bar.
    """

    def __init__(self, seconds: float, noun: str = "queries") -> None:
        self._seconds = seconds
        self._noun = noun
        self._began = time.monotonic()
        self._shown = 0.0  # seconds shown in the last plain line
        self._bar: Any = None  # a progress bar of rich with one task, number 0
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        if self._terminal:
            self._bar = rich_bar(self._seconds)
        return self

    def show(self, done: int) -> None:
        """Show the elapsed time and the number of items `done` so far."""
        passed = min(time.monotonic() - self._began, self._seconds)
        text = f"{done:,} {self._noun}"
        if self._bar:
            self._bar.update(0, completed=passed, description=text)
        elif self._terminal:
            full = round(WIDTH * passed / self._seconds)
            write(f"\r[{'#' * full}{'-' * (WIDTH - full)}] {text}")
        elif passed >= self._shown + 1:
            self._shown = int(passed)
            write(f"{self._shown} s: {text}\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._terminal:
            write("\r" + " " * 78 + "\r")
