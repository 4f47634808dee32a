# System calls whose errors are values, and the lock of a file.
#
# A signal handler runs between two steps of Python code, and may raise any exception there: TimeoutError is an OSError.
# So code that expects an error of a system call has no `try` block: else it would take the handler's exception for that
# error.  It asks for the error as a value.

def attempt(function, /, *args, **kwargs):
    """Call a function that is written in C; return its result, or the OSError or ValueError that it has raised.

    What Python code raises while the function runs, such as a signal handler after an interrupted call, passes.
    """
    try:
        return function(*args, **kwargs)
    except (OSError, ValueError) as error:
        trace, own = error.__traceback__, globals()
        while trace is not None:
            if trace.tb_frame.f_globals is not own:
                raise
            trace = trace.tb_next
        error.__traceback__ = None
        return error


@cython.final
@cython.no_gc
cdef class Descriptor:
    """An open file descriptor.  It is closed with the object, so no exception leaves one behind."""

    cdef int number

    def __cinit__(self):
        self.number = -1

    def __dealloc__(self):
        historian_close(self.number)

    def __index__(self):
        return self.number

    def __int__(self):
        return self.number

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Close it, unless it is closed."""
        cdef int number = self.number
        self.number = -1
        historian_close(number)


def open_file_at(path, int flags, int mode=0o777, *, dir_fd=None):
    """Do as ``os.open``: return a `Descriptor`, or the OSError or ValueError."""
    cdef Descriptor descriptor = Descriptor.__new__(Descriptor)
    opened = attempt(os.open, path, flags, mode, dir_fd=dir_fd)
    if isinstance(opened, Exception):
        return opened
    descriptor.number = opened
    return descriptor


#: Why a file cannot be locked that is no longer at its path.
REPLACED = "the file has been replaced since it was opened: get the recorder again"


@cython.final
@cython.no_gc
cdef class Locked:
    """A context in which a file is locked with ``flock``.  It gives a descriptor of the file, or the OSError.

    It waits at most so many seconds for another process, which may be stopped.  Then the error is a TimeoutError.  It
    is a FileNotFoundError if the file has been removed or replaced.
    """

    cdef DirectoryFile file
    cdef double seconds
    cdef int fd

    def __cinit__(self, DirectoryFile file not None, double seconds):
        self.file, self.seconds, self.fd = file, seconds, -1

    def __dealloc__(self):
        self.release()

    def __enter__(self):
        cdef int fd = -1, error = historian_open_to_lock(&self.file.space, &fd)
        cdef int64_t end = 0, now
        cdef double pause = 0.0005
        if error == ESTALE:
            return OSError(ENOENT, REPLACED, self.file.path)
        if error:
            return OSError(error, os.strerror(error), self.file.path)
        self.fd = fd  # from now on, it is closed whatever happens
        while True:
            error = historian_try_lock(fd)
            if not error:
                return fd
            if error != EAGAIN and error != EINTR:
                return self.fail(error, os.strerror(error))
            now = historian_now()
            end = now + <int64_t>(self.seconds * 1e9) if not end else end
            if now >= end:
                text = f"another process has kept it locked for {self.seconds:g} s: it may be stopped; try again"
                return self.fail(ETIMEDOUT, text)
            with nogil:
                historian_pause(pause)
            pause = min(2 * pause, 0.02)
            PyErr_CheckSignals()

    def __exit__(self, *error):
        self.release()

    cdef object fail(self, int error, text):
        self.release()
        return OSError(error, text, self.file.path)

    cdef void release(self) noexcept:
        cdef int fd = self.fd
        self.fd = -1
        if fd >= 0:
            historian_release_lock(fd)


def pause(double seconds, /):
    """Sleep without the GIL; return when the sleep ended, in ns of ``time.perf_counter_ns()``.

    The clock is read before the thread has the GIL again.  So the clock at the return minus the result is the time that
    the thread waited for it.  A signal may end the sleep early.
    """
    cdef int64_t woke
    with nogil:
        historian_pause(seconds)
        woke = historian_monotonic()
    return woke
