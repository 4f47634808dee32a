# cython: language_level=3, binding=False, always_allow_keywords=False, freethreading_compatible=True
# cython: embedsignature=True, embedsignature.format=clinic, boundscheck=False, wraparound=False, cdivision=True
"""What must be fast: counters, timers and timed calls.  What may be slow lives in Python around it."""

cimport cython
from cpython.buffer cimport PyBUF_RECORDS_RO, PyBUF_WRITABLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.exc cimport PyErr_Clear
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_DECREF, PyObject
from libc.math cimport NAN
from libc.stdint cimport INT64_MAX
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memmove, memset

import os
import sys
from operator import index


cdef extern from "_cells.h" nogil:
    enum: HISTORIAN_SLOTS, HISTORIAN_FIRST_INDEX
    uint64_t HISTORIAN_MAX_BITS
    uint64_t historian_load(const uint64_t *p)
    uint64_t historian_exchange(uint64_t *p, uint64_t n)
    void historian_store(uint64_t *p, uint64_t n)
    void historian_add(uint64_t *p, uint64_t n)
    void historian_raise(uint64_t *p, uint64_t n)
    void historian_add_sum(historian_cells *cells, double sum)
    bint historian_record_owned(historian_cells *cells, double value)
    uint64_t historian_slot(uint64_t bits)
    uint64_t historian_bits(double value)
    double historian_double(uint64_t bits)

cdef extern from "_bulk.h" nogil:
    ctypedef void (*historian_loader)(double *, const char *, Py_ssize_t, size_t) noexcept
    ctypedef struct historian_array:
        historian_loader load
        const char *data
        Py_ssize_t stride
        size_t n
    ctypedef struct historian_tables:
        pass
    enum: HISTORIAN_FEW
    historian_loader historian_load_double
    historian_loader historian_find_loader(char format, size_t size)
    void historian_add_count(historian_cells *, size_t slot, uint64_t count, bint owned)
    Py_ssize_t historian_record_few(historian_cells *, const historian_array *, bint owned)
    Py_ssize_t historian_tally(historian_tables *, const historian_array *)
    void historian_fold(historian_cells *, historian_tables *, bint owned)
    historian_tables *historian_take_tables()
    void historian_give_tables(historian_tables *)

cdef extern from "_python.h":
    enum: HISTORIAN_HAS_GIL
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *)
    object PyVectorcall_Call(object, object, object)
    object PyMethod_New(object, object)
    bint PyCoro_CheckExact(PyObject *)
    bint PyGen_CheckExact(PyObject *)
    bint PyAsyncGen_CheckExact(PyObject *)
    PyObject *PyObject_CallFunctionObjArgs(PyObject *, ...)
    double historian_as_double(object number)  # whoever calls it looks after the exception
    double as_double "historian_as_double"(object number) except? -1.0
    void historian_set_vectorcall(PyTypeObject *, Py_ssize_t)

cdef extern from "_clock.h":
    enum: HISTORIAN_HAS_TICKS
    int64_t historian_now()  # needs the GIL
    void historian_use_ticks(bint usable)


#: Bytes of memory that one recorder's counters take.
CELLS_NBYTES = sizeof(historian_cells)
#: Slots of the counters: zero, 6144 buckets, overflow.
SLOTS = HISTORIAN_SLOTS
#: Index of the bucket in slot 1, so that a bucket's index is ``slot + FIRST_INDEX - 1``.
FIRST_INDEX = HISTORIAN_FIRST_INDEX


def get_include() -> str:
    """Return the folder of the C header, for modules that ``cimport historian._core``."""
    return os.path.dirname(os.path.abspath(__file__))


def slot_of(value, /):
    """Return the slot of `value` by the formula that recording uses; -1 for NaN, infinities and negative values."""
    cdef uint64_t bits = historian_bits(<double>value + 0.0)
    return -1 if bits > HISTORIAN_MAX_BITS else <int>historian_slot(bits)


def number(value, /):
    """Return `value` as the float that `Counters.record` would count; raise what it would raise."""
    cdef double result = historian_as_double(value)
    if not 0 <= result <= historian_double(HISTORIAN_MAX_BITS):
        PyErr_Clear()
        refuse(value, None)
    return result


# ---- counts: what was read of the counters -----------------------------------------------------------


