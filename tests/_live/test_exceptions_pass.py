"""What the caller's own code raises, or a signal handler, passes as it is; and nothing is recorded by half."""

import array
import gc
import math
import signal
import sys
import traceback
from collections.abc import Mapping

import numpy as np
import pytest

import historian
from historian import Histogram, Recorder, merge
from historian._stats.arrays import wholes

ERRORS = [KeyboardInterrupt, SystemExit, MemoryError, TimeoutError, TypeError, ValueError, OverflowError, BufferError]


class Raises:
    """Raises an error in one method, and is a good number or array in the others."""

    def __init__(self, error, *names):
        self.error, self.names = error, names

    def answer(self, name, value):
        if name in self.names:
            raise self.error
        return value


class Number(Raises):
    def __float__(self):
        return self.answer("__float__", 1.0)

    def __repr__(self):
        raise AssertionError("a message needs no repr of the caller's own class")


class Whole(Raises):
    def __index__(self):
        return self.answer("__index__", 2)


class Sized(Number):
    def __len__(self):
        return self.answer("__len__", 3)


class Items(Raises):
    def __iter__(self):
        self.answer("__iter__", None)
        yield from (1.0, 2.0)
        self.answer("end", None)


class Arrays(Raises):
    def __array__(self, dtype=None, copy=None):
        return self.answer("__array__", np.ones(3))


class Equal(Raises):
    __hash__ = None

    def __eq__(self, other):
        return self.answer("__eq__", True)


class Asked(Raises):
    """Raises when it is asked what it is."""

    @property
    def __class__(self):
        raise self.error

    @property
    def snapshot(self):
        raise self.error


DATA = Histogram.from_values([1.0]).to_dict()


class Fields(Raises, Mapping):
    """A dictionary that raises in place of one value."""

    data = {**DATA, "exact_sum": "0x1p0", "bounds": []}  # noqa: RUF012

    def __getitem__(self, name):
        return self.answer(name, self.data[name])

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)


def caught(use, *args, **kwargs):
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        use(*args, **kwargs)
    return raised.value


USES = [
    lambda rec, e: rec.record(Number(e, "__float__")),
    lambda rec, e: rec.record(Whole(e, "__index__")),
    lambda rec, e: rec.record(Number(e, "__float__"), count=2),
    lambda rec, e: rec.record(1.0, count=Whole(e, "__index__")),
    lambda rec, e: rec.record_many([1.0, Number(e, "__float__")]),
    lambda rec, e: rec.record_many(np.array([1.0, Number(e, "__float__")], dtype=object)),
    lambda rec, e: rec.record_many(Items(e, "__iter__")),
    lambda rec, e: rec.record_many(Items(e, "end")),
    lambda rec, e: rec.record_many(Arrays(e, "__array__")),
    lambda rec, e: rec.record_many([1.0, 2.0], counts=[1, Whole(e, "__index__")]),
    lambda rec, e: rec.record_many([1.0, 2.0], counts=Items(e, "end")),
    lambda rec, e: rec.record_many([1.0, 2.0], counts=Arrays(e, "__array__")),
    lambda rec, e: rec.record_corrected(Number(e, "__float__"), 1.0),
    lambda rec, e: rec.record_corrected(5.0, Number(e, "__float__")),
    lambda rec, e: Histogram.from_values([Number(e, "__float__")]),
    lambda rec, e: Histogram.from_values([1.0]).quantile(Number(e, "__float__")),
    lambda rec, e: Histogram.from_values([1.0]).cdf([Number(e, "__float__")]),
    lambda rec, e: Histogram.from_values([1.0]).slo(Number(e, "__float__"), 0.5),
    lambda rec, e: Histogram.from_values([1.0]).fanout(Whole(e, "__index__")),
    lambda rec, e: merge([Histogram(), Asked(e)]),
    lambda rec, e: merge(Items(e, "__iter__")),
    lambda rec, e: merge([Histogram().to_bytes()] * 2 + [Asked(e)], on_error="skip"),
    lambda rec, e: Histogram.from_dict(Fields(e, "format")),
    lambda rec, e: Histogram.from_dict(Fields(e, "exact_sum")),
    lambda rec, e: Histogram.from_dict(Fields(e, "bounds")),
    lambda rec, e: Histogram.from_dict({**DATA, "indices": Items(e, "__iter__")}),
    lambda rec, e: Histogram.from_dict({**DATA, "counts": Items(e, "end")}),
    lambda rec, e: Histogram.from_dict({**DATA, "indices": [Whole(e, "__index__")]}),
    lambda rec, e: Histogram.from_dict({**DATA, "counts": [Whole(e, "__index__")]}),
    lambda rec, e: Histogram.from_dict({**DATA, "count": Equal(e, "__eq__")}),
    lambda rec, e: Histogram.from_dict({**DATA, "sum": Number(e, "__float__")}),
    lambda rec, e: Histogram.from_dict({**DATA, "min": Number(e, "__float__")}),
    lambda rec, e: Histogram.from_dict({**DATA, "max": Number(e, "__float__")}),
    lambda rec, e: wholes("n", np.array([1, Whole(e, "__index__")], dtype=object)),
]


