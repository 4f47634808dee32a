"""A program that exits with status 0 has not failed: its time goes to the recorder, not to `errors`."""

import asyncio
import contextlib
import sys

import pytest

from historian import Recorder

WELL = [(), (None,), (0,), (False,)]
BADLY = [(1,), (2,), ("text",), ("",), (0.0,), (True,)]


class Quit(SystemExit):
    """A subclass counts as its base class does."""


def count(code, leave):
    """Return how many calls of `leave` went to the recorder and how many to `errors`."""
    rec, errors = Recorder(), Recorder()
    with pytest.raises(SystemExit) as left:
        leave(rec, errors, *code)
    assert left.value.code == (code[0] if code else None)
    return rec.snapshot().count, errors.snapshot().count


def in_a_block(rec, errors, *code):
    with rec.time(errors):
        sys.exit(*code)


def in_a_block_subclass(rec, errors, *code):
    with rec.time(errors):
        raise Quit(*code)


def in_a_function(rec, errors, *code):
    rec.timed(sys.exit, errors=errors)(*code)


def in_a_python_function(rec, errors, *code):
    @rec.timed(errors=errors)
    def leave():
        raise Quit(*code)

    leave()


def in_a_coroutine(rec, errors, *code):
    @rec.timed(errors=errors)
    async def leave():
        sys.exit(*code)

    asyncio.run(leave())


def in_an_async_block(rec, errors, *code):
    async def leave():
        async with rec.time(errors):
            sys.exit(*code)

    asyncio.run(leave())


def in_a_generator(rec, errors, *code):
    @rec.timed(errors=errors)
    def leave():
        yield
        sys.exit(*code)

    list(leave())


def in_an_async_generator(rec, errors, *code):
    @rec.timed(errors=errors)
    async def leave():
        yield
        sys.exit(*code)

    async def main():
        async for _ in leave():
            pass

    asyncio.run(main())


def in_a_context_manager(rec, errors, *code):
    @rec.timed(errors=errors)
    @contextlib.contextmanager
    def leave():
        yield

    with leave():
        sys.exit(*code)


def in_a_task(rec, errors, *code):
    async def leave():
        sys.exit(*code)

    async def main():
        await rec.timed(lambda: asyncio.ensure_future(leave()), errors=errors)()

    asyncio.run(main())


WAYS = [
    in_a_block,
    in_a_block_subclass,
    in_a_function,
    in_a_python_function,
    in_a_coroutine,
    in_an_async_block,
    in_a_generator,
    in_an_async_generator,
    in_a_context_manager,
]


@pytest.mark.parametrize("leave", WAYS)
@pytest.mark.parametrize("code", WELL)
def test_status_0_is_no_error(leave, code):
    assert count(code, leave) == (1, 0)


@pytest.mark.parametrize("leave", WAYS)
@pytest.mark.parametrize("code", BADLY)
def test_any_other_status_is_an_error(leave, code):
    assert count(code, leave) == (0, 1)


def test_task():
    assert count((0,), in_a_task) == (1, 0)
    assert count((1,), in_a_task) == (0, 1)


def test_exception_given_by_hand():
    rec, errors = Recorder(), Recorder()
    for given in [(SystemExit, SystemExit(0), None), (SystemExit, None, None), (ValueError, None, None)]:
        timer = rec.time(errors)
        timer.__enter__()
        timer.__exit__(*given)
    assert (rec.snapshot().count, errors.snapshot().count) == (1, 2)
