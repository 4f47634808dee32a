# Timers and timed functions.

from io import open  # the builtin would be cached for all interpreters of the process together


cdef bint kernel_trusts_ticks():
    """Return whether Linux itself derives its monotonic clock from the processor's time stamp counter."""
    try:
        with open("/sys/devices/system/clocksource/clocksource0/current_clocksource", "rb") as source:
            return source.read().strip() == b"tsc"
    except OSError:
        return False


if HISTORIAN_HAS_TICKS:
    historian_use_ticks(kernel_trusts_ticks())

cdef enum:
    CLOCK_SLACK_NS = 1000  # a reading of ours and one of time.perf_counter_ns() may differ by less than this


cdef inline int check_time(Counters counters) except -1:
    if counters.ns_per_unit == 0:
        raise ValueError("a timer needs a recorder whose unit is 's', 'ms', 'us' or 'ns'")
    return 0


cdef inline void record_time(Counters counters, int64_t ns) noexcept:
    ns = ns if ns > 0 else 0  # the clock is read without a fence
    record_held(counters, <double>ns / counters.ns_per_unit)


@cython.final
@cython.freelist(16)
@cython.no_gc  # a recorder never refers to its timers, so there is no cycle to collect
cdef class Timer:
    """Times one block: ``with recorder.time() as timer: ...``.  ``async with`` does the same."""

    cdef Counters into
    cdef Counters errors  # where blocks left by an exception go; `into` unless told otherwise
    cdef int64_t began  # ns on the monotonic clock; 0 before the block
    cdef int64_t ended  # likewise; 0 until the block has ended

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, exc_type, exc_value, traceback, /):
        self.end(exc_type)

    async def __aenter__(self):
        self.begin()
        return self

    async def __aexit__(self, exc_type, exc_value, traceback):
        self.end(exc_type)

    @property
    def elapsed(self):
        """Time since the block began, in the recorder's unit; once it has ended, what was recorded.  NaN before it."""
        if self.began == 0:
            return NAN
        return <double>max(0, (self.ended or historian_now()) - self.began) / self.into.ns_per_unit

    cdef int begin(self) except -1:
        if self.began and not self.ended:
            raise RuntimeError("this timer is running already: call time() anew for each block")
        self.ended = 0
        self.began = historian_now()
        return 0

    cdef int end(self, object exc_type) except -1:
        cdef int64_t now = historian_now()
        if self.began == 0 or self.ended != 0:
            raise RuntimeError("this timer is not running")
        self.ended = now
        # A generator closed early has not failed: its reader had seen enough.
        failed = exc_type is not None and exc_type is not GeneratorExit
        record_time(self.errors if failed else self.into, self.ended - self.began)
        return 0


cdef inline Timer new_timer(Counters counters):
    if HISTORIAN_ISOLATED:
        return <Timer>historian_new_object(<PyTypeObject *>counters.timer_type)
    return Timer.__new__(Timer)


@cython.final
@cython.freelist(16)
cdef class MutedTimer:
    """A timer that does nothing, for ``HISTORIAN_DISABLE=1``."""

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback, /):
        return None

    async def __aenter__(self):
        return self

    async def __aexit__(self, exc_type, exc_value, traceback):
        return None

    @property
    def elapsed(self):
        """NaN: timing is disabled."""
        return NAN


# A class of its own: Cython 3.3.1 cannot make a class with this and a `__dict__` for each interpreter.
cdef class WeaklyReferenced:
    cdef object __weakref__


@cython.final
cdef class TimedFunction(WeaklyReferenced):
    """A callable that records how long each call of another takes; made by ``Recorder.timed``.

    Should a call return a coroutine, a generator or an async generator, the work is still to come: then
    `resume(result, into, errors)` replaces it with one that records when it ends.
    """

    cdef vectorcallfunc vectorcall
    cdef object function
    cdef Counters into
    cdef Counters errors  # where calls left by an exception go; may be `into`
    cdef object resume
    cdef dict __dict__

    def __cinit__(self, function, Counters into not None, Counters errors not None, resume):
        check_time(into)
        check_time(errors)
        self.vectorcall = timed_call
        self.function = function
        self.into = into
        self.errors = errors
        self.resume = resume

    def __call__(self, *args, **kwargs):
        return PyVectorcall_Call(self, args, kwargs)

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __getattr__(self, name):
        return getattr(self.function, name)  # such as the cache_info of functools.lru_cache

    def __reduce__(self):
        return self.__qualname__

    def __repr__(self):
        return f"<timed {self.function!r}>"


cdef PyObject *timed_call(PyObject *obj, PyObject *const *args, size_t nargsf, PyObject *kwnames) noexcept:
    cdef TimedFunction self = <TimedFunction>obj
    cdef int64_t began = historian_now()
    cdef PyObject *result = PyObject_Vectorcall(<PyObject *>self.function, args, nargsf, kwnames)
    cdef PyObject *resumed
    if result is not NULL and (PyCoro_CheckExact(result) or PyGen_CheckExact(result) or PyAsyncGen_CheckExact(result)):
        resumed = PyObject_CallFunctionObjArgs(
            <PyObject *>self.resume, result, <PyObject *>self.into, <PyObject *>self.errors, NULL
        )
        Py_DECREF(<object>result)
        return resumed
    record_time(self.errors if result is NULL else self.into, historian_now() - began)
    return result


cdef int make_timed_functions_callable() except -1:
    cdef TimedFunction one = TimedFunction(len, Counters(), Counters(), None)
    historian_set_vectorcall(<PyTypeObject *>TimedFunction, <char *>&one.vectorcall - <char *><PyObject *>one)
    return 0


make_timed_functions_callable()
