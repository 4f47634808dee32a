# Arrays of numbers for `Counters.record_many`.  Buffers are read in place, each number once; everything else is
# converted.

#: Instructions of the processor that scan arrays: "avx512", "avx2" or "baseline".  HISTORIAN_SIMD sets a limit.
SIMD = (<bytes>historian_choose_scan(os.environ.get("HISTORIAN_SIMD", "").encode())).decode()


# An array of numbers in the caller's memory or, after conversion, in memory of our own.
cdef struct Opened:
    bint has_view  # whether `view` must be released
    Py_buffer view
    void *numbers  # float64 or int64 of our own; may be NULL
    const char *data
    Py_ssize_t stride
    size_t n
    historian_loader load  # NULL for counts
    double multiple, divisor  # of durations, to be values; else 0
    historian_count_loader load_count  # NULL for values, or if the buffer does not hold whole numbers


cdef inline void begin_opening(Opened *opened) noexcept:
    opened.has_view, opened.numbers = False, NULL
    opened.multiple, opened.divisor = 0, 0


cdef inline void array_of(const Opened *opened, historian_array *array) noexcept:
    array.load, array.data, array.stride, array.n = opened.load, opened.data, opened.stride, opened.n
    array.multiple, array.divisor = opened.multiple, opened.divisor


cdef int open_values(object values, double ns_per_unit, Opened *opened) except -1:
    """Open an array-like of values.  Durations become values in the unit of so many nanoseconds; 0 is none of time."""
    begin_opening(opened)
    if isinstance(values, (str, bytes, bytearray)):
        raise not_an_array(values)
    if not isinstance(values, (list, tuple)):
        values = unmasked(values)
        if PyObject_CheckBuffer(values) and open_view(values, "values", opened) and opened.load is not NULL:
            return 0
        close_view(opened)
        values = as_numbers(values, ns_per_unit, opened)
    if not isinstance(values, (list, tuple)):
        open_view(values, "values", opened)  # float64 or int64 now
        return 0
    return convert_values(tuple(values), opened)


cdef int open_counts(object counts, Opened *opened) except -1:
    """Open an array-like of whole numbers."""
    begin_opening(opened)
    if isinstance(counts, (str, bytes, bytearray)):
        raise not_counts(counts)
    if not isinstance(counts, (list, tuple)):
        if is_masked(counts):
            raise ValueError("counts must not be masked: pass counts.filled(0)")
        if PyObject_CheckBuffer(counts) and open_view(counts, "counts", opened) and opened.load_count is not NULL:
            return 0
        close_view(opened)
        counts = as_whole_numbers(counts)
    if not isinstance(counts, (list, tuple)):
        open_view(counts, "counts", opened)  # int64 or uint64 now
        return 0
    return convert_counts(tuple(counts), opened)


cdef int close(Opened *opened) except -1:
    close_view(opened)
    PyMem_Free(opened.numbers)
    return 0


cdef int close_view(Opened *opened) except -1:
    if opened.has_view:
        opened.has_view = False
        PyBuffer_Release(&opened.view)
    return 0


cdef bint open_view(object array, str name, Opened *opened) except -1:
    """Open the buffer of an array, to be read in place.  Return False if that is not possible.

    What a buffer of the caller's own class raises passes as it is.
    """
    cdef Py_buffer *view = &opened.view
    cdef const char *code = "B"  # a buffer without a format contains bytes
    try:
        PyObject_GetBuffer(array, view, PyBUF_RECORDS_RO)
    except (BufferError, ValueError) as error:
        # numpy raises ValueError if buffers have no code for the type.  Others may offer an array instead.
        if type(error) is BufferError and hasattr(type(array), "__array__") or historian_is_a(array, b"numpy.ndarray"):
            return False
        raise
    opened.has_view = True
    if view.format is not NULL:
        code = view.format
    if code[0] in (c"@", c"=", HISTORIAN_NATIVE_ORDER):
        code += 1
    opened.load, opened.load_count = NULL, NULL
    if code[0] and not code[1]:
        opened.load = historian_find_loader(code[0], view.itemsize)
        opened.load_count = historian_find_count_loader(code[0], view.itemsize)
    if opened.load is NULL:
        return False
    if view.ndim != 1:
        hint = "use record() for a single value, or put it in a list" if view.ndim == 0 else "flatten it with .ravel()"
        raise ValueError(f"{name} must be an array of one dimension, not {view.ndim}: {hint}")
    opened.data, opened.n = <const char *>view.buf, view.shape[0]
    opened.stride = view.itemsize if view.strides is NULL else view.strides[0]  # NULL from ctypes
    return True


