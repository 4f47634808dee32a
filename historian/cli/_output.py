"""Output of commands: `put` prints results, `say` prints messages on standard error."""

from __future__ import annotations

import sys

from .._values.text import printable

__all__ = ["put", "say"]


def put(text: str) -> None:
    """Print text; characters that the output's encoding lacks are printed as escape sequences."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(command: str, message: str) -> None:
    """Print a message of a command on standard error, as one line."""
    print(f"historian {command}: {printable(message)}", file=sys.stderr)
