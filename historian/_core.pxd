# cython: language_level=3
"""Native recording: ``from historian._core cimport Counters``, compiled with ``historian.get_include()``.

    cdef Counters counters = recorder          # any historian.Recorder
    with nogil:
        counters.record_native(value)          # True, or False for NaN, infinities and negative values
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t


cdef extern from "_native/counters.h" nogil:
    ctypedef struct historian_head:
        uint64_t max
        uint64_t not_min
    ctypedef struct historian_counters:
        historian_head *head
        historian_counters **place
        historian_counters *owned
        void *file
        size_t thread
    ctypedef struct historian_lanes:
        pass
    bint historian_record_atomic(historian_counters *counters, double value)


cdef class Counters:
    # A thread that holds the GIL counts in `exclusive`, with ordinary adds.  Other threads count in `atomic`, with
    # atomic adds.  Without a GIL each thread has its own exclusive counters in `lanes`.  A reader adds all of them up.
    # All of them are NULL until the first record.
    cdef historian_counters *exclusive  # NULL if there is no GIL
    cdef historian_lanes *lanes  # NULL if there is a GIL, or recording is disabled
    cdef historian_counters *atomic
    cdef historian_counters *drained  # in private memory: what was drained of `lanes` and `atomic`; or NULL
    cdef historian_counters *owned  # in a file: all exclusive ones of this object; in use, or free to be used again
    cdef void *space  # the historian_space of `file`; NULL in private memory
    cdef uint64_t entry  # in a file: the chunk that describes the recorder
    cdef uint64_t place  # in a file: its place there
    cdef uint64_t forks  # in a file: how often this process had been a child when it opened the recorder
    cdef object file  # the DirectoryFile that contains the counters; None if they are in private memory
    cdef object exemplars  # a tuple of a process id and its exemplars, a dict by octave; None if there were none yet
    cdef object left  # a tuple that keeps removed files mapped in which this has counted; or None
    cdef object timer_type  # the type Timer of this interpreter; to look it up on each call would be slow
    cdef double ns_per_unit  # 1, 1e3, 1e6 or 1e9; 0 if the unit is not a unit of time
    cdef bint is_muted  # whether recording is disabled

    cdef bint record_first_native(self, double value) noexcept nogil

    @cython.final
    cdef inline bint record_native(self, double value) noexcept nogil:
        if self.atomic is NULL:
            return self.record_first_native(value)
        return historian_record_atomic(self.atomic, value)


cdef class Muted(Counters):
    pass
