"""`@timed` on functions whose result goes on working after the call: tasks, futures, other awaitables."""

import asyncio
import concurrent.futures
import contextlib
import gc
import inspect
import itertools
import multiprocessing.pool
import threading
import time
import warnings
from collections.abc import Coroutine

import pytest

from historian import Recorder, TimedWarning


@pytest.fixture
def rec():
    return Recorder("work")


@pytest.fixture
def errors():
    return Recorder("errors")


def counts(*recorders):
    return [recorder.snapshot().count for recorder in recorders]


async def sleep(event):
    await event.wait()
    return "done"


def one_after_the_other(rec, call):
    """Run a call whose result waits for an event; check that nothing is recorded until that is set.

    The recorded time must hold the time from the call to the event, which is measured outside.
    """

    async def main():
        event = asyncio.Event()
        result = call(event)
        before = time.perf_counter()  # the call has returned
        for _ in range(3):
            await asyncio.sleep(0)
        assert counts(rec) == [0]
        asyncio.get_running_loop().call_later(0.01, event.set)
        answer = await result
        assert time.perf_counter() - before >= 0.009
        return answer

    answer = asyncio.run(main())
    (recorded,) = [rec.snapshot()]
    assert recorded.count == 1
    assert recorded.min >= 0.009
    return answer


def test_task(rec):
    assert one_after_the_other(rec, rec.timed(lambda event: asyncio.ensure_future(sleep(event)))) == "done"


def test_gather(rec):
    call = rec.timed(lambda event: asyncio.gather(sleep(event), sleep(event)))
    assert one_after_the_other(rec, call) == ["done", "done"]


def test_future_is_the_same_object(rec):
    async def main():
        future = asyncio.get_running_loop().create_future()
        assert rec.timed(lambda: future)() is future
        future.set_result(3)
        return await future

    assert asyncio.run(main()) == 3
    assert counts(rec) == [1]


def test_future_that_is_done_already(rec):
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_result(3)
        rec.timed(lambda: future)()
        assert counts(rec) == [1]

    asyncio.run(main())


def test_failed_and_cancelled_futures(rec, errors):
    timed = rec.timed(errors=errors)

    async def fail():
        raise KeyError("x")

    async def main():
        with pytest.raises(KeyError):
            await timed(lambda: asyncio.ensure_future(fail()))()
        assert counts(rec, errors) == [0, 1]
        task = timed(lambda: asyncio.ensure_future(asyncio.sleep(60)))()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert counts(rec, errors) == [0, 2]

    asyncio.run(main())


