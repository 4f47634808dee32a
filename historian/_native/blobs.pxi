# `Blobs`: histograms as bytes, where a column of Arrow holds them.

# A part of a column: an array of Arrow.
cdef struct BlobChunk:
    Py_buffer offsets, data
    bint is_wide  # whether offsets are int64, not int32
    int64_t first, end  # rows of the column
    int64_t skip  # offsets before that of `first`


@cython.final
cdef class Blobs:
    """Blobs in the memory of a column: rows of byte strings, as arrays of Arrow with the type binary hold them.

    It is made of a list of (rows, skipped, is_wide, offsets, data), one for each array: how many rows it has, how many
    offsets come before theirs, whether offsets are int64 instead of int32, the buffer of offsets, and that of the
    bytes, which are not copied.  Raises ValueError if there are fewer offsets.  Only one thread may use it at a time.
    """

    cdef BlobChunk *chunks
    cdef size_t n_chunks  # that are open
    cdef size_t found  # where the last row was
    cdef int64_t length

    def __cinit__(self, list chunks not None):
        self.chunks = <BlobChunk *>PyMem_Calloc(len(chunks) + 1, sizeof(BlobChunk))
        if self.chunks is NULL:
            raise MemoryError()
        for rows, skipped, is_wide, offsets, data in chunks:
            self.open(rows, skipped, is_wide, offsets, data)

    def __dealloc__(self):
        while self.chunks is not NULL and self.n_chunks:
            self.n_chunks -= 1
            PyBuffer_Release(&self.chunks[self.n_chunks].offsets)
            PyBuffer_Release(&self.chunks[self.n_chunks].data)
        PyMem_Free(self.chunks)

    def __len__(self):
        return self.length

    def __getitem__(self, int64_t row):
        """Return the bytes of a row.  Raises ValueError if its offsets are outside of the data."""
        cdef const uint8_t *data
        cdef size_t nbytes
        if not 0 <= row < self.length:
            raise IndexError(f"there is no row {row}, only {self.length}")
        if not self.find(row, &data, &nbytes):
            raise ValueError(f"row {row:,} has no bytes: its offsets are wrong")
        return (<const char *>data)[:nbytes]

    cdef int open(self, int64_t rows, int64_t skipped, bint is_wide, object offsets, object data) except -1:
        cdef BlobChunk *chunk = &self.chunks[self.n_chunks]
        PyObject_GetBuffer(offsets, &chunk.offsets, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(data, &chunk.data, PyBUF_SIMPLE)
        except BaseException:
            PyBuffer_Release(&chunk.offsets)
            raise
        self.n_chunks += 1  # now `__dealloc__` releases both
        # An array without rows may have no offsets.
        if rows < 0 or skipped < 0 or rows and rows >= chunk.offsets.len // (8 if is_wide else 4) - skipped:
            raise ValueError(f"there are fewer offsets than {rows} rows need")
        chunk.is_wide, chunk.skip = is_wide, skipped
        chunk.first, chunk.end = self.length, self.length + rows
        self.length += rows
        return 0

    cdef bint find(self, int64_t row, const uint8_t **data, size_t *nbytes) noexcept nogil:
        """Find the bytes of a row.  Return False if there is no such row, or if its offsets are outside of the data.

        O(1) for rows that follow each other, else O(chunks).
        """
        cdef size_t k = self.found if self.found < self.n_chunks and self.chunks[self.found].first <= row else 0
        cdef const BlobChunk *chunk
        cdef int64_t start, end
        while k < self.n_chunks and self.chunks[k].end <= row:
            k += 1
        if row < 0 or k == self.n_chunks:
            return False
        self.found = k
        chunk = &self.chunks[k]
        start = offset_at(chunk, row - chunk.first)
        end = offset_at(chunk, row - chunk.first + 1)
        if not 0 <= start <= end <= chunk.data.len:
            return False
        data[0], nbytes[0] = <const uint8_t *>chunk.data.buf + start, <size_t>(end - start)
        return True


cdef inline int64_t offset_at(const BlobChunk *chunk, int64_t k) noexcept nogil:
    """Return an offset of a chunk, which is read once."""
    cdef int64_t wide
    cdef int32_t narrow
    if chunk.is_wide:
        memcpy(&wide, <const char *>chunk.offsets.buf + (k + chunk.skip) * 8, 8)
        return wide
    memcpy(&narrow, <const char *>chunk.offsets.buf + (k + chunk.skip) * 4, 4)
    return narrow
