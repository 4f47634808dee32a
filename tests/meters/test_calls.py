"""`_core.Calls`, the callbacks of sys.monitoring: a call is known by its frame, and the clock is read in C."""

import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest

from historian import Recorder
from historian._core import Calls

DISABLE = object()


def nothing(code: types.CodeType) -> bool:
    return False


def code_of(function: Any) -> types.CodeType:
    found: types.CodeType = function.__code__
    return found


def test_a_call_is_recorded_once_when_it_ends() -> None:
    rec, calls = Recorder(), Calls(nothing, DISABLE)

    def work() -> None:
        code = code_of(work)
        assert calls.started(code, 0) is None
        assert rec.snapshot().count == 0
        calls.ended(code, 0, None)
        calls.ended(code, 0, None)  # it has ended already

    calls.add(code_of(work), rec)
    work()
    assert rec.snapshot().count == 1


def test_other_codes_are_looked_at_and_disabled() -> None:
    seen = []

    def look(code: types.CodeType) -> bool:
        seen.append(code)
        return False

    calls = Calls(look, DISABLE)
    code = code_of(test_other_codes_are_looked_at_and_disabled)
    assert calls.started(code, 0) is DISABLE
    calls.ended(code, 0, None)  # nothing to record
    assert seen == [code]


def test_frames_of_recursion_generators_and_threads_do_not_mix() -> None:
    rec, calls = Recorder(unit="ns"), Calls(nothing, DISABLE)

    def deep(n: int) -> None:
        calls.started(code_of(deep), 0)
        if n:
            deep(n - 1)
        calls.ended(code_of(deep), 0, None)

    def steps() -> Iterator[int]:
        calls.started(code_of(steps), 0)
        yield 1
        calls.ended(code_of(steps), 0, None)

    for function in (deep, steps):
        calls.add(code_of(function), rec)
    deep(9)
    assert rec.drain().count == 10
    one, two = steps(), steps()
    next(one), next(two)
    assert rec.snapshot().count == 0
    assert list(one) == list(two) == []
    assert rec.drain().count == 2
    threads = [threading.Thread(target=deep, args=(99,)) for _ in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert rec.drain().count == 400


def test_errors() -> None:
    def fails(code: types.CodeType) -> bool:
        raise LookupError

    calls = Calls(fails, DISABLE)
    with pytest.raises(LookupError):
        calls.started(code_of(test_errors), 0)
    with pytest.raises(TypeError):
        calls.add(code_of(test_errors), None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unit"):
        calls.add(code_of(test_errors), Recorder(unit="bytes"))


def test_no_reference_is_left() -> None:
    rec, calls = Recorder(), Calls(nothing, DISABLE)

    def work() -> None:
        calls.started(code_of(work), 0)
        calls.ended(code_of(work), 0, None)

    calls.add(code_of(work), rec)
    work()
    before = sys.getrefcount(rec), sys.getrefcount(work), sys.getrefcount(code_of(work))
    for _ in range(100):
        work()
    assert (sys.getrefcount(rec), sys.getrefcount(work), sys.getrefcount(code_of(work))) == before
