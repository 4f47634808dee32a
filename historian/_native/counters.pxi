# `Counters`: how values are recorded, and how the counters are read.

cdef inline size_t private_nbytes() noexcept:
    # One block of atomic counters.  With a GIL also one of exclusive counters, and what was drained of the atomic sum.
    return 2 * sizeof(historian_counters) + sizeof(historian_sum) if HISTORIAN_HAS_GIL else sizeof(historian_counters)


@cython.no_gc_clear  # otherwise the collector would clear `file` before __dealloc__ uses it
cdef class Counters:
    """Counters of one distribution, in private memory or in a `CounterFile` that no other `Counters` uses."""

    def __cinit__(self, double ns_per_unit=1e9, CounterFile file=None):
        self.ns_per_unit = ns_per_unit
        self.timer_type = Timer
        if isinstance(self, Muted):
            return
        if not HISTORIAN_HAS_GIL:
            self.lanes = historian_new_lanes()
            if self.lanes is NULL:
                raise MemoryError()
        if file is not None:
            self.file = file
            self.atomic = <historian_counters *>historian_file_block(file.file, 0)
            return
        self.atomic = <historian_counters *>historian_new_pages(private_nbytes())
        if self.atomic is NULL:
            raise MemoryError()
        if HISTORIAN_HAS_GIL:
            self.exclusive = self.atomic + 1

    def __dealloc__(self):
        if self.file is not None:
            (<CounterFile>self.file).end_leases()  # they point to `exclusive` or to `lanes`
        else:
            historian_free_pages(self.atomic, private_nbytes())
        historian_free_lanes(self.lanes, self.file is not None)

    @property
    def _file(self):
        """The `CounterFile` that contains the counters, or None if they are in private memory."""
        return self.file

    @property
    def _files(self):
        """The `CounterFile` in which this counts, or None, and what `_move` was given, a tuple."""
        with cython.critical_section(self):
            return self.file, self.left or ()

    def _move(self, CounterFile before not None, CounterFile file not None, left, /):
        """Count in `file` from now on, not in `before`; remember `left`, which must keep `before` mapped.

        A thread without the GIL may be about to count in `before`.  Return False, and change nothing, if this does not
        count in `before`.
        """
        with cython.critical_section(self):
            if self.file is not before:
                return False
            self.left = (*(self.left or ()), left)
            before.park_leases()
            self.atomic = <historian_counters *>historian_file_block(file.file, 0)
            self.file = file
        return True

    def record(self, value, /, *, count=1):
        """Record one value, in the recorder's unit; with `count`, as if it had been recorded that many times.

        `value` is any real number: a float, an int, a numpy scalar, or another object with ``__float__``.  `count` is a
        whole number from 0 on; with 0, the value must be valid, too.  O(1).  Takes no lock.  Safe from any thread.
        Raises ValueError for NaN, infinities, negative values and negative counts.  Raises TypeError for a value that
        is not a real number, for arrays, and for a count that is not a whole number.  Raises OverflowError if the
        recorder has no room for so many values.  What value and count themselves raise passes as it is.  After an
        error, nothing has changed.
        """
        # A call without a count goes to `record_one` below.
        cdef double number = historian_as_double(value)
        cdef int64_t times
        cdef historian_counters *counters
        if not is_good(number):
            refuse(value, number, None)
        times = count_of(count, "count")
        if times == 0:
            return
        self._take_room(times)
        counters = writable(self, 1)
        if counters is not NULL:  # else recording is disabled
            historian_record_times(counters, number, times, counters is not self.atomic)

    def record_many(self, values, /, *, counts=None):
        """Record every value of a one-dimensional array-like, or none.

        With `counts`, as many whole numbers from 0 on, each value is recorded as if it came that often: for a mapping
        of values to counts, pass ``m.keys(), counts=m.values()``.  A value with the count 0 must be valid, too.

        Buffers of float64, float32, integers and bools are read in place, without the GIL.  Such buffers are arrays of
        numpy, `array.array` and memoryviews, also with strides.  Other sequences are converted.  Each number is read
        once: if another thread writes to the array, what has been checked is what is counted.  O(len).  Raises
        ValueError for NaN, infinities and negative values.  The message names the position of the first one.  Raises
        TypeError for a value that is not a real number, and for a count that is not a whole number.  Raises
        OverflowError if the recorder has no room for so many values.  After an error, nothing has been recorded.
        """
        cdef Opened opened, opened_counts
        cdef historian_array array
        opened_counts.has_view, opened_counts.numbers = False, NULL
        if counts is not None and is_masked(values):
            values, counts = pairs_of(values, counts)
        try:
            open_values(values, &opened)
            array.load, array.data, array.stride, array.n = opened.load, opened.data, opened.stride, opened.n
            if counts is None:
                record_array(self, &array)
                return
            open_counts(counts, &opened_counts)
            if opened_counts.n != opened.n:
                raise ValueError(
                    f"values and counts must have the same length, not {opened.n:,} and {opened_counts.n:,}"
                )
            record_counts(self, &array, &opened_counts)
        finally:
            close(&opened)
            close(&opened_counts)

    def _take_room(self, added, /):
        """Raise OverflowError if so many values would be too many.  A recorder has less room than its counters."""

    def _add(self, Counts counts not None, sum, double min, double max, unsigned bounds=0, /):
        """Add `counts` with the sum of their values, in units of 2**-1074, and their extremes.

        `bounds` says which extremes are only bounds, as in `unpacked_blob`.  Nothing happens if `counts` is empty.
        Raises OverflowError, and changes nothing, if `sum` is negative, or too large for 2**63 values.
        """
        # Only atomic counters have bounds.
        cdef historian_counters *counters = self.atomic if bounds else writable(self, counts.length)
        cdef bint exclusive = counters is not self.atomic
        cdef uint64_t digits[HISTORIAN_SUM_DIGITS]
        cdef const unsigned char *raw
        cdef int j
        cdef uint64_t before = 0
        encoded = (<object>sum).to_bytes(4 * HISTORIAN_SUM_DIGITS, "little")
        if counters is NULL or counts.length == 0:
            return
        raw = encoded
        for j in range(HISTORIAN_SUM_DIGITS):
            digits[j] = (<const uint32_t *>raw)[j]
        historian_atomic_store(&counters.used, 1)
        historian_add_digits(&counters.sum, digits, 0, HISTORIAN_SUM_DIGITS)
        historian_extend_atomic(
            counters, counts.first, counts.last, historian_bits(min + 0.0), historian_bits(max + 0.0),
            bounds & HISTORIAN_BLOB_MIN_BOUND != 0, bounds & HISTORIAN_BLOB_MAX_BOUND != 0,
        )
        for j in range(counts.length):
            if counts.totals[j] != before:
                historian_add_count(counters, counts.first + j, counts.totals[j] - before, exclusive)
                before = counts.totals[j]

    def _add_estimates(self, Counts counts not None, sum, double min, double max, /):
        """Add as `_add` does, and mark all snapshots as synthetic.  No signal handler can come in between."""
        if self.file is not None:
            self.file.mark_synthetic()
        else:
            (<object>self)._synthetic = True
        self._add(counts, sum, min, max)

    def _read(self, *, bint drain=False):
        """Return (counts, sum, min, max) of all records in private memory.  With `drain`, also reset the counters.

        `sum` is the exact sum of the values, an int in units of 2**-1074.  While another thread records, `min` or `max`
        may not match the counts yet.  Such a value is returned as NaN.  An extreme that is only a bound is returned as
        its negative; as NaN if it is 0.  O(slots from the smallest record to the largest).
        """
        if self.lanes is not NULL:
            return read_lanes(self, drain)
        cdef historian_sum sum
        memset(&sum, 0, sizeof(sum))
        cdef Reading exclusive = read_exclusive(self.exclusive, &sum, drain)
        if self.atomic is NULL or self.file is not None or not historian_atomic_load(&self.atomic.used):
            return exclusive.counts, whole(&sum), exclusive.min, exclusive.max
        cdef Reading atomic = read_atomic(self.atomic, <historian_sum *>(self.exclusive + 1), &sum, drain)
        if exclusive.counts.length == 0 or atomic.counts.length == 0:
            exclusive = atomic if atomic.counts.length else exclusive
            return exclusive.counts, whole(&sum), exclusive.min, exclusive.max
        return (
            exclusive.counts.plus(atomic.counts),
            whole(&sum),
            # Only the atomic extremes may be bounds.  If one is equal to the exclusive extreme, that is the exact one.
            # NaN, an unknown extreme, stays; but nothing is below 0.
            exclusive.min if fabs(atomic.min) >= exclusive.min or exclusive.min == 0 else atomic.min,
            exclusive.max if fabs(atomic.max) <= exclusive.max else atomic.max,
        )

    def time(self, errors=None):
        """Return a new `Timer`, which records how long its ``with`` or ``async with`` block takes.

        A block that raises an exception is recorded too: in `errors` if it is given, otherwise here.  `SystemExit`
        with status 0 is not an error.  O(1).  Raises ValueError if the unit is not a unit of time.
        """
        cdef Timer timer
        check_time(self)
        timer = new_timer(self)
        timer.into = self
        timer.errors = self
        if errors is not None:
            if not isinstance(errors, Counters):
                hint = ": to decorate it, write @rec.timed" if callable(errors) else ""
                raise TypeError(f"errors must be a Recorder, not {type(errors).__name__}{hint}")
            check_time(errors)
            timer.errors = errors
        return timer

    def start(self):
        """Return the current time as a token for `stop`.

        The token is an int, the reading of ``time.perf_counter_ns()``.  O(1).  Raises ValueError if the unit is not a
        unit of time.
        """
        check_time(self)
        return historian_now()

    def stop(self, start, /):
        """Record the time since `start`, a token of `start()` or a reading of ``time.perf_counter_ns()``.

        A load generator should pass the time at which the request *should* have been sent.  If a stall delays requests,
        their waiting time is then included.  O(1).  Raises ValueError if `start` is in the future, or if the unit is
        not a unit of time.  Raises TypeError if `start` is not an int.  After an error, nothing has been recorded.
        """
        cdef int64_t now = historian_now(), began = historian_as_ns(start)
        check_time(self)
        if not 0 <= began <= now + CLOCK_SLACK_NS:
            refuse_start(start, began, now)
        record_time(self, now - began)


