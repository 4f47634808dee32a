"""`GcPauses`: how long collections of the garbage collector take, by generation."""

from __future__ import annotations

import gc
import time

from .meter import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._live.recorder import Recorder
    from ..registry import Registry

    _Callback = Callable[[str, dict[str, int]], None]

__all__ = ["GcPauses"]

GENERATIONS = 3


class GcPauses(Meter):
    """Records how long each collection of the garbage collector takes: ``gc.pause``, with the label `generation`.

    A collection runs in the thread that has allocated the object too many, and with the GIL: all threads wait.  What is
    measured is the time between the calls of `gc.callbacks` before and after it, so it includes finalizers and
    callbacks of weak references that it runs, and those of other callbacks that come between.  Collections by
    `gc.collect` count, too.  Objects that are freed because nothing refers to them any more are not collected: that
    takes no pause.

    >>> import gc
    >>> from historian import Registry
    >>> registry = Registry()
    >>> with GcPauses(registry=registry):
    ...     unreachable = gc.collect(0) + gc.collect(0) + gc.collect(2)
    >>> {str(key): h.count for key, h in registry.snapshot().items() if h.count}
    {'gc.pause{generation=0}': 2, 'gc.pause{generation=2}': 1}
    """

    __module__ = "historian.meters"

    _name = "gc.pause"

    def __init__(self, *, registry: Registry | None = None, **labels: object) -> None:
        if "generation" in labels:
            raise ValueError(f"generation is a label that the meter sets itself, not {labels['generation']!r}: omit it")
        self._callback: _Callback | None = None
        super().__init__(registry, labels)

    def _find_recorders(self) -> tuple[Recorder, ...]:
        return tuple(
            self._registry.recorder(self._name, labels={**self._labels, "generation": n}) for n in range(GENERATIONS)
        )

    def _begin(self) -> None:
        self._callback = _callback(self._recorders)
        gc.callbacks.append(self._callback)

    def _end(self) -> None:
        # By identity, in one step: callbacks of others may come and go meanwhile.
        callback, self._callback = self._callback, None
        if callback in gc.callbacks:
            gc.callbacks.remove(callback)


def _callback(recorders: tuple[Recorder, ...]) -> _Callback:
    """Return a callback that records.  Collections do not nest, in whichever threads they run: one start is enough."""
    clock, began = time.perf_counter_ns, 0
    stops = [recorder.stop for recorder in recorders]

    def callback(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = clock()
        elif began:  # else it was started during a collection
            started, began = began, 0
            stops[info["generation"]](started)

    return callback