@cython.final
cdef class Counts:
    """How many records lie in each slot: an immutable value.

    Kept as running totals from the first populated slot to the last, so that a rank is found by bisection.
    """

    cdef readonly int first  # first populated slot, in [0, SLOTS); 0 if there is none
    cdef int length  # slots from the first populated to the last, in [0, SLOTS]
    cdef uint64_t *totals  # totals[j]: records in slots up to first + j, in [1, 2^63); not NULL if length > 0

    def __dealloc__(self):
        PyMem_Free(self.totals)

    @staticmethod
    def of(slots, counts, /):
        """Return the `Counts` of a sequence of slots and one of their counts.  Raises ValueError if any is off."""
        cdef uint64_t *raw = <uint64_t *>calloc(HISTORIAN_SLOTS, sizeof(uint64_t))
        cdef uint64_t total = 0
        cdef Py_ssize_t last = -1
        if raw is NULL:
            raise MemoryError()
        try:
            if len(slots) != len(counts):
                raise ValueError(f"{len(slots)} buckets but {len(counts)} counts")
            for slot, count in zip(map(index, slots), map(index, counts)):
                if not last < slot < HISTORIAN_SLOTS:
                    raise ValueError(f"bucket index {slot - 1 + HISTORIAN_FIRST_INDEX} is out of order or out of range")
                if not 0 < count <= INT64_MAX - total:
                    raise ValueError(f"count {count} is not positive, or takes the total to 2**63 or more")
                last = slot
                raw[last] = count
                total += raw[last]
            return counts_of(raw, 0, HISTORIAN_SLOTS)
        finally:
            free(raw)

    @property
    def total(self):
        """Records in all slots together."""
        return self.totals[self.length - 1] if self.length else 0

    @property
    def last(self):
        """Last populated slot; -1 if there is none."""
        return self.first + self.length - 1

    def through(self, int slot, /):
        """Return the number of records in slots up to `slot`, inclusive.  O(1)."""
        return self.total_through(slot)

    def slot_at(self, uint64_t rank, /):
        """Return the slot of the record of that rank, from 1 to `total`, in the order of values.  O(log slots)."""
        cdef int low = 0, high = self.length - 1, middle
        while low < high:
            middle = (low + high) >> 1
            if self.totals[middle] < rank:
                low = middle + 1
            else:
                high = middle
        return self.first + low

    def pairs(self):
        """Return the populated slots, ascending, and their counts, as two lists."""
        cdef list slots = [], counts = []
        cdef uint64_t before = 0
        cdef int j
        for j in range(self.length):
            if self.totals[j] != before:
                slots.append(self.first + j)
                counts.append(self.totals[j] - before)
                before = self.totals[j]
        return slots, counts

    def plus(self, Counts other not None, /):
        """Return the sum.  Raises OverflowError if the total would reach 2**63.  O(slots)."""
        cdef int first, last, j
        cdef Counts result
        if not self.length or not other.length:
            return self if self.length else other
        if <uint64_t>self.total + <uint64_t>other.total > <uint64_t>INT64_MAX:
            raise OverflowError("the merged count would reach 2**63")
        first = min(self.first, other.first)
        last = max(self.first + self.length, other.first + other.length)
        result = Counts.__new__(Counts)
        result.allocate(first, last - first)
        for j in range(result.length):
            result.totals[j] = self.total_through(first + j) + other.total_through(first + j)
        return result

    def minus(self, Counts other not None, /):
        """Return the difference.  Raises ValueError if a slot would go below zero.  O(slots)."""
        cdef int end = max(self.first + self.length, other.first + other.length)
        cdef int first = min(self.first, other.first)
        cdef int slot
        cdef uint64_t count, taken, total = 0
        cdef Counts result = Counts.__new__(Counts)
        result.allocate(first, end - first)
        for slot in range(first, end):
            count = self.total_through(slot) - self.total_through(slot - 1)
            taken = other.total_through(slot) - other.total_through(slot - 1)
            if taken > count:
                raise ValueError(
                    f"cannot subtract {taken} records from {count} in bucket {slot - 1 + HISTORIAN_FIRST_INDEX}: "
                    "the right-hand histogram must be an earlier snapshot of the left-hand one"
                )
            total += count - taken
            result.totals[slot - first] = total
        result.trim()
        return result

    def __eq__(self, other):
        if not isinstance(other, Counts):
            return NotImplemented
        cdef Counts that = other
        return self.length == that.length and (
            self.length == 0
            or (self.first == that.first and memcmp(self.totals, that.totals, self.length * sizeof(uint64_t)) == 0)
        )

    def __hash__(self):
        cdef uint64_t mixed = self.first
        cdef int j
        for j in range(self.length):
            mixed = mixed * 0x9E3779B97F4A7C15ULL + self.totals[j]
        return hash(mixed)

    cdef inline uint64_t total_through(self, int slot) noexcept nogil:
        cdef int j = slot - self.first
        if j < 0 or self.length == 0:
            return 0
        return self.totals[j if j < self.length else self.length - 1]

    cdef void trim(self) noexcept nogil:
        """Drop what is not populated from both ends."""
        cdef int skip = 0
        while self.length > 1 and self.totals[self.length - 1] == self.totals[self.length - 2]:
            self.length -= 1
        while skip < self.length and self.totals[skip] == 0:
            skip += 1
        self.length -= skip
        memmove(self.totals, self.totals + skip, self.length * sizeof(uint64_t))
        self.first = self.first + skip if self.length else 0

    cdef int allocate(self, int first, int length) except -1:
        self.totals = <uint64_t *>PyMem_Malloc(length * sizeof(uint64_t))
        if self.totals is NULL:
            raise MemoryError()
        self.first = first
        self.length = length
        return 0