cdef class Muted(Counters):
    """Counters that count nothing, for ``HISTORIAN_DISABLE=1``.  Their timers tell the time, as all timers do."""

    def record(self, value, /, *, count=1):
        """Do nothing: recording is disabled."""

    def record_many(self, values, /, *, counts=None):
        """Do nothing: recording is disabled."""

    def stop(self, start, /):
        """Do nothing: recording is disabled."""


cdef PyObject *record_one(PyObject *counters, PyObject *value) except NULL:
    """Record one value, as `Counters.record` does without a count."""
    cdef double number = borrowed_as_double(value)
    if not record_held(<Counters>counters, number):
        refuse(<object>value, number, None)
    return historian_none()


historian_hasten_record(<PyTypeObject *>Counters, record_one)


cdef inline bint record_held(Counters self, double value) noexcept:
    """Record one value.  The caller holds the GIL, if there is one.

    Return False, and change nothing, if the value is NaN, infinite or negative.
    """
    cdef historian_counters *exclusive = own_counters(self)
    if exclusive is not NULL:
        return historian_record_exclusive(exclusive, value)
    return record_atomic(self, value)


cdef inline historian_counters *own_counters(Counters self) noexcept:
    """Return the exclusive counters, to which no other thread writes now, or NULL if there are none yet."""
    if HISTORIAN_HAS_GIL:
        return self.exclusive
    return historian_own_lane(self.lanes) if self.lanes is not NULL else NULL


