# cython: language_level=3, binding=False, always_allow_keywords=False, freethreading_compatible=True
# cython: subinterpreters_compatible=own_gil
# cython: embedsignature=True, embedsignature.format=clinic, boundscheck=False, wraparound=False, cdivision=True
# cython: auto_pickle=False
"""The part of historian that must be fast: counters, timers and timed calls.  The rest of the package is Python.

This is one compiled module.  Its parts are in ``_native/*.pxi``, and are included at the end of this file.
"""

cimport cython
from cpython.buffer cimport PyBUF_RECORDS_RO, PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_DECREF, PyObject
from libc.math cimport NAN, fabs, isinf
from libc.stdint cimport INT64_MAX, uint8_t, uint32_t
from libc.errno cimport errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memmove, memset

import os
import sys
from collections.abc import Mapping
from operator import index


cdef extern from "_native/atomics.h" nogil:
    uint64_t historian_atomic_load(const uint64_t *p)
    uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n)
    void historian_atomic_store(uint64_t *p, uint64_t n)
    void historian_atomic_store_release(uint64_t *p, uint64_t n)
    uint64_t historian_atomic_add(uint64_t *p, uint64_t n)
    void historian_atomic_max(uint64_t *p, uint64_t n)

cdef extern from "_native/bucket.h" nogil:
    enum: HISTORIAN_SLOTS, HISTORIAN_FIRST_INDEX
    uint64_t HISTORIAN_MAX_BITS
    uint64_t historian_slot(uint64_t bits)
    uint64_t historian_bits(double value)
    double historian_double(uint64_t bits)

cdef extern from "_native/sum.h" nogil:
    enum: HISTORIAN_SUM_DIGITS
    void historian_add_digits(historian_sum *, const uint64_t *digits, size_t first, size_t end)

cdef extern from "_native/sum_read.h" nogil:
    void historian_read_sum(historian_sum *total, const historian_sum *)
    void historian_read_rest(historian_sum *total, const historian_sum *, historian_sum *drained, bint take)
    size_t historian_write_sum(historian_sum *, uint32_t *out)

cdef extern from "_native/counters.h" nogil:
    bint historian_record_exclusive(historian_counters *counters, double value)
    void historian_extend_atomic(
        historian_counters *counters, size_t first, size_t last, uint64_t min, uint64_t max,
        bint min_is_bound, bint max_is_bound
    )

cdef extern from "_native/thread.h" nogil:
    enum: HISTORIAN_THREADS
    size_t historian_take_thread()

cdef extern from "_native/lanes.h" nogil:
    ctypedef struct historian_lanes_total:
        uint64_t *counts
        historian_sum sum
        uint64_t max, not_min, max_bound, not_min_bound
        size_t first, end
    historian_lanes *historian_new_lanes()
    void historian_free_lanes(historian_lanes *, bint mapped)
    historian_counters *historian_own_lane(const historian_lanes *)
    historian_counters **historian_own_place(historian_lanes *)
    historian_counters *historian_ask_for_lane(historian_lanes *, size_t n)
    bint historian_read_lanes(historian_lanes *, historian_counters *shared, historian_lanes_total *, bint take)

cdef extern from "_native/bulk_load.h" nogil:
    ctypedef void (*historian_loader)(double *, const char *, Py_ssize_t, size_t) noexcept
    ctypedef struct historian_array:
        historian_loader load
        const char *data
        Py_ssize_t stride
        size_t n
    ctypedef void (*historian_count_loader)(uint64_t *, const char *, Py_ssize_t, size_t) noexcept
    ctypedef struct historian_occurrences:
        historian_count_loader load
        const char *data
        Py_ssize_t stride
    historian_loader historian_load_double, historian_load_float
    historian_count_loader historian_load_int64_count, historian_load_uint64_count
    historian_loader historian_find_loader(char format, size_t size)
    historian_count_loader historian_find_count_loader(char format, size_t size)

cdef extern from "_native/bulk.h" nogil:
    ctypedef struct historian_tables:
        pass
    enum: HISTORIAN_SMALL
    const char *historian_choose_scan(const char *widest)
    void historian_add_count(historian_counters *, size_t slot, uint64_t count, bint exclusive)
    Py_ssize_t historian_record_small(
        historian_counters *, const historian_array *, bint exclusive, double *bad_value
    )
    Py_ssize_t historian_tally(historian_tables *, const historian_array *, double *bad_value)
    void historian_fold(historian_counters *, historian_tables *, bint exclusive)
    historian_tables *historian_take_tables()
    void historian_give_tables(historian_tables *)