cdef Counts counts_of(const uint64_t *raw, int first, int end):
    """Return the `Counts` of the slots from `first` to before `end`, trimmed to the populated ones.

    `raw` may change meanwhile (a snapshot of live counters): what is trimmed is what was read.
    """
    cdef Counts result = Counts.__new__(Counts)
    cdef uint64_t total = 0
    cdef int slot
    while first < end and historian_load(raw + first) == 0:
        first += 1
    while first < end and historian_load(raw + end - 1) == 0:
        end -= 1
    if first == end:
        return result
    result.allocate(first, end - first)
    for slot in range(first, end):
        total += historian_load(raw + slot)
        result.totals[slot - first] = total
    result.trim()  # another thread may have drained between the search and the copy
    return result


# ---- counters: what is recorded into -----------------------------------------------------------------


cdef class Counters:
    """Atomic counters for one distribution, in private memory or in memory handed in.

    `memory` is a writable buffer of CELLS_NBYTES bytes, aligned to 8; all zeros is the empty state.
    """

    def __cinit__(self, double ns_per_unit=1e9, memory=None):
        cdef Py_buffer view
        self.ns_per_unit = ns_per_unit
        if isinstance(self, Muted):
            return
        if memory is None:
            self.shared = <historian_cells *>calloc(2 if HISTORIAN_HAS_GIL else 1, sizeof(historian_cells))
            if self.shared is NULL:
                raise MemoryError()
            if HISTORIAN_HAS_GIL:
                self.owned = self.shared + 1
            return
        PyObject_GetBuffer(memory, &view, PyBUF_WRITABLE)
        try:
            if view.len < <Py_ssize_t>sizeof(historian_cells) or <size_t>view.buf % sizeof(uint64_t):
                raise ValueError(f"counters need {CELLS_NBYTES} bytes aligned to 8; this buffer has {view.len}")
            self.memory = memoryview(memory)  # keeps the buffer from being moved or freed
            self.shared = <historian_cells *>view.buf
        finally:
            PyBuffer_Release(&view)

    def __dealloc__(self):
        if self.memory is None:
            free(self.shared)

    def record(self, value, /):
        """Record one value, in the recorder's unit.

        `value` is any real number: float, int, numpy scalar, or anything with ``__float__``.  O(1), no lock, safe
        from any thread.  Raises ValueError for NaN, infinities and negative values and TypeError for what is no number;
        then nothing has changed.
        """
        if not record_one(self, historian_as_double(value)):
            PyErr_Clear()
            refuse(value, None)

    def record_many(self, values, /):
        """Record every value of a one-dimensional array-like, or none.

        float64, float32, integer and bool buffers (numpy, `array.array`, memoryview; strided ones too) are read in
        place, without the GIL; other sequences are converted.  O(len).  Raises ValueError naming the position of the
        first NaN, infinite or negative value, and TypeError for what is no number; then nothing has been recorded.
        """
        cdef Py_buffer view
        cdef historian_loader load
        if isinstance(values, (str, bytes, bytearray)):
            raise TypeError(f"record_many() takes numbers, not {type(values).__name__}")
        if isinstance(values, (list, tuple)):
            record_tuple(self, tuple(values))
        elif PyObject_CheckBuffer(values) and open_view(values, &view, &load):
            try:
                record_view(self, values, &view, load)
            finally:
                PyBuffer_Release(&view)
        else:
            self.record_many(plain_numbers(values))

    def _add(self, Counts counts not None, double sum, double min, double max, /):
        """Add what was counted elsewhere: `counts` with their exact sum and extremes (unused if there are none)."""
        cdef historian_cells *cells = writable(self)
        cdef int j
        cdef uint64_t before = 0
        if cells is NULL or counts.length == 0:
            return
        historian_store(&cells.used, 1)
        historian_add_sum(cells, sum)
        historian_raise(&cells.max, historian_bits(max))
        historian_raise(&cells.not_min, ~historian_bits(min))
        for j in range(counts.length):
            if counts.totals[j] != before:
                historian_add_count(cells, counts.first + j, counts.totals[j] - before, cells is self.owned)
                before = counts.totals[j]

    def _read(self, *, bint drain=False):
        """Return (counts, sum, min, max) of all records so far; with `drain`, also take them out.

        Extremes that do not match the counts, because a record is in flight in another thread, come out as NaN.
        O(slots from the smallest record to the largest).
        """
        cdef Reading owned = read_owned(self.owned, drain)
        if self.shared is NULL or not historian_load(&self.shared.used):
            return owned.counts, owned.sum, owned.min, owned.max
        cdef Reading shared = read_shared(self.shared, drain)
        if owned.counts.length == 0 or shared.counts.length == 0:
            owned = shared if shared.counts.length else owned
            return owned.counts, owned.sum, owned.min, owned.max
        return (
            owned.counts.plus(shared.counts),
            owned.sum + shared.sum,
            # NaN, the mark of an extreme in flight, fails every comparison: it must be asked for first.
            shared.min if shared.min != shared.min or shared.min < owned.min else owned.min,
            shared.max if shared.max != shared.max or shared.max > owned.max else owned.max,
        )

    def time(self, errors=None):
        """Return a fresh `Timer` that records the time its ``with`` (or ``async with``) block takes.

        A block left by an exception is recorded too: in `errors`, if that is given, else here.  O(1).  Raises
        ValueError if the unit is not one of time.
        """
        cdef Timer timer
        check_time(self)
        timer = Timer.__new__(Timer)
        timer.into = self
        timer.errors = self
        if errors is not None:
            check_time(errors)
            timer.errors = errors
        return timer

    def start(self):
        """Return a token for `stop`: the reading of ``time.perf_counter_ns()``.  Raises ValueError if the unit is not
        one of time."""
        check_time(self)
        return historian_now()

    def stop(self, start, /):
        """Record the time since `start`, a token of `start()` or a reading of ``time.perf_counter_ns()``.

        For load generators: pass the moment at which the operation *should* have begun, and the wait of requests that a
        stall held back is counted too.  Raises ValueError for a moment in the future and if the unit is not one of
        time, TypeError if `start` is no int; then nothing is recorded.
        """
        cdef int64_t now = historian_now(), began
        if not isinstance(start, int):
            raise TypeError(f"stop() takes the token that start() returned, an int, not {type(start).__name__}")
        began = start
        check_time(self)
        if not 0 <= began <= now + CLOCK_SLACK_NS:
            raise ValueError(f"start {began} ns is not in the past of the clock, which reads {now} ns")
        record_time(self, now - began)