def test_an_exception_that_nobody_retrieves_is_still_reported(rec, errors):
    reports = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["message"]))
        future = rec.timed(lambda: asyncio.get_running_loop().create_future(), errors=errors)()
        future.set_exception(KeyError("x"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del future
        gc.collect()

    asyncio.run(main())
    assert counts(rec, errors) == [0, 1]
    assert reports == ["Future exception was never retrieved"]


def test_future_of_an_executor(rec, errors):
    go = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = rec.timed(lambda: pool.submit(go.wait))()
        assert counts(rec) == [0]
        go.set()
        assert future.result() is True
        failing = rec.timed(lambda: pool.submit(int, "x"), errors=errors)()
        assert isinstance(failing.exception(), ValueError)
    assert counts(rec, errors) == [1, 1]


class Lazy:
    """Awaitable, with state of its own, as clients of databases and of HTTP return it."""

    def __init__(self, event):
        self.event = event
        self.attribute = 7

    def __await__(self):
        return sleep(self.event).__await__()

    def __len__(self):
        return 5


def test_another_awaitable(rec):
    assert one_after_the_other(rec, rec.timed(lambda event: Lazy(event))) == "done"


def test_stand_in_answers_for_the_awaitable(rec):
    lazy = rec.timed(lambda: Lazy(None))()
    assert isinstance(lazy, Lazy)
    assert inspect.isawaitable(lazy)
    assert (lazy.attribute, len(lazy)) == (7, 5)
    lazy.attribute = 8
    assert lazy.attribute == 8
    assert not hasattr(lazy, "__aenter__")
    assert counts(rec) == [0]


def test_awaitable_that_fails(rec, errors):
    class Fails:
        def __await__(self):
            raise KeyError("x")
            yield

    async def main():
        await rec.timed(lambda: Fails(), errors=errors)()

    with pytest.raises(KeyError):
        asyncio.run(main())
    assert counts(rec, errors) == [0, 1]


class Request(Coroutine):
    """A coroutine and an asynchronous context manager in one, as aiohttp's requests are."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.closed = False

    def send(self, value):
        return self.coroutine.send(value)

    def throw(self, *args):
        return self.coroutine.throw(*args)

    def close(self):
        self.coroutine.close()

    def __await__(self):
        return self.coroutine.__await__()

    async def __aenter__(self):
        return await self.coroutine

    async def __aexit__(self, *_):
        self.closed = True


def test_request_awaited_in_a_task_and_entered(rec, errors):
    timed = rec.timed(errors=errors)
    request = timed(lambda event: Request(sleep(event)))

    async def main():
        event = asyncio.Event()
        event.set()
        assert await request(event) == "done"
        assert counts(rec) == [1]
        assert await asyncio.create_task(request(event)) == "done"
        assert counts(rec) == [2]
        one = request(event)
        async with one as answer:
            assert answer == "done"
            assert counts(rec) == [2]
        assert one.closed
        assert counts(rec, errors) == [3, 0]
        with pytest.raises(KeyError):
            async with request(event):
                raise KeyError("x")
        assert counts(rec, errors) == [3, 1]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: map(str, [1, 2]), "map"),
        (lambda: zip([1], [2]), "zip"),
        (lambda: itertools.chain([1], [2]), "itertools.chain"),
    ],
)
def test_lazy_iterator_warns_once(make, name):
    rec = Recorder(f"once {name}")
    timed = rec.timed(make)
    with pytest.warns(TimedWarning, match=f"not the work of the {name} that it returned.*decorate a generator") as said:
        first = timed()
    assert [warning.filename for warning in said] == [__file__]
    assert len(list(first)) >= 1
    timed()  # warnings are errors: it would raise
    assert counts(rec) == [2]


def test_lazy_async_iterator_and_pool_result_warn():
    class Steps:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise StopAsyncIteration

    with pytest.warns(TimedWarning, match="decorate an async generator"):
        Recorder("steps").timed(lambda: Steps())()
    with multiprocessing.pool.ThreadPool(1) as pool, pytest.warns(TimedWarning, match=r"call its \.get\(\)"):
        assert Recorder("pool").timed(lambda: pool.apply_async(int, ("7",)))().get() == 7
    for imap in ("imap", "imap_unordered"):
        with multiprocessing.pool.ThreadPool(1) as pool, pytest.warns(TimedWarning, match="or return a list"):
            assert list(Recorder(imap).timed(getattr(pool, imap))(int, ["7"])) == [7]


class Plain:
    pass


def test_results_whose_work_is_done_do_not_warn(rec, tmp_path):
    (tmp_path / "x").write_text("a")
    with contextlib.closing(rec.timed(open)(tmp_path / "x")) as stream:
        assert stream.read() == "a"
    made = [
        lambda: 1,
        lambda: "text",
        lambda: [1],
        lambda: iter([1]),
        lambda: iter({1: 2}),
        lambda: iter("text"),
        lambda: iter(range(3)),
        lambda: Plain(),
        lambda: Plain,
        lambda: threading.Lock(),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in made:
            timed = rec.timed(make)
            for _ in range(3):
                timed()
    assert counts(rec) == [1 + 3 * len(made)]


def test_one_function_may_return_now_this_now_that(rec):
    go = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        timed = rec.timed(lambda later: pool.submit(go.wait) if later else Plain())
        for later, recorded in [(False, 1), (True, 1), (False, 2), (False, 3)]:
            timed(later)
            assert counts(rec) == [recorded]
        go.set()
    assert counts(rec) == [4]
