# Errors for what cannot be recorded.

cdef int refuse_start(object start, int64_t began, int64_t now) except -1:
    """Raise the error for a `start` that `Counters.stop` cannot take; `began` is what `historian_as_ns` made of it."""
    if began == -2:
        raise TypeError(f"start must be the int that start() returned, not {type(start).__name__}")
    raise ValueError(
        f"start is later than now ({now} ns), or negative: pass what start() or time.perf_counter_ns() returned"
    )


cdef int refuse(object value, double number, object position) except -1:
    """Raise the error for a value that cannot be recorded, which `historian_as_double` made this number of.

    If the value itself raised an exception, or a signal handler did, that passes as it is.  So nothing here calls what
    such a value may define.
    """
    if PyErr_Occurred() is not NULL:
        return -1
    kind = type(value)
    shown = shortened(value, number)
    what = f"cannot record {shown}" if position is None else f"values[{position}] is {shown}, so no value was counted"
    if historian_bits(number) != HISTORIAN_NOT_A_NUMBER:
        if isinstance(value, int) and isinf(number):
            raise ValueError(f"{what}: it is too large for a float64")
        if position is None and is_good(number):
            raise MemoryError()  # there was none for a chunk of counters
        raise ValueError(f"{what}: a value must be finite and not negative")
    hint = "; pass its .total_seconds()" if hasattr(kind, "total_seconds") else ""
    if hasattr(kind, "__len__") and not isinstance(value, (str, bytes, bytearray)):
        hint = "; pass it to record_many()" if position is None else "; values must have one dimension"
    if kind.__name__ == "timedelta64":
        hint = "; divide it by numpy.timedelta64(1, 's')"
    raise TypeError(f"{what}: {kind.__name__} is not a real number{hint}")


cdef object shortened(object value, double number):
    """Return a value for a message: its ``repr`` in at most 80 characters, unless it is the caller's own."""
    kind = type(value)
    if isinstance(value, int) and isinf(number):
        return f"an int of {int.bit_length(value)} bits"  # repr() raises for very long ints
    if kind.__module__ in ("builtins", "numpy", "decimal", "fractions", "datetime") and not isinstance(
        value, (list, tuple, dict, set, frozenset)
    ):
        shown = " ".join(repr(value).split())
        return shown if len(shown) <= 80 else shown[:77] + "..."
    name = f"a{'n' if kind.__name__[:1] in 'AEIOUaeiou' else ''} {kind.__name__}"[:60]
    return name if historian_bits(number) == HISTORIAN_NOT_A_NUMBER else f"{name} of {number!r}"
