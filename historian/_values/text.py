"""Parts of texts: what is safe to print, and numbers of things."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LISTED", "counted", "listed", "percent", "printable", "quoted", "shortened", "shown", "token"]

LISTED, LONG = 8, 40  # names on one line, and characters of each

_SPECIAL = frozenset('{},="')  # what separates the parts of a printed key, and what begins and ends a quoted text


def percent(share: float) -> str:
    """Return a share as a percentage of two digits.

    >>> percent(0.0065), percent(1.012), percent(25)
    ('0.65 %', '100 %', '2,500 %')
    """
    return f"{float(f'{100 * share:.2g}'):,g} %"


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


def quoted(text: str) -> str:
    r"""Return text between quotation marks, with escape sequences; different texts give different results.

    >>> print(quoted('a\tb, "c"'))
    "a\tb, \"c\""
    """
    inside = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(inside)}"'


def shortened(text: str, most: int) -> str:
    """Return text of at most `most` characters: of longer text, the beginning and the end.

    >>> shortened("abcdefgh", 5), shortened("abcde", 5)
    ('ab~gh', 'abcde')
    """
    return text if len(text) <= most else f"{text[: most // 2]}~{text[len(text) - (most - 1) // 2 :]}"


def shown(text: str) -> str:
    r"""Return a name for a table: as it is if it can be read there, else quoted.

    Different names give different results.  Quoted are names that are empty, begin with a quotation mark, have
    characters that cannot be printed, or spaces that a table would hide.

    >>> print(shown("query{table=users}"), shown("a\nb"), shown(""))
    query{table=users} "a\nb" ""
    """
    is_plain = text.isprintable() and text and text[0] != '"' and text == text.strip() and "  " not in text
    return text if is_plain else quoted(text)


def listed(names: Sequence[str], facts: Sequence[str] = ()) -> str:
    r"""Return names on one line, each with its fact, if there is one: the first eight, long ones without their middle.

    >>> print(listed(["db", "a\nb"], ["p99 1.00 s", "no data"]))
    db p99 1.00 s, "a\nb" no data
    >>> print(listed("abcdefghij"))
    a, b, c, d, e, f, g, h, ...
    """
    parts = [" ".join([shown(shortened(name, LONG)), *facts[k : k + 1]]) for k, name in enumerate(names[:LISTED])]
    return ", ".join([*parts, *(["..."] if len(names) > LISTED else [])])


def token(text: str) -> str:
    """Return a part of a printed key: a name, a label or its value; quoted as in `shown`, or if it has a separator.

    >>> print(token("users"), token("GET /users"), token("a,b=c"))
    users GET /users "a,b=c"
    """
    return shown(text) if _SPECIAL.isdisjoint(text) else quoted(text)
