# What a recorder of a file holds: the rows of all processes are added up, and what has been drained is subtracted.

cdef tuple total_of(DirectoryFile self, uint64_t place, int drain_fd, int how):
    """Return what `DirectoryFile.read` does; drain it if `drain_fd` is not READ: it is as `fd` of `drain`, or LEFT."""
    cdef historian_entry *entry = self.entry(place)
    cdef historian_totals *totals = historian_take_totals()
    cdef uint64_t seen = 0, records
    cdef const char *wrong
    cdef size_t first, end
    cdef bint synthetic
    cdef historian_sum copy
    cdef Counts counts
    if totals is NULL:
        raise MemoryError()
    try:
        while True:
            read_totals(self, entry, place, totals, &seen, &wrong)
            if wrong is historian_gone:
                self.entry(place)  # the place may be damaged: that is said first
                raise self.gone()
            if wrong is not NULL and self.space.is_narrow:
                raise OSError(ENOMEM, "too few addresses to map the file", self.path)
            if wrong is not NULL:
                raise ValueError(f"it is damaged: {wrong.decode()}")
            if drain_fd >= 0 and totals.all.records:
                prepare_one(self, drain_fd, entry, place, totals, how)
            records = totals.all.records
            if not records:
                return Counts.__new__(Counts), 0, NAN, NAN, False, seen & 0xffffffff
            synthetic = historian_atomic_load(&entry.synthetic) != 0 or totals.all.inexact != 0
            copy = totals.all.sum  # a drain needs it, too
            sum = whole(&copy)
            if sum >> 8 * HISTORIAN_BLOB_SUM_TOP >= records:
                raise ValueError(f"it is damaged: its sum is too large for {records} values")
            if drain_fd == READ or historian_commit_drain(
                &self.space, drain_fd, entry, historian_index_of(place), &totals.all, &totals.drained, seen
            ):
                break
            if errno != EAGAIN:  # else another process has drained since: read again
                raise no_space(self)
        synthetic |= historian_spread_coarse(&totals.all)
        historian_total_range(&totals.all, &first, &end)
        counts = counts_of(totals.all.counts, <int>first, <int>end)
        low = minimum_of(counts, totals.all.not_min, totals.all.not_min_bound)
        high = maximum_of(counts, totals.all.max, totals.all.max_bound)
        if abs(low) > abs(high):  # one of them is damaged
            low = high = NAN
        return counts, sum, low, high, synthetic, seen & 0xffffffff
    finally:
        historian_give_totals(totals)


cdef bint read_totals(
    DirectoryFile self, historian_entry *entry, uint64_t place, historian_totals *totals, uint64_t *seen,
    const char **wrong,
) noexcept:
    """Read a recorder; see `historian_read_entry`.  Return whether it could be read, else set what is wrong."""
    wrong[0] = historian_read_entry(&self.space, entry, place, &totals.all, &totals.drained, seen)
    while wrong[0] is not NULL and historian_look_beyond(&self.space):
        wrong[0] = historian_read_entry(&self.space, entry, place, &totals.all, &totals.drained, seen)
    return wrong[0] is NULL


cdef double minimum_of(Counts counts, uint64_t not_min, uint64_t not_min_bound) noexcept:
    """Return the minimum as `Counters._read` does: the negative of a lower bound, if only that is known.

    It is NaN if a record is in flight, or was when its process was killed.
    """
    if not_min_bound > not_min and counts.length and historian_touches(~not_min_bound, counts.first):
        return -historian_double(~not_min_bound) if ~not_min_bound else NAN
    if not_min and ~not_min <= HISTORIAN_MAX_BITS and counts.length and <int>historian_slot(~not_min) == counts.first:
        return historian_double(~not_min)
    return NAN


cdef double maximum_of(Counts counts, uint64_t max_bits, uint64_t max_bound) noexcept:
    """Return the maximum; see `minimum_of`."""
    cdef int last = counts.first + counts.length - 1
    if max_bound > max_bits and counts.length and historian_is_in(max_bound, last):
        return -historian_double(max_bound)
    if max_bits <= HISTORIAN_MAX_BITS and counts.length and <int>historian_slot(max_bits) == last:
        return historian_double(max_bits)
    return NAN
