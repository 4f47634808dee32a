"""`Wrapped`: times functions by putting timed ones in their place, as soon as their module has been imported.

This is how functions are timed before Python 3.12.  What is timed is what has the name: a function with its
decorators.  Where the module itself has kept the function before its import was over, such as in a table of handlers,
calls that come through there are not timed.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any

    from ..._live.recorder import Recorder
    from .target import Target, Targets

__all__ = ["Namespace", "Wrapped"]


class Wrapped:
    """Times the functions of `targets`, each in the recorder that `recorder` returns for its name."""

    def __init__(self, targets: Targets, recorder: Callable[[str], Recorder]) -> None:
        self._targets, self._recorder = targets, recorder
        self._finding: set[str] = set()  # modules that the other finders are asked for

    def start(self) -> None:
        """Begin: modules that are imported already are changed at once, others when they have been imported."""
        sys.meta_path.insert(0, self)  # type: ignore[arg-type,unused-ignore]
        for name in self._targets.modules:
            if name in sys.modules and name != "__main__":
                self.wrap_module(sys.modules[name])

    def stop(self) -> None:
        """End: no module is changed any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type,unused-ignore]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as the other finders do, and have it changed when it has been executed."""
        if name not in self._targets.modules or name in self._finding:
            return None
        self._finding.add(name)
        try:
            found = (finder.find_spec(name, path, target) for finder in sys.meta_path if hasattr(finder, "find_spec"))
            spec = next((spec for spec in found if spec is not None), None)
        finally:
            self._finding.discard(name)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            _after_execution(spec.loader, self.wrap_module)
        return spec

    def wrap_module(self, module: types.ModuleType) -> None:
        """Replace the functions of a module that are to be timed."""
        self._wrap_those(module, _functions_of(module, vars(module)))

    def wrap_name(self, module: types.ModuleType, name: str) -> None:
        """Replace what a variable of a module holds, a function or those of a class, if it is to be timed."""
        self._wrap_those(module, _functions_of(module, {name: vars(module)[name]}), name)

    def _wrap_those(self, module: types.ModuleType, names: Iterable[str], only: str | None = None) -> None:
        """Replace functions by their qualified names: those that wildcards mean among `names`, and single ones."""
        names, done = list(names), set()
        for target in self._targets.modules.get(module.__name__, ()):
            if target.is_wild:
                chosen = list(filter(target.matches, names))
            else:
                chosen = [target.name] if only is None or target.name.split(".")[0] == only else []
            for name in chosen:
                if name not in done:  # of another target
                    self._wrap(module, name, target)
                done.add(name)

    def timed(self, module: str, name: str, function: Any) -> Any:
        """Return a function that is timed in its recorder.  Raises TypeError if it cannot be timed."""
        if isinstance(function, property):
            getter = self.timed(module, name, function.fget) if function.fget is not None else None
            return property(getter, function.fset, function.fdel, function.__doc__)
        if isinstance(function, functools.cached_property):
            function.func = self.timed(module, name, function.func)
            return function
        return self._recorder(f"{module}:{name}").timed(function)

    def _wrap(self, module: types.ModuleType, name: str, target: Target) -> None:
        """Replace a function, if it is there, and of this module."""
        *path, last = name.split(".")
        holder: Any = module
        for part in path:
            holder = inspect.getattr_static(holder, part, None)
        function = vars(holder).get(last) if hasattr(holder, "__dict__") else None
        if function is None or isinstance(function, type) or _module_of(function, module.__name__) != module.__name__:
            return
        self._targets.matching(module.__name__, name)
        try:
            setattr(holder, last, self.timed(module.__name__, name, function))
        except (TypeError, AttributeError) as error:  # a class of C, a class in place of a function
            self._targets.problems[str(target)] = str(error)


def _after_execution(loader: Any, change: Callable[[types.ModuleType], None]) -> None:
    """Have a loader call `change` for the module that it executes next."""

    def exec_module(module: types.ModuleType) -> None:
        del loader.exec_module  # that of its class is there again
        loader.exec_module(module)
        change(module)

    loader.exec_module = exec_module


def _module_of(function: Any, otherwise: str) -> str:
    inner = getattr(function, "fget", None) or getattr(function, "func", None) or function
    found = getattr(inner, "__module__", None)
    return found if isinstance(found, str) else otherwise


def _functions_of(module: types.ModuleType, variables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of the functions and methods that are written in a module: ``name`` and ``Class.name``."""
    for name, value in list(variables.items()):
        if not isinstance(value, type):
            if _is_written_in(value, module, prefix + name):
                yield prefix + name
        elif value.__module__ == module.__name__ and value.__qualname__ == prefix + name:
            yield from _functions_of(module, vars(value), f"{prefix}{name}.")


def _is_written_in(value: Any, module: types.ModuleType, name: str) -> bool:
    """Return whether a function is written in a module, below its decorators, under this name."""
    value = getattr(value, "__func__", None) or getattr(value, "fget", None) or getattr(value, "func", None) or value
    if not callable(value) or getattr(value, "__qualname__", name) != name:
        return False
    code = getattr(inspect.unwrap(value), "__code__", None)
    return code is not None and getattr(value, "__module__", None) == module.__name__


class Namespace(MutableMapping[str, object]):
    """The variables of a script.  Functions that are to be timed are replaced when the script assigns them."""

    def __init__(self, module: types.ModuleType, wrapped: Wrapped) -> None:
        self._variables, self._module, self._wrapped = vars(module), module, wrapped

    def __getitem__(self, name: str) -> Any:
        return self._variables[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._variables[name] = value
        if getattr(value, "__module__", None) == "__main__":
            self._wrapped.wrap_name(self._module, name)

    def __delitem__(self, name: str) -> None:
        del self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)
