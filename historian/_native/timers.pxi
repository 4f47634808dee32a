# Timers and timed functions.

@cython.final
@cython.freelist(16)
@cython.no_gc_clear  # a timer whose recorder had been cleared would crash; its cycles are broken elsewhere
cdef class Timer:
    """Records how long one block takes: ``with recorder.time() as timer: ...``.  ``async with`` works, too.

    `Recorder.time` makes timers.  A timer can be used again when its block has ended.  It cannot be pickled or copied:
    use its `elapsed`.
    """

    __module__ = "historian"

    cdef Counters into
    cdef Counters errors  # records blocks that raise an exception; `into` unless specified
    cdef object labels  # of an exemplar, checked; True for those of the span at the end of the block; or None
    cdef int64_t began  # ns on the monotonic clock; 0 before the block begins
    cdef int64_t ended  # ns on the monotonic clock; 0 until the block has ended

    def __init__(self):
        raise TypeError("a Timer is made by recorder.time()")  # which does not call this

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, exc_type, exc_value, traceback, /):
        self.end(exc_type, exc_value)

    async def __aenter__(self):
        self.begin()
        return self

    async def __aexit__(self, exc_type, exc_value, traceback):
        self.end(exc_type, exc_value)

    def __call__(self, *args, **kwargs):
        raise TypeError("a timer times one block, it is no decorator: write @rec.timed, without time()")

    @property
    def elapsed(self):
        """Time since the block began, in the recorder's unit; after its end, the recorded time; before it, NaN."""
        if self.began == 0:
            return NAN
        return <double>max(0, (self.ended or historian_now()) - self.began) / self.into.ns_per_unit

    @property
    def exemplar(self):
        """Labels that are kept with the time of this block, such as ``{"trace_id": ...}``; None if there are none.

        They can be set until the block ends.  ``timer.exemplar = True`` takes those of OpenTelemetry's span that is
        current now: see `Recorder.record`, which also tells what this raises.  True that was passed to `Recorder.time`
        stands for the span at the end, of each block.  Labels are for one block.
        """
        return dict(self.labels) if isinstance(self.labels, tuple) else self.labels

    @exemplar.setter
    def exemplar(self, exemplar):
        if self.into is None:
            raise TypeError("a Timer is made by recorder.time()")
        if self.ended:
            raise RuntimeError("this timer has ended, and its time is recorded: set the exemplar in the block")
        self.labels = None if self.into.is_muted else self.into._labels_of(exemplar, False)

    def __repr__(self):
        if self.began == 0:
            return "<Timer: not started>"
        shown = f"{self.elapsed:.4g} {unit_of_time(self.into)}"
        return f"<Timer: {shown}>" if self.ended else f"<Timer: running, {shown} so far>"

    def __reduce__(self):
        raise TypeError("a Timer cannot be pickled or copied: use timer.elapsed")

    cdef int begin(self) except -1:
        if self.into is None:  # made without recorder.time(), if somebody has found a way
            raise TypeError("a Timer is made by recorder.time()")
        if self.began and not self.ended:
            raise RuntimeError("this timer is already running: call time() again for each block")
        self.ended = 0
        self.began = historian_now()
        return 0

    cdef int end(self, object exc_type, object exc_value) except -1:
        cdef int64_t now = historian_now()
        cdef bint failed
        if self.began == 0 or self.ended != 0:
            raise RuntimeError("this timer is not running: use it as `with recorder.time():`")
        self.ended = now
        # A generator that is closed early has not failed: its consumer needs no more values.
        failed = exc_type is not None and exc_type is not GeneratorExit and not exits_well(exc_value)
        if self.labels is not None:
            return self.keep(self.errors if failed else self.into)
        record_time(self.errors if failed else self.into, self.ended - self.began)
        return 0

    cdef int keep(self, Counters counters) except -1:
        """Record the time with an exemplar; without one, if making it raises an exception, which then passes."""
        cdef int64_t ns = max(0, self.ended - self.began)
        labels = self.labels
        if labels is not True:
            self.labels = None
        try:
            made = counters._exemplar_of(<double>ns / counters.ns_per_unit, labels)
            kept = None if made is None else counters._exemplars(getpid(), True)
        except BaseException:
            record_time(counters, ns)
            raise
        record_time(counters, ns)
        if kept is not None:
            keep(kept, <double>ns / counters.ns_per_unit, made)
        return 0


historian_publish(<PyTypeObject *>Timer, b"historian.Timer")


cdef inline Timer new_timer(Counters counters):
    if HISTORIAN_ISOLATED:
        return <Timer>historian_new_object(<PyTypeObject *>counters.timer_type)
    return Timer.__new__(Timer)


cdef PyObject *time_alone(PyObject *counters) except NULL:
    """Return a new timer, as `Counters.time` does without arguments."""
    cdef Counters into = <Counters>counters
    cdef Timer timer
    check_time(into)
    timer = new_timer(into)
    timer.into = timer.errors = into
    Py_INCREF(timer)
    return <PyObject *>timer


historian_hasten_time(<PyTypeObject *>Counters, time_alone)


# A separate class, because Cython 3.3.1 cannot make a class with both this and `__dict__` for each interpreter.
cdef class WeaklyReferenced:
    cdef object __weakref__


