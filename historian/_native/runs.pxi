# Counts in the encoding V2 of HdrHistogram.

def unpacked_runs(bytes data not None, Py_ssize_t at, Py_ssize_t longest, /):
    """Return (indices, counts, length, ones) of numbers of encoding V2, from an offset to the end of the bytes.

    The indices are bytes of int32, and the counts, none of which is 0, of int64.  `length` is how many indices were
    encoded, `ones` whether a single zero was a run of one: see runs.h.  O(bytes).  Raises ValueError, with the offset,
    for a number that is cut short, for more than `longest` indices, which must be below 2**31, and for 2**63 values.
    """
    cdef historian_runs runs
    cdef historian_runs_verdict verdict
    cdef const uint8_t *raw = <const uint8_t *><const char *>data
    cdef size_t end = <size_t>len(data)
    cdef bytes indices, counts
    if not 0 <= at <= <Py_ssize_t>end or not 0 <= longest < 1 << 31:
        raise ValueError(f"there is no offset {at}, or {longest} indices are too many")
    verdict = historian_read_runs(raw, at, end, longest, NULL, NULL, &runs)
    if verdict == HISTORIAN_RUNS_CUT_SHORT:
        raise ValueError(f"offset {runs.at}: a count is cut short")
    if verdict == HISTORIAN_RUNS_TOO_LONG:
        raise ValueError(f"offset {runs.at - 1}: counts of values above the highest trackable value")
    if verdict == HISTORIAN_RUNS_TOO_MANY:
        raise ValueError(f"offset {runs.at - 1}: the counts add up to 2**63 or more")
    indices = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(runs.counts * sizeof(int32_t)))
    counts = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(runs.counts * sizeof(int64_t)))
    # Nobody else has these bytes yet, so they may be written to.
    historian_read_runs(
        raw, at, end, longest, <int32_t *><char *><const char *>indices, <int64_t *><char *><const char *>counts, &runs
    )
    return indices, counts, runs.length, bool(runs.ones)


def looked_up(bytes indices not None, table, errors, /):
    """Return (values, largest error) of indices, in tables of float64; None if one of the values is NaN.

    `indices` has int32, as `unpacked_runs` returns them.  The values are bytes of float64.  O(indices).  Raises
    IndexError for an index beyond the tables.
    """
    cdef Py_buffer values_view, errors_view
    cdef Py_ssize_t n = len(indices) // <Py_ssize_t>sizeof(int32_t), k
    cdef const int32_t *wanted = <const int32_t *><const char *>indices
    cdef const double *values
    cdef const double *distances
    cdef double worst = 0.0
    cdef double *out
    cdef bytes found = PyBytes_FromStringAndSize(NULL, n * <Py_ssize_t>sizeof(double))
    out = <double *><char *><const char *>found
    PyObject_GetBuffer(table, &values_view, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(errors, &errors_view, PyBUF_SIMPLE)
        try:
            values, distances = <const double *>values_view.buf, <const double *>errors_view.buf
            for k in range(n):
                if not 0 <= wanted[k] < min(values_view.len, errors_view.len) // <Py_ssize_t>sizeof(double):
                    raise IndexError(f"no index {wanted[k]} in the tables")
                out[k] = values[wanted[k]]
                if out[k] != out[k]:
                    return None
                if distances[wanted[k]] > worst:
                    worst = distances[wanted[k]]
            return found, worst
        finally:
            PyBuffer_Release(&errors_view)
    finally:
        PyBuffer_Release(&values_view)
