# Counts that are added to counters: those of histograms, of estimates, and what a drain has taken out in vain.

def give_back(list taken not None, /):
    """Count again what has been drained, and empty the list.  No signal handler can come in between.

    Its items are (`Counters` or `DirectoryFile`, place, what was drained), a reading or exemplars.  A drain passes such
    a list, which has all that it has taken out, also if an exception stops it: then this undoes it.  What belongs to a
    recorder that has been freed since stays in the list.
    """
    cdef list lost = []
    while taken:
        one = taken.pop()
        try:
            count_again(*one)
        except (OSError, ValueError, MemoryError):
            lost.append(one)
    taken.extend(reversed(lost))


def count_again(where, uint64_t place, tuple found, /):
    """Count what was drained there, or keep its exemplars.  Raises FileNotFoundError if the recorder has been freed."""
    cdef Counters counters = where if isinstance(where, Counters) else Counters(1e9, where, place)
    if len(found) == 1:
        keep_again(counters, found[0])
    else:
        count_reading_again(counters, place, found)


cdef int count_reading_again(Counters counters, uint64_t place, tuple found) except -1:
    cdef Counts counts = found[0]
    cdef double low = found[2], high = found[3]
    cdef unsigned bounds = 0
    cdef int last = counts.first + counts.length - 1
    if not counts.length:
        return 0
    if not low >= 0:  # a bound, or unknown: then an edge of its bucket is one
        bounds |= HISTORIAN_BLOB_MIN_BOUND
        low = -low if low < 0 else historian_double(historian_bits_below(counts.first)) if counts.first else 0.0
    if not high >= 0:
        bounds |= HISTORIAN_BLOB_MAX_BOUND
        high = -high if high < 0 else historian_double(
            historian_bits_below(last + 1) if last + 1 < HISTORIAN_SLOTS else HISTORIAN_MAX_BITS
        )
    if counters.file is not None and found[4]:
        counters.file.mark_synthetic(place)
    return add_counts(counters, counts, found[1], low, high, bounds)


def add_all(list parts not None, /):
    """Add (counters, whether they are estimates, the arguments of `_add`) of each part: all, or nothing.

    No signal handler can come in between.  Raises MemoryError, and what `_add` raises; then nothing has changed.
    """
    cdef Counters counters
    for counters, _, arguments in parts:
        prepare_counts(counters, arguments[0], arguments[1])
    for counters, is_synthetic, arguments in parts:
        if is_synthetic:
            mark_synthetic(counters)
        counts, sum, low, high, bounds = arguments
        add_counts(counters, counts, sum, low, high, bounds)


cdef int mark_synthetic(Counters self) except -1:
    """Mark all snapshots: some of the values are estimates."""
    if self.file is not None:
        self.file.mark_synthetic(self.place)
    else:
        (<object>self)._synthetic = True
    return 0


cdef historian_counters *prepare_counts(Counters self, Counts counts, object sum) except? NULL:
    """Return the counters to which such counts can be added; NULL if there is nothing to add."""
    cdef historian_counters *counters
    cdef int j
    cdef uint64_t before = 0
    (<object>sum).to_bytes(4 * HISTORIAN_SUM_DIGITS, "little")
    if self.is_muted or counts.length == 0:
        return NULL
    counters = writable(self, counts.length)
    if counters is NULL:
        raise MemoryError()
    for j in range(counts.length):  # of octaves without counts, no chunk is taken
        if counts.totals[j] != before and not historian_has_space(counters, counts.first + j):
            raise MemoryError()
        before = counts.totals[j]
    return counters


cdef int add_counts(Counters self, Counts counts, object sum, double min, double max, unsigned bounds) except -1:
    """Do what `Counters._add` says."""
    cdef historian_counters *counters = prepare_counts(self, counts, sum)
    cdef uint64_t digits[HISTORIAN_SUM_DIGITS]
    cdef const unsigned char *raw
    cdef int j
    cdef uint64_t before = 0
    if counters is NULL:
        return 0
    encoded = (<object>sum).to_bytes(4 * HISTORIAN_SUM_DIGITS, "little")
    raw = encoded
    for j in range(HISTORIAN_SUM_DIGITS):
        digits[j] = (<const uint32_t *>raw)[j]
    historian_add_digits(counters, digits, 0, HISTORIAN_SUM_DIGITS)
    historian_extend_atomic(
        counters.head, counts.first, counts.last, historian_bits(min + 0.0), historian_bits(max + 0.0),
        bounds & HISTORIAN_BLOB_MIN_BOUND != 0, bounds & HISTORIAN_BLOB_MAX_BOUND != 0,
    )
    for j in range(counts.length):
        if counts.totals[j] != before:
            historian_add_to_slot(counters, counts.first + j, counts.totals[j] - before)
            before = counts.totals[j]
    return 0