cdef extern from "_native/bulk_counts.h" nogil:
    enum: HISTORIAN_BAD_VALUE, HISTORIAN_BAD_OCCURRENCES, HISTORIAN_TOO_OFTEN
    ctypedef struct historian_refusal:
        int kind
        size_t position
        double value
        uint64_t count
    bint historian_tally_counts(
        historian_tables *, const historian_array *, const historian_occurrences *, uint64_t *total, historian_refusal *
    )
    void historian_record_times(historian_counters *, double value, uint64_t times, bint exclusive)

cdef extern from "_native/pages.h" nogil:
    void *historian_new_pages(size_t size)
    void historian_free_pages(void *pages, size_t size)
    void *historian_map_file(int fd, size_t size, bint writable)
    int historian_reserve(int fd, size_t offset, size_t size)
    int historian_fill_holes(int fd, size_t offset, size_t size)
    bint historian_is_backed(const void *part, size_t size)
    void *historian_copy_file(int fd, size_t size)

cdef extern from "_native/file.h" nogil:
    enum: HISTORIAN_FILE_HEADER_NBYTES, HISTORIAN_FILE_MAX_BLOCKS, HISTORIAN_BLOCK_NBYTES
    enum: HISTORIAN_ROLE_DRAINED_EVEN, HISTORIAN_ROLE_DRAINED_ODD
    ctypedef struct historian_file:
        uint64_t *roles
        uint64_t claimed
        uint64_t synthetic
    ctypedef struct historian_drained:
        pass
    ctypedef struct historian_total:
        uint64_t *counts
        historian_sum sum
        uint64_t max, not_min, max_bound, not_min_bound
        uint64_t drains
        size_t blocks
    size_t historian_block_offset(size_t block)
    void *historian_file_block(historian_file *file, size_t block)
    size_t historian_listed_blocks(const historian_file *file)
    size_t historian_count_blocks(const historian_file *file, size_t size)
    const char *historian_read_file(const historian_file *, size_t size, historian_total *, historian_drained *)
    bint historian_commit_drain(historian_file *, historian_total *, historian_drained *)

cdef extern from "_native/lease.h" nogil:
    ctypedef struct historian_lease:
        historian_counters **exclusive
        size_t patience, asked_after
    void historian_take_lease(
        historian_lease *, historian_counters **exclusive, size_t thread, historian_file *,
        const char *path, uint64_t device, uint64_t inode
    )
    void historian_end_lease(historian_lease *)
    void historian_park_lease(historian_lease *)

cdef extern from "_native/wire.h" nogil:
    const char *HISTORIAN_BLOB_MAGIC
    enum: HISTORIAN_BLOB_VERSION, HISTORIAN_BLOB_SCALE, HISTORIAN_BLOB_SYNTHETIC, HISTORIAN_BLOB_MAX_NBYTES
    enum: HISTORIAN_BLOB_MIN_BOUND, HISTORIAN_BLOB_MAX_BOUND, HISTORIAN_BLOB_FLAGS
    enum: HISTORIAN_BLOB_SUM_TOP, HISTORIAN_SUM_WORDS
    ctypedef enum historian_verdict:
        HISTORIAN_GOOD
        HISTORIAN_TOO_SHORT
        HISTORIAN_TOO_LONG
        HISTORIAN_BAD_MAGIC
        HISTORIAN_BAD_VERSION
        HISTORIAN_BAD_CHECKSUM
        HISTORIAN_BAD_SCALE
        HISTORIAN_BAD_FLAGS
        HISTORIAN_BAD_UNIT
        HISTORIAN_BAD_SLOTS
        HISTORIAN_BAD_SUM
        HISTORIAN_BAD_EXTREMES
        HISTORIAN_BAD_COUNTS
        HISTORIAN_TOO_MANY
    ctypedef struct historian_blob:
        const uint8_t *unit
        const uint8_t *sum
        const uint8_t *packed
        size_t unit_nbytes, packed_nbytes, sum_shift, sum_nbytes, first, slots
        uint64_t min, max
        unsigned version, scale, flags
    ctypedef struct historian_merged:
        uint64_t counts[HISTORIAN_SLOTS]
        uint64_t read[HISTORIAN_SLOTS]
        uint64_t total, min, max
        uint64_t sum[HISTORIAN_SUM_WORDS]
    size_t HISTORIAN_PACKED_NBYTES(size_t slots)
    size_t historian_pack(const uint64_t *counts, size_t slots, uint8_t *bits)
    historian_verdict historian_read_counts(const historian_blob *blob, uint64_t *counts, uint64_t *total)
    void historian_make_crc_tables()
    void historian_choose_unpack(const char *widest)
    historian_verdict historian_read_blob(const uint8_t *data, size_t size, historian_blob *blob)
    historian_verdict historian_merge_blob(historian_merged *merged, const historian_blob *blob)
    bint historian_add_counts(historian_merged *, const uint64_t *counts, uint64_t total, const historian_blob *)
    unsigned historian_merged_flags(const historian_merged *)
    bint historian_is_in(uint64_t bits, size_t slot)
    bint historian_touches(uint64_t bits, size_t slot)

