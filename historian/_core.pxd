# cython: language_level=3
"""Native recording: ``from historian._core cimport Counters``, compiled with ``historian.get_include()``.

    cdef Counters counters = recorder          # any historian.Recorder
    with nogil:
        counters.record_native(value)          # True, or False for NaN, infinities and negative values
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t


cdef extern from "_native/cells.h" nogil:
    ctypedef struct historian_cells:
        uint64_t sum
        uint64_t lost
        uint64_t max
        uint64_t not_min
        uint64_t used
        uint64_t *counts
    bint historian_record_shared(historian_cells *cells, double value)


cdef class Counters:
    # What holds the GIL counts in `owned`, with plain adds; everybody else counts in `shared`, with atomic ones.  A
    # reader adds the two up.
    cdef historian_cells *owned  # NULL where no GIL keeps others out, and in a file until a block of it is leased
    cdef historian_cells *shared  # NULL only where recording is disabled
    cdef object file  # CounterFile that both lie in; None if they are in private memory
    cdef object timer_type  # Timer of this interpreter: `time` has no time to look it up
    cdef double ns_per_unit  # 1, 1e3, 1e6 or 1e9; 0 if the unit is not one of time

    @cython.final
    cdef inline bint record_native(self, double value) noexcept nogil:
        return self.shared is NULL or historian_record_shared(self.shared, value)


cdef class Muted(Counters):
    pass
