# Generators and coroutines that are timed until they end.
#
# Each step of a wrapper in Python is a step of two generators.  These objects add a call in C to a step, and record
# when the last one has ended.  They leave no frame in a traceback.

cdef extern from "_native/steps.h":
    enum: HISTORIAN_NO_STEPS, HISTORIAN_GENERATOR, HISTORIAN_AWAITABLE_GENERATOR, HISTORIAN_COROUTINE
    ctypedef enum PySendResult:
        PYGEN_RETURN, PYGEN_ERROR, PYGEN_NEXT
    int historian_kind_of_steps(PyObject *result)
    PySendResult PyIter_Send(PyObject *steps, PyObject *value, PyObject **result)
    PyObject *historian_next(PyObject *steps)
    PyObject *historian_stop(PyObject *value, bint always)
    PyObject *historian_throw(PyObject *steps, PyObject *args)
    PyObject *historian_close_steps(PyObject *steps)
    bint historian_are_over(PyObject *steps)
    bint historian_has_failed()
    int historian_raise() except -1
    bint historian_check_depth(PyObject *steps)
    void historian_leave_depth(PyObject *steps)
    void historian_set_steps(
        PyTypeObject *, PyObject *(*next)(PyObject *) noexcept,
        PySendResult (*send)(PyObject *, PyObject *, PyObject **) noexcept
    )
    void PyErr_WriteUnraisable(PyObject *)

cdef enum:
    NOT_BEGUN = 0  # of `began`
    HAS_ENDED = -1
    DEEPEST = 1_000  # timed steps, one in the other


@cython.freelist(16)
cdef class Steps:
    """A generator or a coroutine that records how long it runs: from its first step until it ends or is closed.

    It stands in for `steps` and forwards everything to it; its class is that of `steps`.  Of several threads that step
    at the same time, all but one get the error that the generator raises for this, and nothing is recorded twice.
    """

    cdef object __weakref__
    cdef object steps
    cdef object innermost  # the generator or the coroutine below all timed steps
    cdef Counters into
    cdef Counters errors  # records steps that end with an exception; may be `into`
    cdef int64_t began  # ns on the monotonic clock, or NOT_BEGUN or HAS_ENDED
    cdef int kind  # of `innermost`: HISTORIAN_GENERATOR and so on
    cdef int depth  # timed steps from here to `innermost`

    def __init__(self):
        raise TypeError("these objects are made by a timed function")

    @property
    def __class__(self):
        return type(self.innermost)

    def __getattr__(self, name):
        return getattr(self.innermost, name)

    def __setattr__(self, name, value):
        setattr(self.innermost, name, value)

    def __repr__(self):
        return f"<timed {self.steps!r}>"

    def __reduce__(self):
        raise TypeError(f"cannot pickle {self.__class__.__name__!r} object")

    def __dealloc__(self):
        if self.began > 0:
            close_unfinished(self)

    def send(self, value, /):
        """Do one step, and return what it yields.  StopIteration has what the last one returns."""
        cdef PyObject *result = NULL
        if send_timed(<PyObject *>self, <PyObject *>value, &result) == PYGEN_RETURN:
            result = historian_stop(result, True)
        return taken(result)

    def throw(self, *args):
        """Raise an exception where the last step has stopped, and return what the next one yields."""
        cdef PyObject *result = historian_throw(<PyObject *>self.steps, <PyObject *>args)
        if result is NULL:
            has_raised(self)
        return taken(result)

    def close(self):
        """End it, and record its time if it has begun."""
        cdef PyObject *result = historian_close_steps(<PyObject *>self.steps)
        if result is NULL:
            has_raised(self)
        else:
            end_steps(self, False)
        return taken(result)


@cython.final
@cython.no_gc_clear
cdef class TimedGenerator(Steps):
    """The timed form of a generator."""

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)  # by this name; `next()` and loops call `next_timed`


@cython.final
@cython.no_gc_clear
cdef class TimedAwaitableGenerator(Steps):
    """The timed form of a generator that ``types.coroutine`` made."""

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def __await__(self):
        return self


@cython.final
@cython.no_gc_clear
cdef class TimedCoroutine(Steps):
    """The timed form of a coroutine."""

    def __await__(self):
        if self.began > 0 and self.innermost.cr_await is not None:
            raise RuntimeError("coroutine is being awaited already")
        return self


