# The space that drains of a file need, and drains of a file that has none.

cdef int need(DirectoryFile self, list places, uint64_t *missing, uint64_t *chunks) except -1:
    """Add up how many chunks the drained rows lack; find how many there must be for a moment."""
    cdef historian_totals *totals = historian_take_totals()
    cdef historian_entry *entry
    cdef const char *wrong
    cdef uint64_t seen, place
    if totals is NULL:
        raise MemoryError()
    try:
        for place in places:
            try:
                entry = self.entry(place)
            except (FileNotFoundError, ValueError):
                continue
            if not read_totals(self, entry, place, totals, &seen, &wrong) or not totals.all.records:
                continue
            chunks[0] = max(chunks[0], historian_chunks_of_both(&totals.all, &totals.drained))
            missing[0] += historian_missing_chunks(
                &self.space, entry, historian_index_of(place), &totals.all, &totals.drained
            )
    finally:
        historian_give_totals(totals)
    if missing[0]:
        missing[0] += HISTORIAN_DRAIN_SPARE
    return 0


cdef int prepare_one(
    DirectoryFile self, int fd, historian_entry *entry, uint64_t place, historian_totals *totals, int how
) except -1:
    """Take the space for a drain of what has been read.  Removed recorders are freed for this if necessary."""
    cdef size_t index = historian_index_of(place)
    if historian_prepare_drain(&self.space, fd, entry, index, &totals.all, &totals.drained, how):
        return 0
    self.sweep_all(fd)
    if historian_prepare_drain(&self.space, fd, entry, index, &totals.all, &totals.drained, how):
        return 0
    raise no_space(self)


cdef object no_space(DirectoryFile self):
    """Return the error for a chunk that could not be taken: the disk is full, or the file is damaged."""
    cdef uint64_t used = self.space.file.used, reserved = self.space.file.reserved
    cdef int error = errno or ENOSPC
    if error == ENOSPC and not self.space.is_narrow:
        is_damaged = used > reserved
        if reserved > self.space.chunks:  # as far as this process knows
            status = attempt(os.stat, self.path)
            is_damaged |= not isinstance(status, Exception) and historian_chunks_within(status.st_size) < reserved
        if is_damaged:
            return ValueError("it is cut short or damaged: it has fewer chunks than it says")
    return OSError(error, os.strerror(error), self.path)


cdef object drain_or_claim(DirectoryFile self, historian_entry *entry, uint64_t place):
    if not historian_atomic_load(&entry.claimed):
        try:
            return total_of(self, place, LEFT, HISTORIAN_DRAIN)
        except FileNotFoundError:
            return None
        except OSError:  # no space
            if historian_atomic_exchange(&entry.claimed, 1):
                return None  # another process was first
            if self.claims is None:
                self.claims = {}
            self.claims[place] = os.getpid(), None
    if not self.has_claimed(place):
        return None
    found = total_of(self, place, READ, HISTORIAN_DRAIN)
    before = (<tuple>self.claims[place])[1]
    self.claims[place] = os.getpid(), found
    return less(found, before)


cdef tuple less(tuple found, tuple before):
    """Return what was found without what had been drained before, which may be None."""
    if before is None:
        return found
    counts = (<Counts>found[0]).minus(before[0])
    return (counts, max(0, found[1] - before[1]), NAN, NAN, *found[4:])
