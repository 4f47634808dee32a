# `Merged` adds up many histograms; `unpacked_blob` reads one histogram from a blob.

historian_make_crc_tables()
historian_choose_unpack(os.environ.get("HISTORIAN_SIMD", "").encode())

#: The magic bytes and other constants of blobs: see docs/format.md.
BLOB_MAGIC = HISTORIAN_BLOB_MAGIC[:4]
BLOB_VERSION = HISTORIAN_BLOB_VERSION
BLOB_SCALE = HISTORIAN_BLOB_SCALE
BLOB_SUM_TOP = HISTORIAN_BLOB_SUM_TOP
BLOB_SYNTHETIC = HISTORIAN_BLOB_SYNTHETIC
BLOB_MIN_BOUND = HISTORIAN_BLOB_MIN_BOUND
BLOB_MAX_BOUND = HISTORIAN_BLOB_MAX_BOUND
MAX_BLOB_NBYTES = HISTORIAN_BLOB_MAX_NBYTES


def packed(Counts counts not None, /):
    """Return the counts, from the first populated slot to the last, in the encoding of blobs.  O(slots)."""
    cdef size_t room = HISTORIAN_PACKED_NBYTES(counts.length)
    cdef uint64_t *raw = <uint64_t *>malloc(counts.length * sizeof(uint64_t) + 1)
    cdef uint8_t *bits = <uint8_t *>calloc(room, 1)
    cdef int j
    try:
        if raw is NULL or bits is NULL:
            raise MemoryError()
        for j in range(counts.length):
            raw[j] = counts.totals[j] - (counts.totals[j - 1] if j else 0)
        return (<const char *>bits)[:historian_pack(raw, counts.length, bits)]
    finally:
        free(raw)
        free(bits)


def unpacked_blob(data, /):
    """Return (counts, unit, sum, min, max, synthetic, bounds) of the histogram in a blob.

    `sum` is an int, in units of 2**-1074.  `bounds` holds BLOB_MIN_BOUND and BLOB_MAX_BOUND, or 0.  O(slots).
    Never needs more memory than one histogram, for any input.
    Raises ValueError if `data` is not a valid blob; the message says why.  Raises TypeError if `data` is not bytes.
    """
    cdef Py_buffer view
    cdef historian_blob blob
    cdef historian_verdict verdict
    cdef Counts counts = Counts.__new__(Counts)
    cdef uint64_t *totals
    cdef uint64_t total = 0
    cdef size_t j
    open_bytes(data, &view)
    try:
        reason, unit = read_blob(&view, &blob)
        if reason is not None:
            raise ValueError(f"not the bytes of a histogram: {reason}")
        if not blob.slots:
            return counts, unit, 0, NAN, NAN, False, 0
        counts.allocate(<int>blob.first, <int>blob.slots)
        verdict = historian_read_counts(&blob, counts.totals, &total)
        if verdict != HISTORIAN_GOOD:
            raise ValueError(f"not the bytes of a histogram: {why(verdict, &blob, view.len)}")
        totals, total = counts.totals, 0
        for j in range(blob.slots):
            total += totals[j]
            totals[j] = total
        sum = int.from_bytes((<const char *>blob.sum)[:blob.sum_nbytes], "little") << (8 * blob.sum_shift)
        low, high = historian_double(blob.min), historian_double(blob.max)
        is_synthetic = bool(blob.flags & HISTORIAN_BLOB_SYNTHETIC)
        return counts, unit, sum, low, high, is_synthetic, blob.flags & ~<unsigned>HISTORIAN_BLOB_SYNTHETIC
    finally:
        PyBuffer_Release(&view)


