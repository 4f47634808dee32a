# Values of many groups, which come mixed, and numbers for labels of groups.

cdef extern from "_native/grouped.h" nogil:
    ctypedef struct historian_left_out:
        uint64_t bad, groupless, stray
        size_t first_bad, first_stray
        double bad_value
        uint64_t stray_group
    enum: HISTORIAN_GROUPED_BLOCK
    ctypedef struct historian_groups:
        historian_counters **counters
        size_t n_groups
        historian_left_out left_out
    bint historian_grow_groups(historian_groups *, size_t n_groups)
    void historian_free_groups(historian_groups *)
    bint historian_begin_grouped(historian_groups *, size_t n)
    bint historian_record_grouped(
        historian_groups *, const historian_array *, const historian_occurrences *, size_t first
    )
    void historian_end_grouped(historian_groups *)


@cython.final
cdef class Grouped:
    """The counters of many groups, which have the numbers from 0 on.  Only one thread may use it at a time."""

    cdef historian_groups *groups
    cdef bint is_busy  # while another call records without the GIL

    def __cinit__(self):
        self.groups = <historian_groups *>calloc(1, sizeof(historian_groups))
        if self.groups is NULL:
            raise MemoryError()

    def __dealloc__(self):
        if self.groups is not NULL:
            historian_free_groups(self.groups)
        free(self.groups)

    def record(self, values, numbers, size_t n_groups, /):
        """Record each value in the group of its number, which is below `n_groups`.  Return what was left out.

        `values` is as in `Counters.record_many`, but None is a missing value; `numbers` is an array-like of as many
        whole numbers.  Values with a number below 0 belong to no group.  The result says how many values are missing,
        NaN, infinite or negative; the position of the first one, and it; how many others belong to no group.

        O(len).  Takes 64 MB while it runs, or 32 bytes for each value if that is less, and 1 to 10 KB for each group
        that has values.  Raises ValueError for a number that is too large, and TypeError as `Counters.record_many`
        does.  After these errors of `numbers`, and after MemoryError or an exception of a signal handler, some of the
        values have been recorded.
        """
        cdef Opened opened, opened_numbers
        opened.has_view, opened.numbers = False, NULL
        opened_numbers.has_view, opened_numbers.numbers = False, NULL
        try:
            open_mixed(values, &opened)
            open_counts(numbers, &opened_numbers)
            if opened_numbers.n != opened.n:
                raise ValueError(f"there must be as many labels as values, not {opened_numbers.n:,} and {opened.n:,}")
            self.enter()
            try:
                return self.record_opened(&opened, &opened_numbers, n_groups)
            finally:
                self.is_busy = False
        finally:
            close(&opened)
            close(&opened_numbers)

    def read(self):
        """Return the number of each group that has values, and what `Counters._read` returns of it: a list of pairs.

        The groups are empty then.  O(groups).
        """
        cdef list found = []
        cdef historian_totals *totals = historian_take_totals()
        if totals is NULL:
            raise MemoryError()
        try:
            self.enter()
            try:
                self.read_into(found, &totals.all)
            finally:
                self.is_busy = False
            return found
        finally:
            historian_give_totals(totals)

    cdef int enter(self) except -1:
        with cython.critical_section(self):
            if self.is_busy:
                raise RuntimeError("another thread uses these groups")
            self.is_busy = True
        return 0

    cdef tuple record_opened(self, const Opened *opened, const Opened *numbers, size_t n_groups):
        cdef historian_array array
        cdef historian_occurrences occurrences
        cdef historian_left_out *left_out = &self.groups.left_out
        cdef size_t first = 0
        cdef bint done
        array_of(opened, &array)
        occurrences.load, occurrences.data, occurrences.stride = numbers.load_count, numbers.data, numbers.stride
        try:
            done = historian_grow_groups(self.groups, n_groups) and historian_begin_grouped(self.groups, array.n)
            while done and first < array.n:
                with nogil:
                    done = historian_record_grouped(self.groups, &array, &occurrences, first)
                first += HISTORIAN_GROUPED_BLOCK
                PyErr_CheckSignals()
        finally:
            historian_end_grouped(self.groups)
        if not done:
            raise MemoryError()
        if left_out.stray:
            raise ValueError(
                f"the number at position {left_out.first_stray:,} is {left_out.stray_group}, but there are only "
                f"{self.groups.n_groups:,} groups: labels must not change while they are read"
            )
        value = as_read(&array, left_out.bad_value) if left_out.bad else None
        return left_out.bad, left_out.first_bad, value, left_out.groupless

    cdef int read_into(self, list found, historian_total *total) except -1:
        """Append what groups hold.  The counters of each are freed at once, to have memory for the next ones."""
        cdef historian_counters **counters = self.groups.counters
        cdef size_t k
        for k in range(self.groups.n_groups):
            if k % 4096 == 0:
                PyErr_CheckSignals()
            if counters[k] is NULL:
                continue
            historian_clear_total(total)
            historian_read_exclusive(counters[k], total, False)
            historian_free_counters(counters[k])
            counters[k] = NULL
            found.append((k, reading_of(total)))
        return 0


