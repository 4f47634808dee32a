"""`@rec.timed`: every kind of callable is timed until it ends, and keeps its name and attributes."""

import abc
import asyncio
import functools
import inspect
import pickle
import threading
import time
import types

import pytest

from historian import Recorder

REC = Recorder("module level")


@REC.timed
def plain(a, b: int = 2, *args, key=None, **kwargs) -> tuple:
    """Return at once."""
    return a, b, args, key, kwargs


@REC.timed
async def coroutine(x):
    """Wait a little."""
    await asyncio.sleep(0.01)
    return x


@REC.timed
def generator(n):
    """Count."""
    received = []
    for i in range(n):
        received.append((yield i))
    return received


@REC.timed
async def async_generator(n):
    """Count, slowly."""
    for i in range(n):
        await asyncio.sleep(0)
        yield i


class Thing:
    @REC.timed
    def method(self, x):
        return self, x

    @REC.timed
    @classmethod
    def class_below(cls, x):
        return cls, x

    @classmethod
    @REC.timed
    def class_above(cls, x):
        return cls, x

    @REC.timed
    @staticmethod
    def static_below(x):
        return x

    @staticmethod
    @REC.timed
    def static_above(x):
        return x

    @REC.timed
    async def async_method(self):
        await asyncio.sleep(0)
        return self

    @property
    @REC.timed
    def attribute(self):
        return self


ORIGINAL = {
    "plain": "Return at once.",
    "coroutine": "Wait a little.",
    "generator": "Count.",
    "async_generator": "Count, slowly.",
}


@pytest.fixture
def rec():
    return Recorder()


@pytest.fixture(autouse=True)
def fresh():
    REC.drain()


@pytest.mark.parametrize("name", ORIGINAL)
def test_it_looks_as_before(name):
    function = globals()[name]
    assert function.__name__ == function.__qualname__ == name
    assert function.__module__ == __name__
    assert function.__doc__ == ORIGINAL[name]
    assert inspect.signature(function) == inspect.signature(function.__wrapped__)
    assert pickle.loads(pickle.dumps(function)) is function
    assert callable(function) and inspect.isroutine(function)
    for ask in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert ask(function) == ask(function.__wrapped__)


def test_signature_of_a_plain_function():
    assert str(inspect.signature(plain)) == "(a, b: int = 2, *args, key=None, **kwargs) -> tuple"
    assert plain.__annotations__ == {"b": int, "return": tuple}


def test_plain_calls():
    assert plain(1) == (1, 2, (), None, {})
    assert plain(1, 3, 4, key=5, other=6) == (1, 3, (4,), 5, {"other": 6})
    assert plain(*[1], **{"b": 7}) == (1, 7, (), None, {})
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        plain()
    assert REC.snapshot().count == 4


def test_methods():
    thing = Thing()
    assert thing.method(1) == (thing, 1) == Thing.method(thing, 1)
    bound = thing.method
    assert inspect.ismethod(bound) and bound(x=2) == (thing, 2) and bound.__self__ is thing
    assert Thing.class_below(1) == thing.class_below(1) == (Thing, 1)
    assert Thing.class_above(1) == thing.class_above(1) == (Thing, 1)
    assert Thing.static_below(1) == thing.static_below(1) == 1
    assert Thing.static_above(1) == thing.static_above(1) == 1
    assert thing.attribute is thing
    assert asyncio.run(thing.async_method()) is thing
    assert REC.snapshot().count == 13
    assert isinstance(Thing.__dict__["class_below"], classmethod)
    assert isinstance(Thing.__dict__["static_below"], staticmethod)
    assert Thing.method.__qualname__ == "Thing.method"
    assert pickle.loads(pickle.dumps(Thing.method)) is Thing.method
    assert inspect.signature(thing.method) == inspect.signature(lambda x: x)

    class Derived(Thing):
        def method(self, x):
            return super().method(x)

    derived = Derived()
    assert derived.method(3) == (derived, 3)
    assert Derived.class_below(1) == (Derived, 1)


