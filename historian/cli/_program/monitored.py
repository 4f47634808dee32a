"""`Monitored`: times functions by means of `sys.monitoring`, which is there from Python 3.12 on.

Each function that the program calls is seen once, when its code starts for the first time.  If it is not to be timed,
the interpreter does not tell of its code any more, so it runs at full speed.  Otherwise its start is kept until it
returns or an exception leaves it.  Calls are told apart by their frames, so threads, recursion, greenlets, generators
and coroutines do not mix.  A generator or coroutine starts at its first step, and ends when it returns.
"""

from __future__ import annotations

import sys
import time
from inspect import CO_NEWLOCALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    from ..._live.recorder import Recorder
    from .target import Targets

__all__ = ["Monitored", "is_available"]

TOOL = "historian run"


def is_available() -> bool:
    """Return whether this Python has `sys.monitoring`."""
    return hasattr(sys, "monitoring")


class Monitored:
    """Times the functions of `targets`, each in the recorder that `recorder` returns for its name."""

    def __init__(self, targets: Targets, recorder: Callable[[str], Recorder]) -> None:
        self._targets, self._recorder = targets, recorder
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._tool: int | None = None
        self._codes: list[CodeType] = []  # those that are timed: their ids stay theirs
        self._stops: dict[int, Callable[[int], object]] = {}  # `Recorder.stop` by the id of the code
        self._starts: dict[int, int] = {}  # of calls that run, by the id of their frame; in ns

    def start(self) -> None:
        """Begin.  Raises RuntimeError if other tools have taken all ids that `sys.monitoring` has."""
        monitoring = self._monitoring
        free = [tool for tool in (monitoring.PROFILER_ID, 3, 4) if monitoring.get_tool(tool) is None]
        if not free:
            raise RuntimeError(
                "other tools use all ids of sys.monitoring that are for profilers: end one, or pass --by wrapping"
            )
        monitoring.use_tool_id(free[0], TOOL)
        self._tool, events = free[0], monitoring.events
        for event, callback in zip((events.PY_START, events.PY_RETURN, events.PY_UNWIND), self._callbacks()):
            monitoring.register_callback(self._tool, event, callback)
        monitoring.set_events(self._tool, events.PY_START)

    def stop(self) -> None:
        """End, and give the id back."""
        tool, self._tool = self._tool, None
        if tool is None or self._monitoring.get_tool(tool) != TOOL:
            return
        events = self._monitoring.events
        self._monitoring.set_events(tool, 0)
        for code in self._codes:
            self._monitoring.set_local_events(tool, code, 0)
        for event in (events.PY_START, events.PY_RETURN, events.PY_UNWIND):
            self._monitoring.register_callback(tool, event, None)
        self._monitoring.free_tool_id(tool)

    def _callbacks(self) -> tuple[Callable[..., object], ...]:
        """Return the callbacks for the start of a function, its return, and an exception that leaves it."""
        stops, starts, look = self._stops, self._starts, self._look
        clock, frame, disable = time.perf_counter_ns, sys._getframe, self._monitoring.DISABLE

        def started(code: CodeType, offset: int) -> object:
            if id(code) in stops or look(code, frame(1).f_globals):
                starts[id(frame(1))] = clock()
                return None
            return disable

        def returned(code: CodeType, offset: int, value: object) -> None:
            began = starts.pop(id(frame(1)), None)
            if began is not None:  # else it ran before it was to be timed
                stops[id(code)](began)

        def unwound(code: CodeType, offset: int, error: BaseException) -> None:
            if id(code) in stops:  # of the whole program, each function that an exception leaves is told of
                began = starts.pop(id(frame(1)), None)
                if began is not None:
                    stops[id(code)](began)

        return started, returned, unwound

    def _look(self, code: CodeType, scope: dict[str, Any]) -> bool:
        """Return whether this code is to be timed; if so, have the interpreter tell of it."""
        module, name = scope.get("__name__"), code.co_qualname  # type: ignore[attr-defined,unused-ignore]
        is_function = code.co_flags & CO_NEWLOCALS  # not the body of a class
        if module not in self._targets.modules or not is_function or not self._targets.matching(module, name):
            return False
        events = self._monitoring.events
        if not self._codes:  # Only all exceptions can be seen, or none: none, until something is timed.
            self._monitoring.set_events(self._tool, events.PY_START | events.PY_UNWIND)
        self._codes.append(code)
        self._stops[id(code)] = self._recorder(f"{module}:{name}").stop
        self._monitoring.set_local_events(self._tool, code, events.PY_RETURN)
        return True
