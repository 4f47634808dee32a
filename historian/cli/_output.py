"""How commands speak: `put` what was asked for, `say` what else must be known."""

from __future__ import annotations

import sys

from .._show.table import printable

__all__ = ["put", "say"]


def put(text: str) -> None:
    """Print text; what the terminal's encoding lacks comes out as escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(command: str, message: str) -> None:
    """Print a line about a command on standard error."""
    print(f"historian {command}: {printable(message)}", file=sys.stderr)
