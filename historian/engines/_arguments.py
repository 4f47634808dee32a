"""Checks of arguments for engines that run tasks: errors come before any task does."""

from __future__ import annotations

from ..histogram import Histogram
from ._columns import COLUMN
from ._recording import Recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check", "names_of", "share"]


def names_of(by: str | Sequence[str]) -> list[str]:
    """Return the names of the columns of keys.  Raises ValueError if one is that of the blobs, or is there twice."""
    names = [by] if isinstance(by, str) else list(by)
    if COLUMN in names:
        raise ValueError(f"by must not name a column {COLUMN!r}: the blobs have this name")
    if len(set(names)) < len(names):
        raise ValueError(f"by must not name a column twice: {', '.join(map(repr, names))}")
    return names


def check(unit: str, invalid: str) -> None:
    """Raise the errors of `historian.group`."""
    Recording(None, (), unit, invalid)


def share(q: float) -> float:
    """Return q.  Raises ValueError unless it is from 0 to 1, and TypeError unless it is one number."""
    q = float(q)
    Histogram().quantile(q)
    return q