cdef int convert_values(tuple values, Opened *opened) except -1:
    cdef double *numbers = <double *>PyMem_Malloc(len(values) * sizeof(double))
    cdef Py_ssize_t i
    opened.numbers = numbers
    if numbers is NULL:
        raise MemoryError()
    for i in range(len(values)):
        numbers[i] = historian_as_double(values[i])
        if not is_good(numbers[i]):
            refuse(values[i], numbers[i], i)
    opened.load, opened.data, opened.stride = historian_load_double, <const char *>numbers, sizeof(double)
    opened.n = len(values)
    return 0


cdef int convert_counts(tuple counts, Opened *opened) except -1:
    cdef int64_t *numbers = <int64_t *>PyMem_Malloc(len(counts) * sizeof(int64_t))
    cdef Py_ssize_t i
    opened.numbers = numbers
    if numbers is NULL:
        raise MemoryError()
    for i in range(len(counts)):
        numbers[i] = count_of(counts[i], f"counts[{i}]")
    opened.load_count, opened.data = historian_load_int64_count, <const char *>numbers
    opened.stride, opened.n = sizeof(int64_t), len(counts)
    return 0


cdef int64_t count_of(object count, object name) except -1:
    """Return a count as a whole number from 0 on; else raise."""
    if not hasattr(type(count), "__index__") or historian_is_a(count, b"numpy.ndarray"):
        hint = ": pass int(count), if it is whole" if hasattr(type(count), "__float__") else ""
        raise TypeError(f"{name} must be a whole number, not {shortened(count, 0)}{hint}")
    count = index(count)  # what it raises passes
    if count < 0:
        raise ValueError(f"{name} must be 0 or more, not {shortened(count, 0)}")
    if count > INT64_MAX:
        raise OverflowError(f"{name} must be below 2**63, not {shortened(count, 0)}")
    return count


cdef object not_an_array(object values):
    """Return the error for `values` of a wrong type.  `Histogram.from_values` raises it, too, so it names no method."""
    return TypeError(f"values must be a one-dimensional array-like of numbers, not {type(values).__name__}")


cdef object not_counts(object counts):
    return TypeError(f"counts must be a one-dimensional array-like of whole numbers, not {type(counts).__name__}")


cdef inline bint is_masked(object values) noexcept:
    return historian_is_a(values, b"MaskedArray")


cdef object unmasked(object values):
    """Return an array of numpy without its masked values."""
    return values.compressed() if is_masked(values) else values


cdef tuple pairs_of(object values, object counts):
    """Return values without those that are masked, and their counts."""
    import numpy

    if is_masked(counts):
        raise ValueError("counts must not be masked: pass counts.filled(0)")
    kept = ~numpy.ma.getmaskarray(values)
    counts = numpy.asarray(counts)
    if counts.shape != kept.shape:
        raise ValueError(f"values and counts must have the same shape, not {kept.shape} and {counts.shape}")
    return values.compressed(), counts[kept]


cdef bint is_iterable(object values) except -1:
    return hasattr(type(values), "__iter__") or hasattr(type(values), "__getitem__")


cdef bint is_mapping(object values) except -1:
    """Return whether iterating over `values` gives keys: also if it is no `Mapping` for isinstance, as proxies are."""
    kind = type(values)
    if isinstance(values, Mapping):
        return True
    return hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not isinstance(values, Sequence)


cdef object as_numbers(object values, double ns_per_unit, Opened *opened):
    """Return `values` as a float64 array, a tuple, or, if they are durations, an int64 array; `opened` has the rest."""
    if not hasattr(values, "__array__") and not PyObject_CheckBuffer(values):
        if is_mapping(values):
            raise TypeError(
                f"values must not be a mapping, here a {type(values).__name__}: if it maps values to counts, pass "
                "m.keys(), counts=m.values()"
            )
        if not is_iterable(values):
            raise not_an_array(values)
        return tuple(values)  # what an iterator raises passes
    import numpy

    array = numpy.asarray(values)
    if array.dtype.kind == "O" and array.ndim == 1:
        return tuple(array)
    if array.dtype.kind == "m":
        from historian._values.numbers import scale_of

        opened.multiple, opened.divisor = scale_of(array.dtype, ns_per_unit or None)
        return array.astype(array.dtype.newbyteorder("="), copy=False).view(numpy.int64)
    if array.dtype.kind not in "biuf":
        hint = ": a point in time is no duration; pass numpy.diff(values)" if array.dtype.kind == "M" else ""
        raise TypeError(f"cannot record values of dtype {array.dtype}{hint}")
    return array.astype(numpy.float64)


