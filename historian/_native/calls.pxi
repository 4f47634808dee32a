# The calls of functions that ``sys.monitoring`` tells of.

@cython.final
cdef class Calls:
    """Times the calls of chosen functions.  Its methods are callbacks of ``sys.monitoring``.

    A call is known by its frame, which is alive until the function has ended.  So threads, recursion, greenlets,
    generators and coroutines do not mix.  `look` is called with each code that has not been added, when it starts: if
    it returns false, `started` returns `disable`, and the interpreter does not tell of this code any more.
    """

    cdef dict chosen  # recorders, by the id of the code
    cdef dict began  # when the calls that run began, in ns on the monotonic clock, by the id of their frame
    cdef object look
    cdef object disable

    def __init__(self, look, disable, /):
        self.chosen, self.began, self.look, self.disable = {}, {}, look, disable

    def add(self, code, Counters counters not None, /):
        """Have the calls of a function timed.  The caller keeps its code alive."""
        check_time(counters)
        self.chosen[<size_t><PyObject *>code] = counters

    def started(self, code, offset, /):
        """Note that a function has started."""
        if <size_t><PyObject *>code not in self.chosen and not self.look(code):
            return self.disable
        self.began[<size_t>PyEval_GetFrame()] = historian_now()

    def ended(self, code, offset, value, /):
        """Record the time of a call: the function has returned, or an exception leaves it.  Others are not timed."""
        cdef int64_t now = historian_now()
        cdef object counters = self.chosen.get(<size_t><PyObject *>code)
        if counters is not None:
            began = self.began.pop(<size_t>PyEval_GetFrame(), None)
            if began is not None:  # else it ran before it was chosen
                record_time(<Counters>counters, now - <int64_t>began)