@cython.final
cdef class Merged:
    """The sum of many histograms.  It must be used by only one thread."""

    cdef historian_merged *merged
    cdef object sum  # sum of the values of histograms that `add` added, in units of 2**-1074
    cdef str unit  # unit of all histograms so far; "s" if there are none yet
    cdef bytes encoded_unit
    cdef const char *unit_bytes  # those of `encoded_unit`
    cdef size_t unit_nbytes

    def __cinit__(self):
        self.merged = <historian_merged *>calloc(1, sizeof(historian_merged))
        if self.merged is NULL:
            raise MemoryError()
        self.merged.min = ~<uint64_t>0
        self.sum = 0
        self.set_unit("s")

    def __dealloc__(self):
        free(self.merged)

    def add(
        self,
        Counts counts not None,
        str unit not None,
        sum,
        double min,
        double max,
        bint synthetic,
        unsigned bounds,
        Py_ssize_t position,
        /,
    ):
        """Add a histogram, given as `unpacked_blob` returns it.

        Errors name its position.  O(slots).  Raises ValueError if its unit is different.  Raises OverflowError if the
        count would reach 2**63.
        After an error, nothing has changed.
        """
        cdef historian_blob blob
        cdef uint64_t before = 0
        cdef int j
        self.take_unit(unit, counts.length == 0, position)
        if not counts.length:
            return
        for j in range(counts.length):
            self.merged.read[j] = counts.totals[j] - before
            before = counts.totals[j]
        blob.first, blob.slots = counts.first, counts.length
        blob.min, blob.max = historian_bits(min + 0.0), historian_bits(max + 0.0)
        blob.flags = bounds | (HISTORIAN_BLOB_SYNTHETIC if synthetic else 0)
        if not historian_add_counts(self.merged, self.merged.read, before, &blob):
            raise too_many(position)
        self.sum += sum

    def add_bytes(self, data, Py_ssize_t position, /):
        """Add the histogram in a blob.  Return None, or the reason why `data` is not a valid blob.

        Raises the errors of `add`.  Raises TypeError if `data` is not bytes.  Nothing has changed after an error, or if
        a reason is returned.
        """
        cdef Py_buffer view
        cdef historian_blob blob
        cdef historian_verdict verdict
        cdef uint64_t total
        open_bytes(data, &view, position)
        try:
            verdict = historian_read_blob(<const uint8_t *>view.buf, view.len, &blob)
            if verdict != HISTORIAN_GOOD:
                return why(verdict, &blob, view.len)
            if not self.has_unit(&blob):
                reason, unit = read_blob(&view, &blob)
                if reason is not None:
                    return reason
                # The counts are checked first: an invalid blob must not decide the unit.
                verdict = historian_read_counts(&blob, self.merged.read, &total) if blob.slots else HISTORIAN_GOOD
                if verdict != HISTORIAN_GOOD:
                    return why(verdict, &blob, view.len)
                self.take_unit(unit, blob.slots == 0, position)
            verdict = historian_merge_blob(self.merged, &blob)
            if verdict == HISTORIAN_TOO_MANY:
                raise too_many(position)
            return None if verdict == HISTORIAN_GOOD else why(verdict, &blob, view.len)
        finally:
            PyBuffer_Release(&view)

    def add_rows(self, Blobs blobs not None, rows, before=0, /):
        """Add the histograms in these rows of a column, an array of int64.

        Return None, or the first row that is not a valid blob and the reason; then those before it have been added.
        `before` is added to rows in messages and in the result.  O(bytes).  Raises the errors of `add`, with the row as
        the position.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(rows, &view, PyBUF_SIMPLE)
        try:
            return self.add_all_rows(blobs, <const int64_t *>view.buf, view.len // sizeof(int64_t), before)
        finally:
            PyBuffer_Release(&view)

    cdef tuple add_all_rows(self, Blobs blobs, const int64_t *rows, size_t n, object before):
        cdef uint8_t *copy = <uint8_t *>malloc(HISTORIAN_BLOB_MAX_NBYTES)
        cdef const uint8_t *data
        cdef size_t i = 0, end, nbytes
        if copy is NULL:
            raise MemoryError()
        try:
            while i < n:
                end = min(n, i + 65536)
                with nogil:
                    i = self.add_good_rows(blobs, rows, i, end, copy)
                if i < end:  # this one needs Python, to look at its unit or to say what is wrong
                    position = <object>rows[i] + before
                    if not blobs.find(rows[i], &data, &nbytes):
                        return position, "its offsets are wrong"
                    reason = self.add_bytes((<const char *>data)[:nbytes], position)
                    if reason is not None:
                        return position, reason
                    i += 1
                PyErr_CheckSignals()
            return None
        finally:
            free(copy)

    cdef size_t add_good_rows(
        self, Blobs blobs, const int64_t *rows, size_t i, size_t end, uint8_t *copy
    ) noexcept nogil:
        """Add rows from `i` on, before `end`.  Return the first one that is not simply a valid blob of the same unit.

        `copy` has room for a blob: others may write to the memory of a column.
        """
        cdef const uint8_t *data
        cdef size_t nbytes
        cdef historian_blob blob
        for i in range(i, end):
            if not blobs.find(rows[i], &data, &nbytes) or nbytes > HISTORIAN_BLOB_MAX_NBYTES:
                return i
            memcpy(copy, data, nbytes)
            if historian_read_blob(copy, nbytes, &blob) != HISTORIAN_GOOD or not self.has_unit(&blob):
                return i
            if historian_merge_blob(self.merged, &blob) != HISTORIAN_GOOD:
                return i
        return end

    def result(self):
        """Return the histogram of all values as `unpacked_blob` does.  O(slots)."""
        cdef Counts counts = counts_of(self.merged.counts, 0, HISTORIAN_SLOTS)
        cdef object sum = 0
        cdef unsigned flags
        cdef int word
        if not counts.length:
            return counts, self.unit, 0, NAN, NAN, False, 0
        for word in reversed(range(HISTORIAN_SUM_WORDS)):
            sum = sum << 64 | self.merged.sum[word]
        flags = historian_merged_flags(self.merged)
        low, high = historian_double(self.merged.min >> 1), historian_double(self.merged.max >> 1)
        is_synthetic = bool(flags & HISTORIAN_BLOB_SYNTHETIC)
        return counts, self.unit, sum + self.sum, low, high, is_synthetic, flags & ~<unsigned>HISTORIAN_BLOB_SYNTHETIC

    cdef bint has_unit(self, const historian_blob *blob) noexcept nogil:
        return (
            blob.unit_nbytes == self.unit_nbytes and memcmp(blob.unit, self.unit_bytes, self.unit_nbytes) == 0
        )

    cdef int take_unit(self, str unit, bint is_empty, Py_ssize_t position) except -1:
        """Check that a histogram in `unit` can be added.  The first unit that is not the default is taken over.

        An empty histogram in the default unit, such as ``Histogram()``, can always be added.
        """
        if unit == self.unit or (is_empty and unit == "s"):
            return 0
        if self.merged.total or self.unit != "s":
            raise ValueError(
                f"cannot combine histograms in {self.unit!r} and {unit!r}: record both in one unit "
                f"(at position {position})"
            )
        self.set_unit(unit)
        return 0

    cdef int set_unit(self, str unit) except -1:
        self.unit, self.encoded_unit = unit, unit.encode()
        self.unit_bytes, self.unit_nbytes = PyBytes_AS_STRING(self.encoded_unit), len(self.encoded_unit)
        return 0


cdef object too_many(Py_ssize_t position):
    return OverflowError(f"the merged count would reach 2**63 (at position {position})")


cdef int open_bytes(object data, Py_buffer *view, Py_ssize_t position=-1) except -1:
    """Open the buffer of `data`, or of a copy if it may change.

    Raises TypeError if it is not bytes, ValueError if a memoryview is not contiguous; that names its position from 0.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a histogram is read from bytes, a bytearray or a memoryview, not {type(data).__name__}")
    if isinstance(data, memoryview) and not data.c_contiguous:
        where = f" (at position {position})" if position >= 0 else ""
        raise ValueError(f"the memoryview is not contiguous: pass bytes(view){where}")
    PyObject_GetBuffer(data, view, PyBUF_SIMPLE)
    if isinstance(data, bytes):
        return 0
    try:  # others may write there, so that what is checked would not be what is read
        copied = (<const char *>view.buf)[:view.len]
    finally:
        PyBuffer_Release(view)
    return PyObject_GetBuffer(copied, view, PyBUF_SIMPLE)


