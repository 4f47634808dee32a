"""Warnings of answers beyond the data: one for each question, however many answers it has."""

from __future__ import annotations

import warnings
from contextvars import ContextVar

from .estimate import TailWarning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ["collected", "warn_beyond", "warn_once"]

START = "beyond the data: "

_texts: ContextVar[list[str] | None] = ContextVar("historian_beyond", default=None)


def warn_beyond(text: str, stacklevel: int = 1) -> None:
    """Warn that an answer is beyond the data (`TailWarning`), or save the text for `collected`.

    The warning points as many frames up as one of `warnings.warn` at this place would.
    """
    found = _texts.get()
    if found is None:
        warnings.warn(text, TailWarning, stacklevel=stacklevel + 1)
    else:
        found.append(text)


def collected(question: Callable[[], _T]) -> tuple[_T, str]:
    """Return the answer to a question, and the text of its warning, which is not shown; "" if there is none."""
    found: list[str] = []
    token = _texts.set(found)
    try:
        return question(), "; ".join(found)
    finally:
        _texts.reset(token)


def warn_once(answers: int, beyond: int, first: str, stacklevel: int = 1) -> None:
    """Warn that `beyond` of many answers are beyond the data; `first` is the text for the first of them."""
    if not beyond:
        return
    if answers > 1:
        first = f"{START}{beyond:,} of {answers:,} answers; the first: {first.removeprefix(START)}"
    warn_beyond(first, stacklevel + 1)
