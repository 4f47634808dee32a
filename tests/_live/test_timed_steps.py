"""Generators and coroutines under `@rec.timed`: every step is that of the generator, and its time is recorded once."""

import asyncio
import collections.abc
import contextlib
import functools
import gc
import inspect
import sys
import threading
import traceback
import types
import weakref

import pytest

from historian import Recorder


@pytest.fixture
def rec():
    return Recorder("steps")


@pytest.fixture
def errors():
    return Recorder("errors")


class Pause:
    """Suspends the coroutine that awaits it, once; the result is what is sent then."""

    def __await__(self):
        return (yield "paused")


def counts(*recorders):
    return [recorder.snapshot().count for recorder in recorders]


def echo(log):
    """Yield what is sent, until told to return or to raise."""
    try:
        got = None
        while True:
            try:
                got = yield got
            except KeyError as error:
                got = error
            if got == "raise":
                raise IndexError(got)
            if isinstance(got, tuple) and got[0] == "return":
                return got[1]
    finally:
        log.append("finally")


async def waiting(log):
    try:
        return await Pause()
    finally:
        log.append("finally")


def played(make, moves):
    """Return what a generator answers to each move; an error ends neither the moves nor the test."""
    answers, steps = [], make()
    for name, *arguments in moves:
        try:
            answers.append(getattr(steps, name)(*arguments))
        except BaseException as error:
            answers.append((type(error), error.args))
    return answers


MOVES = {
    "exhausted": [("__next__",), ("send", 3), ("send", ("return", 7)), ("__next__",), ("send", None)],
    "returns none": [("send", None), ("send", ("return", None)), ("__next__",)],
    "returns a tuple": [("__next__",), ("send", ("return", (1, 2))), ("close",)],
    "returns an exception": [("__next__",), ("send", ("return", ValueError))],
    "just started": [("send", 1), ("send", None), ("send", 1), ("close",), ("close",), ("__next__",)],
    "closed early": [("close",), ("__next__",), ("send", None), ("throw", KeyError("k"))],
    "thrown early": [("throw", KeyError("k")), ("__next__",), ("close",)],
    "thrown": [("__next__",), ("throw", KeyError), ("throw", IndexError("mine")), ("__next__",), ("close",)],
    "raises": [("__next__",), ("send", "raise"), ("send", "raise"), ("throw", KeyError("late"))],
    "exit": [("__next__",), ("throw", GeneratorExit), ("__next__",)],
    "badly asked": [("__next__",), ("throw",), ("throw", 3), ("send",), ("send", 5), ("close",)],
}
RECORDED = {"closed early": (0, 0), "thrown early": (0, 0), "thrown": (0, 1), "raises": (0, 1)}


def unnamed(answers):
    """Leave out the messages of TypeErrors, which name the class."""
    return [(answer[0], ()) if isinstance(answer, tuple) and answer[0] is TypeError else answer for answer in answers]


@pytest.mark.parametrize("moves", MOVES)
def test_a_timed_generator_answers_as_the_generator(moves, rec, errors):
    bare_log, log = [], []
    timed = rec.timed(errors=errors)(echo)
    bare = unnamed(played(lambda: echo(bare_log), MOVES[moves]))
    answers = unnamed(played(lambda: timed(log), MOVES[moves]))
    assert repr(answers) == repr(bare) and log == bare_log
    assert counts(rec, errors) == [*RECORDED.get(moves, (1, 0))]


COROUTINE_MOVES = {
    "awaited": [("send", None), ("send", 7), ("send", None), ("close",)],
    "returns a tuple": [("send", None), ("send", (1, 2))],
    "just started": [("send", 1), ("close",), ("send", None)],
    "thrown": [("send", None), ("throw", KeyError("k")), ("send", None)],
    "cancelled": [("send", None), ("throw", asyncio.CancelledError()), ("close",)],
    "closed": [("send", None), ("close",), ("send", None), ("throw", KeyError("late"))],
}
COROUTINES_RECORDED = {"just started": (0, 0), "thrown": (0, 1), "cancelled": (0, 1)}


