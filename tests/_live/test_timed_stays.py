"""What `@rec.timed` hands back is still what it was given, by every test that Python has: a function, a builtin."""

import asyncio
import contextlib
import copy
import dataclasses
import doctest
import functools
import gc
import inspect
import io
import operator
import os
import pickle
import subprocess
import sys
import types
import typing
import weakref
from unittest import mock

import pytest

from historian import Recorder

REC = Recorder("module level")


@REC.timed
def plain(a, b: int = 2, *args, key: "str | None" = None, **kwargs) -> tuple:
    """Return the arguments.

    >>> plain(1)
    (1, 2, (), None, {})
    """
    return a, b, args, key, kwargs


@REC.timed
async def coroutine(a, b: int = 2):
    """Return the arguments.

    >>> asyncio.run(coroutine(1))
    (1, 2)
    """
    return a, b


@REC.timed
def generator(a, b: int = 2):
    """Yield the arguments.

    >>> list(generator(1))
    [1, 2]
    """
    yield a
    yield b


@REC.timed
async def async_generator(a, b: int = 2):
    """Yield the arguments.

    >>> asyncio.run(anext(async_generator(1)))
    1
    """
    yield a
    yield b


class Thing:
    @REC.timed
    def method(self, x: int) -> int:
        return x

    @REC.timed
    @classmethod
    def class_method(cls, x):
        return cls, x

    @staticmethod
    @REC.timed
    def static_method(x):
        return x


size = REC.timed(len)
FUNCTIONS = [plain, coroutine, generator, async_generator]
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=operator.attrgetter("__name__"))
every_protocol = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


@pytest.fixture
def rec():
    return Recorder()


@every_function
def test_a_function_stays_a_function(function):
    original = function.__wrapped__
    assert isinstance(function, types.FunctionType) and inspect.isfunction(function) and inspect.isroutine(function)
    assert callable(function) and not isinstance(function, (type, types.MethodType, types.BuiltinFunctionType))
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__globals__", "__builtins__"):
        assert getattr(function, name) is getattr(original, name)
    assert getattr(function, "__type_params__", None) == getattr(original, "__type_params__", None)
    assert {*vars(function)} <= {"__timed__", "__wrapped__"}
    assert inspect.unwrap(function) is original
    assert inspect.signature(function) == inspect.signature(original)
    assert inspect.getsource(function).startswith("@REC.timed\n")
    assert inspect.getsource(function) == inspect.getsource(original)
    assert inspect.getmodule(function) is sys.modules[__name__]
    assert typing.get_type_hints(function) == typing.get_type_hints(original)
    assert {"__code__", "__name__", "__wrapped__"} < set(dir(function))


def test_a_plain_function_answers_with_its_own_code():
    original = plain.__wrapped__
    for name in ("__code__", "__defaults__", "__kwdefaults__", "__closure__"):
        assert getattr(plain, name) is getattr(original, name)
    assert inspect.getsourcefile(plain) == inspect.getsourcefile(original)
    assert inspect.getfullargspec(plain) == inspect.getfullargspec(original)
    assert typing.get_type_hints(plain)["key"] == (str | None)
    assert repr(plain) == f"<timed {original!r}>"


@every_function
@every_protocol
def test_functions_pickle_by_name(function, protocol):
    data = pickle.dumps(function, protocol)
    assert pickle.loads(data) is function and len(data) < 100
    assert pickle._loads(pickle._dumps(function, protocol)) is function  # those in Python


@every_protocol
def test_methods_pickle_by_name(protocol):
    for method in (Thing.method, Thing.class_method, Thing.static_method):
        assert pickle.loads(pickle.dumps(method, protocol)) == method


@pytest.mark.parametrize("function", [*FUNCTIONS, size], ids=operator.attrgetter("__name__"))
def test_functions_copy_as_themselves(function):
    assert copy.copy(function) is function and copy.deepcopy([function])[0] is function
    assert function == function and function != function.__wrapped__
    assert {function: 1}[function] == 1


