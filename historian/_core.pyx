# cython: language_level=3, binding=False, always_allow_keywords=False, freethreading_compatible=True
# cython: subinterpreters_compatible=own_gil
# cython: embedsignature=True, embedsignature.format=clinic, boundscheck=False, wraparound=False, cdivision=True
# cython: auto_pickle=False
"""The part of historian that must be fast: counters, timers and timed calls.  The rest of the package is Python.

This is one compiled module.  Its parts are in ``_native/*.pxi``, and are included at the end of this file.
"""

cimport cython
from cpython.buffer cimport PyBUF_RECORDS_RO, PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.math cimport NAN, isinf
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.errno cimport EAGAIN, EINTR, ENOENT, ENOMEM, ENOSPC, ESTALE, ETIMEDOUT, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove

import os
import sys
from os import getpid
from collections.abc import Mapping, Sequence
from operator import index


cdef extern from "_native/atomics.h" nogil:
    uint64_t historian_atomic_load(const uint64_t *p)
    uint64_t historian_atomic_exchange(uint64_t *p, uint64_t n)
    void historian_atomic_store(uint64_t *p, uint64_t n)
    void historian_atomic_max(uint64_t *p, uint64_t n)
    void *historian_load_pointer(void **p)
    void historian_store_pointer(void **p, void *pointer)
    bint historian_exchange_pointer(void **p, void **expected, void *desired)

cdef extern from "_native/bucket.h" nogil:
    enum: HISTORIAN_SLOTS, HISTORIAN_FIRST_INDEX
    uint64_t HISTORIAN_MAX_BITS
    uint64_t historian_slot(uint64_t bits)
    uint64_t historian_bits(double value)
    double historian_double(uint64_t bits)

cdef extern from "_native/sum.h" nogil:
    enum: HISTORIAN_SUM_DIGITS
    ctypedef struct historian_sum:
        pass

cdef extern from "_native/sum_read.h" nogil:
    size_t historian_write_sum(historian_sum *, uint32_t *out)

cdef extern from "_native/counters.h" nogil:
    enum: HISTORIAN_CHUNK_NBYTES
    bint historian_record_exclusive(historian_counters *counters, double value)
    bint historian_record_known(historian_counters *counters, double value)
    uint64_t historian_bits_below(size_t slot)
    void historian_extend_atomic(
        historian_head *, size_t first, size_t last, uint64_t min, uint64_t max,
        bint min_is_bound, bint max_is_bound
    )

cdef extern from "_native/chunks.h" nogil:
    historian_counters *historian_new_counters(bint exclusive)
    void historian_free_counters(historian_counters *)
    void historian_add_digits(historian_counters *, const uint64_t *digits, size_t first, size_t end)
    bint historian_has_space(historian_counters *, size_t slot)
    void historian_add_to_slot(historian_counters *, size_t slot, uint64_t count)

cdef extern from "_native/total.h" nogil:
    ctypedef struct historian_total:
        uint64_t *counts
        historian_sum sum
        uint64_t max
        uint64_t not_min
        uint64_t max_bound
        uint64_t not_min_bound
        uint64_t inexact
        uint64_t records
    ctypedef struct historian_totals:
        historian_total all
        historian_total drained
    historian_totals *historian_take_totals()
    void historian_give_totals(historian_totals *)
    void historian_clear_total(historian_total *)
    void historian_running_totals(const uint64_t *counts, size_t n, uint64_t *totals)
    void historian_total_range(const historian_total *, size_t *first, size_t *end)
    bint historian_spread_coarse(historian_total *)

cdef extern from "_native/thread.h" nogil:
    enum: HISTORIAN_THREADS
    size_t historian_take_thread()

cdef extern from "_native/lanes.h" nogil:
    ctypedef struct historian_private:
        historian_lanes *lanes
        void **atomic
        historian_counters **drained
    historian_lanes *historian_new_lanes()
    void historian_free_lanes(historian_lanes *, bint mapped)
    historian_counters *historian_own_lane(const historian_lanes *)
    historian_counters **historian_own_place(historian_lanes *)
    historian_counters *historian_ask_for_lane(historian_lanes *, size_t n)
    bint historian_read_lanes(const historian_private *, historian_total *, historian_total *drained, bint take)
    void historian_read_exclusive(historian_counters *, historian_total *, bint take)

cdef extern from "_native/bulk_load.h" nogil:
    ctypedef void (*historian_loader)(double *, const char *, Py_ssize_t, size_t) noexcept
    ctypedef struct historian_array:
        historian_loader load
        const char *data
        Py_ssize_t stride
        size_t n
        double multiple, divisor
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
    Py_ssize_t historian_record_small(historian_counters *, const historian_array *, double *bad_value)
    Py_ssize_t historian_tally(historian_tables *, const historian_array *, double *bad_value)
    bint historian_fold(historian_counters *, historian_tables *)
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
    bint historian_record_times(historian_counters *, double value, uint64_t times)

cdef extern from "_native/pages.h":
    void historian_free_pages(void *pages, size_t size)
    void *historian_copy_file(int fd, size_t size)
    int historian_fill_holes(int fd, size_t offset, size_t size)

