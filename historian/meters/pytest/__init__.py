"""Tests that assert on latency: the fixture `Latency`, and what it returns.

pytest loads the plugin by itself.  A test asks for the fixture ``latency``.

===========================================  ==========================================
to                                           use
===========================================  ==========================================
measure a function                           ``latency(function, *args)``: `Measured`
measure a coroutine function                 ``await latency.async_(function, *args)``
measure a block of code                      ``with latency.block("name"):`` in a loop: `Block`
compare two functions                        ``latency.compare(a, b)``: `Compared`
choose how long to measure                   ``@pytest.mark.latency(seconds=5)``, `Latency.options`
assert                                       ``assert latency(function).p99 < 0.005``: `Bound`
compare with earlier runs                    ``pytest --latency-save``, ``pytest --latency-baseline``
===========================================  ==========================================

Outside of tests, ``Latency()`` does the same.  The classes are imported when they are first used.
"""

__all__ = ["Block", "Bound", "Compared", "Latency", "Measured"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._bound import Bound
    from ._compared import Compared
    from ._latency import Latency
    from ._measured import Block, Measured

_HOMES = {
    "Block": "_measured",
    "Bound": "_bound",
    "Compared": "_compared",
    "Latency": "_latency",
    "Measured": "_measured",
}

if not TYPE_CHECKING:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import the module of a name of `__all__` when the name is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return found


def __dir__() -> list[str]:
    return __all__
