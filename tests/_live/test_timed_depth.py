"""Calls of timed callables that are nested too deeply raise RecursionError, as those of other functions do."""

import subprocess
import sys

import pytest

COMMON = """
import asyncio, contextlib, functools, sys, threading
import historian
from historian import Recorder

rec = Recorder("deep")

def nested(function, times):
    for _ in range(times):
        function = rec.timed(function)
    return function

def refused(call, begun=True):
    def run():
        try:
            call()
        except RecursionError:
            print((rec.drain().count > 100) == begun)
        else:
            print("no error")

    # A call takes more than 100 bytes of it: 12,000 do not fit into 1 MiB.  CPython 3.13 alone allows 10,000 calls of
    # C, however large the stack is.
    threading.stack_size(64 << 20 if sys.version_info[:2] == (3, 13) else 1 << 20)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

async def each(function):
    async for _ in function():
        pass

async def within(function):
    async with function():
        pass

def entered(function):
    with function():
        pass

class Callable:
    def __call__(self):
        return 1

    def method(self):
        return 1

def function():
    return 1

async def coroutine():
    return 1

def generator():
    yield 1

async def async_generator():
    yield 1

class Awaitable:
    def __await__(self):
        return iter(())

async def awaited(function):
    await function()
"""
KINDS = {
    "function": "nested(function, 12_000)",
    "method": "setattr(Callable, 'method', nested(Callable.method, 12_000)) or Callable().method",
    "bound method": "nested(Callable().method, 12_000)",
    "callable": "nested(Callable(), 12_000)",
    "static method": "nested(staticmethod(function), 12_000).__func__",
    "coroutine": "functools.partial(asyncio.run, awaited(nested(coroutine, 12_000))), begun=False",
    "generator": "nested(generator, 12_000), begun=False",
    "async generator": "functools.partial(asyncio.run, each(nested(async_generator, 2_000)))",
    "context manager": "functools.partial(entered, nested(contextlib.contextmanager(generator), 12_000))",
    "async context manager": (
        "functools.partial(asyncio.run, within(nested(contextlib.asynccontextmanager(async_generator), 12_000)))"
    ),
    "awaitable": "functools.partial(asyncio.run, awaited(nested(lambda: Awaitable(), 12_000)))",
}


def ran(program):
    command = [sys.executable, "-W", "ignore:coroutine:RuntimeWarning", "-c", COMMON + program]  # was never awaited
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_decorated_many_times(kind):
    assert ran(f"refused({KINDS[kind]})") == "True\n"


RECURSIVE = """
@rec.timed
def down(n):
    return down(n - 1) if n else 0

def plain(n):
    return plain(n - 1) if n else 0

def depth(function):
    n = 10
    while True:
        try:
            function(n)
        except RecursionError:
            return n
        n += 1

# CPython 3.12 alone counts calls of C apart, and allows fewer of them.
print(depth(down) == depth(plain) or sys.version_info[:2] == (3, 12) and depth(down) > depth(plain) // 2)
rec.drain()
refused(lambda: down(1_000_000))
"""


HANDED_ON = """
def handed_on(made, times):
    for _ in range(times):
        made = rec.timed(lambda: made)()
    return made

assert list(handed_on(generator(), 100)) == [1]
print(rec.drain().count)
refused(lambda: handed_on(generator(), 12_000), begun=False)
refused(lambda: handed_on(coroutine(), 12_000), begun=False)
"""


def test_a_generator_that_is_timed_again_and_again():
    """None of them has begun when one too many is refused."""
    assert ran(HANDED_ON) == "100\nTrue\nTrue\n"


def test_a_function_that_calls_itself():
    """A timed function may call itself as often as another one."""
    assert ran(RECURSIVE) == "True\nTrue\n"