cdef bint record_atomic(Counters self, double value) noexcept:
    cdef historian_counters *lane
    if self.atomic is NULL:
        return True  # recording is disabled
    if self.file is None:
        lane = NULL if HISTORIAN_HAS_GIL else historian_ask_for_lane(self.lanes, 1)
        if lane is not NULL:
            return historian_record_exclusive(lane, value)
        return historian_record_atomic(self.atomic, value)
    if not historian_record_atomic(self.atomic, value):
        return False
    (<CounterFile>self.file).ask_for_lease(self, 1)
    return True


cdef inline historian_counters *writable(Counters self, size_t n) noexcept:
    """Return the counters for the next `n` values.  The caller holds the GIL, if there is one."""
    cdef historian_counters *exclusive = own_counters(self)
    if exclusive is NULL and self.file is not None:
        (<CounterFile>self.file).ask_for_lease(self, n)
        exclusive = own_counters(self)
    elif exclusive is NULL and self.lanes is not NULL:
        exclusive = historian_ask_for_lane(self.lanes, n)
    return exclusive if exclusive is not NULL else self.atomic


@cython.final
cdef class Reading:
    """Counts with their extremes, as `Counters._read` returns them."""

    cdef Counts counts
    cdef double min, max


cdef object whole(historian_sum *sum):
    """Return a sum as an int, in units of 2**-1074.  What `sum` points to has no meaning then."""
    cdef uint32_t digits[HISTORIAN_SUM_DIGITS]
    cdef size_t n = historian_write_sum(sum, digits)
    return int.from_bytes((<const char *>digits)[:4 * n], "little")