cdef class Muted(Counters):
    """Counters that count nothing, for ``HISTORIAN_DISABLE=1``."""

    def record(self, value, /):
        """Do nothing: recording is disabled."""

    def record_many(self, values, /):
        """Do nothing: recording is disabled."""

    def time(self, errors=None):
        """Return a timer that does nothing: recording is disabled."""
        return MUTED_TIMER

    def start(self):
        """Return 0: recording is disabled."""
        return 0

    def stop(self, start, /):
        """Do nothing: recording is disabled."""


cdef inline bint record_one(Counters counters, double value) noexcept:
    """Record one value while holding the GIL."""
    if counters.owned is not NULL:
        return historian_record_owned(counters.owned, value)
    return counters.record_native(value)


cdef inline historian_cells *writable(Counters counters) noexcept:
    """Return the cells to write to while holding the GIL."""
    return counters.owned if counters.owned is not NULL else counters.shared


@cython.final
cdef class Reading:
    """Counts with their sum and extremes; NaN for extremes that there are not."""

    cdef Counts counts
    cdef double sum, min, max


cdef Reading read_owned(historian_cells *cells, bint drain):
    """Read cells that nobody writes to meanwhile: their extremes tell where the populated slots are."""
    cdef Reading reading = Reading.__new__(Reading)
    cdef int first, end
    if cells is NULL or cells.not_min == 0:
        reading.counts = Counts.__new__(Counts)
        reading.min = reading.max = NAN
        return reading
    first = historian_slot(~cells.not_min)
    end = historian_slot(cells.max) + 1
    reading.counts = counts_of(&cells.counts[0], first, end)
    reading.sum = historian_double(cells.sum)
    reading.min = historian_double(~cells.not_min)
    reading.max = historian_double(cells.max)
    if drain:
        cells.sum = cells.max = cells.not_min = 0
        memset(&cells.counts[first], 0, (end - first) * sizeof(uint64_t))
    return reading