@pytest.mark.parametrize("moves", COROUTINE_MOVES)
def test_a_timed_coroutine_answers_as_the_coroutine(moves, rec, errors):
    bare_log, log = [], []
    timed = rec.timed(errors=errors)(waiting)
    assert repr(played(lambda: timed(log), COROUTINE_MOVES[moves])) == repr(
        played(lambda: waiting(bare_log), COROUTINE_MOVES[moves])
    )
    assert log == bare_log and counts(rec, errors) == [*COROUTINES_RECORDED.get(moves, (1, 0))]


def test_yield_from_and_await_pass_everything_on(rec):
    def outer(log):
        return ("outer", (yield from rec.timed(echo)(log)))

    log = []
    steps = outer(log)
    assert next(steps) is None and steps.send(1) == 1
    assert repr(steps.throw(KeyError("k"))) == "KeyError('k')"
    with pytest.raises(StopIteration) as stop:
        steps.send(("return", (1, 2)))
    assert stop.value.value == ("outer", (1, 2)) and log == ["finally"] and counts(rec) == [1]

    async def main(value):
        return await rec.timed(waiting)(log)

    for value in (None, 5, (1, 2), ValueError("v"), StopIteration):
        coroutine = main(value)
        assert coroutine.send(None) == "paused"
        with pytest.raises(StopIteration) as stop:
            coroutine.send(value)
        assert stop.value.value is value
    assert counts(rec) == [6]


def test_they_stay_what_they_are(rec):
    generator, coroutine = rec.timed(echo)([]), rec.timed(waiting)([])
    assert isinstance(generator, types.GeneratorType) and inspect.isgenerator(generator)
    assert isinstance(generator, collections.abc.Generator) and not inspect.isawaitable(generator)
    assert isinstance(coroutine, types.CoroutineType) and inspect.iscoroutine(coroutine)
    assert isinstance(coroutine, collections.abc.Coroutine) and asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine) and not isinstance(coroutine, collections.abc.Iterable)
    assert (generator.__name__, generator.__qualname__) == ("echo", "echo")
    assert generator.gi_code is echo.__code__ and coroutine.cr_code is waiting.__code__
    assert inspect.getgeneratorstate(generator) == "GEN_CREATED"
    assert inspect.getcoroutinestate(coroutine) == "CORO_CREATED"
    next(generator), coroutine.send(None)
    assert inspect.getgeneratorstate(generator) == "GEN_SUSPENDED"
    assert inspect.getgeneratorlocals(generator)["log"] == []
    assert inspect.getcoroutinestate(coroutine) == "CORO_SUSPENDED" and coroutine.cr_await is not None
    generator.close(), coroutine.close()
    assert inspect.getgeneratorstate(generator) == "GEN_CLOSED"
    generator.__name__ = "renamed"
    assert generator.__name__ == "renamed" and repr(generator).startswith("<timed <generator object echo")
    for steps in (generator, coroutine):
        with pytest.raises(TypeError, match="cannot pickle"):
            steps.__reduce__()
        with pytest.raises(TypeError):
            iter(coroutine)
        with pytest.raises(AttributeError, match="unheard_of"):
            steps.unheard_of  # noqa: B018
        assert weakref.ref(steps)() is steps


def test_a_coroutine_is_awaited_once(rec):
    async def outer(coroutine):
        return await coroutine

    coroutine = rec.timed(waiting)([])
    first, second = outer(coroutine), outer(coroutine)
    assert first.send(None) == "paused"
    with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
        second.send(None)
    with pytest.raises(StopIteration):
        first.send(None)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        outer(coroutine).send(None)
    assert counts(rec) == [1]


def test_a_coroutine_that_is_never_awaited_says_so(rec):
    def forget():
        rec.timed(waiting)([])
        gc.collect()

    with pytest.warns(RuntimeWarning, match="coroutine 'waiting' was never awaited"):
        forget()
    assert counts(rec) == [0]