def test_abstract_methods_stay_abstract(rec):
    class Base(abc.ABC):
        @rec.timed
        @abc.abstractmethod
        def method(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_coroutines_are_timed_until_they_return():
    assert asyncio.run(coroutine(3)) == 3
    h = REC.snapshot()
    assert h.count == 1 and h.min >= 0.009
    never = coroutine(1)
    never.close()
    assert REC.snapshot().count == 1  # it never started


def test_arguments_that_do_not_fit_are_not_a_call(rec):
    """A bare function of these kinds refuses them before any of its code runs, so there is no time to record."""
    errors = Recorder()

    @rec.timed(errors=errors)
    async def coroutine(a): ...

    @rec.timed(errors=errors)
    def generator(a):
        yield a

    @rec.timed(errors=errors)
    async def async_generator(a):
        yield a

    missing = "missing 1 required positional argument: 'a'"
    with pytest.raises(TypeError, match=missing):
        asyncio.run(coroutine())
    with pytest.raises(TypeError, match=missing):
        next(generator())
    with pytest.raises(TypeError, match=missing):
        asyncio.run(async_generator().__anext__())
    assert (rec.snapshot().count, errors.snapshot().count) == (0, 0)


def test_generators_from_the_first_next_to_exhaustion(rec):
    @rec.timed
    def slow():
        yield 1
        yield 2

    g = slow()
    time.sleep(0.02)  # before the start: must not count
    began = time.perf_counter()
    assert next(g) == 1
    assert rec.snapshot().count == 0
    time.sleep(0.01)
    assert list(g) == [2]
    h = rec.snapshot()
    assert h.count == 1
    assert 0.009 <= h.max <= time.perf_counter() - began + 1e-6


def test_generators_send_throw_return_and_close(rec):
    g = generator(2)
    assert next(g) == 0 and g.send("a") == 1
    with pytest.raises(StopIteration) as stop:
        g.send("b")
    assert stop.value.value == ["a", "b"]
    errors = Recorder()

    @rec.timed(errors=errors)
    def catching():
        try:
            yield 1
        except KeyError:
            yield 2
        yield 3

    g = catching()
    assert next(g) == 1 and g.throw(KeyError) == 2
    g.close()  # the caller stops reading: not an error
    assert (rec.snapshot().count, errors.snapshot().count) == (1, 0)
    g = catching()
    next(g)
    with pytest.raises(IndexError):
        g.throw(IndexError)
    assert (rec.snapshot().count, errors.snapshot().count) == (1, 1)


def test_async_generators(rec):
    async def main():
        assert [i async for i in async_generator(3)] == [0, 1, 2]
        assert REC.snapshot().count == 1
        errors, log = Recorder(), []

        @rec.timed(errors=errors)
        async def echo():
            try:
                while True:
                    try:
                        log.append((yield len(log)))
                    except KeyError as error:
                        log.append(error)
            finally:
                log.append("closed")

        g = echo()
        assert inspect.isasyncgen(g)
        assert await g.__anext__() == 0
        assert await g.asend("a") == 1
        key_error = KeyError("k")
        assert await g.athrow(key_error) == 2
        assert rec.snapshot().count == 0
        await g.aclose()
        assert log == ["a", key_error, "closed"]
        assert (rec.snapshot().count, errors.snapshot().count) == (1, 0)
        g = echo()
        await g.__anext__()
        with pytest.raises(IndexError):
            await g.athrow(IndexError("mine"))
        with pytest.raises(StopAsyncIteration):
            await g.__anext__()
        assert (rec.snapshot().count, errors.snapshot().count) == (1, 1)

    asyncio.run(main())


def test_exceptions_pass_unchanged(rec):
    errors, mine = Recorder(), KeyError("mine")

    @rec.timed(errors=errors)
    def fail():
        raise mine

    with pytest.raises(KeyError) as caught:
        fail()
    assert caught.value is mine
    assert [frame.name for frame in caught.traceback] == ["test_exceptions_pass_unchanged", "fail"]
    assert (rec.snapshot().count, errors.snapshot().count) == (0, 1)

    @rec.timed
    async def afail():
        raise mine

    with pytest.raises(KeyError):
        asyncio.run(afail())
    assert rec.snapshot().count == 1


@pytest.mark.parametrize("depth", [10, 500])
def test_recursion(rec, depth):
    @rec.timed
    def down(n):
        return n if n == 0 else down(n - 1)

    assert down(depth) == 0
    assert rec.snapshot().count == depth + 1


def test_endless_recursion_is_a_recursion_error(rec):
    @rec.timed
    def forever():
        return forever()

    with pytest.raises(RecursionError):
        forever()
    assert rec.snapshot().count > 10


def test_other_callables(rec):
    class Doubling:
        def __call__(self, x):
            return 2 * x

    class Later:
        async def __call__(self):
            await asyncio.sleep(0.01)
            return 5

    cached = rec.timed(functools.lru_cache(lambda x: x + 1))
    assert cached(1) == cached(1) == 2 and cached.cache_info().hits == 1
    assert rec.timed(len)([1, 2]) == 2
    assert rec.timed(Doubling())(3) == 6
    assert rec.timed(functools.partial(plain, 1))(b=3)[1] == 3
    assert rec.timed([].append)(1) is None
    assert rec.snapshot().count == 6
    later = rec.timed(Later())
    assert inspect.iscoroutinefunction(later) and asyncio.run(later()) == 5
    assert rec.snapshot().max >= 0.009


def passing_through(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def test_a_plain_wrapper_of_something_asynchronous_is_timed_until_that_ends(rec):
    @rec.timed
    @passing_through
    async def sleeper():
        await asyncio.sleep(0.02)
        return 7

    assert asyncio.run(sleeper()) == 7
    assert rec.snapshot().count == 1 and rec.snapshot().min >= 0.019

    @rec.timed
    @passing_through
    def counter():
        yield 1
        time.sleep(0.02)

    g = counter()
    assert rec.snapshot().count == 1
    assert isinstance(g, types.GeneratorType) and list(g) == [1]
    assert rec.snapshot().count == 2 and rec.snapshot().min >= 0.019

    @rec.timed
    @passing_through
    async def acounter():
        yield 1
        await asyncio.sleep(0.02)

    async def main():
        return [i async for i in acounter()]

    assert asyncio.run(main()) == [1]
    assert rec.snapshot().count == 3 and rec.snapshot().min >= 0.019


def test_partials_and_old_style_coroutines(rec):
    async def work(x):
        await asyncio.sleep(0)
        return x

    timed = rec.timed(functools.partial(work, 4))
    assert inspect.iscoroutinefunction(timed) and asyncio.run(timed()) == 4

    @rec.timed
    @types.coroutine
    def old():
        yield from asyncio.sleep(0).__await__()
        return 9

    async def main():
        return await old()

    assert asyncio.run(main()) == 9
    assert rec.snapshot().count == 2


def test_attributes(rec):
    @rec.timed
    def function(a=3):
        pass

    function.mine = 1
    assert function.mine == 1 and not hasattr(function.__wrapped__, "mine")
    assert function.__defaults__ == (3,) and function.__code__ is function.__wrapped__.__code__
    with pytest.raises(AttributeError, match="unheard_of"):
        function.unheard_of  # noqa: B018
    assert not hasattr(rec.timed(functools.partial(len, "ab")), "__name__")


def test_both_spellings(rec):
    errors = Recorder()
    assert rec.timed(len)("ab") == rec.timed()(len)("ab") == rec.timed(errors=errors)(len)("ab") == 2
    assert rec.snapshot().count == 3


@pytest.mark.parametrize("thing", [Thing, int, 3, "f", Thing.__dict__["attribute"], functools.cached_property(len)])
def test_what_cannot_be_timed(rec, thing):
    with pytest.raises(TypeError, match="cannot time"):
        rec.timed(thing)


def test_hints(rec):
    with pytest.raises(TypeError, match="decorate its methods"):
        rec.timed(Thing)
    with pytest.raises(TypeError, match="below the property"):
        rec.timed(property(len))
    with pytest.raises(TypeError):
        rec.timed(len, errors=3)


def test_threads(rec):
    @rec.timed
    def work():
        return threading.get_ident()

    def run():
        for _ in range(500):
            assert work() == threading.get_ident()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rec.snapshot().count == 4000


def test_no_references_are_leaked(rec):
    class Token:
        pass

    import gc
    import weakref

    @rec.timed
    def give(token):
        return [token]

    @rec.timed
    def fail(token):
        raise ValueError(token)

    token = Token()
    alive = weakref.ref(token)
    for _ in range(10):
        give(token)
        try:
            fail(token)
        except ValueError:
            pass
    del token
    gc.collect()
    assert alive() is None
    wrapper = weakref.ref(give)
    del give
    gc.collect()
    assert wrapper() is None