cdef extern from "_native/file.h" nogil:
    enum: HISTORIAN_FILE_HEADER_NBYTES, HISTORIAN_FILE_VERSION, HISTORIAN_FILE_INDEX_WORDS
    enum: HISTORIAN_FILE_INDEX_AT, HISTORIAN_FILE_CHUNKS_AT
    const char *HISTORIAN_FILE_MAGIC
    enum: HISTORIAN_THERE, HISTORIAN_REMOVED, HISTORIAN_FREE
    const char *historian_gone
    const uint64_t HISTORIAN_SET
    ctypedef struct historian_file_header:
        uint8_t *id
    ctypedef struct historian_file:
        historian_file_header header
        uint64_t used
        uint64_t reserved
    ctypedef struct historian_entry:
        uint64_t drained
        uint64_t synthetic
        uint64_t claimed
        uint64_t created
        uint32_t nbytes
        uint32_t key_nbytes
        uint8_t *text
    ctypedef struct historian_space:
        historian_file *file
        uint64_t size
        uint64_t chunks
        uint64_t is_narrow
        const char *path
        uint64_t device
        uint64_t inode
    uint64_t historian_chunks_within(size_t size)
    uint64_t historian_read_place(const historian_space *, size_t index)
    uint64_t historian_state(uint64_t word)
    size_t historian_index_of(uint64_t place)
    uint64_t historian_place_of(uint64_t word, size_t index)
    const char *historian_read_entry(
        const historian_space *, historian_entry *, uint64_t place, historian_total *, historian_total *, uint64_t *seen
    )

cdef extern from "_native/space.h" nogil:
    size_t historian_map_space(int fd, size_t size, bint writable, void **pages)
    int historian_write_header(int fd, uint64_t created, const uint8_t *id)
    void historian_unmap_space(historian_space *)
    bint historian_can_be_read(const historian_space *)
    bint historian_look_beyond(historian_space *)

cdef extern from "_native/drain.h" nogil:
    enum:
        HISTORIAN_DRAIN
        HISTORIAN_DRAIN_PREPARED
        HISTORIAN_DRAIN_TO_FREE
        HISTORIAN_DRAIN_SPARE
    bint historian_prepare_drain(
        historian_space *, int fd, historian_entry *, uint64_t index, historian_total *, const historian_total *,
        int how
    )
    bint historian_commit_drain(
        historian_space *, int fd, historian_entry *, uint64_t index, historian_total *, historian_total *,
        uint64_t seen
    )
    uint64_t historian_chunks_of_both(const historian_total *, const historian_total *)
    uint64_t historian_missing_chunks(
        const historian_space *, const historian_entry *, uint64_t index, const historian_total *,
        const historian_total *
    )

cdef extern from "_native/kept.h" nogil:
    bint historian_keep(historian_space *, int fd, uint64_t missing, uint64_t chunks)

cdef extern from "_native/lock.h" nogil:
    int historian_open_to_lock(const historian_space *, int *fd)
    int historian_try_lock(int fd)
    void historian_release_lock(int fd)
    void historian_close(int fd)
    void historian_pause(double seconds)

cdef extern from "_native/names.h" nogil:
    ctypedef struct historian_names:
        uint32_t *numbers
        uint64_t *words
        size_t scanned
        uint64_t removals
    bint historian_scan_names(historian_space *, historian_names *)
    historian_entry *historian_find_entry(historian_space *, historian_names *, uint64_t place, const char **wrong)
    const char *historian_check_word(const historian_space *, size_t index, uint64_t word)
    Py_ssize_t historian_find_name(const historian_space *, const historian_names *, const uint8_t *key, size_t n)
    size_t historian_count_names(historian_names *, const uint8_t *name, size_t n)
    void historian_free_names(historian_names *)

cdef extern from "_native/entries.h" nogil:
    void historian_set_state(historian_space *, historian_names *, size_t index, uint64_t state)
    Py_ssize_t historian_add_name(
        historian_space *, historian_names *, int fd, const uint8_t *text, size_t nbytes, size_t key_nbytes,
        uint64_t created
    )

cdef extern from "_native/seats.h" nogil:
    ctypedef struct historian_holds:
        historian_space *space
        uint64_t forks
    historian_entry *historian_hold(historian_holds *, uint64_t place)
    void historian_release(historian_holds *, uint64_t place, uint64_t forks)
    void historian_end_holds(historian_holds *)

cdef extern from "_native/remove.h" nogil:
    bint historian_free_recorder(historian_space *, historian_names *, int fd, size_t index)
    void historian_sweep(historian_space *, historian_names *, int fd)
    void historian_sweep_all(historian_space *, historian_names *, int fd)
    bint historian_is_ours(const historian_holds *, const historian_entry *, int fd, size_t index)