@pytest.mark.parametrize("use", range(len(USES)))
@pytest.mark.parametrize("kind", ERRORS)
def test_errors_of_the_callers_code_pass(kind, use):
    rec, error = Recorder(), kind("mine")
    assert caught(USES[use], rec, error) is error
    assert error.args == ("mine",)
    assert rec.snapshot() == Histogram() and not rec.snapshot().synthetic


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not TypeError])
def test_errors_of_a_length_pass(kind):
    """TypeError alone says that there is none: a scalar of a library of arrays."""
    rec, error = Recorder(), kind("mine")
    for use in (rec.record, lambda value: rec.record_many([value])):
        assert caught(use, Sized(error, "__len__")) is error
    assert rec.snapshot() == Histogram()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is new in Python 3.12")
@pytest.mark.parametrize("kind", ERRORS)
def test_errors_of_a_buffer_pass(kind):
    class Buffer:
        def __buffer__(self, flags):
            raise error

    rec, error = Recorder(), kind("mine")
    assert caught(rec.record_many, Buffer()) is error
    assert caught(rec.record_many, [1.0], counts=Buffer()) is error


def test_the_truth_of_an_exit_status_is_not_asked():
    class Status(int):
        def __bool__(self):
            raise AssertionError("asked")

    rec, errors = Recorder(), Recorder()

    def leave(status):
        raise SystemExit(Status(status))

    for status in (0, 3):
        with pytest.raises(SystemExit):
            rec.timed(leave, errors=errors)(status)
        with pytest.raises(SystemExit), rec.time(errors):
            leave(status)
    assert (rec.snapshot().count, errors.snapshot().count) == (2, 2)


class Alarm(Exception):
    """Raised by the handler of a signal, at any moment."""


class Slow:
    """A number that takes some time, so that most alarms come meanwhile."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        for _ in range(20):
            pass
        return self.value


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
@pytest.mark.parametrize("what", ["record", "weight", "record_many", "from_values", "generator", "counts", "corrected"])
def test_alarms_pass(what):
    """1,000 alarms for each: every one arrives, and what was recorded is whole."""
    raised = []

    def handle(number, frame):
        raised.append(Alarm(len(raised)))
        raised[-1].frames = traceback.extract_stack(frame)[-3:]
        raise raised[-1]

    slow = [Slow(2.0)] * 30
    uses = {
        "record": lambda rec: rec.record(slow[0]),
        "weight": lambda rec: rec.record(slow[0], count=30),
        "record_many": lambda rec: rec.record_many(slow),
        "from_values": lambda rec: Histogram.from_values(slow),
        "generator": lambda rec: rec.record_many(one for one in slow),
        "counts": lambda rec: rec.record_many(slow, counts=(1 for _ in slow)),
        "corrected": lambda rec: rec.record_corrected(slow[0], 0.5),
    }
    use, alarms, calls = uses[what], 0, 0
    use(Recorder())  # imports

    def call(rec):
        nonlocal calls
        while len(raised) == alarms and calls < 20_000:  # CPython itself may leave an alarm for later
            use(rec)
            calls += 1

    before = signal.signal(signal.SIGALRM, handle)
    gc.disable()  # a callback of the collector, such as that of hypothesis, would swallow an alarm
    try:
        while alarms < 1_000:
            rec, calls = Recorder(), 0
            try:
                signal.setitimer(signal.ITIMER_REAL, 20e-6 + 1e-6 * (alarms % 50))
                call(rec)  # a function: CPython 3.13 raises at the end of a loop as if that were outside of the `try`
                assert len(raised) == alarms, f"swallowed at {raised[-1].frames}"
                signal.raise_signal(signal.SIGALRM)
            except Alarm as alarm:
                assert alarm is raised[-1]  # noqa: PT017
                alarms += 1
            h = rec.snapshot()
            # The alarm may come after a call has recorded and before this test has counted it.
            made = range(calls, calls + 2) if what != "from_values" else [0]
            if what == "corrected":  # 2.0, 1.5, 1.0 and 0.5
                assert (h.count, h.sum) in [(4 * n, 5.0 * n) for n in made]
                assert h.synthetic == (h.count > 0)
            else:
                size = 1 if what == "record" else 30
                assert (h.count, h.sum) in [(size * n, 2.0 * size * n) for n in made]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert alarms == len(raised)


def test_numbers_of_the_standard_library_that_are_too_large():
    """An int is too large; what another class raises is its own business."""
    with pytest.raises(ValueError, match="too large"):
        Recorder().record(10**400)
    with pytest.raises(ValueError, match="too large"):
        Recorder().record_many([-(10**400)])
    from fractions import Fraction

    with pytest.raises(OverflowError, match="integer division result"):
        Recorder().record(Fraction(10**400))
    assert math.isinf(historian._core.real(10**400)) and historian._core.real("1") is None


def test_a_date_is_not_a_number():
    with pytest.raises(TypeError, match="datetime64 is not a real number"):
        Recorder().record(np.datetime64(5, "ns"))


def test_a_released_view_says_so():
    view = memoryview(array.array("d", [1.0]))
    view.release()
    with pytest.raises(ValueError, match="released memoryview"):
        Recorder().record_many(view)
