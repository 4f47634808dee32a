"""`Parser`: an argument parser that answers mistakes in one line and suggests the nearest word."""

from __future__ import annotations

import argparse
import sys

from .._values.text import printable
from ._near import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as one line on standard error, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print the message and where to find help, and exit."""
        print(f"{self.prog}: error: {printable(message)} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)

    def unknown(self, words: list[str]) -> NoReturn:
        """Refuse words of the command line that mean nothing."""
        options = [option for option in self._option_string_actions if option.startswith("--")]
        hint = did_you_mean(words[0].split("=")[0], options) if words[0].startswith("--") else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not among the choices: of an option, or of the commands."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            hint = did_you_mean(str(value), choices) or f"; choose from {', '.join(choices)}"
            raise argparse.ArgumentError(action, f"there is no {str(value)!r}{hint}")
