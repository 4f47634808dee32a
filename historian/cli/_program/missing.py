"""`missing`: why functions that were to be timed have not been."""

from __future__ import annotations

import sys
import types

from .._near import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from .target import Target, Targets

__all__ = ["missing"]


def missing(
    targets: Targets, main: types.ModuleType | None, timed: Collection[str], *, is_monitored: bool
) -> Iterator[str]:
    """Yield a sentence for each target of which no call was timed; `timed` has the names of recorders with values."""
    for target in targets.all:
        if str(target) in targets.problems:
            yield f"{target} cannot be timed: {targets.problems[str(target)]}"
        elif str(target) not in timed if not target.is_wild else str(target) not in targets.found:
            yield _reason(target, main, is_monitored)


def _reason(target: Target, main: types.ModuleType | None, is_monitored: bool) -> str:
    module = main if target.module == "__main__" else sys.modules.get(target.module)
    if module is None:
        hint = did_you_mean(target.module, [name for name in list(sys.modules) if not name.startswith("_")])
        return f"{target}: the program has not imported {target.module!r}{hint}"
    if module.__name__ != target.module:
        return f"{target}: the name of this module is {module.__name__!r}: pass --time {module.__name__}:{target.name}"
    if target.is_wild:
        return f"{target}: no function of this module that was called has such a name"
    found: Any = module
    for part in target.name.split("."):
        found = getattr(found, part, None)
    if found is None:
        return f"{target}: {target.module!r} has no {target.name!r}{did_you_mean(target.name, _names(module))}"
    home = getattr(found, "__module__", None)
    if isinstance(found, type):
        return f"{target} is a class: time its methods, such as {target}.__init__, or all: {target}.*"
    if not callable(found) and not hasattr(type(found), "__get__"):
        return f"{target} is not a function"
    if isinstance(home, str) and home != target.module:
        return (
            f"{target} is written in another module: pass --time {home}:{getattr(found, '__qualname__', target.name)}"
        )
    if is_monitored and callable(found) and not isinstance(found, (types.FunctionType, types.MethodType)):
        return f"{target} was not called; or it is written in C, which sys.monitoring does not see: pass --by wrapping"
    return f"{target} was not called"


def _names(module: types.ModuleType) -> list[str]:
    """Return the names of the functions and methods of a module."""
    names = []
    for name, value in list(vars(module).items()):
        if isinstance(value, type):
            names += [f"{name}.{inner}" for inner, one in list(vars(value).items()) if callable(one)]
        elif callable(value):
            names.append(name)
    return names