cdef extern from "_native/lease.h" nogil:
    ctypedef struct historian_lease:
        uint64_t lane
        size_t patience, asked_after
    void historian_attach(historian_counters *, historian_space *, uint64_t number, uint64_t index, uint64_t lane)
    void historian_take_lease(historian_lease *, size_t thread, historian_space *)
    void historian_end_lease(historian_lease *)
    void historian_join_lease(historian_lease *, historian_counters *, historian_counters **place)
    void historian_leave_lease(historian_lease *, historian_counters *)

cdef extern from "_native/wire.h" nogil:
    uint32_t historian_crc32(const uint8_t *data, size_t n)
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

cdef extern from "_native/native_buckets.h" nogil:
    enum: HISTORIAN_EDGE_NBYTES
    ctypedef struct historian_running:
        const uint64_t *totals
        int first, length
    size_t HISTORIAN_NATIVE_NBYTES(size_t slots, size_t edges)
    size_t historian_put_native(
        uint8_t *out, const historian_running *, const int32_t *slots, const uint8_t *bounds, size_t edges
    )

cdef extern from "_native/runs.h" nogil:
    ctypedef enum historian_runs_verdict:
        HISTORIAN_RUNS_GOOD, HISTORIAN_RUNS_CUT_SHORT, HISTORIAN_RUNS_TOO_LONG, HISTORIAN_RUNS_TOO_MANY
    ctypedef struct historian_runs:
        size_t at, counts
        uint64_t length
        int ones
    historian_runs_verdict historian_read_runs(
        const uint8_t *data, size_t at, size_t end, uint64_t longest, int32_t *indices, int64_t *counts,
        historian_runs *
    )

cdef extern from "_native/cpython.h":
    enum: HISTORIAN_HAS_GIL, HISTORIAN_ISOLATED
    object historian_new_object(PyTypeObject *type)
    const char HISTORIAN_NATIVE_ORDER
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *)
    object PyVectorcall_Call(object, object, object)
    object PyMethod_New(object, object)
    bint PyFunction_Check(object)
    int Py_EnterRecursiveCall(const char *where)
    void Py_LeaveRecursiveCall()
    bint exits_well "historian_exits_well"(object error)
    bint historian_is_exiting_well()
    bint historian_may_be_to_come(PyObject *result)
    PyObject *historian_resume(PyObject *, PyObject *result, PyObject *into, PyObject *errors, int64_t began)
    PyObject *PyErr_Occurred()
    PyObject *PyEval_GetFrame "(PyObject *)PyEval_GetFrame"()
    uint64_t HISTORIAN_NOT_A_NUMBER
    bint historian_is_plain(PyObject *number, double *value)
    double historian_as_double(object number)  # the caller must check for an exception
    double as_double "historian_as_double"(object number) except? -1.0
    double borrowed_as_double "historian_as_double"(PyObject *number)
    PyObject *historian_record_else(PyObject *counters, PyObject *value)
    void historian_hasten_record(
        PyTypeObject *, PyObject *(*one)(PyObject *, PyObject *) noexcept,
        PyObject *(*other)(PyObject *, PyObject *) except NULL
    )
    void historian_hasten_time(PyTypeObject *, PyObject *(*alone)(PyObject *) except NULL)
    PyObject *historian_none()
    int64_t historian_as_ns(object token)
    void historian_set_vectorcall(PyTypeObject *, Py_ssize_t, bint is_method)
    int historian_refuse_unit() except -1
    int historian_publish(PyTypeObject *, const char *name) except -1
    bint historian_is_a(object, const char *name)
    object PyObject_GenericGetAttr(object, object)
    int PyObject_GenericSetAttr(object, object, object) except -1
    PyTypeObject *Py_TYPE(PyObject *)


#: Whether each thread has its own counters.  That is so if there is no GIL.
FREE_THREADED = not HISTORIAN_HAS_GIL
#: Bytes of the header of a directory's file: the part that never changes.
FILE_HEADER_NBYTES = HISTORIAN_FILE_HEADER_NBYTES
#: First bytes of such a file, and the version of its format.
FILE_MAGIC, FILE_VERSION = <bytes>HISTORIAN_FILE_MAGIC, HISTORIAN_FILE_VERSION
#: Bytes of each chunk of such a file, and the offset of the first one.
CHUNK_NBYTES, CHUNKS_AT = HISTORIAN_CHUNK_NBYTES, HISTORIAN_FILE_CHUNKS_AT
#: The most recorders in such a file, and the offset of their index.
MAX_RECORDERS, INDEX_AT = HISTORIAN_FILE_INDEX_WORDS, HISTORIAN_FILE_INDEX_AT
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
include "_native/blobs.pxi"
include "_native/wire.pxi"
include "_native/prometheus.pxi"
include "_native/runs.pxi"
include "_native/system.pxi"
include "_native/keys.pxi"
include "_native/file.pxi"
include "_native/totals.pxi"
include "_native/drains.pxi"
include "_native/leases.pxi"
include "_native/exemplars.pxi"
include "_native/counters.pxi"
include "_native/additions.pxi"
include "_native/refusals.pxi"
include "_native/arrays.pxi"
include "_native/grouped.pxi"
include "_native/clocks.pxi"
include "_native/steps.pxi"
include "_native/timers.pxi"
include "_native/calls.pxi"
