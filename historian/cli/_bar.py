"""`Bar`: a progress bar on standard error."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["WIDTH", "Bar", "rich_bar", "write"]

#: Characters of a bar.
WIDTH = 30

#: Seconds before a bar appears: short work shows none.
PATIENCE = 0.5


class Bar:
    """How much of `total` is done, and for how long it will go on; drawn by rich if that is installed.

    There is none unless standard error is a terminal.  It is a context manager: leaving it removes the bar.
    """

    def __init__(self, total: float, verb: str, patience: float = PATIENCE) -> None:
        self._total = max(total, 1)
        self._verb = verb
        self._patience = patience
        self._terminal = sys.stderr.isatty()
        self._drawn = False
        self._rich: Any = None  # a progress bar of rich with one task, number 0
        self._began = 0.0

    def __enter__(self) -> Bar:
        self._began = time.monotonic()
        return self

    def show(self, done: float) -> None:
        """Show how much is done."""
        passed = time.monotonic() - self._began
        if not self._terminal or passed < self._patience:
            return
        if not self._drawn:
            self._drawn, self._rich = True, rich_bar(self._total)
        share = min(1.0, done / self._total)
        left = f", {passed / share - passed:,.0f} s left" if share else ""
        text = f"{share:.0%} {self._verb}{left}"
        if self._rich:
            self._rich.update(0, completed=min(done, self._total), description=text)
        else:
            full = round(WIDTH * share)
            write(f"\r[{'#' * full}{'-' * (WIDTH - full)}] {text:<30}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich:
            self._rich.stop()
        elif self._drawn:
            write("\r" + " " * 78 + "\r")


def write(text: str) -> None:
    """Write to standard error at once."""
    sys.stderr.write(text)
    sys.stderr.flush()


def rich_bar(total: float) -> Any:
    """Return a progress bar of rich that was started; None if rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
    except ImportError:
        return None
    bar = Progress(BarColumn(WIDTH), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    bar.add_task("", total=total)
    bar.start()
    return bar
