# Arrays of numbers for `Counters.record_many`.  Buffers are read in place, each value once; everything else is
# converted.

#: Instructions of the processor that scan arrays: "avx512", "avx2" or "baseline".  HISTORIAN_SIMD sets a limit.
SIMD = (<bytes>historian_choose_scan(os.environ.get("HISTORIAN_SIMD", "").encode())).decode()

cdef bint open_view(object values, Py_buffer *view, historian_loader *load) except -1:
    """Open `values` as an array of numbers that can be read in place.  Return False if it cannot."""
    cdef const char *code
    try:
        PyObject_GetBuffer(values, view, PyBUF_RECORDS_RO)
    except (BufferError, ValueError):  # numpy raises ValueError if buffers have no code for the type
        return False
    code = "B"  # a buffer without a format contains bytes
    if view.format is not NULL:
        code = view.format
    if code[0] in (c"@", c"=", HISTORIAN_NATIVE_ORDER):
        code += 1
    load[0] = historian_find_loader(code[0], view.itemsize) if code[0] and not code[1] else NULL
    if load[0] is NULL:
        PyBuffer_Release(view)
        return False
    return True


cdef object not_an_array(object values):
    """Return the error for `values` of a wrong type.  `Histogram.from_values` raises it, too, so it names no method."""
    return TypeError(f"values must be a one-dimensional array-like of numbers, not {type(values).__name__}")


cdef object as_numbers(object values):
    """Return `values` as a float64 array or a tuple, which `record_many` can read."""
    if not hasattr(values, "__array__") and not PyObject_CheckBuffer(values):
        try:
            return tuple(values)
        except TypeError:
            raise not_an_array(values) from None
    import numpy

    array = numpy.asarray(values)
    if array.dtype.kind == "O" and array.ndim == 1:
        return tuple(array)
    if array.dtype.kind not in "biuf":
        hint = "; divide it by numpy.timedelta64(1, 's')" if array.dtype.kind == "m" else ""
        raise TypeError(f"cannot record values of dtype {array.dtype}{hint}")
    return array.astype(numpy.float64)


cdef int record_view(Counters self, Py_buffer *view, historian_loader load) except -1:
    cdef historian_array array
    if view.ndim != 1:
        hint = "use record() for a single value, or put it in a list" if view.ndim == 0 else "flatten it with .ravel()"
        raise ValueError(f"values must be an array of one dimension, not {view.ndim}: {hint}")
    array.load, array.data, array.n = load, <const char *>view.buf, view.shape[0]
    array.stride = view.itemsize if view.strides is NULL else view.strides[0]  # NULL from ctypes
    return record_array(self, &array)


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
        return record_array(self, &array)
    finally:
        PyMem_Free(numbers)


cdef int record_array(Counters self, const historian_array *array) except -1:
    """Record an array of values.  Its memory may change: what counts is what has been read, once."""
    cdef historian_counters *counters
    cdef historian_tables *tables
    cdef double bad_value = 0
    cdef Py_ssize_t bad
    if array.n <= HISTORIAN_SMALL:
        counters = writable(self, array.n)
        bad = historian_record_small(counters, array, counters is not self.atomic, &bad_value)
    else:
        tables = historian_take_tables()
        if tables is NULL:
            raise MemoryError()
        with nogil:
            bad = historian_tally(tables, array, &bad_value)
        # Not before: without the GIL, the counters may have been moved to another file.
        counters = writable(self, array.n)
        historian_fold(counters if bad < 0 else NULL, tables, counters is not self.atomic)
        historian_give_tables(tables)
    if bad >= 0:
        is_float = array.load == historian_load_double or array.load == historian_load_float
        refuse(bad_value if is_float else <object>int(bad_value), bad)
    return 0