cdef extern from "_native/cpython.h":
    enum: HISTORIAN_HAS_GIL, HISTORIAN_ISOLATED
    object historian_new_object(PyTypeObject *type)
    const char HISTORIAN_NATIVE_ORDER
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *)
    object PyVectorcall_Call(object, object, object)
    object PyMethod_New(object, object)
    bint exits_well "historian_exits_well"(object error)
    bint historian_is_exiting_well()
    bint historian_may_be_to_come(PyObject *result)
    PyObject *historian_resume(PyObject *, PyObject *result, PyObject *into, PyObject *errors, int64_t began)
    PyObject *PyErr_Occurred()
    uint64_t HISTORIAN_NOT_A_NUMBER
    double historian_as_double(object number)  # the caller must check for an exception
    double as_double "historian_as_double"(object number) except? -1.0
    double borrowed_as_double "historian_as_double"(PyObject *number)
    void historian_hasten_record(PyTypeObject *, PyObject *(*one)(PyObject *, PyObject *) except NULL)
    PyObject *historian_none()
    int64_t historian_as_ns(object token)
    void historian_set_vectorcall(PyTypeObject *, Py_ssize_t, bint is_method)
    int historian_refuse_unit() except -1
    int historian_publish(PyTypeObject *, const char *name) except -1
    bint historian_is_a(object, const char *name)
    object PyObject_GenericGetAttr(object, object)
    int PyObject_GenericSetAttr(object, object, object) except -1
    PyTypeObject *Py_TYPE(PyObject *)

cdef extern from "_native/clock.h":
    enum: HISTORIAN_HAS_TICKS
    int64_t historian_now()  # needs the GIL
    void historian_use_ticks(bint usable)


#: Whether each thread has its own counters.  That is so if there is no GIL.
FREE_THREADED = not HISTORIAN_HAS_GIL
#: Bytes of the header of a recorder's file: the part that never changes.
FILE_HEADER_NBYTES = HISTORIAN_FILE_HEADER_NBYTES
#: Bytes of each block of counters in such a file.
BLOCK_NBYTES = HISTORIAN_BLOCK_NBYTES
#: Number of slots of the counters: the zero bucket, 6144 buckets, the overflow bucket.
SLOTS = HISTORIAN_SLOTS
#: Index of the bucket in slot 1.  The index of a bucket is ``slot + FIRST_INDEX - 1``.
FIRST_INDEX = HISTORIAN_FIRST_INDEX


def get_include() -> str:
    """Return the folder of the C headers.  Modules that ``cimport historian._core`` need it to compile."""
    return os.path.dirname(os.path.abspath(__file__))


def slot_of(value, /):
    """Return the slot in which `value` is counted, or -1 for NaN, infinities and negative values."""
    cdef uint64_t bits = historian_bits(<double>value + 0.0)
    return -1 if bits > HISTORIAN_MAX_BITS else <int>historian_slot(bits)


def number(value, /):
    """Return `value` as the float that `Counters.record` would count.  Raises the same errors."""
    cdef double result = historian_as_double(value)
    if not is_good(result):
        refuse(value, result, None)
    return result


def real(value, /):
    """Return a real number as a float: infinite if it is an int too large for that.  Return None for other objects.

    Raises only what the number itself raises.
    """
    cdef double result = as_double(value)
    return None if historian_bits(result) == HISTORIAN_NOT_A_NUMBER else result


cdef inline bint is_good(double value) noexcept:
    """Return whether a value can be recorded."""
    return historian_bits(value + 0.0) <= HISTORIAN_MAX_BITS


include "_native/counts.pxi"
include "_native/wire.pxi"
include "_native/file.pxi"
include "_native/counters.pxi"
include "_native/arrays.pxi"
include "_native/timers.pxi"
