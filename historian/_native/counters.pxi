# `Counters`: how values are recorded, and how the counters are read.

@cython.no_gc_clear  # otherwise the collector would clear `file` before __dealloc__ uses it
cdef class Counters:
    """Counters of one distribution, in private memory or of the recorder at `place` in a `DirectoryFile`."""

    def __cinit__(self, double ns_per_unit=1e9, DirectoryFile file=None, uint64_t place=0):
        self.ns_per_unit = ns_per_unit
        self.timer_type = Timer
        self.is_muted = isinstance(self, Muted)
        if self.is_muted:
            return
        if not HISTORIAN_HAS_GIL:
            self.lanes = historian_new_lanes()
            if self.lanes is NULL:
                raise MemoryError()
        if file is not None:
            count_in(self, file, place)

    def __dealloc__(self):
        cdef historian_counters *own
        leave_all(self)
        if self.file is not None:
            historian_release(&(<DirectoryFile>self.file).holds, self.place, self.forks)
        historian_free_lanes(self.lanes, self.file is not None)
        if self.file is None:
            historian_free_counters(self.exclusive)
        historian_free_counters(self.atomic)
        historian_free_counters(self.drained)
        while self.owned is not NULL:
            own = self.owned
            self.owned = own.owned
            historian_free_counters(own)

    @property
    def _file(self):
        """The `DirectoryFile` that contains the counters, or None if they are in private memory."""
        return self.file

    @property
    def _files(self):
        """The `DirectoryFile` in which this counts, or None, the place there, and what `_move` was given, a tuple."""
        with cython.critical_section(self):
            return self.file, self.place, self.left or ()

    def _move(self, DirectoryFile before not None, DirectoryFile file not None, uint64_t place, tuple left not None, /):
        """Count at `place` in `file` from now on, not in `before`.  `left`, a tuple, must keep `before` mapped.

        A thread without the GIL may be about to count in `before`, so the recorder stays open there.  Return False, and
        change nothing, if this does not count in `before`.  Raises FileNotFoundError if the recorder was removed.
        """
        cdef historian_counters *atomic
        cdef uint64_t number = file.number_of(place)
        with cython.critical_section(self):
            # Nothing below may wait for another lock of Python: this one would be let go meanwhile, and another thread
            # would move these counters, too.
            if self.file is not before:
                return False
            hold(file, place)
            self.left = left
            leave_all(self)
            atomic = <historian_counters *>historian_load_pointer(<void **>&self.atomic)
            historian_store_pointer(<void **>&self.atomic, NULL)
            if atomic is not NULL:
                own_too(self, atomic)
            count_at(self, file, place, number)
        return True

    def record(self, value, /, *, count=1, exemplar=None):
        """Record one value, in the recorder's unit; with `count`, as if it had been recorded that many times.

        `value` is any real number: a float, an int, a numpy scalar, or another object with ``__float__``.  `count` is a
        whole number from 0 on; with 0, the value must be valid, too.  O(1).  Takes no lock.  Safe from any thread.
        Raises ValueError for NaN, infinities, negative values and negative counts.  Raises TypeError for a value that
        is not a real number, for arrays, and for a count that is not a whole number.  Raises OverflowError if the
        recorder has no room for so many values.  What value and count themselves raise passes as it is.  After an
        error, nothing has changed.

        With `exemplar`, labels such as ``{"trace_id": "4bf9..."}``, the value is kept with them and the time, until one
        of the same octave is recorded so: see `Histogram.exemplars`.  True stands for ``trace_id`` and ``span_id`` of
        OpenTelemetry's current span, and keeps nothing if there is no span that is sampled.  False, None and no labels
        keep nothing.  Raises ValueError for labels that are not allowed: see `Exemplar`.  Raises ImportError for True
        if OpenTelemetry is not installed.
        """
        # A call without a count and an exemplar goes to `record_one` below.
        cdef double number = historian_as_double(value)
        cdef int64_t times
        cdef historian_counters *counters
        if not is_good(number):
            refuse(value, number, None)
        times = count_of(count, "count")
        if self.is_muted:
            return
        # All that may raise, also an exception of a signal handler, comes before the value is counted.
        made = None if exemplar is None else self._exemplar_of(number, self._labels_of(exemplar, False))
        kept = None if made is None else self._exemplars(getpid(), True)
        if times == 0:
            return
        self._take_room(times)
        counters = writable(self, 1)
        if counters is NULL or not historian_record_times(counters, number, times):
            raise MemoryError()
        if kept is not None:
            keep(kept, number, made)

    def record_many(self, values, /, *, counts=None):
        """Record every value of a one-dimensional array-like, or none.

        With `counts`, as many whole numbers from 0 on, each value is recorded as if it came that often: for a mapping
        of values to counts, pass ``m.keys(), counts=m.values()``.  A value with the count 0 must be valid, too.

        Buffers of float64, float32, integers and bools are read in place, without the GIL.  Such buffers are arrays of
        numpy, `array.array` and memoryviews, also with strides.  So are durations of numpy, ``timedelta64``, which are
        converted to the recorder's unit.  Other sequences are converted.  Each number is read
        once: if another thread writes to the array, what has been checked is what is counted.  O(len).  Raises
        ValueError for NaN, infinities and negative values.  The message names the position of the first one.  Raises
        TypeError for a value that is not a real number, and for a count that is not a whole number.  Raises
        OverflowError if the recorder has no room for so many values.  After an error, nothing has been recorded.
        """
        cdef Opened opened, opened_counts
        cdef historian_array array
        if self.is_muted:
            return
        opened_counts.has_view, opened_counts.numbers = False, NULL
        if counts is not None and is_masked(values):
            values, counts = pairs_of(values, counts)
        try:
            open_values(values, self.ns_per_unit, &opened)
            array_of(&opened, &array)
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

    def _labels_of(self, exemplar, is_later, /):
        """Return checked labels, None if there are none, or with `is_later` True.  Only a recorder keeps exemplars."""

    def _exemplar_of(self, value, labels, /):
        """Return what to keep of a value, or None.  Only a recorder keeps exemplars."""

    def _exemplars(self, pid, make=False, /):
        """Return the exemplars of the process `pid`, this one: a dict by octave.  None if it has none and not `make`.

        Those of a parent process are left alone: another of its threads may have been writing to them.
        """
        with cython.critical_section(self):
            if self.exemplars is None or (<tuple>self.exemplars)[0] != pid:
                if not make:
                    return None
                self.exemplars = pid, {}
            found = (<tuple>self.exemplars)[1]
        if make:
            (<object>self)._keeps = True
        return found

    def _take_exemplars(self, pid, list taken not None, /):
        """Forget the exemplars of this process; return them, by octave, or None.  Each is returned once.

        They are added to `taken`, too: see `give_back`.
        """
        cdef dict kept = self._exemplars(pid), found = {}
        if not kept:
            return None
        taken.append((self, 0, (found,)))
        for octave in list(kept):
            one = kept.pop(octave, None)
            if one is not None:
                found[octave] = one
        return found

    def _take_room(self, added, /):
        """Raise OverflowError if so many values would be too many.  A recorder has less room than its counters."""

    def _add(self, Counts counts not None, sum, double min, double max, unsigned bounds=0, /):
        """Add `counts` with the sum of their values, in units of 2**-1074, and their extremes.

        `bounds` says which extremes are only bounds, as in `unpacked_blob`.  Nothing happens if `counts` is empty.
        Raises OverflowError, and changes nothing, if `sum` is negative, or too large for 2**63 values.
        """
        add_counts(self, counts, sum, min, max, bounds)

    def _add_estimates(self, Counts counts not None, sum, double min, double max, /):
        """Add as `_add` does, and mark all snapshots as synthetic.  No signal handler can come in between."""
        mark_synthetic(self)
        self._add(counts, sum, min, max)

    def _read(self, *, bint drain=False):
        """Return (counts, sum, min, max) of all records in private memory.  With `drain`, also reset the counters.

        `sum` is the exact sum of the values, an int in units of 2**-1074.  While another thread records, `min` or `max`
        may not match the counts yet.  Such a value is returned as NaN.  An extreme that is only a bound is returned as
        its negative; as NaN if it is 0.  O(octaves in use).
        """
        cdef historian_totals *totals = historian_take_totals()
        if totals is NULL:
            raise MemoryError()
        try:
            return read_private(self, totals, drain)
        finally:
            historian_give_totals(totals)

    def _drain(self, list taken not None, /):
        """Reset the counters in private memory; add (self, 0, what `_read` returns) to `taken`: see `give_back`."""
        taken.append(None)
        try:
            found = self._read(drain=True)
        except BaseException:
            taken.pop()
            raise
        taken[len(taken) - 1] = self, 0, found

    def time(self, errors=None, *, exemplar=None):
        """Return a new `Timer`, which records how long its ``with`` or ``async with`` block takes.

        A block that raises an exception is recorded too: in `errors` if it is given, otherwise here.  `SystemExit`
        with status 0 is not an error.  O(1).  Raises ValueError if the unit is not a unit of time.

        `exemplar` has labels that are kept with the time: see `record`.  True stands for the span that is current when
        the block ends.  Raises for labels as `record` does.  `Timer.exemplar` sets labels in the block.
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
        if exemplar is not None and not self.is_muted:
            timer.labels = self._labels_of(exemplar, True)
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

    cdef bint record_first_native(self, double value) noexcept nogil:
        cdef historian_counters *counters = NULL if self.is_muted else atomic_of(self)
        if counters is not NULL:
            return historian_record_atomic(counters, value)
        return self.is_muted


cdef class Muted(Counters):
    """Counters that count nothing, for ``HISTORIAN_DISABLE=1``.  Their timers tell the time, as all timers do."""

    def record(self, value, /, *, count=1, exemplar=None):
        """Do nothing: recording is disabled."""

    def record_many(self, values, /, *, counts=None):
        """Do nothing: recording is disabled."""

    def stop(self, start, /):
        """Do nothing: recording is disabled."""


cdef int count_in(Counters self, DirectoryFile file, uint64_t place) except -1:
    cdef uint64_t number = file.number_of(place)
    hold(file, place)
    count_at(self, file, place, number)
    return 0


cdef int hold(DirectoryFile file, uint64_t place) except -1:
    """Have this process keep a recorder open."""
    if historian_hold(&file.holds, place) is NULL:
        if errno == ENOMEM:
            raise MemoryError()
        raise file.gone()
    return 0


cdef int count_at(Counters self, DirectoryFile file, uint64_t place, uint64_t number) except -1:
    """Count in a recorder that this process holds; `number` is that of its entry."""
    self.space = &file.space
    self.entry = number
    self.file = file
    self.place = place
    self.forks = file.holds.forks
    return 0


cdef int leave_all(Counters self) noexcept:
    """Have no thread count in a lane by way of these counters."""
    cdef historian_counters *own = <historian_counters *>historian_load_pointer(<void **>&self.owned)
    while own is not NULL:
        # Without the GIL, a thread that ends may be about to leave: it holds a lock, which this waits for.
        if not HISTORIAN_HAS_GIL or own.place is not NULL:
            leave(<DirectoryFile>self.file, own)
        own = own.owned
    return 0


cdef int own_too(Counters self, historian_counters *own) noexcept:
    """Keep counters until these end.  Without the GIL, several threads may do so at the same time."""
    cdef void *first = historian_load_pointer(<void **>&self.owned)
    own.owned = <historian_counters *>first
    while not historian_exchange_pointer(<void **>&self.owned, &first, own):
        own.owned = <historian_counters *>first
    return 0


cdef PyObject *record_one(PyObject *counters, PyObject *value) noexcept:
    """Record one value, as `Counters.record` does without a count.  NULL stands for an exception that is set."""
    cdef historian_counters *exclusive = own_counters(<Counters>counters)
    cdef double number
    if exclusive is not NULL and historian_is_plain(value, &number) and historian_record_known(exclusive, number):
        return historian_none()
    return historian_record_else(counters, value)


cdef PyObject *record_other(PyObject *counters, PyObject *value) except NULL:
    """Record any value, as `record_one` does."""
    cdef double number = borrowed_as_double(value)
    if not record_held(<Counters>counters, number):
        refuse(<object>value, number, None)
    return historian_none()


historian_hasten_record(<PyTypeObject *>Counters, record_one, record_other)


cdef inline bint record_held(Counters self, double value) noexcept:
    """Record one value.  The caller holds the GIL, if there is one.

    Return False, and change nothing, if the value is NaN, infinite or negative, or if there is no memory.
    """
    cdef historian_counters *exclusive = own_counters(self)
    if exclusive is not NULL:
        return historian_record_exclusive(exclusive, value)
    return record_first(self, value)


cdef inline historian_counters *own_counters(Counters self) noexcept:
    """Return the exclusive counters, to which no other thread writes now, or NULL if there are none yet."""
    if HISTORIAN_HAS_GIL:
        return self.exclusive
    return historian_own_lane(self.lanes) if self.lanes is not NULL else NULL


cdef bint record_first(Counters self, double value) noexcept:
    """Record one value of a thread that has no exclusive counters yet."""
    cdef historian_counters *counters
    if self.is_muted:
        return True
    if not 0 <= value <= historian_double(HISTORIAN_MAX_BITS):
        return False
    counters = writable(self, 1)
    if counters is NULL:
        return False
    if counters is own_counters(self):
        return historian_record_exclusive(counters, value)
    return historian_record_atomic(counters, value)


cdef historian_counters *writable(Counters self, size_t n) noexcept:
    """Return the counters for the next `n` values, or NULL if there is no memory.

    The caller holds the GIL, if there is one.
    """
    cdef historian_counters *exclusive = own_counters(self)
    if exclusive is not NULL:
        return exclusive
    if self.file is not None:
        ask_for_lease(<DirectoryFile>self.file, self, n)
        exclusive = own_counters(self)
    elif HISTORIAN_HAS_GIL:
        self.exclusive = exclusive = historian_new_counters(True)
    else:
        exclusive = historian_ask_for_lane(self.lanes, n)
    return exclusive if exclusive is not NULL else atomic_of(self)


cdef historian_counters *atomic_of(Counters self) noexcept nogil:
    """Return the atomic counters, or NULL if there is no memory for them.  Needs no GIL."""
    cdef void *found = historian_load_pointer(<void **>&self.atomic)
    cdef void *seen = NULL
    cdef historian_counters *made
    if found is not NULL:
        return <historian_counters *>found
    made = historian_new_counters(False)
    if made is NULL:
        return NULL
    made.thread = HISTORIAN_THREADS
    if self.space is not NULL:
        historian_attach(made, <historian_space *>self.space, self.entry, historian_index_of(self.place), 0)
    if historian_exchange_pointer(<void **>&self.atomic, &seen, made):
        return made
    historian_free_counters(made)
    return <historian_counters *>seen


cdef tuple read_private(Counters self, historian_totals *totals, bint drain):
    cdef historian_private every
    cdef historian_total *total = &totals.all
    every.lanes, every.atomic, every.drained = self.lanes, <void **>&self.atomic, &self.drained
    if self.file is not None:
        raise ValueError("the counters are in a file")
    if every.lanes is NULL and historian_load_pointer(every.atomic) is NULL:
        historian_clear_total(total)
    elif not historian_read_lanes(&every, total, &totals.drained, drain):
        raise MemoryError()
    historian_read_exclusive(self.exclusive, total, drain)
    return reading_of(total)


cdef inline tuple reading_of(historian_total *total):
    """Return a total as `Counters._read` does.  Its sum has no meaning then."""
    cdef size_t first, end
    cdef Counts counts
    historian_total_range(total, &first, &end)
    counts = counts_of(total.counts, <int>first, <int>end)
    if not counts.length:
        return counts, 0, NAN, NAN
    low = minimum_of(counts, total.not_min, total.not_min_bound)
    return counts, whole(&total.sum), low, maximum_of(counts, total.max, total.max_bound)


cdef object whole(historian_sum *sum):
    """Return a sum as an int, in units of 2**-1074.  `sum` has no meaning then."""
    cdef uint32_t digits[HISTORIAN_SUM_DIGITS]
    cdef size_t n = historian_write_sum(sum, digits), low = 0, k
    cdef uint64_t word
    while low < n and digits[low] == 0:
        low += 1
    if n - low > 6:
        return int.from_bytes((<const char *>digits)[:4 * n], "little")
    found = 0  # of few digits, as most sums are: three words of 64 bits at most, and a shift, are quicker
    k = low + ((n - low + 1) & ~<size_t>1)
    while k > low:
        k -= 2
        word = digits[k] | (<uint64_t>digits[k + 1] << 32 if k + 1 < n else 0)
        found = found << 64 | word if found else word
    return found << 32 * low