cdef object as_whole_numbers(object counts):
    """Return `counts` as an array of int64 or uint64, or a tuple."""
    if not hasattr(counts, "__array__") and not PyObject_CheckBuffer(counts):
        if is_mapping(counts) or not is_iterable(counts):
            raise not_counts(counts)
        return tuple(counts)
    import numpy

    array = numpy.asarray(counts)
    if array.dtype.kind == "O" and array.ndim == 1:
        return tuple(array)
    if array.dtype.kind not in "biu":
        hint = "; pass counts.astype(int), if they are whole" if array.dtype.kind == "f" else ""
        raise TypeError(f"counts must be whole numbers, not of dtype {array.dtype}{hint}")
    return array.astype(numpy.uint64 if array.dtype.kind == "u" else numpy.int64)


cdef int record_array(Counters self, const historian_array *array) except -1:
    """Record an array of values.  Its memory may change: what counts is what has been read, once."""
    cdef historian_counters *counters
    cdef historian_tables *tables
    cdef double bad_value = 0
    cdef Py_ssize_t bad
    cdef bint done = True
    if array.n <= HISTORIAN_SMALL:
        counters = writable(self, array.n)
        if counters is NULL:
            raise MemoryError()
        bad = historian_record_small(counters, array, &bad_value)
    else:
        tables = historian_take_tables()
        if tables is NULL:
            raise MemoryError()
        with nogil:
            bad = historian_tally(tables, array, &bad_value)
        # Not before: without the GIL, the counters may have been moved to another file.
        counters = writable(self, array.n)
        done = historian_fold(counters if bad < 0 else NULL, tables) and (bad >= 0 or counters is not NULL)
        historian_give_tables(tables)
    if bad == -2 or not done:
        raise MemoryError()
    if bad >= 0:
        refuse(as_read(array, bad_value), bad_value, bad)
    return 0


cdef int record_counts(Counters self, const historian_array *array, const Opened *counts) except -1:
    """Record an array of values, each as often as `counts` says.  What counts is what has been read, once."""
    cdef historian_occurrences occurrences
    cdef historian_counters *counters = NULL
    cdef historian_tables *tables = historian_take_tables()
    cdef historian_refusal refusal
    cdef uint64_t total
    cdef bint good, done = False
    if tables is NULL:
        raise MemoryError()
    occurrences.load, occurrences.data, occurrences.stride = counts.load_count, counts.data, counts.stride
    with nogil:
        good = historian_tally_counts(tables, array, &occurrences, &total, &refusal)
    try:
        if not good:
            refuse_counted(array, &refusal, counts.load_count != historian_load_uint64_count)
        self._take_room(total)
        counters = writable(self, array.n)
    finally:
        done = historian_fold(counters, tables) and counters is not NULL
        historian_give_tables(tables)
    if not done:
        raise MemoryError()
    return 0


cdef object as_read(const historian_array *array, double value):
    """Return a value of an array as an int or a float, as its type is; or numpy's NaT."""
    if array.divisor:
        import numpy

        return numpy.timedelta64("NaT", "ns") if value == <double>INT64_MIN * array.multiple / array.divisor else value
    is_float = array.load == historian_load_double or array.load == historian_load_float
    return value if is_float else int(value)


cdef int refuse_counted(const historian_array *array, const historian_refusal *refusal, bint is_signed) except -1:
    position = refusal.position
    if refusal.kind == HISTORIAN_BAD_VALUE:
        refuse(as_read(array, refusal.value), refusal.value, position)
    if refusal.kind == HISTORIAN_BAD_OCCURRENCES:
        shown = <int64_t>refusal.count if is_signed else <object>refusal.count
        raise ValueError(f"counts[{position}] is {shown}, so no value was counted: it must be from 0 to 2**63 - 1")
    raise OverflowError("the counts add up to 2**63 or more, so no value was counted")
