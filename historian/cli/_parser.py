"""`Parser`: an argument parser that answers mistakes in one line and suggests the nearest word."""

from __future__ import annotations

import argparse
import os
import sys

from .._values.text import printable
from ._near import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["Parser"]

#: Marks a word that is no option.  No word of a command line contains it.
MARK = "\0"


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as one line on standard error, with exit status 2.

    Options may stand between the names of files.  If `begins_program` is true, the first word that is no option, or
    ``-m``, begins the command line of a program, which is kept as `program`.
    """

    begins_program = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._words: list[str] = []  # of the command line
        self._is_inside = False  # whether argparse calls `parse_known_args` itself

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; return the arguments, and the words that mean nothing."""
        if self._is_inside or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._words = list(sys.argv[1:] if args is None else args)
        program = self._split_off() if self.begins_program else []
        self._is_inside = True
        try:
            found, unknown = self.parse_known_intermixed_args(_marked(self._words), namespace)
        finally:
            self._is_inside = False
        found.program = program
        for action in self._get_positional_actions():
            files = getattr(found, action.dest, None)
            if isinstance(files, list):
                setattr(found, action.dest, [_unmarked(file) for file in files])
            elif isinstance(files, str):
                setattr(found, action.dest, _unmarked(files))
        return found, list(map(_unmarked, unknown))

    def _split_off(self) -> list[str]:
        """Split the command line of a program off `_words`, and return it."""
        at = 0
        while at < len(self._words) and self._words[at].startswith("-"):
            word = self._words[at]
            if word == "--":
                program, self._words = self._words[at + 1 :], self._words[:at]
                return program
            if word.startswith("-m"):
                break
            action = self._option_string_actions.get(word)
            at += 2 if action is not None and action.nargs is None else 1  # a word more is its value
        program, self._words = self._words[at:], self._words[:at]
        if program and program[0].startswith("-m") and len(program[0]) > 2:
            program[:1] = ["-m", program[0][2:]]
        return program

    def error(self, message: str) -> NoReturn:
        """Print the message and where to find help, and exit."""
        message = printable(message.replace(MARK, "") + _file_hint(self._words))
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
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

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help; an error of the output is not suppressed, as argparse does."""
        (file or sys.stderr).write(message)


def _marked(words: list[str]) -> list[str]:
    """Return words without ``--``; those behind it are marked, so that they are no options.

    Before Python 3.13, argparse forgets where ``--`` was if options stand between files.
    """
    if "--" not in words:
        return words
    end = words.index("--")
    return words[:end] + [MARK + word if len(word) > 1 and word[0] == "-" else word for word in words[end + 1 :]]


def _unmarked(word: str) -> str:
    return word.removeprefix(MARK) if isinstance(word, str) else word


def _file_hint(words: Sequence[str]) -> str:
    """Return the end of a message if a word looks like an option, but is the name of a file."""
    for word in words[: words.index("--") if "--" in words else None]:
        if word.startswith("-") and len(word) > 1 and os.path.lexists(word):
            return f"; for the file of this name, write ./{word}, or -- before it"
    return ""
