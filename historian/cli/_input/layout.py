"""`Layout`: where in a file the numbers are, and which of them count."""

from __future__ import annotations

from typing import NamedTuple

from ..._values.key import Key
from .choice import EVERYTHING, Choice
from .generators import Shape
from .tally import ALL, InputError

__all__ = ["Layout"]


class Layout(NamedTuple):
    """Where the numbers are in csv, JSON and logs, and which of them count."""

    column: str = ""  # of csv: its name, or its number from 1
    field: str = ""  # of JSON: keys joined by dots
    pattern: str = ""  # of lines of a log: a regular expression with a group "value"
    generator: str = ""  # the program that wrote the file, which tells all of this
    header: bool | None = None  # whether the first line of csv names the columns; None: it should
    choice: Choice = EVERYTHING
    dialect: str = ""  # of DDSketch: the library that wrote the file
    apart: str = ""  # the key of what a generator's file may hold several of
    otherwise: Key = ALL  # the group of what has no name

    @property
    def is_told(self) -> bool:
        """Whether the options tell where the numbers are."""
        return bool(self.column or self.field or self.pattern or self.generator or self.header is not None)

    def of_shape(self, shape: Shape) -> Layout:
        """Return the layout of a generator's file."""
        choice = self.choice.narrowed(shape.where)
        apart = "" if shape.apart in (*choice.where, *choice.by) else shape.apart
        return self._replace(
            column=shape.column, field=shape.field, header=shape.header, choice=choice, generator="", apart=apart
        )

    def refuse(self, name: str, what: str) -> None:
        """Raise InputError for options that do not apply to a file without columns, fields and labels."""
        where, by = (set(keys) - {"name"} for keys in (self.choice.where, self.choice.by))
        options = {
            "--column": self.column, "--field": self.field, "--pattern": self.pattern, "--where": where, "--by": by,
            "--from": self.generator,
        }  # fmt: skip
        for option, given in options.items():
            if given:
                raise InputError(f"{name}: {option} does not apply to {what}: omit it, or read that file by itself")

    def group_of(self, name: str) -> Key | None:
        """Return the group of a file without columns, fields and labels; None if it does not count."""
        return self.choice.of_file(name, self.otherwise)