cdef object taken(PyObject *result):
    """Return a result to Python; NULL stands for the exception that is set."""
    if result is NULL:
        historian_raise()
    one = <object>result
    Py_DECREF(one)
    return one


cdef int end_steps(Steps self, bint failed) noexcept:
    """Record the time, unless it has been recorded, or nothing has begun."""
    cdef int64_t began = <int64_t>historian_atomic_exchange(<uint64_t *>&self.began, <uint64_t>HAS_ENDED)
    if began > 0:
        record_time(self.errors if failed else self.into, historian_now() - began)
    return 0


cdef int has_raised(Steps self) noexcept:
    """Record the time if the exception that is set, or none, has ended the steps.

    It has not if the generator is executing, in another thread or further up, or if it has not been asked properly.
    """
    if self.began != HAS_ENDED and historian_are_over(<PyObject *>self.innermost):
        end_steps(self, historian_has_failed())
    return 0


cdef int close_unfinished(Steps self) noexcept:
    """Do what happens to a generator that nobody needs any more."""
    cdef PyObject *result = historian_close_steps(<PyObject *>self.steps)
    if result is not NULL:
        Py_DECREF(<object>result)
        end_steps(self, False)
        return 0
    end_steps(self, historian_has_failed())
    PyErr_WriteUnraisable(<PyObject *>self.steps)
    return 0


cdef PySendResult send_timed(PyObject *obj, PyObject *value, PyObject **result) noexcept:
    cdef Steps self = <Steps>obj
    cdef PyObject *steps = <PyObject *>self.steps
    cdef PySendResult done
    if self.began == NOT_BEGUN and value is <PyObject *>None:  # another value is refused
        self.began = historian_now()
    if historian_check_depth(steps):
        return PYGEN_ERROR
    done = PyIter_Send(steps, value, result)
    historian_leave_depth(steps)
    if done == PYGEN_RETURN:
        end_steps(self, False)
    elif done == PYGEN_ERROR:
        has_raised(self)
    return done


cdef PyObject *next_timed(PyObject *obj) noexcept:
    cdef Steps self = <Steps>obj
    cdef PyObject *steps = <PyObject *>self.steps
    cdef PyObject *result
    if self.began == NOT_BEGUN:
        self.began = historian_now()
    if historian_check_depth(steps):
        return NULL
    result = historian_next(steps)
    historian_leave_depth(steps)
    if result is NULL:
        has_raised(self)
    return result


historian_set_steps(<PyTypeObject *>TimedGenerator, next_timed, send_timed)
historian_set_steps(<PyTypeObject *>TimedAwaitableGenerator, next_timed, send_timed)
historian_set_steps(<PyTypeObject *>TimedCoroutine, next_timed, send_timed)


cdef PyObject *new_steps(PyObject *result, Counters into, Counters errors) except? NULL:
    """Return a new reference to the timed form of a generator or a coroutine, also of one that is timed already.

    Return NULL, without an exception, for another object.
    """
    cdef int kind = historian_kind_of_steps(result), depth = 1
    cdef object innermost = <object>result
    cdef Steps made
    if kind == HISTORIAN_NO_STEPS:
        if not isinstance(innermost, Steps):
            return NULL
        kind, depth = (<Steps>result).kind, (<Steps>result).depth + 1
        innermost = (<Steps>result).innermost
        if depth > DEEPEST:
            raise RecursionError(f"a generator or a coroutine is timed more than {DEEPEST:,} times")
    if kind == HISTORIAN_COROUTINE:
        made = TimedCoroutine.__new__(TimedCoroutine)
    elif kind == HISTORIAN_GENERATOR:
        made = TimedGenerator.__new__(TimedGenerator)
    else:
        made = TimedAwaitableGenerator.__new__(TimedAwaitableGenerator)
    made.steps, made.innermost, made.into, made.errors = <object>result, innermost, into, errors
    made.kind, made.depth = kind, depth
    Py_INCREF(made)
    return <PyObject *>made


def follow_steps(steps, Counters into not None, Counters errors not None, /):
    """Return the timed form of a generator or a coroutine.  Raises TypeError for another object."""
    cdef PyObject *made = new_steps(<PyObject *>steps, into, errors)
    if made is NULL:
        raise TypeError(f"a generator or a coroutine is needed, not {type(steps).__name__}")
    return taken(made)
