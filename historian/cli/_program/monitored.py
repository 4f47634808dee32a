"""`Monitored`: times functions by means of `sys.monitoring`, which is there from Python 3.12 on.

Each function that the program calls is seen once, when its code starts for the first time.  If it is not to be timed,
the interpreter does not tell of its code any more, so it runs at full speed.  A call is timed from its start until it
returns or an exception leaves it; a generator or coroutine from its first step on.
"""

from __future__ import annotations

import sys
from inspect import CO_NEWLOCALS

from ..._core import Calls

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
        self._calls = Calls(self._look, self._monitoring.DISABLE)

    def start(self) -> None:
        """Begin.  Raises RuntimeError if other tools have taken all ids that `sys.monitoring` has."""
        monitoring = self._monitoring
        free = [tool for tool in (monitoring.PROFILER_ID, 3, 4) if monitoring.get_tool(tool) is None]
        if not free:
            raise RuntimeError(
                "other tools use all ids of sys.monitoring that are for profilers: end one, or pass --by wrapping"
            )
        monitoring.use_tool_id(free[0], TOOL)
        self._tool = free[0]
        self._set_callbacks(self._calls.started, self._calls.ended)
        monitoring.set_events(self._tool, monitoring.events.PY_START)

    def stop(self) -> None:
        """End, and give the id back."""
        if self._tool is None or self._monitoring.get_tool(self._tool) != TOOL:
            return
        self._monitoring.set_events(self._tool, 0)
        for code in self._codes:
            self._monitoring.set_local_events(self._tool, code, 0)
        self._set_callbacks(None, None)
        self._monitoring.free_tool_id(self._tool)
        self._tool = None

    def _set_callbacks(self, started: object, ended: object) -> None:
        events = self._monitoring.events
        for event, callback in ((events.PY_START, started), (events.PY_RETURN, ended), (events.PY_UNWIND, ended)):
            self._monitoring.register_callback(self._tool, event, callback)

    def _look(self, code: CodeType) -> bool:
        """Return whether a code that starts is to be timed; if so, have the interpreter tell of its end."""
        module = sys._getframe(1).f_globals.get("__name__")  # the frame of the code, since no Python lies between
        name = code.co_qualname  # type: ignore[attr-defined,unused-ignore]
        is_function = code.co_flags & CO_NEWLOCALS  # not the body of a class
        if module not in self._targets.modules or not is_function or not self._targets.matching(module, name):
            return False
        events = self._monitoring.events
        if not self._codes:  # Only all exceptions can be seen, or none: none, until something is timed.
            self._monitoring.set_events(self._tool, events.PY_START | events.PY_UNWIND)
        self._codes.append(code)
        self._calls.add(code, self._recorder(f"{module}:{name}"))
        self._monitoring.set_local_events(self._tool, code, events.PY_RETURN)
        return True
