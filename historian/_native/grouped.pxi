# Values of many distributions, which come mixed.


def record_grouped(list groups not None, values, numbers, /):
    """Record each value in the `Counters` whose place in `groups` is its number.  Nobody else may use these meanwhile.

    `values` is as in `Counters.record_many`, `numbers` an array-like of as many whole numbers.  Values with a number
    below 0 belong to no group.  Return what was not recorded: how many values are NaN, infinite or negative, the
    position of the first one and that value, and how many belong to no group.  O(len), with 16 bytes for each value, at
    most 64 MB.

    Raises IndexError for a number of a group that there is not, after other values were recorded.
    """
    cdef Opened opened, opened_numbers
    cdef historian_array array
    cdef historian_occurrences occurrences
    cdef historian_left_out left_out
    cdef historian_counters **counters = NULL
    cdef size_t n = len(groups), k
    cdef bint done
    opened.has_view, opened.numbers = False, NULL
    opened_numbers.has_view, opened_numbers.numbers = False, NULL
    try:
        open_values(values, &opened)
        open_counts(numbers, &opened_numbers)
        if opened_numbers.n != opened.n:
            raise ValueError(f"there must be as many values as groups, not {opened.n:,} and {opened_numbers.n:,}")
        counters = <historian_counters **>PyMem_Malloc(max(1, n) * sizeof(historian_counters *))
        if counters is NULL:
            raise MemoryError()
        for k in range(n):
            counters[k] = writable(<Counters?>groups[k], opened.n)
            if counters[k] is NULL:
                raise MemoryError()
        array.load, array.data, array.stride, array.n = opened.load, opened.data, opened.stride, opened.n
        occurrences.load, occurrences.data, occurrences.stride = (
            opened_numbers.load_count, opened_numbers.data, opened_numbers.stride
        )
        with nogil:
            done = historian_record_grouped(counters, n, &array, &occurrences, &left_out)
    finally:
        PyMem_Free(counters)
        close(&opened)
        close(&opened_numbers)
    if not done:
        raise MemoryError()
    if left_out.stray:
        raise IndexError(f"groups[{left_out.first_stray}] is {left_out.stray_group}, but there are {n:,} groups")
    bad_value = as_read(&array, left_out.bad_value) if left_out.bad else None
    return left_out.bad, left_out.first_bad, bad_value, left_out.groupless
