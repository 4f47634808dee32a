"""`@rec.timed` above `@contextmanager` and its like: timed from the start of the block to its end."""

import asyncio
import contextlib
import functools
import time

import pytest

from historian import Recorder

SLEPT = 0.02  # s


@pytest.fixture
def rec():
    return Recorder()


@pytest.fixture
def errors():
    return Recorder()


def was_timed(rec):
    h = rec.snapshot()
    return h.count == 1 and h.min >= 0.95 * SLEPT


def test_the_block_is_timed_not_the_creation(rec):
    @rec.timed
    @contextlib.contextmanager
    def block(x):
        """Give x."""
        yield x

    manager = block(3)
    assert type(manager) is contextlib._GeneratorContextManager and rec.snapshot().count == 0
    with manager as x:
        assert x == 3 and rec.snapshot().count == 0
        time.sleep(SLEPT)
    assert was_timed(rec) and block.__doc__ == manager.__doc__ == "Give x."
    block(4)  # never entered: nothing to time
    assert rec.snapshot().count == 1


def test_the_order_of_decorators_does_not_matter(rec):
    @contextlib.contextmanager
    @rec.timed
    def block():
        yield

    with block():
        time.sleep(SLEPT)
    assert was_timed(rec)


def test_a_wrapper_in_between(rec):
    def passing_through(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    class Host:
        @rec.timed
        @passing_through
        @contextlib.contextmanager
        def block(self):
            yield self

    host = Host()
    with host.block() as self:
        time.sleep(SLEPT)
    assert self is host and was_timed(rec)


def test_exceptions(rec, errors):
    log = []

    @rec.timed(errors=errors)
    @contextlib.contextmanager
    def block(suppress):
        try:
            yield
        except KeyError as error:
            log.append(error)
            if not suppress:
                raise

    mine = KeyError("mine")
    with block(True):
        raise mine
    assert (log, rec.snapshot().count, errors.snapshot().count) == ([mine], 1, 0)
    with pytest.raises(KeyError) as caught, block(False):
        raise mine
    assert caught.value is mine and (rec.snapshot().count, errors.snapshot().count) == (1, 1)
    # contextlib looks closer at these
    for error in (StopIteration("mine"), RuntimeError("mine"), GeneratorExit("mine")):
        with pytest.raises(type(error)) as caught, block(False):
            raise error
        assert caught.value is error
    assert rec.snapshot().count + errors.snapshot().count == 5
    with block(False):
        pass
    assert rec.snapshot().count + errors.snapshot().count == 6


def test_generators_that_break_the_rules_are_told_so(rec):
    @rec.timed
    @contextlib.contextmanager
    def yields(times):
        for _ in range(times):
            yield

    with pytest.raises(RuntimeError, match="didn't yield"), yields(0):
        pass
    with pytest.raises(RuntimeError, match="didn't stop"), yields(2):
        pass


def test_as_a_decorator_each_call_is_timed(rec):
    entered = []

    @rec.timed
    @contextlib.contextmanager
    def block(name):
        entered.append(name)
        yield

    @block("a")
    def work(x):
        """Work."""
        time.sleep(SLEPT)
        return x

    assert rec.snapshot().count == 0
    assert work(1) == 1 and was_timed(rec) and work.__doc__ == "Work."
    assert work(2) == 2 and rec.snapshot().count == 2 and entered == ["a", "a"]


def test_a_manager_that_is_handed_back_is_not_altered(rec):
    @contextlib.contextmanager
    def block():
        yield 1

    kept = block()
    before = dict(vars(kept))
    timed = rec.timed(lambda: kept)()
    assert timed is not kept and vars(kept) == before
    with timed as x:
        assert x == 1
    assert rec.snapshot().count == 1


def test_an_exit_stack_closes_it(rec):
    @rec.timed
    @contextlib.contextmanager
    def block():
        yield

    with contextlib.ExitStack() as stack:
        stack.enter_context(block())
        stack.enter_context(block())
        assert rec.snapshot().count == 0
    assert rec.snapshot().count == 2


def test_asynchronous(rec, errors):
    @rec.timed(errors=errors)
    @contextlib.asynccontextmanager
    async def block(x):
        await asyncio.sleep(0)
        yield x

    async def main():
        manager = block(3)
        assert type(manager) is contextlib._AsyncGeneratorContextManager
        async with manager as x:
            await asyncio.sleep(SLEPT)
            assert x == 3 and rec.snapshot().count == 0
        assert was_timed(rec)
        mine = KeyError("mine")
        with pytest.raises(KeyError) as caught:
            async with block(1):
                raise mine
        assert caught.value is mine and (rec.snapshot().count, errors.snapshot().count) == (1, 1)
        for error in (StopAsyncIteration("mine"), StopIteration("mine"), RuntimeError("mine")):
            with pytest.raises(type(error)) as caught:
                async with block(1):
                    raise error
            assert caught.value is error
        assert (rec.snapshot().count, errors.snapshot().count) == (1, 4)

    asyncio.run(main())


def test_asynchronous_as_a_decorator(rec):
    @rec.timed
    @contextlib.asynccontextmanager
    async def block():
        yield

    @block()
    async def work(x):
        await asyncio.sleep(SLEPT)
        return x

    assert asyncio.run(work(1)) == 1 and was_timed(rec)
    assert asyncio.run(work(2)) == 2 and rec.snapshot().count == 2