cdef Reading read_shared(historian_cells *cells, bint drain):
    """Read cells that others write to meanwhile."""
    cdef Reading reading = Reading.__new__(Reading)
    cdef uint64_t sum_bits, max_bits, not_min
    # Writers add the count last, so it is read first.  A sum whose count has yet to come stays for the next drain.
    reading.counts = drain_counts(cells) if drain else counts_of(&cells.counts[0], 0, HISTORIAN_SLOTS)
    reading.min = reading.max = NAN
    if reading.counts.length == 0:
        return reading
    if drain:
        sum_bits = historian_exchange(&cells.sum, 0)
        max_bits = historian_exchange(&cells.max, 0)
        not_min = historian_exchange(&cells.not_min, 0)
    else:
        sum_bits = historian_load(&cells.sum)
        max_bits = historian_load(&cells.max)
        not_min = historian_load(&cells.not_min)
    reading.sum = historian_double(sum_bits)
    if not_min and <int>historian_slot(~not_min) == reading.counts.first:
        reading.min = historian_double(~not_min)
    if not_min and <int>historian_slot(max_bits) == reading.counts.last:
        reading.max = historian_double(max_bits)
    return reading


cdef Counts drain_counts(historian_cells *cells):
    """Take every count out of the cells, each exactly once."""
    cdef uint64_t *raw = <uint64_t *>calloc(HISTORIAN_SLOTS, sizeof(uint64_t))
    cdef int slot
    if raw is NULL:
        raise MemoryError()
    try:
        for slot in range(HISTORIAN_SLOTS):
            if historian_load(&cells.counts[slot]):
                raw[slot] = historian_exchange(&cells.counts[slot], 0)
        return counts_of(raw, 0, HISTORIAN_SLOTS)
    finally:
        free(raw)


cdef int refuse(object value, object position) except -1:
    """Raise for a value that was not recorded."""
    huge = isinstance(value, int) and value.bit_length() > 1024  # repr() itself refuses the longest
    shown = f"an int of {value.bit_length()} bits" if huge else repr(value)
    what = f"cannot record {shown}" if position is None else f"values[{position}] is {shown}, so nothing was recorded"
    try:
        as_double(value)
    except OverflowError:
        raise ValueError(f"{what}: it is beyond the range of a float") from None
    except TypeError:
        if hasattr(value, "__float__"):
            raise
        hint = "; pass its .total_seconds()" if hasattr(value, "total_seconds") else ""
        raise TypeError(f"{what}: {type(value).__name__} is not a real number{hint}") from None
    raise ValueError(f"{what}: a value must be finite and not negative")


# ---- arrays ------------------------------------------------------------------------------------------

cdef tuple NATIVE_ORDER = (b"@", b"=", b"<" if sys.byteorder == "little" else b">")  # prefixes of a format


cdef bint open_view(object values, Py_buffer *view, historian_loader *load) except -1:
    """Open `values` as an array of numbers that can be read in place; return whether that can be done."""
    cdef bytes code
    try:
        PyObject_GetBuffer(values, view, PyBUF_RECORDS_RO)
    except (BufferError, ValueError):  # numpy raises ValueError for types that buffers have no code for
        return False
    code = b"B" if view.format is NULL else <bytes>view.format
    if code[:1] in NATIVE_ORDER:
        code = code[1:]
    load[0] = historian_find_loader(ord(code), view.itemsize) if len(code) == 1 else NULL
    if load[0] is NULL:
        PyBuffer_Release(view)
        return False
    return True


