"""What the runtime itself costs: meters that record how long a program waits for its event loop, GC, GIL and threads.

==================================================  ==========================  ========================
to know                                             start                       it records in
==================================================  ==========================  ========================
how late callbacks of an event loop run             `EventLoopLag`              ``event_loop.lag``
how long garbage collections stop the program       `GcPauses`                  ``gc.pause{generation=2}``
how late a thread runs, whatever the reason         `Hiccups`                   ``hiccup``
how long a thread that is ready waits for the GIL   `GilWait`                   ``gil.wait``
how long calls wait for a thread of an executor     `ThreadPoolQueue`           ``thread_pool.queue``
==================================================  ==========================  ========================

All record seconds, in recorders of `historian.default_registry` unless `registry` names another one.  Other keyword
arguments become labels of these recorders.  Nothing runs before ``start()``, or before the ``with`` block; ``stop()``,
or the end of the block, restores everything.  A meter can be started again after it was stopped.  To start one that is
running raises RuntimeError, and so does a second one that would count the same in the same recorder.  To stop one that
does not run does nothing.  All meters stop when the interpreter exits.  With ``HISTORIAN_DISABLE=1`` they never start.

After a fork, the child goes on measuring: meters with a thread get a new one there.  Only `EventLoopLag` is off in the
child, because the loop of the parent does not run there.  While a process forks, meters have no thread.

`historian.meters.pytest` is for tests that assert on latency.

>>> from historian import Registry, meters
>>> registry = Registry()
>>> with meters.GcPauses(registry=registry):
...     import gc
...     unreachable = gc.collect()
>>> registry.snapshot().select("gc.pause", generation=2).total().count
1
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import pytest
    from .event_loop import EventLoopLag
    from .gc_pauses import GcPauses
    from .gil import GilWait
    from .hiccups import Hiccups
    from .meter import Meter
    from .thread_pool import ThreadPoolQueue

__all__ = ["EventLoopLag", "GcPauses", "GilWait", "Hiccups", "Meter", "ThreadPoolQueue", "pytest"]

#: Modules of the names, which are imported when they are first used.
_HOMES = {
    "EventLoopLag": "event_loop",
    "GcPauses": "gc_pauses",
    "GilWait": "gil",
    "Hiccups": "hiccups",
    "Meter": "meter",
    "ThreadPoolQueue": "thread_pool",
    "pytest": "pytest",
}

if not TYPE_CHECKING:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import the module of a name in `_HOMES` when the name is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f".{_HOMES[name]}", __name__)
        found = globals()[name] = getattr(module, name, module)  # the name of a module is its own
        return found


def __dir__() -> list[str]:
    return __all__
