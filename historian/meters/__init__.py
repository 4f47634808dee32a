"""Meters: what the runtime costs, and `historian.meters.pytest`, for tests that assert on latency.

The modules are imported when they are first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import pytest

__all__ = ["pytest"]

#: Modules of the names, which are imported when they are first used.
_HOMES = {"pytest": "pytest"}

if not TYPE_CHECKING:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import the module of a name in `_HOMES` when the name is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f".{_HOMES[name]}", __name__)
        found = globals()[name] = getattr(module, name, module)
        return found


def __dir__() -> list[str]:
    return __all__