class NotingNames(pickle.Unpickler):
    """Notes the names in a pickle that are those of this package."""

    def __init__(self, file):
        super().__init__(file)
        self.names = set()

    def find_class(self, module, name):
        if module.partition(".")[0] == "historian":
            self.names.add(name)
        return super().find_class(module, name)


def test_what_has_no_name_of_its_own_pickles_by_value():
    partial = REC.timed(functools.partial(plain, 1))
    REC.drain()
    for timed, arguments, result in ((partial, (3,), (1, 3, (), None, {})), (size, ("ab",), 2)):
        unpickler = NotingNames(io.BytesIO(pickle.dumps(timed)))
        again = unpickler.load()
        assert unpickler.names == {"Recorder"}  # of what is ours only what is public, so that the rest may move
        assert again is not timed and type(again) is type(timed) and isinstance(again, timed.__class__)
        assert again(*arguments) == result
    assert REC.snapshot().count == 1  # plain itself, which is pickled by name; the copies record elsewhere


def test_a_recorder_in_a_file_goes_with_what_is_pickled_by_value(tmp_path):
    from historian import Registry

    registry = Registry(tmp_path)
    rec, errors = registry.recorder("work"), registry.recorder("errors")
    again = pickle.loads(pickle.dumps(rec.timed(errors=errors)(functools.partial(operator.truediv, 1))))
    assert again(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        again(0)
    assert (rec.snapshot().count, errors.snapshot().count) == (1, 1)


def test_a_local_function_is_refused_by_pickle_as_any_other():
    @REC.timed
    def local():
        pass

    with pytest.raises((AttributeError, pickle.PicklingError), match="local"):
        pickle.dumps(local)


def renamed(x):
    return x


first_timed = REC.timed(renamed)


def test_a_name_that_is_that_of_another_object_is_not_used():
    """Pickle would refuse the timed function, because `renamed` is still the bare one."""
    again = pickle.loads(pickle.dumps(first_timed))
    assert type(again) is type(first_timed) and again is not first_timed
    assert again.__wrapped__ is renamed and again(3) == 3


def test_it_may_be_cyclic_garbage(rec):
    def work():
        pass

    timed, alive = rec.timed(work), weakref.ref(work)
    timed.myself = timed
    gone = weakref.ref(timed)
    del work, timed
    gc.collect()
    assert alive() is None and gone() is None


def test_attributes_that_are_set_leave_the_original_alone(rec):
    def work(a, b=1):
        """Work."""
        return a, b

    work.before = 1
    timed = rec.timed(work)
    assert vars(timed).items() >= {"before": 1, "__wrapped__": work}.items()
    timed.after = 2
    timed.__name__, timed.__qualname__, timed.__module__, timed.__doc__ = "n", "q", "m", "d"
    timed.__annotations__ = {"a": int}
    assert (timed.__name__, timed.__qualname__, timed.__module__, timed.__doc__) == ("n", "q", "m", "d")
    assert timed.__annotations__ == {"a": int} and work.__annotations__ == {}
    assert (work.__name__, work.__module__, work.__doc__, vars(work)) == ("work", __name__, "Work.", {"before": 1})
    assert vars(timed).items() >= {"before": 1, "after": 2, "__wrapped__": work}.items() and len(vars(timed)) == 4
    with pytest.raises(TypeError, match="__name__ must be a string, not int"):
        timed.__name__ = 3
    del timed.after
    assert not hasattr(timed, "after")
    timed.__defaults__ = (5,)  # the code runs once, so it has one set of defaults
    assert timed(1) == work(1) == (1, 5)
    with pytest.raises(AttributeError, match="unheard_of"):
        timed.unheard_of  # noqa: B018


def test_wraps_takes_its_names(rec):
    @functools.wraps(plain)
    def outer(*args, **kwargs):
        return plain(*args, **kwargs)

    assert (outer.__name__, outer.__doc__, outer.__module__) == ("plain", plain.__doc__, __name__)
    assert outer.__wrapped__ is plain
    twice = rec.timed(outer)
    assert twice(1) == (1, 2, (), None, {}) and inspect.unwrap(twice) is plain.__wrapped__
    assert rec.timed(plain).__code__ is plain.__wrapped__.__code__
    assert inspect.signature(functools.partial(plain, 1)) == inspect.signature(functools.partial(plain.__wrapped__, 1))


def test_other_callables_keep_their_class(rec):
    partial = rec.timed(functools.partial(plain, 1, key=2))
    assert isinstance(partial, functools.partial) and partial.func is plain and partial.keywords == {"key": 2}
    assert inspect.isbuiltin(size) and size.__self__ is len.__self__ and size.__name__ == "len"
    assert inspect.signature(size) == inspect.signature(len)

    class Counter:
        calls = 0

        def __call__(self):
            self.calls += 1

    counter = Counter()
    timed = rec.timed(counter)
    timed()
    assert isinstance(timed, Counter) and timed.calls == counter.calls == 1 and "calls" not in vars(timed)
    bound = rec.timed(Thing().method)
    assert inspect.ismethod(bound) and bound.__func__ is Thing.method and bound(3) == 3

    cached = rec.timed(functools.lru_cache(maxsize=2)(lambda x: x))
    assert cached(1) == cached(1) == 1 and cached.cache_info().hits == 1
    assert cached.cache_parameters() == {"maxsize": 2, "typed": False} and isinstance(cached, type(cached.__wrapped__))
    recent = functools.lru_cache(rec.timed(lambda x: x))
    assert recent(1) == recent(1) == 1 and recent.cache_info().hits == 1


def test_in_a_class_it_binds_as_before(rec):
    class Host:
        length = rec.timed(len)
        printed = rec.timed(functools.partial(int, "12"))
        upper = rec.timed(str.upper)
        cached = rec.timed(functools.lru_cache(lambda self, x=1: (self, x)))
        bound = rec.timed("{}!".format)

    host = Host()
    assert host.length("ab") == 2 and host.bound("a") == "a!"  # these never bind
    Host.partial = rec.timed(functools.partial(divmod, 7))
    assert inspect.ismethod(host.partial) if sys.version_info >= (3, 14) else host.partial(2) == (3, 1)
    assert host.cached() == (host, 1) and host.cached(2) == (host, 2)
    assert inspect.ismethod(host.upper) and host.upper.__self__ is host
    with pytest.raises(TypeError, match="'upper'"):
        host.upper()


def test_functions_that_classes_treat_specially(rec):
    made = []

    class Base:
        @rec.timed
        def __new__(cls, x):
            self = super().__new__(cls)
            self.x = x
            return self

        @rec.timed
        def __init__(self, x):
            self.y = x

        @rec.timed
        def __init_subclass__(cls, **kwargs):
            made.append((cls.__name__, kwargs))
            super().__init_subclass__()

        @rec.timed
        def __class_getitem__(cls, item):
            return cls, item

        @rec.timed
        def __getitem__(self, item):
            return item

        @rec.timed
        def __eq__(self, other):
            return self.x == other.x

    class Derived(Base, key=1):
        def __init__(self, x):
            super().__init__(x)

    assert made == [("Derived", {"key": 1})]
    assert Base[3] == (Base, 3) and Derived[4] == (Derived, 4)
    for _ in range(100):  # often enough for the interpreter to specialize the calls
        thing = Derived(7)
        assert (thing.x, thing.y, thing[5]) == (7, 7, 5)
    assert thing == Base(7) and Base.__hash__ is None
    assert type(Base.__dict__["__new__"]) is staticmethod and thing.__new__(Base, 1).x == 1
    assert rec.snapshot().count == 1 + 2 + 3 * 100 + 3 + 1


def test_methods_of_data_classes_and_super(rec):
    @dataclasses.dataclass
    class Point:
        x: int = 1

        @rec.timed
        def __post_init__(self):
            self.y = self.x + 1

        @rec.timed
        def shifted(self, by):
            return dataclasses.replace(self, x=self.x + by)

    @dataclasses.dataclass
    class Derived(Point):
        @rec.timed
        def shifted(self, by):
            return super().shifted(2 * by)

    assert [field.name for field in dataclasses.fields(Derived)] == ["x"]
    assert Derived().shifted(2) == Derived(5) and Derived().shifted(2).y == 6
    assert rec.snapshot().count == 9  # 5 are made, and 2 are shifted, by 2 calls each


@every_function
def test_autospec(function):
    spec = mock.create_autospec(function)
    assert inspect.isfunction(spec) and inspect.signature(spec) == inspect.signature(function)

    def call(*args):
        result = spec(*args)
        assert inspect.iscoroutine(result) == inspect.iscoroutinefunction(function)
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    call(1, 3)
    spec.assert_called_once_with(1, b=3)
    with pytest.raises(TypeError, match="missing a required argument"):
        call()


def test_autospec_of_a_class():
    spec = mock.create_autospec(Thing)
    spec().method(1)
    spec.class_method(2)
    spec.static_method(3)
    with pytest.raises(TypeError, match="too many positional"):
        spec().method(1, 2)
    with mock.patch.object(Thing, "method", autospec=True) as patched:
        thing = Thing()
        thing.method(5)
    patched.assert_called_once_with(thing, 5)
    assert Thing().method(6) == 6


def test_doctest_finds_them():
    tests = {test.name.rpartition(".")[2]: test for test in doctest.DocTestFinder().find(sys.modules[__name__])}
    for function in FUNCTIONS:
        test = tests[function.__name__]
        assert len(test.examples) == 1
        assert doctest.DocTestRunner().run(test) == (0, 1)


def test_singledispatch(rec):
    @rec.timed
    @functools.singledispatch
    def show(x):
        return "other"

    @show.register
    @rec.timed
    def show_int(x: int):
        return "int"

    @functools.singledispatch
    @rec.timed
    def below(x):
        return "other"

    @below.register(str)
    @rec.timed
    def below_str(x):
        return "str"

    assert [show(1), show(1.5)] == ["int", "other"] and show.dispatch(int) is show_int
    assert [below("a"), below(1)] == ["str", "other"]
    assert rec.snapshot().count == 5


def test_types_coroutine_behind_a_plain_wrapper(rec):
    @types.coroutine
    def old():
        yield from asyncio.sleep(0).__await__()
        return 9

    @rec.timed
    def through():
        return old()

    async def main():
        return await through()

    assert asyncio.run(main()) == 9 and rec.snapshot().count == 1


def test_disabled_hands_back_the_function_itself():
    source = """
from historian import Recorder
rec = Recorder()
def work(): pass
assert rec.timed(work) is work and rec.timed(errors=rec)(work) is work and rec.timed()(len) is len
"""
    environment = os.environ | {"HISTORIAN_DISABLE": "1"}
    subprocess.run([sys.executable, "-c", source], env=environment, check=True, timeout=60)


def test_annotations_stay_after_somebody_has_asked_the_type():
    """From 3.12 on, a class gets annotations of its own in that moment, which its instances would find first."""

    def show(x: int) -> str:
        return str(x)

    timed = Recorder().timed(show)
    getattr(type(timed), "__annotations__", None)
    assert timed.__annotations__ == {"x": int, "return": str}


def test_five_thousand_decorators(rec):
    """The time grows with their number.  It grew with its square: this took half a minute."""

    def function(a=1):
        """Return a."""
        return a

    function.marked = "yes"
    timed = function
    for k in range(5_000):
        timed = rec.timed(timed)
        if k == 199:
            assert timed(2) == 2 and rec.snapshot().count == 200
    with contextlib.suppress(RecursionError):  # CPython 3.13 allows 10,000
        assert timed(2) == 2
    assert (timed.__name__, timed.__doc__, timed.marked) == ("function", "Return a.", "yes")
    assert inspect.isfunction(timed) and timed.__code__ is function.__code__
    timed.__defaults__ = (5,)
    assert function() == 5


def test_what_was_set_on_a_timed_function_is_kept_by_the_next_one(rec):
    for function in (lambda: 1, functools.partial(int, 3)):
        inner = rec.timed(function)
        inner.__name__, inner.marked = "other", "yes"
        outer = rec.timed(inner)
        assert (outer.__name__, outer.marked, outer()) == ("other", "yes", function())
