# cython: language_level=3
"""Native recording: ``from historian._core cimport Counters``, compiled with ``historian.get_include()``.

    cdef Counters counters = recorder          # any historian.Recorder
    with nogil:
        counters.record_native(value)          # True, or False for NaN, infinities and negative values
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t


cdef extern from "_native/counters.h" nogil:
    ctypedef struct historian_sum:
        pass
    ctypedef struct historian_counters:
        uint64_t max
        uint64_t not_min
        uint64_t max_bound
        uint64_t not_min_bound
        uint64_t used
        historian_sum sum
        uint64_t *counts
    ctypedef struct historian_lanes:
        pass
    bint historian_record_atomic(historian_counters *counters, double value)


cdef class Counters:
    # A thread that holds the GIL counts in `exclusive`, with ordinary adds.  Other threads count in `atomic`, with
    # atomic adds.  Without a GIL each thread has its own exclusive counters in `lanes`.  A reader adds all of them up.
    cdef historian_counters *exclusive  # NULL if there is no GIL; in a file, NULL until a block is leased
    cdef historian_lanes *lanes  # NULL if there is a GIL, or recording is disabled
    cdef historian_counters *atomic  # NULL only if recording is disabled
    cdef object file  # the CounterFile that contains both; None if they are in private memory
    cdef object left  # a tuple that keeps removed files mapped in which this has counted; or None
    cdef object timer_type  # the type Timer of this interpreter; to look it up on each call would be slow
    cdef double ns_per_unit  # 1, 1e3, 1e6 or 1e9; 0 if the unit is not a unit of time

    @cython.final
    cdef inline bint record_native(self, double value) noexcept nogil:
        return self.atomic is NULL or historian_record_atomic(self.atomic, value)


cdef class Muted(Counters):
    pass