def test_old_coroutines_can_be_awaited(rec):
    @rec.timed
    @types.coroutine
    def old():
        return (yield "paused")

    steps = old()
    assert inspect.isawaitable(steps) and isinstance(steps, types.GeneratorType)

    async def main():
        return await old()

    coroutine = main()
    assert coroutine.send(None) == "paused"
    with pytest.raises(StopIteration) as stop:
        coroutine.send(9)
    assert stop.value.value == 9 and counts(rec) == [1]
    steps.close()


def test_what_is_not_finished_is_closed_and_recorded(rec, errors):
    log = []
    timed = rec.timed(errors=errors)(echo)
    unused = timed(log)
    del unused
    assert counts(rec) == [0] and log == []
    steps = timed(log)
    next(steps)
    del steps
    gc.collect()
    assert log == ["finally"] and counts(rec, errors) == [1, 0]
    coroutine = rec.timed(waiting)(log)
    coroutine.send(None)
    del coroutine
    gc.collect()
    assert log == ["finally", "finally"] and counts(rec, errors) == [2, 0]


def test_an_error_while_it_is_closed_is_told(rec, errors, monkeypatch):
    @rec.timed(errors=errors)
    def stubborn():
        try:
            yield 1
        finally:
            raise KeyError("at the end")

    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.append(repr(args.exc_value)))
    steps = stubborn()
    next(steps)
    del steps
    gc.collect()
    assert told == ["KeyError('at the end')"] and counts(rec, errors) == [0, 1]
    steps = stubborn()
    next(steps)
    with pytest.raises(KeyError):
        steps.close()
    assert counts(rec, errors) == [0, 2]


def test_a_generator_that_ignores_its_end_goes_on(rec, errors):
    @rec.timed(errors=errors)
    def deaf():
        try:
            yield 1
        except GeneratorExit:
            yield 2
        yield 3

    steps = deaf()
    next(steps)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        steps.close()
    assert counts(rec, errors) == [0, 0] and next(steps) == 3
    with pytest.raises(StopIteration):
        next(steps)
    assert counts(rec, errors) == [1, 0]


def test_cycles_are_collected(rec):
    def holding(box):
        yield box

    box = []
    steps = rec.timed(holding)(box)
    box.append(steps)
    next(steps)
    gone = weakref.ref(steps)
    del steps, box
    gc.collect()
    assert gone() is None and counts(rec) == [1]

    def inside():
        mine = yield
        yield mine

    steps = rec.timed(inside)()
    next(steps), steps.send(steps)
    gone = weakref.ref(steps)
    del steps
    gc.collect()
    assert gone() is None and counts(rec) == [2]


def test_a_step_within_a_step_is_refused(rec, errors):
    @rec.timed(errors=errors)
    def itself():
        with pytest.raises(ValueError, match="already executing"):
            next(steps)
        with pytest.raises(ValueError, match="already executing"):
            steps.close()
        yield 1

    steps = itself()
    assert next(steps) == 1 and counts(rec, errors) == [0, 0]
    assert list(steps) == [] and counts(rec, errors) == [1, 0]


def test_steps_of_another_thread_are_refused(rec, errors):
    inside, go = threading.Event(), threading.Event()

    @rec.timed(errors=errors)
    def slow():
        inside.set()
        go.wait(60)
        yield 1

    steps, got = slow(), []
    thread = threading.Thread(target=lambda: got.append(next(steps)))
    thread.start()
    inside.wait(60)
    with pytest.raises(ValueError, match="already executing"):
        next(steps)
    go.set()
    thread.join()
    assert got == [1] and list(steps) == [] and counts(rec, errors) == [1, 0]