cdef tuple read_blob(const Py_buffer *view, historian_blob *blob):
    """Read a blob except for its counts.  Return (None, unit), or (reason, "") if the blob is not valid."""
    cdef historian_verdict verdict = historian_read_blob(<const uint8_t *>view.buf, view.len, blob)
    cdef str unit = ""
    if verdict == HISTORIAN_GOOD:
        try:
            unit = (<const char *>blob.unit)[:blob.unit_nbytes].decode()
        except UnicodeDecodeError:
            pass
        if unit and unit.isprintable():
            return None, unit
        verdict = HISTORIAN_BAD_UNIT
    return why(verdict, blob, view.len), ""


cdef str why(historian_verdict verdict, const historian_blob *blob, Py_ssize_t size):
    """Return the reason why a blob of `size` bytes is not valid."""
    if verdict == HISTORIAN_TOO_SHORT:
        return f"it is cut short: it has only {size} byte{'' if size == 1 else 's'}"
    if verdict == HISTORIAN_TOO_LONG:
        return f"it has {size} bytes, more than its header allows"
    if verdict == HISTORIAN_BAD_MAGIC:
        return f"it does not begin with the bytes {BLOB_MAGIC.hex(' ')}"
    if verdict == HISTORIAN_BAD_VERSION:
        return (
            f"its format has version {blob.version}, but this historian reads only version {BLOB_VERSION}: "
            "upgrade historian"
        )
    if verdict == HISTORIAN_BAD_CHECKSUM:
        return f"its checksum is wrong: some of its {size} bytes were altered"
    if verdict == HISTORIAN_BAD_SCALE:
        return f"its buckets have scale {blob.scale}, but must have scale {BLOB_SCALE}"
    if verdict == HISTORIAN_BAD_FLAGS:
        allowed = f"only 0 and, if it is not empty, 1 to {HISTORIAN_BLOB_FLAGS} are allowed"
        return f"its flags are {blob.flags}, but {allowed}"
    if verdict == HISTORIAN_BAD_UNIT:
        return "its unit is not printable UTF-8 text"
    if verdict == HISTORIAN_BAD_SLOTS:
        return f"its bucket indices are not all from {FIRST_INDEX - 1} to {SLOTS + FIRST_INDEX - 2}"
    if verdict == HISTORIAN_BAD_SUM:
        return "its sum is too large for its count, or is not encoded in the shortest way"
    if verdict == HISTORIAN_BAD_EXTREMES:
        low, high = historian_double(blob.min), historian_double(blob.max)
        return f"min {low!r} and max {high!r} do not lie in the lowest and highest populated bucket"
    return "its counts are cut short, add up to 2**63 or more, or are not encoded in the shortest way"