cdef tuple read_lanes(Counters self, bint drain):
    """Read the lanes of all threads and the shared counters.  Other threads may write to them at the same time."""
    cdef historian_lanes_total *total = <historian_lanes_total *>malloc(sizeof(historian_lanes_total))
    cdef Counts counts
    try:
        if total is NULL or not historian_read_lanes(self.lanes, self.atomic, total, drain):
            raise MemoryError()
        counts = counts_of(total.counts, <int>total.first, <int>total.end)
        low = minimum_of(counts, total.not_min, total.not_min_bound)
        return counts, whole(&total.sum), low, maximum_of(counts, total.max, total.max_bound)
    finally:
        free(total)


cdef Reading read_exclusive(historian_counters *counters, historian_sum *sum, bint drain):
    """Read counters to which no other thread writes at the same time.  The extremes bound the populated slots."""
    cdef Reading reading = Reading.__new__(Reading)
    cdef int first, end
    if counters is NULL or counters.not_min == 0:
        reading.counts = Counts.__new__(Counts)
        reading.min = reading.max = NAN
        return reading
    first = historian_slot(~counters.not_min)
    end = historian_slot(counters.max) + 1
    reading.counts = counts_of(&counters.counts[0], first, end)
    reading.min = historian_double(~counters.not_min)
    reading.max = historian_double(counters.max)
    historian_read_sum(sum, &counters.sum)
    if drain:
        counters.max = counters.not_min = 0
        memset(&counters.sum, 0, sizeof(counters.sum))
        memset(&counters.counts[first], 0, (end - first) * sizeof(uint64_t))
    return reading


cdef Reading read_atomic(historian_counters *counters, historian_sum *drained, historian_sum *sum, bint drain):
    """Read counters to which other threads may write at the same time; `drained` was drained of their sum before."""
    cdef Reading reading = Reading.__new__(Reading)
    cdef uint64_t max_bits, not_min, max_bound, not_min_bound
    # Writers add the count last, so the counts are read first.  If there are none, the sum of a record in flight stays
    # for the next drain.
    reading.counts = drain_counts(counters) if drain else counts_of(&counters.counts[0], 0, HISTORIAN_SLOTS)
    reading.min = reading.max = NAN
    if reading.counts.length == 0:
        return reading
    historian_read_rest(sum, &counters.sum, drained, drain)
    if drain:
        max_bits = historian_atomic_exchange(&counters.max, 0)
        not_min = historian_atomic_exchange(&counters.not_min, 0)
        max_bound = historian_atomic_exchange(&counters.max_bound, 0)
        not_min_bound = historian_atomic_exchange(&counters.not_min_bound, 0)
    else:
        max_bits = historian_atomic_load(&counters.max)
        not_min = historian_atomic_load(&counters.not_min)
        max_bound = historian_atomic_load(&counters.max_bound)
        not_min_bound = historian_atomic_load(&counters.not_min_bound)
    reading.min = minimum_of(reading.counts, not_min, not_min_bound)
    reading.max = maximum_of(reading.counts, max_bits, max_bound)
    return reading


cdef Counts drain_counts(historian_counters *counters):
    """Return all counts and set them to 0.  Each record is returned exactly once, also if others record now."""
    cdef uint64_t *raw = <uint64_t *>calloc(HISTORIAN_SLOTS, sizeof(uint64_t))
    cdef int slot
    if raw is NULL:
        raise MemoryError()
    try:
        for slot in range(HISTORIAN_SLOTS):
            if historian_atomic_load(&counters.counts[slot]):
                raw[slot] = historian_atomic_exchange(&counters.counts[slot], 0)
        return counts_of(raw, 0, HISTORIAN_SLOTS)
    finally:
        free(raw)


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
