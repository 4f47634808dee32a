"""`Target`: functions that are to be timed, by the name of their module and their own names."""

from __future__ import annotations

import argparse
from fnmatch import fnmatchcase

__all__ = ["Target", "Targets", "target_of"]

WILD = "*?["


class Target:
    """``module:name``, as it was written: the name of a function, or ``Class.method``; ``*`` stands for any text."""

    __slots__ = ("is_wild", "module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name
        self.is_wild = any(sign in name for sign in WILD)

    def matches(self, name: str) -> bool:
        """Return whether a function of the module, by its qualified name, is meant.

        A wildcard leaves out lambdas, comprehensions and what is defined within functions.
        """
        return name == self.name or (self.is_wild and "<" not in name and fnmatchcase(name, self.name))

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def target_of(text: str) -> Target:
    """Return the target that is written in an option.  Raises ArgumentTypeError if it is not module:name."""
    module, colon, name = text.strip().partition(":")
    parts = [*module.split("."), *name.replace(".<locals>", "").split(".")]
    if not colon or any(sign in module for sign in WILD):
        raise argparse.ArgumentTypeError(
            f"must be MODULE:FUNCTION, such as shop.db:query or __main__:work, not {text!r}"
        )
    if not all(part.isidentifier() or any(sign in part for sign in WILD) for part in parts):
        raise argparse.ArgumentTypeError(
            f"must be MODULE:FUNCTION or MODULE:CLASS.METHOD; in {text!r} a part is not a name of Python"
        )
    return Target(module, name)


class Targets:
    """All targets of a run, and what has been found of each."""

    def __init__(self, targets: list[Target]) -> None:
        self.all: list[Target] = list({str(target): target for target in targets}.values())
        self.modules: dict[str, list[Target]] = {}
        for target in self.all:
            self.modules.setdefault(target.module, []).append(target)
        self.found: set[str] = set()  # targets that a function matched, as texts
        self.problems: dict[str, str] = {}  # why a function cannot be timed, by target

    def matching(self, module: str, name: str) -> list[Target]:
        """Return the targets that mean this function, and note that they are found."""
        matching = [target for target in self.modules.get(module, ()) if target.matches(name)]
        self.found.update(map(str, matching))
        return matching
