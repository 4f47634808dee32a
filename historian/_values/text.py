"""Parts of texts: what is safe to print, and numbers of things."""

from __future__ import annotations

__all__ = ["counted", "printable"]


def counted(number: float, one: str, many: str = "") -> str:
    """Return a number of things: `one` is the word after 1, `many` the word after other numbers (default: with an s).

    >>> counted(1, "value"), counted(2_500, "value"), counted(0, "value is", "values are")
    ('1 value', '2,500 values', '0 values are')
    """
    word = one if number == 1 else many or one + "s"
    return f"{number:,.0f} {word}" if isinstance(number, float) else f"{number:,} {word}"


def printable(text: str) -> str:
    r"""Return text with every non-printable character replaced by its escape sequence.

    >>> print(printable("a\nb\x1b[31m"))
    a\nb\x1b[31m
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
