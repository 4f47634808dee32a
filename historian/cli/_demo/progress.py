"""`Progress`: tell whoever waits how far it is, on standard error."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["Progress"]

BAR = 30  # characters


class Progress:
    """Something that takes a known time: a bar on a terminal, by rich if that is installed, elsewhere a line a second.

    Enter it when the time begins, `show` what is done so far a few times a second; leaving it removes the bar.
    """

    def __init__(self, seconds: float, noun: str = "queries") -> None:
        self._seconds = seconds
        self._noun = noun
        self._began = time.monotonic()
        self._told = 0.0  # seconds of the last plain line
        self._bar: Any = None  # rich's, with one task, number 0
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        if self._terminal:
            self._bar = _rich_bar(self._seconds)
        if self._bar:
            self._bar.start()
        return self

    def show(self, done: int) -> None:
        """Show the time that has passed, and `done` so far."""
        passed = min(time.monotonic() - self._began, self._seconds)
        text = f"{done:,} {self._noun}"
        if self._bar:
            self._bar.update(0, completed=passed, description=text)
        elif self._terminal:
            full = round(BAR * passed / self._seconds)
            self._write(f"\r[{'#' * full}{'-' * (BAR - full)}] {text}")
        elif passed >= self._told + 1:
            self._told = int(passed)
            self._write(f"{self._told} s: {text}\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._terminal:
            self._write("\r" + " " * 78 + "\r")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _rich_bar(seconds: float) -> Any:
    """Return rich's progress bar of so many seconds, or None without rich."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
    except ImportError:
        return None
    bar = Progress(BarColumn(BAR), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    bar.add_task("", total=seconds)
    return bar