cdef object plain_numbers(object values):
    """Return `values` as something `record_many` can read: a float64 array or a tuple."""
    if not hasattr(values, "__array__") and not PyObject_CheckBuffer(values):
        try:
            return tuple(values)
        except TypeError:
            raise TypeError(f"record_many() takes a one-dimensional array-like, not {type(values).__name__}") from None
    import numpy

    array = numpy.asarray(values)
    if array.dtype.kind == "O" and array.ndim == 1:
        return tuple(array)
    if array.dtype.kind not in "biuf":
        hint = "; divide it by numpy.timedelta64(1, 's')" if array.dtype.kind == "m" else ""
        raise TypeError(f"cannot record values of dtype {array.dtype}{hint}")
    return array.astype(numpy.float64)


cdef int record_view(Counters self, object values, Py_buffer *view, historian_loader load) except -1:
    cdef historian_array array
    if view.ndim != 1:
        hint = "use record() for a single value" if view.ndim == 0 else "flatten it with .ravel()"
        raise ValueError(f"record_many() takes an array of one dimension, not {view.ndim}: {hint}")
    array.load, array.data, array.stride, array.n = load, <const char *>view.buf, view.strides[0], view.shape[0]
    return record_array(self, values, &array)


cdef int record_tuple(Counters self, tuple values) except -1:
    cdef double *numbers = <double *>PyMem_Malloc(len(values) * sizeof(double))
    cdef historian_array array
    cdef Py_ssize_t i
    if numbers is NULL:
        raise MemoryError()
    try:
        for i in range(len(values)):
            numbers[i] = historian_as_double(values[i])
            if numbers[i] == -1:  # negative, or an exception is set
                PyErr_Clear()
                refuse(values[i], i)
        array.load, array.data, array.stride = historian_load_double, <const char *>numbers, sizeof(double)
        array.n = len(values)
        return record_array(self, values, &array)
    finally:
        PyMem_Free(numbers)


cdef int record_array(Counters self, object values, const historian_array *array) except -1:
    cdef historian_cells *cells = writable(self)
    cdef historian_tables *tables
    cdef Py_ssize_t bad
    if array.n <= HISTORIAN_FEW:
        bad = historian_record_few(cells, array, cells is self.owned)
    else:
        tables = historian_take_tables()
        if tables is NULL:
            raise MemoryError()
        with nogil:
            bad = historian_tally(tables, array)
        historian_fold(cells if bad < 0 else NULL, tables, cells is self.owned)
        historian_give_tables(tables)
    if bad >= 0:
        refuse(values[bad], bad)
    return 0


# ---- timers ------------------------------------------------------------------------------------------


cdef bint kernel_trusts_ticks():
    """Return whether Linux itself derives its monotonic clock from the processor's time stamp counter."""
    try:
        with open("/sys/devices/system/clocksource/clocksource0/current_clocksource", "rb") as source:
            return source.read().strip() == b"tsc"
    except OSError:
        return False


if HISTORIAN_HAS_TICKS:
    historian_use_ticks(kernel_trusts_ticks())

cdef int64_t CLOCK_SLACK_NS = 1000  # a reading of ours and one of time.perf_counter_ns() may differ by less than this


cdef inline int check_time(Counters counters) except -1:
    if counters.ns_per_unit == 0:
        raise ValueError("a timer needs a recorder whose unit is 's', 'ms', 'us' or 'ns'")
    return 0


cdef inline void record_time(Counters counters, int64_t ns) noexcept:
    ns = ns if ns > 0 else 0  # the clock is read without a fence
    record_one(counters, <double>ns / counters.ns_per_unit)


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

    def __exit__(self, exc_type, exc_value, traceback):
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


@cython.final
cdef class MutedTimer:
    """A timer that does nothing, for ``HISTORIAN_DISABLE=1``."""

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        return None

    async def __aenter__(self):
        return self

    async def __aexit__(self, exc_type, exc_value, traceback):
        return None

    @property
    def elapsed(self):
        """NaN: timing is disabled."""
        return NAN


cdef MutedTimer MUTED_TIMER = MutedTimer.__new__(MutedTimer)


@cython.final
cdef class TimedFunction:
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
    cdef object __weakref__

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


cdef TimedFunction PROTOTYPE = TimedFunction(len, Counters(), Counters(), None)
historian_set_vectorcall(<PyTypeObject *>TimedFunction, <char *>&PROTOTYPE.vectorcall - <char *><PyObject *>PROTOTYPE)