cdef class TimedCallable(WeaklyReferenced):
    """A callable that records how long each call of `function` takes; made by ``Recorder.timed``.

    Its class, code, names and all other attributes are those of `function`, unless they have been set.  Of a timed
    callable it takes what has been set until then.  Setting an attribute does not change `function`.  The exceptions
    are code and defaults: they are set on `function`.

    A call may return a coroutine or a generator: it is timed until it ends, see `Steps`.  With `makes`, it always does,
    and a call that raises is not recorded.  It may return a future or another result whose work may not be done.  Then
    `resume(result, into, errors, began)` returns the result, or an object that replaces it, and records when the work
    ends.  It returns None if the work is done; the call is then recorded as it is.
    """

    cdef vectorcallfunc vectorcall
    cdef object function
    cdef object innermost  # the function below all timed callables, so that many of them answer as fast as one
    cdef Counters into
    cdef Counters errors  # records calls that raise an exception; may be `into`
    cdef object resume
    cdef bint checks_depth  # whether calls of `function` notice how deeply they are nested, as those of functions do
    cdef object finished  # a type, or None: `resume` has said that the work of results of this type is done
    cdef bint makes  # whether a call only makes the generator or the coroutine whose steps are timed
    cdef object by_value  # __reduce__ returns by_value(function, into, errors) if pickle cannot find it by name
    cdef dict names  # values of `__name__` and the like that have been set
    cdef dict __dict__

    def __cinit__(self, function, Counters into not None, Counters errors not None, resume, by_value, bint makes=False):
        check_time(into)
        check_time(errors)
        self.vectorcall = timed_call
        self.function = function
        self.into = into
        self.errors = errors
        self.resume = resume
        self.by_value = by_value
        self.makes = makes
        self.checks_depth = PyFunction_Check(function)
        self.innermost, self.names = function, {}
        if isinstance(function, TimedCallable):
            self.innermost = (<TimedCallable>function).innermost
            self.names = dict((<TimedCallable>function).names)

    def __call__(self, *args, **kwargs):
        return PyVectorcall_Call(self, args, kwargs)

    def __getattribute__(self, name):
        # Otherwise the answer would be that of the type, which gets annotations of its own as soon as anybody asks it.
        if name in ("__class__", "__doc__", "__module__", "__annotations__", "__annotate__", "__type_params__"):
            return self.answer(name)
        return PyObject_GenericGetAttr(self, name)

    def __getattr__(self, name):
        return self.answer(name)  # it has no such attribute of its own

    cdef answer(self, name):
        return self.names[name] if name in self.names else getattr(self.innermost, name)

    def __setattr__(self, name, value):
        if name in ("__code__", "__defaults__", "__kwdefaults__"):
            setattr(self.innermost, name, value)
        elif name in (
            "__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__annotate__", "__type_params__"
        ):
            if name in ("__name__", "__qualname__") and not isinstance(value, str):
                raise TypeError(f"{name} must be a string, not {type(value).__name__}")
            self.names[name] = value
        else:
            PyObject_GenericSetAttr(self, name, value)

    def __reduce__(self):
        name = getattr(self, "__qualname__", None)
        if name is not None and self is find_by_name(self.__module__, name):
            return name
        return self.by_value(self.function, self.into, self.errors)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return f"<timed {self.function!r}>"


@cython.final
cdef class TimedFunction(TimedCallable):
    """A timed callable that becomes a method of a class, as functions do."""

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __set_name__(self, owner, name):
        # `type` does this for functions, but not for objects that resemble one.
        if name in ("__init_subclass__", "__class_getitem__"):
            setattr(owner, name, classmethod(self))
        elif name == "__new__":
            setattr(owner, name, staticmethod(self))


cdef find_by_name(module, name):
    """Return the object that pickle would find by that name, or None."""
    found = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


ctypedef PyObject *(*steps_maker)(PyObject *, Counters, Counters) noexcept  # its exception passes here, too


cdef PyObject *resume_result(TimedCallable self, PyObject *result, int64_t began) noexcept:
    """Return what is timed of a result; NULL, with an exception set unless the work is done."""
    cdef PyObject *resumed
    if <PyObject *>Py_TYPE(result) == <PyObject *>self.finished:
        return NULL
    resumed = (<steps_maker>new_steps)(result, self.into, self.errors)
    if resumed is not NULL or PyErr_Occurred() is not NULL:
        return resumed
    resumed = historian_resume(<PyObject *>self.resume, result, <PyObject *>self.into, <PyObject *>self.errors, began)
    if resumed is not <PyObject *>None:
        return resumed
    with cython.critical_section(self):
        self.finished = <object>Py_TYPE(result)
    return NULL


cdef PyObject *timed_call(PyObject *obj, PyObject *const *args, size_t nargsf, PyObject *kwnames) noexcept:
    cdef TimedCallable self = <TimedCallable>obj
    cdef int64_t began = historian_now()
    cdef PyObject *result
    cdef PyObject *resumed
    if self.checks_depth:
        result = PyObject_Vectorcall(<PyObject *>self.function, args, nargsf, kwnames)
    elif Py_EnterRecursiveCall(" in a timed call"):
        return NULL
    else:
        result = PyObject_Vectorcall(<PyObject *>self.function, args, nargsf, kwnames)
        Py_LeaveRecursiveCall()
    if result is NULL:
        if not self.makes:  # else it is because of the arguments, and none of the function has run
            record_time(self.into if historian_is_exiting_well() else self.errors, historian_now() - began)
        return NULL
    if historian_may_be_to_come(result):
        resumed = resume_result(self, result, began)
        if resumed is not NULL or PyErr_Occurred() is not NULL:
            Py_DECREF(<object>result)
            return resumed
    record_time(self.into, historian_now() - began)
    return result


cdef int make_timed_functions_callable() except -1:
    cdef TimedCallable one = TimedCallable(len, Counters(), Counters(), None, None)
    cdef Py_ssize_t offset = <char *>&one.vectorcall - <char *><PyObject *>one
    historian_set_vectorcall(<PyTypeObject *>TimedCallable, offset, False)
    historian_set_vectorcall(<PyTypeObject *>TimedFunction, offset, True)
    return 0


make_timed_functions_callable()
