"""`Query`: the parameters of a request, each of which must be valid."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from ..._values.text import printable
from .._http.request import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Query"]

MAX_PARAMETERS = 20
MAX_SHOWN = 40  # characters of what a client sent, in the answer
_WHOLE = re.compile(r"[0-9]{1,18}")
_ID = re.compile(r"[0-9a-f]{16}")


class Query:
    """The parameters of a request.  Each question raises Refused, status 400, for a value that is not valid.

    >>> Query(b"n=100", ["n"]).whole("n", 1, 1, 1_000)
    100
    """

    def __init__(self, text: bytes, names: Sequence[str]) -> None:
        try:
            given = text.decode("ascii")
            pairs = parse_qsl(given, True, bool(text), errors="strict", max_num_fields=MAX_PARAMETERS)
        except ValueError:  # also of UnicodeDecodeError
            raise _bad("the query must be NAME=VALUE&NAME=VALUE, encoded as in URLs") from None
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name not in names:
                raise _bad(f"there is no parameter {_shown(name)}: use {', '.join(names)}")
            if name in self._values:
                raise _bad(f"{name} must be given once")
            self._values[name] = value

    def text(self, name: str, default: str = "", most: int = 200) -> str:
        """Return a text of at most so many characters."""
        found = self._values.get(name, default)
        if len(found) > most:
            raise _bad(f"{name} must have at most {most} characters, not {len(found):,}")
        return found

    def id(self, name: str) -> str:
        """Return the id of a recorder."""
        found = self._values.get(name, "")
        if not _ID.fullmatch(found):
            raise _bad(f"{name} must be 16 hexadecimal digits, as in /table.json, not {_shown(found)}")
        return found

    def choice(self, name: str, options: Sequence[str]) -> str:
        """Return one of the options, the first one by default."""
        found = self._values.get(name, options[0])
        if found not in options:
            raise _bad(f"{name} must be one of {', '.join(options)}, not {_shown(found)}")
        return found

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        found = self._values.get(name, str(default))
        if not _WHOLE.fullmatch(found) or not least <= int(found) <= most:
            raise _bad(f"{name} must be a whole number in {least:,}..{most:,}, not {_shown(found)}")
        return int(found)


def _shown(text: str) -> str:
    return repr(printable(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."))


def _bad(message: str) -> Refused:
    return Refused(400, "Bad Request", message)
