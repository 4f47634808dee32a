"""`Span`: which intervals of a history count, and how long a step is, as options say it."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from ..._history.times import duration_ns, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...history import History

__all__ = ["EACH", "Span", "add_every", "add_span", "span_of", "time_of"]

#: The step of `Span.every` for intervals as they are.
EACH = "each"


class Span(NamedTuple):
    """A part of a history, in steps."""

    since: str | None = None  # a time, as it was written
    until: str | None = None
    last: str | None = None  # a duration, as it was written
    every: str | None = None  # a duration or `EACH`; None for all of it in one step

    @property
    def is_all(self) -> bool:
        """Whether the whole history counts, in one step."""
        return self == Span()

    def of(self, history: History) -> History:
        """Return the part, in steps.  Raises ValueError.

        An interval in which it begins or ends is left out.  One that lies in two steps counts in the first.
        """
        found = history.between(self.since, self.until, partial="drop")
        if self.last is not None:
            found = found.last(self.last, partial="drop")
        return found if self.every in (None, EACH) else found.resample(self.every, partial="keep")

    def named(self) -> str:
        """Return the options that say it, for a message.

        >>> Span(last="1h", every="1m").named()
        '--last and --every'
        """
        given = [f"--{name}" for name, value in zip(self._fields, self) if value is not None]
        return " and ".join(given)


def add_span(parser: argparse._ActionsContainer) -> None:
    """Add ``--since``, ``--until`` and ``--last``."""
    parser.add_argument(
        "--since", metavar="TIME", type=time_of,
        help="of a history or a .hlog: only the intervals from this time on, such as 2026-11-27T05:30Z",
    )  # fmt: skip
    parser.add_argument("--until", metavar="TIME", type=time_of, help="only the intervals up to this time")
    parser.add_argument(
        "--last", metavar="LENGTH", type=_duration, help="only the intervals of the last 90s, 15m, 1h or 1d"
    )


def add_every(parser: argparse._ActionsContainer, what: str) -> None:
    """Add ``--every``."""
    parser.add_argument("--every", metavar="LENGTH", type=_duration, help=what)


def span_of(args: argparse.Namespace) -> Span:
    """Return what the options say; commands without them read all."""
    return Span(*(getattr(args, name, None) for name in Span._fields))


def time_of(text: str) -> str:
    """Return a time as it was written.  Raises ArgumentTypeError if it is none, or has no offset."""
    try:
        time_ns(text, "the time")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _duration(text: str) -> str:
    """Return a duration as it was written.  Raises ArgumentTypeError if it is none."""
    try:
        duration_ns(text, "it")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