cdef int open_mixed(object values, Opened *opened) except -1:
    """Open an array-like of values, some of which may be invalid or missing."""
    begin_opening(opened)
    if isinstance(values, (str, bytes, bytearray)):
        raise not_an_array(values)
    if not isinstance(values, (list, tuple)):
        if PyObject_CheckBuffer(values) and open_view(values, "values", opened) and opened.load is not NULL:
            return 0
        close_view(opened)
        values = as_numbers(values, 0, opened)
    if not isinstance(values, (list, tuple)):
        open_view(values, "values", opened)  # float64 now
        return 0
    return convert_mixed(tuple(values), opened)


cdef int convert_mixed(tuple values, Opened *opened) except -1:
    cdef double *numbers = <double *>PyMem_Malloc(len(values) * sizeof(double))
    cdef Py_ssize_t i
    opened.numbers = numbers
    if numbers is NULL:
        raise MemoryError()
    for i in range(len(values)):
        numbers[i] = NAN if is_missing(values[i]) else as_double(values[i])  # what it raises passes
        if historian_bits(numbers[i]) == HISTORIAN_NOT_A_NUMBER:
            refuse(values[i], numbers[i], i)
    opened.load, opened.data, opened.stride = historian_load_double, <const char *>numbers, sizeof(double)
    opened.n = len(values)
    return 0


cdef inline bint is_missing(object value) except -1:
    """Return whether a value of a column is missing: None, pandas.NA or pandas.NaT."""
    kind = type(value)
    if kind is float or kind is int or kind is str:
        return False
    return value is None or kind.__name__ in ("NAType", "NaTType")


def numbered(labels, dict numbers not None, /):
    """Return the number of each label of an iterable, as the bytes of int64.

    `numbers` maps the labels so far to their numbers, and gets new labels with the next numbers.  Labels are equal as
    keys of dictionaries are.  None, NaN and other missing values are one label, None.  O(len).  Raises TypeError for a
    label that cannot be hashed, and what labels themselves raise.
    """
    cdef tuple given = tuple(labels)
    cdef bytes made = PyBytes_FromStringAndSize(NULL, len(given) * sizeof(int64_t))
    cdef int64_t *out = <int64_t *>PyBytes_AS_STRING(made)
    cdef int64_t number
    cdef Py_ssize_t i
    for i in range(len(given)):
        if i % 65536 == 0:
            PyErr_CheckSignals()
        label = label_of(given[i])
        found = numbers.get(label)
        if found is None:
            found = numbers[label] = len(numbers)
        number = found
        out[i] = number
    return made


cdef inline object label_of(object value):
    """Return the label of a value: the value itself, or None if it is missing."""
    kind = type(value)
    if kind is str or kind is int:
        return value
    hash(value)  # an array cannot be compared, but TypeError says more
    return None if is_missing(value) or value != value else value