def test_many_threads_lose_no_call(rec):
    """4 threads of 500 generators and 500 coroutines: each is recorded once."""
    generator, coroutine = rec.timed(lambda: (yield from range(3))), rec.timed(waiting)

    def run():
        for _ in range(500):
            assert list(generator()) == [0, 1, 2]
            played(lambda: coroutine([]), COROUTINE_MOVES["awaited"])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(rec) == [4_000]


def test_no_frame_is_added_to_a_traceback(rec):
    @rec.timed
    def fails():
        yield 1
        raise KeyError("k")

    @rec.timed
    async def afails():
        raise KeyError("k")

    with pytest.raises(KeyError) as caught:
        list(fails())
    assert [frame.name for frame in traceback.extract_tb(caught.tb)][1:] == ["fails"]

    async def main():
        await afails()

    with pytest.raises(KeyError) as caught:
        asyncio.run(main())
    assert [frame.name for frame in traceback.extract_tb(caught.tb)][-2:] == ["main", "afails"]


def test_arguments_that_do_not_fit_are_refused_at_the_call(rec, errors):
    """As the bare function does."""
    for function in (echo, waiting):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'log'"):
            rec.timed(errors=errors)(function)()
    assert counts(rec, errors) == [0, 0]


def test_exits(rec, errors):
    @rec.timed(errors=errors)
    def leaving(status):
        yield 1
        raise SystemExit(status)

    for status in (0, None, 3, "failed"):
        with pytest.raises(SystemExit):
            list(leaving(status))
    assert counts(rec, errors) == [2, 2]


def test_the_exception_that_is_handled_is_known_inside(rec):
    @rec.timed
    def asks():
        while True:
            yield sys.exc_info()[1]

    steps = asks()
    assert next(steps) is None
    mine = KeyError("k")
    with contextlib.suppress(KeyError):
        try:
            raise mine
        finally:
            assert next(steps) is mine
    assert next(steps) is None
    steps.close()


def test_timed_twice_and_handed_on(rec, errors):
    other = Recorder()
    twice = other.timed(rec.timed(echo))
    steps = twice([])
    assert isinstance(steps, types.GeneratorType) and next(steps) is None and steps.send(4) == 4
    with pytest.raises(StopIteration) as stop:
        steps.send(("return", 5))
    assert stop.value.value == 5 and counts(rec, other) == [1, 1]
    made = echo([])
    handed = rec.timed(lambda: made)()
    next(handed)
    handed.close()
    assert made.gi_frame is None and counts(rec) == [2]

    coroutine = other.timed(rec.timed(waiting))([])
    assert asyncio.iscoroutine(coroutine) and coroutine.send(None) == "paused"
    with pytest.raises(IndexError):
        coroutine.throw(IndexError)
    assert counts(rec, other) == [3, 2]


def test_tasks_run_and_are_cancelled(rec, errors):
    @rec.timed(errors=errors)
    async def sleeping(seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def main():
        task = asyncio.create_task(sleeping(0))
        assert "sleeping" in repr(task) and await task == 0
        assert await asyncio.gather(sleeping(0), sleeping(0)) == [0, 0]
        task = asyncio.create_task(sleeping(60))
        await asyncio.sleep(0)
        assert task.get_stack()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main(), debug=True)
    assert counts(rec, errors) == [3, 1]


def test_instances_whose_call_is_a_generator_or_a_coroutine(rec):
    class Steps:
        def __call__(self, n):
            return (yield from range(n))

    class Later:
        @types.coroutine
        def __call__(self):
            return (yield "paused")

    timed = rec.timed(Steps())
    assert inspect.isgeneratorfunction(timed) and list(timed(3)) == [0, 1, 2] and counts(rec) == [1]

    async def main():
        return await rec.timed(Later())()

    coroutine = main()
    assert coroutine.send(None) == "paused"
    with pytest.raises(StopIteration) as stop:
        coroutine.send(2)
    assert stop.value.value == 2 and counts(rec) == [2]
    partial = rec.timed(functools.partial(echo, []))
    assert inspect.isgeneratorfunction(partial) and next(partial()) is None
